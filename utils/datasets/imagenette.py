"""Imagenette: ten easy classes of ImageNet, from a folder in torchvision's layout.

About 13,400 photographs, 9,469 of them for training. ``torchvision.datasets.Imagenette(folder,
size="320px", download=True)`` fetches them; this course never does so by itself.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import torch

from utils import fetch
from utils.datasets import Data, Record, one_of, pictures

CLASS_NAMES: dict[str, tuple[str, ...]] = {
    "imagenette": (
        "tench",
        "English springer",
        "cassette player",
        "chain saw",
        "church",
        "French horn",
        "garbage truck",
        "gas pump",
        "golf ball",
        "parachute",
    )
}
"""Names of the classes in the order of their labels, which is that of their WordNet ids."""

WORDNET_IDS: tuple[str, ...] = (
    "n01440764",
    "n02102040",
    "n02979186",
    "n03000684",
    "n03028079",
    "n03394916",
    "n03417042",
    "n03425413",
    "n03445777",
    "n03888257",
)
"""Folder of each class."""

ARCHIVES: tuple[str, ...] = ("imagenette2", "imagenette2-320", "imagenette2-160")
"""Folders that torchvision unpacks, by size: the first one found is read."""

_ENDINGS = (".jpeg", ".jpg", ".png")


def load_imagenette(
    split: str,
    *,
    folder: str | PathLike | None = None,
    size: int = 256,
    limit: int | None = None,
) -> Data:
    """Imagenette (J. Howard, fast.ai, 2019) as squares of one size, in memory.

    Every photograph is scaled until its shorter side has `size` pixels, and the square in the
    middle is kept, as AlexNet's paper does with 256 (sec. 2). Crops of 227 or 224 are then cut in
    training, by `utils.augmentation`.

    Parameters
    ----------
    split : {"train", "test"}
        "test" reads the folder ``val``: 3,925 photographs with public labels.
    folder : path, optional
        The folder given to torchvision as root (``<cache folder>/imagenette`` without it), which
        holds ``imagenette2``, ``imagenette2-320`` or ``imagenette2-160``, or one of these itself.
    size : int
        Side of the squares, pixels, >= 1.
    limit : int, optional
        Take only so many photographs of each class, the first by name.

    Returns
    -------
    Data
        uint8 images (N, 3, size, size), stored channels last, so that `utils.training.fit` does
        not copy them; int64 labels 0..9. The training part fills 3 size^2 bytes times 9,469: 1.9
        GB at 256.

    Raises
    ------
    ValueError
        If the split is unknown, or the size or limit is no positive number.
    utils.fetch.DataError
        If the folder is not given, not there, holds no such part, or a picture that cannot be
        read.
    """
    name = "imagenette"
    one_of("split", split, ("train", "test"), name)
    if size < 1 or (limit is not None and limit < 1):
        raise ValueError(f"size is {size} and limit is {limit}: give positive whole numbers")
    part = _root(folder) / ("train" if split == "train" else "val")
    files, labels = [], []
    for label, wordnet_id in enumerate(WORDNET_IDS):
        found = sorted(
            path for path in part.glob(f"{wordnet_id}/*") if path.suffix.lower() in _ENDINGS
        )
        files += found[:limit]
        labels += [label] * len(found[:limit])
    if not files:
        raise fetch.DataError(
            f"{part} holds no pictures in folders such as {WORDNET_IDS[0]}: give the folder that "
            "torchvision.datasets.Imagenette(folder, download=True) filled"
        )
    images = torch.empty(len(files), size, size, 3, dtype=torch.uint8)
    for number, path in enumerate(files):
        images[number] = _square(path, size)
    images = images.permute(0, 3, 1, 2)
    record = Record(
        name=name,
        split=split,
        source=f"folder {part.parent.name}",
        count=len(files),
        licence=fetch.describe(name)["licence"],
        shape=tuple(images.shape[1:]),
    )
    return Data(images, torch.tensor(labels), record)


def _root(folder: str | PathLike | None) -> Path:
    """Return the folder that holds ``train`` and ``val``."""
    given = fetch.user_folder("imagenette", folder)
    for candidate in (given, *(given / name for name in ARCHIVES)):
        if (candidate / "train").is_dir() or (candidate / "val").is_dir():
            return candidate
    raise fetch.DataError(
        f"{given} holds neither train and val nor {', '.join(ARCHIVES)}: give the folder that "
        "torchvision.datasets.Imagenette(folder, download=True) filled"
    )


def _square(path: Path, size: int) -> torch.Tensor:
    """Return the middle square of a picture, its shorter side scaled to `size`: (size, size, 3)."""
    import numpy as np
    from PIL import Image

    picture = pictures.read(path, "imagenette")
    scale = size / min(picture.size)
    width, height = (max(size, round(scale * side)) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - size) // 2, (height - size) // 2
    picture = picture.crop((left, top, left + size, top + size))
    return torch.from_numpy(np.array(picture))
