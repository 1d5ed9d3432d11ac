"""A whole training step on a device this machine does not have, and a batch norm in company."""

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional

from utils.training import TrainingWarning, guards, optim
from utils.training.data import Samples, shares
from utils.training.evaluation import Scorer, accuracy, compute_loss, score
from utils.training.loop import train_step


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_loss_metric_and_update_on_a_pretended_gpu(optimizer, make_net):
    """All of a step but the backward pass, whose threads ask for a real device."""
    with FakeTensorMode():
        with torch.device("cuda"):
            model = make_net(batch_norm=True)
            inputs, targets = torch.empty(20, 1, 8, 8), torch.zeros(20, dtype=torch.int64)
        steps = optim.build_optimizer(optimizer, model, None, None, torch.device("meta"))
        for rows, _ in shares(20, 0, 2, 3):
            value, outputs = compute_loss(
                model, inputs[rows], targets[rows], functional.cross_entropy, "fp32", inputs.device
            )
            assert value.device.type == "cuda"
            assert accuracy(outputs, targets[rows]).device.type == "cuda"
        for parameter in model.parameters():
            parameter.grad = torch.empty_like(parameter)
        steps.step()
        for parameter in model.parameters():
            state = [value for value in steps.state[parameter].values() if value.dim()]
            assert state
            assert {value.device.type for value in state} == {"cuda"}


def test_a_stray_cpu_tensor_is_found_on_the_pretended_gpu(make_net):
    class Stray(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = make_net()

        def forward(self, x):
            return self.net(x) * torch.ones(4)

    with FakeTensorMode():
        with torch.device("cuda"):
            model = Stray()
        inputs = torch.empty(4, 1, 8, 8, device="cuda")
        targets = torch.zeros(4, dtype=torch.int64, device="cuda")
        with pytest.raises(RuntimeError, match="cpu"):
            compute_loss(model, inputs, targets, functional.cross_entropy, "fp32", inputs.device)


def test_a_whole_step_on_the_meta_device(make_net):
    model = make_net(batch_norm=True).to("meta")
    steps = optim.build_optimizer("adamw", model, None, None, torch.device("meta"))
    value, measured = train_step(
        model,
        steps,
        torch.empty(12, 1, 8, 8, device="meta"),
        torch.empty(12, dtype=torch.int64, device="meta"),
        loss=functional.cross_entropy,
        metric=accuracy,
        pieces=shares(12, 0, 1, 5),
    )
    assert value.is_meta
    assert measured.is_meta


def test_batches_of_lists_go_to_the_pretended_gpu():
    with FakeTensorMode():
        targets = [{"boxes": torch.empty(2, 4)} for _ in range(5)]
        samples = Samples((torch.empty(5, 3, 8, 8), targets), torch.device("meta"))
        samples.device = torch.device("cuda")
        inputs, batch = samples.batch(slice(1, 3))
        assert inputs.device.type == batch[0]["boxes"].device.type == "cuda"


def test_batch_norm_in_company_is_warned_of(make_net):
    with pytest.warns(TrainingWarning, match="2 processes will not give the same"):
        guards.warn_of_batch_norm(make_net(batch_norm=True), world=2)
    guards.warn_of_batch_norm(make_net(batch_norm=True), world=1)
    guards.warn_of_batch_norm(make_net(batch_norm=True).eval(), world=2)
    guards.warn_of_batch_norm(make_net(), world=2)


@pytest.mark.gpu
def test_a_gpu_trains_in_bf16_like_the_cpu(make_net, make_patterns):
    from utils.training import device, evaluate, fit

    if device("auto").type == "cpu":
        pytest.skip("no GPU")
    inputs, labels = make_patterns(400)
    model = make_net()
    history = fit(model, (inputs, labels), epochs=4, batch_size=32, lr=0.01, guards=False)
    assert history.train_loss[-1] < 0.3
    held_out = Samples(make_patterns(200, 9), device("auto"))
    scored = score(model, held_out, functional.cross_entropy, Scorer("accuracy", accuracy), "fp32")
    assert scored.accuracy > 0.95
    assert evaluate(model, make_patterns(200, 9)).accuracy > 0.95
