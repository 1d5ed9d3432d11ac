"""One network, one set of test images, three ways to ask: one crop, ten crops, the whole image.

The network is a linear classifier on SqueezeNet's frozen features, averaged over all places, so
that it takes images of any size. The images are scenes with one photographed object each, which
may stand anywhere; the objects of the test scenes were never seen in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Comparison", "CropClassifier", "compare", "scenes_with_one_object"]

CLASSES = 8


def scenes_with_one_object(
    split: str, count: int, draw: int = 0, side: int = 128
) -> tuple[Tensor, Tensor]:
    """Scenes that show one object each, somewhere.

    Parameters
    ----------
    split : {"train", "test"}
        A test scene shows an object that no training scene of the same draw shows.
    count : int
        Number of scenes, at least 1.
    draw : int
        Which scenes and which held-out objects, at least 0.
    side : int
        Of the square scenes, in pixels.

    Returns
    -------
    tuple of Tensor
        Images (count, 3, side, side) uint8 and labels (count,) int64, 0..7.
    """
    import torch

    from utils.datasets import load

    data = load(
        "scenes",
        split,
        count=count,
        size=side,
        classes=CLASSES,
        max_objects=1,
        seed=draw,
        hold_out=draw,
        masks=False,
        quiet=True,
    )
    return data.images, torch.stack([target["labels"][0] for target in data.targets])


class CropClassifier:
    """Eight classes on frozen features of SqueezeNet 1.1, whatever the size of the image.

    Parameters
    ----------
    images, labels : Tensor
        (N, 3, H, W) uint8, and (N,) int64, 0..7, each class at least once.
    crop : int
        It learns from one crop of this side a scene, at a random place.
    seed : int
        Of these places.
    """

    def __init__(self, images: Tensor, labels: Tensor, crop: int, seed: int = 0) -> None:
        import torch
        from sklearn.linear_model import LogisticRegression

        from utils.models import pretrained

        network = pretrained("squeezenet1_1")
        self._prepare, self._trunk = network.prepare, network.features
        generator = torch.Generator().manual_seed(seed)
        room = (images.shape[-1] - crop + 1, images.shape[-2] - crop + 1)
        lefts, tops = (torch.randint(n, (len(images),), generator=generator).tolist() for n in room)
        crops = torch.stack(
            [
                image[:, top : top + crop, left : left + crop]
                for image, top, left in zip(images, tops, lefts, strict=True)
            ]
        )
        features = self._features(crops)
        self._mean, self._std = features.mean(0), features.std(0) + 1e-6
        self._linear = LogisticRegression(C=0.003, max_iter=500)
        self._linear.fit(self._scaled(features), labels.numpy())

    def __call__(self, images: Tensor) -> Tensor:
        """Probabilities (N, 8) of images (N, 3, H, W) uint8 of any size from 32 pixels up."""
        import torch

        scaled = self._scaled(self._features(images))
        return torch.from_numpy(self._linear.predict_proba(scaled))

    def _scaled(self, features: Tensor):
        return ((features - self._mean) / self._std).numpy()

    def _features(self, images: Tensor) -> Tensor:
        """(N, 512): each map's mean over all places."""
        import torch

        with torch.inference_mode():
            return torch.cat(
                [
                    self._trunk(self._prepare(part, resize=False)).mean((2, 3))
                    for part in images.split(50)
                ]
            )


@dataclass(frozen=True)
class Comparison:
    """What three protocols found on the same test images.

    Attributes
    ----------
    errors : dict
        "one crop", "ten crops" and "whole image": share named wrongly, 0..1.
    gained, lost : int
        Images that ten crops name rightly and one does not, and the other way round.
    null_error : float
        Share wrong of always answering the commonest class.
    """

    errors: dict[str, float]
    gained: int
    lost: int
    null_error: float


def compare(draw: int, *, train: int, test: int, scene: int, crop: int) -> Comparison:
    """Train the classifier on one draw of scenes and ask it in three ways.

    Parameters
    ----------
    draw : int
        As in `scenes_with_one_object`.
    train, test : int
        Number of scenes to learn from, and to be judged by.
    scene, crop : int
        Sides in pixels.
    """
    import torch

    from utils import augmentation

    images, labels = scenes_with_one_object("test", test, draw, scene)
    classify = CropClassifier(
        *scenes_with_one_object("train", train, draw, scene), crop=crop, seed=draw
    )
    crops = augmentation.ten_crop(images, crop).unbind(dim=1)
    each = [classify(one) for one in crops]
    answers = {
        "one crop": each[4],
        "ten crops": torch.stack(each).mean(0),
        "whole image": classify(images),
    }
    right = {name: answer.argmax(1) == labels for name, answer in answers.items()}
    return Comparison(
        errors={name: 1 - hits.double().mean().item() for name, hits in right.items()},
        gained=int((right["ten crops"] & ~right["one crop"]).sum()),
        lost=int((right["one crop"] & ~right["ten crops"]).sum()),
        null_error=1 - labels.bincount().max().item() / test,
    )
