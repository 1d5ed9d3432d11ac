"""The two figures of Canziani et al. (2016), drawn from networks that were counted.

A network is what `utils.census.Network` is: it has ``name``, ``family``, ``operations`` (G-ops),
``parameters``, ``top1`` (from its weights' metadata), ``reported_top1`` and ``best_known_top1``.
A filled mark is a figure of today's weights, a hollow one was reported by others in 2016.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from utils import plots
from utils.plots import PALETTE, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FAMILIES: dict[str, str] = {
    "AlexNet": PALETTE[6],
    "NIN": PALETTE[4],
    "VGG": PALETTE[0],
    "Inception": PALETTE[2],
    "ResNet": PALETTE[3],
    "ENet": "#8a6d00",
    "DenseNet": PALETTE[5],
    "small": PALETTE[7],
}
"""Colour of each family."""

LEGEND = (5, 35, 65, 95, 125, 155)
"""Blobs of the legend, in million parameters, as in the paper's Fig. 2."""

_POINTS_PER_MILLION = 30.0  # area of a blob in square points (of its bounding square)


def top1_per_network(
    networks: Sequence[Any], title: str | None = None, height: float = 5.9
) -> Figure:
    """Top-1 accuracy of each network, worst below; one colour a family.

    Parameters
    ----------
    networks : sequence
        Those whose `best_known_top1` is None are left out.
    title : str, optional
        The finding.
    height : float
        Inches.

    Returns
    -------
    Figure
        Filled dots for `top1`, hollow ones for `reported_top1`: dots, because an axis that does
        not begin at zero would make the lengths of bars lie.
    """
    known = sorted(
        (one for one in networks if one.best_known_top1 is not None),
        key=lambda one: one.best_known_top1,
    )
    figure, axes = plots.subplots(height=height, title=title)
    low, high = 52, 81
    columns = {"today": (83.2, "top1"), "2016": (86.4, "reported_top1")}
    for place, one in enumerate(known):
        colour = FAMILIES[one.family]
        ends = [value for value in (one.top1, one.reported_top1) if value is not None]
        axes.plot(ends, [place] * len(ends), color=colour, linewidth=2, linestyle="-", marker=None)
        for x, what in columns.values():
            value = getattr(one, what)
            text = "–" if value is None else f"{value:.1f}"
            axes.text(x, place, text, va="center", ha="center", fontsize=13)
    _dots(axes, known, "top1", label="weights of today")
    _dots(axes, known, "reported_top1", label="reported in 2016", hollow=True)
    for name, (x, _) in columns.items():
        axes.text(x, len(known) - 0.15, name, ha="center", va="center", fontsize=13, color=QUIET)
    axes.set_yticks(range(len(known)), [one.name for one in known], fontsize=13)
    axes.set_ylim(-0.6, len(known) + 0.25)
    axes.set_xticks(range(55, high, 5))
    axes.set_xlim(low, 88)
    axes.set_xlabel("top-1, % of ImageNet's validation images, one centre crop")
    axes.tick_params(axis="y", length=0)
    axes.legend(loc="upper left", frameon=True, framealpha=1.0, edgecolor="white")
    return figure


def _dots(axes: Axes, known: Sequence[Any], what: str, label: str, hollow: bool = False) -> None:
    """Draw one quantity of the networks that have it, each at its row."""
    drawn = [(n, getattr(one, what), one) for n, one in enumerate(known)]
    drawn = [(place, value, one) for place, value, one in drawn if value is not None]
    colours = [FAMILIES[one.family] for _, _, one in drawn]
    axes.scatter(
        [value for _, value, _ in drawn],
        [place for place, _, _ in drawn],
        s=110,
        facecolor="white" if hollow else colours,
        edgecolor=colours,
        linewidth=2,
        zorder=3 if hollow else 4,
    )
    axes.scatter(
        [],
        [],
        s=110,
        facecolor="white" if hollow else QUIET,
        edgecolor=QUIET,
        linewidth=2,
        label=label,
    )


def top1_against_operations(
    networks: Sequence[Any],
    title: str | None = None,
    *,
    log: bool = False,
    height: float = 5.7,
    limits: tuple[float, float] = (52, 84),
) -> Figure:
    """Top-1 accuracy against operations; a blob's area is its network's number of parameters.

    Every blob has its name beside it, moved to where no other name or blob is. Networks without a
    known accuracy stand as triangles on the lower edge, at their operations.

    Parameters
    ----------
    networks : sequence
        What is to be drawn.
    title : str, optional
        The finding.
    log : bool
        Logarithmic axis of operations.
    height : float
        Inches.
    limits : (float, float)
        Of the accuracy axis, in percent.
    """
    figure, axes = plots.subplots(height=height, title=title)
    known = [one for one in networks if one.best_known_top1 is not None]
    # Large blobs first, so that small ones lie on top of them.
    known.sort(key=lambda one: -one.parameters)
    if log:
        axes.set_xscale("log")
        least = min(one.operations for one in networks)
        most = max(one.operations for one in networks)
        axes.set_xlim(least / 1.8, most * 2.2)
        ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if least / 1.8 < tick]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    else:
        axes.set_xlim(0, 1.12 * max(one.operations for one in networks))
    axes.set_ylim(*limits)
    for one in known:
        colour = FAMILIES[one.family]
        filled = one.top1 is not None
        axes.scatter(
            [one.operations],
            [one.best_known_top1],
            s=[_area(one.parameters)],
            facecolor=_pale(colour) if filled else "white",
            edgecolor=colour,
            linewidth=2,
            zorder=2,
        )
    axes.scatter(
        [one.operations for one in known],
        [one.best_known_top1 for one in known],
        s=9,
        color=QUIET,
        zorder=3,
    )
    unknown = [one for one in networks if one.best_known_top1 is None]
    axes.scatter(
        [one.operations for one in unknown],
        [limits[0]] * len(unknown),
        s=110,
        marker="^",
        color=[FAMILIES[one.family] for one in unknown],
        clip_on=False,
        zorder=4,
    )
    axes.set_xlabel("operations for one image, G-ops (two a multiply-add)")
    axes.set_ylabel("top-1, %, one centre crop")
    boxes = _legend(axes)
    _write_names(axes, known, unknown, limits[0], boxes)
    return figure


def _area(parameters: float) -> float:
    return _POINTS_PER_MILLION * parameters / 1e6


def _pale(colour: str) -> tuple[float, ...]:
    from matplotlib.colors import to_rgb

    return tuple(0.55 + 0.45 * part for part in to_rgb(colour))


def _legend(axes: Axes) -> list[tuple[float, float, float, float]]:
    """Draw the blobs of the legend into the lower right corner; return the box they take."""
    x, spots = 0.985, []
    width = axes.figure.get_figwidth() * 72 * 0.88
    for millions in reversed(LEGEND):
        radius = math.sqrt(_area(1e6 * millions)) / 2 / width
        x -= radius
        spots.append((x, millions))
        x -= radius + 0.008
    axes.scatter(
        [spot for spot, _ in spots],
        [0.17] * len(spots),
        s=[_area(1e6 * millions) for _, millions in spots],
        facecolor="#eef0f3",
        edgecolor=QUIET,
        linewidth=1.4,
        transform=axes.transAxes,
        zorder=2,
    )
    for spot, millions in spots:
        axes.text(
            spot, 0.035, str(millions), ha="center", transform=axes.transAxes, fontsize=12, zorder=5
        )
    axes.text(
        (x + 0.985) / 2,
        0.285,
        "million parameters",
        ha="center",
        transform=axes.transAxes,
        fontsize=12,
    )
    return [(x, 0.0, 1.0, 0.34)]


# ------------------------------------------------------------------ names beside their blobs


def _write_names(axes: Axes, known, unknown, floor: float, taken) -> None:
    """Write every name where it covers no other name, no blob and no part of the legend."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = axes.figure
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()  # settles the layout, so that places in pixels are final
    frame = axes.get_window_extent(renderer)
    pixels = figure.dpi / 72
    to_pixels = axes.transData.transform
    blobs = [
        (*to_pixels((one.operations, one.best_known_top1)), _area(one.parameters) ** 0.5 / 2)
        for one in known
    ] + [(*to_pixels((one.operations, floor)), 5.0) for one in unknown]
    circles = [(x, y, radius * pixels + 1) for x, y, radius in blobs]
    left, bottom, width, tall = frame.bounds
    used = [
        (left + a * width, bottom + b * tall, left + c * width, bottom + d * tall)
        for a, b, c, d in taken
    ]
    names = [one.name for one in [*known, *unknown]]
    colours = [FAMILIES[one.family] for one in [*known, *unknown]]
    order = sorted(range(len(names)), key=lambda n: _crowd(circles, n), reverse=True)
    for n in order:
        label = axes.text(0, 0, names[n], fontsize=13, color=plots.dark(colours[n]), zorder=6)
        extent = label.get_window_extent(renderer)
        wide, high = extent.width + 4, extent.height * 0.86
        x, y, radius = circles[n]
        best = None
        for away in (3, 10, 20, 34, 50):
            for angle in range(0, 360, 15):
                box = _box_beside(x, y, radius + away, math.radians(angle), wide, high)
                cost = _covered(box, used, circles, frame) + 0.9 * away + _tilt(angle)
                if best is None or cost < best[0]:
                    best = (cost, box, away, angle)
        _, box, away, angle = best
        used.append(box)
        place = axes.transData.inverted().transform((box[0] + 2, box[1] + 0.1 * high))
        label.set_position(place)
        if away > 10:
            turn = math.radians(angle)
            start = (x + radius * math.cos(turn), y + radius * math.sin(turn))
            stop = (x + (radius + away) * math.cos(turn), y + (radius + away) * math.sin(turn))
            near, far = axes.transData.inverted().transform([start, stop])
            arm = {"arrowstyle": "-", "color": QUIET, "linewidth": 1, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", near, far, arrowprops=arm, zorder=1)


def _crowd(circles, n: int) -> float:
    x, y, _ = circles[n]
    gaps = [math.hypot(x - a, y - b) for m, (a, b, _) in enumerate(circles) if m != n]
    return sum(1 / (1 + gap) for gap in gaps)


def _tilt(angle: int) -> float:
    """What a direction costs: right is best, then left, then above and below."""
    return {0: 0, 180: 2}.get(angle, 4 + 3 * abs(math.sin(math.radians(angle))))


def _box_beside(x, y, distance, turn, wide, high) -> tuple[float, float, float, float]:
    """Box of a text that touches the end of an arm from (x, y)."""
    across, up = math.cos(turn), math.sin(turn)
    centre_x = x + distance * across + wide / 2 * max(-1, min(1, 1.6 * across))
    centre_y = y + distance * up + high / 2 * max(-1, min(1, 1.6 * up))
    return centre_x - wide / 2, centre_y - high / 2, centre_x + wide / 2, centre_y + high / 2


def _covered(box, used, circles, frame) -> float:
    cost = 0.0
    for other in used:
        across = min(box[2], other[2]) - max(box[0], other[0])
        up = min(box[3], other[3]) - max(box[1], other[1])
        if across > 0 and up > 0:
            cost += 100 + across * up
        elif across > -10 and up > -18:
            cost += 9  # so close that two names read as one
    for x, y, radius in circles:
        near_x, near_y = min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])
        if math.hypot(x - near_x, y - near_y) < radius:
            cost += 60 + radius
    outside = max(0.0, frame.x0 - box[0] + 3) + max(0.0, box[2] + 3 - frame.x1)
    outside += max(0.0, frame.y0 - box[1] + 3) + max(0.0, box[3] + 3 - frame.y1)
    return cost + (500 + 10 * outside if outside else 0)


def cost_panels(
    rows: Mapping[str, Mapping[str, float]], title: str | None = None, height: float = 5.2
) -> Figure:
    """Several quantities of the same networks, a panel of bars each, in one order.

    Parameters
    ----------
    rows : mapping of str to mapping of str to float
        Quantity with its unit -> value of each network, the same networks everywhere.
    title : str, optional
        The finding.
    height : float
        Inches.
    """
    figure, panels = plots.subplots(1, len(rows), height=height, title=title, sharey=True)
    panels = np.atleast_1d(panels)
    names = list(next(iter(rows.values())))
    places = np.arange(len(names))
    for number, (axes, (what, values)) in enumerate(zip(panels, rows.items(), strict=True)):
        lengths = [values[name] for name in names]
        axes.barh(places, lengths, color=PALETTE[number], height=0.66)
        axes.set_title(what, fontsize=14)
        axes.set_xlim(0, 1.34 * max(lengths))
        axes.set_xticks([])
        axes.grid(False)
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        for place, length in zip(places, lengths, strict=True):
            text = f"{length:,.0f}" if length >= 10 else f"{length:.1f}"
            axes.text(length + 0.03 * max(lengths), place, text, va="center", fontsize=12)
    panels[0].set_yticks(places, names)
    panels[0].invert_yaxis()
    return figure
