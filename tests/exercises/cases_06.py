"""Right and wrong answers to the exercises of lecture 06, each with what it must be told."""

import math

import numpy as np
import torch
from torch.nn import functional as F


def squash(a):
    return 1.7159 * torch.tanh(2 / 3 * a)


def by_blocks(x, coefficient, bias):
    n, c, h, w = x.shape
    total = x.reshape(n, c, h // 2, 2, w // 2, 2).sum(dim=(3, 5))
    return squash(coefficient[:, None, None] * total + bias[:, None, None])


def by_slices(x, coefficient, bias):
    total = x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]
    return squash(coefficient.view(-1, 1, 1) * total + bias.view(-1, 1, 1))


def by_pooling(x, coefficient, bias):
    pooled = 4 * F.avg_pool2d(x, 2)
    return squash(torch.einsum("c,nchw->nchw", coefficient, pooled) + bias[None, :, None, None])


def averaged(x, coefficient, bias):
    return squash(coefficient[:, None, None] * F.avg_pool2d(x, 2) + bias[:, None, None])


def not_squashed(x, coefficient, bias):
    return coefficient[:, None, None] * 4 * F.avg_pool2d(x, 2) + bias[:, None, None]


def plain_tanh(x, coefficient, bias):
    return torch.tanh(not_squashed(x, coefficient, bias))


def bias_too_early(x, coefficient, bias):
    return squash(coefficient[:, None, None] * (4 * F.avg_pool2d(x, 2) + bias[:, None, None]))


def largest(x, coefficient, bias):
    return squash(coefficient[:, None, None] * F.max_pool2d(x, 2) + bias[:, None, None])


def squashed_too_early(x, coefficient, bias):
    return 4 * F.avg_pool2d(squash(coefficient[:, None, None] * x + bias[:, None, None]), 2)


def half_size_missing(x, coefficient, bias):
    return squash(coefficient[:, None, None] * x + bias[:, None, None])


def forgets_return(x, coefficient, bias):
    by_blocks(x, coefficient, bias)


def along_the_width(x, coefficient, bias):
    return squash(coefficient * 4 * F.avg_pool2d(x, 2) + bias)


def steps(epochs, *, order="after", every=3):
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=every, gamma=0.1)
    rates = []
    for _ in range(epochs):
        if order == "before":
            optimizer.step()
            scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.zero_grad()
        (weight**2).sum().backward()
        optimizer.step()
        if order == "after":
            scheduler.step()
    return rates


RIGHT = {
    "06.1": [math.log(26), 3.26, np.float64(3.258), torch.tensor(3.2581)],
    "06.2": [1216, 16 * 76, np.int64(1216), 1216.0],
    "06.3": [by_blocks, by_slices, by_pooling],
    "06.4": [
        lambda epochs: steps(epochs),
        lambda epochs: [10.0 ** -(1 + e // 3) for e in range(epochs)],
    ],
}

WRONG = {
    "06.1": [
        (2.303, "ten classes"),
        (math.log2(26), "base 2"),
        (math.log10(26), "base 10"),
        (1 / 26, "minus its logarithm"),
        (-3.258, "never negative"),
        (0.0, "for certain"),
        (25 / 26, "wrong guesses"),
        (26, "number of letters"),
        (math.log(2), "two classes"),
        (math.log(26) / 26, "not a mean"),
        (3.3, "second one is asked"),
        (1.5, "the same probability"),
    ],
    "06.2": [
        (1200, "also has a bias"),
        (1248, "not one a link"),
        (416, "kernel of its own"),
        (76, "sixteen"),
        (2416, "all six maps"),
        (1516, "real table"),
        (121600, "counts connections"),
        (400, "and has a bias"),
        (64, "kernel of 25 weights"),
        (1203, "not to the three maps"),
        (456, "six maps; C3 has sixteen"),
        (1000, "one map's kernels"),
    ],
    "06.3": [
        (averaged, "averages the four"),
        (not_squashed, "squashing is missing"),
        (plain_tanh, "plain tanh"),
        (bias_too_early, "not before"),
        (largest, "largest of the four"),
        (lambda x, c, b: plain_tanh(2 / 3 * x, c, 2 / 3 * b), "1.7159"),
        (lambda x, c, b: 1.7159 * plain_tanh(x, c, b), "2/3 inside"),
        (lambda x, c, b: by_blocks(x, c, 0 * b), "bias is missing"),
        (squashed_too_early, "squashes once"),
        (half_size_missing, "shape"),
        (along_the_width, "must match the size"),
        (forgets_return, "return"),
    ],
    "06.4": [
        (lambda epochs: steps(epochs, order="never"), "nobody tells it"),
        (lambda epochs: steps(epochs, order="before"), "first epoch's rate is missing"),
        (lambda epochs: steps(epochs, every=1), "after every third"),
        (lambda epochs: [0.1 / 3 ** (e // 3) for e in range(epochs)], "divided by three"),
        (lambda epochs: steps(epochs, every=2), "number 3 used 0.01"),
        (lambda epochs: steps(epochs)[:-1], "list of 9 rates"),
        (lambda epochs: [0.1 / (1 + e // 3) for e in range(epochs)], "number 4 used 0.05"),
    ],
}
