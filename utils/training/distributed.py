"""Several processes train one network: what `torchrun` starts, `fit` joins.

`torchrun --nproc-per-node 2 script.py` runs the same script twice and tells each process its rank
through the environment. `fit` needs no other code for it: each process computes its share of every
batch, and DistributedDataParallel averages the gradients before each update.
"""

from __future__ import annotations

import atexit
import contextlib
import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from utils.training import machine


@dataclass(frozen=True)
class Team:
    """The processes of one training: this one's rank, and how many there are."""

    rank: int = 0
    world: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process prints and writes checkpoints."""
        return self.rank == 0

    def total(self, tensor: Tensor) -> Tensor:
        """Sum of a tensor over the processes (in place)."""
        if self.world > 1:
            dist.all_reduce(tensor)
        return tensor

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in any process; `device` is where they exchange it."""
        if self.world == 1:
            return flag
        return bool(self.total(torch.tensor(float(flag), device=device)))

    def from_main(self, value: object) -> object:
        """The main process's value, in every process."""
        if self.world == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def wrap(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model on its `device`, or the model with its gradients averaged over the processes."""
        if self.world == 1:
            return model
        ids = [device.index] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(model, device_ids=ids)


def join(device: str | torch.device) -> tuple[Team, torch.device]:
    """Join the processes torchrun started, if it did, and choose this one's device."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1 and not dist.is_initialized():
        return Team(), machine.device(device)
    chosen = machine.device(device)
    if chosen.type == "cuda" and chosen.index is None:
        chosen = machine.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
        torch.cuda.set_device(chosen)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
        atexit.register(_leave)
    return Team(dist.get_rank(), dist.get_world_size()), chosen


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def without_exchange(network: nn.Module) -> contextlib.AbstractContextManager:
    """Context in which a backward pass of `network` only adds to the gradients of this process."""
    return network.no_sync() if hasattr(network, "no_sync") else contextlib.nullcontext()
