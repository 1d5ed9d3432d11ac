"""What the tests of faults share."""

import argparse

import pytest
from shop import Shop

from utils import fetch
from utils.course import data as command


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    made = Shop(tmp_path)
    monkeypatch.setattr(fetch, "DATA", made.data)
    monkeypatch.setattr(fetch, "MANIFEST", made.data / "manifest.toml")
    monkeypatch.setenv("COURSE_DATA", str(made.cache))
    monkeypatch.setenv("PATH", str(made.bin))
    return made


@pytest.fixture
def course(capsys):
    """Run ``course data ...`` in this process: exit status, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser()
        command.add_parser(parser.add_subparsers())
        capsys.readouterr()
        status = command.run(parser.parse_args(["data", *arguments]))
        return status, *capsys.readouterr()

    return run
