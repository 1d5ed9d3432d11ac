"""The scripts that repeat the tests, and those that try other versions, say what they found."""

import importlib.util
import subprocess
import sys

import pytest
import yaml

from utils import ROOT


def script(name):
    spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / "tests" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_a_test_that_fails_now_and_then_is_counted_as_flaky():
    soak = script("soak")
    rounds = [
        soak.Round("fast", 1, 60.0, 10, 1, ["t::now_and_then", "t::always"]),
        soak.Round("fast", 2, 60.0, 11, 1, ["t::always"]),
        soak.Round("long", 1, 30.0, 3, 0),
    ]
    text = soak.table(rounds)
    assert "| fast | 2 | 13 | 3 | 1 | 2.0 |" in text
    assert "| long | 1 | 3 | 0 | ? | 0.5 |" in text
    assert "- t::always: failed 2 of 2" in text and "- t::now_and_then: failed 1 of 2" in text
    assert "Nothing failed." in soak.table(rounds[2:])


def test_long_injections_are_marked_and_left_out_unless_asked_for(pytestconfig):
    soak = script("soak")
    assert "not long" in pytestconfig.getini("addopts")
    assert soak.LONG[soak.LONG.index("-m") + 1] == "long"
    text = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert text.count("@pytest.mark.long") >= 3


def test_versions_are_read_from_the_pins():
    versions = script("versions")
    pins = versions.pinned(ROOT / "constraints.txt")
    assert pins["torch"] == "2.14.1" and len(pins) > 100
    assert all(name == name.lower() and "_" not in name for name in pins)


def test_what_broke_is_read_from_the_record(tmp_path):
    versions = script("versions")
    assert versions.broken_tests(tmp_path) == ["the tests did not come to their end"]
    record = tmp_path / "build" / "reports" / "summary.json"
    record.parent.mkdir(parents=True)
    record.write_text('{"stages": {"fast": {"failed": ["t::a"]}}, "problems": ["fast: 1"]}')
    assert versions.broken_tests(tmp_path) == ["fast: t::a"]
    record.write_text('{"stages": {"fast": {"failed": []}}, "problems": []}')
    assert versions.broken_tests(tmp_path) == []


def test_the_schedule_tries_each_choice_of_the_script():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "newest.yml").read_text())
    job = workflow["jobs"]["versions"]
    assert job["strategy"]["matrix"]["which"] == ["newest", "oldest", "lock"]
    command = [step["run"] for step in job["steps"] if "tests/versions.py" in step.get("run", "")]
    assert command == ["python tests/versions.py ${{ matrix.which }}"]
    shown = subprocess.run(
        [sys.executable, "tests/versions.py", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert "{newest,oldest,lock}" in shown.stdout


def test_warnings_are_errors_and_none_is_let_through(pytestconfig):
    # A dependency that will drop what we use says so first; no filter may hide it.
    assert pytestconfig.getini("filterwarnings") == ["error"]


@pytest.mark.parametrize("target", ["soak"])
def test_make_knows_the_script(target):
    rows = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    assert "\t$(BIN)/python tests/soak.py" in rows[rows.index(f"{target}: $(STAMP)") :][:2]
