"""Long trainings of residual nets, to be left alone on a GPU: as published, and on Imagenette.

Both are one call of `utils.training.fit`: with progress, a checkpoint folder, and resume after a
kill.  `published_cifar` repeats He et al. (2016), sec. 4.2; `imagenette` trains ResNet-34 on ten
classes of ImageNet at 224 x 224.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import MultiStepLR

from utils import augmentation, speedrun, training

__all__ = ["ITERATIONS", "Standardise", "centred", "imagenette", "published_cifar"]

ITERATIONS, DROPS = 64_000, (32_000, 48_000)
"""Gradient steps of the CIFAR training, and after which of them the rate is divided by ten."""

CROP = 224
"""Pixels along a side that ResNets for ImageNet look at."""


class Standardise(nn.Module):
    """(x - mean) / std for each channel, as a first layer that is stored with the weights.

    Parameters
    ----------
    mean, std : sequence of float
        One for each channel, for intensities in [0, 1]; std > 0.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: list[float], std: list[float]):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        return (x - self.mean) / self.std


def centred(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """Subtract from every pixel its mean over the training images.

    Parameters
    ----------
    train : Tensor
        (N, C, H, W) uint8 training images.
    *others : Tensor
        Further images of the same size, such as those of the test set.

    Returns
    -------
    tuple of Tensor
        All of them as floats, divided by the one standard deviation of the centred training
        images.  He et al. (2016), sec. 4.2 ("per-pixel mean subtracted").

    Raises
    ------
    ValueError
        If `train` has not four axes, or the images are of several sizes.
    """
    sizes = {tuple(images.shape[1:]) for images in (train, *others)}
    if train.ndim != 4 or len(sizes) > 1:
        raise ValueError(f"images of {sizes}: give (N, C, H, W), all of one size")
    mean = train.float().mean(dim=0)
    spread = train[:5000].float().sub(mean).std()
    return tuple((images.float() - mean) / spread for images in (train, *others))


def published_cifar(
    model: nn.Module,
    data: tuple[Tensor, Tensor],
    *,
    iterations: int = ITERATIONS,
    batch_size: int = 128,
    **options: Any,
) -> training.History:
    """Train on CIFAR-10 as He et al. (2016), sec. 4.2, did, in place.

    SGD with momentum 0.9 and weight decay 0.0001; rate 0.1, divided by ten after 32,000 and after
    48,000 of 64,000 steps; batches of 128; images padded by 4 zeros, cropped and mirrored.

    Parameters
    ----------
    model : nn.Module
        ``CifarResNet(20)`` for the paper's 8.75 % of test error.
    data : (Tensor, Tensor)
        Images of `centred` and labels.  All 50,000 for the final training; the paper chose the
        schedule on 45,000 and 5,000.
    iterations : int
        Steps, >= 4; fewer than 64,000 drop the rate after the same shares.  Rounded up to whole
        epochs.
    batch_size : int
    **options
        Passed to `utils.training.fit`: seed, device, checkpoint, progress, ...

    Returns
    -------
    History
    """
    drops = [round(iterations * drop / ITERATIONS) for drop in DROPS]
    return training.fit(
        model,
        data,
        epochs=math.ceil(iterations / math.ceil(len(data[0]) / batch_size)),
        batch_size=batch_size,
        optimizer=_momentum_sgd,
        schedule=functools.partial(_steps, drops=drops),
        augment=functools.partial(speedrun.crop_and_flip, padding=4),
        **options,
    )


def imagenette(
    model: nn.Module, data: Any, *, epochs: int = 90, batch_size: int = 128, **options: Any
) -> training.History:
    """Train on photographs of 256 x 256 pixels, cut and mirrored at random, in place.

    Parameters
    ----------
    model : nn.Module
        Takes intensities in [0, 1]: ``nn.Sequential(Standardise(mean, std), ResNet(34, 10))``.
    data : (images, labels) or datasets.Data
        uint8 squares of at least 224 pixels, of which crops of 224 are taken.
    epochs, batch_size : int
        The rate, 0.1 at first, is divided by ten after half and after three quarters of the steps.
    **options
        Passed to `utils.training.fit`: validation, seed, device, checkpoint, progress, ...

    Returns
    -------
    History
    """
    return training.fit(
        model,
        data,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=_momentum_sgd,
        schedule="step",
        augment=functools.partial(augmentation.random_crop_flip, size=CROP),
        **options,
    )


def _momentum_sgd(parameters: list[nn.Parameter]) -> Optimizer:
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-4)


def _steps(optimizer: Optimizer, steps: int, drops: list[int]) -> MultiStepLR:
    return MultiStepLR(optimizer, drops)
