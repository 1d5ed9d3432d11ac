"""PASCAL VOC 2007: photographs with boxes of twenty classes, from a folder the reader brings.

torchvision unpacks it (``torchvision.datasets.VOCDetection(folder, year="2007", download=True)``); it
is then read, resized and kept in memory as the other sets are.
"""

from __future__ import annotations

import math
from os import PathLike
from xml.etree import ElementTree

import torch
from PIL import Image

from utils import fetch
from utils.datasets import Data, Record, one_of, pictures

VOC_CLASSES = tuple(
    "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike "
    "person pottedplant sheep sofa train tvmonitor".split()
)
CLASS_NAMES = {"voc2007": VOC_CLASSES}

_SETS = {"train": "trainval", "test": "test"}


def load_voc2007(
    split: str = "train",
    *,
    folder: str | PathLike | None = None,
    size: int = 448,
    count: int | None = None,
) -> Data:
    """Load VOC 2007, each photo stretched to a square as YOLO takes it.

    Parameters
    ----------
    split : {"train", "test"}
        "train" is VOC's trainval of 5,011 photos, "test" its 4,952.
    folder : path, optional
        Holds ``VOCdevkit/VOC2007``.
    size : int
        Side in pixels, at least 32. At 448 the training photos take 3.0 GB of memory.
    count : int, optional
        Only the first that many.

    Returns
    -------
    Data
        ``images`` (N, 3, size, size) uint8; ``targets``, one dict a photo: ``boxes`` (M, 4) float32
        in pixels of the square, x2 and y2 exclusive, ``labels`` (M,) int64 0..19 in alphabetical
        order. Objects marked difficult are left out, as VOC's score does.

    Raises
    ------
    utils.fetch.DataError
        If the folder is not there or holds something else, or a photo or its notes cannot be read.
    ValueError
        If the split or a number is out of range.
    """
    from torchvision.datasets import VOCDetection

    one_of("split", split, tuple(_SETS), "voc2007")
    if size < 32 or (count is not None and count < 1):
        raise ValueError(f"got size={size}, count={count}: size from 32, count from 1 on")
    place = fetch.user_folder("voc2007", folder)
    try:
        photos = VOCDetection(place, year="2007", image_set=_SETS[split])
    except (RuntimeError, OSError) as error:
        raise fetch.DataError(
            f"the folder {place} is not VOC 2007 as torchvision unpacks it: there should be "
            f"VOCdevkit/VOC2007 with ImageSets/Main/{_SETS[split]}.txt"
        ) from error
    number = min(len(photos), count or len(photos))
    if not number:
        raise fetch.DataError(f"VOC 2007 in {place} lists no photo in {_SETS[split]}.txt")
    names = (path.rpartition("/")[2] for path in photos.images)
    pictures.refuse_doubles(names, f"{_SETS[split]}.txt of VOC 2007")
    images = torch.empty(number, 3, size, size, dtype=torch.uint8)
    targets = []
    for index in range(number):
        photo = pictures.read(photos.images[index], "VOC 2007")
        scale = torch.tensor([size / photo.width, size / photo.height]).repeat(2)
        square = photo.resize((size, size), Image.Resampling.BILINEAR)
        pixels = torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8)
        images[index] = pixels.view(size, size, 3).permute(2, 0, 1)
        boxes, labels = _objects(photos.annotations[index])
        targets.append(
            {
                "boxes": torch.tensor(boxes).reshape(-1, 4) * scale,
                "labels": torch.tensor(labels, dtype=torch.int64),
            }
        )
    return Data(
        images,
        targets,
        Record(
            name="voc2007",
            split=split,
            source="folder",
            count=number,
            licence="Flickr terms of use, for research",
            of=len(photos),
            shape=(3, size, size),
        ),
    )


def _objects(path: str) -> tuple[list[list[float]], list[int]]:
    """Boxes and labels out of a photo's notes, without the difficult ones."""
    boxes, labels = [], []
    try:
        for item in ElementTree.parse(path).getroot().iter("object"):
            if item.findtext("difficult") == "1":
                continue
            corners = ("xmin", "ymin", "xmax", "ymax")
            x1, y1, x2, y2 = (float(item.find("bndbox").findtext(key)) for key in corners)
            if not (0 <= x1 - 1 < x2 < math.inf and 0 <= y1 - 1 < y2 < math.inf):
                raise ValueError(f"the box {x1:g}, {y1:g}, {x2:g}, {y2:g}")
            boxes.append([x1 - 1, y1 - 1, x2, y2])  # VOC counts pixels from 1, the last included
            labels.append(VOC_CLASSES.index(item.findtext("name")))
    except (OSError, ValueError, TypeError, AttributeError, ElementTree.ParseError) as error:
        raise fetch.DataError(
            f"{path} is not what VOC 2007 notes of a photo ({' '.join(str(error).split())}): unpack "
            "VOC 2007 again"
        ) from error
    return boxes, labels
