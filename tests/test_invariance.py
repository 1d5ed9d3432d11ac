"""Shifts, turns and changes of size against NumPy and SciPy, and the accuracy under them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import nn

from utils.invariance import (
    accuracy_under,
    consistency,
    four_shifts,
    jitter,
    rescale,
    rotate,
    scatter,
    shift,
)

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
        (lambda: jitter(torch.zeros(1, 1, 4, 4), pixels=-1), ValueError, "pixels=-1"),
        (lambda: jitter(torch.zeros(1, 1, 4, 4), factor=0.5), ValueError, "factor=0.5"),
        (lambda: scatter(torch.zeros(1, 1, 4, 4), 5, margin=1), ValueError, "do not fit into 5"),
        (lambda: scatter(torch.zeros(1, 1, 4, 4), 9, margin=-1), ValueError, "margin of -1"),
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


def test_jitter_of_nothing_is_nothing():
    images = torch.rand(3, 2, 8, 10, generator=RNG)
    torch.testing.assert_close(jitter(images), images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("limits", [{"pixels": 5}, {"degrees": 180}, {"factor": 1.5}])
def test_jitter_keeps_the_spot_and_changes_only_what_it_should(limits):
    torch.manual_seed(1)
    spots = nn.functional.pad(blob(), [20] * 4).expand(200, -1, -1, -1)
    changed = jitter(spots, **limits)
    y, x = torch.meshgrid(torch.arange(72.0), torch.arange(72.0), indexing="ij")
    mass = changed.sum((1, 2, 3))
    place = torch.stack([(changed[:, 0] * axis).sum((1, 2)) / mass for axis in (x, y)], dim=1)
    moved = place - torch.tensor([38.0, 33.0])
    size = (mass / blob().sum()).sqrt()
    distance = (place - 35.5).norm(dim=1)
    if "pixels" in limits:
        assert moved.abs().max() <= 5.05
        assert moved.amax(0).min() > 4 and moved.amin(0).max() < -4
    elif "degrees" in limits:
        torch.testing.assert_close(distance, torch.full((200,), 12.5**0.5), atol=0.05, rtol=0)
        assert (place - 35.5).amin() < -3
    if "factor" in limits:
        assert size.max() <= 1.51 and size.min() >= 0.66
        assert size.max() > 1.4 and size.min() < 0.72
    else:
        torch.testing.assert_close(size, torch.ones(200), atol=0.01, rtol=0)


def test_jitter_draws_from_the_global_random_numbers():
    images = torch.rand(4, 1, 8, 8, generator=RNG)
    torch.manual_seed(3)
    first = jitter(images, pixels=2)
    torch.manual_seed(3)
    assert torch.equal(jitter(images, pixels=2), first)


@given(size=st.integers(9, 20), margin=st.integers(0, 2), seed=st.integers(0, 50))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_scatter_moves_whole_images(size, margin, seed):
    images = torch.rand(3, 2, 4, 5, generator=RNG)
    frames, centres = scatter(images, size, margin=margin, seed=seed)
    assert frames.shape == (3, 2, size, size)
    for image, frame, (x, y) in zip(images, frames, centres.tolist(), strict=True):
        left, top = round(x - 2.5), round(y - 2)
        assert min(left, top) >= margin and max(left + 5, top + 4) <= size - margin
        assert torch.equal(frame[:, top : top + 4, left : left + 5], image)
        assert frame.count_nonzero() == image.count_nonzero()


def test_scatter_uses_every_place_and_only_its_seed():
    images = torch.ones(400, 1, 2, 2)
    frames, centres = scatter(images, 5, seed=1)
    assert sorted(set(map(tuple, centres.tolist()))) == [
        (x + 1.0, y + 1.0) for x in range(4) for y in range(4)
    ]
    torch.manual_seed(9)
    assert torch.equal(scatter(images, 5, seed=1)[0], frames)
    assert not torch.equal(scatter(images, 5, seed=2)[0], frames)


def test_consistency_counts_equal_answers_right_or_wrong():
    images = torch.zeros(6, 1, 8, 8)
    images[:3, 0, 3, 3] = 1  # one step to the right and the answer changes
    images[3:, 0, 3, 1] = 1
    assert consistency(LeftOrRight(), images) == pytest.approx((3 * 3 + 3 * 4) / 24)
    assert consistency(LeftOrRight(), images, 3) == pytest.approx(3 / 4)


def test_consistency_leaves_the_mode_alone():
    model = nn.Sequential(LeftOrRight(), nn.Dropout(0.9)).train()
    assert consistency(model, torch.ones(2, 1, 8, 8)) == 1
    assert model.training
