"""The layer that crops."""

import pytest
import torch

from utils.models.crop import Crop


def coordinates(count=64, side=12):
    """Images whose two channels hold each pixel's row and column."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return torch.stack([rows, columns]).float().expand(count, 2, side, side)


def test_the_middle_in_evaluation():
    out = Crop(8).eval()(coordinates())
    assert out.shape == (64, 2, 8, 8)
    assert (out[:, :, 0, 0] == 2).all() and (out[:, :, -1, -1] == 9).all()


def test_everywhere_and_whole_in_training():
    crop = Crop(8)
    torch.manual_seed(0)
    out = crop(coordinates(400))
    corners = out[:, :, 0, 0]
    assert set(corners.flatten().tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert len(corners.unique(dim=0)) == 25  # rows and columns are drawn apart
    assert torch.equal(out - corners[:, :, None, None], coordinates(400)[:, :, :8, :8])
    torch.manual_seed(0)
    assert torch.equal(crop(coordinates(400)), out)


def test_gradient_goes_to_the_square_only():
    images = torch.ones(3, 1, 6, 6, requires_grad=True)
    Crop(4)(images).sum().backward()
    assert images.grad.sum() == 3 * 16 and set(images.grad.flatten().tolist()) == {0.0, 1.0}


def test_refusals():
    with pytest.raises(ValueError, match="at least 1"):
        Crop(0)
    with pytest.raises(ValueError, match="no square of 9"):
        Crop(9)(torch.zeros(1, 1, 8, 12))
