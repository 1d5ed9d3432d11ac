"""Centring, deslanting and cropping against scikit-image, SciPy and their own definitions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import moments_central

from utils.datasets import load
from utils.invariance import shift
from utils.preprocessing import centre, crop_to_ink, deslant, moments

few = settings(max_examples=60, deadline=None, derandomize=True)


def strokes(seed, count=3, size=28, room=8):
    """Random ink well inside the frame."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.zeros(count, 1, size, size, dtype=torch.float64)
    inside = slice(room, size - room)
    side = size - 2 * room
    ink = torch.rand(count, 1, side, side, generator=generator, dtype=torch.float64)
    images[..., inside, inside] = ink * (ink > 0.6)
    return images


def leaning_bar(slant, size=41):
    """A smooth bar through the middle that leans by `slant` pixels a row."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    bar = np.exp(-((x - slant * y) ** 2) / 8) * (np.abs(y) < 10)
    return torch.from_numpy(bar)[None, None]


@few
@given(seed=st.integers(0, 10**6))
def test_moments_are_those_of_scikit_image(seed):
    images = strokes(seed)
    found = moments(images)
    for number, image in enumerate(images[:, 0].numpy()):
        y, x = ndimage.center_of_mass(image)
        assert found.x[number].item() == pytest.approx(x)
        assert found.y[number].item() == pytest.approx(y)
        central = moments_central(image, order=2)
        mass = central[0, 0]
        assert found.mass[number].item() == pytest.approx(mass)
        assert found.yy[number].item() == pytest.approx(central[2, 0] / mass)
        assert found.xy[number].item() == pytest.approx(central[1, 1] / mass, abs=1e-9)
        assert found.xx[number].item() == pytest.approx(central[0, 2] / mass)


@few
@given(seed=st.integers(0, 10**6), dx=st.integers(-7, 7), dy=st.integers(-7, 7))
def test_centring_undoes_a_shift(seed, dx, dy):
    images = (255 * strokes(seed)).round().to(torch.uint8)
    assert torch.equal(centre(shift(images, dx, dy)), centre(images))


@few
@given(seed=st.integers(0, 10**6), dx=st.integers(-7, 7), dy=st.integers(-7, 7))
def test_centred_ink_is_in_the_middle(seed, dx, dy):
    found = moments(centre(shift(strokes(seed), dx, dy)))
    assert ((found.x - 14).abs() <= 0.5 + 1e-9).all()
    assert ((found.y - 14).abs() <= 0.5 + 1e-9).all()


def test_mnist_is_centred_already():
    digits = load("mnist", split="test", quiet=True).images[:1000]
    assert torch.equal(centre(digits), digits)


def test_deslanting_centres_in_frames_of_even_size():
    found = moments(deslant(shift(strokes(3), 4, -3)))
    assert (found.x - 14).abs().max() < 0.1
    assert (found.y - 14).abs().max() < 0.1
    assert (found.xy / found.yy).abs().max() < 0.05


@few
@given(slant=st.floats(-0.8, 0.8))
def test_deslanting_makes_a_leaning_bar_upright(slant):
    before, after = moments(leaning_bar(slant)), moments(deslant(leaning_bar(slant)))
    assert (before.xy / before.yy).item() == pytest.approx(slant, abs=0.05)
    assert after.xy.item() == pytest.approx(0, abs=0.05)
    assert after.x.item() == pytest.approx(20, abs=0.05)
    assert after.y.item() == pytest.approx(20, abs=0.05)


def test_an_upright_centred_bar_stays_as_it_is():
    torch.testing.assert_close(deslant(leaning_bar(0.0)), leaning_bar(0.0), atol=1e-6, rtol=0)


def test_deslanting_leans_the_right_way():
    """Ink that leans to the right at the top (as most writing does) has xy below zero."""
    slash = torch.eye(9, dtype=torch.float64).flip(1)[None, None]
    assert moments(slash).xy.item() < 0
    upright = deslant(slash)
    assert upright[0, 0, :, 4].sum() == pytest.approx(9)


@few
@given(
    left=st.integers(0, 10), top=st.integers(0, 10), width=st.integers(3, 14),
    height=st.integers(3, 14), size=st.sampled_from([8, 20]),
)  # fmt: skip
def test_a_box_of_ink_fills_the_crop(left, top, width, height, size):
    image = torch.zeros(1, 1, 24, 24)
    image[..., top : top + height, left : left + width] = 1
    cropped = crop_to_ink(image, size)
    assert cropped.shape == (1, 1, size, size)
    assert cropped[0, 0, size // 2, size // 2] > 0.99
    longer, shorter = (0, 1) if height >= width else (1, 0)
    extent = [(cropped[0, 0].amax(dim=1 - axis) > 0.5).sum().item() for axis in (0, 1)]
    assert extent[longer] == size
    assert abs(extent[shorter] - size * min(width, height) / max(width, height)) <= 1.5


@few
@given(seed=st.integers(0, 10**6), dx=st.integers(-7, 7), dy=st.integers(-7, 7))
def test_cropping_does_not_mind_shifts(seed, dx, dy):
    images = strokes(seed)
    torch.testing.assert_close(crop_to_ink(shift(images, dx, dy)), crop_to_ink(images))


@pytest.mark.parametrize("prepare", [centre, deslant, crop_to_ink])
def test_empty_images_stay_empty_and_types_stay(prepare):
    for dtype in (torch.uint8, torch.float32, torch.float64):
        prepared = prepare(torch.zeros(2, 1, 28, 28, dtype=dtype))
        assert prepared.dtype == dtype
        assert not prepared.any()


@pytest.mark.parametrize("prepare", [moments, centre, deslant, crop_to_ink])
@pytest.mark.parametrize(
    ("images", "complaint"),
    [
        (torch.zeros(28, 28), r"\(28, 28\)"),
        (torch.zeros(2, 3, 28, 28), r"\(2, 3, 28, 28\)"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.int64), "int64"),
        (torch.full((1, 1, 4, 4), -0.42), "-0.42"),
        (torch.full((1, 1, 4, 4), math.nan), "nan"),
    ],
)
def test_what_is_no_ink_is_refused(prepare, images, complaint):
    with pytest.raises(ValueError, match=complaint):
        prepare(images)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"size": 1}, "size is 1: it must be >= 2"),
        ({"threshold": 0}, "threshold is 0: give a share"),
        ({"threshold": 1.5}, "at most 1"),
    ],
)
def test_crops_without_sense_are_refused(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        crop_to_ink(torch.zeros(1, 1, 28, 28), **options)
