"""The test of the notebooks notices what it should: each defect is put in and must be found."""

import json
import os
import subprocess
import sys
import time

import pytest

from utils import ROOT
from utils.course import testing


@pytest.fixture
def nbval(clone):
    """Test the clone's notebooks as `make test` does; return the stage's result and its output."""

    def execute(*options, environment=(), workers=False):
        report = clone.root / "report.xml"
        command = testing.arguments("notebooks")
        if not workers:
            command = [word for word in command if word not in ("-n", "1", "2", "--dist=loadfile")]
        sanitize = ROOT / "tests" / "notebooks" / "sanitize.cfg"
        command = [word.replace("tests/notebooks/sanitize.cfg", str(sanitize)) for word in command]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-c", ROOT / "pyproject.toml",
             "--rootdir", clone.root, *command, *options, *testing.JUNIT, f"--junitxml={report}"],
            cwd=clone.root, capture_output=True, text=True, timeout=120,
            env=os.environ | dict(environment),
        )  # fmt: skip
        result = testing.Result("notebooks", 0.0, done.returncode)
        testing.read_report(report, result)
        return result, done.stdout + done.stderr

    return execute


def png(text):
    data = {"image/png": "aGk=", "text/plain": text}
    return {"output_type": "display_data", "metadata": {}, "data": data}


DRAW = """
class Drawn:
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"image/png": "%s", "text/plain": '<Figure "Loss": 1 axes, data %s>'}
display(Drawn())
"""


def test_true_outputs_pass_and_are_counted(clone, nbval):
    out = clone.stdout
    clone.notebook(
        "01_good",
        clone.code("print(1)", outputs=[out("1\n")], count=1),
        clone.code("print(2)", outputs=[out("two\n")], count=2, tags=["nbval-ignore-output"]),
        clone.code("import sys\nfrom tqdm import tqdm\nlist(tqdm(range(2)))\nprint(object())",
                   outputs=[out("<object object at 0x7fa183e15810>\n")], count=3),
        clone.code(DRAW % ("aGkh", "3fa1c2"), count=4,
                   outputs=[png('<Figure "Loss": 1 axes, data 3fa1c2>')]),
        clone.code("print('here')", outputs=[out("absent\n")], count=5, tags=["needs-cifar10"]),
        clone.code("import os\nassert os.environ['OMP_NUM_THREADS'] == '1'", count=6),
        clone.code("print(PRESET, SEED)", outputs=[out("quick 0\n")], count=7),
    )  # fmt: skip
    result, shown = nbval(environment={"COURSE_DATA": str(clone.root / "no-data")}.items())
    assert result.status == 0, shown
    assert (result.passed, result.failed, result.skipped) == (8, [], [])
    assert sorted(result.cells) == [
        "compared", "compared", "compared",
        "optional data cifar10 absent", "picture only", "tag nbval-ignore-output",
    ]  # fmt: skip


def test_a_doctored_number_a_stale_figure_and_new_output_are_found(clone, nbval):
    figure = png('<Figure "Loss": 1 axes, data 3fa1c2>')
    clone.notebook(
        "01_stale",
        clone.code("print(61706)", outputs=[clone.stdout("61707\n")], count=1),
        clone.code(DRAW % ("aGk=", "3fa1c3"), outputs=[figure], count=2),
        clone.code("print(1)", count=3),
        clone.code("1 + 1", outputs=[clone.stdout("2\n")], count=4),
        clone.code("print('same')", outputs=[clone.stdout("same\n")], count=5),
        clone.code("import sys\nprint('careful', file=sys.stderr)", count=6),
    )
    result, shown = nbval()
    assert result.status == 1
    assert sorted(name.split("::")[-1] for name in result.failed) == [
        f"Cell {number}" for number in (1, 2, 3, 4, 6)
    ], shown
    assert result.passed == 2 and result.skipped == []


def test_a_killed_kernel_is_noticed_at_once_and_other_notebooks_go_on(clone, nbval):
    kill = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    clone.notebook("01_dies", clone.code(kill, count=1), clone.code("print(1)", count=2))
    clone.notebook("02_good", clone.code("print(1)", outputs=[clone.stdout("1\n")], count=1))
    begun = time.monotonic()
    result, shown = nbval(workers=True)
    assert time.monotonic() - begun < 60
    assert [name.split("::")[-1] for name in result.failed] == ["Cell 1"]
    assert "the kernel died while it ran this cell" in shown
    assert [reason for _, reason in result.skipped] == [
        "an earlier cell of this notebook failed: Cell 1"
    ]
    assert result.passed == 3


def test_a_failing_cell_skips_the_rest_and_a_hanging_one_is_stopped(clone, nbval):
    clone.notebook("01_fails", "1 / 0", "print(never)")
    clone.notebook("02_hangs", "import time\ntime.sleep(60)", "print(never)")
    result, shown = nbval("--nbval-cell-timeout=2")
    assert len(result.failed) == 2 and len(result.skipped) == 2
    assert "ZeroDivisionError" in shown and "Timeout of 2 seconds exceeded" in shown
    allowed = testing.read_allowed(ROOT / "tests" / "allowed_skips.toml")
    _, problems = testing.summary([result], allowed)
    assert len(problems) == 1 and "2 failed" in problems[0]


def test_the_notebook_is_executed_with_its_true_defaults(clone, nbval):
    """A stored output of other parameters is found: nothing replaces them in the test."""
    path = clone.notebook("01_a", clone.code("SEED", outputs=[], count=1))
    notebook = json.loads(path.read_text())
    notebook["cells"][2]["outputs"] = [
        {
            "output_type": "execute_result",
            "metadata": {},
            "execution_count": 1,
            "data": {"text/plain": "7"},
        }
    ]
    path.write_text(json.dumps(notebook))
    result, shown = nbval()
    assert [name.split("::")[-1] for name in result.failed] == ["Cell 1"], shown
