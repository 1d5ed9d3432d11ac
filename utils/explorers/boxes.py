"""Explorers of boxes: overlap and suppression, and how a region is read from a feature map."""

from collections.abc import Sequence

from utils.explorers import Explorer, _explorer

DETECTIONS = (
    (4, 5, 20, 24, 0.9),
    (7, 7, 23, 25, 0.75),
    (5, 10, 19, 27, 0.6),
    (24, 4, 38, 17, 0.8),
    (26, 6, 39, 20, 0.55),
)
"""Boxes (x1, y1, x2, y2) on a plane of 40 x 30 and their scores."""


def overlap(
    detections: Sequence[Sequence[float]] = DETECTIONS, threshold: float = 0.5, *, number: int = 1
) -> Explorer:
    """Drag boxes; see how much each pair overlaps and which ones suppression keeps.

    Parameters
    ----------
    detections : sequence of 2 to 5 sequences (x1, y1, x2, y2, score)
        Whole coordinates on a plane of 40 x 30, x1 < x2 and y1 < y2; scores 0..1, all different.
    threshold : float
        Intersection over union above which the lower score is dropped, 0..1.
    number : int
        2, 3, ... for further ones on the same page.

    Raises
    ------
    ValueError
        If a box lies outside the plane, is empty, or two scores are equal.
    """
    boxes = [[float(value) for value in box] for box in detections]
    good = 2 <= len(boxes) <= 5 and all(
        len(box) == 5
        and 0 <= box[0] < box[2] <= 40
        and 0 <= box[1] < box[3] <= 30
        and 0 <= box[4] <= 1
        for box in boxes
    )
    if not good or len({box[4] for box in boxes}) < len(boxes) or not 0 <= threshold <= 1:
        raise ValueError(
            "give two to five boxes (x1, y1, x2, y2, score) with x1 < x2 <= 40, y1 < y2 <= 30, "
            "scores from 0 to 1, none twice, and a threshold from 0 to 1"
        )
    settings = {"boxes": boxes, "threshold": float(threshold)}
    text = (
        f"{len(boxes)} scored boxes to drag: their overlaps as intersection over union, and which "
        f"of them non-maximum suppression keeps at a threshold of {threshold:g}."
    )
    return _explorer("overlap", "Which box survives?", text, settings, number)


def region_pooling(
    box: Sequence[float] = (1.3, 1.3, 5.3, 5.3), aligned: bool = True, *, number: int = 1
) -> Explorer:
    """Move a region over an 8 x 8 feature map; RoIPool rounds it, RoIAlign does not.

    The map is the ramp f = 8 row + column, where the right answer is known; both read it into
    2 x 2 cells, RoIAlign with 2 x 2 bilinear samples a cell.

    Parameters
    ----------
    box : sequence of 4 floats
        x1, y1, x2, y2 in cells of the map at the start, 0..8 in steps of a tenth, x1 < x2 and
        y1 < y2.
    aligned : bool
        Whether RoIAlign shifts by half a cell, so that cell centres lie at whole numbers.
    number : int
        2, 3, ... for further ones on the same page.

    Raises
    ------
    ValueError
        If the box leaves the map or is empty.
    """
    x1, y1, x2, y2 = (round(float(value), 1) for value in box)
    if not (0 <= x1 < x2 <= 8 and 0 <= y1 < y2 <= 8):
        raise ValueError(f"box is {tuple(box)}: give x1 < x2 and y1 < y2, all from 0 to 8")
    settings = {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "aligned": bool(aligned)}
    text = (
        f"RoIPool against RoIAlign on a ramp of 8 x 8 cells, region ({x1:g}, {y1:g}) to "
        f"({x2:g}, {y2:g})."
    )
    title = "RoIPool rounds the region, RoIAlign does not"
    return _explorer("region-pooling", title, text, settings, number)
