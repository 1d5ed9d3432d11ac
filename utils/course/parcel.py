"""The course as a parcel for the workers of a cluster whose machines do not have it.

`course run --scheduler ADDRESS --send-files` packs `utils/` and `data/` into one archive; each
worker unpacks it once into a folder of its own and imports from there. A worker that joins later,
or is started again after it was lost, gets it too. The packages of the environment are not sent:
they must be installed on every machine.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import utils
from utils.course import CourseError

FOLDERS = ("utils", "data")
SENT = "sent"
"""Folder in a parcel that holds what was added to the course itself."""


@dataclass(frozen=True)
class Parcel:
    """An archive and its name, which changes with its content."""

    data: bytes
    name: str

    def plugin(self):
        """Return the plugin that unpacks the parcel on each worker of a Dask cluster.

        The class is made here so that it travels by value: a worker that has no course cannot
        import it from there.
        """
        from distributed import WorkerPlugin

        class Unpack(WorkerPlugin):
            def __init__(self, data, name):
                self.data, self.name = data, name

            def setup(self, worker):
                import io
                import os
                import shutil
                import sys
                import tempfile
                import zipfile

                folder = os.path.join(worker.local_directory, self.name)
                if not os.path.isdir(folder):
                    unfinished = tempfile.mkdtemp(dir=worker.local_directory)
                    zipfile.ZipFile(io.BytesIO(self.data)).extractall(unfinished)
                    try:
                        os.replace(unfinished, folder)
                    except OSError:  # another worker of this folder was faster
                        shutil.rmtree(unfinished)
                for name in [n for n in sys.modules if n.partition(".")[0] == "utils"]:
                    del sys.modules[name]
                sys.path[:] = [folder, *(p for p in sys.path if p != folder)]

        return Unpack(self.data, self.name)


def pack(added: Mapping[str, Path | None] | None = None) -> Parcel:
    """Pack the course, and folders or files of the user's.

    Parameters
    ----------
    added : mapping of str to Path, optional
        Packed as ``sent/NAME``, where `place_of` finds them; None is left out.

    Raises
    ------
    CourseError
        If one of these is not there.
    """
    root = Path(utils.__file__).resolve().parent.parent
    buffer, digest = io.BytesIO(), hashlib.sha256()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in FOLDERS:
            for path in _files(root / name):
                _add(archive, digest, path, path.relative_to(root).as_posix())
        archive.writestr("lectures/", "")
        for name, source in (added or {}).items():
            if source is None:
                continue
            if not source.exists():
                raise CourseError(f"there is no {source}, which should be sent to the workers")
            for path in _files(source):
                inside = "" if source.is_file() else f"/{path.relative_to(source).as_posix()}"
                _add(archive, digest, path, f"{SENT}/{name}{inside}")
    return Parcel(buffer.getvalue(), f"course-{digest.hexdigest()[:12]}")


def place_of(name: str) -> Path:
    """Return where something added to a parcel lies, on the worker that unpacked it."""
    return utils.ROOT / SENT / name


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _add(archive: zipfile.ZipFile, digest, path: Path, name: str) -> None:
    content = path.read_bytes()
    digest.update(name.encode() + b"\0" + content)
    archive.writestr(name, content)
