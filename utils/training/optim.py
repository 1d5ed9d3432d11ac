"""Optimizers and learning rate schedules by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from utils.arguments import integer

OptimizerChoice = str | Optimizer | Callable[[list[nn.Parameter]], Optimizer]
ScheduleChoice = str | LRScheduler | None | Callable[[Optimizer, int], LRScheduler]

DEFAULTS = {"adamw": (3e-3, 0.01), "adam": (3e-3, 0.0), "sgd": (0.1, 5e-4)}
"""Learning rate and weight decay of each named optimizer if none are given."""

SCHEDULES = ("one-cycle", "cosine", "step", "constant")


def build_optimizer(
    choice: OptimizerChoice,
    model: nn.Module,
    lr: float | None,
    weight_decay: float | None,
    device: torch.device,
) -> Optimizer:
    """Optimizer over the trainable parameters of a model.

    Parameters
    ----------
    choice : "adamw", "adam", "sgd", a function of the list of parameters, or an Optimizer
        "sgd" has Nesterov momentum 0.9.
    lr, weight_decay : float or None
        For the named ones; None takes `DEFAULTS`.
    device : torch.device
        Where the parameters lie: on a GPU the fused form is taken.

    Raises
    ------
    ValueError
        If the name is unknown, or a rate or decay is given that the optimizer would not use.
    """
    if not isinstance(choice, str):
        unused = [k for k, v in (("lr", lr), ("weight_decay", weight_decay)) if v is not None]
        if unused:
            raise ValueError(
                f"{' and '.join(unused)} would not be used: the optimizer you built has its own. "
                'Set it there, or name the optimizer ("adamw", "adam", "sgd")'
            )
        if isinstance(choice, Optimizer):
            return choice
        return choice([p for p in model.parameters() if p.requires_grad])
    if choice not in DEFAULTS:
        raise ValueError(
            f"optimizer must be one of {', '.join(DEFAULTS)}, a function of the parameters or an "
            f"Optimizer, not {choice!r}"
        )
    default_lr, default_decay = DEFAULTS[choice]
    lr = default_lr if lr is None else lr
    decay = default_decay if weight_decay is None else weight_decay
    if not lr > 0 or decay < 0:
        raise ValueError(f"lr must be > 0 and weight_decay >= 0, not {lr} and {decay}")
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError("the model has no trainable parameter: nothing to fit")
    options = {"lr": lr, "weight_decay": decay, "fused": device.type in ("cpu", "cuda")}
    if choice == "adamw":
        return torch.optim.AdamW(parameters, **options)
    if choice == "adam":
        return torch.optim.Adam(parameters, **options)
    return torch.optim.SGD(parameters, momentum=0.9, nesterov=True, **options)


def build_schedule(choice: ScheduleChoice, optimizer: Optimizer, steps: int) -> LRScheduler | None:
    """Schedule of the learning rate, to be stepped after each of `steps` gradient steps.

    Parameters
    ----------
    choice : "one-cycle", "cosine", "step", "constant", None, a function, or an LRScheduler
        The peak is the optimizer's rate. "one-cycle" rises to it over the first fifth of the
        steps and falls to nearly nothing, while momentum (or Adam's first beta) falls from 0.95
        to 0.85 and rises again (Smith and Topin, 2017, arXiv:1708.07120); "cosine" only falls; "step" divides by ten after half and after three
        quarters (as He et al., 2016, section 4.2); a function is called with the optimizer and the
        number of steps. None is "constant".
    optimizer : Optimizer
        Whose rate it steers.
    steps : int
        At least 1.

    Raises
    ------
    TypeError, ValueError
        If the name is unknown, `steps` is no whole number or below 1, or the schedule waits for a
        score as ReduceLROnPlateau does.
    """
    integer("steps", steps, at_least=1)
    if choice is None or choice == "constant":
        return None
    if isinstance(choice, str):
        if choice == "one-cycle":
            peaks = [group["lr"] for group in optimizer.param_groups]
            momentum = "betas" in optimizer.defaults or optimizer.defaults.get("momentum", 0) > 0
            rise = 0.2 if steps != 4 else 0.3  # a fifth of five points: PyTorch divides by zero
            return lr_scheduler.OneCycleLR(
                optimizer, peaks, total_steps=steps + 1, pct_start=rise, cycle_momentum=momentum
            )
        if choice == "cosine":
            return lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
        if choice == "step":
            return lr_scheduler.MultiStepLR(optimizer, [steps // 2, steps * 3 // 4])
        raise ValueError(
            f"schedule must be one of {', '.join(SCHEDULES)}, a function of (optimizer, steps) or "
            f"an LRScheduler, not {choice!r}"
        )
    schedule = choice if isinstance(choice, LRScheduler) else choice(optimizer, steps)
    if isinstance(schedule, lr_scheduler.ReduceLROnPlateau):
        raise ValueError(
            "ReduceLROnPlateau waits for a score, and fit steps the schedule after every gradient "
            f"step: use one of {', '.join(SCHEDULES)} or another LRScheduler"
        )
    return schedule


def describe(thing: object) -> str:
    """Name of `thing`, a loss, optimizer, schedule or augmentation, the same in every run."""
    if isinstance(thing, Optimizer):
        rates = {group["lr"] for group in thing.param_groups}
        decays = {group.get("weight_decay", 0.0) for group in thing.param_groups}
        listed = [", ".join(f"{value:g}" for value in sorted(values)) for values in (rates, decays)]
        return f"{type(thing).__name__}(lr {listed[0]}, weight decay {listed[1]})"
    if isinstance(thing, str | None):
        return str(thing)
    if isinstance(thing, nn.Module):
        return repr(thing)
    return getattr(thing, "__qualname__", type(thing).__qualname__)
