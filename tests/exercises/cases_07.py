"""Right and wrong answers to the exercises of lecture 07, each with what it must be told."""

import numpy as np
import torch
from torch.nn import functional as F


def by_stacking(images, size):
    last_row, last_column = images.shape[2] - size, images.shape[3] - size
    corners = [(r, c) for r in (0, last_row) for c in (0, last_column)]
    views = [images[:, :, r : r + size, c : c + size] for r, c in corners]
    r, c = last_row // 2, last_column // 2
    views.append(images[:, :, r : r + size, c : c + size])
    return torch.stack(views + [view.flip(3) for view in views], dim=1)


def by_narrowing(images, size):
    n, channels, height, width = images.shape
    result = images.new_empty(n, 10, channels, size, size)
    places = [(0, 0), (0, width - size), (height - size, 0), (height - size, width - size)]
    places.append(((height - size) // 2, (width - size) // 2))
    for number, (r, c) in enumerate(places):
        view = images.narrow(2, r, size).narrow(3, c, size)
        result[:, number] = view
        result[:, number + 5] = torch.flip(view, dims=[-1])
    return result


def upside_down(images, size):
    five = by_stacking(images, size)[:, :5]
    return torch.cat([five, five.flip(-2)], dim=1)


def mirrored_first(images, size):
    halves = by_stacking(images, size)[:, :5], by_stacking(images.flip(-1), size)[:, :5]
    return torch.cat(halves, dim=1)


def interleaved(images, size):
    return by_stacking(images, size)[:, [0, 5, 1, 6, 2, 7, 3, 8, 4, 9]]


def centre_first(images, size):
    return by_stacking(images, size)[:, [4, 0, 1, 2, 3, 9, 5, 6, 7, 8]]


def columns_first(images, size):
    return by_stacking(images, size)[:, [0, 2, 1, 3, 4, 5, 7, 6, 8, 9]]


def never_mirrored(images, size):
    return by_stacking(images, size)[:, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]]


def five_only(images, size):
    return by_stacking(images, size)[:, :5]


def norm(activations, alpha=5e-4, beta=0.75, k=2.0, size=5):
    return torch.nn.LocalResponseNorm(size, alpha=alpha, beta=beta, k=k)(activations)


def norm_by_hand(activations):
    squares = F.pad(activations**2, (0, 0, 0, 0, 2, 2))
    total = sum(squares[:, j : j + activations.shape[1]] for j in range(5))
    return activations / (2 + 1e-4 * total) ** 0.75


def path(w, rates, gradients, decay=0.0005, momentum=0.9):
    v, found = 0.0, []
    for rate, g in zip(rates, gradients, strict=True):
        v = momentum * v - rate * (decay * w + g)
        w += v
        found.append(w)
    return found


def path_by_arrays(w, rates, gradients):
    weights, v = [w], 0.0
    for step in range(len(rates)):
        v = 0.9 * v - 0.0005 * rates[step] * weights[-1] - rates[step] * gradients[step]
        weights.append(weights[-1] + v)
    return [float(x) for x in np.array(weights[1:])]


def torchs_path(w, rates, gradients):
    weight = torch.nn.Parameter(torch.tensor(float(w), dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.9, weight_decay=0.0005)
    found = []
    for rate, g in zip(rates, gradients, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        weight.grad = torch.tensor(float(g), dtype=torch.float64)
        optimizer.step()
        found.append(weight.item())
    return found


def nesterov(w, rates, gradients):
    v, found = 0.0, []
    for rate, g in zip(rates, gradients, strict=True):
        push = -0.0005 * rate * w - rate * g
        v = 0.9 * v + push
        w = w + 0.9 * v + push
        found.append(w)
    return found


RIGHT = {
    "07.1": [162, 9 * 9 * 2, np.int64(162)],
    "07.2": [332160, 384 * (3 * 3 * 96 + 1), np.int64(332160)],
    "07.3": [by_stacking, by_narrowing],
    "07.4": [norm, norm_by_hand],
    "07.5": [path, path_by_arrays],
}

WRONG = {
    "07.1": [
        (128, "last one out"),
        (100, "too small: count the places"),
        (81, "mirrored"),
        (64, "mirror images are missing"),
        (18, "independently"),
        (9, "one side"),
        (324, "upside down"),
        (2048, "224 in 256"),
    ],
    "07.2": [
        (331776, "bias"),
        (400000, "too large: ask of one output map"),
        (663936, "two columns"),
        (1327488, "undivided"),
        (83040, "one device"),
        (331780, "not one a device"),
        (3840, "four groups"),
    ],
    "07.3": [
        (upside_down, "upside down"),
        (mirrored_first, "Cut first"),
        (interleaved, "first all five"),
        (centre_first, "after the corners"),
        (columns_first, "rows come before"),
        (never_mirrored, "should be mirrored"),
        (five_only, "mirror images make it ten"),
    ],
    "07.4": [
        (lambda a: norm(a, alpha=1e-4), "still divides"),
        (lambda a: norm(a, alpha=2e-5), "wrong way"),
        (lambda a: norm(a, k=1.0), "k should be 2"),
        (lambda a: norm(a, beta=0.5), "beta is 0.75"),
        (lambda a: norm(a, size=3), "five maps"),
        (lambda a: a / 2**0.75, "k alone divides"),
    ],
    "07.5": [
        (torchs_path, "torch's rule"),
        (lambda w, r, g: path(w, r, g, decay=0.0), "weight decay is missing"),
        (lambda w, r, g: path(w, r, g, momentum=0.0), "velocity forgets"),
        (lambda w, r, g: path(w, r, g, decay=-0.0005), "wrong sign"),
        (nesterov, "Nesterov"),
        (lambda w, r, g: [w, *path(w, r, g)], "starts with the first weight"),
        (lambda w, r, g: path(w, r, g)[-1:], "should give 3 weights"),
    ],
}
