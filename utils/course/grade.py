"""``course grade FOLDER``: marks submitted notebooks and writes marks, reports and a summary.

FOLDER/<student>/NN_....ipynb, or FOLDER/<student>.ipynb with the lecture in the notebook's
metadata. Every notebook runs in a sandbox; see `utils.course.grading` for whom is trusted.
"""

import argparse
import base64
import csv
import io
import multiprocessing
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import utils
from utils.course import CourseError
from utils.course.files import write_atomically
from utils.course.grading.judge import Report, grade, tasks
from utils.course.grading.sandbox import Limits, can_isolate

OUT = "build/grades"

Job = tuple[str, Path, str | None]


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``grade``."""
    parser = subparsers.add_parser(
        "grade",
        help="mark a folder of submitted notebooks",
        description="Run every submitted notebook in a sandbox (limits on time, memory, processes "
        "and written bytes; no network where the system allows that), judge its answers with the "
        "checks of this installation, and write grades.csv (a row an exercise), students.csv (a "
        "row a notebook), a report a student and summary.html. Open questions are left to you.",
    )
    parser.add_argument("folder", type=Path, help="FOLDER/<student>/NN_*.ipynb or <student>.ipynb")
    parser.add_argument("--lecture", metavar="NN", help="only this lecture's notebooks")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help=f"where to write ({OUT})")
    parser.add_argument("--jobs", type=int, metavar="N", help="how many at a time (one a core)")
    parser.add_argument(
        "--seconds", type=float, default=600, metavar="S", help="time for one notebook (600)"
    )
    parser.add_argument(
        "--memory", type=float, default=4, metavar="GB", help="memory for one notebook (4)"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out ``course grade``; exit status 1 if a notebook could not be run to its end."""
    out = args.out or utils.ROOT / OUT
    if args.seconds <= 0 or args.memory < 0.5:
        raise CourseError("give --seconds above 0 and --memory of at least 0.5 GB")
    jobs = find(args.folder, args.lecture)
    limits = Limits(seconds=args.seconds, memory=int(args.memory * 2**30))
    if not can_isolate():
        print("note: this system has no namespaces, so submissions run with the network on")
    reports = []
    for report in grade_all(jobs, args.folder, limits, args.jobs):
        reports.append(report)
        note = f"  {report.ended}" if report.ended else ""
        print(
            f"{len(reports):3} of {len(jobs)}  {report.student}  {report.lecture}  "
            f"{report.points:g} of {report.of:g} points  {report.seconds:.0f} s{note}",
            flush=True,
        )
    reports.sort(key=lambda report: (report.student, report.lecture, report.file))
    write(reports, out)
    print(f"marks, reports and summary: {out / 'summary.html'}")
    return int(any(report.ended for report in reports))


def find(folder: Path, lecture: str | None = None) -> list[Job]:
    """Return student, notebook and lecture of every submission in a folder.

    Raises
    ------
    CourseError
        If there is no such folder or nothing in it.
    """
    if not folder.is_dir():
        raise CourseError(f"there is no folder {folder}: give the one that holds the submissions")
    jobs: list[Job] = [(path.stem, path, None) for path in sorted(folder.glob("*.ipynb"))]
    for student in sorted(path for path in folder.iterdir() if path.is_dir()):
        if student.name.startswith("."):
            continue
        for path in sorted(student.glob("[0-9][0-9]_*.ipynb")):
            jobs.append((student.name, path, path.name[:2]))
    if lecture:
        jobs = [job for job in jobs if job[2] in (None, lecture)]
    if not jobs:
        raise CourseError(
            f"there are no submissions in {folder}: name them <student>/NN_....ipynb or "
            "<student>.ipynb"
        )
    return jobs


def grade_all(
    jobs: Sequence[Job], folder: Path, limits: Limits, workers: int | None = None
) -> Iterable[Report]:
    """Grade submissions side by side, each judged in a process of this command's own.

    Yields
    ------
    Report
        In the order in which they are done; one for every job, whatever happens.
    """
    workers = max(1, min(workers or os.cpu_count() or 1, len(jobs)))
    waiting = list(enumerate(jobs))
    hidden = hidden_folders(folder, jobs)
    spawn = multiprocessing.get_context("spawn")
    while waiting:
        finished = set()
        try:
            with ProcessPoolExecutor(workers, mp_context=spawn) as pool:
                futures = {
                    pool.submit(grade, *job, limits, hidden): (place, job) for place, job in waiting
                }
                for future in as_completed(futures):
                    report = future.result()
                    finished.add(futures[future][0])
                    yield report
            return
        except BrokenProcessPool:
            waiting = [(place, job) for place, job in waiting if place not in finished]
            if workers == 1:  # the first of them ended its judge
                (_, (student, path, lecture)), *waiting = waiting
                ended = "judging it ended the judge: open it yourself"
                yield Report(student, path.name, lecture or "", ended=ended)
            workers = 1


def hidden_folders(folder: Path, jobs: Sequence[Job]) -> list[Path]:
    """Folders no submission may see: the students' work, but never what the course needs."""
    folder = folder.resolve()
    needed = [utils.ROOT.resolve(), Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()]
    if not any(place.is_relative_to(folder) for place in needed):
        return [folder]
    return sorted({path.resolve().parent for _, path, _ in jobs} - {folder})


def write(reports: Sequence[Report], out: Path) -> None:
    """Write the marks, a report a notebook, and the summary."""
    out.mkdir(parents=True, exist_ok=True)
    rows = [
        [
            r.student,
            r.lecture,
            m.exercise,
            "" if m.points is None else f"{m.points:g}",
            m.of,
            m.seconds,
        ]
        for r in reports
        for m in r.marks
    ]
    header = ["student", "lecture", "exercise", "points", "of", "seconds"]
    write_atomically(out / "grades.csv", _csv(header, rows))
    header = [
        "student",
        "lecture",
        "points",
        "of",
        "to_mark_by_hand",
        "seconds",
        "ended",
        "look_at",
    ]
    rows = []
    for r in reports:
        by_hand = sum(mark.points is None for mark in r.marks)
        look = "; ".join(r.incidents)
        rows.append(
            [r.student, r.lecture, f"{r.points:g}", f"{r.of:g}", by_hand, r.seconds, r.ended, look]
        )
    write_atomically(out / "students.csv", _csv(header, rows))
    names = []
    for number, report in enumerate(reports, start=1):
        safe = re.sub(r"[^A-Za-z0-9._-]+", "_", report.student).strip("._")[:60] or "student"
        names.append(f"{number:03}-{safe}-{report.lecture or 'xx'}.html")
        page = _page("report.html", report=report, tasks=_titles(report.lecture))
        write_atomically(out / "reports" / names[-1], page)
    mistakes = commonest(reports)
    page = _page(
        "summary.html", reports=reports, names=names, mistakes=mistakes, chart=_chart(mistakes)
    )
    write_atomically(out / "summary.html", page)


def commonest(reports: Sequence[Report], most: int = 10) -> list[tuple[str, str, int]]:
    """Exercise, message and number of the mistakes made most often."""
    wrong = Counter(
        (mark.exercise, mark.message) for r in reports for mark in r.marks if mark.passed is False
    )
    ordered = sorted(wrong.items(), key=lambda item: (-item[1], item[0]))[:most]
    return [(exercise, message, count) for (exercise, message), count in ordered]


def _titles(lecture: str) -> dict[str, str]:
    try:
        return {task.id: task.title for task in tasks(lecture)}
    except CourseError:
        return {}


def _csv(header: Sequence[str], rows: Sequence[Sequence]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    for row in rows:  # a cell that begins like a formula is text, also to a spreadsheet
        writer.writerow(
            [
                "'" + cell if isinstance(cell, str) and cell[:1] in "=+-@\t\r" and cell else cell
                for cell in row
            ]
        )
    return file.getvalue()


def _page(template: str, **values: object) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "grading" / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def _chart(mistakes: Sequence[tuple[str, str, int]]) -> str:
    """The commonest mistakes as bars, a PNG in base64; empty if nobody made any."""
    if not mistakes:
        return ""
    import textwrap

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    labels = [
        f"{exercise}  " + textwrap.shorten(message, 78, placeholder=" ...")
        for exercise, message, _ in mistakes
    ]
    labels = [label.replace("$", r"\$") for label in labels]
    figure = Figure(figsize=(11, 0.9 + 0.42 * len(mistakes)), layout="constrained")
    axis = figure.add_subplot()
    bars = axis.barh(range(len(mistakes)), [count for *_, count in mistakes], color="#0072b2")
    axis.bar_label(bars, padding=4, fontsize=12)
    axis.set_yticks(range(len(mistakes)), labels, fontsize=12)
    axis.invert_yaxis()
    axis.set_xlabel("notebooks", fontsize=12)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.spines[["top", "right"]].set_visible(False)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return base64.b64encode(file.getvalue()).decode()
