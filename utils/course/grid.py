"""``course grid 11``: CORAL's whole experiment on a folder of faces, here or on a cluster.

Three methods, three seeds, with and without task weights: fifteen trainings (cross-entropy has no
tasks to weigh). They are independent of each other. A finished one is kept at once, and one that
was stopped goes on from its last checkpoint, so that the same command, given again, does what is
left. The tables are written after each run of the command, of all that is finished by then.
"""

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import utils
from utils.course import CourseError, digest, jobs, notebooks, parcel
from utils.course.files import locked, read_json, remove_unfinished, write_atomically, write_json
from utils.course.run import Board

DATASETS = ("utkface", "afad", "morph2", "cacd")


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``grid``."""
    parser = subparsers.add_parser(
        "grid",
        help="run lecture 11's whole experiment on a folder of faces",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Train CE-CNN, OR-CNN and CORAL-CNN with three seeds each, without and with task\n"
        "weights, on a folder of faces, and write tables in the shape of the paper's.\n"
        "Finished trainings are kept and stopped ones go on: give the command again.",
        epilog="examples:\n"
        "  course grid 11 --folder ~/UTKFace\n"
        "  course grid 11 --dataset morph2 --folder ~/morph2-aligned --splits ~/coral-cnn/datasets\n"
        "  course grid 11 --folder /data/UTKFace --scheduler tcp://host:8786\n"
        "  course grid 11 --folder ~/UTKFace --trunk small --epochs 1   # a try-out, seconds\n\n"
        "Without --splits a fifth of the pictures is tested on, which is not the paper's split.\n"
        "One training on UTKFace takes 13,147 pictures 200 times through ResNet-34: work for a GPU.\n"
        "On a cluster, folder and splits must be there on every worker, or be sent: --send-files.",
    )
    parser.add_argument("lecture", choices=["11"], metavar="11", help="the lecture: 11 has a grid")
    parser.add_argument("--dataset", choices=DATASETS, default="utkface", help="default: utkface")
    parser.add_argument("--folder", type=Path, metavar="FOLDER", help="where the pictures lie")
    parser.add_argument("--splits", type=Path, metavar="FOLDER", help="the authors' CSV files")
    parser.add_argument("--methods", nargs="+", choices=("ce", "or", "coral"), help="default: all")
    parser.add_argument("--seeds", nargs="+", type=int, metavar="SEED", help="default: 0 1 2")
    parser.add_argument("--weights", choices=("no", "yes", "both"), default="both",
                        help="task weights; default: both")  # fmt: skip
    parser.add_argument("--epochs", type=int, metavar="N", help="default: the paper's 200")
    parser.add_argument("--trunk", choices=("resnet34", "small"), default="resnet34",
                        help="small: three convolutions, for a try-out")  # fmt: skip
    parser.add_argument("--jobs", type=int, metavar="N",
                        help="trainings at a time; default: one a GPU, else as fit")  # fmt: skip
    parser.add_argument("--scheduler", metavar="ADDRESS", help="run on this Dask cluster")
    parser.add_argument("--send-files", action="store_true",
                        help="send course, folder and splits to its workers")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="train finished cells again")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out ``course grid``."""
    from utils import ordinal_grid

    weights = {"no": (False,), "yes": (True,), "both": (False, True)}[args.weights]
    return grid(
        args.dataset,
        args.folder,
        args.splits,
        cells=ordinal_grid.cells(
            args.methods or ordinal_grid.METHODS,
            tuple(dict.fromkeys(args.seeds)) if args.seeds else ordinal_grid.SEEDS,
            weights,
        ),
        epochs=ordinal_grid.EPOCHS if args.epochs is None else args.epochs,
        trunk=args.trunk,
        processes=args.jobs,
        scheduler=args.scheduler,
        send_files=args.send_files,
        force=args.force,
    )


def grid(
    dataset: str,
    folder: Path | None,
    splits: Path | None = None,
    *,
    cells: Sequence[dict],
    epochs: int,
    trunk: str = "resnet34",
    processes: int | None = None,
    scheduler: str | None = None,
    send_files: bool = False,
    force: bool = False,
) -> int:
    """Run the cells that are not finished, and write the tables of all that are.

    Parameters
    ----------
    dataset : {"utkface", "afad", "morph2", "cacd"}
    folder, splits : Path, optional
        As for `utils.datasets.face_folders.load_faces`.
    cells : sequence of dict
        Method, seed and weighted of each, from `utils.ordinal_grid.cells`.
    epochs, trunk
        As for `utils.ordinal_grid.train_cell`.
    processes : int, optional
        How many at a time; by default one a GPU, without a GPU as many as cores and memory allow.
    scheduler : str, optional
        Address of a Dask cluster that shall do the work.
    send_files : bool
        Send the course, the pictures and the splits to its workers, whose disks have none.
    force : bool
        Train finished cells again.

    Returns
    -------
    int
        0, or 1 if a cell failed.

    Raises
    ------
    CourseError
        If there is nothing to do or a number is out of range.
    utils.fetch.DataError
        If the pictures or the authors' files are not as they should be (looked at before the first
        training, unless a cluster does the work).
    """
    if not cells:
        raise CourseError("no cell is left: cross-entropy alone has no task weights to try")
    if epochs < 1 or any(cell["seed"] < 0 for cell in cells):
        raise CourseError("epochs must be at least 1, and seeds at least 0")
    if scheduler is None or send_files:
        _look(dataset, folder, splits)
    settings = {
        "dataset": dataset,
        "folder": _absolute(folder),
        "splits": _absolute(splits),
        "epochs": epochs,
        "trunk": trunk,
    }
    place = place_of(settings)
    plan = {name_of(cell): cell for cell in cells}
    board = Board(list(plan), "run")
    with locked(place), board:
        remove_unfinished(place)
        work = []
        for number, (name, cell) in enumerate(plan.items()):
            if not force and finished(place, name, settings):
                board.set(name, "up to date")
                continue
            if force:
                (place / f"{name}.json").unlink(missing_ok=True)
            arguments = {
                "settings": settings,
                "cell": cell,
                "resume": not force,
                "device": "auto" if scheduler else _device(number),
                "place": None if scheduler else str(place),
                "sent": send_files,
            }
            work.append(jobs.Job(name, "utils.course.grid:run_one", arguments))
        if work:
            if scheduler is None and processes is None:
                processes = _gpus() or None
            files = {"folder": folder, "splits": splits}
            files = {"parcel": parcel.pack(files)} if send_files else {}
            executor = jobs.executor(scheduler, jobs.parallel(processes, len(work)), **files)
            with contextlib.closing(executor.run(work)) as events:
                for event in events:
                    _handle(event, board, place, settings, plan)
        written = _write_tables(place, settings)
    return _close(board, written)


def run_one(
    settings: dict,
    cell: dict,
    resume: bool = True,
    device: str = "auto",
    place: str | None = None,
    sent: bool = False,
    report=None,
) -> dict:
    """Train one cell (in a worker process; on a cluster's machine its own build/ is the place)."""
    import shutil

    import psutil

    from utils import ordinal_grid

    folder = Path(place or place_of(settings)) / "checkpoints" / name_of(cell)
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)

    def tell(state: dict) -> None:
        size = psutil.Process().memory_info().rss
        report({"cell": state["epoch"], "cells": state["epochs"], "bytes": size})

    files = {name: settings[name] for name in ("folder", "splits")}
    if sent:
        files = {name: path and parcel.place_of(name) for name, path in files.items()}
    results = ordinal_grid.train_cell(
        settings["dataset"],
        cell["method"],
        cell["seed"],
        **files,
        weighted=cell["weighted"],
        epochs=settings["epochs"],
        trunk=settings["trunk"],
        device=device,
        checkpoint=folder,
        progress=False,
        report=None if report is None else tell,
    )
    shutil.rmtree(folder, ignore_errors=True)  # it has served
    return results | {"torch": digest.version("torch")}


def place_of(settings: dict) -> Path:
    """Return where the cells of these settings are kept."""
    code = digest.short_hash(json.dumps(settings, sort_keys=True).encode())[:8]
    return utils.ROOT / "build" / "grids" / "11" / f"{settings['dataset']}-{code}"


def name_of(cell: dict) -> str:
    """Return the name of a cell, such as ``coral-seed0-weighted``."""
    return f"{cell['method']}-seed{cell['seed']}{'-weighted' if cell['weighted'] else ''}"


def finished(place: Path, name: str, settings: dict) -> dict | None:
    """Return the record of a finished cell, None if it is not."""
    record = read_json(place / f"{name}.json")
    if record is None or record.get("settings") != settings or "mae" not in record:
        return None
    return record


def all_finished(settings: dict) -> list[dict]:
    """Return the records of all data sets that were trained on alike, in the paper's order."""
    alike = {name: settings[name] for name in ("epochs", "trunk")}
    here = place_of(settings)
    records = []
    for path in sorted(here.parent.glob("*/*.json")):
        record = read_json(path) or {}
        kept = record.get("settings", {})
        if "mae" not in record or any(kept.get(name) != value for name, value in alike.items()):
            continue
        if kept["dataset"] == settings["dataset"] and path.parent != here:
            continue  # the same set with another folder or split is another table
        records.append(record)
    order = ("morph2", "afad", "utkface", "cacd")
    return sorted(records, key=lambda record: order.index(record["dataset"]))


def _write_tables(place: Path, settings: dict) -> list[Path]:
    from utils import ordinal_grid

    records = all_finished(settings)
    if not records:
        return []
    made = ordinal_grid.tables(records)
    titles = {
        "table1": "Test errors in years, without task weights",
        "table2": "Mean test MAE in years, without and with task weights",
        "contradictions": "Contradicting answers, mean number a picture",
    }
    text = [f"# {len(records)} trainings of {settings['epochs']} epochs, {settings['trunk']}\n"]
    for dataset in dict.fromkeys(record["dataset"] for record in records):
        first = next(record for record in records if record["dataset"] == dataset)
        text.append(
            f"{dataset}: {first['train']:,} + {first['test']:,} pictures; {first['data']}\n"
        )
    text.append("AVG ± SD: mean and sample standard deviation (n - 1) over the seeds.\n")
    written = []
    for name, rows in made.items():
        text += [f"## {titles[name]}\n", ordinal_grid.markdown(rows)]
        written.append(place / f"{name}.csv")
        write_atomically(written[-1], ordinal_grid.as_csv(rows))
    write_atomically(place / "tables.md", "\n".join(text))
    return [place / "tables.md", *written]


def _handle(event: jobs.Event, board: Board, place: Path, settings: dict, plan: dict) -> None:
    name = event.job.name
    if event.kind == "started":
        board.set(name, "running")
    elif event.kind == "progress":
        board.progress(name, **event.value)
    elif event.kind == "failed":
        lines = event.value.strip().splitlines()
        board.set(name, "failed", error=lines[-1], traceback="\n".join(lines[:-1]))
    else:
        cell, results = plan[name], event.value
        about = {"dataset": settings["dataset"], **cell}
        write_json(place / f"{name}.json", about | results | {"settings": settings})
        board.set(name, "done", seconds=results["seconds"])


def _close(board: Board, written: Sequence[Path]) -> int:
    states = [row["state"] for row in board.rows.values()]
    for name, row in board.rows.items():
        if row["state"] == "failed":
            print(f"\n{name}: {row['error']}\n{row.get('traceback', '')}", file=sys.stderr)
    words = (("done", "trained"), ("up to date", "kept"), ("failed", "failed"))
    parts = [f"{states.count(state)} {word}" for state, word in words if state in states]
    seconds = time.monotonic() - board.begun
    print(f"{len(states)} cells: {', '.join(parts)}, in {seconds:.0f} s", flush=True)
    for path in written:
        print(f"  {notebooks.show(path)}")
    return 1 if "failed" in states else 0


def _look(dataset: str, folder: Path | None, splits: Path | None) -> None:
    """Look at the folder before anything is trained, and say what is there."""
    from utils.datasets import face_folders

    print(face_folders.survey(dataset, folder))
    if splits is not None:
        given = face_folders.read_splits(dataset, splits)
        for part, rows in given.parts.items():
            print(f"  the authors' {part} file: {len(rows):,} pictures ({given.versions[part]})")


def _absolute(path: Path | None) -> str | None:
    return None if path is None else os.path.abspath(path.expanduser())


def _gpus() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _device(number: int) -> str:
    """Return the device of a cell: GPUs in turn."""
    count = _gpus()
    return f"cuda:{number % count}" if count > 1 else "auto"
