"""Penn-Fudan and COCO: photographs with a mask for every object, from a folder of the reader's.

    load("penn-fudan", folder="~/PennFudanPed")
    load("coco", "val", folder="~/coco", count=500)

Photographs differ in size. Each is scaled so that its longer side is ``size`` pixels and set into
a square of that size at its upper left, grey below or to the right; masks and boxes follow.
"""

from __future__ import annotations

import warnings
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from utils import fetch
from utils.datasets import Data, Record, one_of, pictures

CLASS_NAMES: dict[str, tuple[str, ...]] = {"penn-fudan": ("pedestrian",)}
"""COCO's names depend on its annotations: `coco_names` reads them."""

HELD_OUT = 50
"""Photographs of Penn-Fudan's test part, as in torchvision's tutorial (of 170)."""

_GREY = 124


def load_penn_fudan(
    split: str = "train", folder: str | PathLike | None = None, *, size: int = 512, seed: int = 0
) -> Data:
    """Pedestrians in streets, each with a mask.

    Parameters
    ----------
    split : {"train", "test"}
        A seeded choice holds 50 photographs out, or a third where there are fewer than 150.
    folder : path, optional
        Holds ``PNGImages`` and ``PedMasks``.
    size : int
        Side of the squares, at least 32.
    seed : int
        Of the choice.

    Returns
    -------
    Data
        ``images`` (N, 3, size, size) uint8; ``targets`` N dicts with ``boxes`` (M, 4) float32,
        ``labels`` (M,) all 0, ``masks`` (M, size, size) bool.

    Raises
    ------
    utils.fetch.DataError
        If the folder, or a photograph's mask, is missing.
    ValueError
        If an argument is out of range.
    """
    one_of("split", split, ("train", "test"), "penn-fudan")
    _check_size(size)
    place = fetch.user_folder("penn-fudan", folder)
    photographs = sorted((place / "PNGImages").glob("*.png"))
    held_out = HELD_OUT if len(photographs) >= 3 * HELD_OUT else max(1, len(photographs) // 3)
    order = np.random.default_rng(seed).permutation(len(photographs))
    chosen = sorted(order[held_out:] if split == "train" else order[:held_out])
    images, targets = [], []
    for number in chosen:
        photograph = photographs[number]
        drawn = place / "PedMasks" / f"{photograph.stem}_mask.png"
        if not drawn.is_file():
            raise fetch.DataError(f"there is no {drawn} for {photograph.name}: unpack both folders")
        picture, owner = pictures.read(photograph, "Penn-Fudan"), _owners(drawn)
        if owner.shape != (picture.height, picture.width):
            raise fetch.DataError(
                f"{drawn} has the shape {owner.shape} and {photograph.name} {picture.height} x "
                f"{picture.width} pixels: a mask has one number for each pixel"
            )
        masks = [owner == person for person in np.unique(owner) if person > 0]
        image, target = _squared(picture, masks, [0] * len(masks), size)
        images.append(image)
        targets.append(target)
    return _data("penn-fudan", split, place, images, targets, len(photographs), "none given")


def _owners(path: Path) -> np.ndarray:
    """Read a mask: for each pixel the number of the person it shows, 0 for nobody."""
    try:
        with Image.open(path) as drawn:
            return np.asarray(drawn)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise fetch.DataError(
            f"{path} is no readable mask ({' '.join(str(error).split())}): unpack Penn-Fudan again"
        ) from error


def load_coco(
    split: str = "val",
    folder: str | PathLike | None = None,
    *,
    count: int = 500,
    size: int = 512,
) -> Data:
    """The first photographs of COCO 2017 that show an object, with masks.

    They are held in memory, about 1.5 MB each: some thousands, not all 118,287.

    Parameters
    ----------
    split : {"train", "val"}
    folder : path, optional
        Holds ``train2017``, ``val2017`` and ``annotations``.
    count : int
        Photographs, at least 1.
    size : int
        Side of the squares, at least 32.

    Returns
    -------
    Data
        As `load_penn_fudan`; a label is a place in `coco_names`. Crowds are left out.

    Raises
    ------
    utils.fetch.DataError
        If the folder or the annotations are missing.
    ValueError
        If an argument is out of range.

    Notes
    -----
    Read by `torchvision.datasets.CocoDetection`.
    """
    one_of("split", split, ("train", "val"), "coco")
    _check_size(size)
    if count < 1:
        raise ValueError(f"count is {count}: give at least 1")
    place = fetch.user_folder("coco", folder)
    photographs = _coco(place, split)
    api = photographs.coco
    for key in ("id", "file_name"):
        found = (entry.get(key) for entry in api.dataset["images"])
        pictures.refuse_doubles(found, f"instances_{split}2017.json of COCO")
    numbers = {number: label for label, number in enumerate(sorted(api.getCatIds()))}
    images, targets = [], []
    for row in range(len(photographs)):
        if len(images) == count:
            break
        number = photographs.ids[row]
        entry = api.loadImgs(number)[0]
        photograph = pictures.read(place / f"{split}2017" / entry["file_name"], "COCO")
        if photograph.size != (entry.get("width"), entry.get("height")):
            raise fetch.DataError(
                f"{entry['file_name']} has {photograph.width} x {photograph.height} pixels, but the "
                f"annotations say {entry.get('width')} x {entry.get('height')}: unpack COCO again"
            )
        annotations = api.loadAnns(api.getAnnIds(number))
        whole = [a for a in annotations if not a.get("iscrowd") and a["area"] > 0]
        with warnings.catch_warnings():
            # pycocotools converts its arrays in a way that NumPy will give up one day.
            warnings.simplefilter("ignore", DeprecationWarning)
            masks = [api.annToMask(a).astype(bool) for a in whole]
        labels = [numbers[a["category_id"]] for a in whole]
        image, target = _squared(photograph, masks, labels, size)
        if len(target["labels"]):
            images.append(image)
            targets.append(target)
    if not images:
        raise fetch.DataError(f"no photograph in {place} shows an object: is it COCO 2017?")
    return _data("coco", split, place, images, targets, len(photographs), "CC BY 4.0; photographs")


def coco_names(folder: str | PathLike | None = None, split: str = "val") -> tuple[str, ...]:
    """Names of COCO's labels 0, 1, ... in the order of its category numbers.

    `folder` and `split` say which annotations to read, as for `load("coco")`.
    """
    api = _coco(fetch.user_folder("coco", folder), split).coco
    return tuple(entry["name"] for entry in api.loadCats(sorted(api.getCatIds())))


def _coco(place: Path, split: str):
    import contextlib
    import io

    from torchvision.datasets import CocoDetection

    annotations = place / "annotations" / f"instances_{split}2017.json"
    if not annotations.is_file():
        raise fetch.DataError(f"there is no {annotations}: unpack COCO's annotations there")
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it announces each of its steps
            photographs = CocoDetection(str(place / f"{split}2017"), str(annotations))
        photographs.coco.getCatIds()
        return photographs
    except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
        raise fetch.DataError(
            f"{annotations} is not what COCO wrote ({type(error).__name__}: {error}): unpack COCO's "
            "annotations again"
        ) from error


def _check_size(size: int) -> None:
    if size < 32:
        raise ValueError(f"size is {size}: give at least 32 pixels")


def _squared(
    photograph: Image.Image, masks: list[np.ndarray], labels: list[int], size: int
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """A photograph and its objects in a square; objects that vanish are left out."""
    scale = size / max(photograph.size)
    shape = [max(1, round(side * scale)) for side in photograph.size]
    square = Image.new("RGB", (size, size), (_GREY,) * 3)
    square.paste(photograph.convert("RGB").resize(shape, Image.Resampling.BILINEAR), (0, 0))
    kept, names, boxes = [], [], []
    for mask, label in zip(masks, labels, strict=True):
        small = Image.fromarray(mask.astype(np.uint8) * 255).resize(shape, Image.Resampling.NEAREST)
        drawn = np.zeros((size, size), bool)
        drawn[: shape[1], : shape[0]] = np.asarray(small) > 127
        rows, columns = np.nonzero(drawn.any(1))[0], np.nonzero(drawn.any(0))[0]
        if len(rows) > 1 and len(columns) > 1:
            kept.append(drawn)
            names.append(label)
            boxes.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    target = {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor(names, dtype=torch.int64),
        "masks": torch.from_numpy(np.array(kept, bool).reshape(-1, size, size)),
    }
    return torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1), target


def _data(
    name: str, split: str, place: Path, images: list, targets: list, whole: int, licence: str
) -> Data:
    stacked = torch.stack(images)
    record = Record(
        name=name,
        split=split,
        source=f"from {place}",
        count=len(images),
        licence=licence,
        of=whole,
        shape=tuple(stacked.shape[1:]),
    )
    return Data(stacked, targets, record)
