"""``course test`` (= ``make test``): every test, stage by stage, and one honest summary.

Stages: ``fast`` (no kernel, no browser), ``notebooks`` (every stored output against a new
execution), ``browser`` (slides and site in headless Chromium), ``faults`` (everything that may go
wrong, injected). A stage that fails does not keep the next from running. Each leaves a JUnit
report in ``build/reports``; the exit status is 1 if a test failed, was skipped for a reason that
is not in ``tests/allowed_skips.toml``, or if too few stored outputs are compared.
"""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import utils
from utils.course import CourseError, jobs, notebooks
from utils.course.files import write_atomically, write_json

MINUTES = {"fast": 6, "notebooks": 18, "browser": 10, "faults": 8}
"""The stages in order, and what each may take on two cores."""

COMPARED_SHARE = 0.60
"""Least share of the cells with output whose output is compared."""

JUNIT = ("-o", "junit_family=xunit1")
"""Options for reports that keep the properties of each test."""

_NOTHING_COLLECTED = 5
_CELL_SECONDS = 300


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``test``."""
    parser = subparsers.add_parser(
        "test",
        help="run the tests, stage by stage",
        description="Run all tests and end with a count. Reports go to build/reports.",
    )
    parser.add_argument(
        "--lecture", action="append", default=[], metavar="NN", help="only this lecture's tests"
    )
    parser.add_argument(
        "--stage", action="append", choices=list(MINUTES), help="only this stage (repeatable)"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out ``course test``."""
    missing = [name for name in ("pytest", "xdist", "nbval") if not importlib.util.find_spec(name)]
    if missing:
        raise CourseError(
            f"the tests need {', '.join(missing)}: "
            'pip install -c constraints.txt -e ".[course,dev]"'
        )
    lectures = [path.name[:2] for path in notebooks.find(args.lecture)] if args.lecture else []
    reports = utils.ROOT / "build" / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    results = []
    for stage in MINUTES:
        if args.stage and stage not in args.stage:
            continue
        command = arguments(stage, lectures)
        if command is None:
            continue
        print(f"\n== {stage} ==", flush=True)
        results.append(run_stage(stage, command, reports / f"{stage}.xml"))
    allowed = read_allowed(utils.ROOT / "tests" / "allowed_skips.toml")
    lines, problems = summary(results, allowed, whole=not lectures)
    text = "\n".join([*lines, *(f"FAILED: {problem}" for problem in problems)])
    print(f"\n== summary ==\n{text}\nreports in {notebooks.show(reports)}/")
    write_atomically(reports / "summary.txt", text + "\n")
    write_json(reports / "summary.json", as_record(results, problems))
    return 1 if problems else 0


def arguments(stage: str, lectures: Sequence[str] = ()) -> list[str] | None:
    """Return pytest's arguments for a stage, None if it has nothing for these lectures.

    Parameters
    ----------
    stage : str
        A key of :data:`MINUTES`.
    lectures : sequence of str
        Two-digit numbers; all lectures if empty.
    """
    workers = ["-n", str(min(2, jobs.cores()))]
    chosen = ["-k", " or ".join(lectures)] if lectures else []
    if stage == "fast":
        if lectures:
            return [
                "tests/notebooks",
                "tests/exercises",
                "tests/course/test_study.py",
                *workers,
                *chosen,
            ]
        apart = [f"--ignore=tests/{name}" for name in ("browser", "faults", "benchmarks")]
        return ["tests", *apart, *workers, "--dist", "worksteal"]
    if stage == "notebooks":
        paths = [
            notebooks.show(path)
            for folder in (notebooks.LECTURES, notebooks.SOLUTIONS)
            for path in notebooks.notebooks(folder)
            if not lectures or path.name[:2] in lectures
        ]
        return [
            *_long_ones_first(paths),
            *workers,
            "--dist=loadfile",
            *("-p", "utils.course.strict_nbval", "--nbval", "--nbval-current-env"),
            "--nbval-sanitize-with=tests/notebooks/sanitize.cfg",
            f"--nbval-cell-timeout={_CELL_SECONDS}",
            "--nbval-kernel-startup-timeout=120",
            f"--timeout={2 * _CELL_SECONDS}",
        ]
    if stage == "faults" and lectures:
        return None
    if stage == "browser":  # slides, site and explorers: a browser a worker
        return [f"tests/{stage}", *workers, "--dist=loadfile", *chosen]
    return [f"tests/{stage}", *chosen]


def _long_ones_first(paths: list[str]) -> list[str]:
    return sorted(paths, key=lambda path: -notebooks.budget(notebooks.read(utils.ROOT / path)))


@dataclass
class Result:
    """What a stage brought.

    Attributes
    ----------
    stage : str
    seconds : float
        Wall time.
    status : int
        Exit status of pytest.
    passed : int
        Tests that passed, cells of notebooks included.
    failed : list of str
        Names of those that failed, or could not be set up.
    skipped : list of (str, str)
        Names and reasons.
    cells : list of str
        For each executed cell with output: ``compared``, or why it was not.
    """

    stage: str
    seconds: float
    status: int
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)

    @property
    def tests(self) -> int:
        """All tests of the stage."""
        return self.passed + len(self.failed) + len(self.skipped)


def run_stage(stage: str, command: list[str], report: Path) -> Result:
    """Run one stage in a process of its own and read its report."""
    report.unlink(missing_ok=True)
    begun = time.monotonic()
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *command, *JUNIT, f"--junitxml={report}"],
        cwd=utils.ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    )
    result = Result(stage, time.monotonic() - begun, process.returncode)
    if report.is_file():
        read_report(report, result)
    return result


def read_report(report: Path, result: Result) -> None:
    """Fill in a stage's result from its JUnit report."""
    from utils.course.strict_nbval import PROPERTY

    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        skipped = case.find("skipped")
        bad = case.find("failure") is not None or case.find("error") is not None
        judged = [
            entry.get("value")
            for entry in case.iter("property")
            if entry.get("name") == PROPERTY and entry.get("value")
        ]
        if bad:
            result.failed.append(name)
        elif skipped is not None:
            result.skipped.append((name, skipped.get("message", "")))
            judged = ["skipped"] if judged else []
        else:
            result.passed += 1
        # A test that fails in its set-up and its end has two cases, each with the property.
        result.cells += judged[:1]


def read_allowed(path: Path) -> list[re.Pattern]:
    """Return the patterns of the reasons for which a test may be skipped."""
    with path.open("rb") as file:
        return [re.compile(entry["reason"], re.DOTALL) for entry in tomllib.load(file)["skip"]]


def summary(
    results: Sequence[Result], allowed: Sequence[re.Pattern], whole: bool = True
) -> tuple[list[str], list[str]]:
    """Return the lines of the summary, and each problem for which the exit status is 1.

    Parameters
    ----------
    results : sequence of Result
    allowed : sequence of compiled patterns
        Reasons for which a test may be skipped.
    whole : bool
        Whether all lectures were tested: only then must the share of compared outputs be reached,
        and must every stage hold tests.
    """
    lines = [f"{'stage':10s} {'tests':>6s} {'passed':>7s} {'failed':>7s} {'skipped':>8s}   minutes"]
    problems = []
    for result in results:
        minutes, allotted = result.seconds / 60, MINUTES[result.stage]
        late = "  over its allotment" if minutes > allotted else ""
        lines.append(
            f"{result.stage:10s} {result.tests:6d} {result.passed:7d} {len(result.failed):7d} "
            f"{len(result.skipped):8d}   {minutes:.1f} of {allotted}{late}"
        )
        if result.failed:
            names = ", ".join(result.failed[:5]) + (", ..." if len(result.failed) > 5 else "")
            problems.append(f"{result.stage}: {len(result.failed)} failed: {names}")
        elif result.status == _NOTHING_COLLECTED:
            if whole:
                problems.append(f"{result.stage}: it holds no test")
        elif result.status != 0:
            problems.append(f"{result.stage}: pytest ended with status {result.status}")
        for name, reason in result.skipped:
            if not any(pattern.fullmatch(reason) for pattern in allowed):
                problems.append(
                    f"{result.stage}: {name} was skipped ({reason!r}), and tests/allowed_skips.toml"
                    " does not list that reason"
                )
    tests, passed = sum(r.tests for r in results), sum(r.passed for r in results)
    cells = [cell for result in results for cell in result.cells]
    lines.append(
        f"{tests} tests, {passed} passed, {sum(len(r.failed) for r in results)} failed, "
        f"{sum(len(r.skipped) for r in results)} skipped, "
        f"in {sum(r.seconds for r in results) / 60:.1f} minutes"
    )
    for reason, count in Counter(
        reason for result in results for _, reason in result.skipped
    ).most_common():
        lines.append(f"  skipped {count}: {reason}")
    if cells:
        compared = cells.count("compared")
        reasons = Counter(cell for cell in cells if cell != "compared").most_common()
        why = ", ".join(f"{count} {reason}" for reason, count in reasons) or "none"
        lines.append(
            f"outputs of notebooks: compared {compared}, not compared {len(cells) - compared} "
            f"({why}): {compared / len(cells):.0%} compared"
        )
        if whole and compared < COMPARED_SHARE * len(cells):
            problems.append(
                f"only {compared} of {len(cells)} outputs are compared, less than "
                f"{COMPARED_SHARE:.0%}: let cells print what is the same on every machine"
            )
    return lines, problems


def as_record(results: Sequence[Result], problems: Sequence[str]) -> dict:
    """Return the summary as what a program can read."""
    return {
        "problems": list(problems),
        "stages": {
            result.stage: {
                "tests": result.tests,
                "passed": result.passed,
                "failed": result.failed,
                "skipped": [list(entry) for entry in result.skipped],
                "seconds": round(result.seconds, 1),
                "outputs": dict(Counter(result.cells)),
            }
            for result in results
        },
    }
