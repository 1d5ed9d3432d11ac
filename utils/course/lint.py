"""``course lint``: what a notebook breaks of the house's rules, and how to mend it.

Each rule is a function that takes a :class:`Page` and yields sentences. They hold for a student,
who must be able to read every page; for the screen, where a slide must fit; for a machine, which
executes the notebooks and compares what they print; and for a reader who sees no picture.
"""

import argparse
import ast
import copy
import functools
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import utils
from utils.course import CourseError, digest, notebooks

SLIDE_TYPES = ("slide", "subslide", "fragment", "skip", "notes", "-")
TAGS = ("parameters", "nbval-ignore-output", "remove-cell", "hide-input", "exercise")
"""Tags a cell may carry, besides ``needs-NAME``."""

CELLS = (50, 90)
SLIDE_WORDS = 45
PROSE_WORDS = 25
SCREEN_LINES, CELL_LINES = 12, 40
HEAVIEST = 5_000_000

UNCOMPARED = "tests/notebooks/uncompared.toml"

_FIGURE = re.compile(r'<Figure ".+": .*data [0-9a-f]{6}>', re.DOTALL)
_MACHINE_PATH = re.compile(
    r"/home/\w|/root/|/Users/\w|/tmp/|/var/folders/|[A-Z]:\\|site-packages|ipykernel_\d|/work/"
)
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
_OUTSIDE = re.compile(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//""", re.IGNORECASE)
_LINK = re.compile(r"<link\b|<script[^>]+src\s*=", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """A notebook with what the rules need to know about it.

    Attributes
    ----------
    path : Path
    notebook : dict
    partner : dict or None
        The solution of a lecture, the lecture of a solution; None if there is none.
    """

    path: Path
    notebook: dict
    partner: dict | None

    @property
    def is_lecture(self) -> bool:
        """Whether this is a lecture, not a solution."""
        return self.path.parent.name == notebooks.LECTURES

    @property
    def number(self) -> str:
        """The lecture's number, two digits."""
        return self.path.name[:2]

    @property
    def cells(self) -> list[dict]:
        """All cells."""
        return self.notebook["cells"]

    @property
    def code(self) -> list[dict]:
        """The code cells."""
        return [cell for cell in self.cells if cell["cell_type"] == "code"]


Rule = Callable[[Page], Iterator[str]]
RULES: dict[str, Rule] = {}
"""Every rule by its name, in the order it is reported."""


def rule(function: Rule) -> Rule:
    """Add a rule."""
    RULES[function.__name__] = function
    return function


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``lint``."""
    parser = subparsers.add_parser(
        "lint",
        help="say what notebooks break of the house's rules",
        description="Check lectures and solutions against the rules that `make test` enforces.",
    )
    parser.add_argument("notebooks", nargs="*", help="numbers or paths; all if none is given")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out ``course lint``."""
    from utils.course.refresh import chosen

    count = 0
    paths = chosen(args.notebooks)
    for path in paths:
        for name, sentence in lint(path):
            print(f"{notebooks.show(path)}: {sentence} [{name}]")
            count += 1
    print(f"{len(paths)} notebooks, {count or 'no'} finding{'s' if count != 1 else ''}")
    return 1 if count else 0


def lint(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of a rule and what a notebook breaks of it, for each finding."""
    page = open_page(path)
    for name, check in RULES.items():
        for sentence in check(page):
            yield name, sentence


def open_page(path: Path) -> Page:
    """Return a notebook with its partner in the other folder."""
    other = notebooks.SOLUTIONS if path.parent.name == notebooks.LECTURES else notebooks.LECTURES
    partner = path.parent.parent / other / path.name
    return Page(path, notebooks.read(path), notebooks.read(partner) if partner.exists() else None)


# What several rules look at


def _slide_type(cell: dict) -> str | None:
    return cell["metadata"].get("slideshow", {}).get("slide_type")


def _course(cell: dict) -> dict:
    return cell["metadata"].get("course", {})


def _name(cell: dict) -> str:
    first = notebooks.source(cell).strip().split("\n")[0][:40]
    return f"cell {cell.get('id', '?')!r} ({first})"


def _without_code(text: str) -> str:
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "code", text)


def words(text: str) -> int:
    """Count the words of a markdown text that a reader reads: a formula or a link counts as one."""
    text = _without_code(text)
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", " formula ", text, flags=re.DOTALL)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"<[^>]+>", " ", text)
    return len(re.findall(r"\w+(?:[-'’.,]\w+)*", text))


def _texts(cell: dict) -> Iterator[str]:
    """Yield every text among a cell's outputs."""
    for output in cell.get("outputs", []):
        if "text" in output:
            yield notebooks.joined(output["text"])
        for kind, value in output.get("data", {}).items():
            if kind.startswith("text/") or kind == "image/svg+xml":
                yield notebooks.joined(value)


def _pictures(cell: dict) -> int:
    return sum(
        any(kind.startswith("image/") for kind in output.get("data", {}))
        for output in cell.get("outputs", [])
    )


# The rules


@rule
def metadata(page: Page) -> Iterator[str]:
    """The notebook says which lecture it is, and runs in any kernel of Python."""
    data = page.notebook["metadata"]
    course = data.get("course", {})
    if course.get("lecture") != page.number:
        yield f'metadata course.lecture must be "{page.number}", it is {course.get("lecture")!r}'
    if not isinstance(course.get("title"), str) or not course["title"].strip():
        yield "metadata course.title is missing"
    budget = course.get("budget")
    if not isinstance(budget, int | float) or isinstance(budget, bool) or budget <= 0:
        yield f"metadata course.budget must be CPU-seconds above 0, it is {budget!r}"
    if data.get("kernelspec", {}).get("name") != "python3":
        yield "metadata kernelspec.name must be python3, not a kernel of one machine"
    if data.get("language_info") != {"name": "python"}:
        yield 'metadata language_info must be {"name": "python"}: run `course refresh`'
    for name in sorted(set(data) - {"course", "kernelspec", "language_info"}):
        yield f"metadata {name!r} does not belong into the repository: remove it"
    if (page.notebook["nbformat"], page.notebook["nbformat_minor"]) < (4, 5):
        yield "cells need ids: save it as notebook format 4.5"
    size = page.path.stat().st_size
    if size > HEAVIEST:
        yield f"it has {size / 1e6:.1f} MB, more than {HEAVIEST / 1e6:.0f}: draw smaller pictures"


@rule
def cell_ids(page: Page) -> Iterator[str]:
    """Every cell has an id of its own."""
    seen: set[str] = set()
    for cell in page.cells:
        name = cell.get("id")
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            yield f"{_name(cell)} needs an id of letters, digits, - and _"
        elif name in seen:
            yield f"two cells have the id {name!r}: give the second another one"
        seen.add(name)


@rule
def headings(page: Page) -> Iterator[str]:
    """One title, at the top, and no level left out below it."""
    level, titles = 0, 0
    for place, cell in enumerate(page.cells):
        if cell["cell_type"] != "markdown":
            continue
        text = _without_code(notebooks.source(cell))
        for match in re.finditer(r"^(#{1,6})\s+(.*\S)", text, flags=re.MULTILINE):
            depth = len(match[1])
            if depth == 1:
                titles += 1
                if place:
                    yield f"# {match[2]}: only the first cell holds a title; use ## here"
            if depth > level + 1:
                yield f"{match[1]} {match[2]}: a level is left out above it; use {'#' * (level + 1)}"
            level = depth
    if titles != 1:
        yield f"it has {titles} titles (# ...); one is right, in the first cell"


@rule
def parameters(page: Page) -> Iterator[str]:
    """The second cell holds the parameters as papermill reads them, each explained."""
    tagged = [i for i, cell in enumerate(page.cells) if "parameters" in notebooks.tags(cell)]
    if tagged != [1] or page.cells[1]["cell_type"] != "code":
        yield f"the second cell alone is code tagged `parameters`; tagged are cells {tagged}"
        return
    values = {}
    for line in notebooks.source(page.cells[1]).splitlines():
        assignment, _, comment = line.partition("  #")
        match = re.fullmatch(r"([A-Z][A-Z0-9_]*) = (.+)", assignment.rstrip())
        try:
            if match is None or not comment.strip():
                raise ValueError
            values[match[1]] = ast.literal_eval(match[2])
        except (ValueError, SyntaxError):
            yield f"parameters: {line!r} should read `NAME = literal  # what it does`"
    if page.is_lecture:
        if values.get("PRESET") != "quick":
            yield 'parameters: the first is PRESET = "quick"  # or "full": what that costs'
        if values.get("DEVICE", "auto") != "auto":
            yield 'parameters: DEVICE = "auto" suits every machine'


@rule
def tags(page: Page) -> Iterator[str]:
    """Tags are the ones that mean something."""
    optional = _manifest_names(utils.ROOT)
    for cell in page.cells:
        for tag in notebooks.tags(cell):
            if tag.startswith("needs-"):
                if optional is not None and tag.removeprefix("needs-") not in optional:
                    yield f"{_name(cell)}: tag {tag} names no data set of data/manifest.toml"
            elif tag not in TAGS:
                yield f"{_name(cell)}: unknown tag {tag!r}; there are {', '.join(TAGS)}, needs-NAME"


@functools.cache
def _manifest_names(root: Path) -> set[str] | None:
    try:
        with (root / "data" / "manifest.toml").open("rb") as file:
            return set(tomllib.load(file))
    except OSError:
        return None


@rule
def slides(page: Page) -> Iterator[str]:
    """Every cell says what it is on the screen, and a slide is short."""
    if not page.is_lecture:
        return
    low, high = CELLS
    if not low <= len(page.cells) <= high:
        advice = "split cells" if len(page.cells) < low else "merge cells, or leave something out"
        yield f"it has {len(page.cells)} cells; {low} to {high} make a lecture: {advice}"
    for cell in page.cells:
        kind = _slide_type(cell)
        if kind not in SLIDE_TYPES:
            yield f"{_name(cell)}: slide type {kind!r}; choose one of {', '.join(SLIDE_TYPES)}"
        if (kind == "notes") != ("remove-cell" in notebooks.tags(cell)):
            yield f"{_name(cell)}: speaker notes, and only they, are tagged remove-cell"
        if kind == "notes" and cell["cell_type"] != "markdown":
            yield f"{_name(cell)}: speaker notes are markdown"
        if cell["cell_type"] == "markdown" and kind in ("slide", "subslide", "fragment", "-"):
            count = words(notebooks.source(cell))
            if count > SLIDE_WORDS:
                yield (
                    f"{_name(cell)}: {count} words on a slide; about 40 can be read: move the rest "
                    "into a cell of type skip"
                )


@rule
def speaker_notes(page: Page) -> Iterator[str]:
    """Every slide tells its speaker what to say, those below others too."""
    if not page.is_lecture:
        return
    import nbformat
    from nbformat.v4.rwbase import rejoin_lines

    from utils.course.slides import arrange

    try:
        decks = arrange(rejoin_lines(nbformat.from_dict(copy.deepcopy(page.notebook))).cells)
    except CourseError as error:
        yield str(error)
        return
    for slide in (slide for deck in decks for slide in deck):
        if not any(notebooks.source(cell).strip() for cell in slide.notes):
            yield (
                f"{_name(slide.cells[0])}: this slide has no speaker notes: write a cell of type "
                "notes behind it, in which a line --- parts its slide's notes from the next one's"
            )


@rule
def lengths(page: Page) -> Iterator[str]:
    """Code fits a screen, or is not shown on it."""
    for cell in page.code:
        lines = len(notebooks.source(cell).strip().splitlines())
        if lines > CELL_LINES:
            yield (
                f"{_name(cell)}: {lines} lines of code; {CELL_LINES} at most: split it, or move "
                "what only serves into utils"
            )
        elif (
            page.is_lecture
            and lines > SCREEN_LINES
            and _slide_type(cell) not in ("skip", "notes")
            and "hide-input" not in notebooks.tags(cell)
        ):
            yield (
                f"{_name(cell)}: {lines} lines on a slide; over {SCREEN_LINES} is hidden (tag "
                "hide-input) or of type skip"
            )


@rule
def prose(page: Page) -> Iterator[str]:
    """A page is mostly words; speaker notes do not count."""
    count = sum(
        words(notebooks.source(cell))
        for cell in page.cells
        if cell["cell_type"] == "markdown" and _slide_type(cell) != "notes"
    )
    if page.code and count < PROSE_WORDS * len(page.code):
        yield (
            f"{count // len(page.code)} words of prose for each code cell; "
            f"{PROSE_WORDS} at least: say what is asked, what is seen, and what follows"
        )


@rule
def execution(page: Page) -> Iterator[str]:
    """Outputs are those of one run from top to bottom, without error or warning."""
    expected = 0
    for cell in page.code:
        count = cell.get("execution_count")
        if notebooks.source(cell).strip():
            expected += 1
            if count != expected:
                yield (
                    f"{_name(cell)}: executed as number {count}, it is number {expected}: "
                    f"run `course refresh {page.number}`"
                )
                break
    for cell in page.code:
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                yield f"{_name(cell)}: holds the error {output.get('ename')}: mend it, or catch it"
            elif output["output_type"] == "stream" and output["name"] == "stderr":
                first = notebooks.joined(output["text"]).strip().split("\n")[0]
                yield f"{_name(cell)}: wrote to stderr ({first[:80]}): mend the cause"


@rule
def outputs(page: Page) -> Iterator[str]:
    """Outputs hold nothing of the machine they were made on, and need no network."""
    for cell in page.code:
        for text in _texts(cell):
            for pattern, what in (
                (_MACHINE_PATH, "a path of one machine"),
                (_ADDRESS, "an address in memory"),
                (_OUTSIDE, "a request to the network"),
                (_LINK, "a file that is not in the notebook"),
            ):
                match = pattern.search(text)
                if match:
                    near = text[max(0, match.start() - 20) : match.end() + 20].strip()
                    yield f"{_name(cell)}: its output holds {what} ({near!r}): print something else"
        for output in cell.get("outputs", []):
            for kind in output.get("data", {}):
                if "widget" in kind or kind == "application/javascript":
                    yield f"{_name(cell)}: {kind} shows nothing without a kernel: use an explorer"
    home = str(Path.home())
    for cell in page.cells:
        text = notebooks.source(cell)
        if re.search(r"/home/\w|/root/|/Users/\w|[A-Z]:\\\w", text) or (
            len(home) > 2 and home in text
        ):
            yield f"{_name(cell)}: names a path of one machine: use utils.ROOT or a parameter"


@rule
def figures(page: Page) -> Iterator[str]:
    """Every picture has a text for whoever does not see it, and a checksum of what it shows."""
    for cell in page.code:
        pictures, alt = _pictures(cell), cell["metadata"].get("alt")
        if pictures > 1:
            yield f"{_name(cell)}: draws {pictures} figures; one a cell, for one alternative text"
        if pictures and (not isinstance(alt, str) or len(alt.split()) < 5):
            yield f"{_name(cell)}: metadata alt must say what the figure shows, not {alt!r}"
        if alt is not None and not pictures and cell.get("execution_count"):
            yield f"{_name(cell)}: has alternative text and draws no figure: remove metadata alt"
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if any(kind.startswith("image/") for kind in data) and not _FIGURE.match(
                notebooks.joined(data.get("text/plain", ""))
            ):
                yield (
                    f"{_name(cell)}: its figure carries no checksum of its data: call "
                    "plots.use_style() in the first code cell and draw with matplotlib"
                )
    for cell in page.cells:
        if cell["cell_type"] == "markdown":
            text = _without_code(notebooks.source(cell))
            if re.search(r"!\[\s*\]\(", text) or re.search(r"<img(?![^>]*\balt=)[^>]*>", text):
                yield f"{_name(cell)}: an image without alternative text: ![what it shows](...)"
            if cell.get("attachments"):
                yield f"{_name(cell)}: holds a pasted image: draw it in a code cell"


@rule
def freshness(page: Page) -> Iterator[str]:
    """Stored outputs come from these cells, this code, these data and the pinned torch."""
    for reason in digest.stale(page.notebook):
        yield f"stored outputs are stale: {reason}: run `course refresh {page.number}`"


@rule
def assertions(page: Page) -> Iterator[str]:
    """What is not compared is asserted: in the cell itself or one of the next three."""
    if not page.is_lecture:
        return
    cells = page.code
    for place, cell in enumerate(cells):
        only_draws = cell.get("outputs") and all(map(notebooks.is_figure, cell["outputs"]))
        if "nbval-ignore-output" not in notebooks.tags(cell) or only_draws:
            continue
        near = cells[place : place + 4]
        if not any(re.search(r"^\s*assert\b", notebooks.source(c), re.MULTILINE) for c in near):
            yield (
                f"{_name(cell)}: its output is not compared (tag nbval-ignore-output), so one of "
                "the next three code cells must assert what it shows, within an honest band"
            )


@rule
def uncompared(page: Page) -> Iterator[str]:
    """The number of outputs that no test compares does not grow unnoticed."""
    if not any(cell.get("execution_count") for cell in page.code):
        return
    count = count_uncompared(page.notebook)
    name = f"{page.path.parent.name}/{page.path.name}"
    recorded = _recorded().get(name)
    if recorded is None:
        yield f'write `"{name}" = {count}` into {UNCOMPARED}: so many outputs are not compared'
    elif count > recorded:
        yield (
            f"{count} outputs are not compared, {recorded} are recorded in {UNCOMPARED}: print "
            "what is the same everywhere, or change the record and say why in the commit"
        )


def count_uncompared(notebook: dict) -> int:
    """Count the cells with output of which nothing is compared, all optional data present."""
    judged = [notebooks.comparison(c) for c in notebook["cells"] if c["cell_type"] == "code"]
    return sum(bool(why) for _, why in judged)


def _recorded() -> dict[str, int]:
    try:
        with (utils.ROOT / UNCOMPARED).open("rb") as file:
            return tomllib.load(file)
    except OSError:
        return {}


@rule
def exercises(page: Page) -> Iterator[str]:
    """Prompt, starter and check stand in lecture and solution under the same cell ids."""
    found, defects = _exercises(page.notebook, page.number)
    yield from defects
    if page.partner is None:
        other = notebooks.SOLUTIONS if page.is_lecture else notebooks.LECTURES
        yield f"there is no {other}/{page.path.name}"
        return
    if not page.is_lecture:
        yield from _discussions(page)
        return
    solved, _ = _exercises(page.partner, page.number)
    for name in sorted(set(solved) - set(found)):
        yield f"exercise {name} stands in the solution and not in the lecture"
    for name, roles in found.items():
        if name not in solved:
            yield f"exercise {name} has no solution"
            continue
        yield from _tied(name, roles, solved[name])


def _exercises(notebook: dict, number: str) -> tuple[dict[str, dict[str, dict]], list[str]]:
    """Return exercise -> role -> cell of a notebook, and what is wrong with them by themselves."""
    from utils.exercises import KINDS

    found: dict[str, dict[str, dict]] = {}
    defects = []
    for cell in notebook["cells"]:
        course = _course(cell)
        if not course:
            continue
        name, role = course.get("exercise"), course.get("role")
        if not isinstance(name, str) or not re.fullmatch(rf"{number}\.[1-9]\d?", name):
            defects.append(f"{_name(cell)}: exercise {name!r}; ids here are {number}.1, ...")
            continue
        if role not in ("prompt", "starter", "check"):
            defects.append(f"{_name(cell)}: role {role!r}; there are prompt, starter, check")
            continue
        if role in found.setdefault(name, {}):
            defects.append(f"exercise {name} has two cells with the role {role}")
        if (cell["cell_type"] == "markdown") != (role == "prompt"):
            defects.append(f"{_name(cell)}: prompts are markdown, starters and checks are code")
        found[name][role] = cell
    for name, roles in found.items():
        prompt = roles.get("prompt")
        if prompt is None:
            defects.append(f"exercise {name} has no prompt")
            continue
        course = _course(prompt)
        if course.get("kind") not in KINDS:
            defects.append(f"exercise {name}: kind {course.get('kind')!r}; {', '.join(KINDS)}")
        for key in ("points", "minutes"):
            if not isinstance(course.get(key), int) or course[key] <= 0:
                defects.append(f"exercise {name}: its prompt's metadata needs {key} above 0")
        if ("starter" in roles) != ("check" in roles):
            defects.append(f"exercise {name}: a starter and a check go together")
        if "check" in roles and f'check("{name}"' not in notebooks.source(roles["check"]):
            defects.append(f'exercise {name}: its check should call check("{name}", ...)')
    return found, defects


def _tied(name: str, roles: dict[str, dict], solved: dict[str, dict]) -> Iterator[str]:
    if set(roles) != set(solved):
        yield (
            f"exercise {name}: the lecture has {', '.join(roles)}, "
            f"the solution {', '.join(solved)}: both need the same"
        )
        return
    for role, cell in roles.items():
        if cell.get("id") != solved[role].get("id"):
            yield (
                f"exercise {name}: the {role} has the id {cell.get('id')!r} in the lecture and "
                f"{solved[role].get('id')!r} in the solution: make them one"
            )
    if "prompt" in roles and _prompt(roles["prompt"]) != _prompt(solved["prompt"]):
        yield f"exercise {name}: the prompts differ: copy the lecture's into the solution"
    if not {"prompt", "starter", "check"} <= set(roles):
        return  # an open question, or told already
    starter, answer = notebooks.source(roles["starter"]), notebooks.source(solved["starter"])
    if starter.strip() == answer.strip():
        yield f"exercise {name}: the solution's starter is not solved"
    if _course(roles["prompt"]).get("kind") != "debug" and "..." not in starter:
        yield f"exercise {name}: the lecture's starter should leave `...` for the answer"
    if ".require(" in notebooks.source(roles["check"]):
        yield f"exercise {name}: the lecture's check must not raise: leave .require() out"
    if ".require(" not in notebooks.source(solved["check"]):
        yield f"exercise {name}: the solution's check must be strict: check(...).require()"


def _prompt(cell: dict) -> tuple[str, dict]:
    return notebooks.source(cell).strip(), _course(cell)


def _discussions(page: Page) -> Iterator[str]:
    """Every solved exercise is discussed before the next begins."""
    said: dict[str, int] = {}
    current = None
    for cell in page.cells:
        role = _course(cell).get("role")
        if role == "prompt":
            current = _course(cell).get("exercise")
            said[current] = 0
        elif current and role is None and cell["cell_type"] == "markdown":
            said[current] += words(notebooks.source(cell))
    for name, count in said.items():
        if count < 10:
            yield f"exercise {name}: say after the check why the answer is right"


@rule
def registered(page: Page) -> Iterator[str]:
    """The checks a lecture calls are the checks there are, and agree about the exercise."""
    if not page.is_lecture:
        return
    from utils.exercises import registry

    known = {name: task for name, task in registry().items() if name.startswith(page.number)}
    found, _ = _exercises(page.notebook, page.number)
    checked = {name for name, roles in found.items() if "check" in roles}
    module = f"utils/exercises/lecture_{page.number}.py"
    for name in sorted(checked - set(known)):
        yield f"exercise {name} has no check: add it to {module}"
    for name in sorted(set(known) - checked):
        yield f"{module} checks {name}, which no cell of the lecture asks for"
    for name in sorted(checked & set(known)):
        course, task = _course(found[name].get("prompt", {"metadata": {}})), known[name]
        for key in ("kind", "minutes"):
            if course.get(key) != getattr(task, key):
                yield (
                    f"exercise {name}: {key} is {course.get(key)!r} in the lecture and "
                    f"{getattr(task, key)!r} in {module}"
                )
