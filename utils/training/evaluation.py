"""Loss, metric and mode of a network: what training and testing have in common; `evaluate`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from utils.training import machine
from utils.training.data import Samples, Targets

Loss = Callable[[object, Targets], Tensor]
Metric = Callable[[object, Targets], Tensor | float]


class Evaluation(dict):
    """Scores by name, also as attributes: `loss`, the metric's name, `null`, `count`.

    `null` is the score of the best constant answer (for accuracy, of the most frequent class).
    """

    def __getattr__(self, name: str) -> float:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no {name!r}, only {', '.join(self)}") from None

    def __repr__(self) -> str:
        shown = [f"{k} {v:.4f}" if isinstance(v, float) else f"{k} {v:,}" for k, v in self.items()]
        return ", ".join(shown)


@dataclass(frozen=True)
class Scorer:
    """A metric with its name; `function` is None where nothing but the loss is measured."""

    name: str | None
    function: Metric | None


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Share of the right answers, in [0, 1]: class scores `outputs` (N, C, ...), labels `targets` (N, ...).

    NaN if a score is NaN. Raises ValueError if there is not one label a row of scores.
    """
    best, answers = outputs.max(1)
    if answers.shape != targets.shape:
        raise ValueError(
            f"scores of shape {tuple(outputs.shape)} and labels of shape {tuple(targets.shape)}: "
            "give (N, C, ...) and (N, ...)"
        )
    return (answers == targets).float().masked_fill(best.isnan(), math.nan).mean()


def choose_metric(metric: str | Metric | None, samples: Samples, loss: object) -> Scorer:
    """Scorer of a `metric` by name or function; "auto" is accuracy where labels are learned by cross-entropy.

    `samples` and `loss` are what is learned, and how. Raises ValueError for an unknown name.
    """
    if metric == "auto":
        metric = "accuracy" if samples.has_labels and is_cross_entropy(loss) else None
    if metric is None:
        return Scorer(None, None)
    if metric == "accuracy":
        return Scorer("accuracy", accuracy)
    if callable(metric):
        return Scorer(getattr(metric, "__name__", type(metric).__name__), metric)
    raise ValueError(
        f'metric must be "auto", "accuracy", a function of (outputs, targets) or None, '
        f"not {metric!r}"
    )


def choose_loss(loss: str | Loss | None, samples: Samples) -> str | Loss:
    """The `loss` as a function, or "model"; None is cross-entropy where the targets are labels.

    Raises
    ------
    ValueError
        If none was given and the targets are not labels, or its reduction is not the mean:
        batches are weighted by their number of samples.
    """
    if loss is None:
        if samples.has_labels:
            return functional.cross_entropy
        raise ValueError(
            "the targets are no class labels (int64): say which loss to minimise, loss=..."
        )
    if loss != "model" and not callable(loss):
        raise ValueError(
            f'loss must be a function of (outputs, targets), "model" or None, not {loss!r}'
        )
    if getattr(loss, "reduction", "mean") != "mean":
        raise ValueError(
            f'the loss has reduction="{loss.reduction}": fit needs the mean over a batch, so that '
            "batches of different sizes count by their number of samples"
        )
    return loss


def is_cross_entropy(loss: object) -> bool:
    """Whether the loss is PyTorch's cross-entropy of logits."""
    return loss is functional.cross_entropy or isinstance(loss, nn.CrossEntropyLoss)


def compute_loss(
    network: nn.Module,
    inputs: Tensor,
    targets: Targets,
    loss: str | Loss,
    precision: str,
    device: torch.device,
) -> tuple[Tensor, object]:
    """Forward pass and loss; returns the loss (a scalar, mean over the batch) and the outputs.

    With loss="model" the network is called with inputs and targets and returns its loss or a dict
    of losses to add up, as torchvision's detectors do in training; the outputs are then None. The
    forward pass runs in `precision`, "fp32" or "bf16", on `device`.
    """
    with machine.autocast(precision, device):
        outputs = network(inputs) if loss != "model" else network(inputs, targets)
    if loss == "model":
        value = sum(outputs.values()) if isinstance(outputs, dict) else outputs
        return value.float(), None
    if isinstance(outputs, Tensor):
        outputs = outputs.float()
    return loss(outputs, targets), outputs


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """Put `model` into evaluation mode inside the block; every part's own mode is put back after it."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def evaluate(
    model: nn.Module,
    data: object,
    *,
    loss: Loss | None = None,
    metric: str | Metric | None = "auto",
    batch_size: int | None = None,
    device: str | torch.device = "auto",
    precision: str = "auto",
) -> Evaluation:
    """Loss and metric of a network on a data set, in evaluation mode and without gradients.

    Parameters
    ----------
    model : nn.Module
        Moved to the device; each part's training or evaluation mode is as before afterwards.
    data : (inputs, targets) or datasets.Data
        As for `fit`.
    loss : function of (outputs, targets), optional
        Mean over the batch. None is cross-entropy where labels are scored by accuracy, and no
        loss elsewhere.
    metric : "auto", "accuracy", function of (outputs, targets) or None
        A function is given all outputs and targets at once (on the CPU), so it need not be a mean
        over images. "auto" is accuracy for labels and cross-entropy, else nothing.
    batch_size : int, optional
        Samples per forward pass; by default as many as 4 MB of inputs, from 16 to 1,000. It
        changes the time and memory needed, not the result.
    device, precision : as for `fit`

    Raises
    ------
    ValueError
        If `batch_size` is below 1, or the metric does not suit the targets.

    Returns
    -------
    Evaluation
        A dict with "loss", the metric under its name (accuracy in [0, 1]), for accuracy "null",
        the share of the most frequent class, and "count", the number of samples.
    """
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    device = machine.device(device)
    precision = machine.choose_precision(precision, device)
    if device.type == "cpu":
        machine.reuse_freed_memory()
    samples = Samples(data, device)
    if loss is not None or (samples.has_labels and metric in ("auto", "accuracy")):
        loss = choose_loss(loss, samples)
    scorer = choose_metric(metric, samples, loss)
    model.to(device)
    return score(model, samples, loss, scorer, precision, batch_size)


def score(
    model: nn.Module,
    samples: Samples,
    loss: str | Loss | None,
    scorer: Scorer,
    precision: str,
    batch_size: int | None = None,
) -> Evaluation:
    """`evaluate` with its arguments already checked and the model on the samples' device.

    `loss` and `scorer` are what `choose_loss` and `choose_metric` return, `precision` what
    `choose_precision` returns; `batch_size` as for `evaluate`.
    """
    if batch_size is None:
        batch_size = min(1000, max(16, 1_000_000 // samples.inputs[0].numel()))
    losses, counts, hits, collected = [], [], [], []
    with torch.no_grad(), in_eval_mode(model):
        for start in range(0, len(samples), batch_size):
            inputs, targets = samples.batch(slice(start, start + batch_size))
            with machine.autocast(precision, samples.device):
                outputs = model(inputs)
            if isinstance(outputs, Tensor):
                outputs = outputs.float()
            counts.append(len(inputs))
            if callable(loss):
                losses.append(loss(outputs, targets))
            if scorer.function is accuracy:
                hits.append(accuracy(outputs, targets))
            elif scorer.function is not None:
                collected.append((_to_cpu(outputs), _to_cpu(targets)))
    result = Evaluation()
    weights = torch.tensor(counts, dtype=torch.float64) / len(samples)
    if losses:
        result["loss"] = float(torch.stack(losses).cpu().double() @ weights)
    if hits:
        result[scorer.name] = float(torch.stack(hits).cpu().double() @ weights)
        labels = samples.targets[samples.targets >= 0]
        result["null"] = float(labels.bincount(minlength=1).max() / samples.targets.numel())
    elif collected:
        outputs, targets = (_concatenate(list(parts)) for parts in zip(*collected, strict=True))
        result[scorer.name] = float(scorer.function(outputs, targets))
    result["count"] = len(samples)
    return result


def _to_cpu(value: object) -> object:
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, dict):
        return {key: _to_cpu(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_to_cpu(entry) for entry in value)
    return value


def _concatenate(parts: list) -> object:
    """Outputs of several batches as those of one: tensors joined, lists added, tuples by entry."""
    if isinstance(parts[0], Tensor):
        return torch.cat(parts)
    if isinstance(parts[0], list):
        return [entry for part in parts for entry in part]
    if isinstance(parts[0], dict):
        return {key: _concatenate([part[key] for part in parts]) for key in parts[0]}
    if isinstance(parts[0], tuple):
        return tuple(_concatenate(list(entries)) for entries in zip(*parts, strict=True))
    raise TypeError(f"outputs of type {type(parts[0]).__name__} cannot be joined for the metric")


@contextmanager
def untouched(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Forward passes of `model` in the block leave no trace in running statistics or random numbers.

    `device` is the one whose generator is put back.
    """
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        with machine.own_random_numbers(0, device):
            yield
    finally:
        for buffer, before in buffers:
            buffer.copy_(before)


def first_loss(
    model: nn.Module,
    batch: tuple[Tensor, Targets],
    loss: str | Loss,
    precision: str,
    device: torch.device,
) -> tuple[float, object]:
    """Loss of one batch in training mode, and the outputs; the model stays as it was.

    `loss`, `precision` and `device` as for `compute_loss`.
    """
    modes = [(part, part.training) for part in model.modules()]
    set_training_mode(model)
    try:
        with torch.no_grad(), untouched(model, device):
            value, outputs = compute_loss(model, *batch, loss, precision, device)
    finally:
        for part, training in modes:
            part.training = training
    return float(value), outputs


def even_guess(outputs: object, loss: object) -> float | None:
    """Log C, the cross-entropy of an even guess over the C classes of `outputs` (N, C, ...).

    None for another `loss`.
    """
    return math.log(outputs.shape[1]) if is_cross_entropy(loss) else None


def frozen_parts(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Largest parts of `model` in evaluation mode that have parameters, none of them trainable."""
    found: list[tuple[str, nn.Module]] = []
    for name, part in model.named_modules():
        parameters = list(part.parameters())
        inside = any(name == above or name.startswith(f"{above}.") for above, _ in found)
        frozen = parameters and not any(p.requires_grad for p in parameters)
        if name and frozen and not part.training and not inside:
            found.append((name, part))
    return found


def set_training_mode(model: nn.Module) -> None:
    """Put `model` into training mode, except that frozen parts already in evaluation mode stay there.

    So a frozen trunk keeps its batch norm statistics and its dropout off if the caller called
    `eval()` on it, and updates and drops if the caller did not.
    """
    stay = [part for _, part in frozen_parts(model)]
    model.train()
    for part in stay:
        part.eval()
