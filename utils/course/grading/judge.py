"""Judging one submission: its cells run in the sandbox, its answers are checked here."""

import ast
import json
import time
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import utils
from utils.course import CourseError
from utils.course.grading import wire
from utils.course.grading.child import HIDDEN
from utils.course.grading.remote import Ended, Submission
from utils.course.grading.sandbox import Limits, Sandbox, can_isolate

LARGEST = 40 * 2**20
"""Bytes of the largest notebook that is read."""

SLACK = 3
"""How much longer than in a student's notebook a call may take: the machine may be busy."""

RESTARTS = 2
"""How often a submission that was ended while it was judged is run again for its other answers."""


@dataclass(frozen=True)
class Task:
    """An exercise of a lecture as it is to be marked; `expression` is None for an open question."""

    id: str
    title: str
    kind: str
    points: float
    expression: str | None


@dataclass
class Mark:
    """What one exercise of one student is worth; `points` is None where a person has to mark."""

    exercise: str
    points: float | None
    of: float
    passed: bool | None
    message: str
    seconds: float


@dataclass
class Report:
    """What became of one submission."""

    student: str
    file: str
    lecture: str
    marks: list[Mark] = field(default_factory=list)
    failed: list[dict] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)
    ended: str = ""
    seconds: float = 0.0

    @property
    def points(self) -> float:
        """Points so far, open questions not counted."""
        return sum(mark.points or 0 for mark in self.marks)

    @property
    def of(self) -> float:
        """Points that could be had so far."""
        return sum(mark.of for mark in self.marks if mark.points is not None)

    def as_dict(self) -> dict:
        """Everything, as JSON can hold it."""
        return asdict(self)


@cache
def tasks(lecture: str) -> tuple[Task, ...]:
    """The exercises of a lecture, from its committed notebook and not from any submission.

    Raises
    ------
    CourseError
        If there is no such lecture.
    """
    path = next(iter(sorted((utils.ROOT / "lectures").glob(f"{lecture}_*.ipynb"))), None)
    if path is None:
        raise CourseError(f"there is no lecture {lecture}: lectures are numbered 01 to 15")
    found: dict[str, dict] = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        about = cell["metadata"].get("course", {})
        if "exercise" not in about:
            continue
        entry = found.setdefault(about["exercise"], {})
        source = "".join(cell["source"])
        if about["role"] == "prompt":
            entry |= {"points": about.get("points", 1), "kind": about.get("kind", "")}
            entry["title"] = source.lstrip("# ").partition("\n")[0].strip()
        elif about["role"] == "check":
            entry["expression"] = _checked_expression(source)
    return tuple(
        Task(
            id,
            e.get("title", id),
            e.get("kind", ""),
            float(e.get("points", 1)),
            e.get("expression"),
        )
        for id, e in sorted(found.items(), key=lambda item: float(item[0].partition(".")[2]))
    )


def _checked_expression(source: str) -> str | None:
    """The second argument of the cell's call of `check`, as text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check":
            return ast.unparse(node.args[1])
    return None


def code_cells(text: str, lecture: str | None) -> tuple[str, list[dict]]:
    """Lecture and code cells of a submitted notebook; the cells that call `check` are left out.

    Raises
    ------
    CourseError
        If it is no notebook, or not one of this course.
    """
    try:
        notebook = json.loads(text)
        cells = notebook["cells"]
        about = notebook.get("metadata", {}).get("course", {})
        lecture = lecture or str(about.get("lecture", ""))
        code = []
        for index, cell in enumerate(cells):
            source = cell["source"]
            source = source if isinstance(source, str) else "".join(source)
            role = cell.get("metadata", {}).get("course", {}).get("role")
            if cell["cell_type"] == "code" and source.strip() and role != "check":
                code.append({"index": index, "source": source})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CourseError("this file is no notebook: ask for it again") from error
    if not (len(lecture) == 2 and lecture.isdigit()):
        raise CourseError("this notebook does not say which lecture it is of: name it NN_....ipynb")
    return lecture, code


def suspicious(cells: list[dict]) -> list[str]:
    """What a person should look at: rebinding of `check`, changes to the course's package."""
    found: list[str] = []

    def note(index: int, sentence: str) -> None:
        sentence = f"cell {index + 1} {sentence}"
        if sentence not in found and len(found) < 20:
            found.append(sentence)

    for cell in cells:
        try:
            tree = ast.parse(cell["source"])
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names = [node.name]
            targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
            if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
                names = [target.id for target in targets if isinstance(target, ast.Name)]
                for target in targets:
                    if isinstance(target, ast.Attribute):
                        root = ast.unparse(target).partition(".")[0]
                        if root in ("utils", "exercises", "builtins", "training", "ledger"):
                            note(cell["index"], f"changes {ast.unparse(target)[:60]}")
            if "check" in names:
                note(cell["index"], "redefines check")
            imported = [
                alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")
            ]
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = getattr(node, "module", "") or ""
                for name in ("ctypes", "subprocess", "socket", "multiprocessing"):
                    if name in imported or module.partition(".")[0] == name:
                        note(cell["index"], f"imports {name}")
    return found


def grade(
    student: str, path: Path, lecture: str | None, limits: Limits, hidden: list[Path]
) -> Report:
    """Run and judge one submission; never raises for what it contains.

    Parameters
    ----------
    student : str
    path : Path
        The notebook.
    lecture : str, optional
        Its lecture; else its metadata say.
    limits : Limits
    hidden : list of Path
        Folders it must not see (those of the other students); solutions and tests are added.
    """
    from utils.exercises import _engine, judge, time_limit

    report = Report(student, path.name, lecture or "")
    began = time.perf_counter()
    try:
        if path.stat().st_size > LARGEST:
            raise CourseError("this file is larger than 40 MB: ask for it without outputs")
        text = path.read_text(encoding="utf-8")
        report.lecture, cells = code_cells(text, lecture)
        todo = list(tasks(report.lecture))
    except (CourseError, OSError, UnicodeDecodeError) as problem:
        report.ended = str(problem)
        return report
    report.incidents += suspicious(cells)
    hidden = [
        folder for folder in [*hidden, *(utils.ROOT / name for name in HIDDEN)] if folder.is_dir()
    ]
    for task in todo:
        if task.expression is None:
            report.marks.append(
                Mark(task.id, None, task.points, None, "an open question: read the answer", 0.0)
            )
    todo = [task for task in todo if task.expression is not None]
    for attempt in range(1 + RESTARTS):
        if not todo:
            break
        with Sandbox(limits, hidden) as sandbox:
            try:
                sandbox.channel.send({"cells": cells, "forbidden": list(map(str, hidden))})
                first = sandbox.channel.receive(limits.seconds)
            except wire.WireError as error:
                report.ended = sandbox.reason or _ending(error, limits)
                sandbox.kill()
                break
            if attempt == 0:
                report.failed = _plain_failures(first.get("failed"))
            submission = Submission(sandbox.channel)
            submission.incidents = list(report.incidents)
            while todo:
                task = todo.pop(0)
                started = time.perf_counter()
                known = _engine._of_lecture(task.id.partition(".")[0]).get(task.id)
                submission.seconds = SLACK * (known.seconds if known else 10.0)
                try:
                    try:
                        answer = submission.evaluate(task.expression)
                    except Exception as error:
                        name = type(error).__name__
                        passed, message = None, f"there is no answer ({name}: {error})"[:300]
                    else:
                        with time_limit(2 * submission.seconds):
                            result = judge(task.id, answer)
                        passed, message = result.passed, result.message
                    gone = ""
                except Ended as error:
                    gone = sandbox.reason or str(error)
                if sandbox.process.poll() is not None and not gone:
                    gone = sandbox.reason or "the process has ended"
                if gone:
                    passed, message = False, f"judging it ended the process: {gone}"
                seconds = time.perf_counter() - started
                points = task.points if passed is True else 0.0
                report.marks.append(
                    Mark(task.id, points, task.points, passed, message, round(seconds, 2))
                )
                if gone:
                    break
            for sentence in [*_texts(first.get("incidents")), *submission.incidents]:
                if sentence not in report.incidents:
                    report.incidents.append(sentence)
    for task in todo:
        report.marks.append(
            Mark(
                task.id,
                0.0,
                task.points,
                None,
                f"the notebook did not get here: {report.ended}",
                0.0,
            )
        )
    report.marks.sort(key=lambda mark: float(mark.exercise.partition(".")[2]))
    if not can_isolate():
        report.incidents.append("ran with the network on: this system has no namespaces")
    report.seconds = round(time.perf_counter() - began, 2)
    return report


def _ending(error: wire.WireError, limits: Limits) -> str:
    if "in time" in str(error):
        return f"it did not come to an end in the {limits.seconds:g} s allowed"
    return f"its process ended before its last cell ({error})"


def _texts(value: object) -> list[str]:
    return (
        [text[:200] for text in value if isinstance(text, str)] if isinstance(value, list) else []
    )


def _plain_failures(value: object) -> list[dict]:
    """What a submission's process says of its failing cells, as far as it has the right form."""
    if not isinstance(value, list):
        return []
    return [
        {"cell": item["cell"], "error": item["error"][:500]}
        for item in value[:200]
        if isinstance(item, dict)
        and isinstance(item.get("cell"), int)
        and isinstance(item.get("error"), str)
    ]
