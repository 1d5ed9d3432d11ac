"""The ladder to climb before a long training (after the advice of Stanford's CS231n).

First the loss before any step is what chance gives (`initial_loss`), then a single batch can be
learned by heart (`overfit_batch`), and only then is it worth while to train on everything.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import nn

from utils.arguments import integer
from utils.training import machine
from utils.training.data import Samples
from utils.training.evaluation import Loss, choose_loss, even_guess, first_loss
from utils.training.fitting import fit
from utils.training.history import History


class InitialLoss(NamedTuple):
    """Loss before training, and what an even guess over the classes would give (or None)."""

    loss: float
    expected: float | None


def initial_loss(
    model: nn.Module,
    data: object,
    *,
    loss: Loss | None = None,
    count: int = 256,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> InitialLoss:
    """Loss of a network before its first step; with C classes it should be near log C.

    Parameters
    ----------
    model : nn.Module
        Run in training mode, in which a fresh network's batch norm normalises; running statistics,
        modes and random numbers are as before afterwards.
    data : (inputs, targets) or datasets.Data
        As for `fit`.
    loss : function of (outputs, targets), optional
        None is cross-entropy, for labels.
    count : int
        How many samples to use (all, if there are fewer), chosen at random by `seed`, at least 1.

    Returns
    -------
    InitialLoss
        (loss, expected): expected is log C for cross-entropy, else None. Much more than expected
        says that the first weights are too large or the inputs not normalised; much less, that
        the network has seen the labels.

    Raises
    ------
    TypeError, ValueError
        If `count` is no whole number or below 1, or as for `fit`.
    """
    integer("count", count, at_least=1)
    device = machine.device(device)
    samples = Samples(data, device)
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))
    model.to(device)
    loss = choose_loss(loss, samples)
    value, outputs = first_loss(model, samples.batch(order[:count]), loss, "fp32", device)
    return InitialLoss(value, even_guess(outputs, loss))


def overfit_batch(
    model: nn.Module,
    data: object,
    *,
    loss: Loss | None = None,
    count: int = 64,
    steps: int = 200,
    optimizer: str = "adamw",
    lr: float | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> History:
    """Learn one small batch by heart, on a copy of the network: a bug is the reason if it cannot.

    Parameters
    ----------
    model : nn.Module
        Left as it is.
    data : (inputs, targets) or datasets.Data
        Its first `count` samples are the batch.
    loss : function of (outputs, targets), optional
        None is cross-entropy, for labels.
    count, steps : int
        Samples in the batch, and steps to take on it, at a constant rate without weight decay;
        both at least 1.
    optimizer, lr, seed, device : as for `fit`

    Returns
    -------
    History
        One epoch per step; `train_loss[-1]` should be near 0 and `train_metric[-1]` near 1.

    Raises
    ------
    TypeError, ValueError
        If `count` or `steps` is no whole number or below 1, or as for `fit`.
    """
    integer("count", count, at_least=1)
    integer("steps", steps, at_least=1)
    samples = Samples(data, machine.device(device))
    inputs, targets = samples.batch(slice(0, count))
    return fit(
        copy.deepcopy(model),
        (inputs, targets),
        loss=loss,
        epochs=steps,
        batch_size=len(inputs),
        optimizer=optimizer,
        lr=lr,
        weight_decay=0.0,
        schedule="constant",
        seed=seed,
        device=device,
        guards=False,
        progress=False,
    )
