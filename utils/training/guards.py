"""What is checked before the first step: each guard is a bug that has ruined somebody's training."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from utils.arguments import integer
from utils.training.data import Samples
from utils.training.evaluation import (
    Loss,
    even_guess,
    first_loss,
    frozen_parts,
    is_cross_entropy,
)
from utils.training.rescue import warn

BatchNorm = nn.modules.batchnorm._BatchNorm
MAX_ROWS = 12
"""The table of parameters names at most so many parts of the network."""


class GuardError(ValueError):
    """The training as it was set up cannot do what was meant."""


def check_requires_grad(model: nn.Module) -> None:
    """No module of `model` carries an attribute `requires_grad`: setting one freezes nothing.

    Raises
    ------
    GuardError
        If one does. PyTorch accepts ``module.requires_grad = False`` without a word.
    """
    for name, part in model.named_modules():
        if "requires_grad" in vars(part):
            value = vars(part)["requires_grad"]
            place = name or "the model"
            raise GuardError(
                f"{place}.requires_grad = {value} does nothing: a module has no such attribute. "
                f"Delete the attribute and call {place}.requires_grad_({value})"
            )


def check_coverage(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """The optimizer holds every trainable parameter of the model once, and nothing else.

    Raises
    ------
    GuardError
        If a trainable parameter is missing, a frozen one or one of another model is in it, or
        nothing is trainable.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    held_ids = {id(parameter) for parameter in held}
    kind = type(optimizer).__name__
    trainable = [p for p in model.parameters() if p.requires_grad]
    if not trainable:
        raise GuardError("the model has no trainable parameter: nothing to fit")
    strangers = sum(id(parameter) not in names for parameter in held)
    if strangers:
        raise GuardError(
            f"{strangers} of the {len(held)} tensors in {kind} are not this model's: build the "
            "optimizer after the model, from this model's parameters"
        )
    missing = [names[id(p)] for p in trainable if id(p) not in held_ids]
    if missing:
        raise GuardError(
            f"{kind} does not hold {_listed(missing)}, which would stay as initialised: give it "
            "all trainable parameters, or freeze these with requires_grad_(False)"
        )
    frozen = [names[id(p)] for p in held if not p.requires_grad]
    if frozen:
        raise GuardError(
            f"{kind} holds {_listed(frozen)}, which are frozen and will not move: leave them out, "
            "or make them trainable with requires_grad_(True)"
        )


def check_schedule(schedule: LRScheduler | None, optimizer: torch.optim.Optimizer) -> None:
    """The schedule steers the optimizer that is used.

    Raises
    ------
    GuardError
        If it was built for another optimizer, so that stepping it would change nothing.
    """
    if schedule is not None and schedule.optimizer is not optimizer:
        raise GuardError(
            f"{type(schedule).__name__} steers another optimizer than the one that trains: "
            "build it from the same optimizer object"
        )


def check_parts(train: Samples, validation: Samples | None) -> None:
    """The test set takes part neither in training (`train`) nor in the choice of a model (`validation`).

    Raises
    ------
    GuardError
        If the record of one of the data sets says that it is a test set.
    """
    for name, samples in (("training", train), ("validation", validation)):
        if samples is not None and samples.split == "test":
            raise GuardError(
                f"the {name} data are the test set, which is for one look at the end: hold a part "
                "of the training data out with validation=0.1, and use evaluate() for the test set"
            )


def check_labels(samples: Samples, outputs: object, loss: Loss) -> None:
    """Class labels of `samples` lie in 0..C-1, where the network has C outputs; other losses pass.

    `loss` is what is minimised.

    Raises
    ------
    GuardError
        If a label lies outside.
    """
    if not (samples.has_labels and is_cross_entropy(loss) and isinstance(outputs, Tensor)):
        return
    low, high = int(samples.targets.min()), int(samples.targets.max())
    ignored = getattr(loss, "ignore_index", -100)
    if (low < 0 and low != ignored) or high >= outputs.shape[1]:
        raise GuardError(
            f"the labels run from {low} to {high}, but the network has {outputs.shape[1]} outputs, "
            f"for labels 0 to {outputs.shape[1] - 1}"
        )


def check_last_batch(model: nn.Module, count: int, batch_size: int) -> None:
    """No batch of a single image meets a batch norm of `model` in training mode.

    `count` samples are taken in batches of `batch_size`.

    Raises
    ------
    GuardError
        If the epoch's last batch would: the variance of one value is unknown.
    TypeError, ValueError
        If `count` or `batch_size` is no whole number, or below 1.
    """
    integer("count", count, at_least=1)
    integer("batch_size", batch_size, at_least=1)
    trains = any(isinstance(part, BatchNorm) and part.training for part in model.modules())
    if trains and (count % batch_size == 1 or batch_size == 1):
        raise GuardError(
            f"{count} samples in batches of {batch_size} leave a batch of one, and batch norm needs "
            "two values to find a variance: choose another batch_size"
        )


def warn_of_first_loss(value: float, expected: float | None) -> None:
    """Warn if cross-entropy starts at a `value` more than a quarter away from `expected`, log C."""
    if expected is None or abs(value - expected) <= 0.25 * expected:
        return
    reason = (
        "the first weights are too large or the inputs are not normalised"
        if not value < expected
        else "the network has seen these labels before"
    )
    warn(
        f"the loss at the start is {value:.3f}, but an even guess would give log C = "
        f"{expected:.3f}: probably {reason}"
    )


def warn_of_probabilities(outputs: object, loss: Loss) -> None:
    """Warn if cross-entropy, which applies softmax itself, is given probabilities as `outputs`.

    Nothing is said of another `loss`.
    """
    if not is_cross_entropy(loss) or not isinstance(outputs, Tensor) or outputs.shape[1] < 2:
        return
    sums = outputs.sum(dim=1)
    if bool((outputs >= 0).all()) and torch.allclose(sums, torch.ones_like(sums), atol=1e-3):
        warn(
            "the outputs are probabilities, but cross-entropy applies softmax itself: let the "
            "network return logits, without a softmax at the end"
        )


def warn_of_batch_norm(model: nn.Module, world: int) -> None:
    """Warn that batch norm in `model` sees another batch when `world` > 1 processes share one."""
    if world > 1 and any(isinstance(p, BatchNorm) and p.training for p in model.modules()):
        warn(
            f"the model has batch norm, which normalises by each process's part of a batch: "
            f"{world} processes will not give the same weights as one"
        )


def warn_of_still_schedule(schedule: str, rates: list[float]) -> None:
    """Warn if a schedule was stepped all along and left the `rates` where they were."""
    if len(rates) > 1 and len(set(rates)) == 1:
        warn(
            f"the schedule {schedule} never changed the rate of {rates[0]:g} in {len(rates)} steps: "
            "it is stepped after every gradient step, not after every epoch"
        )


def null_accuracy(train: Samples, scored: Samples) -> tuple[int, float]:
    """Most frequent label of `train`, and the accuracy on `scored` of always answering it."""
    labels = train.targets[train.targets >= 0]
    label = int(labels.bincount(minlength=1).argmax())
    return label, float((scored.targets == label).float().mean())


def parameter_table(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    """Lines of a table: trainable and frozen parameters of each part of `model`, and how many of them
    `optimizer` has.
    """
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    seen: set[int] = set()
    rows: list[tuple[str, int, int, int]] = []

    def add(name: str, parameters: Iterable[nn.Parameter]) -> None:
        new = [p for p in parameters if id(p) not in seen]
        seen.update(id(p) for p in new)
        counts = [
            sum(p.numel() for p in new if p.requires_grad),
            sum(p.numel() for p in new if not p.requires_grad),
            sum(p.numel() for p in new if id(p) in held),
        ]
        if any(counts):
            rows.append((name, *counts))

    for name, part in model.named_children():
        add(name, part.parameters())
    add("(itself)", model.parameters())
    shown = rows if 1 < len(rows) <= MAX_ROWS else []
    total = ("all", *(sum(row[column] for row in rows) for column in (1, 2, 3)))
    width = max(len(row[0]) for row in [*shown, total])
    head = f"{'parameters':{width + 2}s} {'trainable':>12s} {'frozen':>12s} {'in optimizer':>14s}"
    lines = [f"  {n:{width}s} {a:12,} {b:12,} {c:14,}" for n, a, b, c in [*shown, total]]
    return [head, *lines]


def mode_lines(model: nn.Module) -> list[str]:
    """Lines about frozen parts of `model`: which keep their statistics, which do not."""
    lines = [f"frozen, in evaluation mode: {name}" for name, _ in frozen_parts(model)]
    moving = [
        name
        for name, part in model.named_modules()
        if isinstance(part, BatchNorm)
        and part.training
        and part.affine
        and part.track_running_stats
        and not any(p.requires_grad for p in part.parameters())
    ]
    if moving:
        lines.append(
            f"frozen, yet statistics move: {_listed(moving)} (call eval() on a frozen part to keep "
            "them)"
        )
    return lines


def inspect(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    train: Samples,
    loss: str | Loss,
    batch: Tensor,
    precision: str,
    *,
    quiet: bool,
) -> list[str]:
    """Run the guards that look at the model at work; returns the lines to print about it.

    `optimizer`, `train`, `loss` and `precision` are what `fit` will use, `batch` the inputs of its
    first step; with `quiet` nothing but warnings is said.
    """

    def checked_loss(outputs: object, targets: object) -> Tensor:
        check_labels(train, outputs, loss)  # cross-entropy's own error names no label
        return loss(outputs, targets)

    which = loss if loss == "model" else checked_loss
    value, outputs = first_loss(model, train.batch(batch), which, precision, train.device)
    expected = even_guess(outputs, loss)
    if not quiet:
        warn_of_probabilities(outputs, loss)
        warn_of_first_loss(value, expected)
    even = f", log C = {expected:.3f} for an even guess" if expected else ""
    return [
        *parameter_table(model, optimizer),
        *mode_lines(model),
        f"loss at the start: {value:.3f}{even}",
    ]


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"
