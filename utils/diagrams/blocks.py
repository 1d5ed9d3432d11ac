"""Residual blocks, drawn from the modules themselves: their convolutions, sizes and shortcut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from utils.diagrams._board import _EDGES, _TINTS, BLUE, _Board, _closed
from utils.plots import INK, PALETTE, QUIET

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

_BOX, _GAP = 0.46, 0.32
"""Height of a convolution's box and of the arrow above it, in inches."""

_RED = PALETTE[3]


def residual_blocks(
    blocks: Mapping[str, nn.Module], title: str | None = None, *, height: float | None = None
) -> Figure:
    """Draw residual blocks side by side, data flowing down, the shortcut on the right.

    Parameters
    ----------
    blocks : mapping of str to `BasicBlock` or `Bottleneck`
        What is written above each block, one to four of them (of `utils.models.resnet`).  A block
        without an addition is drawn without a shortcut.
    title : str, optional
        The finding.
    height : float, optional
        Inches; by default what the tallest block needs.

    Raises
    ------
    ValueError
        If there is no block or more than four, or one of another kind.
    """
    from utils.models.resnet import BasicBlock, Bottleneck

    if not 1 <= len(blocks) <= 4:
        raise ValueError(f"{len(blocks)} blocks: give one to four")
    for name, block in blocks.items():
        if not isinstance(block, (BasicBlock, Bottleneck)):
            raise ValueError(
                f"{name!r} is a {type(block).__name__}: give a BasicBlock or a Bottleneck"
            )
    tallest = max(len(_convolutions(block)) for block in blocks.values())
    need = 2.32 + tallest * (_BOX + _GAP) + (0.4 if title else 0)
    board = _Board(height or need, title)
    room = board.width / len(blocks)
    for number, (name, block) in enumerate(blocks.items()):
        _draw(board, name, block, room * (number + 0.5), room)
    return _closed(board)


def _convolutions(block: nn.Module) -> list[nn.Conv2d]:
    names = ("conv1", "conv2", "conv3")
    return [getattr(block, name) for name in names if hasattr(block, name)]


def _draw(board: _Board, name: str, block: nn.Module, middle: float, room: float) -> None:
    convolutions = _convolutions(block)
    x = middle if block.is_plain else middle - 0.14 * room
    half = min(0.3 * room, 1.05)
    right = x + half + min(0.12 * room, 0.4)
    y = board.top - 0.2
    board.text(middle, y, name, 15, INK, fontweight="bold")
    y -= 0.42
    board.text(x, y, f"x: {convolutions[0].in_channels} maps", 13, QUIET)
    y -= 0.16
    fork = y - 0.1
    for number, layer in enumerate(convolutions):
        board.arrow((x, y), (x, y - _GAP), QUIET)
        if number:
            board.text(x + 0.12, y - _GAP / 2, "ReLU", 12, QUIET, ha="left")
        y -= _GAP
        board.rectangle(
            x - half,
            y - _BOX,
            2 * half,
            _BOX,
            _TINTS["convolution"],
            _EDGES["convolution"],
            linewidth=1.5,
        )
        k = layer.kernel_size[0]
        step = f", /{layer.stride[0]}" if layer.stride[0] > 1 else ""
        board.text(x, y - _BOX / 2, f"{k}×{k}, {layer.out_channels}{step} · BN", 13)
        y -= _BOX
    stop = y - 0.62
    if block.is_plain:
        board.arrow((x, y), (x, stop - 0.5), QUIET)
    else:
        board.arrow((x, y), (x, stop + 0.17), QUIET)
        _add(board, x, stop)
        _shortcut(board, block, x, fork, stop, right, middle + room / 2)
        board.arrow((x, stop - 0.17), (x, stop - 0.5), QUIET)
    board.text(x + 0.12, stop - (0.06 if block.is_plain else 0.3), "ReLU", 12, QUIET, ha="left")
    board.text(x, stop - 0.66, f"{convolutions[-1].out_channels} maps", 13, QUIET)


def _add(board: _Board, x: float, y: float) -> None:
    from matplotlib.patches import Circle

    board.axes.add_patch(Circle((x, y), 0.17, facecolor="white", edgecolor=_RED, linewidth=2.2))
    board.text(x, y + 0.005, "+", 18, _RED)


def _shortcut(
    board: _Board, block: nn.Module, x: float, fork: float, stop: float, right: float, edge: float
) -> None:
    """The way around the convolutions, and what stands on it."""
    colour = _RED if block.downsample is None else BLUE
    board.line([(x, fork), (right, fork), (right, stop), (x + 0.3, stop)], colour, linewidth=2.6)
    board.arrow((x + 0.4, stop), (x + 0.17, stop), colour, 2.6)
    board.text(
        right + 0.1, (fork + stop) / 2, _shortcut_name(block), 13, colour, ha="left", va="center"
    )


def _shortcut_name(block: nn.Module) -> str:
    from utils.models.resnet import PaddedShortcut

    layer = block.downsample
    if layer is None:
        return "x itself"
    if isinstance(layer, PaddedShortcut):
        step = f"1 of {layer.stride}×{layer.stride}\npixels,\n" if layer.stride > 1 else ""
        return f"{step}{layer.out_channels - layer.in_channels} maps\nof zeros"
    convolution = layer[0]
    step = f", /{convolution.stride[0]}" if convolution.stride[0] > 1 else ""
    return f"1×1,\n{convolution.out_channels}{step}\n· BN"
