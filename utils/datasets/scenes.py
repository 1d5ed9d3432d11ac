"""Scenes for detection and segmentation: photographed cut-outs pasted on photographs.

Every scene has exact boxes, labels and masks. The test split shows cut-outs that no training scene
shows; the photographs behind them are shared (only the crops differ), which cannot help to name an
object, since they are drawn without regard to it, and show nothing of the eight classes themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageFilter

from utils.arguments import integer
from utils.datasets import Data, Record
from utils.datasets.cutouts import (
    FOUR_CLASSES,
    LICENCE,
    SPLITS,
    Cutout,
    choose_classes,
    members,
)
from utils.datasets.photos import BACKGROUNDS, is_grey, pil_photo, random_crop

CLASS_NAMES = {"scenes": FOUR_CLASSES}
"""Names of the labels with ``classes=4``; otherwise they are those asked for."""

MAX_HIDDEN = 0.35
"""Largest share of an object that later objects may cover."""

_TRIES = 8  # places tried for an object before it is left out
_LEAST_SIZE = 32


def scenes(
    count: int,
    *,
    split: str = "train",
    size: int = 128,
    classes: int | Sequence[str] = 4,
    max_objects: int = 2,
    object_size: tuple[float, float] = (0.35, 0.65),
    seed: int = 0,
    first: int = 0,
    hold_out: int = 0,
    masks: bool = True,
) -> Data:
    """Render scenes with one to ``max_objects`` objects each.

    A scene depends on ``seed``, its split and its number alone, not on ``count``: scene 7 is the
    same whether 10 or 10,000 are asked for. One takes about 1.5 ms of one thread at 128 pixels.

    Parameters
    ----------
    count : int
        Number of scenes, at least 1.
    split : {"train", "validation", "test"}
        "train" and "validation" show the same cut-outs in different scenes, "test" the fifth of
        each class that is held out.
    size : int
        Side of the square scene in pixels, at least 32. Cut-outs are stored with up to 112
        pixels: larger objects look soft.
    classes : int or sequence of str
        4 (mammal, fruit, flower, vehicle), 8, or a list of names; objects are drawn with equal
        chance for each class, and a label is the position in this list.
    max_objects : int
        Largest number of objects, 1..20.
    object_size : (float, float)
        Least and greatest longer side of an object before rotation, as a share of ``size``.
    seed : int
        Which collection of scenes, at least 0.
    first : int
        Number of the first scene, at least 0; ``first=epoch * count`` gives fresh ones.
    hold_out : int
        Which choice of held-out cut-outs, at least 0.
    masks : bool
        Whether targets hold the masks, which take ``size ** 2`` bytes an object.

    Returns
    -------
    Data
        ``images`` (count, 3, size, size) uint8. ``targets``, one dict a scene with M objects:
        ``boxes`` (M, 4) float32, x1, y1, x2, y2 in pixels, x2 and y2 exclusive, so that x2 - x1
        is the width of the visible part; ``labels`` (M,) int64, 0..len(classes) - 1 (add 1 for
        torchvision's detectors, whose 0 is the background); ``masks`` (M, size, size) bool, the
        visible pixels; ``visible`` (M,) float32, the share not covered by later objects, at
        least 0.65; ``cutouts`` (M,) int64, the cut-out's number in ``cutouts.cutouts()``.

    Raises
    ------
    TypeError
        If a number of things is no whole number.
    ValueError
        If an argument is out of range.
    """
    chosen = choose_classes(classes)
    low, high = object_size
    if count < 1 or size < _LEAST_SIZE or not 1 <= max_objects <= 20 or min(seed, first) < 0:
        raise ValueError(
            f"got count={count}, size={size}, max_objects={max_objects}, seed={seed}, "
            f"first={first}; count must be at least 1, size at least {_LEAST_SIZE}, max_objects "
            "1 to 20, seed and first at least 0."
        )
    integer("max_objects", max_objects, at_least=1)
    if not 8 / size <= low <= high <= 1:
        raise ValueError(
            f"got object_size={object_size}; it must be two shares of the scene's side with "
            f"{8 / size:.3g} (8 pixels) <= low <= high <= 1."
        )
    pool = members(chosen, split, hold_out)
    images = np.empty((count, size, size, 3), np.uint8)
    targets = []
    for index in range(count):
        rng = np.random.default_rng([seed, SPLITS.index(split), first + index])
        number = int(rng.integers(1, max_objects + 1))
        images[index], target = _scene(rng, pool, size, number, object_size)
        if not masks:
            del target["masks"]
        targets.append(target)
    return Data(
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
        targets,
        Record(
            name="scenes",
            split=split,
            source=f"rendered, seed {seed}",
            count=count,
            licence=LICENCE,
            shape=(3, size, size),
        ),
    )


def _scene(
    rng: np.random.Generator,
    pool: list[list[Cutout]],
    size: int,
    number: int,
    object_size: tuple[float, float],
) -> tuple[np.ndarray, dict[str, torch.Tensor]]:
    """One scene (size, size, 3) and its target."""
    picture = background(rng, size)
    owner = np.zeros((size, size), np.uint8)  # 0 ground, k the k-th object
    labels: list[int] = []
    numbers: list[int] = []
    areas: list[int] = []
    for _ in range(number):
        label = int(rng.integers(len(pool)))
        cutout = pool[label][rng.integers(len(pool[label]))]
        pasted = _vary(rng, cutout.image, rng.uniform(*object_size) * size, size)
        shape = np.asarray(pasted.getchannel("A")) > 127
        place = _place(rng, owner, shape, areas)
        if place is None:
            continue
        x, y = place
        picture.paste(pasted, place, pasted)
        labels.append(label)
        numbers.append(cutout.number)
        areas.append(int(shape.sum()))
        owner[y : y + shape.shape[0], x : x + shape.shape[1]][shape] = len(labels)
    masks = owner[None] == np.arange(1, len(labels) + 1, dtype=np.uint8)[:, None, None]
    target = {
        "boxes": torch.from_numpy(_boxes(masks)),
        "labels": torch.tensor(labels),
        "masks": torch.from_numpy(masks),
        "visible": torch.from_numpy((masks.sum((1, 2)) / areas).astype(np.float32)),
        "cutouts": torch.tensor(numbers),
    }
    return np.asarray(picture), target


def background(rng: np.random.Generator, size: int) -> Image.Image:
    """Random crop of a photograph without objects: tinted if grey, blurred by chance.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    size : int
        Side of the crop in pixels after resizing.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, ``size`` x ``size``.

    Raises
    ------
    TypeError, ValueError
        If ``size`` is no whole number, or below 1.
    """
    name = BACKGROUNDS[rng.integers(len(BACKGROUNDS))]
    crop = random_crop(pil_photo(name), size, rng, (0.4, 0.9))
    gain = rng.uniform(0.7, 1.15) * np.ones(3)
    if is_grey(name):  # between warm and cool, now and then greenish
        warmth, green = rng.uniform(-0.18, 0.18), rng.uniform(-0.02, 0.08)
        gain *= (1 + warmth, 1 + green, 1 - warmth)
    levels = np.clip(np.arange(256) * gain[:, None], 0, 255).astype(np.uint8)
    crop = crop.point(levels.ravel().tolist())
    return crop.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5) * size / 128))


def _vary(rng: np.random.Generator, image: Image.Image, side: float, size: int) -> Image.Image:
    """Resize a cut-out to a longer side, flip and rotate it; cropped to its solid pixels."""
    scale = side / max(image.size)
    shape = [max(1, round(length * scale)) for length in image.size]
    image = image.resize(shape, Image.Resampling.BILINEAR)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    image = image.rotate(rng.normal(0, 8), Image.Resampling.BICUBIC, expand=True)
    image = _solid(image)
    if max(image.size) > size:
        image.thumbnail((size, size), Image.Resampling.BILINEAR)
        image = _solid(image)
    return image


def _solid(image: Image.Image) -> Image.Image:
    """Crop to the pixels with alpha > 127, the ones a mask counts."""
    box = image.getchannel("A").point([0] * 128 + [255] * 128).getbbox()
    return image.crop(box) if box else image


def _place(
    rng: np.random.Generator, owner: np.ndarray, shape: np.ndarray, areas: list[int]
) -> tuple[int, int] | None:
    """A place (x, y) for an object that hides no earlier one too much, or None."""
    if not shape.any():
        return None
    height, width = shape.shape
    visible = np.bincount(owner.ravel(), minlength=len(areas) + 1)[1:]
    for _ in range(_TRIES):
        x = int(rng.integers(owner.shape[1] - width + 1))
        y = int(rng.integers(owner.shape[0] - height + 1))
        covered = owner[y : y + height, x : x + width][shape]
        left = visible - np.bincount(covered, minlength=len(areas) + 1)[1:]
        if np.all(left >= (1 - MAX_HIDDEN) * np.asarray(areas)):
            return x, y
    return None


def _boxes(masks: np.ndarray) -> np.ndarray:
    """Extents (M, 4) float32 of masks (M, H, W), none empty."""
    rows, columns = masks.any(2), masks.any(1)
    first = lambda lines: lines.argmax(1)
    last = lambda lines: lines.shape[1] - lines[:, ::-1].argmax(1)
    corners = [first(columns), first(rows), last(columns), last(rows)]
    return np.stack(corners, 1).astype(np.float32)
