"""Pictures side by side: images, feature maps, kernels, small arrays with their numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from utils.plots.style import (
    CMAP,
    DIVERGING,
    GREY,
    PALETTE,
    WIDTH,
    _bare,
    _register_diverging,
    _show,
    _text_on,
    as_array,
    as_picture,
    subplots,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _columns(count: int, aspect: float = 1.0) -> int:
    """Columns for `count` tiles of width/height `aspect`: large tiles, few empty places."""
    best = math.ceil(math.sqrt(count * WIDTH / 4.6 / aspect) - 1e-9)
    choices = [n for n in range(max(1, best - 1), best + 3) if n <= count] or [count]
    return min(choices, key=lambda n: (math.ceil(count / n) * n - count, abs(n - best)))


def image_grid(
    images: Any,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    title: str | None = None,
    cmap: str | None = None,
    *,
    vmin: float | None = None,
    vmax: float | None = None,
    height: float | None = None,
) -> Figure:
    """Images side by side in a grid.

    Parameters
    ----------
    images : tensor, array or sequence
        (N, H, W), (N, C, H, W), (N, H, W, 3) or a sequence of single images of any size; uint8
        in 0..255 or floats (colour in 0..1).
    titles : sequence of str, optional
        One under the other above the images; an empty string leaves a place blank.
    columns : int, optional
        By default as many as fill the figure.
    title : str, optional
        The finding.
    cmap : str, optional
        Colour map of grey images, by default `GREY`.
    vmin, vmax : float, optional
        Values drawn black and white.  By default 0 and 255 for uint8, else each image's own.
    height : float, optional
        Height in inches.

    Raises
    ------
    ValueError
        If there is no image, an image has no drawable shape or the titles do not match.
    """
    pictures = [as_picture(image) for image in images]
    if not pictures:
        raise ValueError("image_grid was given no image: give at least one")
    if titles is not None and len(titles) != len(pictures):
        raise ValueError(
            f"{len(titles)} titles for {len(pictures)} images: give one title for each image"
        )
    aspect = float(np.mean([p.shape[1] / p.shape[0] for p in pictures]))
    columns = columns or _columns(len(pictures), aspect)
    rows = math.ceil(len(pictures) / columns)
    lines = max((1 + str(t).count("\n") for t in titles), default=0) if titles else 0
    if height is None:
        tile = min(WIDTH / columns / aspect, 3.6)
        height = min(rows * (tile + 0.28 * lines) + (0.5 if title else 0.05), 5.6)
    figure, axes = subplots(rows, columns, height=height, title=title, squeeze=False)
    for place in axes.flat:
        place.set_visible(False)
    size = 14 if columns <= 8 else 12.5
    for number, (place, picture) in enumerate(zip(axes.flat, pictures, strict=False)):
        place.set_visible(True)
        low, high = (0, 255) if picture.dtype == np.uint8 else (None, None)
        _show(
            place,
            picture,
            cmap or GREY,
            low if vmin is None else vmin,
            high if vmax is None else vmax,
        )
        if titles is not None:
            place.set_title(titles[number], fontsize=size, pad=4)
    return figure


def _scale(values: np.ndarray, cmap: str | None) -> tuple[str, float, float]:
    """Colour map and limits: sequential from zero where nothing is negative, else symmetric."""
    low, high = float(np.min(values)), float(np.max(values))
    if low >= 0:
        return cmap or CMAP, 0.0, high or 1.0
    _register_diverging()
    limit = max(-low, high)
    return cmap or DIVERGING, -limit, limit


def feature_maps(
    maps: Any,
    title: str | None = None,
    *,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    cmap: str | None = None,
    height: float | None = None,
) -> Figure:
    """A layer's feature maps on one common scale, with its colour bar.

    Parameters
    ----------
    maps : tensor or array
        (C, H, W), or (1, C, H, W) for one image.
    title : str, optional
        The finding.
    titles : sequence of str, optional
        By default the maps' numbers 0..C-1; ``[]`` for none.
    columns, cmap, height
        As in `image_grid`; by default zero is dark where no value is negative, and white in a
        symmetric scale otherwise.

    Raises
    ------
    ValueError
        If the maps are not of one image.
    """
    array = as_array(maps)
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 3:
        raise ValueError(
            f"feature maps of shape {tuple(array.shape)}: give (C, H, W) or (1, C, H, W), "
            "the maps of one image"
        )
    count, rows_of_map, columns_of_map = array.shape
    aspect = columns_of_map / rows_of_map
    columns = columns or _columns(count, aspect)
    rows = math.ceil(count / columns)
    labels = [str(n) for n in range(count)] if titles is None else list(titles)
    if height is None:
        tile = min((WIDTH - 0.9) / columns / aspect, 3.4)
        height = min(rows * (tile + 0.3 * bool(labels)) + (0.5 if title else 0.05), 5.6)
    name, low, high = _scale(array, cmap)
    figure, axes = subplots(rows, columns, height=height, title=title, squeeze=False)
    drawn = None
    for number, place in enumerate(axes.flat):
        if number >= count:
            place.set_visible(False)
            continue
        drawn = _show(place, array[number], name, low, high)
        if labels:
            place.set_title(labels[number], fontsize=13 if columns <= 12 else 11, pad=3)
    bar = figure.colorbar(drawn, ax=axes, fraction=0.025, pad=0.012, aspect=25)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    return figure


def kernels(
    weight: Any,
    title: str | None = None,
    *,
    columns: int | None = None,
    titles: Sequence[str] | None = None,
    numbers: bool | None = None,
    height: float | None = None,
) -> Figure:
    """Kernels of a convolution: one tile an output channel.

    Parameters
    ----------
    weight : tensor or array
        (C_out, C_in, K_h, K_w), or (C_out, K_h, K_w) for one input channel.  With three input
        channels the tile is a colour picture (all kernels on one scale, 0 as mid-grey); with one
        it is drawn from blue (negative) through white to orange (positive).  With other counts
        the rows are output channels and the columns input channels.
    title : str, optional
        The finding.
    columns, titles, height
        As in `image_grid`.
    numbers : bool, optional
        Whether to write the values into the cells; by default for at most eight small kernels.

    Raises
    ------
    ValueError
        If the weight has another number of dimensions.
    """
    array = as_array(weight).astype(float)
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim != 4:
        raise ValueError(
            f"a weight of shape {tuple(array.shape)}: give (C_out, C_in, K_h, K_w) or "
            "(C_out, K_h, K_w)"
        )
    outputs, inputs, kernel_height, kernel_width = array.shape
    if inputs == 3:
        limit = float(np.abs(array).max()) or 1.0
        return image_grid(
            np.moveaxis(array / (2 * limit) + 0.5, 1, 3),
            titles=titles,
            columns=columns,
            title=title,
            height=height,
        )
    tiles = array.reshape(outputs * inputs, kernel_height, kernel_width)
    columns = columns or (inputs if inputs > 1 else None)
    _register_diverging()
    figure = feature_maps(
        tiles,
        title,
        titles=titles or ([] if inputs > 1 else None),
        columns=columns,
        cmap=DIVERGING,
        height=height,
    )
    if numbers is None:
        numbers = len(tiles) <= 8 and max(kernel_height, kernel_width) <= 5
    limit = float(np.abs(tiles).max()) or 1.0
    for place, tile in zip(figure.axes, tiles, strict=False):
        place.images[0].set_clim(-limit, limit)
        if numbers:
            _write_numbers(place, tile)
    return figure


def _write_numbers(axes: Axes, values: np.ndarray, pattern: str | None = None) -> None:
    image = axes.images[0]
    whole = bool(np.all(values == np.round(values)))
    large = max(values.shape) > 3
    pattern = pattern or ("{:.0f}" if whole else "{:.1f}" if large else "{:.2f}")
    size = 12 if large else 14
    for (row, column), value in np.ndenumerate(values):
        text = pattern.format(value)
        if float(text) == 0:
            text = text.lstrip("-")
        text = text.replace("-", "\N{MINUS SIGN}")
        colour = _text_on(image.cmap(image.norm(value)))
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)


def number_grids(
    grids: Mapping[str, Any],
    title: str | None = None,
    *,
    signs: Sequence[str] = (),
    frames: Sequence[tuple[str, int, int, int, int, int]] = (),
    numbers: bool = True,
    height: float = 4.2,
) -> Figure:
    """Small arrays side by side as an equation, every cell of one size, its number written in.

    Parameters
    ----------
    grids : mapping of str to array
        Name above each grid (lines broken by a line feed) and its values, (H, W).  Each is drawn
        on its own scale from blue (negative) through white (zero) to orange (positive).
    title : str, optional
        The finding.
    signs : sequence of str, optional
        What stands between two neighbours (an arrow, an operator); nothing by default.
    frames : sequence of (name, row, column, rows, columns, colour)
        Rectangles around cells of a grid; the last is the number of a colour of `PALETTE`.
    numbers : bool
        Whether to write the values into the cells.
    height : float
        Inches.

    Raises
    ------
    ValueError
        If a grid is not (H, W), the signs do not lie between the grids, or a frame lies outside
        its grid.

    Examples
    --------
    >>> figure = number_grids({"x": [[1, 2], [3, 4]], "2 x": [[2, 4], [6, 8]]}, signs=["="])
    """
    arrays = {name: as_array(values).astype(float) for name, values in grids.items()}
    for name, array in arrays.items():
        if array.ndim != 2 or not array.size:
            raise ValueError(f"{name!r} has the shape {array.shape}: give a grid, (H, W)")
    if signs and len(signs) != len(arrays) - 1:
        raise ValueError(
            f"{len(signs)} signs for {len(arrays)} grids: give one between each two neighbours"
        )
    _register_diverging()
    figure, axes = subplots(height=height, title=title)
    gap = 1.3
    across = sum(array.shape[1] for array in arrays.values()) + gap * (len(arrays) - 1)
    tallest = max(array.shape[0] for array in arrays.values())
    lines = 0.3 * max(1 + name.count("\n") for name in arrays)
    room = height - lines - 0.25 - (0.5 if title else 0)
    cell = min((WIDTH - 0.5) / across, room / tallest, 0.72)
    size = min(15.0, 72 * cell * 0.36)
    left, places = 0.0, {}
    for number, (name, array) in enumerate(arrays.items()):
        rows, columns = array.shape
        top = (tallest - rows) / 2
        extent = (left, left + columns, top + rows, top)
        limit = float(np.abs(array).max()) or 1.0
        drawn = axes.imshow(array, cmap=DIVERGING, vmin=-limit, vmax=limit, extent=extent)
        for row in range(rows + 1):
            axes.hlines(top + row, left, left + columns, color="#c3cad2", linewidth=0.8)
        for column in range(columns + 1):
            axes.vlines(left + column, top, top + rows, color="#c3cad2", linewidth=0.8)
        axes.text(left + columns / 2, top - 0.18, name, ha="center", va="bottom", fontsize=14)
        if numbers:
            pattern = "{:.0f}" if np.all(array == np.round(array)) else "{:.2g}"
            for (row, column), value in np.ndenumerate(array):
                text = pattern.format(value + 0.0).replace("-", "\N{MINUS SIGN}")
                axes.text(
                    left + column + 0.5,
                    top + row + 0.5,
                    text,
                    ha="center",
                    va="center",
                    fontsize=size,
                    color=_text_on(drawn.cmap(drawn.norm(value))),
                )
        places[name] = (left, top)
        if signs and number < len(signs):
            x = left + columns + gap / 2
            mark = signs[number]
            axes.text(
                x,
                tallest / 2,
                mark,
                ha="center",
                va="center",
                fontsize=22 if len(mark) == 1 else 14,
            )
        left += columns + gap
    _frame_cells(axes, arrays, places, frames)
    middle, half = across / 2, (WIDTH - 0.4) / cell / 2
    axes.set_xlim(middle - half, middle + half)
    axes.set_ylim(tallest + 0.1, -lines / cell - 0.15)
    axes.set_aspect("equal")
    _bare(axes)
    return figure


def _frame_cells(axes: Axes, arrays: Mapping, places: Mapping, frames: Sequence) -> None:
    from matplotlib.patches import Rectangle

    for name, row, column, rows, columns, colour in frames:
        if name not in arrays:
            raise ValueError(f"a frame names {name!r}: the grids are {', '.join(arrays)}")
        height, width = arrays[name].shape
        if not (0 <= row and 0 <= column and row + rows <= height and column + columns <= width):
            raise ValueError(
                f"a frame of {rows} x {columns} cells at ({row}, {column}) does not lie in "
                f"{name!r}, which has {height} x {width}"
            )
        left, top = places[name]
        inset = 0.05 + 0.04 * (colour % 3)
        axes.add_patch(
            Rectangle(
                (left + column + inset, top + row + inset),
                columns - 2 * inset,
                rows - 2 * inset,
                fill=False,
                edgecolor=PALETTE[colour % len(PALETTE)],
                linewidth=3,
                zorder=4,
            )
        )
