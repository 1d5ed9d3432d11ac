"""``course slides``: every lecture as a reveal.js deck that needs neither network nor kernel.

nbconvert draws the cells with the template ``templates/course_slides``; which cells make which
slide is decided here. reveal.js and MathJax are copied from the wheels ``sphinx-revealjs`` and
``sphinx-mathjax-offline`` into ``build/slides/_assets``.
"""

import argparse
import copy
import hashlib
import html
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import utils
from utils.course import CourseError, notebooks
from utils.course.files import locked, remove_unfinished, write_atomically
from utils.course.notebooks import show

TEMPLATES: Path = Path(__file__).parent / "templates"
"""The course's own templates: ``course_slides`` for nbconvert, ``site`` for Sphinx."""

OWN_ASSETS = ("slides.css", "listing.css", "slides.js", "tables.js", "theme.js", "mathjax.js")
HIDE_INPUT = {"hide-input", "remove-input"}
FIGURE_TYPES = ("image/png", "image/jpeg", "image/svg+xml")
SHOWN_TYPES = {
    *FIGURE_TYPES,
    "text/html",
    "text/markdown",
    "text/latex",
    "text/plain",
    "application/javascript",
}
SECTION_WORDS = 34
STATEMENT_WORDS = 45
STATEMENT_PARAGRAPHS = 3
STATEMENT_HEADING = 110

COMPARED = re.compile(
    r"(?P<id>\S+): computed (?P<here>.+?), (?P<word>published|expected) (?P<there>.+?) "
    r"\((?P<source>.+)\): (?P<verdict>equal|within (?P<tolerance>\S+)|contradicts)"
)
QUOTED = re.compile(
    r"(?m)^(?P<id>[a-z0-9_]+(?:\.[a-z0-9_]+)+): reported (?P<there>.+?) \((?P<source>.+)\)"
    r"(?:; here (?P<here>.+))?(?:\n|\Z)"
)
"""Lines of the ledger, as :mod:`utils.ledger` prints them."""
LEDGER_ROWS = "ledger_rows"
"""Metadata of an output that holds a cell's lines of the ledger as one table."""


# ---------------------------------------------------------------------------- the command


def add_parser(subparsers) -> argparse.ArgumentParser:
    """Add the arguments of ``course slides``."""
    parser = subparsers.add_parser(
        "slides",
        help="build the slides",
        description="Build each lecture's slides; decks that are up to date are left alone.",
    )
    parser.add_argument(
        "lectures", nargs="*", metavar="NN", help="lectures, e.g. 06 (default: all)"
    )
    parser.add_argument("--pdf", action="store_true", help="also print slides with notes as PDF")
    parser.add_argument(
        "--check",
        action="store_true",
        help="also look at them in a browser: print the slides on which something overflows, "
        "overlaps, is too small or too faint, and write contact sheets to OUTPUT/check",
    )
    parser.add_argument(
        "--dark", action="store_true", help="with --check: contact sheets of the dark variant"
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: build/slides")
    parser.add_argument("--force", action="store_true", help="build even what is up to date")
    return parser


def run(args: argparse.Namespace) -> int:
    """Build the decks asked for and say where they are; 1 if a deck or a PDF could not be made."""
    output = args.output or output_folder()
    browser = find_browser()
    if args.dark and not args.check:
        raise CourseError("--dark chooses the pictures of --check: give both, or neither")
    with locked(output.parent):
        for folder in (output, *output.glob("_assets"), *output.glob("_assets/*")):
            remove_unfinished(folder)
        decks = build(args.lectures, output, force=args.force)
    status = 0
    for deck in decks:
        state = "built" if deck.built else "up to date"
        print(
            f"  {deck.lecture}  {show(deck.path)}  {deck.slides} slides, {state}, "
            f"from {deck.which}",
            flush=True,
        )
        for warning in deck.warnings:
            print(f"      {warning}", flush=True)
        if args.pdf and browser and not print_handout(deck, browser):
            print(f"      {browser} printed no PDF of this deck", file=sys.stderr)
            status = 1
    if args.pdf and not browser:
        print(
            "No PDF was printed: that takes Chromium or Google Chrome, and neither is installed.",
            file=sys.stderr,
        )
        status = 1
    if args.check:
        status |= check(decks, output / "check", browser, dark=args.dark)
    write_index(output)
    print(f"Slides: open {show(output / 'index.html')} in a browser.")
    return status


def check(decks: list["Deck"], folder: Path, browser: str | None, *, dark: bool = False) -> int:
    """Print what :mod:`utils.course.look` flags in some decks; 1 if anything, with the pictures."""
    from utils.course import look

    if browser is None:
        raise CourseError(
            "--check takes Chromium or Google Chrome, and neither is installed: install one"
        )
    faults = 0
    with look.open_browser(browser) as running:
        for deck in decks:
            seen = look.look(deck.path, folder, running, dark=dark)
            flagged = {slide for slide, *_ in seen.flagged}
            print(
                f"  {deck.lecture}  {seen.slides} slides seen, {len(flagged)} flagged; "
                f"{len(seen.sheets)} contact sheets from {show(seen.sheets[0])} on",
                flush=True,
            )
            for slide, heading, what in seen.flagged:
                print(f"      slide {slide} ({heading!r}): {what}", flush=True)
            faults += len(seen.flagged)
    return 1 if faults else 0


# ---------------------------------------------------------------------------- lectures


def output_folder() -> Path:
    """Return where the decks go unless told otherwise."""
    return utils.ROOT / "build" / "slides"


def source_notebook(lecture: str | Path) -> tuple[Path, str]:
    """Return the notebook to show for a lecture, and which one that is.

    Parameters
    ----------
    lecture : str or Path
        Number, name or path of a lecture.

    Returns
    -------
    path : Path
        The executed notebook in ``build/lectures`` when it is up to date, else the committed one.
    which : str
        "this machine's run" or "the committed notebook".
    """
    from utils.course.run import up_to_date

    (committed,) = notebooks.find([str(lecture)])
    executed = up_to_date(committed)
    return (executed, "this machine's run") if executed else (committed, "the committed notebook")


# ---------------------------------------------------------------------------- which cell goes where


@dataclass
class Page:
    """One slide: the cells seen on it, grouped into steps, and its speaker notes."""

    start: str
    cells: list = field(default_factory=list)
    steps: list[bool] = field(default_factory=list)
    notes: list = field(default_factory=list)


def arrange(cells: list) -> list[list[Page]]:
    """Sort a notebook's cells into slides.

    ``slide`` begins a slide, ``subslide`` one below it, ``fragment`` a step on the same slide,
    ``-`` (or nothing) continues; ``skip`` is left out; ``notes`` belong to the slide before them,
    or, parted by rules (``---``), to that many slides before them.
    A cell that would show nothing (hidden input, no picture or print) makes no slide of its own:
    what follows takes its place.

    Parameters
    ----------
    cells : list of nbformat cells
        Changed in place: outputs that belong on no slide are dropped.

    Returns
    -------
    list of list of Page
        Horizontal slides, each a list of the pages that lie below one another.
    """
    slides: list[list[Page]] = []
    early_notes = []
    rank = {"-": 0, "fragment": 1, "subslide": 2, "slide": 3}
    pending = "-"
    for cell in cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type") or "-"
        if kind == "notes":
            if slides:
                _give(cell, slides[-1])
            else:
                early_notes.append(cell)
            continue
        if kind == "skip" or cell.cell_type == "raw":
            continue
        if kind not in rank:
            raise CourseError(
                f"cell {cell.get('id', '?')}: slide type {kind!r}; "
                "allowed are slide, subslide, fragment, skip, notes and -"
            )
        kind = max(kind, pending, key=rank.__getitem__)
        if not _shows_something(cell):
            pending = kind
            continue
        pending = "-"
        if not slides or kind == "slide":
            slides.append([Page("slide")])
        elif kind == "subslide":
            slides[-1].append(Page("subslide"))
        page = slides[-1][-1]
        page.cells.append(cell)
        page.steps.append(kind == "fragment")
    if slides:
        slides[0][0].notes[:0] = early_notes
    return slides


def _give(notes, pages: list[Page]) -> None:
    """Hand a cell of speaker notes to the slides before it: its last part to the last of them."""
    parts = re.split(r"\n\s*\n-{3,}[ \t]*\n", notes.source)
    if len(parts) > len(pages):
        raise CourseError(
            f"cell {notes.get('id', '?')}: notes in {len(parts)} parts, but its section has "
            f"{len(pages)} slide{'s' * (len(pages) != 1)} so far: leave out a rule (---)"
        )
    for number, (part, page) in enumerate(zip(parts, pages[-len(parts) :], strict=True)):
        cell = copy.deepcopy(notes)
        cell.source = part.strip()
        if number:
            cell.id = f"{notes.get('id', 'notes')[:58]}-{number + 1}"
        page.notes.append(cell)


def _tags(cell) -> set[str]:
    return set(cell.metadata.get("tags", []))


def _shows_something(cell) -> bool:
    from nbformat import NotebookNode

    if cell.cell_type == "markdown":
        return bool(cell.source.strip())
    outputs = map(NotebookNode, notebooks.tidy_outputs(cell.outputs))
    outputs = gather_ledger([output for output in outputs if _belongs_on_a_slide(output)])
    cell.outputs = list(map(NotebookNode, outputs))
    hidden = HIDE_INPUT & _tags(cell) or not cell.source.strip()
    if hidden:
        cell.metadata.setdefault("transient", {})["remove_source"] = True
    return bool(cell.outputs) or not hidden


def _belongs_on_a_slide(output) -> bool:
    if output.output_type == "stream":
        return output.name == "stdout" and bool(output.text.strip())
    if output.output_type == "error":
        return True
    return bool(SHOWN_TYPES & set(output.data))


def gather_ledger(outputs: list[dict]) -> list[dict]:
    """Return a cell's outputs with its lines of the ledger as one table below the others.

    A room reads "60,000: as published", not the line of code with its identifier that
    :func:`utils.ledger.compare` prints; the pages of the site keep that line.
    """
    from utils import ledger

    kept, rows = [], []
    for output in outputs:
        text = notebooks.joined(output.get("data", {}).get("text/plain", ""))
        if ledger.KEY in output.get("metadata", {}) and (found := COMPARED.fullmatch(text)):
            rows.append(_compared(found))
            continue
        if output["output_type"] == "stream" and (found := list(QUOTED.finditer(output["text"]))):
            rows += map(_quoted, found)
            output = output | {"text": QUOTED.sub("", output["text"])}
            if not output["text"].strip():
                continue
        kept.append(output)
    if rows:
        data = {"text/html": _ledger_table(rows)}
        metadata = {LEDGER_ROWS: len(rows)}
        kept.append({"output_type": "display_data", "data": data, "metadata": metadata})
    return kept


def _compared(line: re.Match) -> tuple[str, str, str, str, str]:
    """Return verdict, name, value, words and source of a comparison."""
    there, unit = re.fullmatch(r"(\[.*\]|\S+)(.*)", line["there"]).groups()
    if line["verdict"] == "contradicts":
        kind, words = "contradicts", f"not {there}, as in print"
    elif line["tolerance"]:
        kind, words = "within", f"within {line['tolerance']} of {there}"
        if there.startswith("["):
            words = f"within {line['tolerance']}, as {line['word']}"
    else:
        kind, words = "equal", f"as {line['word']}"
    return kind, _name_of(line["id"]), line["here"] + unit, words, line["source"]


def _quoted(line: re.Match) -> tuple[str, str, str, str, str]:
    """Return the same of a number that is quoted, and perhaps measured here."""
    if line["here"]:
        return "reported", _name_of(line["id"]), line["here"], line["there"], line["source"]
    return "reported", _name_of(line["id"]), line["there"], "", line["source"]


def _name_of(id: str) -> str:
    return re.sub(r"[._]+", " ", id)


MARKS = {"equal": "\u2713", "within": "\u2713", "contradicts": "\u2717", "reported": ""}


def _ledger_table(rows: list[tuple[str, str, str, str, str]]) -> str:
    """Return rows of the ledger as a table; a source that several share stands once."""
    lines = []
    for place, (kind, name, value, words, source) in enumerate(rows):
        if kind == "reported":
            words = f"reported {words}" if words else "as reported"
        mark = f'<span aria-hidden="true">{MARKS[kind]}</span> ' if MARKS[kind] else ""
        long = " long" * (len(value) > 32)
        cells = f'<th scope="row">{html.escape(name)}</th>'
        cells += f'<td class="value{long}">{html.escape(value)}</td>'
        cells += f'<td class="{kind}">{mark}{html.escape(words)}</td>'
        if place == 0 or rows[place - 1][-1] != source:
            same = next(
                (n for n, row in enumerate(rows[place:]) if row[-1] != source), len(rows) - place
            )
            span = f' rowspan="{same}"' if same > 1 else ""
            cells += f'<td class="where"{span}>{html.escape(source)}</td>'
        lines.append(f"<tr>{cells}</tr>")
    return f'<table aria-label="Numbers and their sources"><tbody>{"".join(lines)}</tbody></table>'


def _is_drawn(cell) -> bool:
    """Whether a cell shows a figure, which then takes the room that the words leave."""
    return cell.cell_type == "code" and any(
        any(kind in output.get("data", {}) for kind in FIGURE_TYPES)
        and "text/html" not in output.get("data", {})
        for output in cell.outputs
    )


def _style(page: Page, first: bool) -> str:
    """Choose the layout of a page: title, section, statement, or none of them."""
    if first and re.search(r"(?m)^# ", page.cells[0].source):
        return "title"
    if len(page.cells) > 1 or page.cells[0].cell_type != "markdown" or _heading(page):
        return ""
    source = page.cells[0].source.strip()
    heading, _, rest = source.partition("\n")
    rest = rest.strip()
    words = len(rest.split())
    if not heading.startswith("## ") or re.search(r"(?m)^\s*([-*+] |[>|!#]|\d+\. |```|\$\$)", rest):
        return ""
    if not rest and len(heading.split()) <= SECTION_WORDS:
        return "section"
    paragraphs = len(re.split(r"\n\s*\n", rest))
    if len(heading) > STATEMENT_HEADING and paragraphs > 1:
        return ""  # so long a heading needs the width of the slide
    if words <= STATEMENT_WORDS and paragraphs <= STATEMENT_PARAGRAPHS:
        return "statement"
    return ""


def _running(slide: list[Page], page: Page) -> str:
    """Return the heading that a page without one continues, for its top line."""
    if _starts_with_heading(page.cells[0]):
        return ""
    before = slide[: slide.index(page)]
    sources = [cell.source for p in before for cell in p.cells if cell.cell_type == "markdown"]
    headings = [found[1] for s in sources if (found := re.match(r"\s*#{1,3}\s+(.+)", s))]
    return headings[-1] if headings else ""


def _heading(page: Page) -> str:
    """Return the heading that the first cell of a page brings in its metadata, if any."""
    if _starts_with_heading(page.cells[0]):
        return ""
    return " ".join(str(page.cells[0].metadata.get("heading", "")).split())


def _starts_with_heading(cell) -> bool:
    return cell.cell_type == "markdown" and cell.source.lstrip().startswith("#")


def _badge(page: Page) -> str:
    for cell in page.cells:
        exercise = cell.metadata.get("course", {})
        if exercise.get("role") != "prompt":
            continue
        facts = []
        if minutes := exercise.get("minutes"):
            facts.append(f"{minutes} minute{'s' * (minutes != 1)}")
        if points := exercise.get("points"):
            facts.append(f"{points} point{'s' * (points != 1)}")
        if facts:
            return f'<div class="badge">{html.escape(" · ".join(facts))}</div>'
    return ""


MOTIF = (
    '<svg class="motif" viewBox="0 0 352 480" aria-hidden="true" fill="none" stroke="currentColor">'
    + "".join(
        f'<rect x="{96 + 22 * i}" y="{34 + 22 * i}" width="150" height="150" rx="4" '
        f'fill="var(--paper)" stroke-width="2" opacity="{0.45 + 0.11 * i:.2f}"/>'
        for i in range(5)
    )
    + '<path d="M192 130h136v136h-136z M226 130v136 M260 130v136 M294 130v136 '
    'M192 164h136 M192 198h136 M192 232h136" stroke-width="1.2" opacity=".55"/>'
    '<rect x="226" y="164" width="68" height="68" fill="currentColor" fill-opacity=".22" '
    'stroke-width="3"/>'
    '<path d="M226 232L84 400 M294 232L118 400" stroke-width="1.5" stroke-dasharray="5 5" '
    'opacity=".7"/>'
    '<path d="M50 366h102v102h-102z M84 366v102 M118 366v102 M50 400h102 M50 434h102" '
    'stroke-width="1.2" opacity=".55"/>'
    '<rect x="84" y="400" width="34" height="34" fill="currentColor" stroke-width="2"/></svg>'
)
"""A detector on a stack of feature maps, and the value it writes: the course's mark."""


def _annotate(slides: list[list[Page]], label: str) -> list:
    """Write each slide's opening and closing markup into its cells; return the cells in order."""
    cells = []
    number = 0
    for slide in slides:
        nested = len(slide) > 1
        for index, page in enumerate(slide):
            number += 1
            style = _style(page, first=number == 1)
            layout = f"page {style}".strip()
            page_cells = []
            in_step = False
            for position, (cell, step) in enumerate(zip(page.cells, page.steps, strict=True)):
                opening = closing = ""
                if position == 0:
                    if nested and index == 0:
                        opening += "<section>"
                    opening += f'<section id="slide-{number}"><div class="{layout}">'
                    if style == "title":
                        opening += MOTIF
                        if label not in cell.source:
                            opening += f'<p class="kicker">{html.escape(label)}</p>'
                if step:
                    following = range(position + 1, len(page.cells))
                    end = next((k for k in following if page.steps[k]), len(page.cells))
                    drawn = any(_is_drawn(other) for other in page.cells[position:end])
                    opening += "</div>" * in_step
                    opening += f'<div class="fragment{" fills" * drawn}">'
                    in_step = True
                if position == len(page.cells) - 1:
                    closing += "</div>" * in_step + _badge(page) + "</div>"
                    closing += "" if page.notes else "</section>"
                heading = "" if position else _heading(page)
                running = (
                    "" if position or heading or style or index == 0 else _running(slide, page)
                )
                cell.metadata["deck"] = {
                    "open": opening,
                    "close": closing,
                    "heading": notebooks.harmless(heading),
                    "running": running,
                    "alt": cell.metadata.get("alt", ""),
                    "classes": "fills" if _is_drawn(cell) else "",
                }
                page_cells.append(cell)
            for position, cell in enumerate(page.notes):
                last = position == len(page.notes) - 1
                cell.metadata["deck"] = {
                    "open": '<aside class="notes">',
                    "close": "</aside>" + "</section>" * last,
                    "alt": "",
                    "classes": "",
                }
                page_cells.append(cell)
            if nested and index == len(slide) - 1:
                page_cells[-1].metadata["deck"]["close"] += "</section>"
            cells += page_cells
    return cells


# ---------------------------------------------------------------------------- building


@dataclass
class Deck:
    """A lecture's deck as it lies on the disk."""

    lecture: str
    title: str
    path: Path
    slides: int
    which: str
    built: bool
    warnings: list[str] = field(default_factory=list)


def build(
    lectures: list[str] | None = None, output: Path | None = None, *, force: bool = False
) -> list[Deck]:
    """Build the decks of some lectures, or of all; those up to date are left alone.

    Parameters
    ----------
    lectures : list of str, optional
        Numbers or names; all lectures if empty.
    output : Path, optional
        The folder that gets ``NN_name.html`` and ``_assets``; ``build/slides`` if left out.
    force : bool
        Build also what is up to date.

    Raises
    ------
    CourseError
        If a lecture does not exist or a package that holds the assets is not installed.
    """
    chosen = notebooks.find(lectures or ())
    if not chosen:
        raise CourseError("there is no lecture in lectures/, so there are no slides to build")
    output = output or output_folder()
    copy_assets(output)
    decks = []
    for committed in chosen:
        notebook, which = source_notebook(committed)
        decks.append(build_deck(notebook, output, which=which, force=force))
    if not lectures:  # decks of lectures that are no more
        kept = {deck.path.name for deck in decks}
        for path in output.glob("[0-9][0-9]_*.html"):
            if path.name not in kept and read_facts(path):
                path.unlink()
                path.with_suffix(".pdf").unlink(missing_ok=True)
    write_index(output)
    return decks


def build_deck(
    notebook: Path, output: Path, *, which: str = "that notebook", force: bool = False
) -> Deck:
    """Build one notebook's deck as ``output/<its name>.html`` (:func:`copy_assets` comes first).

    Raises
    ------
    CourseError
        If the notebook has no slide.
    """
    path = output / f"{notebook.stem}.html"
    digest = _digest(notebook)
    facts = read_facts(path)
    if not force and facts and facts["digest"] == digest:
        return Deck(
            facts["lecture"], facts["title"], path, facts["slides"], which, False, facts["warnings"]
        )
    page, facts = convert(notebook, digest)
    write_atomically(path, page)
    return Deck(
        facts["lecture"], facts["title"], path, facts["slides"], which, True, facts["warnings"]
    )


def convert(notebook: Path, digest: str = "") -> tuple[str, dict]:
    """Return a notebook as the HTML of a deck, with its facts (title, goals, number of slides)."""
    import nbformat
    from nbconvert import HTMLExporter

    nb = nbformat.read(notebook, as_version=4)
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = notebooks.harmless(cell.source)
    first = next((cell.source for cell in nb.cells if cell.cell_type == "markdown"), "")
    facts = describe(first, notebook.stem, notebooks.course_metadata(nb).get("title"))
    slides = arrange(nb.cells)
    if not slides:
        raise CourseError(f"{show(notebook)} has no cell to show, so it makes no deck")
    nb.cells = _annotate(slides, facts["label"])
    facts |= {
        "digest": digest,
        "slides": sum(map(len, slides)),
        "math": any(_has_math(cell) for cell in nb.cells),
        "warnings": _missing_alt(nb.cells) + _lost_headings(nb.cells),
    }
    exporter = HTMLExporter(
        template_name="course_slides",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_anchor_links=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        embed_images=True,
    )
    exporter.log.setLevel("ERROR")  # what has no alt text is reported by cell
    resources = {"deck": facts, "metadata": {"path": str(notebook.parent), "name": notebook.stem}}
    page, _ = exporter.from_notebook_node(nb, resources)
    return page, facts


def describe(first: str, name: str, title: str | None = None) -> dict:
    """Return lecture number, label, title and goals, as a notebook's first cell states them.

    Parameters
    ----------
    first : str
        Source of the first Markdown cell.
    name : str
        Name of the notebook, such as "06_lenet".
    title : str, optional
        Title if the cell has no heading.
    """
    heading = re.search(r"(?m)^#\s+(.+?)\s*$", first)
    title = heading[1] if heading else notebooks.harmless(title or name)
    lecture = name[:2] if re.match(r"\d\d_", name) else ""
    title = re.sub(r"^(Lecture\s+)?\d+\s*[:.·|–-]\s*", "", title)
    goals = re.findall(r"(?m)^(?:[-*+]|\d+\.)\s+(.+(?:\n[ \t]+\S.*)*)", first)
    return {
        "lecture": lecture,
        "label": f"Lecture {lecture}" if lecture else "Lecture",
        "title": plain(title),
        "goals": [plain(re.sub(r"\s+", " ", goal)) for goal in goals],
    }


def plain(markdown: str) -> str:
    """Return a line of Markdown without its emphasis, code and link marks; formulae stay."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    marks = r"\*\*|__|`|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)"
    return re.sub(rf"(\$[^$]*\$)|{marks}", lambda found: found[1] or "", text).strip()


def _has_math(cell) -> bool:
    if cell.cell_type == "markdown":
        return bool(re.search(r"\$|\\\(|\\\[|\\begin\{", cell.source))
    return any({"text/latex", "text/markdown"} & set(o.get("data", {})) for o in cell.outputs)


def _missing_alt(cells: list) -> list[str]:
    return [
        f"no alt text for the figure of cell {cell.get('id', '?')} (metadata: alt)"
        for cell in cells
        if _is_drawn(cell) and not cell.metadata.get("alt")
    ]


def _lost_headings(cells: list) -> list[str]:
    return [
        f"the heading of cell {cell.get('id', '?')} is not shown: it belongs to the first cell of "
        "a slide, and to none that starts with a heading in its text (metadata: heading)"
        for cell in cells
        if cell.metadata.get("heading") and not cell.metadata["deck"].get("heading")
    ]


def _digest(notebook: Path) -> str:
    """Digest of everything that decides how a deck looks."""
    value = hashlib.sha256(notebook.read_bytes())
    for path in [Path(__file__), *sorted((TEMPLATES / "course_slides").iterdir())]:
        value.update(path.read_bytes())
    for package in ("nbconvert", "Pygments"):
        value.update(importlib.metadata.version(package).encode())
    return value.hexdigest()[:16]


def read_facts(path: Path) -> dict | None:
    """Return what a built deck says of itself, or None if it is not there or not ours."""
    try:
        with path.open(encoding="utf-8") as file:
            head = file.read(60_000)
    except OSError:
        return None
    found = re.search(r'<script[^>]*id="deck"[^>]*>(.*?)</script>', head, re.DOTALL)
    return json.loads(found[1].replace("\\u003c", "<")) if found else None


def write_index(output: Path, *, site: str = "") -> None:
    """Write the list of the decks in a folder as its ``index.html``.

    Parameters
    ----------
    output : Path
    site : str
        Address of the course's site, seen from there, if the decks are part of one.
    """
    import jinja2

    decks = []
    for path in sorted(output.glob("*.html")):
        facts = read_facts(path)
        if facts:
            pdf = path.with_suffix(".pdf")
            decks.append(facts | {"file": path.name, "pdf": pdf.name if pdf.is_file() else ""})
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES / "course_slides"), autoescape=True
    )
    page = environment.get_template("listing.html.j2").render(
        decks=decks,
        site=site,
        slides=sum(deck["slides"] for deck in decks),
        math=any("$" in text for deck in decks for text in [deck["title"], *deck["goals"]]),
    )
    write_atomically(output / "index.html", page)


# ---------------------------------------------------------------------------- assets


def package_file(distribution: str, path: str) -> Path:
    """Return where an installed package keeps a file or folder, without importing the package.

    Raises
    ------
    CourseError
        If the package is not installed or does not hold the file.
    """
    advice = 'install the course with `pip install -c constraints.txt -e ".[course]"`'
    try:
        found = Path(importlib.metadata.distribution(distribution).locate_file(path))
    except importlib.metadata.PackageNotFoundError:
        raise CourseError(f"the package {distribution} is not installed; {advice}") from None
    if not found.exists():
        raise CourseError(f"the package {distribution} has no {path}; {advice}")
    return found


def mathjax_file() -> Path:
    """Return MathJax 3 in one file, which draws formulae as SVG and loads nothing else."""
    return package_file(
        "sphinx-mathjax-offline", "sphinx-mathjax-offline/static/mathjax/tex-svg.js"
    )


def copy_assets(output: Path) -> None:
    """Copy reveal.js, MathJax and the course's style into ``output/_assets`` where they differ."""
    reveal = package_file("sphinx-revealjs", "sphinx_revealjs/_static/revealjs")
    own = TEMPLATES / "course_slides"
    files = {
        "revealjs/reveal.js": reveal / "dist" / "reveal.js",
        "revealjs/reveal.css": reveal / "dist" / "reveal.css",
        "revealjs/notes.js": reveal / "plugin" / "notes" / "notes.js",
        "mathjax/tex-svg.js": mathjax_file(),
        **{name: own / name for name in OWN_ASSETS},
    }
    for name, source in files.items():
        target = output / "_assets" / name
        content = source.read_bytes()
        if name == "revealjs/reveal.js":  # its source map is not copied
            content = re.sub(rb"\n//# sourceMappingURL=\S+\s*$", b"\n", content)
        if not target.is_file() or target.read_bytes() != content:
            write_atomically(target, content)


# ---------------------------------------------------------------------------- PDF


def find_browser() -> str | None:
    """Return the path of a Chromium-like browser, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return next(filter(None, map(shutil.which, names)), None)


def print_handout(deck: Deck, browser: str, *, limit: float = 180) -> bool:
    """Print a deck with its notes as PDF beside it, unless that is newer than the deck.

    Parameters
    ----------
    deck : Deck
    browser : str
        Path of Chromium or Chrome.
    limit : float
        Seconds to wait.

    Returns
    -------
    bool
        Whether there is a PDF now.
    """
    target = deck.path.with_suffix(".pdf")
    if target.is_file() and target.stat().st_mtime >= deck.path.stat().st_mtime:
        return True
    with tempfile.TemporaryDirectory(dir=deck.path.parent, prefix=".pdf-") as folder:
        printed = Path(folder) / "handout.pdf"
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            f"--user-data-dir={folder}/profile",
            "--virtual-time-budget=20000",
            "--no-pdf-header-footer",
            f"--print-to-pdf={printed}",
            f"{deck.path.resolve().as_uri()}?handout",
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium's sandbox refuses to run as root
        try:
            subprocess.run(command, capture_output=True, timeout=limit, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
        if not printed.is_file() or not printed.read_bytes().startswith(b"%PDF"):
            return False
        os.replace(printed, target)
    return True
