"""``course refresh``: execute lectures and solutions and store their outputs in place.

For authors. Outputs, execution counts and the digest of what they were made from are stored;
everything else in the notebook stays as its author left it. ``--check`` only says which stored
outputs are stale, and why.
"""

import argparse
import contextlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import utils
from utils.course import CourseError, digest, jobs, notebooks
from utils.course.files import locked, remove_unfinished
from utils.course.run import CELL_SECONDS, EXECUTE, Board, figures_of


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``refresh``."""
    parser = subparsers.add_parser(
        "refresh",
        help="re-execute notebooks in place and store their outputs",
        description="Execute lectures and their solutions, and store outputs and digest in place. "
        "For authors: students write in work/.",
    )
    parser.add_argument(
        "notebooks",
        nargs="*",
        help="numbers (lecture and solution) or paths in lectures/ or solutions/; all if none",
    )
    parser.add_argument(
        "--check", action="store_true", help="execute nothing; exit 1 if an output is stale"
    )
    parser.add_argument(
        "--stale", action="store_true", help="only those whose stored outputs are stale"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="how many at a time (as fit)")
    parser.add_argument(
        "--force", action="store_true", help="even if answers to exercises were edited"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out ``course refresh``."""
    paths = chosen(args.notebooks)
    if args.check:
        return check(paths)
    if args.stale:
        paths = [path for path in paths if digest.stale(notebooks.read(path))]
        if not paths:
            print("No stored output is stale.")
            return 0
    if not args.force:
        for path in paths:
            refuse_students_work(path)
    return refresh(paths, args.jobs)


def chosen(words: Sequence[str]) -> list[Path]:
    """Return the notebooks named: for a number, the lecture and its solution.

    Raises
    ------
    CourseError
        If one is not there, or lies outside lectures/ and solutions/.
    """
    folders = (notebooks.LECTURES, notebooks.SOLUTIONS)
    if not words:
        return [path for folder in folders for path in notebooks.notebooks(folder)]
    paths: list[Path] = []
    for word in words:
        if "/" in word or "\\" in word:
            path = Path(word).resolve()
            known = {known.resolve() for folder in folders for known in notebooks.notebooks(folder)}
            if path not in known:
                raise CourseError(
                    f"{word} is no notebook of lectures/ or solutions/: refresh stores an author's "
                    "outputs, and leaves a copy such as those in work/ to whoever works in it"
                )
            paths.append(path)
            continue
        (lecture,) = notebooks.find([word])
        solution = utils.ROOT / notebooks.SOLUTIONS / lecture.name
        paths += [lecture, solution] if solution.exists() else [lecture]
    return list(dict.fromkeys(paths))


def refuse_students_work(path: Path) -> None:
    """Refuse a lecture in which the answer to an exercise differs from the committed one.

    That is how it looks when somebody worked in ``lectures/`` itself: storing their outputs there
    would mix their work with the course's.

    Raises
    ------
    CourseError
        With the exercise; ``--force`` is for authors who changed a starter on purpose.
    """
    if path.parent.name != notebooks.LECTURES or shutil.which("git") is None:
        return
    shown = subprocess.run(
        ["git", "show", f"HEAD:./{path.name}"], cwd=path.parent, capture_output=True
    )
    if shown.returncode:
        return
    try:
        committed = json.loads(shown.stdout)
    except ValueError:
        return

    def answers(notebook: dict) -> dict[str, str]:
        return {
            cell["metadata"]["course"]["exercise"]: notebooks.source(cell)
            for cell in notebook["cells"]
            if cell["metadata"].get("course", {}).get("role") == "starter"
        }

    before = answers(committed)
    for exercise, source in answers(notebooks.read(path)).items():
        if exercise in before and before[exercise] != source:
            raise CourseError(
                f"{notebooks.show(path)}: the answer to exercise {exercise} differs from the "
                f"committed one. If it is yours to keep, `course start {path.name[:2]}` gives you "
                "a copy in work/; if you changed the exercise itself, pass --force"
            )


def check(paths: Sequence[Path]) -> int:
    """Say which notebooks hold stale outputs, and why; return 1 if one does."""
    found = 0
    for path in paths:
        reasons = digest.stale(notebooks.read(path))
        if reasons:
            found += 1
            print(f"{notebooks.show(path)}: stale: {'; '.join(reasons)}")
    if found:
        print(f"{found} of {len(paths)} notebooks are stale: run `course refresh --stale`")
        return 1
    print(f"The stored outputs of {len(paths)} notebooks are fresh.")
    return 0


def refresh(paths: Sequence[Path], processes: int | None = None) -> int:
    """Execute notebooks with their default parameters and store their outputs in place.

    Parameters
    ----------
    paths : sequence of Path
        Notebooks of lectures/ and solutions/.
    processes : int, optional
        How many at a time.

    Returns
    -------
    int
        0 if all were executed; 1 if one failed, which is then left as it was.
    """
    board = Board([notebooks.show(path) for path in paths])
    work = []
    for path in paths:
        notebook = notebooks.read(path)
        arguments = {
            "notebook": json.dumps(notebook),
            "folder": str(path.parent),
            "cell_seconds": CELL_SECONDS["quick"],
        }
        work.append(jobs.Job(str(path), EXECUTE, arguments, notebooks.budget(notebook)))
    with locked(utils.ROOT / "build"), board:
        for folder in {path.parent for path in paths}:
            remove_unfinished(folder)
        executor = jobs.LocalExecutor(jobs.parallel(processes, len(work)))
        with contextlib.closing(executor.run(work)) as events:
            for event in events:
                _handle(event, board)
    return board.close(f"outputs stored in {notebooks.LECTURES}/ and {notebooks.SOLUTIONS}/")


def _handle(event: jobs.Event, board: Board) -> None:
    path = Path(event.job.name)
    name = notebooks.show(path)
    if event.kind == "started":
        board.set(name, "running")
    elif event.kind == "progress":
        board.progress(name, **event.value)
    elif event.kind == "failed":
        board.set(name, "failed", error=event.value.strip().splitlines()[-1])
    else:
        outcome = event.value
        figures = figures_of(event)
        error, trace = outcome.error, outcome.traceback
        if not error:
            before = json.loads(event.job.arguments["notebook"])
            if notebooks.read(path) != before:
                error = "it was edited while it ran, and is left as it is: refresh it again"
        if not error:
            try:
                notebooks.write(path, with_outputs(before, outcome))
            except OSError as failure:
                error = f"it could not be written, and is as it was: {failure.strerror}"
        if error:
            board.set(name, "failed", error=error, traceback=trace, **figures)
        else:
            board.set(name, "done", **figures)


def with_outputs(notebook: dict, outcome) -> dict:
    """Return a notebook with the outputs, counts and digest of an execution.

    Parameters
    ----------
    notebook : dict
        As its author left it; not changed.
    outcome : utils.course.execution.Outcome
        Of the same cells.
    """
    notebook = json.loads(json.dumps(notebook))
    executed = json.loads(outcome.notebook)
    for cell, done in zip(notebook["cells"], executed["cells"], strict=True):
        for name in ("execution", "collapsed", "scrolled"):
            cell["metadata"].pop(name, None)
        if cell["cell_type"] == "code":
            cell["outputs"] = done["outputs"]
            cell["execution_count"] = done["execution_count"]
    metadata = notebook["metadata"]
    for name in ("papermill", "widgets"):
        metadata.pop(name, None)
    metadata["language_info"] = {"name": "python"}
    metadata.setdefault("course", {})["digest"] = {
        "cells": digest.cells(notebook),
        **outcome.digest,
    }
    return notebook
