"""Regions cut out of feature maps, and the masks drawn into them.

The three ways to cut out a region of interest (RoI) are written to be read: RoIAlign and RoIWarp
are two small matrices around the feature map, RoIPool is a maximum over whole cells. The masks'
geometry uses the same matrices: `crop_masks` goes from the picture into a box, `paste_masks` back.

Coordinates: a picture W pixels wide reaches from 0 to W, the centre of pixel j lies at j + 0.5.
Boxes are x1, y1, x2, y2 in these coordinates, as in `utils.datasets.scenes`.

References
----------
He, Gkioxari, Dollar, Girshick (2017). Mask R-CNN. ICCV.
Dai, He, Sun (2016). Instance-aware semantic segmentation via multi-task network cascades. CVPR.
Girshick (2015). Fast R-CNN. ICCV.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from utils.arguments import check_no_nan, integer

if TYPE_CHECKING:
    Size = int | tuple[int, int]

__all__ = [
    "average_precision",
    "crop_masks",
    "detect",
    "draw_masks",
    "extreme_points",
    "from_detector",
    "interpolation",
    "jitter_boxes",
    "mask_iou_of_pairs",
    "paste_masks",
    "read_shared_maps",
    "region_targets",
    "roi_align",
    "roi_pool",
    "roi_warp",
    "shared_maps",
    "to_detector",
]


# --------------------------------------------------------------------------------- regions


def interpolation(points: Tensor, size: int) -> Tensor:
    """Matrix that reads a row of `size` cells at any places between them, linearly.

    Parameters
    ----------
    points : Tensor
        (P,) floating point, places in units of cells, where the centre of cell j is at j: 1.25 lies
        a quarter of the way from cell 1 to cell 2.
    size : int
        Cells in the row, at least 1.

    Returns
    -------
    Tensor
        (P, size); row p holds the at most two weights of point p. Up to one cell outside the row
        its end cell is read; farther out all weights are 0, as in torchvision.

    Raises
    ------
    TypeError, ValueError
        If the points are not floating point, or `size` is no whole number or below 1.
    """
    integer("size", size, at_least=1)
    if not points.is_floating_point():
        raise TypeError(f"points are {points.dtype}: give floating point, such as points.float()")
    inside = (points >= -1) & (points <= size)
    points = points.clamp(0, size - 1)
    cells = torch.arange(size, device=points.device, dtype=points.dtype)
    hat = (1 - (points[:, None] - cells).abs()).clamp(min=0)
    return hat * inside[:, None]


def roi_align(
    features: Tensor,
    boxes: Sequence[Tensor],
    output_size: Size,
    spatial_scale: float = 1.0,
    sampling_ratio: int = 2,
    aligned: bool = True,
) -> Tensor:
    """Cut regions out of feature maps without rounding anything.

    Each region is divided into equal bins; a bin is the mean of regularly placed samples, each
    interpolated between its four nearest cells. Since both steps are linear and act on rows and
    columns alone, a region is ``rows @ features @ columns.T``.

    Parameters
    ----------
    features : Tensor
        (N, C, H, W), floating point.
    boxes : sequence of Tensor
        One a picture: (L, 4), x1, y1, x2, y2 in pixels of the picture.
    output_size : int or (int, int)
        Bins along height and width.
    spatial_scale : float
        Cells a pixel, above 0: 1/8 for features of stride 8.
    sampling_ratio : int
        Samples a bin along each axis; 0 or less: as many as a bin has cells, rounded up.
    aligned : bool
        True: the centre of a cell lies half a cell from its edge, so half is subtracted from
        the box. False: torchvision's default, for weights trained that way; every sample then
        lies half a cell too far right and down, and regions smaller than a cell are widened to
        one.

    Returns
    -------
    Tensor
        (sum of L, C, height, width), region after region; gradients flow to the features.

    Raises
    ------
    ValueError
        If the boxes are not one (L, 4) tensor a picture, or a size or the scale is not positive.
    TypeError
        If the sampling ratio is no whole number.

    Notes
    -----
    He et al. (2017), sec. 3, "RoIAlign", with the average of the samples.

    Examples
    --------
    >>> ramp = torch.arange(64.0).reshape(1, 1, 8, 8)
    >>> roi_align(ramp, [torch.tensor([[1.3, 1.3, 5.3, 5.3]])], 2)[0, 0]
    tensor([[16.2000, 18.2000],
            [32.2000, 34.2000]])
    """
    height, width = _check(features, boxes, output_size, spatial_scale)
    if not isinstance(sampling_ratio, int):
        raise TypeError(f"sampling_ratio is {sampling_ratio!r}: give a whole number, such as 2")
    shift = 0.5 if aligned else 0.0
    regions = []
    for image, box in _each(features, boxes):
        x1, y1, x2, y2 = (box * spatial_scale - shift).unbind()
        rows = _bins(y1, y2, height, image.shape[1], sampling_ratio, aligned)
        columns = _bins(x1, x2, width, image.shape[2], sampling_ratio, aligned)
        regions.append(rows @ image @ columns.T)
    return _stacked(regions, features, height, width)


def _bins(
    start: Tensor, stop: Tensor, bins: int, size: int, sampling_ratio: int, aligned: bool
) -> Tensor:
    """Matrix (bins, size) that averages a row's cells over equal parts of [start, stop]."""
    length = stop - start if aligned else (stop - start).clamp(min=1)
    samples = sampling_ratio if sampling_ratio > 0 else math.ceil(float(length / bins))
    samples = max(samples, 1)
    places = torch.arange(bins * samples, device=start.device, dtype=start.dtype) + 0.5
    points = start + places * (length / (bins * samples))
    return interpolation(points, size).reshape(bins, samples, size).mean(1)


def roi_pool(
    features: Tensor, boxes: Sequence[Tensor], output_size: Size, spatial_scale: float = 1.0
) -> Tensor:
    """Cut regions out of feature maps by whole cells and keep each bin's maximum.

    Rounded twice: the box to whole cells (the last one included), and the bins between them,
    which may share a cell.

    Parameters
    ----------
    features, boxes, output_size, spatial_scale
        As in `roi_align`.

    Returns
    -------
    Tensor
        (sum of L, C, height, width); 0 where a bin lies outside the features.

    Raises
    ------
    ValueError
        As in `roi_align`.

    Notes
    -----
    Girshick (2015), sec. 2.1; the rounding as in torchvision, halves away from zero.
    """
    height, width = _check(features, boxes, output_size, spatial_scale)
    regions = []
    for image, box in _each(features, boxes):
        x1, y1, x2, y2 = _whole_cells(box, spatial_scale)
        rows = _cell_bins(y1, y2, height, image.shape[1])
        columns = _cell_bins(x1, x2, width, image.shape[2])
        region = [
            image[:, top:bottom, left:right].amax((1, 2))
            if top < bottom and left < right
            else image.new_zeros(len(image))
            for top, bottom in rows
            for left, right in columns
        ]
        regions.append(torch.stack(region, 1).reshape(-1, height, width))
    return _stacked(regions, features, height, width)


def _whole_cells(box: Tensor, scale: float) -> list[int]:
    """First and last cells x1, y1, x2, y2 of a box; halves are rounded away from zero."""
    scaled = (box * scale).tolist()
    return [int(math.copysign(math.floor(abs(value) + 0.5), value)) for value in scaled]


def _cell_bins(first: int, last: int, bins: int, size: int) -> list[tuple[int, int]]:
    """Half-open ranges of cells, one a bin, cut off at the edges of the features."""
    length = max(last - first + 1, 1)
    starts = [first + bin * length // bins for bin in range(bins)]
    stops = [first - (-(bin + 1) * length // bins) for bin in range(bins)]
    cut = lambda cell: min(max(cell, 0), size)
    return [(cut(start), cut(stop)) for start, stop in zip(starts, stops, strict=True)]


def roi_warp(
    features: Tensor,
    boxes: Sequence[Tensor],
    output_size: Size,
    spatial_scale: float = 1.0,
    sampling_ratio: int = 2,
) -> Tensor:
    """Cut regions out of feature maps: round the box as RoIPool does, then interpolate.

    Parameters
    ----------
    features, boxes, output_size, spatial_scale, sampling_ratio
        As in `roi_align`.

    Returns
    -------
    Tensor
        (sum of L, C, height, width).

    Raises
    ------
    TypeError, ValueError
        As in `roi_align`.

    Notes
    -----
    Dai et al. (2016), sec. 3.2, as He et al. (2017), sec. 3, describe it: bilinear, but with the
    region quantised. Which cells a rounded box covers follows `roi_pool`: the last one included.
    """
    _check(features, boxes, output_size, spatial_scale)
    whole = []
    for some in boxes:
        cells = [_whole_cells(box, spatial_scale) for box in some]
        rounded = torch.tensor(cells, dtype=features.dtype, device=features.device)
        rounded = rounded.reshape(-1, 4)
        rounded[:, 2:] = torch.maximum(rounded[:, 2:], rounded[:, :2]) + 1
        whole.append(rounded)
    return roi_align(features, whole, output_size, 1.0, sampling_ratio)


def _check(
    features: Tensor, boxes: Sequence[Tensor], output_size: Size, spatial_scale: float
) -> tuple[int, int]:
    size = (output_size, output_size) if isinstance(output_size, int) else tuple(output_size)
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"output_size is {output_size}: give one or two numbers of at least 1")
    if not spatial_scale > 0:
        raise ValueError(f"spatial_scale is {spatial_scale}: give cells a pixel, such as 1/8")
    if features.ndim != 4 or len(boxes) != len(features):
        raise ValueError(
            f"features have shape {tuple(features.shape)} and there are boxes for {len(boxes)} "
            "pictures: give (N, C, H, W) and a list of N tensors"
        )
    for some in boxes:
        if some.ndim != 2 or some.shape[1] != 4:
            raise ValueError(
                f"boxes of a picture have shape {tuple(some.shape)}: give (L, 4), x1, y1, x2, y2"
            )
    return size


def _each(features: Tensor, boxes: Sequence[Tensor]):
    for image, some in zip(features, boxes, strict=True):
        for box in some.to(features):
            yield image, box


def _stacked(regions: list[Tensor], features: Tensor, height: int, width: int) -> Tensor:
    if regions:
        return torch.stack(regions)
    return features.new_zeros(0, features.shape[1], height, width)


# --------------------------------------------------------------------------------- masks


def crop_masks(masks: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Each mask as seen through its box, at `size` x `size`: what a mask head has to learn.

    Parameters
    ----------
    masks : Tensor
        (M, H, W) bool, one an object.
    boxes : Tensor
        (M, 4), x1, y1, x2, y2 in pixels; the box of each mask, or one a little off.
    size : int
        Side of the small masks, 28 in the paper.

    Returns
    -------
    Tensor
        (M, size, size) float32, 0 or 1; NaN where a box is.

    Raises
    ------
    ValueError
        If there is not one box a mask.
    """
    if len(masks) != len(boxes):
        raise ValueError(f"{len(masks)} masks and {len(boxes)} boxes: give one box a mask")
    if len(masks) == 0:
        return torch.zeros(0, size, size, device=masks.device)
    cut = roi_align(masks[:, None].float(), list(boxes[:, None]), size, sampling_ratio=2)
    return (cut[:, 0] >= 0.5).float().masked_fill(cut[:, 0].isnan(), math.nan)


def paste_masks(masks: Tensor, boxes: Tensor, height: int, width: int) -> Tensor:
    """Put small masks back into the picture: the inverse of `crop_masks`, without rounding.

    Parameters
    ----------
    masks : Tensor
        (M, m, m) probabilities, or 0 and 1.
    boxes : Tensor
        (M, 4), x1, y1, x2, y2 in pixels.
    height, width : int
        Size of the picture, at least 1.

    Returns
    -------
    Tensor
        (M, height, width) float32 probabilities, 0 outside the box. A mask is where they exceed
        a half.

    Raises
    ------
    TypeError, ValueError
        If there is not one box a mask, or a size is no whole number or below 1.
    """
    integer("height", height, at_least=1)
    integer("width", width, at_least=1)
    pasted = torch.zeros(len(masks), height, width, device=masks.device)
    for number, (mask, box) in enumerate(zip(masks.float(), boxes, strict=True)):
        x1, y1, x2, y2 = box.to(mask).unbind()
        rows = _unbin(y1, y2, height, mask.shape[0])
        columns = _unbin(x1, x2, width, mask.shape[1])
        pasted[number] = rows @ mask @ columns.T
    return pasted


def _unbin(start: Tensor, stop: Tensor, size: int, bins: int) -> Tensor:
    """Matrix (size, bins) that reads `bins` cells lying in [start, stop] at pixel centres."""
    centres = torch.arange(size, device=start.device) + 0.5
    places = (centres - start) / (stop - start).clamp(min=1e-6)
    inside = (places >= 0) & (places <= 1)
    return interpolation(places * bins - 0.5, bins) * inside[:, None]


def mask_iou_of_pairs(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of each mask of `a` (M, H, W) with the same one of `b`: (M,).

    Raises
    ------
    ValueError
        If their shapes differ or are no (M, H, W).
    """
    if a.shape != b.shape or a.ndim != 3:
        raise ValueError(
            f"masks of shape {tuple(a.shape)} and {tuple(b.shape)}: give (M, H, W) twice"
        )
    shared = (a & b).flatten(1).sum(1)
    return shared / (a | b).flatten(1).sum(1).clamp(min=1)


def extreme_points(masks: Tensor) -> Tensor:
    """Four keypoints every object has: its topmost, leftmost, bottommost and rightmost pixel.

    Parameters
    ----------
    masks : Tensor
        (M, H, W) bool, none empty.

    Returns
    -------
    Tensor
        (M, 4, 2) float32: x, y of the pixels' centres. Where several pixels are equally extreme,
        the middle of them.
    """
    points = torch.zeros(len(masks), 4, 2)
    for number, mask in enumerate(masks):
        y, x = mask.nonzero().T
        for place, (along, across, end) in enumerate(
            [(y, x, y.min()), (x, y, x.min()), (y, x, y.max()), (x, y, x.max())]
        ):
            middle = across[along == end].float().mean()
            point = (middle, end) if place in (0, 2) else (end, middle)
            points[number, place] = torch.tensor([float(part) for part in point]) + 0.5
    return points


def jitter_boxes(boxes: Tensor, share: float, generator: torch.Generator | None = None) -> Tensor:
    """Boxes as a detector might have found them: every side off by chance.

    Parameters
    ----------
    boxes : Tensor
        (M, 4), x1, y1, x2, y2, floating point or whole numbers.
    share : float
        Standard deviation of a side's error, in box widths or heights, at least 0.
    generator : torch.Generator, optional
        Of the CPU; the global one if left out.

    Returns
    -------
    Tensor
        (M, 4) floating point, each at least one pixel wide and high.

    Raises
    ------
    ValueError
        If the share is negative.
    """
    if not share >= 0:
        raise ValueError(f"share is {share}: give a standard deviation of 0 or more")
    if not boxes.is_floating_point():  # whole numbers would cut the noise off
        boxes = boxes.float()
    noise = torch.randn(boxes.shape, generator=generator).to(boxes)
    size = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    moved = boxes + share * size * noise
    return torch.cat([moved[:, :2], torch.maximum(moved[:, 2:], moved[:, :2] + 1)], 1)


def region_targets(
    targets: Sequence[dict],
    share: float = 0.05,
    size: int = 28,
    generator: torch.Generator | None = None,
) -> list[dict]:
    """What a mask head is trained on: boxes a little off, and the masks as seen through them.

    Parameters
    ----------
    targets : sequence of dict
        With "boxes" (M, 4), "labels" (M,) and "masks" (M, H, W), one a picture.
    share, generator
        Of `jitter_boxes`.
    size : int
        Side of the small masks.

    Returns
    -------
    list of dict
        "boxes" (M, 4), "labels" (M,), "small" (M, size, size): what `models.MaskNet` takes.

    Raises
    ------
    ValueError
        If a picture has not as many boxes as labels and masks, or the share is negative.
    """
    _check_objects(targets, boxes=2, labels=1, masks=3)
    regions = []
    for target in targets:
        boxes = jitter_boxes(target["boxes"], share, generator)
        small = crop_masks(target["masks"], boxes, size)
        regions.append({"boxes": boxes, "labels": target["labels"], "small": small})
    return regions


def draw_masks(model: torch.nn.Module, images: Tensor, regions: Sequence[dict]) -> list[Tensor]:
    """Masks that a `models.MaskNet` draws into given boxes of given classes.

    Parameters
    ----------
    model : MaskNet
        Left in evaluation mode.
    images : Tensor
        (N, 3, H, W) uint8.
    regions : sequence of dict
        With "boxes" (M, 4) and "labels" (M,), one a picture.

    Returns
    -------
    list of Tensor
        (M, H, W) bool on the CPU, one a picture.
    """
    device = next(model.parameters()).device
    height, width = images.shape[2:]
    model.eval()
    drawn = []
    with torch.no_grad():
        for image, region in zip(images, regions, strict=True):
            logits = model(image[None].to(device).float() / 255, [{"boxes": region["boxes"]}])
            small = model.probabilities(logits.cpu(), region["labels"])
            drawn.append(paste_masks(small, region["boxes"], height, width) > 0.5)
    return drawn


# --------------------------------------------------------------------------------- shared maps


def shared_maps(masks: Tensor, boxes: Tensor, parts: int) -> Tensor:
    """The best position-sensitive score maps that objects of one class can share.

    Map p answers one question at each pixel: "am I part p of an object?", for example its upper
    left ninth. The answers here are the true ones, so what is wrong after `read_shared_maps` no
    training can mend.

    Parameters
    ----------
    masks : Tensor
        (M, H, W) bool, the objects of one class.
    boxes : Tensor
        (M, 4), x1, y1, x2, y2.
    parts : int
        Parts along each side, at least 1; 1 is a semantic map, 3 as in Dai et al.'s Fig. 1.

    Returns
    -------
    Tensor
        (parts ** 2, H, W) bool.

    Raises
    ------
    TypeError, ValueError
        If there is not one box a mask, a box holds NaN, or `parts` is no whole number or below 1.

    Notes
    -----
    The idea of position-sensitive maps: Dai, He, Li, Ren, Sun (2016), Instance-sensitive fully
    convolutional networks, ECCV; used by Li, Qi, Dai, Ji, Wei (2017), Fully convolutional
    instance-aware semantic segmentation (FCIS), CVPR.
    """
    integer("parts", parts, at_least=1)
    maps = torch.zeros(parts**2, *masks.shape[1:], dtype=torch.bool)
    for mask, box in zip(masks, boxes, strict=True):
        which = _part(box, parts, *mask.shape)
        for part in range(parts**2):
            maps[part] |= mask & (which == part)
    return maps


def read_shared_maps(maps: Tensor, boxes: Tensor) -> Tensor:
    """Assemble a mask for each box: in its part p, what map p says there.

    Parameters
    ----------
    maps : Tensor
        (parts ** 2, H, W) bool.
    boxes : Tensor
        (M, 4).

    Returns
    -------
    Tensor
        (M, H, W) bool, False outside the box.

    Raises
    ------
    ValueError
        If a box holds NaN.
    """
    parts = math.isqrt(len(maps))
    masks = torch.zeros(len(boxes), *maps.shape[1:], dtype=torch.bool)
    for mask, box in zip(masks, boxes, strict=True):
        which = _part(box, parts, *mask.shape)
        for part, answers in enumerate(maps):
            mask |= answers & (which == part)
    return masks


def _part(box: Tensor, parts: int, height: int, width: int) -> Tensor:
    """Number of the box's part in which each pixel lies, -1 outside: (height, width)."""
    x1, y1, x2, y2 = box.tolist()
    if any(map(math.isnan, (x1, y1, x2, y2))):
        raise ValueError(f"a box is {[x1, y1, x2, y2]}: give x1, y1, x2, y2 in pixels, none NaN")
    column = torch.floor((torch.arange(width) + 0.5 - x1) / (x2 - x1) * parts)
    row = torch.floor((torch.arange(height) + 0.5 - y1) / (y2 - y1) * parts)
    inside = ((row >= 0) & (row < parts))[:, None] & ((column >= 0) & (column < parts))
    return torch.where(inside, row[:, None] * parts + column, -1).long()


# --------------------------------------------------------------------------------- detectors


def to_detector(targets: Sequence[dict]) -> list[dict]:
    """Targets as torchvision's detectors want them: labels from 1, masks as uint8.

    torchvision keeps label 0 for the background; the course's labels start at 0. This function
    and `from_detector` are the only places where the two meet.

    Parameters
    ----------
    targets : sequence of dict
        With "boxes" (M, 4), "labels" (M,) from 0, "masks" (M, H, W) bool.

    Returns
    -------
    list of dict
        New dicts with these three only.

    Raises
    ------
    ValueError
        If a picture has not as many of one as of the others, or a label is below 0.
    """
    _check_objects(targets, boxes=2, labels=1, masks=3)
    _check_lowest_label(targets, 0)
    return [
        {
            "boxes": target["boxes"].float(),
            "labels": target["labels"] + 1,
            "masks": target["masks"].to(torch.uint8),
        }
        for target in targets
    ]


def from_detector(predictions: Sequence[dict]) -> list[dict]:
    """Predictions of torchvision's Mask R-CNN in the course's terms.

    Parameters
    ----------
    predictions : sequence of dict
        With "boxes" (D, 4), "labels" (D,) from 1, "scores" (D,), "masks" (D, 1, H, W) in 0..1.

    Returns
    -------
    list of dict
        On the CPU: "boxes", "labels" from 0, "scores", "masks" (D, H, W) bool (above a half).

    Raises
    ------
    ValueError
        If a picture has not as many of one as of the others, a label is below 1, or a mask holds
        NaN.
    """
    _check_objects(predictions, boxes=2, labels=1, scores=1, masks=4)
    _check_lowest_label(predictions, 1)
    for prediction in predictions:
        check_no_nan(masks=prediction["masks"])
    return [
        {
            "boxes": prediction["boxes"].detach().cpu(),
            "labels": prediction["labels"].cpu() - 1,
            "scores": prediction["scores"].detach().cpu(),
            "masks": prediction["masks"][:, 0].detach().cpu() > 0.5,
        }
        for prediction in predictions
    ]


def _check_objects(pictures: Sequence[dict], **axes: int) -> None:
    """Each entry has its number of axes, and as many rows as the picture's others."""
    for number, one in enumerate(pictures):
        shapes = {name: tuple(one[name].shape) for name in axes}
        rows = {shape[:1] for shape in shapes.values()}
        if len(rows) > 1 or any(len(shapes[name]) != axes[name] for name in axes):
            given = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            wanted = ", ".join(f"{name} {count}" for name, count in axes.items())
            raise ValueError(
                f"picture {number} has {given}: give one row an object, and as many axes as {wanted}"
            )


def _check_lowest_label(pictures: Sequence[dict], lowest: int) -> None:
    for number, one in enumerate(pictures):
        if len(one["labels"]) and one["labels"].min() < lowest:
            raise ValueError(
                f"picture {number} has the label {one['labels'].min()}: give labels from {lowest}"
            )


def detect(model: torch.nn.Module, images: Tensor, batch_size: int = 16) -> list[dict]:
    """What a trained Mask R-CNN finds, in the course's terms.

    Parameters
    ----------
    model : torchvision.models.detection.MaskRCNN
        Left in evaluation mode.
    images : Tensor
        (N, 3, H, W) uint8.
    batch_size : int
        Pictures at a time.

    Returns
    -------
    list of dict
        As `from_detector`, best score first.
    """
    device = next(model.parameters()).device
    model.eval()
    found = []
    with torch.no_grad():
        for batch in images.split(batch_size):
            found += from_detector(model(list(batch.to(device).float() / 255)))
    return found


def average_precision(predictions: Sequence[dict], targets: Sequence[dict]) -> dict[str, float]:
    """Average precision of boxes and of masks, as COCO counts it.

    Parameters
    ----------
    predictions : sequence of dict
        As `from_detector` gives them, one a picture.
    targets : sequence of dict
        With "boxes", "labels", "masks", as many.

    Returns
    -------
    dict
        ``box_ap``, ``mask_ap`` (mean over IoU thresholds .5, .55, ..., .95), ``box_ap50``,
        ``box_ap75``, ``mask_ap50``, ``mask_ap75``; means over the classes that occur, in 0..1.

    Raises
    ------
    ValueError
        If a box or a score is NaN, or there are not as many of one as of the others.

    Notes
    -----
    Computed by torchmetrics, which hands it to COCO's own code.
    """
    from torchmetrics.detection import MeanAveragePrecision

    for one in (*predictions, *targets):
        check_no_nan(**{name: one[name] for name in ("boxes", "scores") if name in one})
    metric = MeanAveragePrecision(iou_type=("bbox", "segm"))
    wanted = [{key: t[key] for key in ("boxes", "labels", "masks")} for t in targets]
    metric.update(list(predictions), wanted)
    found = metric.compute()
    names = {"ap": "map", "ap50": "map_50", "ap75": "map_75"}
    return {
        f"{kind}_{short}": found[f"{prefix}_{name}"].item()
        for kind, prefix in (("box", "bbox"), ("mask", "segm"))
        for short, name in names.items()
    }
