"""What functions of many modules ask of their arguments, refused in one sentence."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_fill", "check_no_nan", "integer"]


def integer(name: str, value: Any, *, at_least: int) -> int:
    """Return an argument that has to be a whole number.

    Parameters
    ----------
    name : str
        What the message calls it.
    value : int
        Integers of NumPy and tensors of one integer pass too; booleans do not.
    at_least : int
        The smallest number allowed.

    Raises
    ------
    TypeError
        If `value` is no whole number.
    ValueError
        If it is too small.

    >>> integer("stride", 2, at_least=1)
    2
    """
    if isinstance(value, bool):
        raise TypeError(f"{name} is {value}: give an integer >= {at_least}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}: give an integer >= {at_least}") from None
    if number < at_least:
        raise ValueError(f"{name} is {number}: it must be >= {at_least}")
    return number


def check_no_nan(**tensors: Tensor) -> None:
    """Refuse tensors that hold NaN. It waits for a GPU: not for a loss, a layer or a training step.

    Parameters
    ----------
    **tensors : Tensor
        What to check, of any shape, under the names that the user knows.

    Raises
    ------
    ValueError
        If a value is NaN.

    >>> import torch
    >>> check_no_nan(scores=torch.tensor([0.5, torch.nan]))
    Traceback (most recent call last):
        ...
    ValueError: scores: 1 of 2 values is NaN: look for 0/0 or log(0) where they were computed
    """
    for name, tensor in tensors.items():
        bad = int(tensor.isnan().sum())
        if bad:
            raise ValueError(
                f"{name}: {bad} of {tensor.numel()} values {'is' if bad == 1 else 'are'} NaN: look "
                "for 0/0 or log(0) where they were computed"
            )


def check_fill(images: Tensor, fill: float) -> None:
    """Refuse a value for pixels that the type of the images cannot hold, as 0.5 in uint8.

    Parameters
    ----------
    images : Tensor
        Of any shape; where they are floating point every number passes.
    fill : float
        The value.

    Raises
    ------
    ValueError
        If writing it into `images` would change it without a word.
    """
    if not images.is_floating_point() and images.new_full((), fill).item() != fill:
        raise ValueError(
            f"fill is {fill}, which {images.dtype} cannot hold: give a value of that type, or "
            "floating-point images"
        )
