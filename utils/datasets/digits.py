"""Grey 28x28 pictures in ten classes: MNIST's digits and Fashion-MNIST's clothes."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from utils import fetch
from utils.datasets import Data, Record, one_of

CLASS_NAMES: dict[str, tuple[str, ...]] = {
    "mnist": tuple("0123456789"),
    "fashion-mnist": (
        "T-shirt",
        "trousers",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
}
"""Names of the classes in the order of their labels."""

_EMBEDDED_FASHION = {"train": "train-10000", "test": "test-2000"}
_ORIGINAL = {"train": "train", "test": "t10k"}
_WHOLE = {"train": 60_000, "test": 10_000}


def load_mnist(
    split: str, *, source: str | None = None, folder: str | PathLike | None = None
) -> Data:
    """MNIST (LeCun, Cortes, Burges 1998): 60,000 training and 10,000 test digits.

    Parameters
    ----------
    split : {"train", "test"}
    source : {None, "committed"}
        The whole set lies in the repository.
    folder : None
        Not used.

    Returns
    -------
    Data
        uint8 images (N, 1, 28, 28), 0 paper and 255 ink; int64 labels 0..9.

    Raises
    ------
    ValueError
        If the split or source is unknown, or a folder is given.
    utils.fetch.DataError
        If the committed file is missing or damaged.
    """
    _check("mnist", split, source, folder, (None, "committed"))
    images, labels = _read_npz(fetch.obtain("mnist", f"mnist/{split}.npz"))
    return _data("mnist", split, "committed", images, labels)


def load_fashion_mnist(
    split: str, *, source: str | None = None, folder: str | PathLike | None = None
) -> Data:
    """Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): 60,000 training and 10,000 test pictures.

    Parameters
    ----------
    split : {"train", "test"}
    source : {None, "cached", "committed"}
        "cached" is the whole set, fetched before; "committed" the part in the repository, of each
        class the first 1,000 training and the first 200 test pictures. None takes the whole set
        if it was fetched.
    folder : None
        Not used.

    Returns
    -------
    Data
        uint8 images (N, 1, 28, 28), 0 background; int64 labels 0..9, see `CLASS_NAMES`.

    Raises
    ------
    ValueError
        If the split or source is unknown, or a folder is given.
    utils.fetch.DataError
        If a file is missing or damaged.
    """
    name = "fashion-mnist"
    _check(name, split, source, folder, (None, "cached", "committed"))
    if source == "cached" or (source is None and fetch.is_cached(name)):
        images, labels = (
            _read_idx(fetch.obtain(name, f"{name}/{_ORIGINAL[split]}-{kind}", source="cached"))
            for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
        )
        return _data(name, split, "cached", images, labels)
    path = fetch.obtain(name, f"{name}/{_EMBEDDED_FASHION[split]}.npz", source="committed")
    return _data(name, split, "committed", *_read_npz(path))


def _check(name: str, split: str, source: str | None, folder, sources: tuple) -> None:
    one_of("split", split, ("train", "test"), name)
    one_of("source", source, sources, name)
    if folder is not None:
        raise ValueError(f"{name} takes no folder, and {folder} was given: leave it out")


def _data(name: str, split: str, source: str, images: np.ndarray, labels: np.ndarray) -> Data:
    record = Record(
        name=name,
        split=split,
        source=source,
        count=len(images),
        licence=fetch.describe(name)["licence"],
        of=_WHOLE[split],
        shape=(1, *images.shape[1:]),
    )
    return Data(torch.from_numpy(images).unsqueeze(1), _labels(labels), record)


def _labels(labels: np.ndarray) -> Tensor:
    return torch.from_numpy(labels.astype(np.int64))


def _read_npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["images"], arrays["labels"]


def _read_idx(path: Path) -> np.ndarray:
    """Unsigned bytes of an IDX file: 4 bytes of type and axes, 4 for each length, the values."""
    content = np.fromfile(path, np.uint8)
    axes = int(content[3])
    lengths = content[4 : 4 + 4 * axes].view(">u4").tolist()
    return content[4 + 4 * axes :].reshape(lengths)
