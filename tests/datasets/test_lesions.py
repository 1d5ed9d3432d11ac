"""Rendered lesions: the tree, the ruler, and pictures that depend on their number alone."""

import numpy as np
import pytest
import torch

from utils.datasets import class_names, lesions, load
from utils.taxonomy import Taxonomy


def some(split="train", count=12, **options):
    return load("lesions", split, count=count, quiet=True, **options)


def test_the_tree_has_two_six_and_eighteen_classes():
    tree = Taxonomy(lesions.TREE)
    assert [len(tree.level(depth)) for depth in (1, 2, 3)] == [2, 6, 18]
    assert tree.leaves() == lesions.LEAVES == class_names("lesions")
    assert set(lesions._KINDS) == set(lesions.LEAVES)
    for depth in (1, 2, 3):
        names, members = lesions.groups(depth)
        assert names == tree.level(depth)
        for leaf, place in zip(lesions.LEAVES, members.tolist(), strict=True):
            assert names[place] in tree.path(leaf)
    assert {leaf for leaf in lesions.LEAVES if "malignant" in tree.path(leaf)} == set(
        lesions.MALIGNANT
    )


def test_a_picture_depends_on_its_number_and_not_on_how_many_there_are():
    few, more = some(count=3), some(count=8)
    assert few.images.shape == (3, 3, 128, 128) and few.images.dtype == torch.uint8
    assert torch.equal(few.images, more.images[:3]) and torch.equal(few.targets, more.targets[:3])
    assert torch.equal(some(count=3).images, few.images)
    for other in (some("test", 3), some(count=3, seed=1)):
        assert not torch.equal(other.images, few.images)


def test_the_ruler_lies_over_the_same_picture():
    bare, ruled = some(count=10), some(count=10, ruler="all")
    changed = (bare.images != ruled.images).any(dim=1)
    share = changed.float().mean(dim=(1, 2))
    assert (share > 0.05).all() and (share < 0.2).all()
    edge = torch.ones(128, 128, dtype=torch.bool)
    edge[16:-16, 16:-16] = False
    assert not changed[:, ~edge].any(), "the lesion stays as it was"
    assert torch.equal(some(ruler="none").images, some().images)


def test_the_bias_is_what_it_says():
    weights = [float(leaf in ("scar", "nodular melanoma")) for leaf in lesions.LEAVES]
    bare = some(count=120, weights=weights)
    malignant = torch.tensor([lesions.LEAVES[t] in lesions.MALIGNANT for t in bare.targets])
    assert 30 < malignant.sum() < 90
    for ruler, (sick, healthy) in {"biased": (0.8, 0.05), "reversed": (0.05, 0.8)}.items():
        data = some(count=120, weights=weights, ruler=ruler)
        ruled = (data.images != bare.images).flatten(1).any(1)
        assert abs(ruled[malignant].float().mean() - sick) < 0.17
        assert abs(ruled[~malignant].float().mean() - healthy) < 0.17


def test_kinds_look_different_and_skins_vary():
    means = {}
    for leaf in ("cherry angioma", "blue naevus", "scar"):
        weights = [float(name == leaf) for name in lesions.LEAVES]
        middle = some(count=8, weights=weights).images[:, :, 54:74, 54:74].float()
        means[leaf] = middle.mean(dim=(0, 2, 3))
    assert means["cherry angioma"].argmax() == 0 and means["blue naevus"].argmax() == 2
    assert means["scar"].mean() > means["cherry angioma"].mean() + 40
    corners = some(count=40).images[:, :, 30:36, 4:10].float().mean(dim=(1, 2, 3))
    assert corners.std() > 15, "skins of one tone only would be no collection"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count": 0}, "at least one picture"),
        ({"seed": -1}, "at least one picture"),
        ({"spread": 9}, "a spread from 0 to 4"),
        ({"ruler": "left"}, "ruler"),
        ({"ruler": {"malignant": 2, "benign": 0}}, "malignant"),
        ({"weights": [1]}, "18 numbers"),
        ({"weights": np.zeros(18)}, "not all of them 0"),
    ],
)
def test_what_cannot_be_rendered_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        some(**options)
    with pytest.raises(ValueError, match="give 1, 2 or 3"):
        lesions.groups(0)
