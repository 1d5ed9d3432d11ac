"""The whole course: every lecture's quick preset executed, as `course run --force` does it.

Wall time, the CPU time of all processes together, each lecture's own CPU time and largest memory,
and the share that is not the notebooks' own computing: starting processes and kernels, importing,
talking. A kernel is asked for its CPU time right after its cell of imports and at its end; what
lies between is its own computing. Nothing is written: results of `course run` stay as they are.
"""

from __future__ import annotations

import copy
import json
import re
import time

from interleaved import Stopwatch, chart, claim, start, table

NAME = "course"
TITLE = "The whole course"
THREADS = 1

MARK = "cpu-after-imports"
MINUTES, CPU_SECONDS = 11, 1250
CELL_SECONDS = 600.0


def lectures(quick: bool) -> list:
    from utils.course import notebooks

    found = notebooks.find()
    return [path for path in found if path.name[:2] in ("02", "03")] if quick else found


def job_of(path):
    """Return the job `course run` has for a lecture, with a cell that tells the time spent."""
    from utils.course import run

    job = run._job(path, {}, CELL_SECONDS)
    notebook = with_mark(json.loads(job.arguments["notebook"]))
    arguments = job.arguments | {"notebook": json.dumps(notebook)}
    return type(job)(job.name, job.function, arguments, job.cost)


def with_mark(notebook: dict) -> dict:
    """Return a notebook with a cell after its imports that prints the CPU time so far."""
    notebook = copy.deepcopy(notebook)
    place = next(
        index
        for index, cell in enumerate(notebook["cells"])
        if cell["cell_type"] == "code"
        and re.search(r"(?m)^(import|from) ", "".join(cell["source"]))
    )
    text = "import time as _time\nprint(_time.process_time())"
    mark = {"cell_type": "code", "id": MARK, "metadata": {}, "source": text, "outputs": [],
            "execution_count": None}  # fmt: skip
    notebook["cells"].insert(place + 1, mark)
    return notebook


def marked(text: str) -> float:
    """Return the CPU seconds an executed notebook's mark printed."""
    (cell,) = [cell for cell in json.loads(text)["cells"] if cell.get("id") == MARK]
    return float("".join(cell["outputs"][0]["text"]))


def execute(paths, executor) -> tuple[dict, float, float]:
    """Execute lectures; return a row each (by name), the seconds and the CPU seconds of all."""
    work = [job_of(path) for path in paths]
    rows, begun = {}, time.perf_counter()
    with Stopwatch() as watch:
        for event in executor.run(work):
            name = event.job.name.rsplit("/", 1)[-1].removesuffix(".ipynb")
            at = time.perf_counter() - begun
            if event.kind == "started":
                rows[name] = {"start": at}
            elif event.kind == "failed":
                raise RuntimeError(f"{name}: {event.value}")
            elif event.kind == "finished":
                outcome = event.value
                if outcome.error:
                    raise RuntimeError(f"{name}: {outcome.error}\n{outcome.traceback}")
                rows[name] |= {
                    "end": at,
                    "start": at - outcome.seconds,
                    "seconds": outcome.seconds,
                    "cpu": outcome.cpu_seconds,
                    "own": outcome.cpu_seconds - marked(outcome.notebook),
                    "bytes": outcome.peak_bytes,
                    "budget": event.job.cost,
                }
    return dict(sorted(rows.items())), watch.sample.wall, watch.sample.cpu


def run(quick: bool = False) -> dict:
    from utils.course import jobs

    paths = lectures(quick)
    processes = min(2, jobs.cores())
    rows, wall, cpu = execute(paths, jobs.LocalExecutor(processes))
    return report(rows, wall, cpu, processes)


def lanes(rows: dict) -> dict[str, int]:
    """Return for each lecture the process it ran in: intervals of one process do not overlap."""
    free: list[float] = []
    found = {}
    for name, row in sorted(rows.items(), key=lambda item: item[1]["start"]):
        lane = next((i for i, end in enumerate(free) if end <= row["start"] + 0.5), None)
        if lane is None:
            lane = len(free)
            free.append(0.0)
        free[lane] = row["end"]
        found[name] = lane
    return found


def report(rows: dict, wall: float, cpu: float, processes: int) -> dict:
    """Return claims, tables and charts of one run of the course."""
    own = sum(row["own"] for row in rows.values())
    lane = lanes(rows)
    order = sorted(rows, key=lambda name: rows[name]["start"])
    spans = [
        {
            "label": name[:2],
            "row": f"process {lane[name] + 1}",
            "start": round(rows[name]["start"], 1),
            "end": round(rows[name]["end"], 1),
        }
        for name in order
    ]
    header = ["lecture", "s", "CPU-s", "after imports", "allotted", "largest memory, GB"]
    return {
        "claims": [
            claim(f"{len(rows)} lectures on {processes} processes", wall / 60,
                  at_most=MINUTES, unit="min"),
            claim("CPU seconds of all processes, start-up included", cpu,
                  at_most=CPU_SECONDS, unit="s"),
            claim("share that is not the notebooks' own computing", 100 * (1 - own / cpu),
                  unit="%"),
            claim("largest memory of a lecture", max(row["bytes"] for row in rows.values()) / 1e9,
                  unit="GB"),
        ],
        "tables": [
            table(
                "Each lecture",
                header,
                [
                    [
                        name,
                        f"{row['seconds']:.1f}",
                        f"{row['cpu']:.1f}",
                        f"{row['own']:.1f}",
                        f"{row['budget']:.0f}",
                        f"{row['bytes'] / 1e9:.2f}",
                    ]
                    for name, row in rows.items()
                ],
            )
        ],
        "charts": [
            chart(
                "spans",
                "Long lectures start first, so that all processes end together",
                "Each process as a line of time, the lectures it executed one after the other: "
                + "; ".join(
                    f"{name} from {rows[name]['start']:.0f} to {rows[name]['end']:.0f} s"
                    for name in order
                ),
                spans,
                x="seconds",
            )
        ],
        "notes": [
            "CPU seconds of a lecture are its kernel's; the total also counts the processes that "
            "drive them.",
        ],
    }  # fmt: skip


if __name__ == "__main__":
    start(__name__)
