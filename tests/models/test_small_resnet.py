"""The small residual net of the degradation experiment."""

import pytest
import torch
from torch import nn

from utils.arithmetic import count_macs, count_parameters
from utils.models import SmallResNet


@pytest.mark.parametrize("depth", [4, 8, 32])
@pytest.mark.parametrize("shortcuts", [True, False])
def test_depth_counts_convolutions_and_shortcuts_are_free(depth, shortcuts):
    model = SmallResNet(depth, shortcuts)
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    assert len(convolutions) == depth
    parameters = 9 * 16 + (depth - 1) * 9 * 16 * 16 + depth * 2 * 16 + 17 * 10
    assert count_parameters(model) == parameters
    macs = 196 * 9 * 16 + 49 * (depth - 1) * 9 * 16 * 16 + 160
    assert count_macs(model, (1, 28, 28)) == macs


def test_maps_are_a_quarter_as_wide_as_the_image():
    model = SmallResNet(6, width=4, in_channels=3, num_classes=7)
    x = torch.randn(2, 3, 28, 28)
    assert model.stem(x).shape == model.blocks(model.stem(x)).shape == (2, 4, 7, 7)
    assert model(x).shape == (2, 7)


def test_with_shortcuts_silent_blocks_change_nothing():
    torch.manual_seed(0)
    deep, shallow = SmallResNet(32).eval(), SmallResNet(4).eval()
    deep.stem.load_state_dict(shallow.stem.state_dict())
    deep.fc.load_state_dict(shallow.fc.state_dict())
    deep.blocks[0].load_state_dict(shallow.blocks[0].state_dict())
    for block in deep.blocks[1:]:
        nn.init.zeros_(block.bn2.weight)
    x = torch.randn(3, 1, 28, 28)
    with torch.no_grad():
        assert torch.equal(deep(x), shallow(x))


def test_plain_and_residual_share_weights_not_outputs():
    torch.manual_seed(0)
    residual, plain = SmallResNet(8).eval(), SmallResNet(8, shortcuts=False).eval()
    plain.load_state_dict(residual.state_dict())
    x = torch.randn(3, 1, 28, 28)
    with torch.no_grad():
        assert not torch.allclose(residual(x), plain(x), atol=1e-2)


@pytest.mark.parametrize("depth", [2, 7, 0])
def test_other_depths_are_refused(depth):
    with pytest.raises(ValueError, match=f"depth is {depth}: give an even number"):
        SmallResNet(depth)
