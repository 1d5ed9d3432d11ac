"""Right, wrong and abusive answers for every exercise.

`cases_NN.py` beside this file lists, for the exercises of lecture NN,

    RIGHT = {"06.1": [26, np.int64(26)], ...}                       at least two each
    WRONG = {"06.1": [(25, "what else does a detector"), ...], ...}  at least five each

where the second part of a wrong answer is a piece of the message it must get.  The abusive
answers are made here, out of the first right one:

* a number, an array or a dict: zeros of its shape, NaN, things of another type;
* a function: one that raises, never ends, calls `exit`, changes its arguments, returns zeros,
  NaN or another type, or always returns what the first call returned;
* a class or a network: one whose forward pass does so.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from utils.exercises import _engine
from utils.exercises._guard import same

FOLDER = Path(__file__).parent
LOOP_LIMIT = 0.2
"""Seconds until a loop without end is given up, in tests."""


def load(path: Path) -> ModuleType:
    """Import a file of cases."""
    spec = importlib.util.spec_from_file_location(f"exercises_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def case_files() -> list[Path]:
    """All `cases_*.py`."""
    return sorted(FOLDER.glob("cases_*.py"))


@contextlib.contextmanager
def only_these_exercises(register: Callable[[], Any] | None = None) -> Iterator[None]:
    """An empty registry for a while, filled by `register`."""
    before = dict(_engine._registry)
    _engine._registry.clear()
    _engine.forget()
    try:
        if register:
            register()
        yield
    finally:
        _engine._registry.clear()
        _engine._registry.update(before)
        _engine.forget()


# --- abuse ----------------------------------------------------------------------------------


@dataclass
class Abuse:
    """An answer that must be rejected, and how it came about."""

    how: str
    answer: Any
    endless: bool = field(default=False)


class Opaque:
    """An object that is nothing an exercise asks for."""


def spoil(value: Any, how: str) -> Any:
    """The value with every number replaced by 0 or by NaN, shape and structure kept."""
    if isinstance(value, torch.Tensor):
        new = value.detach().clone()
        return torch.zeros_like(new) if how == "zeros" else new.float().fill_(torch.nan)
    if isinstance(value, np.ndarray):
        return np.zeros_like(value) if how == "zeros" else np.full(value.shape, np.nan)
    if isinstance(value, dict):
        return {key: spoil(item, how) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(spoil(item, how) for item in value)
    if isinstance(value, str):
        return "" if how == "zeros" else float("nan")
    if isinstance(value, nn.Module):
        return spoiled_network(value, how)
    if isinstance(value, (bool, int, float, np.generic)):
        return type(value)(0) if how == "zeros" else float("nan")
    return 0 if how == "zeros" else float("nan")


def forever(*args: Any, **kwargs: Any) -> None:
    """Never end."""
    while True:
        pass


def stubborn(*args: Any, **kwargs: Any) -> None:
    """Never end, and survive being stopped a few times."""
    for _ in range(3):
        try:
            while True:
                pass
        except:  # noqa: E722
            pass


def raises(*args: Any, **kwargs: Any) -> None:
    """Raise."""
    raise LookupError("on purpose")


def leaves(*args: Any, **kwargs: Any) -> None:
    """Call exit, as in a script."""
    sys.exit(0)


def spoiled_network(network: nn.Module, how: str) -> nn.Module:
    """A copy of a network whose forward pass returns zeros, NaN, ..."""
    spoiled = copy.deepcopy(network)
    forward = spoiled.forward
    act = {"raises": raises, "endless": forever}.get(how)
    spoiled.forward = act or (lambda *args, **kwargs: spoil(forward(*args, **kwargs), how))
    return spoiled


def spoiled_class(original: type, how: str) -> type:
    """A subclass whose forward pass (or call) returns zeros, NaN, ..."""
    name = "forward" if hasattr(original, "forward") else "__call__"
    inherited = getattr(original, name)
    act = {"raises": raises, "endless": forever}.get(how)
    method = act or (lambda self, *args, **kwargs: spoil(inherited(self, *args, **kwargs), how))
    return type(original.__name__, (original,), {name: method})


@dataclass
class Recorder:
    """A right function that notes how the check calls it."""

    function: Callable[..., Any]
    calls: list[tuple[tuple, dict, Any]] = field(default_factory=list)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = self.function(*args, **kwargs)
        self.calls.append((args, kwargs, copy.deepcopy(result)))
        return result

    def results_vary(self) -> bool:
        return any(not same(result, self.calls[0][2]) for *_, result in self.calls)

    def can_be_changed(self) -> bool:
        """Whether an argument is an array, a tensor, a list or a dict."""
        kinds = (np.ndarray, torch.Tensor, list, dict)
        return any(
            isinstance(value, kinds) and len(value) > 0
            for args, kwargs, _ in self.calls
            for value in [*args, *kwargs.values()]
        )


def change(value: Any) -> None:
    """Overwrite an argument."""
    if isinstance(value, torch.Tensor):
        with torch.no_grad():
            value.copy_(1 - value if value.dtype != torch.bool else ~value)
    elif isinstance(value, np.ndarray):
        value[...] = 1 - value if value.dtype != bool else ~value
    elif isinstance(value, list) and value:
        value.append(value[0])
    elif isinstance(value, dict) and value:
        value.popitem()


def changing(function: Callable[..., Any]) -> Callable[..., Any]:
    """The right function, which afterwards overwrites its arguments."""

    @functools.wraps(function)
    def changed(*args, **kwargs):
        result = copy.deepcopy(function(*args, **kwargs))
        for value in [*args, *kwargs.values()]:
            change(value)
        return result

    return changed


def hard_coded(result: Any) -> Callable[..., Any]:
    """A function that always returns one call's result."""
    return lambda *args, **kwargs: copy.deepcopy(result)


def abuses(id: str, right: Any) -> list[Abuse]:
    """The abusive answers for an exercise, made out of a right one.

    Raises
    ------
    AssertionError
        If the check could not tell a hard-coded result from a function.
    """
    task = _engine.registry()[id]
    others = [Opaque(), object, [], {}, raises, forever]
    found = [Abuse("is an object of some class", Opaque()), Abuse("is a class", Opaque)]
    if isinstance(right, type) or isinstance(right, nn.Module):
        make = spoiled_class if isinstance(right, type) else spoiled_network
        found += [Abuse(f"returns {how}", make(right, how)) for how in ("zeros", "nan")]
        found += [
            Abuse("raises", make(right, "raises")),
            Abuse("never ends", make(right, "endless"), endless=True),
            Abuse("is a number", 1.5),
            Abuse("is text", "text"),
        ]
    elif callable(right):
        recorder = Recorder(right)
        _engine.judge(id, recorder).require()
        assert recorder.calls, f"the check of {id} never calls the function"
        found += [
            Abuse("raises", raises),
            Abuse("calls exit", leaves),
            Abuse("never ends", forever, endless=True),
            Abuse("never ends, catches everything", stubborn, endless=True),
            Abuse("is a number", 1.5),
            Abuse("is text", "text"),
            Abuse("returns an object", lambda *args, **kwargs: Opaque()),
            Abuse("returns None", lambda *args, **kwargs: [].clear()),
        ]
        if task.may_change_input:  # judged by what they do, not by what they return
            return found[:-2]
        for how in ("zeros", "nan"):
            found.append(Abuse(f"returns {how}", _spoiling(right, how)))
        if any(args or kwargs for args, kwargs, _ in recorder.calls):
            assert recorder.results_vary(), (
                f"the check of {id} tries no two inputs with different results: whoever writes "
                "that result into the function passes"
            )
            found.append(Abuse("hard-codes a result", hard_coded(recorder.calls[0][2])))
            found.append(Abuse("hard-codes a result", hard_coded(recorder.calls[-1][2])))
        if recorder.can_be_changed():
            found.append(Abuse("changes its input", changing(right)))
    else:
        found += [Abuse("is zeros", spoil(right, "zeros")), Abuse("is nan", spoil(right, "nan"))]
        found = [abuse for abuse in found if not same(abuse.answer, right)]
        found += [Abuse(f"is {type(other).__name__}", other) for other in others]
        found.append(Abuse("is text", "no such answer"))
    return found


def _spoiling(function: Callable[..., Any], how: str) -> Callable[..., Any]:
    return lambda *args, **kwargs: spoil(function(*args, **kwargs), how)
