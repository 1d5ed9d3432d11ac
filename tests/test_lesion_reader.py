"""Reading lesions: classes of nodes, thresholds, rulers; and one small study from end to end."""

import io

import numpy as np
import pytest
import torch

from utils import lesion_reader, taxonomy
from utils.datasets import lesions
from utils.lesion_reader import TREE


def test_classes_of_a_level_are_the_classes_of_the_data_set():
    targets = torch.arange(18)
    for depth in (1, 2, 3):
        names, members = lesions.groups(depth)
        assert torch.equal(lesion_reader.classes_of(names, targets), members)


def test_a_leaf_without_a_class_is_named_once_a_picture_shows_it():
    leaf = lesions.LEAVES[3]
    names = tuple(name for name in lesions.LEAVES if name != leaf)
    assert lesion_reader.classes_of(names, torch.tensor([0, 4])).tolist() == [0, 3]
    with pytest.raises(ValueError, match=f"of {leaf}: give names"):
        lesion_reader.classes_of(names, torch.tensor([0, 3]))


def test_sums_up_the_tree_name_what_a_perfect_reader_names():
    targets = torch.arange(18)
    p = torch.eye(18)
    leaves = TREE.level(3)
    assert all(lesion_reader.level_accuracy(p, leaves, targets, d) == 1 for d in (1, 2, 3))
    assert lesion_reader.malignancy(p, leaves).tolist() == [0.0] * 12 + [1.0] * 6


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_is_the_highest_that_finds_enough(seed):
    rng = np.random.default_rng(seed)
    sick = rng.random(80) < 0.3
    sick[:2] = True, False
    scores = rng.random(80).round(2)
    for share in (0.5, 0.9, 1.0):
        t = lesion_reader.threshold_for(scores, sick, share)
        assert taxonomy.sensitivity_specificity(scores, sick, t)[0] >= share
        higher = np.nextafter(t, 2)
        assert taxonomy.sensitivity_specificity(scores, sick, higher)[0] < share


def test_rulers_are_where_the_condition_says():
    positive = np.arange(4_000) < 1_000
    bare, ruled = torch.zeros(4_000, 2), torch.ones(4_000, 2)
    shares = {"none": (0, 0), "all": (1, 1), "biased": (0.8, 0.05), "reversed": (0.05, 0.8)}
    assert set(shares) == set(lesion_reader.CONDITIONS)
    for condition, (sick, healthy) in shares.items():
        shown = lesion_reader.rulers(bare, ruled, positive, condition, 0)[:, 0].numpy()
        assert shown[positive].mean() == pytest.approx(sick, abs=0.05)
        assert shown[~positive].mean() == pytest.approx(healthy, abs=0.05)


def test_a_small_study_stores_numbers_and_a_head_that_comes_back(monkeypatch):
    monkeypatch.setattr(lesion_reader, "LARGEST", 20)  # for so few pictures
    found = lesion_reader.study(9, True, {"train": 160, "validation": 20, "test": 120})
    files = found.pop("files")
    assert len(found["readers"]) == lesion_reader.READERS
    assert all(np.isfinite(np.ravel(value)).all() for value in found.values())
    stored = np.load(io.BytesIO(files["lesions.npz"]))
    head = lesion_reader.stored_head(stored, "leaves")
    assert head.weight.shape == (18, 512) and len(files["lesions.npz"]) < 200_000
    assert stored["test_logits"].shape == (120, 18)
    assert len(files["preview.png"]) < 100_000
