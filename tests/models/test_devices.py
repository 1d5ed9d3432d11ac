"""Every model runs where its parameters are, checked without a GPU (see `device_checks`)."""

import device_checks as checks
import pytest
import torch
from torch import nn

every_model = pytest.mark.parametrize("case", checks.ALL_MODELS, ids=str)


@every_model
def test_forward_and_loss_on_a_pretended_gpu(case):
    checks.forward_on_fake_cuda(case)


@every_model
def test_training_step_without_numbers(case):
    checks.training_step_on_meta(case)


@every_model
def test_bfloat16(case):
    checks.bf16_on_meta(case)


@every_model
@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_training_step_on_a_real_gpu(case):
    model = case.build().to("cuda")
    images = torch.rand(checks.BATCH, *case.input_shape, device="cuda")
    case.loss(model(images), case.targets().to("cuda")).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.requires_grad)


PLACES_ITSELF = {"AlexNetColumns"}
"""Models that choose their devices themselves: tests/models/test_alexnet.py pretends two."""


def test_every_exported_model_is_checked():
    import utils.models as models

    classes = {
        name
        for name in models.__all__
        if isinstance(value := getattr(models, name), type) and issubclass(value, nn.Module)
    }
    missing = classes - {case.name for case in checks.ALL_MODELS} - PLACES_ITSELF
    assert not missing, f"add a line to ALL_MODELS in device_checks.py for {sorted(missing)}"


class StrayAttribute(nn.Module):
    """A constant that is neither parameter nor buffer: .to() leaves it behind."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(4, 10)
        self.scale = torch.ones(10)

    def forward(self, x):
        return self.dense(x) * self.scale


class StrayInForward(nn.Module):
    """A tensor made in the forward pass without saying on which device."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(4, 10)

    def forward(self, x):
        return self.dense(x) + torch.arange(10.0)


class Unused(nn.Module):
    """A layer that no gradient reaches."""

    def __init__(self):
        super().__init__()
        self.dense, self.forgotten = nn.Linear(4, 10), nn.Linear(4, 10)

    def forward(self, x):
        return self.dense(x)


class Float32Only(nn.Module):
    """A layer that casts back to float32."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(4, 10)

    def forward(self, x):
        return self.dense(x).float()


class Case(checks.ModelCase):
    """A case whose model is defined here."""

    def build(self):
        return globals()[self.name]()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("StrayAttribute", "neither a parameter nor a buffer"),
        ("StrayInForward", "devices,? cuda:0(,| and) cpu"),
    ],
)
def test_a_stray_cpu_tensor_is_caught(name, message):
    with pytest.raises((RuntimeError, AssertionError), match=message):
        checks.forward_on_fake_cuda(Case("here", name, (4,)))


def test_a_parameter_without_gradient_is_caught():
    with pytest.raises(AssertionError, match=r"no gradient reaches forgotten\.weight"):
        checks.training_step_on_meta(Case("here", "Unused", (4,)))


def test_a_cast_to_float32_is_caught():
    with pytest.raises(AssertionError, match="float32"):
        checks.bf16_on_meta(Case("here", "Float32Only", (4,)))
