"""``course study NN``: a lecture's full experiment, stored with its digest in ``data/measured/``.

The runs of a study (every cell with every seed) are independent: they go in parallel, each in a
process of one thread. A finished run is kept in ``build/studies/NN/`` at once, so that a study
that was stopped goes on where it was; runs whose code or data changed since are run again.

A new check of an argument, or a module moved, should change no result; that it does not is shown
for minutes, not hours: ``course study NN --confirm`` repeats the cheapest runs that together know
every name and every word among the study's parameters, and every name among its results. If all
their numbers and files are what is stored, to the last digit, the study is fresh again, and its
file says which runs were repeated. If one differs nothing is written; nor if a changed module is
used by none of them: ``--also RUN`` adds one that does.
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
    parser.add_argument(
        "--confirm",
        action="store_true",
        help="repeat a sample of the runs of stale studies; fresh again if every number is the same",
    )
    parser.add_argument(
        "--also", nargs="+", default=[], metavar="RUN", help="runs that --confirm shall repeat too"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="how many at a time (as fit)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="run on this Dask cluster")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out ``course study``."""
    lectures = chosen(args.lectures)
    if args.check:
        return check(lectures)
    status = 0
    if args.also and not (args.confirm and len(lectures) == 1):
        raise CourseError("--also names runs of one study that --confirm shall repeat")
    if args.confirm:
        if args.seeds:
            raise CourseError("--confirm repeats stored runs: it takes no --seeds")
        for lecture in lectures:
            status |= confirm(
                lecture, also=args.also, processes=args.jobs, scheduler=args.scheduler
            )
        return status
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
    made = _latest_digest(record)
    reasons = digest.changes(made, torch=digest.pinned("torch"), optional=True)
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
            confirmed = (read_json(stored(lecture)) or {}).get("confirmed")
            note = f": {_of_all(confirmed)} confirmed on today's code" if confirmed else ""
            print(f"study {lecture} is fresh{note}")
    return status


def sample(runs: Sequence[dict], also: Sequence[str] = ()) -> list[dict]:
    """Return the cheapest runs that together know every word of all runs.

    Words are the names of parameters, their values where these are strings, ``True`` or ``False``,
    and the names of results.

    Parameters
    ----------
    runs : sequence of dict
        As stored: ``name``, ``parameters``, ``results`` and ``seconds``.
    also : sequence of str
        Names of runs that are taken whatever they cost.

    Raises
    ------
    CourseError
        If there is no run of a name in `also`.
    """
    unknown = sorted(set(also) - {run["name"] for run in runs})
    if unknown:
        known = ", ".join(run["name"] for run in runs)
        raise CourseError(f"no run is called {', '.join(unknown)}; there are {known}")

    def words(run: dict) -> set:
        named = run["parameters"].items()
        values = {(key, value) for key, value in named if isinstance(value, str | bool)}
        return {("parameter", key) for key, _ in named} | values | set(run["results"])

    chosen = [run for run in runs if run["name"] in also]
    known = {word for run in chosen for word in words(run)}
    for run in sorted(runs, key=lambda run: run["seconds"]):
        if not words(run) <= known:
            chosen.append(run)
            known |= words(run)
    # A dearer run may have made a cheaper one needless.
    for run in list(chosen):
        others = [words(other) for other in chosen if other is not run]
        if run["name"] not in also and others and words(run) <= set.union(*others):
            chosen.remove(run)
    return chosen


def confirm(
    lecture: str,
    *,
    also: Sequence[str] = (),
    processes: int | None = None,
    scheduler: str | None = None,
) -> int:
    """Repeat a sample of a stale study's runs and, if nothing differs, call it fresh.

    Parameters
    ----------
    lecture : str
        Two digits.
    also : sequence of str
        Names of runs to repeat beside the sample.
    processes : int, optional
        How many runs at a time.
    scheduler : str, optional
        Address of a Dask cluster that shall do the work.

    Returns
    -------
    int
        0 if the study is fresh now; 1 if a run failed or a number differs, with nothing written.

    Raises
    ------
    CourseError
        If there is no stored study, its data or torch changed, or a changed module is used by none
        of the repeated runs: these take the whole study.
    """
    record = read_json(stored(lecture))
    if record is None:
        raise CourseError(f"there is no stored study {lecture}: run `course study {lecture}`")
    reasons = stale(lecture)
    if not reasons:
        print(f"study {lecture} is fresh: nothing to confirm")
        return 0
    grave = [reason for reason in reasons if not reason.startswith("module ")]
    if grave:
        raise CourseError(f"{'; '.join(grave)}: run `course study {lecture}`, a sample will not do")
    runs = {run["name"]: run for run in sample(record["runs"], also)}
    plan = {name: run["parameters"] for name, run in runs.items()}
    print(
        f"study {lecture}: {len(runs)} of {len(record['runs'])} runs, {'; '.join(reasons)}",
        flush=True,
    )
    folder = utils.ROOT / "build" / "studies" / lecture
    repeated, status = _run_all(lecture, plan, folder, True, processes, scheduler)
    if status:
        return status
    different = [
        line
        for name, again in repeated.items()
        for line in _differences(name, runs[name], again, record["files"], module_of(lecture))
    ]
    if different:
        print(f"study {lecture} is not what its code makes today:")
        print("\n".join(f"  {line}" for line in different))
        print(
            f"Nothing was written. Run `course study {lecture}` if the change is meant. Another "
            "kind of processor may differ in the last digits: then confirm where it was measured."
        )
        return 1
    before = _latest_digest(record)
    now = _joined(before["torch"], [again["digest"] for again in repeated.values()])
    for kind, known in now.items():
        if kind == "torch":
            continue
        for key, value in before[kind].items():
            there = digest.path_of(key).is_file()
            if key not in known and there and digest.file_hash(digest.path_of(key)) != value:
                raise CourseError(
                    f"{key} changed, and no repeated run uses it: name one that does with --also, "
                    f"or run `course study {lecture}`"
                )
            if key not in known and (there or kind == "data"):
                known[key] = value
        now[kind] = dict(sorted(known.items()))
    record["confirmed"] = {
        "command": f"course study {lecture} --confirm",
        "runs": list(repeated),
        "of": len(record["runs"]),
        "seconds": round(sum(again["seconds"] for again in repeated.values()), 1),
        "digest": now,
    }
    write_json(stored(lecture), record)
    print(f"study {lecture}: {_of_all(record['confirmed'])} repeated, every number is the same")
    return 0


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
    records, status = _run_all(lecture, plan, folder, resume, processes, scheduler)
    if status:
        return status
    missing = sorted(set(module.SEEDS) - {parameters["seed"] for parameters in plan.values()})
    if missing:
        print(f"not stored: the study's own seeds {missing} were not asked for")
        return 0
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


def _run_all(lecture, plan, folder, resume, processes, scheduler) -> tuple[dict, int]:
    """Run what is not finished of a plan (name to parameters); return all records, or a failure."""
    board = Board(list(plan), "run")
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
    changed = [name for name, record in records.items() if record is None]
    if changed and not status:
        raise CourseError(
            f"code or data changed while study {lecture} ran, so {', '.join(changed)} no longer "
            f"count: run `course study {lecture}` again, the other runs are kept"
        )
    return records, status


def _differences(name: str, before: dict, again: dict, files: dict, module: ModuleType) -> list:
    """Say what of a repeated run is not what is stored, seconds and the like left out."""
    free = set(getattr(module, "OF_THE_MACHINE", ()))
    old, new = before["results"], again["results"]
    lines = [
        f"{name}: {key} was {_short(old.get(key))}, is {_short(new.get(key))}"
        for key in dict.fromkeys([*old, *new])
        if key not in free and old.get(key) != new.get(key)
    ]
    return lines + [
        f"{name}: the file {file} differs"
        for file, value in again["files"].items()
        if files.get(file) != value
    ]


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _latest_digest(record: dict) -> dict:
    """Return the digest that counts: of the last confirmation, or else of the study itself."""
    return record.get("confirmed", record).get("digest", {})


def _of_all(confirmed: dict) -> str:
    return f"{len(confirmed['runs'])} of {confirmed['of']} runs"


def _joined(torch: str | None, digests: Sequence[dict]) -> dict:
    """Return one digest of what several runs used."""
    used: dict = {"modules": {}, "data": {}, "torch": torch}
    for one in digests:
        for kind in ("modules", "data"):
            used[kind].update(one[kind])
        used["torch"] = used["torch"] or one["torch"]
    return used


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
    used = _joined(None, [record["digest"] for record in records.values()])
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
