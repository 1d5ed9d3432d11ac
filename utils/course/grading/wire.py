"""Values as messages: JSON with arrays as npy bytes, and nothing that could run.

A message is a line of JSON. Plain values stand for themselves; all others are objects with one
key ``$``, their kind. What cannot be written down, such as a function, stays where it is: the
other side gets a handle, a number by which to ask for it.
"""

import base64
import io
import json
import math
import select
import time
from collections.abc import Callable
from typing import Any

import numpy as np

MOST_BYTES = 128 * 2**20
"""Largest message that is read."""

DEEPEST = 40


class WireError(Exception):
    """The other side ended, sent something that is no message, or took too long."""


def encode(value: Any, handle: Callable[[Any], dict], depth: int = 0) -> Any:
    """Return what JSON can hold of a value.

    Parameters
    ----------
    value : object
    handle : callable
        Returns the message for a value that has to stay here.
    """
    if depth > DEEPEST:
        raise WireError("a value is nested too deeply")
    if value is None or type(value) in (bool, str):
        return value
    if type(value) is int:
        return value if abs(value) < 2**53 else {"$": "int", "v": str(value)}
    if type(value) is float:
        return value if math.isfinite(value) else {"$": "float", "v": repr(value)}
    if value is ...:
        return {"$": "ellipsis"}
    if type(value) in (list, tuple, set, frozenset):
        kind = type(value).__name__
        items = sorted(value, key=repr) if "set" in kind else value
        return {"$": kind, "v": [encode(item, handle, depth + 1) for item in items]}
    if type(value) is dict:
        pairs = [
            [encode(key, handle, depth + 1), encode(item, handle, depth + 1)]
            for key, item in value.items()
        ]
        return {"$": "dict", "v": pairs}
    if type(value) is complex:
        return {"$": "complex", "v": [value.real, value.imag]}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufcU":
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return {"$": kind, "v": _npy(np.asarray(value))}
    if type(value).__module__.startswith("torch") and _is_plain_tensor(value):
        import torch

        plain = value.detach().cpu()
        name = str(plain.dtype).removeprefix("torch.")
        if plain.dtype == torch.bfloat16:
            plain = plain.float()
        return {
            "$": "tensor",
            "v": _npy(plain.contiguous().numpy()),
            "dtype": name,
            "grad": bool(value.requires_grad),
        }
    return handle(value)


def decode(message: Any, handle: Callable[[dict], Any], depth: int = 0) -> Any:
    """Return the value of a message; the inverse of `encode`.

    Raises
    ------
    WireError
        If it is none.
    """
    if depth > DEEPEST:
        raise WireError("a message is nested too deeply")
    if not isinstance(message, dict):
        if isinstance(message, list):
            raise WireError("a bare list is no value")
        return message
    kind, value = message.get("$"), message.get("v")
    try:
        if kind in ("list", "tuple", "set", "frozenset"):
            make = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}[kind]
            return make(decode(item, handle, depth + 1) for item in value)
        if kind == "dict":
            return {
                decode(key, handle, depth + 1): decode(item, handle, depth + 1)
                for key, item in value
            }
        if kind == "int":
            return int(value[:5000])
        if kind == "float":
            return float(value)
        if kind == "complex":
            return complex(*value)
        if kind == "ellipsis":
            return ...
        if kind == "array":
            return _array(value)
        if kind == "scalar":
            return _array(value)[()]
        if kind == "tensor":
            import torch

            dtype = getattr(torch, message["dtype"])
            if not isinstance(dtype, torch.dtype):
                raise ValueError("no dtype")
            tensor = torch.from_numpy(_array(value)).to(dtype)
            return tensor.requires_grad_() if message.get("grad") else tensor
    except WireError:
        raise
    except Exception as error:
        raise WireError(f"a message of kind {kind!r} cannot be read") from error
    return handle(message)


def _is_plain_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and value.layout == torch.strided


def _npy(array: np.ndarray) -> str:
    file = io.BytesIO()
    np.save(file, np.asarray(array, order="C"), allow_pickle=False)
    return base64.b64encode(file.getvalue()).decode()


def _array(text: str) -> np.ndarray:
    return np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False)


class Channel:
    """Lines of JSON over two pipes.

    Parameters
    ----------
    reader, writer : int
        File descriptors.
    """

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer = reader, writer
        self._buffer = bytearray()

    def send(self, message: dict) -> None:
        """Write a message; `WireError` if nobody reads."""
        import os

        data = memoryview(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        try:
            while data:
                data = data[os.write(self._writer, data[: 1 << 16]) :]
        except OSError as error:
            raise WireError("the process has ended") from error

    def receive(self, seconds: float | None = None) -> dict:
        """Read a message.

        Waiting is a loop of short waits, so that a time limit of this process is noticed.

        Raises
        ------
        WireError
            After so many seconds, at the end, or for what is no message.
        """
        import os

        limit = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._buffer:
            if limit is not None and time.monotonic() > limit:
                raise WireError("no answer in time")
            if not select.select([self._reader], [], [], 0.05)[0]:
                continue
            data = os.read(self._reader, 1 << 20)
            if not data:
                raise WireError("the process has ended")
            self._buffer += data
            if len(self._buffer) > MOST_BYTES:
                raise WireError("an answer is larger than 128 MB")
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise WireError("an answer is no message") from error
        if not isinstance(message, dict):
            raise WireError("an answer is no message")
        return message
