"""The one style of all figures: fonts, sizes, colours, and what every drawing is made on."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from utils.plots.checksums import describe

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


def dark(colour: Any, contrast: float = 4.5) -> tuple[float, float, float]:
    """The colour, darkened until it is readable as text on white (WCAG contrast ratio, 1..21).

    Raises
    ------
    ValueError
        If no colour has that `contrast`: black has 21.
    """
    from matplotlib.colors import to_rgb

    if not 1 <= contrast <= 21:
        raise ValueError(f"contrast is {contrast}: give 1 (white on white) to 21 (black on white)")
    rgb = np.array(to_rgb(colour))
    while 1.05 / (_luminance(rgb) + 0.05) < contrast:
        rgb = rgb * 0.95
    return tuple(float(part) for part in rgb)


def _luminance(rgb: np.ndarray) -> float:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


def _text_on(rgba: Any) -> str:
    return INK if _luminance(np.array(rgba[:3], float)) > 0.3 else "white"
