"""What belongs to judging heat maps: a class score to explain, weights to destroy, agreement.

The maps themselves come from Captum and from `utils.deconvnet`.

References
----------
Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim (2018). Sanity checks for saliency maps. NeurIPS.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.arguments import check_fill, integer
from utils.deconvnet import sign_hamming

__all__ = [
    "METHODS",
    "STAGES",
    "agreement",
    "attribution",
    "class_score_network",
    "cover",
    "part_distances",
    "randomise",
]

METHODS: tuple[str, ...] = ("gradient", "guided", "deconvnet", "grad-cam", "guided grad-cam")
"""What `attribution` knows, by Captum: Saliency, GuidedBackprop, Deconvolution, LayerGradCam,
GuidedGradCam."""

STAGES: tuple[str, ...] = ("classifier", "fire9", "fire8", "fire6", "fire4", "conv1")
"""How far down `randomise` goes: everything from the class layer down to this one."""

_FIRST = {"classifier": 13, "fire9": 12, "fire8": 11, "fire6": 9, "fire4": 6, "conv1": 0}


def class_score_network(model: nn.Module) -> nn.Sequential:
    """SqueezeNet without its last ReLU, so that a class that it denies has a score too.

    SqueezeNet ends with ReLU and an average over places. A class whose map is zero everywhere has
    no gradient to explain, which happens to random networks all the time.

    Parameters
    ----------
    model : torch.nn.Module
        torchvision's SqueezeNet, as `utils.models.pretrained` gives it. It shares its weights with
        the result; its ReLUs are told not to work in place, which Captum's hooks need.

    Returns
    -------
    torch.nn.Sequential
        ``features``, ``score``, ``pool``, ``flatten``: prepared images (N, 3, H, W) to
        (N, 1000) class scores, in evaluation mode.
    """
    net = nn.Sequential()
    net.add_module("features", model.features)
    net.add_module("score", model.classifier[1])
    net.add_module("pool", nn.AdaptiveAvgPool2d(1))
    net.add_module("flatten", nn.Flatten())
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return net.eval()


def randomise(model: nn.Module, stage: str, seed: int) -> nn.Module:
    """Give a network fresh random weights, from the class layer down to a stage.

    Parameters
    ----------
    model : torch.nn.Module
        Made by `class_score_network`; changed in place.
    stage : str
        One of `STAGES`: "classifier" destroys the class layer only, "conv1" every layer.
    seed : int
        Of the weights, which are drawn as torchvision draws them for an untrained SqueezeNet.

    Returns
    -------
    torch.nn.Module
        ``model``.

    Raises
    ------
    ValueError
        If there is no such stage.

    Notes
    -----
    The cascading randomisation of Adebayo et al. (2018), sec. 4.1.
    """
    if stage not in STAGES:
        raise ValueError(f"there is no stage {stage!r}: there are {', '.join(STAGES)}")
    from torchvision.models import squeezenet1_1

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = squeezenet1_1()
    model.score.load_state_dict(fresh.classifier[1].state_dict())
    for number in range(_FIRST[stage], 13):
        model.features[number].load_state_dict(fresh.features[number].state_dict())
    return model


def attribution(model: nn.Module, image: Tensor, target: int, method: str) -> Tensor:
    """Heat map of one class score by one of Captum's methods.

    Parameters
    ----------
    model : torch.nn.Module
        Made by `class_score_network`.
    image : Tensor
        (1, 3, H, W), prepared.
    target : int
        The class to explain.
    method : str
        One of `METHODS`.

    Returns
    -------
    Tensor
        (H, W), >= 0: the largest size over the colour channels; for Grad-CAM the positive part of
        fire9's map, enlarged.

    Raises
    ------
    ValueError
        If there is no such method.
    """
    from captum import attr

    makers: dict[str, Callable[[], Tensor]] = {
        "gradient": lambda: attr.Saliency(model).attribute(image, target=target),
        "guided": lambda: attr.GuidedBackprop(model).attribute(image, target=target),
        "deconvnet": lambda: attr.Deconvolution(model).attribute(image, target=target),
        "grad-cam": lambda: F.interpolate(
            attr.LayerGradCam(model, model.features[12]).attribute(
                image, target=target, relu_attributions=True
            ),
            image.shape[-2:],
            mode="bilinear",
        ),
        "guided grad-cam": lambda: attr.GuidedGradCam(model, model.features[12]).attribute(
            image, target=target
        ),
    }
    if method not in makers:
        raise ValueError(f"there is no method {method!r}: there are {', '.join(METHODS)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Captum says at every call that it sets hooks
        heat = makers[method]()
    return heat.detach().abs().amax(dim=(0, 1))


def agreement(one: Tensor, other: Tensor) -> tuple[float, float]:
    """How alike two heat maps are, by rank and by structure.

    Parameters
    ----------
    one, other : Tensor
        (H, W), >= 0, on any scale.

    Returns
    -------
    rank, structure : float
        Spearman's rank correlation of the pixels, -1..1 (0 if a map is constant), and the
        structural similarity (SSIM) of the maps, each divided by its 99th percentile and cut
        at 1.
    """
    from scipy.stats import spearmanr
    from skimage.metrics import structural_similarity

    maps = [np.asarray(heat, dtype=np.float64) for heat in (one, other)]
    scaled = [np.clip(m / max(np.quantile(m, 0.99), 1e-30), 0, 1) for m in maps]
    structure = float(structural_similarity(*scaled, data_range=1.0))
    if any(np.ptp(m) == 0 for m in maps):
        return 0.0, structure
    return float(spearmanr(maps[0].ravel(), maps[1].ravel()).statistic), structure


def cover(images: Tensor, places: Sequence | Tensor, size: int, fill: float = 0.0) -> Tensor:
    """Cover one square of each image.

    Parameters
    ----------
    images : Tensor
        (N, C, H, W).
    places : Tensor
        (N, 2) int64, row and column of each square's centre, which lies in the image.
    size : int
        Side of the square, odd, in pixels; it is cut at the border.
    fill : float
        Value of the square.

    Returns
    -------
    Tensor
        (N, C, H, W), a copy.

    Raises
    ------
    TypeError
        If `size` is no whole number.
    ValueError
        If `size` is even or below 1, a centre lies outside its image, or the images' type cannot
        hold `fill`.
    """
    if integer("size", size, at_least=1) % 2 == 0:
        raise ValueError(f"size is {size}: give an odd number, so that the square has a centre")
    check_fill(images, fill)
    covered = images.clone()
    half = size // 2
    height, width = images.shape[-2:]
    for image, (row, column) in zip(covered, torch.as_tensor(places).tolist(), strict=True):
        if not (0 <= row < height and 0 <= column < width):
            raise ValueError(
                f"a square is centred at row {row}, column {column} of an image of {height} x "
                f"{width}: give rows 0..{height - 1} and columns 0..{width - 1}"
            )
        image[:, max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1] = (
            fill
        )
    return covered


@torch.no_grad()
def part_distances(
    features: Callable[[Tensor], dict[str, Tensor]],
    images: Tensor,
    places: dict[str, Tensor],
    size: int,
) -> dict[str, dict[str, Tensor]]:
    """Sign-Hamming distances of what covering each part does to the features.

    Parameters
    ----------
    features : callable
        Maps images (N, C, H, W) to named features (N, F).
    images : Tensor
        (N, C, H, W), N >= 2.
    places : dict of str to Tensor
        For each part (N, 2), row and column of its centre in each image.
    size : int
        Side of the covering square, odd, in pixels.

    Returns
    -------
    dict of str to dict of str to Tensor
        ``result[feature name][part]``: (N(N - 1)/2,) distances of pairs, see
        `utils.deconvnet.sign_hamming`.

    Raises
    ------
    TypeError, ValueError
        As `cover` for `size` and `places`; ValueError also if features are NaN.

    Notes
    -----
    Zeiler and Fergus (2013), arXiv 1311.2901, sec. 4.3.
    """
    whole = features(images)
    found: dict[str, dict[str, Tensor]] = {name: {} for name in whole}
    for part, where in places.items():
        for name, values in features(cover(images, where, size)).items():
            found[name][part] = sign_hamming(whole[name] - values)
    return found
