"""ENet's encoder against the sizes of its paper and formulas written out."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from utils.arithmetic import count_parameters, layer_table
from utils.models.enet import ENet, ENetBottleneck, InitialBlock


def ghost(**options) -> nn.Module:
    """An ENet without memory."""
    with torch.device("meta"):
        return ENet(**options)


def bottlenecks() -> list[ENetBottleneck]:
    return [layer for layer in ghost().modules() if isinstance(layer, ENetBottleneck)]


# --- counts ---------------------------------------------------------------------------------


def in_bottleneck(before: int, after: int, taps: int, biases: int = 1, reduce: int = 1) -> int:
    """Parameters: three convolutions, three batch norms, three PReLUs."""
    inner = after // 4
    convolutions = before * inner * reduce + taps * inner**2 + biases * inner + inner * after
    return convolutions + 3 * inner + 3 * inner + 3 * after


def test_parameters_by_formula():
    initial = 13 * (3 * 9 + 1) + 3 * 16
    stage1 = in_bottleneck(16, 64, taps=9, reduce=4) + 4 * in_bottleneck(64, 64, taps=9)
    eight = 6 * in_bottleneck(128, 128, taps=9) + 2 * in_bottleneck(128, 128, taps=5 + 5)
    expected = {
        "initial": initial,
        "stage1": stage1,
        "stage2": in_bottleneck(64, 128, taps=9, reduce=4) + eight,
        "stage3": eight,
    }
    model = ghost()
    counted = {name: count_parameters(part) for name, part in model.encoder.named_children()}
    assert counted == expected
    assert count_parameters(model) == sum(expected.values()) + 128 * 1000 + 1000
    assert sum(expected.values()) == 338156, "about 0.3 million: ENet's fame"


@pytest.fixture(scope="module")
def table():
    """Layers on the paper's 512 x 512 images."""
    return layer_table(ghost(), (3, 512, 512))


def test_stages_have_the_sizes_of_table_1(table):
    shapes = {row.name: row.output_shape for row in table.grouped(depth=2)}
    assert shapes["encoder.initial"] == (16, 256, 256)
    assert shapes["encoder.stage1"] == (64, 128, 128)
    assert shapes["encoder.stage2"] == shapes["encoder.stage3"] == (128, 64, 64)
    assert shapes["fc"] == (1000,)


def test_multiply_adds_of_each_kind_of_bottleneck(table):
    middle = {row.name: row.macs for row in table if ".conv" in row.name}
    inner, places = 32, 64 * 64
    assert middle["encoder.stage2.1.residual.conv"] == 9 * inner**2 * places
    assert middle["encoder.stage2.2.residual.conv"] == 9 * inner**2 * places, "holes are free"
    asymmetric = [middle[f"encoder.stage2.3.residual.conv.{part}"] for part in (0, 1)]
    assert asymmetric == [5 * inner**2 * places] * 2


def test_depths_and_kinds_are_those_of_table_1():
    model = ghost().encoder
    assert [len(stage) for stage in (model.stage1, model.stage2, model.stage3)] == [5, 9, 8]

    def spans(stage):
        for block in stage:
            conv = block.residual.conv
            yield "asymmetric" if isinstance(conv, nn.Sequential) else conv.dilation[0]

    eight = [1, 2, "asymmetric", 4, 1, 8, "asymmetric", 16]
    assert list(spans(model.stage1)) == [1] * 5
    assert list(spans(model.stage2)) == [1, *eight]
    assert list(spans(model.stage3)) == eight
    assert [block.residual.drop.p for block in bottlenecks()] == [0.01] * 5 + [0.1] * 17


# --- what the blocks compute ------------------------------------------------------------------


def test_the_initial_block_keeps_the_image_beside_its_maps():
    torch.manual_seed(0)
    block = InitialBlock().eval()
    x = torch.randn(2, 3, 8, 10)
    with torch.no_grad():
        nn.init.ones_(block.act.weight)  # PReLU of slope 1 changes nothing
        y = block(x) * (1 + 1e-3) ** 0.5
    assert y.shape == (2, 16, 4, 5)
    torch.testing.assert_close(y[:, 13:], F.max_pool2d(x, 2))
    convolved = F.conv2d(F.pad(x, (1, 1, 1, 1)), block.conv.weight, block.conv.bias)[:, :, ::2, ::2]
    torch.testing.assert_close(y[:, :13], convolved.detach())


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(["regular", "downsampling", "dilated", "asymmetric"]),
    more=st.sampled_from([0, 4]),
    dilation=st.sampled_from([2, 4, 16]),
    seed=st.integers(0, 99),
)
def test_without_residual_a_bottleneck_is_its_shortcut(kind, more, dilation, seed):
    torch.manual_seed(seed)
    block = ENetBottleneck(8, 8 + more, kind, dilation).eval()
    nn.init.zeros_(block.residual.norm3.weight)
    x = torch.randn(2, 8, 6, 8)
    shortcut = F.max_pool2d(x, 2) if kind == "downsampling" else x
    y = block(x)
    torch.testing.assert_close(y[:, :8], torch.where(shortcut > 0, shortcut, 0.25 * shortcut))
    assert y.shape[1] == 8 + more and not y[:, 8:].any()


def test_five_by_one_and_one_by_five_are_one_kernel_of_rank_one():
    torch.manual_seed(0)
    down, across = ENetBottleneck(4, 4, "asymmetric").residual.conv
    assert (down.bias is None) and (across.bias is not None)
    kernel = down.weight * across.weight  # (1, 1, 5, 1) times (1, 1, 1, 5)
    assert torch.linalg.matrix_rank(kernel[0, 0]) == 1
    x = torch.randn(1, 1, 9, 7)
    torch.testing.assert_close(
        across(down(x)), F.conv2d(x, kernel, across.bias, padding=2), rtol=1e-4, atol=1e-5
    )


def test_dropout_takes_whole_maps():
    torch.manual_seed(0)
    drop = ENetBottleneck(4, 64, dropout=0.5).residual.drop.train()
    kept = drop(torch.ones(8, 64, 3, 3)).flatten(2)
    assert ((kept == 0).all(dim=2) | (kept == 2).all(dim=2)).all()
    assert 0.3 < (kept == 0).float().mean() < 0.7


def test_projections_have_no_bias():
    for block in bottlenecks():
        assert block.residual.reduce.bias is None and block.residual.expand.bias is None


def test_at_first_all_classes_are_as_likely():
    torch.manual_seed(0)
    model = ENet(num_classes=10).train()
    with torch.no_grad():
        loss = F.cross_entropy(model(torch.randn(16, 3, 64, 64)), torch.arange(16) % 10)
    assert loss.item() == pytest.approx(math.log(10), abs=0.15)


# --- refused ----------------------------------------------------------------------------------


def test_odd_images_are_refused_with_their_size():
    with pytest.raises(ValueError, match="images of 225 x 224 pixels: ENet takes even"):
        ghost()(torch.empty(1, 3, 225, 224, device="meta"))


def test_other_kinds_are_refused():
    with pytest.raises(ValueError, match="kind is 'strided'"):
        ENetBottleneck(8, 8, "strided")
