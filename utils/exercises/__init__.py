'''Checks for the exercises of the lectures.

For a student there is one function::

    from utils.exercises import check
    check("06.1", answer)               # prints one line, never raises
    check("06.1", answer, hint=True)    # and the next hint
    progress("06")                      # how many of the lecture's exercises are done

A solution notebook writes ``check("06.1", answer).require()``, which raises if the answer is
not right.  The line printed is one of::

    ✓ 06.1 right: the bias is the 26th
    ✗ 06.1 not yet: 25 weights, and what else does a detector learn?
    · 06.1 not attempted yet: replace the ... by your answer

Writing exercises
-----------------
The checks of lecture 06 live in ``utils/exercises/lecture_06.py``, one function each, which gets
the student's answer and complains about it::

    """The checks of lecture 06."""

    import numpy as np

    from utils.exercises import Wrong, exercise, expect_integer, run_against

    @exercise("06.1", kind="predict", minutes=2, title="One detector",
              hints=["How many pixels lie under the detector?", "... and one bias."])
    def one_detector(answer):
        expect_integer(answer, 26, {
            25: "25 weights, and what else does a detector learn?",
            24 * 24: "that is how many places it visits; what does it learn?",
        })
        return "the bias is the 26th"

    @exercise("06.2", kind="build", minutes=10, title="Sum of 2 x 2 blocks")
    def block_sums(answer):
        def right(x):
            return x[0::2, 0::2] + x[0::2, 1::2] + x[1::2, 0::2] + x[1::2, 1::2]

        rng = np.random.default_rng(6)
        run_against(right, answer, [(rng.normal(size=(4, 6)),) for _ in range(5)], [
            (lambda x: right(x) / 4, "that is the mean; LeNet-5 adds the four"),
        ])

* The function returns ``None`` or ``True`` if the answer is right, or a string: what to add to
  "right".  If it is not, it raises (or returns) ``Wrong("...")`` with a message that names the
  misconception and points to the way out, not "wrong"; ``Wrong(message, figure=draw)`` draws a
  picture below it.
* The helpers raise ``Wrong`` themselves: `expect_number`, `expect_integer`, `expect_choice`,
  `expect_array`, `expect_each` (a dict of answers), `run_against` (a function), `expect_model` (a
  network).  They take care of wrong types, NaN, zeros, wrong shapes and forgotten returns.
* Unattempted answers (``...``, ``None``, a function or a class with a body of only ``...``) never
  get here.  Functions arrive guarded: every call gets copies of its arguments, and one that
  raises or changes its arguments becomes a ``Wrong``.  Where an argument is to be changed (a
  model to be frozen) say ``may_change_input=True``.  Everything runs under a time limit
  (``seconds``, 10 by default), silently, with the global random generators at seed 0.
* Only call the answer and look at what comes back, never at its source: in the grader it lives
  in another process.  Prefer plain functions of numbers and arrays.
* Messages must not depend on the machine or on time: no timings, no addresses, no sets.
* Random cases come from a seeded generator, and there are several of them with different right
  results, or else the example can be hard-coded.

With it goes ``tests/exercises/cases_06.py``: ``RIGHT = {"06.1": [26, np.int64(26)]}``, at least
two right answers written differently, and ``WRONG = {"06.1": [(25, "what else does"), ...]}``, at
least five plausible wrong ones each with a part of the message it must get.  One test runs them
all and, made from the right answers, the abusive ones: zeros, NaN, wrong types, functions that
raise, never end, change their input or hard-code the first result.
'''

from utils.exercises._engine import (
    KINDS,
    CheckFailed,
    Exercise,
    Result,
    Wrong,
    check,
    exercise,
    forget,
    judge,
    progress,
    registry,
    time_limit,
)
from utils.exercises._toolkit import (
    expect_array,
    expect_choice,
    expect_each,
    expect_integer,
    expect_model,
    expect_number,
    run_against,
)

__all__ = [
    "KINDS",
    "CheckFailed",
    "Exercise",
    "Result",
    "Wrong",
    "check",
    "exercise",
    "expect_array",
    "expect_choice",
    "expect_each",
    "expect_integer",
    "expect_model",
    "expect_number",
    "forget",
    "judge",
    "progress",
    "registry",
    "run_against",
    "time_limit",
]
