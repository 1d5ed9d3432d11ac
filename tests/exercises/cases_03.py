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


# --- 03.3 -----------------------------------------------------------------------------------


class Block(nn.Module):
    """GoogLeNet's first block; `third` and `second` are the windowed layers of branches 3 and 2."""

    def __init__(self, third=None, second=None, reduce=True, bias=True):
        super().__init__()
        first = [nn.Conv2d(192, 16, 1, bias=bias), nn.ReLU()] if reduce else []
        self.branches = nn.ModuleList(
            [
                nn.Conv2d(192, 64, 1, bias=bias),
                nn.Sequential(
                    nn.Conv2d(192, 96, 1, bias=bias),
                    nn.ReLU(),
                    second or nn.Conv2d(96, 128, 3, padding=1, bias=bias),
                ),
                nn.Sequential(*first, third or nn.Conv2d(16, 32, 5, padding=2, bias=bias)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(192, 32, 1, bias=bias)),
            ]
        )

    def forward(self, x):
        return torch.cat([torch.relu(branch(x)) for branch in self.branches], dim=1)


def block(**changes):
    return lambda: Block(**changes)


def by_the_word():
    return Block(third=nn.Conv2d(16, 32, (5, 5), padding="same"))


def window(side, padding=None, **options):
    padding = (side - 1) // 2 if padding is None else padding
    return nn.Conv2d(16, 32, side, padding=padding, **options)


def two_small(between):
    return nn.Sequential(
        nn.Conv2d(16, between, 3, padding=1), nn.ReLU(), nn.Conv2d(between, 32, 3, padding=1)
    )


def right_count_wrong_plan():
    """The missing 8,192 weights, added somewhere else."""
    return Block(
        third=nn.Sequential(window(3), nn.Conv2d(32, 256, 1, bias=False), nn.AvgPool3d((8, 1, 1)))
    )


RIGHT = {
    "03.1": [
        growth(1, 4, 16),
        growth(1.0, 2**2, np.int64(16)),
        growth(torch.tensor(1), 4.0, (256**2 * 3 * 256**2 * 5) // (128**2 * 3 * 128**2 * 5)),
    ],
    "03.2": [by_formula, by_building],
    "03.3": [Block, by_the_word, Block()],
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
        (growth(0, 4, 16), "the factor is 1"),
        (growth(1, 8, 16), "how many times as many places"),
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
            "padding does nothing",
        ),
        (
            lambda *args, stride=1, **kwargs: by_formula(*args, **kwargs),
            "stride does nothing",
        ),
        (
            lambda *args, height=1, width=1, **kwargs: by_formula(
                *args, height=height, width=height, **kwargs
            ),
            "need not be square",
        ),
        (spoiled(lambda p, m, b, g: (p, p - b)), "work of one place"),
    ],
    "03.3": [
        (block(third=window(3)), "still 8,192 parameters short"),
        (block(third=window(5, 1)), "2 pixels smaller"),
        (block(third=window(3, 2)), "2 pixels larger"),
        (block(third=window(3, 2, dilation=2)), "dilated window"),
        (block(third=window(3), second=nn.Conv2d(96, 128, 5, padding=2)), "the wrong branch"),
        (block(second=nn.Conv2d(96, 128, 5, padding=2)), "branch 2 was right"),
        (block(third=window(7)), "larger than the plan's"),
        (block(bias=False), "the biases are gone"),
        (block(third=two_small(32)), "they are two layers"),
        (block(third=two_small(16)), "they are two layers"),
        (block(third=nn.Conv2d(192, 32, 5, padding=2), reduce=False), "first makes 16"),
        (right_count_wrong_plan, "the plan is not"),
        (block(third=nn.Conv2d(16, 64, 5, padding=2)), "shape"),
        (163696, "has to be a torch.nn.Module"),
    ],
    "03.4": [
        (79, "rounded up"),
        (109, "weights need room too"),
        (101, "weights only"),
        (93, "two numbers more"),
        (86, "SGD with momentum"),
        (87, "too large: 16 bytes a parameter"),
        (3, "once for each image"),
        (25, "in bytes already"),
        (78.87, "whole number"),
    ],
}
