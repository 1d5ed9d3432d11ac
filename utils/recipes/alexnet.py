"""AlexNet's own recipe (2012) on Imagenette: a training for a GPU, in one call.

Pictures of 256 x 256, random crops of 227 with reflections, PCA colour, the mean picture
subtracted, SGD as printed in the paper, and ten crops at the end. It resumes after a kill.

References
----------
Krizhevsky, Sutskever, Hinton (2012). ImageNet classification with deep convolutional neural
    networks. NIPS 25, secs. 2, 4 and 5.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from utils import augmentation, training
from utils.datasets import Data, load
from utils.models import AlexNet

__all__ = ["CROP", "LessMean", "Outcome", "divide_thrice", "mean_picture", "sgd_2012", "train"]

CROP = 227
"""Side of the crops; the paper's 224 is a slip."""

DROPS = (0.5, 0.75, 0.9)
"""Parts of the training after which the rate is divided by ten. The paper did so by hand, three
times, "when the validation error rate stopped improving" (sec. 5)."""


@dataclass
class Outcome:
    """What a training gave.

    Attributes
    ----------
    model : nn.Module
        Crops (N, 3, 227, 227) on 0..1 -> logits.
    history : History
        Of `training.fit`.
    one_crop, ten_crops : float
        Share of test pictures that are right, by the centre crop and by the average of ten.
    """

    model: nn.Module
    history: training.History
    one_crop: float
    ten_crops: float


class LessMean(nn.Module):
    """Pictures on 0..1 -> grey levels less their mean, which is what the paper's net reads.

    Parameters
    ----------
    mean : Tensor
        (3, H, W) on 0..1: the mean of every pixel over the training pictures.
    """

    mean: Tensor

    def __init__(self, mean: Tensor):
        super().__init__()
        self.register_buffer("mean", mean)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (N, 3, >= H, >= W) -> 255 (x - mean) of their middle crops (N, 3, H, W)."""
        return 255 * (augmentation.centre_crop(x, self.mean.shape[-1]) - self.mean)


def mean_picture(images: Tensor, size: int = CROP) -> Tensor:
    """Mean of every pixel over the middle crops of `images`, uint8 (N, 3, H, W): (3, size, size) on 0..1."""
    total = torch.zeros(3, size, size, dtype=torch.float64)
    for batch in augmentation.centre_crop(images, size).split(256):
        total += batch.double().sum(dim=0)
    return (total / (255 * len(images))).float()


def sgd_2012(parameters) -> torch.optim.SGD:
    """SGD over `parameters` with the paper's rate 0.01, momentum 0.9 and weight decay 0.0005 (sec. 5)."""
    return torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=5e-4)


def divide_thrice(optimizer: torch.optim.Optimizer, steps: int):
    """Schedule of `optimizer`: its rate is divided by ten at the parts `DROPS` of all `steps`.

    Raises
    ------
    ValueError
        If `steps` is no whole number of 1 or more.
    """
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps is {steps!r}: give a whole number of 1 or more")
    milestones = [round(part * steps) for part in DROPS]
    return torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=0.1)


def crop_and_colour(images: Tensor, components: tuple[Tensor, Tensor]) -> Tensor:
    """Augment `images` (N, 3, H, W) as in training: random crop, reflection, PCA colour (sec. 4.1).

    `components` are eigenvalues (3,) and eigenvectors (3, 3) of the colours' covariance.

    Raises
    ------
    ValueError
        If the images are not floating point, are smaller than the crop, or the components have
        other shapes.
    """
    return augmentation.pca_colour(augmentation.random_crop_flip(images, CROP), components)


def train(
    folder: str | os.PathLike | None = None,
    *,
    epochs: int = 90,
    batch_size: int = 128,
    seed: int = 0,
    device: str | torch.device = "auto",
    checkpoint: str | os.PathLike | None = None,
    limit: int | None = None,
    network: nn.Module | None = None,
    progress: bool = True,
) -> Outcome:
    """Train AlexNet on Imagenette as the paper trained it on ImageNet.

    Parameters
    ----------
    folder : path, optional
        Of Imagenette (see `utils.datasets.imagenette`).
    epochs, batch_size, seed, device, checkpoint, progress
        As in `training.fit`; with a checkpoint folder a killed training goes on where it was.
    limit : int, optional
        So many pictures of each class, to try whether everything runs.
    network : nn.Module, optional
        Instead of ``AlexNet(num_classes=10)``: reads crops (N, 3, 227, 227).

    Returns
    -------
    Outcome

    Notes
    -----
    The paper made 90 passes over 1.2 million pictures. Ninety passes over Imagenette are less
    than a hundredth of its steps. The training pictures fill 1.9 GB of memory.
    """
    pictures = load("imagenette", "train", folder=folder, limit=limit)
    test = load("imagenette", "test", folder=folder, limit=limit)
    training.set_seed(seed)
    model = nn.Sequential(
        LessMean(mean_picture(pictures.images)),
        AlexNet(num_classes=10) if network is None else network,
    )
    learn, held_out = _parts(pictures, seed)
    components = augmentation.colour_components(pictures.images[:: max(1, len(pictures) // 500)])
    history = training.fit(
        model,
        learn,
        validation=(augmentation.centre_crop(held_out.images, CROP), held_out.targets),
        augment=functools.partial(crop_and_colour, components=components),
        epochs=epochs,
        batch_size=batch_size,
        optimizer=sgd_2012,
        schedule=divide_thrice,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        progress=progress,
    )
    return Outcome(model, history, *_scores(model, test))


def _parts(pictures: Data, seed: int) -> tuple[Data, Data]:
    """A twentieth of the pictures are kept aside, at least ten."""
    from utils.datasets import split

    return split(pictures, validation=max(10, len(pictures) // 20), seed=seed)


def _scores(model: nn.Module, test: Data) -> tuple[float, float]:
    """Share right by one crop and by ten, 25 pictures at a time."""
    device = next(model.parameters()).device
    one = ten = 0
    for images, targets in zip(test.images.split(25), test.targets.split(25), strict=True):
        batch, labels = images.to(device).float() / 255, targets.to(device)
        with torch.no_grad():
            middle = model(augmentation.centre_crop(batch, CROP)).argmax(dim=1)
        views = augmentation.ten_crop_probabilities(model, batch, CROP, batch_size=25)
        one += int((middle == labels).sum())
        ten += int((views.argmax(dim=1) == labels).sum())
    return one / len(test), ten / len(test)
