"""The collection of patches, and the animals with marked parts."""

import numpy as np
import pytest
import torch

from utils.datasets import load, patches, photos
from utils.datasets.cutouts import cutouts


@pytest.fixture(scope="module")
def few():
    return load("patches", "all", size=48, quiet=True)


def test_at_least_five_hundred_patches_and_each_source_is_known(few):
    assert len(few) >= 500
    names = patches.sources()
    assert names[: len(photos.names())] == photos.names()
    assert len(names) == len(set(names)) == len(photos.names()) + len(cutouts())
    counts = torch.bincount(few.targets, minlength=len(names))
    of_photos = counts[: len(photos.names())]
    assert (of_photos == patches.CROPS).all()
    assert set(counts[len(of_photos) :].tolist()) == {0, patches.COPIES, 2 * patches.COPIES}
    assert len(few.targets.unique()) >= 200


def test_pictures_of_one_thing_are_one_source(few):
    names, found = patches.sources(), set(few.targets.tolist())
    assert names.index("vehicle/emergency-sedan_police") not in found
    assert (few.targets == names.index("vehicle/auto-sedan")).sum() == 2 * patches.COPIES


def test_the_same_seed_gives_the_same_patches(few):
    again = load("patches", "all", size=48, quiet=True)
    assert torch.equal(few.images, again.images)
    assert not torch.equal(few.images, load("patches", "all", size=48, seed=1, quiet=True).images)


def test_a_limit_spreads_over_the_collection(few):
    part = load("patches", "all", size=48, limit=40, quiet=True)
    assert len(part) == 40
    assert part.targets.max() > 190 and part.targets.min() == 0
    rows = [torch.equal(image, few.images[i * 598 // 40]) for i, image in enumerate(part.images)]
    assert all(rows)


def test_cutouts_stand_on_plain_grounds():
    rng = np.random.default_rng(0)
    picture = np.array(patches.on_plain_ground(cutouts()[0].image, 100, rng))
    corners = {tuple(picture[row, column]) for row in (0, -1) for column in (0, -1)}
    assert len(corners) <= 2  # a cut-out may reach one corner, not three
    ground = max(corners, key=lambda colour: (picture == colour).all(2).sum())
    share = (picture == ground).all(2).mean()
    assert 0.15 < share < 0.95


@pytest.mark.parametrize("arguments", [{"size": 31}, {"seed": -1}, {"limit": 0}, {"limit": 599}])
def test_arguments_out_of_range(arguments):
    with pytest.raises(ValueError, match="give"):
        load("patches", "all", quiet=True, **arguments)
    with pytest.raises(ValueError, match="split"):
        load("patches", "train", quiet=True)


def test_animals_look_left_and_their_parts_lie_on_them():
    animals = patches.animals_with_parts(227)
    assert animals.images.shape == (10, 3, 227, 227) and animals.images.dtype == torch.uint8
    assert animals.parts.shape == (10, len(patches.PARTS), 2)
    for solid, parts, picture in zip(animals.solid, animals.parts, animals.images, strict=True):
        head, foreleg, hind_leg = parts.tolist()
        assert head[1] < foreleg[1] < hind_leg[1]  # head left, then foreleg, then hind leg
        assert head[0] < min(foreleg[0], hind_leg[0])  # and above them
        for row, column in parts.tolist():
            assert solid[row - 12 : row + 13, column - 12 : column + 13].float().mean() > 0.1
        assert (picture[:, 0, 0] == torch.tensor(patches.GROUND)).all()
    with pytest.raises(ValueError, match="at least 64"):
        patches.animals_with_parts(32)
