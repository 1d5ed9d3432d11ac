"""Classes that form a tree: which of them to train on, and how to sum probabilities up again.

Source: A. Esteva et al., Dermatologist-level classification of skin cancer with deep neural
networks, Nature 542:115-118, 2017: a partitioning algorithm cuts a taxonomy of diseases into
training classes that are neither too small nor too broad; at inference the probability of a
coarser node is the sum over the training classes below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from utils.arguments import integer

__all__ = [
    "Taxonomy",
    "TrainingClass",
    "auc_interval",
    "partition",
    "sensitivity_specificity",
    "sum_up",
    "summation_matrix",
]


class Taxonomy:
    """A tree of named classes.

    Parameters
    ----------
    tree : mapping
        Nested mappings from name to subtree; a leaf's subtree is empty or None. Names are unique
        in the whole tree.
    root : str
        Name of the node above them all.

    Raises
    ------
    ValueError
        If a name occurs twice or there is none.

    >>> skin = Taxonomy({"benign": {"nevus": None, "angioma": None}, "malignant": {"melanoma": None}})
    >>> skin.leaves("benign")
    ('nevus', 'angioma')
    >>> skin.path("melanoma")
    ('skin', 'malignant', 'melanoma')
    """

    def __init__(self, tree: Mapping[str, Any], root: str = "skin") -> None:
        self.root = root
        self._parent: dict[str, str | None] = {root: None}
        self._children: dict[str, tuple[str, ...]] = {}
        self._add(root, tree)
        if len(self._parent) == 1:
            raise ValueError("the tree is empty: give at least one class")

    def _add(self, name: str, subtree: Mapping[str, Any] | None) -> None:
        children = tuple(subtree or ())
        self._children[name] = children
        for child in children:
            if child in self._parent:
                raise ValueError(f"{child!r} occurs twice in the tree: names have to be unique")
            self._parent[child] = name
        for child in children:
            self._add(child, subtree[child])

    def children(self, name: str) -> tuple[str, ...]:
        """Names right below the node `name`; empty for a leaf. `KeyError` if there is no such node."""
        return self._children[name]

    def leaves(self, name: str | None = None) -> tuple[str, ...]:
        """Leaves below the node `name` (a leaf itself, if it is one), from left to right; all by default."""
        name = self.root if name is None else name
        below = self._children[name]
        return tuple(leaf for child in below for leaf in self.leaves(child)) if below else (name,)

    def nodes(self) -> Iterator[str]:
        """All names, a node before what is below it."""
        stack = [self.root]
        while stack:
            name = stack.pop()
            yield name
            stack += reversed(self._children[name])

    def path(self, name: str) -> tuple[str, ...]:
        """Names from the root down to the node `name`.

        Raises
        ------
        ValueError
            If there is no such node.
        """
        if name not in self._parent:
            raise ValueError(f"there is no node {name!r} in the tree below {self.root!r}")
        above = self._parent[name]
        return (name,) if above is None else (*self.path(above), name)

    def level(self, depth: int) -> tuple[str, ...]:
        """Nodes `depth` steps below the root, leaves that end above included: a partition.

        Raises
        ------
        ValueError
            If `depth` is negative.
        """
        if depth < 0:
            raise ValueError(f"depth is {depth}: the root is depth 0")
        if depth == 0:
            return (self.root,)
        return tuple(
            child for name in self.level(depth - 1) for child in (self._children[name] or (name,))
        )


@dataclass(frozen=True)
class TrainingClass:
    """A class to train on: a node of the taxonomy with all leaves below it."""

    name: str
    leaves: tuple[str, ...]
    count: int


def partition(taxonomy: Taxonomy, counts: Mapping[str, int], largest: int) -> list[TrainingClass]:
    """Cut a taxonomy into training classes of at most `largest` examples.

    From the root down: a node with at most `largest` examples below it becomes one class; any
    other is left for its children; a leaf is a class whatever its size. Nodes without a single
    example give no class.

    Parameters
    ----------
    taxonomy : Taxonomy
    counts : mapping of str to int
        Number of examples of each leaf, >= 0; leaves left out count 0.
    largest : int
        Most examples of a class that is not a leaf, >= 1.

    Returns
    -------
    list of TrainingClass
        From left to right; together they hold every leaf that has examples, each once.

    Raises
    ------
    TypeError
        If `largest` or a count is no whole number.
    ValueError
        If `largest` is below 1, or a count is negative or not of a leaf.

    Source: Esteva et al. 2017, Methods ("taxonomy", "partitioning algorithm"), as reported.

    >>> skin = Taxonomy({"benign": {"nevus": None, "angioma": None}, "malignant": {"melanoma": None}})
    >>> [c.name for c in partition(skin, {"nevus": 90, "angioma": 5, "melanoma": 20}, largest=50)]
    ['nevus', 'angioma', 'malignant']
    """
    integer("largest", largest, at_least=1)
    leaves = taxonomy.leaves()
    strangers = sorted(set(counts) - set(leaves))
    if strangers:
        raise ValueError(f"counts have to be of leaves; these are none: {', '.join(strangers)}")
    for leaf, count in counts.items():
        integer(f"the count of {leaf}", count, at_least=0)
    found: list[TrainingClass] = []

    def descend(name: str) -> None:
        below = taxonomy.leaves(name)
        total = sum(counts.get(leaf, 0) for leaf in below)
        if not total:
            return
        if total <= largest or not taxonomy.children(name):
            found.append(TrainingClass(name, below, total))
            return
        for child in taxonomy.children(name):
            descend(child)

    descend(taxonomy.root)
    return found


def summation_matrix(
    taxonomy: Taxonomy, classes: Sequence[str], groups: Sequence[str]
) -> np.ndarray:
    """Which training classes lie below which coarser node.

    Parameters
    ----------
    taxonomy : Taxonomy
    classes : sequence of str
        Nodes the network was trained on.
    groups : sequence of str
        Nodes whose probability is asked for, each a class or above some.

    Returns
    -------
    array
        (number of classes, number of groups) of 0.0 and 1.0.

    Raises
    ------
    ValueError
        If a class lies above a group: its probability cannot be divided; or there is no such node.
    """
    matrix = np.zeros((len(classes), len(groups)))
    for i, name in enumerate(classes):
        for j, group in enumerate(groups):
            if group in taxonomy.path(name):
                matrix[i, j] = 1.0
            elif name in taxonomy.path(group):
                raise ValueError(
                    f"the class {name!r} lies above {group!r}: its probability cannot be divided"
                )
    return matrix


def sum_up(
    probabilities: np.ndarray, taxonomy: Taxonomy, classes: Sequence[str], groups: Sequence[str]
) -> np.ndarray:
    """Probabilities of coarser nodes, normalised among the nodes compared.

    Parameters
    ----------
    probabilities : array
        (N, number of classes), rows that sum to 1.
    taxonomy : Taxonomy
    classes, groups : sequence of str
        As for `summation_matrix`.

    Returns
    -------
    array
        (N, number of groups), rows that sum to 1; a row without any probability in the groups is
        spread evenly.

    Raises
    ------
    ValueError
        If there are not as many columns as classes, a probability is NaN or a node unknown.

    Source: Esteva et al. 2017, Methods ("inference algorithm"), as reported.
    """
    probabilities = np.asarray(probabilities, dtype=float)
    if probabilities.ndim != 2 or probabilities.shape[1] != len(classes):
        raise ValueError(
            f"probabilities of shape {probabilities.shape} for {len(classes)} classes: give one "
            "column a class"
        )
    if np.isnan(probabilities).any():
        raise ValueError("some probabilities are NaN: sum up what a network really answered")
    sums = probabilities @ summation_matrix(taxonomy, classes, groups)
    total = sums.sum(axis=1, keepdims=True)
    even = np.full_like(sums, 1 / len(groups))
    return np.where(total > 0, sums / np.where(total > 0, total, 1), even)


def _two_groups(scores: Any, positive: Any) -> tuple[np.ndarray, np.ndarray]:
    scores, positive = np.asarray(scores, dtype=float), np.asarray(positive).astype(bool)
    if scores.shape != positive.shape or scores.ndim != 1 or not np.isfinite(scores).all():
        raise ValueError(
            f"scores of shape {scores.shape} and labels of shape {positive.shape}: give two lists "
            "of the same length, scores finite"
        )
    if positive.all() or not positive.any():
        raise ValueError("all labels are the same: give examples of both")
    return scores[positive], scores[~positive]


def sensitivity_specificity(scores: Any, positive: Any, threshold: float) -> tuple[float, float]:
    """Shares of the positives at or above a threshold, and of the negatives below it.

    Parameters
    ----------
    scores : sequence of N floats
    positive : sequence of N bools
    threshold : float

    Returns
    -------
    tuple of float
        Sensitivity TP / (TP + FN) and specificity TN / (TN + FP), each 0..1.

    Raises
    ------
    ValueError
        If lengths differ, a score is not finite, or all labels are the same.

    >>> sensitivity_specificity([.1, .4, .35, .8], [False, False, True, True], .5)
    (0.5, 1.0)
    """
    if np.ndim(threshold) or np.isnan(threshold):
        raise ValueError(f"threshold is {threshold}: give one number")
    sick, healthy = _two_groups(scores, positive)
    return float((sick >= threshold).mean()), float((healthy < threshold).mean())


def auc_interval(
    scores: Any, positive: Any, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Area under the ROC curve with an interval from DeLong's variance.

    The area is the probability that a random positive scores above a random negative, ties
    counted half; under the sensitivity-specificity curve it is the same area.

    Parameters
    ----------
    scores : sequence of N floats
    positive : sequence of N bools
    confidence : float
        Between 0 and 1.

    Returns
    -------
    tuple of float
        Area, and the lower and upper end of a normal interval, cut off at 0 and 1.

    Raises
    ------
    ValueError
        If lengths differ, a score is not finite, all labels are the same or there are fewer than
        two of a kind.

    Source: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44:837-845, 1988.
    """
    from scipy.stats import norm, rankdata

    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}: give a number between 0 and 1")
    sick, healthy = _two_groups(scores, positive)
    m, n = len(sick), len(healthy)
    if min(m, n) < 2:
        raise ValueError("an interval needs two positives and two negatives at least")
    together = rankdata(np.concatenate([sick, healthy]))
    beaten = (together[:m] - rankdata(sick)) / n  # share of the healthy below each of the sick
    beating = 1 - (together[m:] - rankdata(healthy)) / m
    area = beaten.mean()
    spread = np.sqrt(beaten.var(ddof=1) / m + beating.var(ddof=1) / n)
    reach = norm.ppf(0.5 + confidence / 2) * spread
    return float(area), float(max(area - reach, 0.0)), float(min(area + reach, 1.0))
