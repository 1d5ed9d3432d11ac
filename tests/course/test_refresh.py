"""`course refresh` stores outputs and digest, and changes nothing else. No kernels here."""

import json
import subprocess

import pytest

from utils.course import CourseError, digest, jobs, main, notebooks, refresh
from utils.course.execution import Outcome


@pytest.fixture
def machine(monkeypatch):
    """An executor that fills in outputs without a kernel; `failing` names notebooks that fail."""

    class Machine:
        def __init__(self):
            self.failing, self.during = {}, lambda path: None

        def run(self, work):
            for job in work:
                yield jobs.Event(job, "started")
                notebook = json.loads(job.arguments["notebook"])
                self.during(job.name)
                for count, cell in enumerate(notebook["cells"]):
                    if cell["cell_type"] == "code":
                        text = notebooks.source(cell).upper()
                        output = {"output_type": "stream", "name": "stdout", "text": text}
                        cell.update(execution_count=count, outputs=[output])
                    cell["metadata"]["papermill"] = {"duration": 1}
                made = {"modules": {}, "data": {}, "torch": None}
                error = self.failing.get(job.name.split("/")[-1][:2], "")
                yield jobs.Event(
                    job, "finished", Outcome(json.dumps(notebook), made, 1, 1, 10, error, "trace")
                )

    machine = Machine()
    monkeypatch.setattr(jobs, "LocalExecutor", lambda processes: machine)
    return machine


@pytest.fixture
def two(clone):
    cell = {"execution": {"iopub": "now"}, "alt": "Größe"}
    lecture = clone.notebook("06_lenet", clone.code("print(1)", **cell), "2 + 2")
    solution = clone.notebook("06_lenet", "print(3)", folder="solutions")
    return lecture, solution


def test_stores_outputs_counts_and_digest_and_nothing_else(two, machine):
    before = notebooks.read(two[0])
    before["metadata"]["widgets"] = {"state": 1}
    two[0].write_text(json.dumps(before), encoding="utf-8")
    assert main(["refresh", "6"]) == 0
    after = notebooks.read(two[0])
    assert after["cells"][2]["outputs"][0]["text"] == ["PRINT(1)"]
    assert after["cells"][2]["execution_count"] == 2
    assert after["metadata"]["course"]["digest"]["cells"] == digest.cells(before)
    assert digest.stale(after) == [] == digest.stale(notebooks.read(two[1]))
    assert "widgets" not in after["metadata"]
    assert after["cells"][2]["metadata"] == {"alt": "Größe"}
    assert [cell["id"] for cell in after["cells"]] == [cell["id"] for cell in before["cells"]]
    assert [notebooks.source(c) for c in after["cells"]] == [
        notebooks.source(c) for c in before["cells"]
    ]
    text = two[0].read_text(encoding="utf-8")
    assert text.startswith('{\n "cells"') and text.endswith("}\n") and "Größe" in text


def test_a_second_refresh_changes_no_byte(two, machine):
    main(["refresh"])
    first = [path.read_bytes() for path in two]
    main(["refresh"])
    assert [path.read_bytes() for path in two] == first


def test_a_failing_notebook_is_left_as_it_was_and_the_other_is_stored(two, machine, capsys):
    solution_before = two[1].read_bytes()
    machine.failing["06"] = "cell 3 of 4: NameError: x"
    assert main(["refresh", str(two[1])]) == 1
    assert two[1].read_bytes() == solution_before
    assert "solutions/06_lenet.ipynb: cell 3 of 4: NameError: x" in capsys.readouterr().err


def test_an_edit_during_the_execution_is_not_overwritten(two, machine, capsys):
    def edit(path):
        notebook = notebooks.read(two[1])
        notebook["cells"][2]["source"] = "print(4)"
        notebooks.write(two[1], notebook)

    machine.during = edit
    assert main(["refresh", str(two[1])]) == 1
    assert notebooks.source(notebooks.read(two[1])["cells"][2]) == "print(4)"
    assert "it was edited while it ran" in capsys.readouterr().err


def test_a_full_disk_leaves_the_notebook_as_it_was(two, machine, monkeypatch, capsys):
    def full(path, content):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("utils.course.files.write_atomically", full)
    before = two[1].read_bytes()
    assert main(["refresh", str(two[1])]) == 1
    assert "could not be written, and is as it was: No space left" in capsys.readouterr().err
    assert two[1].read_bytes() == before


def test_check_names_the_stale_ones_and_why(two, machine, capsys):
    assert main(["refresh", "--check"]) == 1
    assert "lectures/06_lenet.ipynb: stale: it holds no digest" in capsys.readouterr().out
    main(["refresh"])
    assert main(["refresh", "--check"]) == 0
    notebook = notebooks.read(two[0])
    notebook["cells"][2]["source"] = "print(2)"
    notebooks.write(two[0], notebook)
    capsys.readouterr()
    assert main(["refresh", "--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "lectures/06_lenet.ipynb: stale: cells edited cell-2",
        "1 of 2 notebooks are stale: run `course refresh --stale`",
    ]


def test_stale_executes_only_what_is(two, machine):
    main(["refresh", str(two[1])])
    ran = []
    machine.during = ran.append
    assert main(["refresh", "--stale"]) == 0 and ran == [str(two[0])]
    assert main(["refresh", "--stale"]) == 0 and ran == [str(two[0])]


@pytest.mark.parametrize("place", ["work/06_lenet.ipynb", "06_lenet.ipynb", "lectures/07_x.ipynb"])
def test_what_lies_elsewhere_is_refused(two, machine, clone, place):
    path = clone.root / place
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(two[0].read_bytes().replace(b"print(1)", b"mine"))
    if place.startswith("lectures"):
        path.unlink()
    with pytest.raises(CourseError, match="no notebook of lectures/ or solutions/"):
        refresh.chosen([str(path)])


@pytest.fixture
def committed(clone):
    course = {"exercise": "06.1", "role": "starter"}
    path = clone.notebook("06_lenet", "1", clone.code("answer = ...", course=course))
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "lecture"],
    ):
        subprocess.run(["git", *command], cwd=clone.root, check=True, timeout=20)
    return path


def edit(path, place, source):
    notebook = notebooks.read(path)
    notebook["cells"][place]["source"] = source
    notebooks.write(path, notebook)


def test_an_authors_edit_is_fine(committed, machine):
    edit(committed, 2, "2")
    assert main(["refresh", "6"]) == 0


def test_a_lecture_somebody_answered_in_place_is_refused(committed, machine, capsys):
    edit(committed, 3, "answer = 42")
    before = committed.read_bytes()
    assert main(["refresh", "6"]) == 1
    assert "the answer to exercise 06.1 differs from the committed one" in capsys.readouterr().err
    assert committed.read_bytes() == before
    assert main(["refresh", "6", "--force"]) == 0
