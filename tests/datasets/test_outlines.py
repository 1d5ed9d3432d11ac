"""Pictures with true outlines: what is new in the test split, and where the lines run."""

import numpy as np
import pytest
import torch

from utils.datasets import load, outlines
from utils.datasets.photos import names


def test_the_grounds_of_the_two_splits_are_different_photographs():
    train, test = (set(outlines.GROUNDS[split]) for split in ("train", "test"))
    assert not train & test
    assert train | test <= set(names())


def test_lines_run_where_the_owner_changes():
    owner = np.zeros((12, 12), int)
    owner[3:8, 4:9] = 1
    lines = outlines.border(owner)
    expected = np.zeros_like(lines)
    expected[2:9, 3:10] = True
    expected[4:7, 5:8] = False
    assert np.array_equal(lines, expected)
    assert not outlines.border(np.zeros((5, 5), int)).any()


def test_pictures_have_lines_and_repeat():
    data = load("outlines", "test", count=6, size=64, quiet=True)
    assert data.images.shape == (6, 3, 64, 64) and data.targets.shape == (6, 64, 64)
    assert data.targets.dtype == torch.bool
    share = data.targets.float().mean((1, 2))
    assert (share > 0.01).all() and (share < 0.3).all()
    again = load("outlines", "test", count=3, size=64, quiet=True)
    assert torch.equal(again.images, data.images[:3])
    other = load("outlines", "train", count=3, size=64, quiet=True)
    assert not torch.equal(again.images, other.images)


@pytest.mark.parametrize("arguments", [{"count": 0}, {"count": 1, "size": 40}])
def test_arguments_out_of_range(arguments):
    with pytest.raises(ValueError, match="give count"):
        load("outlines", quiet=True, **arguments)
