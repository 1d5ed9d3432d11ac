"""What a short training on small colour images gains from: crops, flips, smooth targets, averages.

`crop_and_flip` makes new training images, `smoothed_loss` asks for less than certainty, and
`flipped_logits` looks at a test image and at its mirror image.  `train_fast` puts them together
around `utils.training.fit`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils import augmentation, training
from utils.arguments import integer

__all__ = ["crop_and_flip", "flipped_logits", "smoothed_loss", "train_fast"]


def crop_and_flip(images: Tensor, padding: int = 4, mode: str = "constant") -> Tensor:
    """Shift each image by up to `padding` pixels and mirror half of them, each on its own.

    Parameters
    ----------
    images : Tensor
        (N, C, S, S), float, square.
    padding : int
        Pixels added on each side before a window of the old size is cut out at random, >= 0.
    mode : {"constant", "reflect"}
        What is added: zeros as in He et al. (2016, sec. 4.2), or the image's own mirror image.

    Returns
    -------
    Tensor
        (N, C, S, S), in channels-last memory.
    """
    padded = F.pad(images, [padding] * 4, mode=mode)
    return augmentation.random_crop_flip(padded, images.shape[-1])


def smoothed_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1) -> Tensor:
    """Cross-entropy against targets that give the label 1 - smoothing and share out the rest.

    Parameters
    ----------
    logits : Tensor
        (N, C).
    targets : Tensor
        (N,) int64 labels.
    smoothing : float
        In [0, 1): 0 is plain cross-entropy.

    Returns
    -------
    Tensor
        Mean over the batch.  Szegedy et al. (2016), Rethinking the Inception architecture, sec. 7.

    Raises
    ------
    ValueError
        If the smoothing is out of range.
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing is {smoothing}: give a share of 0 or more, below 1")
    return F.cross_entropy(logits.float(), targets, label_smoothing=smoothing)


@torch.no_grad()
def flipped_logits(model: nn.Module, images: Tensor, batch_size: int = 1000) -> Tensor:
    """Mean of the logits for each image and for its mirror image.

    Parameters
    ----------
    model : nn.Module
        In evaluation mode.
    images : Tensor
        (N, C, H, W), uint8 (scaled to [0, 1]) or float; moved to the model's device in batches.
    batch_size : int
        Images at a time, >= 1.

    Returns
    -------
    Tensor
        (N, classes), on the CPU.

    Raises
    ------
    TypeError, ValueError
        If the batch size is no whole number, or below 1.
    """
    integer("batch_size", batch_size, at_least=1)
    device = next(model.parameters()).device
    logits = []
    for batch in images.split(batch_size):
        batch = batch.to(device)
        if batch.dtype == torch.uint8:
            batch = batch.float() / 255
        batch = batch.contiguous(memory_format=torch.channels_last)
        logits.append(((model(batch) + model(batch.flip(3))) / 2).float().cpu())
    return torch.cat(logits)


def train_fast(
    model: nn.Module,
    data: Any,
    *,
    epochs: int,
    lr: float | None = 0.4,
    batch_size: int = 256,
    padding: int = 2,
    augment: Callable[[Tensor], Tensor] | None = None,
    **options: Any,
) -> training.History:
    """Train with crops, flips, smooth targets, Nesterov momentum and a one-cycle rate, in place.

    Parameters
    ----------
    model : nn.Module
        Takes images in [0, 1].
    data : (images, labels) or datasets.Data
        Images uint8 or float in [0, 1].
    epochs, batch_size : int
        As for `utils.training.fit`.
    lr : float, optional
        Peak rate; None is the one `utils.training.fit` has for SGD.
    padding : int
        How far images are shifted; in few epochs little is best.
    augment : function, optional
        Instead of `crop_and_flip` with mirrored borders.
    **options
        Passed to `utils.training.fit`: seed, device, precision, validation, checkpoint, ...

    Returns
    -------
    History
    """
    augment = augment or functools.partial(crop_and_flip, padding=padding, mode="reflect")
    return training.fit(
        model,
        data,
        epochs=epochs,
        loss=smoothed_loss,
        metric=training.accuracy,
        optimizer="sgd",
        lr=lr,
        weight_decay=5e-4,
        batch_size=batch_size,
        schedule="one-cycle",
        augment=augment,
        **options,
    )
