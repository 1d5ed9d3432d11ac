"""Networks drawn to scale from their modules, and everything they compute from one image."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from utils import arithmetic, plots
from utils.diagrams._board import _EDGES, _TINTS, BLUE, _Board
from utils.plots.style import INK, QUIET

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn


@dataclass
class _Stage:
    """One stack of maps, or one bar of units."""

    name: str
    role: str  # input, convolution, pooling, dense
    shape: tuple[int, ...]
    operation: str = ""
    window: tuple[int, int] | None = None  # kernel that made it, None for "everything"
    modules: list[str] = field(default_factory=list)

    @property
    def is_bar(self) -> bool:
        return len(self.shape) == 1 or self.shape[-2:] == (1, 1)

    @property
    def channels(self) -> int:
        return self.shape[0]

    @property
    def label(self) -> str:
        if self.is_bar:
            size = f"{self.channels:,}"
        else:
            size = f"{self.channels}@{self.shape[-2]}×{self.shape[-1]}"
            if self.role == "input" and self.channels == 1:
                size = f"{self.shape[-2]}×{self.shape[-1]}"
        return f"{self.name}\n{size}" if self.name else size


def network(
    model: nn.Module,
    input_shape: Sequence[int],
    title: str | None = None,
    *,
    image: Any = None,
    layers: Sequence[str] | Mapping[str, str] | None = None,
    height: float = 4.6,
) -> Figure:
    """Draw a network to scale from its modules, in the manner of LeNet-5's famous figure.

    Maps are offset squares with sides in proportion to their pixels, dense layers slanted bars in
    proportion to their units; a small window shows what one unit of the next layer sees.  Sizes
    come from `utils.arithmetic.layer_table`, windows from the modules.

    Parameters
    ----------
    model : torch.nn.Module
        A chain of layers.  Neighbouring layers whose outputs have one shape are drawn once
        ("2 x 3×3 convolution"), which keeps VGG and ResNet readable.
    input_shape : sequence of int
        (C, H, W) of one example.
    title : str, optional
        The finding.
    image : tensor, optional
        One preprocessed example, (C, H, W) or (1, C, H, W): then the sheets show what the
        network computes from it.
    layers : sequence of str, or mapping of str to str, optional
        Which layers to draw, by their names in the module; a mapping also gives the labels.
        Needed only where the model is no chain.
    height : float
        Height in inches; the width is that of a slide.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the model does not run on the shape, or a name in `layers` is not one of its layers.

    References
    ----------
    LeCun, Bottou, Bengio, Haffner (1998), Proc. IEEE 86(11), Fig. 2, for the manner.
    """
    stages = _stages(model, tuple(input_shape), layers)
    values = _activations(model, stages, image) if image is not None else {}
    board = _Board(height, title)
    count = len(stages)
    size = 13 if count <= 9 else 12 if count <= 12 else 11
    bottom = 0.32
    label_height = 2.3 * size / 72
    band_low = bottom + (0.72 if count <= 8 else 1.15)
    band_high = board.top - label_height - (0.1 if count <= 8 else 0.35)
    plan = _plan(stages, board.width - 0.3, band_high - band_low, values)
    middle = (band_low + band_high) / 2
    left = (board.width - plan.total) / 2
    places = []
    for number, stage in enumerate(stages):
        x = left + plan.starts[number]
        places.append(_draw_stage(board, stage, plan, number, x, middle, values.get(number)))
    for number in range(1, count):
        ink = plots.PALETTE[3] if values else INK
        _connect(board, places[number - 1], places[number], stages[number], plan, ink)
    for place in places:
        board.take(*place.outline)
    for stage, place in zip(stages, places, strict=True):
        x0, _, x1, y1 = place.outline
        x = x0 + _BAR / 2 if stage.is_bar else (x0 + x1) / 2
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85}
        board.free_text(x, y1 + 0.05, stage.label, 0.05, size, va="bottom", bbox=ground, zorder=5)
    floor = min(place.outline[1] for place in places) - 0.14
    for number in range(1, count):
        here, there = places[number - 1].outline, places[number].outline
        x = (max(here[0], here[2] - 0.35) + min(there[2], there[0] + 0.35)) / 2
        words = stages[number].operation
        board.free_text(x, floor, words, -0.05, size - 1, QUIET, va="top")
    note = []
    if any(not s.is_bar for s in stages):
        note.append("maps drawn to scale")
    if plan.maps_a_sheet > 1:
        note.append(f"one sheet = {plan.maps_a_sheet:g} maps")
    if sum(s.is_bar for s in stages) > 1:
        note.append("bars to scale among themselves")
    board.text(0.12, 0.06, "; ".join(note), 10.5, QUIET, ha="left", va="bottom")
    return board.figure


def _stages(model: nn.Module, input_shape: tuple[int, ...], layers: Any) -> list[_Stage]:
    table = arithmetic.layer_table(model, input_shape)
    shape = table.input_shape
    stages = [_Stage("input", "input", shape)]
    if layers is not None:
        for name in layers:
            if not any(row.name == name for row in table):
                raise ValueError(
                    f"{name!r} is no layer of this {table.model}: it has "
                    + ", ".join(dict.fromkeys(row.name for row in table))
                )
        rows = [table[name] for name in layers]
    else:
        rows = [row for row in table if row.output_shape is not None]
    for row in rows:
        module = model.get_submodule(row.name)
        changed = row.output_shape != stages[-1].shape
        works = bool(row.macs) or (row.macs is None)
        flattens = len(row.output_shape) == 1 and not works
        if layers is None and (flattens or not (changed or works)):
            continue
        beside = any(part in ("downsample", "shortcut") for part in row.name.split("."))
        if layers is None and (beside or _is_normalisation(module)):
            continue
        role, operation, window = _kind(module, row.output_shape)
        name = layers[row.name] if isinstance(layers, Mapping) else _own_name(row.name)
        stages.append(_Stage(name, role, row.output_shape, operation, window, [row.name]))
    if layers is not None:
        return stages
    return _merge(stages)


def _is_normalisation(module: nn.Module) -> bool:
    return "Norm" in type(module).__name__ or "LRN" in type(module).__name__


def _own_name(path: str) -> str:
    """The layer's name, where its author gave it one that says something (C1, not 0 or fc)."""
    last = path.split(".")[-1]
    if last.isdigit() or last in ("conv1", "fc", "avgpool", "maxpool", "conv", "linear"):
        return ""
    parts = path.split(".")
    return last if len(parts) <= 2 and not any(part.isdigit() for part in parts) else ""


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)[-2:]


def _kind(module: nn.Module, shape: tuple[int, ...]) -> tuple[str, str, tuple[int, int] | None]:
    name = type(module).__name__
    if name == "RBFOutput":
        return "dense", "Gaussian\nconnections", None
    if name in ("Linear", "LazyLinear"):
        return "dense", "full\nconnection", None
    if name == "Subsampling":
        return "pooling", "2×2\nsubsampling", (2, 2)
    if name.startswith("Adaptive"):
        return "pooling", "average\npooling" if "Avg" in name else "max\npooling", None
    kernel = getattr(module, "kernel_size", None)
    if kernel is None:
        return ("dense" if len(shape) == 1 else "convolution"), name, None
    window = _pair(kernel)
    text = f"{window[0]}×{window[1]}"
    stride = _pair(getattr(module, "stride", None) or window)
    if "Pool" in name:
        kind = "max" if "Max" in name else "average"
        overlap = f", stride {stride[0]}" if stride != window else ""
        return "pooling", f"{text} {kind}\npooling{overlap}", window
    extra = f", stride {stride[0]}" if stride != (1, 1) else ""
    if getattr(module, "groups", 1) > 1:
        extra += f",\n{module.groups} groups"
    if hasattr(module, "sources"):
        extra += "\nby a table"
    kind = "transposed\nconvolution" if "Transpose" in name else "\nconvolution"
    return (
        "convolution",
        f"{text}{kind}{extra}" if kind[0] == "\n" else f"{text} {kind}{extra}",
        (window),
    )


def _merge(stages: list[_Stage]) -> list[_Stage]:
    """In a deep net, draw neighbouring convolutions of one shape once, and pooling with them."""
    if len(stages) <= 10:
        return stages
    merged: list[_Stage] = []
    operations: list[list[str]] = []
    for stage in stages:
        last = merged[-1] if merged else None
        if last and stage.role == last.role == "convolution" and stage.shape == last.shape:
            last.modules += stage.modules
            last.name = ""
            operations[-1].append(stage.operation)
            continue
        merged.append(stage)
        operations.append([stage.operation])
    for stage, several in zip(merged, operations, strict=True):
        if len(several) > 1:
            kinds = {text.split(",")[0].replace("\n", " ") for text in several}
            kind = kinds.pop().replace(" ", "\n", 1) if len(kinds) == 1 else "\nconvolutions"
            join = " × " if kind[0] != "\n" else ""
            stage.operation = f"{len(several)}{join}{kind}"
    if len(merged) <= 12:
        return merged
    short: list[_Stage] = []
    for number, stage in enumerate(merged):
        following = merged[number + 1] if number + 1 < len(merged) else None
        if stage.role == "pooling" and following and following.role == "convolution":
            following.operation = "pooling,\n" + following.operation
            continue
        short.append(stage)
    return short


def _activations(model: nn.Module, stages: list[_Stage], image: Any) -> dict[int, np.ndarray]:
    import torch

    example = torch.as_tensor(image)
    if example.ndim == len(stages[0].shape):
        example = example[None]
    found: dict[str, Any] = {}
    wanted = {name for stage in stages for name in stage.modules[-1:]}
    handles = [
        module.register_forward_hook(
            lambda _module, _inputs, output, name=name: found.__setitem__(name, output)
        )
        for name, module in model.named_modules()
        if name in wanted
    ]
    training = model.training
    try:
        model.eval()
        with torch.no_grad():
            model(example)
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    values = {0: plots.as_array(example[0])}
    for number, stage in enumerate(stages):
        if stage.modules:
            values[number] = plots.as_array(found[stage.modules[-1]][0])
    return values


@dataclass
class _Plan:
    """Sizes of a drawing, in inches."""

    pixel: float
    spacing: float
    sheets: list[int]
    starts: list[float]
    total: float
    lengths: list[float]
    maps_a_sheet: float


_RISE = 0.62  # how far down a sheet lies for each inch to the right
_BAR = 0.15  # thickness of a bar
_SLANT = (0.3, 1.0)  # direction of a bar, before normalisation: right and down


def _plan(stages: list[_Stage], width: float, height: float, values: dict) -> _Plan:
    maps = [s for s in stages if not s.is_bar]
    most = max((s.channels for s in maps), default=1)
    if most <= 20:
        sheets = [s.channels for s in stages]
        maps_a_sheet = 1.0
    else:
        maps_a_sheet = float(2 ** math.ceil(math.log2(most / 32)))
        sheets = [
            s.channels if s.channels <= 3 else max(2, math.ceil(s.channels / maps_a_sheet))
            for s in stages
        ]
    largest = max((max(s.shape[-2:]) for s in maps), default=1)
    units = max((s.channels for s in stages if s.is_bar), default=1)
    count = len(stages)
    gap = 0.55 if count <= 6 else 0.42 if count <= 10 else 0.36
    gaps = [
        gap + 0.22 * (here.is_bar and there.is_bar) for here, there in itertools.pairwise(stages)
    ]
    norm = math.hypot(*_SLANT)
    longest = min(height, 2.2 if count <= 9 else 1.9)

    def lengths() -> list[float]:
        return [longest * norm / _SLANT[1] * s.channels / units if s.is_bar else 0 for s in stages]

    bars = [
        max(length, 0.16) if s.is_bar else 0 for s, length in zip(stages, lengths(), strict=True)
    ]

    def widths(pixel: float, spacing: float) -> list[float]:
        return [
            bar * _SLANT[0] / norm + _BAR if s.is_bar else s.shape[-1] * pixel + (n - 1) * spacing
            for s, n, bar in zip(stages, sheets, bars, strict=True)
        ]

    deepest = max((n for s, n in zip(stages, sheets, strict=True) if not s.is_bar), default=1)
    spacing = min(0.11 if values else 0.085, 1.35 / max(deepest, 4))
    pixel = 3.0 / largest
    for _ in range(200):
        tallest = max(
            (
                s.shape[-2] * pixel + (n - 1) * spacing * _RISE
                for s, n in zip(stages, sheets, strict=True)
                if not s.is_bar
            ),
            default=0,
        )
        total = sum(widths(pixel, spacing)) + sum(gaps)
        if total <= width and tallest <= height:
            break
        pixel *= 0.97
        spacing *= 0.985
    starts, x = [], 0.0
    total = sum(widths(pixel, spacing)) + sum(gaps)
    stretch = max(0.0, min((width - total) / max(count - 1, 1), 0.35))
    for number, wide in enumerate(widths(pixel, spacing)):
        starts.append(x)
        x += wide + (gaps[number] + stretch if number < count - 1 else 0)
    return _Plan(pixel, spacing, sheets, starts, x, bars, maps_a_sheet)


@dataclass
class _Place:
    """Where a stage was drawn: its outline and its front sheet (x, y, width, height)."""

    outline: tuple[float, float, float, float]
    front: tuple[float, float, float, float] | None
    ends: tuple[tuple[float, float], tuple[float, float]]
    scale: float


def _draw_stage(
    board: _Board, stage: _Stage, plan: _Plan, number: int, x: float, middle: float, values: Any
) -> _Place:
    face, edge = _TINTS[stage.role], _EDGES[stage.role]
    if stage.is_bar:
        return _draw_bar(board, stage, plan, number, x, middle, values)
    n, step = plan.sheets[number], plan.spacing
    wide, high = stage.shape[-1] * plan.pixel, stage.shape[-2] * plan.pixel
    depth = (n - 1) * step
    top = middle + (high + depth * _RISE) / 2
    picked = np.linspace(0, stage.channels - 1, n).round().astype(int)
    limits = _limits(values, stage.role) if values is not None else None
    thin = max(0.5, min(1.0, wide * 1.6))
    for sheet in range(n):
        left, upper = x + sheet * step, top - sheet * step * _RISE
        if values is None:
            board.rectangle(
                left, upper - high, wide, high, face, edge, linewidth=thin, zorder=2 + 0.001 * sheet
            )
            continue
        board.axes.imshow(
            values[picked[sheet]],
            extent=(left, left + wide, upper - high, upper),
            cmap=plots.GREY,
            vmin=limits[0],
            vmax=limits[1],
            interpolation="nearest",
            zorder=2 + 0.001 * sheet,
            aspect="auto",
        )
        board.rectangle(
            left,
            upper - high,
            wide,
            high,
            "none",
            edge,
            linewidth=thin,
            zorder=2.0005 + 0.001 * sheet,
        )
    board.axes.set_xlim(0, board.width)
    board.axes.set_ylim(0, board.height)
    front = (x + depth, top - depth * _RISE - high, wide, high)
    outline = (x, front[1], x + depth + wide, top)
    ends = ((outline[2], front[1] + high), (outline[2], front[1]))
    return _Place(outline, front, ends, plan.pixel)


def _limits(values: np.ndarray, role: str) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 1, high + 1)


def _draw_bar(
    board: _Board, stage: _Stage, plan: _Plan, number: int, x: float, middle: float, values: Any
) -> _Place:
    face, edge = _TINTS["dense"], _EDGES["dense"]
    if stage.role != "dense":
        face, edge = _TINTS[stage.role], _EDGES[stage.role]
    length = plan.lengths[number]
    norm = math.hypot(*_SLANT)
    right, down = length * _SLANT[0] / norm, length * _SLANT[1] / norm
    top = middle + down / 2
    corners = [(x, top), (x + _BAR, top), (x + _BAR + right, top - down), (x + right, top - down)]
    if values is not None:
        flat = np.asarray(values, float).ravel()
        low, high = _limits(flat, stage.role)
        from matplotlib import colormaps

        for unit, value in enumerate(flat):
            a, b = unit / flat.size, (unit + 1) / flat.size
            grey = colormaps[plots.GREY]((value - low) / (high - low))
            board.polygon(
                [
                    (x + a * right, top - a * down),
                    (x + _BAR + a * right, top - a * down),
                    (x + _BAR + b * right, top - b * down),
                    (x + b * right, top - b * down),
                ],
                grey,
                grey,
                linewidth=0.2,
                zorder=2,
            )
        face = "none"
    board.polygon(corners, face, edge, linewidth=1.1, zorder=2.1)
    if stage.channels <= 20 and values is None:
        for unit in range(1, stage.channels):
            a = unit / stage.channels
            board.line(
                [(x + a * right, top - a * down), (x + _BAR + a * right, top - a * down)],
                edge,
                linewidth=0.6,
                zorder=2.2,
            )
    outline = (x, top - down, x + _BAR + right, top)
    return _Place(outline, None, ((x + _BAR, top), (x + _BAR + right, top - down)), plan.pixel)


def _connect(
    board: _Board, here: _Place, there: _Place, stage: _Stage, plan: _Plan, ink: str
) -> None:
    thread = "#8a939d"
    if here.front is None or stage.window is None or there.front is None:
        start, stop = here.ends, _near_ends(there)
        shape = [start[0], stop[0], stop[1], start[1]]
        board.polygon(shape, "#eef1f4", "none", zorder=1, linewidth=0)
        board.line([start[0], stop[0]], thread, zorder=1.1, linewidth=0.9)
        board.line([start[1], stop[1]], thread, zorder=1.1, linewidth=0.9)
        if here.front is not None and stage.window is not None:
            _window(board, here, stage.window, plan, ink)
        return
    x, y, wide, high = _window(board, here, stage.window, plan, ink)
    fx, fy, fw, fh = there.front
    cell = max(plan.pixel, 0.035)
    tx, ty = fx + 0.3 * (fw - cell), fy + 0.55 * (fh - cell)
    board.rectangle(tx, ty, min(cell, fw), min(cell, fh), ink, ink, linewidth=0.5, zorder=4)
    for corner in ((x + wide, y + high), (x + wide, y)):
        board.line([corner, (tx, ty + cell / 2)], ink, linewidth=0.8, zorder=4)


def _window(board: _Board, place: _Place, window: tuple[int, int], plan: _Plan, ink: str):
    fx, fy, fw, fh = place.front
    wide, high = min(window[1] * plan.pixel, fw), min(window[0] * plan.pixel, fh)
    x, y = fx + 0.72 * (fw - wide), fy + 0.62 * (fh - high)
    face = "none" if wide > 0.05 else ink
    board.rectangle(x, y, wide, high, face, ink, linewidth=1.2, zorder=4)
    return x, y, wide, high


def _near_ends(place: _Place) -> tuple[tuple[float, float], tuple[float, float]]:
    if place.front is None:
        (x0, top), (x1, bottom) = place.ends
        return (x0 - _BAR, top), (x1 - _BAR, bottom)
    x0, _, _, top = place.outline
    front_x, front_y, _, _ = place.front
    return (x0, top), (front_x, front_y)


def network_maps(
    model: nn.Module,
    image: Any,
    title: str | None = None,
    *,
    layers: Sequence[str] | Mapping[str, str] | None = None,
    class_names: Sequence[str] | None = None,
    height: float = 5.4,
) -> Figure:
    """Everything a small network computes from one image, layer by layer, from left to right.

    Every map of every layer is shown as a picture (dark is the layer's smallest value), dense
    layers as columns of units and the output as bars.  A layer of 84 = 7 x 12 units is laid out
    as 12 rows of 7, as LeNet-5's F6 is meant to be read.

    Parameters
    ----------
    model : torch.nn.Module
        A chain of at most about eight layers.
    image : tensor
        One preprocessed example, (C, H, W) or (1, C, H, W).
    title : str, optional
        The finding.
    layers : sequence or mapping, optional
        As in `network`.
    class_names : sequence of str, optional
        Names of the outputs, by default their numbers.
    height : float
        Inches.
    """
    import torch

    example = torch.as_tensor(image)
    shape = tuple(example.shape[-3:])
    stages = _stages(model, shape, layers)
    values = _activations(model, stages, image)
    board = _Board(height, title)
    low, high = 0.42, board.top - 0.62
    widths = [
        _tile_columns(stage, last=number == len(stages) - 1) for number, stage in enumerate(stages)
    ]
    gap = 0.32
    unit = (board.width - 0.4 - gap * (len(stages) - 1)) / sum(w for _, w in widths)
    x = 0.2
    for number, (stage, (columns, share)) in enumerate(zip(stages, widths, strict=True)):
        wide = share * unit
        block = (x, low, wide, high - low)
        if number == len(stages) - 1:
            top = _output_bars(board, np.asarray(values[number], float).ravel(), block, class_names)
        elif stage.is_bar:
            top = _unit_block(board, np.asarray(values[number], float).ravel(), block, columns)
        else:
            top = _map_block(board, np.asarray(values[number], float), block, columns)
        board.free_text(x + wide / 2, top + 0.06, stage.label, 0.05, 13, va="bottom")
        if number:
            words = stage.operation
            board.free_text(x + wide / 2, low - 0.06, words, -0.03, 11, QUIET, va="top")
        x += wide + gap
    board.axes.set_xlim(0, board.width)
    board.axes.set_ylim(0, board.height)
    return board.figure


def _tile_columns(stage: _Stage, last: bool) -> tuple[int, float]:
    """Columns of tiles of a block and its share of the figure's width."""
    if last:
        return 1, 1.5
    if stage.is_bar:
        columns = 7 if stage.channels == 84 else max(1, round(math.sqrt(stage.channels / 2)))
        return columns, 1.0
    columns = 1 if stage.channels <= 6 else math.ceil(stage.channels / 8)
    side = {1: 1.9}.get(stage.channels, 0.85 if stage.channels <= 6 else 0.55)
    return columns, columns * side


def _block_tiles(block, columns: int, rows: int, aspect: float, padding: float):
    """Lower left corners and size of equal tiles, centred in a block; and the tiles' top."""
    x, y, wide, high = block
    side = min(
        (wide - padding * (columns - 1)) / columns, (high - padding * (rows - 1)) / rows * aspect
    )
    tall = side / aspect
    left = x + (wide - columns * side - (columns - 1) * padding) / 2
    top = y + (high + rows * tall + (rows - 1) * padding) / 2
    corners = [
        (left + column * (side + padding), top - (row + 1) * tall - row * padding)
        for row in range(rows)
        for column in range(columns)
    ]
    return corners, side, tall, top


def _map_block(board: _Board, maps: np.ndarray, block, columns: int) -> float:
    count, height, width = maps.shape
    rows = math.ceil(count / columns)
    corners, side, tall, top = _block_tiles(block, columns, rows, width / height, 0.05)
    low, high = _limits(maps, "")
    for (x, y), picture in zip(corners, maps, strict=False):
        board.axes.imshow(
            picture,
            extent=(x, x + side, y, y + tall),
            cmap=plots.GREY,
            vmin=low,
            vmax=high,
            interpolation="nearest",
            aspect="auto",
        )
        board.rectangle(x, y, side, tall, "none", QUIET, linewidth=0.6)
    return top


def _unit_block(board: _Board, units: np.ndarray, block, columns: int) -> float:
    rows = math.ceil(units.size / columns)
    corners, side, tall, top = _block_tiles(block, columns, rows, 1.0, 0.0)
    low, high = _limits(units, "")
    grid = np.full(rows * columns, np.nan)
    grid[: units.size] = units
    x, y = corners[0][0], corners[-1][1]
    extent = (x, x + columns * side, y, y + rows * tall)
    board.axes.imshow(
        grid.reshape(rows, columns),
        extent=extent,
        cmap=plots.GREY,
        vmin=low,
        vmax=high,
        interpolation="nearest",
        aspect="auto",
    )
    board.rectangle(x, y, columns * side, rows * tall, "none", QUIET, linewidth=0.6)
    return top


def _output_bars(board: _Board, scores: np.ndarray, block, names: Sequence[str] | None) -> float:
    x, y, wide, high = block
    step = min(high / scores.size, 0.34)
    top = y + (high + step * scores.size) / 2
    names = [str(n) for n in range(scores.size)] if names is None else list(names)
    margin = 0.11 * max(map(len, names)) + 0.08
    low, span = min(scores.min(), 0.0), np.ptp(np.append(scores, 0.0)) or 1.0
    room = wide - margin - 0.55
    zero = x + margin - low / span * room
    for number, score in enumerate(scores):
        centre = top - (number + 0.5) * step
        left, length = min(0, score), abs(score)
        board.rectangle(
            zero + left / span * room,
            centre - 0.36 * step,
            length / span * room,
            0.72 * step,
            BLUE,
            "none",
            linewidth=0,
        )
        board.text(x + margin - 0.06, centre, names[number], 12, ha="right")
        end = zero + max(score, 0) / span * room + 0.05
        label = f"{round(float(score), 1) + 0.0:.1f}".replace("-", "\N{MINUS SIGN}")
        board.text(end, centre, label, 11, QUIET, ha="left")
    board.line([(zero, top), (zero, top - step * scores.size)], QUIET, linewidth=0.8)
    return top
