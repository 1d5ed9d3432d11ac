"""YOLO, first version: a whole image in, boxes and classes of all its objects out, in one pass.

`YOLOv1` is the network of the paper; `GridDetector` is a small one by the same idea, which trains in
a minute on a CPU.

References
----------
Redmon, Divvala, Girshick, Farhadi (2016). You only look once: unified, real-time object detection.
    CVPR, pp. 779-788.
Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer (2016). SqueezeNet. arXiv:1602.07360.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

__all__ = ["GridDetector", "YOLOv1", "early_features"]

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


class GridDetector(nn.Module):
    """YOLO's idea, small: a trunk, a convolutional head, one set of numbers for each cell.

    Parameters
    ----------
    trunk : {"squeezenet", "scratch"}
        "squeezenet": the last four fire modules of SqueezeNet 1.1 with their ImageNet weights; the
        input are the maps of `early_features`, (N, 256, S, S). "scratch": four strided
        convolutions that have seen nothing; the input are images (N, 3, 128, 128) in 0..1, S = 8.
    num_classes : int
        C >= 1.
    boxes : int
        B >= 1 boxes a cell.
    hidden : int
        Width of the head.

    Raises
    ------
    ValueError
        If the trunk is none of the two.

    Notes
    -----
    Where YOLO ends in two dense layers, this head is convolutional: the same weights look at every
    cell and its neighbours. Batch norm steadies the training, sigmoids keep x, y, the roots of
    width and height, and the confidence in 0..1, a softmax the classes: answers of this network
    need no repair before they are decoded. Confidences start near 1 %, because most cells are empty.
    """

    def __init__(self, trunk: str, num_classes: int, boxes: int = 1, hidden: int = 128):
        super().__init__()
        trunks = {"squeezenet": _fires, "scratch": _strided}
        if trunk not in trunks:
            raise ValueError(f"no trunk is called {trunk!r}; there are {', '.join(trunks)}")
        self.num_classes, self.boxes = num_classes, boxes
        self.trunk, channels = trunks[trunk]()
        self.head = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(channels, hidden, 3, padding=1, bias=False),
                norm1=nn.BatchNorm2d(hidden),
                act1=nn.ReLU(),
                conv2=nn.Conv2d(hidden, hidden, 3, padding=1, bias=False),
                norm2=nn.BatchNorm2d(hidden),
                act2=nn.ReLU(),
                output=nn.Conv2d(hidden, 5 * boxes + num_classes, 1),
            )
        )
        nn.init.normal_(self.head.output.weight, std=0.01)
        nn.init.zeros_(self.head.output.bias)
        with torch.no_grad():
            self.head.output.bias[4 : 5 * boxes : 5] = -4.6

    def forward(self, x: Tensor) -> Tensor:
        """Input of the trunk -> grid (N, S, S, 5B + C), all in 0..1, as `YOLOv1` orders it."""
        x = x.to(self.head.conv1.weight.dtype)  # features are kept in half precision
        raw = self.head(self.trunk(x)).permute(0, 2, 3, 1)
        numbers, scores = raw.split([5 * self.boxes, self.num_classes], dim=-1)
        parts = numbers.unflatten(-1, (self.boxes, 5)).sigmoid().unbind(-1)
        x, y, root_width, root_height, confidence = parts
        boxes = torch.stack([x, y, root_width.square(), root_height.square(), confidence], -1)
        return torch.cat([boxes.flatten(-2), scores.softmax(-1)], -1)

    def groups(self, lr: float, trunk: float = 0.3) -> list[dict]:
        """Parameter groups for an optimiser: the head at `lr`, the trunk at `trunk` times that."""
        return [
            {"params": list(self.head.parameters()), "lr": lr},
            {"params": list(self.trunk.parameters()), "lr": trunk * lr},
        ]


def _fires() -> tuple[nn.Module, int]:
    """SqueezeNet's last four fire modules, pretrained, and the number of their maps."""
    from utils.models.pretrained import pretrained

    return pretrained("squeezenet1_1").features[9:13], 512


def _strided() -> tuple[nn.Module, int]:
    """Four convolutions that halve the image each, and the number of their maps."""
    layers: list[nn.Module] = []
    for before, after in [(3, 16), (16, 32), (32, 64), (64, 128)]:
        layers += [
            nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers), 128


def early_features(images: Tensor, batch_size: int = 64) -> Tensor:
    """SqueezeNet 1.1's first five stages, frozen: what they make of the images, kept in half.

    Parameters
    ----------
    images : Tensor
        uint8 (N, 3, H, W), red, green, blue; 128 x 128 give 7 x 7 cells.
    batch_size : int
        Images at a time.

    Returns
    -------
    Tensor
        float16 (N, 256, S, S), on the CPU.
    """
    from utils.models.pretrained import prepare_squeezenet, pretrained

    stem = pretrained("squeezenet1_1").features[:9].requires_grad_(False)
    stem = stem.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        parts = [
            stem(
                prepare_squeezenet(part, resize=False).contiguous(memory_format=torch.channels_last)
            ).half()
            for part in images.split(batch_size)
        ]
    return torch.cat(parts).clone()
