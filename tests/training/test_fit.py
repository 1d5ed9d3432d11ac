"""The loop: what it computes, what it writes down, and what it leaves alone."""

import math
import os
import signal
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional

from utils import training
from utils.training import evaluate, fit, loop, machine, optim
from utils.training.data import epoch_order


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.state_dict().values()])


def train(model, data, **options):
    options = {"epochs": 2, "batch_size": 32, "device": "cpu", "guards": False} | options
    return fit(model, data, **options)


def test_fit_equals_the_loop_of_the_lecture_bit_for_bit(make_patterns, make_net):
    inputs, labels = make_patterns(100)
    model, ours = make_net(), make_net()
    history = train(ours, (inputs, labels), optimizer=lambda p: torch.optim.Adam(p, lr=0.01))

    inputs = inputs.contiguous(memory_format=torch.channels_last)
    model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=9, pct_start=0.2)
    losses, hits = [], 0
    for epoch in range(2):
        order = epoch_order(100, 0, epoch)
        for step in range(4):
            batch = order[step * 32 : (step + 1) * 32]
            optimizer.zero_grad()
            outputs = model(inputs[batch])
            loss = functional.cross_entropy(outputs, labels[batch])
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            hits += epoch * int((outputs.argmax(1) == labels[batch]).sum())
    assert torch.equal(weights(model), weights(ours))
    assert history.step_loss == losses
    last = [loss * size for loss, size in zip(losses[4:], [32, 32, 32, 4], strict=True)]
    assert history.train_loss[1] == pytest.approx(sum(last) / 100, abs=1e-6)
    assert history.train_metric[1] == pytest.approx(hits / 100, abs=1e-6)
    assert len(history.step_lr) == 8
    assert history.lr == [history.step_lr[3], history.step_lr[7]]
    assert len(history.seconds) == len(history) == 2


def test_patterns_are_learned_on_three_seeds(make_patterns, make_net):
    for seed in range(3):
        model = make_net(seed)
        history = train(model, make_patterns(400, seed), epochs=4, lr=0.01, seed=seed)
        assert evaluate(model, make_patterns(200, 50 + seed), device="cpu").accuracy > 0.95
        assert history.train_loss[-1] < 0.3 < history.train_loss[0]
        assert history.null == pytest.approx(0.25, abs=0.1)


def test_lenet5_learns_four_thousand_digits():
    from utils import datasets
    from utils.models.lenet import LeNet5

    digits = datasets.load("mnist", quiet=True)
    inputs, labels = datasets.normalise(digits.images[:6000]), digits.targets[:6000]
    for seed in range(3):  # six seeds gave 0.9530 to 0.9595
        training.set_seed(seed)
        model = LeNet5()
        train(model, (inputs[:4000], labels[:4000]), epochs=3, batch_size=128, lr=0.01, seed=seed)
        score = evaluate(model, (inputs[4000:], labels[4000:]), device="cpu")
        assert 0.93 < score.accuracy < 0.98
        assert score.null < 0.15


def test_the_same_seed_walks_the_same_way_and_another_does_not(make_patterns, make_net):
    data = make_patterns(100)
    runs = []
    for seed in (1, 1, 2):
        model = make_net(dropout=0.5)
        torch.rand(len(runs))  # what was drawn before does not matter
        train(model, data, seed=seed, augment=lambda x: x + 0.1 * torch.randn_like(x))
        runs.append(weights(model))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_the_callers_random_numbers_and_the_data_are_left_alone(make_patterns, make_net):
    inputs, labels = make_patterns(64)
    before = inputs.clone()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(make_net(dropout=0.5), (inputs, labels), augment=lambda x: x.mul_(0).add_(1))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(inputs, before)


@pytest.mark.parametrize("accumulate", [2, 3, 32, 50])
def test_accumulated_pieces_give_the_gradient_of_the_whole_batch(
    accumulate, make_patterns, make_net
):
    data = make_patterns(75)  # the last batch of 11 parts unevenly
    whole, pieces = make_net(), make_net()
    one = train(whole, data, optimizer="sgd", lr=0.01)
    many = train(pieces, data, optimizer="sgd", lr=0.01, accumulate=accumulate)
    torch.testing.assert_close(weights(pieces), weights(whole), rtol=1e-4, atol=1e-5)
    assert many.step_loss == pytest.approx(one.step_loss, abs=1e-5)
    assert many.train_metric == pytest.approx(one.train_metric, abs=1e-6)


def test_bytes_and_the_same_floats_train_the_same(make_net):
    images = torch.randint(0, 256, (64, 1, 8, 8), dtype=torch.uint8)
    labels = torch.randint(0, 4, (64,))
    ours, theirs = make_net(), make_net()
    train(ours, (images, labels))
    train(theirs, (images.float() / 255, labels))
    assert torch.equal(weights(ours), weights(theirs))


def test_augmentation_sees_whole_batches_and_may_change_targets(make_patterns, make_net):
    data = make_patterns(50)
    seen = []

    def flip(inputs, targets):
        seen.append(len(inputs))
        return inputs.flip(-1), 3 - targets

    ours, theirs = make_net(), make_net()
    train(ours, data, epochs=1, augment=flip, accumulate=2)
    assert seen == [32, 18]
    train(theirs, (data[0].flip(-1), 3 - data[1]), epochs=1, accumulate=2)
    assert torch.equal(weights(ours), weights(theirs))


def test_a_torchvision_transform_augments(make_patterns, make_net):
    from torchvision.transforms import v2

    augment = v2.RandomHorizontalFlip(p=1.0)
    inputs, labels = make_patterns(40)
    ours, theirs = make_net(), make_net()
    train(ours, (inputs, labels), augment=augment)
    train(theirs, (inputs.flip(-1), labels))
    assert torch.equal(weights(ours), weights(theirs))


def test_other_targets_losses_and_metrics(make_patterns, make_net):
    inputs, labels = make_patterns(80)
    levels = torch.arange(3) < labels[:, None]

    def mean_absolute_error(outputs, levels):
        return ((outputs > 0).sum(1) - levels.sum(1)).abs().float().mean()

    model = make_net()
    model[-1] = nn.Linear(16, 3)
    history = train(
        model,
        (inputs, levels.float()),
        loss=nn.BCEWithLogitsLoss(),
        metric=mean_absolute_error,
        lower_is_better=True,
        null_model=1.0,
        validation=0.25,
        epochs=6,
        lr=0.01,
    )
    assert history.metric == "mean_absolute_error"
    assert history.train_metric[-1] < history.train_metric[0]
    best = history.validation_metric.index(min(history.validation_metric))
    assert history.best_epoch == best + 1
    assert "null model: mean_absolute_error 1.0000" in repr(history)
    result = evaluate(
        model, (inputs, levels.float()), metric=mean_absolute_error, batch_size=7, device="cpu"
    )
    assert set(result) == {"mean_absolute_error", "count"}


class Detector(nn.Module):
    """Returns losses in training and predictions otherwise, as torchvision's detectors do."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(self, images, targets=None):
        if not self.training:
            return [{"size": self.scale * 1.0} for _ in images]
        sizes = torch.stack([target["size"] for target in targets])
        return {"near": ((self.scale - sizes) ** 2).mean(), "small": 0.0 * self.scale.sum()}


def test_a_model_that_computes_its_own_losses_from_lists_of_dicts():
    targets = [{"size": torch.tensor(2.0)} for _ in range(30)]
    data = (torch.zeros(30, 1, 4, 4), targets)

    def error(outputs, targets):
        pairs = zip(outputs, targets, strict=True)
        return sum(abs(o["size"] - t["size"]) for o, t in pairs) / len(targets)

    model = Detector()
    history = train(
        model,
        data,
        loss="model",
        metric=error,
        validation=data,
        batch_size=10,
        epochs=60,
        accumulate=2,
        optimizer="adam",
        lr=0.1,
        guards=True,
        lower_is_better=True,
        null_model=None,
    )
    assert history.train_loss[-1] < 0.01
    assert history.train_metric == []
    assert history.validation_metric[-1] < 0.1


def test_validation_chooses_the_epoch_and_keep_best_its_weights(make_patterns, make_net):
    data, held_out = make_patterns(60), make_patterns(40, seed=1, noise=1.5)
    model = make_net()
    history = train(model, data, validation=held_out, epochs=5, lr=0.02, keep="best")
    scores = history.validation_metric
    assert history.best_epoch == scores.index(max(scores)) + 1
    assert evaluate(model, held_out, device="cpu").accuracy == pytest.approx(max(scores))
    assert len(history.validation_loss) == 5
    with pytest.raises(ValueError, match="validation"):
        train(model, data, keep="best")


def test_no_number_is_never_the_best_epoch():
    assert training.History(validation_metric=[math.nan, 0.2, 0.5, math.nan]).best_epoch == 3
    assert training.History(validation_loss=[math.nan, 0.2, 0.5]).best_epoch == 2
    assert training.History(validation_metric=[math.nan, math.nan]).best_epoch == 1


def test_accuracy_of_scores_that_are_no_numbers_is_no_number():
    outputs = torch.tensor([[1.0, 0.0], [math.nan, 1.0]])
    assert training.accuracy(outputs[:1], torch.tensor([0])) == 1
    assert training.accuracy(outputs, torch.tensor([0, 0])).isnan()
    with pytest.raises(ValueError, match=r"give \(N, C, \.\.\.\) and \(N, \.\.\.\)"):
        training.accuracy(outputs[:1], torch.tensor([0, 0]))


def test_evaluation_does_not_depend_on_batches_nor_move_the_network(make_patterns, make_net):
    model, data = make_net(dropout=0.5, batch_norm=True), make_patterns(101)
    model[1].eval()
    modes = [part.training for part in model.modules()]
    before = weights(model).clone()
    results = [evaluate(model, data, batch_size=size, device="cpu") for size in (1, 10, 101, None)]
    assert [part.training for part in model.modules()] == modes
    assert torch.equal(weights(model), before)
    model.eval()
    with torch.no_grad():
        outputs = model(data[0])
    expected = functional.cross_entropy(outputs, data[1]).item()
    hits = (outputs.argmax(1) == data[1]).float().mean().item()
    for result in results:
        assert result["loss"] == pytest.approx(expected, abs=1e-5)
        assert result.accuracy == pytest.approx(hits, abs=1e-6)
        assert result.null == pytest.approx(data[1].bincount().max().item() / 101)
        assert result.count == 101
    with pytest.raises(AttributeError, match="accuracy"):
        results[0].precision  # noqa: B018
    assert repr(results[0]).startswith("loss ")


def test_a_frozen_part_in_evaluation_mode_stays_as_it_is(make_patterns, make_net, quietly):
    data = make_patterns(64)
    model = make_net(batch_norm=True, dropout=0.5)
    trunk = model[0].requires_grad_(False).eval()
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    seen = []
    model[2].register_forward_hook(lambda part, *_: seen.append(part.training))
    quietly(train, model, data, guards=True)
    for name, value in trunk.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(seen)
    assert not model.training
    trunk.train()
    quietly(train, model, data)
    assert not torch.equal(trunk[1].running_mean, before["1.running_mean"])


def test_ctrl_c_ends_after_the_step_and_leaves_history_and_weights(
    make_patterns, make_net, tmp_path
):
    data = make_patterns(320)
    calls = []

    def press(inputs):
        calls.append(1)
        if len(calls) == 13:
            os.kill(os.getpid(), signal.SIGINT)
        return inputs

    handler = signal.getsignal(signal.SIGINT)
    model = make_net()
    history = train(model, data, augment=press, checkpoint=tmp_path)
    assert history.interrupted
    assert len(calls) == len(history.step_loss) == len(history.step_lr) == 13
    assert len(history) == 1
    assert "interrupted after 13 steps" in repr(history)
    assert signal.getsignal(signal.SIGINT) is handler
    assert evaluate(model, data, device="cpu").loss < history.step_loss[0]

    whole = train(make_net(), data, augment=lambda x: press(x))
    calls.clear()
    resumed = train(model, data, augment=press, checkpoint=tmp_path, progress=False)
    assert not resumed.interrupted
    assert resumed.step_loss == whole.step_loss


def test_where_ctrl_c_is_ignored_it_stays_ignored(make_patterns, make_net):
    calls = []

    def press(inputs):
        calls.append(1)
        os.kill(os.getpid(), signal.SIGINT)
        return inputs

    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        history = train(make_net(), make_patterns(64), augment=press)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert not history.interrupted
    assert len(calls) == 4


def test_an_interrupt_in_mid_step_is_not_written_to_the_checkpoint(
    make_patterns, make_net, tmp_path
):
    calls = []

    def stop(inputs):
        calls.append(1)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return inputs

    model = make_net()
    history = train(model, make_patterns(320), augment=stop, checkpoint=tmp_path)
    assert history.interrupted
    assert len(history.step_loss) == 6
    assert all(math.isfinite(value) for value in history.step_loss)
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    assert (state["epoch"], state["step"]) == (0, 0)


@pytest.mark.parametrize("step", [1, 19, 20, 27])
def test_a_loss_that_is_no_number_stops_and_gives_the_last_good_weights_back(
    step, make_patterns, make_net
):
    inputs, labels = make_patterns(30 * 16)
    order = epoch_order(len(inputs), 0, 0)
    dirty = int(order[(step - 1) * 16 + 3])
    inputs[dirty, 0, 2, 2] = math.nan
    model = make_net()
    with pytest.raises(training.NonFiniteLossError) as caught:
        train(model, (inputs, labels), batch_size=16)
    error = caught.value
    assert (error.epoch, error.step) == (1, step)
    assert torch.equal(error.indices, order[(step - 1) * 16 : step * 16])
    assert f"epoch 1, step {step}," in str(error)
    assert f"[{dirty}]" in str(error)
    assert len(error.history.step_loss) == step - 1
    assert weights(model).isfinite().all()
    clean = make_net()
    inputs[dirty] = 0
    good = step - step % 20 if step % 20 else step - 20
    expected = make_net()
    if good:
        part = order[: good * 16]
        optimizer = optim.build_optimizer("adamw", expected, None, None, torch.device("cpu"))
        schedule = optim.build_schedule("one-cycle", optimizer, 60)
        expected.train()
        for batch in part.split(16):
            rows = inputs[batch].contiguous(memory_format=torch.channels_last)
            loop.train_step(expected, optimizer, rows, labels[batch], loss=functional.cross_entropy)
            schedule.step()
    torch.testing.assert_close(weights(model), weights(expected), rtol=1e-4, atol=1e-6)
    assert weights(clean).shape == weights(model).shape


def test_weights_that_explode_are_noticed_after_the_last_step(make_patterns, make_net):
    class Square(torch.autograd.Function):
        """A finite value with an infinite gradient."""

        @staticmethod
        def forward(ctx, value):
            return value.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient * math.inf

    model = make_net()
    before = weights(model).clone()
    with pytest.raises(training.NonFiniteLossError, match="weights became infinite"):
        train(
            model,
            make_patterns(32),
            epochs=1,
            loss=lambda o, t: Square.apply(functional.cross_entropy(o, t)),
        )
    assert torch.equal(weights(model), before)


def test_too_little_memory_names_a_batch_size_that_fits(make_patterns, make_net):
    class Hungry(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = make_net(batch_norm=True)

        def forward(self, x):
            if len(x) > 20:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")
            return self.net(x)

    model = Hungry()
    before = weights(model).clone()
    data = make_patterns(128)
    with pytest.raises(training.TrainingOutOfMemoryError) as caught:
        train(model, data, batch_size=128)
    assert "batch_size=16 (just tried: it fits)" in str(caught.value)
    assert "accumulate=8" in str(caught.value)
    assert torch.equal(weights(model), before)
    history = train(model, data, batch_size=128, accumulate=8)
    assert len(history) == 2
    with pytest.raises(training.TrainingOutOfMemoryError, match=r"batch_size=64 .*accumulate=8"):
        train(model, data, batch_size=128, accumulate=4)


def test_other_errors_of_the_network_pass_through(make_patterns, make_net):
    inputs, labels = make_patterns(10)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        train(make_net(), (inputs[..., :6, :6], labels))


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine", "step", "constant", None])
def test_schedules_by_name_move_the_rate_as_they_say(schedule, make_patterns, make_net):
    history = train(make_net(), make_patterns(640), schedule=schedule, lr=0.01)
    rates = torch.tensor(history.step_lr)
    assert len(rates) == 40
    assert rates.max() <= 0.01 + 1e-9
    if schedule in ("constant", None):
        assert (rates == rates[0]).all()
    elif schedule == "step":
        assert rates[[0, 19]].tolist() == pytest.approx([0.01, 0.01])
        assert rates[[20, 30]].tolist() == pytest.approx([0.001, 0.0001])
    else:
        peak = int(rates.argmax())
        assert peak in ([0] if schedule == "cosine" else [7, 8])
        assert (rates[peak:].diff() < 0).all()
        assert rates[-1] < 1e-4


def test_schedule_and_optimizer_may_be_the_callers_own(make_patterns, make_net):
    model, data = make_net(), make_patterns(64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    history = train(model, data, optimizer=optimizer, schedule=schedule, guards=True)
    assert history.step_lr == pytest.approx([0.1, 0.05, 0.025, 0.0125])
    plain = train(make_net(), data, optimizer=lambda p: torch.optim.SGD(p, lr=0.1))
    assert max(plain.step_lr) <= 0.1 + 1e-9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": -1}, "epochs"),
        ({"epochs": 1.5}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"accumulate": 0}, "accumulate"),
        ({"save_steps": 0}, "save_steps"),
        ({"save_seconds": -1}, "save_seconds"),
        ({"keep": "first"}, "keep"),
        ({"seed": -1}, "seed"),
        ({"optimizer": "lion"}, "adamw"),
        ({"lr": -0.1}, "lr must be"),
        ({"weight_decay": -0.1}, "weight_decay"),
        ({"schedule": "linear"}, "one-cycle"),
        ({"precision": "fp16"}, "fp16"),
        ({"device": "cuda:7"}, "cuda:7"),
        ({"loss": "mse"}, "loss must be"),
        ({"loss": nn.CrossEntropyLoss(reduction="sum")}, "reduction"),
        ({"metric": "f1"}, "metric must be"),
        ({"null_model": "mean"}, "null_model"),
        ({"optimizer": lambda p: torch.optim.SGD(p, lr=0.1), "lr": 0.1}, "lr would not be used"),
        ({"validation": 1.0}, "leaves at least one"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message, make_patterns, make_net):
    with pytest.raises(ValueError, match=message):
        train(make_net(), make_patterns(32), **options)


def test_a_schedule_that_waits_for_a_score_is_refused(make_patterns, make_net):
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau
    with pytest.raises(ValueError, match="ReduceLROnPlateau"):
        train(make_net(), make_patterns(32), schedule=lambda o, steps: plateau(o))


def test_targets_that_are_no_labels_need_a_loss(make_patterns, make_net):
    inputs, labels = make_patterns(32)
    with pytest.raises(ValueError, match="which loss"):
        train(make_net(), (inputs, labels.float()))


def test_no_epochs_train_nothing(make_patterns, make_net):
    model = make_net()
    before = weights(model).clone()
    assert len(train(model, make_patterns(32), epochs=0)) == 0
    assert torch.equal(weights(model), before)


def test_the_history_prints_the_same_table_for_the_same_run(make_patterns, make_net):
    texts = [
        repr(train(make_net(), make_patterns(64), validation=make_patterns(32, 1)))
        for _ in range(2)
    ]
    assert texts[0] == texts[1]
    lines = texts[0].splitlines()
    assert lines[0].split() == "epoch train loss train accuracy validation loss".split() + [
        "validation",
        "accuracy",
        "rate",
    ]
    assert [line.split()[0] for line in lines[1:3]] == ["1", "2"]
    assert lines[3].startswith("null model: accuracy 0.")
    assert lines[4].startswith("best epoch by the validation data:")


def test_nothing_is_printed_without_guards_and_no_bar_off_a_terminal(
    make_patterns, make_net, capsys, monkeypatch
):
    train(make_net(), make_patterns(64))
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    train(make_net(), make_patterns(64), progress=False)
    assert capsys.readouterr() == ("", "")
    train(make_net(), make_patterns(64))
    out, err = capsys.readouterr()
    assert out == ""
    assert "/4" in err
    train(make_net(), make_patterns(64), epochs=0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    monkeypatch.setattr(loop, "_in_notebook", lambda: True)
    capsys.readouterr()
    train(make_net(), make_patterns(64))
    assert "/4" in capsys.readouterr().err


def test_the_ladder_initial_loss_and_overfitting_one_batch(make_patterns, make_net):
    model, data = make_net(batch_norm=True), make_patterns(300)
    before = weights(model).clone()
    state = torch.get_rng_state()
    first = training.initial_loss(model, data, device="cpu")
    assert first.expected == pytest.approx(math.log(4))
    assert first.loss == pytest.approx(first.expected, rel=0.25)
    assert training.initial_loss(model, data, loss=lambda o, t: o.sum(), device="cpu")[1] is None
    history = training.overfit_batch(model, data, count=16, steps=60, lr=0.01, device="cpu")
    assert history.train_loss[-1] < 0.05
    assert history.train_metric[-1] == 1.0
    assert torch.equal(weights(model), before)
    assert torch.equal(torch.get_rng_state(), state)
    dead = nn.Sequential(make_net(), nn.Linear(4, 4).requires_grad_(False))
    nn.init.zeros_(dead[1].weight)
    stuck = training.overfit_batch(dead, data, count=16, steps=60, device="cpu")
    assert stuck.train_loss[-1] > 0.5


def test_bf16_trains_where_the_hardware_has_it_and_is_fp32_elsewhere(make_patterns, make_net):
    data = make_patterns(200)
    full, half = make_net(), make_net()
    train(full, data, epochs=3, lr=0.01)
    train(half, data, epochs=3, lr=0.01, precision="bf16")
    native = machine.has_native_bf16(torch.device("cpu"))
    assert half[0][0].weight.dtype == torch.float32
    assert torch.equal(weights(full), weights(half)) is not native
    assert evaluate(half, data, device="cpu").accuracy > 0.9
