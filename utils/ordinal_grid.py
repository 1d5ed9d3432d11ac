"""CORAL's experiment on photographs: one cell of its grid, and the tables of the whole.

    train_cell("utkface", "coral", 0, folder="~/UTKFace")   # one cell: 200 epochs of ResNet-34
    tables(results)                                         # in the shape of the paper's tables

The protocol is version 1's: train on the training part, 200 epochs of Adam at 5e-4 without decay,
batches of 256, and test once after the last epoch. Nothing is chosen by the test pictures.
`course grid 11` runs all cells.

Source: W. Cao, V. Mirjalili, S. Raschka: Consistent rank logits for ordinal regression with
convolutional neural networks, arXiv 1901.07884v1, 2019, sec. 4, Tables 1 and 2, and their code.
"""

from __future__ import annotations

import csv
import io
import statistics
import time
from collections.abc import Callable, Sequence
from os import PathLike

METHODS = ("ce", "or", "coral")
SEEDS = (0, 1, 2)
EPOCHS = 200
BATCH_SIZE = 256
RATE = 5e-4
TRUNKS = ("resnet34", "small")
TITLES = {"ce": "CE-CNN", "or": "OR-CNN", "coral": "CORAL-CNN"}


def cells(
    methods: Sequence[str] = METHODS,
    seeds: Sequence[int] = SEEDS,
    weighted: Sequence[bool] = (False, True),
) -> list[dict]:
    """List the cells of the grid: every pair of `methods` and `seeds`, with each value of `weighted`.

    Cross-entropy has no tasks to weigh, so it has no weighted cells (nor has the paper).

    Raises
    ------
    ValueError
        If a method is unknown.

    >>> len(cells())
    15
    """
    if unknown := [method for method in methods if method not in METHODS]:
        raise ValueError(f"there is no method {unknown[0]!r}: there are {', '.join(METHODS)}")
    return [
        {"method": method, "seed": seed, "weighted": weigh}
        for weigh in weighted
        for method in methods
        for seed in seeds
        if not (method == "ce" and weigh)
    ]


def build(num_ranks: int, method: str, trunk: str = "resnet34"):
    """Build a network for pictures of 128 x 128: crop to 120 x 120, trunk, head.

    Parameters
    ----------
    num_ranks : int
        K >= 2.
    method : {"ce", "or", "coral"}
    trunk : {"resnet34", "small"}
        The paper's, He-normal weights, biases of the questions at 0; or three convolutions on
        pictures shrunk to 32 x 32, to try the whole course of things within seconds.

    Returns
    -------
    nn.Module
        Of images (N, 3, 128, 128) with values 0..1; gives logits (N, K-1), for "ce" scores (N, K).

    Raises
    ------
    ValueError
        If the method or the trunk is unknown.
    """
    from torch import nn

    from utils.datasets.face_folders import CROP
    from utils.models.coral import AgeNet, CoralResNet34
    from utils.models.crop import Crop

    if trunk not in TRUNKS:
        raise ValueError(f"there is no trunk {trunk!r}: choose one of {', '.join(TRUNKS)}")
    if trunk == "resnet34":
        return nn.Sequential(Crop(CROP), CoralResNet34(num_ranks, method))
    shrink = nn.AdaptiveAvgPool2d(32)
    return nn.Sequential(Crop(CROP), shrink, AgeNet(num_ranks, method, in_channels=3))


def train_cell(
    dataset: str,
    method: str,
    seed: int,
    *,
    folder: str | PathLike | None = None,
    splits: str | PathLike | None = None,
    weighted: bool = False,
    epochs: int = EPOCHS,
    trunk: str = "resnet34",
    split_seed: int = 0,
    device: str = "auto",
    checkpoint: str | PathLike | None = None,
    progress: bool = True,
    report: Callable[[dict], None] | None = None,
) -> dict:
    """Train one cell of the grid to its end, and test it once.

    Parameters
    ----------
    dataset : {"utkface", "afad", "morph2", "cacd"}
    method : {"ce", "or", "coral"}
    seed : int
        Of the first weights, the order and the crops.
    folder, splits, split_seed
        As for `utils.datasets.face_folders.load_faces`.
    weighted : bool
        Use the task weights of Eq. 7, counted on the training part; not for "ce".
    epochs : int
        Passes, at least 1.
    trunk : {"resnet34", "small"}
        See `build`.
    device : str
        See `utils.training.device`. On GPUs that gain by it the forward pass is in bfloat16.
    checkpoint : folder, optional
        Where the training saves itself; called again, it goes on from there.
    progress : bool
        Show a progress bar.
    report : function, optional
        Called now and then with ``{"epoch": passes done, "epochs": of how many}``.

    Returns
    -------
    dict
        ``mae`` and ``rmse`` in years on the test part, ``median.mae`` and ``median.rmse`` of always
        answering the training median, counts, what the split is, and for "or" and "coral"
        ``inconsistencies`` (mean number of contradictions a picture) and ``share`` (of pictures
        with one or more).

    Raises
    ------
    ValueError
        If an argument is out of range.
    utils.fetch.DataError
        If the pictures cannot be had.
    KeyboardInterrupt
        After Ctrl-C; the checkpoint is kept.
    """
    import torch
    from torch.optim.lr_scheduler import LambdaLR

    from utils import ordinal, training
    from utils.datasets import load
    from utils.datasets.face_folders import SETS

    if method not in METHODS:
        raise ValueError(f"there is no method {method!r}: choose one of {', '.join(METHODS)}")
    if method == "ce" and weighted:
        raise ValueError("cross-entropy has no tasks to weigh: leave weighted out for 'ce'")
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"epochs={epochs!r}: give a whole number of at least 1")
    where = {"folder": folder, "splits": splits, "seed": split_seed, "quiet": True}
    train, test = (load(dataset, part, **where) for part in ("train", "test"))
    record = train.record
    if len(train) % BATCH_SIZE == 1:  # batch norm cannot take a batch of one
        train = train.subset(slice(len(train) - 1))
    num_ranks = SETS[dataset].num_ranks
    importance = ordinal.task_importance(train.targets, num_ranks) if weighted else None

    def ordinal_loss(logits, labels):
        levels = ordinal.extend_labels(labels, num_ranks)
        weights = None if importance is None else importance.to(logits.device)
        return ordinal.ordinal_loss(logits, levels, weights)

    def constant(optimizer, steps):
        """A rate that never changes; its count of steps survives a restart."""

        def factor(step: int) -> float:
            if report is not None and steps and step % max(1, steps // epochs // 4) == 0:
                report({"epoch": step * epochs // steps, "epochs": epochs})
            return 1.0

        return LambdaLR(optimizer, factor)

    training.set_seed(seed)
    model = build(num_ranks, method, trunk)
    started = time.monotonic()
    history = training.fit(
        model,
        train,
        loss=None if method == "ce" else ordinal_loss,
        metric=None,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        optimizer="adam",
        lr=RATE,
        weight_decay=0.0,
        schedule=constant,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        progress=progress,
        guards=False,
    )
    if history.interrupted:
        raise KeyboardInterrupt
    logits = answers(model, test)
    ranks = logits.argmax(1) if method == "ce" else ordinal.predict_rank(logits)
    median = torch.full_like(test.targets, int(train.targets.median()))
    results = {
        "mae": ordinal.mean_absolute_error(ranks, test.targets),
        "rmse": ordinal.root_mean_squared_error(ranks, test.targets),
        "median.mae": ordinal.mean_absolute_error(median, test.targets),
        "median.rmse": ordinal.root_mean_squared_error(median, test.targets),
        "train": len(train),
        "test": len(test),
        "data": record.source,
        "seconds": round(time.monotonic() - started, 1),
    }
    if method != "ce":
        crossed = ordinal.rank_inconsistencies(logits)
        results["inconsistencies"] = crossed.float().mean().item()
        results["share"] = (crossed > 0).float().mean().item()
    return results


def answers(model, data):
    """Return a network's outputs for all images of a set, on the CPU, in float32.

    Parameters
    ----------
    model : nn.Module
        Put into evaluation mode.
    data : utils.datasets.Data
        uint8 images, given to the network as 0..1, 256 at a time.
    """
    import torch

    device = next(model.parameters()).device
    model.eval()
    with torch.no_grad():
        return torch.cat(
            [
                model(part.to(device).float().div_(255)).float().cpu()
                for part in data.images.split(256)
            ]
        )


# ---------------------------------------------------------------------------- tables


def tables(results: Sequence[dict]) -> dict[str, list[list[str]]]:
    """Make the paper's tables of finished cells.

    Parameters
    ----------
    results : sequence of dict
        What `train_cell` returned, each with its "dataset", "method", "seed" and "weighted".

    Returns
    -------
    dict
        Name of each table that has cells to its rows of text, the header first: "table1", MAE and
        RMSE of each seed without weights, mean and standard deviation (n - 1) below, and the
        training median's; "table2", mean MAE without and with weights; "contradictions", a picture's
        mean number of questions answered against their order.
    """
    sets = list(dict.fromkeys(result["dataset"] for result in results))
    found = {
        (r["dataset"], r["method"], r["seed"], bool(r["weighted"])): r
        for r in sorted(results, key=lambda r: r["seed"])
    }
    made = {
        "table1": _table1(found, sets),
        "table2": _table2(found, sets),
        "contradictions": _contradictions(found, sets),
    }
    return {name: rows for name, rows in made.items() if len(rows) > 1}


def mean_and_sd(values: Sequence[float]) -> str:
    """Mean and sample standard deviation (n - 1) of `values` as the paper prints them; "-" for none.

    >>> mean_and_sd([2.68, 2.63, 2.61])
    '2.64 ± 0.04'
    """
    if not values:
        return "-"
    if len(values) == 1:
        return f"{values[0]:.2f} (one seed)"
    return f"{statistics.fmean(values):.2f} ± {statistics.stdev(values):.2f}"


def _chosen(found: dict, name: str, method: str, weighted: bool, what: str) -> list[float]:
    return [
        result[what]
        for (dataset, kind, _, weigh), result in found.items()
        if (dataset, kind, weigh) == (name, method, weighted) and what in result
    ]


def _table1(found: dict, sets: list[str]) -> list[list[str]]:
    kinds = ("mae", "rmse")
    rows = [["method", "seed", *(f"{name} {kind.upper()}" for name in sets for kind in kinds)]]
    for method in METHODS:
        seeds = sorted({key[2] for key in found if key[1] == method and not key[3]})
        for seed in seeds:
            row = [found.get((name, method, seed, False)) for name in sets]
            cells = [f"{r[kind]:.2f}" if r else "-" for r in row for kind in kinds]
            rows.append([TITLES[method], str(seed), *cells])
        if seeds:
            rows.append(
                [TITLES[method], "AVG ± SD"]
                + [
                    mean_and_sd(_chosen(found, name, method, False, kind))
                    for name in sets
                    for kind in kinds
                ]
            )
    if len(rows) > 1:
        medians = {
            name: next(r for key, r in found.items() if key[0] == name and not key[3])
            for name in sets
            if any(key[0] == name and not key[3] for key in found)
        }
        cells = [
            f"{medians[name][f'median.{kind}']:.2f}" if name in medians else "-"
            for name in sets
            for kind in kinds
        ]
        rows.append(["always the median", "", *cells])
    return rows


def _table2(found: dict, sets: list[str]) -> list[list[str]]:
    rows = [["method", "weight", *(f"{name} MAE" for name in sets)]]
    if not any(key[3] for key in found):
        return rows
    for method in METHODS[1:]:
        for weighted in (False, True):
            cells = [mean_and_sd(_chosen(found, name, method, weighted, "mae")) for name in sets]
            rows.append([TITLES[method], "YES" if weighted else "NO", *cells])
    return rows


def _contradictions(found: dict, sets: list[str]) -> list[list[str]]:
    rows = [["method", "weight", *sets]]
    for method in METHODS[1:]:
        for weighted in (False, True):
            values = [_chosen(found, name, method, weighted, "inconsistencies") for name in sets]
            if any(values):
                cells = [mean_and_sd(value) for value in values]
                rows.append([TITLES[method], "YES" if weighted else "NO", *cells])
    return rows


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Write a table's rows, the header first, in Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]]) + "\n"


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    """Write a table's rows as CSV."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
