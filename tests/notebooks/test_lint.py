"""Lectures and solutions keep the rules of the house; and the rules find what breaks them."""

import copy
import json

import pytest

from utils import ROOT
from utils.course import digest, lint, main, notebooks, testing

PAGES = [
    path
    for folder in (notebooks.LECTURES, notebooks.SOLUTIONS)
    for path in notebooks.notebooks(folder)
]


@pytest.fixture(scope="module")
def pages():
    return {path: lint.open_page(path) for path in PAGES}


@pytest.mark.parametrize("name", lint.RULES)
@pytest.mark.parametrize("path", PAGES, ids=notebooks.show)
def test_notebook_keeps_the_rule(pages, path, name):
    found = list(lint.RULES[name](pages[path]))
    assert not found, "\n".join([notebooks.show(path), *found])


def test_most_outputs_are_compared():
    cells = [cell for path in PAGES for cell in notebooks.read(path)["cells"]]
    judged = [notebooks.comparison(cell) for cell in cells if cell["cell_type"] == "code"]
    compared, not_compared = (sum(d for d, _ in judged), sum(bool(w) for _, w in judged))
    assert compared >= testing.COMPARED_SHARE * (compared + not_compared), (
        f"{compared} outputs are compared, {not_compared} are not: let cells print what is the "
        "same on every machine"
    )


def test_every_recorded_notebook_exists():
    with (ROOT / lint.UNCOMPARED).open("rb") as file:
        recorded = set(lint.tomllib.load(file))
    assert recorded <= {f"{path.parent.name}/{path.name}" for path in PAGES}


# The rules themselves, on notebooks made here


WORDS = "Every word here is one of the many words that make a page of prose worth its code. " * 3
FIGURE = {
    "output_type": "display_data",
    "metadata": {},
    "data": {"image/png": "aGk=", "text/plain": '<Figure "Loss": 1 axes, data 3fa1c2>'},
}


def slide(kind, **more):
    return {"slideshow": {"slide_type": kind}, **more}


@pytest.fixture
def pair(clone, monkeypatch):
    """A lecture without fault and its solution; `break_it` changes them and returns the findings."""
    code, markdown = clone.code, clone.markdown
    exercise = {"exercise": "06.1", "points": 1, "kind": "compute", "minutes": 3}
    cells = [
        markdown("# LeNet\n\nGoals", **slide("slide")) | {"id": "title"},
        code('PRESET = "quick"  # or "full"\nSEED = 0  # of all', "parameters", count=1,
             **slide("skip")) | {"id": "parameters"},
        code("print(26)", count=2, outputs=[clone.stdout("26\n")], **slide("subslide"))
        | {"id": "count"},
        code("draw()", "hide-input", count=3, outputs=[FIGURE],
             **slide("-", alt="The loss falls from left to right.")) | {"id": "figure"},
        markdown("Say hello.\n\n---\n\nTwo are the same.", "remove-cell", **slide("notes"))
        | {"id": "title-notes"},
        code("train()", "nbval-ignore-output", count=4, outputs=[clone.stdout("0.98\n")],
             **slide("skip")) | {"id": "train"},
        code("assert accuracy > 0.9", count=5, **slide("skip")) | {"id": "band"},
        markdown("## Exercises", **slide("slide")) | {"id": "exercises"},
        markdown("Five minutes.", "remove-cell", **slide("notes")) | {"id": "ex-notes"},
        markdown("### Exercise 1\nHow many?", "exercise",
                 **slide("skip", course=exercise | {"role": "prompt"})) | {"id": "ex1-prompt"},
        code("answer = ...", "exercise", count=6,
             **slide("skip", course={"exercise": "06.1", "role": "starter"})) | {"id": "ex1-starter"},
        code('check("06.1", answer);', "exercise", count=7,
             outputs=[clone.stdout("· 06.1 not attempted yet\n")],
             **slide("skip", course={"exercise": "06.1", "role": "check"})) | {"id": "ex1-check"},
    ]  # fmt: skip
    for place in range(45):
        cells.append(markdown(WORDS, **slide("skip")) | {"id": f"prose-{place}"})
    lecture = clone.write("06_lenet", copy.deepcopy(cells), budget=75)
    solved = [cells[0], cells[1], markdown("## Solved"), *copy.deepcopy(cells[9:12])]
    solved[4]["source"] = "answer = 26"
    solved[5]["source"] = 'check("06.1", answer).require();'
    for count, cell in enumerate([solved[1], solved[4], solved[5]], start=1):
        cell["execution_count"] = count
    solved.append(markdown(2 * WORDS) | {"id": "ex1-discussion"})
    solution = clone.write("06_lenet", solved, "solutions")

    task = type("Task", (), {"kind": "compute", "minutes": 3})
    monkeypatch.setattr("utils.exercises.registry", lambda: {"06.1": task, "07.1": task})
    (clone.root / "tests" / "notebooks").mkdir(parents=True)
    (clone.root / lint.UNCOMPARED).write_text(
        '"lectures/06_lenet.ipynb" = 2\n"solutions/06_lenet.ipynb" = 0\n'
    )
    lint._manifest_names.cache_clear()

    def findings(change=lambda lecture, solution: None, fresh=True):
        loaded = [json.loads(path.read_text()) for path in (lecture, solution)]
        change(*loaded)
        for path, notebook in zip((lecture, solution), loaded, strict=True):
            if fresh:
                made = {"cells": digest.cells(notebook), "modules": {}, "data": {}, "torch": None}
                notebook["metadata"]["course"]["digest"] = made
            path.write_text(json.dumps(notebook))
        return [
            (path.parent.name, name, sentence)
            for path in (lecture, solution)
            for name, sentence in lint.lint(path)
        ]

    yield findings
    lint._manifest_names.cache_clear()


def test_a_good_pair_has_no_finding(pair, capsys):
    assert pair() == []
    assert main(["lint"]) == 0
    assert "2 notebooks, no findings" in capsys.readouterr().out


def cell_of(notebook, name):
    (cell,) = [cell for cell in notebook["cells"] if cell["id"] == name]
    return cell


def set_source(name, source):
    return lambda lecture, solution: cell_of(lecture, name).update(source=source)


def set_outputs(name, *outputs):
    return lambda lecture, solution: cell_of(lecture, name).update(outputs=list(outputs))


def set_metadata(name, **metadata):
    return lambda lecture, solution: cell_of(lecture, name)["metadata"].update(metadata)


def in_solution(name, **parts):
    return lambda lecture, solution: cell_of(solution, name).update(parts)


def text(words, name="stdout"):
    return {"output_type": "stream", "name": name, "text": words}


def html(words):
    return {"output_type": "display_data", "metadata": {}, "data": {"text/html": words}}


def picture(line):
    return {**FIGURE, "data": {"image/png": "aGk=", "text/plain": line}}


def exercise(**parts):
    def change(lecture, solution):
        cell_of(lecture, "ex1-prompt")["metadata"]["course"].update(parts)
        cell_of(solution, "ex1-prompt")["metadata"]["course"].update(parts)

    return change


def without(name):
    return lambda lecture, solution: lecture["cells"].remove(cell_of(lecture, name))


def twice(name):
    def change(lecture, solution):
        lecture["cells"].append(copy.deepcopy(cell_of(lecture, name)))

    return change


def both_without_starter(lecture, solution):
    for notebook in (lecture, solution):
        notebook["cells"].remove(cell_of(notebook, "ex1-starter"))


LONG = "x = 1\n" * 13
BROKEN = [
    ("metadata", lambda a, b: a["metadata"]["course"].update(lecture="05"), 'must be "06"'),
    ("metadata", lambda a, b: a["metadata"]["course"].update(title=" "), "title is missing"),
    ("metadata", lambda a, b: a["metadata"]["course"].update(budget="75"), "CPU-seconds above 0"),
    ("metadata", lambda a, b: a["metadata"]["kernelspec"].update(name="mine"), "must be python3"),
    ("metadata", lambda a, b: a["metadata"].update(language_info={"version": "3"}), "name"),
    ("metadata", lambda a, b: a["metadata"].update(widgets={}), "'widgets' does not belong"),
    ("metadata", lambda a, b: a.update(nbformat_minor=4), "cells need ids"),
    ("cell_ids", twice("count"), "two cells have the id 'count'"),
    ("cell_ids", lambda a, b: a["cells"][3].pop("id"), "needs an id"),
    ("headings", set_source("prose-1", "# Another title" + WORDS), "only the first cell holds"),
    ("headings", set_source("title", "## LeNet"), "it has 0 titles"),
    ("headings", set_source("prose-1", "##### Deep\n" + WORDS), "a level is left out above it"),
    ("parameters", set_metadata("count", tags=["parameters"]), r"tagged are cells [1, 2]"),
    ("parameters", set_metadata("parameters", tags=[]), "the second cell alone"),
    ("parameters", set_source("parameters", 'PRESET = "full"  # x'), 'PRESET = "quick"'),
    ("parameters", set_source("parameters", 'PRESET = "quick"  # x\nSEED = 0'), "'SEED = 0' should"),
    ("parameters", set_source("parameters", 'PRESET = "quick"; A = 0  # x'), "should read"),
    ("parameters", set_source("parameters", 'PRESET = "quick"  # x\nN = int(3)  # y'), "literal"),
    (
        "parameters",
        set_source("parameters", 'PRESET = "quick"  # x\nDEVICE = "cuda:1"  # y'),
        'DEVICE = "auto"',
    ),
    ("tags", set_metadata("count", tags=["nbval-ignore-ouput"]), "unknown tag"),
    ("tags", set_metadata("count", tags=["raises-exception"]), "unknown tag"),
    ("tags", set_metadata("count", tags=["needs-nothing"]), "names no data set"),
    ("slides", lambda a, b: a["cells"].__delitem__(slice(15, None)), "split cells"),
    ("slides", lambda a, b: a["cells"].extend(
        {**a["cells"][-1], "id": f"m-{n}"} for n in range(40)), "merge cells"),
    ("slides", lambda a, b: cell_of(a, "count")["metadata"].pop("slideshow"), "slide type None"),
    ("slides", set_metadata("count", slideshow={"slide_type": "page"}), "slide type 'page'"),
    ("slides", set_metadata("title-notes", tags=[]), "tagged remove-cell"),
    ("slides", set_metadata("prose-3", tags=["remove-cell"]), "speaker notes, and only they"),
    ("slides", set_metadata("prose-3", **slide("subslide")), "words on a slide"),
    ("speaker_notes", without("ex-notes"), "cell 'exercises' (## Exercises): this slide has no"),
    ("speaker_notes", without("title-notes"), "cell 'title' (# LeNet): this slide has no speaker"),
    ("speaker_notes", without("title-notes"), "cell 'count' (print(26)): this slide has no speaker"),
    ("speaker_notes", set_source("title-notes", "Say hello."), "cell 'title' (# LeNet): this slide"),
    ("speaker_notes", set_source("title-notes", "Hello.\n\n---\n\n"), "cell 'count' (print(26)): this"),
    ("speaker_notes", set_metadata("band", **slide("subslide")), "cell 'band' (assert accuracy"),
    ("speaker_notes", set_source("ex-notes", "One.\n\n---\n\nTwo."), "notes in 2 parts, but its"),
    ("lengths", set_source("count", LONG), "13 lines on a slide"),
    ("lengths", set_source("train", LONG * 4), "52 lines of code; 40 at most"),
    ("prose", lambda a, b: [c.update(source="Short.") for c in a["cells"][12:]], "words of prose"),
    ("execution", lambda a, b: cell_of(a, "figure").update(execution_count=9), "as number 9"),
    ("execution", lambda a, b: cell_of(a, "figure").update(execution_count=None), "number None"),
    ("execution", set_outputs("count", {"output_type": "error", "ename": "KeyError"}), "KeyError"),
    ("execution", set_outputs("count", text("UserWarning: x", "stderr")), "wrote to stderr"),
    ("outputs", set_outputs("count", text("in /home/ada/cnn\n")), "a path of one machine"),
    ("outputs", set_outputs("count", text("C:\\Users\\ada\n")), "a path of one machine"),
    ("outputs", set_outputs("count", text("<object at 0x7f00deadbeef>")), "an address in memory"),
    ("outputs", set_outputs("count", html('<img src="https://a.b/c.png">')), "request to the net"),
    ("outputs", set_outputs("count", html("<script src='a.js'></script>")), "not in the notebook"),
    ("outputs", set_outputs("count", {**html(""), "data": {"application/javascript": "1"}}),
     "shows nothing without a kernel"),
    ("outputs", set_source("train", 'open("/home/ada/x")'), "names a path of one machine"),
    ("figures", set_metadata("figure", alt="A plot."), "must say what the figure shows"),
    ("figures", set_metadata("figure", alt=None), "must say what the figure shows"),
    ("figures", set_outputs("figure", FIGURE, FIGURE), "draws 2 figures"),
    ("figures", set_metadata("count", alt="The loss falls from left to right."), "draws no figure"),
    ("figures", set_outputs("figure", picture("<Figure size 640x480 with 1 Axes>")), "no checksum"),
    ("figures", set_source("prose-1", "![](a.png) " + WORDS), "without alternative text"),
    ("figures", set_source("prose-1", '<img src="a.png"> ' + WORDS), "without alternative text"),
    ("figures", lambda a, b: a["cells"][20].update(attachments={"a.png": {}}), "a pasted image"),
    ("assertions", set_source("band", "accuracy > 0.9"), "must assert what it shows"),
    ("uncompared", set_outputs("band", FIGURE), "3 outputs are not compared, 2 are recorded"),
    ("exercises", without("ex1-prompt"), "exercise 06.1 has no prompt"),
    ("exercises", exercise(kind="quiz"), "kind 'quiz'"),
    ("exercises", exercise(points=0), "needs points above 0"),
    ("exercises", exercise(minutes=None), "needs minutes above 0"),
    ("exercises", exercise(exercise="07.1"), "ids here are 06.1"),
    ("exercises", exercise(role="question"), "role 'question'"),
    ("exercises", both_without_starter, "a starter and a check go together"),
    ("exercises", without("ex1-starter"), "both need the same"),
    ("exercises", set_source("ex1-check", "answer == 26"), 'should call check("06.1"'),
    ("exercises", set_source("ex1-prompt", "### Exercise 1\nHow few?"), "the prompts differ"),
    ("exercises", set_source("ex1-starter", "answer = 26"), "the solution's starter is not solved"),
    ("exercises", set_source("ex1-starter", "answer = 0"), "should leave `...`"),
    ("exercises", set_source("ex1-check", 'check("06.1", answer).require()'), "must not raise"),
    ("exercises", in_solution("ex1-check", source='check("06.1", answer)'), "must be strict"),
    ("exercises", in_solution("ex1-starter", id="other"), "make them one"),
    ("exercises", in_solution("ex1-discussion", source="So."), "say after the check why"),
    ("exercises", lambda a, b: b["cells"].__delitem__(slice(3, 6)), "exercise 06.1 has no solution"),
    ("exercises", lambda a, b: a["cells"].__delitem__(slice(9, 12)), "and not in the lecture"),
    ("registered", exercise(minutes=4), "minutes is 4 in the lecture and 3"),
    ("registered", lambda a, b: a["cells"].__delitem__(slice(9, 12)), "which no cell of the lecture"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "sentence"), BROKEN)
def test_each_rule_finds_what_breaks_it_and_says_so(pair, name, change, sentence):
    found = pair(change)
    assert any(rule == name and sentence in said for _, rule, said in found), found


def test_every_rule_is_tried():
    assert {name for name, _, _ in BROKEN} | {"freshness"} == set(lint.RULES)


def test_a_stale_digest_is_found(pair):
    pair()
    found = pair(set_source("count", "print(27)"), fresh=False)
    assert [(rule, said) for _, rule, said in found] == [
        (
            "freshness",
            "stored outputs are stale: cells edited count: run `course refresh 06`",
        )
    ]


def test_a_lecture_without_solution_or_record_is_found(pair, clone):
    pair()
    (clone.root / "solutions" / "06_lenet.ipynb").unlink()
    (clone.root / lint.UNCOMPARED).write_text("")
    found = dict(lint.lint(clone.root / "lectures" / "06_lenet.ipynb"))
    assert found == {
        "exercises": "there is no solutions/06_lenet.ipynb",
        "uncompared": f'write `"lectures/06_lenet.ipynb" = 2` into {lint.UNCOMPARED}: '
        "so many outputs are not compared",
    }


def test_a_check_that_is_registered_nowhere_is_found(pair, monkeypatch):
    monkeypatch.setattr("utils.exercises.registry", dict)
    ((folder, rule, said),) = pair()
    assert (folder, rule) == ("lectures", "registered")
    assert said == "exercise 06.1 has no check: add it to utils/exercises/lecture_06.py"


def test_open_questions_need_a_prompt_and_a_discussion_only(pair, monkeypatch):
    monkeypatch.setattr("utils.exercises.registry", dict)

    def open_it(lecture, solution):
        for notebook in (lecture, solution):
            for name in ("ex1-starter", "ex1-check"):
                notebook["cells"].remove(cell_of(notebook, name))

    assert pair(open_it) == []


def test_a_bug_to_find_needs_no_dots(pair, monkeypatch):
    task = type("Task", (), {"kind": "debug", "minutes": 3})
    monkeypatch.setattr("utils.exercises.registry", lambda: {"06.1": task})

    def change(lecture, solution):
        exercise(kind="debug")(lecture, solution)
        cell_of(lecture, "ex1-starter")["source"] = "answer = 25"

    assert pair(change) == []


@pytest.mark.parametrize(
    ("markdown", "count"),
    [
        ("", 0),
        ("One two, three.", 3),
        ("# A heading of five words", 5),
        ("well-known, isn't it? 61,706 of them", 6),
        ("The loss $-\\log p_{t}$ is $$\\frac{a}{b}$$ here", 6),
        ("[a link](https://example.org/very/long) and ![a cat](cat.png)", 5),
        ("`model.eval()` matters", 2),
        ("before\n```python\nx = 1\ny = 2\n```\nafter", 2),
        ("- one\n- two\n\n| a | b |\n|---|---|\n", 4),
        ("<b>bold</b> and <br/>", 2),
    ],
)
def test_words_are_counted_as_read(markdown, count):
    assert lint.words(markdown) == count


def test_findings_are_listed_and_the_status_is_one(pair, capsys):
    pair(set_source("title", "## LeNet"))
    assert main(["lint", "6"]) == 1
    shown = capsys.readouterr().out
    assert "lectures/06_lenet.ipynb: it has 0 titles (# ...); one is right" in shown
    assert shown.splitlines()[-1].startswith("2 notebooks, ")
