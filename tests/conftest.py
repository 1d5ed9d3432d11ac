"""What several folders of tests share: a small clone of the course to break things in."""

import json
import signal
from pathlib import Path

import pytest
from unfinished import pytest_runtest_teardown

import utils

__all__ = ["pytest_runtest_teardown"]  # a hook: nothing half-written is left by any test

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts its background jobs deaf to Ctrl-C, and every child inherits that: the tests
    # that press it need the ordinary handler.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def markdown(source: str, *tags: str, **metadata) -> dict:
    """A markdown cell with these tags and this metadata."""
    if tags:
        metadata["tags"] = list(tags)
    return {"cell_type": "markdown", "metadata": metadata, "source": source}


def code(source: str, *tags: str, outputs: list | tuple = (), count: int | None = None, **metadata):
    """A code cell with these tags, stored outputs, execution count and metadata."""
    if tags:
        metadata["tags"] = list(tags)
    return {
        "cell_type": "code",
        "execution_count": count,
        "metadata": metadata,
        "outputs": list(outputs),
        "source": source,
    }


def stdout(text: str) -> dict:
    """An output: what a cell printed."""
    return {"output_type": "stream", "name": "stdout", "text": text}


PARAMETERS = 'PRESET = "quick"  # or "full"\nSEED = 0  # of everything random'


class Clone:
    """A folder with lectures, solutions and data, as the commands expect their repository."""

    markdown = staticmethod(markdown)
    code = staticmethod(code)
    stdout = staticmethod(stdout)
    PARAMETERS = PARAMETERS

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("lectures", "solutions", "data"):
            (root / folder).mkdir()
        (root / "data" / "manifest.toml").write_text("", encoding="utf-8")

    def notebook(self, name: str, *cells, folder: str = "lectures", **course) -> Path:
        """Write a notebook: title and parameters, then these cells (strings are code)."""
        head = [markdown(f"# {name}"), code(PARAMETERS, "parameters")]
        body = [code(cell) if isinstance(cell, str) else cell for cell in cells]
        return self.write(name, head + body, folder, **course)

    def write(self, name: str, cells: list[dict], folder: str = "lectures", **course) -> Path:
        """Write a notebook of exactly these cells; those without an id get one by their place."""
        for place, cell in enumerate(cells):
            cell.setdefault("id", f"cell-{place}")
        notebook = {
            "cells": cells,
            "metadata": {
                "course": {"lecture": name[:2], "title": name, "budget": 5} | course,
                "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                "language_info": {"name": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        path = self.root / folder / f"{name}.ipynb"
        path.write_text(json.dumps(notebook, indent=1) + "\n", encoding="utf-8")
        return path


@pytest.fixture
def clone(tmp_path, monkeypatch) -> Clone:
    """A small clone of the course, which `utils.ROOT` names while the test runs."""
    folder = tmp_path / "clone"
    folder.mkdir()
    monkeypatch.setattr(utils, "ROOT", folder)
    return Clone(folder)
