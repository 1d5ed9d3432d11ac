"""Drawings of networks and of what convolution does, made from the modules and numbers themselves.

Nothing here is a pasted picture: `network` reads every size off the module it is given, so a
drawing cannot disagree with the code beside it.  All functions return a figure as those of
`utils.plots` do.
"""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from utils import arithmetic, plots
from utils.plots import DPI, INK, PALETTE, QUIET, WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

BLUE, ORANGE, GREEN = PALETTE[0], PALETTE[1], PALETTE[2]
_TINTS = {"input": "#f4f5f7", "convolution": "#d7e6f2", "pooling": "#fbe6bd", "dense": "#cfe7dd"}
_EDGES = {"input": "#4b545e", "convolution": "#0b4a75", "pooling": "#8a5a00", "dense": "#0a5a43"}


class _Board:
    """A white board measured in inches, on which labels find a free place."""

    def __init__(self, height: float, title: str | None, width: float = WIDTH):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure((width, height), dpi=DPI, facecolor="white", layout="none")
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(0, height)
        self.axes.axis("off")
        self.renderer = FigureCanvasAgg(self.figure).get_renderer()
        self.width, self.height = width, height
        self.top = height - 0.08
        if title:
            lines = textwrap.fill(title, int(7.6 * width))
            self.figure.suptitle(lines, fontsize=17, y=1 - 0.1 / height, va="top")
            self.top -= 0.12 + 0.27 * (1 + lines.count("\n"))
        self.taken: list[tuple[float, float, float, float]] = []

    def polygon(self, points: Sequence[tuple[float, float]], face: str, edge: str, **how: Any):
        from matplotlib.patches import Polygon

        shape = Polygon(points, closed=True, facecolor=face, edgecolor=edge, **how)
        self.axes.add_patch(shape)
        return shape

    def rectangle(self, x: float, y: float, width: float, height: float, face, edge, **how: Any):
        from matplotlib.patches import Rectangle

        shape = Rectangle((x, y), width, height, facecolor=face, edgecolor=edge, **how)
        self.axes.add_patch(shape)
        return shape

    def line(self, points: Sequence[tuple[float, float]], colour: str = QUIET, **how: Any) -> None:
        xs, ys = zip(*points, strict=True)
        self.axes.plot(
            xs,
            ys,
            color=colour,
            **{
                "linewidth": 1.0,
                "scalex": False,
                "scaley": False,
                "marker": None,
                "linestyle": "-",
                **how,
            },
        )

    def arrow(
        self,
        start: tuple[float, float],
        stop: tuple[float, float],
        colour: str = QUIET,
        width: float = 1.6,
    ) -> None:
        from matplotlib.patches import FancyArrowPatch

        self.axes.add_patch(
            FancyArrowPatch(
                start,
                stop,
                arrowstyle="-|>",
                mutation_scale=15,
                color=colour,
                linewidth=width,
                shrinkA=0,
                shrinkB=0,
                zorder=3,
            )
        )

    def text(
        self, x: float, y: float, words: str, size: float = 13, colour: str = INK, **how: Any
    ) -> Any:
        how = {"ha": "center", "va": "center", "linespacing": 1.15, **how}
        return self.axes.text(x, y, words, fontsize=size, color=colour, **how)

    def box(self, label: Any) -> tuple[float, float, float, float]:
        """Extent of a text in inches: x0, y0, x1, y1."""
        extent = label.get_window_extent(self.renderer)
        return tuple(side / DPI for side in extent.extents)

    def take(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Keep labels placed later out of this area."""
        self.taken.append((x0, y0, x1, y1))

    def free_text(
        self,
        x: float,
        y: float,
        words: str,
        step: float,
        size: float = 13,
        colour: str = INK,
        room: float = 0.05,
        **how: Any,
    ) -> Any:
        """Write where nothing is: from y on, moved by `step` until the place is free."""
        label = self.text(x, y, words, size, colour, **how)
        x0, _, x1, _ = self.box(label)
        inside = min(max(x, x - x0 + 0.05), self.width - 0.05 - (x1 - x))
        label.set_x(inside)
        for _ in range(200):
            x0, y0, x1, y1 = self.box(label)
            if not any(
                x0 - room < b[2] and x1 + room > b[0] and y0 - 0.02 < b[3] and y1 + 0.02 > b[1]
                for b in self.taken
            ):
                break
            label.set_y(label.get_position()[1] + step)
        self.take(*self.box(label))
        return label


# ------------------------------------------------------------------------- a network, to scale


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


# ------------------------------------------------------------------------- convolution, drawn


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

    plots._register_diverging()
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
            colour = plots._text_on(colormaps[plots.DIVERGING]((value / limit + 1) / 2))
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


def _closed(board: _Board) -> Figure:
    """Undo the limits that pictures have set."""
    board.axes.set_xlim(0, board.width)
    board.axes.set_ylim(0, board.height)
    return board.figure


def connection_table(
    table: Sequence[Sequence[int]],
    title: str | None = None,
    *,
    source: str = "S2 map",
    target: str = "C3 map",
    height: float = 3.9,
) -> Figure:
    """Which maps of one layer feed which of the next: LeNet-5's C3 and its like.

    Parameters
    ----------
    table : sequence of sequences of int
        ``table[k]`` lists the maps that target map k sees, as `utils.models.lenet.C3_TABLE`.
    title : str, optional
        The finding.
    source, target : str
        Names of the rows and of the columns.
    height : float
        Inches.
    """
    rows = 1 + max(max(sources) for sources in table)
    columns = len(table)
    board = _Board(height, title)
    cell = min((board.width - 2.2) / (columns + 1), (board.top - 0.95) / (rows + 1))
    left = (board.width - cell * (columns + 1)) / 2 + 0.3
    top = board.top - 0.62
    for k in range(columns):
        board.text(left + (k + 0.5) * cell, top + 0.16, str(k), 12)
    for s in range(rows):
        y = top - (s + 0.5) * cell
        board.text(left - 0.2, y, str(s), 12)
        for k, sources in enumerate(table):
            linked = s in sources
            board.rectangle(
                left + k * cell,
                top - (s + 1) * cell,
                cell,
                cell,
                BLUE if linked else "white",
                "white" if linked else "#c9d0d7",
                linewidth=1.2,
                zorder=3 if linked else 2,
            )
        count = sum(s in sources for sources in table)
        board.text(left + columns * cell + 0.35, y, str(count), 12, QUIET)
    for k, sources in enumerate(table):
        board.text(left + (k + 0.5) * cell, top - rows * cell - 0.18, str(len(sources)), 12, QUIET)
    board.text(left + columns * cell / 2, top + 0.42, target, 13)
    board.text(left - 0.5, top - rows * cell / 2, source, 13, rotation=90)
    total = sum(len(sources) for sources in table)
    board.text(
        left + columns * cell / 2,
        top - rows * cell - 0.48,
        f"links: {total} of {rows * columns}",
        13,
        QUIET,
    )
    return _closed(board)


def computation_graph(
    nodes: Mapping[str, Any],
    edges: Sequence[Sequence[str]],
    title: str | None = None,
    *,
    paths: Sequence[Sequence[str]] = (),
    height: float = 4.6,
) -> Figure:
    """A computation graph from left to right, with a value at each node and a label at each edge.

    Parameters
    ----------
    nodes : mapping of str to str, or to (str, str)
        Name of each node and what is written under it (its value); a pair gives the text inside
        the circle and the text under it.  The name may hold mathtext, ``"$a_1$"``.
    edges : sequence of (from, to) or (from, to, label)
        The label is the derivative along the edge, for instance.
    title : str, optional
        The finding.
    paths : sequence of sequences of str
        Paths to be drawn in colour, as lists of nodes; edges of several paths are drawn beside
        each other.
    height : float
        Inches.

    Raises
    ------
    ValueError
        If an edge names an unknown node or the graph has a cycle.

    Examples
    --------
    The deck's two paths through a shared weight:

    >>> figure = computation_graph(
    ...     {"$w_1$": "0.5", "$a_1$": "0.68", "$a_2$": "0.64", "$o$": "0.43"},
    ...     [("$w_1$", "$a_1$"), ("$w_1$", "$a_2$"), ("$a_1$", "$o$"), ("$a_2$", "$o$")],
    ... )
    """
    edges = [(*edge, "") if len(edge) == 2 else tuple(edge) for edge in edges]
    for start, stop, _ in edges:
        for end in (start, stop):
            if end not in nodes:
                raise ValueError(f"an edge names {end!r}: the nodes are {', '.join(nodes)}")
    column = _longest_paths(list(nodes), edges)
    board = _Board(height, title)
    count = 1 + max(column.values())
    radius = min(0.36, 0.36 * 10 / count * 0.9)
    low, high = 0.25, board.top - 0.1
    places: dict[str, tuple[float, float]] = {}
    for number in range(count):
        members = [name for name in nodes if column[name] == number]
        x = 0.75 + number * (board.width - 1.5) / max(count - 1, 1)
        for row, name in enumerate(members):
            share = (row + 1) / (len(members) + 1) if len(members) > 1 else 0.5
            if len(members) == 2:
                share = (0.22, 0.78)[row]
            places[name] = (x, high - share * (high - low))
    used: dict[tuple[str, str], list[str]] = {}
    for number, path in enumerate(paths):
        for pair in itertools.pairwise(path):
            used.setdefault(pair, []).append((PALETTE[3], PALETTE[0], PALETTE[2])[number % 3])
    for start, stop, label in edges:
        _draw_edge(board, places[start], places[stop], radius, used.get((start, stop), []), label)
    from matplotlib.patches import Circle

    for name, said in nodes.items():
        inside, under = (name, said) if isinstance(said, str) else said
        x, y = places[name]
        board.axes.add_patch(
            Circle((x, y), radius, facecolor="white", edgecolor=INK, linewidth=1.8, zorder=5)
        )
        board.text(x, y, inside, 16, zorder=6)
        if under:
            ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.9}
            board.text(x, y - radius - 0.06, under, 12, QUIET, va="top", zorder=6, bbox=ground)
    return _closed(board)


def _longest_paths(names: list[str], edges: Sequence[Sequence[str]]) -> dict[str, int]:
    """Column of each node: the length of the longest path that leads to it."""
    column = dict.fromkeys(names, 0)
    for _ in range(len(names)):
        changed = False
        for start, stop, _label in edges:
            if column[stop] < column[start] + 1:
                column[stop] = column[start] + 1
                changed = True
        if not changed:
            # A source stands right before what it feeds, so that x1 lies near z1.
            for name in names:
                after = [column[stop] for start, stop, _ in edges if start == name]
                if after and not any(stop == name for _, stop, _ in edges):
                    column[name] = min(after) - 1
            return column
    raise ValueError("the graph has a cycle: a computation graph leads from inputs to one loss")


def _draw_edge(board: _Board, start, stop, radius: float, colours: list[str], label: str) -> None:
    (x0, y0), (x1, y1) = start, stop
    length = math.hypot(x1 - x0, y1 - y0)
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    for number, colour in enumerate(colours or [QUIET]):
        shift = 0.11 * (number - (max(len(colours), 1) - 1) / 2)
        board.arrow(
            (x0 + ux * radius - uy * shift, y0 + uy * radius + ux * shift),
            (x1 - ux * radius - uy * shift, y1 - uy * radius + ux * shift),
            colour,
            2.6 if colours else 1.6,
        )
    if label:
        level = abs(uy) < 0.2  # beside a level edge, on a sloping one
        x, y = (x0 + x1) / 2, (y0 + y1) / 2 + (0.3 if level else 0)
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        board.text(x, y, label, 12, zorder=4, bbox=ground)


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
                    plots._text_on(to_rgb(face)),
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


def receptive_field_stack(
    layers: Sequence[Sequence[int]],
    title: str | None = None,
    *,
    names: Sequence[str] | None = None,
    height: float = 4.6,
) -> Figure:
    """What one unit sees through a stack of layers, along one axis.

    Parameters
    ----------
    layers : sequence of (kernel, stride[, padding[, dilation]])
        From the input upwards, as `utils.arithmetic.receptive_field` takes them.  Padding is not
        drawn: the unit is one of the interior.
    title : str, optional
        The finding.
    names : sequence of str, optional
        Names of the layers.
    height : float
        Inches.

    Raises
    ------
    ValueError
        If the field is wider than 80 pixels, which could not be read.
    """
    fields = arithmetic.receptive_field(layers)
    steps = [arithmetic.Layer(*layer) for layer in layers]
    names = list(names) if names is not None else [f"layer {n + 1}" for n in range(len(steps))]
    width = fields[-1].field
    if width > 80:
        raise ValueError(
            f"a field of {width} pixels cannot be read in one figure: draw the first layers, "
            "at most 80 pixels"
        )
    # Seen units of each level, as indices of its own grid; the seen unit on top has index 0.
    seen = [{0}]
    for step in reversed(steps):
        below = {s * step.stride + k * step.dilation for s in seen[0] for k in range(step.kernel)}
        seen.insert(0, below)
    margin = max(2, width // 6)
    total = width + 2 * margin
    board = _Board(height, title)
    left_room, right_room = 1.5, 2.2
    cell = min((board.width - left_room - right_room) / total, 0.42)
    left = left_room + (board.width - left_room - right_room - cell * total) / 2 + margin * cell
    levels = len(seen)
    rise = (board.top - 0.55) / levels
    thick = min(cell, rise * 0.42, 0.3)
    # Distance between units and centre of unit 0, in input pixels, without padding.
    jumps, centres = [1], [0.5]
    for step in steps:
        centres.append(centres[-1] + step.dilation * (step.kernel - 1) / 2 * jumps[-1])
        jumps.append(jumps[-1] * step.stride)
    y_of = [0.32 + rise * level for level in range(levels)]
    for level in range(levels):
        jump, centre = jumps[level], centres[level]
        first = math.ceil((-margin - centre + 0.5) / jump)
        last = math.floor((width + margin - centre - 0.5) / jump)
        box = min(jump * cell * 0.8, max(cell * 0.92, 0.16)) if level else cell * 0.92
        for index in range(first, last + 1):
            x = left + (centre + index * jump) * cell
            there = index in seen[level]
            face = (PALETTE[1] if level == 0 else PALETTE[0]) if there else "white"
            board.rectangle(
                x - box / 2, y_of[level], box, thick, face, QUIET, linewidth=0.8, zorder=3
            )
        name = "input" if level == 0 else names[level - 1]
        board.text(left - margin * cell - 0.12, y_of[level] + thick / 2, name, 13, ha="right")
        if level:
            step = steps[level - 1]
            about = f"kernel {step.kernel}" + (f", stride {step.stride}" if step.stride > 1 else "")
            about += f"\ndilation {step.dilation}" if step.dilation > 1 else ""
            about += f"\nsees {fields[level - 1].field} pixels"
            board.text(
                left + (width + margin) * cell + 0.15,
                y_of[level] + thick / 2,
                about,
                12,
                QUIET,
                ha="left",
            )
            for unit in seen[level]:
                for k in range(step.kernel):
                    tap = unit * step.stride + k * step.dilation
                    board.line(
                        [
                            (left + (centre + unit * jump) * cell, y_of[level]),
                            (
                                left + (centres[level - 1] + tap * jumps[level - 1]) * cell,
                                y_of[level - 1] + thick,
                            ),
                        ],
                        "#9fb8cc",
                        linewidth=0.8,
                        zorder=1,
                    )
    return _closed(board)


def output_grid(
    size: int,
    kernel: int,
    padding: int = 0,
    stride: int = 1,
    dilation: int = 1,
    title: str | None = None,
    *,
    height: float = 4.8,
) -> Figure:
    """The padded input with the window's first and last place, and the output it fills.

    Parameters
    ----------
    size, kernel, padding, stride, dilation : int
        W, K, P, S, D of `utils.arithmetic.output_size`; at most 40 pixels with the padding.
    title : str, optional
        The finding.
    height : float
        Inches.

    Raises
    ------
    ValueError
        If the window does not fit, or the padded input has more than 40 pixels a side.
    """
    outputs = arithmetic.output_size(size, kernel, padding, stride, dilation)
    padded = size + 2 * padding
    if padded > 40:
        raise ValueError(f"{padded} padded pixels a side cannot be read: draw at most 40")
    reach = dilation * (kernel - 1) + 1
    used = (outputs - 1) * stride + reach
    board = _Board(height, title)
    room = board.top - 1.35
    cell = min(room / padded, 0.5)
    left, top = 1.2, board.top - 0.45 - (room - cell * padded) / 2
    for row in range(padded):
        for column in range(padded):
            real = padding <= row < padding + size and padding <= column < padding + size
            hatch = None if row < used and column < used else "////"
            board.rectangle(
                left + column * cell,
                top - (row + 1) * cell,
                cell,
                cell,
                "#eaf1f7" if real else "#ffffff",
                "#b9c3cd",
                linewidth=0.8,
                linestyle="-" if real else (0, (2, 2)),
                hatch=hatch,
            )
    last = (outputs - 1) * stride
    for start, colour in ((0, PALETTE[3]), (last, PALETTE[0])):
        x, y = left + start * cell, top - (start + reach) * cell
        for i in range(kernel):
            for j in range(kernel):
                board.rectangle(
                    x + j * dilation * cell,
                    y + (reach - 1 - i * dilation) * cell,
                    cell,
                    cell,
                    colour,
                    "none",
                    alpha=0.45,
                    linewidth=0,
                    zorder=3,
                )
        board.rectangle(x, y, reach * cell, reach * cell, "none", colour, linewidth=2.6, zorder=4)
    out_left = board.width - 1.2 - outputs * cell
    if out_left < left + padded * cell + 2.6:
        out_left = left + padded * cell + 2.6
    out_cell = min(cell, (board.width - 0.3 - out_left) / outputs)
    middle = top - padded * cell / 2
    out_top = middle + outputs * out_cell / 2
    for row in range(outputs):
        for column in range(outputs):
            face = "white"
            if row == column == outputs - 1:
                face = PALETTE[0]
            if row == column == 0:
                face = PALETTE[3]
            board.rectangle(
                out_left + column * out_cell,
                out_top - (row + 1) * out_cell,
                out_cell,
                out_cell,
                face,
                "#7d8893",
                linewidth=0.9,
            )
    board.arrow((left + padded * cell + 0.35, middle), (out_left - 0.35, middle))
    centre = (left + padded * cell + out_left) / 2
    board.text(centre, middle + 0.14, f"kernel {kernel}, stride {stride}", 12, QUIET, va="bottom")
    if dilation > 1:
        board.text(centre, middle - 0.14, f"dilation {dilation}", 12, QUIET, va="top")
    about = f"input {size}×{size}" + (f", padded to {padded}×{padded}" if padding else "")
    board.text(left + padded * cell / 2, top + 0.1, about, 13, va="bottom")
    board.text(
        out_left + outputs * out_cell / 2,
        out_top + 0.1,
        f"output {outputs}×{outputs}",
        13,
        va="bottom",
    )
    taps = f"{dilation}·({kernel} − 1)"
    formula = f"⌊({size} + 2·{padding} − {taps} − 1) / {stride}⌋ + 1 = {outputs}"
    board.text(board.width / 2, 0.38, formula, 16)
    left_over = padded - used
    if left_over:
        which = "row and column" if left_over == 1 else f"{left_over} rows and columns"
        words = f"hatched: the last {which}, which no window reaches"
        board.text(board.width / 2, 0.12, words, 12, QUIET)
    return _closed(board)
