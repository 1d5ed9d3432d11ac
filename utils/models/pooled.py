"""One small trunk under every kind of pooling, so that the pooling is all that differs.

`PoolingNet` reads digits; its pooling layers and its head are chosen. `WhatWhereNet` says what a
digit is and where it lies, through a pooling window of any size. `BlurPool2d` and `MaxBlurPool2d`
blur before they take every second value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["BlurPool2d", "MaxBlurPool2d", "PoolingNet", "WhatWhereNet"]

HEADS = {"dense": None, "average": nn.AdaptiveAvgPool2d, "max": nn.AdaptiveMaxPool2d}
"""Name of a head -> the global pooling it begins with."""

GLOBAL_MAPS = 51
"""Maps of the third convolution of a global head: 9,291 parameters beside 9,226 of the dense."""


class BlurPool2d(nn.Module):
    """Blur every map with a small fixed kernel, and keep every second value: no parameters.

    Parameters
    ----------
    taps : sequence of int
        One row of the kernel; its outer product with itself, divided by its sum, is the blur.
        An odd number of them: (1, 2, 1), or (1, 4, 6, 4, 1) for more.

    Raises
    ------
    ValueError
        If the number of taps is even, or their sum is not positive.

    Notes
    -----
    Shape: (N, C, H, W) -> (N, C, ceil(H / 2), ceil(W / 2)); the rim is mirrored.
    R. Zhang (2019), Making convolutional networks shift-invariant again, sec. 3.
    """

    def __init__(self, taps: Sequence[int] = (1, 2, 1)) -> None:
        super().__init__()
        row = torch.tensor(taps, dtype=torch.float32)
        if row.ndim != 1 or len(row) % 2 == 0 or row.sum() <= 0:
            raise ValueError(
                f"taps are {tuple(taps)}: give an odd number of weights with a positive sum, such "
                "as (1, 2, 1)"
            )
        row = row / row.sum()
        self.margin = len(row) // 2
        self.register_buffer("kernel", torch.outer(row, row)[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Blur (N, C, H, W) and halve both axes."""
        channels = x.shape[1]
        x = F.pad(x, [self.margin] * 4, mode="reflect")
        kernel = self.kernel.expand(channels, -1, -1, -1)
        return F.conv2d(x, kernel, stride=2, groups=channels)


class MaxBlurPool2d(nn.Sequential):
    """Max pooling in two steps: the largest of each K x K window at every place, then `BlurPool2d`.

    Parameters
    ----------
    kernel_size : int
        Window K, in pixels, >= 1. The step is 2 whatever the window.

    Notes
    -----
    Shape: (N, C, H, W) of values not below 0 (after a ReLU) -> (N, C, ceil(H / 2), ceil(W / 2)).
    R. Zhang (2019), Making convolutional networks shift-invariant again, sec. 3.
    """

    def __init__(self, kernel_size: int) -> None:
        before = (kernel_size - 1) // 2
        after = kernel_size - 1 - before
        super().__init__(
            nn.ZeroPad2d((before, after, before, after)),
            nn.MaxPool2d(kernel_size, stride=1),
            BlurPool2d(),
        )


class PoolingNet(nn.Module):
    """Two convolutions, each halved in one way or another, and a head: about 9,250 parameters.

    Parameters
    ----------
    pooling : callable or None
        Called with the window 2 for each of the two pooling layers, e.g. `nn.MaxPool2d`,
        `nn.AvgPool2d` or `MaxBlurPool2d`. None: no pooling; the convolutions step by 2 instead.
    head : {"dense", "average", "max"}
        "dense": every place of every map has a weight for every class. The others add a third
        convolution and keep of each of its maps one number, its mean or its largest value.
    padding : {"same", "full"}
        Zeros around each convolution: so many that the size stays, or so many that no place
        where the kernel touches the picture is left out (P = K - 1).
    num_classes : int
        Number of logits, >= 1.

    Raises
    ------
    ValueError
        If `head` or `padding` is unknown.

    Notes
    -----
    Shape: (N, 1, 28, 28) -> (N, num_classes); with a global head any size of at least 4.
    Give it images whose paper is 0, or the zeros of the padding draw a frame around them.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in PoolingNet().parameters())
    9226
    >>> sum(parameter.numel() for parameter in PoolingNet(head="average").parameters())
    9291
    """

    def __init__(
        self,
        pooling: Callable[[int], nn.Module] | None = nn.MaxPool2d,
        head: str = "dense",
        padding: str = "same",
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        if head not in HEADS:
            raise ValueError(f"head is {head!r}: give one of {', '.join(HEADS)}")
        if padding not in ("same", "full"):
            raise ValueError(f'padding is {padding!r}: give "same" or "full"')
        step = 1 if pooling else 2

        def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
            zeros = kernel - 1 if padding == "full" else kernel // 2
            return [nn.Conv2d(inputs, outputs, kernel, stride, zeros), nn.ReLU()]

        def halve() -> list[nn.Module]:
            return [pooling(2)] if pooling else []

        self.features = nn.Sequential(
            *convolution(1, 8, 5, step), *halve(), *convolution(8, 16, 3, step), *halve()
        )
        self.classifier = nn.Sequential()
        if head == "dense":
            side = 9 if padding == "full" else 7
            self.classifier.extend([nn.Flatten(), nn.Linear(side * side * 16, num_classes)])
        else:
            self.classifier.extend(
                [
                    *convolution(16, GLOBAL_MAPS, 3),
                    HEADS[head](1),
                    nn.Flatten(),
                    nn.Linear(GLOBAL_MAPS, num_classes),
                ]
            )

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 1, 28, 28) -> logits (N, num_classes)."""
        return self.classifier(self.features(x))


class WhatWhereNet(nn.Sequential):
    """Two convolutions, max pooling with a window of choice, and one linear layer for 10 + 2 numbers.

    Parameters
    ----------
    window : int
        Window and step of the pooling, in pixels: 1 pools nothing, `size` keeps of each map its
        largest value alone. It must divide `size`.
    size : int
        Side of the images.

    Raises
    ------
    ValueError
        If `window` does not divide `size`.

    Notes
    -----
    Shape: (N, 1, size, size) -> (N, 12): ten logits of the digit, then x and y of its centre, in
    units of `size` / 4 from the middle of the image.
    """

    def __init__(self, window: int, size: int = 32) -> None:
        if window < 1 or size % window:
            raise ValueError(
                f"the window {window} does not divide {size}: give 1, 2, 4, ..., {size}"
            )
        super().__init__(
            nn.Conv2d(1, 8, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(window),
            nn.Flatten(),
            nn.Linear(16 * (size // window) ** 2, 12),
        )
