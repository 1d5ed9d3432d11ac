"""A lecture as an nbgrader assignment."""

import nbformat
import pytest

import utils
from utils.course import main, nbgrader
from utils.course.grading import judge

LECTURES = sorted((utils.ROOT / "lectures").glob("*.ipynb"))


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem[:2])
def test_every_exercise_carries_its_points_once(path):
    notebook = nbgrader.assignment(nbformat.read(path, as_version=4))
    nbformat.validate(notebook)
    marked = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    ids = [cell.metadata.nbgrader.grade_id for cell in marked]
    assert len(set(ids)) == len(ids), "nbgrader refuses an id that comes twice"
    graded = [cell for cell in marked if cell.metadata.nbgrader.grade]
    tasks = judge.tasks(path.stem[:2])
    assert [cell.metadata.nbgrader.points for cell in graded] == [task.points for task in tasks]
    for cell, task in zip(graded, tasks, strict=True):
        by_hand = task.expression is None
        # nbgrader: an autograded test is locked, a cell to be marked by hand is also a solution
        assert cell.metadata.nbgrader.solution == by_hand != cell.metadata.nbgrader.locked
        assert by_hand or cell.source.endswith(f'check("{task.id}", {task.expression}).require()')
    for cell in notebook.cells:
        assert cell.cell_type != "code" or (cell.outputs, cell.execution_count) == ([], None)


def test_the_command_writes_where_nbgrader_looks_and_replaces_nothing_unasked(tmp_path, capsys):
    assert main(["nbgrader", "06", str(tmp_path)]) == 0
    made = tmp_path / "source" / "06_lenet" / "06_lenet.ipynb"
    assert f"{made}: {sum(t.points for t in judge.tasks('06')):g} points" in capsys.readouterr().out
    before = made.read_bytes()
    made.write_text("mine")
    assert main(["nbgrader", "06", str(tmp_path)]) == 1
    assert "give --force" in capsys.readouterr().err and made.read_text() == "mine"
    assert main(["nbgrader", "06", str(tmp_path), "--force"]) == 0
    assert made.read_bytes() == before
    assert main(["nbgrader", "99", str(tmp_path)]) == 1
