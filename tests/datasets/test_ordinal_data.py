"""Rendered ages: repeatable, balanced, and really ordered by eye."""

import pytest
import torch

from utils.datasets import load
from utils.datasets.ordinal import NUM_RANKS, ages


@pytest.fixture(scope="module")
def train():
    return ages("train", 3_000)


def test_shapes_ranges_and_record(train, capsys):
    assert train.images.shape == (3_000, 1, 32, 32) and train.images.dtype == torch.uint8
    assert train.targets.dtype == torch.int64
    assert train.images.min() < 15 and train.images.max() > 240
    assert len(torch.unique(train.images.flatten(1), dim=0)) == 3_000
    load("ages", "test", count=10)
    assert capsys.readouterr().out == "ages test: 10 images 1x32x32, rendered, seed 0 (MIT)\n"


def test_every_rank_occurs_about_equally_often(train):
    counts = torch.bincount(train.targets, minlength=NUM_RANKS)
    assert len(counts) == NUM_RANKS
    expected = 3_000 / NUM_RANKS
    assert (((counts - expected) ** 2 / expected).sum()) < 86  # chi-square, 49 degrees: 0.1 %


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_portrait_depends_on_split_seed_and_number_only(split):
    many, fewer = ages(split, 600, seed=2), ages(split, 13, seed=2)
    assert torch.equal(many.images[:13], fewer.images)
    assert torch.equal(many.targets[:13], fewer.targets)
    assert not torch.equal(ages(split, 13, seed=3).images, fewer.images)


def test_splits_differ_and_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    parts = [ages(split, 16).images for split in ("train", "validation", "test")]
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(parts[0], parts[1]) and not torch.equal(parts[1], parts[2])


def _residual(train, test):
    """Mean absolute error of a ridge regression on pixels, and that of the median."""
    x, z = (data.images.flatten(1).double() / 255 - 0.4 for data in (train, test))
    x, z = (torch.cat([v, torch.ones(len(v), 1, dtype=v.dtype)], 1) for v in (x, z))
    y = train.targets.double()
    weights = torch.linalg.solve(x.T @ x + 30 * torch.eye(x.shape[1], dtype=x.dtype), x.T @ y)
    median = (train.targets.median() - test.targets).abs().double().mean()
    return (z @ weights - test.targets).abs().mean(), median


def test_age_shows_but_cannot_be_read_off(train):
    error, median = _residual(train, ages("test", 1_000))
    assert error < 0.65 * median


def test_people_who_age_alike_are_easier_to_guess():
    same = _residual(ages("train", 3_000, spread=0), ages("test", 1_000, spread=0))[0]
    different = _residual(ages("train", 3_000, spread=0.4), ages("test", 1_000, spread=0.4))[0]
    assert same < 0.85 * different


def test_old_people_are_grey_and_have_small_eyes(train):
    sides = (train.targets < 8, train.targets > 41)
    young, old = (train.images[side].float().mean((0, 1)) for side in sides)
    assert old[4:8, 12:20].mean() > young[4:8, 12:20].mean() + 30  # the hair
    assert old[14:16, 10:13].mean() > young[14:16, 10:13].mean() + 5  # the left eye


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": "all"}, "no split 'all'"),
        ({"count": 0}, "at least 1 portrait"),
        ({"seed": -1}, "seed of"),
        ({"spread": -0.1}, "spread of 0 or more"),
    ],
)
def test_errors_say_what_is_allowed(options, words):
    with pytest.raises(ValueError, match=words):
        load("ages", **({"split": "train"} | options))
