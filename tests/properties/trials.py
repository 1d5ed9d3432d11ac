"""Wrong arguments of every kind, and what counts as an answer to each.

A `Recipe` says how to call a function rightly. `findings` then calls it again and again with one
thing wrong at a time, found by walking through the arguments (lists and dicts too), and reports
what is neither a documented error nor a right answer:

tensors and arrays
    strided, read-only: the answer must stay the same. Another type (float64, float16, integers,
    bool, complex): an error, or the answer for the same values. NaN in one place: an error, or an
    answer with a NaN in it. No rows, one axis more or less, one row fewer than its companions,
    text, None: an error, or an answer that agrees with the right one, row by row.
labels (whole numbers)
    -1 and a million in one place: an error.
numbers
    text, None, a list, NaN, infinity, half a pixel, below zero, zero, 1e30: an error, unless the
    recipe says that the value has a meaning. Nothing may take longer than `SECONDS`.
names
    an unknown one, a number, None: an error.

An error is documented if the docstring's section Raises names it; TypeError, ValueError, IndexError,
RuntimeError (torch's own, about shapes and types), overflow and a loss that is no number pass anywhere, as does AttributeError where
an argument is no tensor at all. ZeroDivisionError, KeyError, AssertionError and the like do not.
No call may change what it was given.
"""

import copy
import inspect
import math
import numbers
import os
import random
import re
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

SECONDS = 10
"""Longest time of one call, of the processor: a busy machine makes none too slow."""

LOUD = (TypeError, ValueError, IndexError, RuntimeError, OverflowError, FloatingPointError)
CASTS = {
    "float64": torch.float64,
    "float16": torch.float16,
    "int64": torch.int64,
    "int32": torch.int32,
    "uint8": torch.uint8,
    "bool": torch.bool,
    "complex64": torch.complex64,
}
NUMBERS = {
    "text": "3",
    "none": None,
    "list": [3],
    "nan": math.nan,
    "infinite": math.inf,
    "fraction": 2.5,
    "negative": -1,
    "zero": 0,
    "huge": 1e30,
}
NAMES = {"unknown": "no such name", "number": 3, "none": None}


class TooSlow(Exception):
    """A call was stopped."""


@dataclass
class Recipe:
    """How to call a function rightly, and which odd values have a meaning.

    Parameters
    ----------
    function : callable
    arguments : callable
        Makes fresh keyword arguments from a `Draw`.
    fine : dict of str to str
        For an argument (or a part of it, ``targets[0].boxes``), the kinds of odd value that the
        documentation gives a meaning.
    may_change : tuple of str
        Arguments that the function is there to change.
    view : callable, optional
        What to compare of an answer, where it is no tensor, number or container of these.
    draws : bool
        The answer is a picture: it may be drawn of anything, or refused with an error.
    """

    function: Callable
    arguments: Callable[["Draw"], dict]
    fine: dict[str, str] = field(default_factory=dict)
    may_change: tuple[str, ...] = ()
    view: Callable[[Any], Any] | None = None
    draws: bool = False

    def allows(self, path: str, kind: str) -> bool:
        """Whether an odd value has a meaning here."""
        name = re.split(r"[\[.]", path)[0]
        word = kind.replace(" ", "-")
        return any(word in self.fine.get(key, "").split() for key in (path, name, "*"))


class Draw:
    """Random arguments that are right: sizes come from hypothesis, values from its seed."""

    def __init__(self, seed: int, count: int, side: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.count, self.side, self.seed = count, side, seed

    def floats(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return low + (high - low) * torch.rand(*shape, generator=self.generator)

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=self.generator)

    def images(self, channels: int = 3, count: int | None = None, side: int | None = None):
        side = side or self.side
        return self.floats(count or self.count, channels, side, side)

    def bytes(self, channels: int = 3, count: int | None = None, side: int | None = None):
        return (self.images(channels, count, side) * 255).to(torch.uint8)

    def labels(self, classes: int, count: int | None = None) -> torch.Tensor:
        return torch.randint(0, classes, (count or self.count,), generator=self.generator)

    def bits(self, *shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=self.generator) < 0.5

    def boxes(self, count: int, side: float) -> torch.Tensor:
        corner = self.floats(count, 2, low=0.0, high=side / 2)
        return torch.cat([corner, corner + self.floats(count, 2, low=side / 8, high=side / 2)], 1)

    def targets(self, classes: int = 3, side: int = 32, masks: bool = False, scores: bool = False):
        """Pictures with two objects each, as detectors take them."""
        made = []
        for _ in range(self.count):
            boxes = self.boxes(2, side)
            one = {"boxes": boxes, "labels": self.labels(classes, 2)}
            if scores:
                one["scores"] = self.floats(2)
            if masks:
                one["masks"] = torch.zeros(2, side, side, dtype=torch.bool)
                for mask, (x1, y1, x2, y2) in zip(one["masks"], boxes.long(), strict=True):
                    mask[y1 : y2 + 1, x1 : x2 + 1] = True
            made.append(one)
        return made


# ---------------------------------------------------------------------------- calling


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop Python code that takes too long (where signals are, and in the main thread)."""
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def call(recipe: Recipe, arguments: dict) -> Any:
    """Call a function with the same random numbers every time."""
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    random.seed(0)
    with time_limit(SECONDS), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = recipe.function(**arguments)
        if inspect.isgenerator(answer):
            answer = list(answer)
    return recipe.view(answer) if recipe.view else answer


def documented(function: Callable) -> set[str]:
    """Names of the errors in a docstring's section Raises."""
    text = inspect.getdoc(function) or ""
    section = re.search(r"^Raises\n-+\n(.*?)(?=^\S.*\n-+\n|\Z)", text, re.M | re.S)
    names = re.findall(r"^(\S.*)$", section[1], re.M) if section else []
    return {word.rpartition(".")[2] for line in names for word in re.split(r"[,\s]+", line)}


# ---------------------------------------------------------------------------- parts of arguments


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every tensor, array, number and text in nested arguments, with its path."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        for index, part in enumerate(value):
            if index < 2:  # the others are like these
                yield from leaves(part, f"{path}[{index}]")
    elif isinstance(value, torch.Tensor | np.ndarray | numbers.Number | str):
        yield path, value


def replaced(value: Any, path: str, new: Any) -> Any:
    """A copy of nested arguments with one part changed; the other parts are shared."""
    match = re.match(r"\.?([^.\[]+)|\[(\d+)\]", path)
    rest = path[match.end() :]
    if match[1] is not None:
        key = next(k for k in value if str(k) == match[1])
        return {**value, key: replaced(value[key], rest, new) if rest else new}
    index = int(match[2])
    parts = list(value)
    parts[index] = replaced(parts[index], rest, new) if rest else new
    return tuple(parts) if isinstance(value, tuple) else parts


def is_array(value: Any) -> bool:
    """Whether a part is a tensor or an array."""
    return isinstance(value, torch.Tensor | np.ndarray)


def _tensor(value: Any) -> torch.Tensor:
    return value if isinstance(value, torch.Tensor) else torch.from_numpy(np.array(value))


def _like(value: torch.Tensor, model: Any) -> Any:
    return value if isinstance(model, torch.Tensor) else value.numpy()


def strided(value: Any) -> Any:
    """The same values in another order in memory; of a row, every second element of a larger one."""
    tensor = _tensor(value)
    if tensor.ndim > 1:
        return _like(tensor.transpose(0, -1).contiguous(), value).swapaxes(0, -1)
    return _like(torch.stack([tensor, tensor], -1), value)[..., 0]


def readonly(value: np.ndarray) -> np.ndarray:
    """The same array, which cannot be written to."""
    locked = value.copy()
    locked.setflags(write=False)
    return locked


# ---------------------------------------------------------------------------- judging answers


def flat(answer: Any) -> list[torch.Tensor]:
    """Everything numeric in an answer, in order."""
    found = []
    if isinstance(answer, torch.Tensor | np.ndarray):
        array = answer.detach() if isinstance(answer, torch.Tensor) else _tensor(answer)
        found.append(array)
    elif isinstance(answer, bool | numbers.Number | np.generic):
        found.append(
            torch.tensor(complex(answer) if isinstance(answer, complex) else float(answer))
        )
    elif isinstance(answer, dict):
        for part in answer.values():
            found += flat(part)
    elif isinstance(answer, list | tuple | set):
        for part in answer:
            found += flat(part)
    elif hasattr(answer, "__dataclass_fields__"):
        for name in answer.__dataclass_fields__:
            found += flat(getattr(answer, name))
    return found


def close(one: Any, other: Any, tolerance: float, shapes: bool = True) -> bool:
    """Whether two answers hold the same numbers, NaN equal to NaN."""
    a, b = flat(one), flat(other)
    if len(a) != len(b):
        return False
    for x, y in zip(a, b, strict=True):
        if (shapes and x.shape != y.shape) or x.numel() != y.numel():
            return False
        x, y = x.flatten().to(torch.complex128), y.flatten().to(torch.complex128)
        if not torch.allclose(x, y, rtol=tolerance, atol=tolerance, equal_nan=True):
            return False
    return True


def says_nothing(answer: Any) -> bool:
    """Whether an answer is empty, zero, or not a number throughout."""
    return all(
        part.numel() == 0 or bool((part.to(torch.complex128).abs() == 0).all())
        or bool(part.to(torch.complex128).isnan().any())
        for part in flat(answer)
    )  # fmt: skip


def has_nan(answer: Any) -> bool:
    """Whether a NaN is left in an answer."""
    return any(bool(part.to(torch.complex128).isnan().any()) for part in flat(answer))


# ---------------------------------------------------------------------------- the trials


def optional(function: Callable, path: str) -> bool:
    """Whether a signature lets an argument be None."""
    parameter = inspect.signature(function).parameters.get(re.split(r"[\[.]", path)[0])
    if parameter is None or parameter.annotation is inspect.Parameter.empty:
        return False
    return "None" in str(parameter.annotation) or parameter.annotation in ("Any", Any)


def wrong_arrays(value: Any, companions: bool) -> Iterator[tuple[str, Any, Callable]]:
    """Kind, value, and a judge (answer, right answer, answer of) for a tensor or an array."""
    tensor = _tensor(value)
    same = lambda answer, right, again: close(answer, right, 1e-5)
    if tensor.ndim:
        yield "strided", strided(value), same
    if isinstance(value, np.ndarray):
        yield "read-only", readonly(value), same
    for kind, dtype in CASTS.items():
        if dtype == tensor.dtype:
            continue
        cast = tensor.to(dtype)
        back = _like(
            cast.real.to(tensor.dtype) if cast.is_complex() else cast.to(tensor.dtype), value
        )
        tolerance = 2e-2 if dtype == torch.float16 else 1e-4
        yield (
            kind,
            _like(cast, value),
            lambda answer, right, again, back=back, t=tolerance: close(answer, again(back), t),
        )
    if tensor.is_floating_point() and tensor.numel():
        yield "nan", _like(tensor * math.nan, value), lambda answer, right, again: has_nan(answer)
    elif tensor.dtype in (torch.int64, torch.int32) and tensor.numel():
        for kind, entry in (("negative", -1), ("high", 10**6)):
            bad = tensor.clone(memory_format=torch.contiguous_format)
            bad.view(-1)[0] = entry
            yield kind, _like(bad, value), lambda answer, right, again: False
    if tensor.ndim:
        yield (
            "empty",
            value[:0],
            lambda answer, right, again: not companions and says_nothing(answer),
        )
        yield (
            "axis more",
            value[None],
            lambda answer, right, again: close(answer, right, 1e-5, False),
        )
        yield "axis less", value[0], _first_row
        if companions and len(value) > 1:
            yield "row less", value[:-1], lambda answer, right, again: False
    yield "text", "three", lambda answer, right, again: False
    yield "none", None, lambda answer, right, again: False


def _first_row(answer: Any, right: Any, again: Callable) -> bool:
    a, b = flat(answer), flat(right)
    if len(a) != len(b):
        return False
    return all(
        (y.ndim and len(y) and close(x, y[0], 1e-5)) or close(x, y, 1e-5)
        for x, y in zip(a, b, strict=True)
    )


def wrong_scalars(value: Any) -> Iterator[tuple[str, Any, Callable]]:
    """Kind, value and judge for a number or a text."""
    never = lambda answer, right, again: False
    if isinstance(value, bool):
        return
    if isinstance(value, str):
        for kind, wrong in NAMES.items():
            yield kind, wrong, never
        return
    for kind, wrong in NUMBERS.items():
        if kind == ("fraction" if isinstance(value, float) else "huge"):
            continue  # any number of pixels is a fraction; 10**30 passes take their time
        if kind == "nan" and isinstance(value, float):
            yield kind, wrong, lambda answer, right, again: has_nan(answer)
        elif kind in ("infinite", "huge"):
            yield kind, wrong, lambda answer, right, again: True  # no crash and no hang
        else:
            yield kind, wrong, never


def companions(path: str, every: dict[str, Any]) -> set[str]:
    """The other arrays of a call that are as long as this one."""
    length = len(every[path]) if is_array(every[path]) and every[path].ndim else None
    return {
        p
        for p, other in every.items()
        if p != path and is_array(other) and other.ndim and len(other) == length
    }


def findings(
    recipe: Recipe, draw: Callable[[], Draw], larger: Callable[[], Draw] | None = None
) -> dict[tuple[str, str], str]:
    """What a function answers to wrong arguments that is neither an error nor right.

    Arrays of one length belong together, a row each; those of a `larger` draw tell whether they are
    as long by chance, as four images are for four kernels.
    """
    found: dict[tuple[str, str], str] = {}
    others = dict(leaves(recipe.arguments(larger()))) if larger else None
    base = recipe.arguments(draw())
    kept = copy.deepcopy(base)
    right = call(recipe, base)
    for path, part in leaves(base):
        before = dict(leaves(kept))[path]
        name = re.split(r"[\[.]", path)[0]
        if is_array(part) and name not in recipe.may_change and not close(part, before, 0.0):
            found[path, "changed"] = "the argument was changed"
    if not recipe.draws and not close(call(recipe, copy.deepcopy(kept)), right, 1e-6):
        found["", "repeated"] = "the same arguments give another answer"
    named = documented(recipe.function)
    every = dict(leaves(kept))
    for path, part in every.items():
        if is_array(part):
            beside = companions(path, every)
            if others and path in others:
                beside &= companions(path, others)
            trials = wrong_arrays(part, bool(beside))
        else:
            trials = wrong_scalars(part)
        for kind, wrong, judge in trials:
            if recipe.allows(path, kind) or (kind == "none" and optional(recipe.function, path)):
                continue
            again = lambda value, path=path: call(
                recipe, replaced(copy.deepcopy(kept), path, value)
            )
            try:
                answer = again(copy.deepcopy(wrong) if not isinstance(wrong, np.ndarray) else wrong)
                if not recipe.draws and not judge(answer, right, again):
                    found[path, kind] = f"answers {_shown(answer)}"
            except TooSlow:
                found[path, kind] = f"takes more than {SECONDS} seconds"
            except Exception as error:
                types = {kind_.__name__ for kind_ in type(error).__mro__}
                loose = (AttributeError,) if kind in ("text", "none", "list", "number") else ()
                passes = isinstance(error, LOUD + loose) or types & named
                if not passes or kind in ("strided", "read-only"):
                    found[path, kind] = f"raises {type(error).__name__}: {str(error)[:80]}"
    return found


def _shown(answer: Any) -> str:
    text = re.sub(r"\s+", " ", str(answer))
    return text if len(text) < 70 else text[:67] + "..."
