"""Pictures of lecture 15: faces and what was made of them, and scores before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from utils.plots import GREY, INK, PALETTE, QUIET, as_array, as_picture, subplots

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def face_rows(rows: Mapping[str, Any], title: str | None = None, *, height: float = 5.4) -> Figure:
    """Rows of faces, each with its name at the left; a column is a person.

    Parameters
    ----------
    rows : mapping of str to array
        Name of a row to its pictures, (N, 1, H, W) or (N, 3, H, W), uint8 or floats in 0..1; as
        many in each row.
    title : str, optional
        The finding.
    height : float
        Inches.

    Raises
    ------
    ValueError
        If the rows are not of the same length, or there is none.
    """
    counts = {len(pictures) for pictures in rows.values()}
    if len(counts) != 1 or counts == {0}:
        raise ValueError(f"rows of {sorted(counts)} faces: give as many faces in each row")
    figure, axes = subplots(len(rows), counts.pop(), height=height, title=title, squeeze=False)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    for line, (name, pictures) in zip(axes, rows.items(), strict=True):
        for place, face in zip(line, pictures, strict=True):
            picture = as_picture(face)
            high = 255 if picture.dtype == np.uint8 else 1
            place.imshow(picture, cmap=GREY, vmin=0, vmax=high)
            place.set(xticks=[], yticks=[])
            place.grid(False)
            for spine in place.spines.values():
                spine.set_visible(False)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=15, labelpad=10)
    return figure


def before_after(
    scores: Mapping[str, Mapping[str, Any]],
    xlabel: str,
    title: str | None = None,
    *,
    reference: float | None = None,
    reference_name: str = "",
    xlim: tuple[float, float] = (0, 100),
    height: float = 4.4,
) -> Figure:
    """One line for each judge, on it a marker for each kind of picture, with the range of seeds.

    Parameters
    ----------
    scores : mapping of str to mapping of str to array
        Judge, then kind of picture, to the values of all seeds; the same kinds for every judge.
    xlabel : str
        Quantity and unit.
    title : str, optional
        The finding.
    reference : float, optional
        A vertical line, such as a coin's score, called `reference_name`.
    xlim : pair of float
        Limits of the axis.
    height : float
        Inches.
    """
    figure, axes = subplots(height=height, title=title)
    judges = list(scores)
    kinds: Sequence[str] = list(scores[judges[0]])
    for number, kind in enumerate(kinds):
        runs = [np.atleast_1d(as_array(scores[judge][kind]).astype(float)) for judge in judges]
        means = np.array([values.mean() for values in runs])
        low = means - np.array([values.min() for values in runs])
        high = np.array([values.max() for values in runs]) - means
        places = np.arange(len(judges)) + 0.16 * (number - (len(kinds) - 1) / 2)
        axes.errorbar(
            means,
            places,
            xerr=[low, high],
            fmt="os^DvP"[number % 6],
            color=PALETTE[number % len(PALETTE)],
            markersize=9,
            capsize=4,
            elinewidth=1.8,
            label=kind,
        )
    if reference is not None:
        axes.axvline(reference, color=QUIET, linewidth=1.6, linestyle=(0, (2, 2)))
        axes.text(
            reference, -0.6, f"{reference_name} ", color=QUIET, ha="right", va="top", fontsize=13
        )
    axes.set_yticks(np.arange(len(judges)), judges, color=INK)
    axes.set(xlabel=xlabel, xlim=xlim, ylim=(len(judges) - 0.4, -0.6))
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower center", ncols=len(kinds))
    return figure
