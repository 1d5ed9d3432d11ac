"""Pictures of lecture 12: sensitivity against specificity, reliability, maps of what was looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from utils.plots import GREY, INK, PALETTE, QUIET, as_array, as_picture, subplots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["occlusion_rows", "reliability_diagrams", "sensitivity_curves", "tree"]


def sensitivity_curves(
    curves: Mapping[str, tuple[Any, Any]],
    title: str | None = None,
    *,
    readers: Sequence[tuple[float, float]] = (),
    points: Mapping[str, tuple[float, float]] | None = None,
    height: float = 5.0,
) -> Figure:
    """Sensitivity against specificity of scores, with readers and operating points.

    Parameters
    ----------
    curves : mapping of str to (scores, positive)
        Each with N floats and N bools; the threshold runs over all scores.
    title : str, optional
        The finding.
    readers : sequence of (sensitivity, specificity)
        Drawn as crosses.
    points : mapping of str to (sensitivity, specificity), optional
        Operating points with their names.
    height : float
        Inches.
    """
    figure, axes = subplots(height=height, title=title)
    for colour, (name, (scores, positive)) in zip(PALETTE, curves.items(), strict=False):
        scores, positive = np.asarray(scores, float), np.asarray(positive, bool)
        steps = np.concatenate([[-np.inf], np.unique(scores), [np.inf]])
        sensitivity = [(scores[positive] >= t).mean() for t in steps]
        specificity = [(scores[~positive] < t).mean() for t in steps]
        axes.plot(sensitivity, specificity, color=colour, linewidth=2.5, label=name)
    if len(readers):
        found = np.asarray(readers, float)
        axes.plot(*found.T, "x", color=INK, markersize=8, mew=1.8, label="made-up readers")
    marks = zip(("o", "s", "D"), (points or {}).items(), strict=False)
    for marker, (name, (sensitivity, specificity)) in marks:
        axes.plot(sensitivity, specificity, marker, color=PALETTE[1], ms=11, label=name)
    axes.set(
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        xlabel="sensitivity: share of the malignant found",
        ylabel="specificity: share\nof the benign left alone",
    )
    axes.legend(loc="lower left", fontsize=14)
    return figure


def reliability_diagrams(
    panels: Mapping[str, Any], title: str | None = None, *, height: float = 4.6
) -> Figure:
    """Observed against claimed, one panel each; the size of a point is its share of predictions.

    Parameters
    ----------
    panels : mapping of str to utils.calibration.Reliability
    title : str, optional
        The finding.
    height : float
        Inches.
    """
    figure, axes = subplots(1, len(panels), height=height, title=title, sharey=True, squeeze=False)
    for place, (name, found) in zip(axes[0], panels.items(), strict=True):
        place.plot([0, 1], [0, 1], "--", color=QUIET, linewidth=1.5)
        place.plot(found.claimed, found.observed, color=PALETTE[0], linewidth=2)
        share = found.count / found.count.sum()
        place.scatter(
            found.claimed,
            found.observed,
            s=40 + 500 * share,
            color=PALETTE[0],
            clip_on=False,
            zorder=3,
        )
        place.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="claimed probability")
        place.set_title(name, fontsize=16)
    axes[0, 0].set_ylabel("share that was right")
    return figure


def occlusion_rows(
    images: Any,
    maps: Any,
    names: Sequence[str],
    title: str | None = None,
    *,
    label: str = "fall of the score",
    height: float = 5.0,
) -> Figure:
    """Pictures above, below each the fall of the score where something covered it.

    Parameters
    ----------
    images : array
        (N, 3, H, W) uint8.
    maps : array
        (N, rows, columns): score of the whole picture minus score with the cover there. One
        scale for all; dark is a large fall.
    names : sequence of N str
        Above the pictures.
    title : str, optional
        The finding.
    label : str
        What the scale shows.
    height : float
        Inches.
    """
    maps = as_array(maps)
    figure, axes = subplots(2, len(names), height=height, title=title, squeeze=False)
    high = max(float(maps.max()), 1e-6)
    for column, name in enumerate(names):
        axes[0, column].imshow(as_picture(images[column]))
        axes[0, column].set_title(name, fontsize=14)
        drawn = axes[1, column].imshow(maps[column], cmap=f"{GREY}_r", vmin=0, vmax=high)
        for place in axes[:, column]:
            place.set(xticks=[], yticks=[])
            place.grid(False)
            place.spines[:].set_visible(False)
    # beside both rows: beside the lower one alone it would push those pictures out of line
    bar = figure.colorbar(drawn, ax=axes.ravel().tolist(), fraction=0.025, pad=0.01)
    bar.set_label(label, fontsize=13)
    return figure


def tree(
    taxonomy: Any,
    title: str | None = None,
    *,
    counts: Mapping[str, int] | None = None,
    marked: Sequence[str] = (),
    height: float = 5.6,
) -> Figure:
    """A taxonomy of three levels from left to right.

    Parameters
    ----------
    taxonomy : utils.taxonomy.Taxonomy
    title : str, optional
        The finding.
    counts : mapping of str to int, optional
        Pictures of each leaf, written behind every name, summed up the tree.
    marked : sequence of str
        Nodes drawn in blue and bold: the training classes.
    height : float
        Inches.
    """
    figure, axes = subplots(height=height, title=title)
    leaves = taxonomy.leaves()
    row = {leaf: -float(k) for k, leaf in enumerate(leaves)}
    for name in reversed(list(taxonomy.nodes())):
        below = taxonomy.children(name)
        if below:
            row[name] = sum(row[child] for child in below) / len(below)
    columns, ends = (0.0, 1.0, 2.2, 4.1), (0.72, 1.92, 3.72)  # where names begin and end
    for name in taxonomy.nodes():
        depth = len(taxonomy.path(name)) - 1
        for child in taxonomy.children(name):
            x = (ends[depth], columns[depth + 1] - 0.05)
            axes.plot(x, (row[name], row[child]), color=QUIET, linewidth=1)
        text = name
        if counts is not None:
            text += f" · {sum(counts.get(leaf, 0) for leaf in taxonomy.leaves(name)):,}"
        axes.text(
            columns[depth],
            row[name],
            text,
            va="center",
            fontsize=13,
            color=PALETTE[0] if name in marked else INK,
            weight="bold" if name in marked else "normal",
        )
    axes.set(xlim=(-0.05, 6.2), ylim=(-len(leaves) + 0.3, 0.7))
    axes.axis("off")
    return figure
