"""Rendered faces: repeatable, nobody in two splits, a style that shows and a body that stays."""

import pytest
import torch

from utils.datasets import load
from utils.datasets.faces import OLDEST, PERSONS, YOUNGEST, faces


@pytest.fixture(scope="module")
def some():
    return faces("validation", persons=40, pictures=6)


def test_shapes_columns_and_record(some, capsys):
    assert some.images.shape == (240, 3, 64, 64) and some.images.dtype == torch.uint8
    person, style, age = some.targets.T
    assert person.tolist() == [k for k in range(40) for _ in range(6)]
    assert torch.equal(style, person % 2)
    assert age.min() >= YOUNGEST and age.max() <= OLDEST
    ages = age.view(40, 6)
    assert (ages.max(1).values - ages.min(1).values).max() <= 3
    assert len(torch.unique(some.images.flatten(1), dim=0)) == 240
    load("faces", "test", persons=2, pictures=1)
    line = "faces test: 2 images 3x64x64, 2 persons, rendered, seed 0 (MIT)\n"
    assert capsys.readouterr().out == line


@pytest.mark.parametrize("split", list(PERSONS))
def test_a_picture_depends_on_seed_split_person_and_number_only(split):
    many, few = faces(split, 4, 3, seed=2), faces(split, 2, 2, seed=2)
    assert torch.equal(many.images.view(4, 3, 3, 64, 64)[:2, :2], few.images.view(2, 2, 3, 64, 64))
    assert not torch.equal(few.images, faces(split, 2, 2, seed=3).images)


def test_nobody_is_in_two_splits():
    first = [faces(split, 2, 1).images for split in PERSONS]
    for k, one in enumerate(first):
        assert all(not torch.equal(one, other) for other in first[:k])


def test_a_body_is_nearer_to_itself_than_to_others_of_its_style(some):
    faces_of = some.images.float().mean(1).flatten(1)
    faces_of = faces_of - faces_of.mean(1, keepdim=True)
    gaps = torch.cdist(faces_of, faces_of)
    person, style, _ = some.targets.T
    same = (person[:, None] == person) & ~torch.eye(len(person), dtype=torch.bool)
    other = (person[:, None] != person) & (style[:, None] == style)
    assert gaps[same].mean() < 0.9 * gaps[other].mean()


def test_the_style_shows_and_is_no_matter_of_age(some):
    _, style, age = some.targets.T
    first, second = (some.images[style == s].float().mean((0, 1)) for s in (0, 1))
    assert (first - second).abs().max() > 25  # hair beside the neck, and the chin
    assert abs(age[style == 0].float().mean() - age[style == 1].float().mean()) < 12


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": "all"}, "no split 'all'"),
        ({"persons": 1}, "at least 2 persons"),
        ({"pictures": 0}, "1 picture"),
        ({"seed": -1}, "seed of"),
    ],
)
def test_errors_say_what_is_allowed(options, words):
    with pytest.raises(ValueError, match=words):
        load("faces", **({"split": "train"} | options))
