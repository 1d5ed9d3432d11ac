"""Right and wrong answers to the exercises of lecture 13, each with what it must be told."""

import numpy as np
import torch
from torchvision import ops


def overlaps(box, objects, clamp=True):
    sides = torch.minimum(box[2:], objects[:, 2:]) - torch.maximum(box[:2], objects[:, :2])
    common = (sides.clamp(min=0) if clamp else sides).prod(1)
    area = lambda b: (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    return common / (area(box) + area(objects) - common)


def by_masking(boxes, objects, threshold):
    free = torch.ones(len(objects), dtype=torch.bool)
    right = []
    for box in boxes:
        value = overlaps(box, objects).masked_fill(~free, -1)
        hit = len(value) > 0 and value.max().item() >= threshold
        right.append(hit)
        if hit:
            free[value.argmax()] = False
    return right


def by_popping(boxes, objects, threshold):
    waiting, right = list(objects), []
    for box in boxes:
        values = [ops.box_iou(box[None], other[None]).item() for other in waiting]
        best = max(range(len(values)), key=values.__getitem__, default=None)
        right.append(best is not None and values[best] >= threshold)
        if right[-1]:
            waiting.pop(best)
    return right


def nobody_is_taken(boxes, objects, threshold):
    return [bool((overlaps(box, objects) >= threshold).any()) for box in boxes]


def strictly_more(boxes, objects, threshold):
    return by_masking(boxes, objects, threshold + 1e-9)


def the_first_that_fits(boxes, objects, threshold):
    taken, right = set(), []
    for box in boxes:
        fits = [
            n
            for n, value in enumerate(overlaps(box, objects).tolist())
            if value >= threshold and n not in taken
        ]
        right.append(bool(fits))
        taken |= set(fits[:1])
    return right


def only_its_best(boxes, objects, threshold):
    taken, right = set(), []
    for box in boxes:
        values = overlaps(box, objects)
        best = int(values.argmax()) if len(values) else -1
        hit = best >= 0 and values[best].item() >= threshold and best not in taken
        right.append(hit)
        if hit:
            taken.add(best)
    return right


def without_clamp(boxes, objects, threshold):
    free = torch.ones(len(objects), dtype=torch.bool)
    right = []
    for box in boxes:
        value = overlaps(box, objects, clamp=False).masked_fill(~free, -1)
        hit = len(value) > 0 and value.max().item() >= threshold
        right.append(hit)
        if hit:
            free[value.argmax()] = False
    return right


def forgets_return(boxes, objects, threshold):
    by_masking(boxes, objects, threshold)


def counts_only(boxes, objects, threshold):
    return sum(by_masking(boxes, objects, threshold))


def signed_root(predicted, target):
    root = predicted.sign() * predicted.abs().sqrt()
    return ((root - target.sqrt()) ** 2).sum()


def straight_below(predicted, target):
    root = torch.where(predicted > 1e-6, predicted.clamp(min=1e-6).sqrt(), predicted)
    return (root - target.sqrt()).square().sum()


def starter(predicted, target):
    return ((predicted.sqrt() - target.sqrt()) ** 2).sum()


def clamped(predicted, target):
    return starter(predicted.clamp(min=0), target)


def clamped_above(predicted, target):
    return starter(predicted.clamp(min=1e-6), target)


def absolute(predicted, target):
    return starter(predicted.abs(), target)


def no_roots(predicted, target):
    return ((predicted - target) ** 2).sum()


def averaged(predicted, target):
    return signed_root(predicted, target) / len(predicted)


def zeroed(predicted, target):
    return torch.nan_to_num(starter(predicted, target))


def one_a_box(predicted, target):
    return (predicted.abs().sqrt() - target.sqrt()) ** 2


BOX = [243.2, 32.0, 332.8, 256.0]

RIGHT = {
    "13.1": [1 / 7, 0.14, np.float64(0.143), torch.tensor(0.1429)],
    "13.2": [18620, 14 * 14 * 95, np.int64(18620), 18620.0],
    "13.3": [by_masking, by_popping],
    "13.4": [signed_root, straight_below],
    "13.5": [BOX, np.array(BOX), torch.tensor(BOX), (243.2, 32, 332.8, 256)],
}

WRONG = {
    "13.1": [
        (0.25, "divides it by the union"),
        (1 / 3, "one direction only"),
        (0.5, "the shift"),
        (0.125, "less the common part"),
        (0.75, "not covered"),
        (7.0, "union over the overlap"),
        (0.0, "still touch"),
        (14.29, "not per cent"),
        (0.31, "too large: take a square of side 2"),
    ],
    "13.2": [
        (14 * 14 * 255, "not one a box"),
        (14 * 14 * 92, "a confidence"),
        (14 * 14 * 85, "not one"),
        (14 * 14 * 15, "a probability for each class"),
        (588, "how many boxes"),
        (95, "one cell"),
        (49 * 95, "14 x 14"),
        (1470, "the paper's network"),
        (14 * 14 * 252, "belong to the cell"),
        (14 * 14 * 96, "a low confidence says it"),
        (14 * 95, "one row"),
        (20_000, "too large: count one cell first"),
    ],
    "13.3": [
        (nobody_is_taken, "claimed once"),
        (strictly_more, ">="),
        (the_first_that_fits, "overlaps most"),
        (only_its_best, "another one that is free"),
        (without_clamp, "clamp the sides"),
        (forgets_return, "return"),
        (counts_only, "has to be a list"),
    ],
    "13.4": [
        (starter, "still nan"),
        (clamped, "flat"),
        (clamped_above, "flat"),
        (absolute, "costs nothing"),
        (no_roots, "the roots are gone"),
        (averaged, "the mean over the boxes"),
        (zeroed, "flat"),
        (one_a_box, "one number"),
    ],
    "13.5": [
        ([160 - 44.8, 272 - 112, 160 + 44.8, 272 + 112], "swapped"),
        ([288, 144, 89.6, 224], "centre and size"),
        ([288, 144, 377.6, 368], "not the upper left corner"),
        ([281.6, 128, 294.4, 160], "shares of the picture"),
        ([224 - 44.8, 0, 224 + 44.8, 224], "row 2, column 4"),
        ([352 - 44.8, 208 - 112, 352 + 44.8, 208 + 112], "count from 0"),
        ([288, 144], "four numbers"),
        ([value / 448 for value in BOX], "in pixels"),
        ([value / 64 for value in BOX], "those are cells"),
        ([198.4, -80, 377.6, 368], "twice as wide"),
        ([211.2, 16, 300.8, 240], "where in the cell"),
        ([243.2, 32.0, 332.8, 255.0], "differs"),
    ],
}
