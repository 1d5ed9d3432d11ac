"""Shifts, turns and changes of size against NumPy and SciPy, and the accuracy under them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import nn

from utils.invariance import accuracy_under, four_shifts, rescale, rotate, shift

RNG = torch.Generator().manual_seed(5)


def blob(size=32, channels=1):
    """A smooth spot off the centre, zero towards the rim."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    spot = torch.exp(-((x - 18.0) ** 2) / 18 - ((y - 13.0) ** 2) / 8)
    return spot.expand(1, channels, size, size).clone()


@given(dx=st.integers(-9, 9), dy=st.integers(-9, 9), fill=st.sampled_from([0.0, -0.5]))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_shift_is_scipy_shift(dx, dy, fill):
    images = torch.rand(2, 1, 6, 8, generator=RNG)
    moved = shift(images, dx, dy, fill=fill)
    expected = ndimage.shift(images.numpy(), (0, 0, dy, dx), order=0, cval=fill)
    np.testing.assert_array_equal(moved.numpy(), expected)


@given(dx=st.integers(-3, 3), dy=st.integers(-3, 3))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_shift_there_and_back(dx, dy):
    images = torch.zeros(1, 1, 12, 12)
    images[..., 4:8, 4:8] = torch.rand(4, 4, generator=RNG)
    assert torch.equal(shift(shift(images, dx, dy), -dx, -dy), images)


def test_paper_is_the_smallest_value():
    digits = torch.tensor([[[[-0.4, 2.0], [-0.4, -0.4]]]])
    assert torch.equal(shift(digits, 1, 0), torch.tensor([[[[-0.4, -0.4], [-0.4, -0.4]]]]))
    assert rotate(digits, 45).min() >= -0.4
    assert rescale(digits, 0.5).max() < 2.0


def test_shift_keeps_the_type_and_leaves_the_input_alone():
    images = torch.arange(9, dtype=torch.uint8).reshape(1, 1, 3, 3)
    before = images.clone()
    assert shift(images, 0, 1).dtype == torch.uint8
    assert torch.equal(images, before)


def test_four_shifts_go_four_ways():
    image = torch.zeros(1, 1, 5, 5)
    image[0, 0, 2, 2] = 1
    places = [tuple(moved[0, 0].nonzero()[0].tolist()) for moved in four_shifts(image, 2)]
    assert places == [(2, 4), (2, 0), (4, 2), (0, 2)]


@pytest.mark.parametrize("degrees, turns", [(90, 1), (180, 2), (-90, 3), (360, 0)])
def test_quarter_turns_are_exact(degrees, turns):
    images = torch.rand(2, 3, 7, 7, generator=RNG)
    torch.testing.assert_close(
        rotate(images, degrees), torch.rot90(images, turns, (2, 3)), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("degrees", [10, 37, -120])
def test_rotation_is_scipy_rotation(degrees):
    image = blob()
    expected = ndimage.rotate(image[0, 0].numpy(), degrees, reshape=False, order=1)
    np.testing.assert_allclose(rotate(image, degrees)[0, 0].numpy(), expected, atol=1e-4)


def test_size_one_changes_nothing():
    images = torch.rand(2, 1, 9, 6, generator=RNG)
    torch.testing.assert_close(rescale(images, 1), images, atol=1e-6, rtol=0)


@pytest.mark.parametrize("factor", [0.4, 0.5, 0.75, 1.5, 2.0])
def test_ink_grows_with_the_square_of_the_size(factor):
    image = nn.functional.pad(blob(), [16] * 4)
    ratio = (rescale(image, factor).sum() / image.sum()).item()
    assert ratio == pytest.approx(factor**2, rel=0.01)


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_the_centre_stays(factor):
    image = torch.zeros(1, 1, 16, 16)
    image[..., 7:9, 7:9] = 1
    scaled = rescale(image, factor)[0, 0]
    torch.testing.assert_close(scaled, scaled.flip(0, 1), atol=1e-6, rtol=0)
    assert scaled.argmax() in (7 * 16 + 7, 7 * 16 + 8, 8 * 16 + 7, 8 * 16 + 8, 6 * 16 + 6)


def test_shrinking_averages():
    stripes = torch.zeros(1, 1, 16, 16)
    stripes[..., ::2] = 1
    inside = rescale(stripes, 0.5)[..., 5:11, 5:11]
    torch.testing.assert_close(inside, torch.full_like(inside, 0.5), atol=1e-6, rtol=0)


def test_uint8_stays_uint8():
    image = (blob() * 255).to(torch.uint8)
    for changed in (rotate(image, 30), rescale(image, 0.7)):
        assert changed.dtype == torch.uint8
        assert changed.max() > 150


class LeftOrRight(nn.Module):
    """Class 1 if the right half holds more ink."""

    def forward(self, x):
        left, right = x[..., :4].sum((1, 2, 3)), x[..., 4:].sum((1, 2, 3))
        return torch.stack([left, right], dim=1)


def test_accuracy_under_shifts():
    images = torch.zeros(4, 1, 8, 8)
    images[:, 0, 3, 1] = 1
    targets = torch.zeros(4, dtype=torch.int64)
    right = accuracy_under(
        LeftOrRight(), images, targets, lambda x, pixels: shift(x, pixels, 0), [0, 1, 2, 3, 4]
    )
    np.testing.assert_array_equal(right, [1, 1, 1, 0, 0])
    four = accuracy_under(LeftOrRight(), images, targets, four_shifts, [0, 3])
    np.testing.assert_array_equal(four, [1, 0.75])


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: shift(torch.zeros(2, 2), 0.5, 0), TypeError, "dx is 0.5"),
        (lambda: shift(torch.zeros(2, 2), 0, True), TypeError, "dy is True"),
        (lambda: shift(torch.zeros(3), 1, 0), ValueError, r"shape \(3,\)"),
        (lambda: rotate(torch.zeros(4, 4), 10), ValueError, r"shape \(4, 4\)"),
        (lambda: rotate(torch.zeros(1, 1, 4, 4), float("nan")), ValueError, "angle is nan"),
        (lambda: rescale(torch.zeros(1, 1, 4, 4), 0), ValueError, "factor is 0"),
        (lambda: rescale(torch.zeros(1, 1, 4, 4, dtype=torch.int64), 2), ValueError, "int64"),
        (
            lambda: accuracy_under(
                LeftOrRight(), torch.zeros(2, 1, 8, 8), torch.zeros(3).long(), four_shifts, [0]
            ),
            ValueError,
            "2 images and 3 targets",
        ),
    ],
)
def test_bad_arguments_are_explained(call, error, message):
    with pytest.raises(error, match=message):
        call()
