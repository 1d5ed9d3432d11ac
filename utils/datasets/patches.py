"""A collection of image patches to look for what excites a feature map.

Zeiler and Fergus looked for the strongest activations among ImageNet's 50,000 validation images.
This collection is small, but every patch knows the photograph it came from, so that the nine best
of a map can be nine different things: crops of the installed photographs, and each photographed
cut-out on plain grounds (on photographs, the grounds would take the first places).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from utils.datasets import Data, Record, one_of, photos
from utils.datasets import cutouts as stamps

CROPS = 14
"""Crops of each photograph."""

COPIES = 2
"""Pictures of each cut-out."""


def patches(
    split: str = "all", *, size: int = 227, seed: int = 0, limit: int | None = None
) -> Data:
    """Crops of photographs and cut-outs on plain grounds, each with the number of its source.

    Parameters
    ----------
    split : {"all"}
        Nothing is trained on them, so there is one part.
    size : int
        Side of a patch in pixels, at least 32.
    seed : int
        Which crops and grounds, at least 0.
    limit : int, optional
        Only so many, spread evenly over the collection; for tests.

    Returns
    -------
    Data
        ``images`` (N, 3, size, size) uint8; ``targets`` (N,) int64, the number of the source, see
        `sources`. First 14 crops of each of the photographs, then two pictures of each of the 201
        cut-outs. The sedan and the police car are one photograph; two pictures of a gnu calf and
        two of a golden pig, which may show one animal each, count as one to be safe.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    one_of("split", split, ("all",), "patches")
    if size < 32 or seed < 0:
        raise ValueError(f"got size={size} and seed={seed}: give size >= 32 and seed >= 0.")
    names = sources()
    jobs: list[tuple[int, int]] = []
    for number, name in enumerate(names):
        jobs.extend((number, copy) for copy in range(CROPS if "/" not in name else COPIES))
    if limit is not None:
        if not 1 <= limit <= len(jobs):
            raise ValueError(f"got limit={limit}: give 1 to {len(jobs)}, or None for all.")
        jobs = [jobs[i * len(jobs) // limit] for i in range(limit)]
    by_name = {cutout.name: cutout.image for cutout in stamps.cutouts()}
    images = np.empty((len(jobs), size, size, 3), np.uint8)
    for row, (number, copy) in enumerate(jobs):
        rng = np.random.default_rng([seed, number, copy])
        name = names[number]
        if name in by_name:
            images[row] = on_plain_ground(by_name[name], size, rng)
        else:
            images[row] = photos.random_crop(photos.pil_photo(name), size, rng, (0.3, 0.75))
    return Data(
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
        torch.tensor([_one_source(number, names) for number, _ in jobs]),
        Record(
            name="patches",
            split=split,
            source=f"cut from {len(photos.names())} photographs and {len(by_name)} cut-outs",
            count=len(jobs),
            licence="cut-outs GPL-2.0-or-later, photographs CC BY 2.0 or freer",
            shape=(3, size, size),
        ),
    )


def sources() -> list[str]:
    """Name of each source by its number: the photographs, then the cut-outs as ``kind/name``."""
    return [*photos.names(), *(cutout.name for cutout in stamps.cutouts())]


_SAME = {
    "vehicle/emergency-sedan_police": "vehicle/auto-sedan",
    "mammal/bovines-gnu-baby": "mammal/bovines-gnu-baby-stand",
    "mammal/pig_golden2": "mammal/pig_golden",
}
"""Pictures of one and the same thing, certainly or possibly."""


def _one_source(number: int, names: list[str]) -> int:
    return names.index(_SAME.get(names[number], names[number]))


def on_plain_ground(image: Image.Image, size: int, rng: np.random.Generator) -> Image.Image:
    """Put a cut-out on a ground of one light or dark colour, turned a little, mirrored by chance.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGBA.
    size : int
        Side of the result in pixels.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    PIL.Image.Image
        Mode RGB; the cut-out's longer side is 0.65 to 0.95 of ``size``.
    """
    scale = rng.uniform(0.65, 0.95) * size / max(image.size)
    image = image.resize(
        [max(1, round(length * scale)) for length in image.size], Image.Resampling.BICUBIC
    )
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    grey, tint = rng.uniform(110, 235), rng.uniform(-14, 14, size=3)
    ground = Image.new("RGB", (size, size), tuple(int(grey + part) for part in tint))
    x, y = (int(rng.integers(size - length + 1)) for length in image.size)
    ground.paste(image, (x, y), image)
    return ground


PARTS: tuple[str, ...] = ("head", "foreleg", "hind leg")
"""The parts marked on the animals of `animals_with_parts`."""

_MARKS: dict[str, tuple[str, tuple[tuple[float, float], ...]]] = {
    "bovines-bison": ("right", ((0.88, 0.42), (0.61, 0.82), (0.14, 0.80))),
    "bovines-cow": ("right", ((0.88, 0.28), (0.58, 0.80), (0.08, 0.78))),
    "bovines-gnu-stand": ("left", ((0.10, 0.35), (0.43, 0.78), (0.84, 0.75))),
    "camel-dromedary": ("left", ((0.16, 0.10), (0.48, 0.78), (0.90, 0.80))),
    "deer-wapiti": ("left", ((0.13, 0.40), (0.36, 0.75), (0.90, 0.75))),
    "elephant": ("left", ((0.30, 0.25), (0.36, 0.78), (0.87, 0.78))),
    "equines-donkey": ("left", ((0.10, 0.30), (0.36, 0.75), (0.84, 0.78))),
    "equines-horse": ("right", ((0.92, 0.22), (0.58, 0.78), (0.12, 0.75))),
    "equines-zebra": ("left", ((0.12, 0.22), (0.41, 0.75), (0.90, 0.80))),
    "pig": ("right", ((0.90, 0.55), (0.66, 0.80), (0.14, 0.80))),
}
"""Ten animals seen from the side: where they look, and their parts (x, y) as shares of width and
height of the cut-out, marked by hand."""


@dataclass(frozen=True)
class Animals:
    """Ten animals of one size, all looking left, with the same three parts marked on each.

    Attributes
    ----------
    names : tuple of str
    images : torch.Tensor
        (10, 3, size, size) uint8, on a ground of mid-grey.
    parts : torch.Tensor
        (10, 3, 2) int64, row and column in pixels of head, foreleg and hind leg, see `PARTS`.
    solid : torch.Tensor
        (10, size, size) bool, the animal's own pixels.
    """

    names: tuple[str, ...]
    images: torch.Tensor
    parts: torch.Tensor
    solid: torch.Tensor


GROUND: tuple[int, int, int] = (124, 117, 104)
"""ImageNet's mean colour: a square of it covers a part as if it had never been there."""


def animals_with_parts(size: int = 227) -> Animals:
    """Ten four-legged animals seen from the side, and where their parts are.

    Parameters
    ----------
    size : int
        Side of the pictures in pixels, at least 64; the animals are 0.84 of it long.

    Returns
    -------
    Animals

    Raises
    ------
    ValueError
        If ``size`` is too small.
    """
    if size < 64:
        raise ValueError(f"got size={size}: give at least 64.")
    pictures = {cutout.name.partition("/")[2]: cutout.image for cutout in stamps.cutouts()}
    images, parts, solid = [], [], []
    for name, (looks, marks) in _MARKS.items():
        image, places = pictures[name], np.array(marks)
        if looks == "right":
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            places = np.array([1, 0]) + np.array([-1, 1]) * places
        scale = 0.84 * size / max(image.size)
        shape = np.array([round(length * scale) for length in image.size])
        image = image.resize(tuple(shape.tolist()), Image.Resampling.BICUBIC)
        corner = (size - shape) // 2
        ground = Image.new("RGB", (size, size), GROUND)
        ground.paste(image, tuple(corner.tolist()), image)
        alpha = Image.new("L", (size, size))
        alpha.paste(image.getchannel("A"), tuple(corner.tolist()))
        images.append(np.array(ground))
        solid.append(np.array(alpha) > 127)
        parts.append(np.round(corner + places * shape)[:, ::-1].astype(np.int64))
    return Animals(
        tuple(_MARKS),
        torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(np.stack(parts)),
        torch.from_numpy(np.stack(solid)),
    )


def random_places(
    animals: Animals, size: int, seed: int | list[int], *, same: bool = False
) -> torch.Tensor:
    """Places on the animals that stay away from the marked parts.

    Parameters
    ----------
    animals : Animals
    size : int
        Side in pixels of the square that will cover a place.
    seed : int or list of int
    same : bool
        One place for all animals, on at least nine of the ten, instead of one for each; it may
        come near a part.

    Returns
    -------
    torch.Tensor
        (10, 2) int64, rows and columns.
    """
    rng = np.random.default_rng(seed)
    if same:
        shared = np.argwhere(animals.solid.float().mean(0).numpy() >= 0.9)
        return torch.from_numpy(np.tile(shared[rng.integers(len(shared))], (len(animals.names), 1)))
    places = []
    for solid, parts in zip(animals.solid.numpy(), animals.parts.numpy(), strict=True):
        inside = np.argwhere(solid)
        distance = np.abs(inside[:, None] - parts).max(2).min(1)
        free = inside[distance > 0.8 * size]
        places.append(free[rng.integers(len(free))])
    return torch.from_numpy(np.stack(places))
