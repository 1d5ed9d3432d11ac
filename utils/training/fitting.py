"""`fit`: set a training up, look for the usual mistakes, and run it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable

import torch
from torch import nn

from utils.training import checkpoint as files
from utils.training import distributed, machine, optim
from utils.training import guards as checks
from utils.training.data import Samples, epoch_order, split
from utils.training.evaluation import Loss, Metric, Scorer, accuracy, choose_loss, choose_metric
from utils.training.history import History
from utils.training.loop import Run


def fit(
    model: nn.Module,
    data: object,
    *,
    epochs: int,
    loss: str | Loss | None = None,
    batch_size: int = 256,
    optimizer: optim.OptimizerChoice = "adamw",
    lr: float | None = None,
    weight_decay: float | None = None,
    schedule: optim.ScheduleChoice = "one-cycle",
    seed: int = 0,
    device: str | torch.device = "auto",
    precision: str = "auto",
    accumulate: int = 1,
    augment: Callable | None = None,
    validation: object = None,
    metric: str | Metric | None = "auto",
    lower_is_better: bool = False,
    null_model: str | float | None = "auto",
    keep: str = "last",
    checkpoint: str | os.PathLike | None = None,
    save_steps: int | None = None,
    save_seconds: float | None = 60.0,
    resume: bool = True,
    guards: bool = True,
    progress: bool = True,
) -> History:
    """Train a network, in place.

    Started by `torchrun`, the same call trains on several processes: each computes its share of
    every batch, and for networks without batch norm the weights are those of one process up to
    rounding.

    Parameters
    ----------
    model : nn.Module
        Moved to the device, its weights stored channels last; in evaluation mode afterwards. Parts
        that are frozen and in evaluation mode stay in it (their batch norm statistics are fixed
        and their dropout is off); everything else is put into training mode.
    data : (inputs, targets) or datasets.Data
        Training data, held in memory: inputs (N, C, H, W) or (N, ...), float as they are or uint8
        scaled to [0, 1]; targets a tensor, or a list of dicts if the loss takes one.
    epochs : int
        Passes over the data, >= 0.
    loss : function of (outputs, targets), "model", or None
        Mean over a batch. None is cross-entropy, for labels. "model": the network itself is called
        with (inputs, targets) and returns its loss or a dict of losses, as torchvision's detectors.
    batch_size : int
        Samples per gradient step, over all processes and accumulated pieces together; the last
        batch of an epoch may be smaller.
    optimizer : "adamw", "adam", "sgd", a function of the parameters, or an Optimizer
    lr, weight_decay : float, optional
        Peak rate and decay of a named optimizer (`optim.DEFAULTS` if not given).
    schedule : "one-cycle", "cosine", "step", "constant", function of (optimizer, steps), LRScheduler
        Stepped after every gradient step.
    seed : int
        Decides the order of the data and everything random in a step, 0 <= seed < 2**32. The
        first weights are the caller's: call `set_seed` before building the network. The caller's
        random numbers go on afterwards as if `fit` had not been called.
    device : str or torch.device
        See `utils.training.device`.
    precision : "auto", "fp32" or "bf16"
        Of the forward pass; "auto" is bf16 on GPUs that gain by it and fp32 on the CPU.
    accumulate : int
        Pieces in which a batch (a process's share of it) is computed: less memory, same gradient.
    augment : function, optional
        Of (inputs) or of (inputs, targets), returning the same, called on each whole batch on the
        device. Its torch random numbers depend on (seed, epoch, step) only.
    validation : data like `data`, or a fraction of it to hold out, optional
        Scored after each epoch; never augmented. The test set is refused: use `evaluate`.
    metric : "auto", "accuracy", function of (outputs, targets), or None
        "auto" is accuracy for labels learned by cross-entropy. In training it is averaged over
        batches.
    lower_is_better : bool
        Whether a smaller metric is better, for the choice of the best epoch.
    null_model : "auto", float or None
        The metric of answering without looking; "auto": always the most frequent training label.
    keep : "last" or "best"
        Which weights the model ends with; "best" needs validation data.
    checkpoint : folder, optional
        Where `last.pt`, `previous.pt` and `best.pt` are kept, written after each epoch and in
        between every `save_steps` steps or `save_seconds` seconds. If the folder holds a checkpoint
        of this model and these settings, the training goes on from there, bit for bit (on one
        thread of the same machine), unless `resume` is false.
    guards : bool
        Check for the usual mistakes and print what was found, before the first step.
    progress : bool
        Show a progress bar, on a terminal and in a notebook.

    Returns
    -------
    History
        Ctrl-C ends the training after the current step with `interrupted` set.

    Raises
    ------
    GuardError
        If the set-up cannot do what was meant (see `utils.training.guards`).
    ValueError, TypeError
        If an argument is out of range.
    CheckpointError
        If the checkpoint folder belongs to another training or cannot be written.
    NonFiniteLossError
        If the loss or the weights become infinite or NaN; the model has the last good weights.
    TrainingOutOfMemoryError
        If a batch does not fit; the message says which size does.
    """
    _check_numbers(epochs, batch_size, accumulate, save_steps, save_seconds, keep)
    machine.check_seed(seed)
    team, device = distributed.join(device)
    precision = machine.choose_precision(precision, device)
    if device.type == "cpu":
        machine.reuse_freed_memory()

    train = Samples(data, device)
    if isinstance(validation, float):
        train, held_out = split(train, validation, seed)
    else:
        held_out = None if validation is None else Samples(validation, device, "validation")
    checks.check_parts(train, held_out)
    if keep == "best" and held_out is None:
        raise ValueError('keep="best" needs validation data to choose by, such as validation=0.1')
    loss = choose_loss(loss, train)
    scorer = choose_metric(metric, train, loss)

    model.to(device).to(memory_format=torch.channels_last)
    chosen = optim.build_optimizer(optimizer, model, lr, weight_decay, device)
    optimizer_name = optim.describe(chosen)
    steps = math.ceil(len(train) / batch_size)
    rate = optim.build_schedule(schedule, chosen, epochs * steps) if epochs else None
    history = History(metric=scorer.name, lower_is_better=lower_is_better)
    history.null, null_text = _null_model(null_model, scorer, train, held_out)

    store = None
    if checkpoint is not None:
        settings = {
            "epochs": epochs,
            "batch_size": batch_size,
            "accumulate": accumulate,
            "seed": seed,
            "precision": precision,
            "optimizer": optimizer_name,
            "schedule": optim.describe(schedule),
            "loss": optim.describe(loss),
            "augment": optim.describe(augment),
            "data": train.digest(),
        }
        store = files.Checkpoints(checkpoint, files.structure(model), settings)
    run = Run(
        model=model,
        train=train,
        validation=held_out,
        loss=loss,
        scorer=scorer,
        optimizer=chosen,
        schedule=rate,
        history=history,
        team=team,
        device=device,
        precision=precision,
        seed=seed,
        epochs=epochs,
        steps=steps,
        batch_size=batch_size,
        accumulate=accumulate,
        augment=augment,
        store=store,
        save_steps=save_steps,
        save_seconds=save_seconds,
        keep=keep,
    )
    with machine.own_random_numbers(seed, device):
        resumed = run.restore(resume)
        if guards and resumed and team.is_main:
            print(f"goes on from {run.store.folder}: epoch {run.epoch + 1}, step {run.step + 1}")
        elif guards and not resumed:
            stepped = f"stepped after each of {epochs * steps:,} steps"
            lines = [f"{optimizer_name}; rate {optim.describe(schedule)}, {stepped}; {precision}"]
            _guard(run, [*lines, null_text])
        if not resumed:
            run.save()
        run.train_all(progress)
    if guards and team.is_main and rate is not None and not run.history.interrupted:
        checks.warn_of_still_schedule(type(rate).__name__, run.history.step_lr)
    return run.history


def _guard(run: Run, lines: list[str | None]) -> None:
    """Check the set-up; print what was found in one block, after the given lines."""
    checks.check_requires_grad(run.model)
    checks.check_coverage(run.model, run.optimizer)
    checks.check_schedule(run.schedule, run.optimizer)
    count = min(max(run.batch_size, 64), 128)  # fewer would make the first loss a matter of luck
    batch = epoch_order(len(run.train), run.seed, 0)[:count]
    quiet = not run.team.is_main
    found = checks.inspect(
        run.model, run.optimizer, run.train, run.loss, batch, run.precision, quiet=quiet
    )
    if not quiet:
        checks.warn_of_batch_norm(run.model, run.team.world)
        print("\n".join(line for line in [*found, *lines] if line), flush=True)


def _null_model(
    choice: str | float | None, scorer: Scorer, train: Samples, validation: Samples | None
) -> tuple[float | None, str | None]:
    """Score of answering without looking, and a line that says so."""
    if choice == "auto":
        if scorer.function is not accuracy or not train.has_labels:
            return None, None
        scored = validation or train
        label, value = checks.null_accuracy(train, scored)
        part = "validation" if scored is validation else "training"
        return value, f"null model: always class {label}, accuracy {value:.4f} on the {part} data"
    if choice is None:
        return None, None
    if isinstance(choice, str) or not math.isfinite(choice):
        raise ValueError(f'null_model must be "auto", a number or None, not {choice!r}')
    return float(choice), f"null model: {scorer.name} {choice:.4f}"


def _check_numbers(
    epochs: int,
    batch_size: int,
    accumulate: int,
    save_steps: int | None,
    save_seconds: float | None,
    keep: str,
) -> None:
    least = {"epochs": (epochs, 0), "batch_size": (batch_size, 1), "accumulate": (accumulate, 1)}
    if save_steps is not None:
        least["save_steps"] = (save_steps, 1)
    for name, (value, lowest) in least.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise ValueError(f"{name} must be a whole number, at least {lowest}, not {value!r}")
    if save_seconds is not None and not save_seconds >= 0:
        raise ValueError(f"save_seconds must be at least 0 or None, not {save_seconds!r}")
    if keep not in ("last", "best"):
        raise ValueError(f'keep must be "last" or "best", not {keep!r}')
