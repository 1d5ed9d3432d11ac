"""The small AlexNet's switches, and response normalisation against the formula and torch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from utils.models.small_alexnet import SMALL_ALPHA, ResponseNorm, SmallAlexNet


def ghost(**options):
    with torch.device("meta"):
        return SmallAlexNet(**options)


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def normalised(a, alpha, beta, k, n):
    """Krizhevsky et al. (2012), sec. 3.3, term by term."""
    b = np.empty_like(a)
    for i in range(len(a)):
        low, high = max(0, i - n // 2), min(len(a) - 1, i + n // 2)
        b[i] = a[i] / (k + alpha * sum(a[j] ** 2 for j in range(low, high + 1))) ** beta
    return b


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    maps=st.integers(1, 12),
    n=st.sampled_from([1, 3, 5, 7]),
    alpha=st.sampled_from([1e-4, 0.4]),
    seed=st.integers(0, 999),
)
def test_response_normalisation_is_the_papers_formula_and_torchs_with_n_alpha(maps, n, alpha, seed):
    a = 10 * np.random.default_rng(seed).standard_normal((maps, 3, 2))
    layer = ResponseNorm(maps, alpha=alpha, n=n).double()
    x = torch.from_numpy(a)[None]
    np.testing.assert_allclose(layer(x)[0].numpy(), normalised(a, alpha, 0.75, 2.0, n), rtol=1e-10)
    theirs = nn.LocalResponseNorm(n, alpha=n * alpha, beta=0.75, k=2.0)
    torch.testing.assert_close(layer(x), theirs(x))


def test_alpha_without_the_factor_n_is_another_function():
    x = torch.full((1, 5, 1, 1), 100.0)
    right = ResponseNorm(5)(x)
    wrong = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)(x)
    assert wrong[0, 2].item() / right[0, 2].item() > 1.5


def test_inputs_64_times_smaller_with_the_small_alpha_give_outputs_64_times_smaller():
    x = 100 * torch.randn(2, 6, 3, 3, generator=torch.Generator().manual_seed(0))
    small = ResponseNorm(6, alpha=SMALL_ALPHA)(x / 64)
    torch.testing.assert_close(64 * small, ResponseNorm(6)(x))


@pytest.mark.parametrize("n", [0, 2, -1])
def test_even_neighbourhoods_are_refused(n):
    with pytest.raises(ValueError, match=f"n is {n}: give an odd number"):
        ResponseNorm(8, n=n)


def test_only_the_middle_layer_and_the_groups_change_the_count():
    whole = count(ghost())
    for options in (
        {"activation": "tanh"},
        {"normalisation": False},
        {"overlapping": False},
        {"dropout": 0.0},
    ):
        assert count(ghost(**options)) == whole, options
    assert whole - count(ghost(middle=False)) == 64 * 32 * 9 + 64
    undivided = count(ghost(groups=1)) - whole
    assert undivided == 48 * 16 * 25 + 64 * 32 * 9 + 48 * 32 * 9


@pytest.mark.parametrize("overlapping", [True, False])
def test_pooling_leaves_six_and_three_rows(overlapping):
    model = SmallAlexNet(overlapping=overlapping)
    x = torch.zeros(1, 3, 24, 24)
    shapes = []
    for name, layer in model.features.named_children():
        x = layer(x)
        if name.startswith("pool"):
            shapes.append(tuple(x.shape[1:]))
    assert shapes == [(32, 6, 6), (48, 3, 3)]
    assert model.features.pool1.kernel_size == (3 if overlapping else 2)


def test_the_switches_do_what_they_say():
    names = [type(module).__name__ for module in ghost(activation="tanh").modules()]
    assert "ReLU" not in names
    assert names.count("Tanh") == 7
    kinds = {type(module) for module in ghost(normalisation=False).modules()}
    assert ResponseNorm not in kinds
    dropped = [m.p for m in ghost(dropout=0.25).modules() if isinstance(m, nn.Dropout)]
    assert dropped == [0.25, 0.25]


def test_unknown_switches_are_refused():
    with pytest.raises(ValueError, match="groups is 3"):
        ghost(groups=3)
    with pytest.raises(ValueError, match="activation is 'gelu'"):
        ghost(activation="gelu")
