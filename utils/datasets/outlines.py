"""Pictures with their true outlines: photographed cut-outs pasted on photographs.

An edge detector can be scored here without an opinion, because we pasted the objects ourselves and
know where they end. Both halves of a test picture are new: the cut-out is held out, and so is the
photograph behind it (or a net could pass the test by remembering the grounds it must ignore).
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from utils.datasets import Data, Record, one_of
from utils.datasets.cutouts import CLASSES, LICENCE, members
from utils.datasets.photos import pil_photo, random_crop

GROUNDS: dict[str, tuple[str, ...]] = {
    "train": ("brick", "clock", "coffee", "coins"),
    "test": ("camera", "china", "grass", "gravel"),
}
"""Photographs behind the objects of each split."""

HALF_WIDTH = 1
"""A pixel counts as outline if the object's border runs within one pixel of it."""


def outlines(split: str = "train", *, count: int, size: int = 128, seed: int = 0) -> Data:
    """Render pictures with one or two objects and their outlines.

    Parameters
    ----------
    split : {"train", "test"}
        Test pictures show held-out cut-outs on photographs that no training picture shows.
    count : int
        Number of pictures, at least 1.
    size : int
        Side in pixels, at least 48.
    seed : int
        Which pictures, at least 0.

    Returns
    -------
    Data
        ``images`` (count, 3, size, size) uint8; ``targets`` (count, size, size) bool, True on
        the outline of the visible part of each object, three pixels wide.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    one_of("split", split, tuple(GROUNDS), "outlines")
    if count < 1 or size < 48 or seed < 0:
        raise ValueError(
            f"got count={count}, size={size}, seed={seed}: give count >= 1, size >= 48 and "
            "seed >= 0."
        )
    pool = members(CLASSES, split)
    images = np.empty((count, size, size, 3), np.uint8)
    lines = np.empty((count, size, size), bool)
    for index in range(count):
        rng = np.random.default_rng([seed, tuple(GROUNDS).index(split), index])
        ground = GROUNDS[split][rng.integers(len(GROUNDS[split]))]
        picture = random_crop(pil_photo(ground), size, rng, (0.4, 0.9))
        owner = np.zeros((size, size), np.uint8)
        for number in range(1, int(rng.integers(1, 3)) + 1):
            kind = pool[rng.integers(len(pool))]
            cutout = kind[rng.integers(len(kind))].image
            scale = rng.uniform(0.4, 0.75) * size / max(cutout.size)
            shape = [max(1, round(length * scale)) for length in cutout.size]
            cutout = cutout.resize(shape, Image.Resampling.BILINEAR)
            if rng.random() < 0.5:
                cutout = cutout.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            x, y = (int(rng.integers(size - length + 1)) for length in cutout.size)
            picture.paste(cutout, (x, y), cutout)
            solid = np.asarray(cutout.getchannel("A")) > 127
            owner[y : y + solid.shape[0], x : x + solid.shape[1]][solid] = number
        images[index] = np.asarray(picture)
        lines[index] = border(owner)
    return Data(
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(lines),
        Record(
            name="outlines",
            split=split,
            source=f"rendered, seed {seed}",
            count=count,
            licence=LICENCE,
            shape=(3, size, size),
        ),
    )


def border(owner: np.ndarray) -> np.ndarray:
    """Pixels whose 3 x 3 neighbourhood belongs to more than one owner.

    Parameters
    ----------
    owner : array
        (H, W) integers: 0 for the ground, k for the k-th object.

    Returns
    -------
    array
        (H, W) bool.

    Raises
    ------
    ValueError
        If `owner` has not two axes.

    >>> border(np.array([[0, 0, 0, 1, 1, 1]])).astype(int)
    array([[0, 0, 1, 1, 0, 0]])
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    if np.ndim(owner) != 2:
        raise ValueError(f"owners of shape {np.shape(owner)}: give one number a pixel, (H, W)")
    side = 2 * HALF_WIDTH + 1
    return maximum_filter(owner, side) != minimum_filter(owner, side)
