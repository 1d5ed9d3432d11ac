"""Numbers that no known mistake explains: answered by the way to go, not only by a direction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from utils.exercises._guard import Wrong
from utils.exercises._toolkit import expect_integer, expect_number


def expect_advised(
    answer: Any,
    right: float,
    misconceptions: Mapping[float, str],
    advice: str,
    tolerance: float | None = None,
) -> None:
    """Expect one number; any wrong one that is not a known mistake gets the same advice.

    Parameters
    ----------
    answer : object
        As for `expect_number`.
    right : float
        The right answer; an int without `tolerance` is a count and compared exactly.
    misconceptions : mapping of float to str
        Wrong values, each with the message that names how one gets there.
    advice : str
        How to get to the right number, in one clause; it follows the number that was given.
    tolerance : float, optional
        Absolute.

    Raises
    ------
    Wrong
        For everything but the right number.
    """
    try:
        if isinstance(right, int) and tolerance is None:
            expect_integer(answer, right, misconceptions)
        else:
            expect_number(answer, right, misconceptions, tolerance)
    except Wrong as wrong:
        if " is too " not in wrong.message:
            raise
        raise Wrong(f"{wrong.message}: {advice}", figure=wrong.figure) from None
