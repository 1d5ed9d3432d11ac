"""``course study NN``: a lecture's full experiment, stored with its digest in ``data/measured/``.

The runs of a study (every cell with every seed) are independent: they go in parallel, each in a
process of one thread. A finished run is kept in ``build/studies/NN/`` at once, so that a study
that was stopped goes on where it was; runs whose code or data changed since are run again.
"""

import argparse
import contextlib
import importlib
import io
import json
import pkgutil
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import utils
from utils.course import CourseError, digest, jobs, notebooks
from utils.course.files import locked, read_json, remove_unfinished, write_atomically, write_json
from utils.course.run import Board

FILE_BYTES = 200_000
"""Largest file a study may store."""

_PACKAGE = "utils.course.studies"


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``study``."""
    parser = subparsers.add_parser(
        "study",
        help="run a lecture's full experiment into data/measured/",
        description="Run every cell of a lecture's study with every seed, in parallel processes "
        "of one thread, and store the results. What is finished is not run again.",
    )
    parser.add_argument("lectures", nargs="*", metavar="NN", help="lectures; all studies if none")
    parser.add_argument("--seeds", type=int, nargs="+", metavar="SEED", help="instead of its own")
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep finished runs whose code and data are unchanged (the default)",
    )
    parser.add_argument("--check", action="store_true", help="run nothing; exit 1 if one is stale")
    parser.add_argument("--jobs", type=int, metavar="N", help="how many at a time (as fit)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="run on this Dask cluster")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out ``course study``."""
    lectures = chosen(args.lectures)
    if args.check:
        return check(lectures)
    status = 0
    for lecture in lectures:
        status |= study(
            lecture,
            seeds=args.seeds,
            resume=args.resume,
            processes=args.jobs,
            scheduler=args.scheduler,
        )
    return status


def studies() -> list[str]:
    """Return the numbers of the lectures that have a study."""
    package = importlib.import_module(_PACKAGE)
    found = [module.name for module in pkgutil.iter_modules(package.__path__)]
    return sorted(name.removeprefix("lecture_") for name in found if name.startswith("lecture_"))


def chosen(words: Sequence[str]) -> list[str]:
    """Return the studies named, or all.

    Raises
    ------
    CourseError
        If a lecture has no study.
    """
    known = studies()
    numbers = []
    for word in words:
        number = word.zfill(2)[:2] if word[:1].isdigit() else word
        if number not in known:
            raise CourseError(f"lecture {word!r} has no study; there are {', '.join(known)}")
        numbers.append(number)
    return numbers or known


def module_of(lecture: str) -> ModuleType:
    """Return the module of a lecture's study."""
    return importlib.import_module(f"{_PACKAGE}.lecture_{lecture}")


def stored(lecture: str) -> Path:
    """Return where a study's results are stored."""
    return utils.ROOT / "data" / "measured" / f"{lecture}.json"


def stale(lecture: str) -> list[str]:
    """Return why a stored study is stale: empty if it is not."""
    record = read_json(stored(lecture))
    if record is None:
        return [f"there is no data/measured/{lecture}.json"]
    reasons = digest.changes(record.get("digest", {}), torch=digest.pinned("torch"), optional=True)
    for name, value in record.get("files", {}).items():
        path = stored(lecture).parent / lecture / name
        if not path.is_file() or digest.short_hash(path.read_bytes()) != value:
            reasons.append(f"data/measured/{lecture}/{name} is gone or changed")
    return reasons


def check(lectures: Sequence[str]) -> int:
    """Say which studies are stale, and why; return 1 if one is."""
    status = 0
    for lecture in lectures:
        reasons = stale(lecture)
        if reasons:
            status = 1
            print(f"study {lecture} is stale: {'; '.join(reasons)}: run `course study {lecture}`")
        else:
            print(f"study {lecture} is fresh")
    return status


def study(
    lecture: str,
    *,
    seeds: Sequence[int] | None = None,
    resume: bool = True,
    processes: int | None = None,
    scheduler: str | None = None,
) -> int:
    """Run a study and store its results.

    Parameters
    ----------
    lecture : str
        Two digits.
    seeds : sequence of int, optional
        Instead of the study's own; results are stored only if these are among them.
    resume : bool
        Whether finished runs whose code and data are unchanged are kept.
    processes : int, optional
        How many at a time.
    scheduler : str, optional
        Address of a Dask cluster that shall do the work.

    Returns
    -------
    int
        0, or 1 if a run failed.
    """
    module = module_of(lecture)
    plan = {
        f"{name}-seed{seed}": {**parameters, "seed": seed}
        for name, parameters in module.CELLS.items()
        for seed in (module.SEEDS if seeds is None else dict.fromkeys(seeds))
    }
    folder = utils.ROOT / "build" / "studies" / lecture
    board = Board(list(plan))
    with locked(folder), board:
        remove_unfinished(folder)
        if not resume:
            for path in [*folder.glob("*.json"), *folder.glob("*.files")]:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        work = []
        for name, parameters in plan.items():
            if _finished(folder, name, parameters):
                board.set(name, "up to date")
                continue
            arguments = {"lecture": lecture, "parameters": parameters}
            work.append(jobs.Job(name, "utils.course.study:run_one", arguments))
        if work:
            executor = jobs.executor(scheduler, jobs.parallel(processes, len(work)))
            with contextlib.closing(executor.run(work)) as events:
                for event in events:
                    _handle(event, board, folder, plan)
        records = {name: _finished(folder, name, plan[name]) for name in plan}
    status = board.close(f"runs kept in {notebooks.show(folder)}/")
    if status:
        return status
    missing = sorted(set(module.SEEDS) - {parameters["seed"] for parameters in plan.values()})
    if missing:
        print(f"not stored: the study's own seeds {missing} were not asked for")
        return 0
    changed = [name for name, record in records.items() if record is None]
    if changed:
        raise CourseError(
            f"code or data changed while study {lecture} ran, so {', '.join(changed)} no longer "
            f"count: run `course study {lecture}` again, the other runs are kept"
        )
    return _store(lecture, module, records, folder, seeds)


def run_one(lecture: str, parameters: dict, report=None) -> dict:
    """Run one cell of a study with one seed (in a worker process)."""
    import torch

    torch.set_num_threads(1)
    started, clock = digest.now(), time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()):
        results = module_of(lecture).run_cell(**parameters)
    files = results.pop("files", {})
    json.dumps(results, allow_nan=False)  # numbers only, and none of them NaN
    return {
        "parameters": parameters,
        "results": results,
        "seconds": round(time.monotonic() - clock, 1),
        "digest": digest.of_used(digest.used_here(), since=started),
        "files": files,
    }


def _handle(event: jobs.Event, board: Board, folder: Path, plan: dict) -> None:
    name = event.job.name
    if event.kind == "started":
        board.set(name, "running")
    elif event.kind == "failed":
        lines = event.value.strip().splitlines()
        board.set(name, "failed", error=lines[-1], traceback="\n".join(lines[:-1]))
    elif event.kind == "finished":
        record = dict(event.value)
        files = record.pop("files")
        for file, content in files.items():
            if len(content) > FILE_BYTES:
                error = f"{file} has {len(content)} bytes; a study stores {FILE_BYTES} at most"
                board.set(name, "failed", error=error)
                return
            write_atomically(folder / f"{name}.files" / file, content)
        record["files"] = {file: digest.short_hash(data) for file, data in files.items()}
        write_json(folder / f"{name}.json", record)
        board.set(name, "done", seconds=record["seconds"])


def _finished(folder: Path, name: str, parameters: dict) -> dict | None:
    """Return the record of a finished run if its code and data are what they were."""
    record = read_json(folder / f"{name}.json")
    if record is None or record.get("parameters") != parameters or "digest" not in record:
        return None
    if digest.changes(record["digest"], torch=digest.version("torch")):
        return None
    for file, value in record.get("files", {}).items():
        path = folder / f"{name}.files" / file
        if not path.is_file() or digest.short_hash(path.read_bytes()) != value:
            return None
    return record


def _store(lecture: str, module: ModuleType, records: dict, folder: Path, seeds) -> int:
    from utils.measured import Run, Runs

    parts = ("parameters", "results", "seconds")
    runs = [{"name": name} | {part: r[part] for part in parts} for name, r in records.items()]
    used: dict = {"modules": {}, "data": {}, "torch": None}
    for record in records.values():
        for kind in ("modules", "data"):
            used[kind].update(record["digest"][kind])
        used["torch"] = used["torch"] or record["digest"]["torch"]
    target = stored(lecture)
    files = {}
    for name, record in records.items():
        for file, value in record["files"].items():
            if files.setdefault(file, value) != value:
                raise CourseError(f"two runs of study {lecture} made a different {file}")
            content = (folder / f"{name}.files" / file).read_bytes()
            write_atomically(target.parent / lecture / file, content)
    asked = f" --seeds {' '.join(map(str, seeds))}" if seeds else ""
    write_json(
        target,
        {
            "lecture": lecture,
            "title": module.TITLE,
            "command": f"course study {lecture}{asked}",
            "threads": 1,
            "versions": {"python": digest.python(), "torch": digest.version("torch")},
            "seconds": round(sum(run["seconds"] for run in runs), 1),
            "summary": module.summary(Runs([Run(**run) for run in runs])),
            "runs": runs,
            "files": files,
            "digest": {
                "modules": dict(sorted(used["modules"].items())),
                "data": dict(sorted(used["data"].items())),
                "torch": used["torch"],
            },
        },
    )
    print(f"stored in {notebooks.show(target)}; refresh the lectures that show it")
    return 0
