"""Preparing pictures by hand, as it was done before networks learned to: centre, deslant, crop.

All three look at where the ink lies and nothing else, so they need one object, bright on a dark
and empty ground. Sources: LeCun, Bottou, Bengio, Haffner (1998), Gradient-based learning applied
to document recognition, sec. III-A (centring by the centre of mass, deslanting by second moments,
20 x 20 pixels); Hu (1962), Visual pattern recognition by moment invariants.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.arguments import integer

__all__ = ["Moments", "centre", "crop_to_ink", "deslant", "moments"]


class Moments(NamedTuple):
    """Where the ink of each image lies; x runs right and y down, in pixels.

    Attributes
    ----------
    mass : Tensor, shape (N,)
        Sum of the intensities.
    x, y : Tensor, shape (N,)
        Centre of mass, 0 is the middle of the first column or row; the middle of the frame for
        an empty image.
    xx, xy, yy : Tensor, shape (N,)
        Second central moments, in square pixels: how far the ink spreads, and (xy) which way it
        leans. 0 for an empty image.
    """

    mass: Tensor
    x: Tensor
    y: Tensor
    xx: Tensor
    xy: Tensor
    yy: Tensor


def moments(images: Tensor) -> Moments:
    """Mass, centre of mass and second central moments of the intensities of each image.

    Parameters
    ----------
    images : Tensor, shape (N, 1, H, W)
        uint8 or floating point, not negative, 0 where there is nothing.

    Returns
    -------
    Moments
        Six float32 tensors of shape (N,) (float64 for float64 images).

    Raises
    ------
    ValueError
        If the shape or type is another, or an intensity is negative or NaN.

    >>> image = torch.zeros(1, 1, 5, 5)
    >>> image[0, 0, 1, 3] = 7
    >>> found = moments(image)
    >>> found.x.item(), found.y.item()
    (3.0, 1.0)
    """
    ink = _ink(images)
    height, width = ink.shape[-2:]
    x = torch.arange(width, dtype=ink.dtype, device=ink.device)
    y = torch.arange(height, dtype=ink.dtype, device=ink.device)
    columns, rows = ink.sum(dim=1), ink.sum(dim=2)
    mass = columns.sum(dim=1)
    empty = mass == 0
    some = torch.where(empty, 1, mass)
    centre_x = torch.where(empty, (width - 1) / 2, columns @ x / some)
    centre_y = torch.where(empty, (height - 1) / 2, rows @ y / some)
    from_x, from_y = x - centre_x[:, None], y - centre_y[:, None]
    xx = (columns * from_x**2).sum(dim=1) / some
    yy = (rows * from_y**2).sum(dim=1) / some
    xy = torch.einsum("nhw,nh,nw->n", ink, from_y, from_x) / some
    return Moments(mass, centre_x, centre_y, xx, xy, yy)


def centre(images: Tensor) -> Tensor:
    """Move each image by whole pixels until its centre of mass is in the frame's middle pixel.

    That is the pixel (W // 2, H // 2), as in MNIST: its digits stay where they are. A digit that
    was moved without losing ink comes back to the same place, pixel by pixel.

    Parameters
    ----------
    images : Tensor, shape (N, 1, H, W)
        As for `moments`. Ink that leaves the frame is lost, zeros come in.

    Returns
    -------
    Tensor
        Same shape and type; the centre of mass is at most half a pixel off in each direction
        (if no ink was lost).

    Raises
    ------
    ValueError
        As for `moments`.
    """
    found = moments(images)
    height, width = images.shape[-2:]
    # floor(a + 1/2) rounds halves up, whatever side they lie on, so that a shifted copy is
    # moved by exactly so much less
    left = torch.floor(found.x - width // 2 + 0.5).long()
    up = torch.floor(found.y - height // 2 + 0.5).long()
    rows = torch.arange(height, device=images.device) + up[:, None]
    columns = torch.arange(width, device=images.device) + left[:, None]
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[
        :, None, :
    ]
    number = torch.arange(len(images), device=images.device)[:, None, None]
    moved = images[
        number, 0, rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None, :]
    ]
    return torch.where(inside, moved, torch.zeros_like(moved))[:, None]


def deslant(images: Tensor) -> Tensor:
    """Shear each image until its ink leans neither way, and centre it.

    Row by row, the ink moves sideways by (y - y_c) xy / yy: the line along which it leans becomes
    vertical, and its centre of mass comes to the pixel (W // 2, H // 2). Bilinear interpolation.

    Parameters
    ----------
    images : Tensor, shape (N, 1, H, W)
        As for `moments`.

    Returns
    -------
    Tensor
        Same shape and type (uint8 is rounded).

    Raises
    ------
    ValueError
        As for `moments`.
    """
    found = moments(images)
    upright = found.yy > 0
    slant = torch.where(upright, found.xy / torch.where(upright, found.yy, 1), 0)
    one, zero = torch.ones_like(slant), torch.zeros_like(slant)
    height, width = images.shape[-2:]
    # (x, y) of the output -> (x, y) of the input, both seen from the frame's middle
    right, down = width // 2 - (width - 1) / 2, height // 2 - (height - 1) / 2
    matrix = torch.stack(
        [
            torch.stack([one, slant, found.x - (width - 1) / 2 - right - slant * down], dim=1),
            torch.stack([zero, one, found.y - (height - 1) / 2 - down], dim=1),
        ],
        dim=1,
    )
    return _sample(images, matrix, height, width)


def crop_to_ink(images: Tensor, size: int = 20, *, threshold: float = 0.2) -> Tensor:
    """Cut each image to the box around its ink and enlarge the box's longer side to `size`.

    The aspect ratio stays; the shorter side is padded with zeros, the same on both sides.

    Parameters
    ----------
    images : Tensor, shape (N, 1, H, W)
        As for `moments`.
    size : int
        Side of the result in pixels, at least 2.
    threshold : float
        What counts as ink: at least this share of the image's largest intensity, in (0, 1].

    Returns
    -------
    Tensor, shape (N, 1, size, size)
        Same type (uint8 is rounded). An empty image stays empty.

    Raises
    ------
    ValueError
        As for `moments`, and if `size` or `threshold` is out of range.
    TypeError
        If `size` is no whole number.
    """
    integer("size", size, at_least=2)
    if not 0 < threshold <= 1:
        raise ValueError(
            f"threshold is {threshold}: give a share of the brightest pixel, above 0 and at most 1"
        )
    ink = _ink(images)
    height, width = ink.shape[-2:]
    largest = ink.amax(dim=(1, 2), keepdim=True)
    dark = (ink >= threshold * largest) & (largest > 0)
    top, bottom = _ends(dark.any(dim=2))
    left, right = _ends(dark.any(dim=1))
    side = torch.maximum(bottom - top, right - left) / size
    zero = torch.zeros_like(side)
    matrix = torch.stack(
        [
            torch.stack([side, zero, (left + right - width) / 2], dim=1),
            torch.stack([zero, side, (top + bottom - height) / 2], dim=1),
        ],
        dim=1,
    )
    return _sample(images, matrix, size, size)


def _ink(images: Tensor) -> Tensor:
    """(N, H, W) floating point, checked."""
    if (
        images.ndim != 4
        or images.shape[1] != 1
        or not (images.is_floating_point() or images.dtype == torch.uint8)
    ):
        raise ValueError(
            f"images are {images.dtype} of shape {tuple(images.shape)}: give uint8 or floating "
            "point of shape (N, 1, H, W)"
        )
    if images.numel() and images.is_floating_point() and not images.min() >= 0:
        raise ValueError(
            f"an intensity is {images.min().item():g}: moments weigh the ink, so no pixel may be "
            "negative or NaN; give the images before they are normalised"
        )
    return images[:, 0] if images.dtype == torch.float64 else images[:, 0].float()


def _ends(marked: Tensor) -> tuple[Tensor, Tensor]:
    """First marked place and the one behind the last, of each row of (N, L); the whole if none."""
    length = marked.shape[1]
    place = torch.arange(length, device=marked.device)
    first = torch.where(marked, place, length).amin(dim=1)
    last = torch.where(marked, place, -1).amax(dim=1) + 1
    none = last == 0
    return torch.where(none, 0, first).float(), torch.where(none, length, last).float()


def _sample(images: Tensor, matrix: Tensor, height: int, width: int) -> Tensor:
    """Bilinear samples where `matrix` (N, 2, 3) sends each output pixel, from the middles."""
    ink = _ink(images)
    matrix = matrix.to(ink.dtype)
    x = torch.arange(width, dtype=ink.dtype, device=ink.device) - (width - 1) / 2
    y = torch.arange(height, dtype=ink.dtype, device=ink.device) - (height - 1) / 2
    from_x, from_y = (
        row[:, 0, None, None] * x + row[:, 1, None, None] * y[:, None] + row[:, 2, None, None]
        for row in (matrix[:, 0], matrix[:, 1])
    )
    grid = torch.stack([from_x * 2 / images.shape[-1], from_y * 2 / images.shape[-2]], dim=-1)
    result = F.grid_sample(ink[:, None], grid, align_corners=False)
    return result if images.is_floating_point() else result.round().clamp(0, 255).to(torch.uint8)
