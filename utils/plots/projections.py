"""Projections to pixel space beside the patches they came from, and heat maps over photographs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from utils import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    Window = tuple[int, int, int, int]

TILE = 120
"""Side of a tile in a block of nine, in pixels of the drawn array."""


def stretch(signal: Any, window: Window, blur: float | None = None) -> np.ndarray:
    """Bring a signed projection into 0..1 so that it can be seen: 0 becomes mid-grey.

    Divided by its largest value a projection looks empty, because a few pixels hold most of it:
    the 99.5th percentile of its size inside the window becomes black or white instead.

    Parameters
    ----------
    signal : tensor or array
        (3, H, W) red, green, blue, of both signs.
    window : (int, int, int, int)
        top, left, bottom, right, as `utils.deconvnet.Deconvnet.window` gives it.
    blur : float, optional
        Standard deviation in pixels, 0 for none; by default 0.6 and a little more for large
        windows. Overlapping pooling leaves dots, and the eye needs lines.

    Returns
    -------
    array
        (h, w, 3) float64, the window only.
    """
    from scipy.ndimage import gaussian_filter

    top, left, bottom, right = window
    inside = plots.as_array(signal).astype(float)[:, top:bottom, left:right]
    if blur is None:
        blur = 0.6 + max(inside.shape[1:]) / 250 if min(inside.shape[1:]) > 7 else 0
    if blur:
        inside = gaussian_filter(inside, (0, blur, blur))
    limit = np.quantile(np.abs(inside), 0.995) or 1.0
    return np.moveaxis(np.clip(0.5 + 0.5 * inside / limit, 0, 1), 0, 2)


def _tile(picture: np.ndarray, smooth: bool) -> np.ndarray:
    """Enlarge (h, w, 3) in 0..1 to a tile; what is cut at the border keeps its proportions."""
    from PIL import Image

    height, width = picture.shape[:2]
    scale = TILE / max(height, width)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    enlarged = Image.fromarray(np.round(255 * picture).astype(np.uint8)).resize(shape, how)
    tile = np.full((TILE, TILE, 3), 255, np.uint8)
    top, left = (TILE - shape[1]) // 2, (TILE - shape[0]) // 2
    tile[top : top + shape[1], left : left + shape[0]] = np.asarray(enlarged)
    return tile


def nine(tiles: Sequence[np.ndarray], gap: int = 4) -> np.ndarray:
    """Nine pictures `tiles` (h, w, 3) in 0..1 as one block of three by three, uint8.

    `gap` is the width of the white lines between them, in pixels.

    Raises
    ------
    ValueError
        If there are not nine.
    """
    if len(tiles) != 9:
        raise ValueError(f"a block has nine tiles, not {len(tiles)}")
    side = 3 * TILE + 2 * gap
    block = np.full((side, side, 3), 255, np.uint8)
    for number, picture in enumerate(tiles):
        row, column = (index * (TILE + gap) for index in divmod(number, 3))
        block[row : row + TILE, column : column + TILE] = _tile(picture, min(picture.shape[:2]) > 7)
    return block


def top_nine(
    signals: Sequence[Any],
    images: Sequence[Any],
    windows: Sequence[Sequence[Window]],
    titles: Sequence[str],
    title: str,
) -> Figure:
    """Blocks of nine projections, and below each the nine patches that caused them.

    Parameters
    ----------
    signals : sequence of tensor
        For each map (9, 3, H, W), red, green, blue, of both signs.
    images : sequence of tensor
        For each map (9, 3, H, W) uint8.
    windows : sequence of sequence of (top, left, bottom, right)
        For each map the nine units' windows.
    titles : sequence of str
        A short name for each map.
    title : str
        The finding.

    Returns
    -------
    Figure
        Two rows, one column a map.
    """
    above, below = [], []
    for nine_signals, nine_images, nine_windows in zip(signals, images, windows, strict=True):
        above.append(nine([stretch(s, w) for s, w in zip(nine_signals, nine_windows, strict=True)]))
        patches = []
        for image, (top, left, bottom, right) in zip(nine_images, nine_windows, strict=True):
            picture = np.moveaxis(plots.as_array(image), 0, 2)[top:bottom, left:right]
            patches.append(picture / 255)
        below.append(nine(patches))
    return plots.image_grid(
        [*above, *below],
        titles=[*titles, *[""] * len(below)],
        columns=len(above),
        title=title,
        height=4.8,
    )


def heat_over(
    photo: Any, heat: Any, corner: tuple[float, float], step: tuple[float, float], axes: Any
) -> Any:
    """Draw a photograph in grey with a coarse heat map over it.

    Parameters
    ----------
    photo : tensor
        (3, H, W) uint8.
    heat : tensor
        (rows, columns), any values.
    corner : (float, float)
        Row and column, in pixels, of the centre of the first entry.
    step : (float, float)
        Distance of the entries in pixels, down and across.
    axes : matplotlib Axes
        Where to draw.

    Returns
    -------
    matplotlib image
        For a colour bar.
    """
    picture = plots.as_array(photo).astype(float).mean(0)
    values = plots.as_array(heat)
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
    rows, columns = values.shape[:2]
    top, left = corner[0] - step[0] / 2, corner[1] - step[1] / 2
    extent = (left, left + columns * step[1], top + rows * step[0], top)
    drawn = axes.imshow(values, cmap=plots.CMAP, alpha=0.6, extent=extent)
    axes.set(xlim=(0, picture.shape[1]), ylim=(picture.shape[0], 0), xticks=[], yticks=[])
    axes.grid(False)
    return drawn
