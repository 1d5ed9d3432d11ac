"""Semi-adversarial networks drawn: the plan of the training, and the autoencoder to scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from utils.diagrams._board import _EDGES, _TINTS, _Board
from utils.plots import INK, PALETTE, QUIET, subplots

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn


def plan(title: str | None = None) -> Figure:
    """Autoencoder, auxiliary classifier and auxiliary matcher, with what flows between them.

    `title` stands above the drawing, a figure 12 inches wide; None for none.
    """
    figure, axes = subplots(height=4.6, title=title)
    axes.set(xlim=(0, 11), ylim=(0, 4.4))
    axes.axis("off")

    def box(x, y, width, height, text, colour, dashed=False):
        from matplotlib.patches import FancyBboxPatch

        patch = FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle="round,pad=0.06",
            facecolor=f"{colour}22",
            edgecolor=colour,
            linewidth=2,
            linestyle="--" if dashed else "-",
        )
        axes.add_patch(patch)
        axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=14)

    def arrow(start, end, text="", where=(0, 0.16), colour=INK):
        axes.annotate(
            "", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.8}
        )
        middle = ((start[0] + end[0]) / 2 + where[0], (start[1] + end[1]) / 2 + where[1])
        axes.text(*middle, text, ha="center", va="bottom", fontsize=13, color=colour)

    box(0.1, 2.45, 1.5, 0.8, "face", QUIET)
    box(0.1, 1.0, 1.5, 0.8, "prototype\nof its style", QUIET)
    box(2.5, 1.55, 1.9, 1.3, "autoencoder\n(learns)", PALETTE[0])
    box(2.6, 0.1, 1.7, 0.75, "prototypes", QUIET)
    box(5.6, 2.9, 1.5, 0.8, "same", PALETTE[2])
    box(5.6, 1.8, 1.5, 0.8, "neutral", PALETTE[2])
    box(5.6, 0.7, 1.5, 0.8, "opposite", PALETTE[2])
    box(8.6, 2.55, 2.2, 1.1, "matcher: still\nthe same person", PALETTE[1], dashed=True)
    box(8.6, 0.7, 2.2, 1.1, "classifier: the\nother style", PALETTE[3], dashed=True)
    arrow((1.7, 2.8), (2.4, 2.4))
    arrow((1.7, 1.4), (2.4, 1.9))
    arrow((3.45, 0.95), (3.45, 1.45))
    for y in (3.3, 2.2, 1.1):
        arrow((4.5, 2.2), (5.5, y))
    arrow((7.2, 3.3), (8.5, 3.1), "satisfy", colour=PALETTE[2])
    arrow((7.2, 1.1), (8.5, 1.2), "fool", colour=PALETTE[3])
    axes.text(9.7, 4.02, "judges: frozen, only in training", ha="center", fontsize=13, color=QUIET)
    return figure


_TALLEST = 2.35
"""Height in inches of a map of the input's size."""

_PROTOTYPE = ("#d55e00", "#0a7d57", "#0068a5")


def autoencoder(model: nn.Module, side: int = 224, title: str | None = None) -> Figure:
    """Draw a `ProtoAutoencoder` as the paper's Fig. 2 does, with the sizes its modules have.

    Parameters
    ----------
    model : ProtoAutoencoder
        With convolutions, poolings and doublings in ``encoder`` and ``decoder``; it is run once
        on PyTorch's meta device.
    side : int
        Height and width of the faces, in pixels.
    title : str, optional
        The finding.

    Returns
    -------
    Figure
        Heights are to scale, widths grow with the logarithm of the number of maps. The three
        channels of a prototype are drawn in three colours, where they come in.
    """
    blocks, steps = _stages(model, side)
    board = _Board(5.0, title)
    widths = [0.16 + 0.085 * math.log2(channels) for channels, _ in blocks]
    gap = (board.width - 1.15 - sum(widths)) / (len(blocks) - 1)
    middle, x = 2.75, 0.5
    for number, ((channels, size), width) in enumerate(zip(blocks, widths, strict=True)):
        height = _TALLEST * size / side
        kind = "input" if number in (0, len(blocks) - 1) else "convolution"
        low = middle - height / 2
        board.rectangle(x, low, width, height, _TINTS[kind], _EDGES[kind], linewidth=1.6)
        if number == 0 or steps[number - 1] == "join":
            for place, colour in enumerate(_PROTOTYPE):
                left = x + width - 0.09 * (3 - place)
                board.rectangle(left, low, 0.09, height, colour, _EDGES[kind], linewidth=0.6)
        board.text(x + width / 2, low - 0.2, f"{channels}", 16, INK, weight="bold")
        board.text(x + width / 2, low - 0.47, f"{size} × {size}", 13.5, QUIET)
        if number < len(steps):
            stop = x + width + gap
            board.arrow((x + width + 0.05, middle), (stop - 0.05, middle))
            words, parameters = steps[number], ""
            if words == "join":
                words = "prototype\njoins"
            else:
                words, parameters = words
            if parameters:
                board.text((x + width + stop) / 2, 0.52, parameters, 14.5, _EDGES["convolution"])
            board.text((x + width + stop) / 2, middle + 0.14, words, 13.5, INK, va="bottom")
        x += width + gap
    board.text(0.15, 0.2, "numbers learned in each step", 13.5, QUIET, ha="left")
    return board.figure


def _stages(model: nn.Module, side: int) -> tuple[list[tuple[int, int]], list]:
    """Sizes (channels, side) of what is drawn, and the step after each: words and parameters."""
    import torch
    from torch import nn

    from utils.arithmetic import count_parameters

    x = torch.empty(1, 4, side, side, device="meta")
    blocks, steps = [(4, side)], []
    for part in (model.encoder, model.decoder):
        for layer in part:
            if isinstance(layer, nn.Conv2d):
                words, learned = "conv {}×{}".format(*layer.kernel_size), count_parameters(layer)
            x = layer(x)
            if isinstance(layer, (nn.AvgPool2d, nn.Upsample)):
                words += "\nhalve" if isinstance(layer, nn.AvgPool2d) else "\ndouble"
                blocks.append((x.shape[1], x.shape[2]))
                steps.append((words, f"{learned:,}"))
    joined = x.shape[1] + 3
    blocks += [(joined, side), (1, side)]
    kernel = "×".join(map(str, model.combiner.kernel_size))
    steps += ["join", (f"conv {kernel}\nsigmoid", f"{count_parameters(model.combiner):,}")]
    return blocks, steps
