"""Figures that show photographs, stored as JPEG: a fifth of the size of a PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from utils.plots import describe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUALITY = 90
"""JPEG quality at which the letters of a figure stay clean."""


class PhotographicFigure:
    """A figure that a notebook stores as JPEG, with its checksum beside it.

    Parameters
    ----------
    figure : matplotlib figure
        It is drawn when it is shown, and stays open to changes until then.
    quality : int
        JPEG quality, 1 to 95.
    """

    def __init__(self, figure: Figure, quality: int = QUALITY) -> None:
        self.figure = figure
        self.quality = quality

    def _repr_jpeg_(self) -> bytes:
        buffer = io.BytesIO()
        options = {"quality": self.quality, "subsampling": 0, "optimize": True}
        self.figure.savefig(buffer, format="jpeg", pil_kwargs=options)
        return buffer.getvalue()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    def __repr__(self) -> str:
        return describe(self.figure)


def as_photograph(figure: Figure, quality: int = QUALITY) -> PhotographicFigure:
    """Return a figure that is stored as JPEG; for pictures of the world, not for curves.

    Parameters
    ----------
    figure : matplotlib figure
        Full of photographs, which PNG hardly compresses.
    quality : int
        JPEG quality, 1 to 95; colours are kept at full resolution.

    Raises
    ------
    ValueError
        If the quality is out of range.
    """
    if not 1 <= quality <= 95:
        raise ValueError(f"JPEG quality {quality}: choose 1 to 95; {QUALITY} keeps letters clean")
    return PhotographicFigure(figure, quality)
