"""Fine-tuning on HAM10000, to be left alone on a GPU: the lecture's experiment on photographs.

EfficientNet-Lite0 in place of Esteva's Inception-v3. Chosen on the validation part; the test part
is looked at once.
"""

from __future__ import annotations

from os import PathLike

import torch
from torch import Tensor

from utils import calibration, taxonomy, training
from utils.datasets import load
from utils.datasets.ham10000 import DIAGNOSES, TREE
from utils.lesion_reader import threshold_for
from utils.models import TransferNet
from utils.taxonomy import Taxonomy
from utils.transfer import fine_tune, probabilities

__all__ = ["ham10000", "turned"]


def turned(images: Tensor) -> Tensor:
    """Mirror and turn pictures by quarter turns, by chance: a lesion has no upside.

    Parameters
    ----------
    images : Tensor
        (N, C, H, W), H = W.
    """
    coins = torch.randint(8, (len(images),), device=images.device).view(-1, 1, 1, 1)
    images = torch.where(coins % 2 == 1, images.flip(3), images)
    images = torch.where(coins // 2 % 2 == 1, images.flip(2), images)
    return torch.where(coins // 4 == 1, images.transpose(2, 3), images)


def ham10000(
    folder: str | PathLike | None,
    *,
    seed: int = 0,
    device: str = "auto",
    name: str = "efficientnet_lite0",
    size: int = 224,
    epochs: int = 12,
    batch_size: int = 32,
    checkpoint: str | PathLike | None = "build/checkpoints/12",
    progress: bool = True,
) -> dict[str, float]:
    """Fine-tune on HAM10000's lesions and judge on others.

    Parameters
    ----------
    folder : path or None
        See `utils.datasets.ham10000`.
    seed : int
        Of the split, the order and the augmentation.
    device, epochs, batch_size, checkpoint, progress
        As for `utils.training.fit`.
    name, size
        Of the trunk, and the pixels it sees.

    Returns
    -------
    dict
        On the test part: ``accuracy`` and ``null`` (always the most frequent diagnosis),
        ``balanced accuracy``, ``AUC of malignant`` with ``lower`` and ``upper`` end of a 95 %
        interval that takes pictures for independent, ``sensitivity`` and ``specificity`` at the
        threshold that finds nine of ten malignant validation pictures, ``calibration error`` and
        ``temperature``.
    """
    parts = {
        part: load("ham10000", part, folder=folder, size=size, seed=seed)
        for part in ("train", "validation", "test")
    }
    training.set_seed(seed)
    net = TransferNet(name, len(DIAGNOSES), side=size)
    fine_tune(
        net,
        parts["train"],
        validation=parts["validation"],
        keep="best",
        epochs=epochs,
        seed=seed,
        rate=3e-3,
        share=0.1,
        batch_size=batch_size,
        device=device,
        augment=turned,
        checkpoint=checkpoint,
        progress=progress,
    )
    tree = Taxonomy(TREE)
    p = {part: probabilities(net, parts[part].images) for part in ("validation", "test")}
    malignant = set(tree.leaves("malignant"))
    score, sick = {}, {}
    for part, answers in p.items():
        score[part] = taxonomy.sum_up(answers.numpy(), tree, DIAGNOSES, ("malignant", "benign"))[
            :, 0
        ]
        sick[part] = torch.tensor([DIAGNOSES[t] in malignant for t in parts[part].targets]).numpy()
    y = parts["test"].targets
    sure, named = p["test"].max(1)
    hit = named == y
    area, low, high = taxonomy.auc_interval(score["test"], sick["test"])
    threshold = threshold_for(score["validation"], sick["validation"], 0.9)
    found = taxonomy.sensitivity_specificity(score["test"], sick["test"], threshold)
    shares = [hit[y == k].double().mean().item() for k in y.unique()]
    return {
        "accuracy": hit.double().mean().item(),
        "null": y.bincount().max().item() / len(y),
        "balanced accuracy": sum(shares) / len(shares),
        "AUC of malignant": area,
        "lower": low,
        "upper": high,
        "sensitivity": found[0],
        "specificity": found[1],
        "calibration error": calibration.expected_calibration_error(sure.numpy(), hit.numpy()),
        "temperature": calibration.temperature(
            p["validation"].clamp_min(1e-12).log().numpy(), parts["validation"].targets.numpy()
        ),
    }
