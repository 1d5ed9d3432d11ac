"""Forty submitted notebooks, a dozen of them hostile: forty rows and the right marks."""

import contextlib
import csv
import json
import os
import time
from pathlib import Path

import nbformat
import pytest

import utils
from utils.course import CourseError, main
from utils.course.grading import judge, sandbox, wire
from utils.course.grading.remote import Submission

if os.name != "posix":
    pytest.skip("limits are set through POSIX calls", allow_module_level=True)

LECTURE = "02"
POINTS = {task.id: task.points for task in judge.tasks(LECTURE) if task.expression}
SECONDS = 30


def solved() -> dict[str, str]:
    """Source of each solved exercise, from the solutions."""
    path = next((utils.ROOT / "solutions").glob(f"{LECTURE}_*.ipynb"))
    return {
        cell.metadata.course.exercise: cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if cell.metadata.get("course", {}).get("role") == "starter"
    }


IMPORTS = "import torch\nfrom utils.arithmetic import output_size, receptive_field"
RIGHT = solved()
WRONG_NUMBER = {**RIGHT, "02.1": "feature_map_rows = 20"}


def submission(cells: list[str]) -> str:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    notebook.metadata["course"] = {"lecture": LECTURE}
    return nbformat.writes(notebook)


def answers(solutions: dict[str, str], *before: str, after: str = "pass") -> str:
    return submission([IMPORTS, *before, *solutions.values(), after])


STARTERS = {
    "02.1": "feature_map_rows = ...",
    "02.2": "field_on_top = ...",
    "02.3": "def convolution_matrix(kernel, size, stride, padding): ...",
    "02.4": "def convolve(image, kernel, stride=1): ...",
}
LESS_FIRST = sum(POINTS.values()) - POINTS["02.1"]
LESS_LAST = sum(POINTS.values()) - POINTS["02.4"]

HOSTILE = {
    "crashes": (submission(["import os\nos._exit(3)", *RIGHT.values()]), 0, "ended"),
    "hangs": (submission(["while True:\n    pass"]), 0, "come to an end"),
    "fills-memory": (
        submission(["hog = []\nwhile True:\n    hog.append(bytearray(2**27))"]), 0, "",
    ),
    "redefines-check": (
        answers(STARTERS, "def check(*anything, **more):\n    return True"), 0, "redefines check",
    ),
    "patches-the-package": (
        answers(
            WRONG_NUMBER,
            "import utils.exercises\nutils.exercises.judge = lambda *a: True\n"
            "utils.exercises._engine.judge = utils.exercises.judge",
        ),
        LESS_FIRST,
        "changes utils.exercises.judge",
    ),
    "reads-solutions": (
        answers(
            STARTERS,
            "from pathlib import Path\nimport utils\n"
            "found = next((utils.ROOT / 'solutions').glob('02_*')).read_text()",
        ),
        0,
        "tried to read",
    ),
    "reads-others": (answers(STARTERS, "open('@FOLDER@/honest-01/02_a.ipynb').read()"), 0, "tried to read"),
    "starts-processes": (
        answers(STARTERS, "import os\nfor _ in range(50):\n    os.fork()"),
        0,
        "tried to start a process (os.fork)",
    ),
    "forks-in-C": (
        answers(
            RIGHT,
            "import ctypes, os, time\nfork = ctypes.CDLL(None).fork\nfor _ in range(60):\n"
            "    if fork() == 0:\n        os.setsid()\n        time.sleep(600)",
        ),
        0,
        "more than",
    ),
    "writes-much": (
        answers(RIGHT, "with open('big', 'wb') as file:\n    for _ in range(400):\n        file.write(bytes(2**20))"),
        sum(POINTS.values()),
        "",
    ),
    "uses-the-network": (
        answers(RIGHT, "import socket\nsocket.create_connection(('127.0.0.1', 9), timeout=2)"),
        sum(POINTS.values()),
        "use the network",
    ),
    "ends-when-called": (
        answers({**RIGHT, "02.4": "import os\ndef convolve(image, kernel, stride=1):\n    os._exit(0)"}),
        LESS_LAST,
        "",
    ),
    "equals-everything": (
        answers(
            {
                **RIGHT,
                "02.1": "class Anything(int):\n    def __eq__(self, other): return True\n"
                "    def __sub__(self, other): return 0\n    __rsub__ = __sub__\n"
                "    __hash__ = int.__hash__\nfeature_map_rows = Anything(3)",
            }
        ),
        LESS_FIRST,
        "",
    ),
    "forges-answers": (
        answers(
            WRONG_NUMBER,
            after="import os\nfor pipe in range(3, 64):\n    try:\n"
            "        os.write(pipe, b'{\"value\": 25}\\n{\"failed\": 7}\\n')\n"
            "    except OSError:\n        pass",
        ),
        None,  # it may lose its marks, but gains none
        "",
    ),
    "is-no-notebook": ("PK\x03\x04 this is a zip", 0, "no notebook"),
}  # fmt: skip


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Forty submissions and what `course grade` made of them."""
    folder, out = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("marks")
    expected: dict[str, float | None] = {}
    honest = 40 - len(HOSTILE)
    for number in range(honest):
        name = f"honest-{number:02}"
        kind = number % 4
        text, points = (
            (answers(RIGHT), sum(POINTS.values())),
            (answers(WRONG_NUMBER), LESS_FIRST),
            (submission([IMPORTS, *list(RIGHT.values())[:3], "def convolve(:"]), LESS_LAST),
            (answers(STARTERS), 0),
        )[kind]
        expected[name] = points
        if number == 1:
            name = "=cmd|' /C calc'!A0"  # a student's folder may be called anything
            expected[name] = expected.pop("honest-01")
            (folder / "honest-01").mkdir()
            (folder / "honest-01" / "02_a.ipynb").write_text(text)
            continue
        if number % 2:
            (folder / f"{name}.ipynb").write_text(text)
        else:
            (folder / name).mkdir()
            (folder / name / "02_a.ipynb").write_text(text)
    expected["honest-01"] = expected.pop("=cmd|' /C calc'!A0")
    for name, (text, points, _) in HOSTILE.items():
        (folder / name).mkdir()
        text = text.replace("@FOLDER@", str(folder))
        (folder / name / "02_a.ipynb").write_text(text)
        expected[name] = points
    began = time.monotonic()
    arguments = [
        "grade",
        str(folder),
        "--out",
        str(out),
        "--seconds",
        str(SECONDS),
        "--memory",
        "2",
    ]
    status = main(arguments)
    with (out / "students.csv").open(newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    return status, out, rows, expected, time.monotonic() - began


def test_forty_notebooks_give_forty_rows_and_the_right_marks(graded):
    status, out, rows, expected, _ = graded
    assert len(expected) == 40 and set(rows) == set(expected)
    wrong = {
        name: (row["points"], expected[name], row["ended"])
        for name, row in rows.items()
        if expected[name] is not None and float(row["points"]) != expected[name]
    }
    assert wrong == {}
    assert float(rows["forges-answers"]["points"]) <= LESS_FIRST
    assert status == 1, "some could not be run to their end"
    with (out / "grades.csv").open(newline="") as file:
        marks = list(csv.DictReader(file))
    assert list(marks[0]) == ["student", "lecture", "exercise", "points", "of", "seconds"]
    assert {row["student"] for row in marks} == set(expected) - {"is-no-notebook"}
    assert {row["points"] for row in marks if row["exercise"] == "02.5"} == {""}, "by hand"


@pytest.mark.parametrize("name", HOSTILE)
def test_each_attack_is_contained_and_reported(graded, name):
    row = graded[2][name]
    words = HOSTILE[name][2]
    assert words in row["ended"] + " " + row["look_at"], row
    reports = {
        path.read_text() for path in (graded[1] / "reports").glob(f"[0-9][0-9][0-9]-{name}-*")
    }
    assert len(reports) == 1


@pytest.mark.skipif(not sandbox.can_isolate(), reason="this system has no namespaces")
def test_nothing_but_the_working_folder_can_be_written(tmp_path):
    places = [tmp_path / "elsewhere.txt", utils.ROOT / "utils" / "elsewhere.txt"]
    write = "\n".join(f"try: open({str(place)!r}, 'w')\nexcept OSError: pass" for place in places)
    (tmp_path / "class").mkdir()
    text = answers(RIGHT, write, "open('here.txt', 'w').write('mine')")
    (tmp_path / "class" / "eve.ipynb").write_text(text)
    assert main(["grade", str(tmp_path / "class"), "--out", str(tmp_path / "out")]) == 0
    with (tmp_path / "out" / "students.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["points"]) == sum(POINTS.values())
    assert not [place for place in places if place.exists()]


def test_nothing_is_left_behind(graded):
    running = []
    for process in sandbox.psutil.process_iter():
        with contextlib.suppress(sandbox.psutil.Error):
            running.append(" ".join(process.cmdline()))
    assert any("pytest" in command for command in running), "this test sees itself"
    assert not [command for command in running if "utils.course.grading.child" in command]
    assert not list(Path(sandbox.tempfile.gettempdir()).glob("submission-*"))


def test_the_summary_counts_the_commonest_mistake(graded):
    summary = (graded[1] / "summary.html").read_text()
    assert "Marks of 40 notebooks" in summary and "data:image/png;base64," in summary
    first = summary.partition("<ol>")[2].partition("</li>")[0]
    assert "02.1" in first and "notebooks" in first


def test_names_cannot_run_in_a_spreadsheet_or_a_page(tmp_path):
    (tmp_path / "in").mkdir()
    bad = "=1+1<script>alert(1)<"
    (tmp_path / "in" / f"{bad}.ipynb").write_text("[]")
    assert main(["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 1
    assert "\n'=1+1" in (tmp_path / "out" / "students.csv").read_text()
    page = next((tmp_path / "out" / "reports").iterdir())
    assert "<script" not in page.read_text() and "&lt;script" in page.read_text()


def test_what_cannot_be_graded_is_said_in_a_sentence(tmp_path, capsys):
    with pytest.raises(CourseError, match="no lecture 77"):
        judge.tasks("77")
    for arguments, words in (
        ([str(tmp_path / "none")], "there is no folder"),
        ([str(tmp_path)], "there are no submissions in"),
        ([str(tmp_path), "--memory", "0.1"], "--memory of at least 0.5"),
    ):
        assert main(["grade", *arguments]) == 1
        assert words in capsys.readouterr().err


def test_a_student_notebook_with_nothing_filled_in_gets_no_points_and_no_error(tmp_path):
    path = next((utils.ROOT / "lectures").glob("02_*.ipynb"))
    report = judge.grade("a", path, None, sandbox.Limits(seconds=200), [])
    assert (report.points, report.ended, report.failed, report.incidents) == (0, "", [], [])
    assert {mark.passed for mark in report.marks if mark.exercise not in ("02.4",)} == {None}


def test_messages_carry_values_and_nothing_else():
    import numpy as np
    import torch

    values = [
        None, True, 3, 2**70, 2.5, float("nan"), float("-inf"), "text", [1, (2, {3})], {"a": [...]},
        {(1, 2): 1j}, np.float32(2), np.arange(6).reshape(2, 3), np.array(["x"]),
        torch.ones(2, dtype=torch.float16), torch.tensor(3), torch.ones(1, requires_grad=True),
    ]  # fmt: skip
    refuse = lambda value: pytest.fail(f"{value!r} should be a value")
    from utils.exercises._guard import same

    for value in values:
        message = json.loads(json.dumps(wire.encode(value, refuse)))
        assert same(wire.decode(message, refuse), value), value
    assert wire.encode(print, lambda value: {"$": "function", "v": 0}) == {"$": "function", "v": 0}
    for bad in (
        {"$": "pickle", "v": "gASVBQAAAAAAAABLBS4="}, {"$": "array", "v": "gASV"}, [1],
        {"$": "tensor", "v": "", "dtype": "load"}, {"$": "function", "v": "x"}, {"$": "module", "v": 1},
    ):  # fmt: skip
        with pytest.raises(wire.WireError):
            wire.decode(bad, Submission(None).stand_in)
