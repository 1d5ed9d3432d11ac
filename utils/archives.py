"""Read single members of archives that others made, without ever extracting one.

npm packs, Debian packages, wheels and source archives all carry data files. Nothing here writes
a member under the name the archive gives it: a member is read into memory by name, and the caller
stores it under a name of its own. An archive that holds an absolute name or one with ``..``, or
that unpacks to more than the caller allows, is refused as a whole; links are never followed.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import shutil
import stat
import subprocess
import tarfile
import zipfile
import zlib
from pathlib import Path

_CHUNK = 1 << 20
_OPENERS = {".gz": gzip.open, ".tgz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError)


class UnsafeArchive(ValueError):
    """An archive that is broken, too large, or tries to reach outside itself."""


class Members:
    """Files of an archive or of a folder, by name.

    Parameters
    ----------
    path : Path
        A ``.tar`` (also ``.tar.gz``, ``.tgz``, ``.tar.xz``, ``.tar.bz2``), a zip or wheel
        (``.zip``, ``.whl``), a Debian package (``.deb``), or a folder.
    scratch : Path
        An existing folder for the decompressed tar, on a disk that has room for `limit` bytes.
    limit : int
        Bytes that all members together may have once decompressed.

    Raises
    ------
    UnsafeArchive
        If the archive cannot be read, holds a name that leads outside it, or is larger than
        `limit`.
    OSError
        If the scratch folder cannot be written.
    """

    def __init__(self, path: Path, scratch: Path, limit: int):
        self._path = Path(path)
        self._limit = limit
        self._zip = self._tar = None
        try:
            if self._path.is_dir():
                self._infos = None
            elif self._path.suffix in (".zip", ".whl"):
                self._open_zip()
            else:
                self._open_tar(Path(scratch))
        except UnsafeArchive:
            self.close()
            raise
        except (*_BROKEN, OSError) as error:
            self.close()
            if getattr(error, "errno", None) is not None:  # the disk's fault, not the archive's
                raise
            raise UnsafeArchive(f"{self._path.name} is not a whole archive ({error})") from error

    def names(self) -> list[str]:
        """Names of the regular files, sorted, with ``/`` between folders and no leading ``./``."""
        if self._infos is None:
            return sorted(
                p.relative_to(self._path).as_posix()
                for p in self._path.rglob("*")
                if p.is_file() and not p.is_symlink()
            )
        return sorted(self._infos)

    def read(self, name: str) -> bytes:
        """Content of one member.

        Raises
        ------
        UnsafeArchive
            If there is no regular file of that name (a link is none), it is damaged, or it is
            larger than the limit.
        """
        try:
            if self._infos is None:
                content = self._read_from_folder(name)
            elif name not in self._infos:
                raise UnsafeArchive(f"{self._path.name} holds no regular file {name}")
            elif self._zip is not None:
                with self._zip.open(self._infos[name]) as member:
                    content = member.read(self._limit + 1)
            else:
                with self._tar.extractfile(self._infos[name]) as member:
                    content = member.read(self._limit + 1)
        except _BROKEN as error:
            raise UnsafeArchive(f"{name} in {self._path.name} is damaged ({error})") from error
        if len(content) > self._limit:
            raise UnsafeArchive(f"{name} in {self._path.name} has more than {self._limit:,} bytes")
        return content

    def close(self) -> None:
        """Close the archive's file."""
        for archive in (self._zip, self._tar):
            if archive is not None:
                archive.close()

    def __enter__(self) -> Members:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def _read_from_folder(self, name: str) -> bytes:
        path = self._path / _inside(name, self._path)
        if not path.is_file() or path.is_symlink():
            raise UnsafeArchive(f"{self._path} holds no regular file {name}")
        with path.open("rb") as stream:
            return stream.read(self._limit + 1)

    def _open_zip(self) -> None:
        self._zip = zipfile.ZipFile(self._path)
        self._infos, total = {}, 0
        for info in self._zip.infolist():
            name = _inside(info.filename, self._path)
            total = self._add(total, info.file_size)
            if not info.is_dir() and not stat.S_ISLNK(info.external_attr >> 16):
                self._infos[name] = info

    def _open_tar(self, scratch: Path) -> None:
        plain = self._path
        if plain.suffix != ".tar":
            plain = scratch / "unpacked.tar"
            with plain.open("wb") as target:
                self._decompress(target)
        self._tar = tarfile.open(plain, mode="r:")
        self._infos, total = {}, 0
        for info in self._tar:
            name = _inside(info.name, self._path)
            total = self._add(total, info.size)
            if info.isreg():
                self._infos[name] = info

    def _decompress(self, target) -> None:
        if self._path.suffix == ".deb":
            tool = shutil.which("dpkg-deb")
            if tool is None:
                raise UnsafeArchive(f"{self._path.name} needs dpkg-deb, which is not on PATH")
            with subprocess.Popen(
                [tool, "--fsys-tarfile", str(self._path)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as process:
                try:
                    self._copy(process.stdout, target)
                except BaseException:
                    process.kill()
                    raise
            if process.returncode:
                raise UnsafeArchive(f"{self._path.name} is not a whole Debian package")
            return
        opener = _OPENERS.get(self._path.suffix)
        if opener is None:
            raise UnsafeArchive(f"{self._path.name} is no kind of archive this course reads")
        with opener(self._path, "rb") as stream:
            self._copy(stream, target)

    def _copy(self, stream, target) -> None:
        # Headers and padding come on top of the members: allow a part for them.
        allowed, total = self._limit + self._limit // 8 + 64 * 1024, 0
        while chunk := stream.read(_CHUNK):
            total += len(chunk)
            if total > allowed:
                raise UnsafeArchive(f"{self._path.name} unpacks to more than {self._limit:,} bytes")
            target.write(chunk)

    def _add(self, total: int, size: int) -> int:
        if total + size > self._limit:
            raise UnsafeArchive(f"{self._path.name} unpacks to more than {self._limit:,} bytes")
        return total + size


def gunzip(content: bytes, limit: int) -> bytes:
    """Decompress a gzip stream that may have at most `limit` bytes of content.

    Raises
    ------
    UnsafeArchive
        If the stream is damaged or holds more than `limit` bytes.
    """
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            plain = stream.read(limit + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise UnsafeArchive(f"a gzip stream is damaged ({error})") from error
    if len(plain) > limit:
        raise UnsafeArchive(f"a gzip stream unpacks to more than {limit:,} bytes")
    return plain


def _inside(name: str, archive: Path) -> str:
    """The member's name without a leading ``./``; refused if it leads out of the archive."""
    parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".")]
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in parts:
        raise UnsafeArchive(f"{archive.name} holds the name {name!r}, which leads outside it")
    return "/".join(parts)


def stored_zip(archive: Members, file: str, source: dict) -> bytes:
    """All members of `archive` below ``source["prefix"]`` as one zip without compression.

    The bytes are the same wherever the members came from: sorted names, one fixed date, one
    fixed set of permissions. So a folder of thousands of pictures has one SHA-256. `file` is the name
    of the zip in the cache, and not used here.
    """
    content = io.BytesIO()
    prefix = source["prefix"]
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as target:
        for name in archive.names():
            if name.startswith(prefix):
                info = zipfile.ZipInfo(name[len(prefix) :], date_time=(1980, 1, 1, 0, 0, 0))
                info.create_system, info.external_attr = 3, 0o644 << 16
                target.writestr(info, archive.read(name))
    return content.getvalue()
