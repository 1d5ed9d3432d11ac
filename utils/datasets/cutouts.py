"""The 201 photographed cut-outs in eight classes, from which scenes and colour images are made.

A fifth of each class is held out: what the test split shows was never part of a training picture.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from utils import fetch

CLASSES: tuple[str, ...] = (
    "bird",
    "fish",
    "mammal",
    "insect",
    "fruit",
    "vegetable",
    "flower",
    "vehicle",
)
"""The eight classes; with them a cut-out's label is its position here."""

FOUR_CLASSES: tuple[str, ...] = ("mammal", "fruit", "flower", "vehicle")
"""The four classes with the most, and the most different, cut-outs (105 to train, 26 held out)."""

SPLITS: tuple[str, ...] = ("train", "validation", "test")
"""Training and validation pictures show the same cut-outs, test pictures the held-out ones."""

LICENCE = "cut-outs GPL-2.0-or-later, photographs CC BY 2.0 or freer"
"""Terms of a rendered picture; authors are in data/cutouts/NOTICE.md and in ``photos.PHOTOS``."""

HELD_OUT_SHARE = 0.2

_TWINS = {"vehicle/emergency-sedan_police": "vehicle/auto-sedan"}  # the same car, repainted


@dataclass(frozen=True)
class Cutout:
    """One cut-out: its number (0..200), its name, its class and its picture (mode RGBA)."""

    number: int
    name: str
    kind: str
    image: Image.Image


@cache
def cutouts() -> tuple[Cutout, ...]:
    """All cut-outs, by class and name; decoded once per process.

    Raises
    ------
    utils.fetch.DataError
        If a file is missing or differs from the recorded hash.
    """
    sums = fetch.obtain("cutouts", "cutouts/SHA256SUMS")
    recorded = dict(line.split()[::-1] for line in sums.read_text(encoding="ascii").splitlines())
    names = sorted(recorded, key=lambda name: (CLASSES.index(name.partition("/")[0]), name))
    found = []
    for number, name in enumerate(names):
        path = sums.parent / name
        data = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(data).hexdigest() != recorded[name]:
            state = "differs from its recorded hash" if path.is_file() else "is missing"
            shown = f"data/cutouts/{name}"
            raise fetch.DataError(f"{shown} {state}: restore it with `git checkout -- {shown}`")
        image = Image.open(io.BytesIO(data)).convert("RGBA")
        found.append(Cutout(number, name.removesuffix(".webp"), name.partition("/")[0], image))
    return tuple(found)


def choose_classes(classes: int | Sequence[str]) -> tuple[str, ...]:
    """Turn `classes`, which is 4, 8 or a list of names, into class names.

    Raises
    ------
    ValueError
        If it is another number, an unknown name, a repeated name or nothing.
    """
    if isinstance(classes, int):
        if classes == 4:
            return FOUR_CLASSES
        if classes == 8:
            return CLASSES
    elif not isinstance(classes, str):
        chosen = tuple(classes)
        if chosen and len(set(chosen)) == len(chosen) and set(chosen) <= set(CLASSES):
            return chosen
    raise ValueError(
        f"got classes={classes!r}; give 4, 8 or a list of different names out of "
        f"{', '.join(CLASSES)}."
    )


@cache
def held_out(hold_out: int = 0) -> frozenset[int]:
    """Numbers of the held-out cut-outs: a fifth of each class, 40 in all.

    The police car is the sedan with emblems and goes where the sedan goes; where both are held
    out there are 41.

    Parameters
    ----------
    hold_out : int
        Which of the possible choices, at least 0; another one shows how much a result owes to it.

    Raises
    ------
    ValueError
        If ``hold_out`` is negative.
    """
    if hold_out < 0:
        raise ValueError(f"got hold_out={hold_out}; it must be at least 0.")
    numbers: list[int] = []
    for label, kind in enumerate(CLASSES):
        members = [c for c in cutouts() if c.kind == kind]
        single = [c.number for c in members if c.name not in _TWINS]
        order = np.random.default_rng([hold_out, label]).permutation(single)
        numbers.extend(order[: round(HELD_OUT_SHARE * len(members))].tolist())
    hidden = {c.name for c in cutouts() if c.number in numbers}
    numbers.extend(c.number for c in cutouts() if _TWINS.get(c.name) in hidden)
    return frozenset(numbers)


def members(classes: Sequence[str], split: str, hold_out: int = 0) -> list[list[Cutout]]:
    """For each class, the cut-outs a split may show.

    Parameters
    ----------
    classes : sequence of str
        Names out of :data:`CLASSES`.
    split : {"train", "validation", "test"}
        "test" gives the held-out cut-outs, the other two all others.
    hold_out : int
        Which choice of held-out cut-outs, at least 0.

    Raises
    ------
    ValueError
        If the split is unknown or ``hold_out`` negative.
    """
    if split not in SPLITS:
        raise ValueError(f"there is no split {split!r}; there are {', '.join(SPLITS)}.")
    hidden = held_out(hold_out)
    return [
        [c for c in cutouts() if c.kind == kind and (c.number in hidden) == (split == "test")]
        for kind in classes
    ]
