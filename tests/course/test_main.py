"""The command `course` answers at once, and every failure it foresees is one sentence."""

import argparse
import errno
import os
import subprocess
import sys
import types

import pytest

import utils.course
from utils.course import CourseError, main


@pytest.fixture
def command(monkeypatch):
    """Install a subcommand `probe` that does what a test says."""

    def install(run):
        module = types.ModuleType("probe_command")
        module.add_parser = lambda subparsers: subparsers.add_parser("probe")
        module.run = run
        monkeypatch.setitem(sys.modules, "probe_command", module)
        monkeypatch.setitem(utils.course.COMMANDS, "probe", ("probe_command", "a probe"))

    return install


def test_help_lists_every_command_and_imports_none():
    program = (
        "import sys; from utils.course import main; status = main(['--help']);"
        "heavy = {'torch', 'nbformat', 'papermill', 'rich', 'numpy', 'utils.course.run'};"
        "print(sorted(heavy & set(sys.modules)), status)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    lines = shown.stdout.splitlines()
    assert lines[-1] == "[] 0", shown.stdout + shown.stderr
    words = {line.split()[0] for line in lines if line.startswith("    ")}
    assert words == set(utils.course.COMMANDS)


def test_the_exit_status_is_the_commands(command):
    command(lambda args: 7)
    assert main(["probe"]) == 7


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (CourseError("no lecture '99'"), "course probe: no lecture '99'\n"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "build/a"),
            "course probe: No space left on device: build/a\n",
        ),
    ],
)
def test_what_goes_wrong_is_one_sentence(command, capsys, error, sentence):
    def run(args: argparse.Namespace) -> int:
        raise error

    command(run)
    assert main(["probe"]) == 1
    assert capsys.readouterr().err == sentence


def test_a_defect_of_ours_is_not_hidden(command):
    def run(args: argparse.Namespace) -> int:
        raise ZeroDivisionError

    command(run)
    with pytest.raises(ZeroDivisionError):
        main(["probe"])


def test_ctrl_c_ends_with_130(command, capsys):
    def run(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    command(run)
    assert main(["probe"]) == 130
    assert "what was finished stays" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["nonsense"], ["probe", "--nonsense"]])
def test_arguments_that_make_no_sense_end_with_2(command, capsys, argv):
    command(lambda args: 0)
    assert main(argv) == 2
    assert "usage: course" in capsys.readouterr().err
