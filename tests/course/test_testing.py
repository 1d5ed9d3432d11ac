"""The summary of `make test` is honest: every way to hide a failure makes it fail."""

import re

import pytest

from utils import ROOT
from utils.course import CourseError, main, testing

ALLOWED = [re.compile("no GPU.*")]


def result(stage="fast", **parts):
    return testing.Result(stage, seconds=60.0, **({"status": 0, "passed": 3} | parts))


def problems(*results, whole=True):
    return testing.summary(results, ALLOWED, whole)[1]


def test_all_well():
    stages = [result(stage) for stage in testing.MINUTES]
    stages[0].skipped = [("t::a", "no GPU here"), ("t::b", "no GPU here")]
    stages[1].cells = ["compared"] * 6 + ["picture only"] * 3 + ["tag nbval-ignore-output"]
    lines, found = testing.summary(stages, ALLOWED)
    assert found == []
    assert lines[1].split() == ["fast", "5", "3", "0", "2", "1.0", "of", "6"]
    assert lines[5] == "14 tests, 12 passed, 0 failed, 2 skipped, in 4.0 minutes"
    assert lines[6] == "  skipped 2: no GPU here"
    assert lines[7] == (
        "outputs of notebooks: compared 6, not compared 4 "
        "(3 picture only, 1 tag nbval-ignore-output): 60% compared"
    )


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"failed": ["t::a"], "status": 1}, "fast: 1 failed: t::a"),
        ({"failed": list("abcdefg"), "status": 1}, "fast: 7 failed: a, b, c, d, e, ..."),
        ({"status": 3}, "fast: pytest ended with status 3"),
        ({"status": -9}, "fast: pytest ended with status -9"),
        ({"status": 5, "passed": 0}, "fast: it holds no test"),
        ({"skipped": [("t::a", "no network")]}, r"fast: t::a was skipped \('no network'\)"),
        ({"skipped": [("t::a", "")]}, "fast: t::a was skipped"),
        ({"skipped": [("t::a", "now no GPU")]}, "fast: t::a was skipped"),
        ({"cells": ["compared"] * 5 + ["picture only"] * 4}, "only 5 of 9 outputs are compared"),
    ],
)
def test_each_problem_is_one(parts, sentence):
    (found,) = problems(result(**parts))
    assert re.match(sentence, found)


def test_one_lecture_alone_may_compare_less_and_have_no_browser_test():
    lecture = [result(cells=["picture only"]), result("browser", status=5, passed=0)]
    assert problems(*lecture, whole=False) == []
    assert len(problems(*lecture)) == 2


def test_a_stage_over_its_time_is_said_and_no_failure():
    late = result()
    late.seconds = 3600.0
    lines, found = testing.summary([late], ALLOWED)
    assert lines[1].endswith("60.0 of 6  over its allotment") and found == []


def test_reports_are_read_as_pytest_writes_them(tmp_path):
    (tmp_path / "test_it.py").write_text(
        """
import pytest
def test_good(record_property): record_property("comparison", "compared")
def test_picture(record_property): record_property("comparison", "picture only")
def test_silent(record_property): record_property("comparison", "")
def test_bad(record_property): record_property("comparison", "compared"); assert 0
def test_skipped(): pytest.skip("no GPU here")
@pytest.mark.xfail(reason="known")
def test_known(): assert 0
@pytest.fixture
def broken(): raise ValueError
def test_error(broken): pass
@pytest.fixture
def leaky():
    yield
    raise ValueError
def test_leak(leaky): pass
"""
    )
    (tmp_path / "test_unimportable.py").write_text("import nothing_of_that_name")
    report = tmp_path / "report.xml"
    assert pytest.main(["-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}",
                        "-c", "/dev/null", str(tmp_path), "--continue-on-collection-errors",
                        *testing.JUNIT, f"--junitxml={report}"]) == 1  # fmt: skip
    read = testing.Result("fast", 1.0, 1)
    testing.read_report(report, read)
    failed = {name.split("::")[-1] for name in read.failed}
    assert failed == {"test_bad", "test_error", "test_leak", "test_unimportable"}
    assert {reason for _, reason in read.skipped} == {"no GPU here", "known"}
    assert sorted(read.cells) == ["compared", "compared", "picture only"]


def test_stages_cover_every_folder_of_tests():
    fast = testing.arguments("fast")
    apart = {word.removeprefix("--ignore=tests/") for word in fast if word.startswith("--ignore")}
    assert apart == {"browser", "faults", "benchmarks"}
    assert testing.arguments("browser")[0] == "tests/browser"
    assert "--dist=loadfile" in testing.arguments("browser"), "a site is built once a worker"
    assert testing.arguments("faults") == ["tests/faults"]


def test_notebooks_are_tested_strictly_one_kernel_each(clone):
    clone.notebook("01_a", budget=10)
    clone.notebook("06_b", budget=80)
    clone.notebook("06_b", folder="solutions", budget=20)
    command = testing.arguments("notebooks")
    assert command[:3] == ["lectures/06_b.ipynb", "solutions/06_b.ipynb", "lectures/01_a.ipynb"]
    assert {"--nbval", "--nbval-current-env", "--dist=loadfile"} <= set(command)
    assert not {"--nbval-lax", "--dist=load"} & set(command)
    assert testing.arguments("notebooks", ["01"])[0] == "lectures/01_a.ipynb"
    assert not any("06" in word for word in testing.arguments("notebooks", ["01"]))


def test_one_lecture_has_its_own_tests_and_no_faults():
    assert testing.arguments("faults", ["06"]) is None
    assert testing.arguments("browser", ["06"])[-2:] == ["-k", "06"]
    assert testing.arguments("fast", ["06", "11"])[-2:] == ["-k", "06 or 11"]


def test_the_listed_reasons_all_say_what_is_lost():
    import tomllib

    with (ROOT / "tests" / "allowed_skips.toml").open("rb") as file:
        entries = tomllib.load(file)["skip"]
    assert all(set(entry) == {"reason", "why"} and len(entry["why"]) > 20 for entry in entries)
    for pattern in testing.read_allowed(ROOT / "tests" / "allowed_skips.toml"):
        assert not pattern.fullmatch("") and not pattern.fullmatch("too slow")


@pytest.fixture
def stages(clone, monkeypatch):
    """Stages that only pretend: `outcomes` says what each brings."""
    outcomes = {}
    clone.notebook("06_a")
    (clone.root / "tests").mkdir()
    (clone.root / "tests" / "allowed_skips.toml").write_text('[[skip]]\nreason="no GPU"\nwhy=""\n')
    monkeypatch.setattr(
        testing,
        "run_stage",
        lambda stage, command, report: result(stage, **outcomes.get(stage, {})),
    )
    return outcomes


def test_a_failing_stage_does_not_keep_the_next_from_running(stages, clone, capsys):
    stages["fast"] = {"failed": ["t::a"], "status": 1}
    assert main(["test"]) == 1
    shown = capsys.readouterr().out
    assert all(f"== {stage} ==" in shown for stage in testing.MINUTES)
    assert "FAILED: fast: 1 failed: t::a" in shown
    written = clone.root / "build" / "reports" / "summary.txt"
    assert "FAILED: fast" in written.read_text()


def test_status_and_choice_of_stages(stages, capsys):
    assert main(["test"]) == 0
    capsys.readouterr()
    assert main(["test", "--stage", "fast", "--lecture", "6"]) == 0
    shown = capsys.readouterr().out
    assert "== fast ==" in shown and "== notebooks ==" not in shown
    assert main(["test", "--lecture", "7"]) == 1


def test_without_pytest_the_sentence_says_what_to_install(monkeypatch, clone):
    monkeypatch.setattr(testing.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match=r"pip install .*\[course,dev\]"):
        testing.run(type("Args", (), {"lecture": [], "stage": None}))
