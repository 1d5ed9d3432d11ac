"""Checkpoints that survive a power cut: written beside the old one, flushed, then renamed.

A folder holds `last.pt` (where to go on), `previous.pt` (the one before it, should `last.pt` be
damaged) and `best.pt` (weights of the epoch with the best validation score). All three are plain
files of tensors and numbers: `torch.load(path, weights_only=True)["model"]` is a state dict.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import zipfile
from pathlib import Path

import torch
from torch import nn

from utils.training.rescue import warn

FORMAT = 1


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written, or belongs to another model or other settings."""


class _Refused(Exception):
    """One file cannot be used, and why; `foreign` if it is whole but of another training."""

    def __init__(self, reason: str, foreign: bool = False) -> None:
        super().__init__(reason)
        self.foreign = foreign


def structure(model: nn.Module) -> list[list]:
    """Name, shape and type of every parameter and buffer of `model`, as plain values."""
    return [
        [name, list(tensor.shape), str(tensor.dtype)] for name, tensor in model.state_dict().items()
    ]


class Checkpoints:
    """The checkpoint files of one training.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    model : list
        `structure` of the model that is trained.
    settings : dict
        Everything else that must be the same for the training to go on as if never stopped;
        plain values.

    Raises
    ------
    CheckpointError
        If the folder cannot be made.
    """

    def __init__(self, folder: str | os.PathLike, model: list[list], settings: dict) -> None:
        self.folder = Path(folder)
        self.identity = {"format": FORMAT, "structure": model, "settings": settings}
        self.last = self.folder / "last.pt"
        self.previous = self.folder / "previous.pt"
        self.best = self.folder / "best.pt"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(
                f"no checkpoint can be kept in {self.folder} ({error.strerror}): "
                "give a folder that can be written to"
            ) from error

    def save(self, state: dict) -> None:
        """Make `state` the last checkpoint, and the last one the previous."""
        self._write(self.last, state, keep=self.previous)

    def save_best(self, state: dict) -> None:
        """Write `state` as the best checkpoint."""
        self._write(self.best, state)

    def clear(self) -> None:
        """Remove the checkpoints of an earlier training.

        Raises
        ------
        CheckpointError
            If the folder cannot be written to.
        """
        self._sweep()
        for path in (self.last, self.previous, self.best):
            try:
                if path.exists():
                    path.unlink(missing_ok=True)
            except OSError as error:
                raise CheckpointError(
                    f"the earlier checkpoint {path} cannot be removed ({error.strerror}): "
                    "give a folder that can be written to"
                ) from error

    def _sweep(self) -> None:
        """Remove what a killed training left half written."""
        for path in (self.last, self.previous, self.best):
            _remove(_unfinished(path))

    def load(self) -> dict | None:
        """The newest checkpoint that is whole and of this training, or None for a fresh start.

        Returns
        -------
        dict or None
            None if there is no file, or only damaged ones (with a warning).

        Raises
        ------
        CheckpointError
            If the only usable files belong to another model or other settings: going on would
            overwrite somebody's training.
        """
        refused: list[str] = []
        foreign = False
        self._sweep()
        for path in (self.last, self.previous):
            if not path.exists():
                continue
            try:
                state = read(path)
                self._compare(state)
                if "optimizer" not in state:
                    raise _Refused("holds weights only, nothing to go on from", foreign=True)
            except _Refused as reason:
                refused.append(f"{path.name} {reason}")
                foreign |= reason.foreign
                continue
            if refused:
                warn(f"{refused[0]}; training goes on from {path}")
            return state
        if foreign:
            raise CheckpointError(
                f"{'; '.join(refused)}. Give another folder than {self.folder}, or resume=False "
                "to start again and overwrite it"
            )
        if refused:
            warn(f"{'; '.join(refused)}; training starts from its first step")
        return None

    def load_best(self) -> dict | None:
        """The best checkpoint, or None if there is none that can be read and is of this model."""
        try:
            state = read(self.best)
            self._compare(state)
        except (_Refused, FileNotFoundError):
            return None
        return state

    def _compare(self, state: dict) -> None:
        theirs, ours = state["structure"], self.identity["structure"]
        if theirs != ours:
            raise _Refused(f"is of another model ({_first_difference(theirs, ours)})", foreign=True)
        theirs, ours = state["settings"], self.identity["settings"]
        different = [key for key in ours if theirs.get(key) != ours[key]]
        if different:
            pairs = [f"{key} was {theirs.get(key)}, is {ours[key]}" for key in different]
            raise _Refused(f"was made with other settings ({', '.join(pairs)})", foreign=True)

    def _write(self, path: Path, state: dict, keep: Path | None = None) -> None:
        temporary = _unfinished(path)
        try:
            with open(temporary, "wb") as file:
                torch.save({**self.identity, **state}, file)
                file.flush()
                os.fsync(file.fileno())
            if keep is not None and path.exists():
                os.replace(path, keep)
            os.replace(temporary, path)
            _flush_folder(self.folder)
        except (OSError, RuntimeError) as error:
            # torch.save reports a full disk as a RuntimeError of its zip writer
            _remove(temporary)
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise CheckpointError(
                f"the checkpoint {path} could not be written ({reason}): free some space or give "
                "another folder; the model in memory keeps its weights"
            ) from error


def read(path: Path) -> dict:
    """Contents of the checkpoint file at `path`, checksums verified and no code executed.

    Raises _Refused, with the reason, if it is truncated, changed, or no checkpoint.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged:
            raise _Refused(f"is damaged (checksum of {damaged})")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except zipfile.BadZipFile:
        raise _Refused("is damaged or cut off") from None
    except pickle.UnpicklingError:
        raise _Refused("holds more than tensors and numbers, so it is not opened") from None
    except (RuntimeError, EOFError, KeyError, ValueError) as error:
        raise _Refused(f"cannot be read ({str(error).splitlines()[0]})") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise _Refused("is no checkpoint of this course", foreign=True)
    return state


def _remove(path: Path) -> None:
    """Remove what may be there; a folder that is read-only keeps it, and says so when written to."""
    with contextlib.suppress(OSError):
        path.unlink()


def _unfinished(path: Path) -> Path:
    """Where a checkpoint is written before it gets its name."""
    return path.with_name(path.name + ".tmp")


def _first_difference(theirs: list[list], ours: list[list]) -> str:
    there, here = ({name: (shape, kind) for name, shape, kind in rows} for rows in (theirs, ours))
    for name in [*here, *there]:
        if name not in there:
            return f"it has no {name}"
        if name not in here:
            return f"it has {name}, which this model lacks"
        if there[name] != here[name]:
            return f"{name} is {tuple(there[name][0])} there, {tuple(here[name][0])} here"
    return "the layers come in another order"


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":  # Windows has no handle for a folder to flush
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
