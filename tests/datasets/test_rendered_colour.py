"""Rendered colour images: balanced, repeatable, and honest about what is held out."""

import numpy as np
import pytest
import torch

from utils.datasets import class_names, cutouts, load, rendered_colour
from utils.datasets.rendered_colour import colour


@pytest.fixture(scope="module")
def train():
    return colour("train", 1_600)


def test_shapes_ranges_and_record(train):
    assert train.images.shape == (1_600, 3, 32, 32) and train.images.dtype == torch.uint8
    assert train.targets.shape == (1_600,) and train.targets.dtype == torch.int64
    assert train.images.min() < 20 and train.images.max() > 235
    assert "GPL-2.0-or-later" in train.record.licence and train.record.shape == (3, 32, 32)
    assert len(torch.unique(train.images.flatten(1), dim=0)) == 1_600


def test_every_eight_images_show_every_class_once(train):
    groups = train.targets.view(-1, 8)
    assert torch.equal(groups.sort(1).values, torch.arange(8).expand(200, 8))
    assert len(torch.unique(groups, dim=0)) > 150  # in random order


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_an_image_depends_on_seed_split_and_number_only(split):
    many, few = colour(split, 300, seed=2), colour(split, 13, seed=2)
    assert torch.equal(many.images[:13], few.images) and torch.equal(many.targets[:13], few.targets)
    assert not torch.equal(colour(split, 13, seed=3).images, few.images)


def test_splits_differ_and_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    parts = [colour(split, 16).images for split in ("train", "validation", "test")]
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(parts[0], parts[1]) and not torch.equal(parts[1], parts[2])


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_only_the_test_split_shows_held_out_cutouts(split, monkeypatch):
    shown = []
    placement = rendered_colour._placement

    def watched(rng, numbers):
        shown.extend(numbers)
        return placement(rng, numbers)

    monkeypatch.setattr(rendered_colour, "_placement", watched)
    data = colour(split, 1_024)
    hidden = cutouts.held_out()
    if split == "test":
        assert set(shown) == set(hidden)
    else:
        assert not set(shown) & hidden and len(set(shown)) > 150
    kinds = [cutouts.CLASSES.index(cutouts.cutouts()[number].kind) for number in shown]
    assert kinds == data.targets.tolist()


def test_the_object_fills_the_picture_and_stays_in_it(monkeypatch):
    canvases = rendered_colour._canvases().clone()
    canvases[:, :3] = canvases[:, 3:]  # white things
    monkeypatch.setattr(rendered_colour, "_canvases", lambda: canvases)
    monkeypatch.setattr(
        rendered_colour, "_grounds", lambda split: torch.zeros(4, 3, 32, 32, dtype=torch.uint8)
    )
    covered = (colour("train", 1_024).images.amax(1) > 25).float()
    share = covered.mean((1, 2))
    assert share.min() > 0.03 and 0.2 < share.mean() < 0.5
    rows, columns = covered.amax(2).sum(1), covered.amax(1).sum(1)
    assert torch.maximum(rows, columns).min() >= 16


def test_pictures_of_one_cutout_vary(train):
    wheel = [np.asarray(image) for image in train.images[train.targets == 7]]
    assert np.std([picture.mean() for picture in wheel]) > 10


def test_load_prints_one_line(capsys):
    data = load("colour", "validation", count=8)
    assert capsys.readouterr().out == f"{data.record}\n"
    assert str(data.record).startswith("colour validation: 8 images 3x32x32, rendered, seed 0")
    assert class_names("colour") == cutouts.CLASSES


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"split": "dev"}, "there is no split 'dev'; there are train, validation, test"),
        ({"count": 0}, "count=0"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_what_is_out_of_range_is_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        colour(**arguments)
