"""Masks on pictures, and how a region is cut out of a grid of features.

    from utils.plots import masks
    masks.instances(images, predictions, class_names, title="...")

Predictions are dicts with ``boxes`` (M, 4), ``masks`` (M, H, W) bool and, where they are to be
written, ``labels`` (M,) from 0 and ``scores`` (M,).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from utils.arguments import integer
from utils.plots.boxes import draw_boxes
from utils.plots.style import (
    INK,
    PALETTE,
    QUIET,
    WIDTH,
    _bare,
    _show,
    as_array,
    as_picture,
    subplots,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "cell_centres", "instances", "overlay", "region_cuts"]

COLOURS = (PALETTE[1], PALETTE[5], PALETTE[7], PALETTE[2], PALETTE[3], PALETTE[4], PALETTE[0])
"""Colours of the objects of one picture, the lightest and most unlike first."""


def object_colour(number: int) -> str:
    """Colour of object `number` (0, 1, ...) of a picture; repeats after seven."""
    return COLOURS[number % len(COLOURS)]


def overlay(image: Any, masks: Any, colours: Sequence[Any] | None = None) -> np.ndarray:
    """A picture with its masks painted over it, half transparent, with a clear edge.

    Parameters
    ----------
    image : tensor or array
        (3, H, W) or (H, W, 3), uint8; (H, W) grey.
    masks : tensor or array
        (M, H, W) bool; later masks are painted over earlier ones.
    colours : sequence of colours, optional
        One a mask, instead of `COLOURS` in turn.

    Returns
    -------
    array
        (H, W, 3) uint8.
    """
    from matplotlib.colors import to_rgb

    picture = as_picture(image)
    if picture.ndim == 2:
        picture = np.repeat(picture[:, :, None], 3, axis=2)
    painted = picture.astype(float)
    for number, mask in enumerate(as_array(masks).astype(bool)):
        colour = colours[number] if colours is not None else object_colour(number)
        rgb = 255 * np.array(to_rgb(colour))
        painted[mask] = 0.45 * painted[mask] + 0.55 * rgb
        painted[_edge(mask)] = 0.75 * rgb
    return painted.round().clip(0, 255).astype(np.uint8)


def _edge(mask: np.ndarray) -> np.ndarray:
    """Pixels of a mask with a neighbour above, below, left or right that is not in it."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inner


def instances(
    images: Any,
    predictions: Sequence[Mapping[str, Any]],
    class_names: Sequence[str] | None = None,
    *,
    threshold: float = 0.0,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    title: str | None = None,
    height: float | None = None,
    fontsize: float = 12,
) -> Figure:
    """Pictures with every object in its own colour: mask, box, class and score.

    Parameters
    ----------
    images : sequence of tensors or arrays
        As `utils.plots.as_picture` takes them.
    predictions : sequence of dict
        One a picture: ``masks``, and optionally ``boxes``, ``labels``, ``scores``.
    class_names : sequence of str, optional
        Name of each label.
    threshold : float
        Objects of lower scores are left out.
    titles : sequence of str, optional
        One a picture.
    columns : int, optional
        Pictures in a row.
    title : str, optional
        The finding.
    height : float, optional
        Of the figure, in inches.
    fontsize : float
        Of names and scores, in points.

    Raises
    ------
    ValueError
        If there are not as many predictions as pictures.
    """
    if len(images) != len(predictions):
        raise ValueError(
            f"{len(images)} pictures and predictions for {len(predictions)}: give one for each"
        )
    columns = columns or min(len(images), 4)
    rows = math.ceil(len(images) / columns)
    if height is None:
        height = rows * (WIDTH / columns + (0.35 if titles else 0.1)) + (0.5 if title else 0)
    figure, grid = subplots(rows, columns, height=height, title=title, squeeze=False)
    for axes in grid.flat[len(images) :]:
        axes.set_visible(False)
    for number, (image, found) in enumerate(zip(images, predictions, strict=True)):
        axes = grid.flat[number]
        count = len(as_array(found["masks"]))
        keep = np.arange(count)
        if "scores" in found:
            keep = keep[as_array(found["scores"]) >= threshold]
        chosen = {key: as_array(value)[keep] for key, value in found.items() if len(value) == count}
        colours = [object_colour(row) for row in range(len(keep))]
        _show(axes, overlay(image, chosen["masks"], colours), None, None, None)
        if "boxes" in chosen:
            draw_boxes(
                axes,
                chosen["boxes"],
                chosen.get("labels"),
                chosen.get("scores"),
                class_names,
                colours=colours,
                fontsize=fontsize,
            )
        if titles is not None:
            axes.set_title(titles[number])
    return figure


def region_cuts(
    box: Sequence[float], bins: int, size: int, *, title: str | None = None, height: float = 4.7
) -> Figure:
    """RoIPool, RoIWarp and RoIAlign side by side: which cells or places each of them reads.

    Parameters
    ----------
    box : (x1, y1, x2, y2)
        In cells, inside the grid.
    bins : int
        Bins along each side, >= 1.
    size : int
        Cells along each side of the grid.
    title : str, optional
        The finding.
    height : float
        Of the figure, in inches.

    Raises
    ------
    TypeError
        If `bins` is no whole number.
    ValueError
        If it is below 1.
    """
    integer("bins", bins, at_least=1)
    figure, panels = subplots(1, 3, height=height, title=title)
    x1, y1, x2, y2 = box
    first, last = (math.floor(x1 + 0.5), math.floor(y1 + 0.5)), (x2, y2)
    whole = (*first, *(math.floor(end + 0.5) + 1 for end in last))
    names = (
        "RoIPool: rounds twice",
        "RoIWarp: rounds once",
        "RoIAlign: rounds nothing",
    )
    for axes, name, region in zip(panels, names, (whole, whole, box), strict=True):
        _grid(axes, size)
        axes.set_title(name)
        _frame(axes, box, INK, (0, (3, 2)), 2.0)
        colour = PALETTE[0] if region is box else PALETTE[3]
        if axes is panels[0]:
            _cells(axes, region, bins)
        else:
            _samples(axes, region, bins, colour)
        _frame(axes, region, colour, "-", 2.8)
    return figure


def _grid(axes: Axes, size: int) -> None:
    axes.set_xlim(0, size)
    axes.set_ylim(size, 0)
    axes.set_aspect("equal")
    _bare(axes)
    for line in range(size + 1):
        axes.plot([0, size], [line, line], color="0.8", lw=0.9)
        axes.plot([line, line], [0, size], color="0.8", lw=0.9)
    centres = np.arange(size) + 0.5
    x, y = np.meshgrid(centres, centres)
    axes.plot(x.ravel(), y.ravel(), ".", color="0.65", ms=4)


def _frame(axes: Axes, box: Sequence[float], colour: str, dashes: Any, width: float) -> None:
    x1, y1, x2, y2 = box
    axes.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], color=colour, ls=dashes, lw=width)


def _cells(axes: Axes, region: Sequence[float], bins: int) -> None:
    """The whole cells of each bin; cells of two bins are painted twice."""
    from matplotlib.patches import Rectangle

    x1, y1, x2, y2 = region
    step_x, step_y = (x2 - x1) / bins, (y2 - y1) / bins
    for row in range(bins):
        for column in range(bins):
            left, right = x1 + math.floor(column * step_x), x1 + math.ceil((column + 1) * step_x)
            top, bottom = y1 + math.floor(row * step_y), y1 + math.ceil((row + 1) * step_y)
            colour = PALETTE[(1, 5)[(row + column) % 2]]
            axes.add_patch(
                Rectangle(
                    (left, top), right - left, bottom - top, facecolor=colour, alpha=0.38, lw=0
                )
            )
            # On a ramp that rises to the right and downwards the last cell is the largest.
            axes.plot(right - 0.5, bottom - 0.5, "s", color=INK, ms=9)


def _samples(axes: Axes, region: Sequence[float], bins: int, colour: str) -> None:
    x1, y1, x2, y2 = region
    for part in range(1, bins):
        x, y = x1 + part * (x2 - x1) / bins, y1 + part * (y2 - y1) / bins
        axes.plot([x, x], [y1, y2], color=colour, lw=1.4)
        axes.plot([x1, x2], [y, y], color=colour, lw=1.4)
    steps = (np.arange(2 * bins) + 0.5) / (2 * bins)
    x, y = np.meshgrid(x1 + steps * (x2 - x1), y1 + steps * (y2 - y1))
    axes.plot(x.ravel(), y.ravel(), "x", color=colour, ms=8, mew=2.2)


def cell_centres(size: int, place: float, *, title: str | None = None) -> Figure:
    """One row of cells, counted by their edges above and by their centres below.

    Parameters
    ----------
    size : int
        Cells in the row.
    place : float
        A place between the edges, in cells, that is marked in both counts.
    title : str, optional
        The finding.
    """
    figure, axes = subplots(height=3.3, title=title)
    _bare(axes)
    axes.set_xlim(-1.9, size + 0.35)
    axes.set_ylim(-1.35, 2.3)
    for cell in range(size):
        x = [cell, cell + 1, cell + 1, cell, cell]
        axes.fill(x, [0, 0, 1, 1, 0], color=("#eef2f6", "#dbe3ea")[cell % 2], lw=0)
        axes.plot(x, [0, 0, 1, 1, 0], color=QUIET, lw=1.2)
        axes.plot(cell + 0.5, 0.5, "o", color=PALETTE[3], ms=8)
        axes.plot([cell + 0.5, cell + 0.5], [0, -0.22], color=PALETTE[3], lw=1.2)
        axes.text(cell + 0.5, -0.3, cell, ha="center", va="top", color=PALETTE[3], fontsize=15)
    for edge in range(size + 1):
        axes.plot([edge, edge], [1, 1.2], color=PALETTE[0], lw=1.2)
        axes.text(edge, 1.26, edge, ha="center", va="bottom", color=PALETTE[0], fontsize=15)
    axes.plot([place, place], [-0.85, 1.95], color=INK, lw=2.2)
    axes.text(place, 1.98, f"box: {place:g}", ha="center", va="bottom", color=PALETTE[0])
    below = f"index: {place:g} - 0.5 = {place - 0.5:.4g}"
    axes.text(place, -0.9, below, ha="center", va="top", color=PALETTE[3])
    axes.text(-0.25, 1.36, "edges", ha="right", va="center", color=PALETTE[0])
    axes.text(-0.25, 0.5, "cells", ha="right", va="center", color=INK)
    axes.text(-0.25, -0.42, "centres", ha="right", va="center", color=PALETTE[3])
    return figure
