"""Stand-ins, in the judging process, for what lives in a submission's process."""

import base64
import builtins
import pickle
from collections.abc import Callable
from typing import Any

from utils.course.grading import wire
from utils.exercises import _guard

PATIENCE = 15.0
"""Seconds the judge waits for an answer beyond the call's own limit."""


class Ended(BaseException):
    """The submission's process is gone or talks nonsense: no check may take this for an answer."""


class Submission:
    """The judge's side of a channel to a submission's process.

    Parameters
    ----------
    channel : wire.Channel
    seconds : float
        Limit of one call.
    """

    def __init__(self, channel: wire.Channel, seconds: float = 10.0) -> None:
        self.channel = channel
        self.seconds = seconds
        self.incidents: list[str] = []

    def ask(self, request: dict, seconds: float) -> dict:
        """Send a request and wait for its answer."""
        try:
            self.channel.send(request)
            reply = self.channel.receive(seconds)
        except wire.WireError as error:
            raise Ended(str(error)) from error
        for sentence in reply.get("incidents", [])[:20]:
            if isinstance(sentence, str) and sentence[:200] not in self.incidents:
                self.incidents.append(sentence[:200])
        return reply

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the submission's namespace, or a stand-in for it.

        Raises
        ------
        Exception
            What evaluating it raised there (a `NameError`, say), as an exception of that name.
        """
        reply = self.ask({"do": "evaluate", "expression": expression}, self.seconds + PATIENCE)
        return self._value(reply)

    def _value(self, reply: dict) -> Any:
        if reply.get("late"):
            raise _guard.TimeUp
        if "error" in reply:
            raise _exception(reply["error"])
        try:
            return wire.decode(reply.get("value"), self.stand_in)
        except wire.WireError as error:
            raise Ended(str(error)) from error

    def stand_in(self, message: dict) -> Any:
        """What a handle stands for on this side."""
        kind, number = message.get("$"), message.get("v")
        if not isinstance(number, int):
            raise wire.WireError(f"a message of kind {kind!r} cannot be read")
        if kind == "module":
            return remote_module(self, message)
        name = message.get("name") if isinstance(message.get("name"), str) else ""
        if kind in ("function", "class"):
            if message.get("stub") is True:
                return ...
            return RemoteFunction(self, kind, number, name[:60])
        if kind == "object":
            return RemoteObject(name[:60])
        raise wire.WireError(f"a message of kind {kind!r} cannot be read")

    def call(self, handle: dict, args: tuple, kwargs: dict, no_grad: bool = False) -> Any:
        """Call what a handle stands for; changes it makes to its arguments are made here too."""
        request = {
            "do": "call",
            "function": handle,
            "arguments": wire.encode([args, kwargs], self.message_of),
            "seconds": self.seconds,
            "no_grad": no_grad,
        }
        reply = self.ask(request, self.seconds + PATIENCE)
        result = self._value(reply)
        try:
            after = wire.decode(reply.get("arguments"), lambda message: ...)
            for key, anatomy in (reply.get("models") or {}).items():
                _copy_anatomy([*args, *kwargs.values()][int(key)], anatomy)
            for old, new in zip([*args, *kwargs.values()], [*after[0], *after[1].values()]):  # noqa: B905
                _copy_changes(old, new)
        except Ended:
            raise
        except Exception as error:
            raise Ended("an answer is no message") from error
        return result

    def message_of(self, value: Any) -> dict:
        """How a value of this side that is neither number nor array is told to the other."""
        if isinstance(value, RemoteFunction):
            return value.handle
        if getattr(value, "remote_handle", None):
            return value.remote_handle()
        try:
            return {"$": "pickle", "v": base64.b64encode(pickle.dumps(value)).decode()}
        except Exception as error:
            raise TypeError(f"a {type(value).__name__} cannot be handed to a submission") from error


class RemoteObject:
    """Something that is neither data nor to be called; nothing can be done with it here."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"a {self.name or 'thing'}"


class RemoteFunction:
    """A function, or a class to be called, of a submission."""

    def __init__(self, submission: Submission, kind: str, number: int, name: str) -> None:
        self._submission = submission
        self.handle = {"$": kind, "v": number}
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it over there."""
        return self._submission.call(self.handle, args, kwargs)


def remote_module(submission: Submission, message: dict) -> Any:
    """A network whose forward pass runs in the submission's process.

    Its parts bear the names of their classes, its parameters and buffers the values they have
    there. A forward pass sends them back, so that a check may change them. It gives no gradients.
    """
    import torch
    from torch import nn

    def part(name: str) -> nn.Module:
        safe = name if isinstance(name, str) and name.isidentifier() else "Module"
        return type(safe, (nn.Module,), {})()

    class RemoteModule(nn.Module):
        def remote_handle(self) -> dict:
            state = wire.encode(dict(self.state_dict()), submission.message_of)
            number = message["v"]
            return {"$": "module", "v": number, "state": state, "training": self.training}

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            return submission.call(self.remote_handle(), args, kwargs, no_grad=True)

    try:
        names = dict(message["parts"])
        RemoteModule.__name__ = RemoteModule.__qualname__ = part(names.pop("")).__class__.__name__
        root = RemoteModule()
        for path, name in sorted(names.items(), key=lambda item: item[0].count(".")):
            parent, _, own = path.rpartition(".")
            root.get_submodule(parent).add_module(own, part(name))
        for path, value in message["parameters"]:
            parent, _, own = path.rpartition(".")
            tensor = wire.decode(value, submission.stand_in)
            holder = root.get_submodule(parent)
            holder.register_parameter(
                own, nn.Parameter(tensor.detach(), requires_grad=tensor.requires_grad)
            )
        for path, value in message["buffers"]:
            parent, _, own = path.rpartition(".")
            root.get_submodule(parent).register_buffer(own, wire.decode(value, submission.stand_in))
        root.train(bool(message["training"]))
    except (wire.WireError, Ended):
        raise
    except Exception as error:
        raise wire.WireError("a network cannot be read") from error
    assert isinstance(root, torch.nn.Module)
    return root


def _exception(words: Any) -> Exception:
    """An exception of the name it had over there."""
    if not (isinstance(words, list) and len(words) == 2 and all(isinstance(w, str) for w in words)):
        raise Ended("an answer is no message")
    name, message = words
    known = getattr(builtins, name, None)
    if isinstance(known, type) and issubclass(known, Exception):
        try:
            return known(message)
        except Exception:
            pass
    safe = name if name.isidentifier() else "Error"
    return type(safe, (Exception,), {})(message)


def _copy_changes(old: Any, new: Any) -> None:
    """Make an argument what it became over there, in place where that is possible."""
    if new is ... or _guard.same(old, new):
        return
    if _guard.is_array(old) and _guard.is_array(new) and old.shape == new.shape:
        old[...] = new
    elif _guard.is_tensor(old) and _guard.is_tensor(new) and old.shape == new.shape:
        old.data.copy_(new)
    elif isinstance(old, list) and isinstance(new, list):
        old[:] = new
    elif isinstance(old, dict) and isinstance(new, dict):
        old.clear()
        old.update(new)


def _copy_anatomy(model: Any, anatomy: dict) -> None:
    """Give the judge's network the parameters, flags and mode that the submission gave its copy."""
    reading: Callable[[dict], Any] = lambda message: ...
    model.train(bool(anatomy["training"]))
    parameters = dict(model.named_parameters())
    for name, message in anatomy["parameters"]:
        value = wire.decode(message, reading)
        if name in parameters and parameters[name].shape == value.shape:
            parameters[name].data.copy_(value)
            parameters[name].requires_grad_(value.requires_grad)
    buffers = dict(model.named_buffers())
    for name, message in anatomy["buffers"]:
        value = wire.decode(message, reading)
        if name in buffers and buffers[name].shape == value.shape:
            buffers[name].copy_(value)
