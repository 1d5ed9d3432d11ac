"""Rendered colour images of 32 x 32 pixels in eight classes: the embedded stand-in for CIFAR-10.

Each image is one photographed cut-out, moved, scaled, turned, mirrored and lit by chance, over a
crop of a photograph. The test split shows cut-outs that no training image shows, so it asks whether
a network knows birds, not whether it knows these birds.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from utils.datasets import Data, Record
from utils.datasets.cutouts import CLASSES, LICENCE, SPLITS, Cutout, cutouts, members
from utils.datasets.scenes import background

CLASS_NAMES = {"colour": CLASSES}

SIZE = 32
COUNTS: dict[str, int] = {"train": 20_000, "validation": 2_000, "test": 2_000}
"""Images of each split unless a count is given: all 24,000 take a few seconds to render."""

_BLOCK = 256  # images rendered together; an image depends on its block and its place there
_OVERSAMPLING = 2
_CANVAS = 64  # side of a stored cut-out
_OBJECT = 60  # longer side of a cut-out on that canvas
_GROUNDS = 1_024  # crops of photographs a split draws its backgrounds from


def colour(
    split: str = "train", count: int | None = None, seed: int = 0, *, hold_out: int = 0
) -> Data:
    """Render a split of the colour images.

    Every eight consecutive images show every class once, in random order. An image depends on
    split, seed and its number alone, not on ``count``.

    Parameters
    ----------
    split : {"train", "validation", "test"}
        "train" and "validation" show the same cut-outs in different pictures, "test" the fifth of
        each class that is held out.
    count : int, optional
        Number of images, at least 1; by default 20,000, 2,000 and 2,000.
    seed : int
        Which collection, at least 0.
    hold_out : int
        Which choice of held-out cut-outs, at least 0.

    Returns
    -------
    Data
        ``images`` (count, 3, 32, 32) uint8, ``targets`` (count,) int64, 0..7, positions in
        ``utils.datasets.cutouts.CLASSES``.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    pool = members(CLASSES, split, hold_out)
    count = COUNTS[split] if count is None else count
    if count < 1 or seed < 0:
        raise ValueError(f"got count={count}, seed={seed}; they must be at least 1 and 0.")
    images = torch.empty((count, 3, SIZE, SIZE), dtype=torch.uint8)
    targets = torch.empty(count, dtype=torch.int64)
    grounds = _grounds(split)
    for start in range(0, count, _BLOCK):
        part = slice(start, min(start + _BLOCK, count))
        block = _render(pool, grounds, [seed, SPLITS.index(split), start // _BLOCK])
        images[part] = block[0][: part.stop - start]
        targets[part] = block[1][: part.stop - start]
    return Data(
        images,
        targets,
        Record(
            name="colour",
            split=split,
            source=f"rendered, seed {seed}",
            count=count,
            licence=LICENCE,
            shape=(3, SIZE, SIZE),
        ),
    )


def _render(
    pool: list[list[Cutout]], grounds: torch.Tensor, entropy: list[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """One block of images (256, 3, 32, 32) uint8 and labels (256,)."""
    rng = np.random.default_rng(entropy)
    labels = rng.permuted(np.tile(np.arange(len(pool)), (_BLOCK // len(pool), 1)), axis=1).ravel()
    which = rng.random(_BLOCK)
    numbers = [pool[k][int(u * len(pool[k]))].number for k, u in zip(labels, which, strict=True)]
    theta = torch.from_numpy(_placement(rng, numbers))
    side = SIZE * _OVERSAMPLING
    grid = F.affine_grid(theta, [_BLOCK, 4, side, side], align_corners=False)
    cut = _canvases()[torch.tensor(numbers)].float() / 255
    cut = F.avg_pool2d(F.grid_sample(cut, grid, align_corners=False), _OVERSAMPLING)
    ground = grounds[torch.from_numpy(rng.integers(len(grounds), size=_BLOCK))].float() / 255
    ground = torch.where(
        torch.from_numpy(rng.random(_BLOCK) < 0.5).view(-1, 1, 1, 1), ground.flip(3), ground
    )
    tone, alpha = cut[:, :3] * _light(rng, 0.18, 0.07), cut[:, 3:]
    picture = tone + (1 - alpha) * ground * _light(rng, 0.2, 0.1)
    images = (picture.clamp(0, 1) * 255).round().to(torch.uint8)
    return images, torch.from_numpy(labels)


def _placement(rng: np.random.Generator, numbers: list[int]) -> np.ndarray:
    """Maps (count, 2, 3) float32 from output to canvas coordinates, both -1..1."""
    count = len(numbers)
    sizes = np.array([cutouts()[number].image.size for number in numbers])
    slender = (sizes.max(1) / sizes.min(1)) ** 0.25  # a slender thing is drawn longer
    share = np.minimum(rng.uniform(0.6, 1.0, count) * slender, 1.05)  # longer side in the image
    angle = np.deg2rad(rng.normal(0, 12, count))
    mirror = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    shift = rng.uniform(-1, 1, (count, 2)) * (1.1 - share)[:, None]  # may lose a little
    zoom = _OBJECT / _CANVAS / share
    cosine, sine = np.cos(angle) * zoom, np.sin(angle) * zoom
    turn = np.stack([mirror * cosine, mirror * sine, -sine, cosine], -1).reshape(count, 2, 2)
    offset = -np.einsum("nij,nj->ni", turn, shift)
    return np.concatenate([turn, offset[..., None]], 2).astype(np.float32)


def _light(rng: np.random.Generator, common: float, each: float) -> torch.Tensor:
    """Factors (256, 3, 1, 1): a common brightness and a smaller change of each channel."""
    factors = np.exp(rng.normal(0, common, (_BLOCK, 1)) + rng.normal(0, each, (_BLOCK, 3)))
    return torch.from_numpy(factors.astype(np.float32)).view(-1, 3, 1, 1)


@cache
def _canvases() -> torch.Tensor:
    """All cut-outs (201, 4, 64, 64) uint8, colours multiplied by alpha, centred."""
    canvases = np.zeros((len(cutouts()), _CANVAS, _CANVAS, 4), np.uint8)
    for cutout in cutouts():
        scale = _OBJECT / max(cutout.image.size)
        width, height = (max(1, round(length * scale)) for length in cutout.image.size)
        premultiplied = cutout.image.convert("RGBa")
        small = premultiplied.resize((width, height), Image.Resampling.BILINEAR)
        x, y = (_CANVAS - width) // 2, (_CANVAS - height) // 2
        canvases[cutout.number, y : y + height, x : x + width] = np.asarray(small)
    return torch.from_numpy(canvases).permute(0, 3, 1, 2).contiguous()


@cache
def _grounds(split: str) -> torch.Tensor:
    """Backgrounds (1024, 3, 32, 32) uint8 of a split."""
    rng = np.random.default_rng([SPLITS.index(split), 32])
    crops = np.stack([np.asarray(background(rng, SIZE)) for _ in range(_GROUNDS)])
    return torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous()
