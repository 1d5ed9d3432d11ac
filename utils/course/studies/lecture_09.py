"""Study of lecture 09: depth hurts plain nets and helps residual ones; CIFAR-10 in two minutes.

The eight- and thirty-two-layer nets learn 10,000 pieces of clothing for five epochs, with three
seeds each.  The colour net learns all of CIFAR-10 on two threads, with the first seed only, and
against the clock: its runs mean something on an idle machine.  Its settings were chosen on 5,000
training images held out; here it learns from all 50,000 and sees the test images once.
"""

TITLE = "Training error of plain and residual nets of 8 and 32 layers; CIFAR-10 against the clock"

SEEDS = (0, 1, 2)

TIMED_SEED = 0
"""The one seed of the CIFAR-10 runs; for the others they are left out, with empty results."""

OF_THE_MACHINE = ("busy", "threads", "train_seconds", "wall_seconds", "cpu_seconds")
"""Results that no repetition gives again."""

CELLS = {
    "plain-8": {"data": "fashion-mnist", "depth": 8, "shortcuts": False, "epochs": 5},
    "plain-32": {"data": "fashion-mnist", "depth": 32, "shortcuts": False, "epochs": 5},
    "residual-8": {"data": "fashion-mnist", "depth": 8, "shortcuts": True, "epochs": 5},
    "residual-32": {"data": "fashion-mnist", "depth": 32, "shortcuts": True, "epochs": 5},
    "cifar10-bf16": {"data": "cifar10", "precision": "bf16", "epochs": 6},
    "cifar10-fp32": {"data": "cifar10", "precision": "fp32", "epochs": 6},
}

THREADS = 2
"""Threads of a CIFAR-10 run on an idle machine with as many cores; on a busy one it takes one."""

BUSY = 50
"""Percent of the processors' time taken by others from which on a machine counts as busy."""


def run_cell(
    data: str,
    epochs: int,
    seed: int,
    depth: int = 0,
    shortcuts: bool = False,
    precision: str = "fp32",
) -> dict:
    """Train one network and score it.

    Parameters
    ----------
    data : {"fashion-mnist", "cifar10"}
    epochs, seed : int
    depth, shortcuts
        Of the net that learns Fashion-MNIST.
    precision : {"fp32", "bf16"}
        In which the net that learns CIFAR-10 computes, where the processor has it.

    Returns
    -------
    dict
        Fashion-MNIST: ``train_error`` and ``test_error`` in percent, ``train_loss`` by epoch; at
        32 layers also ``without_block``, the test error without the first, second, ... block, and
        for seed 0 the weights as a file.
        CIFAR-10: ``test_accuracy`` and ``test_accuracy_flipped`` in percent, ``train_seconds``
        and ``wall_seconds`` (with the scoring), ``cpu_seconds``, ``threads``, ``bf16_native`` (0
        or 1), ``busy`` (percent of the processors' time that others took before it started).
    """
    if data == "fashion-mnist":
        return _degradation(depth, shortcuts, epochs, seed)
    return _against_the_clock(precision, epochs, seed) if seed == TIMED_SEED else {}


def summary(runs) -> dict:
    """Return mean and spread of the errors, and the times and accuracies of CIFAR-10."""
    rows = {}
    for name, cell in CELLS.items():
        chosen = runs.select(**cell)
        if cell["data"] == "cifar10":
            rows[name] = runs.select(**cell, seed=TIMED_SEED).runs[0].results
            continue
        rows[name] = {
            quantity: {"mean": round(chosen.mean(quantity), 2), "sd": round(chosen.sd(quantity), 2)}
            for quantity in ("train_error", "test_error")
        }
    return rows


def _degradation(depth: int, shortcuts: bool, epochs: int, seed: int) -> dict:
    from torch import nn

    from utils import training
    from utils.datasets import channel_statistics, load, normalise
    from utils.models import SmallResNet

    train, test = (
        load("fashion-mnist", split=part, source="committed", quiet=True)
        for part in ("train", "test")
    )
    mean, std = channel_statistics(train.images)
    learn = (normalise(train.images, mean, std), train.targets)
    judge = (normalise(test.images, mean, std), test.targets)

    def error(on) -> float:
        right = training.evaluate(model, on, device="cpu").accuracy
        return round(100 * (1 - right), 2)

    training.set_seed(seed)
    model = SmallResNet(depth, shortcuts)
    history = training.fit(
        model,
        learn,
        epochs=epochs,
        batch_size=128,
        optimizer="sgd",
        lr=0.1,
        schedule="one-cycle",
        seed=seed,
        device="cpu",
        guards=False,
        progress=False,
    )
    results = {
        "train_error": error(learn),
        "test_error": error(judge),
        "train_loss": [round(loss, 4) for loss in history.train_loss],
    }
    if depth < 32:
        return results
    if seed == SEEDS[0]:
        name = "residual32" if shortcuts else "plain32"
        results["files"] = {f"{name}_weights.npz": _packed(model.state_dict())}
    without = []
    for index, block in enumerate(model.blocks):
        model.blocks[index] = nn.Identity()
        without.append(error(judge))
        model.blocks[index] = block
    results["without_block"] = without
    return results


def _against_the_clock(precision: str, epochs: int, seed: int) -> dict:
    import time

    import psutil
    import torch

    from utils import speedrun, training
    from utils.datasets import load
    from utils.models import FastCifarNet
    from utils.training.machine import has_native_bf16

    train, test = (load("cifar10", split=part, quiet=True) for part in ("train", "test"))
    busy = psutil.cpu_percent(interval=2.0)
    before = torch.get_num_threads()
    threads = min(THREADS, psutil.cpu_count() or 1) if busy < BUSY else 1  # two would only wait
    torch.set_num_threads(threads)
    try:
        wall, cpu = time.monotonic(), time.process_time()
        training.set_seed(seed)
        model = FastCifarNet().prepare(train.images)
        speedrun.train_fast(
            model,
            train,
            epochs=epochs,
            seed=seed,
            device="cpu",
            precision=precision,
            guards=False,
            progress=False,
        )
        trained = time.monotonic() - wall
        flipped = speedrun.flipped_logits(model, test.images).argmax(1) == test.targets
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
        once = training.evaluate(model, (test.images, test.targets), device="cpu").accuracy
    finally:
        torch.set_num_threads(before)
    return {
        "test_accuracy": round(100 * once, 2),
        "test_accuracy_flipped": round(100 * flipped.float().mean().item(), 2),
        "train_seconds": round(trained, 1),
        "wall_seconds": round(wall, 1),
        "cpu_seconds": round(cpu, 1),
        "threads": threads,
        "bf16_native": int(has_native_bf16(torch.device("cpu"))),
        "busy": round(busy),
    }


def _packed(state: dict) -> bytes:
    """Return weights as a compressed npz, floats in half precision."""
    import io

    import numpy as np

    arrays = {}
    for name, value in state.items():
        array = value.numpy()
        arrays[name] = array.astype(np.float16) if array.dtype.kind == "f" else array
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
