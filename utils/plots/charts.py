"""Bars, and counts of true against predicted classes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from utils.plots.style import (
    CMAP,
    GREY,
    INK,
    PALETTE,
    _show,
    _text_on,
    as_array,
    as_picture,
    subplots,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
