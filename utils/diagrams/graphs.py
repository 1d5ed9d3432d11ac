"""Which unit feeds which: connection tables and computation graphs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from utils.diagrams._board import BLUE, _Board, _closed
from utils.plots.style import INK, PALETTE, QUIET

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def connection_table(
    table: Sequence[Sequence[int]],
    title: str | None = None,
    *,
    source: str = "S2 map",
    target: str = "C3 map",
    height: float = 3.9,
) -> Figure:
    """Which maps of one layer feed which of the next: LeNet-5's C3 and its like.

    Parameters
    ----------
    table : sequence of sequences of int
        ``table[k]`` lists the maps that target map k sees, as `utils.models.lenet.C3_TABLE`.
    title : str, optional
        The finding.
    source, target : str
        Names of the rows and of the columns.
    height : float
        Inches.
    """
    rows = 1 + max(max(sources) for sources in table)
    columns = len(table)
    board = _Board(height, title)
    cell = min((board.width - 2.2) / (columns + 1), (board.top - 0.95) / (rows + 1))
    left = (board.width - cell * (columns + 1)) / 2 + 0.3
    top = board.top - 0.62
    for k in range(columns):
        board.text(left + (k + 0.5) * cell, top + 0.16, str(k), 12)
    for s in range(rows):
        y = top - (s + 0.5) * cell
        board.text(left - 0.2, y, str(s), 12)
        for k, sources in enumerate(table):
            linked = s in sources
            board.rectangle(
                left + k * cell,
                top - (s + 1) * cell,
                cell,
                cell,
                BLUE if linked else "white",
                "white" if linked else "#c9d0d7",
                linewidth=1.2,
                zorder=3 if linked else 2,
            )
        count = sum(s in sources for sources in table)
        board.text(left + columns * cell + 0.35, y, str(count), 12, QUIET)
    for k, sources in enumerate(table):
        board.text(left + (k + 0.5) * cell, top - rows * cell - 0.18, str(len(sources)), 12, QUIET)
    board.text(left + columns * cell / 2, top + 0.42, target, 13)
    board.text(left - 0.5, top - rows * cell / 2, source, 13, rotation=90)
    total = sum(len(sources) for sources in table)
    board.text(
        left + columns * cell / 2,
        top - rows * cell - 0.48,
        f"links: {total} of {rows * columns}",
        13,
        QUIET,
    )
    return _closed(board)


def computation_graph(
    nodes: Mapping[str, Any],
    edges: Sequence[Sequence[str]],
    title: str | None = None,
    *,
    paths: Sequence[Sequence[str]] = (),
    height: float = 4.6,
) -> Figure:
    """A computation graph from left to right, with a value at each node and a label at each edge.

    Parameters
    ----------
    nodes : mapping of str to str, or to (str, str)
        Name of each node and what is written under it (its value); a pair gives the text inside
        the circle and the text under it.  The name may hold mathtext, ``"$a_1$"``.
    edges : sequence of (from, to) or (from, to, label)
        The label is the derivative along the edge, for instance.
    title : str, optional
        The finding.
    paths : sequence of sequences of str
        Paths to be drawn in colour, as lists of nodes; edges of several paths are drawn beside
        each other.
    height : float
        Inches.

    Raises
    ------
    ValueError
        If an edge names an unknown node or the graph has a cycle.

    Examples
    --------
    The deck's two paths through a shared weight:

    >>> figure = computation_graph(
    ...     {"$w_1$": "0.5", "$a_1$": "0.68", "$a_2$": "0.64", "$o$": "0.43"},
    ...     [("$w_1$", "$a_1$"), ("$w_1$", "$a_2$"), ("$a_1$", "$o$"), ("$a_2$", "$o$")],
    ... )
    """
    edges = [(*edge, "") if len(edge) == 2 else tuple(edge) for edge in edges]
    for start, stop, _ in edges:
        for end in (start, stop):
            if end not in nodes:
                raise ValueError(f"an edge names {end!r}: the nodes are {', '.join(nodes)}")
    column = _longest_paths(list(nodes), edges)
    board = _Board(height, title)
    count = 1 + max(column.values())
    radius = min(0.36, 0.36 * 10 / count * 0.9)
    low, high = 0.25, board.top - 0.1
    places: dict[str, tuple[float, float]] = {}
    for number in range(count):
        members = [name for name in nodes if column[name] == number]
        x = 0.75 + number * (board.width - 1.5) / max(count - 1, 1)
        for row, name in enumerate(members):
            share = (row + 1) / (len(members) + 1) if len(members) > 1 else 0.5
            if len(members) == 2:
                share = (0.22, 0.78)[row]
            places[name] = (x, high - share * (high - low))
    used: dict[tuple[str, str], list[str]] = {}
    for number, path in enumerate(paths):
        for pair in itertools.pairwise(path):
            used.setdefault(pair, []).append((PALETTE[3], PALETTE[0], PALETTE[2])[number % 3])
    for start, stop, label in edges:
        _draw_edge(board, places[start], places[stop], radius, used.get((start, stop), []), label)
    from matplotlib.patches import Circle

    for name, said in nodes.items():
        inside, under = (name, said) if isinstance(said, str) else said
        x, y = places[name]
        board.axes.add_patch(
            Circle((x, y), radius, facecolor="white", edgecolor=INK, linewidth=1.8, zorder=5)
        )
        board.text(x, y, inside, 16, zorder=6)
        if under:
            ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.9}
            board.text(x, y - radius - 0.06, under, 12, QUIET, va="top", zorder=6, bbox=ground)
    return _closed(board)


def _longest_paths(names: list[str], edges: Sequence[Sequence[str]]) -> dict[str, int]:
    """Column of each node: the length of the longest path that leads to it."""
    column = dict.fromkeys(names, 0)
    for _ in range(len(names)):
        changed = False
        for start, stop, _label in edges:
            if column[stop] < column[start] + 1:
                column[stop] = column[start] + 1
                changed = True
        if not changed:
            # A source stands right before what it feeds, so that x1 lies near z1.
            for name in names:
                after = [column[stop] for start, stop, _ in edges if start == name]
                if after and not any(stop == name for _, stop, _ in edges):
                    column[name] = min(after) - 1
            return column
    raise ValueError("the graph has a cycle: a computation graph leads from inputs to one loss")


def _draw_edge(board: _Board, start, stop, radius: float, colours: list[str], label: str) -> None:
    (x0, y0), (x1, y1) = start, stop
    length = math.hypot(x1 - x0, y1 - y0)
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    for number, colour in enumerate(colours or [QUIET]):
        shift = 0.11 * (number - (max(len(colours), 1) - 1) / 2)
        board.arrow(
            (x0 + ux * radius - uy * shift, y0 + uy * radius + ux * shift),
            (x1 - ux * radius - uy * shift, y1 - uy * radius + ux * shift),
            colour,
            2.6 if colours else 1.6,
        )
    if label:
        level = abs(uy) < 0.2  # beside a level edge, on a sloping one
        x, y = (x0 + x1) / 2, (y0 + y1) / 2 + (0.3 if level else 0)
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        board.text(x, y, label, 12, zorder=4, bbox=ground)
