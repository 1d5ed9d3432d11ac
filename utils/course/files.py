"""Writing files whole or not at all, and one command at a time in a folder."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

TEMPORARY = ".tmp"
"""How the name of an unfinished file ends (it begins with a dot)."""


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader, or a crash, meets the old content or the new one.

    Parameters
    ----------
    path : Path
        The file; its folder is made if it is not there.
    content : str or bytes
        All of it; text is written as UTF-8 with the line ends it has.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written; nothing is left behind then.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=TEMPORARY, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mode = path.stat().st_mode if path.exists() else 0o666 & ~_umask()
        os.chmod(name, mode & 0o777)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def write_json(path: Path, value: object) -> None:
    """Write a value as indented JSON with a newline at the end, whole or not at all."""
    write_atomically(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict | None:
    """Return the object a JSON file holds, or None if there is none that can be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def remove_unfinished(folder: Path) -> None:
    """Remove what a crashed command left unfinished in a folder (hold its lock)."""
    for path in folder.glob(f".*{TEMPORARY}"):
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone; wait, and say so, while another one holds it.

    Parameters
    ----------
    folder : Path
        Made if it is not there. The lock is the operating system's: it ends with the process.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"Another `course` command works in {folder}; waiting for it to end.", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value
