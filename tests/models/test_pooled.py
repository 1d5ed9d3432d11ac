"""Pooling of every kind: counts, shapes, what it does to shifts, and who is blind to places."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import nn

from utils.arithmetic import count_macs, count_parameters
from utils.invariance import scatter, shift
from utils.models import PoolingNet, WhatWhereNet
from utils.models.pooled import BlurPool2d, MaxBlurPool2d

RNG = torch.Generator().manual_seed(5)


@given(height=st.integers(3, 11), width=st.integers(3, 11), channels=st.integers(1, 4))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_blur_pool_is_scipy_blur_and_a_step(height, width, channels):
    x = torch.rand(2, channels, height, width, generator=RNG)
    blurred = x.numpy()
    for axis in (2, 3):  # NumPy's "mirror" is torch's "reflect"
        blurred = ndimage.correlate1d(blurred, [0.25, 0.5, 0.25], axis=axis, mode="mirror")
    expected = torch.from_numpy(blurred[..., ::2, ::2].copy())
    torch.testing.assert_close(BlurPool2d()(x), expected, atol=1e-6, rtol=1e-5)


def test_blur_keeps_a_constant_and_has_nothing_to_learn():
    for taps in [(1,), (1, 2, 1), (1, 4, 6, 4, 1)]:
        blur = BlurPool2d(taps)
        torch.testing.assert_close(blur(torch.ones(1, 2, 8, 8)), torch.ones(1, 2, 4, 4))
        assert count_parameters(blur) == 0
        assert not blur.state_dict()


@pytest.mark.parametrize("taps", [(1, 1), (), (1, -2, 1)])
def test_taps_that_make_no_blur(taps):
    with pytest.raises(ValueError, match="odd number"):
        BlurPool2d(taps)


def test_max_blur_pool_is_max_pool_before_the_blur():
    x = torch.rand(1, 3, 8, 8, generator=RNG)
    dense = nn.functional.max_pool2d(nn.functional.pad(x, [0, 1, 0, 1]), 2, stride=1)
    torch.testing.assert_close(MaxBlurPool2d(2)(x), BlurPool2d()(dense))
    torch.testing.assert_close(dense[..., ::2, ::2], nn.functional.max_pool2d(x, 2))


def test_stripes_disappear_from_max_pooling_and_stay_under_blur():
    stripes = torch.zeros(1, 1, 16, 16)
    stripes[..., 2::4] = stripes[..., 3::4] = 1
    pooled = [nn.MaxPool2d(2)(shift(stripes, d, 0))[..., 2:6, 2:6] for d in (0, 1)]
    blurred = [MaxBlurPool2d(2)(shift(stripes, d, 0))[..., 2:6, 2:6] for d in (0, 1)]
    assert (pooled[0] - pooled[1]).abs().max() == 1
    assert (blurred[0] - blurred[1]).abs().max() <= 0.25


@pytest.mark.parametrize("padding", ["same", "full"])
@pytest.mark.parametrize("head", ["dense", "average", "max"])
@pytest.mark.parametrize("pooling", [nn.MaxPool2d, nn.AvgPool2d, MaxBlurPool2d, None])
def test_every_pooling_net_runs(pooling, head, padding):
    net = PoolingNet(pooling, head, padding)
    assert net(torch.rand(2, 1, 28, 28, generator=RNG)).shape == (2, 10)


def test_equal_numbers_of_parameters():
    counts = {
        count_parameters(PoolingNet(pooling)) for pooling in (nn.MaxPool2d, nn.AvgPool2d, None)
    }
    assert counts == {9226}
    for head in ("average", "max"):
        assert abs(count_parameters(PoolingNet(head=head)) / 9226 - 1) < 0.01
    assert count_macs(PoolingNet(None), (1, 28, 28)) < count_macs(PoolingNet(), (1, 28, 28)) / 3


@pytest.mark.parametrize("head", ["average", "max"])
def test_a_global_head_on_a_wide_frame_does_not_see_shifts_of_four(head):
    torch.manual_seed(0)
    net = PoolingNet(head=head).eval()
    picture = torch.zeros(1, 1, 96, 96)
    picture[..., 34:62, 34:62] = torch.rand(28, 28, generator=RNG)
    with torch.no_grad():
        there = net(picture)
        for dx, dy in [(4, 0), (-8, 4), (0, 12)]:
            torch.testing.assert_close(net(shift(picture, dx, dy)), there, atol=1e-5, rtol=0)
        assert (net(shift(picture, 1, 0)) - there).abs().max() > 1e-4


@pytest.mark.parametrize("arguments", [{"head": "sum"}, {"padding": "valid"}])
def test_unknown_choices(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments.values()))):
        PoolingNet(**arguments)


@pytest.mark.parametrize("window, side", [(1, 32), (2, 16), (8, 4), (32, 1)])
def test_what_where_net(window, side):
    net = WhatWhereNet(window)
    assert net(torch.rand(2, 1, 32, 32, generator=RNG)).shape == (2, 12)
    assert net[-1].in_features == 16 * side**2


def test_a_window_as_large_as_the_image_knows_no_places():
    torch.manual_seed(0)
    pictures, _ = scatter(
        torch.rand(1, 1, 14, 14, generator=RNG).expand(5, -1, -1, -1), 32, margin=4
    )
    with torch.no_grad():
        said = WhatWhereNet(32)(pictures)
        torch.testing.assert_close(said, said[:1].expand_as(said), atol=1e-6, rtol=0)
        said = WhatWhereNet(8)(pictures)
        assert (said - said[:1]).abs().max() > 0.01


@pytest.mark.parametrize("window", [0, 3, 64])
def test_windows_that_leave_a_rest(window):
    with pytest.raises(ValueError, match=f"window {window}"):
        WhatWhereNet(window)
