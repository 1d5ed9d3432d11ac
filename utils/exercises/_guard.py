"""What stands between a check and the code of a student: time, copies, silence."""

from __future__ import annotations

import contextlib
import contextvars
import copy
import ctypes
import dis
import io
import random
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any


class Wrong(Exception):
    """The answer is not right; the message says why.

    Parameters
    ----------
    message : str
        Names the misconception and points to the way out; one or two sentences.
    figure : callable, optional
        Called without arguments after the message is printed, to draw a picture.
    """

    def __init__(self, message: str, *, figure: Callable[[], Any] | None = None):
        super().__init__(message)
        self.message = message
        self.figure = figure


class TimeUp(BaseException):
    """Raised inside code that runs too long; no `except Exception` of a student catches it."""


def run_limited(function: Callable[[], Any], seconds: float) -> Any:
    """Return `function()`, or raise `TimeUp` when it runs longer than `seconds`.

    It runs in a thread of its own, which works in a notebook and on Windows alike.  A loop that
    is late is stopped by an exception raised inside it; a single call of compiled code cannot be
    interrupted and is left behind.
    """
    outcome: dict[str, Any] = {}

    def target():
        try:
            try:
                outcome["value"] = function()
            except BaseException as error:  # handed to the caller below
                outcome["error"] = error
        except TimeUp:
            pass  # it struck while the outcome was being noted

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(target,), name="exercise", daemon=True)
    thread.start()
    try:
        thread.join(seconds)
    except BaseException:  # the student presses stop
        _stop(thread)
        raise
    if thread.is_alive():
        _stop(thread)
        raise TimeUp
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


def _stop(thread: threading.Thread) -> None:
    """Raise `TimeUp` inside a thread until it ends; wait for that a second at most.

    A machine that is very busy, or a loop that catches everything, may take longer: somebody
    else then goes on raising, for half a minute, and the caller is not kept waiting.
    """
    if not _raise_time_up(thread, 20):
        threading.Thread(target=_raise_time_up, args=(thread, 600), daemon=True).start()


def _raise_time_up(thread: threading.Thread, times: int) -> bool:
    """Whether the thread ended after at most so many exceptions, one each 0.05 s."""
    for _ in range(times):
        if not thread.is_alive():
            return True
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(TimeUp)
        )
        thread.join(0.05)
    return not thread.is_alive()


class GuardedFunction:
    """A student's function that gets copies, must leave them alone, and raises only `Wrong`."""

    def __init__(self, function: Callable[..., Any], may_change_input: bool):
        self.function = function
        self.may_change_input = may_change_input
        self.__name__ = getattr(function, "__name__", "your function")
        if not self.__name__.isidentifier():  # <lambda>
            self.__name__ = "your function"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the student's function on copies of the arguments."""
        given = (args, kwargs) if self.may_change_input else protected_copy((args, kwargs))
        try:
            result = self.function(*given[0], **given[1])
        except TimeUp:
            raise
        except BaseException as error:  # SystemExit and KeyboardInterrupt included
            call = describe_call(self.__name__, args, kwargs)
            raise Wrong(f"{call} raises {describe_error(error)}") from error
        if not self.may_change_input and not same(given, (args, kwargs)):
            raise Wrong(
                f"{describe_call(self.__name__, args, kwargs)} changes its input: whoever calls it "
                "still needs that; work on a copy"
            )
        return result


@contextlib.contextmanager
def quiet_and_reproducible() -> Iterator[None]:
    """Swallow prints and warnings; start the global random generators at 0, then put them back."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    python_state = random.getstate()
    numpy_state = numpy.random.get_state() if numpy else None
    torch_state = torch.default_generator.get_state() if torch else None
    random.seed(0)
    if numpy:
        numpy.random.seed(0)
    if torch:
        torch.default_generator.manual_seed(0)
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(python_state)
        if numpy:
            numpy.random.set_state(numpy_state)
        if torch:
            torch.default_generator.set_state(torch_state)


def is_unattempted(answer: Any) -> bool:
    """Whether an answer is still the starter: `...`, None, or code with a body of only `...`.

    Containers are unattempted while they hold a `...`, classes while one of their methods does
    nothing but `...`.
    """
    if answer is None or answer is ...:
        return True
    if isinstance(answer, (list, tuple)):
        return any(item is ... for item in answer)
    if isinstance(answer, dict):
        return any(item is ... for item in answer.values())
    if isinstance(answer, type):
        return any(_is_stub(value) for value in vars(answer).values())
    return _is_stub(answer)


def _is_stub(value: Any) -> bool:
    """Whether a function does nothing but return the constant None or `...`."""
    code = getattr(value, "__code__", None)
    if code is None:
        return False
    trivial = {"RESUME", "NOP", "CACHE", "COPY_FREE_VARS", "MAKE_CELL", "NOT_TAKEN"}
    steps = [step for step in dis.get_instructions(code) if step.opname not in trivial]
    names = [step.opname for step in steps]
    if names not in (["LOAD_CONST", "RETURN_VALUE"], ["RETURN_CONST"], ["LOAD_COMMON_CONSTANT"]):
        return False
    return steps[0].argval is None or steps[0].argval is ...


def is_tensor(value: Any) -> bool:
    """Whether it is a torch tensor; does not import torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_array(value: Any) -> bool:
    """Whether it is a NumPy array; does not import numpy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def is_module(value: Any) -> bool:
    """Whether it is a `torch.nn.Module`; does not import torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def protected_copy(value: Any) -> Any:
    """Copy arrays, tensors and containers all the way down; what cannot be copied is shared."""
    if is_tensor(value):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if type(value) in (list, tuple):
        return type(value)(protected_copy(item) for item in value)
    if type(value) is dict:
        return {key: protected_copy(item) for key, item in value.items()}
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal all the way down; NaN equals NaN, unknown objects do too."""
    if type(a) is not type(b):
        return False
    if is_tensor(a):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        return same(a.detach().cpu().numpy(), b.detach().cpu().numpy())
    if is_array(a):
        numpy = sys.modules["numpy"]
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        return bool(numpy.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if is_module(a):
        return same(dict(a.state_dict()), dict(b.state_dict()))
    if isinstance(a, (bool, int, float, complex, str, bytes, set, frozenset)):
        return a == b or (a != a and b != b)
    return True


def describe(value: Any) -> str:
    """A value in a few words, the same on every machine."""
    if is_array(value) or is_tensor(value):
        if value.ndim == 0:
            return describe(value.item())
        return f"{'tensor' if is_tensor(value) else 'array'} of shape {tuple(value.shape)}"
    if is_module(value):
        return type(value).__name__
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, type) or callable(value):
        name = getattr(value, "__name__", "")
        kind = "class" if isinstance(value, type) else "function"
        return f"{kind} {name}" if name.isidentifier() else f"a {kind}"
    if type(value) in (list, tuple):
        inner = ", ".join(describe(item) for item in value[:6]) + (", ..." * (len(value) > 6))
        if type(value) is list:
            return f"[{inner}]"
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        return describe(value.item())
    if isinstance(value, (set, frozenset)) and value:
        return f"{{{', '.join(sorted(describe(item) for item in value))}}}"
    try:
        text = repr(value)
    except Exception:
        text = ""
    if not text or re.search(r" at 0x[0-9a-fA-F]+", text) or len(text) > 80:
        return f"a {type(value).__name__}"
    return text


def describe_call(name: str, args: tuple, kwargs: dict[str, Any]) -> str:
    """The call as one would write it, arrays by their shapes: `f(28, stride=2)`."""
    parts = [describe(value) for value in args]
    parts += [f"{key}={describe(value)}" for key, value in kwargs.items()]
    return f"{name}({', '.join(parts)})"


def describe_error(error: BaseException) -> str:
    """Type and first line of an exception, without addresses."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:
        lines = []
    first = re.sub(r"0x[0-9a-fA-F]+", "0x...", lines[0])[:200] if lines else ""
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
