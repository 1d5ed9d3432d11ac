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


def test_a_stopped_soak_goes_on_and_other_commits_are_run_anew(tmp_path, monkeypatch, capsys):
    soak = script("soak")
    now, ran, limit = "abc1234", [], 3

    def once(what, number, folder, commit):
        if len(ran) == limit:
            raise KeyboardInterrupt
        ran.append((what, number))
        return soak.Round(what, number, 1.0, 5, 0, [], commit)

    monkeypatch.setattr(soak, "once", once)
    monkeypatch.setattr(soak, "commit", lambda: now)
    monkeypatch.setattr(soak, "ROOT", tmp_path)
    monkeypatch.setattr(soak, "long_files", lambda: ["tests/faults/test_a.py"])
    monkeypatch.setattr(sys, "argv", ["soak.py", "--fast", "2", "--notebooks", "1"])
    with pytest.raises(KeyboardInterrupt):
        soak.main()
    assert ran == [("fast", 1), ("fast", 2), ("notebooks", 1)]
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "fast 1: 5 passed, 0 failed, 0 skipped in 1 s, commit abc1234"
    del ran[:]
    limit = None
    assert soak.main() == 0
    assert ran == [("faults", 1), ("tests/faults/test_a.py", 1)]
    assert "fast 1: 5 passed, 0 failed, 0 skipped in 1 s, commit abc1234 (kept)" in (
        capsys.readouterr().out
    )
    page = (tmp_path / "build" / "reports" / "soak.md").read_text()
    assert "# Soak, commit abc1234" in page and page.count("\n- ") == 5
    (tmp_path / "build" / "reports" / "soak" / "fast-2.json").write_text("{")  # damaged: again
    now = "def5678"
    monkeypatch.setattr(sys, "argv", ["soak.py", "--fast", "2", "--notebooks", "0", "--keep"])
    del ran[:]
    assert soak.main() == 0 and ran == [("fast", 2)]
    page = (tmp_path / "build" / "reports" / "soak.md").read_text()
    assert "abc1234, def5678" in page
    monkeypatch.setattr(sys, "argv", ["soak.py", "--fast", "1", "--notebooks", "1"])
    del ran[:]
    assert soak.main() == 0 and len(ran) == 2 + 2, (
        "a round of another commit counts only with --keep"
    )


def test_a_failed_round_is_kept_as_failed(tmp_path):
    soak = script("soak")
    soak.keep(soak.Round("fast", 1, 2.0, 3, 0, ["t::a"], "abc"), tmp_path)
    assert soak.kept("fast", 1, tmp_path, "abc").failed == ["t::a"]
    assert soak.kept("fast", 1, tmp_path, "def") is None
    assert soak.kept("fast", 2, tmp_path, "abc") is None


def test_long_injections_are_marked_and_left_out_unless_asked_for(pytestconfig):
    soak = script("soak")
    assert "not long" in pytestconfig.getini("addopts")
    assert soak.LONG[soak.LONG.index("-m") + 1] == "long"
    named = soak.long_files()
    for path in (ROOT / "tests").rglob("test_*.py"):
        if "@pytest.mark.long" in path.read_text() and path.name != "test_repeats.py":
            assert path.relative_to(ROOT).as_posix() in named
    assert len(named) >= 3


def test_versions_are_read_from_the_pins():
    versions = script("versions")
    pins = versions.pinned(ROOT / "constraints.txt")
    assert pins["torch"] == "2.14.1" and len(pins) > 100
    assert all(name == name.lower() and "_" not in name for name in pins)


def test_what_is_pinned_for_uv_is_lifted_while_versions_are_chosen(tmp_path):
    versions = script("versions")
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tmp_path / "pyproject.toml"
    project.write_text(text, encoding="utf-8")
    with versions.unpinned(project):
        assert '["torch==' in text and '["torch==' not in project.read_text(encoding="utf-8")
    assert project.read_text(encoding="utf-8") == text


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
