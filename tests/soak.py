"""Run the tests again and again, and the long injections, and count what fails.

    python tests/soak.py                          what a release needs (hours on two cores)
    python tests/soak.py --fast 1 --notebooks 0   one round of the fast tests
    python tests/soak.py --long-only              the injections that `make test` has no time for

``make soak`` is the first. Each finished round is kept in build/reports/soak/ with the commit it ran
on, and a line of it printed at once; stop it when you like, and call it again to go on. Rounds of
another commit are run anew unless ``--keep`` counts them too; ``--again`` starts from nothing. The
long injections are one round a file of tests.

A test that fails in one round and passes in another is flaky: the table names it, with its number
of failures. Written to build/reports/soak.md; the exit status is 1 if anything failed in any round.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "faults")]

LONG = ["-m", "long", "-n", "1", "--timeout=3600", "--durations=5"]
"""pytest's arguments for the long injections, beside a file of tests."""


@dataclass
class Round:
    """What one round brought: tests that passed, names of those that failed."""

    what: str
    number: int
    seconds: float
    passed: int
    skipped: int
    failed: list[str] = field(default_factory=list)
    commit: str = ""

    def __str__(self) -> str:
        """One line."""
        counts = f"{self.passed} passed, {len(self.failed)} failed, {self.skipped} skipped"
        bad = f": {', '.join(self.failed[:3])}" if self.failed else ""
        return f"{self.what} {self.number}: {counts} in {self.seconds:.0f} s, commit {self.commit}{bad}"


def long_files() -> list[str]:
    """Files of tests that hold long injections."""
    return [
        path.relative_to(ROOT).as_posix()
        for folder in ("faults", "properties")
        for path in sorted((ROOT / "tests" / folder).glob("test_*.py"))
        if "mark.long" in path.read_text(encoding="utf-8")
    ]


def commit() -> str:
    """The commit that is checked out, with a + if files differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no")
    return (git("rev-parse", "--short", "HEAD") or "?") + ("+" if changed else "")


def once(what: str, number: int, folder: Path, now: str) -> Round:
    """Run a stage, or a file of long injections, once; what pytest prints goes to a log."""
    from utils.course import testing

    command = [what, *LONG] if what.endswith(".py") else testing.arguments(what)
    name = f"{Path(what).stem}-{number}"
    report = folder / f"{name}.xml"
    report.unlink(missing_ok=True)
    begun = time.monotonic()
    with (folder / f"{name}.log").open("w", encoding="utf-8") as log:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *("-q", *command), *testing.JUNIT,
             f"--junitxml={report}"],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )  # fmt: skip
    result = testing.Result(what, time.monotonic() - begun, done.returncode)
    if report.is_file():
        testing.read_report(report, result)
    if done.returncode and not result.failed:
        result.failed.append(f"pytest ended with status {done.returncode}")
    seconds, skipped = round(result.seconds, 1), len(result.skipped)
    return Round(what, number, seconds, result.passed, skipped, result.failed, now)


def kept(what: str, number: int, folder: Path, now: str | None) -> Round | None:
    """A round that ran to its end before, at commit `now` (at any, if it is None)."""
    try:
        text = (folder / f"{Path(what).stem}-{number}.json").read_text(encoding="utf-8")
        found = Round(**json.loads(text))
    except (OSError, ValueError, TypeError):
        return None
    return found if now in (None, found.commit) else None


def keep(one: Round, folder: Path) -> None:
    """Write a round down, whole or not at all."""
    from utils.course.files import write_json

    write_json(folder / f"{Path(one.what).stem}-{one.number}.json", asdict(one))


def table(rounds: list[Round]) -> str:
    """Return the counts, one line for each thing that was repeated, and each failure."""
    lines = [
        "| what | rounds | tests a round | failures | flaky | minutes | commit |",
        "|---|---|---|---|---|---|---|",
    ]
    listed = []
    for what in dict.fromkeys(each.what for each in rounds):
        mine = [each for each in rounds if each.what == what]
        counts = Counter(name for each in mine for name in each.failed)
        flaky = {name: count for name, count in counts.items() if count < len(mine)}
        tests = sorted({each.passed + each.skipped + len(each.failed) for each in mine})
        lines.append(
            f"| {what} | {len(mine)} | {' or '.join(map(str, tests))} | {sum(counts.values())} "
            f"| {len(flaky) if len(mine) > 1 else '?'} | {sum(e.seconds for e in mine) / 60:.1f} "
            f"| {', '.join(dict.fromkeys(e.commit for e in mine))} |"
        )
        listed += [f"- {name}: failed {n} of {len(mine)}" for name, n in counts.most_common()]
    return "\n".join([*lines, "", *(listed or ["Nothing failed."])]) + "\n"


def report(rounds: list[Round], folder: Path) -> str:
    """The counts, a line for each round, and what was injected how often."""
    import lines

    first = {each.what: each for each in reversed(rounds)}.values()
    reports = [folder / f"{Path(each.what).stem}-{each.number}.xml" for each in first]
    found = lines.outcomes(path for path in reports if path.is_file())
    return "\n".join(
        [
            f"# Soak, commit {', '.join(dict.fromkeys(each.commit for each in rounds))}\n",
            table(rounds),
            "## Rounds\n",
            *(f"- {each}" for each in rounds),
            "\n## Injected (first round of each; tests/faults/README.md names the tests)\n",
            lines.injected(lines.read(), found),
        ]
    )


def main() -> int:
    """Carry it out and return the exit status."""
    from utils.course.files import write_atomically

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", type=int, default=10, metavar="N", help="rounds (10)")
    parser.add_argument("--notebooks", type=int, default=3, metavar="N", help="rounds (3)")
    parser.add_argument("--faults", type=int, default=1, metavar="N", help="rounds (1)")
    parser.add_argument("--long", type=int, default=1, metavar="N", help="rounds (1)")
    parser.add_argument("--long-only", action="store_true", help="one round of these, no other")
    parser.add_argument("--keep", action="store_true", help="count rounds of other commits too")
    parser.add_argument("--again", action="store_true", help="forget the rounds that were kept")
    args = parser.parse_args()
    wanted = {name: getattr(args, name) for name in ("fast", "notebooks", "faults")}
    if args.long_only:
        wanted = {}
    wanted |= {name: max(args.long, int(args.long_only)) for name in long_files()}
    reports = ROOT / "build" / "reports"
    folder = reports / "soak"
    if args.again:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    rounds: list[Round] = []
    for what, count in wanted.items():
        for number in range(1, count + 1):
            now = commit()
            one = kept(what, number, folder, None if args.keep else now)
            if one is None:
                one = once(what, number, folder, now)
                keep(one, folder)
                print(one, flush=True)
            else:
                print(f"{one} (kept)", flush=True)
            rounds.append(one)
            # after every round: a soak that is stopped has counted what it did
            write_atomically(reports / "soak.md", report(rounds, folder))
    print(f"\n{table(rounds)}\n{reports / 'soak.md'}")
    return 1 if any(each.failed for each in rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
