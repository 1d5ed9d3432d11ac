"""Pictures with their targets, each set by its name: ``load("mnist")``.

Every loader gives the same kind of object, `Data`: uint8 images in NCHW order, targets, and a
record that says in one line where they came from and how many there are. A loader never goes to
the network and never takes a smaller set without saying so in that line; what is to be fetched is
fetched before by ``course data fetch``.

To add a set, write a function of ``split`` that returns `Data`, in a module of this package, and
add its line to `LOADERS`. What else the function takes are the set's options; it takes ``source``
and ``folder`` if they mean something to it. Class names go into that module's ``CLASS_NAMES``, a
dict from the set's name to a tuple.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike

import torch
from torch import Tensor

from utils import fetch

__all__ = [
    "LOADERS",
    "Data",
    "Record",
    "available",
    "channel_statistics",
    "class_names",
    "load",
    "normalise",
    "one_of",
    "split",
]

LOADERS: dict[str, str] = {
    "mnist": "utils.datasets.digits:load_mnist",
    "fashion-mnist": "utils.datasets.digits:load_fashion_mnist",
    "cifar10": "utils.datasets.colour:load_cifar10",
    "colour": "utils.datasets.rendered_colour:colour",
    "scenes": "utils.datasets.scenes:scenes",
    "voc2007": "utils.datasets.voc:load_voc2007",
    "ages": "utils.datasets.ordinal:ages",
    "faces": "utils.datasets.faces:faces",
    "celeba": "utils.datasets.celeba:celeba",
    "imagenette": "utils.datasets.imagenette:load_imagenette",
    "utkface": "utils.datasets.face_folders:load_utkface",
    "afad": "utils.datasets.face_folders:load_afad",
    "morph2": "utils.datasets.face_folders:load_morph2",
    "cacd": "utils.datasets.face_folders:load_cacd",
    "elpv": "utils.datasets.solar:load_solar",
    "outlines": "utils.datasets.outlines:outlines",
    "patches": "utils.datasets.patches:patches",
    "penn-fudan": "utils.datasets.instance_folders:load_penn_fudan",
    "coco": "utils.datasets.instance_folders:load_coco",
    "lesions": "utils.datasets.lesions:lesions",
    "ham10000": "utils.datasets.ham10000:load_ham10000",
}
"""Loader of each set as ``module:function``; the module is imported when it is first needed."""


@dataclass(frozen=True)
class Record:
    """Where pictures came from; ``print(record)`` gives one line.

    Parameters
    ----------
    name, split : str
        Data set and part of it.
    source : str
        In words: "committed", "cached", "rendered", a folder.
    count : int
        Images at hand.
    licence : str
        Terms of use, short.
    of : int, optional
        Images the whole split has, where `count` is only a part of them.
    shape : tuple of int, optional
        Channels, height, width.
    """

    name: str
    split: str
    source: str
    count: int
    licence: str
    of: int | None = None
    shape: tuple[int, ...] | None = None

    def __str__(self) -> str:
        whole = f" of {self.of:,}" if self.of is not None and self.of != self.count else ""
        shape = " " + "x".join(map(str, self.shape)) if self.shape else ""
        return (
            f"{self.name} {self.split}: {self.count:,}{whole} images{shape}, {self.source} "
            f"({self.licence})"
        )


@dataclass(frozen=True, eq=False)
class Data:
    """Images with their targets.

    Parameters
    ----------
    images : Tensor
        uint8, (N, C, H, W), values 0..255.
    targets : Tensor or list of dict
        int64 labels of N entries, or N dicts as torchvision's detection models take them.
    record : Record
        Where they came from.

    Raises
    ------
    ValueError
        If the images are not uint8 NCHW or the targets are not as many.
    """

    images: Tensor
    targets: Tensor | list
    record: Record

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            raise ValueError(
                f"images of {self.record.name} are {self.images.dtype} of shape "
                f"{tuple(self.images.shape)}: give uint8 of shape (N, C, H, W)"
            )
        if len(self.images) != len(self.targets):
            raise ValueError(
                f"{self.record.name} has {len(self.images)} images and {len(self.targets)} "
                "targets: give one target an image"
            )

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        return f"<Data {self.record}>"

    def subset(self, indices: slice | Sequence[int] | Tensor) -> Data:
        """The examples at `indices`: a slice, integers, or a mask of N booleans.

        A slice shares memory with this set; the others copy. The record then says how many
        of how many. Raises ValueError if a mask has another length.

        >>> load("mnist", "test", quiet=True).subset(slice(100)).record.count
        100
        """
        if not isinstance(indices, slice):
            indices = torch.as_tensor(indices)
            if indices.dtype == torch.bool:
                if indices.shape != (len(self),):
                    raise ValueError(
                        f"a mask of shape {tuple(indices.shape)} for {len(self)} examples: "
                        "give one boolean an example"
                    )
                indices = indices.nonzero().flatten()
            indices = indices.to(torch.int64)
        images = self.images[indices]
        if isinstance(self.targets, Tensor):
            targets = self.targets[indices]
        elif isinstance(indices, slice):
            targets = self.targets[indices]
        else:
            targets = [self.targets[i] for i in indices.tolist()]
        whole = self.record.of or self.record.count
        return Data(images, targets, replace(self.record, count=len(images), of=whole))


def load(
    name: str,
    split: str = "train",
    *,
    source: str | None = None,
    folder: str | PathLike | None = None,
    quiet: bool = False,
    **options,
) -> Data:
    """Load one split of a data set and print in one line what was loaded.

    Parameters
    ----------
    name : str
        A key of `LOADERS`; `available` says which are at hand.
    split : str
        "train" or "test" for most sets.
    source : str, optional
        None: the whole set if it lies in the cache, else the part in the repository, and the
        line says which. "committed": the part in the repository, the same on every machine, so
        that a lecture's stored output can be compared. "cached": the fetched one.
    folder : path, optional
        For sets that the reader brings.
    quiet : bool
        Do not print the record.
    **options
        What the set's own loader takes.

    Returns
    -------
    Data
        uint8 images (N, C, H, W) with values 0..255, their targets and the record.

    Raises
    ------
    ValueError
        If the name, split, source or an option is unknown; the message lists what there is.
    utils.fetch.DataError
        If a file is missing or damaged, or a set was not fetched yet.

    >>> digits = load("mnist", "test")
    mnist test: 10,000 images 1x28x28, committed (CC BY-SA 3.0)
    """
    loader = _loader(name)
    parameters = inspect.signature(loader).parameters
    given = {"split": split, **options}
    for key, value in (("source", source), ("folder", folder)):
        if key in parameters:
            given[key] = value
        elif value is not None:
            raise ValueError(f"{name} is rendered and has no {key}: leave out {key}={value!r}")
    known = [key for key in parameters if key not in ("split", "source", "folder")]
    for option in options:
        if option not in known:
            raise ValueError(
                f"{name} takes no option {option!r}: it takes {', '.join(known) or 'none'}"
            )
    for key, parameter in parameters.items():
        if parameter.default is parameter.empty and key not in given:
            raise ValueError(f"{name} needs {key}=...: load({name!r}, {split!r}, {key}=...)")
    data = loader(**given)
    if not quiet:
        print(data.record)
    return data


def available() -> dict[str, str]:
    """Each data set this course knows, and where it stands on this machine.

    Returns
    -------
    dict
        Name to "committed", "cached", "rendered" (made on the spot), "committed in part: course
        data fetch fashion-mnist", "optional: course data fetch cifar10", or "yours: ..." for a
        folder of yours.
    """
    tables = fetch.manifest()
    states = {name: fetch.state(name) for name in tables}
    return {name: states.get(name, "rendered") for name in dict.fromkeys([*LOADERS, *tables])}


def class_names(name: str) -> tuple[str, ...]:
    """Names of the classes of the data set `name`, in the order of its labels.

    Raises
    ------
    ValueError
        If there is no such set or its targets are no classes.

    >>> class_names("fashion-mnist")[9]
    'ankle boot'
    """
    names = getattr(inspect.getmodule(_loader(name)), "CLASS_NAMES", {})
    if name not in names:
        raise ValueError(f"the targets of {name} are no classes: ask for the names of another set")
    return names[name]


def split(data: Data, validation: int = 5000, seed: int = 0) -> tuple[Data, Data]:
    """Part a training set into one to learn from and one to choose models by.

    Parameters
    ----------
    data : Data
        The training set of N examples.
    validation : int
        Examples of the second part, 0 < validation < N, drawn at random without replacement.
    seed : int
        The same seed draws the same examples on every machine.

    Returns
    -------
    train, validation : Data
        Each in the order of `data`; together all of it.

    Raises
    ------
    ValueError
        If `validation` leaves one of the parts empty.
    """
    if not 0 < validation < len(data):
        raise ValueError(
            f"{validation} validation examples of {len(data)}: take between 1 and {len(data) - 1}"
        )
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))
    chosen = torch.zeros(len(data), dtype=torch.bool)
    chosen[order[:validation]] = True
    held_out = data.subset(chosen)
    name = replace(held_out.record, split=f"validation (from {data.record.split})")
    return data.subset(~chosen), replace(held_out, record=name)


def channel_statistics(images: Tensor) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel over all images and pixels.

    Parameters
    ----------
    images : Tensor
        uint8 (N, C, H, W) with values 0..255, taken as 0..1, or floating point as it is.

    Returns
    -------
    mean, std : list of float
        C values each (population standard deviation); exact for uint8, where they are computed
        from counts of the 256 values, so that every machine gets the same.

    Raises
    ------
    ValueError
        If the images have not four axes.

    >>> mean, std = channel_statistics(load("mnist", quiet=True).images)
    >>> round(mean[0], 4), round(std[0], 4)
    (0.1307, 0.3081)
    """
    if images.ndim != 4:
        raise ValueError(f"images of shape {tuple(images.shape)}: give (N, C, H, W)")
    means, stds = [], []
    for channel in range(images.shape[1]):
        values = images[:, channel].flatten()
        if images.dtype == torch.uint8:
            counts = torch.bincount(values, minlength=256).tolist()
            total = sum(counts)
            first = sum(value * count for value, count in enumerate(counts))
            second = sum(value * value * count for value, count in enumerate(counts))
            means.append(first / total / 255)
            stds.append((total * second - first * first) ** 0.5 / total / 255)
        else:
            values = values.double()
            means.append(values.mean().item())
            stds.append(values.std(correction=0).item())
    return means, stds


def normalise(
    images: Tensor, mean: Sequence[float] | None = None, std: Sequence[float] | None = None
) -> Tensor:
    """Scale images to 0..1, subtract each channel's mean, divide by its standard deviation.

    Parameters
    ----------
    images : Tensor
        (N, C, H, W): uint8 with values 0..255, or floating point, taken to be in 0..1 already.
    mean, std : sequence of float, optional
        C values (or one for all channels) on the scale 0..1; those of `images` themselves without
        them. For a test set give the training set's, from `channel_statistics`.

    Returns
    -------
    Tensor
        float32 (N, C, H, W); with their own statistics each channel has mean 0 and standard
        deviation 1.

    Raises
    ------
    ValueError
        If the images have not four axes, a statistic has neither 1 nor C values, or a standard
        deviation is not positive.
    """
    if images.ndim != 4:
        raise ValueError(f"images of shape {tuple(images.shape)}: give (N, C, H, W)")
    if mean is None or std is None:
        own_mean, own_std = channel_statistics(images)
        mean = own_mean if mean is None else mean
        std = own_std if std is None else std
    channels = images.shape[1]
    mean, std = (torch.as_tensor(s, dtype=torch.float32).flatten() for s in (mean, std))
    for title, statistic in (("mean", mean), ("std", std)):
        if len(statistic) not in (1, channels):
            raise ValueError(
                f"{len(statistic)} values of {title} for {channels} channels: give 1 or {channels}"
            )
    if not bool((std > 0).all()):
        raise ValueError(f"std is {std.tolist()}: give positive values (a constant channel has 0)")
    scale = 255.0 if images.dtype == torch.uint8 else 1.0
    mean, std = mean.to(images.device), std.to(images.device)
    result = images.to(torch.float32).div_(scale) if scale != 1 else images.float().clone()
    return result.sub_(mean.view(1, -1, 1, 1)).div_(std.view(1, -1, 1, 1))


def one_of(what: str, given: str | None, allowed: Sequence[str | None], name: str) -> None:
    """Refuse what was `given` for a loader's argument `what` of the data set `name` unless `allowed`.

    Raises
    ------
    ValueError
        Naming what was given and what is allowed.
    """
    if given not in allowed:
        names = ", ".join(repr(choice) for choice in allowed if choice is not None)
        raise ValueError(f"{name} has no {what} {given!r}: it has {names}")


def _loader(name: str) -> Callable[..., Data]:
    if name not in LOADERS:
        raise ValueError(f"there is no data set {name!r}: there are {', '.join(sorted(LOADERS))}")
    module, _, function = LOADERS[name].partition(":")
    return getattr(importlib.import_module(module), function)
