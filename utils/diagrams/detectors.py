"""Four detectors as pipelines: what is done once a picture, and what once a region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from utils.diagrams._board import _Board
from utils.plots import INK, PALETTE, QUIET

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["lineage"]

_LEFT, _STEP, _BOX, _HEIGHT = 1.75, 2.35, 1.85, 0.62
_ONCE, _REGION, _OUTSIDE = PALETTE[0], PALETTE[3], QUIET

_ROWS = {
    "R-CNN": [None, ("propose regions", _OUTSIDE), ("CNN", _REGION), ("class, box", _REGION)],
    "Fast": [
        ("CNN", _ONCE),
        ("propose regions", _OUTSIDE),
        ("cut from the maps", _REGION),
        ("class, box", _REGION),
    ],
    "Faster": [
        ("CNN", _ONCE),
        ("propose regions", _ONCE),
        ("cut from the maps", _REGION),
        ("class, box", _REGION),
    ],
    "YOLO": [("CNN", _ONCE), None, None, ("class, box: all cells", _ONCE)],
}
_LEGEND = [
    ("once a picture", _ONCE),
    ("once a region", _REGION),
    ("not a network", _OUTSIDE),
]


def lineage(title: str | None = None) -> Figure:
    """R-CNN, Fast R-CNN, Faster R-CNN and YOLO, one below the other.

    Parameters
    ----------
    title : str, optional
        The finding.

    Returns
    -------
    Figure
        Each row runs from the picture to classes and boxes. What a network does once a picture is
        blue, what it does once a region is drawn as a stack, and what no network does is grey.
    """
    board = _Board(5.0, title)
    for place, (words, colour) in enumerate(_LEGEND):
        x = 3.5 + 2.6 * place
        _box(board, x - 0.55, 0.28, 0.34, 0.26, "", colour)
        board.text(x - 0.28, 0.28, words, 13, INK, ha="left")
    top = board.top - 0.55
    for row, (name, steps) in enumerate(_ROWS.items()):
        y = top - row * (top - 1.05) / (len(_ROWS) - 1)
        board.text(0.15, y, name, 15, INK, ha="left", weight="bold")
        end = 1.15
        for column, step in enumerate(steps):
            if step is None:
                continue
            words, colour = step
            x = _LEFT + column * _STEP + _BOX / 2
            board.arrow((end, y), (x - _BOX / 2 - 0.06, y), QUIET)
            for back in (2, 1) if colour == _REGION else ():
                _box(board, x + 0.07 * back, y + 0.07 * back, _BOX, _HEIGHT, "", colour)
            _box(board, x, y, _BOX, _HEIGHT, words, colour)
            end = x + _BOX / 2 + (0.2 if colour == _REGION else 0.05)
    return board.figure


def _box(board: _Board, x, y, width: float, height: float, words: str, colour: str) -> None:
    """A box around (x, y), tinted."""
    from matplotlib.colors import to_rgb

    face = tuple(0.84 + 0.16 * part for part in to_rgb(colour))
    board.rectangle(x - width / 2, y - height / 2, width, height, face, colour, linewidth=1.8)
    if words:
        board.text(x, y, words.replace(": ", ":\n").replace(" the maps", "\nthe maps"), 13)
