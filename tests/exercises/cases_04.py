"""Right and wrong answers to the exercises of lecture 04, each with what it must be told."""

import numpy as np
import torch


def by_turning(grad_kernel):
    half = grad_kernel.shape[-1] // 2
    both = grad_kernel + grad_kernel[..., ::-1]
    both[..., half] /= 2
    return both[..., : half + 1]


def by_columns(grad_kernel):
    k = grad_kernel.shape[-1]
    learned = np.zeros((*grad_kernel.shape[:3], (k + 1) // 2))
    for column in range(k):
        learned[..., min(column, k - 1 - column)] += grad_kernel[..., column]
    return learned


def by_autograd(grad_kernel):
    half = grad_kernel.shape[-1] // 2
    learned = torch.zeros(*grad_kernel.shape[:3], half + 1, dtype=torch.float64, requires_grad=True)
    whole = torch.cat([learned, learned[..., :half].flip(-1)], dim=-1)
    whole.backward(torch.tensor(grad_kernel))
    return learned.grad.numpy()


def mirror_averaged(grad_kernel):
    half = grad_kernel.shape[-1] // 2
    return 0.5 * (grad_kernel + grad_kernel[..., ::-1])[..., : half + 1]


def middle_twice(grad_kernel):
    half = grad_kernel.shape[-1] // 2
    return grad_kernel[..., : half + 1] + grad_kernel[..., half:][..., ::-1]


def first_half(grad_kernel):
    return grad_kernel[..., : (grad_kernel.shape[-1] + 1) // 2] * 1.0


def second_half(grad_kernel):
    return grad_kernel[..., grad_kernel.shape[-1] // 2 :][..., ::-1] * 1.0


def unturned(grad_kernel):
    half = grad_kernel.shape[-1] // 2
    learned = grad_kernel[..., : half + 1] * 1.0
    learned[..., :half] += grad_kernel[..., half + 1 :]
    return learned


def rows(grad_kernel):
    return by_turning(grad_kernel.swapaxes(2, 3)).swapaxes(2, 3)


def whole_kernel(grad_kernel):
    return grad_kernel + grad_kernel[..., ::-1]


def by_largest(analytic, numeric):
    return np.abs(analytic - numeric).max() <= 1e-5 * np.abs(numeric).max()


def by_allclose(analytic, numeric):
    size = np.abs(numeric).max()
    return np.allclose(analytic / size, numeric / size, rtol=0, atol=1e-5)


def by_loop(analytic, numeric):
    allowed = 1e-5 * max(abs(value) for value in numeric.flat)
    pairs = zip(analytic.flat, numeric.flat, strict=True)
    return all(abs(one - other) <= allowed for one, other in pairs)


def as_given(analytic, numeric):
    return bool(np.abs(analytic - numeric).mean() < 1e-3)


def largest_below(limit):
    return lambda analytic, numeric: bool(np.abs(analytic - numeric).max() < limit)


def in_the_mean(analytic, numeric):
    return bool(np.abs(analytic - numeric).mean() <= 1e-5 * np.abs(numeric).max())


def one_sided(analytic, numeric):
    return bool(np.max(analytic - numeric) <= 1e-5 * np.max(np.abs(numeric)))


def blind_to_nan(analytic, numeric):
    too_far = np.abs(analytic - numeric) > 1e-5 * np.abs(numeric).max()
    return not too_far.any()


CAUSES = {"a": "averaged", "b": "batch mean", "c": "rounding", "d": "kink"}


def taken_away(grad):
    half = grad.shape[-1] // 2
    learned = grad[..., : half + 1].copy()
    learned[..., :half] -= grad[..., ::-1][..., :half]
    return learned


def one_by_one(analytic, numeric):
    return bool((np.abs(analytic - numeric) <= 1e-5 * np.abs(numeric)).all())


RIGHT = {
    "04.1": [4608, 8 * 24 * 24, np.int64(4608), 4608.0],
    "04.2": [CAUSES, {key: f" {value.upper()} " for key, value in CAUSES.items()}],
    "04.3": [by_turning, by_columns, by_autograd],
    "04.4": [by_allclose, by_largest, by_loop],
}

WRONG = {
    "04.1": [
        (1, "used at every place"),
        (8, "in each of them"),
        (576, "that is one image"),
        (6272, "fewer places"),
        (784, "eight images"),
        (115200, "once at each place"),
        (119808, "once at each place"),
        (25, "do not touch the bias"),
        (0, "grows with each"),
        (200, "serves every output"),
        (192, "has 24 rows"),
        (4232, "28 - 5 + 1"),
        (5000, "count the outputs of one image"),
    ],
    "04.2": [
        (CAUSES | {"a": "batch mean"}, "a: the batch would touch the dense layer"),
        (CAUSES | {"a": "rounding"}, "what is 576 here"),
        (CAUSES | {"b": "averaged"}, "b: averaging over places makes gradients smaller"),
        (CAUSES | {"b": "kink"}, "what else is 32"),
        (CAUSES | {"c": "kink"}, "c: corners hit a few weights"),
        (CAUSES | {"c": "averaged"}, "not random errors"),
        (CAUSES | {"d": "rounding"}, "d: rounding gets worse"),
        (CAUSES | {"d": "averaged"}, "would not go away"),
        (CAUSES | {"d": "bad luck"}, "choose one of averaged, batch mean, rounding, kink"),
        ({"a": "averaged"}, "there is no answer for b, c, d"),
    ],
    "04.3": [
        (mirror_averaged, "they do not share"),
        (middle_twice, "used once, not twice"),
        (first_half, "the first half alone"),
        (second_half, "the mirrored half alone"),
        (unturned, "without turning one round"),
        (rows, "mirrors the rows"),
        (taken_away, "both uses pull"),
        (whole_kernel, "shape"),
    ],
    "04.4": [
        (as_given, "still the bug"),
        (largest_below(1e-3), "compared with a fixed number"),
        (largest_below(1e-5), "compared with a fixed number"),
        (in_the_mean, "a single wrong one disappears"),
        (one_sided, "can be negative"),
        (blind_to_nan, "NaN passes"),
        (np.allclose, "absolute 1e-8"),
        (one_by_one, "the ruler is the largest value"),
    ],
}
