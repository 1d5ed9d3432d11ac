"""`course new` writes a skeleton that keeps the house's rules, and overwrites nothing."""

import ast

import pytest

from utils.course import lint, main, notebooks


def test_the_skeleton_keeps_every_rule_but_its_length_and_its_outputs(clone, capsys):
    assert main(["new", "16", "graph_networks", "--title", "Graphs"]) == 0
    assert "course refresh 16" in capsys.readouterr().out
    path = clone.root / "lectures" / "16_graph_networks.ipynb"
    notebook = notebooks.read(path)
    assert notebook["metadata"]["course"]["title"] == "Graphs"
    broken = {name for name, _ in lint.lint(path)}
    # `registered` asks the installed package, which has no lecture 16
    assert broken == {"slides", "execution", "freshness", "registered"}
    solution = clone.root / "solutions" / path.name
    assert {name for name, _ in lint.lint(solution)} == {"execution", "freshness"}


def test_its_check_judges_its_cases(clone):
    assert main(["new", "97", "made_up"]) == 0
    import harness

    from utils import exercises

    checks = (clone.root / "utils/exercises/lecture_97.py").read_text("utf-8")
    cases = harness.load(clone.root / "tests/exercises/cases_97.py")
    with harness.only_these_exercises(lambda: exec(checks, {"__name__": "made_up_97"})):
        for answer in cases.RIGHT["97.1"]:
            assert exercises.judge("97.1", answer).passed is True
        assert len(cases.WRONG["97.1"]) >= 5
        for answer, message in cases.WRONG["97.1"]:
            result = exercises.judge("97.1", answer)
            assert result.passed is False and message in result.message


def test_every_cell_of_code_can_be_read(clone):
    assert main(["new", "16", "graph_networks"]) == 0
    for folder in ("lectures", "solutions"):
        for cell in notebooks.read(clone.root / folder / "16_graph_networks.ipynb")["cells"]:
            if cell["cell_type"] == "code":
                ast.parse(notebooks.source(cell))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["6", "x"], "two digits are allowed"),
        (["06", "x"], "lectures/06_old.ipynb is there already"),
        (["16", "Graph Networks"], "lower-case letters, digits and _ are allowed"),
        (["16", "../x"], "lower-case letters, digits and _ are allowed"),
    ],
)
def test_what_cannot_be_made_is_said_and_nothing_is_written(clone, capsys, arguments, words):
    clone.notebook("06_old")
    before = sorted(clone.root.rglob("*"))
    assert main(["new", *arguments]) == 1
    assert words in capsys.readouterr().err
    assert sorted(clone.root.rglob("*")) == before
