"""Figures every lecture wants, in one style.

``use_style()`` in a lecture's first code cell sets fonts, sizes and colours that can be read from
the last row, and makes every figure leave a line like ``<Figure "A finding": 2 axes, data 3fa1c2>``
beside its picture.  The six digits are `figure_checksum`: a re-executed notebook whose plotted
numbers differ has another line, although nobody compares PNG files.

The functions return a `matplotlib.figure.Figure` that pyplot does not manage: as the last
expression of a cell it is shown, once.  A ``title`` is a sentence that says the finding.
"""

from __future__ import annotations

import hashlib
import html
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#E69F00", "#0B7A5B", "#D55E00", "#7A4FA3", "#56B4E9", "#333333", "#CC79A7")
"""Colours of lines and bars: after Okabe and Ito, told apart by the colour-blind and in grey."""

INK = "#1b1f24"
"""Colour of text."""

QUIET = "#5b6570"
"""Colour of what matters less: still 5.9 to 1 on white."""

CMAP = "viridis"
"""Colour map of amounts (sequential; its lightness rises evenly)."""

DIVERGING = "course_diverging"
"""Colour map of signed values: blue below zero, orange above; below prints darker than above."""

GREY = "gray"
"""Colour map of grey pictures."""

WIDTH = 11.0
"""Width of a figure in inches; at `DPI` it fills a slide of 1280 x 720 pixels."""

DPI = 110

_MARKERS = "osD^vPX*"
_DASHES = ("-", (0, (5, 1.6)), (0, (1.4, 1.2)), (0, (6, 1.5, 1.4, 1.5)))


# --------------------------------------------------------------------------------- the style


def _style() -> dict[str, Any]:
    from cycler import cycler

    return {
        "figure.figsize": (WIDTH, 4.6),
        "figure.dpi": DPI,
        "savefig.dpi": DPI,
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        "figure.constrained_layout.use": True,
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same on every machine
        "font.size": 14,
        "axes.titlesize": 15,
        "axes.titleweight": "normal",
        "axes.labelsize": 14,
        "xtick.labelsize": 13,
        "ytick.labelsize": 13,
        "legend.fontsize": 13,
        "legend.frameon": False,
        "figure.titlesize": 17,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.edgecolor": QUIET,
        "xtick.color": QUIET,
        "ytick.color": QUIET,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#dfe3e8",
        "grid.linewidth": 0.8,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=PALETTE),
        "lines.linewidth": 2.4,
        "lines.markersize": 7,
        "image.cmap": CMAP,
        "image.interpolation": "auto",
    }


def _register_diverging() -> None:
    import matplotlib as mpl
    from matplotlib.colors import LinearSegmentedColormap

    if DIVERGING not in mpl.colormaps:
        stops = ["#06264f", "#1f5f9e", "#8cb8dc", "#f7f7f5", "#fbc77a", "#e8890c", "#a84f00"]
        mpl.colormaps.register(LinearSegmentedColormap.from_list(DIVERGING, stops, N=511))


def use_style() -> None:
    """Set the course's figure style; under IPython, show figures inline and with a checksum.

    Call it once, in a lecture's first code cell.  Outside IPython only the style is set.
    """
    import matplotlib as mpl

    mpl.rcParams.update(_style())
    _register_diverging()
    shell = _running_shell()
    if shell is None:
        return
    from matplotlib.figure import Figure

    if hasattr(shell, "kernel"):
        shell.run_line_magic("matplotlib", "inline")
        # The stored picture keeps the size its figure was given, instead of a cropped one.
        shell.run_line_magic("config", "InlineBackend.print_figure_kwargs = {'bbox_inches': None}")
        mpl.rcParams.update(_style())
    plain = shell.display_formatter.formatters["text/plain"]
    plain.for_type(Figure, lambda figure, printer, cycle: printer.text(describe(figure)))


def _running_shell() -> Any:
    try:
        from IPython import get_ipython
    except ImportError:  # the package is usable without IPython
        return None
    return get_ipython()


# --------------------------------------------------------------------------------- the checksum


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


# --------------------------------------------------------------------------------- foundations


def subplots(
    rows: int = 1,
    columns: int = 1,
    *,
    height: float = 4.6,
    width: float = WIDTH,
    title: str | None = None,
    **keywords: Any,
) -> tuple[Figure, Any]:
    """Figure and axes like ``pyplot.subplots``, but shown only where the figure is returned.

    Parameters
    ----------
    rows, columns : int
        Grid of axes.
    height, width : float
        Size in inches.
    title : str, optional
        The finding, written above everything and wrapped where it is long.
    **keywords
        Passed to `matplotlib.figure.Figure.subplots` (``sharey=True``, ``width_ratios=...``).

    Returns
    -------
    figure, axes
        ``axes`` is one Axes or an array of them, as with pyplot.
    """
    figure = _figure(width, height, title)
    return figure, figure.subplots(rows, columns, **keywords)


def _figure(width: float, height: float, title: str | None) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    _add_title(figure, title)
    return figure


def _add_title(figure: Figure, title: str | None) -> None:
    if title:
        figure.suptitle(textwrap.fill(title, int(7.6 * figure.get_figwidth())), fontsize=17)


def as_array(values: Any) -> np.ndarray:
    """NumPy array of `values`: a torch tensor (any device, with or without gradient), array or list."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":
            values = values.float()
        return values.numpy()
    return np.asarray(values)


def as_picture(image: Any) -> np.ndarray:
    """Image as matplotlib draws it: (H, W) grey or (H, W, 3) colour.

    Parameters
    ----------
    image : tensor or array
        (H, W), (1, H, W), (3, H, W) or (H, W, 3); uint8 in 0..255 or floats.  Where the shape
        could be read both ways the channels come first.

    Raises
    ------
    ValueError
        If the shape is none of these.
    """
    array = as_array(image)
    if array.ndim == 3 and array.shape[0] in (1, 3):
        array = np.moveaxis(array, 0, 2)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] in (3, 4)):
        raise ValueError(
            f"an image of shape {tuple(as_array(image).shape)} cannot be drawn: give (H, W), "
            "(1, H, W), (3, H, W) or (H, W, 3)"
        )
    return array


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _show(axes: Axes, picture: np.ndarray, cmap: Any, vmin: Any, vmax: Any) -> Any:
    if picture.ndim == 3:
        if picture.dtype.kind == "f":
            picture = picture.clip(0, 1)
        drawn = axes.imshow(picture)
    else:
        drawn = axes.imshow(picture, cmap=cmap, vmin=vmin, vmax=vmax)
    _bare(axes)
    return drawn


def _columns(count: int, aspect: float = 1.0) -> int:
    """Columns for `count` tiles of width/height `aspect`: large tiles, few empty places."""
    best = math.ceil(math.sqrt(count * WIDTH / 4.6 / aspect) - 1e-9)
    choices = [n for n in range(max(1, best - 1), best + 3) if n <= count] or [count]
    return min(choices, key=lambda n: (math.ceil(count / n) * n - count, abs(n - best)))


def dark(colour: Any, contrast: float = 4.5) -> tuple[float, float, float]:
    """The colour, darkened until it is readable as text on white (WCAG contrast ratio)."""
    from matplotlib.colors import to_rgb

    rgb = np.array(to_rgb(colour))
    while 1.05 / (_luminance(rgb) + 0.05) < contrast:
        rgb = rgb * 0.95
    return tuple(float(part) for part in rgb)


def _luminance(rgb: np.ndarray) -> float:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


def _text_on(rgba: Any) -> str:
    return INK if _luminance(np.array(rgba[:3], float)) > 0.3 else "white"


# --------------------------------------------------------------------------------- pictures


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


# --------------------------------------------------------------------------------- curves


def curves(
    x: Any,
    series: Mapping[str, Any],
    xlabel: str,
    ylabel: str,
    title: str | None = None,
    *,
    logx: bool = False,
    logy: bool = False,
    ylim: tuple[float, float] | None = None,
    markers: bool | None = None,
    band: str = "range",
    height: float = 4.6,
    reference: Mapping[str, float] | None = None,
) -> Figure:
    """Curves over a common x, each named where it ends.

    Parameters
    ----------
    x : array
        (L,) values of the horizontal axis.
    series : mapping of str to array
        A curve (L,), or several runs (seeds) of it as (n_seeds, L): then their mean is drawn in
        a band.
    xlabel, ylabel : str
        Quantity and unit of each axis.
    title : str, optional
        The finding.
    logx, logy : bool
        Logarithmic axes.
    ylim : pair of float, optional
        Limits of the vertical axis.
    markers : bool, optional
        Mark the points; by default up to 25 of them.
    band : {"range", "sd"}
        Band from smallest to largest run, or mean plus and minus one standard deviation (n - 1).
    height : float
        Inches.
    reference : mapping of str to float, optional
        Horizontal lines with their names, such as a null model's score.

    Raises
    ------
    ValueError
        If a curve's length is not that of x, or `band` is unknown.
    """
    figure, axes = subplots(height=height, title=title)
    draw_curves(
        axes,
        x,
        series,
        xlabel,
        ylabel,
        logx=logx,
        logy=logy,
        ylim=ylim,
        markers=markers,
        band=band,
        reference=reference,
    )
    return figure


def draw_curves(
    axes: Axes,
    x: Any,
    series: Mapping[str, Any],
    xlabel: str,
    ylabel: str,
    *,
    logx: bool = False,
    logy: bool = False,
    ylim: tuple[float, float] | None = None,
    markers: bool | None = None,
    band: str = "range",
    reference: Mapping[str, float] | None = None,
    labels: bool = True,
) -> None:
    """Draw `curves` into existing axes; ``labels=False`` leaves the names to another panel.

    All other arguments as for `curves`; raises ValueError as it does.
    """
    if band not in ("range", "sd"):
        raise ValueError(f'band is {band!r}: give "range" or "sd"')
    x = as_array(x).astype(float)
    if logx:
        axes.set_xscale("log")
    if logy:
        axes.set_yscale("log")
    ends: list[tuple[float, str, Any]] = []
    for number, (name, values) in enumerate(series.items()):
        runs = np.atleast_2d(as_array(values).astype(float))
        if runs.shape[1] != x.size:
            raise ValueError(
                f"curve {name!r} has {runs.shape[1]} points, x has {x.size}: give (L,) or "
                "(n_seeds, L) with the length of x"
            )
        colour = PALETTE[number % len(PALETTE)]
        mean = runs.mean(axis=0)
        if len(runs) > 1:
            if band == "sd":
                spread = runs.std(axis=0, ddof=1)
                low, high = mean - spread, mean + spread
            else:
                low, high = runs.min(axis=0), runs.max(axis=0)
            axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
        pointed = x.size <= 25 if markers is None else markers
        axes.plot(
            x,
            mean,
            color=colour,
            linestyle=_DASHES[number % len(_DASHES)],
            marker=_MARKERS[number % len(_MARKERS)] if pointed else None,
            label=name,
        )
        finite = np.flatnonzero(np.isfinite(mean))
        if finite.size:
            ends.append((float(mean[finite[-1]]), name, dark(colour)))
    for name, value in (reference or {}).items():
        axes.axhline(value, color=QUIET, linewidth=1.6, linestyle=(0, (2, 2)))
        ends.append((float(value), name, QUIET))
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    if ylim is not None:
        axes.set_ylim(ylim)
    if x.size and x.min() < x.max() and not logx:
        room = 0.02 * (x.max() - x.min())
        axes.set_xlim(x.min() - room, x.max() + room)
    if labels:
        label_ends(axes, ends)


def label_ends(axes: Axes, ends: Sequence[tuple[float, str, Any]], size: float = 14) -> None:
    """Write names right of the axes at given heights, moved apart where they would overlap.

    Parameters
    ----------
    axes : Axes
        Its limits must be final.
    ends : sequence of (y, name, colour)
        Height in data units, text and colour of each label.
    size : float
        Font size in points.
    """
    if not ends:
        return
    figure = axes.figure
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    scale = axes.get_yaxis().get_transform()
    bottom, top = (float(v) for v in scale.transform(np.array([low, high])))
    share = axes.get_subplotspec().get_gridspec().nrows if axes.get_subplotspec() else 1
    inches = (figure.get_figheight() - (0.5 if figure.get_suptitle() else 0.1)) / share - 0.85
    step = 1.22 * size / 72 / max(inches, 0.5)
    wanted = []
    for value, name, colour in ends:
        place = (float(scale.transform(np.array([value]))[0]) - bottom) / (top - bottom)
        wanted.append([min(max(place, 0.0), 1.0), name, colour])
    wanted.sort(key=lambda item: item[0])
    places = _apart([item[0] for item in wanted], [step * (1 + w[1].count("\n")) for w in wanted])
    for place, (_, name, colour) in zip(places, wanted, strict=True):
        axes.text(
            1.012,
            place,
            name,
            transform=axes.transAxes,
            color=colour,
            fontsize=size,
            va="center",
            ha="left",
            linespacing=1.1,
        )


def _apart(places: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Sorted positions moved as little as possible so that boxes of these heights are disjoint."""
    groups: list[list[Any]] = []  # [indices, centre of the group, its height]
    for index, (place, height) in enumerate(zip(places, heights, strict=True)):
        groups.append([[index], place, height])
        while len(groups) > 1:
            below, above = groups[-2], groups[-1]
            if below[1] + below[2] / 2 <= above[1] - above[2] / 2 + 1e-12:
                break
            members = below[0] + above[0]
            total = below[2] + above[2]
            centre = sum(places[i] for i in members) / len(members)
            groups[-2:] = [[members, centre, total]]
    result = [0.0] * len(places)
    for members, centre, total in groups:
        edge = centre - total / 2
        for index in members:
            result[index] = edge + heights[index] / 2
            edge += heights[index]
    return result


def learning_curves(
    histories: Any,
    quantities: Sequence[str] | Mapping[str, str] | None = None,
    title: str | None = None,
    *,
    xlabel: str = "epoch",
    logy: Sequence[str] = (),
    height: float = 4.6,
) -> Figure:
    """What training recorded, one panel a quantity, one curve a run.

    Parameters
    ----------
    histories : History, mapping, or mapping of names to these (or to lists of them)
        A history is one from `utils.training.fit` (quantities ``"train_loss"``,
        ``"validation_metric"``, ``"step_loss"``, ...), or a mapping of quantities to arrays such
        as ``{"epoch": [1, 2], "loss": [...], "validation_accuracy": [...]}``.  A list of histories
        under one name (several seeds) is drawn as mean and band.
    quantities : sequence of str or mapping, optional
        Which to draw, in order; a mapping also gives each its axis label.  By default all that
        every history has an entry of for each epoch, at most four.
    title : str, optional
        The finding.
    xlabel : str
        Label of the horizontal axis, and the quantity that holds its values where there is one.
    logy : sequence of str
        Quantities drawn on a logarithmic axis.
    height : float
        Inches.

    Raises
    ------
    ValueError
        If a quantity is missing from a history.
    """
    runs = _named_runs(histories)
    tables = {name: [_history_columns(run) for run in group] for name, group in runs.items()}
    if quantities is None:
        first = next(iter(tables.values()))[0]
        length = max(map(len, first.values()))
        if "train_loss" in first:  # one of `fit`: an entry an epoch, and some lists an entry a step
            length = len(first["train_loss"])
        everywhere = [
            key
            for key, values in first.items()
            if key not in ("epoch", "step", "lr", "seconds", xlabel)
            and len(values) == length
            and all(len(table.get(key, ())) > 0 for group in tables.values() for table in group)
        ]
        quantities = everywhere[:4]
    if isinstance(quantities, Mapping):
        names = dict(quantities)
    else:
        metrics = {getattr(run, "metric", None) for group in runs.values() for run in group}
        metric = metrics.pop() if len(metrics) == 1 else None
        names = {q: q.replace("metric", metric or "metric").replace("_", " ") for q in quantities}
    if not names:
        raise ValueError("the histories share no recorded quantity: name some in `quantities`")
    for quantity in names:
        for name, group in tables.items():
            if any(len(table.get(quantity, ())) == 0 for table in group):
                raise ValueError(
                    f"{quantity!r} was not recorded for {name or 'this run'!r}: "
                    f"recorded are {', '.join(sorted(k for k, v in group[0].items() if len(v)))}"
                )
    figure, axes = subplots(1, len(names), height=height, title=title, squeeze=False)
    last = len(names) - 1
    for panel, (quantity, label) in enumerate(names.items()):
        series = {}
        for name, group in tables.items():
            length = min(len(table[quantity]) for table in group)
            series[name] = np.array([as_array(t[quantity])[:length] for t in group], float)
        lengths = {values.shape[1] for values in series.values()}
        longest = max(lengths)
        padded = {
            name: np.pad(v, ((0, 0), (0, longest - v.shape[1])), constant_values=np.nan)
            for name, v in series.items()
        }
        holder = next(t for group in tables.values() for t in group if len(t[quantity]) == longest)
        x = as_array(holder[xlabel]) if xlabel in holder else np.arange(1, longest + 1)
        draw_curves(
            axes[0, panel],
            x[:longest],
            padded,
            xlabel,
            label,
            logy=quantity in logy,
            labels=panel == last and len(tables) > 1,
        )
        axes[0, panel].xaxis.get_major_locator().set_params(integer=True)
    return figure


def _named_runs(histories: Any) -> dict[str, list[Any]]:
    if isinstance(histories, Mapping) and histories:
        if all(_is_history(v) for v in histories.values()):
            return {name: [run] for name, run in histories.items()}
        if all(
            isinstance(v, Sequence) and len(v) and all(map(_is_history, v))
            for v in histories.values()
        ):
            return {name: list(group) for name, group in histories.items()}
    if isinstance(histories, Sequence) and histories and all(map(_is_history, histories)):
        return {"": list(histories)}
    if _is_history(histories):
        return {"": [histories]}
    raise ValueError(
        f"{type(histories).__name__} is no history: give a History, a mapping of quantities to "
        "arrays, or a mapping of names to these"
    )


def _is_history(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value) and all(_is_column(column) for column in value.values())
    return hasattr(value, "train_loss")


def _is_column(value: Any) -> bool:
    if isinstance(value, Mapping | str) or _holds_histories(value):
        return False
    return np.ndim(as_array(value)) == 1


def _holds_histories(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and len(value) > 0
        and (isinstance(value[0], Mapping) or hasattr(value[0], "train_loss"))
    )


def _history_columns(history: Any) -> Mapping[str, Any]:
    if isinstance(history, Mapping):
        return history
    return {key: values for key, values in vars(history).items() if isinstance(values, list)}


# --------------------------------------------------------------------------------- bars, tables


def bars(
    values: Mapping[str, Any],
    xlabel: str,
    title: str | None = None,
    *,
    pattern: str = "{:,.0f}",
    log: bool = False,
    highlight: Iterable[str] = (),
    height: float | None = None,
) -> Figure:
    """Horizontal bars, from top to bottom in the order given, each with its value written out.

    Parameters
    ----------
    values : mapping of str to float or array
        Length of each bar; an array (several seeds) is drawn as its mean with a whisker from the
        smallest to the largest.
    xlabel : str
        Quantity and unit.
    title : str, optional
        The finding.
    pattern : str
        Format of the written value.
    log : bool
        Logarithmic axis; all values must then be positive.
    highlight : iterable of str
        Names drawn in the second colour.
    height : float, optional
        Inches; by default by the number of bars.
    """
    names = list(values)
    runs = [np.atleast_1d(as_array(values[name]).astype(float)) for name in names]
    means = np.array([run.mean() for run in runs])
    low = np.array([run.min() for run in runs])
    high = np.array([run.max() for run in runs])
    if height is None:
        height = min(max(0.42 * len(names) + 1.1 + 0.4 * bool(title), 2.2), 5.6)
    figure, axes = subplots(height=height, title=title)
    marked = set(highlight)
    colours = [PALETTE[1] if name in marked else PALETTE[0] for name in names]
    places = np.arange(len(names))
    axes.barh(places, means, color=colours, height=0.68)
    if any(run.size > 1 for run in runs):
        axes.errorbar(
            means,
            places,
            xerr=[means - low, high - means],
            fmt="none",
            ecolor=INK,
            elinewidth=1.6,
            capsize=4,
        )
    if log:
        axes.set_xscale("log")
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlabel(xlabel)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    for place, mean, end in zip(places, means, np.where(means < 0, means, high), strict=True):
        axes.annotate(
            pattern.format(mean).replace("-", "\N{MINUS SIGN}"),
            (max(end, 0) if not log else end, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=13,
        )
    start, stop = axes.get_xlim()
    widest = max(len(pattern.format(mean)) for mean in means)
    room = 0.011 * widest + 0.01
    if log:
        start = 10.0 ** math.floor(math.log10(means.min() / 2))
        axes.set_xlim(start, stop * (stop / start) ** room)
    else:
        axes.set_xlim(start, stop + room * (stop - start))
    return figure


def probability_bars(
    images: Any,
    probabilities: Any,
    names: Sequence[str],
    title: str | None = None,
    *,
    top: int = 5,
    truth: Sequence[int] | int | None = None,
    height: float | None = None,
) -> Figure:
    """Photos with the classes a network finds most probable.

    Parameters
    ----------
    images : image or sequence of images
        One to four, each as in `image_grid`.
    probabilities : array
        (C,) for one image, (N, C) for several; values in 0..1.
    names : sequence of str
        Name of each of the C classes.
    title : str, optional
        The finding.
    top : int
        How many classes to show.
    truth : int or sequence of int, optional
        True class of each image: its bar is drawn in the second colour and starred.
    height : float, optional
        Inches.

    Raises
    ------
    ValueError
        If the counts of images, rows and names do not fit.
    """
    table = np.atleast_2d(as_array(probabilities).astype(float))
    single = np.ndim(as_array(probabilities)) == 1
    pictures = [as_picture(image) for image in ([images] if single else images)]
    truths = [None] * len(pictures) if truth is None else list(np.atleast_1d(as_array(truth)))
    if not len(pictures) == len(table) == len(truths):
        raise ValueError(
            f"{len(pictures)} images, {len(table)} rows of probabilities and {len(truths)} true "
            "classes: give the same number of each"
        )
    if table.shape[1] != len(names):
        raise ValueError(
            f"{table.shape[1]} probabilities an image and {len(names)} names: give one name for "
            "each class"
        )
    count = len(pictures)
    if count == 1:
        figure, axes = subplots(
            1, 2, height=height or 4.2, title=title, squeeze=False, width_ratios=[1, 1.35]
        )
    else:
        figure, axes = subplots(
            2, count, height=height or 5.4, title=title, squeeze=False, height_ratios=[1.25, 1]
        )
    for number, picture in enumerate(pictures):
        photo, chart = axes[0] if count == 1 else axes[:, number]
        _show(photo, picture, GREY, None, None)
        order = np.argsort(-table[number], kind="stable")[:top]
        starred = [str(names[k]) + (" *" if k == truths[number] else "") for k in order]
        colours = [PALETTE[1] if k == truths[number] else PALETTE[0] for k in order]
        _draw_probabilities(chart, table[number][order], starred, colours, within=count > 2)
        chart.set_xlabel("probability" if truths[number] is None else "probability (* true class)")
    return figure


def _draw_probabilities(
    axes: Axes, values: np.ndarray, names: list[str], colours: list[str], within: bool
) -> None:
    """Bars with names beside them or, where there is no room beside, within the chart."""
    places = np.arange(len(values))
    axes.barh(places, values, color=colours, height=0.74, alpha=0.5 if within else 1.0)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    if within:
        axes.set_xlim(0, 1)
        axes.set_yticks([])
        axes.xaxis.label.set_fontsize(12)
        for place, value, name in zip(places, values, names, strict=True):
            text = textwrap.shorten(name, 17, placeholder="...")
            axes.text(0.02, place, text, va="center", fontsize=12)
            axes.text(1.0, place, f"{value:.2f}", va="center", ha="right", fontsize=12)
        return
    axes.set_xlim(0, 1.15)
    axes.set_yticks(places, [textwrap.shorten(name, 30, placeholder="...") for name in names])
    for place, value in zip(places, values, strict=True):
        axes.text(value + 0.015, place, f"{value:.2f}", va="center", fontsize=13)


def confusion_matrix(
    matrix: Any,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
    *,
    height: float = 5.4,
) -> Figure:
    """Counts of true against predicted classes; colour shows the share of each true class.

    Parameters
    ----------
    matrix : array
        (C, C) counts; row = true class, column = predicted class.
    class_names : sequence of str, optional
        By default 0..C-1.
    title : str, optional
        The finding.
    height : float
        Inches.

    Raises
    ------
    ValueError
        If the matrix is not square or the names do not fit.
    """
    counts = as_array(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(
            f"a confusion matrix of shape {tuple(counts.shape)}: give (C, C), "
            "true classes in rows, predicted ones in columns"
        )
    size = len(counts)
    labels = [str(n) for n in range(size)] if class_names is None else list(class_names)
    if len(labels) != size:
        raise ValueError(f"{len(labels)} names for {size} classes: give one for each")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = subplots(height=height, title=title)
    drawn = axes.imshow(shares, cmap=CMAP, vmin=0, vmax=1)
    axes.grid(False)
    long = max(map(len, labels)) > 3
    axes.set_xticks(
        np.arange(size), labels, rotation=45 if long else 0, ha="right" if long else "center"
    )
    axes.set_yticks(np.arange(size), labels)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    for spine in axes.spines.values():
        spine.set_visible(False)
    written = 13 if size <= 6 else 11
    if size <= 12:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                colour = _text_on(drawn.cmap(float(shares[row, column])))
                axes.text(
                    column,
                    row,
                    f"{count:,}",
                    ha="center",
                    va="center",
                    color=colour,
                    fontsize=written,
                )
    bar = figure.colorbar(drawn, ax=axes, fraction=0.04, pad=0.02)
    bar.set_label("share of the true class")
    bar.outline.set_visible(False)
    return figure


class Html:
    """HTML that a notebook shows, the same on every run; ``print`` gives its plain text.

    Parameters
    ----------
    markup : str
        The HTML, shown as it is.
    text : str
        The same in words, for terminals and for readers of the stored notebook.
    """

    def __init__(self, markup: str, text: str) -> None:
        self.markup = markup
        self.text = text

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:
        return self.text


def html_table(
    rows: Iterable[Sequence[Any]],
    header: Sequence[str],
    caption: str,
    *,
    row_headers: bool = True,
) -> Html:
    """A table that screen readers can walk: caption, column headers and row headers.

    Parameters
    ----------
    rows : iterable of sequences
        Cells; integers are written with thousands separators, floats with up to six significant
        digits, numbers are set flush right.  Format floats yourself where the digits matter.
    header : sequence of str
        Names of the columns.
    caption : str
        What the table shows, in a sentence.
    row_headers : bool
        Whether the first cell names its row.

    Raises
    ------
    ValueError
        If a row is not as long as the header.
    """
    rows = [list(row) for row in rows]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"a row of {len(row)} cells under {len(header)} column names: give as many: {row}"
            )
    cells = [[_cell_text(value) for value in row] for row in rows]
    right = [
        all(_is_number(row[column]) for row in rows) and bool(rows) for column in range(len(header))
    ]

    def element(tag: str, text: str, column: int, extra: str = "") -> str:
        side = "right" if right[column] else "left"
        style = f"text-align:{side};padding:.25em .8em;background:transparent;color:inherit"
        return f'<{tag}{extra} style="{style}">{html.escape(text)}</{tag}>'

    lines = [
        '<table class="course-table" style="border-collapse:collapse;font-variant-numeric:'
        'tabular-nums;margin:.5em 0">',
        '<caption style="caption-side:top;text-align:left;padding:.3em .8em;font-weight:600;'
        f'color:inherit">{html.escape(caption)}</caption>',
        '<thead><tr style="border-bottom:2px solid currentColor;background:transparent">',
        *(element("th", name, n, ' scope="col"') for n, name in enumerate(header)),
        "</tr></thead><tbody>",
    ]
    for row in cells:
        lines.append('<tr style="border-bottom:1px solid #8886;background:transparent">')
        for number, text in enumerate(row):
            if number == 0 and row_headers:
                lines.append(element("th", text, number, ' scope="row"'))
            else:
                lines.append(element("td", text, number))
        lines.append("</tr>")
    lines.append("</tbody></table>")
    return Html("\n".join(lines), _plain_table(cells, list(header), caption, right))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _cell_text(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{int(value):,}"
    if isinstance(value, float | np.floating):
        return f"{float(value):,.6g}"
    return str(value)


def _plain_table(cells: list[list[str]], header: list[str], caption: str, right: list[bool]) -> str:
    widths = [max(len(row[n]) for row in [header, *cells]) for n in range(len(header))]

    def line(row: list[str]) -> str:
        parts = [
            text.rjust(width) if flush else text.ljust(width)
            for text, width, flush in zip(row, widths, right, strict=True)
        ]
        return "  ".join(parts).rstrip()

    return "\n".join([caption, line(header), "  ".join("-" * w for w in widths), *map(line, cells)])
