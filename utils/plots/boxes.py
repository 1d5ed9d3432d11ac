"""Boxes on pictures: what a detector found, what there was, and how often it was right.

    from utils.plots import boxes
    boxes.detections(images, predictions, class_names, truths=targets, title="...")

Predictions and truths are dicts as torchvision's detectors return them: ``boxes`` (M, 4) in pixels
x1, y1, x2, y2 (x2, y2 exclusive), ``labels`` (M,) and, for predictions, ``scores`` (M,).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from utils.plots.style import INK, PALETTE, WIDTH, _show, as_array, as_picture, dark, subplots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRUTH = "white"
"""Colour of true boxes, drawn dashed on a dark line."""

__all__ = ["TRUTH", "class_colour", "detections", "draw_boxes", "precision_recall"]


def class_colour(label: int) -> str:
    """Colour of the class `label` (0, 1, ...), the same in every picture; repeats after eight."""
    return PALETTE[int(label) % len(PALETTE)]


def draw_boxes(
    axes: Axes,
    boxes: Any,
    labels: Any = None,
    scores: Any = None,
    class_names: Sequence[str] | None = None,
    *,
    colours: Sequence[Any] | None = None,
    truth: bool = False,
    fontsize: float = 12,
) -> None:
    """Draw boxes on a picture that `axes` already shows.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Pixel coordinates, as ``imshow`` leaves them.
    boxes : array
        (M, 4): x1, y1, x2, y2 in pixels; pixel i covers i..i+1.
    labels : array, optional
        (M,) integers: choose the colours, and the names where `class_names` is given.
    scores : array, optional
        (M,) 0..1, written behind the name.
    class_names : sequence of str, optional
        Name of each label.
    colours : sequence of colours, optional
        One a box, instead of those of the classes.
    truth : bool
        Dashed white on dark and without score: what there is, not what was found.
    fontsize : float
        Of the names, in points.

    Raises
    ------
    ValueError
        If the shapes do not fit together, or a label has no name.
    """
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    corners = as_array(boxes).reshape(-1, 4) if np.size(as_array(boxes)) else np.zeros((0, 4))
    numbers = None if labels is None else as_array(labels).astype(int).ravel()
    values = None if scores is None else as_array(scores).ravel()
    for what, column in (("labels", numbers), ("scores", values), ("colours", colours)):
        if column is not None and len(column) != len(corners):
            raise ValueError(f"{len(column)} {what} for {len(corners)} boxes: give one for each")
    if class_names is not None and numbers is not None and numbers.size:
        if numbers.min() < 0 or numbers.max() >= len(class_names):
            raise ValueError(
                f"labels from {numbers.min()} to {numbers.max()} for {len(class_names)} names: "
                "labels count from 0"
            )
    right, bottom = _extent(axes)
    for row, (x1, y1, x2, y2) in enumerate(corners):
        if colours is not None:
            colour = colours[row]
        elif truth:
            colour = TRUTH
        else:
            colour = class_colour(0 if numbers is None else numbers[row])
        # Pixel i is drawn from i - 0.5 to i + 0.5.
        frame = Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False, edgecolor=colour)
        frame.set_linewidth(1.6 if truth else 2.6)
        frame.set_linestyle((0, (4, 2.5)) if truth else "-")
        frame.set_path_effects([withStroke(linewidth=3.2 if truth else 4.2, foreground=INK)])
        axes.add_patch(frame)
        words = []
        if numbers is not None and class_names is not None:
            words.append(str(class_names[numbers[row]]))
        if values is not None and not truth:
            words.append(f"{values[row]:.2f}")
        if words:
            above = y1 > 0.11 * bottom
            axes.text(
                min(max(x1, 0), 0.62 * right) - 0.5,
                (y1 if above else min(y2, bottom)) - 0.5,
                " ".join(words),
                va="bottom" if above or y2 >= 0.9 * bottom else "top",
                fontsize=fontsize,
                color="white",
                clip_on=True,
                bbox={"facecolor": INK if truth else dark(colour), "edgecolor": "none", "pad": 1.2},
            )


def _extent(axes: Axes) -> tuple[float, float]:
    """Width and height of the picture in pixels."""
    return max(axes.get_xlim()) + 0.5, max(axes.get_ylim()) + 0.5


def detections(
    images: Any,
    predictions: Sequence[Mapping[str, Any]],
    class_names: Sequence[str] | None = None,
    *,
    truths: Sequence[Mapping[str, Any]] | None = None,
    threshold: float = 0.0,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    title: str | None = None,
    height: float | None = None,
) -> Figure:
    """Pictures with the boxes found in them, their classes and scores.

    Parameters
    ----------
    images : sequence of tensors or arrays
        As `utils.plots.as_picture` takes them: uint8 (3, H, W) for instance.
    predictions : sequence of dict
        ``boxes`` (M, 4), and optionally ``labels`` (M,) and ``scores`` (M,); one dict a picture.
    class_names : sequence of str, optional
        Name of each label, which counts from 0.
    truths : sequence of dict, optional
        The true ``boxes``, drawn dashed and white.
    threshold : float
        Boxes of lower scores are left out.
    titles : sequence of str, optional
        One a picture.
    columns : int, optional
        By default as many as fit in two rows.
    title : str, optional
        The finding.
    height : float, optional
        Inches.

    Raises
    ------
    ValueError
        If there is no picture, or the numbers of pictures, predictions, truths and titles differ.
    """
    pictures = [as_picture(image) for image in images]
    if not pictures:
        raise ValueError("there is no picture: give at least one")
    for what, given in (("predictions", predictions), ("truths", truths), ("titles", titles)):
        if given is not None and len(given) != len(pictures):
            raise ValueError(f"{len(given)} {what} for {len(pictures)} pictures: give one for each")
    count = len(pictures)
    columns = columns or (count if count <= 4 else math.ceil(count / 2))
    rows = math.ceil(count / columns)
    aspect = float(np.mean([p.shape[1] / p.shape[0] for p in pictures]))
    if height is None:
        tile = min(WIDTH / columns / aspect, 4.6)
        height = min(rows * (tile + 0.3 * bool(titles)) + (0.5 if title else 0.05), 5.6)
    figure, axes = subplots(rows, columns, height=height, title=title, squeeze=False)
    size = 13 if columns <= 3 else 11.5 if columns <= 4 else 10.5
    for number, place in enumerate(axes.flat):
        if number >= count:
            place.set_visible(False)
            continue
        _show(place, pictures[number], "gray", 0, 255)
        if truths is not None:
            draw_boxes(place, truths[number]["boxes"], truth=True)
        found = {name: as_array(value) for name, value in predictions[number].items()}
        scores = found.get("scores")
        kept = slice(None) if scores is None else scores >= threshold
        labels = found.get("labels")
        draw_boxes(
            place,
            found["boxes"][kept],
            None if labels is None else labels[kept],
            None if scores is None else scores[kept],
            class_names,
            fontsize=size,
        )
        if titles is not None:
            place.set_title(titles[number], fontsize=13, pad=4)
    return figure


def precision_recall(
    curves: Mapping[str, tuple[Any, Any]],
    title: str | None = None,
    *,
    panels: bool = False,
    height: float = 4.6,
    threshold_points: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """Precision against recall as the threshold on the score falls.

    Parameters
    ----------
    curves : mapping of str to (recall, precision)
        Both of one length, 0..1, recall rising: as `utils.detection.precision_recall` gives them.
    title : str, optional
        The finding.
    panels : bool
        One panel a curve instead of all in one.
    height : float
        Inches.
    threshold_points : mapping of str to (float, float), optional
        (recall, precision) at one chosen threshold, marked on the curve of that name.

    Raises
    ------
    ValueError
        If there is no curve, or a curve's two arrays differ in length.
    """
    if not curves:
        raise ValueError("there is no curve: give at least one (recall, precision)")
    for name, (recall, precision) in curves.items():
        if len(as_array(recall)) != len(as_array(precision)):
            raise ValueError(
                f"{name}: {len(as_array(recall))} values of recall, "
                f"{len(as_array(precision))} of precision: they go in pairs"
            )
    figure, axes = subplots(
        1, len(curves) if panels else 1, height=height, title=title, squeeze=False, sharey=True
    )
    places = list(axes.flat) if panels else [axes.flat[0]] * len(curves)
    marks = threshold_points or {}
    dashes = ("-", (0, (5, 1.6)), (0, (1.4, 1.2)), (0, (6, 1.5, 1.4, 1.5)))
    for number, ((name, (recall, precision)), place) in enumerate(
        zip(curves.items(), places, strict=True)
    ):
        colour = class_colour(number)
        place.step(
            as_array(recall),
            as_array(precision),
            where="post",
            color=colour,
            linestyle=dashes[number % len(dashes)],
            label=name,
        )
        if name in marks:
            place.plot(*marks[name], "o", color=colour, markersize=9, markeredgecolor=INK)
        if panels:
            place.set_title(name)
    for place in set(places):
        place.set(xlim=(0, 1.02), ylim=(0, 1.04))
        place.set_xlabel("recall" if panels else "recall: share of the objects found")
    axes.flat[0].set_ylabel("precision" if panels else "precision: share of the boxes right")
    if not panels and len(curves) > 1:
        axes.flat[0].legend(loc="lower left")
    return figure
