"""``course new NN NAME``: the skeleton of a lecture, its solution, its checks and their cases.

For authors. What it writes runs and keeps the house's rules, except that it is short; CONTRIBUTING
says how to go on.
"""

import argparse
import re
from pathlib import Path
from string import Template

import utils
from utils.course import CourseError, notebooks
from utils.course.files import write_atomically

NEXT = """Written:
{files}

Next:
1. Edit the lecture in JupyterLab until it has 50 to 90 cells; keep ids, tags and metadata.
2. course refresh {number}     executes lecture and solution and stores their outputs
3. course lint {number}        says what is still missing
4. Add the lecture to README's table, to {teaching}
   and to tests/notebooks/uncompared.toml.
5. make test LECTURE={number}"""


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``new``."""
    parser = subparsers.add_parser(
        "new",
        help="write the skeleton of a lecture, for authors",
        description="Write the skeleton of a lecture, its solution, its checks and their test "
        "cases. What is there already is never overwritten.",
    )
    parser.add_argument("lecture", metavar="NN", help="its number, two digits")
    parser.add_argument("name", help="for the file, as in graph_networks")
    parser.add_argument("--title", help="as students read it (from the name)")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out ``course new``."""
    paths = new(args.lecture, args.name, args.title)
    files = "\n".join(f"  {notebooks.show(path)}" for path in paths)
    teaching = "utils/course/templates/site/teaching.toml"
    print(NEXT.format(files=files, number=args.lecture, teaching=teaching))
    return 0


def new(number: str, name: str, title: str | None = None) -> list[Path]:
    """Write the four files of a new lecture.

    Parameters
    ----------
    number : str
        Two digits that no lecture has yet.
    name : str
        Lower-case letters, digits and underscores.
    title : str, optional
        Made from the name if left out.

    Returns
    -------
    list of Path
        Lecture, solution, checks, cases.

    Raises
    ------
    CourseError
        If number or name are malformed, or a file of theirs is there already.
    """
    if not re.fullmatch(r"\d\d", number):
        raise CourseError(f"the number is {number!r}; two digits are allowed, as in 16")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise CourseError(
            f"the name is {name!r}; lower-case letters, digits and _ are allowed, as in "
            "graph_networks"
        )
    words = {"number": number, "title": title or name.replace("_", " ").capitalize()}
    lecture = cells(template("lecture"), words)
    prompts = {
        f"{cell['id'].replace('-', '_')}": cell
        for cell in lecture
        if cell["metadata"].get("course", {}).get("role") == "prompt"
    }
    solution = cells(template("solution"), words, prompts)
    texts = {
        Path(notebooks.LECTURES) / f"{number}_{name}.ipynb": as_text(lecture, words, 60),
        Path(notebooks.SOLUTIONS) / f"{number}_{name}.ipynb": as_text(solution, words, 20),
        Path("utils/exercises") / f"lecture_{number}.py": template("checks").substitute(words),
        Path("tests/exercises") / f"cases_{number}.py": template("cases").substitute(words),
    }
    taken = [path for path in texts if (utils.ROOT / path).exists()]
    taken += [
        Path(notebooks.LECTURES) / path.name
        for path in notebooks.notebooks()
        if path.name.startswith(f"{number}_") and Path(notebooks.LECTURES) / path.name not in taken
    ]
    if taken:
        raise CourseError(f"{taken[0]} is there already: take another number, or remove it first")
    for path, text in texts.items():
        (utils.ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(utils.ROOT / path, text)
    return [utils.ROOT / path for path in texts]


def template(name: str) -> Template:
    """Return a text of ``templates/lecture``."""
    folder = Path(__file__).parent / "templates" / "lecture"
    return Template((folder / f"{name}.txt").read_text(encoding="utf-8"))


def cells(text: Template, words: dict[str, str], prompts: dict[str, dict] | None = None) -> list:
    """Return the cells of a skeleton.

    Parameters
    ----------
    text : Template
        Each cell begins with a line ``%% TYPE ID SLIDE [TAGS]``, for a part of an exercise
        followed by ``: ROLE EXERCISE [KIND MINUTES POINTS]``; ``%% copy ID`` stands for a prompt.
    words : dict
        ``number`` and ``title``.
    prompts : dict, optional
        The lecture's prompts by id.
    """
    made = []
    for block in text.substitute(words).split("%% ")[1:]:
        head, _, source = block.partition("\n")
        what, _, exercise = head.partition(" : ")
        kind, name, *more = what.split()
        if kind == "copy":
            made.append((prompts or {})[name.replace("-", "_")])
            continue
        slide, *tags = more
        metadata: dict = {"slideshow": {"slide_type": slide}}
        if tags:
            metadata["tags"] = tags
        if exercise:
            role, number, *about = exercise.split()
            metadata["course"] = {"exercise": number, "role": role}
            if about:
                minutes, points = map(int, about[1:])
                metadata["course"] |= {"kind": about[0], "minutes": minutes, "points": points}
        cell = {"cell_type": kind, "id": name, "metadata": metadata, "source": source.strip()}
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    return made


def as_text(cells: list[dict], words: dict[str, str], budget: int) -> str:
    """Return a notebook of these cells as text."""
    import nbformat

    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    course = {"lecture": words["number"], "title": words["title"], "budget": budget}
    metadata = {"course": course, "kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return nbformat.writes(nbformat.from_dict(notebook)) + "\n"
