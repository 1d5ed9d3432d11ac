"""``course nbgrader NN``: a lecture as the source of an nbgrader assignment.

nbgrader itself is not needed to make it. The exercises keep their cells: prompts are locked,
starters are for the student to fill in, checks give the points, open questions get an answer cell
that a person marks.
"""

import argparse
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import utils
from utils.course import CourseError
from utils.course.files import write_atomically

SCHEMA = 3
"""Version of nbgrader's cell metadata (nbgrader 0.6 and later)."""


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``nbgrader``."""
    parser = subparsers.add_parser(
        "nbgrader",
        help="export a lecture as an nbgrader assignment",
        description="Write FOLDER/source/NN_name/NN_name.ipynb, a lecture without outputs whose "
        "exercises carry nbgrader's cell metadata and points: `nbgrader generate_assignment "
        "NN_name` in FOLDER makes the students' version. The students need this course installed.",
    )
    parser.add_argument("lecture", metavar="NN", help="the lecture's number")
    parser.add_argument("folder", type=Path, help="the nbgrader course's folder")
    parser.add_argument("--force", action="store_true", help="replace an assignment of that name")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out ``course nbgrader``."""
    path = next(iter(sorted((utils.ROOT / "lectures").glob(f"{args.lecture}_*.ipynb"))), None)
    if path is None:
        raise CourseError(f"there is no lecture {args.lecture}: lectures are numbered 01 to 15")
    target = args.folder / "source" / path.stem / path.name
    if target.exists() and not args.force:
        raise CourseError(f"there is {target} already: give --force to replace it")
    notebook = assignment(nbformat.read(path, as_version=4))
    write_atomically(target, nbformat.writes(notebook))
    points = sum(
        cell.metadata.nbgrader.get("points", 0)
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    )
    print(f"{target}: {points:g} points")
    return 0


def assignment(lecture: NotebookNode) -> NotebookNode:
    """Return a copy of a lecture with nbgrader's metadata and without outputs.

    Parameters
    ----------
    lecture : NotebookNode
        A lecture of this course.

    Returns
    -------
    NotebookNode
        Points of an exercise stand at its check, or, for an open question, at an answer cell
        added behind its prompt.
    """
    notebook = nbformat.from_dict(lecture)
    points: dict[str, float] = {}
    checked = {
        cell.metadata.course.exercise
        for cell in notebook.cells
        if cell.metadata.get("course", {}).get("role") == "check"
    }
    cells = []
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        cells.append(cell)
        about = cell.metadata.get("course", {})
        role, exercise = about.get("role"), about.get("exercise")
        if role == "prompt":
            points[exercise] = about.get("points", 1)
            _mark(cell, locked=True)
            if exercise not in checked:
                answer = nbformat.v4.new_markdown_cell("*Your answer:*", id=f"{cell.id}-answer")
                _mark(answer, grade=True, solution=True, points=points[exercise])
                cells.append(answer)
        elif role == "starter":
            _mark(cell, solution=True)
        elif role == "check":
            head, _, call = cell.source.rstrip().rstrip(";").rpartition("check(")
            cell.source = f"{head}check({call}.require()"
            _mark(cell, grade=True, locked=True, points=points[exercise])
    notebook.cells = cells
    return notebook


def _mark(
    cell: NotebookNode,
    *,
    grade: bool = False,
    locked: bool = False,
    solution: bool = False,
    points: float | None = None,
) -> None:
    cell.metadata["nbgrader"] = {
        "grade": grade,
        "grade_id": cell.id,
        "locked": locked,
        "schema_version": SCHEMA,
        "solution": solution,
        "task": False,
        **({"points": points} if points is not None else {}),
    }
