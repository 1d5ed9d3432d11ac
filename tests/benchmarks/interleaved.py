"""Comparing A and B honestly: interleaved in one run, threads fixed, ratios with their spread.

Two programs timed one after the other are timed on two machines: the second has another
temperature, another cache and other neighbours. Here every round runs each variant once, in an
order that turns round by round, and a ratio is taken within a round. What is printed is the median
of these ratios, the smallest and the largest.

A benchmark is a module ``bench_NAME.py`` with ``TITLE``, ``THREADS`` and ``run(quick) -> dict``;
`main` gives it a command line.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLOCKS = {"cpu": "CPU seconds", "wall": "seconds on the clock"}


@dataclass(frozen=True)
class Sample:
    """What one execution cost: seconds on the clock and the processor's, children included."""

    wall: float
    cpu: float

    def __add__(self, other: Sample) -> Sample:
        return Sample(self.wall + other.wall, self.cpu + other.cpu)


@dataclass(frozen=True)
class Ratio:
    """Ratio of two variants: median, smallest and largest over the rounds."""

    median: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g} to {self.high:.3g}, {self.rounds} rounds)"


class Stopwatch:
    """Measures a block; may be stopped and started again inside it.

    Examples
    --------
    >>> with Stopwatch() as watch:
    ...     pass
    >>> watch.sample.wall < 1
    True
    """

    def __init__(self) -> None:
        self.sample = Sample(0.0, 0.0)
        self._from: Sample | None = None

    def __enter__(self) -> Stopwatch:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._from is not None:
            self.stop()

    def start(self) -> None:
        """Go on measuring."""
        self._from = now()

    def stop(self) -> None:
        """Leave out what follows."""
        at = now()
        self.sample += Sample(at.wall - self._from.wall, at.cpu - self._from.cpu)
        self._from = None


def now() -> Sample:
    """Return the clock, and the CPU time of this process and of its children that have ended."""
    return Sample(time.perf_counter(), time.process_time() + _children())


def _children() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def interleave(
    variants: Mapping[str, Callable[[], Any]], rounds: int, *, warm_up: bool = True
) -> dict[str, list[Sample]]:
    """Run every variant once a round, and return what each round cost.

    Parameters
    ----------
    variants : mapping of str to function
    rounds : int
        At least 1. The order is turned round after each, so that a drift meets all alike.
    warm_up : bool
        Run each once before, not counted.

    Returns
    -------
    dict of str to list of Sample
        In the order of the rounds.
    """
    if rounds < 1:
        raise ValueError(f"rounds is {rounds}: give at least 1")
    if warm_up:
        for function in variants.values():
            function()
    samples: dict[str, list[Sample]] = {name: [] for name in variants}
    order = list(variants)
    for _ in range(rounds):
        for name in order:
            gc.collect()
            with Stopwatch() as watch:
                variants[name]()
            samples[name].append(watch.sample)
        order.reverse()
    return samples


def ratio(above: Sequence[Sample], below: Sequence[Sample], clock: str = "cpu") -> Ratio:
    """Return the ratio of two variants, taken round by round.

    Parameters
    ----------
    above, below : sequence of Sample
        As many of one as of the other, from the same rounds.
    clock : {"cpu", "wall"}
    """
    if len(above) != len(below) or not above:
        raise ValueError(f"{len(above)} and {len(below)} samples: a ratio needs pairs")
    pairs = zip(above, below, strict=True)
    return spread([getattr(a, clock) / getattr(b, clock) for a, b in pairs])


def spread(values: Sequence[float]) -> Ratio:
    """Return median, smallest and largest of some values."""
    return Ratio(statistics.median(values), min(values), max(values), len(values))


def middle(samples: Sequence[Sample], clock: str = "cpu") -> float:
    """Return the median seconds of some executions."""
    return statistics.median(getattr(sample, clock) for sample in samples)


# ------------------------------------------------------------------------------ what is reported


def claim(
    what: str,
    value: Ratio | float,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    unit: str = "",
) -> dict:
    """Return a figure that must hold, and whether it does.

    Parameters
    ----------
    what : str
        What the figure is.
    value : Ratio or float
        A ratio is held to its limit by its median.
    at_most, at_least : float
        One of them, or none for a figure that is only reported.
    unit : str
        Such as "s" or "%".
    """
    if at_most is not None and at_least is not None:
        raise ValueError("a claim has one limit")
    figure = value.median if isinstance(value, Ratio) else float(value)
    holds = None
    if at_most is not None:
        holds = figure <= at_most
    elif at_least is not None:
        holds = figure >= at_least
    return {
        "what": what,
        "value": round(figure, 4),
        "low": round(value.low, 4) if isinstance(value, Ratio) else None,
        "high": round(value.high, 4) if isinstance(value, Ratio) else None,
        "rounds": value.rounds if isinstance(value, Ratio) else None,
        "unit": unit,
        "limit": at_most if at_most is not None else at_least,
        "kind": "at most" if at_most is not None else "at least" if at_least is not None else None,
        "holds": holds,
    }


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict:
    """Return a table for the report; every row has a cell for each column."""
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"{title}: a row of {len(row)} cells under {len(header)} columns")
    return {"title": title, "header": list(header), "rows": [list(row) for row in rows]}


def chart(kind: str, title: str, alt: str, series: Sequence[dict], **labels: Any) -> dict:
    """Return a chart for the report.

    Parameters
    ----------
    kind : {"bars", "lines", "spans"}
        ``bars``: each of the series has ``label``, ``names`` and ``values`` (and ``errors``, pairs
        of low and high); ``lines``: ``label``, ``x`` and ``y``; ``spans``: ``label``, ``row``,
        ``start`` and ``end``.
    title, alt : str
        The finding, and what is seen, for those who cannot.
    labels
        ``x``, ``y``: axis labels; ``line``: a value to mark.
    """
    if kind not in ("bars", "lines", "spans"):
        raise ValueError(f"no chart {kind!r}")
    return {"kind": kind, "title": title, "alt": alt, "series": list(series), **labels}


def machine() -> dict:
    """Return what a reader must know of the machine."""
    import psutil
    import torch

    from utils.course import jobs
    from utils.training.machine import has_native_bf16

    return {
        "processor": _processor(),
        "cores": jobs.cores(),
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "busy": round(psutil.cpu_percent(interval=1.0)),
        "bf16_native": has_native_bf16(torch.device("cpu")),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def main(module: Any) -> int:
    """Run one benchmark module and print or write its result as JSON.

    Parameters
    ----------
    module : module
        With ``TITLE``, ``THREADS`` and ``run(quick, ...)``.
    """
    parser = argparse.ArgumentParser(description=module.__doc__)
    parser.add_argument("--quick", action="store_true", help="a try-out in seconds")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the result there")
    parser.add_argument("--threads", type=int, default=module.THREADS, help="default: %(default)s")
    parser.add_argument("--only", nargs="+", metavar="PART", help="parts, where it has some")
    args = parser.parse_args()
    result = execute(module, args.quick, args.threads, args.only)
    text = json.dumps(result, indent=1, ensure_ascii=False)
    if args.output:
        args.output.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    return 0


def execute(
    module: Any, quick: bool = False, threads: int = 1, only: Sequence[str] | None = None
) -> dict:
    """Run a benchmark with so many threads and add what is true of each: cost, machine, command."""
    import torch

    torch.set_num_threads(threads)
    about = machine()
    name = module.NAME
    words = [name, *(["--quick"] if quick else [])]
    if threads != module.THREADS:
        words.append(f"--threads {threads}")
    with Stopwatch() as watch:
        found = module.run(quick, only=only) if only else module.run(quick)
    if quick:  # a try-out proves nothing
        for item in found["claims"]:
            item["holds"] = None
    return {
        "name": name,
        "title": module.TITLE,
        "question": " ".join((module.__doc__ or "").split("\n\n")[0].split()),
        "command": f"course bench {' '.join(words)}",
        "quick": quick,
        "threads": threads,
        "seconds": round(watch.sample.wall, 1),
        "cpu_seconds": round(watch.sample.cpu, 1),
        "machine": about,
        **found,
    }


def start(module_name: str) -> None:
    """Run the benchmark that is the main program, with one thread unless it says otherwise."""
    module = sys.modules[module_name]
    # Before torch is imported: its thread pools take their size from here.
    threads = str(module.THREADS)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, threads)
    raise SystemExit(main(module))
