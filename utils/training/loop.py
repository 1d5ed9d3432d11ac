"""The one training loop of the course.

Stripped of its conveniences it is the loop of lecture 06::

    for epoch in range(epochs):
        order = epoch_order(len(train), seed, epoch)
        for step in range(steps):
            inputs, targets = train.batch(order[step * batch_size : (step + 1) * batch_size])
            optimizer.zero_grad()
            loss(model(inputs), targets).backward()
            optimizer.step()
            schedule.step()

`train_step` holds the middle of it, `Run` the two loops around it. Everything random in them is a
function of (seed, epoch, step), so a training can be cut at any step and go on, or be shared
between processes, and still walk the same way.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from utils.training import distributed, guards, machine, rescue
from utils.training.checkpoint import CheckpointError, Checkpoints
from utils.training.data import Samples, Targets, epoch_order, shares
from utils.training.evaluation import (
    Loss,
    Metric,
    Scorer,
    compute_loss,
    score,
    set_training_mode,
    untouched,
)
from utils.training.history import History

CHECK_EVERY = 20
"""Steps between two looks at the weights and losses (a look waits for the GPU)."""


def train_step(
    network: nn.Module,
    optimizer: Optimizer,
    inputs: Tensor,
    targets: Targets,
    *,
    loss: str | Loss,
    metric: Metric | None = None,
    precision: str = "fp32",
    pieces: list[tuple[slice, float]] | None = None,
    world: int = 1,
) -> tuple[Tensor, Tensor | None]:
    """One gradient step on one batch: forward, loss, backward, update.

    Parameters
    ----------
    network : nn.Module
        The model, or the model wrapped in DistributedDataParallel.
    inputs, targets
        The whole batch, on the network's device, at least one.
    loss, precision
        As for `evaluation.compute_loss`.
    metric : function of (outputs, targets), optional
        Measured on the same forward pass.
    pieces : list of (slice, float), optional
        Rows this process computes, piece by piece, and their weights in the mean over the batch
        (see `data.shares`); by default all rows at once.
    world : int
        Processes between which gradients are averaged. Each piece's loss is multiplied by it, so
        that the average over processes is the mean over the batch, however uneven the shares.

    Returns
    -------
    (Tensor, Tensor or None)
        This process's part of the batch's mean loss and metric, both detached scalars.

    Raises
    ------
    ValueError
        If there are not as many targets as inputs, or none, or the precision is unknown.
    """
    if not len(inputs) == len(targets) > 0:
        raise ValueError(
            f"{len(inputs)} inputs and {len(targets)} targets: give one target an input"
        )
    pieces = pieces or [(slice(0, len(inputs)), 1.0)]
    total_loss, total_metric = 0.0, None
    optimizer.zero_grad(set_to_none=True)
    for number, (rows, weight) in enumerate(pieces, start=1):
        last = number == len(pieces)
        with contextlib.nullcontext() if last else distributed.without_exchange(network):
            value, outputs = compute_loss(
                network, inputs[rows], targets[rows], loss, precision, inputs.device
            )
            (value * (weight * world)).backward()
        total_loss = total_loss + value.detach() * weight
        if metric is not None and outputs is not None:
            with torch.no_grad():
                measured = torch.as_tensor(metric(outputs, targets[rows])) * weight
            total_metric = measured if total_metric is None else total_metric + measured
    optimizer.step()
    return total_loss, total_metric


@dataclass
class Run:
    """One training: what is trained, on what, how, and how far it has come.

    `epoch` and `step` count from 0 and name the step to take next.
    """

    model: nn.Module
    train: Samples
    validation: Samples | None
    loss: str | Loss
    scorer: Scorer
    optimizer: Optimizer
    schedule: LRScheduler | None
    history: History
    team: distributed.Team
    device: torch.device
    precision: str
    seed: int
    epochs: int
    steps: int
    batch_size: int
    accumulate: int
    augment: Callable | None
    store: Checkpoints | None
    save_steps: int | None
    save_seconds: float | None
    keep: str
    epoch: int = 0
    step: int = 0
    elapsed: float = 0.0
    saved_at: float = 0.0
    best: dict[str, Tensor] | None = None
    losses: Tensor = field(init=False)
    scores: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.losses = torch.zeros(self.steps, device=self.device)
        self.scores = torch.zeros(self.steps, device=self.device)
        self.augments_targets = self.augment is not None and _arguments(self.augment) > 1

    def batch_of(self, step: int) -> Tensor:
        """Indices of the samples in a step of this epoch."""
        return self.order[step * self.batch_size : (step + 1) * self.batch_size]

    def train_all(self, progress: bool) -> None:
        """Train until the last epoch is done or Ctrl-C is pressed; `progress` shows a bar."""
        set_training_mode(self.model)
        if self.epoch < self.epochs:
            guards.check_last_batch(self.model, len(self.train), self.batch_size)
        network = self.team.wrap(self.model, self.device)
        good = rescue.LastGoodWeights(self.model)
        bar = _progress_bar(self, progress and self.team.is_main)
        failed = None
        with bar, rescue.Interrupt(active=self.team.world == 1) as interrupt:
            try:
                while self.epoch < self.epochs and not interrupt.requested:
                    self._train_epoch(network, good, interrupt, bar)
            except KeyboardInterrupt:
                if self.team.world > 1:
                    raise
                interrupt.cut()
            except (RuntimeError, MemoryError) as error:
                if not rescue.is_out_of_memory(error):
                    raise
                failed = str(error).partition("\n")[0]
        if failed is not None:  # outside `except`, where no traceback holds on to the tensors
            raise self._out_of_memory(failed)
        self.history.interrupted = interrupt.requested and self.epoch < self.epochs
        if self.history.interrupted:
            self._close_interrupted(interrupt)
        elif self.keep == "best" and self.epochs:
            self._load_best()
        self.model.eval()

    def _train_epoch(
        self,
        network: nn.Module,
        good: rescue.LastGoodWeights,
        interrupt: rescue.Interrupt,
        bar: contextlib.AbstractContextManager,
    ) -> None:
        """Train from the current step to the end of the epoch, then score and save."""
        started = time.monotonic() - self.elapsed
        self.order = epoch_order(len(self.train), self.seed, self.epoch)
        set_training_mode(self.model)
        while self.step < self.steps:
            self.history.step_lr.append(self.optimizer.param_groups[0]["lr"])
            self._train_batch(network, self.batch_of(self.step))
            self.step += 1
            bar.update(1)
            if self.step % CHECK_EVERY == 0 or self.step == self.steps:
                self._check_finite(good, bar)
            self.elapsed = time.monotonic() - started
            if self.step < self.steps:
                if self._save_is_due():
                    self.save()
                if interrupt.requested:
                    return
        self._close_epoch(started)
        self.save()

    def _train_batch(self, network: nn.Module, batch: Tensor) -> None:
        inputs, targets = self.train.batch(batch)
        if self.augment is not None:
            machine.seed_torch(machine.mix(self.seed, self.epoch, self.step), self.device)
            if self.augments_targets:
                inputs, targets = self.augment(inputs, targets)
            else:
                inputs = self.augment(inputs)
        own = machine.mix(self.seed, self.epoch, self.step, self.team.rank)
        machine.seed_torch(own, self.device)
        value, measured = train_step(
            network,
            self.optimizer,
            inputs,
            targets,
            loss=self.loss,
            metric=self.scorer.function,
            precision=self.precision,
            pieces=shares(len(batch), self.team.rank, self.team.world, self.accumulate),
            world=self.team.world,
        )
        if self.schedule is not None:
            self.schedule.step()
        self.losses[self.step] = value
        if measured is not None:
            self.scores[self.step] = measured

    def _check_finite(self, good: rescue.LastGoodWeights, bar) -> None:
        """Remember the weights if all is finite; put the remembered ones back if not."""
        losses = self.losses[: self.step]
        healthy = bool(losses.isfinite().all()) and good.are_finite()
        if not self.team.any(not healthy, self.device):
            good.remember(f"epoch {self.epoch + 1}, step {self.step}")
            bar.set_postfix(loss=f"{float(losses[-1]):.3f}", refresh=False)
            return
        losses = self.team.total(losses.clone())
        good.restore()
        self.model.eval()
        error = rescue.non_finite_loss(
            losses, self.epoch + 1, self.order, self.batch_size, self.train, good.when
        )
        self.history.step_loss.extend(losses[: error.step - 1].tolist())
        del self.history.step_lr[len(self.history.step_loss) :]
        error.history = self.history
        raise error

    def _close_epoch(self, started: float) -> None:
        """Score the validation data, write the epoch into the history, keep the best weights."""
        losses, scores = self.team.total(torch.stack([self.losses, self.scores])).cpu().double()
        sizes = torch.full((self.steps,), float(self.batch_size), dtype=torch.float64)
        sizes[-1] = len(self.train) - (self.steps - 1) * self.batch_size
        weights = sizes / len(self.train)
        result = {}
        if self.validation is not None:
            scored = score(self.model, self.validation, self.loss, self.scorer, self.precision)
            result = self.team.from_main(scored)
        history = self.history
        history.train_loss.append(float(losses @ weights))
        history.step_loss.extend(losses.tolist())
        history.lr.append(history.step_lr[-1])
        if self.scorer.function is not None and self.loss != "model":
            history.train_metric.append(float(scores @ weights))
        if "loss" in result:
            history.validation_loss.append(result["loss"])
        if self.scorer.name in result:
            history.validation_metric.append(result[self.scorer.name])
        self.elapsed = time.monotonic() - started
        history.seconds.append(self.elapsed)
        self.epoch, self.step, self.elapsed = self.epoch + 1, 0, 0.0
        if history.best_epoch == self.epoch:
            self._keep_best()

    def _keep_best(self) -> None:
        state = self.model.state_dict()
        if self.keep == "best":
            self.best = {name: tensor.detach().clone() for name, tensor in state.items()}
        if self.store is not None and self.team.is_main:
            self.store.save_best(
                {"model": state, "epoch": self.epoch, "history": self.history.as_dict()}
            )

    def _load_best(self) -> None:
        if self.best is None:
            raise CheckpointError(
                f"the best weights, of epoch {self.history.best_epoch}, are no longer in the "
                "checkpoint folder: the model has those of the last epoch"
            )
        self.model.load_state_dict(self.best)

    def _save_is_due(self) -> bool:
        if self.store is None:
            return False
        by_steps = self.save_steps is not None and self.step % self.save_steps == 0
        passed = time.monotonic() - self.saved_at
        return by_steps or (self.save_seconds is not None and passed >= self.save_seconds)

    def save(self) -> None:
        """Write the last checkpoint, unless the weights have gone bad since the last check."""
        if self.store is None or not self.team.is_main:
            return
        weights = [p.detach() for p in self.model.parameters()]
        if not nn.utils.get_total_norm(weights).isfinite():
            return
        self.store.save(
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": None if self.schedule is None else _plain(self.schedule.state_dict()),
                "random": machine.random_state(self.device),
                "epoch": self.epoch,
                "step": self.step,
                "losses": self.losses[: self.step].clone(),
                "scores": self.scores[: self.step].clone(),
                "elapsed": self.elapsed,
                "history": self.history.as_dict(),
            }
        )
        self.saved_at = time.monotonic()

    def restore(self, resume: bool) -> bool:
        """Go on from the checkpoint if `resume` is set; returns whether there was one."""
        if self.store is None:
            return False
        state = None
        if self.team.is_main:
            if resume:
                state = self.store.load()
            else:
                self.store.clear()
        state = self.team.from_main(state)
        if state is None:
            return False
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        machine.set_random_state(state["random"], self.device)
        self.epoch, self.step, self.elapsed = state["epoch"], state["step"], state["elapsed"]
        self.losses[: self.step] = state["losses"].to(self.device)
        self.scores[: self.step] = state["scores"].to(self.device)
        self.history = History.from_dict(state["history"])
        self.saved_at = time.monotonic()
        if self.keep == "best" and self.history.best_epoch is not None:
            best = self.store.load_best()
            self.best = None if best is None else best["model"]
        return True

    def _close_interrupted(self, interrupt: rescue.Interrupt) -> None:
        """Keep what an unfinished epoch brought: a checkpoint at a step's end, and its losses."""
        if interrupt.between_steps:
            self.save()
        self.history.step_loss.extend(self.losses[: self.step].tolist())
        del self.history.step_lr[len(self.history.step_loss) :]

    def _out_of_memory(self, reason: str) -> rescue.TrainingOutOfMemoryError:
        """Find out which batch size does fit, without a trace in the model."""
        batch = self.batch_of(self.step)
        share = -(-len(batch) // self.team.world)
        piece = -(-share // self.accumulate)

        def attempt(count: int) -> None:
            state = () if self.optimizer.state else (torch.zeros_like, torch.zeros_like)
            spare = [make(p) for p in self.model.parameters() for make in state]
            try:
                with untouched(self.model, self.device):
                    inputs, targets = self.train.batch(batch[:count])
                    arguments = (self.loss, self.precision, self.device)
                    compute_loss(self.model, inputs, targets, *arguments)[0].backward()
            finally:
                del spare
                self.optimizer.zero_grad(set_to_none=True)

        self.optimizer.zero_grad(set_to_none=True)
        fits = None
        if self.team.world == 1:  # a trial by one process would leave the others waiting
            fits = rescue.largest_that_fits(attempt, piece)
        self.model.eval()
        return rescue.out_of_memory(self.batch_size, piece, share, fits, reason)


def _arguments(function: Callable) -> int:
    """Number of arguments a function needs (a module's or a transform's *inputs count as one)."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is p.empty for p in parameters)


def _plain(state: dict) -> dict:
    """A schedule's state without what cannot be stored as plain values (its functions)."""

    def is_plain(value: object) -> bool:
        if isinstance(value, list | tuple):
            return all(is_plain(entry) for entry in value)
        if isinstance(value, dict):
            return all(is_plain(entry) for entry in value.values())
        return isinstance(value, int | float | str | bool | None)

    return {key: value for key, value in state.items() if is_plain(value)}


def _progress_bar(run: Run, wanted: bool):
    """Bar over all steps on a terminal or in a notebook, else one that shows nothing."""
    from tqdm import tqdm

    options = {} if wanted and (sys.stderr.isatty() or _in_notebook()) else {"disable": True}
    return tqdm(
        total=run.epochs * run.steps,
        initial=run.epoch * run.steps + run.step,
        unit="step",
        mininterval=0.5,
        leave=False,
        dynamic_ncols=sys.stderr.isatty(),
        **options,
    )


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"
