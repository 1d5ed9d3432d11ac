"""Training data as tensors in memory: batches by index, in an order that only a seed decides."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from utils.arguments import integer
from utils.training.machine import mix

Targets = Tensor | list


class Samples:
    """Inputs and targets in memory, handed out as batches on a device.

    Parameters
    ----------
    data : (inputs, targets), or an object with `images` and `targets` such as `datasets.Data`
        inputs (N, ...): float, used as they are, or uint8, scaled to [0, 1] batch by batch.
        Four-dimensional inputs are NCHW and are stored channels last, which convolutions prefer.
        targets: a tensor (or array) of N labels, levels, ..., or a list of N of anything, such
        as torchvision's dicts of boxes.
    device : torch.device
        Where batches are wanted. On a GPU the whole set moves there if it fills at most a
        quarter of the free memory.
    name : str
        What error messages call it.

    Raises
    ------
    ValueError, TypeError
        If the data are empty, of different lengths or of a type that cannot be trained on.
    """

    def __init__(self, data: object, device: torch.device, name: str = "data") -> None:
        if hasattr(data, "images") and hasattr(data, "targets"):
            inputs, targets = data.images, data.targets
        elif isinstance(data, tuple | list) and len(data) == 2:
            inputs, targets = data
        else:
            raise TypeError(
                f"{name} must be a pair (inputs, targets) or come from datasets.load, "
                f"not {type(data).__name__}"
            )
        self.device = device
        self.split = getattr(getattr(data, "record", None), "split", None)
        self.inputs = _as_inputs(inputs, name)
        self.targets = _as_targets(targets)
        if len(self.inputs) == 0 or len(self.inputs) != len(self.targets):
            raise ValueError(
                f"{name} has {len(self.inputs)} inputs and {len(self.targets)} targets: "
                "there must be as many of one as of the other, and at least one"
            )
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            if self.inputs.nbytes <= free // 4:
                self.inputs = self.inputs.to(device)
        if isinstance(self.targets, Tensor):
            self.targets = self.targets.to(device)

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def has_labels(self) -> bool:
        """Whether the targets are whole-number class labels, one per input."""
        targets = self.targets
        return isinstance(targets, Tensor) and targets.dtype == torch.int64 and targets.dim() == 1

    def batch(self, indices: Tensor | slice) -> tuple[Tensor, Targets]:
        """Inputs (float) and targets of these indices, on the device."""
        if isinstance(indices, Tensor):
            indices = indices.to(self.inputs.device)
        inputs = self.inputs[indices].to(self.device, non_blocking=True)
        if inputs.dtype == torch.uint8:
            inputs = inputs.to(torch.float32).div_(255)
        if isinstance(self.targets, Tensor):
            return inputs, self.targets[indices]
        rows = range(len(self))[indices] if isinstance(indices, slice) else indices.tolist()
        return inputs, [_to_device(self.targets[row], self.device) for row in rows]

    def take(self, indices: Tensor) -> Samples:
        """The rows at `indices` as a set of their own."""
        if isinstance(self.targets, Tensor):
            targets = self.targets[indices.to(self.targets.device)]
        else:
            targets = [self.targets[row] for row in indices.tolist()]
        rows = indices.to(self.inputs.device)
        part = Samples((self.inputs[rows], targets), self.device)
        part.split = self.split
        return part

    def digest(self) -> str:
        """Short checksum of the shape, of about 64 inputs and of the targets if a tensor."""
        sample = self.inputs[:: max(1, len(self) // 64)].cpu().contiguous()
        text = hashlib.sha256(f"{tuple(self.inputs.shape)} {self.inputs.dtype}".encode())
        text.update(sample.flatten().view(torch.uint8).numpy().tobytes())
        if isinstance(self.targets, Tensor):
            text.update(self.targets.cpu().contiguous().flatten().view(torch.uint8).numpy())
        return text.hexdigest()[:16]


def _as_inputs(inputs: object, name: str) -> Tensor:
    if not isinstance(inputs, Tensor | np.ndarray):
        raise TypeError(f"the inputs of {name} must be one tensor, not {type(inputs).__name__}")
    inputs = torch.as_tensor(inputs)
    if inputs.dtype == torch.float64:
        inputs = inputs.float()
    if not (inputs.is_floating_point() or inputs.dtype == torch.uint8) or inputs.dim() < 2:
        raise ValueError(
            f"the inputs of {name} are {inputs.dtype} of shape {tuple(inputs.shape)}: allowed are "
            "floats, or uint8 in 0..255, of shape (N, ...)"
        )
    return inputs.contiguous(memory_format=_layout(inputs))


def _as_targets(targets: object) -> Targets:
    if isinstance(targets, Sequence) and targets and isinstance(targets[0], dict | tuple | Tensor):
        return list(targets)
    targets = torch.as_tensor(targets)
    if targets.dtype == torch.float64:
        return targets.float()
    whole = not (targets.is_floating_point() or targets.dtype == torch.bool)
    return targets.long() if whole else targets


def _layout(tensor: Tensor) -> torch.memory_format:
    return torch.channels_last if tensor.dim() == 4 else torch.contiguous_format


def _to_device(target: object, device: torch.device) -> object:
    if isinstance(target, dict):
        return {key: _to_device(value, device) for key, value in target.items()}
    if isinstance(target, tuple):
        return tuple(_to_device(value, device) for value in target)
    return target.to(device) if isinstance(target, Tensor) else target


def split(samples: Samples, fraction: float, seed: int) -> tuple[Samples, Samples]:
    """Training and validation part of `samples`: a random `fraction` (0 < fraction < 1) is held out.

    `seed` decides which. Raises ValueError if the fraction is out of range or leaves a part empty.
    """
    held_out = round(len(samples) * fraction)
    if not 0 < held_out < len(samples):
        raise ValueError(
            f"validation={fraction} holds {held_out} of {len(samples)} samples out: "
            "give a fraction that leaves at least one on either side"
        )
    order = epoch_order(len(samples), seed, -1)
    return samples.take(order[held_out:].sort().values), samples.take(order[:held_out])


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """Order of `count` samples in an epoch: a function of the seed and the epoch only.

    Epochs count from 0; -1 is the order in which `split` holds out. Raises TypeError for what is no
    whole number, ValueError if `count` is below 1 or `epoch` below -1.
    """
    integer("count", count, at_least=1)
    integer("epoch", epoch, at_least=-1)
    return torch.randperm(count, generator=torch.Generator().manual_seed(mix(seed, epoch + 1)))


def shares(count: int, rank: int, world: int, accumulate: int) -> list[tuple[slice, float]]:
    """Part of a batch of `count` that one process computes, in `accumulate` pieces.

    Parameters
    ----------
    count : int
        Size of the global batch, >= 1.
    rank, world : int
        This process, from 0, and the number of processes.
    accumulate : int
        Number of pieces whose gradients are added up, >= 1; pieces without samples are left out.

    Returns
    -------
    list of (slice, float)
        Rows of the global batch and the piece's weight (its share of the batch): over all
        processes and pieces the rows are the batch and the weights sum to one. A process without
        any row gets row 0 with weight 0, because every process must take part in the exchange.

    Raises
    ------
    TypeError, ValueError
        If one is no whole number, or out of range.
    """
    integer("count", count, at_least=1)
    integer("world", world, at_least=1)
    integer("accumulate", accumulate, at_least=1)
    integer("rank", rank, at_least=0)
    if rank >= world:
        raise ValueError(f"rank is {rank} of {world} processes: give 0 to {world - 1}")
    first, last = count * rank // world, count * (rank + 1) // world
    size = last - first
    edges = [first + size * piece // accumulate for piece in range(accumulate + 1)]
    pieces = [
        (slice(start, stop), (stop - start) / count)
        for start, stop in itertools.pairwise(edges)
        if start < stop
    ]
    return pieces or [(slice(0, 1), 0.0)]
