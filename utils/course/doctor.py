"""``course doctor``: what this machine has, what it lacks, and what to do about it."""

import argparse
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import utils
from utils.course import digest, jobs, notebooks

GOOD, NOTE, BAD = "ok", "note", "BAD"

LEAST_BYTES = 3e9
"""Memory below which a lecture with its kernel does not fit beside a browser."""

LEAST_DISK = 1e9

SIX = ("jupyterlab", "torch", "torchvision", "matplotlib", "nbval", "papermill")
"""Without these nothing runs."""


@dataclass(frozen=True)
class Finding:
    """One thing found: ``ok``, ``note`` (works without) or ``BAD`` (does not work)."""

    state: str
    what: str
    details: str


Check = Callable[[], Iterator[Finding]]


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``doctor``."""
    return subparsers.add_parser(
        "doctor",
        help="say what this machine has and lacks",
        description="Say what this machine has and lacks. Exit status 1 if the course cannot run.",
    )


def run(args: argparse.Namespace) -> int:
    """Carry out ``course doctor``."""
    bad = 0
    for check in CHECKS:
        for finding in check():
            bad += finding.state == BAD
            print(f"{finding.state:5s} {finding.what:12s} {finding.details}")
    if bad:
        print(f"\n{bad} thing{'s' if bad > 1 else ''} to mend before the course runs here.")
        return 1
    print("\nThe course runs on this machine.")
    return 0


def check_python() -> Iterator[Finding]:
    """Python's version, and whether this is an environment of its own."""
    version = sys.version.split()[0]
    if sys.prefix == sys.base_prefix:
        yield Finding(NOTE, "Python", f"{version}, without an environment of its own")
    else:
        yield Finding(GOOD, "Python", f"{version} in {sys.prefix}")


def check_package() -> Iterator[Finding]:
    """Whether ``import utils`` finds the course everywhere a notebook may lie."""
    yield Finding(GOOD, "course", f"{utils.ROOT}")
    for name in (notebooks.LECTURES, notebooks.SOLUTIONS, "work"):
        for stray in ("utils.py", "utils"):
            path = utils.ROOT / name / stray
            if path.exists():
                yield Finding(
                    BAD,
                    "course",
                    f"{notebooks.show(path)} would be imported instead of the course's package "
                    "`utils`: rename it",
                )


def check_packages() -> Iterator[Finding]:
    """Installed packages against the pins."""
    missing = [name for name in SIX if digest.version(name) is None]
    if missing:
        yield Finding(
            BAD,
            "packages",
            f"{', '.join(missing)} missing: pip install -c constraints.txt -e '.[course]'",
        )
    different = [
        f"{name} {installed} (pinned {wanted})"
        for name, wanted in pins()
        if (installed := digest.version(name)) is not None and installed != wanted
    ]
    if different:
        more = f" and {len(different) - 6} more" if len(different) > 6 else ""
        yield Finding(
            NOTE,
            "packages",
            f"not the pinned versions: {', '.join(different[:6])}{more}; stored outputs were made "
            "with the pinned ones",
        )
    elif not missing:
        yield Finding(GOOD, "packages", "the pinned versions")


def pins() -> Iterator[tuple[str, str]]:
    """Yield name and version of each pin in constraints.txt that holds for this machine."""
    from packaging.requirements import Requirement

    for line in (utils.ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement.name, str(requirement.specifier).removeprefix("==")


def check_torch() -> Iterator[Finding]:
    """Whether torch can be imported, and which device it computes on."""
    if importlib.util.find_spec("torch") is None:
        return
    asked = "import torch; from utils.training import device; print(torch.__version__, end='|');"
    asked += "kind = str(device('auto')); print(kind, end='|');"
    asked += "print(torch.cuda.get_device_name(0) if kind.startswith('cuda') else '')"
    answer = subprocess.run(
        [sys.executable, "-c", asked], cwd=utils.ROOT, capture_output=True, text=True
    )
    if answer.returncode:
        last = (answer.stderr.strip().splitlines() or ["no message"])[-1]
        yield Finding(BAD, "torch", f"cannot be imported: {last}")
        return
    version, kind, name = answer.stdout.strip().split("|")
    if kind == "cpu":
        yield Finding(NOTE, "torch", f"{version}, no GPU: every lecture keeps its budget without")
    else:
        yield Finding(GOOD, "torch", f"{version} on {kind} {name}".rstrip())


def check_machine() -> Iterator[Finding]:
    """Cores, memory and disk."""
    import psutil

    total, free, cores = psutil.virtual_memory().total, jobs.free_bytes(), jobs.cores()
    count = jobs.parallel(None, jobs=99)
    text = f"{free / 1e9:.1f} of {total / 1e9:.1f} GB free"
    if free < LEAST_BYTES:
        yield Finding(NOTE, "memory", f"{text}: close programs, or use `course run --jobs 1`")
    else:
        yield Finding(GOOD, "memory", text)
    plural = "s" if count > 1 else ""
    yield Finding(
        GOOD, "cores", f"{cores}: `course run` executes {count} lecture{plural} at a time"
    )
    space = shutil.disk_usage(utils.ROOT).free
    state = GOOD if space >= LEAST_DISK else BAD
    yield Finding(state, "disk", f"{space / 1e9:.1f} GB free for build/")


def check_browser() -> Iterator[Finding]:
    """Chromium, which prints slides as PDF and tests them."""
    from utils.course.slides import find_browser

    browser = find_browser()
    if browser:
        yield Finding(GOOD, "browser", browser)
    else:
        yield Finding(NOTE, "browser", "no Chromium: slides are made, but not printed as PDF")


def check_cluster() -> Iterator[Finding]:
    """Dask, which spreads the work over several machines."""
    version = digest.version("distributed")
    if version:
        yield Finding(GOOD, "cluster", f"Dask {version}")
    else:
        yield Finding(
            NOTE,
            "cluster",
            "no Dask, which `--scheduler` and `course bench cluster` need: "
            'pip install -c constraints.txt -e ".[course,cluster]"',
        )


def check_data() -> Iterator[Finding]:
    """Which data sets lie here, and which a command would bring."""
    from utils import fetch

    states = {name: fetch.state(name) for name in fetch.manifest()}
    here = [name for name, state in states.items() if state in ("committed", "cached")]
    yield Finding(GOOD, "data", f"here: {', '.join(here)}")
    lost = [
        f"data/{file}"
        for name in states
        for file in fetch.committed_files(name)
        if not (utils.ROOT / "data" / file).is_file()
    ]
    if lost:
        yield Finding(BAD, "data", f"{', '.join(lost)} missing: git checkout data/")
    optional = [name for name, state in states.items() if state.startswith(("optional", "commi"))]
    optional = [name for name in optional if name not in here]
    if optional:
        yield Finding(
            NOTE, "data", f"optional, not here: {', '.join(optional)} (`course data fetch`)"
        )
    yours = [name for name, state in states.items() if state.startswith("yours")]
    if yours:
        yield Finding(NOTE, "data", f"only from a folder of yours: {', '.join(yours)}")


def check_kernel() -> Iterator[Finding]:
    """Whether ``python3``, the kernel of every notebook, is this Python's."""
    if importlib.util.find_spec("jupyter_client") is None:
        return
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        yield Finding(BAD, "kernel", "no kernel python3: pip install ipykernel")
        return
    program = spec.argv[0]
    if re.fullmatch(r"python[\d.]*", program) or program == sys.executable:
        yield Finding(GOOD, "kernel", "python3 is this Python")
    else:
        yield Finding(
            NOTE,
            "kernel",
            f"python3 is {program}, not this Python: JupyterLab may start another environment",
        )


CHECKS: tuple[Check, ...] = (
    check_python,
    check_package,
    check_packages,
    check_torch,
    check_kernel,
    check_machine,
    check_browser,
    check_cluster,
    check_data,
)
