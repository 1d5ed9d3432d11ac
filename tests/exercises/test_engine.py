"""The engine of the exercises: what `check` prints, refuses, survives and remembers."""

import random
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import harness
import numpy as np
import pytest
import torch
from torch import nn

from utils import exercises
from utils.exercises import CheckFailed, Wrong, _engine, _pictures, check, exercise
from utils.exercises._guard import TimeUp, describe, is_unattempted, run_limited, same

mock = harness.load(Path(__file__).with_name("cases_mock.py"))


@pytest.fixture
def lecture():
    """The exercises of the made-up lecture 98, and nothing remembered."""
    with harness.only_these_exercises(mock.EXERCISES):
        yield


@pytest.fixture
def ask(lecture):
    """Register a judge as exercise 98.99 and check an answer with it."""

    def judged(judge, answer=1, **options):
        options = {"kind": "build", "minutes": 1, "title": "t", **options}
        _engine._registry.pop("98.99", None)
        exercise("98.99", **options)(judge)
        return exercises.judge("98.99", answer)

    return judged


# --- what is printed ------------------------------------------------------------------------


def test_one_line_a_check_and_the_progress_for_a_right_one(lecture, capsys):
    assert check("98.1", 26).passed is True
    assert check("98.1", 25).passed is False
    assert check("98.1", ...).passed is None
    assert check("98.3", 0.125).passed is True
    assert capsys.readouterr().out == (
        "✓ 98.1 right: the bias is the 26th\n"
        "  ●○○○○○○○○○ 1 of 10 in lecture 98\n"
        "✗ 98.1 not yet: 25 weights, and what else does a detector learn?\n"
        "· 98.1 not attempted yet: replace the ... by your answer\n"
        "✓ 98.3 right\n"
        "  ○○●○○○○○○○ 1 of 10 in lecture 98\n"
    )


def test_result(lecture):
    right, wrong, blank = check("98.1", 26), check("98.1", 25), check("98.1", ...)
    assert right.require() is right
    assert right and not wrong and not blank
    for result in (wrong, blank):
        with pytest.raises(CheckFailed, match=r"98\.1 not"):
            result.require()
    assert repr(wrong) == "<check 98.1: passed=False>"
    assert wrong == check("98.1", 25)


def test_a_notebook_shows_no_second_line(lecture):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    try:
        assert shell.display_formatter.format(check("98.1", 26)) == ({}, {})
    finally:
        InteractiveShell.clear_instance()


def test_a_console_without_ticks_gets_a_line_all_the_same():
    code = "from utils.exercises import check; check('97.1', 1)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "97.1 not attempted yet: there is no such exercise" in done.stdout


def test_importing_the_checks_imports_no_torch():
    code = "import sys, utils.exercises; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_exercise(lecture):
    result = check("98.44", 1)
    assert result.passed is None
    assert "this lecture has 98.1, 98.2" in result.message
    assert check("what", 1).passed is None
    assert check(98.1, 26).passed is True


def test_hints_come_step_by_step(lecture, capsys):
    for _ in range(3):
        check("98.1", ..., hint=True)
    check("98.1", 26, hint=True)
    check("98.3", 1, hint=True)
    lines = [line for line in capsys.readouterr().out.splitlines() if "hint" in line]
    assert lines == [
        "  hint 1 of 2: How many pixels lie under it?",
        "  hint 2 of 2: ... and a bias.",
        "  hint 2 of 2: ... and a bias.",
        "  there is no hint for this one",
    ]


def test_progress(lecture, capsys):
    check("98.1", 26)
    check("98.3", 0.125)
    check("98.3", 0.5)
    capsys.readouterr()
    exercises.progress("98")
    assert capsys.readouterr().out == (
        "lecture 98: 1 of 10 right; not yet: 98.3; "
        "to do: 98.2, 98.4, 98.5, 98.6, 98.7, 98.8, 98.9, 98.10\n"
    )
    exercises.forget()
    exercises.progress("97")
    assert "lecture 97 has no exercises" in capsys.readouterr().out


def test_a_wrong_answer_may_bring_a_picture(ask, capsys):
    drawn = []

    def judge(answer):
        raise Wrong("look at this", figure=lambda: drawn.append(1))

    assert ask(judge).figure is not None
    assert drawn == [], "judging draws nothing"
    check("98.99", 1)
    assert drawn == [1]
    mock.DRAWN.clear()
    check("98.2", lambda x: x[::2, ::2] + 1)
    assert mock.DRAWN == ["98.2"]
    ask(lambda answer: Wrong("look", figure=lambda: 1 / 0))
    check("98.99", 1)
    assert "could not be drawn: ZeroDivisionError" in capsys.readouterr().out


def test_arrays_that_differ_are_drawn_with_what_differs_outlined():
    given = np.arange(12.0).reshape(3, 4)
    right = np.stack([given, given + 1])
    result = right.copy()
    result[1, 2, 1:3] = 0
    with pytest.raises(Wrong) as caught:
        exercises.run_against(lambda x: right, lambda x: result, [(given,)])
    assert caught.value.figure is not None
    caught.value.figure()  # outside a notebook nothing is drawn

    panels = _pictures.panels_of(result, right, [3, "same", given])
    assert list(panels) == ["given", "yours", "asked for"]
    assert (panels["given"] == given).all()
    assert (panels["yours"] == result[1]).all(), "the plane that differs"
    drawn = _pictures.figure(panels)
    assert [axis.get_title() for axis in drawn.axes] == list(panels)
    assert len(drawn.axes[1].lines) == 6, "the outline of two neighbouring places"
    assert len(drawn.axes[2].lines) == 0


@pytest.mark.parametrize(
    ("result", "right"),
    [
        (np.zeros(4), np.zeros(5)),
        (np.zeros(2), np.ones(2)),
        ("text", np.ones(5)),
        ([[1, 2], [3]], np.ones(3)),
        (np.array(["a"] * 4), np.ones(4)),
        (np.ones((200, 200)), np.zeros((200, 200))),
        (1.0, 2.0),
        (None, np.ones(4)),
    ],
)
def test_what_cannot_be_compared_place_by_place_is_not_drawn(result, right):
    assert _pictures.of_arrays(result, right) is None


# --- what a judge may return ----------------------------------------------------------------


@pytest.mark.parametrize("verdict", [None, True])
def test_a_judge_without_complaint_means_right(ask, verdict):
    assert ask(lambda answer: verdict).passed is True


def test_a_judge_may_return_wrong(ask):
    result = ask(lambda answer: Wrong("no"))
    assert (result.passed, result.message) == (False, "no")


def test_a_broken_judge_says_so(ask):
    assert "the check itself is broken" in ask(lambda answer: False).message


def test_an_answer_that_cannot_be_used(ask):
    result = ask(lambda answer: answer.shape, answer=3)
    assert result.passed is False
    assert "the answer cannot be used: AttributeError" in result.message


@pytest.mark.parametrize(
    ("id", "kind", "message"),
    [("6.1", "build", "two digits"), ("06.0", "build", "two digits"), ("06.1", "x", "of kind")],
)
def test_malformed_exercises_are_refused(id, kind, message):
    with pytest.raises(ValueError, match=message):
        exercise(id, kind=kind, minutes=1, title="t")


def test_an_id_is_taken_once(lecture):
    def other(answer):
        """Another judge."""

    exercise("98.98", kind="build", minutes=1, title="t")(other)
    exercise("98.98", kind="build", minutes=2, title="t")(other)  # reloading the module
    with pytest.raises(ValueError, match="defined twice"):
        exercise("98.98", kind="build", minutes=1, title="t")(lambda answer: None)


def test_registry_is_in_order(lecture):
    ids = [id for id in exercises.registry() if id.startswith("98.")]
    assert ids == [f"98.{n}" for n in range(1, 11)]
    assert all(task.kind in exercises.KINDS for task in exercises.registry().values())
    assert exercises.registry()["98.10"].lecture == "98"


# --- not attempted --------------------------------------------------------------------------


def _only_dots(x): ...


def _documented(x, y=3):
    """Say what it does."""


def _returns_dots(x):
    """Say what it does."""
    return ...


class _Starter(nn.Module):
    def __init__(self):
        super().__init__()
        ...

    def forward(self, x): ...


class _Done(nn.Module):
    """A constructor is optional."""

    def forward(self, x):
        return x


@pytest.mark.parametrize(
    "answer",
    [
        ...,
        None,
        _only_dots,
        _documented,
        _returns_dots,
        _Starter,
        lambda x: ...,
        [...],
        (1, ...),
        {"C1": 156, "C3": ...},
    ],
)
def test_starters_are_unattempted(answer):
    assert is_unattempted(answer)


@pytest.mark.parametrize(
    "answer",
    [0, "", [], {}, np.zeros(3), lambda x: x, lambda x: 0, _Done, print, len, nn.Identity(), int],
)
def test_answers_are_attempts(answer):
    assert not is_unattempted(answer)


# --- guarded functions ----------------------------------------------------------------------


def test_arguments_are_copies(ask):
    array, tensor, nested = np.zeros(2), torch.zeros(2), {"a": [np.zeros(2)]}

    def meddle(a, t, n):
        a += 1
        t += 1
        n["a"][0][:] = 1
        n["b"] = 1

    result = ask(lambda answer: answer(array, tensor, n=nested), meddle)
    assert "changes its input" in result.message
    assert "meddle(array of shape (2,), tensor of shape (2,), n=" in result.message
    assert array.sum() == 0 and tensor.sum() == 0 and nested["a"][0].sum() == 0
    assert "b" not in nested


def test_arguments_may_be_changed_where_that_is_the_task(ask):
    array = np.zeros(2)
    result = ask(lambda answer: answer(array), lambda a: a.fill(1), may_change_input=True)
    assert result.passed is True
    assert array.sum() == 2


def test_gradients_survive_the_copy(ask):
    weight = torch.ones(2, requires_grad=True)

    def judge(answer):
        loss = answer(weight)
        if not loss.requires_grad:
            raise Wrong("no gradient")

    assert ask(judge, lambda w: w.sum()).passed is True
    assert ask(judge, lambda w: w.detach().sum()).message == "no gradient"


def _raise_with_address(x):
    raise ValueError(f"bad {object()}")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: 1 / 0, "your function(3) raises ZeroDivisionError: division by zero"),
        (lambda x: exit(), "raises SystemExit"),
        (lambda: 1, "raises TypeError"),
        (_raise_with_address, "_raise_with_address(3) raises ValueError: bad <object object at 0x"),
    ],
)
def test_what_a_function_raises_is_told(ask, function, message):
    result = ask(lambda answer: answer(3), function)
    assert result.passed is False
    assert message in result.message
    assert result == ask(lambda answer: answer(3), function), "messages are reproducible"


def test_recursion_without_end(ask):
    def again(x):
        return again(x)

    assert "raises RecursionError" in ask(lambda answer: answer(3), again).message


def test_prints_and_warnings_are_swallowed(ask, capsys):
    def talk(x):
        print("noise")
        warnings.warn("noise", stacklevel=1)
        return np.float64(1) / np.float64(0)

    assert ask(lambda answer: None if answer(3) == np.inf else False, talk).passed is True
    assert capsys.readouterr() == ("", "")


def test_random_state_is_fixed_inside_and_untouched_outside(ask):
    seen = []

    def draw(x):
        seen.append((random.random(), np.random.rand(), torch.rand(1).item()))  # noqa: NPY002

    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    torch.manual_seed(5)
    before = (random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state())  # noqa: NPY002
    ask(lambda answer: answer(3), draw)
    ask(lambda answer: answer(3), draw)
    assert seen[0] == seen[1]
    assert random.getstate() == before[0]
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[2])


# --- time -----------------------------------------------------------------------------------


def _threads(patience=20):
    """Threads of exercises that still run after so many seconds."""
    end = time.monotonic() + patience
    while True:
        running = [thread for thread in threading.enumerate() if thread.name == "exercise"]
        if not running or time.monotonic() > end:
            return running
        time.sleep(0.02)


def test_a_loop_without_end_ends(ask):
    start = time.monotonic()
    result = ask(lambda answer: answer(), harness.forever, seconds=0.1)
    assert time.monotonic() - start < 5
    assert result.message.startswith("this did not come to an end in the 0.1 s allowed")
    assert not _threads(), "the loop still runs"


def test_a_loop_that_catches_everything_ends(ask):
    result = ask(lambda answer: answer(), harness.stubborn, seconds=0.1)
    assert "did not come to an end" in result.message
    assert not _threads()


def test_a_sleeper_does_not_hold_up_the_notebook(ask):
    start = time.monotonic()
    result = ask(lambda answer: answer(), lambda: time.sleep(4) or 1, seconds=0.1)
    assert time.monotonic() - start < 3
    assert "did not come to an end" in result.message


def test_the_limit_also_holds_in_a_class(ask):
    class Endless(nn.Module):
        def forward(self, x):
            while True:
                pass

    result = ask(lambda answer: answer()(torch.zeros(1)), Endless, seconds=0.1)
    assert "did not come to an end" in result.message


def test_works_outside_the_main_thread(lecture):
    results = []
    thread = threading.Thread(target=lambda: results.append(exercises.judge("98.1", 26)))
    thread.start()
    thread.join()
    assert results[0].passed is True


def test_one_limit_for_all(ask):
    with exercises.time_limit(0.1):
        assert "the 0.1 s allowed" in ask(lambda answer: answer(), harness.forever).message


def test_run_limited_hands_on_values_and_errors():
    assert run_limited(lambda: 3, 5) == 3
    with pytest.raises(KeyError):
        run_limited(lambda: {}[1], 5)
    with pytest.raises(TimeUp):
        run_limited(harness.forever, 0.05)


# --- describing and comparing ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (0.1 + 0.2, "0.3"),
        (np.float32(0.5), "0.5"),
        (torch.tensor(2), "2"),
        (np.zeros((2, 3)), "array of shape (2, 3)"),
        ([1, np.zeros(2)], "[1, array of shape (2,)]"),
        ((1,), "(1,)"),
        ({"b", "a", "c"}, "{'a', 'b', 'c'}"),
        (list(range(9)), "[0, 1, 2, 3, 4, 5, ...]"),
        (nn.Linear(1, 1), "Linear"),
        (len, "function len"),
        (lambda: 0, "a function"),
        (harness.Opaque(), "a Opaque"),
        ("x" * 100, "a str"),
    ],
)
def test_describe_is_short_and_has_no_addresses(value, text):
    assert describe(value) == text


def test_same_goes_all_the_way_down():
    value = {"a": [np.array([1.0, np.nan]), torch.ones(2)], "b": float("nan")}
    other = {"a": [np.array([1.0, np.nan]), torch.ones(2)], "b": float("nan")}
    assert same(value, other)
    other["a"][1][0] = 2
    assert not same(value, other)
    assert not same(1, 1.0)
    assert not same(np.zeros(2), np.zeros(3))


def test_an_odd_number_is_told_what_to_look_at():
    for wrong, word in ((3, "small"), (12, "large")):
        with pytest.raises(Wrong, match=f"^{wrong} is too {word}: count the biases$"):
            exercises.expect_integer(wrong, 7, {6: "no bias"}, otherwise="count the biases")
    with pytest.raises(Wrong, match=r"^no bias$"):
        exercises.expect_integer(6, 7, {6: "no bias"}, otherwise="count the biases")
