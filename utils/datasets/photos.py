"""Photographs that come with scikit-image and scikit-learn, and random crops of them.

Only files inside the installed packages are read, nothing is fetched. Every photograph here has
terms that allow reuse; :func:`credit` names author, terms and address.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from utils.arguments import integer


@dataclass(frozen=True)
class Photo:
    """One photograph: what it shows, who took it, its terms, and where it lies."""

    title: str
    author: str
    licence: str
    address: str
    file: str  # package/path, inside the installed package

    def __str__(self) -> str:
        """One line for a caption."""
        return f"{self.title}; {self.author}, {self.licence}, {self.address}"


_SKIMAGE = "https://scikit-image.org/docs/stable/api/skimage.data.html"

PHOTOS: dict[str, Photo] = {
    "astronaut": Photo(
        "Eileen Collins, astronaut",
        "NASA",
        "public domain",
        "https://flic.kr/p/r9qvLn",
        "skimage/data/astronaut.png",
    ),
    "brick": Photo(
        "Brick wall (grey)", "CC0Textures", "CC0 1.0", _SKIMAGE, "skimage/data/brick.png"
    ),
    "camera": Photo(
        "Man with a camera (grey)", "Lav Varshney", "CC0 1.0", _SKIMAGE, "skimage/data/camera.png"
    ),
    "chelsea": Photo(
        "Chelsea, a cat",
        "Stefan van der Walt",
        "CC0 1.0",
        _SKIMAGE,
        "skimage/data/chelsea.png",
    ),
    "china": Photo(
        "Roofs of a Chinese temple",
        "danielbuechele",
        "CC BY 2.0",
        "https://www.flickr.com/photos/danielbuechele/6061409035",
        "sklearn/datasets/images/china.jpg",
    ),
    "clock": Photo(
        "Wall clock, blurred by motion (grey)",
        "Stefan van der Walt",
        "public domain",
        _SKIMAGE,
        "skimage/data/clock_motion.png",
    ),
    "coffee": Photo(
        "Cup of coffee on a wooden table",
        "Rachel Michetti, Pikolo Espresso Bar",
        "CC0 1.0",
        _SKIMAGE,
        "skimage/data/coffee.png",
    ),
    "coins": Photo(
        "Greek coins from Pompeii (grey)",
        "Brooklyn Museum",
        "no known copyright restrictions",
        "https://www.brooklynmuseum.org/opencollection/archives/image/51611",
        "skimage/data/coins.png",
    ),
    "flower": Photo(
        "Dahlia",
        "vultilion",
        "CC BY 2.0",
        "https://www.flickr.com/photos/vultilion/6056698931",
        "sklearn/datasets/images/flower.jpg",
    ),
    "grass": Photo(
        "Grass (grey)",
        "linolafett",
        "CC0 1.0",
        "https://www.deviantart.com/linolafett/art/Grass-01-434853879",
        "skimage/data/grass.png",
    ),
    "gravel": Photo("Gravel (grey)", "CC0Textures", "CC0 1.0", _SKIMAGE, "skimage/data/gravel.png"),
    "hubble": Photo(
        "Hubble eXtreme Deep Field",
        "NASA",
        "public domain",
        "http://hubblesite.org/newscenter/archive/releases/2012/37/image/a/",
        "skimage/data/hubble_deep_field.jpg",
    ),
    "retina": Photo(
        "Retina of a left eye",
        "Mikael Häggström",
        "CC0 1.0",
        "https://commons.wikimedia.org/wiki/File:Fundus_photograph_of_normal_left_eye.jpg",
        "skimage/data/retina.jpg",
    ),
    "rocket": Photo(
        "Launch of a Falcon 9",
        "SpaceX",
        "public domain",
        "https://www.flickr.com/photos/spacexphotos/16511594820",
        "skimage/data/rocket.jpg",
    ),
}

BACKGROUNDS: tuple[str, ...] = (
    "brick",
    "camera",
    "china",
    "clock",
    "coffee",
    "coins",
    "grass",
    "gravel",
)
"""Photographs without a bird, fish, mammal, insect, fruit, vegetable, flower or vehicle to be seen
(the deep field, too dark to see a crow against, is left out)."""

_MODULES = {"skimage": "scikit-image", "sklearn": "scikit-learn"}


def names() -> list[str]:
    """Names of the photographs, in alphabetical order."""
    return list(PHOTOS)


def credit(name: str) -> Photo:
    """Title, author, terms and address of a photograph.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Raises
    ------
    ValueError
        If there is no photograph of that name.
    """
    if name not in PHOTOS:
        raise ValueError(f"no photograph is called {name!r}; there are {', '.join(PHOTOS)}.")
    return PHOTOS[name]


@cache
def _path(name: str) -> Path:
    """File of a photograph inside its installed package, which is not imported."""
    module, _, inside = credit(name).file.partition("/")
    package = _MODULES[module]
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"the photograph {name!r} comes with {package}, which is not installed: "
            f"pip install -c constraints.txt {package}"
        )
    path = Path(spec.submodule_search_locations[0], inside)
    if not path.is_file():
        raise FileNotFoundError(
            f"the installed {package} holds no {inside}: "
            f"pip install -c constraints.txt --force-reinstall {package}"
        )
    return path


@cache
def pil_photo(name: str) -> Image.Image:
    """Return the photograph `name` as a Pillow image (mode RGB), decoded once; a copy is yours to change."""
    with Image.open(_path(name)) as image:
        return image.convert("RGB")


def is_grey(name: str) -> bool:
    """Whether the photograph `name` has one channel only."""
    return credit(name).title.endswith("(grey)")


def photo(name: str) -> torch.Tensor:
    """One photograph.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    torch.Tensor
        (3, H, W), uint8, RGB, 0..255; grey photographs have three equal channels.

    Raises
    ------
    ValueError
        If there is no photograph of that name.
    ModuleNotFoundError, FileNotFoundError
        If the package that holds it is missing or incomplete.
    """
    return torch.from_numpy(np.array(pil_photo(name))).permute(2, 0, 1).contiguous()


def random_crop(
    image: Image.Image, size: int, rng: np.random.Generator, scale: tuple[float, float]
) -> Image.Image:
    """Cut a random square out of a photograph, resize it to ``size`` and mirror every second one.

    Parameters
    ----------
    image : PIL.Image.Image
        The photograph.
    size : int
        Side of the result in pixels.
    rng : numpy.random.Generator
        Source of chance.
    scale : (float, float)
        Range of the square's side as a share of the photograph's shorter side, in (0, 1].

    Raises
    ------
    TypeError
        If ``size`` is no whole number.
    ValueError
        If it is below 1, or ``scale`` is no range in (0, 1].
    """
    integer("size", size, at_least=1)
    low, high = scale
    if not 0 < low <= high <= 1:
        raise ValueError(f"scale is {scale}: give two shares with 0 < low <= high <= 1")
    side = rng.uniform(*scale) * min(image.size)
    left = rng.uniform(0, image.width - side)
    top = rng.uniform(0, image.height - side)
    box = (left, top, left + side, top + side)
    crop = image.resize((size, size), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0)
    return crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else crop
