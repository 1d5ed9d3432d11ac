"""Network in network against formulas written out."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from utils.arithmetic import count_parameters, layer_table
from utils.models.nin import NIN, ImageNetNIN, MLPConv

CIFAR_ROWS = {  # name: maps, side, inputs of each unit
    "block1.conv": (192, 32, 3 * 25),
    "block1.mix1": (160, 32, 192),
    "block1.mix2": (96, 32, 160),
    "block2.conv": (192, 16, 96 * 25),
    "block2.mix1": (192, 16, 192),
    "block2.mix2": (192, 16, 192),
    "block3.conv": (192, 8, 192 * 9),
    "block3.mix1": (192, 8, 192),
    "block3.mix2": (10, 8, 192),
}
IMAGENET_ROWS = {
    "block1.conv": (96, 54, 3 * 121),
    "block1.mix1": (96, 54, 96),
    "block1.mix2": (96, 54, 96),
    "block2.conv": (256, 27, 96 * 25),
    "block2.mix1": (256, 27, 256),
    "block2.mix2": (256, 27, 256),
    "block3.conv": (384, 13, 256 * 9),
    "block3.mix1": (384, 13, 384),
    "block3.mix2": (384, 13, 384),
    "block4.conv": (1024, 6, 384 * 9),
    "block4.mix1": (1024, 6, 1024),
    "block4.mix2": (1000, 6, 1024),
}


def ghost(build, **options) -> nn.Module:
    """A network without memory."""
    with torch.device("meta"):
        return build(**options)


@pytest.mark.parametrize(
    ("build", "side", "rows", "parameters"),
    [(NIN, 32, CIFAR_ROWS, 966986), (ImageNetNIN, 224, IMAGENET_ROWS, 7595176)],
)
def test_every_layer_has_its_size_and_none_is_dense(build, side, rows, parameters):
    table = layer_table(ghost(build), (3, side, side))
    for name, (maps, length, inputs) in rows.items():
        row = table[f"features.{name}"]
        assert row.output_shape == (maps, length, length), name
        assert row.parameters == maps * (inputs + 1), name
        assert row.macs == maps * length**2 * inputs, name
    assert table.totals.parameters == parameters
    assert [row.name.removeprefix("features.") for row in table if row.parameters] == list(rows)


def test_dropout_follows_the_pooling_of_all_blocks_but_the_last():
    names = [name for name, _ in ghost(NIN).features.named_children()]
    assert names == "block1 pool1 drop1 block2 pool2 drop2 block3".split()
    model = ghost(NIN, dropout=0.2)
    assert model.features.drop1.p == model.features.drop2.p == 0.2


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    widths=st.tuples(*[st.integers(1, 5)] * 3),
    kernel=st.sampled_from([1, 3]),
    seed=st.integers(0, 99),
)
def test_a_block_is_a_perceptron_at_every_place(widths, kernel, seed):
    torch.manual_seed(seed)
    block = MLPConv(2, widths, kernel_size=kernel).double()
    x = torch.randn(1, 2, 5, 6, dtype=torch.float64)
    maps = block(x)
    patches = F.unfold(x, kernel)[0].T  # one row a place
    for layer in (block.conv, block.mix1, block.mix2):
        patches = (patches @ layer.weight.flatten(1).T + layer.bias).relu()
    torch.testing.assert_close(maps[0].flatten(1).T, patches)


def test_logits_are_the_means_of_the_class_maps():
    torch.manual_seed(0)
    model = NIN().eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        maps = model.class_maps(x)
        assert maps.shape == (2, 10, 8, 8)
        torch.testing.assert_close(model(x), maps.sum(dim=(2, 3)) / 64)


def test_weights_start_as_in_the_authors_definition():
    torch.manual_seed(0)
    model = NIN().eval()
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d):
            weight = layer.weight.detach()
            error = 5 / weight.numel() ** 0.5  # five standard errors
            assert weight.std().item() == pytest.approx(0.05, rel=error), name
            assert not layer.bias.any(), name
    with torch.no_grad():
        logits = model(torch.randn(8, 3, 32, 32))
    loss = F.cross_entropy(logits, torch.arange(8)).item()
    assert loss == pytest.approx(math.log(10), abs=0.05), "at first all ten classes are as likely"


def test_other_classes_change_the_last_layer_only():
    assert count_parameters(ghost(NIN)) - count_parameters(ghost(NIN, num_classes=4)) == 6 * 193
    assert ghost(NIN)(torch.empty(1, 3, 48, 40, device="meta")).shape == (1, 10)
