"""Executing one notebook in a kernel of one thread, through papermill.

This runs in a worker process (of this machine, or of a cluster): it takes the notebook as text and
gives back an :class:`Outcome` with the executed one as text, and touches no file itself.
"""

import ast
import contextlib
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
import psutil
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError

import utils
from utils.course import digest, notebooks

THREADS = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    )
}
"""Environment of a kernel of one thread."""

Report = Callable[[dict], None]


@dataclass
class Outcome:
    """What became of one execution.

    Attributes
    ----------
    notebook : str
        The notebook as far as it was executed, as JSON text.
    digest : dict or None
        What its kernel used (see :func:`utils.course.digest.of_used`); None if it failed.
    seconds, cpu_seconds : float
        Wall time, and CPU time of the kernel and its children (0 if it failed).
    peak_bytes : int
        Largest memory seen of the kernel and its children, sampled four times a second.
    error : str
        What went wrong, in one sentence; empty if nothing did.
    traceback : str
        The failing cell and its traceback, with colours as the kernel sent them.
    absent : tuple of str
        Optional data sets it wanted that were not on the machine it ran on.
    """

    notebook: str
    digest: dict | None
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    error: str = ""
    traceback: str = ""
    absent: tuple[str, ...] = ()


def execute(
    notebook: str,
    folder: str,
    parameters: dict | None = None,
    cell_seconds: float | None = None,
    report: Report | None = None,
) -> Outcome:
    """Execute a notebook and say what became of it; raises nothing for what its cells do.

    Parameters
    ----------
    notebook : str
        The notebook as JSON text.
    folder : str
        The kernel's working directory; on a machine without that folder, ``lectures`` there.
    parameters : dict, optional
        Values for the names its cell ``parameters`` assigns.
    cell_seconds : float, optional
        Time limit of each cell; none if left out.
    report : callable, optional
        Called with ``{"cell": i, "cells": n, "bytes": memory}`` as the execution goes on.

    Returns
    -------
    Outcome
    """
    papermill_engines.register("course", _Engine)
    # An Outcome tells all there is to tell.
    for logger in ("papermill", "traitlets"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    watch = _Watch(report or (lambda progress: None))
    started, clock = digest.now(), time.monotonic()
    error = traceback = ""
    node = nbformat.reads(notebook, as_version=4)
    had_tags = {cell.get("id") for cell in node.cells if "tags" in cell.metadata}
    watch.notebook = node
    if not Path(folder).is_dir():
        folder = str(utils.ROOT / notebooks.LECTURES)
    wanted = {name for cell in node.cells for name in notebooks.needed_data(cell)}
    absent = tuple(sorted(wanted & notebooks.absent_data())) if wanted else ()
    try:
        papermill.execute_notebook(
            node,
            None,
            parameters,
            engine_name="course",
            kernel_name="python3",
            language="python",
            progress_bar=False,
            start_timeout=120,
            execution_timeout=cell_seconds,
            folder=folder,
            watch=watch,
        )
    except PapermillExecutionError as failure:
        error = f"{failure.ename}: {failure.evalue.strip() or 'no message'}".splitlines()[0]
        traceback = f"{failure.source}\n\n" + "\n".join(failure.traceback)
    except CellTimeoutError:
        error = f"the cell ran past its time limit of {cell_seconds:g} s and was stopped"
    except DeadKernelError:
        error = f"the kernel died ({watch.end()}); it last held {watch.last_bytes / 1e9:.2f} GB"
    except RuntimeError as failure:  # the kernel did not start
        error = f"the kernel failed: {failure}"
    if error:
        error = f"{watch.where()}: {error}"
        if not traceback and watch.source:
            traceback = watch.source
    used = None
    if not error:
        used = digest.of_used(watch.used, since=started)
    return Outcome(
        notebook=_text(watch.notebook, had_tags),
        digest=used,
        seconds=time.monotonic() - clock,
        cpu_seconds=watch.used["cpu_seconds"] if watch.used else 0.0,
        peak_bytes=watch.peak_bytes,
        error=error,
        traceback=traceback,
        absent=absent,
    )


def _text(node: nbformat.NotebookNode, had_tags: set[str]) -> str:
    """Return an executed notebook without what papermill and the kernel left in its metadata."""
    for name in ("papermill", "widgets"):
        node.metadata.pop(name, None)
    node.metadata["language_info"] = {"name": "python"}
    for cell in node.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if not cell.metadata.get("tags") and cell.get("id") not in had_tags:
            cell.metadata.pop("tags", None)
        if cell.cell_type == "code":
            cell.outputs = notebooks.tidy_outputs(cell.outputs)
    text = nbformat.writes(nbformat.from_dict(node))
    return text if text.endswith("\n") else text + "\n"


class _Watch:
    """Follows one kernel from a thread: the cell it is at, its memory, and its largest."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.notebook: nbformat.NotebookNode = None
        self.used: dict | None = None
        self.cell = self.cells = 0
        self.source = ""
        self.peak_bytes = self.last_bytes = 0
        self.status: int | None = None
        self._stop = threading.Event()

    @contextlib.contextmanager
    def following(self, pid: int | None):
        thread = threading.Thread(target=self._follow, args=(pid,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _follow(self, pid: int | None) -> None:
        while True:
            with contextlib.suppress(psutil.Error):
                kernel = psutil.Process(pid)
                total = kernel.memory_info().rss
                for child in kernel.children(recursive=True):
                    with contextlib.suppress(psutil.Error):
                        total += child.memory_info().rss
                if total:
                    self.last_bytes = total
                    self.peak_bytes = max(self.peak_bytes, total)
            self.report({"cell": self.cell, "cells": self.cells, "bytes": self.last_bytes})
            if self._stop.wait(0.25):
                return

    def at(self, index: int, cell: nbformat.NotebookNode, cells: int) -> None:
        self.cell, self.cells, self.source = index + 1, cells, cell.source

    def end(self) -> str:
        """How the kernel's process ended, as far as its status tells."""
        if self.status in (None, -9):  # Windows has no SIGKILL to ask for
            return "killed from outside, or out of memory?"
        if self.status < 0:
            return f"signal {-self.status}: {signal.strsignal(-self.status) or 'unknown'}"
        return f"it ended itself with status {self.status}"

    def where(self) -> str:
        return f"cell {self.cell} of {self.cells}" if self.cell else "before the first cell"


class _Client(PapermillNotebookClient):
    """Papermill's client, followed while it works and asked at the end what its kernel used."""

    watch: _Watch

    def papermill_execute_cells(self) -> None:
        with self.watch.following(getattr(self.km.provisioner, "pid", None)):
            try:
                super().papermill_execute_cells()
            except DeadKernelError:
                process = getattr(self.km.provisioner, "process", None)
                self.watch.status = getattr(process, "returncode", None)
                raise
        if any(cell.metadata.papermill.get("exception") for cell in self.nb.cells):
            return
        request = self.kc.execute("", silent=True, user_expressions={"used": digest.PROBE})
        answer = self.wait_for_reply(request)["content"]["user_expressions"]["used"]
        self.watch.used = json.loads(ast.literal_eval(answer["data"]["text/plain"]))


class _Engine(NBClientEngine):
    """Papermill's engine with a kernel of one thread, in a folder, under a watch."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man,
        kernel_name,
        log_output=False,
        start_timeout=60,
        execution_timeout=None,
        folder=None,
        watch=None,
        **unused,
    ) -> None:
        watch.notebook = nb_man.nb
        start_of_cell = nb_man.cell_start

        def cell_start(cell, cell_index=None, **more) -> None:
            watch.at(cell_index, cell, len(nb_man.nb.cells))
            start_of_cell(cell, cell_index=cell_index, **more)

        nb_man.cell_start = cell_start
        client = _Client(
            nb_man,
            timeout=execution_timeout,
            startup_timeout=start_timeout,
            kernel_name=kernel_name,
            log=logging.getLogger("papermill"),
            extra_arguments=["--HistoryManager.enabled=False", "--IPKernelApp.log_level=50"],
        )
        client.watch = watch
        # The kernel imports the course that this process runs, also where it was sent here.
        code = str(Path(utils.__file__).resolve().parent.parent)
        paths = [code, *filter(None, [os.environ.get("PYTHONPATH")])]
        settings = {
            "JUPYTER_PREFER_ENV_PATH": "1",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "PYTHONPATH": os.pathsep.join(paths),
        }
        client.execute(env={**os.environ, **THREADS, **settings}, cwd=folder)
