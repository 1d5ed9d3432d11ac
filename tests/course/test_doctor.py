"""`course doctor` finds what keeps the course from running, and says what to do."""

import pytest

import utils
from utils import fetch
from utils.course import digest, doctor, jobs, main


@pytest.fixture
def machine(clone, monkeypatch):
    """A machine on which all is well, in a clone where nothing is astray."""
    (clone.root / "constraints.txt").write_text("torch==2.14.1\npywin32==1 ; sys_platform == 'x'\n")
    monkeypatch.setattr(digest, "version", lambda name: "2.14.1")
    monkeypatch.setattr(jobs, "cores", lambda: 4)
    monkeypatch.setattr(jobs, "free_bytes", lambda: 8e9)
    monkeypatch.setattr("utils.course.slides.find_browser", lambda: "/usr/bin/chromium")
    monkeypatch.setattr(fetch, "manifest", lambda: {"mnist": {}})
    monkeypatch.setattr(fetch, "state", lambda name: "committed")
    monkeypatch.setattr(fetch, "committed_files", lambda name: [])
    torch = lambda: iter([doctor.Finding(doctor.GOOD, "torch", "2.14.1 on cuda")])
    checks = [torch if check is doctor.check_torch else check for check in doctor.CHECKS]
    monkeypatch.setattr(doctor, "CHECKS", tuple(checks))
    return monkeypatch


def test_all_well(machine, capsys):
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "BAD" not in shown and shown.endswith("The course runs on this machine.\n")
    assert "4: `course run` executes 4 lectures at a time" in shown


@pytest.mark.parametrize("folder", ["lectures", "solutions", "work"])
@pytest.mark.parametrize("name", ["utils.py", "utils"])
def test_what_would_shadow_the_package_is_found(machine, capsys, folder, name):
    path = utils.ROOT / folder / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert f"{folder}/{name} would be imported instead of" in shown
    assert "1 thing to mend" in shown


def test_missing_packages_are_bad_and_other_versions_a_note(machine, capsys):
    machine.setattr(digest, "version", lambda name: None if name == "nbval" else "2.15.0")
    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert "BAD   packages     nbval missing: pip install" in shown
    assert "note  packages     not the pinned versions: torch 2.15.0 (pinned 2.14.1);" in shown


def test_lost_data_are_bad(machine, capsys):
    machine.setattr(fetch, "committed_files", lambda name: ["mnist/train.npz"])
    assert main(["doctor"]) == 1
    assert "data/mnist/train.npz missing: git checkout data/" in capsys.readouterr().out


def test_what_the_course_runs_without_is_a_note(machine, capsys):
    machine.setattr(jobs, "free_bytes", lambda: 1e9)
    machine.setattr("utils.course.slides.find_browser", lambda: None)
    machine.setattr(digest, "version", lambda name: None if name == "distributed" else "2.14.1")
    states = {"mnist": "committed", "cifar10": "optional: fetch it", "faces": "yours: a folder"}
    machine.setattr(fetch, "manifest", lambda: states)
    machine.setattr(fetch, "state", states.__getitem__)
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "close programs, or use `course run --jobs 1`" in shown
    assert "no Chromium" in shown
    assert "note  cluster      no Dask, which `--scheduler` and `course bench cluster`" in shown
    assert "optional, not here: cifar10 (`course data fetch`)" in shown
    assert "only from a folder of yours: faces" in shown


def test_a_torch_that_cannot_be_imported_is_bad(monkeypatch):
    class Answer:
        returncode, stdout, stderr = 1, "", "Traceback\nImportError: libcudart.so.13 not found\n"

    monkeypatch.setattr(doctor.subprocess, "run", lambda *args, **options: Answer)
    (finding,) = doctor.check_torch()
    assert finding.state == doctor.BAD
    assert finding.details == "cannot be imported: ImportError: libcudart.so.13 not found"


def test_this_machine_has_what_the_tests_need():
    assert [finding for finding in doctor.check_packages() if finding.state == doctor.BAD] == []
    assert [finding.state for finding in doctor.check_kernel()] == [doctor.GOOD]
