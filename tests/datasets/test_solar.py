"""Solar cells: the labels, the split and what it keeps apart."""

import itertools

import pytest
import torch

from utils import fetch
from utils.datasets import class_names, load
from utils.datasets.solar import held_out_mask, read_labels
from utils.fetch import DataError

KINDS = ["mono"] * 5 + ["poly"] * 7 + ["mono"] * 3 + ["poly"] * 2 + ["mono"] * 4 + ["poly"] * 6

needs_elpv = pytest.mark.skipif(
    not fetch.is_cached("elpv"), reason="the optional data set elpv was not fetched"
)


def test_labels():
    text = "images/a.png  0.0   mono\nimages/b.png  0.6666666666666666  poly\n\n"
    assert read_labels(text) == (["images/a.png", "images/b.png"], [0, 2], ["mono", "poly"])


def test_a_run_of_one_kind_is_on_one_side():
    mask = held_out_mask(KINDS)
    assert sum(mask) == 3 + 2 + 4 + 6
    start = 0
    for _, group in itertools.groupby(KINDS):
        size = len(list(group))
        assert len(set(mask[start : start + size])) == 1
        start += size


def test_at_random_as_many_cells_and_another_seed_others():
    first, again, other = (held_out_mask(KINDS, "cells", seed) for seed in (0, 0, 1))
    assert first == again != other and sum(first) == sum(other) == 15
    assert first != held_out_mask(KINDS)


def test_refusals(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="divisor"):
        load("elpv", side=128)
    with pytest.raises(ValueError, match="way to split"):
        load("elpv", by="colour")
    with pytest.raises(ValueError, match="no split"):
        load("elpv", "validation")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(DataError, match="course data fetch elpv"):
        load("elpv")


@needs_elpv
def test_all_cells_once():
    train = load("elpv", side=50, quiet=True)
    test = load("elpv", "test", side=50, quiet=True)
    assert (len(train), len(test)) == (2_144, 480)
    assert test.images.shape == (480, 1, 50, 50) and test.images.dtype == torch.uint8
    both = torch.cat([train.targets, test.targets])
    assert torch.bincount(both).tolist() == [1508, 295, 106, 715]  # as published
    assert len(torch.unique(torch.cat([train.images, test.images]).flatten(1), dim=0)) > 2_600
    assert len(class_names("elpv")) == 4


@needs_elpv
def test_blocks_are_averaged():
    whole = load("elpv", "test", quiet=True).images[:3].float()
    small = load("elpv", "test", side=100, quiet=True).images[:3].float()
    assert (whole.unfold(2, 3, 3).unfold(3, 3, 3).mean((4, 5)) - small).abs().max() <= 0.51
