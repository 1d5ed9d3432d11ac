"""Reading rendered lesions: a head on frozen vectors, summed up the tree, and fooled by a ruler.

What lecture 12's study and its live cells have in common. The pictures are drawings
(`utils.datasets.lesions`): nothing found here says anything about skin.
"""

from __future__ import annotations

import io

import numpy as np
import torch
from torch import Tensor, nn

from utils import calibration, taxonomy
from utils.datasets import lesions, load
from utils.models.transfer import Trunk, describe
from utils.taxonomy import Taxonomy
from utils.transfer import probabilities, train_head

__all__ = [
    "CONDITIONS",
    "READERS",
    "TREE",
    "classes_of",
    "level_accuracy",
    "malignancy",
    "read_by_colour",
    "rulers",
    "study",
    "summary",
    "threshold_for",
    "train",
]

TREE = Taxonomy(lesions.TREE)

PASSES = 20
LARGEST = 150
"""Most pictures of a training class that is not a leaf, for the partition."""

READERS, READER_PICTURES = 21, 90
"""Made-up readers, and how many pictures each of them learned from."""

CONDITIONS: tuple[str, ...] = ("biased", "none", "all", "reversed")
"""Which test pictures show a ruler; names and shares are those of `utils.datasets.lesions`."""


def classes_of(names: tuple[str, ...], targets: Tensor) -> Tensor:
    """Classes of pictures whose targets are leaves.

    Parameters
    ----------
    names : tuple of str
        Nodes that together hold every leaf once: a level, or a partition.
    targets : Tensor
        int64 (N,), positions in `lesions.LEAVES`.

    Returns
    -------
    Tensor
        int64 (N,), positions in `names`.

    Raises
    ------
    ValueError
        If a picture is of a leaf that no name holds, as a partition of few pictures leaves some out.
    """
    place = {leaf: k for k, name in enumerate(names) for leaf in TREE.leaves(name)}
    classes = torch.tensor([place.get(leaf, -1) for leaf in lesions.LEAVES])[targets]
    if (classes < 0).any():
        without = [leaf for leaf in lesions.LEAVES if leaf not in place]
        raise ValueError(
            f"some pictures are of leaves that no class holds, of {', '.join(without)}: give names "
            "that together hold every leaf, or more pictures to the partition"
        )
    return classes


def train(vectors: Tensor, targets: Tensor, names: tuple[str, ...], seed: int) -> nn.Linear:
    """Learn a head that names these nodes.

    Parameters
    ----------
    vectors : Tensor
        float (N, D).
    targets : Tensor
        int64 (N,), positions in `lesions.LEAVES`.
    names : tuple of str
        Nodes that together hold every leaf once.
    seed : int
        Of the order of learning.
    """
    return train_head(
        vectors, classes_of(names, targets), len(names), epochs=PASSES, seed=seed, lr=1e-3
    )


def malignancy(p: Tensor, names: tuple[str, ...]) -> np.ndarray:
    """Probability of "malignant", (N,), summed over the classes below it.

    Parameters
    ----------
    p : Tensor
        (N, number of names), rows that sum to 1.
    names : tuple of str
        The node of each column.
    """
    return taxonomy.sum_up(p.numpy(), TREE, names, ("benign", "malignant"))[:, 1]


def level_accuracy(p: Tensor, names: tuple[str, ...], targets: Tensor, depth: int) -> float:
    """Share of pictures named rightly at a depth of the tree, probabilities summed up to it.

    Parameters
    ----------
    p : Tensor
        (N, number of names), rows that sum to 1.
    names : tuple of str
        The node of each column, at that depth or below.
    targets : Tensor
        int64 (N,), positions in `lesions.LEAVES`.
    depth : {1, 2, 3}
        Steps below the root.
    """
    groups = TREE.level(depth)
    summed = taxonomy.sum_up(p.numpy(), TREE, names, groups)
    return float((summed.argmax(1) == classes_of(groups, targets).numpy()).mean())


def threshold_for(scores: np.ndarray, positive: np.ndarray, sensitivity: float) -> float:
    """Highest threshold at which at least this share of the positives is found.

    Parameters
    ----------
    scores : array
        (N,) floats; a picture is called positive at or above the threshold.
    positive : array
        (N,) bools, at least one True.
    sensitivity : float
        Above 0, at most 1.
    """
    found = np.sort(np.asarray(scores)[np.asarray(positive, bool)])[::-1]
    return float(found[int(np.ceil(sensitivity * len(found) - 1e-9)) - 1])


def rulers(bare: Tensor, ruled: Tensor, positive: np.ndarray, condition: str, seed: int) -> Tensor:
    """Choose for every picture whether it is shown with its ruler.

    Parameters
    ----------
    bare, ruled : Tensor
        (N, ...) vectors or pictures of the same lesions, without and with a ruler.
    positive : array
        (N,) bools: which are malignant.
    condition : str
        One of `CONDITIONS`.
    seed : int

    Returns
    -------
    Tensor
        (N, ...).

    Raises
    ------
    ValueError
        If there is no such condition.
    """
    shares = lesions._ruler_shares(condition)
    chance = np.where(positive, shares["malignant"], shares["benign"])
    shown = np.random.default_rng(seed).random(len(chance)) < chance
    mask = torch.from_numpy(shown).view(-1, *[1] * (bare.ndim - 1))
    return torch.where(mask, ruled, bare)


def read_by_colour(images: Tensor) -> Tensor:
    """Eight by eight mean colours of pictures, (N, 192): what a null model sees.

    Parameters
    ----------
    images : Tensor
        uint8 (N, 3, H, W).
    """
    return nn.functional.adaptive_avg_pool2d(images.float() / 255, 8).flatten(1)


def study(seed: int, keep_files: bool, counts: dict[str, int] | None = None) -> dict:
    """Learn from one collection, judge on it, plant a ruler and take it away again.

    Parameters
    ----------
    seed : int
        Of the collection, and of the order of learning.
    keep_files : bool
        Whether to keep heads, answers and a picture.
    counts : dict, optional
        Pictures of "train", "validation" and "test".

    Returns
    -------
    dict
        ``accuracy.<trained on>.<depth>`` and ``auc.<trained on>`` for ``leaves``, ``families``,
        ``groups`` and ``partition``, ``auc.pixels``; ``auc.interval``; ``ece`` and ``ece.cooled``
        with ``temperature``, ``ece.validation`` (optimistic); ``operating.*``; ``readers``, pairs
        of sensitivity and specificity, and ``readers.below``; ``ruler.<measure>.<condition>`` of
        the net that learned from biased pictures and ``clean.<measure>.<condition>`` of the other.
    """
    counts = counts or lesions.COUNTS
    trunk = Trunk("squeezenet1_1", side=lesions.SIZE)

    def pictures(split: str, ruler: str = "none"):
        data = load("lesions", split, count=counts[split], seed=seed, ruler=ruler, quiet=True)
        return data.images, data.targets

    x, y, images = {}, {}, {}
    for split in ("train", "validation", "test"):
        images[split], y[split] = pictures(split)
        x[split] = describe(trunk, images[split])
    ruled = {split: describe(trunk, pictures(split, "all")[0]) for split in ("train", "test")}
    positive = {split: classes_of(TREE.level(1), y[split]).numpy() == 1 for split in y}
    sick = positive["test"]

    # leaves, coarse classes, and the classes of the partition
    leaf_counts = dict(zip(lesions.LEAVES, y["train"].bincount(minlength=18).tolist(), strict=True))
    parts = tuple(c.name for c in taxonomy.partition(TREE, leaf_counts, LARGEST))
    kinds = {
        "leaves": (TREE.level(3), (3, 2, 1)),
        "families": (TREE.level(2), (2, 1)),
        "groups": (TREE.level(1), (1,)),
        "partition": (parts, (1,)),
    }
    results: dict = {"partition.classes": len(parts)}
    heads, answers = {}, {}
    for kind, (names, depths) in kinds.items():
        heads[kind] = train(x["train"], y["train"], names, seed)
        answers[kind] = probabilities(heads[kind], x["test"])
        for depth in depths:
            right = level_accuracy(answers[kind], names, y["test"], depth)
            results[f"accuracy.{kind}.{depth}"] = round(right, 4)
        area = taxonomy.auc_interval(malignancy(answers[kind], names), sick)
        results[f"auc.{kind}"] = round(area[0], 4)
        if kind == "leaves":
            results["auc.interval"] = [round(end, 4) for end in area[1:]]
    plain = {split: read_by_colour(images[split]) for split in ("train", "test")}
    pixels = train(plain["train"], y["train"], TREE.level(1), seed)
    scores = malignancy(probabilities(pixels, plain["test"]), TREE.level(1))
    results["auc.pixels"] = round(taxonomy.auc_interval(scores, sick)[0], 4)

    # calibration of the leaves
    with torch.no_grad():
        logits = {split: heads["leaves"](x[split]) for split in ("validation", "test")}
    t = calibration.temperature(logits["validation"].numpy(), y["validation"].numpy())
    for name, p in (
        ("ece", answers["leaves"]),
        ("ece.cooled", (logits["test"] / t).softmax(1)),
    ):
        sure, named = p.max(1)
        error = calibration.expected_calibration_error(sure.numpy(), (named == y["test"]).numpy())
        results[name] = round(error, 4)
    results["temperature"] = round(t, 3)

    # an operating point, set on validation pictures; made-up readers beside the curve
    leaves = TREE.level(3)
    score = malignancy(answers["leaves"], leaves)
    chosen = malignancy(logits["validation"].softmax(1), leaves)
    threshold = threshold_for(chosen, positive["validation"], 0.9)
    at = taxonomy.sensitivity_specificity(score, sick, threshold)
    results |= {"operating.sensitivity": round(at[0], 4), "operating.specificity": round(at[1], 4)}
    results["operating.threshold"] = round(threshold, 4)
    readers = _readers(x, y, sick, seed)
    results["readers"] = [[round(v, 4) for v in point] for point in readers]
    best = [_specificity_at(score, sick, point[0]) for point in readers]
    below = [point[1] < curve for point, curve in zip(readers, best, strict=True)]
    results["readers.below"] = sum(below)

    # the planted ruler
    learned = rulers(x["train"], ruled["train"], positive["train"], "biased", seed)
    biased = train(learned, y["train"], leaves, seed)
    for condition in CONDITIONS:
        shown = rulers(x["test"], ruled["test"], sick, condition, 100 + seed)
        for name, head in (("ruler", biased), ("clean", heads["leaves"])):
            score = malignancy(probabilities(head, shown), leaves)
            at = taxonomy.sensitivity_specificity(score, sick, 0.5)
            results[f"{name}.auc.{condition}"] = round(taxonomy.auc_interval(score, sick)[0], 4)
            results[f"{name}.sensitivity.{condition}"] = round(at[0], 4)
            results[f"{name}.specificity.{condition}"] = round(at[1], 4)

    if keep_files:
        stored = {"targets": y["test"].numpy().astype(np.uint8)}
        stored["validation_targets"] = y["validation"].numpy().astype(np.uint8)
        for split in logits:
            stored[f"{split}_logits"] = logits[split].numpy().astype(np.float16)
        for name, head in (("leaves", heads["leaves"]), ("biased", biased)):
            for part, value in head.state_dict().items():
                stored[f"{name}.{part}"] = value.numpy().astype(np.float16)
        packed = io.BytesIO()
        np.savez_compressed(packed, **stored)
        shown = images["test"][[int((y["test"] == kind).nonzero()[0]) for kind in (1, 7, 12, 13)]]
        results["files"] = {"lesions.npz": packed.getvalue(), "preview.png": _preview(shown)}
    return results


def stored_head(stored, name: str) -> nn.Linear:
    """Head that a study kept.

    Parameters
    ----------
    stored : mapping of str to array
        The opened ``lesions.npz``.
    name : {"leaves", "biased"}
    """
    weight, bias = (
        torch.from_numpy(stored[f"{name}.{part}"].astype(np.float32)) for part in ("weight", "bias")
    )
    head = nn.Linear(weight.shape[1], weight.shape[0])
    head.load_state_dict({"weight": weight, "bias": bias})
    return head.eval()


def summary(runs) -> dict:
    """Mean and sample standard deviation of each number over the runs (`utils.measured.Runs`)."""
    names = [name for name, value in runs.runs[0].results.items() if isinstance(value, float | int)]
    return {
        name: {
            "mean": round(runs.mean(name), 3),
            "sd": round(runs.sd(name), 3) if len(runs) > 1 else 0.0,
        }
        for name in names
    }


def _readers(x: dict, y: dict, sick: np.ndarray, seed: int) -> list[tuple[float, float]]:
    """Sensitivity and specificity of made-up readers: each saw few pictures, and is cautious or not.

    Each learned benign or malignant from pictures of its own, and answers yes above a threshold of
    its own, between 0.1 and 0.6.
    """
    found = []
    for number in range(READERS):
        generator = np.random.default_rng([seed, number])
        seen = torch.from_numpy(
            generator.choice(len(x["train"]), min(READER_PICTURES, len(x["train"])), replace=False)
        )
        head = train(x["train"][seen], y["train"][seen], TREE.level(1), number)
        score = malignancy(probabilities(head, x["test"]), TREE.level(1))
        found.append(taxonomy.sensitivity_specificity(score, sick, generator.uniform(0.1, 0.6)))
    return found


def _specificity_at(score: np.ndarray, sick: np.ndarray, sensitivity: float) -> float:
    """Specificity of a curve where it reaches at least this sensitivity."""
    threshold = threshold_for(score, sick, sensitivity) if sensitivity > 0 else np.inf
    return taxonomy.sensitivity_specificity(score, sick, threshold)[1]


def _preview(images: Tensor) -> bytes:
    """PNG of 480 x 120: four lesions."""
    from PIL import Image

    sheet = Image.new("RGB", (480, 120), (255, 255, 255))
    for column, image in enumerate(images):
        tile = Image.fromarray(image.permute(1, 2, 0).numpy())
        sheet.paste(tile.resize((118, 118), Image.Resampling.LANCZOS), (1 + 120 * column, 1))
    packed = io.BytesIO()
    sheet.save(packed, "PNG", optimize=True)
    return packed.getvalue()
