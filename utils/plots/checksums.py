"""What a figure shows, in a line and in six digits.

A re-executed notebook whose plotted numbers differ has another line, although nobody compares PNG
files.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def describe(figure: Figure) -> str:
    """One line for a figure: its title, its number of axes and `figure_checksum`."""
    title = figure.get_suptitle() or next(
        (text for axes in figure.axes for text in [_axes_title(axes)] if text), ""
    )
    count = len(figure.axes)
    name = f' "{" ".join(title.split())}"' if title else ""
    return f"<Figure{name}: {count} axes, data {figure_checksum(figure)}>"


def _axes_title(axes: Axes) -> str:
    return axes.get_title() or axes.get_title(loc="left") or axes.get_title(loc="right")


def figure_checksum(figure: Figure) -> str:
    """Six hexadecimal digits that change with the plotted numbers, not with their last digits.

    Of every plotted array (lines, images, bars, scatter points, filled bands; texts and colours
    are left out) three figures are kept: the logarithm of its root mean square, its mean in units
    of its spread, and its projection on a fixed cosine of rising frequency.  They are rounded so
    that one per cent of the array's size moves them and rounding errors of arithmetic do not.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Any figure; it is not drawn.

    Returns
    -------
    str
        For instance ``"3fa1c2"``.
    """
    lines = []
    for number, axes in enumerate(_all_axes(figure)):
        lines += [f"{number} {kind} {fingerprint(array)}" for kind, array in _plotted(axes)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:6]


def _all_axes(figure: Figure) -> list[Axes]:
    found: list[Axes] = []
    waiting = list(figure.axes)
    while waiting:
        axes = waiting.pop(0)
        found.append(axes)
        waiting = list(axes.child_axes) + waiting
    return found


def _plotted(axes: Axes) -> Iterable[tuple[str, np.ndarray]]:
    from matplotlib.patches import FancyArrowPatch, Rectangle

    for line in axes.lines:
        yield "line x", line.get_xdata(orig=False)
        yield "line y", line.get_ydata(orig=False)
    for image in axes.images:
        yield "image", image.get_array()
    in_bars = set()
    for container in axes.containers:
        bars = [patch for patch in container if isinstance(patch, Rectangle)]
        in_bars.update(map(id, bars))
        yield from _rectangles(bars)
    alone = [patch for patch in axes.patches if id(patch) not in in_bars]
    yield from _rectangles([patch for patch in alone if type(patch) is Rectangle])
    outlines: dict[str, list[np.ndarray]] = {}
    for patch in alone:
        if type(patch) is Rectangle or isinstance(patch, FancyArrowPatch):
            continue  # an arrow's path depends on the pixels of the drawing
        path = patch.get_patch_transform().transform_path(patch.get_path())
        outlines.setdefault(type(patch).__name__, []).append(path.vertices)
    for kind, vertices in outlines.items():
        points = np.concatenate(vertices)
        yield f"{kind} x", points[:, 0]
        yield f"{kind} y", points[:, 1]
    for collection in axes.collections:
        kind = type(collection).__name__
        if collection.get_array() is not None:
            yield f"{kind} array", collection.get_array()
        offsets = np.ma.getdata(collection.get_offsets())
        if offsets.size and np.any(offsets):
            yield f"{kind} offsets x", offsets[:, 0]
            yield f"{kind} offsets y", offsets[:, 1]
            sizes = getattr(collection, "get_sizes", lambda: ())()
            if len(sizes) > 1:
                yield f"{kind} sizes", np.asarray(sizes)
        elif kind not in ("QuadMesh", "PathCollection"):
            paths = [path.vertices for path in collection.get_paths() if len(path.vertices)]
            if paths:
                points = np.concatenate(paths)
                yield f"{kind} x", points[:, 0]
                yield f"{kind} y", points[:, 1]


def _rectangles(patches: Sequence[Any]) -> Iterable[tuple[str, np.ndarray]]:
    if patches:
        sides = np.array([(*p.get_xy(), p.get_width(), p.get_height()) for p in patches], float)
        for name, column in zip(("x", "y", "width", "height"), sides.T, strict=True):
            yield f"bars {name}", column


# Added before rounding, so that round numbers (a mean of exactly 0.5) lie far from an edge.
_OFF_EDGE = 0.381966


def fingerprint(array: Any) -> str:
    """Shape of an array and the rounded figures that `figure_checksum` keeps of it.

    Parameters
    ----------
    array : array
        Of any shape; masked and non-finite values are counted and left out.

    Returns
    -------
    str
        For instance ``"28x28 0 [-112, 36, -7]"``.
    """
    values = np.ma.filled(np.ma.asarray(array, dtype=float), np.nan)
    shape = "x".join(map(str, values.shape))
    flat = values.ravel()
    finite = np.isfinite(flat)
    flat = flat[finite]
    if flat.size == 0:
        return f"{shape} no values"
    size = math.sqrt(float(np.mean(flat**2)))
    if size < 1e-30:
        return f"{shape} {finite.size - flat.size} zero"
    mean = float(np.mean(flat))
    spread = float(np.std(flat))
    if spread < 1e-4 * size:  # constant up to rounding
        figures = [math.log(size) / 0.0095, math.copysign(10, mean)]
    else:
        wave = np.cos(0.7310585786 * np.arange(flat.size, dtype=float) ** 2)
        along = float((flat - mean) @ wave) / (spread * math.sqrt(flat.size))
        figures = [math.log(size) / 0.0095, mean / spread / 0.01, along / 0.03]
    rounded = [math.floor(figure + _OFF_EDGE) for figure in figures]
    return f"{shape} {finite.size - flat.size} {rounded}"
