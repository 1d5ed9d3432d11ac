"""The command ``course``: run, test, refresh, show and copy the lectures.

Each subcommand lives in a module of its own with ``add_parser(subparsers)``, which returns its
parser, and ``run(args) -> int``, the exit status. Only the module of the command that was asked
for is imported, so that ``course --help`` answers at once.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

COMMANDS: dict[str, tuple[str, str]] = {
    "all": ("utils.course.everything", "execute every lecture, then build slides and site"),
    "run": ("utils.course.run", "execute lectures into build/, in parallel"),
    "slides": ("utils.course.slides", "build the slides"),
    "site": ("utils.course.site", "build the web site"),
    "start": ("utils.course.start", "copy a lecture to work/ for you to write in"),
    "doctor": ("utils.course.doctor", "say what this machine has and lacks"),
    "data": ("utils.course.data", "list, fetch or verify the data sets"),
    "grade": ("utils.course.grade", "mark a folder of submitted notebooks"),
    "grid": ("utils.course.grid", "run lecture 11's whole experiment on a folder of faces"),
    "slurm": ("utils.course.slurm", "write job scripts for a SLURM cluster"),
    "nbgrader": ("utils.course.nbgrader", "export a lecture as an nbgrader assignment"),
    "new": ("utils.course.new", "write the skeleton of a lecture, for authors"),
    "bench": ("utils.course.benchmark", "compare the course's speed with what people use today"),
    "lint": ("utils.course.lint", "say what notebooks break of the house's rules"),
    "refresh": ("utils.course.refresh", "re-execute notebooks in place and store their outputs"),
    "study": ("utils.course.study", "run a lecture's full experiment into data/measured/"),
    "test": ("utils.course.testing", "run the tests, stage by stage"),
}
"""Name of each subcommand: the module it lives in, and what it does."""


class CourseError(Exception):
    """What a user can mend: one sentence that says what was given, what is allowed, what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command ``course``.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments behind the word ``course``; those of the process if left out.

    Returns
    -------
    int
        0 if all went well, 1 if something failed, 2 for arguments that make no sense,
        130 after Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    parser = argparse.ArgumentParser(
        prog="course",
        description="Introduction to Convolutional Neural Networks: lectures that run.",
        epilog="`course COMMAND --help` explains one command.",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in argv if not word.startswith("-")), None)
    run = None
    for name, (module, summary) in COMMANDS.items():
        if name != chosen:
            subparsers.add_parser(name, help=summary)
            continue
        try:
            command = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name == module:
                print(f"course {name}: this version has no such command yet", file=sys.stderr)
            else:
                print(
                    f"course {name}: the package {error.name} is missing: "
                    'pip install -c constraints.txt -e ".[course,dev]"',
                    file=sys.stderr,
                )
            return 1
        command.add_parser(subparsers)
        run = command.run
    try:
        args = parser.parse_args(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    from utils.fetch import DataError

    try:
        return run(args)
    except (CourseError, DataError) as error:
        print(f"course {args.command}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(f"course {args.command}: {error.strerror or error}{where}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\ncourse {args.command}: stopped; what was finished stays", file=sys.stderr)
        return 130
