"""`course grid 11` on a small made-up folder of faces: whole, interrupted, resumed, on a cluster."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from PIL import Image

import utils
from utils.course import grid, main
from utils.datasets.ordinal import ages
from utils.ordinal_grid import mean_and_sd, train_cell

RUNNER = """
import pathlib, sys, utils
utils.ROOT = pathlib.Path(sys.argv[1])
from utils.course import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """Forty rendered portraits under names as UTKFace has them, and three it should not take."""
    folder = tmp_path_factory.mktemp("faces")
    data = ages("train", 40)
    for number, image in enumerate(data.images[:, 0].numpy()):
        age = 21 + number
        picture = Image.fromarray(image).resize((64, 64)).convert("RGB")
        picture.save(folder / f"{age}_{number % 2}_0_2017011600000{number:04}.jpg.chip.jpg")
    picture.save(folder / "39_1_20170116174525125.jpg.chip.jpg")
    (folder / "30_0_0_20170116999999999.jpg.chip.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture
def house(tmp_path, monkeypatch):
    """An empty place for build/ and the cache."""
    monkeypatch.setattr(utils, "ROOT", tmp_path)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


def in_this_process(monkeypatch):
    """Run the jobs here, one after the other: what is tested is not the executor."""

    class Here:
        def run(self, jobs):
            for job in jobs:
                yield grid.jobs.Event(job, "started")
                seen = []
                value = grid.run_one(**job.arguments, report=seen.append)
                for state in seen:
                    yield grid.jobs.Event(job, "progress", state)
                yield grid.jobs.Event(job, "finished", value)

    monkeypatch.setattr(grid.jobs, "executor", lambda scheduler, processes: Here())


def read(path):
    return list(csv.reader(path.read_text(encoding="utf-8").splitlines()))


SMALL = ("--trunk", "small", "--epochs", "2")


def test_the_whole_grid_makes_both_tables_and_does_nothing_twice(faces, house, monkeypatch, capsys):
    in_this_process(monkeypatch)
    command = ["grid", "11", "--folder", str(faces), *SMALL]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "41 pictures of ages 21 to 60; the paper's files name 16,434" in said
    assert "1 skipped: the name is not age_gender_race_date" in said
    assert "15 cells: 15 trained" in said
    (place,) = (house / "build" / "grids" / "11").iterdir()
    rows = read(place / "table1.csv")
    assert rows[0] == ["method", "seed", "utkface MAE", "utkface RMSE"]
    assert [row[1] for row in rows[1:-1]] == ["0", "1", "2", "AVG ± SD"] * 3
    for first in (1, 5, 9):  # the mean of what was kept, to the printed digits
        method = {"CE-CNN": "ce", "OR-CNN": "or", "CORAL-CNN": "coral"}[rows[first][0]]
        kept = [json.loads((place / f"{method}-seed{s}.json").read_text()) for s in range(3)]
        assert rows[first + 3][2] == mean_and_sd([record["mae"] for record in kept])
        assert rows[first][2] == f"{kept[0]['mae']:.2f}"
    assert rows[-1][0] == "always the median"
    table2 = read(place / "table2.csv")
    assert [row[:2] for row in table2[1:]] == [
        [name, weight] for name in ("OR-CNN", "CORAL-CNN") for weight in ("NO", "YES")
    ]
    text = (place / "tables.md").read_text(encoding="utf-8")
    assert "not the paper's" in text and "1 malformed" in text and "1 unreadable" in text
    assert not list((place / "checkpoints").iterdir())
    before = {path: path.stat().st_mtime_ns for path in place.glob("*seed*.json")}
    assert main([*command, "--seeds", "0", "1"]) == 0
    assert "10 cells: 10 kept" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in place.glob("*seed*.json")} == before
    (place / "or-seed1.json").write_text("{")  # a damaged record is no record
    assert main(command) == 0
    assert "15 cells: 1 trained, 14 kept" in capsys.readouterr().out
    again = json.loads((place / "or-seed1.json").read_text())
    assert rows[6][2] == f"{again['mae']:.2f}"  # the same cell, the same result


def test_killed_in_a_training_it_goes_on(faces, house):
    command = [sys.executable, "-c", RUNNER, str(house), "grid", "11", "--folder", str(faces)]
    command += ["--methods", "coral", "--seeds", "0", "--weights", "no", "--jobs", "1"]
    long = [*command, "--trunk", "small", "--epochs", "40"]
    process = subprocess.Popen(long, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not list(house.glob("build/grids/11/*/checkpoints/coral-seed0/previous.pt")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    (place,) = (house / "build" / "grids" / "11").iterdir()
    assert not (place / "coral-seed0.json").exists()
    time.sleep(1)  # its worker ends a moment after it
    kept = place / "checkpoints" / "coral-seed0"
    saved = next(path for name in ("last", "previous") if (path := kept / f"{name}.pt").is_file())
    assert torch.load(saved, weights_only=True)["epoch"] > 0
    ended = subprocess.run(long, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    record = json.loads((place / "coral-seed0.json").read_text())
    assert record["mae"] > 0
    whole = train_cell(
        "utkface", "coral", 0, folder=faces, epochs=40, trunk="small", device="cpu", progress=False
    )
    # Cut and resumed, it is the training that nobody interrupted.
    assert whole["mae"] == record["mae"] and whole["rmse"] == record["rmse"]


def test_on_a_cluster(faces, house, monkeypatch, capsys):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(grid, "_look", lambda *given: None)
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False}
    with distributed.LocalCluster(dashboard_address=None, **options) as cluster:
        command = ["grid", "11", "--folder", str(faces), "--scheduler", cluster.scheduler_address]
        assert main([*command, *SMALL, "--methods", "or", "--seeds", "0", "1"]) == 0
    assert "4 cells: 4 trained" in capsys.readouterr().out


def test_a_failed_cell_costs_the_others_nothing(faces, house, monkeypatch, capsys):
    def run_one(settings, cell, resume, device, place, report, **sent):
        if cell["seed"] == 1:
            raise RuntimeError("no luck")
        return {"mae": 1.0, "rmse": 2.0, "median.mae": 3.0, "median.rmse": 4.0, "seconds": 1.0,
                "train": 8, "test": 2, "data": "made up"}  # fmt: skip

    class Here:
        def run(self, jobs):
            for job in jobs:
                try:
                    value = run_one(**job.arguments, report=None)
                except RuntimeError as error:
                    yield grid.jobs.Event(job, "failed", f"Traceback\nRuntimeError: {error}")
                else:
                    yield grid.jobs.Event(job, "finished", value)

    monkeypatch.setattr(grid.jobs, "executor", lambda scheduler, processes: Here())
    command = ["grid", "11", "--folder", str(faces), "--methods", "coral", "--weights", "no"]
    assert main(command) == 1
    said = capsys.readouterr()
    assert "3 cells: 2 trained, 1 failed" in said.out and "no luck" in said.err
    (place,) = (house / "build" / "grids" / "11").iterdir()
    assert "1.00 ± 0.00" in (place / "table1.csv").read_text()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--folder", "nowhere"], 1, "no folder nowhere for UTKFace"),
        (["--methods", "ce", "--weights", "yes"], 1, "no cell is left"),
        (["--epochs", "0"], 1, "epochs must be at least 1"),
        (["--dataset", "imdb"], 2, "invalid choice"),
        (["--seeds", "x"], 2, "invalid int value"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_runs(words, status, said, house, capsys):
    assert main(["grid", "11", *words]) == status
    assert said in capsys.readouterr().err


def test_help_says_what_it_costs(capsys):
    assert main(["grid", "--help"]) == 0
    said = capsys.readouterr().out
    for word in ("--folder", "--scheduler", "--splits", "200 times", "not the paper's split"):
        assert word in said


def test_a_cell_of_the_papers_network(faces, house):
    """One epoch of ResNet-34 on the CPU, as `course run 11 -p DATASET utkface` has it."""
    states = []
    result = train_cell(
        "utkface", "coral", 0, folder=faces, weighted=True, epochs=1, device="cpu",
        checkpoint=house / "kept", progress=False, report=states.append,
    )  # fmt: skip
    assert result["mae"] > 0 and result["train"] == 32 and (house / "kept" / "last.pt").is_file()
    assert "not the paper's" in result["data"]


def test_refusals(faces):
    with pytest.raises(ValueError, match="no method 'rank'"):
        train_cell("utkface", "rank", 0, folder=faces)
    with pytest.raises(ValueError, match="no tasks to weigh"):
        train_cell("utkface", "ce", 0, folder=faces, weighted=True)
    with pytest.raises(ValueError, match="epochs=0"):
        train_cell("utkface", "or", 0, folder=faces, epochs=0)
    with pytest.raises(ValueError, match="no trunk 'big'"):
        train_cell("utkface", "or", 0, folder=faces, trunk="big")
