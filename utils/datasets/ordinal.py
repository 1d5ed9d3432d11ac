"""Rendered ages: small grey portraits with an age between 16 and 65, made on the spot.

A portrait ages in many small ways at once: the face grows longer, the eyes get smaller, the hair
draws back and turns grey, lines appear on forehead and cheeks. No two people age at the same rate,
so that the age cannot be read off exactly, only estimated: as with photographs. Unlike
photographs, nobody stands behind them, and the ages are exactly known.
"""

from __future__ import annotations

import torch
from torch import Tensor

from utils.datasets import Data, Record, one_of

YOUNGEST = 16
"""Age of rank 0, in years."""
NUM_RANKS = 50
"""Ranks 0..49 are the ages 16..65."""
COUNTS: dict[str, int] = {"train": 4_000, "validation": 1_000, "test": 2_000}
"""Portraits of each split unless a count is given: 1,000 take about 0.1 s."""

SIZE = 32
_BLOCK = 250  # portraits drawn together; a portrait depends on its block and its place there


def ages(
    split: str = "train", count: int | None = None, seed: int = 0, *, spread: float = 0.12
) -> Data:
    """Render a split of the ages; every rank is equally likely.

    A portrait depends on split, seed, spread and its number alone, not on ``count``.

    Parameters
    ----------
    split : {"train", "validation", "test"}
    count : int, optional
        Portraits, at least 1; by default 4,000, 1,000 and 2,000.
    seed : int
        Which collection, 0..999,999.
    spread : float
        How differently people age: standard deviation of the logarithm of the rate, >= 0.

    Returns
    -------
    Data
        ``images`` (count, 1, 32, 32) uint8; ``targets`` (count,) int64, ranks 0..49, which are the
        ages 16..65: an error of one rank is one year.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    one_of("split", split, tuple(COUNTS), "ages")
    count = COUNTS[split] if count is None else count
    if count < 1 or not 0 <= seed < 1_000_000 or not spread >= 0:
        raise ValueError(
            f"got count={count}, seed={seed}, spread={spread}: give at least 1 portrait, a seed of "
            "0..999,999 and a spread of 0 or more"
        )
    images, targets = [], []
    for block in range(-(-count // _BLOCK)):
        generator = torch.Generator().manual_seed(
            (seed * len(COUNTS) + list(COUNTS).index(split)) * 100_000 + block
        )
        ranks = torch.randint(0, NUM_RANKS, (_BLOCK,), generator=generator)
        images.append(_portraits(ranks, spread, generator))
        targets.append(ranks)
    record = Record(
        name="ages",
        split=split,
        source=f"rendered, seed {seed}",
        count=count,
        licence="MIT",
        shape=(1, SIZE, SIZE),
    )
    return Data(torch.cat(images)[:count], torch.cat(targets)[:count], record)


def _portraits(ranks: Tensor, spread: float, generator: torch.Generator) -> Tensor:
    """Draw one portrait a rank: uint8 (N, 1, 32, 32)."""
    n = len(ranks)

    def uniform(low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand(n, 1, 1, generator=generator)

    def normal(mean: float = 0.0, sd: float = 1.0) -> Tensor:
        return mean + sd * torch.randn(n, 1, 1, generator=generator)

    # How far the years show: the fraction of the range that is over, at each person's own rate.
    years = (ranks.view(n, 1, 1) + uniform()) / NUM_RANKS
    wear = (years * torch.exp(normal(sd=spread))).clamp(max=1.4)
    grown = 1 - torch.exp(-3 * wear)  # changes fast when young

    rows = torch.arange(SIZE).float().view(1, SIZE, 1)
    columns = torch.arange(SIZE).float().view(1, 1, SIZE)
    y, x = rows - normal(16, 1.2), columns - normal(15.5, 1.2)
    width, height = (8 + 2.5 * grown) * normal(1, 0.04), (9.5 + 3.5 * grown) * normal(1, 0.04)
    radius = torch.sqrt((y / height) ** 2 + (x / width) ** 2)  # 1 on the outline of the face
    inside = _soft(12 * (1 - radius))

    skin = normal(0.62, 0.06)
    picture = _over(uniform(0.1, 0.25).expand(n, SIZE, SIZE), inside, skin)

    grey = _soft(8 * (wear - 0.65) + normal(sd=0.7))
    hairline = -0.5 - 0.35 * wear * uniform(0.75, 1.25)
    hair = _soft(10 * (hairline - y / height)) * _soft(12 * (1.14 - radius))
    picture = _over(picture, hair, 0.16 + 0.74 * grey)

    between, opening = width * normal(0.42, 0.03), (2.0 - 0.9 * grown) * normal(1, 0.06)
    for side in (-1, 1):
        far = torch.sqrt((y + 0.1 * height) ** 2 + (x - side * between) ** 2)
        picture = _over(picture, _soft(4 * (opening - far)), 0.05)
    nose = _soft(3 * (0.7 - x.abs())) * _soft(3 * (0.13 * height - (y - 0.17 * height).abs()))
    picture = _over(picture, 0.3 * nose, 0.25)
    mouth = _soft(3 * (0.8 - (y - 0.52 * height).abs())) * _soft(3 * (0.38 * width - x.abs()))
    picture = _over(picture, 0.6 * mouth, 0.1)

    lines = torch.sin(normal(2.2, 0.2) * y + uniform(0, 6.28)) > 0.5
    forehead = (x.abs() < 0.6 * width) & (y < -0.24 * height) & (y > -0.75 * height)
    picture = picture - 0.28 * (wear - 0.3).clamp(min=0) * (lines & forehead) * (1 - hair)
    folds = torch.sin(2.5 * (x.abs() - 0.2 * height) + uniform(0, 6.28)) > 0.55
    cheeks = (y > 0.18 * height) & (y < 0.75 * height) & (x.abs() > 0.5 * width) & (radius < 1)
    picture = picture - 0.22 * (wear - 0.45).clamp(min=0) * (folds & cheeks)

    noise = 0.04 * torch.randn(n, SIZE, SIZE, generator=generator)
    picture = picture * normal(1, 0.1) + noise
    return (255 * picture.clamp(0, 1)).round().to(torch.uint8).unsqueeze(1)


def _soft(values: Tensor) -> Tensor:
    """A soft edge: 0 far outside, 1 far inside."""
    return torch.sigmoid(values)


def _over(below: Tensor, cover: Tensor, shade: Tensor | float) -> Tensor:
    """Paint `shade` over a picture where `cover` is 1."""
    return below * (1 - cover) + cover * shade
