"""UTKFace, AFAD, MORPH-2 and CACD: photographs of faces with ages, from a folder of the reader's.

None of them may be passed on, so nothing is fetched. Ask their owners, unpack what they send, and

    load("utkface", folder="~/UTKFace")
    load("utkface", "test", folder="~/UTKFace", splits="~/coral-cnn/datasets")

gives pictures of 128 x 128 pixels with ranks, as Cao, Mirjalili and Raschka used them. `survey`
looks at a folder without reading a picture, and tells what is there and what is not.

* **Ages.** Rank 0 is the youngest age of the paper (`SETS`); other ages are left out, and counted.
* **Alignment.** Their code aligned MORPH-2 (eyes and nose moved to a common place, 200 x 240) and
  cut the faces of CACD out, throwing away pictures in which no face, or several, were found; AFAD
  and UTKFace come cropped. Neither is done here: give a folder of aligned pictures, of the same
  names, to follow the paper; other pictures work too, but are another data set.
* **Size.** Each picture is resized to 128 x 128 (MORPH-2: after a centre crop of 140 x 140). The
  network then sees 120 x 120, cropped at random in training and centrally in testing: that is
  `utils.models.crop.Crop`, in front of it.
* **Splits.** ``splits`` names the folder of the authors' files (utk_train.csv, utk_test.csv, ...).
  Without it a fifth is held out with a seed, and the record says that this is not the paper's split.
  Both are drawn by picture: the same person may be on both sides.
* **Memory.** 16,000 pictures are 0.8 GB, 165,000 are 8 GB. They are decoded once into a file in the
  cache folder, which is mapped into memory: the operating system keeps of it what fits.

Sources: W. Cao, V. Mirjalili, S. Raschka, arXiv 1901.07884v1, 2019, sec. 4.1; their code and CSV
files, github.com/Raschka-research-group/coral-cnn.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import re
import shutil
import stat
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from utils import fetch
from utils.datasets import Data, Record, one_of
from utils.datasets import pictures as pictures_of
from utils.fetch import DataError

SIZE = 128
"""Height and width of the stored pictures; `CROP` of it is what a network sees."""
CROP = 120
HELD_OUT = 0.2
"""Share of the pictures in the test part, where the authors' files are not given."""

_BYTES = SIZE * SIZE * 3
_PICTURES = (".jpg", ".jpeg", ".png")
_VERSION = 1  # of the cache's content


@dataclass(frozen=True)
class FaceSet:
    """What is known of a set: its names, its ages and the authors' files.

    Parameters
    ----------
    title : str
        For people.
    youngest, oldest : int
        Ages of the first and the last rank.
    names : str
        Regular expression that a picture's name (for AFAD: age folder, code, name) must match, with
        a group ``age``.
    layout : str
        The same in words.
    parts : int
        Parts of the path that `names` looks at, and by which a picture is found again.
    prefix : str
        How the names of the authors' CSV files begin.
    column : str
        Column of theirs that names the picture; the first column where it is missing.
    rows : dict
        Rows their files have, for each part: count to version. A part without an entry is not
        checked.
    total : int
        Pictures the paper's files name together.
    centre : int
        Side of the square cut out before resizing; 0 for none.
    """

    title: str
    youngest: int
    oldest: int
    names: str
    layout: str
    parts: int
    prefix: str
    column: str
    rows: dict[str, dict[int, str]]
    total: int
    centre: int = 0

    @property
    def num_ranks(self) -> int:
        """K: ages from the youngest to the oldest, both included."""
        return self.oldest - self.youngest + 1


SETS: dict[str, FaceSet] = {
    "utkface": FaceSet(
        title="UTKFace",
        youngest=21,
        oldest=60,
        # Two of the owners' names have a blank or lack a point before the first "jpg".
        names=r"(?P<age>\d{1,3})_[01]_[0-4]_\d{8,} ?(\.?jpg)?(\.chip)?\.(jpg|jpeg|png)",
        layout="age_gender_race_date.jpg or age_gender_race_date.jpg.chip.jpg",
        parts=1,
        prefix="utk",
        column="file",
        rows={"train": {13_147: "version 1"}, "test": {3_287: "version 1"}},
        total=16_434,
    ),
    "afad": FaceSet(
        title="AFAD",
        youngest=15,
        oldest=40,
        names=r"(?P<age>\d{1,3})/11[12]/[^/]+\.(jpg|jpeg|png)",
        layout="a folder for each age (15, 16, ...), in it 111 and 112, in these the pictures",
        parts=3,
        prefix="afad",
        column="path",
        rows={"test": {32_762: "version 1 and final"}},
        total=164_432,
    ),
    "morph2": FaceSet(
        title="MORPH-2",
        youngest=16,
        oldest=70,
        names=r"\d+_\d+[mf](?P<age>\d\d)\.(jpg|jpeg|png)",
        layout="person_numberSEXage.JPG, such as 009055_1M54.JPG",
        parts=1,
        prefix="morph2",
        column="file",
        rows={
            "train": {44_180: "version 1", 39_764: "final"},
            "validation": {4_416: "final"},
            "test": {11_044: "version 1 and final"},
        },
        total=55_224,
        centre=140,
    ),
    "cacd": FaceSet(
        title="CACD",
        youngest=14,
        oldest=62,
        names=r"(?P<age>\d{1,3})_.+_\d{4}\.(jpg|jpeg|png)",
        layout="age_First_Last_0001.jpg, such as 53_Robin_Williams_0001.jpg",
        parts=1,
        prefix="cacd",
        column="file",
        rows={
            "train": {114_804: "final"},
            "validation": {12_755: "final"},
            "test": {31_890: "version 1 and final"},
        },
        total=159_449,
    ),
}
"""The four sets of the paper. Row counts are those of the authors' published CSV files."""


@dataclass(frozen=True)
class Splits:
    """The authors' CSV files of a set.

    Parameters
    ----------
    parts : dict of str to dict
        For "train", "test" and perhaps "validation": key of each picture to its rank.
    versions : dict of str to str
        Version of the paper whose number of rows each part has.
    remarks : dict of str to list of str
        What is odd in each part, in a few words each.
    """

    parts: dict[str, dict[str, int]]
    versions: dict[str, str]
    remarks: dict[str, list[str]]


@dataclass(frozen=True)
class Survey:
    """What a folder holds, found without opening a picture.

    ``print(survey)`` tells it in a few lines.

    Parameters
    ----------
    name : str
        A key of `SETS`.
    folder : Path
    pictures : dict of str to (str, int)
        For each picture the key it is found by: its path below the folder, and its rank.
    malformed : tuple of str
        Paths whose names are not as the owners write them: skipped.
    outside : int
        Pictures of ages that the paper left out.
    doubles : tuple of str
        Paths of pictures whose key was there before: skipped.
    strange : tuple of str
        Folders, pipes, broken links and the like that are named as pictures are: skipped.
    """

    name: str
    folder: Path
    pictures: dict[str, tuple[str, int]] = field(repr=False)
    malformed: tuple[str, ...] = ()
    outside: int = 0
    doubles: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()

    def __str__(self) -> str:
        known = SETS[self.name]
        ages = f"ages {known.youngest} to {known.oldest}"
        lines = [
            f"{known.title} in {_shown(str(self.folder))}",
            f"  {len(self.pictures):,} pictures of {ages}; the paper's files name {known.total:,}",
        ]
        if self.outside:
            lines.append(f"  {self.outside:,} of other ages, left out as in the paper")
        for paths, what in (
            (self.malformed, f"skipped: the name is not {known.layout}"),
            (self.doubles, "skipped: another picture of this name was there before"),
            (self.strange, "skipped: no regular file"),
        ):
            if paths:
                lines.append(f"  {len(paths):,} {what}: {_some(paths)}")
        return "\n".join(lines)

    def remarks(self) -> list[str]:
        """What was left out, in a few words each."""
        counts = (
            (self.outside, "of other ages"),
            (len(self.malformed), "malformed"),
            (len(self.doubles), "double"),
            (len(self.strange), "no file"),
        )
        return [f"{count:,} {what}" for count, what in counts if count]


def load_utkface(
    split: str = "train",
    *,
    source: str | None = None,
    folder: str | PathLike | None = None,
    splits: str | PathLike | None = None,
    seed: int = 0,
) -> Data:
    """UTKFace (Zhang, Song, Qi 2017): ages 21 to 60, 40 ranks. See `load_faces`."""
    return load_faces("utkface", split, source=source, folder=folder, splits=splits, seed=seed)


def load_afad(
    split: str = "train",
    *,
    source: str | None = None,
    folder: str | PathLike | None = None,
    splits: str | PathLike | None = None,
    seed: int = 0,
) -> Data:
    """AFAD (Niu et al. 2016): ages 15 to 40, 26 ranks. See `load_faces`."""
    return load_faces("afad", split, source=source, folder=folder, splits=splits, seed=seed)


def load_morph2(
    split: str = "train",
    *,
    source: str | None = None,
    folder: str | PathLike | None = None,
    splits: str | PathLike | None = None,
    seed: int = 0,
) -> Data:
    """MORPH album 2 (Ricanek, Tesafaye 2006): ages 16 to 70, 55 ranks. See `load_faces`."""
    return load_faces("morph2", split, source=source, folder=folder, splits=splits, seed=seed)


def load_cacd(
    split: str = "train",
    *,
    source: str | None = None,
    folder: str | PathLike | None = None,
    splits: str | PathLike | None = None,
    seed: int = 0,
) -> Data:
    """CACD (Chen, Chen, Hsu 2014): ages 14 to 62, 49 ranks. See `load_faces`."""
    return load_faces("cacd", split, source=source, folder=folder, splits=splits, seed=seed)


def load_faces(
    name: str,
    split: str = "train",
    *,
    source: str | None = None,
    folder: str | PathLike | None = None,
    splits: str | PathLike | None = None,
    seed: int = 0,
) -> Data:
    """Load one split of a set of faces.

    Parameters
    ----------
    name : {"utkface", "afad", "morph2", "cacd"}
    split : {"train", "validation", "test"}
        "validation" needs the authors' files; only their final version has it.
    source : None
        Not used: there is only the reader's folder.
    folder : path, optional
        Where the pictures lie, in folders below it or not; ``<cache folder>/<name>`` without it.
    splits : path, optional
        Folder of the authors' CSV files, or one above it.
    seed : int
        Decides which fifth is held out where `splits` is not given.

    Returns
    -------
    Data
        ``images`` uint8 (N, 3, 128, 128), red, green, blue, channels last in memory and mapped from
        a file in the cache; ``targets`` int64 (N,), ranks from 0. The record says which split it is
        and what was left out.

    Raises
    ------
    ValueError
        If an argument is unknown.
    utils.fetch.DataError
        If the folder or a file is missing, the authors' files do not fit the pictures, no picture
        could be read, or the cache has no room.
    """
    one_of("data set", name, tuple(SETS), "the lecture on ranks")
    one_of("split", split, ("train", "validation", "test"), name)
    one_of("source", source, (None,), name)
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"seed={seed!r}: give a whole number of 0 or more")
    if split == "validation" and splits is None:
        raise ValueError(
            f"{name} has a validation part in the authors' files only: give splits=..., or hold a "
            "part of the training pictures out"
        )
    found = survey(name, folder)
    if not found.pictures:
        raise DataError(f"there is nothing to learn from. {found}")
    remarks = found.remarks()
    if splits is None:
        chosen = _held_out(found, split, seed)
        which = f"80/20 split with seed {seed}, not the paper's"
    else:
        given = read_splits(name, splits)
        parts = given.parts
        if split not in parts:
            raise DataError(
                f"there is no {_csv(name, split)} below {splits}: the authors' final version has it"
            )
        _check_splits(found, parts, splits)
        chosen = {key: (found.pictures[key][0], rank) for key, rank in parts[split].items()}
        which = f"the authors' split ({given.versions[split]})"
        remarks += given.remarks[split]
        ranks = {rank for _, rank in chosen.values()}
        if split == "validation" and 2 * len(ranks) < SETS[name].num_ranks:
            ages = ", ".join(str(SETS[name].youngest + rank) for rank in sorted(ranks))
            remarks.append(
                f"a broken validation file: it holds only the ages {ages}, so choose no epoch by it"
            )
    images, targets, unreadable = _cached(name, split, found.folder, list(chosen.values()))
    if unreadable:
        remarks.append(f"{len(unreadable):,} unreadable ({_some(unreadable)})")
    left_out = f"; left out or noted: {', '.join(remarks)}" if remarks else ""
    record = Record(
        name=name,
        split=split,
        source=f"your folder, {which}{left_out}",
        count=len(images),
        licence=fetch.describe(name)["licence"],
        of=len(chosen),
        shape=(3, SIZE, SIZE),
    )
    return Data(images, targets, record)


def survey(name: str, folder: str | PathLike | None = None) -> Survey:
    """Look through a folder: which pictures are there, and what else.

    Parameters
    ----------
    name : {"utkface", "afad", "morph2", "cacd"}
    folder : path, optional
        ``<cache folder>/<name>`` without it. Files whose names begin with a dot, and files that are
        not named as pictures are, are passed over.

    Raises
    ------
    utils.fetch.DataError
        If there is no such folder, it cannot be read, or no picture in it is named as the owners
        name theirs; the message says how they do.
    """
    one_of("data set", name, tuple(SETS), "the lecture on ranks")
    known = SETS[name]
    place = Path(folder).expanduser() if folder is not None else fetch.cache_folder() / name
    if not place.is_dir():
        raise DataError(
            f"there is no folder {_shown(str(place))} for {known.title}: its pictures should lie in "
            f"it ({known.layout}); pass folder=..."
        )
    pictures: dict[str, tuple[str, int]] = {}
    malformed, doubles, strange, outside = [], [], [], 0
    pattern = re.compile(known.names, re.IGNORECASE)
    for path, regular in _walk(place):
        if not regular:
            strange.append(path)
            continue
        tail = "/".join(PurePosixPath(path).parts[-known.parts :])
        match = pattern.fullmatch(tail)
        if match is None:
            malformed.append(path)
            continue
        rank = int(match["age"]) - known.youngest
        key = _key(tail)
        if not 0 <= rank < known.num_ranks:
            outside += 1
        elif key in pictures:
            doubles.append(path)
        else:
            pictures[key] = (path, rank)
    if not pictures and not outside:
        seen = f"; there are {_some(malformed)}" if malformed else " and no picture at all"
        raise DataError(
            f"the folder {_shown(str(place))} holds no picture named as those of {known.title}: "
            f"{known.layout}{seen}"
        )
    return Survey(
        name=name,
        folder=place,
        pictures=dict(sorted(pictures.items())),
        malformed=tuple(malformed),
        outside=outside,
        doubles=tuple(doubles),
        strange=tuple(strange),
    )


def read_splits(name: str, folder: str | PathLike) -> Splits:
    """Read the authors' CSV files of a set.

    Parameters
    ----------
    name : {"utkface", "afad", "morph2", "cacd"}
    folder : path
        Where they lie, or a folder above. Wanted are ``<prefix>_train.csv`` and
        ``<prefix>_test.csv``; ``<prefix>_valid.csv`` is read if it is there. Their column "age"
        holds ranks from 0, not years.

    Returns
    -------
    Splits
        Their ranks count even where a picture's name says otherwise, as long as that is rare.

    Raises
    ------
    utils.fetch.DataError
        If a file is missing, is none of theirs, or has another number of rows than they published;
        or a picture is in two parts.
    """
    one_of("data set", name, tuple(SETS), "the lecture on ranks")
    known, place = SETS[name], Path(folder).expanduser()
    if not place.is_dir():
        raise DataError(
            f"there is no folder {_shown(str(place))}: splits should name the folder of the "
            f"authors' files {_csv(name, 'train')} and {_csv(name, 'test')}"
        )
    parts: dict[str, dict[str, int]] = {}
    versions: dict[str, str] = {}
    remarks: dict[str, list[str]] = {}
    for part in ("train", "validation", "test"):
        path = _find_csv(place, _csv(name, part))
        if path is None:
            if part == "validation":
                continue
            raise DataError(
                f"there is no {_csv(name, part)} below {_shown(str(place))}: take it from the "
                "authors' repository, or leave splits out for a split of your own"
            )
        rows, count, remarks[part] = _read_csv(path, known)
        published = known.rows.get(part, {})
        if published and count not in published:
            counts = " or ".join(f"{number:,} ({text})" for number, text in published.items())
            raise DataError(
                f"{_shown(str(path))} has {count:,} rows where the authors' file has {counts}: "
                "fetch it again"
            )
        versions[part] = published.get(count, "number of rows not published")
        parts[part] = rows
    seen: dict[str, str] = {}
    for part, rows in parts.items():
        for key in rows:
            if key in seen:
                raise DataError(
                    f"{_shown(key)} is in the {seen[key]} file and in the {part} file of "
                    f"{known.title}: these files do not belong together"
                )
            seen[key] = part
    return Splits(parts, versions, remarks)


# ---------------------------------------------------------------------------- folders and files


def _walk(place: Path) -> Iterator[tuple[str, bool]]:
    """Yield what is named as a picture, in order: path below the folder, whether a regular file."""

    def refuse(error: OSError) -> None:
        raise DataError(f"{_shown(str(error.filename))} cannot be read: {error.strerror}")

    for top, folders, files in os.walk(place, onerror=refuse):
        folders.sort()
        for name in sorted([*files, *(f for f in folders if f.lower().endswith(_PICTURES))]):
            if name.startswith(".") or not name.lower().endswith(_PICTURES):
                continue
            path = os.path.join(top, name)
            try:
                regular = stat.S_ISREG(os.stat(path).st_mode)
            except OSError:
                regular = False
            yield Path(path).relative_to(place).as_posix(), regular


def _key(tail: str) -> str:
    """What a picture is found by: spelling of accents, capitals and endings do not count."""
    plain = unicodedata.normalize("NFC", tail).casefold()
    return re.sub(r" ?(\.?jpg)?(\.chip)?\.(jpg|jpeg|png)$", "", plain)


def _csv(name: str, part: str) -> str:
    return f"{SETS[name].prefix}_{'valid' if part == 'validation' else part}.csv"


def _find_csv(place: Path, name: str) -> Path | None:
    found = [place / name] if (place / name).is_file() else sorted(place.rglob(name))
    if len({path.read_bytes() for path in found}) > 1:
        raise DataError(
            f"{len(found)} files below {_shown(str(place))} are called {name} and differ: name the "
            "folder of the one you mean"
        )
    return found[0] if found else None


def _read_csv(path: Path, known: FaceSet) -> tuple[dict[str, int], int, list[str]]:
    """Return the rank of each picture's key, the number of rows, and what is odd."""
    rows: dict[str, int] = {}
    malformed, differing, count = 0, [], 0
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            column = known.column if known.column in columns else (columns or [None])[0]
            if "age" not in columns or column == "age":
                raise DataError(
                    f"{_shown(str(path))} has the columns {', '.join(map(_shown, columns))}: the "
                    f"authors' file has one that names the picture, and `age`"
                )
            for row in reader:
                count += 1
                tail, age = row[column] or "", row["age"] or ""
                match = re.fullmatch(known.names, tail, re.IGNORECASE)
                if match is None:
                    malformed += 1
                    wrong = tail
                    continue
                if not (age.isdecimal() and len(age) < 4 and int(age) < known.num_ranks):
                    raise DataError(
                        f"line {reader.line_num} of {_shown(str(path))} gives {_shown(tail)} the "
                        f"rank {_shown(age)}: {known.title} has ranks 0 to {known.num_ranks - 1}"
                    )
                rank = int(match["age"]) - known.youngest
                if int(age) != rank:
                    differing.append(f"{tail} has {age}, not {rank}")
                rows[_key(tail)] = int(age)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{_shown(str(path))} is no CSV file in UTF-8: {error}") from None
    if 100 * len(differing) > count:
        raise DataError(
            f"the ranks in {_shown(str(path))} do not fit its pictures' names: {_some(differing)}; "
            f"the column `age` should count from {known.youngest} years"
        )
    if 100 * malformed > count:
        raise DataError(
            f"{malformed:,} of the {count:,} rows of {_shown(str(path))} name no picture of "
            f"{known.title}, such as {_shown(wrong)}: expected is {known.layout}"
        )
    fetch.use(path)
    remarks = [f"{malformed:,} malformed names in {path.name}"] if malformed else []
    if differing:
        remarks.append(f"{len(differing):,} ranks in {path.name} that differ from the names")
    return rows, count, remarks


def _check_splits(found: Survey, parts: dict[str, dict[str, int]], splits: object) -> None:
    for part, rows in parts.items():
        missing = [key for key in rows if key not in found.pictures]
        if missing:
            raise DataError(
                f"{len(missing):,} of the {len(rows):,} pictures that {_csv(found.name, part)} names "
                f"are not in {_shown(str(found.folder))}: {_some(missing)}; bring them, or leave "
                "splits out for a split of your own"
            )


def _held_out(found: Survey, split: str, seed: int) -> dict[str, tuple[str, int]]:
    keys = list(found.pictures)
    count = max(1, round(HELD_OUT * len(keys)))
    if len(keys) < 2:
        raise DataError(f"one picture cannot be split in two. {found}")
    order = torch.randperm(len(keys), generator=torch.Generator().manual_seed(seed)).tolist()
    wanted = set(order[:count]) if split == "test" else set(order[count:])
    return {key: found.pictures[key] for index, key in enumerate(keys) if index in wanted}


# ---------------------------------------------------------------------------- pictures


def read_picture(path: str | PathLike, centre: int = 0) -> np.ndarray:
    """Read a picture of any kind as it is stored: uint8 (128, 128, 3).

    Grey, 16-bit, palette and transparent pictures (over black) become red, green and blue; a turned
    camera is not turned back, as in the authors' code.

    Parameters
    ----------
    path : path
    centre : int
        Side of a square to cut from the middle before resizing, black where the picture is smaller.

    Raises
    ------
    OSError, ValueError
        If it is no picture, is cut off, or is larger than Pillow takes for a bomb.
    """
    from PIL import Image

    picture = pictures_of.decode(path)
    if centre:
        left, top = (round((side - centre) / 2) for side in picture.size)
        picture = picture.crop((left, top, left + centre, top + centre))
    return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def _cached(
    name: str, split: str, folder: Path, pictures: Sequence[tuple[str, int]]
) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """Return images mapped from the cache, ranks, and the paths that could not be read."""
    from filelock import FileLock

    listing = hashlib.sha256(f"{_VERSION} {SIZE} {SETS[name].centre}".encode())
    for path, rank in pictures:
        about = os.stat(folder / path)
        listing.update(f"{rank} {about.st_size} {about.st_mtime_ns} ".encode())
        listing.update(os.fsencode(path) + b"\0")
    root = fetch.cache_folder() / "faces"
    target = root / f"{name}-{split}-{listing.hexdigest()[:16]}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{target.name}.lock"):  # the cells of a grid start together
            if not (target / "about.json").is_file():
                for rest in root.glob(f".{target.name}.tmp-*"):
                    shutil.rmtree(rest, ignore_errors=True)
                _decode(name, split, folder, pictures, target)
    except OSError as error:
        raise DataError(
            f"the pictures could not be written to {_shown(str(root))} ({error.strerror or error}): "
            "set COURSE_DATA to a folder with room"
        ) from None
    about = json.loads(fetch.use(target / "about.json").read_text(encoding="utf-8"))
    unreadable = about["unreadable"]
    if about["count"] == 0:
        raise DataError(
            f"none of the {len(pictures):,} pictures of {SETS[name].title} can be read, such as "
            f"{_some(unreadable)}: are they whole?"
        )
    stored = np.memmap(target / "pixels", np.uint8, "c", shape=(about["count"], SIZE, SIZE, 3))
    images = torch.from_numpy(stored).permute(0, 3, 1, 2)
    return images, torch.tensor(about["ranks"], dtype=torch.int64), unreadable


def _decode(
    name: str, split: str, folder: Path, pictures: Sequence[tuple[str, int]], target: Path
) -> None:
    """Decode all pictures into a new folder, which gets its name when it is whole."""
    from tqdm import tqdm

    needed, free = len(pictures) * _BYTES, shutil.disk_usage(target.parent).free
    if needed > free:
        raise DataError(
            f"{len(pictures):,} pictures need {needed / 1e9:.1f} GB in {_shown(str(target.parent))}, "
            f"which has {free / 1e9:.1f} GB: set COURSE_DATA to a folder with room"
        )
    centre = SETS[name].centre

    def read(item: tuple[str, int]) -> np.ndarray | None:
        try:
            return read_picture(folder / item[0], centre)
        except (OSError, ValueError):
            return None

    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.tmp-", dir=target.parent))
    try:
        ranks, unreadable = [], []
        bar = tqdm(
            total=len(pictures),
            desc=f"{SETS[name].title} {split}, {needed / 1e9:.1f} GB, once",
            unit="picture",
            leave=False,
            disable=not (sys.stderr.isatty() and len(pictures) > 500),
        )
        with open(work / "pixels", "wb") as file, ThreadPoolExecutor(os.cpu_count()) as pool, bar:
            for first in range(0, len(pictures), 512):
                part = pictures[first : first + 512]
                for (path, rank), picture in zip(part, pool.map(read, part), strict=True):
                    if picture is None:
                        unreadable.append(_shown(path))
                    else:
                        file.write(picture.tobytes())
                        ranks.append(rank)
                bar.update(len(part))
            file.flush()
            os.fsync(file.fileno())
        about = {"count": len(ranks), "ranks": ranks, "unreadable": unreadable}
        (work / "about.json").write_text(json.dumps(about), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        os.replace(work, target)
    except BaseException:
        with contextlib.suppress(OSError):
            shutil.rmtree(work)
        raise


def _shown(text: str) -> str:
    """A name as it may be printed: on one line, whatever bytes and signs it has."""
    plain = text.encode("utf-8", "replace").decode()
    return plain if plain.isprintable() else ascii(plain)[1:-1]


def _some(names: Sequence[str], limit: int = 3, show: Callable[[str], str] = _shown) -> str:
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(show(name) for name in names[:limit]) + more
