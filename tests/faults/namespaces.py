"""Machines without network or without room: Linux's namespaces, where a user may have them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from unfinished import left_unfinished

RUNNER = """
import pathlib, sys, utils
utils.ROOT = pathlib.Path(sys.argv[1])
from utils.course import main
sys.exit(main(sys.argv[2:]))
"""
"""`course` in the clone that its first argument names."""


def allowed(*options: str) -> bool:
    """Whether this system lets us have namespaces of our own."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    command = ["unshare", "--map-root-user", *options, "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


NETWORK = pytest.mark.skipif(not allowed("--net"), reason="no network namespaces on this system")
MOUNTS = pytest.mark.skipif(not allowed("--mount"), reason="no mount namespaces on this system")

ROOM = """
mount -t tmpfs -o size={size}k tmpfs {folder} || exit 99
cp -a {folder}.before/. {folder}/ || exit 98
{python} -c "$PROGRAM" {words}
status=$?
cp -r {folder} {copy}
exit $status
"""
LOCKED = """
mount --bind {folder} {folder} && mount -o remount,bind,ro {folder} || exit 99
{python} -c "$PROGRAM" {words}
"""


PATH = os.environ["PATH"]
AGAIN = 'import os\nos.environ["PATH"] = os.environ["TEST_PATH"]\n'
"""A test may have given itself a PATH without `mount`; its program gets that one back."""


def _in_mounts(script: str, program: str, environment: dict) -> subprocess.CompletedProcess:
    environment = {**os.environ, **environment}
    own = {"PATH": PATH, "TEST_PATH": environment["PATH"], "PROGRAM": AGAIN + program}
    return subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        env={**environment, **own},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def in_little_room(
    folder: Path, kilobytes: int, program: str, *words: object, **environment: str
) -> tuple[subprocess.CompletedProcess, Path]:
    """Run a program while `folder` is a disk of so many kilobytes; also return a copy of it then.

    What the folder holds lies on that disk at the start.
    """
    copy = folder.with_name(f"{folder.name}.after")
    before = folder.with_name(f"{folder.name}.before")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, before)
    script = ROOM.format(
        size=kilobytes,
        folder=folder,
        python=sys.executable,
        words=" ".join(map(str, words)),
        copy=copy,
    )
    done = _in_mounts(script, program, environment)
    assert done.returncode not in (98, 99), done.stderr
    return done, copy


def where_nothing_can_be_written(
    folder: Path, program: str, *words: object, **environment: str
) -> subprocess.CompletedProcess:
    """Run a program while `folder` is mounted read-only, which stops even root."""
    script = LOCKED.format(folder=folder, python=sys.executable, words=" ".join(map(str, words)))
    done = _in_mounts(script, program, environment)
    assert done.returncode != 99, done.stderr
    return done


def whole(folder: Path) -> None:
    """Every notebook and record in a folder is whole, and nothing unfinished lies there."""
    assert left_unfinished(folder) == []
    for path in folder.rglob("*"):
        if path.suffix in (".ipynb", ".json"):
            json.loads(path.read_text(encoding="utf-8"))
