"""Which test injects what, and how many cases: counted from the tests, never typed.

    python tests/faults/lines.py      writes tests/faults/README.md anew

lines.toml names the tests of each line. A test counts as often as it is parametrised; one whose
name ends in a number of cases, kills, moments or sizes counts as that many in all.
"""

import fnmatch
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
README = Path(__file__).with_name("README.md")
COUNTED = re.compile(r"_(\d+)_(?:cases|kills|times|moments|sizes|doors)(?:_|$)")

HEAD = """# What is injected, and how often

Written by `python tests/faults/lines.py`; a test compares this page with the tests there are.
Cases in `make test` are run at every change, those under `long` by `make soak` (or
`pytest tests/faults tests/properties -m long`). After each test, whatever it injected, no unfinished
file may lie in its folder (tests/conftest.py).

"""


@dataclass(frozen=True)
class Test:
    """One function with all its parameters."""

    name: str
    usual: int
    long: int


def read() -> list[dict]:
    """The lines of lines.toml."""
    return tomllib.loads(Path(__file__).with_name("lines.toml").read_text("utf-8"))["line"]


def files(lines: Iterable[dict]) -> list[str]:
    """The files of tests that they name."""
    return sorted({f"tests/{name.partition('::')[0]}" for line in lines for name in line["tests"]})


class _Collector:
    def pytest_collection_modifyitems(self, items):
        self.found = [[item.nodeid, item.get_closest_marker("long") is not None] for item in items]


def collect(paths: Iterable[str]) -> list[Test]:
    """The tests of some files, the long ones too; collected in a process of its own."""
    program = (
        "import json, sys, pytest\n"
        "sys.path.insert(0, 'tests/faults')\n"
        "from lines import _Collector\n"
        "collector = _Collector()\n"
        "options = ['--collect-only', '-q', '-m', '', '-p', 'no:cacheprovider']\n"
        "status = pytest.main([*options, *sys.argv[1:]], plugins=[collector])\n"
        "print(json.dumps([int(status), collector.found]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *paths], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    status, found = json.loads(done.stdout.splitlines()[-1])
    if status:
        raise RuntimeError(f"pytest ended with status {status}: {done.stdout}{done.stderr}")
    counts: dict[str, list[int]] = {}
    for nodeid, long in found:
        name = nodeid.partition("[")[0].removeprefix("tests/")
        counts.setdefault(name, [0, 0])[long] += 1
    return [Test(name, *cases(name, *numbers)) for name, numbers in counts.items()]


def cases(name: str, usual: int, long: int) -> tuple[int, int]:
    """How many cases a test has that was collected so often.

    Raises
    ------
    ValueError
        If its name gives a number that does not fit how often it was collected.
    """
    said = COUNTED.search(name.rpartition("::")[2])
    if said is None:
        return usual, long
    each, rest = divmod(int(said[1]), usual + long)
    if rest or not each:
        raise ValueError(f"{name} is collected {usual + long} times: its number is wrong")
    return each * usual, each * long


def tests_of(line: dict, tests: Iterable[Test]) -> list[Test]:
    """The tests that a line names.

    Raises
    ------
    ValueError
        If a pattern names none.
    """
    tests, found = list(tests), {}
    for pattern in line["tests"]:
        matching = [test for test in tests if fnmatch.fnmatchcase(test.name, pattern)]
        if not matching:
            raise ValueError(f"{line['fault']}: no test is called {pattern}")
        found |= {test.name: test for test in matching}
    return list(found.values())


def page(lines: list[dict], tests: list[Test]) -> str:
    """The table, and below it the tests of each line."""
    rows = ["| line | in `make test` | long | tests |", "|---|--:|--:|--:|"]
    notes = []
    for line in lines:
        mine = tests_of(line, tests)
        usual, long = sum(t.usual for t in mine), sum(t.long for t in mine)
        if each := line.get("each"):  # as many as there are: no number to go stale
            usual, long = f"each {each}", f"each {each}"
        rows.append(f"| {line['group']}: {line['fault']} | {usual} | {long or ''} | {len(mine)} |")
        notes.append(f"\n**{line['group']}: {line['fault']}**\n")
        for test in mine:
            parts = [f"{test.usual}"] if test.usual else []
            parts += [f"{test.long} long"] if test.long else []
            if each and max(test.usual, test.long) > 1:
                parts = [f"each {each}{', long' if test.long else ''}"]
            notes.append(f"- `{test.name}`: {', '.join(parts)}")
    return HEAD + "\n".join(rows) + "\n\n## The tests\n" + "\n".join(notes) + "\n"


def outcomes(reports: Iterable[Path]) -> dict[str, list[int]]:
    """From JUnit reports: for each test how often it passed, failed, was skipped."""
    found: dict[str, list[int]] = {}
    for report in reports:
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            name = case.get("name", "").partition("[")[0]
            place = case.get("classname", "").replace(".", "/").removeprefix("tests/")
            bad = case.find("failure") is not None or case.find("error") is not None
            result = 1 if bad else 2 if case.find("skipped") is not None else 0
            found.setdefault(f"{place}.py::{name}", [0, 0, 0])[result] += 1
    return found


def injected(lines: list[dict], ran: Mapping[str, list[int]]) -> str:
    """A table of what was injected in runs whose outcomes are given, case by case."""
    rows = ["| line | cases | passed | failed | skipped |", "|---|--:|--:|--:|--:|"]
    for line in lines:
        total = [0, 0, 0]
        for name, numbers in ran.items():
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in line["tests"]):
                said = COUNTED.search(name.rpartition("::")[2])
                each = 1 if said is None else max(1, int(said[1]) // sum(numbers))
                total = [a + each * b for a, b in zip(total, numbers, strict=True)]
        passed, failed, skipped = total
        rows.append(
            f"| {line['group']}: {line['fault']} | {sum(total)} | {passed} | {failed} | {skipped} |"
        )
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    lines = read()
    README.write_text(page(lines, collect(files(lines))), encoding="utf-8")
    print(README)
