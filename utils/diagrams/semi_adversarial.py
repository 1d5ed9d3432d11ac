"""The plan of semi-adversarial training: one network that learns, two that judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from utils.plots import INK, PALETTE, QUIET, subplots

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
