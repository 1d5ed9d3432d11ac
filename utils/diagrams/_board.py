"""What every diagram is drawn on: a white board measured in inches, and its colours."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from utils.plots.style import DPI, INK, PALETTE, QUIET, WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE = PALETTE[0]

_TINTS = {"input": "#f4f5f7", "convolution": "#d7e6f2", "pooling": "#fbe6bd", "dense": "#cfe7dd"}
_EDGES = {"input": "#4b545e", "convolution": "#0b4a75", "pooling": "#8a5a00", "dense": "#0a5a43"}


class _Board:
    """A white board measured in inches, on which labels find a free place."""

    def __init__(self, height: float, title: str | None, width: float = WIDTH):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure((width, height), dpi=DPI, facecolor="white", layout="none")
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(0, height)
        self.axes.axis("off")
        self.renderer = FigureCanvasAgg(self.figure).get_renderer()
        self.width, self.height = width, height
        self.top = height - 0.08
        if title:
            lines = textwrap.fill(title, int(7.6 * width))
            self.figure.suptitle(lines, fontsize=17, y=1 - 0.1 / height, va="top")
            self.top -= 0.12 + 0.27 * (1 + lines.count("\n"))
        self.taken: list[tuple[float, float, float, float]] = []

    def polygon(self, points: Sequence[tuple[float, float]], face: str, edge: str, **how: Any):
        from matplotlib.patches import Polygon

        shape = Polygon(points, closed=True, facecolor=face, edgecolor=edge, **how)
        self.axes.add_patch(shape)
        return shape

    def rectangle(self, x: float, y: float, width: float, height: float, face, edge, **how: Any):
        from matplotlib.patches import Rectangle

        shape = Rectangle((x, y), width, height, facecolor=face, edgecolor=edge, **how)
        self.axes.add_patch(shape)
        return shape

    def line(self, points: Sequence[tuple[float, float]], colour: str = QUIET, **how: Any) -> None:
        xs, ys = zip(*points, strict=True)
        self.axes.plot(
            xs,
            ys,
            color=colour,
            **{
                "linewidth": 1.0,
                "scalex": False,
                "scaley": False,
                "marker": None,
                "linestyle": "-",
                **how,
            },
        )

    def arrow(
        self,
        start: tuple[float, float],
        stop: tuple[float, float],
        colour: str = QUIET,
        width: float = 1.6,
    ) -> None:
        from matplotlib.patches import FancyArrowPatch

        self.axes.add_patch(
            FancyArrowPatch(
                start,
                stop,
                arrowstyle="-|>",
                mutation_scale=15,
                color=colour,
                linewidth=width,
                shrinkA=0,
                shrinkB=0,
                zorder=3,
            )
        )

    def text(
        self, x: float, y: float, words: str, size: float = 13, colour: str = INK, **how: Any
    ) -> Any:
        how = {"ha": "center", "va": "center", "linespacing": 1.15, **how}
        return self.axes.text(x, y, words, fontsize=size, color=colour, **how)

    def box(self, label: Any) -> tuple[float, float, float, float]:
        """Extent of a text in inches: x0, y0, x1, y1."""
        extent = label.get_window_extent(self.renderer)
        return tuple(side / DPI for side in extent.extents)

    def take(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Keep labels placed later out of this area."""
        self.taken.append((x0, y0, x1, y1))

    def free_text(
        self,
        x: float,
        y: float,
        words: str,
        step: float,
        size: float = 13,
        colour: str = INK,
        room: float = 0.05,
        **how: Any,
    ) -> Any:
        """Write where nothing is: from y on, moved by `step` until the place is free."""
        label = self.text(x, y, words, size, colour, **how)
        x0, _, x1, _ = self.box(label)
        inside = min(max(x, x - x0 + 0.05), self.width - 0.05 - (x1 - x))
        label.set_x(inside)
        for _ in range(200):
            x0, y0, x1, y1 = self.box(label)
            if not any(
                x0 - room < b[2] and x1 + room > b[0] and y0 - 0.02 < b[3] and y1 + 0.02 > b[1]
                for b in self.taken
            ):
                break
            label.set_y(label.get_position()[1] + step)
        self.take(*self.box(label))
        return label


def _closed(board: _Board) -> Figure:
    """Undo the limits that pictures have set."""
    board.axes.set_xlim(0, board.width)
    board.axes.set_ylim(0, board.height)
    return board.figure
