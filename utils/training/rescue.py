"""What happens when a training goes wrong: Ctrl-C, a loss that is not a number, too little memory."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from utils.arguments import integer
from utils.training.data import Samples
from utils.training.history import History


class TrainingWarning(UserWarning):
    """The training can go on, but is probably not what was meant."""


def warn(message: str) -> None:
    """Warn with `message` at the first line outside this package: the one that called `fit`."""
    level, frame = 1, sys._getframe()
    while frame is not None and Path(frame.f_code.co_filename).parent == Path(__file__).parent:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, TrainingWarning, stacklevel=level)


class NonFiniteLossError(FloatingPointError):
    """The loss or the weights became infinite or NaN.

    Attributes
    ----------
    history : History
        Everything up to the last step with a finite loss.
    epoch, step : int
        Where it happened, counted from 1.
    indices : Tensor
        Rows of the training data that were in the batch.
    """

    history: History
    epoch: int
    step: int
    indices: Tensor


class TrainingOutOfMemoryError(MemoryError):
    """A batch does not fit into memory; the message says what does."""


class Interrupt:
    """Ctrl-C inside the block is remembered, so that a step is never left half done.

    A second Ctrl-C interrupts at once. Outside the main thread, where signals cannot be caught,
    and where Ctrl-C is ignored (in the background of a shell), or if not `active`, nothing changes.
    """

    def __init__(self, active: bool) -> None:
        in_main_thread = threading.current_thread() is threading.main_thread()
        ignored = signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None)
        self.active = active and in_main_thread and not ignored
        self.requested = False
        self.between_steps = True

    def __enter__(self) -> Interrupt:
        if self.active:
            self._before = signal.signal(signal.SIGINT, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        if self.active:
            signal.signal(signal.SIGINT, self._before)

    def _request(self, *_: object) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def cut(self) -> None:
        """Note that a step may have been left half done."""
        self.requested, self.between_steps = True, False


class LastGoodWeights:
    """A copy of the weights of `model` from when they were last seen to be finite."""

    def __init__(self, model: nn.Module) -> None:
        self.weights = [p.detach() for p in model.parameters()]
        self.live = self.weights + list(model.buffers())
        self.copy = [tensor.clone() for tensor in self.live]
        self.when = "before the first step of this run"

    def are_finite(self) -> bool:
        """Whether all weights are finite now."""
        return bool(nn.utils.get_total_norm(self.weights).isfinite())

    def remember(self, when: str) -> None:
        """Copy the weights as they are; `when` says where in the training that is."""
        torch._foreach_copy_(self.copy, self.live)
        self.when = when

    def restore(self) -> None:
        """Put the copy back."""
        torch._foreach_copy_(self.live, self.copy)


def non_finite_loss(
    losses: Tensor, epoch: int, order: Tensor, batch_size: int, train: Samples, good: str
) -> NonFiniteLossError:
    """Error that names the first step of an epoch with a bad loss, and its batch.

    Parameters
    ----------
    losses : Tensor
        Losses of the epoch's steps so far; if all are finite, the last update spoilt the weights.
    epoch : int
        Counted from 1.
    order : Tensor
        Order of the samples in this epoch.
    batch_size : int
        Samples of a step.
    train : Samples
        What is learned from: the error shows the range of the batch's inputs.
    good : str
        When the weights were last seen to be finite; the model has them again.
    """
    bad = (~losses.isfinite()).nonzero()
    step = int(bad[0]) if len(bad) else len(losses) - 1
    indices = order[step * batch_size : (step + 1) * batch_size]
    inputs, _ = train.batch(indices)
    dirty = indices[~inputs.flatten(1).isfinite().all(dim=1).cpu()].tolist()
    what = f"the loss became {float(losses[step])}" if len(bad) else "the weights became infinite"
    shown = ", ".join(str(index) for index in indices[:5].tolist())
    rest = f" and {len(indices) - 5} more" if len(indices) > 5 else ""
    if dirty:
        advice = f"The inputs of samples {dirty[:5]} are themselves not finite: clean the data"
    else:
        advice = "The inputs are finite: try a lower lr, and look for log(0) or 0/0 in the loss"
    error = NonFiniteLossError(
        f"{what} at epoch {epoch}, step {step + 1}, on the batch of samples {shown}{rest}. "
        f"{advice}. The model has its last good weights again, those of {good}"
    )
    error.epoch, error.step, error.indices = epoch, step + 1, indices
    return error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory could not be had, on any device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    texts = ("out of memory", "can't allocate memory", "not enough memory", "failed to allocate")
    return any(text in str(error).lower() for text in texts)


def largest_that_fits(attempt: Callable[[int], None], size: int) -> int | None:
    """Largest of size/2, size/4, ... for which `attempt(n)` does not run out of memory; None if none.

    Raises TypeError if `size` is no whole number, ValueError if it is below 1.
    """
    integer("size", size, at_least=1)
    while size > 1:
        size //= 2
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            attempt(size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                return None
            continue
        return size
    return None


def out_of_memory(
    batch_size: int, piece: int, share: int, fits: int | None, reason: str
) -> TrainingOutOfMemoryError:
    """Error that says which batch size to take.

    Parameters
    ----------
    batch_size : int
        What did not fit.
    piece, share : int
        Samples computed at once, and samples of a batch this process computes.
    fits : int or None
        Samples that were found to fit at once; None if that was not tried or none did.
    reason : str
        What the device said.
    """
    samples = fits or max(1, piece // 2)
    tried = "just tried: it fits" if fits else "half of what did not fit"
    return TrainingOutOfMemoryError(
        f"a step on {piece} samples at once does not fit into memory ({reason}). Take "
        f"batch_size={max(1, batch_size * samples // piece)} ({tried}), or keep "
        f"batch_size={batch_size} with accumulate={-(-share // samples)} for the same gradient in "
        "less memory"
    )
