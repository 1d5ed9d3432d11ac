"""Run the tests again and again, and the long injections, and count what fails.

    python tests/soak.py                          what a release needs (hours on two cores)
    python tests/soak.py --fast 1 --notebooks 0   one round of the fast tests
    python tests/soak.py --long-only              the injections that `make test` has no time for

``make soak`` is the first. A test that fails in one round and passes in another is flaky: the
table names it, with its number of failures. Written to build/reports/soak.md and soak.json;
the exit status is 1 if anything failed in any round.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

LONG = ["tests/faults", "tests/properties", "-m", "long", "-n", "1", "--timeout=3600"]
"""pytest's arguments for the long injections."""


@dataclass
class Round:
    """What one round brought: tests that passed, names of those that failed."""

    what: str
    number: int
    seconds: float
    passed: int
    skipped: int
    failed: list[str] = field(default_factory=list)


def once(what: str, number: int, reports: Path) -> Round:
    """Run a stage, or the long injections, once."""
    from utils.course import testing

    command = LONG if what == "long" else testing.arguments(what)
    print(f"\n== {what}, round {number} ==", flush=True)
    report = reports / f"soak-{what}-{number}.xml"
    report.unlink(missing_ok=True)
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *command, *testing.JUNIT, f"--junitxml={report}"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        check=False,
    )
    result = testing.Result(what, time.monotonic() - begun, done.returncode)
    if report.is_file():
        testing.read_report(report, result)
    if done.returncode and not result.failed:
        result.failed.append(f"pytest ended with status {done.returncode}")
    return Round(
        what, number, round(result.seconds, 1), result.passed, len(result.skipped), result.failed
    )


def table(rounds: list[Round]) -> str:
    """Return the counts, one line for each thing that was repeated, and each failure."""
    lines = [
        "| what | rounds | tests a round | failures | flaky | minutes |",
        "|---|---|---|---|---|---|",
    ]
    listed = []
    for what in dict.fromkeys(each.what for each in rounds):
        mine = [each for each in rounds if each.what == what]
        counts = Counter(name for each in mine for name in each.failed)
        flaky = {name: count for name, count in counts.items() if count < len(mine)}
        tests = sorted({each.passed + each.skipped + len(each.failed) for each in mine})
        lines.append(
            f"| {what} | {len(mine)} | {' or '.join(map(str, tests))} | {sum(counts.values())} "
            f"| {len(flaky) if len(mine) > 1 else '?'} | {sum(e.seconds for e in mine) / 60:.1f} |"
        )
        listed += [f"- {name}: failed {n} of {len(mine)}" for name, n in counts.most_common()]
    return "\n".join([*lines, "", *(listed or ["Nothing failed."])]) + "\n"


def main() -> int:
    """Carry it out and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", type=int, default=10, metavar="N", help="rounds (10)")
    parser.add_argument("--notebooks", type=int, default=3, metavar="N", help="rounds (3)")
    parser.add_argument("--faults", type=int, default=1, metavar="N", help="rounds (1)")
    parser.add_argument("--long", type=int, default=1, metavar="N", help="rounds (1)")
    parser.add_argument("--long-only", action="store_true", help="one round of these, no other")
    args = parser.parse_args()
    wanted = {name: getattr(args, name) for name in ("fast", "notebooks", "faults", "long")}
    if args.long_only:
        wanted = {"long": max(1, args.long)}
    reports = ROOT / "build" / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    rounds: list[Round] = []
    for what, count in wanted.items():
        for number in range(1, count + 1):
            rounds.append(once(what, number, reports))
            # after every round: a soak that is stopped has counted what it did
            (reports / "soak.md").write_text(table(rounds), encoding="utf-8")
            record = json.dumps([asdict(each) for each in rounds], indent=1)
            (reports / "soak.json").write_text(record + "\n", encoding="utf-8")
    print(f"\n{table(rounds)}\n{reports / 'soak.md'}")
    return 1 if any(each.failed for each in rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
