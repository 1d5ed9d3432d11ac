"""Semi-adversarial training and its judgement: prototypes, losses, match scores, attackers.

A semi-adversarial network redraws a face so that an attribute can no longer be classified, while
a matcher still recognises the person. *Semi*, because one auxiliary network is fooled and the
other satisfied.

Source: V. Mirjalili, S. Raschka, A. Namboodiri, A. Ross: Semi-adversarial networks: convolutional
autoencoders for imparting privacy to face images, ICB 2018 (arXiv 1712.00321), and the code they
released. Pictures are grey (N, 1, H, W) and prototypes RGB (N, 3, H, W), both in 0..1; styles are
labels 0 or 1 of the attribute.
"""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.arguments import check_no_nan

OUTPUTS = ("SM", "NT", "OP")
"""Same, neutral and opposite: the three pictures made of a face."""

LOSSES = ("reconstruction", "balanced", "paper", "code-start", "code")
"""What `SemiAdversarialTraining` can minimise."""


def grey(images: Tensor) -> Tensor:
    """Grey pictures in 0..1 of RGB ones, with the weights of ITU-R BT.601.

    Parameters
    ----------
    images : Tensor
        (N, 3, H, W): uint8 in 0..255, or floats in 0..1.

    Returns
    -------
    Tensor
        float32 (N, 1, H, W).

    Raises
    ------
    ValueError
        If the images have another shape.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images have shape {tuple(images.shape)}: give (N, 3, H, W)")
    scale = 255.0 if images.dtype == torch.uint8 else 1.0
    red, green, blue = images.unbind(1)
    return (0.299 * red.float() + 0.587 * green + 0.114 * blue).div_(scale).unsqueeze(1)


class Prototypes(nn.Module):
    """The mean face of each style, and which of them a face is given (paper, sec. 2.2.2).

    Parameters
    ----------
    images : Tensor
        (N, 3, H, W) training faces, uint8 in 0..255 or floats in 0..1.
    styles : Tensor
        (N,) labels 0 or 1; both must occur.

    Attributes
    ----------
    means : Tensor
        (2, 3, H, W) in 0..1: mean face of style 0 and of style 1.
    neutral_mean : Tensor
        (3, H, W): the mean of both, weighted by how many faces each has.

    Raises
    ------
    ValueError
        If the shapes do not fit or a style does not occur.
    """

    means: Tensor
    neutral_mean: Tensor

    def __init__(self, images: Tensor, styles: Tensor) -> None:
        super().__init__()
        if images.ndim != 4 or len(images) != len(styles):
            raise ValueError(
                f"images of shape {tuple(images.shape)} and {len(styles)} styles: give (N, 3, H, W) "
                "and one style a face"
            )
        scale = 255.0 if images.dtype == torch.uint8 else 1.0
        counts = torch.bincount(styles, minlength=2)
        if len(counts) != 2 or not bool(counts.all()):
            raise ValueError(f"faces by style {counts.tolist()}: give some of style 0 and of 1")
        means = torch.stack([images[styles == s].float().mean(0) / scale for s in (0, 1)])
        self.register_buffer("means", means)
        share = (counts / counts.sum()).to(means)
        self.register_buffer("neutral_mean", (share[:, None, None, None] * means).sum(0))

    def same(self, styles: Tensor) -> Tensor:
        """P_SM: the prototype of each face's own style, (N, 3, H, W).

        `styles` are the labels (N,), 0 or 1.
        """
        return self.means[styles]

    def neutral(self, styles: Tensor) -> Tensor:
        """P_NT: the count-weighted mean of both, (N, 3, H, W).

        `styles` are the labels (N,), 0 or 1.
        """
        return self.neutral_mean.expand(len(styles), -1, -1, -1)

    def opposite(self, styles: Tensor) -> Tensor:
        """P_OP: the prototype of the other style, (N, 3, H, W).

        `styles` are the labels (N,), 0 or 1.
        """
        return self.means[1 - styles]


def modify(
    autoencoder: nn.Module,
    prototypes: Prototypes,
    faces: Tensor,
    styles: Tensor,
    batch_size: int = 200,
) -> dict[str, Tensor]:
    """Redraw faces with all three prototypes.

    Parameters
    ----------
    autoencoder : ProtoAutoencoder
        Put into evaluation mode.
    prototypes : Prototypes
        On the autoencoder's device.
    faces, styles : Tensor
        (N, 1, H, W) in 0..1, and (N,) labels. The tool must be *told* each face's style.
    batch_size : int

    Returns
    -------
    dict of str to Tensor
        "SM", "NT", "OP": (N, 1, H, W) in 0..1, on the CPU.
    """
    autoencoder.eval()
    device = prototypes.means.device
    parts: dict[str, list[Tensor]] = {name: [] for name in OUTPUTS}
    with torch.no_grad():
        for x, s in zip(faces.split(batch_size), styles.split(batch_size), strict=True):
            x, s = x.to(device), s.to(device)
            protos = prototypes.same(s), prototypes.neutral(s), prototypes.opposite(s)
            pictures = autoencoder(torch.cat([x, protos[0]], 1), *protos)
            for name, picture in zip(OUTPUTS, pictures, strict=True):
                parts[name].append(picture.cpu())
    return {name: torch.cat(pictures) for name, pictures in parts.items()}


# ------------------------------------------------------------------------------------- losses


def attribute_loss(classifier: Callable, same: Tensor, opposite: Tensor, styles: Tensor) -> Tensor:
    """J_G: the classifier shall see the style in X'_SM and the *other* one in X'_OP.

    `same` and `opposite` are these pictures (N, 1, H, W), `styles` the labels (N,), 0 or 1.
    """
    keep = F.cross_entropy(classifier(same), styles)
    return keep + F.cross_entropy(classifier(opposite), 1 - styles)


def matcher_loss(embed: Callable, same: Tensor, x: Tensor) -> Tensor:
    """J_M of the paper: squared distance of the embeddings of X'_SM and X, mean over faces.

    `embed` maps pictures `same` and `x`, (N, 1, H, W), to (N, embedding). Raises ValueError if
    their shapes differ.
    """
    _check_pairs(same=same, x=x)
    return (embed(same) - embed(x).detach()).square().sum(1).mean()


def code_matcher_loss(embed: Callable, same: Tensor, opposite: Tensor, x: Tensor) -> Tensor:
    """What the released code takes instead: the *mean* of two embeddings against that of X.

    Arguments as for `matcher_loss`. The code sums over its batches of 8 faces; here it is the mean
    over faces times 8, the same number for such a batch. Two errors in opposite directions cancel:
    it may be 0 although neither picture is recognised. Raises ValueError as `matcher_loss`.
    """
    _check_pairs(same=same, opposite=opposite, x=x)
    middle = (embed(same) + embed(opposite)) / 2
    return 8 * (middle - embed(x).detach()).square().sum(1).mean()


def _check_pairs(**pictures: Tensor) -> None:
    shapes = {name: tuple(some.shape) for name, some in pictures.items()}
    if len(set(shapes.values())) > 1:
        given = " and ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"the shapes are {given}: give the same faces in the same order")


class SemiAdversarialTraining(nn.Module):
    """An autoencoder with what it is trained against: gives its loss, for ``fit(loss="model")``.

    Parameters
    ----------
    autoencoder : ProtoAutoencoder
        The only part that learns.
    prototypes : Prototypes
    classifier : nn.Module, optional
        Auxiliary classifier: (N, 1, H, W) to scores (N, 2). Frozen here.
    embed : FaceMatcher, optional
        Auxiliary matcher. Frozen here.
    losses : {"reconstruction", "balanced", "paper", "code-start", "code"}
        "reconstruction": J_D alone, per pixel, the paper's pre-training (needs no other net).
        "paper": J_G + J_M. "code-start": attribute loss + L1, the released code's first quarter;
        "code": the same + 8 x matcher loss on the mean embedding. "balanced" is ours: cross-entropy of both X'_SM and
        X'_OP, so that both stay pictures of the face, and the matcher on both.

    Raises
    ------
    ValueError
        If the losses are unknown or a net that they need is missing.
    """

    def __init__(
        self,
        autoencoder: nn.Module,
        prototypes: Prototypes,
        classifier: nn.Module | None = None,
        matcher: nn.Module | None = None,
        losses: str = "reconstruction",
    ) -> None:
        super().__init__()
        if losses not in LOSSES:
            raise ValueError(f"there are no losses {losses!r}: choose one of {', '.join(LOSSES)}")
        if losses != "reconstruction" and (classifier is None or matcher is None):
            raise ValueError(f"the losses {losses!r} need a classifier and a matcher: give both")
        self.autoencoder = autoencoder
        self.prototypes = prototypes
        self.losses = losses
        self.classifier, self.matcher = classifier, matcher
        for judge in (classifier, matcher):
            if judge is not None:
                judge.eval().requires_grad_(False)

    def forward(self, faces: Tensor, styles: Tensor) -> Tensor:
        """Loss, a scalar, of grey faces (N, 1, H, W) in 0..1 with labels (N,)."""
        same_proto = self.prototypes.same(styles)
        inputs = torch.cat([faces, same_proto], dim=1)
        if self.losses == "reconstruction":
            return F.binary_cross_entropy(self.autoencoder(inputs), faces)
        same, opposite = self.autoencoder(inputs, same_proto, self.prototypes.opposite(styles))
        fooled = attribute_loss(self.classifier, same, opposite, styles)
        embed = self.matcher.embed
        if self.losses == "paper":
            return fooled + matcher_loss(embed, same, faces)
        if self.losses in ("code-start", "code"):
            close = (faces - same).abs().mean()
            if self.losses == "code-start":
                return fooled + close
            return fooled + close + 8 * code_matcher_loss(embed, same, opposite, faces)
        pixels = F.binary_cross_entropy(same, faces)
        pixels = pixels + 0.5 * F.binary_cross_entropy(opposite, faces)
        known = matcher_loss(embed, same, faces) + matcher_loss(embed, opposite, faces)
        return 4 * pixels + 0.1 * fooled + 0.3 * known


# ----------------------------------------------------------------------------------- judgement


def match_scores(
    embed: Callable,
    probes: Tensor,
    gallery: Tensor,
    persons: Tensor,
    styles: Tensor | None = None,
    batch_size: int = 200,
) -> tuple[Tensor, Tensor]:
    """Cosines between probes and gallery, for all pairs made from two different pictures.

    Parameters
    ----------
    embed : function
        Pictures (N, 1, H, W) to unit vectors (N, D), such as `FaceMatcher.embed`.
    probes, gallery : Tensor
        (N, 1, H, W): probe i is made from gallery picture i, or is it. That pair is left out.
    persons : Tensor
        (N,) who they show.
    styles : Tensor, optional
        (N,) labels: only pairs of the same style are compared then, so that the style itself
        cannot tell two persons apart.
    batch_size : int

    Returns
    -------
    genuine, impostor : Tensor
        Scores of pairs of the same person, and of two persons.
    """
    with torch.no_grad():
        found = [
            torch.cat([embed(part) for part in pictures.split(batch_size)])
            for pictures in (probes, gallery)
        ]
    scores = found[0] @ found[1].T
    same_person = persons[:, None] == persons[None]
    compared = ~torch.eye(len(persons), dtype=torch.bool, device=scores.device)
    if styles is not None:
        compared &= styles[:, None] == styles[None]
    return scores[compared & same_person], scores[compared & ~same_person]


def true_match_rate(genuine: Tensor, impostor: Tensor, fmr: float | Tensor) -> Tensor:
    """Share of genuine pairs accepted, where at most a share `fmr` of impostor pairs is.

    Parameters
    ----------
    genuine, impostor : Tensor
        Scores; a pair is accepted if its score is above the threshold. The threshold is the
        smallest impostor score that no more than ``fmr`` of the impostors exceed.
    fmr : float or Tensor
        False match rates, 0 <= fmr < 1.

    Returns
    -------
    Tensor
        True match rates in 0..1, of the shape of `fmr`.

    Raises
    ------
    ValueError
        If the scores are no vectors, empty or NaN, or a rate is out of range.
    """
    _check_scores(genuine, impostor)
    rates = torch.as_tensor(fmr, dtype=torch.float64)
    if bool(((rates < 0) | (rates >= 1)).any()):
        raise ValueError(f"false match rates {rates.tolist()}: give rates from 0 to below 1")
    falling = impostor.sort(descending=True).values
    allowed = (rates * len(impostor) + 1e-9).floor().long()
    thresholds = falling[allowed]
    rising = genuine.sort().values
    above = len(genuine) - torch.searchsorted(rising, thresholds, right=True)
    return above.double() / len(genuine)


def area_under_roc(genuine: Tensor, impostor: Tensor) -> float:
    """Chance that a genuine pair scores higher than an impostor pair (ties count half).

    Parameters
    ----------
    genuine, impostor : Tensor
        Scores, (N,) and (M,).

    Returns
    -------
    float
        In 0..1.

    Raises
    ------
    ValueError
        If the scores are no vectors, empty or NaN.

    >>> area_under_roc(torch.tensor([0.9, 0.4]), torch.tensor([0.1, 0.4]))
    0.875
    """
    _check_scores(genuine, impostor)
    rising = impostor.sort().values
    below = torch.searchsorted(rising, genuine) + torch.searchsorted(rising, genuine, right=True)
    return (below.double().mean() / (2 * len(impostor))).item()


def _check_scores(genuine: Tensor, impostor: Tensor) -> None:
    if genuine.ndim != 1 or impostor.ndim != 1 or not len(genuine) or not len(impostor):
        raise ValueError(
            f"genuine scores of shape {tuple(genuine.shape)}, impostor scores of shape "
            f"{tuple(impostor.shape)}: give two vectors, with some of both"
        )
    check_no_nan(genuine=genuine, impostor=impostor)


def psnr(pictures: Tensor, originals: Tensor) -> float:
    """Peak signal-to-noise ratio in decibels, mean over pictures.

    `pictures` and `originals` are (N, ...) in 0..1. 20 dB is an error of a tenth of the range (root
    mean square), 40 dB of a hundredth. Raises ValueError if their shapes differ.
    """
    _check_pairs(pictures=pictures, originals=originals)
    error = (pictures - originals).square().flatten(1).mean(1).clamp(min=1e-12)
    return (-10 * error.log10()).mean().item()


def accuracy(classifier: nn.Module, pictures: Tensor, styles: Tensor) -> float:
    """Share of `pictures` (N, 1, H, W) whose style the classifier names rightly, in 0..1.

    `styles` are the true labels (N,), 0 or 1. Raises ValueError for others, and if the classifier
    answers NaN.
    """
    if styles.shape != pictures.shape[:1] or not set(styles.tolist()) <= {0, 1}:
        raise ValueError(
            f"{len(pictures)} pictures and styles of shape {tuple(styles.shape)}: give one style a "
            "picture, 0 or 1"
        )
    classifier.eval()
    with torch.no_grad():
        logits = torch.cat([classifier(part) for part in pictures.split(200)])
    check_no_nan(logits=logits)
    found = logits.argmax(1)
    return (found == styles).double().mean().item()


def restore(network: nn.Module, path: str | PathLike) -> nn.Module:
    """Put weights that a study stored, in half precision, into a network.

    Parameters
    ----------
    network : nn.Module
        Of the stored kind. What only training needs (a matcher's persons, counters of batches) is
        not stored and stays as it is.
    path : path
        An ``.npz`` file.

    Returns
    -------
    nn.Module
        The same network, in evaluation mode.

    Raises
    ------
    ValueError
        If the file belongs to another network.
    """
    import numpy as np

    with np.load(path) as stored:
        weights = {name: torch.from_numpy(stored[name].astype(np.float32)) for name in stored}
    try:
        missing, unknown = network.load_state_dict(weights, strict=False)
    except RuntimeError:
        missing, unknown = [], ["shapes"]
    missing = [name for name in missing if not name.endswith(("persons", "num_batches_tracked"))]
    if missing or unknown:
        raise ValueError(
            f"{path} does not fit {type(network).__name__}: give the network it was stored from"
        )
    return network.eval()
