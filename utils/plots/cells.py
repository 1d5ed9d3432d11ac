"""What every cell of a detector's grid says, before and after suppression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from utils.plots.boxes import class_colour, draw_boxes
from utils.plots.style import _show, as_array, as_picture, subplots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["cell_answers"]


def cell_answers(
    image: Any,
    cells: Mapping[str, Any],
    found: Mapping[str, Any],
    class_names: Sequence[str],
    *,
    threshold: float = 0.3,
    title: str | None = None,
    height: float = 5.0,
) -> Figure:
    """Draw a grid detector's answer in three steps, as Fig. 2 of the YOLO paper does.

    Parameters
    ----------
    image : array
        As `utils.plots.as_picture` takes it.
    cells : dict
        ``boxes`` (S * S, 4) in pixels, ``labels`` (S * S,) and ``scores`` (S * S,), one box a
        cell, row by row: what `utils.detection.decode_boxes` returns for a threshold below 0.
    found : dict
        The same for the boxes that are left after suppression.
    class_names : sequence of str
    threshold : float
        Boxes of `found` with lower scores are left out.
    title : str, optional
        The finding.
    height : float
        Inches.

    Returns
    -------
    Figure
        All boxes, the thicker the surer; the likeliest class of each cell; the boxes left.

    Raises
    ------
    ValueError
        If the cells do not fill a square.
    """
    from matplotlib.patches import Patch, Rectangle

    boxes, labels, scores = (as_array(cells[name]) for name in ("boxes", "labels", "scores"))
    side = round(len(boxes) ** 0.5)
    if side == 0 or side * side != len(boxes):
        raise ValueError(f"{len(boxes)} cells: give one box for each cell of a square grid")
    figure, (left, middle, right) = subplots(1, 3, height=height, title=title)
    picture = as_picture(image)
    for place in (left, middle, right):
        _show(place, picture, "gray", 0, 255)
    for (x1, y1, x2, y2), label, score in zip(boxes, labels, scores, strict=True):
        frame = Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False)
        frame.set(edgecolor=class_colour(label), linewidth=0.7 + 4 * score)
        frame.set_alpha(float(0.45 + 0.55 * score))
        frame.set_clip_on(True)
        left.add_patch(frame)
    step = np.array(picture.shape[1::-1]) / side
    for number, label in enumerate(labels):
        corner = np.array([number % side, number // side]) * step - 0.5
        middle.add_patch(
            Rectangle(corner, *step, facecolor=class_colour(label), edgecolor="white", alpha=0.62)
        )
    kept = as_array(found["scores"]) >= threshold
    draw_boxes(
        right, *(as_array(found[name])[kept] for name in ("boxes", "labels", "scores")), class_names
    )
    words = f"all {len(boxes)} boxes", "class of each cell", f"{int(kept.sum())} left"
    for place, text in zip((left, middle, right), words, strict=True):
        place.set_title(text)
    named = sorted({int(label) for label in labels})
    patches = [Patch(facecolor=class_colour(label), label=class_names[label]) for label in named]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(named))
    return figure
