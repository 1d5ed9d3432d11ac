"""Rendered pictures in the manner of dermoscopy, eighteen made-up kinds of lesion under a tree.

Every kind is a recipe for the signs that dermatologists name: asymmetry, border, colours,
diameter, pigment network, globules, streaks, veil, vessels, scale. The names are those of real
diseases so that the tree reads like a taxonomy; the pictures are drawings. Nothing learned from
them says anything about skin.

A *ruler*, as photographs of suspicious lesions often show one, can be laid beside the lesion: a
shortcut to be found and removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw

from utils.datasets import Data, Record, one_of

SIZE = 128
COUNTS: dict[str, int] = {"train": 1_200, "validation": 300, "test": 600}
"""Pictures of each split unless a count is given."""

TREE: dict[str, dict[str, dict[str, None]]] = {
    "benign": {
        "melanocytic naevi": dict.fromkeys(
            ("junctional naevus", "compound naevus", "blue naevus", "Spitz naevus",
             "congenital naevus")
        ),
        "keratoses": dict.fromkeys(
            ("seborrhoeic keratosis", "solar lentigo", "lichenoid keratosis")
        ),
        "vascular lesions": dict.fromkeys(("cherry angioma", "angiokeratoma")),
        "fibrous lesions": dict.fromkeys(("dermatofibroma", "scar")),
    },
    "malignant": {
        "melanomas": dict.fromkeys(
            ("superficial melanoma", "nodular melanoma", "lentigo maligna")
        ),
        "keratinocyte cancers": dict.fromkeys(
            ("basal cell carcinoma", "pigmented basal cell carcinoma", "squamous cell carcinoma")
        ),
    },
}  # fmt: skip
"""Two, six and eighteen classes: group, family, leaf."""

LEAVES: tuple[str, ...] = tuple(
    leaf for families in TREE.values() for leaves in families.values() for leaf in leaves
)
"""The eighteen kinds; a target is a position in this tuple."""

MALIGNANT: tuple[str, ...] = tuple(leaf for leaves in TREE["malignant"].values() for leaf in leaves)

CLASS_NAMES = {"lesions": LEAVES}

_COLOURS = {
    "tan": (196, 142, 100), "light": (164, 108, 70), "dark": (104, 62, 38), "black": (48, 32, 28),
    "grey": (116, 118, 130), "blue": (84, 98, 132), "red": (178, 62, 58), "wine": (126, 34, 50),
    "pink": (222, 150, 140), "white": (236, 214, 202), "yellow": (206, 176, 118),
}  # fmt: skip

_SKINS = np.array(
    [[242, 208, 188], [228, 184, 160], [206, 158, 128], [168, 120, 92], [118, 80, 60]], float
)


@dataclass(frozen=True)
class _Kind:
    """Mean signs of a kind; all but `colours` are 0..1 and vary from picture to picture."""

    colours: tuple[str, ...]
    size: float = 0.5
    asymmetry: float = 0.2
    border: float = 0.2  # irregular
    sharp: float = 0.5
    network: float = 0.0
    globules: float = 0.0
    streaks: float = 0.0
    veil: float = 0.0
    vessels: float = 0.0
    scale: float = 0.0
    lacunae: float = 0.0
    centre: float = 0.0  # a pale middle
    mottled: float = 0.3  # how strongly the colours separate


_KINDS: dict[str, _Kind] = {
    "junctional naevus": _Kind(("light", "dark"), 0.35, 0.1, 0.1, 0.4, network=0.8),
    "compound naevus": _Kind(("tan", "light", "dark"), 0.4, 0.15, 0.15, 0.6, network=0.25, globules=0.8),
    "blue naevus": _Kind(("blue", "grey"), 0.35, 0.1, 0.1, 0.7, veil=0.4, mottled=0.15),
    "Spitz naevus": _Kind(("dark", "black"), 0.4, 0.1, 0.2, 0.7, streaks=0.9, globules=0.3),
    "congenital naevus": _Kind(("light", "dark"), 0.75, 0.2, 0.2, 0.6, network=0.4, globules=0.6),
    "seborrhoeic keratosis": _Kind(("tan", "light", "dark"), 0.6, 0.25, 0.2, 0.95, scale=0.5, centre=0.0, globules=0.3, mottled=0.6),
    "solar lentigo": _Kind(("tan", "light"), 0.6, 0.3, 0.5, 0.8, network=0.35, mottled=0.1),
    "lichenoid keratosis": _Kind(("pink", "grey", "light"), 0.5, 0.3, 0.3, 0.4, globules=0.4, scale=0.3, mottled=0.6),
    "cherry angioma": _Kind(("red", "wine"), 0.35, 0.1, 0.1, 0.8, lacunae=0.9),
    "angiokeratoma": _Kind(("wine", "black", "red"), 0.4, 0.2, 0.2, 0.7, lacunae=0.8, scale=0.4, veil=0.2),
    "dermatofibroma": _Kind(("light", "tan", "pink"), 0.45, 0.1, 0.1, 0.3, network=0.5, centre=0.9),
    "scar": _Kind(("white", "pink"), 0.55, 0.45, 0.4, 0.4, vessels=0.3, centre=0.5, mottled=0.2),
    "superficial melanoma": _Kind(("light", "dark", "black", "red"), 0.75, 0.7, 0.7, 0.6, network=0.5, streaks=0.4, veil=0.35, mottled=0.8),
    "nodular melanoma": _Kind(("black", "blue", "dark"), 0.6, 0.4, 0.35, 0.8, veil=0.8, vessels=0.35, mottled=0.5),
    "lentigo maligna": _Kind(("tan", "light", "grey", "dark"), 0.75, 0.65, 0.7, 0.5, network=0.3, globules=0.4, mottled=0.7),
    "basal cell carcinoma": _Kind(("pink", "white"), 0.5, 0.3, 0.3, 0.5, vessels=0.9, centre=0.3, mottled=0.3),
    "pigmented basal cell carcinoma": _Kind(("pink", "grey", "blue"), 0.55, 0.5, 0.4, 0.6, vessels=0.6, globules=0.6, mottled=0.8),
    "squamous cell carcinoma": _Kind(("pink", "yellow", "red"), 0.6, 0.4, 0.4, 0.6, scale=0.9, vessels=0.4, mottled=0.5),
}  # fmt: skip


def lesions(
    split: str = "train",
    count: int | None = None,
    seed: int = 0,
    *,
    spread: float = 1.6,
    ruler: str | Mapping[str, float] = "none",
    weights: Sequence[float] | None = None,
) -> Data:
    """Render a split of the lesions.

    A picture depends on split, seed, its number, `spread` and `weights`; the ruler, where there is
    one, is laid over the same picture. One takes about 6 ms.

    Parameters
    ----------
    split : {"train", "validation", "test"}
    count : int, optional
        Number of pictures, at least 1; by default 1,200, 300 and 600.
    seed : int
        Which collection, at least 0.
    spread : float
        How far the signs of a kind stray from its recipe, 0..4: at 1 a small network tells the
        kinds apart, at 1.6 it errs as often as is interesting.
    ruler : {"none", "all", "biased", "reversed"} or mapping
        Which pictures show a ruler: none, all, 80 % of the malignant and 5 % of the others, the
        other way round; or the shares, {"malignant": ..., "benign": ...}.
    weights : sequence of 18 floats, optional
        Relative frequency of each kind, in the order of `LEAVES`; equal if left out.

    Returns
    -------
    Data
        ``images`` (count, 3, 128, 128) uint8 RGB, ``targets`` (count,) int64, positions in
        `LEAVES`.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    one_of("split", split, tuple(COUNTS), "lesions")
    count = COUNTS[split] if count is None else count
    if count < 1 or seed < 0 or not 0 <= spread <= 4:
        raise ValueError(
            f"got count={count}, seed={seed}, spread={spread}: give at least one picture, a seed of "
            "0 or more and a spread from 0 to 4"
        )
    shares = _ruler_shares(ruler)
    chances = np.ones(len(LEAVES)) if weights is None else np.asarray(weights, float)
    if chances.shape != (len(LEAVES),) or not (chances >= 0).all() or not chances.sum() > 0:
        raise ValueError(
            f"weights have to be {len(LEAVES)} numbers of 0 or more, not all of them 0"
        )
    chances = chances / chances.sum()
    images = np.empty((count, SIZE, SIZE, 3), np.uint8)
    targets = np.empty(count, np.int64)
    for number in range(count):
        start = [seed, list(COUNTS).index(split), number]
        generator = np.random.default_rng(start)
        target = int(generator.choice(len(LEAVES), p=chances))
        picture = _draw(_KINDS[LEAVES[target]], spread, generator)
        group = "malignant" if LEAVES[target] in MALIGNANT else "benign"
        beside = np.random.default_rng([*start, 1])
        if beside.random() < shares[group]:
            picture = _with_ruler(picture, beside)
        images[number], targets[number] = picture, target
    record = Record(
        name="lesions",
        split=split,
        source=f"rendered, seed {seed}",
        count=count,
        licence="MIT",
        shape=(3, SIZE, SIZE),
    )
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    return Data(pixels, torch.from_numpy(targets), record)


def groups(depth: int) -> tuple[tuple[str, ...], torch.Tensor]:
    """Names of the classes at a depth of the tree, and which of them each leaf belongs to.

    Parameters
    ----------
    depth : {1, 2, 3}
        2, 6 or 18 classes.

    Returns
    -------
    names : tuple of str
    members : Tensor
        int64 (18,): for the leaf at a position of `LEAVES`, the position of its class in `names`.

    Raises
    ------
    ValueError
        If the depth is another.
    """
    if depth not in (1, 2, 3):
        raise ValueError(f"depth is {depth}: give 1, 2 or 3, for 2, 6 or 18 classes")
    above = {
        leaf: (group, family, leaf)[depth - 1]
        for group, families in TREE.items()
        for family, leaves in families.items()
        for leaf in leaves
    }
    names = tuple(dict.fromkeys(above.values()))
    return names, torch.tensor([names.index(above[leaf]) for leaf in LEAVES])


def _ruler_shares(ruler: str | Mapping[str, float]) -> dict[str, float]:
    known = {
        "none": {"malignant": 0.0, "benign": 0.0},
        "all": {"malignant": 1.0, "benign": 1.0},
        "biased": {"malignant": 0.8, "benign": 0.05},
        "reversed": {"malignant": 0.05, "benign": 0.8},
    }
    if isinstance(ruler, str):
        one_of("ruler", ruler, tuple(known), "lesions")
        return known[ruler]
    if set(ruler) != {"malignant", "benign"} or not all(0 <= v <= 1 for v in ruler.values()):
        raise ValueError(f'ruler is {ruler}: give {{"malignant": 0..1, "benign": 0..1}}')
    return dict(ruler)


# ---------------------------------------------------------------------------- drawing

_ROWS, _COLUMNS = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)


def _smooth(generator: np.random.Generator, cells: int, channels: int = 1) -> np.ndarray:
    """Smooth noise of about unit spread, (SIZE, SIZE, channels)."""
    coarse = generator.normal(size=(cells + 3, cells + 3, channels)).astype(np.float32)
    planes = [
        np.asarray(
            Image.fromarray(coarse[..., c], mode="F").resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        )
        for c in range(channels)
    ]
    return np.stack(planes, axis=-1)


def _draw(kind: _Kind, spread: float, generator: np.random.Generator) -> np.ndarray:
    def sign(mean: float, sd: float = 0.12) -> float:
        return float(np.clip(mean + spread * sd * generator.normal(), 0, 1))

    skin = _skin(generator)
    picture = skin.copy()
    size, asymmetry, border = sign(kind.size), sign(kind.asymmetry), sign(kind.border)
    inside, reach, angle = _shape(size, asymmetry, border, sign(kind.sharp), generator)

    picture += inside[..., None] * (_pigment(kind, sign(kind.mottled), spread, generator) - picture)
    dark = np.float32(1)
    if (network := sign(kind.network)) > 0.2:
        dark = dark - 0.55 * network * _net(generator) * inside
    if (globules := sign(kind.globules)) > 0.2:
        spots = _spots(generator, int(8 + 40 * globules), (1.2, 2.6), reach)
        dark = dark - 0.6 * globules * spots * inside
    if (streaks := sign(kind.streaks)) > 0.2:
        rays = 0.5 + 0.5 * np.cos(
            generator.integers(18, 30) * angle + 3 * _smooth(generator, 3)[..., 0]
        )
        rim = np.exp(-(((reach - 1.0) / 0.16) ** 2))
        dark = dark - 0.6 * streaks * rim * rays**3
    picture *= dark[..., None] if isinstance(dark, np.ndarray) else dark
    if (veil := sign(kind.veil)) > 0.2:
        cloud = 1 / (1 + np.exp(-4 * (_smooth(generator, 2)[..., 0] + 0.3)))
        weight = 0.75 * veil * cloud * inside * np.clip(1.2 - reach, 0, 1)
        picture += weight[..., None] * (np.array([112, 124, 156], np.float32) - picture)
    if (lacunae := sign(kind.lacunae)) > 0.2:
        blobs = _spots(generator, int(5 + 14 * lacunae), (3.5, 7.0), reach)
        weight = (0.8 * lacunae * blobs * inside)[..., None]
        tint = np.array([[140, 20, 34], [92, 20, 48]], np.float32)[generator.integers(2)]
        picture += weight * (tint - picture)
    if (centre := sign(kind.centre)) > 0.2:
        weight = (0.8 * centre * inside * np.exp(-((reach / 0.45) ** 2)))[..., None]
        picture += weight * (np.array([240, 214, 200], np.float32) - picture)
    if (vessels := sign(kind.vessels)) > 0.2:
        picture = _lines(picture, generator, int(3 + 9 * vessels), inside, (178, 40, 46))
    if (scale := sign(kind.scale)) > 0.2:
        flakes = np.clip(_smooth(generator, 14)[..., 0] - (1.6 - 1.2 * scale), 0, 1)
        weight = (0.9 * flakes * inside)[..., None]
        picture += weight * (np.array([238, 226, 190], np.float32) - picture)
    if generator.random() < 0.45:
        picture = _hairs(picture, generator)
    picture = _camera(picture, generator)
    return picture.round().clip(0, 255).astype(np.uint8)


def _skin(generator: np.random.Generator) -> np.ndarray:
    place = generator.random() * (len(_SKINS) - 1)
    low = min(int(place), len(_SKINS) - 2)
    tone = _SKINS[low] + (place - low) * (_SKINS[low + 1] - _SKINS[low])
    texture = 5 * _smooth(generator, 4) + 3 * _smooth(generator, 40)
    return (tone + texture).astype(np.float32)


def _shape(size, asymmetry, border, sharp, generator):
    """Inside (0..1), distance from the middle in radii, and angle."""
    radius = SIZE * (0.14 + 0.26 * size)
    y0, x0 = SIZE / 2 + generator.normal(0, 5, size=2)
    turn = generator.uniform(0, 2 * np.pi)
    dy, dx = _ROWS - y0, _COLUMNS - x0
    angle = np.arctan2(dy, dx) + turn
    outline = 1 + 0.08 * generator.normal() * np.cos(2 * angle)
    outline = outline + 0.38 * asymmetry * np.cos(angle) * generator.choice([-1, 1])
    for order in range(3, 10):
        outline = outline + 0.34 * border * generator.normal() / order * np.cos(
            order * angle + generator.uniform(0, 2 * np.pi)
        )
    reach = np.hypot(dy, dx) / (radius * np.clip(outline, 0.35, 1.8))
    steep = 6 + 26 * sharp
    return 1 / (1 + np.exp(np.clip(steep * (reach - 1), -50, 50))), reach, angle


def _pigment(kind: _Kind, mottled: float, spread: float, generator) -> np.ndarray:
    """The lesion's colours, blended by smooth noise."""
    palette = np.array([_COLOURS[name] for name in kind.colours], np.float32)
    palette = palette + spread * (
        13 * generator.normal(size=(len(palette), 1)) + 3 * generator.normal(size=palette.shape)
    )
    fields = _smooth(generator, 3, len(palette))
    fields = fields - 0.25 * np.arange(len(palette))  # the first colour is the commonest
    weight = np.exp((1 + 6 * mottled) * fields)
    weight = weight / weight.sum(axis=-1, keepdims=True)
    return weight @ palette + 4 * _smooth(generator, 24)


def _net(generator) -> np.ndarray:
    """Lines of a honeycomb, bent by noise: 1 on a line."""
    pitch = generator.uniform(6.0, 8.5)
    bend = 2.2 * _smooth(generator, 5, 2)
    turn = generator.uniform(0, np.pi)
    y, x = _ROWS + bend[..., 0], _COLUMNS + bend[..., 1]
    waves = [
        np.cos(
            2
            * np.pi
            / pitch
            * (x * np.cos(turn + k * np.pi / 3) + y * np.sin(turn + k * np.pi / 3))
        )
        for k in range(3)
    ]
    return 1 / (1 + np.exp(4 * (sum(waves) + 0.3)))


def _spots(generator, count: int, radii: tuple[float, float], reach: np.ndarray) -> np.ndarray:
    """Round spots within the lesion, 1 in their middle."""
    rows, columns = np.nonzero(reach < 0.92)
    if len(rows) == 0:
        return np.zeros((SIZE, SIZE), np.float32)
    canvas = Image.new("L", (2 * SIZE, 2 * SIZE))
    pen = ImageDraw.Draw(canvas)
    for place in generator.integers(0, len(rows), count):
        r = 2 * generator.uniform(*radii)
        x, y = 2 * columns[place] + 1, 2 * rows[place] + 1
        pen.ellipse((x - r, y - r, x + r, y + r), fill=255)
    small = canvas.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    return np.asarray(small, np.float32) / 255


def _curve(pen, generator, start, length, bend, colour, width) -> None:
    """One bent line from a starting point."""
    turn, points = generator.uniform(0, 2 * np.pi), [tuple(start)]
    x, y = start
    for _ in range(12):
        turn += generator.normal(0, bend)
        x, y = x + length / 12 * np.cos(turn), y + length / 12 * np.sin(turn)
        points.append((x, y))
    pen.line(points, fill=colour, width=width, joint="curve")


def _lines(picture, generator, count, inside, colour) -> np.ndarray:
    """Branching vessels within the lesion."""
    canvas = Image.new("L", (2 * SIZE, 2 * SIZE))
    pen = ImageDraw.Draw(canvas)
    rows, columns = np.nonzero(inside > 0.5)
    if len(rows) == 0:
        return picture
    for place in generator.integers(0, len(rows), count):
        start = (2 * columns[place], 2 * rows[place])
        for width in (3, 2, 2):
            _curve(pen, generator, start, generator.uniform(24, 60), 0.45, 255, width)
    weight = np.asarray(canvas.resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float32) / 255
    weight = (0.8 * weight * inside)[..., None]
    return picture + weight * (np.array(colour, np.float32) - picture)


def _hairs(picture, generator) -> np.ndarray:
    canvas = Image.new("L", (2 * SIZE, 2 * SIZE))
    pen = ImageDraw.Draw(canvas)
    for _ in range(int(generator.integers(2, 9))):
        start = generator.uniform(0, 2 * SIZE, size=2)
        _curve(pen, generator, start, generator.uniform(120, 300), 0.09, 255, 2)
    weight = np.asarray(canvas.resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float32) / 255
    tint = np.array([[34, 26, 22], [88, 62, 42]], np.float32)[generator.integers(2)]
    return picture + (0.85 * weight)[..., None] * (tint - picture)


def _camera(picture, generator) -> np.ndarray:
    """Light, white balance, vignette, a little noise."""
    far = np.hypot(_ROWS - SIZE / 2, _COLUMNS - SIZE / 2) / (SIZE / 2)
    light = generator.normal(1, 0.06) * (1 - generator.uniform(0, 0.28) * far**3)
    balance = generator.normal(1, 0.02, size=3)
    noise = generator.normal(0, 2.0, size=(SIZE, SIZE, 1))
    return picture * light[..., None] * balance + noise


def _with_ruler(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Lay a ruler along one edge of the picture."""
    turn = 90 * int(generator.integers(4))
    image = Image.fromarray(picture).rotate(turn)
    pen = ImageDraw.Draw(image)
    high = int(generator.integers(11, 15))
    top = SIZE - high
    pen.rectangle((0, top, SIZE, SIZE), fill=(238, 238, 232))
    start, step = int(generator.integers(0, 6)), int(generator.integers(5, 8))
    for number, x in enumerate(range(start, SIZE, step)):
        pen.line((x, top, x, top + (8 if number % 5 == 0 else 5)), fill=(40, 40, 40))
    return np.asarray(image.rotate(-turn))
