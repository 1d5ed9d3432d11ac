"""Crops, reflections and PCA colour, against torchvision and against their mathematics."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from utils import augmentation

quick = settings(max_examples=40, deadline=None, derandomize=True)


def numbered(count, side, channels=2):
    """Images whose pixels all have different values."""
    return torch.arange(count * channels * side * side).float().reshape(count, channels, side, side)


# --- crops ----------------------------------------------------------------------------------


def test_the_papers_factor_leaves_the_last_place_out():
    assert augmentation.crop_positions(256, 224, last=False) == 2048
    assert augmentation.crop_positions(256, 224) == 2178
    assert augmentation.crop_positions(256, 224, mirrored=False) == 33 * 33
    with pytest.raises(ValueError, match="give 1 <= size <= side"):
        augmentation.crop_positions(224, 225)


@quick
@given(
    top=st.integers(0, 4),
    left=st.integers(0, 4),
    mirror=st.booleans(),
    seed=st.integers(0, 99),
)
def test_each_image_is_cut_at_its_own_place(top, left, mirror, seed):
    images = torch.rand(3, 2, 9, 9, generator=torch.Generator().manual_seed(seed))
    places = torch.tensor([[0, 0, 0], [top, left, mirror], [4, 4, 1]])
    found = augmentation.crop(images, 5, places[:, 0], places[:, 1], places[:, 2].bool())
    for image, (t, x, flip), cut in zip(images, places.tolist(), found, strict=True):
        expected = image[:, t : t + 5, x : x + 5]
        assert torch.equal(cut, expected.flip(-1) if flip else expected)


def test_random_crops_reach_every_place_and_no_other():
    side, size = 5, 3
    torch.manual_seed(0)
    image = numbered(1, side, channels=1)
    cuts = augmentation.random_crop_flip(image.expand(4000, -1, -1, -1), size)
    seen, counts = cuts.flatten(1).unique(dim=0, return_counts=True)
    assert len(seen) == augmentation.crop_positions(side, size) == 18
    assert counts.min() > 4000 / 18 * 0.75  # all places are equally likely
    assert counts.max() < 4000 / 18 * 1.25


def test_crops_follow_torchs_seed():
    images = numbered(8, 9)
    cuts = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        cuts.append(augmentation.random_crop_flip(images, 5))
    assert torch.equal(cuts[0], cuts[1])
    assert not torch.equal(cuts[0], cuts[2])


@pytest.mark.parametrize("side", [7, 8])
def test_centre_and_ten_crops_are_torchvisions(side):
    from torchvision.transforms.v2 import functional as theirs

    images = numbered(3, side)
    for size in (3, 4, 7):
        # torchvision crops the mirrored image, so its mirrored corners come left and right swapped
        order = [0, 1, 2, 3, 4, 6, 5, 8, 7, 9]
        expected = torch.stack(theirs.ten_crop(images, size), dim=1)[:, order]
        ours = augmentation.ten_crop(images, size)
        assert ours.shape == (3, 10, 2, size, size)
        corners = [0, 1, 2, 3, 5, 6, 7, 8]
        assert torch.equal(ours[:, corners], expected[:, corners])
        if (side - size) % 2 == 0:  # else the centre is a matter of rounding
            assert torch.equal(ours, expected)
            assert torch.equal(augmentation.centre_crop(images, size), expected[:, 4])


def test_ten_crop_probabilities_average_ten_views():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Dropout(0.5), nn.Linear(27, 4))
    model.train()
    images = torch.randn(7, 2, 8, 8)
    found = augmentation.ten_crop_probabilities(model, images, 5, batch_size=3)
    assert model.training, "the mode should be as before"
    model.eval()
    expected = torch.zeros(7, 4)
    with torch.no_grad():
        for top, left in ((0, 0), (0, 3), (3, 0), (3, 3), (1, 1)):
            view = images[..., top : top + 5, left : left + 5]
            for flipped in (view, view.flip(-1)):
                expected += model(flipped.contiguous()).softmax(1) / 10
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found.sum(1), torch.ones(7))


@pytest.mark.parametrize(
    "function",
    [augmentation.random_crop_flip, augmentation.centre_crop, augmentation.ten_crop],
)
def test_crops_larger_than_the_image_are_refused(function):
    with pytest.raises(ValueError, match="10 x 10 from images of 9 x 12: take at most 9"):
        function(torch.zeros(1, 3, 9, 12), 10)
    with pytest.raises(ValueError, match=r"give \(N, C, H, W\)"):
        function(torch.zeros(3, 9, 12), 5)


def test_crops_outside_the_image_are_refused():
    zero, no = torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.bool)
    with pytest.raises(ValueError, match="top must lie in 0"):
        augmentation.crop(numbered(1, 9), 5, zero + 5, zero, no)
    with pytest.raises(ValueError, match="left must lie in 0"):
        augmentation.crop(numbered(1, 9), 5, zero, zero - 1, no)


# --- colour ---------------------------------------------------------------------------------


def photos(seed=0, count=6):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.tensor([[0.2, 0.05, 0.0], [0.2, 0.0, 0.04], [0.2, -0.05, 0.0]])
    pixels = torch.randn(count, 5, 4, 3, generator=generator) @ mixing.T + 0.5
    return pixels.permute(0, 3, 1, 2)


@quick
@given(seed=st.integers(0, 999))
def test_components_take_the_covariance_apart(seed):
    images = photos(seed)
    values, vectors = augmentation.colour_components(images)
    pixels = images.permute(0, 2, 3, 1).reshape(-1, 3).double()
    covariance = torch.cov(pixels.T, correction=0)
    torch.testing.assert_close(vectors @ values.diag() @ vectors.T, covariance)
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(3).double())
    assert values[0] >= values[1] >= values[2] >= 0
    assert (vectors.gather(0, vectors.abs().argmax(0, keepdim=True)) > 0).all()


def test_bytes_count_as_zero_to_one():
    images = (255 * photos().clamp(0, 1)).round().byte()
    one = augmentation.colour_components(images)
    two = augmentation.colour_components(images.double() / 255)
    torch.testing.assert_close(one, two)


def test_all_pixels_of_an_image_get_the_same_colour():
    images = photos().double()
    torch.manual_seed(0)
    added = augmentation.pca_colour(images, augmentation.colour_components(images)) - images
    torch.testing.assert_close(added, added[:, :, :1, :1].expand_as(added))
    assert added[:, 0, 0, 0].unique().numel() == len(images)


@pytest.mark.parametrize("sd", [0.1, 0.5])
def test_added_colours_have_the_covariance_of_the_formula(sd):
    images = photos().double()
    values, vectors = augmentation.colour_components(images)
    black = torch.zeros(40_000, 3, 1, 1, dtype=torch.float64)
    torch.manual_seed(1)
    added = augmentation.pca_colour(black, (values, vectors), sd=sd)[:, :, 0, 0]
    expected = sd**2 * vectors @ (values**2).diag() @ vectors.T
    covariance = vectors @ values.diag() @ vectors.T
    torch.testing.assert_close(expected, sd**2 * covariance @ covariance)
    error = 5 * expected.diag().max() / 40_000**0.5
    torch.testing.assert_close(added.T @ added / len(added), expected, rtol=0, atol=error.item())
    assert added.mean(0).abs().max() < 5 * (expected.diag().max() / 40_000) ** 0.5
    principal = added @ vectors / (sd * values)  # the a_i / sd: independent, normal
    torch.testing.assert_close(principal.T.cov(), torch.eye(3).double(), rtol=0, atol=0.04)


def test_colours_need_three_channels():
    with pytest.raises(ValueError, match=r"give \(N, 3, H, W\)"):
        augmentation.colour_components(torch.zeros(1, 1, 4, 4))
