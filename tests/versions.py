"""Does the course work with other versions of what it stands on?

    python tests/versions.py newest     the newest releases, nothing pinned
    python tests/versions.py oldest     the oldest that pyproject.toml allows
    python tests/versions.py lock       exactly requirements.lock, hashes required

Each clones the last commit to build/versions/WHICH, installs there in an environment of its own,
runs the fast tests and the strict test of every notebook's outputs (``--stage`` chooses others,
``--no-tests`` none), and writes build/versions/WHICH.md: which versions differ from
constraints.txt, and what broke. The exit status is 1 if anything did. Needs a package index,
about 6 GB and the package `packaging`; uv is used where it is on PATH, and needed for "oldest". Run it by hand, or on a
schedule (.github/workflows/newest.yml).
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ".[course,dev]"
SECONDS = 7200
"""Time limit of an installation, and of the tests."""


class Broken(Exception):
    """A step did not work; the report says so, and ends there."""


def run(command: list, folder: Path, log: Path, *, check: bool = True, **environment) -> str:
    """Run a command and return what it printed; all of it is added to `log` as well."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=SECONDS,
        check=False,
    )
    with log.open("a", encoding="utf-8") as file:
        file.write(f"\n$ {' '.join(map(str, command))}\n{done.stdout}")
    if check and done.returncode:
        last = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise Broken(f"`{' '.join(map(str, command[:5]))} ...` failed:\n\n{last}")
    return done.stdout


def install(which: str, clone: Path, python: Path, log: Path) -> None:
    """Install the course's dependencies and the course itself, editable, into an environment."""
    uv = shutil.which("uv")
    pip = [uv, "pip"] if uv else [python, "-m", "pip"]
    into = ["--python", python] if uv else []
    if which != "lock":
        with unpinned(clone / "pyproject.toml"):
            _resolve(which, uv, pip, into, clone, log)
    else:
        hashes = ["--require-hashes", "-r", "requirements.lock"]
        run([*pip, "install", *into, *hashes], clone, log)
        run([*pip, "install", *into, "--no-deps", "-e", "."], clone, log)
    run([*pip, "check", *into], clone, log)


@contextlib.contextmanager
def unpinned(project: Path) -> Iterator[None]:
    """While it lasts, a pyproject.toml lacks the versions that it pins for uv."""
    text = project.read_text(encoding="utf-8")
    project.write_text(re.sub(r"(?m)^constraint-dependencies = .*\n", "", text), encoding="utf-8")
    try:
        yield
    finally:
        project.write_text(text, encoding="utf-8")


def _resolve(which: str, uv: str | None, pip: list, into: list, clone: Path, log: Path) -> None:
    if which == "newest":
        run([*pip, "install", *into, "--upgrade", "-e", EXTRAS], clone, log)
    elif not uv:
        raise Broken("the oldest allowed versions are found by uv: pip install uv")
    else:
        lowest = ["--resolution", "lowest-direct"]
        run([uv, "pip", "install", *into, *lowest, "-e", EXTRAS], clone, log)


def installed(python: Path, clone: Path, log: Path) -> dict[str, str]:
    """Return the version of each package of an environment."""
    program = (
        "import importlib.metadata as m, json; "
        "print(json.dumps({d.metadata['Name']: d.version for d in m.distributions()}))"
    )
    found = json.loads(run([python, "-c", program], clone, log).splitlines()[-1])
    return {canonicalize_name(name): version for name, version in found.items()}


def pinned(path: Path) -> dict[str, str]:
    """Return the versions that constraints.txt pins."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if "==" in line and not line.lstrip().startswith("#"):
            pin = Requirement(line)
            if pin.marker is None or pin.marker.evaluate():  # of this platform and this Python
                found[canonicalize_name(pin.name)] = str(pin.specifier).removeprefix("==")
    return found


def broken_tests(clone: Path) -> list[str]:
    """Return what ``course test`` found wrong, from its record."""
    record = clone / "build" / "reports" / "summary.json"
    if not record.is_file():
        return ["the tests did not come to their end"]
    stages = json.loads(record.read_text(encoding="utf-8"))["stages"]
    failed = [f"{stage}: {name}" for stage, each in stages.items() for name in each["failed"]]
    problems = json.loads(record.read_text(encoding="utf-8"))["problems"]
    return failed or problems


def main() -> int:
    """Carry it out and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", choices=["newest", "oldest", "lock"])
    parser.add_argument("--stage", action="append", choices=["fast", "notebooks", "faults"])
    parser.add_argument("--no-tests", action="store_true", help="only install, check and import")
    args = parser.parse_args()

    home = ROOT / "build" / "versions"
    clone, report, log = home / args.which, home / f"{args.which}.md", home / f"{args.which}.log"
    shutil.rmtree(clone, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    log.write_text("", encoding="utf-8")
    begun, commit, versions, broken = time.monotonic(), "?", {}, []
    try:
        run(["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", clone], ROOT, log)
        commit = run(["git", "rev-parse", "--short", "HEAD"], clone, log).strip()
        if uv := shutil.which("uv"):
            run([uv, "venv", "--quiet", "--python", sys.executable, ".venv"], clone, log)
        else:
            run([sys.executable, "-m", "venv", ".venv"], clone, log)
        binaries = clone / ".venv" / ("Scripts" if os.name == "nt" else "bin")
        install(args.which, clone, binaries / "python", log)
        versions = installed(binaries / "python", clone, log)
        run([binaries / "course", "doctor"], clone, log, check=False)
        if not args.no_tests:
            stages = [word for s in args.stage or ["fast", "notebooks"] for word in ("--stage", s)]
            run([binaries / "course", "test", *stages], clone, log, check=False)
            broken = broken_tests(clone)
    except (Broken, OSError, subprocess.TimeoutExpired) as error:
        broken = [str(error)]
    pins = pinned(ROOT / "constraints.txt")
    other = [
        f"| {name} | {pins[name]} | {version} |"
        for name, version in sorted(versions.items())
        if name in pins and pins[name] != version
    ]
    lines = [
        f"# {args.which}: commit {commit}, Python {sys.version.split()[0]}, "
        f"{(time.monotonic() - begun) / 60:.0f} minutes",
        "",
        f"{len(versions)} packages, {len(other)} of another version than constraints.txt pins.",
        "",
        *(["| package | pinned | here |", "|---|---|---|", *other, ""] if other else []),
        f"## What broke ({len(broken)})" if broken else "## Nothing broke",
        *(["(not tested: --no-tests)"] if args.no_tests else []),
        "",
        *(f"- {text}" for text in broken),
    ]
    report.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print(report.read_text(encoding="utf-8"))
    print(f"All that was printed on the way: {log}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
