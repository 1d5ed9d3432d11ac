"""What `course run` decides before and after the kernels; they themselves are tested in faults/."""

import json

import pytest

from utils.course import CourseError, digest, jobs, notebooks, run
from utils.course.execution import Outcome, _Watch


@pytest.fixture
def machine(monkeypatch):
    """An executor without kernels: notebooks named in `failing` fail, the others succeed."""

    class Machine:
        def __init__(self):
            self.failing: dict[str, str] = {}
            self.ran: list[tuple[str, dict]] = []

        def run(self, work):
            for job in sorted(work, key=lambda job: -job.cost):
                name = job.name.split("/")[-1]
                self.ran.append((name[:2], job.arguments["parameters"]))
                yield jobs.Event(job, "started")
                yield jobs.Event(job, "progress", {"cell": 1, "cells": 2, "bytes": 10**9})
                error = self.failing.get(name[:2], "")
                if error == "worker":
                    yield jobs.Event(job, "failed", "Traceback ...\nits worker process ended")
                    continue
                made = None if error else {"modules": {}, "data": {}, "torch": None}
                text = job.arguments["notebook"]
                trace = "1 / 0\n\n\x1b[31mZeroDivisionError\x1b[0m" if error else ""
                yield jobs.Event(
                    job, "finished", Outcome(text, made, 1.5, 1.0, 2 * 10**9, error, trace)
                )

    machine = Machine()
    monkeypatch.setattr(jobs, "executor", lambda scheduler, processes: machine)
    return machine


@pytest.fixture
def lectures(clone):
    return [clone.notebook("01_a", "1"), clone.notebook("02_b", "2", budget=50)]


def call(*argv):
    from utils.course import main

    return main(["run", *argv])


def test_results_go_to_build_and_are_not_made_twice(lectures, machine, clone, capsys):
    assert call() == 0
    assert machine.ran == [("02", {}), ("01", {})], "long ones first"
    result = clone.root / "build" / "lectures" / "01_a.ipynb"
    assert json.loads(result.read_text())["cells"][2]["source"] == "1"
    assert run.up_to_date(lectures[0]) == result
    assert "2 notebooks: 2 executed" in capsys.readouterr().out
    machine.ran.clear()
    assert call() == 0 and machine.ran == []
    assert "2 notebooks: 2 up to date" in capsys.readouterr().out
    assert call("--force", "1") == 0 and machine.ran == [("01", {})]


def change_cell(clone, path):
    notebook = notebooks.read(path)
    notebook["cells"][2]["source"] += "  # changed"
    notebooks.write(path, notebook)


@pytest.mark.parametrize(
    "change",
    [
        change_cell,
        lambda clone, path: (clone.root / "data" / "manifest.toml").write_text("[mnist]\n"),
        lambda clone, path: run.record_of(run.result_of(path)).write_text('{"inputs": {}}'),
        lambda clone, path: run.record_of(run.result_of(path)).write_text("{"),
        lambda clone, path: run.result_of(path).write_text("{}"),
        lambda clone, path: run.result_of(path).unlink(),
    ],
)
def test_what_changed_is_run_again(lectures, machine, clone, change):
    assert call("1") == 0
    change(clone, lectures[0])
    assert run.up_to_date(lectures[0]) is None
    machine.ran.clear()
    assert call("1") == 0 and machine.ran == [("01", {})]
    assert run.up_to_date(lectures[0])


def test_new_code_data_torch_or_optional_data_make_a_result_stale(lectures, machine, monkeypatch):
    call("1")
    record = run.record_of(run.result_of(lectures[0]))
    stored = json.loads(record.read_text())

    def with_digest(**digest_parts):
        record.write_text(json.dumps(stored | {"digest": stored["digest"] | digest_parts}))
        return run.up_to_date(lectures[0])

    arithmetic = digest.file_hash(digest.path_of("utils/arithmetic.py"))
    assert with_digest(modules={"utils/arithmetic.py": arithmetic})
    assert not with_digest(modules={"utils/arithmetic.py": "0123"})
    assert not with_digest(data={"cache:absent/file.npz": "0123"})
    assert not with_digest(torch="1.0")
    assert with_digest(torch=digest.version("torch"))


def test_optional_data_that_arrived_make_a_result_stale(clone, machine, monkeypatch):
    path = clone.notebook("01_a", clone.code("1", "needs-cifar10"))
    monkeypatch.setattr(notebooks, "absent_data", lambda: {"cifar10"})
    call()
    assert run.up_to_date(path)
    monkeypatch.setattr(notebooks, "absent_data", set)
    assert run.up_to_date(path) is None


def test_a_digest_in_the_notebook_does_not_matter(lectures, machine):
    call("1")
    notebook = notebooks.read(lectures[0])
    notebook["metadata"]["course"]["digest"] = {"cells": ["x y"]}
    notebook["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    notebooks.write(lectures[0], notebook)
    assert run.up_to_date(lectures[0])


def test_a_failure_is_shown_kept_and_spares_the_others(lectures, machine, clone, capsys):
    machine.failing["02"] = "cell 3 of 3: ZeroDivisionError: division by zero"
    assert call() == 1
    shown = capsys.readouterr()
    assert "02_b: cell 3 of 3: ZeroDivisionError" in shown.err
    assert "    1 / 0" in shown.err and "\x1b" not in shown.err
    assert "2 notebooks: 1 executed, 1 failed" in shown.out
    folder = clone.root / "build" / "lectures"
    assert sorted(path.name for path in folder.iterdir()) == [
        "01_a.ipynb", "01_a.run.json", "02_b.failed.ipynb",
    ]  # fmt: skip
    machine.failing.clear()
    assert call() == 0
    assert not (folder / "02_b.failed.ipynb").exists()


def test_a_failure_leaves_the_earlier_result_but_not_as_up_to_date(lectures, machine, clone):
    call("1")
    change_cell(clone, lectures[0])
    machine.failing["01"] = "cell 1 of 3: the kernel died"
    assert call("1") == 1
    assert run.result_of(lectures[0]).exists() and run.up_to_date(lectures[0]) is None


def test_a_lost_worker_is_named(lectures, machine, capsys):
    machine.failing["01"] = "worker"
    assert call() == 1
    assert "01_a: its worker process ended" in capsys.readouterr().err


def test_a_full_disk_fails_that_lecture_in_one_sentence(lectures, machine, monkeypatch, capsys):
    real = run.write_atomically

    def full(path, content):
        if path.name.startswith("02"):
            raise OSError(28, "No space left on device", str(path))
        real(path, content)

    monkeypatch.setattr(run, "write_atomically", full)
    assert call() == 1
    assert "02_b: the result could not be written: No space left" in capsys.readouterr().err
    assert run.up_to_date(lectures[0]) and not run.up_to_date(lectures[1])


def test_what_a_crash_left_unfinished_is_removed(lectures, machine, clone):
    left = clone.root / "build" / "lectures" / ".01_a.ipynb.abc.tmp"
    left.parent.mkdir(parents=True)
    left.touch()
    call()
    assert not left.exists()


def test_other_parameters_have_a_folder_of_their_own(lectures, machine, clone):
    assert call("1", "2", "-p", "SEED", "3", "--preset", "full") == 0
    assert machine.ran == [(n, {"SEED": 3, "PRESET": "full"}) for n in ("02", "01")]
    assert not (clone.root / "build" / "lectures").exists()
    results = sorted((clone.root / "build" / "runs").glob("*/*/*.ipynb"))
    assert [path.name for path in results] == ["01_a.ipynb", "02_b.ipynb"]
    assert results[0].parent.name == results[1].parent.name
    machine.ran.clear()
    assert call("1", "-p", "SEED", "3", "-p", "PRESET", "full") == 0 and machine.ran == []


def test_defaults_given_by_hand_are_the_defaults(lectures, machine, clone):
    assert call("1", "-p", "SEED", "0", "--preset", "quick") == 0
    assert machine.ran == [("01", {})]
    assert (clone.root / "build" / "lectures" / "01_a.ipynb").exists()


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["-p", "EPOCHS", "3"], "01_a.ipynb has no parameter 'EPOCHS'; it has PRESET, SEED"),
        (["-p", "SEED", "three"], "SEED = 'three': 01_a.ipynb takes a value like 0"),
        (["-p", "SEED", "True"], "SEED = True: 01_a.ipynb takes a value like 0"),
        (["-p", "PRESET", "3"], "PRESET = 3: 01_a.ipynb takes a value like 'quick'"),
        (["--jobs", "0"], "--jobs 0: give a whole number of at least 1"),
        (["--cell-timeout", "-1"], "--cell-timeout -1.0: give seconds above 0"),
        (["9"], "there is no lecture '9'"),
    ],
)
def test_what_cannot_be_is_refused_before_a_kernel_starts(
    lectures, machine, capsys, argv, sentence
):
    assert call(*argv) == 1
    assert sentence in capsys.readouterr().err
    assert machine.ran == []


def test_a_parameter_must_exist_in_every_lecture_named(clone, machine, capsys):
    clone.notebook("01_a")
    cells = [clone.markdown("# B"), clone.code("SEED = 0  # of all", "parameters")]
    clone.write("02_b", cells)
    assert call("--preset", "full") == 1
    assert "02_b.ipynb has no parameter 'PRESET'; it has SEED" in capsys.readouterr().err
    assert call("1", "--preset", "full") == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("-0.5", -0.5), ("1e-3", 1e-3), ("True", True), ("false", False), ("None", None)]
    + [("'3'", "3"), ("cuda:0", "cuda:0"), ("[1]", "[1]"), ("", "")],
)
def test_words_of_the_command_line_become_values(text, value):
    found = run.value_of(text)
    assert found == value and type(found) is type(value)


def test_a_course_without_lectures_says_so(clone, machine):
    with pytest.raises(CourseError, match="no lecture in lectures/"):
        run.execute([])


def test_the_live_table_shows_state_time_and_memory():
    from rich.console import Console

    board = run.Board(["01_a", "02_b"])
    board.live = object()
    board.set("01_a", "running")
    board.progress("01_a", cell=3, cells=60, bytes=int(1.2e9))
    board.progress("01_a", cell=4, cells=60, bytes=int(0.8e9))
    board.set("02_b", "done", seconds=61.0, bytes=int(0.5e9))
    console = Console(width=100)
    with console.capture() as shown:
        console.print(board.table())
    first, second = shown.get().splitlines()[1:]
    assert first.split() == ["01_a", "running", "4/60", "0", "s", "1.20", "GB"]
    assert second.split() == ["02_b", "done", "61", "s", "0.50", "GB"]


@pytest.mark.parametrize(
    ("status", "said"),
    [(None, "out of memory"), (-9, "out of memory"), (-11, "signal 11: "), (3, "with status 3")],
)
def test_how_a_kernel_ended_is_told_without_what_a_system_lacks(status, said, monkeypatch):
    monkeypatch.delattr("signal.SIGKILL", raising=False)  # as on Windows
    watch = _Watch(lambda progress: None)
    watch.status = status
    assert said in watch.end()
