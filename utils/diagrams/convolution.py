"""What a convolution does: one detector at work, and its matrix."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from utils import arithmetic, plots
from utils.diagrams._board import _Board, _closed
from utils.plots.style import INK, PALETTE, QUIET, _register_diverging, _text_on

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _oriented_edge(size: int) -> np.ndarray:
    """A smooth vertical-edge detector: the larger relative of Sobel's 3 x 3 kernel."""
    smooth = np.array([math.comb(size - 1, k) for k in range(size)], float)
    smooth /= smooth.sum()
    slope = np.arange(size) - (size - 1) / 2
    return np.outer(smooth, slope / max(np.abs(slope).sum(), 1.0))


def _correlate(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return np.einsum("ijuv,uv->ij", windows, kernel)


def detector_on_image(
    image: Any,
    kernel_size: int = 5,
    position: tuple[int, int] | None = None,
    title: str | None = None,
    *,
    weight: Any = None,
    bias: Any = 0.0,
    height: float = 4.6,
) -> Figure:
    """One detector at one place: the pixels it sees, its weights, and the cell it fills.

    Parameters
    ----------
    image : tensor or array
        One grey image, (H, W) or (1, H, W); uint8 in 0..255 (then scaled to 0..1) or floats.
    kernel_size : int
        K, when no weight is given; the detector then answers to vertical edges.
    position : (int, int), optional
        Row and column of the filled cell in the feature map, from 0; by default where the
        detector answers most strongly.
    title : str, optional
        The finding.
    weight : tensor or array, optional
        (K_h, K_w) or (1, 1, K_h, K_w), such as ``conv.weight``.
    bias : float or tensor of one number
        Added to every sum, such as ``conv.bias``.
    height : float
        Inches.

    Raises
    ------
    ValueError
        If the kernel does not fit into the image or the position not into the feature map.
    """
    pixels = plots.as_picture(image)
    pixels = pixels / 255 if pixels.dtype == np.uint8 else pixels.astype(float)
    if pixels.ndim != 2:
        raise ValueError(f"an image of shape {pixels.shape}: give one grey image, (H, W)")
    bias = float(plots.as_array(bias).reshape(()))
    kernel = _oriented_edge(kernel_size) if weight is None else plots.as_array(weight)
    kernel = np.asarray(kernel, float).reshape(kernel.shape[-2:])
    if any(k > n for k, n in zip(kernel.shape, pixels.shape, strict=True)):
        raise ValueError(
            f"a kernel of {kernel.shape} does not fit into an image of {pixels.shape}: "
            "take a smaller kernel or pad the image"
        )
    maps = _correlate(pixels, kernel) + bias
    if position is None:
        position = tuple(int(n) for n in np.unravel_index(np.abs(maps).argmax(), maps.shape))
    row, column = position
    if not (0 <= row < maps.shape[0] and 0 <= column < maps.shape[1]):
        raise ValueError(
            f"position {position} lies outside the feature map of {maps.shape}: "
            f"rows go from 0 to {maps.shape[0] - 1}, columns from 0 to {maps.shape[1] - 1}"
        )
    board = _Board(height, title)
    low, room = 0.75, board.top - 0.75 - 0.4
    side = min(room, 3.4)
    unit = side / max(pixels.shape)
    y = low + room / 2

    def picture(values: np.ndarray, left: float, cell: float, **how: Any):
        rows, columns = values.shape
        below = y - rows * cell / 2
        extent = (left, left + columns * cell, below, below + rows * cell)
        board.axes.imshow(values, extent=extent, aspect="auto", interpolation="nearest", **how)
        board.rectangle(left, below, columns * cell, rows * cell, "none", QUIET, linewidth=1)
        return left, below + rows * cell

    _register_diverging()
    limit = float(np.abs(kernel).max()) or 1.0
    left, top = picture(pixels, 0.3, unit, cmap=plots.GREY)
    cell = min(2.1 / max(kernel.shape), 0.5)
    kernel_left = (board.width - kernel.shape[1] * cell) / 2
    k_left, k_top = picture(
        kernel, kernel_left, cell, cmap=plots.DIVERGING, vmin=-limit, vmax=limit
    )
    map_left = board.width - 0.3 - maps.shape[1] * unit
    strongest = float(np.abs(maps).max()) or 1.0
    m_left, m_top = picture(
        maps, map_left, unit, cmap=plots.DIVERGING, vmin=-strongest, vmax=strongest
    )
    tall, wide = kernel.shape
    seen = (left + column * unit, top - (row + tall) * unit, wide * unit, tall * unit)
    board.rectangle(*seen, "none", PALETTE[3], linewidth=2.2, zorder=4)
    spot = (m_left + column * unit, m_top - (row + 1) * unit, unit, unit)
    board.rectangle(*spot, "none", INK, linewidth=1.8, zorder=4)
    k_bottom, k_right = k_top - tall * cell, k_left + wide * cell
    for from_y, to_y in ((seen[1] + seen[3], k_top), (seen[1], k_bottom)):
        board.line([(seen[0] + seen[2], from_y), (k_left, to_y)], PALETTE[3], zorder=3.5)
    for from_y, to_y in ((k_top, spot[1] + unit), (k_bottom, spot[1])):
        board.line([(k_right, from_y), (spot[0], to_y)], INK, zorder=3.5)
    if max(kernel.shape) <= 5:
        from matplotlib import colormaps

        for (i, j), value in np.ndenumerate(kernel):
            text = f"{value:.2f}" if abs(value) < 9.995 else f"{value:.0f}"
            if float(text) == 0:
                text = "0"
            colour = _text_on(colormaps[plots.DIVERGING]((value / limit + 1) / 2))
            board.text(
                k_left + (j + 0.5) * cell,
                k_top - (i + 0.5) * cell,
                text.replace("-", "\N{MINUS SIGN}").replace("0.", "."),
                11,
                colour,
            )
    board.text(
        left + pixels.shape[1] * unit / 2,
        top + 0.08,
        f"image, {pixels.shape[0]}×{pixels.shape[1]}",
        va="bottom",
    )
    board.text((k_left + k_right) / 2, k_top + 0.08, f"{tall}×{wide} weights", va="bottom")
    board.text(
        m_left + maps.shape[1] * unit / 2,
        m_top + 0.08,
        f"feature map, {maps.shape[0]}×{maps.shape[1]}",
        va="bottom",
    )
    value = f"{maps[row, column]:.2f}".replace("-", "\N{MINUS SIGN}")
    floor = y - side / 2 - 0.1
    board.text(
        left + pixels.shape[1] * unit / 2,
        floor,
        f"window at row {row}, column {column}",
        12,
        QUIET,
        va="top",
    )
    board.text(
        (k_left + k_right) / 2,
        k_bottom - 0.1,
        "multiply, add," + ("\nadd the bias" if bias else "\nmove on"),
        12,
        QUIET,
        va="top",
    )
    board.text(
        m_left + maps.shape[1] * unit / 2,
        floor,
        f"cell ({row}, {column}) = {value}",
        12,
        QUIET,
        va="top",
    )
    return _closed(board)


def toeplitz(
    size: int = 9,
    kernel: int = 3,
    title: str | None = None,
    *,
    padding: int = 0,
    stride: int = 1,
    height: float = 4.6,
) -> Figure:
    """One layer as a matrix, three times: dense, local, and local with shared weights.

    Each row is an output, each column an input; a blank cell is a weight that does not exist.
    Sparse connectivity takes cells away, parameter sharing makes the rest few numbers.

    Parameters
    ----------
    size, kernel : int
        Inputs W and taps K of a convolution along one axis.
    title : str, optional
        The finding.
    padding, stride : int
        P and S.
    height : float
        Inches.

    Raises
    ------
    ValueError
        If the kernel does not fit (see `utils.arithmetic.output_size`).
    """
    outputs = arithmetic.output_size(size, kernel, padding, stride)
    tap = np.full((outputs, size), -1)
    for row in range(outputs):
        for k in range(kernel):
            column = row * stride - padding + k
            if 0 <= column < size:
                tap[row, column] = k
    linked = tap >= 0
    board = _Board(height, title)
    gap = 0.55
    cell = min((board.width - 0.8 - 2 * gap) / 3 / size, (board.top - 1.55) / outputs)
    panels = [
        ("dense", np.ones_like(linked), outputs * size),
        ("local", linked, int(linked.sum())),
        ("shared", linked, len(np.unique(tap[linked]))),
    ]
    total = 3 * size * cell + 2 * gap
    top = board.top - 0.75
    from matplotlib import colormaps

    rng = np.random.default_rng(5)
    for number, (name, present, count) in enumerate(panels):
        left = (board.width - total) / 2 + number * (size * cell + gap)
        own = rng.random(linked.shape)
        for (row, column), there in np.ndenumerate(present):
            x, y = left + column * cell, top - (row + 1) * cell
            if not there:
                board.rectangle(x, y, cell, cell, "white", "#e3e7ec", linewidth=0.8)
                continue
            if name == "shared":
                face = PALETTE[tap[row, column] % len(PALETTE)]
            else:
                face = colormaps["Greys"](0.12 + 0.62 * own[row, column])
            board.rectangle(x, y, cell, cell, face, "white", linewidth=0.8)
            if name == "shared" and cell > 0.22:
                from matplotlib.colors import to_rgb

                board.text(
                    x + cell / 2,
                    y + cell / 2,
                    f"$w_{{{tap[row, column] + 1}}}$",
                    12 if cell > 0.28 else 10.5,
                    _text_on(to_rgb(face)),
                )
        board.text(left + size * cell / 2, top + 0.42, name, 15)
        plural = "weight" if count == 1 else "weights"
        board.text(left + size * cell / 2, top + 0.14, f"{count:,} {plural}", 13, QUIET)
        board.text(left + size * cell / 2, top - outputs * cell - 0.16, f"{size} inputs", 12, QUIET)
        if number == 0:
            board.text(
                left - 0.16, top - outputs * cell / 2, f"{outputs} outputs", 12, QUIET, rotation=90
            )
    return _closed(board)
