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
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
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
    """One function, or some of its parameters: cases in `make test`, and long ones."""

    name: str
    usual: int
    long: int


@dataclass(frozen=True)
class Item:
    """One collected test: function, parameters, whether it is long, cases it stands for."""

    name: str
    parameters: str
    long: bool
    cases: int = 1


def read() -> list[dict]:
    """The lines of lines.toml."""
    return tomllib.loads(Path(__file__).with_name("lines.toml").read_text("utf-8"))["line"]


def files(lines: Iterable[dict]) -> list[str]:
    """The files of tests that they name, but for lines whose tests are not counted."""
    counted = [line for line in lines if "each" not in line]
    return sorted(
        {f"tests/{name.partition('::')[0]}" for line in counted for name in line["tests"]}
    )


def uncounted(line: dict) -> list[Test]:
    """The tests of a line that gives no numbers; they are looked for, not collected.

    Raises
    ------
    ValueError
        If one is not there.
    """
    found = []
    for name in line["tests"]:
        file, _, function = name.partition("::")
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        before, defined, _ = text.partition(f"def {function}(")
        if not defined:
            raise ValueError(f"{line['fault']}: no test is called {name}")
        long = "@pytest.mark.long" in before[before.rfind("\n\n\n") :]
        found.append(Test(name, int(not long), int(long)))
    return found


class _Collector:
    def pytest_collection_modifyitems(self, items):
        self.found = [[item.nodeid, item.get_closest_marker("long") is not None] for item in items]


def collect(paths: Iterable[str]) -> list[Item]:
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
    items = []
    for nodeid, long in found:
        name, _, parameters = nodeid.removeprefix("tests/").partition("[")
        items.append(Item(name, parameters.removesuffix("]"), long))
    times = Counter(item.name for item in items)
    return [replace(item, cases=cases(item.name, times[item.name])) for item in items]


def cases(name: str, times: int) -> int:
    """How many cases each of a test's items stands for, where it was collected so often.

    Raises
    ------
    ValueError
        If its name gives a number that does not fit how often it was collected.
    """
    said = COUNTED.search(name.rpartition("::")[2])
    if said is None:
        return 1
    each, rest = divmod(int(said[1]), times)
    if rest or not each:
        raise ValueError(f"{name} is collected {times} times: its number is wrong")
    return each


def matches(pattern: str, name: str, parameters: str) -> bool:
    """Whether a pattern names a test; behind a [ stands a part of the parameters wanted."""
    function, _, wanted = pattern.partition("[")
    return fnmatch.fnmatchcase(name, function) and wanted in parameters


def tests_of(line: dict, items: Iterable[Item]) -> list[Test]:
    """The tests that a line names, with their cases.

    Raises
    ------
    ValueError
        If a pattern names none.
    """
    mine: dict[Item, None] = {}
    items = list(items)
    for pattern in line["tests"]:
        found = [item for item in items if matches(pattern, item.name, item.parameters)]
        if not found:
            raise ValueError(f"{line['fault']}: no test is called {pattern}")
        mine |= dict.fromkeys(found)
    counts: dict[str, list[int]] = {}
    for item in mine:
        counts.setdefault(item.name, [0, 0])[item.long] += item.cases
    return [Test(name, *numbers) for name, numbers in counts.items()]


def page(lines: list[dict], items: list[Item]) -> str:
    """The table, and below it the tests of each line."""
    rows = ["| line | in `make test` | long | tests |", "|---|--:|--:|--:|"]
    notes = []
    for line in lines:
        mine = uncounted(line) if "each" in line else tests_of(line, items)
        usual, long = sum(t.usual for t in mine), sum(t.long for t in mine)
        if each := line.get("each"):  # as many as there are: no number to go stale
            usual, long = f"each {each}", f"each {each}"
        rows.append(f"| {line['group']}: {line['fault']} | {usual} | {long or ''} | {len(mine)} |")
        notes.append(f"\n**{line['group']}: {line['fault']}**\n")
        for test in mine:
            parts = [f"{test.usual}"] if test.usual else []
            parts += [f"{test.long} long"] if test.long else []
            if each:
                parts = ["long" if test.long else "in `make test`"]
            notes.append(f"- `{test.name}`: {', '.join(parts)}")
    return HEAD + "\n".join(rows) + "\n\n## The tests\n" + "\n".join(notes) + "\n"


def outcomes(reports: Iterable[Path]) -> list[tuple[str, str, int]]:
    """From JUnit reports: function, parameters, and 0 (passed), 1 (failed) or 2 (skipped)."""
    found = []
    for report in reports:
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            name, _, parameters = case.get("name", "").partition("[")
            place = case.get("classname", "").replace(".", "/").removeprefix("tests/")
            bad = case.find("failure") is not None or case.find("error") is not None
            result = 1 if bad else 2 if case.find("skipped") is not None else 0
            found.append((f"{place}.py::{name}", parameters.removesuffix("]"), result))
    return found


def injected(lines: list[dict], ran: list[tuple[str, str, int]]) -> str:
    """A table of what was injected in runs whose outcomes are given, case by case."""
    rows = ["| line | cases | passed | failed | skipped |", "|---|--:|--:|--:|--:|"]
    times = Counter(name for name, _, _ in ran)
    for line in lines:
        total = [0, 0, 0]
        for name, parameters, result in ran:
            if any(matches(pattern, name, parameters) for pattern in line["tests"]):
                said = COUNTED.search(name.rpartition("::")[2])
                total[result] += 1 if said is None else max(1, int(said[1]) // times[name])
        passed, failed, skipped = total
        rows.append(
            f"| {line['group']}: {line['fault']} | {sum(total)} | {passed} | {failed} | {skipped} |"
        )
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    lines = read()
    README.write_text(page(lines, collect(files(lines))), encoding="utf-8")
    print(README)
