"""HAM10000: dermatoscopic pictures of seven diagnoses, from a folder of the reader's.

Many lesions were photographed more than once. A split by picture would put the same mole on both
sides and measure memory; this one is drawn by lesion.
"""

from __future__ import annotations

import csv
from os import PathLike
from pathlib import Path

import numpy as np
import torch

from utils import fetch
from utils.datasets import Data, Record, one_of, pictures

DIAGNOSES: tuple[str, ...] = ("nv", "bkl", "df", "vasc", "mel", "bcc", "akiec")
"""Labels of the metadata file; a target is a position in this tuple."""

CLASS_NAMES: dict[str, tuple[str, ...]] = {"ham10000": DIAGNOSES}

TREE: dict[str, dict[str, dict[str, None]]] = {
    "benign": {
        "melanocytic naevi": {"nv": None},
        "benign keratoses": {"bkl": None},
        "other benign": {"df": None, "vasc": None},
    },
    "malignant": {
        "melanomas": {"mel": None},
        "keratinocyte cancers": {"bcc": None, "akiec": None},
    },
}
"""Two groups, five families, seven diagnoses. Actinic keratoses and Bowen's disease ("akiec") are
counted with the cancers they may become."""

SHARES: dict[str, float] = {"train": 0.7, "validation": 0.1, "test": 0.2}
"""Shares of each diagnosis's lesions."""

METADATA = "HAM10000_metadata.csv"


def load_ham10000(
    split: str = "train",
    *,
    folder: str | PathLike | None = None,
    size: int = 128,
    seed: int = 0,
) -> Data:
    """Pictures of a part of the lesions, as squares of one size, in memory.

    Parameters
    ----------
    split : {"train", "validation", "test"}
        Drawn by ``lesion_id`` within each diagnosis: all pictures of a lesion are in one part.
    folder : path, optional
        Holds ``HAM10000_metadata.csv`` and, beside it or in folders, ``ISIC_*.jpg``;
        ``<cache folder>/ham10000`` without it.
    size : int
        Side of the squares in pixels, >= 16: the shorter side is scaled to it, the middle kept.
    seed : int
        Of the split, >= 0.

    Returns
    -------
    Data
        uint8 images (N, 3, size, size), int64 targets, positions in `DIAGNOSES`. 7,000 pictures
        of 128 pixels fill 0.35 GB.

    Raises
    ------
    ValueError
        If an argument is out of range.
    utils.fetch.DataError
        If the folder or its metadata is missing or damaged, or a picture is missing or unreadable.
    """
    one_of("split", split, tuple(SHARES), "ham10000")
    if size < 16 or seed < 0:
        raise ValueError(
            f"got size={size}, seed={seed}: give 16 pixels or more, a seed of 0 or more"
        )
    root = fetch.user_folder("ham10000", folder)
    rows = _rows(root)
    parts = split_lesions({row["lesion_id"]: row["dx"] for row in rows}, seed)
    chosen = [row for row in rows if parts[row["lesion_id"]] == split]
    if not chosen:
        raise fetch.DataError(f"the {split} part of {root} is empty: it has too few lesions")
    files = {path.stem: path for path in sorted(root.glob("**/ISIC_*.jpg"))}
    missing = [row["image_id"] for row in chosen if row["image_id"] not in files]
    if missing:
        raise fetch.DataError(
            f"{len(missing)} of {len(chosen)} pictures of the {split} part are not in {root}, such "
            f"as {missing[0]}.jpg: unpack both archives of pictures into it"
        )
    images = np.empty((len(chosen), size, size, 3), np.uint8)
    for number, row in enumerate(chosen):
        images[number] = _square(files[row["image_id"]], size)
    lesions = len({row["lesion_id"] for row in chosen})
    record = Record(
        name="ham10000",
        split=split,
        source=f"{lesions:,} lesions, folder {root.name}, split by lesion, seed {seed}",
        count=len(chosen),
        licence=fetch.describe("ham10000")["licence"],
        shape=(3, size, size),
    )
    targets = torch.tensor([DIAGNOSES.index(row["dx"]) for row in chosen])
    return Data(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), targets, record)


def split_lesions(diagnoses: dict[str, str], seed: int) -> dict[str, str]:
    """Part lesions into train, validation and test, each diagnosis by itself.

    Parameters
    ----------
    diagnoses : dict of str to str
        Lesion to diagnosis.
    seed : int

    Returns
    -------
    dict of str to str
        Lesion to part; of n lesions of a diagnosis round(0.2 n) are in the test part and
        round(0.1 n) in the validation part.
    """
    generator = np.random.default_rng(seed)
    parts: dict[str, str] = {}
    for diagnosis in DIAGNOSES:
        members = sorted(lesion for lesion, dx in diagnoses.items() if dx == diagnosis)
        order = [members[k] for k in generator.permutation(len(members))]
        test = round(SHARES["test"] * len(order))
        held = test + round(SHARES["validation"] * len(order))
        for place, lesion in enumerate(order):
            parts[lesion] = "test" if place < test else "validation" if place < held else "train"
    return parts


def _rows(root: Path) -> list[dict[str, str]]:
    """Rows of the metadata, checked."""
    found = sorted(root.glob(f"**/{METADATA}"))
    if not found:
        raise fetch.DataError(f"{root} holds no {METADATA}: put it beside the pictures")
    try:
        with open(found[0], encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            needed = {"lesion_id", "image_id", "dx"}
            if not needed <= set(reader.fieldnames or ()):
                raise fetch.DataError(
                    f"{METADATA} has the columns {reader.fieldnames}: it needs {sorted(needed)}"
                )
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise fetch.DataError(
            f"{METADATA} is no CSV file in UTF-8 ({error}): fetch it again"
        ) from None
    strange = sorted({str(row["dx"]) for row in rows} - set(DIAGNOSES))
    if strange or not rows:
        raise fetch.DataError(
            f"{METADATA} has unknown diagnoses {strange}: it knows {', '.join(DIAGNOSES)}"
            if strange
            else f"{METADATA} has no rows: fetch it again"
        )
    diagnoses: dict[str, str] = {}
    pictures.refuse_doubles((row["image_id"] for row in rows), METADATA)
    for row in rows:
        if diagnoses.setdefault(row["lesion_id"], row["dx"]) != row["dx"]:
            raise fetch.DataError(f"{METADATA} gives lesion {row['lesion_id']} two diagnoses")
    return rows


def _square(path: Path, size: int) -> np.ndarray:
    """The middle square of a picture, (size, size, 3)."""
    from PIL import Image, ImageOps

    picture = pictures.read(path, "HAM10000")
    return np.asarray(ImageOps.fit(picture, (size, size), Image.Resampling.BICUBIC))
