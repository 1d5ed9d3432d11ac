"""Edges by hand and how well any edge map finds outlines."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["best_f_score", "outline_precision", "sobel_strength"]


def sobel_strength(images: Tensor, sigma: float = 0.0) -> Tensor:
    """Length of the brightness gradient by Sobel's two kernels.

    Parameters
    ----------
    images : Tensor
        (N, C, H, W), uint8 or float; the mean over C is taken as brightness.
    sigma : float
        Standard deviation of a Gaussian blur before, in pixels, >= 0.

    Returns
    -------
    Tensor
        (N, H, W) float32, >= 0: 8 times the slope, in the images' units per pixel; the border is
        continued by its last pixels.

    Raises
    ------
    ValueError
        If the images have not four axes, or sigma is negative or NaN.
    """
    from scipy.ndimage import gaussian_filter

    if images.ndim != 4 or not sigma >= 0:
        raise ValueError(
            f"got images of shape {tuple(images.shape)} and sigma={sigma}: give (N, C, H, W) and "
            "sigma >= 0"
        )
    grey = images.float().mean(1, keepdim=True)
    if sigma:
        grey = torch.from_numpy(gaussian_filter(grey.numpy(), (0, 0, sigma, sigma)))
    across = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])
    kernels = torch.stack([across, across.T])[:, None]
    slopes = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), kernels)
    return slopes.square().sum(1).sqrt()


def outline_precision(strength: Tensor, outlines: Tensor) -> float:
    """Average precision of an edge map: pixels ranked by strength, outlines are the hits.

    Parameters
    ----------
    strength : Tensor
        (N, H, W), any scale.
    outlines : Tensor
        (N, H, W) bool.

    Returns
    -------
    float
        0..1; a random ranking gets the share of outline pixels.
    """
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(outlines.flatten().numpy(), strength.flatten().numpy()))


def best_f_score(strength: Tensor, outlines: Tensor) -> float:
    """Largest harmonic mean of precision and recall that one threshold reaches on all pixels.

    Parameters
    ----------
    strength, outlines : Tensor
        As for `outline_precision`.

    Returns
    -------
    float
        0..1.

    Notes
    -----
    The F-measure at the optimal data-set scale (ODS) of the Berkeley benchmark, without its
    search for matching pixels nearby: here the outlines are three pixels wide instead.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(
        outlines.flatten().numpy(), strength.flatten().numpy()
    )
    return float((2 * precision * recall / np.maximum(precision + recall, 1e-12)).max())
