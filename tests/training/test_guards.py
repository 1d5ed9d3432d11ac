"""Each guard against the mistake it is there for, planted."""

import math
import warnings
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from utils.training import GuardError, TrainingWarning, fit


def guarded(model, data, **options):
    options = {"epochs": 1, "batch_size": 16, "device": "cpu"} | options
    return fit(model, data, **options)


@pytest.fixture
def data(make_patterns):
    return make_patterns(64)


def test_a_sound_training_passes_and_is_described_in_one_block(data, make_net, capsys):
    model = make_net()
    model[0].requires_grad_(False)
    guarded(model, data, lr=0.01)
    lines = capsys.readouterr().out.splitlines()
    table = {line.split()[0]: line.split()[1:] for line in lines[1:5]}
    frozen, first, last = 6 * 9 + 6, 96 * 16 + 16, 16 * 4 + 4
    assert lines[0].split() == ["parameters", "trainable", "frozen", "in", "optimizer"]
    assert "frozen   in optimizer" in lines[0], "the last two headings stand apart"
    assert table["0"] == ["0", str(frozen), "0"]
    assert table["3"] == [f"{first:,}", "0", f"{first:,}"]
    assert table["all"] == [f"{first + last:,}", str(frozen), f"{first + last:,}"]
    assert lines[5].startswith("loss at the start: ")
    assert lines[5].endswith("log C = 1.386 for an even guess")
    rate = "rate one-cycle, stepped after each of 4 steps; fp32"
    assert lines[6] == f"AdamW(lr 0.01, weight decay 0.01); {rate}"
    label = int(data[1].bincount().argmax())
    share = data[1].bincount().max() / 64
    expected = f"null model: always class {label}, accuracy {share:.4f} on the training data"
    assert lines[7] == expected
    assert len(lines) == 8


def test_the_null_model_answers_with_the_training_set_and_is_scored_on_validation(
    make_net, make_patterns, capsys
):
    inputs, _ = make_patterns(40)
    train, held_out = torch.tensor([1, 1, 1, 0] * 10), torch.tensor([0, 0, 0, 1] * 10)
    history = guarded(make_net(), (inputs, train), validation=(inputs, held_out))
    assert history.null == 0.25
    assert "always class 1, accuracy 0.2500 on the validation data" in capsys.readouterr().out


def test_a_module_marked_instead_of_its_parameters(data, make_net):
    model = make_net()
    model[0].requires_grad = False
    with pytest.raises(GuardError, match=r"0\.requires_grad = False does nothing.*requires_grad_"):
        guarded(model, data)
    model = make_net()
    model.requires_grad = True
    with pytest.raises(GuardError, match=r"the model\.requires_grad = True"):
        guarded(model, data)


def test_trainable_parameters_the_optimizer_does_not_hold(data, make_net):
    model = make_net()
    optimizer = torch.optim.Adam(model[5].parameters())
    with pytest.raises(GuardError, match=r"Adam does not hold 0\.0\.weight.*requires_grad_"):
        guarded(model, data, optimizer=optimizer)
    model[:5].requires_grad_(False)
    guarded(model, data, optimizer=optimizer)


def test_frozen_parameters_the_optimizer_holds(data, make_net):
    model = make_net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model[3].bias.requires_grad_(False)
    with pytest.raises(GuardError, match=r"SGD holds 3\.bias, which are frozen"):
        guarded(model, data, optimizer=optimizer)


def test_an_optimizer_of_another_model(data, make_net):
    optimizer = torch.optim.SGD(make_net().parameters(), lr=0.1)
    with pytest.raises(GuardError, match="6 of the 6 tensors in SGD are not this model's"):
        guarded(make_net(), data, optimizer=optimizer)


def test_nothing_to_train(data, make_net):
    model = make_net().requires_grad_(False)
    with pytest.raises(ValueError, match="no trainable parameter"):
        guarded(model, data)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    with pytest.raises(GuardError, match="no trainable parameter"):
        guarded(model, data, optimizer=optimizer)


def test_a_schedule_that_steers_another_optimizer(data, make_net):
    model = make_net()
    first, second = (torch.optim.SGD(model.parameters(), lr=0.1) for _ in range(2))
    schedule = torch.optim.lr_scheduler.StepLR(first, 1)
    with pytest.raises(GuardError, match="StepLR steers another optimizer"):
        guarded(model, data, optimizer=second, schedule=schedule)


def test_a_schedule_that_never_moves_the_rate(data, make_net):
    with pytest.warns(TrainingWarning, match=r"StepLR.*never changed the rate.*4 steps"):
        guarded(
            make_net(), data, schedule=lambda o, steps: torch.optim.lr_scheduler.StepLR(o, 1000)
        )


@pytest.mark.parametrize("place", ["train", "validation"])
def test_the_test_set_is_refused_in_any_place_and_without_guards(place, data, make_net):
    test = SimpleNamespace(
        images=data[0], targets=data[1], record=SimpleNamespace(split="test", name="x")
    )
    options = {"validation": test} if place == "validation" else {}
    with pytest.raises(GuardError, match=f"{place}.* data are the test set"):
        guarded(make_net(), test if place == "train" else data, guards=False, **options)


def test_labels_the_network_has_no_output_for(data, make_net):
    inputs, labels = data
    with pytest.raises(GuardError, match="labels run from 1 to 4, but the network has 4 outputs"):
        guarded(make_net(), (inputs, labels + 1))
    with pytest.raises(GuardError, match="labels run from -1 to 2"):
        guarded(make_net(), (inputs, labels - 1))


def test_a_first_loss_above_log_c(data, make_net):
    inputs, labels = data
    with pytest.warns(TrainingWarning) as caught:
        guarded(make_net(), (inputs * 100, labels))
    text = str(caught[0].message)
    first = float(text.split("start is ")[1].split(",")[0])
    assert first > 1.25 * math.log(4)
    assert "log C = 1.386" in text
    assert "not normalised" in text
    assert caught[0].filename == __file__


def test_a_first_loss_below_log_c(data, make_net):
    model = make_net()
    guarded(model, data, epochs=10, lr=0.01)
    with pytest.warns(TrainingWarning, match="has seen these labels"):
        guarded(model, data)


def test_small_batches_are_not_warned_of_by_bad_luck(make_net, make_patterns, quietly):
    for seed in range(10):
        quietly(guarded, make_net(seed), make_patterns(80), batch_size=2, seed=seed)


def test_looking_at_the_first_loss_changes_nothing(data, make_net, quietly):
    results = []
    for guards in (True, False):
        model = make_net(dropout=0.5, batch_norm=True)
        quietly(guarded, model, data, guards=guards)
        results.append(torch.cat([v.flatten().float() for v in model.state_dict().values()]))
    assert torch.equal(*results)


def test_a_softmax_before_cross_entropy(data, make_net):
    model = nn.Sequential(make_net(), nn.Softmax(dim=1))
    with pytest.warns(TrainingWarning, match="outputs are probabilities"):
        guarded(model, data)


def test_a_batch_of_one_for_batch_norm(make_net, make_patterns):
    with pytest.raises(GuardError, match="leave a batch of one"):
        guarded(make_net(batch_norm=True), make_patterns(33))
    guarded(make_net(batch_norm=True).eval().requires_grad_(True), make_patterns(34))
    guarded(make_net(), make_patterns(33))


def test_frozen_batch_norm_that_still_moves_is_named(data, make_net, capsys):
    model = make_net(batch_norm=True)
    model[0].requires_grad_(False)
    guarded(model, data)
    assert "frozen, yet statistics move: 0.1 (call eval()" in capsys.readouterr().out
    model[0].eval()
    guarded(model, data, seed=1)
    assert "frozen, in evaluation mode: 0\n" in capsys.readouterr().out


def test_without_guards_the_same_mistakes_pass_silently(data, make_net):
    inputs, labels = data
    model = make_net()
    model[0].requires_grad = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        guarded(model, (inputs * 100, labels), guards=False)


def test_shared_parameters_are_counted_once(make_patterns, capsys):
    layer = nn.Linear(64, 64)
    model = nn.Sequential(nn.Flatten(), layer, nn.ReLU(), layer, nn.Linear(64, 4))
    guarded(model, make_patterns(32))
    total = next(line for line in capsys.readouterr().out.splitlines() if "  all" in line)
    assert total.split() == ["all", f"{64 * 65 + 65 * 4:,}", "0", f"{64 * 65 + 65 * 4:,}"]
