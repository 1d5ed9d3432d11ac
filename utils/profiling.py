"""What a network costs beside its parameters and multiply-adds.

Four figures. Two are read off the network on torch's meta device, where tensors have shapes and no
memory: how many layers of weights lie on its longest path and how far its last maps see (`reach`),
and how many bytes training keeps for the way back (`activation_memory`). Two are measured, in a
process of its own for each network, so that none finds the memory or the caches of another: the
time of a forward pass and the largest memory (`measure`).

Networks are named ``"module:name"``, because a name can be sent to another process: ``build``
makes them.
"""

from __future__ import annotations

import copy
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import utils

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["Cost", "ProfilingError", "Reach", "activation_memory", "build", "measure", "reach"]

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class ProfilingError(RuntimeError):
    """The process that should measure a network failed."""


# --- building ---------------------------------------------------------------------------------


def build(network: str, *, device: str = "meta", **options: Any) -> nn.Module:
    """Build a network by its name, in evaluation mode.

    Parameters
    ----------
    network : str
        ``"torchvision.models:resnet18"``, ``"utils.models:ENet"``, or ``"timm:inception_v4"``,
        which asks `timm.create_model`.
    device : str
        "meta" (default) allocates nothing: enough for counting.
    **options
        What the builder takes, such as ``aux_logits=False``.

    Returns
    -------
    torch.nn.Module
        With random weights; nothing is fetched.

    Raises
    ------
    ValueError
        If the name is not ``"module:name"`` or there is no such network.

    Examples
    --------
    >>> sum(p.numel() for p in build("utils.models:ENet").encoder.parameters())
    338156
    """
    import torch

    module, separator, name = network.partition(":")
    if not (module and separator and name):
        raise ValueError(f'{network!r} names no network: write "module:name", as "timm:resnet18"')
    try:
        home = importlib.import_module(module)
        if module == "timm":
            builder, arguments = home.create_model, (name,)
        else:
            builder, arguments = getattr(home, name), ()
    except (ImportError, AttributeError) as error:
        raise ValueError(f"there is no network {network!r}: {error}") from None
    with torch.device(device):
        return builder(*arguments, **options).eval()


def _ghost(model: nn.Module) -> nn.Module:
    """Return a copy on the meta device; the model's numbers are not copied."""
    from torch import nn

    memo: dict[int, Any] = {}
    for parameter in model.parameters():
        memo[id(parameter)] = nn.Parameter(parameter.detach().to("meta"))
    for buffer in model.buffers():
        memo[id(buffer)] = buffer.to("meta")
    return copy.deepcopy(model, memo)


# --- depth and receptive field ----------------------------------------------------------------


@dataclass(frozen=True)
class Reach:
    """How deep a network is and how far it sees.

    Attributes
    ----------
    depth : int
        Convolutions and dense layers on the path that has most of them.
    field : int
        Side, in pixels, of what one unit of the last maps can depend on, before these maps are
        averaged or flattened. It may be larger than the image.
    jump : int
        By how many pixels that field moves from a unit to its neighbour.
    """

    depth: int
    field: int
    jump: int


@dataclass(frozen=True)
class _Seen:
    """What is known of one tensor; no field where it depends on the whole image."""

    depth: int = 0
    field: tuple[int, int] | None = (1, 1)
    jump: tuple[int, int] = (1, 1)


def reach(model: nn.Module, input_shape: Sequence[int]) -> Reach:
    """Longest path and receptive field of a network, by following one forward pass.

    Every tensor of the pass knows how many layers of weights lie behind it and how far it sees.
    Where paths meet, the larger figure counts. Squeeze-and-excitation and other averages over
    all places see the whole image; their way around is followed for the depth, not for the field.

    Parameters
    ----------
    model : torch.nn.Module
        On any device; it runs as a copy on the meta device, in evaluation mode.
    input_shape : sequence of int
        (C, H, W) of one image.

    Returns
    -------
    Reach

    Raises
    ------
    ValueError
        If the network has no convolution or pooling that looks at the image.

    Notes
    -----
    The recursion is that of `utils.arithmetic.receptive_field`, along both axes; the longer side
    is returned.

    Examples
    --------
    >>> reach(build("torchvision.models:vgg16"), (3, 224, 224))
    Reach(depth=16, field=212, jump=32)
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    seen: dict[int, tuple[torch.Tensor, _Seen]] = {}
    widest: list[_Seen] = []

    class Follow(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            behind = [seen[id(t)][1] for t in _tensors((args, kwargs or {})) if id(t) in seen]
            if behind:
                name = func.overloadpacket.__name__
                state = _after(name, args, _merged(behind), out)
                for tensor in _tensors(out):
                    seen[id(tensor)] = (tensor, state)
                if name in _LOOKING and state.field:
                    widest[:] = [max([state, *widest], key=lambda one: max(one.field))]
            return out

    network = _ghost(model).eval()
    image = torch.empty((1, *input_shape), device="meta")
    with torch.no_grad(), Follow():
        seen[id(image)] = (image, _Seen())
        out = network(image)
    if not widest:
        raise ValueError(
            f"{type(model).__name__} has no convolution or pooling: it has no receptive field"
        )
    depth = max(seen[id(tensor)][1].depth for tensor in _tensors(out) if id(tensor) in seen)
    return Reach(depth, max(widest[0].field), max(widest[0].jump))


_LOOKING = ("convolution", "max_pool2d_with_indices", "max_pool2d", "avg_pool2d")
"""Operations of torch that look at neighbours."""


def _tensors(value: Any) -> list[torch.Tensor]:
    import torch
    from torch.utils._pytree import tree_leaves

    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor)]


def _merged(states: Sequence[_Seen]) -> _Seen:
    depth = max(state.depth for state in states)
    local = [state for state in states if state.field]
    if not local:
        return _Seen(depth, None)
    fields, jumps = [s.field for s in local], [s.jump for s in local]
    return _Seen(depth, _largest(fields), _largest(jumps))


def _largest(pairs: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return max(high for high, _ in pairs), max(wide for _, wide in pairs)


def _after(name: str, args: Sequence[Any], state: _Seen, out: Any) -> _Seen:
    """State of the result of one of torch's operations."""
    if name in ("addmm", "mm", "bmm", "linear"):
        return _Seen(state.depth + 1, None)
    if name == "convolution":
        depth, (stride, _, dilation) = state.depth + 1, args[3:6]
        return _wider(_Seen(depth, state.field, state.jump), args[1].shape[2:], stride, dilation)
    if name in _LOOKING:
        kernel = args[1]
        stride = args[2] if len(args) > 2 and args[2] else kernel
        return _wider(state, kernel, stride, (1, 1))
    if name in ("mean", "_adaptive_avg_pool2d", "adaptive_avg_pool2d"):
        before, after = args[0].shape, out.shape
        if name == "mean":
            spatial = len(before) == 4 and {d % 4 for d in args[1]} >= {2, 3}
            return _Seen(state.depth, None) if spatial else state
        if tuple(after[2:]) == (1, 1):
            return _Seen(state.depth, None)
        kernel = [-(-b // a) for b, a in zip(before[2:], after[2:], strict=True)]
        stride = [b // a for b, a in zip(before[2:], after[2:], strict=True)]
        return _wider(state, kernel, stride, (1, 1))
    return state


def _wider(state: _Seen, kernel: Any, stride: Any, dilation: Any) -> _Seen:
    if state.field is None:
        return state
    field, jump = [], []
    for axis in (0, 1):  # where one number stands for both axes, it is the last
        k, s, d = (numbers[min(axis, len(numbers) - 1)] for numbers in (kernel, stride, dilation))
        field.append(state.field[axis] + d * (k - 1) * state.jump[axis])
        jump.append(state.jump[axis] * s)
    return _Seen(state.depth, tuple(field), tuple(jump))


# --- memory of training -----------------------------------------------------------------------


def activation_memory(model: nn.Module, input_shape: Sequence[int]) -> int:
    """Bytes that one more image keeps in memory from the forward pass until the way back.

    What autograd stores is counted, each block of memory once: layers that work in place share
    theirs, a ReLU keeps its output, a convolution its input. Parameters are not in it.

    Parameters
    ----------
    model : torch.nn.Module
        On any device; it runs as a copy on the meta device, in training mode.
    input_shape : sequence of int
        (C, H, W) of one image.

    Returns
    -------
    int
        In float32; the image itself is counted where a layer stores it.

    Examples
    --------
    A convolution keeps its input, a ReLU its output:

    >>> from torch import nn
    >>> activation_memory(nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU()), (3, 10, 10))
    4400
    """
    network = _ghost(model).train()
    few, more = (_kept(network, (images, *input_shape)) for images in (2, 3))
    return more - few  # what belongs to the batch as a whole does not count


def _kept(network: nn.Module, shape: tuple[int, ...]) -> int:
    import torch
    from torch.autograd.graph import saved_tensors_hooks

    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    blocks: dict[int, Any] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            blocks[storage._cdata] = storage  # held, so that no other block gets its number
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        network(torch.empty(shape, device="meta"))
    return sum(storage.nbytes() for storage in blocks.values())


# --- time and memory of a forward pass --------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """What a forward pass cost, on one thread of this machine.

    Attributes
    ----------
    latency : float
        Median time of a pass of the whole batch, in seconds on the clock.
    processor : float
        Median of the processor's seconds. On an idle machine it equals the latency; where other
        programs take turns on the core, the latency is longer.
    peak_bytes : int
        Largest memory of the process less what it held before the network was built.
    weight_bytes : int
        Of the parameters and buffers.
    passes : int
        How many were timed, after the warm-up.
    """

    latency: float
    processor: float
    peak_bytes: int
    weight_bytes: int
    passes: int


def measure(
    network: str,
    input_shape: Sequence[int],
    *,
    batch: int = 1,
    passes: int = 5,
    seconds: float = 0.5,
    limit: float = 600.0,
    **options: Any,
) -> Cost:
    """Time and memory of a network's forward pass, in a fresh process of one thread.

    Parameters
    ----------
    network : str
        As `build` takes it.
    input_shape : sequence of int
        (C, H, W) of one image.
    batch : int
        Images a pass, at least 1.
    passes, seconds : int, float
        As many passes are timed, and more until so many seconds are over (up to 50). Two more
        go before, or one of a large batch, to warm up.
    limit : float
        Seconds after which the process is stopped.
    **options
        What the network's builder takes.

    Returns
    -------
    Cost

    Raises
    ------
    ValueError
        If `batch` or `passes` is less than 1.
    ProfilingError
        If the process fails or takes too long; the message says why.

    Notes
    -----
    The weights are constants, 1 / fan-in. What a dense arithmetic unit multiplies makes no
    difference to its time, as long as no number is denormal. The largest memory is the kernel's
    own record (VmHWM) on Linux, and the system's equivalent elsewhere.
    """
    if batch < 1 or passes < 1:
        raise ValueError(f"got batch={batch}, passes={passes}: both must be at least 1")
    order = {
        "network": network,
        "input_shape": list(input_shape),
        "batch": batch,
        "passes": passes,
        "seconds": seconds,
        "options": options,
    }
    environment = os.environ | dict.fromkeys(_ONE_THREAD, "1")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "utils.profiling"],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            cwd=utils.ROOT,
            env=environment,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        raise ProfilingError(
            f"{network} took more than {limit:g} s: raise limit, or ask for fewer passes"
        ) from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise ProfilingError(f"{network} could not be measured: {last}")
    return Cost(**json.loads(done.stdout.strip().splitlines()[-1]))


def _measure_here(order: dict) -> Cost:
    """Do the work of `measure` in this process, which has done nothing else before."""
    import psutil
    import torch

    torch.set_num_threads(1)
    shape, batch = order["input_shape"], order["batch"]
    with torch.inference_mode():
        model = build(order["network"], **order["options"])
        torch.conv2d(torch.ones(1, 8, 8, 8), torch.ones(8, 8, 3, 3))  # loads what conv needs
        before = psutil.Process().memory_info().rss
        model = _filled(model)
        images = torch.rand(batch, *shape)
        for _ in range(2 if batch == 1 else 1):
            model(images)
        clock, work = [], []
        while len(clock) < order["passes"] or (sum(clock) < order["seconds"] and len(clock) < 50):
            wall, own = time.perf_counter(), time.process_time()
            model(images)
            clock.append(time.perf_counter() - wall)
            work.append(time.process_time() - own)
    held = [*model.parameters(), *model.buffers()]
    return Cost(
        latency=statistics.median(clock),
        processor=statistics.median(work),
        peak_bytes=_peak_bytes() - before,
        weight_bytes=sum(tensor.numel() * tensor.element_size() for tensor in held),
        passes=len(clock),
    )


def _filled(model: nn.Module) -> nn.Module:
    """Give a network of the meta device real memory, with weights that keep numbers moderate."""
    import torch

    buffers = {name for name, _ in model.named_buffers()}
    model = model.to_empty(device="cpu")
    for name, tensor in model.state_dict().items():
        if not torch.is_floating_point(tensor):
            tensor.zero_()
        elif name in buffers:
            tensor.fill_(1.0 if name.endswith("running_var") else 0.0)
        else:
            tensor.fill_(1.0 if tensor.ndim < 2 else 1.0 / tensor[0].numel())
    return model


def _peak_bytes() -> int:
    """Return the largest resident memory this process ever had."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    import psutil

    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):  # Windows
        return memory.peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


if __name__ == "__main__":
    from dataclasses import asdict

    print(json.dumps(asdict(_measure_here(json.load(sys.stdin)))))
