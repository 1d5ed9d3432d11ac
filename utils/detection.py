"""Boxes: how a grid of cells encodes them, what it learns them by, and how they are scored.

Boxes are (M, 4) tensors x1, y1, x2, y2 in pixels, x2 and y2 exclusive, as in torchvision. A picture's
detections are a dict of ``boxes`` (M, 4), ``labels`` (M,) from 0 and ``scores`` (M,) in 0..1.
A *grid* is (..., S, S, 5B + C): for each cell B times x, y, width, height and confidence, then C class
probabilities; x and y as shares of the cell, width and height as shares of the picture.

References
----------
Redmon, Divvala, Girshick, Farhadi (2016). You only look once. CVPR, pp. 779-788.
Zheng, Wang, Liu, Li, Ye, Ren (2020). Distance-IoU loss. AAAI (the complete-IoU loss).
Hoiem, Chodpathumwan, Dai (2012). Diagnosing error in object detectors. ECCV.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision import ops

from utils.arguments import check_no_nan, integer

__all__ = [
    "Scored",
    "average_precision",
    "decode_boxes",
    "detect",
    "encode_boxes",
    "encode_targets",
    "error_types",
    "flip_some",
    "grid_loss",
    "mean_average_precision",
    "mean_box_detections",
    "precision_recall",
    "score_detections",
    "yolo_loss",
    "yolo_terms",
]

LAMBDA_COORD = 5.0
"""Weight of the two box terms (Redmon et al. 2016, sec. 2.2)."""

LAMBDA_NOOBJ = 0.5
"""Weight of the confidence of boxes that answer for no object."""

_ROOT_FLOOR = 1e-6  # below it the slope of the square root is held: no infinite gradient


# ------------------------------------------------------------------------------- the encoding


def encode_boxes(
    boxes: Tensor, labels: Tensor, *, size: int | tuple[int, int], num_classes: int, cells: int = 7
) -> Tensor:
    """Write a picture's objects into the grid: what YOLO should answer.

    The cell that holds an object's centre answers for it. A centre on the border of two cells
    belongs to the right or lower one, one on the picture's right or lower edge to the last.
    Of two objects with centres in one cell the first is kept: the grid has no place for the other.

    Parameters
    ----------
    boxes : Tensor
        (M, 4) float, in pixels.
    labels : Tensor
        (M,) integers, 0..num_classes - 1.
    size : int or (int, int)
        Side, or width and height, of the picture in pixels.
    num_classes, cells : int
        C and S, at least 1.

    Returns
    -------
    Tensor
        (S, S, 5 + C), rows of cells from the top: x, y in 0..1 of the cell, width and height in
        0..1 of the picture, confidence 1, one-hot class; zero where no object is centred.

    Raises
    ------
    ValueError
        If a box is empty or its centre lies outside, or a label is out of range.
    """
    width, height = _size(size)
    boxes, labels = torch.as_tensor(boxes), torch.as_tensor(labels)
    if not boxes.is_floating_point():
        boxes = boxes.float()
    boxes = boxes.reshape(-1, 4)
    if len(labels) != len(boxes):
        raise ValueError(f"{len(boxes)} boxes and {len(labels)} labels: give one label a box")
    if len(labels) and not (labels.min() >= 0 and labels.max() < num_classes):
        raise ValueError(
            f"labels from {int(labels.min())} to {int(labels.max())}: with {num_classes} classes "
            f"they run from 0 to {num_classes - 1}"
        )
    extent = boxes.new_tensor([width, height])
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 / extent
    sides = (boxes[:, 2:] - boxes[:, :2]) / extent
    if len(boxes) and not ((sides > 0).all() and (centres >= 0).all() and (centres <= 1).all()):
        raise ValueError(
            f"a box is empty or is centred outside the picture of {width} x {height} pixels: "
            "boxes are x1 < x2, y1 < y2 in pixels"
        )
    grid = boxes.new_zeros(cells, cells, 5 + num_classes)
    places = (centres * cells).long().clamp(max=cells - 1)
    for (column, row), centre, side, label in zip(
        places.tolist(), centres, sides, labels.tolist(), strict=True
    ):
        if grid[row, column, 4]:
            continue
        grid[row, column, :2] = centre * cells - boxes.new_tensor([column, row])
        grid[row, column, 2:4] = side
        grid[row, column, 4] = 1
        grid[row, column, 5 + label] = 1
    return grid


def encode_targets(
    targets: Sequence[Mapping[str, Tensor]],
    *,
    size: int | tuple[int, int],
    num_classes: int,
    cells: int = 7,
) -> Tensor:
    """`encode_boxes` of many pictures: dicts with ``boxes`` and ``labels`` -> (N, S, S, 5 + C).

    `targets` is one dict a picture; `size` (pixels), `num_classes` C and `cells` S as for
    `encode_boxes`.
    """
    return torch.stack(
        [
            encode_boxes(
                target["boxes"], target["labels"], size=size, num_classes=num_classes, cells=cells
            )
            for target in targets
        ]
    )


def decode_boxes(
    grid: Tensor, *, size: int | tuple[int, int], num_classes: int, threshold: float = 0.0
) -> dict[str, Tensor]:
    """Read boxes out of one picture's grid: the inverse of `encode_boxes`.

    Parameters
    ----------
    grid : Tensor
        (S, S, 5B + C), a network's answer or a target.
    size : int or (int, int)
        Side, or width and height, of the picture in pixels.
    num_classes : int
        C.
    threshold : float
        Boxes whose score is not above it are left out.

    Returns
    -------
    dict
        ``boxes`` (M, 4) in pixels, not clipped; ``labels`` (M,), the likeliest class of the box's
        cell; ``scores`` (M,), its probability times the box's confidence (sec. 2, Eq. 1). In the
        order of the cells, row by row.

    Raises
    ------
    ValueError
        If the grid is not square, does not hold C classes and whole boxes, or holds NaN.
    """
    boxes, classes = _parts(grid, num_classes)
    check_no_nan(grid=grid)
    if math.isnan(threshold):
        raise ValueError("the threshold is NaN, and no score is above NaN: give a number")
    width, height = _size(size)
    corners = _corners(boxes) * grid.new_tensor([width, height, width, height])
    best, labels = classes.max(-1)
    scores = boxes[..., 4] * best[..., None]
    kept = scores > threshold
    return {
        "boxes": corners[kept],
        "labels": labels[..., None].expand_as(scores)[kept],
        "scores": scores[kept],
    }


def detect(
    grids: Tensor,
    *,
    size: int | tuple[int, int],
    num_classes: int,
    threshold: float = 0.05,
    iou: float = 0.45,
) -> list[dict[str, Tensor]]:
    """Decode, clip to the picture, and suppress what is found twice, class by class.

    Parameters
    ----------
    grids : Tensor
        (N, S, S, 5B + C).
    size : int or (int, int)
        Of the pictures, in pixels.
    num_classes : int
        C.
    threshold : float
        Least score.
    iou : float
        Of two boxes of one class that overlap more than this only the better-scored stays.

    Returns
    -------
    list of dict
        For each picture ``boxes``, ``labels`` and ``scores``, best first, on the CPU.

    Raises
    ------
    ValueError
        If `grids` has not four axes, `iou` lies outside 0..1, or `decode_boxes` refuses a grid.
    """
    if grids.ndim != 4 or not 0 <= iou <= 1:
        raise ValueError(
            f"got grids of shape {tuple(grids.shape)} and iou={iou}: give (N, S, S, 5B + C) and an "
            "overlap of 0..1"
        )
    width, height = _size(size)
    found = []
    for grid in grids.detach().float().cpu():
        one = decode_boxes(grid, size=size, num_classes=num_classes, threshold=threshold)
        one["boxes"] = ops.clip_boxes_to_image(one["boxes"], (height, width))
        kept = ops.batched_nms(one["boxes"], one["scores"], one["labels"], iou)
        found.append({name: value[kept] for name, value in one.items()})
    return found


def flip_some(images: Tensor, grids: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror about half of the pictures left to right, and their targets with them.

    Parameters
    ----------
    images : Tensor
        (N, 3, H, W).
    grids : Tensor
        (N, S, S, 5 + C), as `encode_targets` makes them.

    Returns
    -------
    Tensor, Tensor
        New ones of the same shapes; the choice is torch's.

    Raises
    ------
    ValueError
        If one of them has not four axes, or there are not as many of each.
    """
    if images.ndim != 4 or grids.ndim != 4 or len(images) != len(grids):
        raise ValueError(
            f"images of shape {tuple(images.shape)} and grids of shape {tuple(grids.shape)}: give "
            "(N, 3, H, W) and (N, S, S, 5 + C)"
        )
    chosen = (torch.rand(len(images), device=images.device) < 0.5).view(-1, 1, 1, 1)
    mirrored = grids.flip(2)
    mirrored[..., 0] = torch.where(mirrored[..., 4] > 0, 1 - mirrored[..., 0], 0)
    return torch.where(chosen, images.flip(3), images), torch.where(chosen, mirrored, grids)


def _size(size: int | tuple[int, int]) -> tuple[int, int]:
    width, height = (size, size) if isinstance(size, int) else size
    if min(width, height) < 1:
        raise ValueError(f"a picture of {width} x {height} pixels: both must be at least 1")
    return width, height


def _parts(grid: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Boxes (..., S, S, B, 5) and class probabilities (..., S, S, C) of a grid."""
    numbers = grid.shape[-1] - num_classes
    if grid.ndim < 3 or grid.shape[-2] != grid.shape[-3] or numbers < 5 or numbers % 5:
        raise ValueError(
            f"a grid of shape {tuple(grid.shape)} with {num_classes} classes: it must be "
            "(..., S, S, 5B + C), five numbers for each box and one for each class"
        )
    return grid[..., :numbers].unflatten(-1, (numbers // 5, 5)), grid[..., numbers:]


def _check_same_cells(boxes: Tensor, truth: Tensor) -> None:
    """Predicted boxes (..., S, S, B, 5) and true ones (..., S, S, 1, 5) are of the same cells."""
    given, wanted = tuple(boxes.shape[:-2]), tuple(truth.shape[:-2])
    if given != wanted:
        raise ValueError(
            f"predictions for {given} and targets for {wanted} pictures and cells: give one grid "
            "of the same size for each picture"
        )


def _corners(boxes: Tensor) -> Tensor:
    """Corners (..., S, S, B, 4) as shares of the picture, of boxes (..., S, S, B, 5)."""
    cells = boxes.shape[-3]
    steps = torch.arange(cells, device=boxes.device, dtype=boxes.dtype)
    row, column = torch.meshgrid(steps, steps, indexing="ij")
    centre = (boxes[..., :2] + torch.stack([column, row], -1)[:, :, None]) / cells
    half = boxes[..., 2:4] / 2
    return torch.cat([centre - half, centre + half], -1)


# ------------------------------------------------------------------------------- the losses


def _overlap(a: Tensor, b: Tensor) -> Tensor:
    """IoU of boxes (..., 4) pair by pair; 0 where both are empty."""
    sides = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(0)
    common = sides.prod(-1)
    area = lambda boxes: (boxes[..., 2:] - boxes[..., :2]).clamp(0).prod(-1)
    return common / (area(a) + area(b) - common).clamp(min=1e-12)


def _responsible(boxes: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Number (...) of the box that answers for a cell's object, and its IoU, both detached.

    The highest IoU decides (sec. 2.2); where no box touches the object, the least squared
    distance of x, y, w, h does, as in darknet's detection layer.
    """
    with torch.no_grad():
        overlap = _overlap(_corners(boxes), _corners(truth))
        cells = boxes.shape[-3]
        scale = boxes.new_tensor([1 / cells, 1 / cells, 1, 1])
        distance = ((boxes[..., :4] - truth[..., :4]) * scale).square().sum(-1)
        highest, best = overlap.max(-1)
        best = torch.where(highest > 0, best, distance.argmin(-1))
        return best, overlap.gather(-1, best[..., None])[..., 0]


def _signed_root(x: Tensor) -> Tensor:
    """sqrt(x) for x >= 0, -sqrt(-x) below: finite, and with a finite slope, everywhere."""
    sign = torch.where(x >= 0, 1.0, -1.0)  # of zero, too: abs() has no slope there
    return sign * (sign * x + _ROOT_FLOOR).sqrt()


def yolo_terms(predictions: Tensor, targets: Tensor, num_classes: int) -> dict[str, Tensor]:
    """The five sums of YOLO's loss, without their weights, per picture.

    Parameters
    ----------
    predictions : Tensor
        (N, S, S, 5B + C), any real numbers: the network's last layer is linear.
    targets : Tensor
        (N, S, S, 5 + C), as `encode_targets` makes them.
    num_classes : int
        C.

    Returns
    -------
    dict of Tensor
        Scalars, each a sum over cells and boxes, averaged over the N pictures: ``position`` and
        ``size`` of responsible boxes (size between square roots), ``object``: their confidence
        against the IoU they reach; ``no_object``: the confidence of all other boxes against 0;
        ``classes`` of the cells that hold an object.

    Notes
    -----
    Redmon et al. (2016), Eq. 3. Widths that a linear layer makes negative have no root: they
    count as minus the root of their size, which keeps the loss finite.
    """
    boxes, classes = _parts(predictions.float(), num_classes)
    truth, names = _parts(targets, num_classes)
    _check_same_cells(boxes, truth)
    holds = ~(targets[..., 4] <= 0)  # a NaN holds, too: it has to show in the loss
    best, overlap = _responsible(boxes, truth)
    answers = F.one_hot(best, boxes.shape[-2]).bool() & holds[..., None]
    mine, true = boxes[answers], truth[..., 0, :][holds]
    count = len(predictions)
    square = lambda x: x.square().sum() / count
    return {
        "position": square(mine[:, :2] - true[:, :2]),
        "size": square(_signed_root(mine[:, 2:4]) - _signed_root(true[:, 2:4])),
        "object": square(mine[:, 4] - true[:, 4] * overlap[holds]),
        "no_object": square(boxes[..., 4][~answers]),
        "classes": square(classes[holds] - names[holds]),
    }


def yolo_loss(
    predictions: Tensor,
    targets: Tensor,
    num_classes: int = 20,
    lambda_coord: float = LAMBDA_COORD,
    lambda_noobj: float = LAMBDA_NOOBJ,
) -> Tensor:
    """YOLO's loss: the weighted sum of `yolo_terms`, a scalar (Redmon et al. 2016, Eq. 3).

    `predictions` (N, S, S, 5 B + C), `targets` (N, S, S, 5 + C) and `num_classes` C as for
    `yolo_terms`; `lambda_coord` (5 in the paper) weighs the terms of the boxes, `lambda_noobj` (0.5)
    the confidence where there is no object.
    """
    terms = yolo_terms(predictions, targets, num_classes)
    return (
        lambda_coord * (terms["position"] + terms["size"])
        + terms["object"]
        + lambda_noobj * terms["no_object"]
        + terms["classes"]
    )


def grid_loss(
    predictions: Tensor, targets: Tensor, num_classes: int, smoothing: float = 0.05
) -> Tensor:
    """YOLO's five parts with two later ideas: complete IoU for boxes, cross-entropy for classes.

    Parameters
    ----------
    predictions : Tensor
        (N, S, S, 5B + C), all in 0..1, the class probabilities of a cell summing to one.
    targets : Tensor
        (N, S, S, 5 + C).
    num_classes : int
        C.
    smoothing : float
        Share of the class target that is spread over all classes, 0..1.

    Returns
    -------
    Tensor
        Scalar, per picture: twice the squared errors of offset and square roots, twice the
        complete-IoU loss (Zheng et al. 2020), the squared error of the confidence against 1 (and
        half of it against 0 where no object is), and the cross-entropy.

    Raises
    ------
    ValueError
        If `smoothing` lies outside 0..1, or the grids have another shape.
    """
    if not 0 <= smoothing <= 1:
        raise ValueError(f"smoothing is {smoothing}: give a share of the class target, 0..1")
    boxes, classes = _parts(predictions.float(), num_classes)
    truth, names = _parts(targets, num_classes)
    _check_same_cells(boxes, truth)
    holds = ~(targets[..., 4] <= 0)  # a NaN holds, too: it has to show in the loss
    best, _ = _responsible(boxes, truth)
    answers = F.one_hot(best, boxes.shape[-2]).bool() & holds[..., None]
    mine, true = boxes[answers], truth[..., 0, :][holds]
    square = lambda x: x.square().sum()
    offset = square(mine[:, :2] - true[:, :2])
    roots = square(_signed_root(mine[:, 2:4]) - _signed_root(true[:, 2:4]))
    shape = ops.complete_box_iou_loss(
        _corners(boxes)[answers], _corners(truth)[..., 0, :][holds], reduction="sum"
    )
    confidence = square(mine[:, 4] - true[:, 4]) + LAMBDA_NOOBJ * square(boxes[..., 4][~answers])
    wanted = (1 - smoothing) * names[holds] + smoothing / num_classes
    naming = -(wanted * classes[holds].clamp(min=1e-7).log()).sum()
    return (2 * (offset + roots + shape) + confidence + naming) / len(predictions)


# ------------------------------------------------------------------------------- the score


@dataclass(frozen=True)
class Scored:
    """Detections of one class (or of all) in many pictures, best first, judged.

    Attributes
    ----------
    scores : Tensor
        (M,), falling.
    right : Tensor
        (M,) bool: whether the detection found an object that no better one had found.
    objects : int
        How many there were to find.
    """

    scores: Tensor
    right: Tensor
    objects: int


def score_detections(
    predictions: Sequence[Mapping[str, Tensor]],
    targets: Sequence[Mapping[str, Tensor]],
    *,
    label: int | None = None,
    iou: float = 0.5,
) -> Scored:
    """Judge detections: each, from the best score down, may claim one object that is still free.

    Parameters
    ----------
    predictions, targets : sequences of dict
        One of each for every picture; ``boxes``, ``labels`` and, in predictions, ``scores``.
    label : int, optional
        Only this class, >= 0; None takes all detections and objects and ignores what they are called.
    iou : float
        Least overlap that counts as found, in (0, 1].

    Returns
    -------
    Scored

    Raises
    ------
    TypeError
        If `label` is no whole number.
    ValueError
        If there are not as many predictions as targets, `iou` is out of range, or boxes, labels or
        scores of a picture are not as many, or NaN.

    Notes
    -----
    COCO's rule: a detection takes the free object it overlaps most. VOC's development kit judges
    a detection by the object it overlaps most, free or not, which can only lower the score.
    """
    if len(predictions) != len(targets):
        raise ValueError(f"{len(predictions)} predictions for {len(targets)} pictures: one each")
    if label is not None:
        integer("label", label, at_least=0)
    if not 0 < iou <= 1:
        raise ValueError(f"iou is {iou}: give an overlap above 0, at most 1")
    scores, right, objects = [], [], 0
    for prediction, target in zip(predictions, targets, strict=True):
        _check(prediction, "labels", "scores")
        _check(target, "labels")
        mine = _of_class(prediction, label)
        true = target["boxes"][_of_class(target, label)]
        objects += len(true)
        order = prediction["scores"][mine].argsort(descending=True, stable=True)
        boxes = prediction["boxes"][mine][order]
        scores.append(prediction["scores"][mine][order])
        overlap = ops.box_iou(boxes.double(), true.double())
        hit = torch.zeros(len(boxes), dtype=torch.bool)
        for row in range(len(boxes) if len(true) else 0):
            highest, best = overlap[row].max(0)
            if highest >= iou:
                hit[row] = True
                overlap[:, best] = -1
        right.append(hit)
    joined = torch.cat(scores) if scores else torch.zeros(0)
    order = joined.argsort(descending=True, stable=True)
    return Scored(joined[order], torch.cat(right)[order] if right else order.bool(), objects)


def _check(found: Mapping[str, Tensor], *names: str) -> None:
    """Boxes (M, 4) of a picture, and M of everything else that is named; NaN nowhere."""
    shapes = {name: np.shape(found[name]) for name in ("boxes", *names)}
    count = len(found["boxes"])
    if shapes.pop("boxes") != (count, 4) or any(shape != (count,) for shape in shapes.values()):
        raise ValueError(
            f"a picture has boxes of shape {np.shape(found['boxes'])} and {shapes}: give boxes "
            "(M, 4), and M of the others"
        )
    check_no_nan(**{name: found[name] for name in ("boxes", *names)})


def _of_class(found: Mapping[str, Tensor], label: int | None) -> Tensor:
    if label is None:
        return torch.ones(len(found["boxes"]), dtype=torch.bool)
    return found["labels"] == label


def precision_recall(scored: Scored) -> tuple[Tensor, Tensor]:
    """Recall and precision after each detection of `scored`, best first: two tensors (M,) in 0..1.

    Raises
    ------
    ValueError
        If there was no object: recall is a share of objects.
    """
    if scored.objects < 1:
        raise ValueError("there is no object of this class, and recall is a share of the objects")
    hits = scored.right.double().cumsum(0)
    return hits / scored.objects, hits / torch.arange(1, len(hits) + 1)


def average_precision(scored: Scored, points: int | None = None) -> float:
    """Area under the precision-recall curve, its dents filled.

    Parameters
    ----------
    scored : Scored
        From `score_detections`.
    points : int, optional
        None sums the area itself (VOC from 2010 on); 101 averages the precision at that many
        recalls from 0 to 1 (COCO), 11 is VOC 2007's.

    Returns
    -------
    float
        0..1. The precision at a recall is the best that any recall at least as high reaches.

    Raises
    ------
    TypeError
        If `points` is no whole number.
    ValueError
        If it is below 2, or there was no object.
    """
    recall, precision = precision_recall(scored)
    best = precision.flip(0).cummax(0).values.flip(0) if len(precision) else precision
    if points is None:
        steps = torch.diff(recall, prepend=recall.new_zeros(1))
        return (best * steps).sum().item()
    integer("points", points, at_least=2)
    # NumPy's in double precision, as in pycocotools: 0.7 in single precision is another 0.7, and
    # a recall of exactly 7 of 10 has to reach it.
    wanted = torch.from_numpy(np.linspace(0, 1, points))
    places = torch.searchsorted(recall, wanted)
    padded = torch.cat([best, best.new_zeros(1)])
    return padded[places].mean().item()


def mean_average_precision(
    predictions: Sequence[Mapping[str, Tensor]],
    targets: Sequence[Mapping[str, Tensor]],
    *,
    num_classes: int,
    iou: float = 0.5,
    points: int | None = None,
) -> float:
    """Mean over the classes that occur of `average_precision`: mAP at one overlap, 0..1.

    `predictions` and `targets` are one dict a picture, as for `score_detections`; labels lie in
    0..`num_classes` - 1; `iou` is the least overlap of a hit, `points` the number of recall levels
    (None: the area below the curve).

    Raises
    ------
    TypeError
        If `points` is no whole number.
    ValueError
        If no class occurs in the targets, or `score_detections` or `average_precision` refuse
        what they are given.
    """
    every = [
        score_detections(predictions, targets, label=label, iou=iou) for label in range(num_classes)
    ]
    values = [average_precision(scored, points) for scored in every if scored.objects]
    if not values:
        raise ValueError("no class occurs in the targets: there is nothing to find")
    return sum(values) / len(values)


def mean_box_detections(
    targets: Sequence[Mapping[str, Tensor]], count: int, *, num_classes: int
) -> list[dict[str, Tensor]]:
    """The null model of detection: for every picture the same guess, the mean box of each class.

    Parameters
    ----------
    targets : sequence of dict
        Of the training pictures.
    count : int
        Pictures to answer for.
    num_classes : int
        C.

    Returns
    -------
    list of dict
        `count` times the mean box of each class that occurs, scored by the class's share of
        the objects.

    Raises
    ------
    TypeError, ValueError
        If `count` is no whole number, or below 0.
    """
    integer("count", count, at_least=0)
    boxes = torch.cat([target["boxes"] for target in targets])
    labels = torch.cat([target["labels"] for target in targets])
    occurring = [label for label in range(num_classes) if (labels == label).any()]
    guess = {
        "boxes": torch.stack([boxes[labels == label].mean(0) for label in occurring]),
        "labels": torch.tensor(occurring),
        "scores": torch.stack([(labels == label).float().mean() for label in occurring]),
    }
    return [guess] * count


def error_types(
    predictions: Sequence[Mapping[str, Tensor]],
    targets: Sequence[Mapping[str, Tensor]],
    *,
    num_classes: int,
) -> dict[str, float]:
    """What the best detections are: shares of right ones and of three kinds of error.

    Arguments as for `mean_average_precision`. Of each class as many detections are looked at, best
    first, as it has objects.

    Returns
    -------
    dict of float
        ``right``: right class, IoU at least 0.5; ``localisation``: right class, IoU of at least
        0.1, but too little, or an object found already; ``naming``: an object of another class
        with IoU of at least 0.1; ``background``: none. They sum to 1.

    Raises
    ------
    TypeError
        If `num_classes` is no whole number.
    ValueError
        If it is below 1, there are not as many predictions as targets, or boxes, labels or scores
        of a picture are not as many, or NaN.

    Notes
    -----
    Hoiem et al. (2012), as used by Redmon et al. (2016), Fig. 4, with their *similar* and *other*
    classes as one.
    """
    integer("num_classes", num_classes, at_least=1)
    for prediction, target in zip(predictions, targets, strict=True):
        _check(prediction, "labels", "scores")
        _check(target, "labels")
    counts = dict.fromkeys(("right", "localisation", "naming", "background"), 0)
    for label in range(num_classes):
        kinds: list[tuple[float, str]] = []
        objects = 0
        for prediction, target in zip(predictions, targets, strict=True):
            objects += int((target["labels"] == label).sum())
            mine = prediction["labels"] == label
            order = prediction["scores"][mine].argsort(descending=True, stable=True)
            scores = prediction["scores"][mine][order].tolist()
            overlap = ops.box_iou(prediction["boxes"][mine][order], target["boxes"])
            same = overlap[:, target["labels"] == label]
            taken = torch.zeros(same.shape[1], dtype=torch.bool)
            for row, score in enumerate(scores):
                free = same[row].masked_fill(taken, -1)
                if free.numel() and free.max() >= 0.5:
                    taken[free.argmax()] = True
                    kind = "right"
                elif same[row].numel() and same[row].max() >= 0.1:
                    kind = "localisation"
                elif overlap[row].numel() and overlap[row].max() >= 0.1:
                    kind = "naming"
                else:
                    kind = "background"
                kinds.append((score, kind))
        kinds.sort(key=lambda pair: -pair[0])
        for _, kind in kinds[:objects]:
            counts[kind] += 1
    total = max(1, sum(counts.values()))
    return {kind: count / total for kind, count in counts.items()}
