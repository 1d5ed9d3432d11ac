"""Counterexamples one can look at: what a function was given, what it returned, what it should."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_NUMBERS_UP_TO = 8
"""Rows and columns up to which the numbers are written into the picture."""

_LARGEST = 128
"""Rows or columns above which no picture is drawn."""


_LINE = {"color": "#d55e00", "linewidth": 2.5, "solid_capstyle": "projecting", "clip_on": False}


def of_arrays(result: Any, right: Any, given: Sequence[Any] = ()) -> Callable[[], None] | None:
    """Return a function that draws a result beside the right one, None if there is nothing to see.

    It draws in notebooks only. Arguments as for `panels_of`.
    """
    panels = panels_of(result, right, given)
    return (lambda: _show(panels)) if panels else None


def panels_of(result: Any, right: Any, given: Sequence[Any] = ()) -> dict[str, np.ndarray]:
    """Return the matrices to draw, by title; empty if there is nothing to see.

    Parameters
    ----------
    result, right : object
        NumPy arrays or nested lists. Drawn if their shapes agree and hold at least three numbers;
        of more than two axes only the first plane that differs.
    given : sequence of object
        Arguments of the call; the first that is a matrix is drawn in front.
    """
    result, right = _numbers(result), _numbers(right)
    if result is None or right is None or result.shape != right.shape or right.size < 3:
        return {}
    panels = dict(zip(("yours", "asked for"), _first_plane(result, right), strict=True))
    if max(panels["yours"].shape) > _LARGEST:
        return {}
    matrices = [array for array in map(_numbers, given) if array is not None and array.ndim >= 2]
    if matrices:
        first = matrices[0].reshape(-1, *matrices[0].shape[-2:])[0]
        if 1 < max(first.shape) <= _LARGEST:
            panels = {"given": first, **panels}
    return panels


def _numbers(value: Any) -> np.ndarray | None:
    if type(value) not in (np.ndarray, list, tuple):
        return None
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return None
    return array if array.ndim and array.size else None


def _first_plane(result: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first matrix in which two arrays differ; a vector is a matrix of one row."""
    rows, columns = right.shape[-2:] if right.ndim > 1 else (1, right.shape[0])
    yours, wanted = result.reshape(-1, rows, columns), right.reshape(-1, rows, columns)
    differs = ~np.isclose(yours, wanted, equal_nan=True).all(axis=(1, 2))
    plane = int(differs.argmax())
    return yours[plane], wanted[plane]


def _show(panels: dict[str, np.ndarray]) -> None:
    """Show the matrices in a notebook; do nothing elsewhere."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    if not hasattr(get_ipython(), "kernel"):
        return
    from IPython.display import display

    display(figure(panels))


def figure(panels: dict[str, np.ndarray]) -> Any:
    """Draw matrices (rows, columns) side by side, the two results on one scale, differences outlined."""
    from matplotlib.figure import Figure

    tallest = max(rows / columns for rows, columns in (m.shape for m in panels.values()))
    height = 0.5 + 3.0 * min(max(tallest, 0.15), 1.5)
    made = Figure(figsize=(3.2 * len(panels), height), layout="constrained", dpi=100)
    axes = made.subplots(1, len(panels), squeeze=False)[0]
    results = np.stack([panels["yours"], panels["asked for"]])
    finite = results[np.isfinite(results)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    differs = ~np.isclose(*results, equal_nan=True)
    for axis, (name, matrix) in zip(axes, panels.items(), strict=True):
        scale = {} if name == "given" else {"vmin": low, "vmax": high}
        axis.imshow(matrix, cmap="gray", **scale)
        axis.set_title(name)
        axis.set_xticks([])
        axis.set_yticks([])
        if max(matrix.shape) <= _NUMBERS_UP_TO:
            _write_numbers(axis, matrix)
        if name == "yours":
            _frame(axis, differs)
    return made


def _write_numbers(axis: Any, matrix: np.ndarray) -> None:
    for (row, column), value in np.ndenumerate(matrix):
        axis.text(
            column, row, f"{value:.3g}", ha="center", va="center", fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
        )  # fmt: skip


def _frame(axis: Any, differs: np.ndarray) -> None:
    """Outline the places that differ: a line on every edge between one and its neighbours."""
    padded = np.pad(differs, 1)
    for row, column in np.argwhere(padded[1:] != padded[:-1]):
        axis.plot([column - 1.5, column - 0.5], [row - 0.5, row - 0.5], **_LINE)
    for row, column in np.argwhere(padded[:, 1:] != padded[:, :-1]):
        axis.plot([column - 0.5, column - 0.5], [row - 1.5, row - 0.5], **_LINE)
    rows, columns = differs.shape
    axis.set_xlim(-0.5, columns - 0.5)
    axis.set_ylim(rows - 0.5, -0.5)
