"""Every line of what may go wrong has its tests, and README.md counts them truly."""

import os
import subprocess
import sys
import textwrap

import lines
import pytest

from utils import ROOT


@pytest.fixture(scope="module")
def collected():
    return lines.collect(lines.files(lines.read()))


def test_the_page_counts_the_tests_there_are(collected):
    made = lines.page(lines.read(), collected)
    assert lines.README.read_text("utf-8") == made, "run `python tests/faults/lines.py`"


def test_every_test_of_faults_belongs_to_a_line(collected):
    counted = [line for line in lines.read() if "each" not in line]
    found = {test.name for line in counted for test in lines.tests_of(line, collected)}
    spare = {
        item.name
        for item in collected
        if item.name.startswith(("faults/test_data", "faults/test_killed", "faults/test_run"))
        and item.name not in found
    }
    assert spare <= {
        "faults/test_data_faults.py::test_fetch_writes_whole_files_and_nothing_else",
        "faults/test_data_faults.py::test_unknown_name_fetches_nothing",
        "faults/test_run_faults.py::test_parameters_reach_the_kernel",
        "faults/test_run_faults.py::test_no_scheduler_at_the_address_is_one_sentence",
        "faults/test_run_faults.py::test_the_progress_of_a_cell_is_reported",
    }


def test_a_number_in_a_name_is_held_to_the_tests():
    assert lines.cases("a.py::test_x_6_sizes", 6) == 1
    assert lines.cases("a.py::test_x_at_other_moments_100_kills", 5) == 20
    assert lines.cases("a.py::test_a_killed_20_times_ends", 1) == 20
    assert lines.cases("a.py::test_x", 3) == 1
    with pytest.raises(ValueError, match="number is wrong"):
        lines.cases("a.py::test_x_7_cases", 2)
    with pytest.raises(ValueError, match="no test is called"):
        lines.tests_of({"fault": "x", "tests": ["a.py::test_gone"]}, [])
    with pytest.raises(ValueError, match="no test is called"):
        lines.uncounted({"fault": "x", "tests": ["test_fetch.py::test_gone"]})


def test_a_line_may_name_some_of_a_tests_parameters():
    items = [lines.Item("a.py::test_x_4_kills", word, word == "b", 2) for word in ("a-CMYK", "b")]
    line = {"fault": "x", "tests": ["a.py::test_*[CMYK"]}
    assert lines.tests_of(line, items) == [lines.Test("a.py::test_x_4_kills", 2, 0)]
    assert lines.tests_of({"fault": "x", "tests": ["a.py::*"]}, items)[0].long == 2


def test_outcomes_are_read_from_reports(tmp_path):
    report = tmp_path / "r.xml"
    report.write_text(
        '<r><testcase classname="tests.faults.test_a" name="test_x_40_kills[0]"/>'
        '<testcase classname="tests.faults.test_a" name="test_x_40_kills[1]"><failure/></testcase>'
        '<testcase classname="tests.test_b" name="test_y"><skipped/></testcase></r>'
    )
    ran = lines.outcomes([report])
    line = {"group": "G", "fault": "f", "tests": ["faults/test_a.py::*", "test_b.py::test_y"]}
    assert "| G: f | 41 | 20 | 20 | 1 |" in lines.injected([line], ran)


@pytest.mark.leaves_unfinished
def test_what_is_left_unfinished_fails_a_test(tmp_path):
    """The watch of tests/conftest.py over every test's folder."""
    test = tmp_path / "test_it.py"
    test.write_text(
        textwrap.dedent("""
        import pytest
        @pytest.mark.parametrize("name", ["x.part", ".a.ipynb.x1.tmp", "last.pt.tmp", "whole"])
        def test_leaves(tmp_path, name): (tmp_path / name).write_text("half")
        @pytest.mark.leaves_unfinished
        def test_may(tmp_path): (tmp_path / "x.part").write_text("half")
        @pytest.mark.parametrize("name", [".site-ab12", ".faces.tmp-ab12"])
        def test_leaves_folder(tmp_path, name): (tmp_path / name).mkdir()
        """)
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", ROOT / "pyproject.toml", "--rootdir", ROOT,
         "--import-mode=importlib", "-p", "no:cacheprovider", "--basetemp", tmp_path / "base",
         "-p", "unfinished", test],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests" / "faults")},
    )  # fmt: skip
    assert "7 passed, 5 errors" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("left unfinished: ") >= 5
