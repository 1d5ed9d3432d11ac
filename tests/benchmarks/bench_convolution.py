"""The course's NumPy convolution, forward and backward, against torch's.

`utils.convolution` is what lecture 04 trains a network with. Three sizes: both layers of LeNet-5
on 64 images, and AlexNet's second layer on eight. Each round runs both, on one thread, on the same
float32 arrays; that they agree is checked before anything is timed.
"""

from __future__ import annotations

from interleaved import chart, claim, interleave, middle, ratio, start, table

NAME = "convolution"
TITLE = "Convolution in NumPy"
THREADS = 1

SIZES = {
    "LeNet-5 C1": {"x": (64, 1, 28, 28), "weight": (6, 1, 5, 5), "padding": 2},
    "LeNet-5 C3": {"x": (64, 6, 14, 14), "weight": (16, 6, 5, 5), "padding": 0},
    "AlexNet conv2": {"x": (8, 96, 27, 27), "weight": (256, 96, 5, 5), "padding": 2},
}
ROUNDS = 15
REPEATS = {"LeNet-5 C1": 10, "LeNet-5 C3": 10, "AlexNet conv2": 1}
"""Calls timed together, so that a small one is longer than the clock's grain."""


def pair(size: dict):
    """Return functions that go forward and backward once: NumPy's, torch's; they were compared."""
    import numpy as np
    import torch
    from torch.nn import functional as F

    from utils.convolution import conv2d, conv2d_backward

    generator = np.random.default_rng(0)
    x = generator.standard_normal(size["x"], dtype=np.float32)
    weight = generator.standard_normal(size["weight"], dtype=np.float32) / 10
    bias = generator.standard_normal(size["weight"][0], dtype=np.float32)
    padding = size["padding"]
    grad = np.ones_like(conv2d(x, weight, bias, padding=padding))
    tensors = [torch.from_numpy(array).requires_grad_() for array in (x, weight, bias)]
    grad_tensor = torch.from_numpy(grad)

    def with_numpy():
        out = conv2d(x, weight, bias, padding=padding)
        return out, *conv2d_backward(grad, x, weight, padding=padding)

    def with_torch():
        out = F.conv2d(*tensors, padding=padding)
        return out.detach(), *torch.autograd.grad(out, tensors, grad_tensor)

    for ours, theirs in zip(with_numpy(), with_torch(), strict=True):
        theirs = theirs.numpy()
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * np.abs(theirs).max())
    return with_numpy, with_torch


def run(quick: bool = False, only=None) -> dict:
    measured = {}
    for name, size in SIZES.items():
        if only and name not in only:
            continue
        repeats = 1 if quick else REPEATS[name]
        with_numpy, with_torch = pair(size)

        def repeated(function, repeats=repeats):
            return lambda: [function() for _ in range(repeats)]

        variants = {"NumPy": repeated(with_numpy), "torch": repeated(with_torch)}
        measured[name] = (interleave(variants, 2 if quick else ROUNDS), repeats)
    return report(measured)


def report(measured: dict) -> dict:
    """Return claims, tables and charts of some rounds."""
    claims, rows, bars = [], [], {"NumPy": [], "torch": []}
    for name, (samples, repeats) in measured.items():
        found = ratio(samples["NumPy"], samples["torch"])
        claims.append(claim(f"{name}: NumPy against torch, CPU seconds", found, at_most=3.5))
        size = SIZES[name]
        each = {who: 1000 * middle(some) / repeats for who, some in samples.items()}
        for who, value in each.items():
            bars[who].append(round(value, 3))
        rows.append(
            [
                name,
                " x ".join(map(str, size["x"])),
                " x ".join(map(str, size["weight"])),
                f"{each['NumPy']:.2f}",
                f"{each['torch']:.2f}",
                f"{found.median:.2f}",
            ]
        )
    header = ["layer", "images", "kernels", "NumPy, ms", "torch, ms", "ratio"]
    return {
        "claims": claims,
        "tables": [table("Forward and backward once", header, rows)],
        "charts": [
            chart(
                "bars",
                "Twenty lines of NumPy stay within a small factor of torch",
                "Milliseconds for forward and backward of three layers, NumPy beside torch, on a "
                "logarithmic axis.",
                [{"label": who, "names": list(measured), "values": v} for who, v in bars.items()],
                y="milliseconds",
                log=True,
            )
        ],
        "notes": ["float32, one thread; results equal to 1e-4 of the largest value."],
    }


if __name__ == "__main__":
    start(__name__)
