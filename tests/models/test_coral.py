"""CORAL's networks: sizes and counts of the paper, and heads on one trunk."""

import pytest
import torch
from torch import nn

from utils import ledger
from utils.arithmetic import count_parameters
from utils.models import AgeNet, CoralResNet34
from utils.models.heads import CoralHead, OrdinalHead


@pytest.mark.parametrize("method", ["ce", "or", "coral"])
@pytest.mark.parametrize(("version", "pooling"), [("v1", "7x7"), ("final", "4x4")])
def test_counts_for_55_ranks(method, version, pooling):
    with torch.device("meta"):
        model = CoralResNet34(55, method, pooling)
        answers = model(torch.empty(2, 3, 120, 120))
    silent = {"out": lambda line: None}
    ledger.compare(f"coral.{version}.{method}.parameters", count_parameters(model), **silent)
    ledger.compare(f"coral.{version}.features", model.features, **silent)
    ledger.compare("coral.trunk.parameters", count_parameters(model.trunk), **silent)
    assert answers.shape == (2, 55 if method == "ce" else 54)


def test_sizes_on_the_way():
    with torch.device("meta"):
        trunk = CoralResNet34(55).trunk
        sizes = []
        for name in ("conv1", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool"):
            getattr(trunk, name).register_forward_hook(lambda *step: sizes.append(step[2].shape[2]))
        trunk(torch.empty(1, 3, 120, 120))
    assert sizes.pop() == 2  # after the pooling
    assert sizes == list(ledger.published("coral.trunk.sizes").value)


def test_padded_pooling_averages_zeros_in():
    pool = CoralResNet34(5).trunk.avgpool
    pooled = pool(torch.ones(1, 1, 4, 4))
    assert pooled.shape == (1, 1, 2, 2)
    assert torch.allclose(pooled, torch.full((1, 1, 2, 2), 16 / 49))
    with pytest.raises(RuntimeError):
        nn.AvgPool2d(7, stride=1)(torch.ones(1, 1, 4, 4))


def test_small_net():
    heads = {"ce": (nn.Linear, 50), "or": (OrdinalHead, 49), "coral": (CoralHead, 49)}
    for method, (head, answers) in heads.items():
        model = AgeNet(50, method, span=8)
        assert isinstance(model.head, head)
        assert model(torch.zeros(2, 1, 32, 32)).shape == (2, answers)
    trunk = count_parameters(AgeNet(50).trunk)
    assert trunk == sum(9 * a * b + 2 * b for a, b in ((1, 16), (16, 32), (32, 64))) + 1025 * 64


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: CoralResNet34(55, "mse"), "no method 'mse': choose one of ce, or, coral"),
        (lambda: CoralResNet34(55, pooling="global"), "choose '7x7' or '4x4'"),
        (lambda: AgeNet(1), "at least 2 ranks"),
        (lambda: CoralResNet34(5)(torch.zeros(1, 3, 128, 128)), "120, 120"),
    ],
)
def test_errors_say_what_is_allowed(build, words):
    with pytest.raises(ValueError, match=words):
        build()
