"""What checks are made of: expectations that raise `Wrong` with a message that helps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from utils.exercises import _pictures
from utils.exercises._guard import (
    Wrong,
    describe,
    describe_call,
    is_array,
    is_module,
    is_tensor,
    protected_copy,
    same,
)

TOLERANCE = 1e-6
"""Relative error up to which two floating-point results count as equal."""


def expect_number(
    answer: Any,
    right: float,
    misconceptions: Mapping[float, str] | None = None,
    tolerance: float | None = None,
    otherwise: str = "",
) -> None:
    """Expect one number.

    Parameters
    ----------
    answer : object
        int, float, NumPy scalar, array or tensor of one element.
    right : float
        The right answer.
    misconceptions : mapping of float to str
        Wrong values, each with the message that names how one gets there.
    tolerance : float, optional
        Absolute; 1e-6 of `right` if left out.
    otherwise : str
        Said of every other wrong value, behind "is too small" or "is too large": what to look at.

    Raises
    ------
    Wrong
        For everything but the right number.
    """
    value = _number(answer)
    if tolerance is None:
        tolerance = TOLERANCE * abs(right)
    if abs(value - right) <= tolerance:
        return
    for wrong, message in (misconceptions or {}).items():
        if abs(value - wrong) <= tolerance:
            raise Wrong(message)
    advice = f": {otherwise}" if otherwise else ""
    raise Wrong(f"{describe(value)} is too {'small' if value < right else 'large'}{advice}")


def expect_integer(
    answer: Any,
    right: int,
    misconceptions: Mapping[int, str] | None = None,
    otherwise: str = "",
) -> None:
    """Expect a count, exactly.

    Parameters
    ----------
    answer : object
        As for `expect_number`; 26.0 counts as 26.
    right : int
        The right answer.
    misconceptions : mapping of int to str
        Wrong values, each with the message that names how one gets there.
    otherwise : str
        As for `expect_number`.

    Raises
    ------
    Wrong
        For everything but the right number.
    """
    value = _number(answer)
    if value != int(value):
        raise Wrong(f"{describe(value)} is not a whole number, and this is a count")
    expect_number(int(value), right, misconceptions, tolerance=0, otherwise=otherwise)


def expect_choice(
    answer: Any,
    right: str | Sequence[str],
    options: Sequence[str],
    misconceptions: Mapping[str, str] | None = None,
) -> None:
    """Expect one of several words, or, if `right` is a list, the right subset of them.

    Parameters
    ----------
    answer : object
        A string, or a list, tuple or set of strings; case and outer blanks do not matter.
    right : str or sequence of str
        The right option, or all the right ones in any order.
    options : sequence of str
        All options.
    misconceptions : mapping of str to str
        Options that are wrong to choose (for a subset also: or wrong to leave out), each with
        the message that says why.

    Raises
    ------
    Wrong
        For everything but the right choice.
    """
    one = isinstance(right, str)
    wanted = {right} if one else set(right)
    given = [answer] if isinstance(answer, str) else answer
    if not isinstance(given, (list, tuple, set, frozenset)) or not all(
        isinstance(item, str) for item in given
    ):
        example = f'"{options[0]}"' if one else f'["{options[0]}", ...]'
        raise Wrong(f"the answer is {describe(answer)}, but has to be text, such as {example}")
    chosen = {item.strip().lower() for item in given}
    by_lower = {option.lower(): option for option in options}
    unknown = sorted(chosen - set(by_lower))
    if unknown or (one and len(chosen) != 1):
        which = "one" if one else "some"
        raise Wrong(f"choose {which} of {', '.join(options)}")
    chosen = {by_lower[item] for item in chosen}
    for option in options:
        if (option in chosen) != (option in wanted):
            message = (misconceptions or {}).get(option)
            if message:
                raise Wrong(message)
    if chosen != wanted:
        if one:
            raise Wrong(f"it is not {answer.strip()}")
        if chosen < wanted:
            raise Wrong("nothing wrong among them, but not all of them yet")
        raise Wrong("not all that you chose belong there")


def expect_array(
    answer: Any,
    right: Any,
    misconceptions: Sequence[tuple[Any, str]] = (),
    *,
    tolerance: float = TOLERANCE,
    dtype: str | None = None,
) -> None:
    """Expect an array of numbers.

    Parameters
    ----------
    answer : object
        Array, tensor, or nested list.
    right : array
        The right answer.
    misconceptions : sequence of (array, str)
        Wrong arrays, each with the message that names how one gets there.
    tolerance : float
        Relative to the largest absolute value in `right`.
    dtype : str, optional
        "integer", "float" or "boolean", if it matters.

    Raises
    ------
    Wrong
        Naming what is wrong first: type, shape, NaN, zeros, values.
    """
    for wrong, message in misconceptions:
        if _close(answer, wrong, tolerance) and not _close(answer, right, tolerance):
            raise Wrong(message)
    wanted = np.asarray(_plain(right))
    difference = _difference(answer, wanted, tolerance)
    if difference:
        raise Wrong(f"the array {difference}", figure=_pictures.of_arrays(_plain(answer), wanted))
    if dtype is not None:
        kind = np.asarray(_plain(answer)).dtype.kind
        names = {"i": "integer", "u": "integer", "f": "float", "b": "boolean"}
        if names.get(kind) != dtype:
            raise Wrong(f"the values are right, but of type {names.get(kind, kind)}, not {dtype}")


def expect_each(answer: Any, expectations: Mapping[str, Callable[[Any], None]]) -> None:
    """Expect a dict with one answer a key.

    Parameters
    ----------
    answer : object
        The student's dict.
    expectations : mapping of str to callable
        For each key a function that raises `Wrong` for a wrong value, such as
        `lambda value: expect_integer(value, 156)`.

    Raises
    ------
    Wrong
        About the first key that is missing or wrong, in the order of `expectations`.
    """
    if not isinstance(answer, Mapping):
        raise Wrong(
            f"the answer is {describe(answer)}, but has to be a dict with the keys "
            f"{', '.join(map(str, expectations))}"
        )
    missing = [str(key) for key in expectations if key not in answer]
    if missing:
        raise Wrong(f"there is no answer for {', '.join(missing)}")
    for key, expect in expectations.items():
        try:
            expect(answer[key])
        except Wrong as wrong:
            raise Wrong(f"{key}: {wrong.message}", figure=wrong.figure) from None


def run_against(
    reference: Callable[..., Any],
    answer: Any,
    cases: Sequence[tuple | dict[str, Any]],
    misconceptions: Sequence[tuple[Callable[..., Any], str]] = (),
    *,
    tolerance: float = TOLERANCE,
    figure: Callable[..., Any] | None = None,
) -> None:
    """Expect a function that returns what the reference returns, for every case.

    Parameters
    ----------
    reference : callable
        A right implementation.
    answer : object
        The student's function.
    cases : sequence of tuple or dict
        The arguments of each call: a tuple of positional or a dict of keyword arguments.  At
        least two whose right results differ, or one could write the result into the function.
    misconceptions : sequence of (callable, str)
        Wrong implementations, each with its message; recognised when the student's function
        agrees with it on every case.
    tolerance : float
        Relative, for floating-point results.
    figure : callable, optional
        Called as figure(arguments, result, right) for the first case that differs, to draw a
        counterexample. Left out, arrays of the right shape are drawn beside what was asked for.

    Raises
    ------
    Wrong
        If the answer is no function, raises, changes its arguments, or differs in any case; the
        message is the misconception's, or else a counterexample.
    """
    if not callable(answer):
        raise Wrong(f"the answer is {describe(answer)}, but has to be a function")
    rights, results = [], []
    for case in cases:
        args, kwargs = _arguments(case)
        rights.append(_call(reference, args, kwargs))
        results.append(answer(*args, **kwargs))
    differences = [
        _difference(result, right, tolerance) for result, right in zip(results, rights, strict=True)
    ]
    if not any(differences):
        return
    for wrong, message in misconceptions:
        if _agrees(wrong, cases, results, rights, tolerance):
            raise Wrong(message)
    varied = any(not _close(right, rights[0], tolerance) for right in rights)
    if all(result is None for result in results):
        raise Wrong("the function returns None: is a `return` missing?")
    if varied and _like(results[0], rights[0]) and _constant(results):
        raise Wrong(
            f"the function returns {describe(results[0])} whatever it is given: is the result of "
            "one example written into it?"
        )
    first = next(index for index, difference in enumerate(differences) if difference)
    args, kwargs = _arguments(cases[first])
    call = describe_call(getattr(answer, "__name__", "your function"), args, kwargs)
    if figure is not None:
        draw = lambda: figure(cases[first], results[first], rights[first])
    else:
        given = [_plain(value) for value in [*args, *kwargs.values()]]
        draw = _pictures.of_arrays(_plain(results[first]), _plain(rights[first]), given)
    raise Wrong(f"{call} {differences[first]}", figure=draw)


def expect_model(
    answer: Any,
    input_shape: Sequence[int],
    output_shape: Sequence[int],
    parameters: int | None = None,
    misconceptions: Mapping[int, str] | None = None,
) -> Any:
    """Expect a network of the right shape and size.

    Parameters
    ----------
    answer : object
        A `torch.nn.Module`, or a class or function that builds one without arguments.
    input_shape, output_shape : sequence of int
        Shapes of one example.
    parameters : int, optional
        How many trainable parameters it has to have.
    misconceptions : mapping of int to str
        Wrong parameter counts, each with its message.

    Returns
    -------
    torch.nn.Module
        The network, for further questions.

    Raises
    ------
    Wrong
        If it is no network, does not run, returns the wrong shape, NaN, or the same for every
        image, or has another number of parameters.
    """
    import torch

    name = "the network"
    if not is_module(answer):
        if not callable(answer):
            raise Wrong(f"the answer is {describe(answer)}, but has to be a torch.nn.Module")
        answer = answer()
        if not is_module(answer):
            raise Wrong(f"what is built is {describe(answer)}, but has to be a torch.nn.Module")
    images = torch.randn(3, *input_shape, generator=torch.Generator().manual_seed(1))
    was_training = answer.training
    answer.eval()
    try:
        with torch.no_grad():
            output = answer(images)
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        raise Wrong(
            f"{name} cannot be run on images of shape {tuple(images.shape)}: "
            f"{type(error).__name__}: {lines[0][:200]}"
        ) from error
    finally:
        answer.train(was_training)
    if not is_tensor(output):
        raise Wrong(f"{name} returns {describe(output)}, but has to return a tensor")
    wanted = (3, *output_shape)
    if tuple(output.shape) != wanted:
        raise Wrong(
            f"for images of shape {tuple(images.shape)} {name} returns shape "
            f"{tuple(output.shape)}, not {wanted}"
        )
    if not torch.isfinite(output).all():
        raise Wrong(f"{name} returns values that are not finite")
    if torch.equal(output[0], output[1]) and torch.equal(output[0], output[2]):
        raise Wrong(f"{name} returns the same for every image: its input is not used")
    if parameters is not None:
        count = sum(p.numel() for p in answer.parameters() if p.requires_grad)
        if count != parameters:
            message = (misconceptions or {}).get(count)
            raise Wrong(message or f"it has {count:,} trainable parameters, not {parameters:,}")
    return answer


# --- comparing ------------------------------------------------------------------------------


def _number(answer: Any) -> float | int:
    """The answer as one finite int or float."""
    if (is_array(answer) or is_tensor(answer)) and _size(answer) == 1:
        answer = answer.item()
    if isinstance(answer, np.generic):
        answer = answer.item()
    if answer is None:
        raise Wrong("the result is None: is a `return` missing?")
    if isinstance(answer, bool) or not isinstance(answer, (int, float)):
        raise Wrong(f"the answer is {describe(answer)}, but has to be a number")
    if not math.isfinite(answer):
        raise Wrong(f"the answer is {answer}, which is no number one could count or measure")
    return answer


def _size(value: Any) -> int:
    return value.numel() if is_tensor(value) else value.size


def _arguments(case: tuple | dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    return ((), case) if isinstance(case, dict) else (tuple(case), {})


def _call(function: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> Any:
    args, kwargs = protected_copy((args, kwargs))
    return function(*args, **kwargs)


def _agrees(
    wrong: Callable[..., Any],
    cases: Sequence[tuple | dict[str, Any]],
    results: Sequence[Any],
    rights: Sequence[Any],
    tolerance: float,
) -> bool:
    """Whether a known wrong implementation returns the same results where it returns any."""
    told_apart = False
    for case, result, right in zip(cases, results, rights, strict=True):
        try:
            expected = _call(wrong, *_arguments(case))
        except Exception:
            continue
        if not _close(result, expected, tolerance):
            return False
        told_apart |= not _close(expected, right, tolerance)
    return told_apart


def _like(result: Any, right: Any) -> bool:
    """Whether a result is at least of the right one's kind."""
    numbers = (bool, int, float)
    result, right = _plain(result), _plain(right)
    return type(result) is type(right) or (
        isinstance(result, numbers) and isinstance(right, numbers)
    )


def _constant(results: Sequence[Any]) -> bool:
    return all(same(_plain(result), _plain(results[0])) for result in results)


def _plain(value: Any) -> Any:
    """Tensors and NumPy scalars as arrays and Python numbers; everything else as it is."""
    if is_tensor(value):
        value = value.detach().cpu()
        return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    return value.item() if isinstance(value, np.generic) else value


def _close(a: Any, b: Any, tolerance: float) -> bool:
    return _difference(a, b, tolerance) is None


def _difference(value: Any, right: Any, tolerance: float) -> str | None:
    """How a value differs from the right one, as the end of a sentence; None if it does not."""
    value, right = _plain(value), _plain(right)
    if right is None or isinstance(right, str):
        return None if type(value) is type(right) and value == right else _is_not(value, right)
    if value is None:
        return "is None: is a `return` missing?"
    if isinstance(right, (bool, int, float)):
        return _number_difference(value, right, tolerance)
    if is_array(right):
        return _array_difference(value, right, tolerance)
    if isinstance(right, (list, tuple)):
        if is_array(value):
            value = list(value)
        if not isinstance(value, (list, tuple)):
            return f"is {describe(value)}, but has to be a {type(right).__name__}"
        if len(value) != len(right):
            return f"has {len(value)} elements, not {len(right)}"
        for index, (item, right_item) in enumerate(zip(value, right, strict=True)):
            difference = _difference(item, right_item, tolerance)
            if difference:
                return f"is wrong at [{index}], which {difference}"
        return None
    if isinstance(right, dict):
        if not isinstance(value, dict):
            return f"is {describe(value)}, but has to be a dict"
        for key, right_item in right.items():
            if key not in value:
                return f"has no {key!r}"
            difference = _difference(value[key], right_item, tolerance)
            if difference:
                return f"is wrong at [{key!r}], which {difference}"
        extra = [key for key in value if key not in right]
        return f"has {extra[0]!r}, which does not belong there" if extra else None
    if is_module(right):
        return None if same(value, right) else f"is {describe(value)}, not the network wanted"
    return None if type(value) is type(right) and value == right else _is_not(value, right)


def _is_not(value: Any, right: Any) -> str:
    return f"is {describe(value)}, not {describe(right)}"


def _number_difference(value: Any, right: float, tolerance: float) -> str | None:
    if is_array(value) and value.size == 1:
        value = value.item()
    if not isinstance(value, (bool, int, float)):
        return f"is {describe(value)}, but has to be {_kind(right)}"
    if isinstance(value, float) and math.isnan(value):
        return None if isinstance(right, float) and math.isnan(right) else "is nan, not a number"
    if value == right:
        return None
    if isinstance(right, float) and abs(value - right) <= tolerance * abs(right):
        return None
    return _is_not(value, right)


def _kind(right: Any) -> str:
    return "True or False" if isinstance(right, bool) else "a number"


def _array_difference(value: Any, right: np.ndarray, tolerance: float) -> str | None:
    try:
        array = np.asarray(
            [_plain(item) for item in value] if type(value) in (list, tuple) else value
        )
    except ValueError:
        return "is a list of rows of different lengths"
    if array.dtype.kind not in "biufc":
        return f"is {describe(value)}, but has to be an array of numbers"
    if array.shape != right.shape:
        swapped = sorted(array.shape) == sorted(right.shape) and array.ndim > 1
        note = ": two axes are swapped" if swapped else ""
        return f"has shape {array.shape}, not {right.shape}{note}"
    if array.size == 0:
        return None
    bad = ~np.isfinite(array)
    if bad.any() and np.isfinite(right).all():
        return f"holds {int(bad.sum())} of {array.size} values that are nan or infinite"
    if not array.any() and right.any():
        return "is all zeros: it was made, but never filled"
    with np.errstate(all="ignore"):
        scale = np.abs(right[np.isfinite(right)], dtype=float).max(initial=0) or 1.0
        close = np.isclose(array, right, rtol=0, atol=tolerance * scale, equal_nan=True)
    if close.all():
        return None
    place = tuple(int(i) for i in np.argwhere(~close)[0])
    wrong = f"{int((~close).sum())} of {array.size} values"
    where = f"[{', '.join(map(str, place))}]" if place else "the only place"
    return (
        f"differs in {wrong}, first at {where}: {_short(array[place])} instead of "
        f"{_short(right[place])}"
    )


def _short(number: Any) -> str:
    number = number.item()
    return f"{number:.4g}" if isinstance(number, float) else str(number)
