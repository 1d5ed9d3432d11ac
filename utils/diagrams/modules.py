"""Building blocks of networks drawn as branches: inception, fire, bottleneck, separable.

A branch is a list of lines, one a layer, from the input downwards; an empty branch is a shortcut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from utils.diagrams._board import _EDGES, _TINTS, _Board
from utils.plots import QUIET, WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Block", "blocks"]

_BOX_HEIGHT = 0.44
_STEP = 0.74


@dataclass(frozen=True)
class Block:
    """A block of layers.

    Attributes
    ----------
    branches : sequence of sequence of str
        Layers of each branch, such as ``("1×1, 96", "3×3, 128")``; ``()`` is a shortcut.
    input : str
        What comes in, such as "192 maps".
    joined : str
        How branches meet, such as "256 maps side by side", "added"; with one branch, what
        comes out.
    """

    branches: Sequence[Sequence[str]]
    input: str
    joined: str


def blocks(
    drawn: Mapping[str, Block], title: str | None = None, *, height: float | None = None
) -> Figure:
    """Draw blocks side by side, the input above.

    Parameters
    ----------
    drawn : mapping of str to Block
        Name written above each block -> the block.
    title : str, optional
        The finding.
    height : float, optional
        Inches; by default what the longest branch needs.

    Returns
    -------
    Figure
        Blue boxes are convolutions that mix maps at one place, yellow ones pooling, green ones
        convolutions that look at neighbours.

    Raises
    ------
    ValueError
        If nothing is to be drawn, or a block has no branch.
    """
    if not drawn or not all(block.branches for block in drawn.values()):
        raise ValueError("there is nothing to draw: give at least one block with one branch")
    longest = max(len(branch) for block in drawn.values() for branch in block.branches)
    if height is None:
        named = any(drawn)
        height = 0.55 * bool(title) + 0.5 * named + _STEP * (longest + 1) + 0.75
    board = _Board(height, title)
    shares = [max(len(block.branches), 1.4) for block in drawn.values()]
    left, unit = 0.0, WIDTH / sum(shares)
    for (name, block), share in zip(drawn.items(), shares, strict=True):
        _draw(board, name, block, left + 0.12, left + share * unit - 0.12, longest)
        left += share * unit
    return board.figure


def _draw(board: _Board, name: str, block: Block, left: float, right: float, longest: int) -> None:
    centre = (left + right) / 2
    y = board.top - 0.24
    if name:
        board.text(centre, y, name, size=15, weight="bold")
        y -= 0.5
    bottom = y - _STEP * (longest + 1)
    wide = (right - left) / len(block.branches)
    half = _BOX_HEIGHT / 2
    across = min(right - left, 2.4) if len(block.branches) == 1 else right - left
    _box(board, centre, y, across, block.input, "input")
    _box(board, centre, bottom, across, block.joined, "input")
    for number, branch in enumerate(block.branches):
        x = left + wide * (number + 0.5)
        # short branches hang in the middle of the room that the longest one needs
        at, above = y - _STEP * (1 + (longest - len(branch)) / 2), y - half
        for words in branch:
            board.arrow((x, above), (x, at + half))
            _box(board, x, at, min(wide - 0.14, 2.2), words, _kind(words))
            at, above = at - _STEP, at - half
        board.arrow((x, above), (x, bottom + half))
        if not branch:
            board.text(x + 0.1, (y + bottom) / 2, "unchanged", 12, QUIET, ha="left")


def _kind(words: str) -> str:
    """Kind of a layer by its name: it decides the colour."""
    if "pool" in words:
        return "pooling"
    return "convolution" if words.startswith("1×1") else "dense"


def _box(board: _Board, x: float, y: float, width: float, words: str, kind: str) -> None:
    half = _BOX_HEIGHT / 2
    board.rectangle(
        x - width / 2, y - half, width, _BOX_HEIGHT, _TINTS[kind], _EDGES[kind], linewidth=1.4
    )
    label = board.text(x, y, words, size=13, zorder=5)
    x0, _, x1, _ = board.box(label)
    if x1 - x0 > width - 0.06:
        label.set_fontsize(max(10.0, 13 * (width - 0.06) / (x1 - x0)))
