"""`course run` with real kernels, and everything that may happen to them."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import types

import psutil
import pytest
from namespaces import MOUNTS, RUNNER, in_little_room, where_nothing_can_be_written, whole

from utils import ROOT
from utils.course import main, notebooks, run, site

STEPS = "import time\nfor step in range(300):\n    time.sleep(0.1)\n"


def start(clone, *argv):
    """Start `course` in a process of its own, as a terminal would (with a group of its own)."""
    return subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(clone.root), *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def lives(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kernels(process):
    """The kernels below a process, found by their command line."""
    found = []
    try:
        tree = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    for child in tree:
        try:
            if any("ipykernel" in word for word in child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_what_runs_what_fails_and_what_is_killed(clone, capsys):
    """One run over a good notebook, a failing, a dying and a hanging one: the good one's is kept."""
    clone.notebook(
        "01_good",
        "print(PRESET)\nPRESET, SEED",
        "import os\nprint(os.getcwd(), os.environ['OMP_NUM_THREADS'])",
        "import utils.arithmetic, sys\nutils.arithmetic.output_size(28, 5)",
        "import sys\nprint(sys.executable)",
        budget=50,
    )
    clone.notebook("02_fails", "print('before')", "x = 1\n1 / 0", "print('never')")
    clone.notebook("03_dies", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "1")
    clone.notebook("04_hangs", "import time\ntime.sleep(60)")
    clone.notebook("05_exits", "import os\nos._exit(3)")
    begun = time.monotonic()
    assert main(["run", "--jobs", "2", "--cell-timeout", "2"]) == 1
    assert time.monotonic() - begun < 60
    shown = capsys.readouterr()
    assert "5 notebooks: 1 executed, 4 failed" in shown.out
    assert "02_fails: cell 4 of 5: ZeroDivisionError: division by zero" in shown.err
    assert "----> 2 1 / 0" in shown.err
    assert "03_dies: cell 3 of 4: the kernel died (killed from outside" in shown.err
    assert "04_hangs: cell 3 of 3: the cell ran past its time limit of 2 s" in shown.err
    assert "05_exits: cell 3 of 3: the kernel died (it ended itself with status 3)" in shown.err
    folder = clone.root / "build" / "lectures"
    assert files(folder) == [
        "01_good.ipynb", "01_good.run.json",
        "02_fails.failed.ipynb", "03_dies.failed.ipynb",
        "04_hangs.failed.ipynb", "05_exits.failed.ipynb",
    ]  # fmt: skip

    good = notebooks.read(folder / "01_good.ipynb")
    texts = ["".join(map(_text, cell.get("outputs", []))) for cell in good["cells"]]
    assert texts[2] == "quick\n('quick', 0)"
    assert texts[3] == f"{clone.root / 'lectures'} 1\n"
    assert texts[4] == "24"
    assert texts[5] == f"{sys.executable}\n", "the kernel runs in this environment"
    counts = [cell.get("execution_count") for cell in good["cells"]]
    assert counts == [None, 1, 2, 3, 4, 5]
    record = json.loads((folder / "01_good.run.json").read_text())
    assert "utils/arithmetic.py" in record["digest"]["modules"]
    assert record["digest"]["torch"] is None
    assert 2e7 < record["peak_bytes"] < 1e9 and 0 < record["cpu_seconds"] < 30
    assert str(clone.root) not in json.dumps(good["metadata"])
    assert "papermill" not in json.dumps([cell["metadata"] for cell in good["cells"]])

    partly = notebooks.read(folder / "02_fails.failed.ipynb")
    outputs = [output for cell in partly["cells"] for output in cell.get("outputs", [])]
    assert [o["output_type"] for o in outputs] == ["stream", "error"]


def _text(output):
    return notebooks.joined(output.get("text", output.get("data", {}).get("text/plain", "")))


def test_parameters_reach_the_kernel(clone):
    clone.notebook("01_a", "print(PRESET, SEED)")
    assert main(["run", "-p", "SEED", "7", "--preset", "full"]) == 0
    (result,) = (clone.root / "build" / "runs" / "01").glob("*/01_a.ipynb")
    notebook = notebooks.read(result)
    assert _text(notebook["cells"][-1]["outputs"][0]) == "full 7\n"
    assert "injected-parameters" in notebooks.tags(notebook["cells"][2])
    assert run.up_to_date(clone.root / "lectures" / "01_a.ipynb", {"SEED": 7, "PRESET": "full"})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_leaves_no_kernel_and_keeps_what_is_finished(clone, number):
    clone.notebook("01_quick", "1 + 1", budget=90)
    clone.notebook("02_slow", STEPS, budget=50)
    clone.notebook("03_slow", STEPS)
    process = start(clone, "run", "--jobs", "2")
    done = clone.root / "build" / "lectures" / "01_quick.run.json"
    wait_for(done.exists)
    wait_for(lambda: len(kernels(process)) == 2)
    workers = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, number)
    process.wait(240)
    wait_for(lambda: not any(map(lives, workers)), 10)
    assert files(clone.root / "build" / "lectures") == ["01_quick.ipynb", "01_quick.run.json"]
    if number != signal.SIGKILL:
        assert process.returncode == 130
        error = process.stderr.read()
        assert "stopped; what was finished stays" in error and "Traceback" not in error
    process.stdout.close()
    process.stderr.close()
    assert run.up_to_date(clone.root / "lectures" / "01_quick.ipynb")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_refresh_leaves_no_kernel_and_every_notebook_whole(clone, number):
    quick = clone.notebook("01_quick", "print(1 + 1)", budget=90)
    slow = clone.notebook("02_slow", STEPS, budget=50)
    before = slow.read_bytes(), quick.read_bytes()
    process = start(clone, "refresh", "--jobs", "2")
    wait_for(lambda: quick.read_bytes() != before[1])
    wait_for(lambda: kernels(process))
    workers = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, number)
    _, error = process.communicate(timeout=240)
    wait_for(lambda: not any(map(lives, workers)), 10)
    assert slow.read_bytes() == before[0]
    assert notebooks.read(quick)["cells"][-1]["outputs"], "what was finished stays"
    assert "Traceback" not in error
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    whole(clone.root)


@pytest.mark.skipif(os.name != "posix", reason="grading uses POSIX limits")
def test_a_stopped_grading_leaves_no_process_and_no_folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "temp").mkdir()
    cell = {"id": "a", "cell_type": "code", "source": "while True: pass", "metadata": {}}
    cell |= {"outputs": [], "execution_count": None}
    hanging = {"cells": [cell], "metadata": {"course": {"lecture": "02"}}}
    notebooks.write(tmp_path / "in" / "02_a.ipynb", hanging | {"nbformat": 4, "nbformat_minor": 5})
    words = ["grade", tmp_path / "in", "--out", tmp_path / "out", "--seconds", "100"]
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER, ROOT, *words],
        env={**os.environ, "TMPDIR": str(tmp_path / "temp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: list((tmp_path / "temp").glob("submission-*")))
    time.sleep(2)
    below = psutil.Process(process.pid).children(recursive=True)
    assert below
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=240)
    assert process.returncode == 130 and "Traceback" not in error, error
    wait_for(lambda: not any(map(lives, below)), 10)
    assert not list((tmp_path / "temp").glob("submission-*"))
    whole(tmp_path)


def test_what_a_killed_refresh_left_is_swept_away(clone):
    path = clone.notebook("01_a", "print(1)")
    left = path.with_name(f".{path.name}.x1y2.tmp")
    left.write_text("half")
    assert main(["refresh"]) == 0
    whole(clone.root)


@MOUNTS
@pytest.mark.parametrize("kilobytes", [24, 200])
def test_a_full_disk_leaves_a_refreshed_notebook_as_it_was(clone, kilobytes):
    """The outputs have 100 kB; 24 kB hold the notebook and nothing else."""
    path = clone.notebook("01_a", "print('x' * 100_000)")
    before = path.read_bytes()
    folder = clone.root / "lectures"
    done, left = in_little_room(folder, kilobytes, RUNNER, clone.root, "refresh")
    assert "Traceback" not in done.stderr
    assert done.returncode == (kilobytes < 200), done.stdout + done.stderr
    after = (left / path.name).read_bytes()
    if kilobytes < 200:
        assert "it could not be written, and is as it was: No space left" in done.stderr
        assert after == before
    else:
        assert b"x" * 1000 in after
    whole(left)


@MOUNTS
@pytest.mark.parametrize("kilobytes", [16, 1000, *(pytest.param(k, marks=pytest.mark.long) for k in (100, 300, 2000))])  # fmt: skip
def test_a_full_disk_leaves_no_half_deck_5_sizes(clone, kilobytes):
    clone.notebook("01_a", clone.markdown("## A slide", slideshow={"slide_type": "slide"}))
    done, left = in_little_room(clone.root / "build", kilobytes, RUNNER, clone.root, "slides")
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "No space left on device" in done.stderr
    whole(left)
    for page in left.rglob("*.html"):
        assert page.read_text("utf-8").rstrip().endswith("</html>"), page


@pytest.mark.long
def test_slides_killed_at_10_moments_leave_what_the_next_build_sweeps(clone):
    """A page under its name is whole, and the next build has nothing beside it."""
    clone.notebook("01_a", clone.markdown("## A slide", slideshow={"slide_type": "slide"}))
    moments = random.Random(4)
    for number in range(10):
        process = start(clone, "slides", "--force")
        time.sleep(3 * (number + moments.random()) / 10)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        for page in (clone.root / "build" / "slides").rglob("*.html"):
            assert page.read_text("utf-8").rstrip().endswith("</html>"), page
    process = start(clone, "slides", "--force")
    process.communicate(timeout=120)
    assert (clone.root / "build" / "slides" / "01_a.html").is_file()
    whole(clone.root)


SITE = """
import pathlib, sys
from utils.course import main, site, slides
folder = pathlib.Path(sys.argv[1])
first = site.find_pages()[:1]
site.find_pages = lambda: first
slides.output_folder = lambda: folder / "slides"
sys.exit(main(["site", "--force", "--output", str(folder / "site")]))
"""
"""`course site` of this repository, its first lecture alone, in the folder named."""


def older_site(folder):
    """A small site that a build may replace; return its page."""
    (folder / "site").mkdir(parents=True)
    (folder / "site" / site.RECORD).write_text('{"digest": "older", "warnings": []}')
    page = folder / "site" / "index.html"
    page.write_text("older")
    return page


@MOUNTS
@pytest.mark.long
@pytest.mark.parametrize("megabytes", [1, 8, 15, 19, 23, 30])
def test_a_full_disk_leaves_the_older_site_6_sizes(tmp_path, megabytes):
    """Too small for decks, for the sources, for Sphinx's pages, or for the copy of the decks."""
    folder = tmp_path / "build"
    older_site(folder)
    done, left = in_little_room(folder, 1000 * megabytes, SITE, folder)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "No space left on device" in done.stderr
    assert (left / "site" / "index.html").read_text() == "older"
    whole(left)


@pytest.mark.long
def test_a_site_killed_at_10_moments_is_the_older_one_or_whole(tmp_path):
    folder = tmp_path / "build"
    page = older_site(folder)
    command = [sys.executable, "-c", SITE, str(folder)]
    begun = time.monotonic()
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    seconds = time.monotonic() - begun
    shutil.rmtree(folder)
    older_site(folder)
    moments = random.Random(5)
    for number in range(10):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        time.sleep(seconds * (number + moments.random()) / 10)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert page.read_text() == "older" or page.read_text().rstrip().endswith("</html>")
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    assert page.read_text().rstrip().endswith("</html>")
    whole(folder)


@MOUNTS
@pytest.mark.parametrize(
    ("folder", "words"),
    [("build", "run"), ("build", "slides"), ("build", "refresh"), ("lectures", "refresh")],
)
def test_where_nothing_can_be_written_it_is_said_in_a_sentence(clone, folder, words):
    path = clone.notebook("01_a", "print(1)")
    (clone.root / "build").mkdir()
    before = path.read_bytes()
    done = where_nothing_can_be_written(clone.root / folder, RUNNER, clone.root, words)
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr and "Traceback" not in done.stderr
    assert path.read_bytes() == before
    whole(clone.root)


def test_two_runs_at_once_do_the_work_once(clone):
    clone.notebook("01_a", "import time\ntime.sleep(1)\nprint('once')")
    first = start(clone, "run")
    wait_for(lambda: kernels(first))
    second = start(clone, "run")
    out_first, _ = first.communicate(timeout=240)
    out_second, _ = second.communicate(timeout=240)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "1 executed" in out_first
    assert "waiting for it to end" in out_second and "1 up to date" in out_second


def test_a_worker_killed_in_mid_run_fails_its_lecture_alone(clone):
    clone.notebook("01_slow", STEPS, budget=90)
    clone.notebook("02_good", "1 + 1")
    process = start(clone, "run", "--jobs", "1")
    wait_for(lambda: kernels(process))
    (kernel,) = kernels(process)
    kernel.parent().kill()
    out, error = process.communicate(timeout=240)
    assert process.returncode == 1
    assert "2 notebooks: 1 executed, 1 failed" in out
    assert "01_slow: its worker process ended (signal 9)" in error
    wait_for(lambda: not lives(kernel), 10)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_sentence_as_user(clone, capsys):
    clone.notebook("01_a", "1")
    clone.root.chmod(0o500)
    assert main(["run"]) == 1
    assert "Permission denied" in capsys.readouterr().err


def test_a_build_folder_that_is_a_file_is_one_sentence(clone, capsys):
    clone.notebook("01_a", "1")
    (clone.root / "build").write_text("in the way")
    assert main(["run"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("course run: ") and str(clone.root / "build") in line


def test_a_disk_that_fills_up_leaves_nothing_half_written(clone):
    """The limit on file size stands in for a full disk: the result is larger than it."""
    clone.notebook("01_long", "print('0123456789' * 30_000)", budget=50)
    clone.notebook("02_short", "1 + 1")
    program = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
    process = subprocess.run(
        [sys.executable, "-c", program + RUNNER, str(clone.root), "run"],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert process.returncode == 1
    assert "01_long: the result could not be written: File too large" in process.stderr
    assert files(clone.root / "build" / "lectures") == ["02_short.ipynb", "02_short.run.json"]


def test_a_cluster_does_the_same_jobs_and_survives_a_lost_worker(clone, capsys):
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    trim = "import os\nprint('on a worker', os.environ.get('MALLOC_TRIM_THRESHOLD_'))"
    clone.notebook("01_good", trim, budget=50)
    clone.notebook("02_fails", "1 / 0")
    clone.notebook("03_kills", _kill_worker_once(clone.root))
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        silence_logs=60,
        local_directory=str(clone.root / "scratch"),
    ) as cluster:
        assert main(["run", "--scheduler", cluster.scheduler_address]) == 1
    shown = capsys.readouterr()
    assert "3 notebooks: 2 executed, 1 failed" in shown.out
    assert "02_fails: cell 3 of 3: ZeroDivisionError" in shown.err
    assert (clone.root / "killed").exists()
    result = notebooks.read(clone.root / "build" / "lectures" / "01_good.ipynb")
    # None: a kernel keeps the memory it frees, which Dask tells its own workers not to do
    assert _text(result["cells"][-1]["outputs"][0]) == "on a worker None\n"


def _kill_worker_once(folder):
    """A cell that kills the worker its kernel runs under, the first time it is executed."""
    return (
        "import os, pathlib, signal, time\n"
        f"mark = pathlib.Path({str(folder / 'killed')!r})\n"
        "if not mark.exists():\n"
        "    mark.touch()\n"
        "    os.kill(os.getppid(), signal.SIGKILL)\n"
        "    time.sleep(30)\n"
    )


def test_no_scheduler_at_the_address_is_one_sentence(clone, capsys, monkeypatch):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    import distributed

    def refuse(address, **settings):
        raise OSError(f"Timed out trying to connect to {address}")

    monkeypatch.setattr(distributed, "Client", refuse)
    clone.notebook("01_a", "1")
    assert main(["run", "--scheduler", "tcp://127.0.0.1:9"]) == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err


def test_the_progress_of_a_cell_is_reported(clone):
    from utils.course.execution import execute

    path = clone.notebook("01_a", "import time\ntime.sleep(0.6)")
    seen = []
    outcome = execute(path.read_text(), str(path.parent), report=seen.append)
    assert outcome.error == ""
    assert {"cell": 3, "cells": 3} == {key: seen[-1][key] for key in ("cell", "cells")}
    assert isinstance(outcome.digest, dict) and types.NoneType is type(outcome.digest["torch"])
