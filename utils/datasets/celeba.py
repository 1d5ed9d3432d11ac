"""CelebA from a folder of yours, in the form of the rendered faces.

Photographs of real people, collected without asking them, with labels that others put: read the
terms, and lecture 15 on what such data do, before you use it. Nothing of it is in this repository.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from utils import fetch
from utils.datasets import Data, Record, one_of, pictures

_CELEBA_SPLITS = {"train": "train", "unseen": "train", "validation": "valid", "test": "test"}


def celeba(
    split: str = "train",
    folder: str | os.PathLike | None = None,
    side: int = 224,
    limit: int | None = None,
    attribute: str = "Male",
) -> Data:
    """CelebA from a folder of yours, read by torchvision, in the form of the rendered faces.

    CelebA's own partition is kept: nobody is in two parts. Its training persons are shared out:
    those with an even number are "train", those with an odd one "unseen".

    Parameters
    ----------
    split : {"train", "unseen", "validation", "test"}
    folder : path, optional
        Holds ``img_align_celeba``, ``list_attr_celeba.txt``, ``identity_CelebA.txt`` and
        ``list_eval_partition.txt``; by default ``celeba`` in the cache folder.
    side : int
        The middle square of each picture, 178 x 178, is resized to side x side, side >= 16.
    limit : int, optional
        At most so many pictures, person by person in the order of their numbers.
    attribute : str
        A name from the attribute file. The paper's is "Male": two values, put by labellers on
        photographs of people who were not asked.

    Returns
    -------
    Data
        ``images`` (N, 3, side, side) uint8; ``targets`` (N, 3) int64 as for `faces`: persons are
        numbered anew from 0, style is 1 where the attribute is present, age is unknown: -1.

    Raises
    ------
    ValueError
        If an argument is out of range or there is no such attribute.
    utils.fetch.DataError
        If the folder or one of its files is missing.
    """
    one_of("split", split, tuple(_CELEBA_SPLITS), "celeba")
    if side < 16 or (limit is not None and limit < 1):
        raise ValueError(f"got side={side}, limit={limit}: give a side of 16 or more, a limit >= 1")
    place = fetch.user_folder("celeba", folder)
    for name in ("list_attr_celeba.txt", "identity_CelebA.txt", "list_eval_partition.txt"):
        if not (place / name).is_file():
            raise fetch.DataError(f"the folder {place} holds no {name}: CelebA comes with it")
    try:
        found = _celeba_at(place, _CELEBA_SPLITS[split])
    except (OSError, ValueError, IndexError, KeyError, RuntimeError) as error:
        raise fetch.DataError(
            f"a list in {place} is not as CelebA's owners wrote it ({' '.join(str(error).split())}): "
            "unpack CelebA's lists again"
        ) from error
    columns = found.attr.ndim == found.identity.ndim == 2  # not so if a list has one row
    if not (columns and len(found.attr) == len(found.identity) == len(found.filename)):
        raise fetch.DataError(
            f"the lists in {place} name {len(found.filename)} pictures, {len(found.identity)} persons "
            f"and {len(found.attr)} rows of attributes: unpack CelebA's lists again"
        )
    pictures.refuse_doubles(found.filename, f"list_eval_partition.txt in {place}")
    if attribute not in found.attr_names:
        names = ", ".join(name for name in found.attr_names if name)
        raise ValueError(f"celeba has no attribute {attribute!r}: it has {names}")
    identity = found.identity[:, 0]
    style = found.attr[:, found.attr_names.index(attribute)]
    order = identity.argsort(stable=True)
    if _CELEBA_SPLITS[split] == "train":
        order = order[identity[order] % 2 == (split == "unseen")]
    order = order[:limit]
    images = torch.empty((len(order), 3, side, side), dtype=torch.uint8)
    for number, index in enumerate(order.tolist()):
        picture = pictures.read(place / "img_align_celeba" / found.filename[index], "CelebA")
        edge = min(picture.size)
        left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
        box = (left, top, left + edge, top + edge)
        picture = picture.resize((side, side), Image.Resampling.BILINEAR, box)
        images[number] = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
    persons = torch.unique(identity[order], return_inverse=True)[1]
    targets = torch.stack([persons, style[order], torch.full_like(persons, -1)], dim=1)
    record = Record(
        name="celeba",
        split=split,
        source=f"folder {place.name}",
        count=len(images),
        licence="non-commercial research only",
        shape=(3, side, side),
    )
    return Data(images, targets.to(torch.int64), record)


def _celeba_at(place: Path, split: str):
    """Open torchvision's CelebA without its check of hashes; boxes and landmarks may be absent."""
    from torchvision import datasets

    class Folder(datasets.CelebA):
        base_folder = place.name

        def _check_integrity(self) -> bool:
            return True

        def _load_csv(self, filename, header=None):
            if not (place / filename).is_file():  # not needed here, but read
                filename, header = "identity_CelebA.txt", None
            return super()._load_csv(filename, header)

    return Folder(place.parent, split=split, target_type=["attr", "identity"])
