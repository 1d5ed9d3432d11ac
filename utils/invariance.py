"""How much a network minds when the picture moves, turns or changes its size.

`shift`, `rotate` and `rescale` change images in ways that leave their meaning alone;
`accuracy_under` measures what a network makes of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils import training

__all__ = ["accuracy_under", "four_shifts", "rescale", "rotate", "shift"]


def shift(images: Tensor, dx: int, dy: int, *, fill: float | None = None) -> Tensor:
    """Move images by whole pixels; what leaves the frame is lost.

    Parameters
    ----------
    images : Tensor, shape (..., H, W)
        Of any type, or feature maps.
    dx, dy : int
        Pixels to the right and downwards; negative ones move left and up.
    fill : float, optional
        Value of the pixels that come into the frame; by default the smallest value of `images`,
        which is the paper for digits in white ink on black, normalised or not.

    Returns
    -------
    Tensor
        Same shape and type.

    Raises
    ------
    TypeError
        If dx or dy is not an integer.
    ValueError
        If `images` has fewer than two axes or no pixels.

    >>> shift(torch.tensor([[1, 2, 3], [4, 5, 6]]), 1, 0, fill=0)
    tensor([[0, 1, 2],
            [0, 4, 5]])
    """
    for name, pixels in (("dx", dx), ("dy", dy)):
        if isinstance(pixels, bool) or not isinstance(pixels, int | np.integer):
            raise TypeError(f"{name} is {pixels!r}: give a whole number of pixels")
    fill = _paper(images, fill)
    height, width = images.shape[-2:]
    moved = torch.full_like(images, fill)
    if abs(dx) < width and abs(dy) < height:
        moved[..., _part(dy, height), _part(dx, width)] = images[
            ..., _part(-dy, height), _part(-dx, width)
        ]
    return moved


def four_shifts(images: Tensor, pixels: int, *, fill: float | None = None) -> list[Tensor]:
    """Move images right, left, down and up by `pixels`: four batches, as `shift` makes them."""
    directions = ((1, 0), (-1, 0), (0, 1), (0, -1))
    return [shift(images, dx * pixels, dy * pixels, fill=fill) for dx, dy in directions]


def rotate(images: Tensor, degrees: float, *, fill: float | None = None) -> Tensor:
    """Turn images about their centre, counter-clockwise, by bilinear interpolation.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
        Floating point, or uint8 (then the result is rounded).
    degrees : float
        Angle; negative ones turn clockwise.
    fill : float, optional
        As in `shift`.

    Returns
    -------
    Tensor
        Same shape and type.

    Raises
    ------
    ValueError
        If `images` is not of that shape or type, or the angle is not finite.
    """
    if not math.isfinite(degrees):
        raise ValueError(f"the angle is {degrees}: give a finite number of degrees")
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    return _warp(images, ((cosine, -sine), (sine, cosine)), fill)


def rescale(images: Tensor, factor: float, *, fill: float | None = None) -> Tensor:
    """Enlarge or shrink images about their centre; the frame stays as it is.

    Shrinking averages over all the pixels that fall into one, so that thin strokes grow faint
    instead of breaking up.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
        Floating point, or uint8 (then the result is rounded).
    factor : float
        0.1 to 10; above 1 enlarges (the rim is cut off), below 1 shrinks.
    fill : float, optional
        As in `shift`.

    Returns
    -------
    Tensor
        Same shape and type.

    Raises
    ------
    ValueError
        If `images` is not of that shape or type, or the factor is out of range.
    """
    if not 0.1 <= factor <= 10:
        raise ValueError(f"the factor is {factor}: give 0.1 to 10, 1 leaves the size as it is")
    return _warp(images, ((1 / factor, 0.0), (0.0, 1 / factor)), fill, math.ceil(1 / factor))


def accuracy_under(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    transform: Callable[[Tensor, float], Tensor | Sequence[Tensor]],
    amounts: Sequence[float],
    *,
    device: str | torch.device = "auto",
) -> np.ndarray:
    """Accuracy of a network on changed images, for each amount of the change.

    Parameters
    ----------
    model : nn.Module
        Takes images like these and returns scores (N, classes), the largest wins.
    images, targets : Tensor
        (N, C, H, W) as the network takes them, and int64 labels (N,).
    transform : callable
        Called as ``transform(images, amount)``; returns the changed images, or several batches
        of them (`four_shifts`), over which the accuracy is averaged.
    amounts : sequence of float
        Pixels, degrees, factors: whatever `transform` takes.
    device : str or torch.device
        See `utils.training.device`.

    Returns
    -------
    array, shape (len(amounts),)
        Accuracies in [0, 1].

    Raises
    ------
    ValueError
        If there are no images, or not as many targets.
    """
    if len(images) == 0 or len(images) != len(targets):
        raise ValueError(
            f"{len(images)} images and {len(targets)} targets: give one target an image, and at "
            "least one"
        )
    results = []
    for amount in amounts:
        changed = transform(images, amount)
        batches = [changed] if isinstance(changed, Tensor) else list(changed)
        scores = [training.evaluate(model, (x, targets), device=device).accuracy for x in batches]
        results.append(sum(scores) / len(scores))
    return np.array(results)


def _part(offset: int, length: int) -> slice:
    """Where along an axis of this length something moved by `offset` lies."""
    return slice(max(offset, 0), min(length + offset, length))


def _paper(images: Tensor, fill: float | None) -> float:
    if images.ndim < 2 or images.numel() == 0:
        raise ValueError(f"images have shape {tuple(images.shape)}: give (..., H, W) with pixels")
    return images.min().item() if fill is None else fill


def _warp(
    images: Tensor,
    matrix: tuple[tuple[float, float], tuple[float, float]],
    fill: float | None,
    fineness: int = 1,
) -> Tensor:
    """Sample images where `matrix` sends each output pixel, as seen from the centre.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
    matrix : 2 x 2
        (x, y) of the output -> (x, y) of the input, in pixels, x right and y down.
    fill : float or None
    fineness : int
        Each output pixel is the mean of fineness x fineness samples.
    """
    if images.ndim != 4 or not (images.is_floating_point() or images.dtype == torch.uint8):
        raise ValueError(
            f"images are {images.dtype} of shape {tuple(images.shape)}: give uint8 or floating "
            "point of shape (N, C, H, W)"
        )
    fill = _paper(images, fill)
    height, width = images.shape[-2:]
    grid = torch.stack(
        torch.meshgrid(
            *(
                (torch.arange(n * fineness, dtype=torch.float64) + 0.5) / fineness - n / 2
                for n in (height, width)
            ),
            indexing="ij",
        )[::-1],
        dim=-1,
    )
    source = grid @ torch.tensor(matrix, dtype=torch.float64).T
    source = source * 2 / torch.tensor([width, height], dtype=torch.float64)
    work = images.dtype if images.is_floating_point() else torch.float32
    source = source.to(images.device, work).expand(len(images), -1, -1, -1)
    # Padding is zeros, so the paper is made zero for the time being.
    warped = F.grid_sample(images.to(work) - fill, source, align_corners=False)
    if fineness > 1:
        warped = F.avg_pool2d(warped, fineness)
    warped = warped + fill
    return warped if images.is_floating_point() else warped.round().clamp(0, 255).to(images.dtype)
