"""Right and wrong answers to the exercises of lecture 02, each with what it must be told."""

import numpy as np
import torch
from torch.nn import functional as F


def by_rows(kernel, size, stride, padding):
    """Write the kernel into a row that has room for the padding, then cut the padding off."""
    outputs = (size + 2 * padding - len(kernel)) // stride + 1
    wide = torch.zeros(outputs, size + 2 * padding)
    for row in range(outputs):
        wide[row, row * stride : row * stride + len(kernel)] = kernel
    return wide[:, padding : padding + size]


def by_unit_inputs(kernel, size, stride, padding):
    """Ask the library for the answer to each unit input: the columns of the matrix."""
    units = torch.eye(size)[:, None]
    return F.conv1d(units, kernel[None, None], stride=stride, padding=padding)[:, 0].T


def flipped(kernel, size, stride, padding):
    return by_rows(kernel.flip(0), size, stride, padding)


def always_one_step(kernel, size, stride, padding):
    return by_rows(kernel, size, 1, padding)


def padding_kept(kernel, size, stride, padding):
    return by_rows(kernel, size + 2 * padding, stride, 0)


def never_padded(kernel, size, stride, padding):
    return by_rows(kernel, size, stride, 0)


def circular(kernel, size, stride, padding):
    outputs = (size + 2 * padding - len(kernel)) // stride + 1
    matrix = torch.zeros(outputs, size)
    for row in range(outputs):
        for tap, weight in enumerate(kernel):
            matrix[row, (row * stride - padding + tap) % size] += weight
    return matrix


def turned(kernel, size, stride, padding):
    return by_rows(kernel, size, stride, padding).T


def matrix_without_return(kernel, size, stride, padding):
    by_rows(kernel, size, stride, padding)


def by_library(image, kernel, stride=1):
    return F.conv2d(image[None, None], kernel[None, None], stride=stride)[0, 0]


def by_picking(image, kernel, stride=1):
    """Compute every place, keep each S-th."""
    return by_library(image, kernel)[::stride, ::stride]


def by_loops(image, kernel, stride=1, *, down=None, across=None):
    k_rows, k_columns = kernel.shape
    rows = (image.shape[0] - k_rows) // stride + 1
    columns = (image.shape[1] - k_columns) // stride + 1
    down, across = down or stride, across or stride
    feature_map = torch.zeros(rows, columns)
    for i in range(rows):
        for j in range(columns):
            window = image[i * down :, j * across :][:k_rows, :k_columns]
            feature_map[i, j] = (window * kernel).sum()
    return feature_map


def rounded_up(kernel, size, stride, padding):
    outputs = -(-(size + 2 * padding - len(kernel)) // stride) + 1
    matrix = torch.zeros(outputs, size + 2 * padding + stride)
    for row in range(outputs):
        matrix[row, row * stride : row * stride + len(kernel)] = kernel
    return matrix[:, padding : padding + size]


def left_only(kernel, size, stride, padding):
    outputs = (size + padding - len(kernel)) // stride + 1
    matrix = torch.zeros(outputs, size + 2 * padding)
    for row in range(outputs):
        matrix[row, row * stride : row * stride + len(kernel)] = kernel
    return matrix[:, padding : padding + size]


RIGHT = {
    "02.1": [25, (50 + 2 * 5 - 11) // 2 + 1, np.int64(25), torch.tensor(25)],
    "02.2": [23, 1 + 2 + 2 + 8 + 2 + 8, np.int64(23), 23.0],
    "02.3": [by_rows, by_unit_inputs],
    "02.4": [by_library, by_picking, by_loops],
}

WRONG = {
    "02.1": [
        (26, "rounds up"),
        (24, "first place counts"),
        (23, "one side only"),
        (20, "leaves the padding out"),
        (50, "stride 1"),
        (30, "leaves the kernel out"),
        (25.5, "not a whole number"),
        (625, "how many rows"),
        (49, "steps of 2"),
        (27, "where the window's left edge can stand"),
    ],
    "02.2": [
        (19, "dilation"),
        (12, "leaves the strides out"),
        (10, "strides and dilation"),
        (14, "adds up the kernels"),
        (21, "pooling window adds"),
        (27, "own stride"),
        (4, "that is the jump"),
        (529, "how wide"),
        (15, "below the last layer"),
        (18, "multiplies the jump"),
    ],
    "02.3": [
        (flipped, "kernel is flipped"),
        (always_one_step, "stride does nothing"),
        (padding_kept, "columns of its own"),
        (never_padded, "padding does nothing"),
        (circular, "re-enters on the other side"),
        (turned, "transposed convolution"),
        (rounded_up, "one row too many"),
        (left_only, "beyond the right edge"),
        (matrix_without_return, "return"),
    ],
    "02.4": [
        (
            lambda image, kernel, stride: by_loops(image, kernel, stride, down=1, across=1),
            "nothing",
        ),
        (lambda image, kernel, stride: by_loops(image, kernel, stride, across=1), "rows are right"),
        (
            lambda image, kernel, stride: by_loops(image, kernel, stride, down=1),
            "columns are right",
        ),
        (lambda image, kernel, stride: by_library(image, kernel), "ignores the stride"),
        (lambda image, kernel, stride: by_library(image, kernel.flip(0, 1), stride), "flipped"),
        (lambda image, kernel, stride: by_library(image, kernel, stride).T, "shape"),
    ],
}
