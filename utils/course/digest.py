"""What a stored result was made from, so that a stale one is noticed.

A digest names the cells of a notebook, the modules of ``utils`` and the data files its kernel
used, each with a short SHA-256, and the version of torch. A module counts by what it does: a
changed comment or docstring leaves its hash as it was.
"""

import ast
import functools
import hashlib
import importlib.metadata
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from utils.course import notebooks

_ROOT = Path(__file__).resolve().parents[2]
_CACHE = "cache:"
_OWN = ("utils/course/", "utils/__init__.py")
_STUDIES = "utils/course/studies/"

PROBE = """__import__("json").dumps({
    "modules": sorted(
        module.__file__ for name, module in list(__import__("sys").modules.items())
        if name.split(".")[0] == "utils" and getattr(module, "__file__", None)
    ),
    "files": sorted(map(str, getattr(
        __import__("sys").modules.get("utils.fetch"), "files_used", ()))),
    "torch": "torch" in __import__("sys").modules,
    "cpu_seconds": sum(__import__("os").times()[:4]),
})"""
"""An expression that, evaluated in a kernel, tells as JSON what the kernel used."""


def used_here() -> dict:
    """Return what this process used, as the probe of a kernel tells it."""
    import json

    return json.loads(eval(PROBE))


def short_hash(data: bytes) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of some bytes."""
    return hashlib.sha256(data).hexdigest()[:16]


def code_hash(code: str, package: bool = False) -> str:
    """Return the hash of what Python code does: comments, layout and docstrings do not count.

    It does not depend on the version of Python, as :func:`ast.dump` does.

    Parameters
    ----------
    code : str
    package : bool
        Whether it is a package's ``__init__``. There ``__all__`` and tables of names that say
        where something lives do not count either: a new entry changes nothing for who does not
        use it, and for who does, the module it leads to counts by itself.
    """
    parts: list[str] = []

    def visit(value: object) -> None:
        if isinstance(value, ast.AST):
            parts.append(f"({type(value).__name__}")
            for name in value._fields:
                item = getattr(value, name, None)
                if name in ("kind", "type_comment", "ctx") or item is None or item == []:
                    continue
                if name == "body" and isinstance(
                    value, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
                ):
                    item = _without_docstring(item)
                parts.append(f".{name}=")
                visit(item)
            parts.append(")")
        elif isinstance(value, list):
            parts.append("[")
            for item in value:
                visit(item)
            parts.append("]")
        else:
            parts.append(f"{type(value).__name__}:{value!r};")

    tree = ast.parse(code)
    if package:
        tree.body = [statement for statement in tree.body if not _is_table(statement)]
    visit(tree)
    return short_hash("".join(parts).encode())


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    # Strings behind assignments document a constant: they do not count either.
    return [
        statement
        for statement in body
        if not (
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Constant)
            and isinstance(statement.value.value, str)
        )
    ]


def _is_table(statement: ast.stmt) -> bool:
    """Whether a statement assigns a literal table of names, or ``__all__``."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return False
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    if [target.id for target in targets if isinstance(target, ast.Name)] == ["__all__"]:
        return True
    value = statement.value
    return isinstance(value, ast.Dict) and all(
        isinstance(item, ast.Constant) and isinstance(item.value, str)
        for item in [*value.keys, *value.values]
    )


def file_hash(path: Path) -> str:
    """Return the hash of a file: of what it does for a Python module, of its bytes else."""
    status = path.stat()
    return _file_hash(path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=4096)
def _file_hash(path: Path, modified: int, size: int) -> str:
    if path.suffix == ".py":
        try:
            text = path.read_text(encoding="utf-8")
            return code_hash(text, package=path.name == "__init__.py")
        except (SyntaxError, ValueError):
            pass
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def key_of(path: Path) -> str:
    """Return the name a digest knows a file by: the same on every machine where possible."""
    path = path.resolve()
    for folder, prefix in ((_ROOT, ""), (_cache_folder(), _CACHE)):
        if folder is not None and path.is_relative_to(folder):
            return prefix + path.relative_to(folder).as_posix()
    return path.as_posix()


def path_of(key: str) -> Path:
    """Return the file a digest's name stands for on this machine."""
    if key.startswith(_CACHE):
        return (_cache_folder() or _ROOT / "data") / key.removeprefix(_CACHE)
    return _ROOT / key


def _cache_folder() -> Path | None:
    from utils import fetch

    return Path(fetch.cache_folder()).resolve()


def cells(notebook: dict) -> list[str]:
    """Return one entry ``ID HASH`` for each code cell of a notebook, in order."""
    return [
        f"{cell.get('id', '-')} {short_hash(notebooks.source(cell).strip().encode())}"
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]


def version(package: str) -> str | None:
    """Return the version of an installed package without its local part, None if it is not."""
    try:
        return importlib.metadata.version(package).split("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None


def pinned(package: str) -> str | None:
    """Return the version of a package that constraints.txt asks for on every platform."""
    for line in (_ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, _, exact = line.partition("==")
        if name == package:
            return exact.split(";")[0].strip()
    return None


@dataclass(frozen=True)
class Moment:
    """When a run began, and what each package of ``utils`` then came to.

    Parameters
    ----------
    seconds : float
        Of the epoch.
    packages : dict of Path to str
        Hash of each ``__init__.py``: an entry added to its table of names while the run goes on
        leaves it as it was.
    """

    seconds: float
    packages: dict[Path, str]


def now() -> Moment:
    """Return the moment that :func:`of_used` compares with."""
    packages = (_ROOT / "utils").rglob("__init__.py")
    return Moment(time.time(), {path: file_hash(path) for path in packages})


def of_used(used: dict, since: Moment | float | None = None) -> dict:
    """Return the digest of what a kernel or a process used.

    Parameters
    ----------
    used : dict
        What :data:`PROBE` told.
    since : Moment or float, optional
        When the kernel started (:func:`now`, or seconds of the epoch): a module that was written
        later is not the one it ran, and is marked so.

    Returns
    -------
    dict
        ``modules`` and ``data`` (name to hash), ``torch`` (version, None if it was not loaded).
    """
    since = Moment(since, {}) if isinstance(since, int | float) else since
    modules = {}
    for name in used["modules"]:
        path = Path(name)
        key = key_of(path)
        if key.startswith(_OWN) and not key.startswith(_STUDIES):
            continue
        value = file_hash(path)
        later = since is not None and path.stat().st_mtime > since.seconds
        edited = later and since.packages.get(path) != value
        modules[key] = "edited while it ran" if edited else value
    data = {key_of(Path(name)): file_hash(Path(name)) for name in used["files"]}
    return {
        "modules": dict(sorted(modules.items())),
        "data": dict(sorted(data.items())),
        "torch": version("torch") if used["torch"] else None,
    }


def changes(digest: dict, *, torch: str | None, optional: bool = False) -> list[str]:
    """Return why what was made from these modules and data is stale: empty if it is not.

    Parameters
    ----------
    digest : dict
        As :func:`of_used` makes it.
    torch : str or None
        The version of torch that counts now.
    optional : bool
        Whether a file of the cache may be absent (another machine fetched it).
    """
    reasons = []
    for kind, word in (("modules", "module"), ("data", "data file")):
        for key, value in digest.get(kind, {}).items():
            try:
                now = file_hash(path_of(key))
            except OSError:
                if not (optional and key.startswith(_CACHE)):
                    reasons.append(f"{word} {key} is gone")
                continue
            if now != value:
                reasons.append(f"{word} {key} changed")
    if digest.get("torch") is not None and digest["torch"] != torch:
        reasons.append(f"made with torch {digest['torch']}, now {torch}")
    return reasons


def stale(notebook: dict) -> list[str]:
    """Return why a notebook's stored outputs are stale: empty if they are not.

    The version of torch that counts is the one in constraints.txt, so that the answer is the same
    on every machine.
    """
    digest = notebooks.course_metadata(notebook).get("digest")
    if not digest:
        return ["it holds no digest: its outputs were never stored by `course refresh`"]
    reasons = []
    before, now = digest.get("cells", []), cells(notebook)
    if before != now:
        old, new = ({entry.split()[0]: entry for entry in entries} for entries in (before, now))
        edited = [name for name in new if name in old and new[name] != old[name]]
        added = [name for name in new if name not in old]
        removed = [name for name in old if name not in new]
        parts = [
            f"{word} {_listed(names)}"
            for word, names in (("edited", edited), ("added", added), ("removed", removed))
            if names
        ]
        reasons.append(f"cells {'; '.join(parts)}" if parts else "cells in another order")
    return reasons + changes(digest, torch=pinned("torch"), optional=True)


def _listed(names: Iterable[str], limit: int = 5) -> str:
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def sources_hash(notebook: dict) -> str:
    """Return the hash of all an author wrote in a notebook: cells and metadata, no outputs."""
    import json

    metadata = dict(notebook.get("metadata", {}))
    metadata["course"] = {k: v for k, v in metadata.get("course", {}).items() if k != "digest"}
    written = [metadata] + [
        [cell["cell_type"], cell.get("id"), cell.get("metadata", {}), notebooks.source(cell)]
        for cell in notebook["cells"]
    ]
    return short_hash(json.dumps(written, sort_keys=True).encode())


def python() -> str:
    """Return the running Python's version, major and minor."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
