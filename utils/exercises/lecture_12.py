"""The checks of lecture 12, transfer learning."""

import math

import numpy as np

from utils.exercises import exercise, expect_number, run_against


@exercise(
    "12.1",
    kind="predict",
    minutes=4,
    title="What an alarm is worth",
    hints=[
        "Of 10,000 moles 100 are melanomas. How many of them raise an alarm?",
        "And how many of the other 9,900 do? The answer is a share of all alarms.",
    ],
)
def worth(answer):
    """90 / (90 + 990)."""
    expect_number(
        answer,
        1 / 12,
        {
            0.9: "that is the share of melanomas that raise an alarm; turn the question round",
            0.99: "that is the share of harmless moles among all; count the alarms",
            0.01: "that is the share of melanomas before anybody looked; an alarm says something",
            0.009: "that is melanomas with an alarm among all moles; divide by the alarms",
            0.1: "the false alarms are 990; the right ones belong to the alarms, too",
            1 / 11: "divide by all alarms, the false and the right ones",
            0.5: "that would need as many melanomas as harmless moles",
            11 / 12: "that is the share of false alarms",
            100 / 12: "give a share between 0 and 1, not percent",
            8.33: "give a share between 0 and 1, not percent",
            8.3: "give a share between 0 and 1, not percent",
        },
        tolerance=5e-4,
        otherwise="count the alarms of both kinds in 10,000 moles, and see how many are melanomas",
    )
    return "one alarm in twelve, at nine tenths on both sides: the rare disease decides"


def _parts(children, counts, largest, start="skin"):
    def leaves(name):
        below = children.get(name, [])
        return [leaf for child in below for leaf in leaves(child)] if below else [name]

    def descend(name):
        total = sum(counts.get(leaf, 0) for leaf in leaves(name))
        if total == 0:
            return []
        if total <= largest or not children.get(name):
            return [name]
        return [part for child in children[name] for part in descend(child)]

    return descend(start)


def _wrong_parts():
    def leaves(name, children):
        below = children.get(name, [])
        return [leaf for child in below for leaf in leaves(child, children)] if below else [name]

    def total(name, children, counts):
        return sum(counts.get(leaf, 0) for leaf in leaves(name, children))

    def all_leaves(children, counts, largest):
        return [leaf for leaf in leaves("skin", children) if counts.get(leaf, 0)]

    def strictly(children, counts, largest):
        return _parts(children, counts, largest - 1)

    def with_empty(children, counts, largest):
        def descend(name):
            if total(name, children, counts) <= largest or not children.get(name):
                return [name]
            return [part for child in children[name] for part in descend(child)]

        return descend("skin")

    def without_large(children, counts, largest):
        return [
            part
            for part in _parts(children, counts, largest)
            if total(part, children, counts) <= largest
        ]

    def one_step(children, counts, largest):
        found = []
        for child in children["skin"]:
            if 0 < total(child, children, counts) <= largest:
                found.append(child)
            else:
                found += [leaf for leaf in leaves(child, children) if counts.get(leaf, 0)]
        return found

    def own_count(children, counts, largest):
        def descend(name):
            if not children.get(name):
                return [name] if counts.get(name, 0) else []
            if 0 < counts.get(name, 0) <= largest:
                return [name]
            return [part for child in children[name] for part in descend(child)]

        return descend("skin")

    def in_order(children, counts, largest):
        return sorted(_parts(children, counts, largest))

    return [
        (strictly, "a node with exactly `largest` pictures may be a class"),
        (with_empty, "a node without a single picture cannot be a training class"),
        (without_large, "a leaf is a class however large it is: where else would its pictures go?"),
        (all_leaves, "that trains on the leaves alone: a node that is small enough is one class"),
        (own_count, "only leaves are counted: a node has the pictures of all leaves below it"),
        (one_step, "after the first step down it goes to the leaves at once: ask at every node"),
        (in_order, "the order is from left to right in the tree, not by name"),
    ]


@exercise(
    "12.2",
    kind="build",
    minutes=15,
    title="Training classes from a tree",
    hints=[
        "Write a function of one node: it counts the pictures of all leaves below.",
        "Small enough, or a leaf: one class. Otherwise join what the children give.",
    ],
)
def partition(answer):
    """Esteva's partitioning algorithm, as reported."""
    skin = {
        "skin": ["benign", "malignant"],
        "benign": ["naevi", "vessels", "scar"],
        "naevi": ["round", "blue", "new"],
        "vessels": ["cherry", "spider"],
        "malignant": ["melanoma", "carcinoma"],
        "carcinoma": ["pale", "dark"],
    }
    counts = {"round": 90, "blue": 20, "cherry": 30, "spider": 20, "scar": 10}
    counts |= {"melanoma": 70, "pale": 15, "dark": 25}
    other = {"skin": ["z", "a"], "z": ["y", "b"], "b": ["c", "d"], "a": []}
    cases = [
        (skin, counts, 50),
        (skin, counts, 110),
        (skin, counts, 1000),
        (skin, counts, 20),
        (skin, counts | {"scar": 0, "cherry": 0}, 60),
        (other, {"y": 8, "c": 3, "d": 4, "a": 9}, 7),
        (other, {"y": 0, "c": 3, "d": 4, "a": 1}, 5),
    ]
    run_against(
        lambda children, counts, largest: _parts(children, counts, largest),
        answer,
        cases,
        _wrong_parts(),
    )
    return "757 training classes came out of 2,032 diseases this way"


def _learned(width, classes):
    return [width * classes + classes, 0]


def _wrong_freezing():
    def trunk(width):
        return 27 * width + width + 2 * width

    return [
        (
            lambda w, c: [trunk(w) + w * c + c, 1],
            "the trunk still learns: a module has no `requires_grad`, so the line does nothing",
        ),
        (
            lambda w, c: [trunk(w) + w * c + c, 0],
            "`eval()` stops the batch norm's averages, not the learning of the weights",
        ),
        (
            lambda w, c: [w * c + c, 1],
            "the weights are frozen, but the batch norm still follows every batch: `eval()` it, "
            "after `net.train()`",
        ),
        (lambda w, c: [0, 0], "now the head is frozen, too, and nothing learns"),
        (lambda w, c: [0, 1], "now the head is frozen, too, and nothing learns"),
        (
            lambda w, c: [2 * w + w * c + c, 0],
            "the batch norm has a weight and a bias for each map, and they still learn",
        ),
        (
            lambda w, c: [2 * w + w * c + c, 1],
            "the batch norm has a weight and a bias for each map, and they still learn",
        ),
        (lambda w, c: [trunk(w), 0], "it is the other way round: the trunk learns, not the head"),
        (lambda w, c: [trunk(w), 1], "it is the other way round: the trunk learns, not the head"),
    ]


@exercise(
    "12.3",
    kind="debug",
    minutes=8,
    title="A trunk that should be frozen",
    hints=[
        "Print `next(trunk.parameters()).requires_grad` after the line. What changed?",
        "`requires_grad_` with an underscore reaches the parameters; `eval()` the batch norm.",
    ],
)
def freeze(answer):
    """Only the head learns, and the trunk's batch norm stands still."""
    run_against(_learned, answer, [(4, 3), (8, 10), (5, 2), (16, 7)], _wrong_freezing())
    return "`requires_grad_(False)` for the weights, `eval()` for the averages"


def _threshold(scores, sick, sensitivity):
    found = sorted((s for s, y in zip(scores, sick, strict=True) if y), reverse=True)
    return found[math.ceil(sensitivity * len(found) - 1e-9) - 1]


def _wrong_thresholds():
    def one_too_few(scores, sick, sensitivity):
        found = sorted((s for s, y in zip(scores, sick, strict=True) if y), reverse=True)
        return found[max(int(sensitivity * len(found) + 1e-9) - 1, 0)]

    def of_everybody(scores, sick, sensitivity):
        return _threshold(scores, [True] * len(scores), sensitivity)

    def of_healthy(scores, sick, sensitivity):
        return _threshold(scores, [not y for y in sick], sensitivity)

    def lowest(scores, sick, sensitivity):
        return min(s for s, y in zip(scores, sick, strict=True) if y)

    def wrong_end(scores, sick, sensitivity):
        found = sorted(s for s, y in zip(scores, sick, strict=True) if y)
        return found[math.ceil(sensitivity * len(found) - 1e-9) - 1]

    def quantile(scores, sick, sensitivity):
        found = [s for s, y in zip(scores, sick, strict=True) if y]
        return float(np.quantile(found, 1 - sensitivity))

    def the_share(scores, sick, sensitivity):
        return 1 - sensitivity

    return [
        (one_too_few, "too few of the sick are found: round their number up, not down"),
        (of_everybody, "sensitivity is a share of the sick alone: leave the healthy out"),
        (of_healthy, "that is set by the healthy; sensitivity is a share of the sick"),
        (lowest, "that finds every one of the sick: the highest threshold that suffices is wanted"),
        (wrong_end, "the scores are sorted the wrong way: most of the sick are missed"),
        (quantile, "between two scores nothing changes: take the score of one of the sick"),
        (the_share, "the wanted share is no score: look for it among the scores of the sick"),
    ]


@exercise(
    "12.4",
    kind="build",
    minutes=10,
    title="An operating point",
    hints=[
        "Sort the scores of the sick from high to low. How many must be at or above the threshold?",
        "math.ceil(sensitivity * n - 1e-9) of the n sick: the threshold is the last of these.",
    ],
)
def operating_point(answer):
    """The score of the last of the sick that has to be found."""
    rng = np.random.default_rng(12)
    cases = [
        ([0.9, 0.2, 0.7, 0.4, 0.6, 0.1], [True, False, True, True, False, False], 0.6),
        ([0.3, 0.8, 0.5, 0.95], [True, True, False, True], 1.0),
    ]
    for n, share in ((25, 0.9), (40, 0.75), (31, 0.5), (60, 0.95)):
        sick = (rng.random(n) < 0.4).tolist()
        sick[0], sick[1] = True, False
        scores = np.round(rng.beta(2, 3, n) + 0.25 * np.array(sick), 3).tolist()
        cases.append((scores, sick, share))
    run_against(_threshold, answer, cases, _wrong_thresholds())
    return "the wish is set first, the threshold follows"


def _clean(lesions, test):
    held = {lesions[k] for k in test}
    return [k for k, lesion in enumerate(lesions) if lesion not in held]


def _wrong_splits():
    def by_picture(lesions, test):
        return [k for k in range(len(lesions)) if k not in test]

    def once_each(lesions, test):
        kept, seen = [], set()
        for k in _clean(lesions, test):
            if lesions[k] not in seen:
                kept.append(k)
                seen.add(lesions[k])
        return kept

    def names(lesions, test):
        return [lesions[k] for k in _clean(lesions, test)]

    def everything(lesions, test):
        return list(range(len(lesions)))

    def the_leak(lesions, test):
        held = {lesions[k] for k in test}
        return [k for k, lesion in enumerate(lesions) if lesion in held and k not in test]

    def the_others(lesions, test):
        held = {lesions[k] for k in test}
        return [k for k, lesion in enumerate(lesions) if lesion in held]

    def singles(lesions, test):
        return [k for k in by_picture(lesions, test) if lesions.count(lesions[k]) == 1]

    return [
        (by_picture, "other pictures of a test lesion are still learned from: compare lesions"),
        (once_each, "a lesion that is not tested may be learned from in all its pictures"),
        (
            singles,
            "a lesion with several pictures may be learned from, if none is in the test part",
        ),
        (names, "return positions of pictures, not names of lesions"),
        (everything, "the test pictures themselves are learned from"),
        (the_leak, "those are the pictures that leak: return the others"),
        (the_others, "those are the pictures of tested lesions: return the others"),
    ]


@exercise(
    "12.5",
    kind="build",
    minutes=8,
    title="No mole on both sides",
    hints=[
        "First the set of lesions that occur in the test part.",
        "Then every picture whose lesion is not in that set.",
    ],
)
def split(answer):
    """Positions of the pictures whose lesion is not tested."""
    cases = [
        (["a", "a", "b", "c", "c", "c"], [1]),
        (["m", "n", "m", "o", "p", "o", "q"], [0, 3]),
        (["x", "y", "z", "y", "x", "w", "w"], [1]),
        (["k", "l", "k", "m", "n", "n"], [4, 0]),
    ]
    run_against(_clean, answer, cases, _wrong_splits())
    return "the score now measures lesions that were never seen"
