"""Files of pictures that others made, as red, green and blue, or one sentence about what they are.

Grey, 16-bit, palette, CMYK and transparent pictures (over black) become 8-bit RGB with white at
255; of an animation the first picture counts; a turned camera is not turned back. What is cut off,
empty, no picture at all, or larger than Pillow takes for a decompression bomb is refused.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from utils.fetch import DataError

if TYPE_CHECKING:
    from PIL import Image


def decode(path: str | PathLike) -> Image.Image:
    """Read the picture at `path`, of any kind.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, loaded; the file is closed.

    Raises
    ------
    OSError, ValueError
        If it is no picture, is cut off, or is larger than Pillow takes for a bomb.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path) as picture:
                picture.load()
                if picture.mode.startswith("I") or picture.mode == "F":
                    values = np.asarray(picture, dtype=np.float64)
                    if values.max(initial=0) > 255:
                        values = values / 257  # 65,535 is white
                    picture = Image.fromarray(values.clip(0, 255).round().astype(np.uint8))
                if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
                    picture = picture.convert("RGBA")
                    black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
                    picture = Image.alpha_composite(black, picture)
                return picture.convert("RGB")
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise ValueError(str(error)) from None
        except (SyntaxError, EOFError, IndexError, TypeError, KeyError) as error:
            raise ValueError(f"no whole picture ({error})") from None  # Pillow on broken files


def read(path: str | PathLike, name: str) -> Image.Image:
    """Read a picture that a data set cannot do without: as `decode`.

    Parameters
    ----------
    path : path
    name : str
        The data set, for the message.

    Raises
    ------
    utils.fetch.DataError
        If it cannot be read; the message names the file.
    """
    try:
        return decode(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise DataError(
            f"{path} is no readable picture ({reason}): unpack {name} again, or remove it"
        ) from error


def refuse_doubles(names: Iterable[object], source: str) -> None:
    """Refuse a list that names a picture twice: it would count twice, or be in two parts.

    Parameters
    ----------
    names : iterable
        File names or numbers.
    source : str
        The list and its data set, for the message.

    Raises
    ------
    utils.fetch.DataError
        With the first such name.

    >>> refuse_doubles(["a.jpg", "b.jpg"], "the list")
    """
    double = next((name for name, count in Counter(names).items() if count > 1), None)
    if double is not None:
        raise DataError(f"{source} names {double} twice: unpack it again, or take one line out")
