"""Partitions of a tree, sums up the tree, and how good a score is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from utils import taxonomy
from utils.taxonomy import Taxonomy

settings.register_profile("tree", deadline=None, derandomize=True, max_examples=100)
settings.load_profile("tree")


@st.composite
def trees(draw):
    """A tree of up to four levels with unique names, and a count for each leaf."""
    numbers = iter(range(10_000))

    def grow(depth):
        width = draw(st.integers(1, 3))
        return {
            f"n{next(numbers)}": grow(depth - 1) if depth and draw(st.booleans()) else None
            for _ in range(width)
        }

    tree = Taxonomy(grow(3))
    counts = {leaf: draw(st.integers(0, 200)) for leaf in tree.leaves()}
    return tree, counts


@given(trees(), st.integers(1, 400))
def test_the_parts_hold_every_leaf_with_examples_once_and_none_is_too_large(pair, largest):
    tree, counts = pair
    classes = taxonomy.partition(tree, counts, largest)
    held = [leaf for part in classes for leaf in part.leaves]
    assert len(held) == len(set(held))
    assert {leaf for leaf, count in counts.items() if count} <= set(held)
    for part in classes:
        assert part.leaves == tree.leaves(part.name)
        assert part.count == sum(counts[leaf] for leaf in part.leaves) > 0
        assert part.count <= largest or part.leaves == (part.name,)
        *_, above, _ = (None, *tree.path(part.name))
        if above is not None:  # none could have been broader
            assert sum(counts[leaf] for leaf in tree.leaves(above)) > largest


@given(trees(), st.integers(1, 400), st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_two_routes_up_the_tree_give_the_same_probability(pair, largest, depth, seed):
    tree, counts = pair
    classes = [part.name for part in taxonomy.partition(tree, counts, largest)]
    if not classes:
        return
    # the coarse level, but never below a class
    groups = list(
        dict.fromkeys(next((n for n in tree.path(g) if n in classes), g) for g in tree.level(depth))
    )
    middle = list(
        dict.fromkeys(
            next((n for n in tree.path(g) if n in classes), g) for g in tree.level(depth + 1)
        )
    )
    p = np.random.default_rng(seed).dirichlet(np.ones(len(classes)), size=5)
    direct = taxonomy.sum_up(p, tree, classes, groups)
    in_two_steps = taxonomy.sum_up(taxonomy.sum_up(p, tree, classes, middle), tree, middle, groups)
    assert np.allclose(direct, in_two_steps)
    assert np.allclose(direct.sum(1), 1)
    one = groups[0]
    by_hand = sum(p[:, i] for i, name in enumerate(classes) if one in tree.path(name))
    assert np.allclose(direct[:, 0], by_hand)


@given(trees())
def test_each_level_is_a_partition_of_the_leaves(pair):
    tree, _ = pair
    for depth in range(5):
        leaves = [leaf for name in tree.level(depth) for leaf in tree.leaves(name)]
        assert sorted(leaves) == sorted(tree.leaves())
    assert set(tree.nodes()) == {name for leaf in tree.leaves() for name in tree.path(leaf)}


@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.integers(2, 60), st.booleans())
def test_the_area_is_scikit_learns_and_the_points_lie_on_its_curve(seed, m, n, ties):
    rng = np.random.default_rng(seed)
    scores = np.concatenate([rng.normal(0.7, 1, m), rng.normal(0, 1, n)])
    scores = scores.round(1) if ties else scores
    positive = np.arange(m + n) < m
    area, low, high = taxonomy.auc_interval(scores, positive)
    assert area == pytest.approx(roc_auc_score(positive, scores))
    assert 0 <= low <= area <= high <= 1
    assert taxonomy.auc_interval(scores, positive, 0.5)[1] >= low
    false, true, thresholds = roc_curve(positive, scores, drop_intermediate=False)
    for f, t, threshold in list(zip(false, true, thresholds, strict=True))[1:]:
        found = taxonomy.sensitivity_specificity(scores, positive, threshold)
        assert found == pytest.approx((t, 1 - f))


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    truth = 0.7601  # P(N(1, 1) > N(0, 1)) = Phi(1 / sqrt 2)
    positive, hits = np.arange(160) < 60, 0
    for _ in range(400):
        scores = rng.normal(positive.astype(float), 1)
        _, low, high = taxonomy.auc_interval(scores, positive, 0.9)
        hits += low <= truth <= high
    assert 0.86 <= hits / 400 <= 0.94


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Taxonomy({}), "the tree is empty"),
        (lambda: Taxonomy({"a": {"b": None}, "b": None}), "'b' occurs twice"),
        (lambda: Taxonomy({"a": None}).level(-1), "the root is depth 0"),
        (lambda: taxonomy.partition(Taxonomy({"a": None}), {"a": 1}, 0), "largest is 0"),
        (lambda: taxonomy.partition(Taxonomy({"a": None}), {"b": 1}, 5), "these are none: b"),
        (lambda: taxonomy.partition(Taxonomy({"a": None}), {"a": -1}, 5), "count of a is -1"),
        (lambda: taxonomy.sum_up([[1.0]], Taxonomy({"a": {"b": None}}), ["a"], ["b"]), "lies above"),
        (lambda: taxonomy.sum_up([[1.0]], Taxonomy({"a": None}), ["a", "a"], ["a"]), "one column"),
        (lambda: taxonomy.auc_interval([1, 2], [1, 1]), "all labels are the same"),
        (lambda: taxonomy.auc_interval([1, np.nan], [1, 0]), "scores finite"),
        (lambda: taxonomy.auc_interval([1, 2, 3], [1, 0, 0]), "two positives"),
        (lambda: taxonomy.auc_interval([1, 2], [1, 0], 1), "confidence is 1"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()
