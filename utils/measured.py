"""Stored results of the full experiments: what ``course study NN`` wrote into ``data/measured/``.

    study = measured.load("06")
    study.select(model="LeNet5").mean("test_error")     # over the seeds

A lecture draws the study, repeats one of its runs live and asserts that it falls into the spread.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from utils import ROOT, fetch

FOLDER: Path = ROOT / "data" / "measured"
"""Where the studies are stored: ``NN.json``, and files they made in ``NN/``."""


@dataclass(frozen=True)
class Run:
    """One run of a study.

    Attributes
    ----------
    name : str
        Unique in the study, such as "lenet5-seed0".
    parameters : dict
        What it was called with, the seed included.
    results : dict
        Name to number, or to a list of numbers.
    seconds : float
        Wall time on one thread.
    """

    name: str
    parameters: dict
    results: dict
    seconds: float


class Runs:
    """Some runs of a study, in their stored order."""

    def __init__(self, runs: list[Run]) -> None:
        self.runs = runs

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def select(self, **parameters: object) -> Runs:
        """Return the runs that were called with these parameters.

        Raises
        ------
        ValueError
            If there is none; the message says what there is.
        """
        chosen = [
            run
            for run in self.runs
            if all(run.parameters.get(name) == value for name, value in parameters.items())
        ]
        if not chosen:
            known = {
                name: sorted({run.parameters.get(name) for run in self.runs}, key=str)
                for name in parameters
            }
            raise ValueError(f"no run has {parameters}; stored are {known}")
        return Runs(chosen)

    def values(self, name: str) -> list:
        """Return the result `name` of every run.

        Raises
        ------
        ValueError
            If a run has no such result.
        """
        for run in self.runs:
            if name not in run.results:
                raise ValueError(f"{run.name} has no {name!r}; it has {sorted(run.results)}")
        return [run.results[name] for run in self.runs]

    def mean(self, name: str) -> float:
        """Return the mean of the result `name` over the runs."""
        return statistics.fmean(self.values(name))

    def sd(self, name: str) -> float:
        """Return the sample standard deviation (n - 1) of the result `name` over the runs.

        Raises ValueError if there are fewer than two.
        """
        values = self.values(name)
        if len(values) < 2:
            raise ValueError(f"one run has no spread: {name!r} needs two or more")
        return statistics.stdev(values)

    def least(self, name: str) -> float:
        """Return the smallest value of the result `name` over the runs."""
        return min(self.values(name))

    def largest(self, name: str) -> float:
        """Return the largest value of the result `name` over the runs."""
        return max(self.values(name))


class Study(Runs):
    """All runs of a lecture's study, from what is `stored` of it in ``data/measured/``.

    Attributes
    ----------
    lecture : str
        Two digits.
    title, command : str
        What was asked, and the command that answers it.
    seconds : float
        Wall time of all runs together, each on one thread.
    summary : dict
        What the study itself drew from its runs.
    """

    def __init__(self, stored: dict) -> None:
        super().__init__([Run(**run) for run in stored["runs"]])
        self.lecture: str = stored["lecture"]
        self.title: str = stored["title"]
        self.command: str = stored["command"]
        self.seconds: float = stored["seconds"]
        self.summary: dict = stored["summary"]
        self._files: list[str] = list(stored["files"])

    def __repr__(self) -> str:
        return f"{self.command}: {len(self)} runs, {self.seconds / 60:.0f} min on one thread"

    def file(self, name: str) -> Path:
        """Return the path of the file `name` that the study made (weights, pictures).

        Raises
        ------
        ValueError
            If it made no such file.
        """
        if name not in self._files:
            raise ValueError(f"{self.command} made no {name!r}; it made {self._files}")
        return fetch.use(FOLDER / self.lecture / name)


def load(lecture: str) -> Study:
    """Return the stored study of a lecture.

    Parameters
    ----------
    lecture : str
        Two digits, "06".

    Raises
    ------
    DataError
        If it was never run, or its file is damaged.
    """
    path = FOLDER / f"{lecture}.json"
    if not path.is_file():
        raise fetch.DataError(
            f"there is no stored study of lecture {lecture!r}: `course study {lecture}` makes it"
        )
    fetch.use(path)
    try:
        return Study(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError):
        raise fetch.DataError(
            f"data/measured/{path.name} is damaged: restore it with `git checkout`, or run "
            f"`course study {lecture}`"
        ) from None
