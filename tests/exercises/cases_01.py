"""Right and wrong answers to the exercises of lecture 01, each with what it must be told."""

import math

import numpy as np
import torch
from scipy import ndimage


def by_indices(image):
    rows, columns = np.indices(image.shape)
    total = image.sum()
    dx = image.shape[1] // 2 - (columns * image).sum() / total
    dy = image.shape[0] // 2 - (rows * image).sum() / total
    return round(dx), round(dy)


def by_scipy(image):
    row, column = ndimage.center_of_mass(image)
    height, width = image.shape
    return np.array([np.rint(width // 2 - column), np.rint(height // 2 - row)], dtype=int)


def by_sums(image):
    total = image.sum()
    x = np.arange(image.shape[1]) @ image.sum(axis=0) / total
    y = np.arange(image.shape[0]) @ image.sum(axis=1) / total
    return [
        int(image.shape[1] // 2 - np.floor(x + 0.5)),
        int(image.shape[0] // 2 - math.floor(y + 0.5)),
    ]


def swapped(image):
    dx, dy = by_indices(image)
    return dy, dx


def backwards(image):
    dx, dy = by_indices(image)
    return -dx, -dy


def middle_of_the_box(image):
    rows, columns = np.nonzero(image)
    x, y = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2
    return math.floor(image.shape[1] // 2 - x + 0.5), math.floor(image.shape[0] // 2 - y + 0.5)


def not_weighed(image):
    return by_indices((image > 0) * 1.0)


def brightest(image):
    row, column = np.unravel_index(image.argmax(), image.shape)
    return image.shape[1] // 2 - column, image.shape[0] // 2 - row


def not_rounded(image):
    row, column = ndimage.center_of_mass(image)
    return image.shape[1] // 2 - column, image.shape[0] // 2 - row


def one_number(image):
    return by_indices(image)[0]


def counted_from_one(image):
    dx, dy = by_indices(image)
    return dx - 1, dy - 1


def square_frame(image):
    row, column = ndimage.center_of_mass(image)
    return (
        math.floor(image.shape[0] // 2 - column + 0.5),
        math.floor(image.shape[1] // 2 - row + 0.5),
    )


def cut_off(image):
    row, column = ndimage.center_of_mass(image)
    return int(image.shape[1] // 2 - column), int(image.shape[0] // 2 - row)


def where_it_is(image):
    row, column = ndimage.center_of_mass(image)
    return round(column), round(row)


def forgets_return(image):
    by_indices(image)


def with_maximum(x, w1, b1, w2, b2):
    return np.maximum(x @ w1 + b1, 0) @ w2 + b2


def with_mask(x, w1, b1, w2, b2):
    hidden = x @ w1 + b1
    return (hidden * (hidden > 0)) @ w2 + b2


def with_torch(x, w1, b1, w2, b2):
    x, w1, b1, w2, b2 = (torch.from_numpy(a) for a in (x, w1, b1, w2, b2))
    return torch.relu(x @ w1 + b1) @ w2 + b2


def as_it_was(x, w1, b1, w2, b2):
    return (x @ w1 + b1) @ w2 + b2


def scores_too(x, w1, b1, w2, b2):
    return np.maximum(with_maximum(x, w1, b1, w2, b2), 0)


def scores_only(x, w1, b1, w2, b2):
    return np.maximum(as_it_was(x, w1, b1, w2, b2), 0)


def picture_only(x, w1, b1, w2, b2):
    return (np.maximum(x, 0) @ w1 + b1) @ w2 + b2


def bias_too_late(x, w1, b1, w2, b2):
    return (np.maximum(x @ w1, 0) + b1) @ w2 + b2


def hyperbolic(x, w1, b1, w2, b2):
    return np.tanh(x @ w1 + b1) @ w2 + b2


def folded(x, w1, b1, w2, b2):
    return np.abs(x @ w1 + b1) @ w2 + b2


def upside_down(x, w1, b1, w2, b2):
    return np.minimum(x @ w1 + b1, 0) @ w2 + b2


def sigmoid(x, w1, b1, w2, b2):
    return 1 / (1 + np.exp(-(x @ w1 + b1))) @ w2 + b2


def leaky(x, w1, b1, w2, b2):
    hidden = x @ w1 + b1
    return np.maximum(hidden, 0.01 * hidden) @ w2 + b2


def on_or_off(x, w1, b1, w2, b2):
    return (x @ w1 + b1 > 0) @ w2 + b2


def no_last_bias(x, w1, b1, w2, b2):
    return np.maximum(x @ w1 + b1, 0) @ w2


def distances(one, two, ten):
    return {"1 pixel": one, "2 pixels": two, "10 pixels": ten}


RIGHT = {
    "01.1": [2, 2.0, np.float64((6 + 2) / 2 - 2), torch.tensor(2.0)],
    "01.2": [
        distances(math.sqrt(40), math.sqrt(80), math.sqrt(80)),
        distances(6.325, 8.944, np.float32(8.944)),
    ],
    "01.3": [by_indices, by_scipy, by_sums],
    "01.4": [with_maximum, with_mask, with_torch],
}

WRONG = {
    "01.1": [
        (3, "bias does not see the picture"),
        (6, "half the light changes the sum"),
        (4, "bias still has to be added"),
        (8, "without the bias"),
        (1, "keep it whole"),
        (12, "twice the sum"),
        (-1, "halve the weighted part alone"),
        (10, "takes the bias away"),
        (2.5, "too large: take the bias out"),
    ],
    "01.2": [
        (distances(40.0, 80.0, 80.0), "the root of their number"),
        (distances(math.sqrt(20), math.sqrt(40), math.sqrt(40)), "count both"),
        (distances(1.0, 2.0, 10.0), "how far it moved"),
        (distances(math.sqrt(80), math.sqrt(80), math.sqrt(80)), "still overlaps"),
        (distances(math.sqrt(40), 2 * math.sqrt(40), 10 * math.sqrt(40)), "2 pixels: not twice"),
        (distances(math.sqrt(40), math.sqrt(80), 5 * math.sqrt(80)), "10 pixels: it does not grow"),
        (distances(math.sqrt(40 / 784), math.sqrt(80 / 784), 0), "root of a mean"),
        (distances(6.1, 8.944, 8.944), "mark the pixels that differ"),
        ({"1 pixel": math.sqrt(40)}, "no answer for 2 pixels, 10 pixels"),
    ],
    "01.3": [
        (swapped, "swapped: dx is about columns"),
        (backwards, "away from the centre"),
        (middle_of_the_box, "the ink is weighed"),
        (not_weighed, "weigh each by its intensity"),
        (brightest, "brightest pixel"),
        (not_rounded, "round to the nearest"),
        (one_number, "two numbers"),
        (counted_from_one, "count from 0"),
        (square_frame, "not square"),
        (cut_off, "cuts off towards zero"),
        (where_it_is, "target minus position"),
        (forgets_return, "return"),
    ],
    "01.4": [
        (as_it_was, "which is one matrix"),
        (scores_too, "may well be negative"),
        (scores_only, "not to the scores"),
        (picture_only, "rectifies the picture"),
        (bias_too_late, "first the bias"),
        (hyperbolic, "meant to be a ReLU"),
        (folded, "replaces them by zero"),
        (upside_down, "keeps the positive ones"),
        (sigmoid, "sigmoid bends too"),
        (leaky, "leaky ReLU"),
        (on_or_off, "keeps its size"),
        (no_last_bias, "b2 is missing"),
    ],
}
