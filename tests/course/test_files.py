"""Files are written whole or not at all."""

import multiprocessing
import os
import time

import pytest

from utils.course import files


def test_writes_text_and_bytes_and_makes_the_folder(tmp_path):
    path = tmp_path / "a" / "b.txt"
    files.write_atomically(path, "Größe\n")
    assert path.read_bytes() == "Größe\n".encode()
    files.write_atomically(path, b"\0")
    assert path.read_bytes() == b"\0"
    assert os.listdir(path.parent) == ["b.txt"]


def test_keeps_the_files_mode(tmp_path):
    path = tmp_path / "run"
    path.write_text("old")
    path.chmod(0o750)
    files.write_atomically(path, "new")
    assert path.stat().st_mode & 0o777 == 0o750


def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    path.write_text("old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["result.json"]


def test_removes_only_what_was_left_unfinished(tmp_path):
    (tmp_path / f".a.ipynb.x{files.TEMPORARY}").touch()
    (tmp_path / "a.ipynb").touch()
    (tmp_path / f"mine{files.TEMPORARY}").touch()
    files.remove_unfinished(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["a.ipynb", f"mine{files.TEMPORARY}"]
    (tmp_path / f"mine{files.TEMPORARY}").unlink()  # no test leaves such a file


@pytest.mark.parametrize("content", ["", "{", "[1]", "\xff"])
def test_what_is_no_json_object_reads_as_none(tmp_path, content):
    path = tmp_path / "record.json"
    path.write_bytes(content.encode("latin-1"))
    assert files.read_json(path) is None
    files.write_json(path, {"é": 1})
    assert files.read_json(path) == {"é": 1}


def _hold(folder, seconds):
    with files.locked(folder):
        (folder / "held").touch()
        time.sleep(seconds)
        (folder / "released").touch()


def test_the_second_waits_for_the_first_and_says_so(tmp_path, capsys):
    process = multiprocessing.get_context("spawn").Process(target=_hold, args=(tmp_path, 0.4))
    process.start()
    while not (tmp_path / "held").exists():
        assert process.is_alive() or process.exitcode == 0
        time.sleep(0.02)
    with files.locked(tmp_path):
        assert (tmp_path / "released").exists()
    process.join()
    assert "waiting for it to end" in capsys.readouterr().out
