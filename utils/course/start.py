"""``course start NN``: a copy of a lecture in ``work/``, where a student writes.

Lectures themselves stay as they are, so that the course can be updated; work that is there is
never overwritten.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import utils
from utils.course import CourseError, notebooks


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``start``."""
    parser = subparsers.add_parser(
        "start",
        help="copy a lecture to work/ for you to write in",
        description="Copy a lecture without its outputs to work/. What you wrote there stays.",
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
    print(f"Open it with: jupyter lab {notebooks.show(copy)}")
    return 0


def start(lecture: Path) -> tuple[Path, bool]:
    """Copy a lecture without its outputs to ``work/``, unless a copy is there.

    Parameters
    ----------
    lecture : Path

    Returns
    -------
    copy : Path
    made : bool
        False if it was there already.
    """
    copy = utils.ROOT / "work" / lecture.name
    if copy.exists():
        return copy, False
    notebook = notebooks.read(lecture)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    notebook["metadata"].get("course", {}).pop("digest", None)
    notebooks.write(copy, notebook)
    return copy, True


QUIET = (
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.news_url=None",
)
"""JupyterLab asks its makers for a newer version and for news, unless told not to."""


def lab_command(copy: Path) -> list[str]:
    """Return the command that opens JupyterLab on a notebook, for this machine's user only."""
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", str(copy)]
    command += QUIET
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return command


def open_lab(copy: Path) -> int:
    """Open JupyterLab on a notebook and wait until it is closed."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise CourseError('JupyterLab is missing: pip install -c constraints.txt -e ".[course]"')
    try:
        return subprocess.call(lab_command(copy), cwd=utils.ROOT)
    except KeyboardInterrupt:
        return 0
