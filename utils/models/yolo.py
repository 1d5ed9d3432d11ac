"""YOLO, first version: a whole image in, boxes and classes of all its objects out, in one pass.

References
----------
Redmon, Divvala, Girshick, Farhadi (2016). You only look once: unified, real-time object detection.
    CVPR, pp. 779-788.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

__all__ = ["YOLOv1"]

_POOL = None
_LAYERS: tuple[tuple[int, int, int] | None, ...] = (
    *[(7, 64, 2), _POOL],
    *[(3, 192, 1), _POOL],
    *[(1, 128, 1), (3, 256, 1), (1, 256, 1), (3, 512, 1), _POOL],
    *[(1, 256, 1), (3, 512, 1)] * 4,
    *[(1, 512, 1), (3, 1024, 1), _POOL],
    *[(1, 512, 1), (3, 1024, 1)] * 2,
    *[(3, 1024, 1), (3, 1024, 2)],
    *[(3, 1024, 1), (3, 1024, 1)],
)
"""Kernel, maps and stride of the 24 convolutions, and where max pooling halves the maps (Fig. 3)."""


class YOLOv1(nn.Module):
    """YOLO as published at CVPR: 271,703,550 parameters, 20.29 billion multiply-adds.

    24 convolutions, 1 x 1 ones to save work between the 3 x 3, and two dense layers, which hold
    211,547,582 of the parameters and let every cell see the whole image.

    Parameters
    ----------
    num_classes : int
        C >= 1, 20 on VOC.
    boxes : int
        B >= 1, boxes each cell proposes.
    hidden_units : int
        Width of the first dense layer, 4,096 in the paper; less where memory is short.

    Notes
    -----
    Redmon et al. (2016), sec. 2 and 2.1, Fig. 3: leaky ReLUs of slope 0.1 everywhere but at the
    end, which is linear; dropout of one half after the first dense layer (sec. 2.2).  No batch norm:
    that came with version 2.  The preprint of 2015 (one box a cell, 7 x 7 x 24) and darknet's present
    `yolov1.cfg` (three boxes, 7 x 7 x 35) are other networks.

    The authors trained the first 20 convolutions on ImageNet first.  Here all start as in He et
    al. (2015), for the leaky slope, biases at 0.

    Examples
    --------
    >>> import torch
    >>> with torch.device("meta"):  # a gigabyte otherwise
    ...     model = YOLOv1()
    >>> model(torch.empty(1, 3, 448, 448, device="meta")).shape
    torch.Size([1, 7, 7, 30])
    """

    cells = 7
    """S: cells along each side of the image."""

    def __init__(self, num_classes: int = 20, boxes: int = 2, hidden_units: int = 4096):
        super().__init__()
        self.num_classes, self.boxes = num_classes, boxes
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        number, channels = 0, 3
        for layer in _LAYERS:
            if layer is _POOL:
                layers[f"pool{number}"] = nn.MaxPool2d(kernel_size=2)
                continue
            kernel_size, out_channels, stride = layer
            number += 1
            layers[f"conv{number}"] = nn.Conv2d(
                channels, out_channels, kernel_size, stride, padding=kernel_size // 2
            )
            layers[f"act{number}"] = nn.LeakyReLU(0.1)
            channels = out_channels
        self.features = nn.Sequential(layers)
        self.detector = nn.Sequential(
            OrderedDict(
                flatten=nn.Flatten(),
                fc1=nn.Linear(channels * self.cells**2, hidden_units),
                act=nn.LeakyReLU(0.1),
                drop=nn.Dropout(0.5),
                fc2=nn.Linear(hidden_units, self.cells**2 * (5 * boxes + num_classes)),
            )
        )
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight, a=0.1)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, 448, 448) -> predictions (N, 7, 7, 5B + C), row by row of cells.

        A cell's numbers are B times x, y, width, height and confidence, then C class scores
        (sec. 2).

        Raises
        ------
        ValueError
            If the images leave another number of cells than 7 x 7.
        """
        maps = self.features(x)
        if maps.shape[-2:] != (self.cells, self.cells):
            raise ValueError(
                f"images of {x.shape[-2]} x {x.shape[-1]} pixels leave {maps.shape[-2]} x "
                f"{maps.shape[-1]} cells and not 7 x 7: resize them to 448 x 448"
            )
        return self.detector(maps).unflatten(1, (self.cells, self.cells, -1))
