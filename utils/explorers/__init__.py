"""Explorers: drawings one can play with, without a kernel and without the network.

Each function returns HTML with its own script.  It works in JupyterLab (after the cell has run, or
in a trusted notebook), on the slides and on the site, by mouse and by keyboard; screen readers hear
a sentence after each change.  The text is the same on every run, so a stored output can be
compared.  What the scripts compute is tested in a browser against `utils.arithmetic` and NumPy.

`page` makes an explorer a page of its own, where its setting stands in the address and can be
linked.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from utils.plots import Html, as_array, as_picture

_FOLDER = Path(__file__).parent

_HOMES = {
    "coral_thresholds": "ordinal",
    "overlap": "boxes",
    "parameter_builder": "networks",
    "region_pooling": "boxes",
    "shared_weight": "backpropagation",
}
"""Explorers that live in a module of their own -> that module."""


def __getattr__(name: str) -> Any:
    """Import an explorer's maker from its module (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"utils.explorers has no {name!r}; further ones: {', '.join(_HOMES)}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


class Explorer(Html):
    """HTML of an explorer; shown by a notebook as the last expression of a cell.

    Attributes
    ----------
    markup : str
        Style, element and script.
    text : str
        What it shows at first, in words.
    title : str
        Its name.
    """

    def __init__(self, markup: str, text: str, title: str) -> None:
        super().__init__(markup, text)
        self.title = title


@cache
def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8").strip()


def _explorer(
    name: str, title: str, text: str, settings: Mapping[str, Any], number: int
) -> Explorer:
    """Put an explorer together; `number` tells several of one kind on a page apart."""
    if number < 1:
        raise ValueError(f"number is {number}: count the explorers of one kind on a page from 1")
    identity = f"explorer-{name}" + (f"-{number}" if number > 1 else "")
    values = html.escape(json.dumps(settings, separators=(",", ":")), quote=True)
    script = f"{_asset('explorer.js')}\n{_asset(name.replace('-', '_') + '.js')}"
    markup = (
        f'<div id="{identity}" class="cnn-explorer" data-explorer="{name}" role="group" '
        f'aria-label="{html.escape(title)}" data-lm-suppress-shortcuts="true" '
        f'data-prevent-swipe data-settings="{values}">\n'
        f"<style>\n{_asset('explorer.css')}\n</style>\n"
        f"<p>{html.escape(text)}</p>\n"
        "<p>To use it, run the cell or trust the notebook.</p>\n"
        f"</div>\n<script>\n(() => {{\n{script}\n}})();\n</script>"
    )
    return Explorer(markup, text, title)


def page(explorer: Explorer, *, links: Mapping[str, str] | None = None) -> str:
    """HTML document that holds one explorer and keeps its setting in the address.

    Parameters
    ----------
    explorer : Explorer
        From one of this module's functions.
    links : mapping of str to str, optional
        Words to address of what is linked below it.

    Returns
    -------
    str
        A whole page, light or dark as the reader's system prefers; open it from a file or a
        server, for instance as ``convolution.html#size=28&kernel=5``.
    """
    below = "".join(
        f'<a href="{html.escape(address, quote=True)}">{html.escape(words)}</a> '
        for words, address in (links or {}).items()
    )
    below = f"<nav>{below}</nav>\n" if below else ""
    return (
        '<!DOCTYPE html>\n<html lang="en" data-explorer-page>\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(explorer.title)}</title>\n"
        '<link rel="icon" href="data:,">\n'
        "<style>body{margin:1rem auto;max-width:1180px;padding:0 10px;background:#fff;color:#1b1f24;"
        "font-family:system-ui,sans-serif}h1{font-size:1.5rem;margin:.4rem 0}"
        "nav a{color:#0b5c8a;margin-right:1.2rem}@media(prefers-color-scheme:dark)"
        "{body{background:#0f1317;color:#e8ecf0}nav a{color:#7cc4ee}}</style>\n"
        f"</head>\n<body>\n<main>\n<h1>{html.escape(explorer.title)}</h1>\n"
        f"{explorer.markup}\n</main>\n{below}</body>\n</html>\n"
    )


def _between(name: str, value: int, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} is {value!r}: give an integer from {low} to {high}")
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}: this explorer takes {low} to {high}")
    return int(value)


def convolution_arithmetic(
    size: int = 7,
    kernel: int = 3,
    padding: int = 0,
    stride: int = 1,
    dilation: int = 1,
    *,
    number: int = 1,
) -> Explorer:
    """Sliders for W, K, P, S and D; the padded input, the moving window, the output, the formula.

    A setting that gives no output is explained.

    Parameters
    ----------
    size, kernel, padding, stride, dilation : int
        The first setting: W 1..16, K 1..9, P 0..5, S 1..5, D 1..4, as in
        `utils.arithmetic.output_size`.
    number : int
        2, 3, ... for further ones on the same page.

    Raises
    ------
    TypeError, ValueError
        If a number is no integer or outside its slider.
    """
    settings = {
        "size": _between("size", size, 1, 16),
        "kernel": _between("kernel", kernel, 1, 9),
        "padding": _between("padding", padding, 0, 5),
        "stride": _between("stride", stride, 1, 5),
        "dilation": _between("dilation", dilation, 1, 4),
    }
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    result = f"output {room // stride + 1}" if room >= 0 else "no output"
    text = (
        f"Convolution arithmetic: input {size}, kernel {kernel}, padding {padding}, "
        f"stride {stride}, dilation {dilation}: {result}."
    )
    return _explorer("convolution-arithmetic", "Convolution arithmetic", text, settings, number)


EDGE_5X5 = (
    (-1, -2, 0, 2, 1),
    (-4, -8, 0, 8, 4),
    (-6, -12, 0, 12, 6),
    (-4, -8, 0, 8, 4),
    (-1, -2, 0, 2, 1),
)
"""Sobel's detector of vertical edges, 5 x 5: binomial smoothing down, a derivative across."""


def sliding_window(
    image: Any = None, kernel: Any = EDGE_5X5, *, bias: float = 0.0, number: int = 1
) -> Explorer:
    """A detector slides over an image and fills its feature map, with the numbers it adds up.

    Parameters
    ----------
    image : tensor or array, optional
        One grey image, (H, W) or (1, H, W), uint8 or floats in 0..1 (kept in 256 steps); at most
        32 pixels a side.  By default the first test digit of MNIST.
    kernel : tensor or array
        (K_h, K_w) weights, at most 7 a side.
    bias : float
        Added to every sum.
    number : int
        2, 3, ... for further ones on the same page.

    Raises
    ------
    ValueError
        If a shape is not as above or the kernel does not fit.
    """
    if image is None:
        from utils.datasets import load

        image = load("mnist", "test", quiet=True).images[0]
    pixels = _grey_bytes(image, 32)
    weights = _weights(kernel, 7)
    if any(k > n for k, n in zip(weights.shape, pixels.shape, strict=True)):
        raise ValueError(
            f"a kernel of {weights.shape} does not fit into an image of {pixels.shape}: "
            "take a smaller kernel"
        )
    settings = {
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "pixels": base64.b64encode(pixels.tobytes()).decode(),
        "kernel": _plain(weights),
        "bias": float(bias),
    }
    rows, columns = (n - k + 1 for n, k in zip(pixels.shape, weights.shape, strict=True))
    text = (
        f"A sliding {weights.shape[0]} x {weights.shape[1]} detector on an image of "
        f"{pixels.shape[0]} x {pixels.shape[1]}: it fills a feature map of {rows} x {columns}."
    )
    return _explorer("sliding-window", "A detector slides over an image", text, settings, number)


def _grey_bytes(image: Any, most: int) -> np.ndarray:
    picture = as_picture(image)
    if picture.ndim != 2 or max(picture.shape) > most:
        raise ValueError(
            f"an image of shape {tuple(as_array(image).shape)}: give one grey image, (H, W), of at "
            f"most {most} pixels a side"
        )
    if picture.dtype != np.uint8:
        picture = (picture.astype(float).clip(0, 1) * 255).round().astype(np.uint8)
    return np.ascontiguousarray(picture)


def _weights(kernel: Any, most: int) -> np.ndarray:
    weights = as_array(kernel).astype(float)
    weights = weights.reshape(weights.shape[-2:]) if weights.ndim >= 2 else weights
    if weights.ndim != 2 or max(weights.shape) > most:
        raise ValueError(
            f"a kernel of shape {tuple(weights.shape)}: give (K_h, K_w) weights, at most {most} "
            "a side"
        )
    return weights


def _plain(weights: np.ndarray) -> Sequence[Sequence[float]]:
    """Nested lists, whole numbers as integers, others with six digits (equal on all machines)."""
    return [
        [int(v) if float(v).is_integer() else float(f"{v:.6g}") for v in row] for row in weights
    ]


PRESETS: dict[str, tuple[Sequence[Sequence[int]], int]] = {
    "vertical edges": (((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)), 1),
    "horizontal edges": (((-1, -2, -1), (0, 0, 0), (1, 2, 1)), 1),
    "outline": (((0, -1, 0), (-1, 4, -1), (0, -1, 0)), 1),
    "blur (mean)": (((1, 1, 1), (1, 1, 1), (1, 1, 1)), 9),
    "blur (Gaussian, 5 x 5)": (
        tuple(tuple(a * b for b in (1, 4, 6, 4, 1)) for a in (1, 4, 6, 4, 1)),
        256,
    ),
    "sharpen": (((0, -1, 0), (-1, 5, -1), (0, -1, 0)), 1),
    "emboss": (((-2, -1, 0), (-1, 1, 1), (0, 1, 2)), 1),
    "shift by one pixel": (((0, 0, 0), (1, 0, 0), (0, 0, 0)), 1),
    "nothing (identity)": (((0, 0, 0), (0, 1, 0), (0, 0, 0)), 1),
}
"""Kernels the editor offers: weights and what they are divided by."""


def kernel_editor(
    image: Any = None, preset: str = "vertical edges", *, alt: str | None = None, number: int = 1
) -> Explorer:
    """Edit a 3 x 3 or 5 x 5 kernel by hand and see the feature map of a photo at once.

    Parameters
    ----------
    image : tensor or array, optional
        One grey image, (H, W) or (1, H, W), at most 240 pixels a side.  By default the cat of
        the lectures, shrunk.
    preset : str
        The first kernel: a key of `PRESETS`.
    alt : str, optional
        What the image shows; needed with an image of your own.
    number : int
        2, 3, ... for further ones on the same page.

    Raises
    ------
    ValueError
        If the preset is unknown, the image has another shape or its description is missing.
    """
    if preset not in PRESETS:
        raise ValueError(f"preset is {preset!r}: choose one of {', '.join(PRESETS)}")
    if image is None:
        image, alt = _small_cat(), "A cat's face, grey"
    if not alt:
        raise ValueError("alt is missing: say in a few words what the image shows")
    pixels = _grey_bytes(image, 240)
    settings = {
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "pixels": base64.b64encode(pixels.tobytes()).decode(),
        "alt": alt,
        "preset": preset,
        "presets": {
            name: {"weights": [list(row) for row in weights], "divisor": divisor}
            for name, (weights, divisor) in PRESETS.items()
        },
    }
    text = (
        f"A kernel editor on a photo of {pixels.shape[0]} x {pixels.shape[1]} pixels, "
        f"first kernel: {preset}."
    )
    return _explorer("kernel-editor", "What a kernel does to a photo", text, settings, number)


def _small_cat() -> np.ndarray:
    """The cat of the lectures, grey, 150 x 225; whole numbers throughout, so equal everywhere."""
    from utils.datasets.photos import photo

    red, green, blue = as_array(photo("chelsea"))[:, :300, :450].astype(int)
    grey = 299 * red + 587 * green + 114 * blue
    blocks = grey.reshape(150, 2, 225, 2).sum(axis=(1, 3))
    return ((blocks + 2000) // 4000).astype(np.uint8)


PATTERN = (
    (0, 0.4, 1, 0.4, 0),
    (0, 0, 1, 0.7, 0),
    (0, 0, 0.8, 1, 0),
    (0.3, 0.6, 1, 1, 0.2),
    (0, 0, 0.5, 0, 0),
)
"""A blob of ink, moved about by the pooling explorer."""


def pooling(
    window: int = 2,
    stride: int = 2,
    kind: str = "max",
    *,
    right: int = 0,
    down: int = 0,
    number: int = 1,
) -> Explorer:
    """Move a pattern under a pooling layer and count which cells change.

    Parameters
    ----------
    window, stride : int
        First window and stride, 1..4.
    kind : {"max", "average", "pick"}
        Largest value, mean, or the window's first pixel (a stride without pooling).
    right, down : int
        First shift of the pattern from the middle, -3..3 pixels.
    number : int
        2, 3, ... for further ones on the same page.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range or the kind unknown.
    """
    if kind not in ("max", "average", "pick"):
        raise ValueError(f'kind is {kind!r}: give "max", "average" or "pick"')
    start = {
        "right": _between("right", right, -3, 3),
        "down": _between("down", down, -3, 3),
        "window": _between("window", window, 1, 4),
        "stride": _between("stride", stride, 1, 4),
        "kind": kind,
    }
    settings = {"size": 12, "pattern": [list(row) for row in PATTERN], "start": start}
    text = (
        f"A pattern on 12 x 12 pixels under {kind} pooling, window {window}, stride {stride}: "
        "move it and see which cells change."
    )
    return _explorer("pooling", "Pooling forgives small shifts", text, settings, number)


STACKS: dict[str, Sequence[tuple[int, int, int]]] = {
    "LeNet-5: C1 S2 C3 S4": ((5, 1, 1), (2, 2, 1), (5, 1, 1), (2, 2, 1)),
    "three 3 x 3": ((3, 1, 1), (3, 1, 1), (3, 1, 1)),
    "one 7 x 7": ((7, 1, 1),),
    "VGG-16, first five": ((3, 1, 1), (3, 1, 1), (2, 2, 1), (3, 1, 1), (3, 1, 1)),
    "AlexNet, first three": ((11, 4, 1), (3, 2, 1), (5, 1, 1)),
    "dilations 1, 2, 4": ((3, 1, 1), (3, 1, 2), (3, 1, 4)),
}
"""Stacks the receptive-field explorer offers: (kernel, stride, dilation) a layer."""


def receptive_field(stack: str = "LeNet-5: C1 S2 C3 S4", *, number: int = 1) -> Explorer:
    """Build a stack of layers and see which input pixels one unit on top depends on.

    Parameters
    ----------
    stack : str
        The first stack: a key of `STACKS`.
    number : int
        2, 3, ... for further ones on the same page.

    Raises
    ------
    ValueError
        If the stack is unknown.
    """
    if stack not in STACKS:
        raise ValueError(f"stack is {stack!r}: choose one of {', '.join(STACKS)}")
    field, jump = 1, 1
    for kernel, stride, dilation in STACKS[stack]:
        field += dilation * (kernel - 1) * jump
        jump *= stride
    settings = {
        "preset": stack,
        "presets": {name: list(map(list, s)) for name, s in STACKS.items()},
    }
    text = f"Receptive field of a stack of layers; {stack}: one unit on top sees {field} pixels."
    return _explorer("receptive-field", "What a unit sees", text, settings, number)
