"""Slides without a browser: which cell goes on which slide, and when a deck is built again."""

import html
import importlib.metadata
import re

import nbformat
import pytest

from utils import ledger
from utils.course import CourseError, main, notebooks, slides

FIGURE = {
    "output_type": "display_data",
    "metadata": {},
    "data": {"image/png": "iVBORw0KGgo=", "text/plain": '<Figure "x": 1 axes>'},
}


@pytest.fixture
def cell(clone):
    """Makes cells: cell("## words", "slide"), cell.code(...)."""

    def kind(slide_type):
        return {"slideshow": {"slide_type": slide_type}} if slide_type else {}

    def make(source, slide_type=None, **metadata):
        return clone.markdown(source, **kind(slide_type), **metadata)

    def code(source, slide_type=None, *tags, **more):
        return clone.code(source, *tags, count=1, **kind(slide_type), **more)

    make.code = code
    return make


@pytest.fixture
def deck(clone):
    """Builds a deck of cells and returns its HTML."""

    def build(*cells, name="06_lenet"):
        path = clone.write(name, list(cells))
        return slides.convert(path)[0]

    return build


def arranged(clone, *cells):
    nb = nbformat.read(clone.write("06_lenet", list(cells)), as_version=4)
    return [
        [[c.source for c in page.cells] + [f"n:{c.source}" for c in page.notes] for page in slide]
        for slide in slides.arrange(nb.cells)
    ]


def test_slide_types_make_slides_pages_and_notes(clone, cell):
    got = arranged(
        clone,
        cell("# T", "slide"),
        cell("say", "notes"),
        cell("more", None),
        cell("at home", "skip"),
        cell("below", "subslide"),
        cell("step", "fragment"),
        cell("next", "slide"),
        cell("say it", "notes"),
    )
    assert got == [[["# T", "more", "n:say"], ["below", "step"]], [["next", "n:say it"]]]


def test_rules_part_the_notes_of_several_slides(clone, cell):
    got = arranged(
        clone,
        cell("# T", "slide"),
        cell("# S", "slide"),
        cell("say", "notes"),
        cell("below", "subslide"),
        cell("last", "subslide"),
        cell("say below\n\nand this\n\n---\n\nsay last", "notes"),
    )
    assert got[1] == [
        ["# S", "n:say"],
        ["below", "n:say below\n\nand this"],
        ["last", "n:say last"],
    ]


def test_notes_for_more_slides_than_there_are_are_refused(clone, cell):
    with pytest.raises(CourseError, match="notes in 3 parts, but its section has 2 slides so far"):
        arranged(
            clone,
            cell("# T", "slide"),
            cell("# S", "slide"),
            cell("below", "subslide"),
            cell("one\n\n---\n\ntwo\n\n---\n\nthree", "notes"),
        )


def test_a_cell_that_shows_nothing_makes_no_empty_slide(clone, cell):
    got = arranged(
        clone,
        cell("# T", "slide"),
        cell.code("import torch", "slide", "hide-input"),
        cell("say", "notes"),
        cell("## H"),
    )
    assert got == [[["# T", "n:say"]], [["## H"]]]


def test_a_hidden_cell_at_the_end_leaves_no_empty_slide(clone, cell):
    got = arranged(clone, cell("# T", "slide"), cell.code("x = 1", "slide", "hide-input"))
    assert got == [[["# T"]]]


def test_an_unknown_slide_type_is_refused_by_name(clone, cell):
    with pytest.raises(CourseError, match="'sldie'; allowed are slide, subslide"):
        arranged(clone, cell("# T", "sldie"))


def test_sections_and_steps_are_closed_where_they_open(deck, cell):
    page = deck(
        cell("# T", "slide"),
        cell("step", "fragment"),
        cell("still"),
        cell("step two", "fragment"),
        cell("say", "notes"),
        cell("say more", "notes"),
        cell("below", "subslide"),
        cell("## S", "slide"),
    )
    for tag in ("section", "aside", "div"):
        assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>")
    assert page.count('class="fragment"') == 2
    assert re.findall(r'<section id="(slide-\d)"', page) == ["slide-1", "slide-2", "slide-3"]


def test_stderr_progress_and_hidden_input_stay_off_the_slides(deck, cell, clone):
    bar = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "a bar 100%"},
    }
    warning = {"output_type": "stream", "name": "stderr", "text": "careful"}
    page = deck(
        cell("# T", "slide"),
        cell.code("secret()", "slide", "hide-input", outputs=[bar, warning, clone.stdout("26")]),
        cell.code("count()", outputs=[clone.stdout("\r 1/2\r 2/2 done")]),
    )
    assert "26" in page and "count" in page and "2/2 done" in page
    assert not any(word in page for word in ("secret", "careful", "a bar", "1/2"))


def test_results_are_shown(deck, cell):
    result = {
        "output_type": "execute_result",
        "execution_count": 1,
        "metadata": {},
        "data": {"text/plain": "17390"},
    }
    assert "17390" in deck(cell("# T", "slide"), cell.code("n", outputs=[result]))


def test_alt_text_comes_from_the_cell(deck, cell):
    page = deck(cell("# T"), cell.code("draw()", outputs=[FIGURE], alt='Planes of "C1" & S2'))
    (alt,) = re.findall(r"""<img alt=("[^"]*"|'[^']*')""", page)
    assert html.unescape(alt[1:-1]) == 'Planes of "C1" & S2'


def test_a_figure_without_alt_text_is_reported_by_cell(clone, cell):
    path = clone.write("06_lenet", [cell("# T"), cell.code("draw()", outputs=[FIGURE])])
    assert "cell-1" in slides.convert(path)[1]["warnings"][0]


def test_a_page_without_heading_carries_the_one_it_continues(deck, cell):
    page = deck(cell("# T"), cell("## The finding $x_1$", "slide"), cell.code("a = 1", "subslide"))
    assert re.search(r'class="running">\s*<p>The finding \$x_1\$', page)


def test_a_page_brings_a_heading_of_its_own(deck, cell):
    page = deck(
        cell("# T"),
        cell("## Section", "slide"),
        cell.code("a = 1", "subslide", heading="*One* number\n is `enough` for $x_1$"),
        cell("words", "subslide", heading="Words & <b>too</b>"),
    )
    assert "<h2>" in page and 'class="running"' not in page
    assert re.search(r"<h2[^>]*><em>One</em> number is <code>enough</code> for \$x_1\$</h2>", page)
    assert re.search(r"<h2[^>]*>Words &amp; &lt;b&gt;too&lt;/b&gt;</h2>", page)


def test_a_heading_that_no_slide_shows_is_reported_by_cell(clone, cell):
    path = clone.write(
        "06_lenet",
        [
            cell("# T", "slide", heading="Not over a title"),
            cell.code("a = 1", "subslide", heading="Shown"),
            cell.code("b = 1", heading="Not in the middle"),
        ],
    )
    warnings = slides.convert(path)[1]["warnings"]
    assert [re.findall(r"cell-\d", text) for text in warnings] == [["cell-0"], ["cell-2"]]


# ---------------------------------------------------------------------------- the ledger's lines


def compared(id: str) -> dict:
    """The output of ``ledger.compare`` with what the ledger expects."""
    entry = ledger.published(id)
    value = entry.value if entry.right is None else entry.right
    line = ledger.Comparison(entry, value, entry.verdict).line
    record = {"id": id, "computed": value, "verdict": entry.verdict}
    return {
        "output_type": "display_data",
        "metadata": {ledger.KEY: record},
        "data": {"text/plain": line},
    }


def test_lines_of_the_ledger_become_one_table_below_the_rest(deck, cell, clone):
    printed = "before\nalexnet.relu.speed_up: reported 6 times (Krizhevsky et al. 2012, Fig. 1)\n"
    outputs = [
        compared("lenet5.parameters"),
        compared("lenet5.c3.connections"),
        compared("alexnet.dense_share"),
        clone.stdout(printed),
        clone.stdout("mnist.linear.error: reported 12.0 % (LeCun et al. 1998); here 13.9 %\n"),
    ]
    page = deck(cell("# T"), cell.code("count()", outputs=outputs))
    (table,) = re.findall(r'<div class="output ledger">(.*?)</div>', page, re.DOTALL)
    rows = [
        [html.unescape(re.sub("<[^>]*>", "", c)) for c in re.findall(r"<t[hd].*?</t[hd]>", row)]
        for row in re.findall("<tr>.*?</tr>", table)
    ]
    assert rows == [
        ["lenet5 parameters", "60,000", "✓ as published", "LeCun et al. 1998, sec. II-B"],
        ["lenet5 c3 connections", "151,600", "✗ not 156,000, as in print"],
        ["alexnet dense share", "96.20 %", "✓ within 0.05 of 96.2", "counting rule, of 60,965,224"],
        ["alexnet relu speed up", "6 times", "as reported", "Krizhevsky et al. 2012, Fig. 1"],
        ["mnist linear error", "13.9 %", "reported 12.0 %", "LeCun et al. 1998"],
    ]
    assert table.count('rowspan="2"') == 1  # the source of the first two
    assert page.index("before") < page.index(table)
    assert "alexnet.relu" not in page and "computed" not in page


def test_every_comparison_of_the_lectures_is_read():
    lines = []
    for path in notebooks.notebooks():
        for one in notebooks.read(path)["cells"]:
            for output in one.get("outputs", []):
                if ledger.KEY in output.get("metadata", {}):
                    lines.append(notebooks.joined(output["data"]["text/plain"]))
    assert len(lines) > 100
    assert [line for line in lines if not slides.COMPARED.fullmatch(line)] == []


def test_what_only_looks_like_the_ledger_stays_as_printed(deck, cell, clone):
    text = "net: reported 6 (somewhere)\nloss.at_start: 2.30 (log 10)\n"
    page = deck(cell("# T"), cell.code("x", outputs=[clone.stdout(text)]))
    assert "output ledger" not in page and "reported 6 (somewhere)" in page


@pytest.mark.parametrize(
    ("source", "style"),
    [
        ("## A section", "section"),
        ("## A question\n\nWhat will come out?\n*Guess.*", "statement"),
        ("## A list\n\n- one\n- two", ""),
        ("## A formula\n\n$$x$$", ""),
        ("## Two paragraphs\n\none\n\ntwo", "statement"),
        ("## Four\n\none\n\ntwo\n\nthree\n\nfour", ""),
        ("words only", ""),
    ],
)
def test_what_a_slide_holds_decides_its_layout(deck, cell, source, style):
    page = deck(cell("# T", "slide"), cell(source, "slide"))
    layout = f"page {style}".strip()
    assert f'<section id="slide-2"><div class="{layout}">' in page


def test_title_and_goals_are_read_from_the_first_cell(clone, cell):
    source = (
        "# Lecture 06: *LeNet* reads `digits`\n\nYou can\n\n- count $W_1$ and\n  $b$\n- [see](x)"
    )
    _, facts = slides.convert(clone.write("06_lenet", [cell(source)]))
    assert facts["title"] == "LeNet reads digits"
    assert facts["goals"] == ["count $W_1$ and $b$", "see"]
    assert facts["label"] == "Lecture 06"


def test_nothing_is_loaded_from_elsewhere(deck, cell):
    page = deck(cell("# T"), cell("$x$"), cell.code("draw()", outputs=[FIGURE], alt="x"))
    assert not re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', page)
    assert not re.findall(r"url\(\s*['\"]?(?:https?:)?//", page)


def test_decks_are_built_again_only_when_something_changed(clone, cell, monkeypatch):
    clone.write("06_lenet", [cell("# One")])
    clone.write("07_alexnet", [cell("# Two")])
    assert [deck.built for deck in slides.build()] == [True, True]
    assert [deck.built for deck in slides.build()] == [False, False]
    clone.write("07_alexnet", [cell("# Two, changed")])
    decks = slides.build()
    assert [deck.built for deck in decks] == [False, True]
    assert [deck.title for deck in decks] == ["One", "Two, changed"]
    assert [deck.built for deck in slides.build(["06"], force=True)] == [True]


def test_a_lecture_that_is_gone_leaves_no_deck(clone, cell):
    old = clone.write("06_lenet", [cell("# One")])
    clone.write("07_alexnet", [cell("# Two")])
    folder = clone.root / "build" / "slides"
    slides.build()
    old.unlink()
    slides.build(["07"])
    assert (folder / "06_lenet.html").exists()  # only 07 was asked for
    slides.build()
    assert not (folder / "06_lenet.html").exists()
    index = (folder / "index.html").read_text(encoding="utf-8")
    assert "07_alexnet.html" in index and "06_lenet" not in index


def test_the_command_says_what_it_built_and_from_what(clone, cell, capsys):
    clone.write("06_lenet", [cell("# One")])
    assert main(["slides", "6"]) == 0
    out = capsys.readouterr().out
    assert "build/slides/06_lenet.html  1 slides, built, from the committed notebook" in out
    assert "open build/slides/index.html" in out


def test_pdf_without_a_browser_is_one_clear_sentence(clone, cell, capsys, monkeypatch):
    clone.write("06_lenet", [cell("# One")])
    monkeypatch.setattr(slides.shutil, "which", lambda name: None)
    assert main(["slides", "--pdf"]) == 1
    assert "Chromium or Google Chrome, and neither is installed" in capsys.readouterr().err
    assert (clone.root / "build" / "slides" / "06_lenet.html").is_file()


def test_a_missing_package_is_named_with_what_to_do(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(CourseError, match=r"sphinx-mathjax-offline is not installed; .*pip inst"):
        slides.mathjax_file()


@pytest.mark.parametrize("cells", [[], ["skip"]])
def test_a_notebook_with_nothing_to_show_is_refused(clone, cell, cells):
    path = clone.write("06_lenet", [cell("# T", kind) for kind in cells])
    with pytest.raises(CourseError, match=r"06_lenet\.ipynb has no cell to show"):
        slides.convert(path)


def test_an_output_folder_that_is_a_file_is_one_sentence(clone, cell, tmp_path, capsys):
    clone.write("06_lenet", [cell("# One")])
    (tmp_path / "taken").write_text("")
    assert main(["slides", "--output", str(tmp_path / "taken")]) == 1
    assert str(tmp_path / "taken") in capsys.readouterr().err


def test_check_needs_a_browser_and_dark_needs_check(clone, cell, monkeypatch, capsys):
    clone.write("06_lenet", [cell("# 06 · LeNet", "slide")])
    monkeypatch.setattr(slides, "find_browser", lambda: None)
    assert main(["slides", "--check"]) == 1
    assert "Chromium" in capsys.readouterr().err
    assert main(["slides", "--dark"]) == 1
    assert "--check" in capsys.readouterr().err
