"""What a training run needs from the machine: a device, a precision, reproducible randomness."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import random
from collections.abc import Iterator

import numpy as np
import torch


def set_seed(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's random numbers (every device) at once.

    Parameters
    ----------
    seed : int
        0 <= seed < 2**32 (NumPy's range).

    Raises
    ------
    ValueError
        If the seed is out of range or not a whole number.
    """
    check_seed(seed)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the global generator is what augmentations use
    torch.manual_seed(seed)


def check_seed(seed: int) -> None:
    """Raise ValueError unless `seed` is a whole number in [0, 2**32)."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be a whole number from 0 to 2**32 - 1, not {seed!r}")


def device(name: str | torch.device = "auto") -> torch.device:
    """Device to compute on.

    Parameters
    ----------
    name : str or torch.device
        "auto" takes the first of cuda, mps and cpu that this machine has; otherwise "cpu",
        "mps", "cuda" or "cuda:N".

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If the name is not one of these or this machine has no such device.
    """
    if str(name) == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    allowed = 'allowed are "auto", "cpu", "mps", "cuda" and "cuda:N"'
    try:
        chosen = torch.device(name)
    except (RuntimeError, TypeError):
        raise ValueError(f"{name!r} is not a device: {allowed}") from None
    if chosen.type == "cpu" and not chosen.index:
        return torch.device("cpu")
    if chosen.type == "mps" and not chosen.index:
        if torch.backends.mps.is_available():
            return chosen
        raise ValueError('device "mps" was asked for, but this machine has none: use device="auto"')
    if chosen.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (chosen.index or 0) < count:
            return chosen
        have = "no CUDA device" if count == 0 else f"only cuda:0 to cuda:{count - 1}"
        raise ValueError(f'device "{name}" was asked for, but there is {have}: use device="auto"')
    raise ValueError(f'device "{name}" cannot train here: {allowed}')


def has_native_bf16(device: torch.device) -> bool:
    """Whether bfloat16 arithmetic is done in hardware, and so gains time, on this device."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        tests = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, test, lambda: False)() for test in tests)
    return False


def choose_precision(precision: str, device: torch.device) -> str:
    """Precision the network's forward pass runs in on `device`, "fp32" or "bf16".

    A `precision` of "auto" is bf16 on a GPU that has it in hardware and fp32 everywhere else, so that
    results on a CPU can be reproduced; "bf16" is honoured where the hardware has it and becomes fp32
    where it would be emulated, slower than fp32. Raises ValueError for another word.
    """
    if precision not in ("auto", "fp32", "bf16"):
        raise ValueError(f'precision must be "auto", "fp32" or "bf16", not {precision!r}')
    wanted = precision == "bf16" or (precision == "auto" and device.type == "cuda")
    return "bf16" if wanted and has_native_bf16(device) else "fp32"


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager:
    """Context in which a forward pass on `device` runs in a precision that `choose_precision` returned.

    Raises ValueError if `precision` is neither "fp32" nor "bf16".
    """
    if precision not in ("fp32", "bf16"):
        raise ValueError(f'precision must be "fp32" or "bf16" here, not {precision!r}')
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


@functools.cache
def reuse_freed_memory() -> bool:
    """Let this process keep memory it frees, so that a step on the CPU need not ask for it anew.

    By default the C library hands the larger feature maps back to the system after each step and
    gets them, page by page and zeroed, for the next: about a third of the time of LeNet-5 in
    batches of 256. Blocks up to 32 MB are kept instead, up to 512 MB in all. Only with the GNU C
    library; returns whether it was done. Results do not change.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, macOS, Windows
        return False
    mmap_threshold, trim_threshold = -3, -1  # names and numbers of <malloc.h>
    return bool(set_option(mmap_threshold, 32 << 20) and set_option(trim_threshold, 512 << 20))


def mix(*numbers: int) -> int:
    """Seed in [0, 2**63) that depends on all the numbers and their order (splitmix64)."""
    state = 0
    for number in numbers:
        state = (state + number + 1) * 0x9E3779B97F4A7C15 % 2**64
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
        state ^= state >> 31
    return state >> 1


def seed_torch(seed: int, device: torch.device) -> None:
    """`torch.manual_seed(seed)` for the CPU and one device only: cheap enough for every step."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def random_state(device: torch.device) -> dict:
    """States of all random number generators, that of `device` too, as plain values and tensors."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    version, numbers, gauss = random.getstate()
    state = {
        "python": [version, torch.tensor(numbers), gauss],
        "numpy": [name, torch.from_numpy(keys.astype(np.int64)), *rest],
        "torch": torch.get_rng_state(),
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def set_random_state(state: dict, device: torch.device) -> None:
    """Put all generators back into the `state` that `random_state` returned for `device`."""
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers.tolist()), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
    elif device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"])


@contextlib.contextmanager
def own_random_numbers(seed: int, device: torch.device) -> Iterator[None]:
    """Seed all generators with `seed` inside the block, and give the caller's states back after it.

    `device` is the one whose generator is meant beside the CPU's.
    """
    before = random_state(device)
    set_seed(seed)
    try:
        yield
    finally:
        set_random_state(before, device)
