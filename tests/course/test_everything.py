"""`course all` goes through every step, and its status is honest."""

import pytest

import utils.course.everything as everything
from utils.course import main


@pytest.fixture
def steps(clone, monkeypatch):
    """Steps that only note that they were called; `status` says what each returns."""
    clone.notebook("01_a")
    status, called = {"lectures": 0, "slides": 0, "site": 0}, []

    def execute(paths, **options):
        called.append(("lectures", [path.name for path in paths], options["force"]))
        return status["lectures"]

    def command(argv):
        called.append(tuple(argv))
        index = clone.root / "build" / argv[0] / "index.html"
        index.parent.mkdir(parents=True, exist_ok=True)
        index.touch()
        return status[argv[0]]

    monkeypatch.setattr(everything, "execute", execute)
    monkeypatch.setattr(everything, "main", command)
    return status, called


def test_runs_then_builds_and_says_where_to_look(steps, clone, capsys):
    assert main(["all"]) == 0
    assert steps[1] == [("lectures", ["01_a.ipynb"], False), ("slides",), ("site",)]
    shown = capsys.readouterr().out
    assert f"web site             {clone.root}/build/site/index.html" in shown
    assert f"slides               {clone.root}/build/slides/index.html" in shown


@pytest.mark.parametrize("failing", ["lectures", "slides", "site"])
def test_a_failing_step_does_not_keep_the_next_from_running(steps, capsys, failing):
    steps[0][failing] = 1
    assert main(["all", "--force"]) == 1
    assert [call[0] for call in steps[1]] == ["lectures", "slides", "site"]
    assert f"Failed: {failing}; see above." in capsys.readouterr().out
