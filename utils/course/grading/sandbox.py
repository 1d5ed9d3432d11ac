"""A process with limits: time, memory, processes, written bytes, and no network where that goes."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from utils.course.execution import THREADS
from utils.course.grading import wire


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Parameters
    ----------
    seconds : float
        Wall time of all its cells; each call of a check has a limit of its own beside.
    memory : int
        Bytes of memory.
    processes : int
        Processes it may start beside its own.
    written : int
        Bytes in its working folder; one file may have half of them.
    """

    seconds: float = 600.0
    memory: int = 4 * 2**30
    processes: int = 4
    written: int = 200 * 2**20


_isolated: bool | None = None


def can_isolate() -> bool:
    """Whether this system lets us start a process without network and with folders hidden."""
    global _isolated
    if _isolated is None:
        _isolated = bool(shutil.which("unshare")) and (
            subprocess.run(
                [*_UNSHARE, "sh", "-c", "mount -t tmpfs none /tmp"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ).returncode
            == 0
        )
    return _isolated


_UNSHARE = (
    "unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child",
)  # fmt: skip


_READ_ONLY = """mount --bind "$PWD" "$PWD" && mount -o remount,bind,ro / || exit 1
while read -r _ place kind _; do
    case "$place" in "$PWD" | / | /dev* | /proc* | /sys*) continue ;; esac
    mount -o remount,bind,ro "$place" 2>/dev/null
done < /proc/self/mounts
mount -t tmpfs -o size=256m none /dev/shm 2>/dev/null
"""
"""Nothing but the working folder can be written: not the course, nor the grader's own files."""


class Sandbox:
    """A submission's process, from start to end of a ``with`` block.

    Attributes
    ----------
    channel : wire.Channel
        The way to talk to it.
    reason : str
        Why it was ended, if a limit did it.
    """

    def __init__(self, limits: Limits, hidden: Sequence[Path]) -> None:
        self.limits = limits
        self.hidden = [Path(folder) for folder in hidden]
        self.reason = ""

    def __enter__(self) -> "Sandbox":
        self.folder = Path(tempfile.mkdtemp(prefix="submission-"))
        there, self._to_child = os.pipe()
        self._from_child, back = os.pipe()
        command = [sys.executable, "-I", "-m", "utils.course.grading.child", str(there), str(back)]
        if can_isolate():
            hide = _READ_ONLY + "".join(
                f'mount -t tmpfs none "${k}" && ' for k in range(1, 1 + len(self.hidden))
            )
            hide += f'shift {len(self.hidden)} && cd "$PWD" && exec "$@"'
            command = [*_UNSHARE, "sh", "-c", hide, "sh", *map(str, self.hidden), *command]
        self.process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(there, back),
            start_new_session=True,
            preexec_fn=self._set_limits if os.name == "posix" else None,
        )
        os.close(there)
        os.close(back)
        self.channel = wire.Channel(self._from_child, self._to_child)
        self._watching = True
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._watching = False
        self.kill()
        self._watcher.join(5)
        for descriptor in (self._to_child, self._from_child):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        kept = ("PATH", "LANG", "LC_ALL", "COURSE_DATA", "XDG_CACHE_HOME", "SYSTEMROOT")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        from utils import fetch

        environment.setdefault("COURSE_DATA", str(fetch.cache_folder()))
        folder = str(self.folder)
        own = {"HOME": folder, "TMPDIR": folder, "MPLCONFIGDIR": folder, "IPYTHONDIR": folder}
        return environment | own | {"MPLBACKEND": "Agg", **THREADS}

    def _set_limits(self) -> None:
        import resource

        for name, value in (
            ("RLIMIT_DATA", self.limits.memory),
            ("RLIMIT_FSIZE", self.limits.written // 2),
            ("RLIMIT_CORE", 0),
        ):
            if hasattr(resource, name):
                resource.setrlimit(getattr(resource, name), (value, value))

    def kill(self, reason: str = "") -> None:
        """End the process and everything it started."""
        self.reason = self.reason or reason
        for process in [*self._descendants(), self.process]:
            with contextlib.suppress(psutil.Error, OSError):
                process.kill()
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, 9)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)

    def _descendants(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.Error:
            return []

    def _watch(self) -> None:
        """Look every fifth of a second whether a limit is passed that the system does not keep."""
        start = 4 if can_isolate() else 1  # unshare and sh stand before it
        while self._watching and self.process.poll() is None:
            family = self._descendants()
            memory = 0
            for process in family:
                with contextlib.suppress(psutil.Error):
                    memory += process.memory_info().rss
            if len(family) > self.limits.processes + start:
                self.kill(f"it started more than {self.limits.processes} processes")
            elif memory > self.limits.memory:
                self.kill(f"it used more than {self.limits.memory / 2**30:.1f} GB of memory")
            elif _bytes_in(self.folder) > self.limits.written:
                self.kill(f"it wrote more than {self.limits.written / 2**20:.0f} MB")
            time.sleep(0.2)


def _bytes_in(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total
