"""One Dask worker against two: how much faster the course runs where there is more to run it on.

A scheduler and its workers are processes of this machine, started before the clock and of one
thread each, with the two settings of Dask that the page on clusters gives. The jobs are those of
`course run --scheduler`. On a machine of two cores the second worker can at best halve the time;
the jobs are few and of unlike length, so some of that is lost at the end.
"""

from __future__ import annotations

import os
import tempfile

from bench_course import execute, lectures
from interleaved import chart, claim, start, table

NAME = "cluster"
TITLE = "The course on a Dask cluster"
THREADS = 1

LEAST = 1.7


def on_cluster(paths, workers: int) -> tuple[dict, float, float]:
    """Execute lectures on so many workers; the cluster starts before the clock."""
    import dask
    import distributed

    from utils.course import jobs

    os.environ.update(jobs.QUIET_DASK)
    dask.config.refresh()
    with (
        tempfile.TemporaryDirectory() as scratch,
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=40,
            local_directory=scratch,
        ) as cluster,
    ):
        cluster.wait_for_workers(workers)
        return execute(paths, jobs.DaskExecutor(cluster.scheduler_address))


def run(quick: bool = False, only=None) -> dict:
    paths = lectures(quick)
    counts = [int(count) for count in only] if only else [2, 1]
    found = {}
    for count in counts:
        found[count] = on_cluster(paths, count)
        several = "s" * (count > 1)
        print(f"{count} worker{several}: {found[count][1]:.0f} s on the clock", flush=True)
    return report(found, len(paths))


def report(found: dict, count: int) -> dict:
    """Return claims, tables and charts of the runs, by number of workers."""
    wall = {workers: seconds for workers, (_, seconds, _) in found.items()}
    claims = [
        claim(f"{count} lectures, {n} worker{'s' * (n > 1)}", seconds / 60, unit="min")
        for n, seconds in wall.items()
    ]
    if {1, 2} <= set(wall):
        ratio = wall[1] / wall[2]
        claims.insert(0, claim("one worker's time by two workers'", ratio, at_least=LEAST))
    names = sorted(next(iter(found.values()))[0])
    notes = ["Start of scheduler and workers excluded; each number of workers ran once."]
    if {1, 2} <= set(wall):
        alone, together = (sum(row["seconds"] for row in found[n][0].values()) for n in (1, 2))
        notes.append(
            f"The lectures take {alone:.0f} s one after the other and {together:.0f} s, added up, "
            f"two at a time: {100 * (together / alone - 1):.0f} % more, for they share memory and "
            f"cache. Of the two workers' time {100 * (1 - together / (2 * wall[2])):.0f} % passes "
            "between lectures and at the end, when one has no more to do."
        )
    return {
        "claims": claims,
        "tables": [
            table(
                "Seconds of each lecture",
                ["lecture", *(f"with {n} worker{'s' * (n > 1)}" for n in found)],
                [
                    [name, *(f"{rows[name]['seconds']:.1f}" for rows, _, _ in found.values())]
                    for name in names
                ],
            )
        ],
        "charts": [
            chart(
                "bars",
                "A second worker nearly halves the time",
                "Minutes for all lectures with one worker and with two.",
                [
                    {
                        "label": "minutes",
                        "names": [f"{n} worker{'s' * (n > 1)}" for n in sorted(found)],
                        "values": [round(wall[n] / 60, 2) for n in sorted(found)],
                    }
                ],
                y="minutes for all lectures",
            )
        ],
        "notes": notes,
    }


if __name__ == "__main__":
    start(__name__)
