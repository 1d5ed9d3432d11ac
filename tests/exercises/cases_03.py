"""Right and wrong answers to the exercises of lecture 03, each with what it must be told."""

import numpy as np
import torch
from torch import nn


def growth(parameters, macs, dense):
    return {
        "convolution, parameters": parameters,
        "convolution, MACs": macs,
        "dense, weights": dense,
    }


# --- 03.2 -----------------------------------------------------------------------------------


def by_formula(
    in_channels, out_channels, kernel_size, height, width, padding=0, stride=1, groups=1, bias=True
):
    per_map = in_channels // groups * kernel_size * kernel_size
    rows = (height + 2 * padding - kernel_size) // stride + 1
    columns = (width + 2 * padding - kernel_size) // stride + 1
    parameters = out_channels * per_map + (out_channels if bias else 0)
    return parameters, out_channels * per_map * rows * columns


def by_building(
    in_channels, out_channels, kernel_size, height, width, padding=0, stride=1, groups=1, bias=True
):
    with torch.device("meta"):
        layer = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=bias
        )
        output = layer(torch.empty(1, in_channels, height, width))
    parameters = sum(p.numel() for p in layer.parameters())
    return parameters, layer.weight[0].numel() * output.numel()


def spoiled(change):
    """A wrong counter: `change` gets parameters, MACs, biases, and the arguments."""

    def count(in_channels, out_channels, kernel_size, height, width, **rest):
        parameters, macs = by_formula(in_channels, out_channels, kernel_size, height, width, **rest)
        biases = out_channels if rest.get("bias", True) else 0
        return change(parameters, macs, biases, dict(rest, c=in_channels, h=height, w=width))

    return count


def weights_of(parameters, biases):
    return parameters - biases


# --- 03.3 -----------------------------------------------------------------------------------


def trunk():
    return nn.Sequential(
        nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(64, 192, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(192, 384, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
    )


def head(inputs):
    return (
        nn.Flatten(),
        nn.Linear(inputs, 512),
        nn.ReLU(),
        nn.Linear(512, 512),
        nn.ReLU(),
        nn.Linear(512, 10),
    )


class WithoutPooling(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = trunk()
        self.classifier = nn.Sequential(*head(256))

    def forward(self, x):
        return self.classifier(self.features(x))


class PooledToOnePixel(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = trunk()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(*head(256))

    def forward(self, x):
        return self.classifier(self.pool(self.features(x)))


def as_one_chain():
    return nn.Sequential(trunk(), *head(256))


def pooled(side, inputs):
    return lambda: nn.Sequential(trunk(), nn.AdaptiveAvgPool2d(side), *head(inputs))


def without_hidden_layers():
    return nn.Sequential(trunk(), nn.Flatten(), nn.Linear(256, 10))


def other_images():
    return nn.Sequential(nn.Upsample(scale_factor=4), trunk(), *head(256 * 7 * 7))


def other_width():
    return nn.Sequential(trunk(), nn.Flatten(), nn.Linear(256, 500), nn.ReLU(), nn.Linear(500, 10))


RIGHT = {
    "03.1": [
        growth(1, 4, 16),
        growth(1.0, 2**2, np.int64(16)),
        growth(torch.tensor(1), 4.0, (256**2 * 3 * 256**2 * 5) // (128**2 * 3 * 128**2 * 5)),
    ],
    "03.2": [by_formula, by_building],
    "03.3": [WithoutPooling, PooledToOnePixel, as_one_chain],
    "03.4": [78, (8_000_000_000 - 16 * 138_357_544) // 73_359_272, np.int64(78), 78.0],
}

WRONG = {
    "03.1": [
        (growth(4, 4, 16), "share the same parameters"),
        (growth(2, 4, 16), "no height and no width"),
        (growth(16, 16, 16), "does not know the image"),
        (growth(1, 1, 16), "used at more places"),
        (growth(1, 2, 16), "the two factors multiply"),
        (growth(1, 16, 16), "one 5 x 5 window"),
        (growth(1, 4, 4), "the outputs grow as well"),
        (growth(1, 4, 8), "not two times"),
        (growth(1, 4, 2), "the two factors multiply"),
        ({"dense, weights": 16}, "no answer for"),
    ],
    "03.2": [
        (spoiled(lambda p, m, b, g: (m, p)), "parameters first"),
        (spoiled(lambda p, m, b, g: (p - b, m)), "biases are missing"),
        (
            lambda *args, **kwargs: by_formula(*args, **kwargs | {"bias": True}),
            "no bias to learn",
        ),
        (spoiled(lambda p, m, b, g: (p - b + b * g["c"], m)), "not to each pair"),
        (spoiled(lambda p, m, b, g: (p, (p - b) * g["h"] * g["w"])), "not at every pixel"),
        (
            spoiled(lambda p, m, b, g: (p, p * m // (p - b))),
            "a bias is added, not multiplied",
        ),
        (
            lambda *args, groups=1, **kwargs: by_formula(*args, **kwargs),
            "in_channels / groups",
        ),
        (spoiled(lambda p, m, b, g: (p, 2 * m)), "as two operations"),
        (spoiled(lambda p, m, b, g: p), "tuple"),
        (
            lambda *args, padding=0, **kwargs: by_formula(*args, **kwargs),
            "wrong at [1]",
        ),
    ],
    "03.3": [
        (pooled(6, 256 * 36), "each copied to 36 places"),
        (pooled(3, 256 * 9), "copied to 9 places"),
        (pooled(2, 256 * 4), "copied to 4 places"),
        (pooled(1, 256 * 36), "cannot be run"),
        (pooled(6, 256), "cannot be run"),
        (without_hidden_layers, "hidden dense layers"),
        (other_images, "trainable parameters, not"),
        (other_width, "trainable parameters, not"),
        (nn.Linear(3, 10), "cannot be run"),
    ],
    "03.4": [
        (79, "rounded up"),
        (109, "weights need room too"),
        (101, "weights only"),
        (93, "two numbers more"),
        (86, "SGD with momentum"),
        (87, "too large"),
        (3, "once for each image"),
        (25, "in bytes already"),
        (78.87, "whole number"),
    ],
}
