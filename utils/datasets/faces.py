"""Rendered faces: persons with a body, an age and a style that can be hidden, made on the spot.

A rendered face belongs to a *person*, who has twelve bodily features and an age, and who presents
in one of two *styles*. The features say who it is; the style is what a semi-adversarial network
shall hide. Pictures of a person differ in pose, light, expression, hair and shaving. Nobody stands
behind them.

Targets have three columns, so that ``person, style, age = data.targets.T``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw

from utils.datasets import Data, Record, one_of

COLUMNS = ("person", "style", "age")
"""What the columns of the targets hold: a number, 0 or 1, years."""

PERSONS: dict[str, int] = {"train": 240, "unseen": 240, "validation": 60, "test": 80}
"""Persons of each split unless a number is given. No person is in two splits.

"train" is for the semi-adversarial network and the two nets that it learns from, "unseen" for
classifiers and matchers that it never meets.
"""

YOUNGEST, OLDEST = 20, 69
SIZE = 64

_SCALE = 2  # drawn two times larger, then averaged


def faces(
    split: str = "train", persons: int | None = None, pictures: int = 10, seed: int = 0
) -> Data:
    """Render some pictures of each person of a split.

    A picture depends on seed, split, person and its number alone. One takes about 0.8 ms.

    Parameters
    ----------
    split : {"train", "unseen", "validation", "test"}
    persons : int, optional
        At least 2, by default 240, 240, 60 and 80. Every second one presents in style 1.
    pictures : int
        Pictures of each person, at least 1.
    seed : int
        Which population, 0..999,999.

    Returns
    -------
    Data
        ``images`` (N, 3, 64, 64) uint8 RGB, the pictures of a person one after the other;
        ``targets`` (N, 3) int64: `COLUMNS`. Age is 20..69 years; a person's pictures are taken
        within three years.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    one_of("split", split, tuple(PERSONS), "faces")
    persons = PERSONS[split] if persons is None else persons
    if persons < 2 or pictures < 1 or not 0 <= seed < 1_000_000:
        raise ValueError(
            f"got persons={persons}, pictures={pictures}, seed={seed}: give at least 2 persons and "
            "1 picture, and a seed of 0..999,999"
        )
    images, targets = [], []
    for number in range(persons):
        start = [seed, list(PERSONS).index(split), number]
        someone = _someone(np.random.default_rng(start), style=number % 2)
        for picture in range(pictures):
            generator = np.random.default_rng([*start, picture + 1])
            age = min(someone.age + int(generator.integers(0, 4)), OLDEST)
            images.append(_portrait(someone, age, generator))
            targets.append((number, someone.style, age))
    record = Record(
        name="faces",
        split=split,
        source=f"{persons:,} persons, rendered, seed {seed}",
        count=len(images),
        licence="MIT",
        shape=(3, SIZE, SIZE),
    )
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
    return Data(pixels, torch.tensor(targets, dtype=torch.int64), record)


@dataclass(frozen=True)
class _Person:
    """What stays the same from picture to picture."""

    style: int
    age: int
    body: np.ndarray  # twelve numbers in 0..1
    habits: np.ndarray  # three numbers in 0..1: how long the hair, how much beard or colour


def _someone(generator: np.random.Generator, style: int) -> _Person:
    return _Person(
        style=style,
        age=int(generator.integers(YOUNGEST, OLDEST + 1)),
        body=generator.random(12),
        habits=generator.random(3),
    )


_SKIN = np.array([[250, 220, 195], [228, 184, 152], [190, 140, 104], [132, 90, 62]], float)
_HAIR = np.array([[32, 26, 22], [92, 62, 38], [172, 124, 66], [122, 48, 26]], float)
_EYES = np.array([[66, 44, 24], [74, 112, 160], [76, 112, 66]], float)


def _portrait(person: _Person, age: int, generator: np.random.Generator) -> np.ndarray:
    """Draw one picture: uint8 (64, 64, 3)."""
    uniform, normal = generator.uniform, generator.normal
    (width, height, chin, eyes_apart, eye_size, eye_height) = person.body[:6]
    (nose_length, nose_width, mouth_width, brow_height, skin_tone, hair_tone) = person.body[6:]
    first = person.style == 0
    years = (age - YOUNGEST) / (OLDEST - YOUNGEST)

    u = float(_SCALE)  # one pixel of the finished picture
    side = SIZE * _SCALE
    ground = uniform(70, 200) + uniform(-22, 22, 3)
    clothes = uniform(40, 190) + uniform(-40, 40, 3)
    image = Image.new("RGB", (side, side), _rgb(ground))
    draw = ImageDraw.Draw(image)
    x0, y0 = (32 + normal(0, 1.0)) * u, (34 + normal(0, 0.9)) * u

    skin = _between(_SKIN, skin_tone) * uniform(0.96, 1.04)
    grey = np.clip((years - 0.5) / 0.6 + normal(0, 0.08), 0, 0.9)
    hair = _between(_HAIR, hair_tone) * (1 - grey) + np.array([205, 205, 210]) * grey
    half, tall = (14 + 4 * width) * u, (18.5 + 4 * height) * u
    jaw = (0.62 + 0.3 * chin) * half + 1.5 * years * u
    length = person.habits[0] + normal(0, 0.2)
    tied = first and uniform() < 0.12
    shaven = (not first) and uniform() < 0.2 + 0.25 * person.habits[2]
    bare = first and uniform() < 0.2 + 0.2 * person.habits[2]

    def oval(x: float, y: float, a: float, b: float, colour: np.ndarray) -> None:
        draw.ellipse([x - a, y - b, x + a, y + b], fill=_rgb(colour))

    def curve(x, y, a, b, start, end, colour, thick) -> None:
        box = [x - a, y - b, x + a, y + b]
        draw.arc(box, start, end, fill=_rgb(colour), width=max(1, round(thick * u)))

    # shoulders, hair behind, ears, head
    oval(x0, y0 + tall + 17 * u, 25 * u, 12.5 * u, clothes)
    if first and not tied:
        drop = (3 + 9 * np.clip(length, 0, 1)) * u
        oval(x0, y0 + drop * 0.5, half + 4.6 * u, tall + drop * 0.55, hair * 0.86)
    draw.rectangle([x0 - 6 * u, y0, x0 + 6 * u, y0 + tall + 6 * u], fill=_rgb(skin * 0.86))
    for side_of in (-1, 1):
        oval(x0 + side_of * half, y0 - 1 * u, 2.2 * u, 3.6 * u, skin * 0.9)
    # hair in front: the forehead is painted into it; style 1 loses it with the years
    back = 0.0 if first else np.clip((years - 0.3) * 1.1 + normal(0, 0.05), 0, 0.75)
    oval(x0, y0 - 0.2 * tall, half + 1.4 * u, 0.8 * tall + 2.2 * u, hair)
    fringe = (6.2 + 1.2 * length - 6.0 * back) * u
    oval(x0, y0 + 0.5 * fringe, half * (0.93 + 0.05 * back), tall - 0.5 * fringe, skin)
    oval(x0, y0 + tall * 0.46, jaw, tall * 0.54, skin)

    # beard, under the features
    if not first and not shaven:
        strength = np.clip(0.25 + 0.6 * person.habits[1] + normal(0, 0.12), 0.15, 0.95)
        beard = skin * (1 - strength) + hair * 0.8 * strength
        draw.chord(
            [x0 - jaw * 1.04, y0 - tall * 0.14, x0 + jaw * 1.04, y0 + tall * 1.02],
            8, 172, fill=_rgb(beard),
        )  # fmt: skip
        oval(x0, y0 + tall * 0.34, 5.2 * u, 2.0 * u, beard)

    # eyes and brows
    level = y0 - (3.2 - 2.6 * eye_height) * u
    apart, eye = (5.4 + 2.4 * eyes_apart) * u, (1.7 + 1.0 * eye_size) * u * (1 - 0.2 * years)
    gaze = normal(0, 0.25) * u
    iris = _EYES[int(2.99 * ((hair_tone * 7) % 1))]
    lift = (4.4 + 1.6 * brow_height) * u + normal(0, 0.25) * u
    for side_of in (-1, 1):
        x = x0 + side_of * apart
        oval(x, level, eye * 1.6, eye, np.array([244, 243, 238]))
        oval(x + gaze, level, eye * 0.85, eye * 0.92, iris)
        oval(x + gaze, level, eye * 0.4, eye * 0.45, np.array([12, 12, 12]))
        lash = 1.0 if first and not bare else 0.5
        curve(x, level + 0.1 * u, eye * 1.75, eye * 1.25, 200, 340, hair * 0.45, lash)
        thick = (0.8 if first else 1.7) + normal(0, 0.15)
        curve(x, level - lift + 4 * u, 4.2 * u, 4 * u, 228, 312, hair * 0.7, thick)
        if years > 0.25:
            worn = np.clip((years - 0.25) * 1.1, 0, 1)
            curve(x, level + 1.2 * u, 3.4 * u, 2.6 * u, 25, 155, skin * (1 - 0.25 * worn), 0.7)

    # nose and mouth
    end = level + (7.0 + 3.4 * nose_length + 0.8 * years) * u
    wide = (1.5 + 1.5 * nose_width) * u
    draw.line([x0, level + 1.5 * u, x0 - 0.35 * wide, end], fill=_rgb(skin * 0.82), width=round(u))
    curve(x0, end, wide, 1.5 * u, 10, 170, skin * 0.66, 0.9)
    lips = skin * 0.62 + np.array([18, 0, 2])
    if first and not bare:
        lips = np.array([176, 52, 70]) * (0.75 + 0.35 * person.habits[1])
    below = end + (4.0 + 0.5 * (chin + height)) * u
    smile, across = np.clip(normal(1.6, 0.9), 0.3, 3.4) * u, (3.7 + 2.2 * mouth_width) * u
    fullness = (2.1 if first and not bare else 1.3) * (1 - 0.25 * years)
    curve(x0, below - smile, across, smile + 0.5 * u, 8, 172, lips, fullness)
    if uniform() < 0.25:  # laughing
        draw.chord([x0 - across * 0.85, below - smile, x0 + across * 0.85, below + smile],
                   10, 170, fill=(246, 244, 240), outline=_rgb(lips))  # fmt: skip

    # lines
    for line in range(int(np.clip(years * 4 - 0.6, 0, 3))):
        y = y0 - tall * 0.62 + line * 2.0 * u
        curve(x0, y + 3 * u, half * 0.55, 3 * u, 215, 325, skin * (1 - 0.2 * years), 0.6)
    if years > 0.4:
        for side_of in (-1, 1):
            x = x0 + side_of * wide * 1.6
            draw.line([x, end, x + side_of * 2.2 * u, below], fill=_rgb(skin * (1 - 0.22 * years)),
                      width=max(1, round(0.7 * u)))  # fmt: skip

    image = image.rotate(normal(0, 3.0), Image.Resampling.BILINEAR, fillcolor=_rgb(ground))
    edge = 5.0 * u  # what the turning left empty is cut off
    box = (edge, edge, side - edge, side - edge)
    pixels = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR, box), np.float32)
    ramp, angle = np.linspace(-1, 1, SIZE, dtype=np.float32), uniform(0, 2 * np.pi)
    shade = np.cos(angle) * ramp[None, :] + np.sin(angle) * ramp[:, None]
    light = uniform(0.86, 1.14) * (1 + normal(0, 0.12) * shade)
    noise = generator.normal(0, 4.5, (SIZE, SIZE, 1))
    return np.clip(pixels * light[..., None] + noise, 0, 255).round().astype(np.uint8)


def _between(colours: np.ndarray, place: float) -> np.ndarray:
    """A colour of a scale whose stops are the rows, at `place` in 0..1."""
    where = place * (len(colours) - 1)
    low = min(int(where), len(colours) - 2)
    return colours[low] + (where - low) * (colours[low + 1] - colours[low])


def _rgb(colour: np.ndarray) -> tuple[int, int, int]:
    red, green, blue = np.clip(colour, 0, 255)
    return int(red), int(green), int(blue)
