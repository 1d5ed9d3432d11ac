"""Whether a probability means what it says: reliability, its summary, and one number that mends it.

References
----------
C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, On calibration of modern neural networks, ICML 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Reliability", "expected_calibration_error", "reliability", "temperature"]


@dataclass(frozen=True)
class Reliability:
    """Predictions sorted into bins by what they claimed; empty bins are left out.

    Attributes
    ----------
    count : array of int
        Predictions in each bin.
    claimed, observed : array of float
        Mean probability claimed in a bin, and the share of it that came true, 0..1.
    """

    count: np.ndarray
    claimed: np.ndarray
    observed: np.ndarray


def reliability(probabilities: Any, true: Any, bins: int = 10) -> Reliability:
    """Sort predictions into bins of equal width by the probability they claimed.

    Parameters
    ----------
    probabilities : sequence of N floats
        What was claimed, 0..1: of the class named, or of the positive class.
    true : sequence of N bools
        Whether it was so.
    bins : int
        At least 1. Bin k holds the probabilities from k / bins up to, but without, the next
        edge; 1.0 belongs to the last.

    Raises
    ------
    ValueError
        If lengths differ, there is nothing, or a probability is outside 0..1.
    """
    p, y = np.asarray(probabilities, dtype=float), np.asarray(true).astype(float)
    if p.ndim != 1 or p.shape != y.shape or not len(p) or bins < 1:
        raise ValueError(
            f"probabilities of shape {p.shape}, outcomes of shape {y.shape}, {bins} bins: give "
            "two lists of the same length and at least one bin"
        )
    if not (np.isfinite(p).all() and (p >= 0).all() and (p <= 1).all()):
        raise ValueError("probabilities have to lie between 0 and 1: were logits given?")
    place = np.minimum((p * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    filled = count > 0
    claimed, observed = (np.bincount(place, v, minlength=bins)[filled] for v in (p, y))
    return Reliability(count[filled], claimed / count[filled], observed / count[filled])


def expected_calibration_error(probabilities: Any, true: Any, bins: int = 10) -> float:
    """Mean distance between claimed and observed, bins weighted by their number of predictions.

    Parameters and errors are those of `reliability`.

    Returns
    -------
    float
        0..1; 0 if every bin keeps its word. With few predictions it is above 0 by chance alone.

    >>> round(expected_calibration_error([0.9, 0.9, 0.9, 0.9], [1, 1, 1, 0]), 2)
    0.15
    """
    found = reliability(probabilities, true, bins)
    share = found.count / found.count.sum()
    return float((share * np.abs(found.claimed - found.observed)).sum())


def temperature(logits: Any, targets: Any) -> float:
    """Find the number that logits are best divided by, on data that training did not see.

    Parameters
    ----------
    logits : array
        (N, C), finite.
    targets : sequence of N ints
        Classes, 0..C-1.

    Returns
    -------
    float
        T > 0 of the least cross-entropy of softmax(logits / T), searched between 0.05 and 20. Above
        1 the network was too sure; what it names stays the same for every T.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Source: Guo et al. 2017, sec. 4.2 ("temperature scaling").
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logits, targets = np.asarray(logits, dtype=float), np.asarray(targets)
    if logits.ndim != 2 or targets.shape != logits.shape[:1] or not len(targets):
        raise ValueError(
            f"logits of shape {logits.shape} and targets of shape {targets.shape}: give (N, C) "
            "and N labels"
        )
    rows = np.arange(len(targets))

    def cost(log_t: float) -> float:
        return -log_softmax(logits / np.exp(log_t), axis=1)[rows, targets].mean()

    found = minimize_scalar(cost, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(found.x))
