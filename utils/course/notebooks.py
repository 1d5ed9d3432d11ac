"""Finding the lectures, and reading, cleaning and judging their notebooks.

A notebook is handled as the plain dictionary its JSON holds, so that the commands that only look
start at once; ``nbformat`` comes in where notebooks are written.
"""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import utils
from utils.course import CourseError

LECTURES, SOLUTIONS = "lectures", "solutions"

_NAME = re.compile(r"(?P<number>\d{1,2})(?:_\w*)?(?:\.ipynb)?")
# What tqdm and rich leave on stderr: a percentage, a bar and a rate, or a count and a rate.
_PROGRESS = re.compile(r"^.*(?:\d+%\|.*\|.*\[.*\]|\d+(?:it|batch|step|epoch)s? \[.*\])\s*$")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


_SAFE = re.compile(r"[\w.-]+")
"""A notebook's name: it stands in addresses and in pages."""

_CODE = re.compile(r"(```.*?```|~~~.*?~~~|``.+?``|`[^`\n]*`)", re.DOTALL)
_TITLE = re.compile(r"(?m)^(#\s.*)$")
_MARKUP = re.compile(r"<(?=[A-Za-z/!?])")
_ADDRESS = re.compile(r"(?i)(\]\(|\]:|<)(\s*)(javascript|vbscript|data)\s*:")


def harmless(markdown: str) -> str:
    """Return Markdown whose raw HTML is shown as text, so that no script in it runs on a page.

    The lectures need none: what moves is an output of code. Code and formulae stay as they are,
    except that a formula's ``<`` before a letter is written ``&lt;``, which draws the same. In a
    title it becomes another sign: the site's theme writes titles a second time, unescaped.
    """
    parts = _CODE.split(markdown)
    for index in range(0, len(parts), 2):
        parts[index] = _TITLE.sub(lambda line: _MARKUP.sub("\u2039", line[1]), parts[index])
        parts[index] = _MARKUP.sub("&lt;", _ADDRESS.sub(r"\1\2#\3-", parts[index]))
    return "".join(parts)


def notebooks(folder: str = LECTURES) -> list[Path]:
    """Return the paths of all lectures, or of all solutions, in order."""
    found = (utils.ROOT / folder).glob("[0-9][0-9]_*.ipynb")
    return sorted(path for path in found if _SAFE.fullmatch(path.stem))


def find(wanted: Sequence[str] = (), folder: str = LECTURES) -> list[Path]:
    """Return the lectures named, or all of them.

    Parameters
    ----------
    wanted : sequence of str
        Each a number (``6``, ``06``), a name (``06_lenet``) or a path; all lectures if empty.
    folder : {"lectures", "solutions"}

    Returns
    -------
    list of Path
        In the order of the course, each once.

    Raises
    ------
    CourseError
        If a lecture is not there.
    """
    known = {path.name[:2]: path for path in notebooks(folder)}
    if not wanted:
        return list(known.values())
    numbers = set()
    for word in wanted:
        match = _NAME.fullmatch(Path(word).name)
        number = f"{int(match['number']):02d}" if match else None
        if number not in known:
            raise CourseError(
                f"there is no lecture {word!r} in {folder}/; there are "
                f"{', '.join(known) or 'none'}: give a number such as 06"
            )
        numbers.add(number)
    return [path for number, path in known.items() if number in numbers]


def read(path: Path) -> dict:
    """Return a notebook's JSON object.

    Raises
    ------
    CourseError
        If the file cannot be read or holds no notebook of format 4.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CourseError(f"{show(path)} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CourseError(f"{show(path)} is no notebook: {error}") from None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4:
        raise CourseError(f"{show(path)} is no notebook of format 4: save it again in JupyterLab")
    return notebook


def write(path: Path, notebook: dict) -> None:
    """Write a notebook as Jupyter does (indent 1, newline at the end), whole or not at all."""
    import nbformat

    from utils.course.files import write_atomically

    text = nbformat.writes(nbformat.from_dict(notebook), version=nbformat.NO_CONVERT)
    write_atomically(path, text if text.endswith("\n") else text + "\n")


def show(path: Path) -> str:
    """Return a path as a reader knows it: from the repository's root where it lies in there."""
    try:
        return path.resolve().relative_to(utils.ROOT.resolve()).as_posix()
    except ValueError:
        return str(path)


def joined(text: str | list[str]) -> str:
    """Return a multi-line string of a notebook, which may be stored as a list of lines."""
    return text if isinstance(text, str) else "".join(text)


def source(cell: dict) -> str:
    """Return a cell's source as one string."""
    return joined(cell.get("source", ""))


def tags(cell: dict) -> list[str]:
    """Return a cell's tags."""
    return cell.get("metadata", {}).get("tags", [])


def course_metadata(notebook: dict) -> dict:
    """Return what the course stores about a notebook: lecture, title, budget, digest."""
    return notebook.get("metadata", {}).get("course", {})


def budget(notebook: dict) -> float:
    """Return a notebook's budget in CPU-seconds, 60 if it names none."""
    value = course_metadata(notebook).get("budget", 60)
    return float(value) if isinstance(value, int | float) else 60.0


def without_progress(text: str) -> str:
    """Return what a cell wrote to stderr without the progress bars, as a terminal would show it."""
    kept = []
    for line in text.split("\n"):
        shown = _ANSI.sub("", line).rstrip("\r").split("\r")[-1]
        if shown.strip() and not _PROGRESS.match(shown):
            kept.append(shown)
    return "".join(line + "\n" for line in kept)


def tidy_outputs(outputs: Iterable[dict]) -> list[dict]:
    """Return a cell's outputs without what differs from run to run.

    Neighbouring pieces of one stream become one, carriage returns are carried out as a terminal
    would, progress bars and widgets (whose ids are random) are dropped.
    """
    kept: list[dict] = []
    for output in outputs:
        output = dict(output)
        if output["output_type"] == "stream":
            output["text"] = joined(output["text"])
            if kept and kept[-1]["output_type"] == "stream" and kept[-1]["name"] == output["name"]:
                kept[-1]["text"] += output["text"]
                continue
        elif "data" in output:
            data = dict(output["data"])
            if data.pop("application/vnd.jupyter.widget-view+json", None) is not None:
                continue
            output["data"] = data
        kept.append(output)
    for output in kept:
        if output["output_type"] != "stream":
            continue
        if output["name"] == "stderr":
            output["text"] = without_progress(output["text"])
        elif "\r" in output["text"]:
            lines = output["text"].split("\n")
            output["text"] = "\n".join(line.rstrip("\r").split("\r")[-1] for line in lines)
    return [o for o in kept if o["output_type"] != "stream" or o["text"]]


def needed_data(cell: dict) -> list[str]:
    """Return the names of the optional data sets a cell uses: those of its tags ``needs-NAME``."""
    return [tag.removeprefix("needs-") for tag in tags(cell) if tag.startswith("needs-")]


def is_figure(output: dict) -> bool:
    """Return whether an output is a picture, or the line that stands for a drawn figure."""
    data = output.get("data", {})
    return any(kind.startswith("image/") for kind in data) or joined(
        data.get("text/plain", "")
    ).startswith("<Figure ")


def comparison(cell: dict, absent: Iterable[str] = ()) -> tuple[bool, str]:
    """Judge whether the test of a notebook compares what a cell printed.

    Parameters
    ----------
    cell : dict
        A code cell with its stored outputs.
    absent : iterable of str
        Names of the optional data sets this machine lacks.

    Returns
    -------
    compared : bool
        True if stdout, text/html or a text/plain that stands for no figure is compared.
    why : str
        The reason if not; empty for a cell without output.
    """
    outputs = [
        output
        for output in cell.get("outputs", [])
        if not (output["output_type"] == "stream" and output["name"] == "stderr")
    ]
    if not outputs:
        return False, ""
    missing = sorted(set(needed_data(cell)) & set(absent))
    if missing:
        return False, f"optional data {', '.join(missing)} absent"
    if "nbval-ignore-output" in tags(cell):
        return False, "tag nbval-ignore-output"
    for output in outputs:
        if output["output_type"] == "stream":
            return True, ""
        data = output.get("data", {})
        if "text/html" in data or ("text/plain" in data and not is_figure(output)):
            return True, ""
    return False, "picture only"


def absent_data() -> set[str]:
    """Return the names of the optional data sets this machine lacks."""
    from utils import fetch

    return {name for name in fetch.manifest() if not _is_here(name)}


def _is_here(name: str) -> bool:
    from utils import fetch

    state = fetch.state(name)
    if state.startswith("yours"):
        return (fetch.cache_folder() / name).is_dir()
    return state in ("committed", "cached")
