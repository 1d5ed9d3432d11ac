"""Right and wrong answers to the exercises of lecture 14, each with what it must be told."""

import numpy as np
import torch
from torch.nn import functional as F
from torchvision import ops

from utils import segmentation


def by_weights(grid, x, y):
    """Hats of width one around every centre: the matrix way."""
    height, width = np.shape(grid)
    x, y = np.clip(x - 0.5, 0, width - 1), np.clip(y - 0.5, 0, height - 1)
    across = np.clip(1 - np.abs(np.arange(width) - x), 0, None)
    down = np.clip(1 - np.abs(np.arange(height) - y), 0, None)
    return down @ grid @ across


def by_neighbours(grid, x, y):
    x, y = x - 0.5, y - 0.5
    j, i = int(np.floor(x)), int(np.floor(y))
    total = 0.0
    for row in (i, i + 1):
        for column in (j, j + 1):
            weight = (1 - abs(x - column)) * (1 - abs(y - row))
            r = min(max(row, 0), len(grid) - 1)
            c = min(max(column, 0), len(grid[0]) - 1)
            total += weight * grid[r][c]
    return total


def no_half(grid, x, y):
    return by_weights(grid, x + 0.5, y + 0.5)


def half_added(grid, x, y):
    return by_weights(grid, x + 1, y + 1)


def swapped(grid, x, y):
    return by_weights(grid, y, x)


def cell_below(grid, x, y):
    return grid[int(y), int(x)]


def rounded(grid, x, y):
    return grid[round(y - 0.5), round(x - 0.5)]


def only_across(grid, x, y):
    height, width = grid.shape
    x = min(max(x - 0.5, 0), width - 1)
    j = min(int(x), width - 2)
    row = grid[min(int(y), height - 1)]
    return (1 - (x - j)) * row[j] + (x - j) * row[j + 1]


def only_down(grid, x, y):
    return only_across(grid.T, y, x)


def weights_swapped(grid, x, y):
    height, width = grid.shape
    x, y = np.clip(x - 0.5, 0, width - 1), np.clip(y - 0.5, 0, height - 1)
    j, i = min(int(x), width - 2), min(int(y), height - 2)
    across, down = [x - j, 1 - (x - j)], [y - i, 1 - (y - i)]
    return np.array(down) @ grid[i : i + 2, j : j + 2] @ np.array(across)


def straight_on(grid, x, y):
    height, width = grid.shape
    j = int(np.clip(np.floor(x - 0.5), 0, width - 2))
    i = int(np.clip(np.floor(y - 0.5), 0, height - 2))
    u, v = x - 0.5 - j, y - 0.5 - i
    return np.array([1 - v, v]) @ grid[i : i + 2, j : j + 2] @ np.array([1 - u, u])


def zeros_outside(grid, x, y):
    return by_weights(np.pad(grid, 1), x + 1, y + 1)


def regions(shift=0.0, round_boxes=False, **options):
    def cut(features, boxes, stride):
        boxes = boxes + shift * stride
        if round_boxes:
            boxes = (boxes / stride).round() * stride
        return ops.roi_align(features, [boxes], 7, 1 / stride, 2, **options)

    return cut


def by_hand(features, boxes, stride):
    return segmentation.roi_align(features, [boxes], 7, 1 / stride, 2, aligned=True)


def half_pixel(features, boxes, stride):
    return ops.roi_align(features, [boxes - 0.5], 7, 1 / stride, 2)


def forgets_the_stride(features, boxes, stride):
    return ops.roi_align(features, [boxes], 7, 1.0, 2, aligned=True)


def pooled(features, boxes, stride):
    return ops.roi_pool(features, [boxes], 7, 1 / stride)


def picked(logits, labels, masks):
    own = logits[torch.arange(len(labels)), labels]
    return F.binary_cross_entropy_with_logits(own, masks)


def written_out(logits, labels, masks):
    p = torch.stack([logits[n, k] for n, k in enumerate(labels)]).sigmoid()
    return -(masks * p.log() + (1 - masks) * (1 - p).log()).mean()


def every_class(logits, labels, masks):
    wanted = torch.zeros_like(logits)
    for n, k in enumerate(labels):
        wanted[n, k] = masks[n]
    return F.binary_cross_entropy_with_logits(logits, wanted)


def competing(logits, labels, masks):
    p = logits.softmax(1)[torch.arange(len(labels)), labels]
    return F.binary_cross_entropy(p, masks)


def summed(logits, labels, masks):
    own = logits[torch.arange(len(labels)), labels]
    return F.binary_cross_entropy_with_logits(own, masks, reduction="sum")


def summed_by_region(logits, labels, masks):
    return summed(logits, labels, masks) / len(labels)


def squared(logits, labels, masks):
    return ((logits[torch.arange(len(labels)), labels].sigmoid() - masks) ** 2).mean()


def averaged(logits, labels, masks):
    return F.binary_cross_entropy_with_logits(logits.mean(1), masks)


def no_return(logits, labels, masks):
    picked(logits, labels, masks)


RIGHT = {
    "14.1": [0.1875, 3 / 16, np.float32(0.1875), 0.19],
    "14.2": [2643280, 4 * 590080 + 262400 + 20560, np.int64(2643280)],
    "14.3": [by_weights, by_neighbours],
    "14.4": [regions(aligned=True), regions(shift=-0.5, aligned=False), by_hand],
    "14.5": [picked, written_out],
}

WRONG = {
    "14.1": [
        (0, "rounds the small move away"),
        (3, "in pixels"),
        (48, "multiplies by the stride"),
        (1, "no rounding"),
        (16 / 3, "upside down"),
        (-0.3125, "cancels"),
        (0.09375, "wherever it lies"),
        (0.375, "stride 8"),
        (0.3, "too large: one cell is 16 pixels"),
    ],
    "14.2": [
        (2641920, "also has a bias"),
        (2646107, "91 numbers"),
        (2643537, "background needs no mask"),
        (2622977, "one mask for all classes"),
        (2380880, "transposed convolution"),
        (873040, "four 3 x 3"),
        (2970960, "2 x 2 kernel"),
        (2622720, "last layer is missing"),
        (2_500_000, "too small: write one line"),
    ],
    "14.3": [
        (no_half, "j + 0.5"),
        (half_added, "has to be subtracted"),
        (swapped, "grid[y, x]"),
        (cell_below, "four nearest"),
        (rounded, "four nearest"),
        (only_across, "across only"),
        (only_down, "down only"),
        (weights_swapped, "the more it counts"),
        (straight_on, "straight line"),
        (zeros_outside, "fades to zero"),
    ],
    "14.4": [
        (regions(), "still half a cell off"),
        (half_pixel, "stride / 2 pixels"),
        (regions(shift=0.5), "the other way"),
        (regions(shift=-0.5, aligned=True), "shifted twice"),
        (regions(round_boxes=True, aligned=True), "rounded to whole cells"),
        (forgets_the_stride, "pixels of the picture"),
        (pooled, "which rounds twice"),
    ],
    "14.5": [
        (every_class, "compete again"),
        (competing, "not a softmax"),
        (summed, "large batches"),
        (summed_by_region, "pixels too"),
        (squared, "squared error"),
        (averaged, "pick the true"),
        (no_return, "return"),
    ],
}
