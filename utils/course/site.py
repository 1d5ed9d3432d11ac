"""``course site``: the lectures as a web site that works without a network, even from files.

Sphinx with myst-nb and the book theme, nothing executed. The pages are made in a temporary folder
from the notebooks and the templates in ``templates/site``; the finished site replaces the old one.
"""

import argparse
import base64
import hashlib
import importlib.metadata
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import utils
from utils.course import CourseError, benchmark, notebooks, slides
from utils.course.files import locked, read_json, write_json
from utils.course.jobs import QUIET_DASK
from utils.course.notebooks import show

TITLE = "Introduction to Convolutional Neural Networks"
RECORD = ".site.json"
"""File in the site that says what it was made from."""

OPEN = "open"
"""Verdict of a published number that no lecture of the site computes."""


def add_parser(subparsers) -> argparse.ArgumentParser:
    """Add the arguments of ``course site``."""
    parser = subparsers.add_parser(
        "site",
        help="build the web site",
        description="Build the web site of all lectures, slides included; left alone when nothing "
        "it is made from has changed.",
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: build/site")
    parser.add_argument("--force", action="store_true", help="build even what is up to date")
    return parser


def run(args: argparse.Namespace) -> int:
    """Build the site and say where it is; 1 if Sphinx warned of anything."""
    output = args.output or output_folder()
    pages = find_pages()
    with locked(output.parent):
        for rest in output.parent.glob(".site-*"):  # of a build that was killed
            shutil.rmtree(rest, ignore_errors=True)
        result = build(pages, output, force=args.force)
    executed = [page.lecture for page in pages if page.executed]
    committed = [page.lecture for page in pages if not page.executed]
    for which, numbers in (
        ("this machine's run", executed),
        ("the committed notebook", committed),
    ):
        if numbers:
            print(f"  from {which}: {', '.join(numbers)}")
    for warning in result.warnings:
        print(f"  {warning}", file=sys.stderr)
    state = "built" if result.built else "up to date"
    print(f"Site ({state}): open {show(output / 'index.html')} in a browser.")
    return 1 if result.warnings else 0


def output_folder() -> Path:
    """Return where the site goes unless told otherwise."""
    return utils.ROOT / "build" / "site"


# ---------------------------------------------------------------------------- what is shown


@dataclass
class Page:
    """A lecture as the site shows it.

    Attributes
    ----------
    path : Path
        The notebook to show.
    executed : bool
        Whether that is this machine's run; the committed notebook otherwise.
    solution : Path or None
    """

    path: Path
    executed: bool
    solution: Path | None
    title: str
    goals: list[str]
    exercises: int
    budget: int | None
    pictures: list[str]

    @property
    def name(self) -> str:
        """Name of the notebook without its ending."""
        return self.path.stem

    @property
    def lecture(self) -> str:
        """Number of the lecture, two digits."""
        return self.path.stem[:2]


@dataclass
class Result:
    """What came of a build."""

    built: bool
    warnings: list[str] = field(default_factory=list)


def find_pages() -> list[Page]:
    """Return the lectures to show, each from the notebook that is up to date.

    Raises
    ------
    CourseError
        If there is no lecture.
    """
    pages = []
    for committed in notebooks.find():
        path, which = slides.source_notebook(committed)
        solution = utils.ROOT / notebooks.SOLUTIONS / committed.name
        pages.append(page_of(path, solution, executed=which != "the committed notebook"))
    if not pages:
        raise CourseError("there is no lecture in lectures/, so there is no site to build")
    return pages


def page_of(path: Path, solution: Path | None = None, *, executed: bool = False) -> Page:
    """Return what the site says of a notebook: title, goals, exercises, pictures of others."""
    notebook = notebooks.read(path)
    course = notebooks.course_metadata(notebook)
    cells = notebook["cells"]
    first = next((notebooks.source(c) for c in cells if c["cell_type"] == "markdown"), "")
    first = notebooks.harmless(first)
    facts = slides.describe(first, path.stem, course.get("title"))
    exercises = [c for c in cells if c["metadata"].get("course", {}).get("role") == "prompt"]
    return Page(
        path=path,
        executed=executed,
        solution=solution if solution and solution.is_file() else None,
        title=facts["title"],
        goals=facts["goals"],
        exercises=len(exercises),
        budget=course.get("budget"),
        pictures=[_credit(picture) for picture in course.get("pictures", [])],
    )


def _credit(picture: str | dict) -> str:
    """Return the line of the credits page for one entry of a notebook's ``course.pictures``."""
    if isinstance(picture, str):
        return notebooks.harmless(picture)
    parts = [picture.get(key) for key in ("what", "by", "source", "licence")]
    return notebooks.harmless(", ".join(str(part) for part in parts if part))


# ---------------------------------------------------------------------------- building


def build(
    pages: list[Page], output: Path, *, force: bool = False, decks: Path | None = None
) -> Result:
    """Build the site of some lectures unless it is up to date.

    Parameters
    ----------
    pages : list of Page
    output : Path
        The folder that becomes the site; an older site in it is replaced, anything else is not.
    force : bool
        Build even what is up to date.
    decks : Path, optional
        Folder that holds the decks, built there if stale; ``build/slides`` if left out.

    Returns
    -------
    Result
        Whether it was built now, and what Sphinx warned of.

    Raises
    ------
    CourseError
        If the output folder holds something that is no site, or Sphinx fails.
    """
    output = output.absolute()  # Sphinx runs in another folder
    record = read_json(output / RECORD)
    if output.exists() and record is None and (not output.is_dir() or any(output.iterdir())):
        raise CourseError(
            f"{show(output)} holds something that is no site of this course: "
            "choose another folder with --output, or empty it"
        )
    digest = _digest(pages)
    if not force and record and record.get("digest") == digest and not record["warnings"]:
        return Result(built=False)
    decks = decks or slides.output_folder()
    slides.copy_assets(decks)
    for page in pages:
        slides.build_deck(page.path, decks)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".site-") as folder:
        source, made = Path(folder) / "source", Path(folder) / "site"
        write_sources(pages, source)
        warnings = _run_sphinx(source, made, Path(folder) / "doctrees")
        _copy_decks(decks, [page.name for page in pages], made / "slides")
        write_json(made / RECORD, {"digest": digest, "warnings": warnings})
        if output.exists():
            os.replace(output, Path(folder) / "old")
        os.replace(made, output)
    return Result(built=True, warnings=warnings)


def _run_sphinx(source: Path, made: Path, doctrees: Path) -> list[str]:
    """Run Sphinx on the sources; return its warnings."""
    report = source.parent / "warnings.txt"
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-w", str(report)]
    command += ["-d", str(doctrees), str(source), str(made)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    process = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=source, check=False
    )
    text = report.read_text(encoding="utf-8") if report.is_file() else ""
    if process.returncode:
        said = (process.stderr.strip() or text.strip() or "no message").splitlines()
        # After an exception come Sphinx's lines on how to report it.
        named = [line for line in said if re.match(r"[\w.]*(Error|Exception)\b.*:", line.strip())]
        raise CourseError(f"Sphinx failed: {(named or said)[-1].strip()}")
    text = re.sub(r"\x1b\[[0-9;]*m", "", text).replace(f"{source}{os.sep}", "")
    return [line for line in text.splitlines() if line.strip()]


def _copy_decks(decks: Path, names: Iterable[str], target: Path) -> None:
    shutil.copytree(decks / "_assets", target / "_assets")
    for name in names:
        for suffix in (".html", ".pdf"):
            deck = decks / f"{name}{suffix}"
            if deck.is_file():
                shutil.copy2(deck, target / deck.name)
    slides.write_index(target, site="../index.html")


def _digest(pages: list[Page]) -> str:
    """Digest of everything that decides how the site looks."""
    value = hashlib.sha256()
    files = [path for page in pages for path in (page.path, page.solution) if path]
    files += [utils.ROOT / "data" / name for name in ("manifest.toml", "published.toml")]
    files += [Path(__file__), Path(slides.__file__), utils.ROOT / "pyproject.toml"]
    files += [benchmark.stored_file(), *sorted(Path(__file__).parent.glob("benchmark*.py"))]
    files += sorted((utils.ROOT / "utils" / "explorers").glob("*.*"))
    files += sorted((utils.ROOT / "utils" / "exercises").glob("lecture_*.py"))
    files += sorted(path for path in slides.TEMPLATES.rglob("*") if path.is_file())
    for path in files:
        if path.is_file():
            value.update(str(path.name).encode() + path.read_bytes())
    for page in pages:
        value.update(f"{page.name} {page.executed}".encode())
    for package in ("sphinx", "myst-nb", "sphinx-book-theme", "nbconvert"):
        value.update(importlib.metadata.version(package).encode())
    return value.hexdigest()[:16]


# ---------------------------------------------------------------------------- sources for Sphinx


def write_sources(pages: list[Page], source: Path) -> None:
    """Write what Sphinx turns into the site: settings, own pages, prepared notebooks, files."""
    own = slides.TEMPLATES / "site"
    source.mkdir(parents=True)
    shutil.copy2(own / "conf.py", source / "conf.py")
    shutil.copytree(own / "static", source / "static")
    mathjax = source / "static" / "mathjax" / "tex-svg.js"
    mathjax.parent.mkdir()
    shutil.copyfile(slides.mathjax_file(), mathjax)
    write_json(source / "site.json", {"title": TITLE})
    downloads = source / "extra" / "downloads"
    for page in pages:
        shown = {notebooks.LECTURES: page.path, notebooks.SOLUTIONS: page.solution}
        for folder, path in shown.items():
            if path is None:
                continue
            (source / folder).mkdir(exist_ok=True)
            (downloads / folder).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, downloads / folder / f"{page.name}.ipynb")
            prepared = prepare(notebooks.read(path), page, solution=folder == notebooks.SOLUTIONS)
            write_json(source / folder / f"{page.name}.ipynb", prepared)
    covers = source / "extra" / "covers"
    covers.mkdir(parents=True)
    for page in pages:
        if picture := cover(page):
            (covers / f"{page.lecture}.jpg").write_bytes(picture)
    alone = source / "extra" / "explorers"
    alone.mkdir(parents=True)
    for item in gallery_facts(pages)["items"]:
        (alone / item["file"]).write_text(item["document"], encoding="utf-8")
    for name, facts in own_pages(pages).items():
        text = _environment(own).get_template(f"{name}.md.j2").render(facts)
        (source / f"{name}.md").write_text(text, encoding="utf-8")


COVERS = {
    "01": "keypoints",
    "02": "edges-figure",
    "03": "alexnet-diagram",
    "04": "unshared-figure",
    "05": "words-figure",
    "06": "gallery-figure",
    "07": "kernels-figure",
    "08": "ops-figure",
    "09": "shortcuts-figure",
    "10": "top-fire3",
    "11": "faces-figure",
    "13": "pictures-figure",
    "14": "shared-figure",
    "15": "faces-figure",
}
"""Lecture -> the cell whose figure stands for it on the first page; else its first figure does."""


def cover(page: Page) -> bytes | None:
    """Return a small JPEG of the figure that stands for a lecture, or None if it has none."""
    from PIL import Image

    figures = {}
    for cell in notebooks.read(page.path)["cells"]:
        for output in cell.get("outputs", []):
            for kind in ("image/png", "image/jpeg"):
                if data := output.get("data", {}).get(kind):
                    figures.setdefault(cell["id"], "".join(data))
    if not figures:
        return None
    chosen = figures.get(COVERS.get(page.lecture, ""), next(iter(figures.values())))
    try:
        with Image.open(io.BytesIO(base64.b64decode(chosen))) as image:
            small = image.convert("RGB")
    except OSError:  # no picture that can be read
        return None
    small.thumbnail((400, 240), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    small.save(written, "JPEG", quality=86)
    return written.getvalue()


def _environment(folder: Path):
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )


def prepare(notebook: dict, page: Page, *, solution: bool = False) -> dict:
    """Return a notebook as the site shows it.

    Speaker notes go, figures get the alt text of their cell, links to slides, download and
    solutions (or back to the lecture) come after the title.

    Parameters
    ----------
    notebook : dict
        Content of a notebook; not changed.
    page : Page
        The lecture it belongs to.
    solution : bool
        Whether the notebook holds the solutions.
    """
    cells = []
    wanted = {
        form.lower(): term
        for term, entry in glossary().items()
        for form in (term, *entry.get("also", ()))
    }
    for cell in notebook["cells"]:
        metadata = cell["metadata"]
        if metadata.get("slideshow", {}).get("slide_type") == "notes":
            continue
        cell = cell | {"metadata": dict(metadata)}
        if cell["cell_type"] == "markdown":
            cell["source"] = notebooks.harmless(notebooks.source(cell))
        if cell["cell_type"] == "markdown" and not solution and cells:  # not in the title's goals
            text = notebooks.source(cell)
            is_list = REFERENCES.match(text)
            cell["source"] = link_dois(text) if is_list else link_terms(text, wanted)
        if cell["cell_type"] == "code":
            cell["outputs"] = [
                output
                for output in notebooks.tidy_outputs(cell["outputs"])
                if "data" not in output or slides.SHOWN_TYPES & set(output["data"])
            ]
            if alt := metadata.get("alt"):
                cell["metadata"]["mystnb"] = {"image": {"alt": alt}}
        cells.append(cell)
    _close_gaps(cells)
    title = next((i for i, cell in enumerate(cells) if cell["cell_type"] == "markdown"), -1)
    cells.insert(title + 1, _markdown("course-links", _links(page, solution)))
    if page.solution and not solution:
        tree = f"```{{toctree}}\n:hidden:\n\nSolutions <../solutions/{page.name}>\n```"
        cells.append(_markdown("course-solutions", tree))
    metadata = {key: notebook["metadata"][key] for key in ("kernelspec", "language_info")}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


REFERENCES = re.compile(r"#+ References\b")
_ARXIV = re.compile(r"(?i)\barxiv[: ]\s?(\d{4}\.\d{4,5})(v\d+)?")


def link_dois(text: str) -> str:
    """Link the papers of a Markdown list: arXiv numbers, and titles that `references.toml` knows.

    Parameters
    ----------
    text : str
        One reference a line, each beginning with "- "; other lines are left alone.
    """
    dois = tomllib.loads((slides.TEMPLATES / "site" / "references.toml").read_text("utf-8"))
    lines = []
    for line in text.split("\n"):
        if line.startswith("- ") and "doi.org" not in line:
            plain = re.sub(r"[*_]", "", line).lower()
            found = [doi for words, doi in dois.items() if words in plain]
            named = {number for number, _ in _ARXIV.findall(line)}
            line = _ARXIV.sub(
                lambda m: f"[arXiv {m[1]}{m[2] or ''}](https://doi.org/10.48550/arXiv.{m[1]})", line
            )
            for doi in found:
                if doi.removeprefix("10.48550/arXiv.") not in named:
                    line += f" [doi:{doi}](https://doi.org/{doi})"
        lines.append(line)
    return "\n".join(lines)


def reference_facts(pages: list[Page]) -> dict:
    """Return every reference of the lectures shown, in order of its authors, with who cites it."""
    found: dict[str, tuple[str, list[Page]]] = {}
    for page in pages:
        for cell in notebooks.read(page.path)["cells"]:
            text = notebooks.source(cell)
            if cell["cell_type"] != "markdown" or not REFERENCES.match(text):
                continue
            for line in text.split("\n"):
                if not line.startswith("- ") or ":" not in line:
                    continue
                authors, _, rest = re.sub(r"[*_]", "", line[2:]).partition(":")
                key = f"{authors} {rest[:40]}".lower()  # the same paper, cited in other words
                entry = found.setdefault(key, (link_dois(line)[2:], []))
                if page not in entry[1]:
                    entry[1].append(page)

    def surname(text: str) -> str:
        return re.sub(r"^(?:[A-Z]\.[- ]?)+\s*", "", text).lower()

    return {
        "rows": [
            (text, ", ".join(f"[{p.lecture}](lectures/{p.name}.ipynb)" for p in citing))
            for text, citing in sorted(found.values(), key=lambda entry: surname(entry[0]))
        ]
    }


def repository() -> str | None:
    """Return the public address of the course, or None.

    The one place to set it is ``Repository`` under ``[project.urls]`` in ``pyproject.toml``; the
    site then shows buttons that launch a lecture at Colab or Binder, and the address to clone.
    """
    path = utils.ROOT / "pyproject.toml"
    facts = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    address = facts.get("project", {}).get("urls", {}).get("Repository", "").strip().rstrip("/")
    return address.removesuffix(".git") or None


def launch_links(name: str, address: str | None) -> dict[str, str]:
    """Return words and address of each service that can run a lecture's notebook.

    Parameters
    ----------
    name : str
        Name of the notebook, such as "06_lenet".
    address : str or None
        Public address of the repository; none, and there is nothing to launch.
    """
    found = re.fullmatch(r"https://(github|gitlab)\.com/([\w.-]+)/([\w.-]+)", address or "")
    if not found:
        return {}
    host, owner, project = found.groups()
    path = f"lectures/{name}.ipynb"
    if host == "gitlab":
        return {"Binder": f"https://mybinder.org/v2/gl/{owner}%2F{project}/HEAD?labpath={path}"}
    return {
        "Colab": f"https://colab.research.google.com/github/{owner}/{project}/blob/main/{path}",
        "Binder": f"https://mybinder.org/v2/gh/{owner}/{project}/HEAD?labpath={path}",
    }


_HEADING = re.compile(r"(?ms)^(?P<fence>```|~~~).*?^(?P=fence)|^(?P<marks>#{1,6})(?=\s)")


def _close_gaps(cells: list[dict]) -> None:
    """Raise headings where a level is left out, as in solutions, whose prompts are a lecture's."""
    texts = [cell for cell in cells if cell["cell_type"] == "markdown"]
    found = (m["marks"] for cell in texts for m in _HEADING.finditer(notebooks.source(cell)))
    levels = sorted({len(marks) for marks in found if marks})
    new = {old: "#" * (place + levels[0]) for place, old in enumerate(levels)}

    def raised(match: re.Match) -> str:
        return new[len(match["marks"])] if match["marks"] else match[0]

    for cell in texts:
        cell["source"] = _HEADING.sub(raised, notebooks.source(cell))


def _markdown(id: str, source: str) -> dict:
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": source}


def _links(page: Page, solution: bool) -> str:
    folder = notebooks.SOLUTIONS if solution else notebooks.LECTURES
    download = f"../downloads/{folder}/{page.name}.ipynb"
    links = [(download, "Download the notebook", " download")]
    if solution:
        links.insert(0, (f"../lectures/{page.name}.html", f"Back to lecture {page.lecture}", ""))
    else:
        links.insert(0, (f"../slides/{page.name}.html", "Slides", ""))
        if page.solution:
            links.append((f"../solutions/{page.name}.html", "Solutions", ""))
        for service, href in launch_links(page.name, repository()).items():
            links.append((href, f"Run it at {service}", ""))
    anchors = " ".join(f'<a href="{href}"{more}>{text}</a>' for href, text, more in links)
    return f'```{{raw}} html\n<p class="lecture-links">{anchors}</p>\n```'


# ---------------------------------------------------------------------------- own pages


def own_pages(pages: list[Page]) -> dict[str, dict]:
    """Return the facts of each page that is not a notebook, by the name of its template."""
    return {
        "index": {
            "title": TITLE,
            "lectures": pages,
            "motif": slides.MOTIF,
            "covers": {page.lecture for page in pages if cover(page)},
        },
        "running": {"repository": repository()},
        "speed": benchmark.sections(benchmark.stored()),
        "first_hour": {"names": {page.lecture: page.name for page in pages}},
        "symbols": symbol_facts(pages),
        "cluster": {"dask_settings": QUIET_DASK},
        "hub": {},
        "exercises": exercise_facts(pages),
        "gallery": gallery_facts(pages),
        "glossary": glossary_facts(pages),
        "teaching": teaching_facts(pages),
        "ledger": ledger_facts(pages),
        "references": reference_facts(pages),
        "credits": credit_facts(pages),
    }


def exercise_facts(pages: list[Page]) -> dict:
    """Return every exercise of the lectures shown, in order, and how many train what."""
    from utils.exercises import KINDS, registry

    known = registry()
    rows = []
    for page in pages:
        for cell in notebooks.read(page.path)["cells"]:
            about = cell["metadata"].get("course", {})
            if about.get("role") != "prompt":
                continue
            heading, _, text = notebooks.source(cell).lstrip("# ").partition("\n")
            entry = known.get(about["exercise"])
            rows.append(
                {
                    "id": about["exercise"],
                    "page": page.name,
                    "anchor": re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-"),
                    "title": entry.title if entry else _first_sentence(text),
                    "kind": about.get("kind", ""),
                    "minutes": about.get("minutes", ""),
                    "points": about.get("points", ""),
                }
            )
    kinds = [(kind, [row for row in rows if row["kind"] == kind]) for kind in KINDS]
    return {
        "rows": rows,
        "kinds": [
            (kind, len(some), sum(row["minutes"] or 0 for row in some))
            for kind, some in kinds
            if some
        ],
    }


def _first_sentence(text: str) -> str:
    """The first sentence of a prompt, without markup."""
    plain = re.sub(r"[*_`$]", "", " ".join(text.split()))
    return re.split(r"(?<=[.?!])\s", plain, maxsplit=1)[0]


def gallery_facts(pages: list[Page]) -> dict:
    """Return every explorer: its markup, a page of its own, the lecture it belongs to."""
    from utils import explorers
    from utils.explorers.gallery import gallery

    names = {page.lecture: page.name for page in pages}
    return {
        "items": [
            {
                "title": explorer.title,
                "words": words,
                "lecture": lecture,
                "page": names.get(lecture),
                "file": f"{name}.html",
                "identity": f"explorer-{name.replace('_', '-')}",
                "markup": explorer.markup,
                "document": explorers.page(
                    explorer,
                    links={"All explorers": "../gallery.html"}
                    | (
                        {f"Lecture {lecture}": f"../lectures/{names[lecture]}.html"}
                        if lecture in names
                        else {}
                    ),
                ),
            }
            for name, (lecture, words, explorer) in gallery().items()
        ]
    }


def glossary() -> dict[str, dict]:
    """Return the terms of the field with their meaning, in alphabetical order."""
    path = slides.TEMPLATES / "site" / "glossary.toml"
    terms = tomllib.loads(path.read_text(encoding="utf-8"))
    return dict(sorted(terms.items(), key=lambda item: item[0].lower()))


def glossary_facts(pages: list[Page]) -> dict:
    """Return the terms, each with the page of its lecture where that is shown."""
    names = {page.lecture: page.name for page in pages}
    return {"terms": [(t, e | {"page": names.get(e["lecture"])}) for t, e in glossary().items()]}


def symbol_facts(pages: list[Page]) -> dict:
    """Return the letters of the course in groups, each with the page of its first lecture."""
    path = slides.TEMPLATES / "site" / "symbols.toml"
    groups = tomllib.loads(path.read_text(encoding="utf-8"))["group"]
    names = {page.lecture: page.name for page in pages}
    for group in groups:
        group["symbols"] = [row | {"page": names.get(row["lecture"])} for row in group["symbols"]]
    return {"groups": groups}


def teaching_facts(pages: list[Page]) -> dict:
    """Return what an instructor asks of each lecture, and where the original slides went."""
    text = (slides.TEMPLATES / "site" / "teaching.toml").read_text(encoding="utf-8")
    guide = tomllib.loads(text)
    exercises = exercise_facts(pages)["rows"]
    items, deck = [], {}
    for page in pages:
        cells = notebooks.read(page.path)["cells"]
        types = [cell["metadata"].get("slideshow", {}).get("slide_type") for cell in cells]
        own = [row for row in exercises if row["page"] == page.name]
        entry = guide.get(page.lecture, {})
        items.append(
            {
                "lecture": page.lecture,
                "name": page.name,
                "title": page.title,
                "goals": page.goals,
                "slides": sum(kind in ("slide", "subslide") for kind in types),
                "exercises": own,
                "minutes": sum(row["minutes"] or 0 for row in own),
                "needs": entry.get("needs", "nothing"),
                "ask": entry.get("ask", []),
                "misconceptions": entry.get("misconceptions", []),
                "full": _full_preset(cells),
                "parameters": _parameters(cells),
            }
        )
        for number, words in entry.get("deck", {}).items():
            deck.setdefault(int(number), []).append((words, page))
    rows = [
        (
            number,
            "; ".join(words for words, _ in found),
            ", ".join(f"[{page.lecture}](lectures/{page.name}.ipynb)" for _, page in found),
        )
        for number, found in sorted(deck.items())
    ]
    return {"items": items, "deck": rows}


def _comments(cells: list[dict]) -> dict[str, str]:
    """Parameters of a lecture and the comment behind each."""
    for cell in cells:
        if "parameters" in cell["metadata"].get("tags", []):
            lines = re.findall(r"(?m)^([A-Z_0-9]+) = [^#\n]*#\s*(.+)$", notebooks.source(cell))
            return {name: comment.strip() for name, comment in lines}
    return {}


def _full_preset(cells: list[dict]) -> str:
    """What the comment behind PRESET says of the full one."""
    words = _comments(cells).get("PRESET", "").rstrip(".")
    words = re.sub(r'^.*"full":\s*', "", words)
    return words[:1].upper() + words[1:] + "." if words else ""


def _parameters(cells: list[dict]) -> list[tuple[str, str]]:
    """What else can be chosen in a lecture, beside preset, seed and device."""
    every = _comments(cells).items()
    return [(name, what) for name, what in every if name not in ("PRESET", "SEED", "DEVICE")]


_OPAQUE = re.compile(
    r"(?s)```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|!?\[[^\]]*\]\([^)]*\)|<[^>]*>|https?://\S+"
)


def link_terms(text: str, wanted: dict[str, str]) -> str:
    """Link the first use of each term of the glossary in a text of Markdown.

    Parameters
    ----------
    text : str
        Code, formulae, links and headings in it are left alone.
    wanted : dict of str to str
        Form in the text, lower case, to term; those found here are taken out.
    """
    if not wanted:
        return text
    opaque = [match.span() for match in _OPAQUE.finditer(text)]
    opaque += [match.span() for match in re.finditer(r"(?m)^(#|\|).*$", text)]
    forms = "|".join(sorted(map(re.escape, wanted), key=len, reverse=True))
    found = []
    for match in re.finditer(rf"(?i)(?<![\w*-])({forms})(?![\w*-])", text):
        term = wanted.get(match[0].lower())
        if term is None or any(a < match.end() and match.start() < b for a, b in opaque):
            continue
        found.append((match.span(), f"{{term}}`{match[0]} <{term}>`"))
        for form in [form for form, other in wanted.items() if other == term]:
            del wanted[form]
    for (start, end), link in reversed(found):
        text = text[:start] + link + text[end:]
    return text


def ledger_facts(pages: list[Page]) -> dict:
    """Return the rows of the ledger page: each published number beside what a lecture computed."""
    from utils import ledger

    computed: dict[str, dict] = {}
    for page in pages:
        for folder, path in ((notebooks.LECTURES, page.path), (notebooks.SOLUTIONS, page.solution)):
            if path is None:
                continue
            try:
                comparisons = ledger.read_notebook(path)
            except (ledger.LedgerError, ledger.UnknownNumber) as error:
                raise CourseError(f"{show(path)}: {error}") from None
            for comparison in comparisons:
                found = computed.setdefault(comparison.id, {"comparison": comparison, "pages": []})
                at = {"lecture": page.lecture, "href": f"{folder}/{page.name}.html"}
                if at["lecture"] not in [other["lecture"] for other in found["pages"]]:
                    found["pages"].append(at)
    rows = []
    known = {page.lecture: page for page in pages}
    for entry in ledger.entries():
        found = computed.get(entry.id)
        planned = [known[number] for number in entry.lectures if number in known]
        pages_of = [
            {"lecture": page.lecture, "href": f"lectures/{page.name}.html"} for page in planned
        ]
        verdict = found["comparison"].verdict if found else entry.verdict
        rows.append(
            {
                "id": entry.id,
                "published": entry.text,
                "computed": figure(found["comparison"].computed, entry.computed_decimals)
                if found
                else "",
                "verdict": verdict if found or verdict == "reported" else OPEN,
                "source": entry.source,
                "citation": entry.citation,
                "note": entry.note,
                "pages": found["pages"] if found else pages_of,
            }
        )
    rows.sort(key=lambda row: {"reported": 1, OPEN: 2}.get(row["verdict"], 0))
    return {
        "rows": rows,
        "verdicts": [v for v in (*ledger.VERDICTS, OPEN) if any(r["verdict"] == v for r in rows)],
        "numbers": sorted({page["lecture"] for row in rows for page in row["pages"]}),
        "sources": sorted({_as_markdown(entry.citation) for entry in ledger.entries()}),
    }


def figure(value: int | float | list, decimals: int) -> str:
    """Return a number as a reader expects it: thousands apart, so many decimals, lists cut short."""
    if isinstance(value, list):
        shown = [figure(item, decimals) for item in value]
        return ", ".join(shown if len(shown) <= 16 else [*shown[:8], "…", *shown[-3:]])
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{decimals}f}"


def credit_facts(pages: list[Page]) -> dict:
    """Return the data sets of the manifest and the pictures that notebooks name as others'."""
    manifest = tomllib.loads((utils.ROOT / "data" / "manifest.toml").read_text(encoding="utf-8"))
    kinds = {
        "committed": "in this repository",
        "installed": "an installed package",
        "torchvision": "fetched by torchvision",
        "folder": "a folder of yours",
    }
    sets = []
    for name, entry in manifest.items():
        found = []
        for source in entry.get("sources", []):
            kind = source["kind"]
            package = f" {source['package']}" if "package" in source else ""
            found.append(f"{kinds.get(kind, kind)}{package}")
        sets.append(
            {
                "name": name,
                "title": entry.get("title", name),
                "shape": entry.get("shape", ""),
                "citation": entry.get("citation", ""),
                "licence": entry.get("licence", ""),
                "kinds": ", or ".join(dict.fromkeys(found)),
            }
        )
    return {"sets": sets, "pictures": [page for page in pages if page.pictures]}


def _as_markdown(text: str) -> str:
    """Return plain text so that Markdown shows it as it is."""
    return re.sub(r"([*_`\[\]<>$])", r"\\\1", text)
