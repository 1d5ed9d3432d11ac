"""``course run``: execute lectures into ``build/``, in parallel, what is up to date left alone.

A lecture run with its default parameters goes to ``build/lectures/``, with others to
``build/runs/NN/<digest of the parameters>/``. Beside each result a record ``.run.json`` says what
it was made from, so that the next run knows whether anything changed. A result appears under its
name only when it is complete; what a failed run executed is kept as ``NN_name.failed.ipynb``.
"""

import argparse
import ast
import contextlib
import json
import re
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import utils
from utils.course import CourseError, digest, jobs, notebooks, parcel
from utils.course.files import locked, read_json, remove_unfinished, write_atomically, write_json

FORMAT = 1
"""Version of the records; a record of another version counts as stale."""

EXECUTE = "utils.course.execution:execute"

CELL_SECONDS = {"quick": 600.0, "full": None}
"""Time limit of a cell for each preset."""


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``run``."""
    parser = subparsers.add_parser(
        "run",
        help="execute lectures into build/, in parallel",
        description="Execute lectures with papermill: several at a time, each kernel with one "
        "thread, the long ones first. What is up to date is left alone.",
    )
    add_options(parser)
    parser.add_argument("lectures", nargs="*", help="numbers such as 06 11; all if none is given")
    parser.add_argument("--preset", choices=["quick", "full"], help="value of PRESET")
    parser.add_argument(
        "-p",
        dest="parameters",
        nargs=2,
        action="append",
        metavar=("NAME", "VALUE"),
        default=[],
        help="value of a parameter, which every lecture named must have; may be repeated",
    )
    parser.add_argument(
        "--cell-timeout",
        type=float,
        metavar="SECONDS",
        help="time limit of a cell (600; none with --preset full)",
    )
    return parser


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``course all`` shares."""
    parser.add_argument("--jobs", type=int, metavar="N", help="how many at a time (as fit)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="run on this Dask cluster")
    parser.add_argument(
        "--send-files", action="store_true", help="send the course to workers that lack it"
    )
    parser.add_argument("--force", action="store_true", help="run what is up to date as well")


def run(args: argparse.Namespace) -> int:
    """Carry out ``course run``."""
    parameters = {name: value_of(text) for name, text in args.parameters}
    if args.preset is not None:
        parameters["PRESET"] = args.preset
    limit = CELL_SECONDS["full" if parameters.get("PRESET") == "full" else "quick"]
    if args.cell_timeout is not None:
        if not args.cell_timeout > 0:
            raise CourseError(f"--cell-timeout {args.cell_timeout}: give seconds above 0")
        limit = args.cell_timeout
    return execute(
        notebooks.find(args.lectures),
        parameters=parameters,
        processes=args.jobs,
        scheduler=args.scheduler,
        send_files=args.send_files,
        force=args.force,
        cell_seconds=limit,
    )


def value_of(text: str) -> bool | int | float | str | None:
    """Return the value a word on the command line stands for: a Python literal, else the word."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False}.get(text.lower(), text)
    return value if isinstance(value, bool | int | float | str | None) else text


def defaults(path: Path) -> dict[str, object]:
    """Return the parameters a lecture has and their default values (papermill reads them)."""
    import papermill

    found = {}
    for name, parameter in papermill.inspect_notebook(str(path)).items():
        try:
            found[name] = ast.literal_eval(parameter["default"])
        except (ValueError, SyntaxError):
            found[name] = None  # an expression: any kind of value may replace it
    return found


def check_parameters(paths: Sequence[Path], parameters: dict) -> dict[Path, dict]:
    """Return for each lecture the parameters that differ from its defaults.

    Raises
    ------
    CourseError
        If a lecture lacks one of them, or one has a value of another kind than its default.
    """
    differing: dict[Path, dict] = {}
    for path in paths:
        known = defaults(path) if parameters else {}
        for name, value in parameters.items():
            if name not in known:
                raise CourseError(
                    f"{path.name} has no parameter {name!r}; it has "
                    f"{', '.join(known) or 'none'}: name one that every lecture asked for has"
                )
            if not _same_kind(value, known[name]):
                raise CourseError(
                    f"{name} = {value!r}: {path.name} takes a value like {known[name]!r} there"
                )
        differing[path] = {
            name: value
            for name, value in parameters.items()
            if value != known[name] or isinstance(value, bool) != isinstance(known[name], bool)
        }
    return differing


def _same_kind(value: object, default: object) -> bool:
    if default is None or value is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    return isinstance(value, str) == isinstance(default, str)


def result_of(path: Path, parameters: dict | None = None) -> Path:
    """Return where the executed notebook of a lecture lies, with these parameters."""
    build = utils.ROOT / "build"
    if not parameters:
        return build / "lectures" / path.name
    code = digest.short_hash(json.dumps(parameters, sort_keys=True).encode())[:12]
    return build / "runs" / path.name[:2] / code / path.name


def record_of(result: Path) -> Path:
    """Return where the record of an executed notebook lies."""
    return result.with_suffix(".run.json")


def failed_of(result: Path) -> Path:
    """Return where a failed execution of a notebook is kept."""
    return result.with_suffix(".failed.ipynb")


def inputs(path: Path, parameters: dict | None = None) -> dict:
    """Return what a run of a lecture starts from, apart from the code and data it then uses."""
    notebook = notebooks.read(path)
    needed = sorted({name for cell in notebook["cells"] for name in notebooks.needed_data(cell)})
    absent = notebooks.absent_data() if needed else set()
    manifest = utils.ROOT / "data" / "manifest.toml"
    return {
        "format": FORMAT,
        "notebook": digest.sources_hash(notebook),
        "parameters": parameters or {},
        "manifest": digest.file_hash(manifest) if manifest.is_file() else None,
        "optional": {name: name not in absent for name in needed},
        "python": digest.python(),
    }


def up_to_date(path: Path, parameters: dict | None = None) -> Path | None:
    """Return the executed notebook of a lecture if nothing it was made from has changed.

    Parameters
    ----------
    path : Path
        The lecture.
    parameters : dict, optional
        Those that differ from its defaults.

    Returns
    -------
    Path or None
        None if it was never executed to its end, or is stale.
    """
    result = result_of(path, parameters)
    record = read_json(record_of(result))
    if record is None or record.get("inputs") != inputs(path, parameters):
        return None
    if digest.changes(record.get("digest") or {}, torch=digest.version("torch")):
        return None
    try:
        return result if digest.short_hash(result.read_bytes()) == record["result"] else None
    except (OSError, KeyError):
        return None


def execute(
    paths: Sequence[Path],
    *,
    parameters: dict | None = None,
    processes: int | None = None,
    scheduler: str | None = None,
    send_files: bool = False,
    force: bool = False,
    cell_seconds: float | None = CELL_SECONDS["quick"],
) -> int:
    """Execute lectures and store their results.

    Parameters
    ----------
    paths : sequence of Path
        The lectures.
    parameters : dict, optional
        Values for all of them.
    processes : int, optional
        How many at a time; as many as cores and memory allow if left out.
    scheduler : str, optional
        Address of a Dask cluster that shall do the work.
    send_files : bool
        Send the course to the cluster's workers; they import it from their own disk otherwise.
    force : bool
        Execute those that are up to date as well.
    cell_seconds : float, optional
        Time limit of each cell.

    Returns
    -------
    int
        0 if every lecture is executed, 1 if one failed.
    """
    if not paths:
        raise CourseError(f"there is no lecture in {notebooks.LECTURES}/")
    differing = check_parameters(paths, parameters or {})
    build = utils.ROOT / "build"
    board = Board([path.stem for path in paths])
    with locked(build), board:
        for folder in {result_of(path, differing[path]).parent for path in paths}:
            remove_unfinished(folder)
        work, started_from = [], {}
        for path in paths:
            if not force and up_to_date(path, differing[path]):
                board.set(path.stem, "up to date")
                continue
            started_from[path.stem] = inputs(path, differing[path])
            work.append(_job(path, differing[path], cell_seconds))
        if work:
            processes = jobs.parallel(processes, len(work))
            files = {"parcel": parcel.pack()} if send_files else {}
            executor = jobs.executor(scheduler, processes, **files)
            with contextlib.closing(executor.run(work)) as events:
                for event in events:
                    _handle(event, board, differing, started_from)
    return board.close(f"results in {notebooks.show(build)}/")


def _job(path: Path, parameters: dict, cell_seconds: float | None) -> jobs.Job:
    notebook = notebooks.read(path)
    notebook["metadata"].get("course", {}).pop("digest", None)
    arguments = {
        "notebook": json.dumps(notebook),
        "folder": str(path.parent),
        "parameters": parameters,
        "cell_seconds": cell_seconds,
    }
    return jobs.Job(str(path), EXECUTE, arguments, notebooks.budget(notebook))


def _handle(event: jobs.Event, board: "Board", differing: dict, started_from: dict) -> None:
    path = Path(event.job.name)
    if event.kind == "started":
        board.set(path.stem, "running")
    elif event.kind == "progress":
        board.progress(path.stem, **event.value)
    elif event.kind == "failed":
        board.set(path.stem, "failed", error=event.value.strip().splitlines()[-1])
    else:
        outcome = event.value
        figures = figures_of(event)
        try:
            kept = _store(outcome, path, differing[path], started_from[path.stem])
        except OSError as error:
            reason = f"the result could not be written: {error.strerror}"
            board.set(path.stem, "failed", error=reason, **figures)
            return
        if outcome.error:
            error = f"{outcome.error} (kept: {notebooks.show(kept)})"
            board.set(path.stem, "failed", error=error, traceback=outcome.traceback, **figures)
            return
        board.set(path.stem, "done", **figures)
        lacking = [name for name in outcome.absent if started_from[path.stem]["optional"].get(name)]
        if lacking:
            names = ", ".join(lacking)
            board.note(f"{path.stem} ran without {names}, which its worker does not have")


def figures_of(event: jobs.Event) -> dict:
    """Return what a finished execution cost, for the board."""
    outcome, job = event.value, event.job
    cpu = f"{outcome.cpu_seconds:.0f} of {job.cost:.0f} s" if outcome.cpu_seconds else ""
    return {"seconds": outcome.seconds, "bytes": outcome.peak_bytes, "cpu": cpu}


def _store(outcome, path: Path, parameters: dict, started_from: dict) -> Path:
    """Write what an execution brought, complete results under their name, and return where."""
    result = result_of(path, parameters)
    failed = failed_of(result)
    if outcome.error:
        write_atomically(failed, outcome.notebook)
        return failed
    # The old record goes first: a crash between the two leaves a result that counts as stale.
    record_of(result).unlink(missing_ok=True)
    write_atomically(result, outcome.notebook)
    # What the machine that ran it lacked counts, not what this one has.
    optional = {
        name: here and name not in outcome.absent for name, here in started_from["optional"].items()
    }
    record = {
        "inputs": started_from | {"optional": optional},
        "digest": outcome.digest,
        "result": digest.short_hash(outcome.notebook.encode()),
        "seconds": round(outcome.seconds, 2),
        "cpu_seconds": round(outcome.cpu_seconds, 2),
        "peak_bytes": outcome.peak_bytes,
    }
    write_json(record_of(result), record)
    failed.unlink(missing_ok=True)
    return result


class Board:
    """The state of each lecture: a live table on a terminal, else a line for each change.

    Parameters
    ----------
    names : sequence of str
        The lectures, in the order shown.
    what : str
        What the summary calls one of them.
    """

    def __init__(self, names: Sequence[str], what: str = "notebook") -> None:
        from rich.console import Console

        self.console = Console(highlight=False)
        self.what = what
        self.rows = {name: {"state": "waiting"} for name in names}
        self.notes: list[str] = []
        self.begun = time.monotonic()
        self.lock = threading.Lock()
        self.live = None

    def __enter__(self) -> "Board":
        """Show the table, where there is a terminal to show it on."""
        if self.console.is_terminal:
            from rich.live import Live

            self.live = Live(console=self.console, get_renderable=self.table, refresh_per_second=4)
            self.live.__enter__()
        return self

    def __exit__(self, kind, error, trace) -> None:
        """Leave the table as it last was."""
        if self.live is not None:
            self.live.__exit__(kind, error, trace)

    def set(self, name: str, state: str, **more: object) -> None:
        """Note a new state of a lecture, with what is known then (seconds, bytes, error)."""
        with self.lock:
            row = self.rows[name]
            row.update(state=state, **more)
            if state == "running":
                row["since"] = time.monotonic()
        if self.live is None:
            parts = [f"{name:32s} {state:10s}", *self._figures(row)]
            if "error" in more:
                parts.append(str(more["error"]))
            print("  ".join(parts).rstrip(), flush=True)

    def note(self, sentence: str) -> None:
        """Keep a sentence for the end."""
        self.notes.append(sentence)

    def progress(self, name: str, cell: int, cells: int, bytes: int) -> None:
        """Note how far a running lecture is and what memory it holds."""
        with self.lock:
            row = self.rows[name]
            row.update(cell=f"{cell}/{cells}", bytes=max(bytes, row.get("bytes", 0)))

    def _figures(self, row: dict) -> list[str]:
        figures = []
        if "seconds" in row:
            figures.append(f"{row['seconds']:7.1f} s")
        if row.get("bytes"):
            figures.append(f"{row['bytes'] / 1e9:5.2f} GB")
        if row.get("cpu"):
            figures.append(f"CPU {row['cpu']} allotted")
        return figures

    def table(self):
        """Return the table as it stands now."""
        from rich.table import Table

        table = Table("lecture", "state", "cell", box=None, pad_edge=False)
        table.add_column("time", justify="right")
        table.add_column("peak memory", justify="right")
        table.add_column("CPU of its budget", justify="right")
        colours = {"done": "green", "failed": "bold red", "running": "cyan", "waiting": "dim"}
        with self.lock:
            for name, row in self.rows.items():
                state = row["state"]
                seconds = row.get("seconds")
                if state == "running":
                    seconds = time.monotonic() - row["since"]
                table.add_row(
                    name,
                    f"[{colours.get(state, 'default')}]{state}[/]",
                    row.get("cell", "") if state == "running" else "",
                    "" if seconds is None else f"{seconds:.0f} s",
                    f"{row['bytes'] / 1e9:.2f} GB" if row.get("bytes") else "",
                    row.get("cpu", ""),
                )
        return table

    def close(self, where: str) -> int:
        """Print the failures with their tracebacks and a summary; return the exit status."""
        failures = {name: row for name, row in self.rows.items() if row["state"] == "failed"}
        for name, row in failures.items():
            print(f"\n{name}: {row['error']}", file=sys.stderr)
            if row.get("traceback"):
                print(_indented(row["traceback"]), file=sys.stderr)
        for sentence in self.notes:
            print(sentence)
        states = [row["state"] for row in self.rows.values()]
        parts = [
            f"{states.count(state)} {word}"
            for state, word in (
                ("done", "executed"),
                ("up to date", "up to date"),
                ("failed", "failed"),
            )
            if state in states
        ]
        plural = "s" if len(states) != 1 else ""
        seconds = time.monotonic() - self.begun
        print(
            f"{len(states)} {self.what}{plural}: {', '.join(parts)}, in {seconds:.0f} s; {where}",
            flush=True,
        )
        return 1 if failures else 0


def _indented(text: str) -> str:
    if not sys.stderr.isatty():
        text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    return "\n".join(f"    {line}" for line in text.splitlines())
