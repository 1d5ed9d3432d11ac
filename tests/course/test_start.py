"""`course start` gives a student a clean copy and never touches their work."""

import json
import os
import sysconfig

import pytest

from utils.course import main, notebooks, start


@pytest.fixture
def lecture(clone):
    output = clone.stdout("61706\n")
    path = clone.notebook("06_lenet", clone.code("print(61706)", outputs=[output], count=2))
    notebook = notebooks.read(path)
    notebook["metadata"]["course"]["digest"] = {"cells": []}
    path.write_text(json.dumps(notebook))
    return path


def test_the_copy_has_all_cells_and_no_output(lecture, clone, capsys):
    before = lecture.read_bytes()
    assert main(["start", "6"]) == 0
    assert "work/06_lenet.ipynb is yours to write in" in capsys.readouterr().out
    copy = notebooks.read(clone.root / "work" / "06_lenet.ipynb")
    assert [notebooks.source(c) for c in copy["cells"]] == [
        notebooks.source(c) for c in notebooks.read(lecture)["cells"]
    ]
    assert copy["cells"][2]["outputs"] == [] and copy["cells"][2]["execution_count"] is None
    assert copy["metadata"]["course"] == {"lecture": "06", "title": "06_lenet", "budget": 5}
    assert lecture.read_bytes() == before


def test_the_copy_has_no_notes_for_speakers(clone):
    slide = {"slide_type": "notes"}
    notes = clone.markdown("Two minutes. Show of hands.", "remove-cell", slideshow=slide)
    clone.notebook("06_lenet", clone.markdown("## A finding"), notes, "1 + 1")
    assert main(["start", "6"]) == 0
    cells = notebooks.read(clone.root / "work" / "06_lenet.ipynb")["cells"]
    sources = [notebooks.source(cell) for cell in cells]
    assert "## A finding" in sources and "Two minutes. Show of hands." not in sources


def test_work_that_is_there_stays(lecture, clone, capsys):
    work = clone.root / "work" / "06_lenet.ipynb"
    work.parent.mkdir()
    work.write_text("mine")
    assert main(["start", "06"]) == 0
    assert work.read_text() == "mine"
    assert "stays as it is" in capsys.readouterr().out


def test_a_lecture_that_is_not_there_is_refused(lecture, clone, capsys):
    assert main(["start", "7"]) == 1
    assert "there is no lecture '7'" in capsys.readouterr().err
    assert not (clone.root / "work").exists()


def test_jupyter_listens_on_loopback_and_keeps_its_token(lecture, clone, monkeypatch):
    called = []
    monkeypatch.setattr(start.subprocess, "call", lambda *a, **more: called.append((a, more)) or 0)
    assert main(["start", "6", "--lab"]) == 0
    (((command,), more),) = called
    assert command[1:4] == ["-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"]
    assert f"--ServerApp.root_dir={clone.root}" in command
    assert "--LabApp.default_url=/lab/tree/work/06_lenet.ipynb" in command
    assert more["cwd"] == clone.root
    first = more["env"]["PATH"].split(os.pathsep)[0]
    assert first == sysconfig.get_path("scripts"), "a terminal in it should know `course`"
    assert not any("token" in word or "password" in word for word in command)
    assert ("--allow-root" in command) == (os.geteuid() == 0)
