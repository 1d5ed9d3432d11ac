"""The course on a machine without network, without room, and beside its own older results.

Needs Linux's namespaces, where a user may have a network and mounts of their own; where the system
allows none, these tests are skipped.
"""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from namespaces import MOUNTS, NETWORK, RUNNER, in_little_room, whole

import utils
from utils.course import main, notebooks, run, start

ROOT = utils.ROOT
WATCH = """
import os, sys

def watch(event, arguments):
    if event == "socket.connect":
        address = arguments[1]
    elif event == "socket.getaddrinfo":
        address = arguments
    else:
        return
    with open(os.environ["TEST_CALLS"], "a") as log:
        log.write(f"{event} {address!r}\\n")

sys.addaudithook(watch)
"""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def offline(command: list, **options) -> subprocess.CompletedProcess:
    """Run a command where there is no network interface but loopback."""
    words = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"']
    return subprocess.run(
        [*words, "sh", *map(str, command)], capture_output=True, text=True, check=False, **options
    )


def outside(calls: Path) -> list[str]:
    """Connections that left the machine, of those that the watch noted."""
    lines = calls.read_text().splitlines() if calls.exists() else []
    return [
        line
        for line in lines
        if not any(f"'{place}'" in line or f"b'{place}'" in line for place in LOOPBACK)
        and not line.startswith("socket.connect '")  # a socket in the file system
        and not line.startswith("socket.connect b'")
    ]


@pytest.fixture
def watched(tmp_path):
    """An environment in which every Python process notes whom it calls."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    return {
        **os.environ,
        "PYTHONPATH": f"{tmp_path / 'watch'}{os.pathsep}{ROOT}",
        "TEST_CALLS": str(tmp_path / "calls"),
        "COURSE_DATA": str(tmp_path / "no data"),
    }


def test_the_watch_sees_who_is_called(watched, tmp_path):
    program = (
        "import socket\n"
        "for place in ('127.0.0.1', '192.0.2.1'):\n"
        "    try: socket.create_connection((place, 9), timeout=0.2)\n"
        "    except OSError: pass\n"
    )
    subprocess.run([sys.executable, "-c", program], env=watched, check=True)
    found = outside(tmp_path / "calls")
    assert found and all("192.0.2.1" in line for line in found)


@NETWORK
def test_without_network_and_data_a_lecture_runs_and_says_what_it_runs_on(clone, watched, tmp_path):
    clone.notebook(
        "01_offline",
        "import socket\nprint([name for _, name in socket.if_nameindex() if name != 'lo'])",
        "from utils.datasets import load\nfrom utils.fetch import DataError\n"
        "try:\n    load('cifar10')\nexcept DataError as error:\n    print(error)",
        "print(len(load('mnist', 'test').images), len(load('colour', 'test', count=4).images))",
        "from utils.models import pretrained\nprint(type(pretrained('squeezenet1_1')).__name__)",
    )
    shutil.copy(ROOT / "data" / "manifest.toml", clone.root / "data")
    done = offline([sys.executable, "-c", RUNNER, clone.root, "run"], env=watched, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    result = notebooks.read(clone.root / "build" / "lectures" / "01_offline.ipynb")
    texts = [
        notebooks.joined(output.get("text", ""))
        for cell in result["cells"]
        for output in cell.get("outputs", [])
    ]
    said = "".join(texts)
    assert texts[0] == "[]\n", "there was a network after all"
    assert "cifar10" in said and "course data fetch cifar10" in said
    assert "10000 4\n" in said and "SqueezeNet" in said
    assert outside(tmp_path / "calls") == []


@NETWORK
@pytest.mark.long
def test_make_course_without_network_whole(watched, tmp_path):
    """Every lecture, the slides and the site, on a fresh clone, set-up done; nobody is called."""
    folder = tmp_path / "course"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    watched["PYTHONPATH"] = f"{tmp_path / 'watch'}{os.pathsep}{folder}"
    # -o: the environment counts as set up, whatever its age
    done = offline(
        ["make", "-o", ".venv/.installed", "course"], env=watched, cwd=folder, timeout=3400
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    executed = sorted(path.name for path in (folder / "build" / "lectures").glob("*.ipynb"))
    assert executed == sorted(path.name for path in (ROOT / "lectures").glob("*.ipynb"))
    assert (folder / "build" / "site" / "index.html").is_file()
    assert (folder / "build" / "slides" / "index.html").is_file()
    assert outside(tmp_path / "calls") == []


SECRET = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    rb"|\bpypi-[A-Za-z0-9_-]{50,}|\bxox[abp]-[0-9A-Za-z-]{20,}|\beyJ[\w-]{20,}\.eyJ[\w-]{20,}\."
    rb"|//[^/\s:@\"'{}<>]+:[^/\s:@\"'{}<>]+@[a-z0-9.-]+\.[a-z]"
)
"""Keys and tokens as their makers write them, and a password in an address."""


@pytest.mark.parametrize(
    "text",
    [
        b"-----BEGIN OPENSSH PRIVATE KEY-----", b"AKIA" + b"A1" * 8, b"ghp_" + b"a" * 36,
        b"pypi-" + b"a" * 60, b"https://user:word@example.org/simple",
    ],
)  # fmt: skip
def test_a_secret_would_be_seen(text):
    assert SECRET.search(b"x = '" + text + b"'") and not SECRET.search(b"http://127.0.0.1:8000/a")


def test_no_file_of_the_repository_holds_a_secret():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = [name for name in listed.stdout.decode().split("\0") if name]
    assert len(names) > 300
    found = [
        name
        for name in names
        if name != "tests/faults/test_alone.py"
        and (ROOT / name).is_file()
        and SECRET.search((ROOT / name).read_bytes())
    ]
    assert not found


def test_commands_and_modules_call_nobody(watched, tmp_path):
    """No telemetry: every module imported, and each command's help and `doctor`, by the watch."""
    program = (
        "import importlib, pathlib\n"
        "from utils.course import COMMANDS, main\n"
        "for path in sorted(pathlib.Path('utils').rglob('*.py')):\n"
        "    if 'templates' not in path.parts and path.name != 'child.py':\n"
        "        parts = path.with_suffix('').parts\n"
        "        importlib.import_module('.'.join(parts).removesuffix('.__init__'))\n"
        "for name in COMMANDS: assert main([name, '--help']) == 0, name\n"
        "main(['doctor'])\nmain(['data', 'list'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=watched, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert outside(tmp_path / "calls") == []


def listening(pid: int) -> set[str]:
    """Addresses on which a process and those below it listen."""
    places = set()
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):  # a child may end meanwhile
            places |= {
                connection.laddr.ip
                for connection in process.net_connections(kind="inet")
                if connection.status == psutil.CONN_LISTEN
            }
    return places


def test_jupyterlab_listens_on_loopback_and_wants_its_token(tmp_path, monkeypatch):
    notebook = tmp_path / "a.ipynb"
    notebooks.write(notebook, {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    runtime = tmp_path / "runtime"
    environment = {
        **os.environ,
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
    }
    command = [*start.lab_command(notebook), "--no-browser", "--ServerApp.port=0"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, cwd=tmp_path, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 120
        while not list(runtime.glob("jpserver-*.json")):
            assert server.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, "it did not start in time"
            time.sleep(0.2)
        time.sleep(0.5)
        facts = json.loads(next(runtime.glob("jpserver-*.json")).read_text())
        assert facts["token"] and len(facts["token"]) >= 32
        places = listening(server.pid)
        assert places == {"127.0.0.1"}
        address = f"http://127.0.0.1:{facts['port']}/api/contents"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address, timeout=30)
        assert refused.value.code == 403
        refused.value.close()
        with urllib.request.urlopen(f"{address}?token={facts['token']}", timeout=30) as answer:
            assert answer.status == 200
        page = f"http://127.0.0.1:{facts['port']}/lab?token={facts['token']}"
        with urllib.request.urlopen(page, timeout=30) as answer:
            text = answer.read().decode()
        assert '"news": {"disabled": true}' in text, "it would ask its makers for news"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


# ---------------------------------------------------------------------------- no room


@MOUNTS
@pytest.mark.parametrize(
    "kilobytes", [200, *(pytest.param(k, marks=pytest.mark.long) for k in (4, 60, 104, 108, 400))]
)
def test_a_full_disk_leaves_nothing_half_written_6_sizes(clone, kilobytes):
    clone.notebook("01_long", "print('x' * 100_000)", "1")
    clone.notebook("02_long", "print('y' * 120_000)", "1")
    build = clone.root / "build"
    done, left = in_little_room(build, kilobytes, RUNNER, clone.root, "run")
    assert done.returncode == (0 if kilobytes >= 400 else 1), done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    if kilobytes < 400:
        assert "No space left on device" in done.stderr
    whole(left)


# ---------------------------------------------------------------------------- older results


def old_build(clone) -> Path:
    """Results as another version of the course might have left them."""
    folder = clone.root / "build" / "lectures"
    folder.mkdir(parents=True)
    for name in ("01_a", "02_b", "03_c"):
        text = (clone.root / "lectures" / f"{name}.ipynb").read_text()
        (folder / f"{name}.ipynb").write_text(text)
    (folder / "01_a.run.json").write_text('{"format": 0, "notebook": "abc", "seconds": 1}')
    (folder / "02_b.run.json").write_text("not JSON any more")
    (folder / "03_c.run.json").write_text('{"inputs": [], "digest": 7, "result": null}')
    (folder / "00_gone.ipynb").write_text("{}")
    (folder / ".01_a.ipynb.x1y2.tmp").write_text("half")
    (clone.root / "build" / "slides").write_text("was a file once")
    return folder


def test_a_build_folder_of_an_older_version_is_made_anew(clone, capsys):
    for name in ("01_a", "02_b", "03_c"):
        clone.notebook(name, "print('new')")
    folder = old_build(clone)
    assert main(["run"]) == 0
    assert "3 executed" in capsys.readouterr().out
    for name in ("01_a", "02_b", "03_c"):
        assert run.up_to_date(clone.root / "lectures" / f"{name}.ipynb")
        assert "new" in (folder / f"{name}.ipynb").read_text()
    assert (folder / "00_gone.ipynb").exists(), "what is not ours to remove stays"
    whole(folder)
    assert main(["slides"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") <= 2 and "Traceback" not in said and "slides" in said


def test_two_runs_of_other_parameters_do_not_mix(clone):
    clone.notebook("01_a", "import time\ntime.sleep(1)\nprint('seed', SEED)")
    command = [sys.executable, "-c", RUNNER, str(clone.root), "run"]
    runs = [
        subprocess.Popen([*command, "-p", "SEED", str(seed)], stdout=subprocess.PIPE, text=True)
        for seed in (1, 2)
    ]
    said = [process.communicate(timeout=240)[0] for process in runs]
    assert [process.returncode for process in runs] == [0, 0], said
    results = sorted((clone.root / "build" / "runs" / "01").glob("*/01_a.ipynb"))
    assert len(results) == 2
    seeds = {seed for path in results for seed in "12" if f"seed {seed}" in path.read_text()}
    assert seeds == {"1", "2"}
    whole(clone.root / "build")


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="needs process groups")
def test_a_run_killed_at_20_moments_is_whole_each_time_and_ends(clone):
    for number in range(1, 5):
        clone.notebook(f"0{number}_a", "import time\ntime.sleep(0.3)", f"print({number})")
    command = [sys.executable, "-c", RUNNER, str(clone.root), "run", "--force"]
    moments = random.Random(3)
    for _ in range(20):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(moments.uniform(0.5, 12))
        below = []
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):  # it ended before
            below = psutil.Process(process.pid).children(recursive=True)
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        _, alive = psutil.wait_procs(below, timeout=30)
        assert not alive, "a kernel outlived its run"
        lectures = clone.root / "build" / "lectures"
        for path in lectures.glob("*") if lectures.is_dir() else []:
            if not path.name.endswith(".tmp") and path.suffix in (".ipynb", ".json"):
                json.loads(path.read_text(encoding="utf-8"))
    assert subprocess.run(command[:-1], check=False).returncode == 0
    whole(clone.root / "build" / "lectures")
    for number in range(1, 5):
        assert run.up_to_date(clone.root / "lectures" / f"0{number}_a.ipynb")


# ---------------------------------------------------------------------------- who writes


WRITERS = (".write_text(", ".write_bytes(", '"w")', '"wb")', "np.save(", "torch.save(", ".savefig(")
CAREFUL = {
    "utils/archives.py": "into the scratch folder that fetch removes",
    "utils/fetch.py": "beside its place, verified, then renamed",
    "utils/training/checkpoint.py": "beside its place, then renamed",
    "utils/datasets/face_folders.py": "into a new folder that gets its name when it is whole",
    "utils/course/files.py": "the function that all others write with",
    "utils/course/site.py": "into a new folder that gets its name when it is whole",
    "utils/course/slides.py": "into a new folder that gets its name when it is whole",
    "utils/course/grade.py": "into memory, then by write_atomically",
    "utils/course/benchmark_charts.py": "into memory",
    "utils/course/look.py": "pictures for a person to look at, made anew each time",
    "utils/plots/photographs.py": "into memory",
    "utils/course/studies/lecture_11.py": "into memory; the study writes by write_atomically",
    "utils/course/studies/lecture_13.py": "into memory; the study writes by write_atomically",
    "utils/course/grading/child.py": "to os.devnull",
    "utils/course/grading/wire.py": "into memory",
}


def test_every_file_is_written_whole_or_not_at_all():
    """Who writes a file is listed here with how; anybody else uses `files.write_atomically`."""
    found = set()
    for path in (ROOT / "utils").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if any(word in text for word in WRITERS):
            found.add(path.relative_to(ROOT).as_posix())
    new = found - set(CAREFUL)
    assert not new, f"{sorted(new)}: use utils.course.files.write_atomically, or say how it is safe"
