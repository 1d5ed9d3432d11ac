"""YOLOv3-tiny with its published weights: the same idea as version 1, two years and one dataset on.

What is new since version 1: boxes are stretched *anchors* instead of free rectangles, two grids of
different step look for large and small objects, every class has a sigmoid of its own, and batch norm
follows each convolution.

References
----------
Redmon, Farhadi (2017). YOLO9000: better, faster, stronger. CVPR (anchors, Eq. of sec. 2).
Redmon, Farhadi (2018). YOLOv3: an incremental improvement. arXiv:1804.02767.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.arguments import integer

__all__ = ["ANCHORS", "YOLOv3Tiny", "class_names", "letterbox", "yolov3_tiny"]

ANCHORS: tuple[tuple[int, int], ...] = (
    (10, 14),
    (23, 27),
    (37, 58),
    (81, 82),
    (135, 169),
    (344, 319),
)
"""Width and height in pixels of the six boxes that training started from, smallest first."""

COARSE, FINE = (3, 4, 5), (0, 1, 2)
"""Which anchors the 13 x 13 grid uses at 416 pixels, and which the 26 x 26 grid (``mask``)."""

INPUT = 416
"""Side of the input in pixels; any multiple of 32 will do."""


def _convolution(inputs: int, outputs: int, kernel_size: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(inputs, outputs, kernel_size, padding=kernel_size // 2, bias=False),
            norm=nn.BatchNorm2d(outputs),
            act=nn.LeakyReLU(0.1),
        )
    )


class YOLOv3Tiny(nn.Module):
    """YOLOv3-tiny: 13 convolutions, two grids, three anchors a cell.

    Parameters
    ----------
    num_classes : int
        C >= 1, 80 on COCO.

    Notes
    -----
    ``yolov3-tiny.cfg`` of darknet. For the published weights: `yolov3_tiny`.
    """

    def __init__(self, num_classes: int = 80):
        super().__init__()
        self.num_classes = num_classes
        outputs = 3 * (5 + num_classes)
        widths = [16, 32, 64, 128, 256]
        self.early = nn.ModuleList(
            _convolution(a, b, 3) for a, b in zip([3, *widths], widths, strict=False)
        )
        self.late = nn.Sequential(_convolution(256, 512, 3))
        self.neck = nn.Sequential(_convolution(512, 1024, 3), _convolution(1024, 256, 1))
        self.coarse = nn.Sequential(_convolution(256, 512, 3), nn.Conv2d(512, outputs, 1))
        self.lateral = _convolution(256, 128, 1)
        self.fine = nn.Sequential(_convolution(384, 256, 3), nn.Conv2d(256, outputs, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Images (N, 3, H, W) in 0..1 -> raw answers of the coarse and the fine grid.

        Each is (N, 3, rows, columns, 5 + C): three anchors a cell, of 32 and of 16 pixels.

        Raises
        ------
        ValueError
            If height or width is no multiple of 32.
        """
        if x.shape[-2] % 32 or x.shape[-1] % 32:
            raise ValueError(
                f"images of {x.shape[-2]} x {x.shape[-1]} pixels: both sides must be multiples "
                "of 32; `letterbox` makes them so"
            )
        for number, layer in enumerate(self.early):
            x = layer(x)
            if number < len(self.early) - 1:
                x = F.max_pool2d(x, 2)
        middle = x  # 1/16 of the input
        x = self.late(F.max_pool2d(middle, 2))
        # Step 1, window 2: one more row and column on the right, so that the grid keeps its size.
        x = F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=float("-inf")), 2, stride=1)
        neck = self.neck(x)
        up = F.interpolate(self.lateral(neck), scale_factor=2.0, mode="nearest")
        raw = self.coarse(neck), self.fine(torch.cat([up, middle], 1))
        return tuple(grid.unflatten(1, (3, -1)).permute(0, 1, 3, 4, 2) for grid in raw)

    def decode(self, raw: tuple[Tensor, Tensor], threshold: float = 0.25) -> list[dict]:
        """Read boxes out of the answers of `forward`, before suppression.

        Parameters
        ----------
        raw : pair of Tensor
            Of the coarse and the fine grid.
        threshold : float
            Least score: confidence times the sigmoid of the likeliest class.

        Returns
        -------
        list of dict
            For each image ``boxes`` (M, 4) in pixels of the input, ``labels`` (M,), ``scores`` (M,),
            and ``anchors`` (M,), the number of the anchor in `ANCHORS` that each box stretches.

        Notes
        -----
        Redmon and Farhadi (2017, sec. 2): the centre is a sigmoid within the cell, the sides are
        the anchor's times an exponential.
        """
        every = []
        for grid, numbers in zip(raw, (COARSE, FINE), strict=True):
            step = INPUT_STEPS[numbers]
            rows, columns = grid.shape[2:4]
            places = torch.stack(
                torch.meshgrid(torch.arange(columns), torch.arange(rows), indexing="xy"), -1
            ).to(grid)
            anchors = grid.new_tensor([ANCHORS[number] for number in numbers])[:, None, None]
            centre = (grid[..., :2].sigmoid() + places) * step
            half = anchors * grid[..., 2:4].exp() / 2
            classes, labels = grid[..., 5:].sigmoid().max(-1)
            which = torch.tensor(numbers, device=grid.device)[:, None, None].expand(labels.shape)
            every.append(
                {
                    "boxes": torch.cat([centre - half, centre + half], -1).flatten(1, 3),
                    "labels": labels.flatten(1),
                    "scores": (grid[..., 4].sigmoid() * classes).flatten(1),
                    "anchors": which.flatten(1),
                }
            )
        joined = {name: torch.cat([part[name] for part in every], 1) for name in every[0]}
        kept = joined["scores"] > threshold
        return [
            {name: value[image][kept[image]] for name, value in joined.items()}
            for image in range(len(kept))
        ]

    @torch.inference_mode()
    def find(self, image: Tensor, threshold: float = 0.25, iou: float = 0.45) -> dict[str, Tensor]:
        """Detections in one photo of any size, doubles suppressed, best first.

        Parameters
        ----------
        image : Tensor
            uint8 (3, H, W).
        threshold, iou : float
            Least score, and largest overlap of two boxes of one class.

        Returns
        -------
        dict
            ``boxes`` (M, 4) in pixels of the photo, ``labels``, ``scores``, ``anchors``.
        """
        from torchvision import ops

        device = next(self.parameters()).device
        square, scale, left, top = letterbox(image)
        found = self.decode(self(square[None].to(device)), threshold)[0]
        found = {name: value.cpu() for name, value in found.items()}
        boxes = (found["boxes"] - torch.tensor([left, top, left, top])) / scale
        found["boxes"] = ops.clip_boxes_to_image(boxes, tuple(image.shape[-2:]))
        kept = ops.batched_nms(found["boxes"], found["scores"], found["labels"], iou)
        return {name: value[kept] for name, value in found.items()}


INPUT_STEPS = {COARSE: 32, FINE: 16}
"""Pixels a cell is wide, of each grid."""


def letterbox(image: Tensor, side: int = INPUT) -> tuple[Tensor, float, int, int]:
    """Fit a photo into a grey square without stretching it.

    Parameters
    ----------
    image : Tensor
        uint8 (3, H, W).
    side : int
        Of the square, >= 1.

    Returns
    -------
    square : Tensor
        float (3, side, side), 0..1, grey (0.5) beside the photo.
    scale : float
        Pixels of the square a pixel of the photo.
    left, top : int
        Where the photo begins in the square.

    Raises
    ------
    TypeError
        If `side` is no whole number.
    ValueError
        If it is below 1, or the image is not uint8 (3, H, W).
    """
    integer("side", side, at_least=1)
    if image.dtype != torch.uint8 or image.ndim != 3 or image.shape[0] != 3:
        raise ValueError(
            f"got a {image.dtype} tensor of shape {tuple(image.shape)}: give a uint8 photo (3, H, W)"
        )
    height, width = image.shape[-2:]
    scale = side / max(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    small = F.interpolate(
        image[None].float() / 255, size=size, mode="bilinear", antialias=True, align_corners=False
    )[0]
    left, top = (side - size[1]) // 2, (side - size[0]) // 2
    square = torch.full((3, side, side), 0.5)
    square[:, top : top + size[0], left : left + size[1]] = small.clamp(0, 1)
    return square, scale, left, top


def class_names() -> list[str]:
    """COCO's 80 classes in the order of the outputs, from the fetched file.

    Raises
    ------
    utils.fetch.DataError
        If the weights were never fetched; the message says how.
    """
    from utils import fetch

    return fetch.obtain("yolov3-tiny", "yolov3-tiny/coco.names").read_text().split("\n")[:80]


def yolov3_tiny() -> YOLOv3Tiny:
    """Return YOLOv3-tiny with the published COCO weights, in evaluation mode.

    Raises
    ------
    utils.fetch.DataError
        If the weights were never fetched, or are damaged; the message says what to do.
    """
    from utils import fetch

    model = YOLOv3Tiny()
    load_darknet(model, fetch.obtain("yolov3-tiny", "yolov3-tiny/yolov3-tiny.weights"))
    return model.eval()


def load_darknet(model: nn.Module, path: Path) -> None:
    """Fill a network's convolutions, in their order, from a darknet weights file.

    Parameters
    ----------
    model : nn.Module
        Its convolutions in the order of darknet's configuration, each followed by its batch norm
        or, without one, carrying a bias.
    path : pathlib.Path
        20 bytes of header (three int32 of version, one int64 of images seen), then float32: for
        each convolution biases (of the norm or its own), the norm's scales, means and variances,
        the kernels.

    Raises
    ------
    ValueError
        If the file holds more or fewer numbers than the network has.
    """
    import numpy as np

    # A copy: torch needs memory that it may write to.
    numbers = torch.from_numpy(np.fromfile(path, dtype="<f4", offset=20).copy())
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    wanted: list[Tensor] = []
    for number, layer in enumerate(layers):
        if isinstance(layer, nn.BatchNorm2d):
            continue
        follower = layers[number + 1] if number + 1 < len(layers) else None
        if isinstance(follower, nn.BatchNorm2d):
            wanted += [follower.bias, follower.weight]
            wanted += [follower.running_mean, follower.running_var, layer.weight]
        else:
            wanted += [layer.bias, layer.weight]
    total = sum(tensor.numel() for tensor in wanted)
    if total != len(numbers):
        raise ValueError(
            f"{path.name} holds {len(numbers):,} numbers and the network {total:,}: the file "
            "belongs to another network, or is cut short"
        )
    with torch.no_grad():
        for tensor, part in zip(
            wanted, numbers.split([tensor.numel() for tensor in wanted]), strict=True
        ):
            tensor.copy_(part.view_as(tensor))
