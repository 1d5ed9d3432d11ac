"""Stored studies are read with their spread, and a missing or damaged one is one sentence."""

import json
import math

import pytest

from utils import fetch, measured

RUNS = [
    {"name": f"{model}-seed{seed}", "parameters": {"model": model, "seed": seed},
     "results": {"test_error": error, "curve": [2.0, error]}, "seconds": 60.0}
    for model, errors in (("a", (1.0, 1.2, 1.7)), ("b", (3.0,)))
    for seed, error in enumerate(errors)
]  # fmt: skip
STORED = {
    "lecture": "06",
    "title": "Test error",
    "command": "course study 06",
    "seconds": 240.0,
    "summary": {"a": 1.3},
    "runs": RUNS,
    "files": {"weights.npz": "0123"},
    "digest": {},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(measured, "FOLDER", tmp_path)
    monkeypatch.setattr(fetch, "files_used", set())
    (tmp_path / "06.json").write_text(json.dumps(STORED))
    return tmp_path


def test_runs_are_chosen_by_their_parameters_and_summed_up(folder):
    study = measured.load("06")
    chosen = study.select(model="a")
    assert len(study) == 4 and len(chosen) == 3
    assert chosen.values("test_error") == [1.0, 1.2, 1.7]
    assert chosen.mean("test_error") == pytest.approx(1.3)
    assert chosen.sd("test_error") == pytest.approx(math.sqrt((0.09 + 0.01 + 0.16) / 2))
    assert (chosen.least("test_error"), chosen.largest("test_error")) == (1.0, 1.7)
    assert [run.name for run in study.select(model="a", seed=1)] == ["a-seed1"]
    assert repr(study) == "course study 06: 4 runs, 4 min on one thread"
    assert study.summary == {"a": 1.3}


def test_what_was_read_is_recorded_for_the_digest(folder):
    study = measured.load("06")
    assert fetch.files_used == {folder / "06.json"}
    assert study.file("weights.npz") == folder / "06" / "weights.npz"
    assert folder / "06" / "weights.npz" in fetch.files_used


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda s: s.select(model="c"), r"no run has {'model': 'c'}; stored are {'model': \['a'"),
        (lambda s: s.values("loss"), r"a-seed0 has no 'loss'; it has \['curve', 'test_error'\]"),
        (lambda s: s.select(model="b").sd("test_error"), "one run has no spread"),
        (lambda s: s.file("other.npz"), r"made no 'other.npz'; it made \['weights.npz'\]"),
    ],
)
def test_what_is_not_stored_is_said_with_what_is(folder, ask, sentence):
    with pytest.raises(ValueError, match=sentence):
        ask(measured.load("06"))


def test_a_study_never_run_or_damaged_is_one_sentence(folder):
    with pytest.raises(fetch.DataError, match="`course study 07` makes it"):
        measured.load("07")
    for content in ("", "{}", "[1]", json.dumps(STORED)[:-5]):
        (folder / "06.json").write_text(content)
        with pytest.raises(fetch.DataError, match=r"06\.json is damaged: restore it"):
            measured.load("06")
