"""Every exercise of every lecture: right answers pass, wrong and abusive ones do not.

The tables are `cases_*.py`, the abuse is in `harness.py`.
"""

import contextlib

import harness
import pytest

from utils import exercises

TABLES = {path.stem: harness.load(path) for path in harness.case_files()}
every_exercise = pytest.mark.parametrize(
    ("table", "id"),
    [pytest.param(name, id, id=id) for name, table in TABLES.items() for id in table.RIGHT],
)


@contextlib.contextmanager
def registered(table):
    """The exercises of a table; those of a made-up lecture replace the real ones."""
    if hasattr(table, "EXERCISES"):
        with harness.only_these_exercises(table.EXERCISES):
            yield
    else:
        yield


def judged(id, answer, endless=False):
    """Judge; a loop without end costs little, everything else has all the time it needs."""
    if endless:
        with exercises.time_limit(harness.LOOP_LIMIT):
            return exercises.judge(id, answer)
    return exercises.judge(id, answer)


@every_exercise
def test_right_answers_pass(table, id):
    table = TABLES[table]
    assert len(table.RIGHT[id]) >= 2, "give at least two right answers, written differently"
    with registered(table):
        for number, answer in enumerate(table.RIGHT[id]):
            result = judged(id, answer)
            assert result.passed is True, f"right answer {number}: {result}"


@every_exercise
def test_wrong_answers_get_the_message_that_helps(table, id):
    table = TABLES[table]
    assert len(table.WRONG[id]) >= 5, "give at least five plausible wrong answers"
    with registered(table):
        for number, (answer, message) in enumerate(table.WRONG[id]):
            result = judged(id, answer)
            assert result.passed is False, f"wrong answer {number} ({message}): {result}"
            assert message in result.message, f"wrong answer {number}: {result}"
            assert "0x" not in result.message


@every_exercise
def test_abusive_answers_are_rejected(table, id):
    table = TABLES[table]
    with registered(table):
        for abuse in harness.abuses(id, table.RIGHT[id][0]):
            result = judged(id, abuse.answer, abuse.endless)
            assert result.passed is False, f"an answer that {abuse.how} passes: {result}"
            assert "check itself is broken" not in result.message
            assert "0x" not in result.message


@every_exercise
def test_unattempted_answers_are_neither_right_nor_wrong(table, id):
    def starter(x):
        """Do it."""
        ...

    with registered(TABLES[table]):
        for answer in (..., None, starter):
            assert exercises.judge(id, answer).passed is None


def test_every_exercise_has_its_table():
    listed = {id for table in TABLES.values() for id in table.RIGHT}
    missing = set(exercises.registry()) - listed
    assert not missing, f"list right and wrong answers in tests/exercises/cases_NN.py: {missing}"
    for name, table in TABLES.items():
        assert set(table.RIGHT) == set(table.WRONG), name
        with registered(table):
            unknown = set(table.RIGHT) - set(exercises.registry())
            assert not unknown, f"{name} lists exercises that do not exist: {sorted(unknown)}"
