"""Charts of the benchmark report, as SVG in the page."""

import io
import re

from utils import plots


def draw(chart: dict) -> str:
    """Return a chart of a benchmark's result as SVG markup, labelled for those who cannot see it.

    Parameters
    ----------
    chart : dict
        As ``tests/benchmarks/interleaved.chart`` makes it.
    """
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": chart["title"]}):
        plots.use_style()
        figure = {"bars": _bars, "lines": _lines, "spans": _spans}[chart["kind"]](chart)
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    label = chart["alt"].replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    size = re.compile(r' width="[^"]*" height="[^"]*"|height="[^"]*" width="[^"]*"')
    return size.sub("", svg, count=1).replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def _bars(chart: dict):
    many = len(chart["series"]) > 1
    values = {}
    names = chart["series"][0]["names"]
    for place, name in enumerate(names):
        for series in chart["series"]:
            key = f"{name}, {series['label']}" if many else name
            values[key] = series["values"][place]
    highlight = [key for key in values if many and key.endswith(chart["series"][-1]["label"])]
    largest = max(abs(value) for value in values.values())
    pattern = "{:,.0f}" if largest >= 100 else "{:,.1f}" if largest >= 20 else "{:,.2f}"
    return plots.bars(
        values, chart["y"], chart["title"], pattern=pattern, log=chart.get("log", False),
        highlight=highlight,
    )  # fmt: skip


def _lines(chart: dict):
    figure, axes = plots.subplots(title=chart["title"])
    ends = []
    for number, series in enumerate(chart["series"]):
        colour = plots.PALETTE[number % len(plots.PALETTE)]
        style = {"linestyle": "none", "markersize": 9} if series.get("points") else {}
        axes.plot(series["x"], series["y"], color=colour, marker="osD^vPX*"[number % 8], **style)
        if series["y"]:
            ends.append((float(series["y"][-1]), series["label"], plots.dark(colour)))
    if chart.get("line") is not None:
        axes.axhline(chart["line"], color=plots.QUIET, linewidth=1.6, linestyle=(0, (2, 2)))
    if chart.get("ylim"):
        axes.set_ylim(*chart["ylim"])
    axes.set_xlabel(chart["x"])
    axes.set_ylabel(chart["y"])
    plots.label_ends(axes, ends)
    return figure


def _spans(chart: dict):
    rows = list(dict.fromkeys(series["row"] for series in chart["series"]))
    height = 1.3 + 0.5 * len(rows) if len(rows) > 4 else 3.4
    figure, axes = plots.subplots(title=chart["title"], height=height)
    for number, series in enumerate(chart["series"]):
        width = series["end"] - series["start"]
        colour = plots.PALETTE[number % 2 * 5]
        axes.barh(rows.index(series["row"]), width, left=series["start"], color=colour, height=0.7)
        middle = series["start"] + width / 2
        axes.text(middle, rows.index(series["row"]), series["label"], ha="center", va="center",
                  color=plots.INK if number % 2 else "white", fontsize=12)  # fmt: skip
    axes.set_yticks(range(len(rows)), rows)
    axes.invert_yaxis()
    axes.set_xlabel(chart["x"])
    axes.grid(axis="y", visible=False)
    return figure
