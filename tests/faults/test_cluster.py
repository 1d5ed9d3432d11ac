"""`course run` and `course grid` on workers of other machines: two processes in separate folders.

The scheduler is this process's; a worker is a process of its own whose environment has no course
but the one the test gives it, as on a machine where only the packages are installed.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

import utils
from utils.course import main, notebooks, run

try:
    import distributed
except ModuleNotFoundError:
    distributed = None
pytestmark = pytest.mark.skipif(distributed is None, reason="the extra `cluster` is not installed")

WORKER = """
import sys
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in getattr(f, "__module__", "")]
sys.path[:] = [p for p in sys.path if p]
from distributed.cli.dask_worker import main
main()
"""
"""A worker that cannot see the clone of the course these tests run from."""

WHERE = """
import os, utils
from utils.datasets import load
print(utils.ROOT, os.getcwd(), len(load("mnist", quiet=True)))
"""


class Cluster:
    """A scheduler in this process, and workers in folders of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.local = distributed.LocalCluster(
            n_workers=0, dashboard_address=":0", silence_logs=60, host="127.0.0.1"
        )
        self.address = self.local.scheduler_address
        self.workers: list[psutil.Popen] = []

    def add(self, name: str, path: Path | None = None) -> Path:
        """Start a worker in its folder; `path` is where it finds a course of its own."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        command = [sys.executable, "-c", WORKER, self.address, "--no-nanny"]
        command += ["--nthreads", "1", "--no-dashboard", "--local-directory", str(home)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(path or "")}
        with (home / "log.txt").open("w") as log:
            self.workers.append(
                psutil.Popen(
                    [*command, "--death-timeout", "60"],
                    cwd=home,
                    env=environment,
                    stdout=log,
                    stderr=log,
                )
            )
        self.local.wait_for_workers(len(self.workers), timeout=240)
        return home

    def close(self) -> None:
        for worker in self.workers:
            with contextlib.suppress(psutil.Error):
                for child in worker.children(recursive=True):
                    child.kill()
                worker.kill()
            worker.wait()
        self.local.close()


@pytest.fixture
def cluster(tmp_path):
    folder = tmp_path / "machines"
    folder.mkdir()
    made = Cluster(folder)
    yield made
    made.close()


@pytest.fixture
def elsewhere(monkeypatch):
    """Jobs whose folder no worker has, as when the lecture lies on another machine."""
    real = run._job

    def job(path, parameters, cell_seconds):
        made = real(path, parameters, cell_seconds)
        made.arguments["folder"] = "/nowhere/lectures"
        return made

    monkeypatch.setattr(run, "_job", job)


def printed(clone, name: str) -> list[str]:
    """What the last cell of an executed notebook printed, in words."""
    notebook = notebooks.read(clone.root / "build" / "lectures" / f"{name}.ipynb")
    return notebooks.joined(notebook["cells"][-1]["outputs"][0]["text"]).split()


def copy_of_the_course(folder: Path) -> Path:
    """A clone as another machine has it: code and data, lectures of its own."""
    root = Path(utils.__file__).resolve().parent.parent
    for name in ("utils", "data"):
        shutil.copytree(
            root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "measured")
        )
    (folder / "lectures").mkdir()
    return folder


def test_workers_with_clones_of_their_own(clone, cluster, elsewhere):
    """The notebook travels with its job; code and data are the worker's own."""
    homes = []
    for name in ("first", "second"):
        (cluster.folder / name).mkdir()
        course = copy_of_the_course(cluster.folder / name)
        homes.append(cluster.add(name, course))
    for name in ("01_a", "02_b", "03_c", "04_d"):
        clone.notebook(name, "import time; time.sleep(1)", WHERE)
    assert main(["run", "--scheduler", cluster.address]) == 0
    seen = {name: printed(clone, name) for name in ("01_a", "02_b", "03_c", "04_d")}
    for root, folder, count in seen.values():
        assert Path(root) in homes and folder == f"{root}/lectures" and count == "60000"
    assert {Path(root) for root, _, _ in seen.values()} == set(homes), "both worked"
    for home in homes:
        assert not list((home / "lectures").iterdir()) and not (home / "build").exists()


def test_a_shared_folder_is_used_where_it_is(clone, cluster):
    """Workers that see the same disk run each lecture in the folder it lies in."""
    root = Path(utils.__file__).resolve().parent.parent
    cluster.add("first", root)
    cluster.add("second", root)
    clone.notebook("01_a", WHERE)
    (clone.root / "lectures" / "beside.txt").write_text("seen")
    clone.notebook("02_b", "print(open('beside.txt').read())")
    assert main(["run", "--scheduler", cluster.address]) == 0
    assert printed(clone, "01_a") == [str(root), str(clone.root / "lectures"), "60000"]
    assert printed(clone, "02_b") == ["seen"]


def test_files_sent_to_workers_without_a_course(clone, cluster, elsewhere, capsys):
    homes = [cluster.add("first"), cluster.add("second")]
    for name in ("01_a", "02_b", "03_c", "04_d"):
        clone.notebook(name, "import time; time.sleep(1)", WHERE)
    assert main(["run", "--scheduler", cluster.address]) == 1
    assert "2 of 2 workers at " in (said := capsys.readouterr().err)
    assert "have no course: install it there, or give --send-files" in said
    assert main(["run", "--scheduler", cluster.address, "--send-files"]) == 0
    used = set()
    for name in ("01_a", "02_b", "03_c", "04_d"):
        root, folder, count = printed(clone, name)
        assert folder == f"{root}/lectures" and count == "60000"
        used.add(next(home for home in homes if Path(root).is_relative_to(home)))
    assert used == set(homes), "both worked, each in its own folder"
    capsys.readouterr()
    assert main(["run", "--scheduler", cluster.address, "--send-files"]) == 0
    assert "4 notebooks: 4 up to date" in capsys.readouterr().out


def test_a_killed_worker_loses_no_job_and_what_is_done_is_not_done_again(clone, cluster, capsys):
    cluster.add("first")
    cluster.add("second")
    clone.notebook("01_slow", "import time\nfor _ in range(40): time.sleep(0.1)", budget=90)
    clone.notebook("02_a", "1 + 1")
    clone.notebook("03_b", _kill_the_worker_above(clone.root), budget=50)
    words = ["run", "--scheduler", cluster.address, "--send-files"]
    assert main(words) == 0
    assert "3 notebooks: 3 executed" in capsys.readouterr().out
    assert (clone.root / "killed").exists()
    assert sum(worker.poll() == -signal.SIGKILL for worker in cluster.workers) == 1
    clone.notebook("04_new", "2 + 2")
    assert main(words) == 0
    assert "4 notebooks: 1 executed, 3 up to date" in capsys.readouterr().out


def _kill_the_worker_above(folder: Path) -> str:
    """A cell that kills the worker its kernel runs under, the first time it is executed."""
    return (
        "import os, pathlib, signal, time\n"
        f"mark = pathlib.Path({str(folder / 'killed')!r})\n"
        "if not mark.exists():\n"
        "    mark.touch()\n"
        "    os.kill(os.getppid(), signal.SIGKILL)\n"
        "    time.sleep(30)\n"
    )


def test_what_a_worker_lacks_is_said_and_does_not_count_as_done(
    clone, cluster, capsys, monkeypatch
):
    """A lecture that fell back on a worker without the optional set is stale where it is there."""
    monkeypatch.setattr(notebooks, "absent_data", set)  # here all of it is
    monkeypatch.setenv("COURSE_DATA", str(cluster.folder / "empty"))  # the worker has none of it
    cluster.add("first")
    path = clone.notebook("01_a", clone.code("1", "needs-cifar10"))
    assert main(["run", "--scheduler", cluster.address, "--send-files"]) == 0
    said = capsys.readouterr().out
    assert "01_a ran without cifar10, which its worker does not have" in said
    assert run.up_to_date(path) is None
    monkeypatch.setattr(notebooks, "absent_data", lambda: {"cifar10"})
    assert run.up_to_date(path)


def test_the_grid_on_workers_without_course_or_pictures(clone, cluster, capsys):
    from utils.datasets.ordinal import ages

    folder = clone.root / "faces"
    folder.mkdir()
    for number, image in enumerate(ages("train", 40).images[:, 0].numpy()):
        name = f"{21 + number}_{number % 2}_0_2017011600000{number:04}.jpg.chip.jpg"
        Image.fromarray(image).resize((64, 64)).convert("RGB").save(folder / name)
    cluster.add("first")
    cluster.add("second")
    words = ["grid", "11", "--folder", str(folder), "--trunk", "small", "--methods", "or", "coral"]
    words += ["--weights", "no", "--seeds", "0", "1", "--epochs", "30"]
    words += ["--scheduler", cluster.address, "--send-files"]
    with _killed_when(cluster, "checkpoints/*/*.pt"):
        assert main(words) == 0
    assert "4 cells: 4 trained" in capsys.readouterr().out
    assert sum(worker.poll() is not None for worker in cluster.workers) == 1, "one was killed"
    assert main(words) == 0
    assert "4 cells: 4 kept" in capsys.readouterr().out
    assert not list((clone.root / "build").rglob("*.pt")), "checkpoints stay with the workers"


@contextlib.contextmanager
def _killed_when(cluster: Cluster, pattern: str):
    """Kill the first worker as soon as it has written a file like this."""
    code = (
        "import os, pathlib, signal, sys, time\n"
        "folder, pattern, pid = sys.argv[1:]\n"
        "while not list(pathlib.Path(folder).rglob(pattern)): time.sleep(0.02)\n"
        "os.kill(int(pid), signal.SIGKILL)\n"
    )
    home, pid = cluster.folder / "first", str(cluster.workers[0].pid)
    watcher = subprocess.Popen([sys.executable, "-c", code, str(home), pattern, pid])
    try:
        yield
        deadline = time.monotonic() + 10
        while watcher.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        watcher.kill()
        watcher.wait()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--send-files"], "--send-files sends them to a cluster: give its --scheduler"),
        (["grid", "11", "--folder", "nowhere", "--scheduler", "tcp://x:1", "--send-files"],
         "no folder nowhere"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_sentence(clone, capsys, words, said):
    clone.notebook("01_a", "1")
    assert main(words) == 1
    assert said in capsys.readouterr().err
