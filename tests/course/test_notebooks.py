"""Finding lectures, and judging what their cells printed."""

import pytest

from utils.course import CourseError, notebooks


@pytest.fixture
def three(clone):
    return {name[:2]: clone.notebook(name) for name in ("03_c", "06_lenet", "11_coral")}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ([], ["03", "06", "11"]),
        (["6"], ["06"]),
        (["11", "06", "06_lenet"], ["06", "11"]),
        (["lectures/03_c.ipynb"], ["03"]),
    ],
)
def test_finds_lectures_by_number_name_or_path(three, wanted, found):
    assert notebooks.find(wanted) == [three[number] for number in found]


@pytest.mark.parametrize("word", ["7", "lenet", "", "006", "6.5", "-1"])
def test_what_is_no_lecture_is_refused_with_what_there_is(three, word):
    with pytest.raises(CourseError, match="there are 03, 06, 11"):
        notebooks.find([word])


def test_other_files_are_no_lectures(clone, three):
    (clone.root / "lectures" / "notes.ipynb").touch()
    (clone.root / "lectures" / "06_lenet.py").touch()
    assert len(notebooks.find()) == 3


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"nbformat": 3}', b"\xff\xfe"])
def test_what_is_no_notebook_is_refused_by_name(clone, content):
    path = clone.root / "lectures" / "01_a.ipynb"
    path.write_bytes(content)
    with pytest.raises(CourseError, match=r"^lectures/01_a\.ipynb is no notebook"):
        notebooks.read(path)


def test_writes_as_jupyter_does(clone):
    path = clone.notebook("01_a", "print('größer')\nprint(1)")
    notebook = notebooks.read(path)
    notebooks.write(path, notebook)
    text = path.read_text(encoding="utf-8")
    assert text.startswith('{\n "cells": [\n  {\n   "cell_type"') and text.endswith("}\n")
    assert "größer" in text
    again = notebooks.read(path)
    assert [cell["id"] for cell in again["cells"]] == ["cell-0", "cell-1", "cell-2"]
    notebooks.write(path, again)
    assert path.read_text(encoding="utf-8") == text


BAR = "\r  0%|          | 0/10 [00:00<?, ?it/s]\r100%|██████████| 10/10 [00:01<00:00, 9.93it/s]\n"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (BAR, ""),
        ("epoch 1: 37%|███   | 37/100 [00:01<00:02, 30.1it/s, loss=0.31]", ""),
        ("20it [00:01, 15.7it/s]\n", ""),
        ("careful\n", "careful\n"),
        (BAR + "careful\n" + BAR, "careful\n"),
        ("100 % of the weights [all] moved\n", "100 % of the weights [all] moved\n"),
        ("\x1b[31mloss is 20% | 30% [sic]\x1b[0m\n", "loss is 20% | 30% [sic]\n"),
    ],
)
def test_progress_bars_are_dropped_and_nothing_else(text, kept):
    assert notebooks.without_progress(text) == kept


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def data(**kinds):
    names = {"plain": "text/plain", "html": "text/html", "png": "image/png"}
    names["widget"] = "application/vnd.jupyter.widget-view+json"
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {names[kind]: value for kind, value in kinds.items()},
    }


def test_tidy_outputs_do_not_depend_on_how_the_stream_was_cut():
    picture = data(png="x", plain="<Figure 1>")
    pieces = [stream("a"), stream(["b\n", "c"]), picture, stream("d"), stream("!", "stderr")]
    assert notebooks.tidy_outputs(pieces) == [
        stream("ab\nc"),
        picture,
        stream("d"),
        stream("!\n", "stderr"),
    ]


def test_tidy_outputs_are_what_a_terminal_would_show():
    outputs = [stream("1 of 2\r2 of 2\nall\r\n"), stream(BAR, "stderr"), data(widget={}, plain="?")]
    assert notebooks.tidy_outputs(outputs) == [stream("2 of 2\nall\n")]


def test_tidy_outputs_leave_what_they_are_given_alone():
    given = [stream("a"), stream("b")]
    notebooks.tidy_outputs(given)
    assert given == [stream("a"), stream("b")]


FIGURE = data(png="x", plain='<Figure "Loss": 1 axes, data 3fa1c2>')


@pytest.mark.parametrize(
    ("outputs", "tags", "absent", "judged"),
    [
        ([stream("9")], [], [], (True, "")),
        ([data(plain="9")], [], [], (True, "")),
        ([data(html="<b>9</b>", plain="<IPython...>")], [], [], (True, "")),
        ([FIGURE], [], [], (False, "picture only")),
        ([data(plain='<Figure "Loss": 1 axes, data 3fa1c2>')], [], [], (False, "picture only")),
        ([FIGURE, stream("9")], [], [], (True, "")),
        ([stream("9", "stderr")], [], [], (False, "")),
        ([], [], [], (False, "")),
        ([stream("9")], ["nbval-ignore-output"], [], (False, "tag nbval-ignore-output")),
        ([stream("9")], ["needs-cifar10"], [], (True, "")),
        ([stream("9")], ["needs-cifar10"], ["mnist"], (True, "")),
        ([stream("9")], ["needs-a"], ["a"], (False, "optional data a absent")),
    ],
)
def test_a_cell_counts_as_compared_only_if_words_or_numbers_are(outputs, tags, absent, judged):
    cell = {"cell_type": "code", "metadata": {"tags": tags}, "outputs": outputs, "source": "x"}
    assert notebooks.comparison(cell, absent) == judged


def test_absent_data_follow_the_manifest(monkeypatch, tmp_path):
    from utils import fetch

    states = {
        "a": "committed",
        "b": "cached",
        "c": "optional: course data fetch c",
        "d": "yours: a folder",
        "e": "yours: a folder",
        "f": "committed in part: course data fetch f",
    }
    (tmp_path / "d").mkdir()
    monkeypatch.setattr(fetch, "manifest", lambda: states)
    monkeypatch.setattr(fetch, "state", states.__getitem__)
    monkeypatch.setattr(fetch, "cache_folder", lambda: tmp_path)
    assert notebooks.absent_data() == {"c", "e", "f"}
