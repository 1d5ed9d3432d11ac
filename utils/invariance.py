"""How much a network minds when the picture moves, turns or changes its size.

`shift`, `rotate` and `rescale` change images in ways that leave their meaning alone; `jitter` does
all three at random, to augment, and `scatter` puts small pictures somewhere into larger frames.
`accuracy_under` and `consistency` measure what a network makes of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils import training
from utils.arguments import check_fill, integer

__all__ = [
    "accuracy_under",
    "consistency",
    "four_shifts",
    "jitter",
    "rescale",
    "rotate",
    "scatter",
    "shift",
]


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
        If `images` has fewer than two axes or no pixels, or its type cannot hold `fill`.

    >>> shift(torch.tensor([[1, 2, 3], [4, 5, 6]]), 1, 0, fill=0)
    tensor([[0, 1, 2],
            [0, 4, 5]])
    """
    for name, pixels in (("dx", dx), ("dy", dy)):
        if isinstance(pixels, bool) or not isinstance(pixels, int | np.integer):
            raise TypeError(f"{name} is {pixels!r}: give a whole number of pixels")
    fill = _paper(images, fill)
    check_fill(images, fill)
    height, width = images.shape[-2:]
    moved = torch.full_like(images, fill)
    if abs(dx) < width and abs(dy) < height:
        moved[..., _part(dy, height), _part(dx, width)] = images[
            ..., _part(-dy, height), _part(-dx, width)
        ]
    return moved


def four_shifts(images: Tensor, pixels: int, *, fill: float | None = None) -> list[Tensor]:
    """Move images right, left, down and up by `pixels`: four batches, as `shift` makes them.

    `fill` is the value that moves in at the border, as for `shift`, which names the errors, too.
    """
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


def jitter(
    images: Tensor, *, pixels: float = 0.0, degrees: float = 0.0, factor: float = 1.0
) -> Tensor:
    """Shift, turn and rescale each image by amounts of its own, drawn from torch's random numbers.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
        Floating point; 0 is what comes into the frame.
    pixels : float
        Largest shift in each direction; fractions of pixels are drawn too.
    degrees : float
        Largest angle, either way.
    factor : float
        Sizes from 1/factor to factor, evenly on a logarithmic scale; at least 1.

    Returns
    -------
    Tensor
        Same shape and type; bilinear interpolation.

    Raises
    ------
    ValueError
        If an amount is negative, or `factor` below 1.
    """
    if pixels < 0 or degrees < 0 or factor < 1:
        raise ValueError(
            f"got pixels={pixels}, degrees={degrees}, factor={factor}: give the largest change, "
            "not negative, and a factor of at least 1"
        )
    count, _, height, width = images.shape

    def drawn(limit: float) -> Tensor:
        return torch.empty(count, device=images.device).uniform_(-limit, limit)

    angle, size = torch.deg2rad(drawn(degrees)), torch.exp(drawn(math.log(factor)))
    cosine, sine = torch.cos(angle) / size, torch.sin(angle) / size
    # affine_grid counts in half frames, and takes output places to input places
    right, down = drawn(pixels) * 2 / width, drawn(pixels) * 2 / height
    stretch = height / width
    matrix = torch.stack(
        [
            torch.stack([cosine, -sine * stretch, right], dim=1),
            torch.stack([sine / stretch, cosine, down], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(matrix.to(images.dtype), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def scatter(images: Tensor, size: int, *, margin: int = 0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Put each image at a random place of a larger, empty frame.

    Parameters
    ----------
    images : Tensor, shape (N, C, h, w)
    size : int
        Side of the square frame, in pixels.
    margin : int
        Pixels at each side of the frame that stay empty, >= 0.
    seed : int
        Of the places.

    Returns
    -------
    frames : Tensor, shape (N, C, size, size)
        Zeros around the images.
    centres : Tensor, float32, shape (N, 2)
        x and y of each image's centre, in pixels from the frame's left and upper edge.

    Raises
    ------
    ValueError
        If an image does not fit.
    """
    count, channels, height, width = images.shape
    room = [size - 2 * margin - side for side in (width, height)]
    if margin < 0 or min(room) < 0:
        raise ValueError(
            f"images of {height} x {width} pixels with a margin of {margin} do not fit into "
            f"{size} x {size}: take a larger frame"
        )
    generator = torch.Generator().manual_seed(seed)
    left, top = (margin + torch.randint(r + 1, (count,), generator=generator) for r in room)
    rows = (top[:, None] + torch.arange(height))[:, None, :, None]
    columns = (left[:, None] + torch.arange(width))[:, None, None, :]
    frames = images.new_zeros(count, channels, size, size)
    each, channel = torch.arange(count)[:, None, None, None], torch.arange(channels)[:, None, None]
    frames[each, channel, rows, columns] = images
    return frames, torch.stack([left + width / 2, top + height / 2], dim=1)


def consistency(
    model: nn.Module, images: Tensor, pixels: int = 1, *, device: str | torch.device = "auto"
) -> float:
    """How often a network says of a shifted image what it says of the image, right or wrong.

    Parameters
    ----------
    model : nn.Module
        As for `accuracy_under`.
    images : Tensor, shape (N, C, H, W)
    pixels : int
        Length of the shifts, >= 1: right, left, down and up.
    device : str or torch.device
        See `utils.training.device`.

    Returns
    -------
    float
        Share of the 4 N pairs with equal predictions, in [0, 1].  A network that always gives
        the same answer reaches 1: show the accuracy beside it.

    Raises
    ------
    TypeError
        If `pixels` is no whole number.
    ValueError
        If it is below 1.
    """
    integer("pixels", pixels, at_least=1)
    device = training.device(device)
    model.to(device)
    with torch.no_grad(), training.evaluation.in_eval_mode(model):
        first, *others = (
            torch.cat([model(part.to(device)).argmax(1) for part in batch.split(500)])
            for batch in (images, *four_shifts(images, pixels))
        )
    return torch.stack([(other == first).float().mean() for other in others]).mean().item()


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
