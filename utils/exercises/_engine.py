"""The registry of exercises, and `check`."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from utils.exercises._guard import (
    GuardedFunction,
    TimeUp,
    Wrong,
    describe_error,
    is_module,
    is_unattempted,
    quiet_and_reproducible,
    run_limited,
)

KINDS = ("recall", "predict", "compute", "build", "debug", "design")
"""What an exercise trains."""

_registry: dict[str, Exercise] = {}
_hints_shown: dict[str, int] = {}
_latest: dict[str, bool | None] = {}
_limit_for_all: float | None = None


class CheckFailed(AssertionError):
    """Raised by `Result.require` for an answer that is not right."""


@dataclass(frozen=True)
class Exercise:
    """One exercise: what the student is told about it, and the function that judges."""

    id: str
    kind: str
    minutes: int
    title: str
    judge: Callable[[Any], Any]
    hints: tuple[str, ...] = ()
    seconds: float = 10.0
    may_change_input: bool = False

    @property
    def lecture(self) -> str:
        """Two digits, "06"."""
        return self.id.partition(".")[0]


@dataclass(frozen=True, repr=False)
class Result:
    """What a check found.

    Attributes
    ----------
    id : str
        The exercise, "06.1".
    passed : bool or None
        None if the answer was not attempted yet.
    message : str
        Why; may be empty for a right answer.
    figure : callable or None
        Draws a picture that belongs to the message.
    """

    id: str
    passed: bool | None
    message: str
    figure: Callable[[], Any] | None = field(default=None, compare=False)

    def require(self) -> Result:
        """Return the result itself, or raise `CheckFailed` unless the answer is right."""
        if self.passed is not True:
            raise CheckFailed(str(self))
        return self

    def __bool__(self) -> bool:
        return self.passed is True

    def __str__(self) -> str:
        verdict = {True: "✓ {} right", False: "✗ {} not yet", None: "· {} not attempted yet"}
        line = verdict[self.passed].format(self.id)
        return f"{line}: {self.message}" if self.message else line

    def __repr__(self) -> str:
        return f"<check {self.id}: passed={self.passed}>"

    def _ipython_display_(self) -> None:
        """Show nothing in a notebook: `check` has printed the line already."""


def exercise(
    id: str,
    *,
    kind: str,
    minutes: int,
    title: str,
    hints: Sequence[str] = (),
    seconds: float = 10.0,
    may_change_input: bool = False,
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Register the decorated function as the judge of an exercise.

    Parameters
    ----------
    id : str
        Lecture and number, "06.1".
    kind : str
        What it trains, one of `KINDS`.
    minutes : int
        Rough time for a student.
    title : str
        A few words.
    hints : sequence of str
        Shown one after the other by `check(..., hint=True)`.
    seconds : float
        Time limit for judging one answer.
    may_change_input : bool
        Give a function its arguments themselves, not copies, and let it change them.

    Raises
    ------
    ValueError
        If the id is malformed or taken, or the kind unknown.
    """
    if not re.fullmatch(r"\d\d\.[1-9]\d*", id):
        raise ValueError(f'exercise id {id!r}: ids are two digits, a dot, a number, as in "06.1"')
    if kind not in KINDS:
        raise ValueError(f"exercise {id} is of kind {kind!r}, but kinds are {', '.join(KINDS)}")

    def register(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        known = _registry.get(id)
        if known and _home(known.judge) != _home(function):
            raise ValueError(f"exercise {id} is defined twice: {_home(known.judge)} and here")
        _registry[id] = Exercise(
            id, kind, minutes, title, function, tuple(hints), seconds, may_change_input
        )
        return function

    return register


def _home(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def registry() -> dict[str, Exercise]:
    """All exercises of all lectures, by id, in order."""
    import utils.exercises as package

    for module in pkgutil.iter_modules(package.__path__):
        if re.fullmatch(r"lecture_\d\d", module.name):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(_registry.items(), key=lambda item: _order(item[0])))


def _order(id: str) -> tuple[int, int]:
    lecture, number = id.split(".")
    return int(lecture), int(number)


def _of_lecture(lecture: str) -> dict[str, Exercise]:
    """The exercises of one lecture, in order; its module is imported if there is one."""
    if re.fullmatch(r"\d\d", lecture):
        name = f"utils.exercises.lecture_{lecture}"
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
    ids = sorted((id for id in _registry if id.startswith(f"{lecture}.")), key=_order)
    return {id: _registry[id] for id in ids}


def judge(id: str, answer: Any) -> Result:
    """Judge an answer without printing anything.

    Parameters
    ----------
    id : str
        The exercise, "06.1".
    answer : object
        What the exercise asks for: a number, an array, a function, ...

    Returns
    -------
    Result
        Never raises for whatever the answer is or does.
    """
    id = str(id)
    known = _of_lecture(id.partition(".")[0])
    if id not in known:
        there = ", ".join(known) or "none with a check"
        return Result(id, None, f"there is no such exercise; this lecture has {there}")
    task = known[id]
    if is_unattempted(answer):
        return Result(id, None, "replace the ... by your answer")
    if callable(answer) and not isinstance(answer, type) and not is_module(answer):
        answer = GuardedFunction(answer, task.may_change_input)
    seconds = task.seconds if _limit_for_all is None else _limit_for_all
    try:
        with quiet_and_reproducible():
            verdict = run_limited(lambda: task.judge(answer), seconds)
    except Wrong as wrong:
        verdict = wrong
    except TimeUp:
        return Result(
            id,
            False,
            f"this did not come to an end in the {seconds:g} s allowed: is there a loop whose "
            "condition never changes?",
        )
    except Exception as error:
        return Result(id, False, f"the answer cannot be used: {describe_error(error)}")
    if isinstance(verdict, Wrong):
        return Result(id, False, verdict.message, verdict.figure)
    if verdict is None or verdict is True:
        return Result(id, True, "")
    if isinstance(verdict, str):
        return Result(id, True, verdict)
    return Result(
        id, False, f"the check itself is broken (it returned {verdict!r}), please report it"
    )


def check(id: str, answer: Any, *, hint: bool = False) -> Result:
    """Judge an answer and print what was found.

    A right answer also prints how many of the lecture's exercises are right since the kernel
    started; a wrong one may draw a counterexample, in a notebook.

    Parameters
    ----------
    id : str
        The exercise, "06.1".
    answer : object
        What the exercise asks for: a number, an array, a function, ...
    hint : bool
        Also print the next hint, unless the answer is right.

    Returns
    -------
    Result
        `passed` is True, False, or None while the answer is `...`; `message` says why.  Nothing
        is raised whatever the answer; `.require()` on the result raises unless it is right.
    """
    result = judge(id, answer)
    _print(str(result))
    if result.id in _registry:
        _latest[result.id] = result.passed
        if result:
            _print(f"  {_dots(_registry[result.id].lecture)}")
        elif hint:
            _print(_next_hint(_registry[result.id]))
    if result.figure is not None:
        try:
            result.figure()
        except Exception as error:
            _print(f"  (its picture could not be drawn: {describe_error(error)})")
    return result


def _dots(lecture: str) -> str:
    """A dot for each exercise of a lecture, full where the latest answer was right."""
    ids = _of_lecture(lecture)
    right = [bool(_latest.get(id)) for id in ids]
    dots = "".join("●" if done else "○" for done in right)
    return f"{dots} {sum(right)} of {len(ids)} in lecture {lecture}"


def _next_hint(task: Exercise) -> str:
    if not task.hints:
        return "  there is no hint for this one"
    number = min(_hints_shown.get(task.id, 0) + 1, len(task.hints))
    _hints_shown[task.id] = number
    return f"  hint {number} of {len(task.hints)}: {task.hints[number - 1]}"


def _print(line: str) -> None:
    try:
        print(line)
    except UnicodeEncodeError:  # a console that knows no tick
        print(line.encode("ascii", "replace").decode())


def progress(lecture: str) -> None:
    """Print how many of a lecture's exercises were answered rightly since the kernel started.

    Parameters
    ----------
    lecture : str
        Two digits, "06".
    """
    ids = list(_of_lecture(str(lecture)))
    if not ids:
        _print(f"lecture {lecture} has no exercises with a check")
        return
    right = [id for id in ids if _latest.get(id)]
    line = f"lecture {lecture}: {len(right)} of {len(ids)} right"
    for verdict, text in ((False, "not yet"), (None, "to do")):
        rest = [id for id in ids if _latest.get(id) is verdict]
        line += f"; {text}: {', '.join(rest)}" if rest else ""
    _print(line)


def forget() -> None:
    """Forget which hints were shown and which exercises were done."""
    _hints_shown.clear()
    _latest.clear()


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Give every check this time limit instead of its own, in a `with` block."""
    global _limit_for_all
    before, _limit_for_all = _limit_for_all, seconds
    try:
        yield
    finally:
        _limit_for_all = before
