"""``course start NN``: a copy of a lecture in ``work/``, where a student writes.

Lectures themselves stay as they are, so that the course can be updated; work that is there is
never overwritten.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import utils
from utils.course import CourseError, notebooks


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``start``."""
    parser = subparsers.add_parser(
        "start",
        help="copy a lecture to work/ for you to write in",
        description="Copy a lecture to work/, without its outputs and its notes for speakers. What "
        "you wrote there stays.",
    )
    parser.add_argument("lecture", nargs="?", default="01", help="its number (01)")
    parser.add_argument("--lab", action="store_true", help="then open JupyterLab on it")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out ``course start``."""
    (lecture,) = notebooks.find([args.lecture])
    copy, made = start(lecture)
    if made:
        print(f"{notebooks.show(copy)} is yours to write in.")
    else:
        print(f"{notebooks.show(copy)} is there already and stays as it is.")
    if args.lab:
        return open_lab(copy)
    print(f"Open it with: course start {copy.name[:2]} --lab (or in a JupyterLab that is open)")
    return 0


def start(lecture: Path, folder: Path | None = None) -> tuple[Path, bool]:
    """Copy a lecture without outputs and speaker notes, unless a copy is there.

    Parameters
    ----------
    lecture : Path
    folder : Path, optional
        Where to; ``work/`` if left out.

    Returns
    -------
    copy : Path
    made : bool
        False if it was there already.
    """
    copy = (folder or utils.ROOT / "work") / lecture.name
    if copy.exists():
        return copy, False
    notebook = notebooks.read(lecture)
    notebook["cells"] = [
        cell
        for cell in notebook["cells"]
        if cell["metadata"].get("slideshow", {}).get("slide_type") != "notes"
    ]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    notebook["metadata"].get("course", {}).pop("digest", None)
    notebooks.write(copy, notebook)
    return copy, True


SETTINGS = Path(__file__).parent / "templates" / "lab"
"""Holds ``overrides.json``: JupyterLab's defaults in this course, so no question about news."""

QUIET = (
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.news_url=None",
    f"--LabApp.app_settings_dir={SETTINGS}",
)
"""JupyterLab asks its makers for a newer version and for news, unless told not to."""


def lab_command(copy: Path) -> list[str]:
    """Return the command that opens JupyterLab on a notebook, for this machine's user only.

    The address it prints leads to the notebook, its files are the course's, and its terminals keep
    the path they are given.
    """
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", *QUIET]
    root = utils.ROOT if copy.is_relative_to(utils.ROOT) else copy.parent
    command += [
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{copy.relative_to(root).as_posix()}",
    ]
    if os.name == "posix":  # a login shell would begin with a path of its own
        shell = os.environ.get("SHELL") or "sh"
        command.append(f"--ServerApp.terminado_settings={{'shell_command': [{shell!r}]}}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return command


def lab_environment() -> dict[str, str]:
    """Return this environment with the command ``course`` on its path."""
    programs = sysconfig.get_path("scripts")
    return os.environ | {"PATH": programs + os.pathsep + os.environ.get("PATH", "")}


def open_lab(copy: Path) -> int:
    """Open JupyterLab on a notebook and wait until it is closed."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise CourseError('JupyterLab is missing: pip install -c constraints.txt -e ".[course]"')
    try:
        return subprocess.call(lab_command(copy), cwd=utils.ROOT, env=lab_environment())
    except KeyboardInterrupt:
        return 0
