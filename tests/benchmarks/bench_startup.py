"""What a user waits for before anything happens: imports, the command, a kernel, pages.

Everything is a process of its own, started anew each round, with the files already in memory (the
first round is not counted). Seconds are on the clock, because that is what one waits; beside them
the CPU seconds, which neighbours on the machine change less.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from interleaved import chart, claim, interleave, middle, spread, start, table

NAME = "startup"
TITLE = "Start-up"
THREADS = 1

ROUNDS = 7


def python(code: str):
    """Return a function that runs code in a fresh process."""
    return lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def course(*words: str):
    """Return a function that runs the command `course` in a fresh process."""
    code = f"import sys; from utils.course import main; sys.exit(main({list(words)!r}))"
    return python(code)


def first_figure() -> None:
    """Start a kernel, import what a lecture imports, draw, and end it."""
    import os

    import nbformat
    from nbclient import NotebookClient

    from utils.course.execution import THREADS as ONE_THREAD

    cells = [
        "import numpy as np\nimport torch\nfrom utils import plots\nplots.use_style()",
        "fig, ax = plots.subplots()\nax.plot([0, 1])\nfig",
    ]
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    client = NotebookClient(node, kernel_name="python3", timeout=120)
    client.execute(env={**os.environ, **ONE_THREAD})
    outputs = client.nb.cells[-1].outputs
    assert any("image/png" in output.get("data", {}) for output in outputs), outputs


def parts(quick: bool, folder: Path) -> dict[str, tuple]:
    """Return what is started, by name: the function, and how often it is measured."""
    rounds = 2 if quick else ROUNDS
    slow = 1 if quick else 3
    lecture = "06"
    return {
        "python -c pass": (python("pass"), rounds),
        "import utils": (python("import utils"), rounds),
        "course --help": (course("--help"), rounds),
        "import numpy, torch": (python("import numpy, torch"), rounds),
        "import torchvision as well": (python("import numpy, torch, torchvision"), rounds),
        "kernel to first figure": (first_figure, slow),
        f"slides of lecture {lecture}": (
            course("slides", lecture, "--output", str(folder / "slides"), "--force"), slow,
        ),
    }  # fmt: skip


def site(folder: Path, quick: bool) -> tuple[float, float, int]:
    """Build the site once: seconds, CPU seconds, lectures."""
    from interleaved import Stopwatch

    from utils.course import notebooks

    lectures = notebooks.find()[: 1 if quick else None]
    code = (
        "from pathlib import Path\n"
        "from utils.course import site\n"
        f"pages = site.find_pages()[:{len(lectures)}]\n"
        f"folder = Path({str(folder)!r})\n"
        "site.build(pages, folder / 'site', force=True, decks=folder / 'decks')\n"
    )
    with Stopwatch() as watch:
        python(code)()
    return watch.sample.wall, watch.sample.cpu, len(lectures)


def run(quick: bool = False, only=None) -> dict:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured = {}
        chosen = {k: v for k, v in parts(quick, folder).items() if not only or k in only}
        for rounds in sorted({count for _, count in chosen.values()}):
            together = {k: f for k, (f, count) in chosen.items() if count == rounds}
            measured.update(interleave(together, rounds))
        measured = {name: measured[name] for name in chosen}
        built = None if only and "site" not in only else site(folder, quick)
    return report(measured, built)


def report(measured: dict, built: tuple[float, float, int] | None) -> dict:
    """Return claims, tables and charts of some rounds."""
    rows = [
        [name, f"{middle(samples, 'wall'):.2f}", f"{middle(samples):.2f}", len(samples)]
        for name, samples in measured.items()
    ]
    claims = []
    if "course --help" in measured:
        waits = spread([sample.wall for sample in measured["course --help"]])
        claims.append(claim("course --help, on the clock", waits, at_most=0.5, unit="s"))
    for name in ("import utils", "kernel to first figure"):
        if name in measured:
            waits = spread([sample.wall for sample in measured[name]])
            claims.append(claim(f"{name}, on the clock", waits, unit="s"))
    if built:
        wall, cpu, lectures = built
        rows.append([f"site and slides of {lectures} lectures", f"{wall:.1f}", f"{cpu:.1f}", 1])
        claims.append(claim("site and slides, a lecture, CPU seconds", cpu / lectures, unit="s"))
    return {
        "claims": claims,
        "tables": [table("From the key to the answer", ["what", "s", "CPU-s", "rounds"], rows)],
        "charts": [
            chart(
                "bars",
                "Only what needs torch waits for torch",
                "Seconds for each start: the command's help in a blink, a kernel with its first "
                "figure in a few seconds.",
                [
                    {
                        "label": "CPU seconds",
                        "names": list(measured),
                        "values": [round(middle(samples), 3) for samples in measured.values()],
                    }
                ],
                y="CPU seconds",
            )
        ],
        "notes": ["Each median of several fresh processes; the site is built once, from nothing."],
    }


if __name__ == "__main__":
    start(__name__)
