"""Every change that can make a stored output wrong makes it stale, and no other does."""

import json
import os
import sys
import textwrap

import pytest

from utils.course import digest, notebooks

CODE = textwrap.dedent(
    '''
    """A module."""
    LIMIT = 3
    "what it limits"

    def f(x, *, y=2):
        """Return more.

        >>> f(1)
        """
        # why
        return [x + y, f"{x!r:>4}", not y]

    class A(dict):
        """A class."""

        @property
        def b(self) -> "A":
            async def c(): return await 1
            return self
    '''
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A module", "The module"),
        ("what it limits", "its limit"),
        ("Return more", "Return it"),
        ("A class", "The class"),
        ("# why", "# because\n"),
        ("x + y, f", "x+y,\n     f"),
        ('"A":', "'A':"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(old, new):
    changed = CODE.replace(old, new)
    assert changed != CODE
    assert digest.code_hash(changed) == digest.code_hash(CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("LIMIT = 3", "LIMIT = 3.0"),
        ("LIMIT = 3", "LIMIT = '3'"),
        ("x + y", "x - y"),
        ("x + y", "y + x"),
        ("y=2", "y=1"),
        ("*, y", "y"),
        ("!r", "!s"),
        (">4", "<4"),
        ("not y", "y"),
        ("dict", "list"),
        ("@property\n    ", ""),
        ("def f", "def g"),
        ('"A":', '"B":'),
        ("async def c(): return await 1", "def c(): return 1"),
    ],
)
def test_everything_else_counts(old, new):
    changed = CODE.replace(old, new)
    assert changed != CODE
    assert digest.code_hash(changed) != digest.code_hash(CODE)


TABLES = """
__all__ = ["A"]
__all__ += sorted(HOMES)
HOMES = {"A": "a"}
LOADERS: dict[str, str] = {"a": "utils.a:load"}
SIZES = {"a": 3}
"""


def test_new_names_in_a_packages_tables_do_not_count():
    def hashed(old="", new=""):
        return digest.code_hash(TABLES.replace(old, new), package=True)

    assert hashed('{"A": "a"}', '{"A": "a", "B": "b"}') == hashed()
    assert hashed('"utils.a:load"}', '"utils.a:load", "b": "utils.b:load"}') == hashed()
    assert hashed('["A"]', '["A", "B"]') == hashed()
    assert hashed("3", "4") != hashed()
    assert hashed('{"A": "a"}', '{"A": a}') != hashed()
    changed = TABLES.replace('"a"}', '"b"}')
    assert digest.code_hash(changed) != digest.code_hash(TABLES), "only in a package's __init__"


@pytest.fixture
def stored(clone, tmp_path, monkeypatch):
    """A notebook with a digest of a module and a data file, and how to check it again."""
    monkeypatch.setattr(digest, "_ROOT", clone.root)
    monkeypatch.setattr(digest, "_cache_folder", lambda: tmp_path / "cache")
    (tmp_path / "cache" / "set").mkdir(parents=True)
    (clone.root / "utils").mkdir()
    files = {
        "module": clone.root / "utils" / "plots.py",
        "data": clone.root / "data" / "a.npz",
        "cached": tmp_path / "cache" / "set" / "b.npz",
    }
    for path in files.values():
        path.write_text("x = 1\n")
    (clone.root / "constraints.txt").write_text("torch==9.1.0\ntorchvision==0.1\n")
    monkeypatch.setattr(digest, "version", lambda package: "9.1.0")
    path = clone.notebook("01_a", "1 + 1", "2 + 2")
    notebook = notebooks.read(path)
    used = {
        "modules": [str(files["module"])],
        "files": [str(files["data"]), str(files["cached"])],
        "torch": True,
    }
    notebook["metadata"]["course"]["digest"] = {
        "cells": digest.cells(notebook),
        **digest.of_used(used),
    }
    return notebook, files


def test_fresh_until_something_changes(stored):
    notebook, files = stored
    assert digest.stale(json.loads(json.dumps(notebook))) == []
    notebook["cells"][0]["source"] = "# Another title"
    notebook["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "2"}]
    files["module"].write_text('"""Documented."""\nx = 1  # one\n')
    assert digest.stale(notebook) == []


def test_names_are_the_same_on_every_machine(stored):
    stored_digest = stored[0]["metadata"]["course"]["digest"]
    assert list(stored_digest["modules"]) == ["utils/plots.py"]
    assert list(stored_digest["data"]) == ["cache:set/b.npz", "data/a.npz"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda n, f: n["cells"][2].update(source="1 + 2"), "cells edited cell-2"),
        (lambda n, f: n["cells"].pop(2), "cells removed cell-2"),
        (lambda n, f: n["cells"].append(n["cells"][3] | {"id": "new"}), "cells added new"),
        (lambda n, f: n["cells"].reverse(), "cells in another order"),
        (lambda n, f: f["module"].write_text("x = 2"), "module utils/plots.py changed"),
        (lambda n, f: f["module"].write_text("x ="), "module utils/plots.py changed"),
        (lambda n, f: f["module"].unlink(), "module utils/plots.py is gone"),
        (lambda n, f: f["data"].write_text("x = 2"), "data file data/a.npz changed"),
        (lambda n, f: f["data"].unlink(), "data file data/a.npz is gone"),
        (lambda n, f: f["cached"].write_text("x = 2"), "data file cache:set/b.npz changed"),
        (
            lambda n, f: n["metadata"]["course"]["digest"].update(torch="9.0.1"),
            "made with torch 9.0.1, now 9.1.0",
        ),
        (lambda n, f: n["metadata"]["course"].pop("digest"), "it holds no digest"),
    ],
)
def test_each_change_is_noticed_and_named(stored, change, reason):
    notebook, files = stored
    change(notebook, files)
    (found,) = digest.stale(notebook)
    assert found.startswith(reason)


def test_optional_data_of_another_machine_may_be_absent_here(stored):
    notebook, files = stored
    files["cached"].unlink()
    assert digest.stale(notebook) == []
    made = notebook["metadata"]["course"]["digest"]
    assert digest.changes(made, torch="9.1.0") == ["data file cache:set/b.npz is gone"]


def test_a_module_edited_while_the_kernel_ran_is_not_taken_for_the_one_it_ran(stored):
    _, files = stored
    used = {"modules": [str(files["module"])], "files": [], "torch": False}
    begun = files["module"].stat().st_mtime - 10
    made = digest.of_used(used, since=begun)
    assert digest.changes(made, torch=None) == ["module utils/plots.py changed"]


def test_a_name_added_to_a_packages_table_meanwhile_changes_nothing(tmp_path, monkeypatch):
    package = tmp_path / "utils" / "models" / "__init__.py"
    package.parent.mkdir(parents=True)
    package.write_text('HOMES = {"LeNet": "lenet"}\nversion = 1\n')
    monkeypatch.setattr(digest, "_ROOT", tmp_path)
    used = {"modules": [str(package)], "files": [], "torch": False}
    began = digest.now()
    later = began.seconds + 10
    package.write_text('HOMES = {"LeNet": "lenet", "NIN": "nin"}\nversion = 1\n')
    os.utime(package, (later, later))
    made = digest.of_used(used, since=began)
    assert made["modules"] == {"utils/models/__init__.py": began.packages[package]}
    package.write_text('HOMES = {"LeNet": "lenet", "NIN": "nin"}\nversion = 2\n')
    os.utime(package, (later + 1, later + 1))
    assert set(digest.of_used(used, since=began)["modules"].values()) == {"edited while it ran"}


def test_the_probe_tells_what_this_process_used():
    from utils import fetch

    used = digest.used_here()
    assert fetch.__file__ in used["modules"] and digest.__file__ in used["modules"]
    assert used["torch"] is ("torch" in sys.modules)
    assert "utils/fetch.py" in digest.of_used(used)["modules"]
    commands = [
        name for name in digest.of_used(used)["modules"] if name.startswith("utils/course/")
    ]
    assert all(name.startswith("utils/course/studies/") for name in commands)


def test_sources_hash_sees_prose_and_tags_but_no_outputs(clone):
    path = clone.notebook("01_a", "1 + 1")
    first = digest.sources_hash(notebooks.read(path))
    notebook = notebooks.read(path)
    notebook["cells"][2].update(outputs=[{"output_type": "stream"}], execution_count=3)
    notebook["metadata"]["course"]["digest"] = {"torch": "1"}
    assert digest.sources_hash(notebook) == first
    notebook["cells"][2]["metadata"]["tags"] = ["hide-input"]
    assert digest.sources_hash(notebook) != first
