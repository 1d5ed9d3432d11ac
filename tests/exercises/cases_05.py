"""Right and wrong answers to the exercises of lecture 05, each with what it must be told."""

import numpy as np
import torch
from torch.nn import functional as F


def by_sums(maps):
    weights = maps.flatten(2).softmax(dim=-1).reshape(maps.shape)
    x = (weights.sum(dim=2) * torch.arange(maps.shape[3])).sum(dim=2)
    y = (weights.sum(dim=3) * torch.arange(maps.shape[2])).sum(dim=2)
    return torch.stack([x, y], dim=2)


def by_grid(maps):
    n, c, h, w = maps.shape
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    grid = torch.stack([x.flatten(), y.flatten()], dim=1).to(maps.dtype)
    return torch.softmax(maps.reshape(n, c, h * w), dim=2) @ grid


def by_exponentials(maps):
    e = torch.exp(maps - maps.amax(dim=(2, 3), keepdim=True))
    e = e / e.sum(dim=(2, 3), keepdim=True)
    x = torch.einsum("nchw,w->nc", e, torch.arange(maps.shape[3], dtype=e.dtype))
    y = torch.einsum("nchw,h->nc", e, torch.arange(maps.shape[2], dtype=e.dtype))
    return torch.stack([x, y], dim=-1)


def mean_place(weights):
    x = (weights.sum(dim=2) * torch.arange(weights.shape[3])).sum(dim=2)
    y = (weights.sum(dim=3) * torch.arange(weights.shape[2])).sum(dim=2)
    return torch.stack([x, y], dim=2)


def y_first(maps):
    return by_sums(maps)[..., [1, 0]]


def by_argmax(maps):
    n, c, h, w = maps.shape
    best = maps.reshape(n, c, h * w).argmax(dim=2)
    return torch.stack([best % w, torch.div(best, w, rounding_mode="floor")], dim=2).float()


def one_for_all(maps):
    return mean_place(maps.flatten(1).softmax(dim=1).reshape(maps.shape))


def between_0_and_1(maps):
    size = torch.tensor([maps.shape[3], maps.shape[2]]) - 1
    return by_sums(maps) / size.clamp(min=1)


def only_x(maps):
    return by_sums(maps)[..., 0]


def forgets_return(maps):
    by_sums(maps)


def copies(maps):
    return F.adaptive_avg_pool2d(maps, (6, 6)).flatten(1)


RIGHT = {
    "05.1": [8, np.int64(8), 2 * 2 * 1 * 2],
    "05.2": [
        {"dense": 31370, "global": 650},
        {"global": np.int64(650), "dense": 64 * 7 * 7 * 10 + 10},
    ],
    "05.3": [by_sums, by_grid, by_exponentials],
    "05.4": [
        lambda maps: maps.mean(dim=(2, 3)),
        lambda maps: F.adaptive_avg_pool2d(maps, 1).flatten(1),
        lambda maps: maps.flatten(2).mean(-1),
    ],
}

WRONG = {
    "05.1": [
        (7, "multiplied, not added"),
        (2, "one layer"),
        (4, "first two layers"),
        (6, "not 2 + 2 + 2"),
        (16, "stride 1"),
        (1, "every stride is 1"),
        (0, "above 0"),
        (5, "half a step"),
        (12, "sizes of the kernels play no part"),
        (32, "there is a smaller one"),
        (27, "how much a unit sees"),
        (8.5, "8.5"),
    ],
    "05.2": [
        ({"dense": 31360, "global": 650}, "dense: the weights are right"),
        ({"dense": 31370, "global": 640}, "global: the weights are right"),
        ({"dense": 4490, "global": 650}, "49 places"),
        ({"dense": 500, "global": 650}, "64 maps"),
        ({"dense": 31370, "global": 714}, "learns nothing"),
        ({"dense": 650, "global": 31370}, "keeps all 49 places"),
        ({"dense": 31370, "global": 31370}, "one number a map"),
        ({"dense": 31424, "global": 650}, "a bias belongs to a class"),
        ({"dense": 31370, "global": 704}, "a bias belongs to a class"),
        ({"dense": 3136, "global": 64}, "how many numbers come in"),
        ({"dense": 3137, "global": 65}, "that is one class"),
        ({"dense": 31000, "global": 650}, "how many numbers come in, how many"),
        ({"dense": 31370, "global": 600}, "how many numbers come in, how many"),
        ({"dense": 31370}, "no answer for global"),
    ],
    "05.3": [
        (y_first, "swapped"),
        (lambda maps: mean_place(maps.softmax(dim=-1)), "each row"),
        (lambda maps: mean_place(maps.softmax(dim=2)), "each column"),
        (lambda maps: mean_place(maps.softmax(dim=1)), "over the maps"),
        (one_for_all, "all maps together"),
        (between_0_and_1, "between 0 and 1"),
        (by_argmax, "argmax"),
        (lambda maps: by_sums(maps) + 1, "from 0"),
        (mean_place, "no probabilities"),
        (only_x, "shape"),
        (forgets_return, "return"),
    ],
    "05.4": [
        (copies, "36 copies"),
        (lambda maps: maps.flatten(1), "depends on the size"),
        (lambda maps: F.adaptive_avg_pool2d(maps, 1), "flatten (N, C, 1, 1)"),
        (lambda maps: F.adaptive_max_pool2d(maps, 1).flatten(1), "the network averages"),
        (lambda maps: maps[..., 0, 0], "one corner"),
        (lambda maps: maps.sum(dim=(2, 3)), "grows with the size"),
        (lambda maps: maps.mean(dim=1).flatten(1), "other way"),
    ],
}
