"""ELPV: photographs of solar cells glowing under current, with four ranks of damage.

Deitsch et al. photographed 44 solar modules, cut them into 2,624 cells, and let experts answer two
questions: is the cell defective, and are you sure? That makes four ranks: 0 surely whole, 1 probably
whole, 2 probably defective, 3 surely defective. It is an optional set: ``course data fetch elpv``.

**What the split cannot promise.** Cells of one module look alike, so training and test should not
share a module. The labels name no module: they give each cell's kind, mono- or polycrystalline, and
an order. Along that order the kind changes nine times, and a module is of one kind; if the cells lie
module by module, as it seems, no module crosses such a change. The test part is the last four of these
ten runs, 480 cells. ``by="cells"`` draws 480 cells at random instead; there neighbours from one module
are certain to be on both sides, and scores flatter.
"""

from __future__ import annotations

import io
import itertools
import zipfile

import numpy as np
import torch
from torch.nn import functional

from utils import fetch
from utils.datasets import Data, Record, one_of

NAME = "elpv"
NUM_RANKS = 4
SIDE = 300
TEST_RUNS = 4
"""Runs of one kind, at the end of the order, that make the test part."""

CLASS_NAMES: dict[str, tuple[str, ...]] = {
    NAME: ("whole", "probably whole", "probably defective", "defective")
}
"""Names of the ranks."""


def load_solar(
    split: str = "train",
    *,
    source: str | None = None,
    by: str = "modules",
    side: int = SIDE,
    seed: int = 0,
) -> Data:
    """Load solar cells with their rank of damage.

    Parameters
    ----------
    split : {"train", "test"}
        2,144 and 480 cells.
    source : {None, "cached"}
        It lies in the cache, once ``course data fetch elpv`` has run.
    by : {"modules", "cells"}
        The test part: the last runs of one kind, which share no module with the rest if the cells
        lie module by module; or as many cells drawn at random.
    side : int
        Height and width: 300, or a divisor of it; blocks of pixels are averaged.
    seed : int
        Of the draw ``by="cells"``.

    Returns
    -------
    Data
        uint8 images (N, 1, side, side), bright where current flows; int64 ranks 0..3.

    Raises
    ------
    ValueError
        If an argument is out of range.
    utils.fetch.DataError
        If it was not fetched, or the file is damaged.

    Notes
    -----
    S. Deitsch et al.: Automatic classification of defective photovoltaic module cells in
    electroluminescence images, Solar Energy 185, 2019.
    """
    one_of("split", split, ("train", "test"), NAME)
    one_of("source", source, (None, "cached"), NAME)
    one_of("way to split", by, ("modules", "cells"), NAME)
    if side < 1 or SIDE % side:
        raise ValueError(f"side={side}: give {SIDE} or a divisor of it, such as 150 or 100")
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"seed={seed!r}: give a whole number of 0 or more")
    with zipfile.ZipFile(fetch.obtain(NAME, "elpv/cells.zip", source="cached")) as archive:
        names, ranks, kinds = read_labels(archive.read("labels.csv").decode("ascii"))
        in_test = held_out_mask(kinds, by, seed)
        chosen = [i for i, held in enumerate(in_test) if held == (split == "test")]
        pictures = [_picture(archive.read(names[i]), side) for i in chosen]
    record = Record(
        name=NAME,
        split=split,
        source="cached, split by runs of one kind"
        if by == "modules"
        else "cached, split at random",
        count=len(chosen),
        licence=fetch.describe(NAME)["licence"],
        shape=(1, side, side),
    )
    targets = torch.tensor([ranks[i] for i in chosen], dtype=torch.int64)
    return Data(torch.stack(pictures), targets, record)


def read_labels(text: str) -> tuple[list[str], list[int], list[str]]:
    """Read the package's labels from `text`: a line a cell, with its file, probability of a defect and kind.

    Returns
    -------
    names, ranks, kinds : list
        File names; ranks 0..3, three times the probability; "mono" or "poly".

    >>> read_labels("images/a.png  0.3333333333333333  mono")
    (['images/a.png'], [1], ['mono'])
    """
    rows = [line.split() for line in text.splitlines() if line.strip()]
    names, probabilities, kinds = (list(column) for column in zip(*rows, strict=True))
    return names, [round(3 * float(probability)) for probability in probabilities], kinds


def held_out_mask(kinds: list[str], by: str = "modules", seed: int = 0) -> list[bool]:
    """Say for each cell whether it is in the test part; see `load_solar`.

    Raises
    ------
    ValueError
        If `by` is no way to split.

    >>> held_out_mask(["mono", "poly", "poly", "mono", "poly", "mono"])
    [False, True, True, True, True, True]
    """
    one_of("way to split", by, ("modules", "cells"), NAME)
    runs = [len(list(group)) for _, group in itertools.groupby(kinds)]
    held_out = sum(runs[-TEST_RUNS:])
    if by == "modules":
        return [index >= len(kinds) - held_out for index in range(len(kinds))]
    order = torch.randperm(len(kinds), generator=torch.Generator().manual_seed(seed))
    drawn = set(order[:held_out].tolist())
    return [index in drawn for index in range(len(kinds))]


def _picture(content: bytes, side: int) -> torch.Tensor:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as picture:
        pixels = torch.from_numpy(np.array(picture.convert("L")))[None]
    if side == SIDE:
        return pixels
    return functional.avg_pool2d(pixels.float(), SIDE // side).round().to(torch.uint8)
