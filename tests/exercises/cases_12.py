"""Right and wrong answers to the exercises of lecture 12, each with what it must be told."""

import math

import numpy as np
from torch import nn

from utils import taxonomy
from utils.taxonomy import Taxonomy


def by_package(children, counts, largest):
    def grow(name):
        return {child: grow(child) for child in children.get(name, [])}

    tree = Taxonomy(grow("skin"))
    return [part.name for part in taxonomy.partition(tree, counts, largest)]


def by_stack(children, counts, largest):
    def total(name):
        below = children.get(name) or []
        return sum(map(total, below)) if below else counts.get(name, 0)

    found, stack = [], ["skin"]
    while stack:
        name = stack.pop()
        if total(name) and (total(name) <= largest or not children.get(name)):
            found.append(name)
        elif total(name):
            stack.extend(reversed(children[name]))
    return found


def strictly(children, counts, largest):
    return by_stack(children, counts, largest - 1)


def with_empty(children, counts, largest):
    def total(name):
        below = children.get(name) or []
        return sum(map(total, below)) if below else counts.get(name, 0)

    def descend(name):
        if total(name) <= largest or not children.get(name):
            return [name]
        return [part for child in children[name] for part in descend(child)]

    return descend("skin")


def without_large(children, counts, largest):
    return [p for p in by_stack(children, counts, largest) if counts.get(p, 0) <= largest]


def all_leaves(children, counts, largest):
    return by_stack(children, counts, 0)


def by_name(children, counts, largest):
    return sorted(by_stack(children, counts, largest))


def _net(width, classes):
    trunk = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))
    return trunk, nn.Sequential(trunk, nn.Flatten(), nn.Linear(width, classes))


def _told(trunk, net):
    return [sum(p.numel() for p in net.parameters() if p.requires_grad), int(trunk.training)]


def mended(width, classes):
    trunk, net = _net(width, classes)
    net.train()
    trunk.requires_grad_(False).eval()
    return _told(trunk, net)


def each_parameter(width, classes):
    trunk, net = _net(width, classes)
    for parameter in trunk.parameters():
        parameter.requires_grad = False
    net.train()
    trunk.train(False)
    return _told(trunk, net)


def unmended(width, classes):
    trunk, net = _net(width, classes)
    trunk.requires_grad = False
    net.train()
    return _told(trunk, net)


def eval_alone(width, classes):
    trunk, net = _net(width, classes)
    net.train()
    trunk.eval()
    return _told(trunk, net)


def eval_too_early(width, classes):
    trunk, net = _net(width, classes)
    trunk.requires_grad_(False).eval()
    net.train()
    return _told(trunk, net)


def everything(width, classes):
    trunk, net = _net(width, classes)
    net.requires_grad_(False).eval()
    return _told(trunk, net)


def convolution_alone(width, classes):
    trunk, net = _net(width, classes)
    net.train()
    trunk[0].requires_grad_(False)
    trunk.eval()
    return _told(trunk, net)


def the_head(width, classes):
    trunk, net = _net(width, classes)
    net.train()
    net[2].requires_grad_(False)
    trunk.eval()
    return _told(trunk, net)


def by_sorting(scores, sick, sensitivity):
    found = np.sort(np.array(scores)[np.array(sick)])[::-1]
    return found[math.ceil(sensitivity * len(found) - 1e-9) - 1]


def by_trying(scores, sick, sensitivity):
    positives = [s for s, y in zip(scores, sick, strict=True) if y]
    fine = [t for t in positives if np.mean([s >= t for s in positives]) >= sensitivity - 1e-9]
    return max(fine)


def rounded_down(scores, sick, sensitivity):
    found = sorted(np.array(scores)[np.array(sick)])[::-1]
    return found[max(int(sensitivity * len(found) + 1e-9) - 1, 0)]


def of_everybody(scores, sick, sensitivity):
    return by_sorting(scores, [True] * len(sick), sensitivity)


def of_healthy(scores, sick, sensitivity):
    return by_sorting(scores, [not y for y in sick], sensitivity)


def lowest(scores, sick, sensitivity):
    return min(np.array(scores)[np.array(sick)])


def wrong_end(scores, sick, sensitivity):
    return -by_sorting([-s for s in scores], sick, sensitivity)


def as_quantile(scores, sick, sensitivity):
    return np.quantile(np.array(scores)[np.array(sick)], 1 - sensitivity)


def the_share(scores, sick, sensitivity):
    return 1 - sensitivity


def by_set(lesions, test):
    held = {lesions[k] for k in test}
    return [k for k in range(len(lesions)) if lesions[k] not in held]


def by_numpy(lesions, test):
    return np.flatnonzero(~np.isin(lesions, np.array(lesions)[test])).tolist()


def by_picture(lesions, test):
    return sorted(set(range(len(lesions))) - set(test))


def once_each(lesions, test):
    kept = by_set(lesions, test)
    return [k for k in kept if lesions.index(lesions[k]) == k]


def names(lesions, test):
    return [lesions[k] for k in by_set(lesions, test)]


def all_of_them(lesions, test):
    return list(range(len(lesions)))


def the_others(lesions, test):
    return sorted(set(range(len(lesions))) - set(by_set(lesions, test)))


def the_leak(lesions, test):
    return [k for k in the_others(lesions, test) if k not in test]


RIGHT = {
    "12.1": [90 / (90 + 990), 1 / 12, 0.0833],
    "12.2": [by_package, by_stack],
    "12.3": [mended, each_parameter],
    "12.4": [by_sorting, by_trying],
    "12.5": [by_set, by_numpy],
}

WRONG = {
    "12.1": [
        (7, "count the alarms of both kinds"),
        (0.9, "turn the question round"),
        (0.01, "before anybody looked"),
        (0.009, "divide by the alarms"),
        (90 / 990, "false and the right ones"),
        (0.5, "as many melanomas"),
        (11 / 12, "share of false alarms"),
        (8.33, "not percent"),
    ],
    "12.2": [
        (strictly, "exactly `largest`"),
        (with_empty, "without a single picture"),
        (without_large, "however large"),
        (all_leaves, "leaves alone"),
        (by_name, "left to right"),
    ],
    "12.3": [
        (unmended, "the line does nothing"),
        (eval_alone, "not the learning of the weights"),
        (eval_too_early, "after `net.train()`"),
        (everything, "nothing learns"),
        (convolution_alone, "weight and a bias for each map"),
        (the_head, "the other way round"),
    ],
    "12.4": [
        (rounded_down, "round their number up"),
        (of_everybody, "leave the healthy out"),
        (of_healthy, "set by the healthy"),
        (lowest, "highest threshold that suffices"),
        (wrong_end, "the wrong way"),
        (as_quantile, "score of one of the sick"),
        (the_share, "no score"),
    ],
    "12.5": [
        (by_picture, "compare lesions"),
        (once_each, "all its pictures"),
        (names, "not names of lesions"),
        (all_of_them, "test pictures themselves"),
        (the_leak, "that leak"),
        (the_others, "pictures of tested lesions"),
    ],
}
