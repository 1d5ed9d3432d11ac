"""Studies: stored with what they were made from, resumed where they were stopped, never stale."""

import json
import shutil
import textwrap

import pytest

import utils
from utils import measured
from utils.course import CourseError, digest, jobs, main, study

MODULE = textwrap.dedent(
    """
    import os, pathlib
    TITLE = "Doubling"
    SEEDS = (0, 1)
    CELLS = {"small": {"factor": 2}, "large": {"factor": 20}}
    LOG = pathlib.Path(__file__).with_name("log.txt")

    def run_cell(factor, seed):
        with LOG.open("a") as log:
            log.write(f"{factor}-{seed} ")
        if (LOG.parent / f"fail-{factor}-{seed}").exists():
            raise ValueError("the loss became NaN")
        print("noise")
        files = {"weights.bin": b"w" * 10} if (factor, seed) == (2, 0) else {}
        return {"result": factor * (seed + 1), "curve": [0.5, 0.25], "files": files}

    def summary(runs):
        return {"mean": runs.select(factor=2).mean("result")}
    """
)


@pytest.fixture
def doubling(clone, tmp_path, monkeypatch):
    """A study `06` that doubles numbers, with an executor that works in this process."""
    package = tmp_path / "studies_of_a_test"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "lecture_06.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(study, "_PACKAGE", "studies_of_a_test")
    monkeypatch.setattr(measured, "FOLDER", clone.root / "data" / "measured")

    class Here:
        def run(self, work):
            for job in work:
                yield jobs.Event(job, "started")
                try:
                    value = jobs.resolve(job.function)(**job.arguments)
                except ValueError as error:
                    yield jobs.Event(job, "failed", f"Traceback\nValueError: {error}")
                else:
                    yield jobs.Event(job, "finished", value)

    monkeypatch.setattr(jobs, "executor", lambda scheduler, processes: Here())
    made = {"modules": {"utils/arithmetic.py": _hash("utils/arithmetic.py")}, "data": {}}
    monkeypatch.setattr(digest, "of_used", lambda used, since: made | {"torch": None})
    yield package
    for name in ("studies_of_a_test", "studies_of_a_test.lecture_06"):
        __import__("sys").modules.pop(name, None)


def _hash(key):
    return digest.file_hash(digest.path_of(key))


def ran(package):
    return (package / "log.txt").read_text().split() if (package / "log.txt").exists() else []


def test_everything_is_stored(doubling, clone, capsys):
    assert main(["study", "6"]) == 0
    shown = capsys.readouterr().out
    assert "noise" not in shown and "4 runs: 4 executed" in shown
    stored = json.loads((clone.root / "data" / "measured" / "06.json").read_text())
    assert stored["command"] == "course study 06"
    assert stored["summary"] == {"mean": 3.0}
    assert [run["name"] for run in stored["runs"]] == [
        "small-seed0", "small-seed1", "large-seed0", "large-seed1",
    ]  # fmt: skip
    assert stored["runs"][1]["parameters"] == {"factor": 2, "seed": 1}
    assert stored["runs"][1]["results"] == {"result": 4, "curve": [0.5, 0.25]}
    assert all(run["seconds"] >= 0 for run in stored["runs"])
    assert list(stored["digest"]["modules"]) == ["utils/arithmetic.py"]
    assert (clone.root / "data" / "measured" / "06" / "weights.bin").read_bytes() == b"w" * 10
    study_read = measured.load("06")
    assert study_read.select(factor=20).values("result") == [20, 40]
    assert study_read.file("weights.bin").is_file()
    assert main(["study", "--check"]) == 0


def test_finished_runs_are_not_repeated_unless_asked(doubling):
    main(["study", "6"])
    assert ran(doubling) == ["2-0", "2-1", "20-0", "20-1"]
    main(["study", "6"])
    assert len(ran(doubling)) == 4
    main(["study", "6", "--no-resume"])
    assert len(ran(doubling)) == 8


def test_a_failed_run_keeps_the_others_and_stores_nothing(doubling, clone, capsys):
    (doubling / "fail-20-0").touch()
    assert main(["study", "6"]) == 1
    assert "large-seed0: ValueError: the loss became NaN" in capsys.readouterr().err
    assert not (clone.root / "data" / "measured").exists()
    (doubling / "fail-20-0").unlink()
    assert main(["study", "6"]) == 0
    assert ran(doubling) == ["2-0", "2-1", "20-0", "20-1", "20-0"]


def test_runs_of_other_code_are_repeated(doubling, clone):
    main(["study", "6"])
    for record in (clone.root / "build" / "studies" / "06").glob("large*.json"):
        stored = json.loads(record.read_text())
        stored["digest"]["modules"]["utils/arithmetic.py"] = "0123"
        record.write_text(json.dumps(stored))
    main(["study", "6"])
    assert ran(doubling)[4:] == ["20-0", "20-1"]


def test_code_that_changed_meanwhile_is_named(doubling, clone, capsys, monkeypatch):
    stale = {"modules": {"utils/arithmetic.py": "0" * 16}, "data": {}, "torch": None}
    monkeypatch.setattr(digest, "of_used", lambda used, since: stale)
    assert main(["study", "06"]) == 1
    assert "code or data changed while study 06 ran" in capsys.readouterr().err
    assert not (clone.root / "data" / "measured" / "06.json").exists()


def test_other_seeds_are_added_and_fewer_are_not_stored(doubling, clone, capsys):
    assert main(["study", "6", "--seeds", "1"]) == 0
    assert "own seeds [0] were not asked for" in capsys.readouterr().out
    assert not (clone.root / "data" / "measured" / "06.json").exists()
    assert main(["study", "6", "--seeds", "0", "1", "2"]) == 0
    assert ran(doubling) == ["2-1", "20-1", "2-0", "2-2", "20-0", "20-2"]
    stored = json.loads((clone.root / "data" / "measured" / "06.json").read_text())
    assert stored["command"] == "course study 06 --seeds 0 1 2" and len(stored["runs"]) == 6


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda s, f: s["digest"]["modules"].update({"utils/arithmetic.py": "0"}),
            "module utils/a",
        ),
        (lambda s, f: s["digest"].update(torch="1.0"), "made with torch 1.0, now 2."),
        (
            lambda s, f: (f / "06" / "weights.bin").write_bytes(b""),
            "weights.bin is gone or changed",
        ),
        (lambda s, f: (f / "06" / "weights.bin").unlink(), "weights.bin is gone or changed"),
    ],
)
def test_a_stale_study_is_found_and_named(doubling, clone, capsys, change, reason):
    main(["study", "6"])
    folder = clone.root / "data" / "measured"
    stored = json.loads((folder / "06.json").read_text())
    change(stored, folder)
    (folder / "06.json").write_text(json.dumps(stored))
    capsys.readouterr()
    assert main(["study", "6", "--check"]) == 1
    shown = capsys.readouterr().out
    assert reason in shown and "run `course study 06`" in shown


def test_a_file_too_large_is_refused(doubling, capsys, monkeypatch):
    monkeypatch.setattr(study, "FILE_BYTES", 5)
    assert main(["study", "6"]) == 1
    assert "weights.bin has 10 bytes; a study stores 5 at most" in capsys.readouterr().err


def test_a_lecture_without_study_is_refused(doubling, capsys):
    assert main(["study", "7"]) == 1
    assert "lecture '7' has no study; there are 06" in capsys.readouterr().err


def test_results_that_are_no_numbers_are_refused(doubling):
    (doubling / "lecture_06.py").write_text(MODULE.replace("0.5", "float('nan')"))
    assert main(["study", "6"]) == 1


# A sample of a stale study is repeated


@pytest.fixture
def changed(doubling, clone):
    """The study, stored, and a change of its module since: returns how to edit what is stored."""
    main(["study", "6"])
    shutil.rmtree(clone.root / "build" / "studies")
    (doubling / "log.txt").unlink()
    path = clone.root / "data" / "measured" / "06.json"

    def edit(change):
        stored = json.loads(path.read_text())
        change(stored)
        path.write_text(json.dumps(stored))

    edit(lambda stored: stored["digest"]["modules"].update({"utils/arithmetic.py": "0" * 16}))
    edit(lambda stored: [run.update(seconds=at) for at, run in enumerate(stored["runs"], 5)])
    return path, edit


def test_a_sample_confirms_a_study(changed, doubling, capsys):
    path, _ = changed
    before = json.loads(path.read_text())
    assert main(["study", "6", "--check"]) == 1
    assert main(["study", "6", "--confirm"]) == 0
    assert ran(doubling) == ["2-0"]  # numbers are no words, so one run knows all names
    assert "1 of 4 runs repeated, every number is the same" in capsys.readouterr().out
    after = json.loads(path.read_text())
    confirmed = after.pop("confirmed")
    assert after == before, "what was measured stays as it was"
    assert confirmed["runs"] == ["small-seed0"] and confirmed["of"] == 4
    assert confirmed["digest"]["modules"] == {"utils/arithmetic.py": _hash("utils/arithmetic.py")}
    assert main(["study", "6", "--check"]) == 0
    assert "fresh: 1 of 4 runs confirmed on today's code" in capsys.readouterr().out
    assert main(["study", "6", "--confirm"]) == 0 and ran(doubling) == ["2-0"]


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (lambda s: s["runs"][0]["results"].update(result=3), "small-seed0: result was 3, is 2"),
        (lambda s: s["runs"][0]["results"].update(curve=[0.5, 0.2500001]), "curve was [0.5, 0.25"),
        (lambda s: [r["results"].pop("curve") for r in s["runs"]], "curve was null, is [0.5,"),
        (lambda s: s["runs"][0]["results"].update(more=1), "more was 1, is null"),
        (lambda s: s["files"].update({"weights.bin": "0"}), "the file weights.bin differs"),
    ],
)
def test_a_number_that_differs_confirms_nothing(changed, capsys, change, shown):
    path, edit = changed
    edit(change)
    if "weights" in shown:  # a stored file must be what its study says, or that is the reason
        (path.parent / "06" / "weights.bin").write_bytes(b"other")
        value = digest.short_hash(b"other")
        edit(lambda stored: stored["files"].update({"weights.bin": value}))
    before = path.read_bytes()
    assert main(["study", "6", "--confirm"]) == 1
    out = capsys.readouterr().out
    assert shown in out and "Nothing was written" in out
    assert path.read_bytes() == before


def test_seconds_may_differ(changed, doubling, monkeypatch):
    _, edit = changed
    edit(lambda stored: stored["runs"][0]["results"].update(result=3))
    module = study.module_of("06")
    monkeypatch.setattr(module, "OF_THE_MACHINE", ("result",), raising=False)
    assert main(["study", "6", "--confirm"]) == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda s: s["digest"].update(torch="1.0"), "made with torch 1.0"),
        (lambda s: s["files"].update(gone="0"), "06/gone is gone or changed"),
        (
            lambda s: s["digest"]["modules"].update({"utils/ledger.py": "0"}),
            "utils/ledger.py changed, and no repeated run uses it",
        ),
    ],
)
def test_what_a_sample_cannot_confirm_is_refused(changed, capsys, change, why):
    path, edit = changed
    edit(change)
    before = path.read_bytes()
    assert main(["study", "6", "--confirm"]) == 1
    error = capsys.readouterr().err
    assert why in error and "run `course study 06`" in error
    assert path.read_bytes() == before


def test_a_module_that_moved_leaves_the_digest(changed):
    path, edit = changed
    edit(lambda stored: stored["digest"]["modules"].update({"utils/no_longer.py": "0"}))
    assert main(["study", "6", "--confirm"]) == 0
    modules = json.loads(path.read_text())["confirmed"]["digest"]["modules"]
    assert list(modules) == ["utils/arithmetic.py"]


def test_a_sample_knows_every_name_and_word():
    def run(name, seconds, results=("loss",), **parameters):
        results = dict.fromkeys(results, 1.0)
        return {"name": name, "seconds": seconds, "parameters": parameters, "results": results}

    runs = [
        run("a1", 9, net="a", width=1),
        run("a2", 2, net="a", width=2),
        run("b1", 3, net="b", width=1),
        run("b2", 1, net="b"),
    ]

    def names(runs, also=()):
        return [run["name"] for run in study.sample(runs, also)]

    assert names(runs) == ["b2", "a2"]
    assert names([*runs, run("odd", 4, net="a", width=1, mirrored=True)]) == ["b2", "odd"]
    assert names([run("x", 2, n=1), run("y", 1, n=2)]) == ["y"], "numbers are no words"
    assert names([run("idle", 0, (), n=1), run("y", 1, n=2)]) == ["y"], "results are"
    assert names(runs, ["a1"]) == ["a1", "b2"] and names(runs, ["b1"]) == ["b1", "a2"]
    with pytest.raises(CourseError, match="no run is called c; there are a1, a2, b1, b2"):
        study.sample(runs, ["c"])


def test_a_run_can_be_added_to_the_sample(changed, doubling, capsys):
    path, _ = changed
    assert main(["study", "6", "--confirm", "--also", "large-seed1"]) == 0
    assert ran(doubling) == ["20-1"]
    assert json.loads(path.read_text())["confirmed"]["runs"] == ["large-seed1"]
    assert main(["study", "6", "--also", "large-seed1"]) == 1
    assert "--also names runs of one study that --confirm shall repeat" in capsys.readouterr().err


@pytest.mark.parametrize("lecture", study.studies())
def test_what_was_confirmed_is_a_sample(lecture):
    stored = json.loads(study.stored(lecture).read_text())
    if "confirmed" not in stored:
        return
    repeated = stored["confirmed"]["runs"]
    needed = {run["name"] for run in study.sample(stored["runs"], repeated)}
    assert needed == set(repeated), "these know every word"
    assert stored["confirmed"]["of"] == len(stored["runs"])


# The studies of the course


@pytest.mark.parametrize("lecture", study.studies())
def test_stored_study_is_fresh(lecture):
    reasons = study.stale(lecture)
    assert not reasons, f"{'; '.join(reasons)}: run `course study {lecture}`"


FEWER_SEEDS = {
    "08": 1,  # it times networks, each once; its five draws of scenes are cells
    "13": 2,  # ten trainings of a minute each
}
"""Studies of fewer than three seeds, and why."""


@pytest.mark.parametrize("lecture", study.studies())
def test_study_is_complete(lecture):
    module = study.module_of(lecture)
    least = FEWER_SEEDS.get(lecture, 3)
    assert len(module.SEEDS) >= least and module.TITLE and module.CELLS
    assert all("seed" not in parameters for parameters in module.CELLS.values())
    runs = measured.load(lecture)
    stored = {run.name: run.parameters for run in runs}
    for name, parameters in module.CELLS.items():
        for seed in module.SEEDS:
            assert stored[f"{name}-seed{seed}"] == {**parameters, "seed": seed}


def test_every_stored_study_belongs_to_a_module():
    folder = utils.ROOT / "data" / "measured"
    assert {path.stem for path in folder.glob("*.json")} <= set(study.studies())
