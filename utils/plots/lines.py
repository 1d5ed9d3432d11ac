"""Curves, each named where it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from utils.plots.style import PALETTE, QUIET, as_array, dark, subplots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osD^vPX*"
_DASHES = ("-", (0, (5, 1.6)), (0, (1.4, 1.2)), (0, (6, 1.5, 1.4, 1.5)))


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
