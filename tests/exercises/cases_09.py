"""Right and wrong answers to the exercises of lecture 09, each with what it must be told."""

import math
from fractions import Fraction

import numpy as np
import torch
from torch import nn


def by_formula(weight, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma * torch.rsqrt(running_var + eps)
    return torch.einsum("oikl,o->oikl", weight, scale), beta - running_mean * scale


def by_probing(weight, gamma, beta, running_mean, running_var, eps=1e-5):
    norm = nn.BatchNorm2d(len(gamma), eps=eps).eval()
    with torch.no_grad():
        norm.weight.copy_(gamma), norm.bias.copy_(beta)
        norm.running_mean.copy_(running_mean), norm.running_var.copy_(running_var)
        nothing = norm(torch.zeros(1, len(gamma), 1, 1)).flatten()
        slope = norm(torch.ones(1, len(gamma), 1, 1)).flatten() - nothing
    return weight * slope.view(-1, 1, 1, 1), nothing


def _with(scale, bias):
    def answer(weight, gamma, beta, running_mean, running_var, eps=1e-5):
        s = scale(gamma, running_var, eps)
        return weight * s.view(-1, 1, 1, 1), bias(beta, running_mean, s)

    return answer


def right_scale(gamma, var, eps):
    return gamma / torch.sqrt(var + eps)


def right_bias(beta, mean, s):
    return beta - mean * s


def only_weight(weight, gamma, beta, running_mean, running_var, eps=1e-5):
    return weight * right_scale(gamma, running_var, eps).view(-1, 1, 1, 1)


def swapped(weight, gamma, beta, running_mean, running_var, eps=1e-5):
    return by_formula(weight, gamma, beta, running_mean, running_var, eps)[::-1]


def report_loop(validation_errors, test_errors):
    best = 0
    for epoch, error in enumerate(validation_errors):
        if error < validation_errors[best]:
            best = epoch
    return best, test_errors[best]


def report_numpy(validation_errors, test_errors):
    best = int(np.argmin(validation_errors))
    return [best, float(test_errors[best])]


def report_tensor(validation_errors, test_errors):
    best = validation_errors.index(min(validation_errors))
    return best, torch.tensor(test_errors)[best].item()


def published(validation_errors, test_errors):
    best_epoch, best_error = 0, test_errors[0]
    for epoch in range(1, len(test_errors)):
        if test_errors[epoch] < best_error:
            best_epoch, best_error = epoch, test_errors[epoch]
    return best_epoch, best_error


def mean_of_both(validation_errors, test_errors):
    both = [a + b for a, b in zip(validation_errors, test_errors, strict=True)]
    return both.index(min(both)), test_errors[both.index(min(both))]


def latest(validation_errors, test_errors):
    best = 0
    for epoch, error in enumerate(validation_errors):
        if error <= validation_errors[best]:
            best = epoch
    return best, test_errors[best]


def largest(validation_errors, test_errors):
    best = validation_errors.index(max(validation_errors))
    return best, test_errors[best]


WAYS = sum(math.comb(54, k) for k in range(20, 35))
SHARE = WAYS / 2**54

RIGHT = {
    "09.1": [3, 3.0, torch.tensor(3.0), np.float32(3)],
    "09.2": [280064, 512 * 128 + 9 * 128**2 + 128 * 512 + 2 * 768, np.int64(280064)],
    "09.3": [by_formula, by_probing],
    "09.4": [report_loop, report_numpy, report_tensor],
    "09.5": [SHARE, round(SHARE, 3), float(Fraction(WAYS, 2**54)), np.float64(SHARE)],
}

WRONG = {
    "09.1": [
        (17, "standardised before"),
        (4.5, "go through the formula"),
        (7, "subtracts the map's mean"),
        (0, "still follow"),
        (5, "not 1 but 0"),
        (2, "that is the scale"),
        (1, "there is none"),
    ],
    "09.2": [
        (278528, "batch norms learns as well"),
        (250000, "too small: three convolutions"),
        (278528 + 768, "two numbers a map"),
        (278528 + 3 * 768, "no biases"),
        (278528 + 4 * 768, "remembered, not learned"),
        (278528 + 2 * 1280, "128, 128 and 512"),
        (280064 + 512 * 512 + 1024, "learns nothing"),
        (9 * (2 * 512 * 128 + 128**2) + 1536, "1 x 1"),
        (2 * 9 * 512**2 + 4 * 512, "basic block"),
    ],
    "09.3": [
        (_with(lambda g, v, e: g / (v + e), right_bias), "the root"),
        (_with(lambda g, v, e: torch.rsqrt(v + e), right_bias), "gamma is missing"),
        (_with(right_scale, lambda b, m, s: b), "still has to be subtracted"),
        (_with(right_scale, lambda b, m, s: b - m), "scaled like everything"),
        (_with(right_scale, lambda b, m, s: b + m * s), "has a minus"),
        (_with(lambda g, v, e: g * torch.rsqrt(v), right_bias), "eps is missing"),
        (only_weight, "should return a pair"),
        (swapped, "the wrong order"),
    ],
    "09.4": [
        (published, "still choose the epoch"),
        (lambda v, t: (v.index(min(v)), min(t)), "smallest ever seen"),
        (lambda v, t: (v.index(min(v)), min(v)), "its validation error"),
        (lambda v, t: (len(v) - 1, t[-1]), "last epoch"),
        (mean_of_both, "half a look"),
        (latest, "take the first"),
        (lambda v, t: (v.index(min(v)) + 1, t[v.index(min(v))]), "count from 0"),
        (lambda v, t: t[v.index(min(v))], "a pair"),
        (largest, "is wrong at"),
    ],
    "09.5": [
        (sum(math.comb(54, k) for k in range(20, 34)) / 2**54, "one end is missing"),
        (sum(math.comb(54, k) for k in range(21, 34)) / 2**54, "both ends count"),
        (100 * SHARE, "not in percent"),
        (0.5, "number of ways"),
        (15 / 55, "not equally likely"),
        (1 - SHARE, "all the other paths"),
        (sum(math.comb(110, k) for k in range(20, 35)) / 2**110, "the blocks are 54"),
    ],
}
