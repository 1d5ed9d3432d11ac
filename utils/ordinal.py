"""Ordinal regression: ranks learned as K-1 questions "is it above rank k?" (lecture 11).

Labels and predictions are 0..K-1 throughout; the paper counts its ranks r_1..r_K from 1. Question
k = 0..K-2 asks whether the label is above k.

    levels = extend_labels(labels, num_ranks=50)            # (N, 49) of zeros and ones
    loss = ordinal_loss(CoralHead(64, 50)(features), levels)
    ranks = predict_rank(logits)

Source: W. Cao, V. Mirjalili, S. Raschka: Consistent rank logits for ordinal regression with
convolutional neural networks, arXiv 1901.07884v1, 2019 (CORAL); Z. Niu et al.: Ordinal regression
with multiple output CNN for age estimation, CVPR 2016 (OR-CNN).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.arguments import check_no_nan, integer
from utils.models.heads import CoralHead, OrdinalHead

__all__ = [
    "CoralHead",
    "OrdinalHead",
    "extend_labels",
    "mean_absolute_error",
    "ordinal_loss",
    "predict_rank",
    "rank_inconsistencies",
    "root_mean_squared_error",
    "task_importance",
]


def extend_labels(labels: Tensor, num_ranks: int) -> Tensor:
    """Turn each label into K-1 yes-or-no answers: y ones, then zeros.

    Parameters
    ----------
    labels : Tensor
        Whole numbers (N,), each 0..K-1.
    num_ranks : int
        K >= 2.

    Returns
    -------
    Tensor
        float32 (N, K-1): entry k is 1 where the label is above k, else 0.

    Raises
    ------
    ValueError
        If the labels are no vector of whole numbers 0..K-1.
    TypeError
        If `num_ranks` is no whole number.

    Notes
    -----
    Cao et al., sec. 3: y^(k) = 1{y > r_k}.

    >>> extend_labels(torch.tensor([0, 2, 3]), num_ranks=4)
    tensor([[0., 0., 0.],
            [1., 1., 0.],
            [1., 1., 1.]])
    """
    _check_labels(labels, num_ranks)
    questions = torch.arange(num_ranks - 1, device=labels.device)
    return (labels[:, None] > questions).to(torch.float32)


def ordinal_loss(logits: Tensor, levels: Tensor, importance: Tensor | None = None) -> Tensor:
    """Sum of the K-1 binary cross-entropies, averaged over the batch.

    Parameters
    ----------
    logits : Tensor
        (N, K-1), any real values: question k is answered yes with probability sigmoid.
    levels : Tensor
        (N, K-1) of zeros and ones, from `extend_labels`.
    importance : Tensor, optional
        (K-1,) weights of the questions, from `task_importance`; all 1 without it.

    Returns
    -------
    Tensor
        A number >= 0, shape (). An untrained head that answers 1/2 throughout has (K-1) log 2.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Cao et al., sec. 3. Each term is written as log sigmoid(z) and log sigmoid(z) - z, which is
    log(1 - sigmoid(z)) without the rounding of 1 - sigmoid.
    """
    if logits.shape != levels.shape or logits.ndim != 2:
        raise ValueError(
            f"logits of shape {tuple(logits.shape)} and levels of shape {tuple(levels.shape)}: "
            "both are (N, K-1); extend_labels makes levels of labels"
        )
    log_yes = F.logsigmoid(logits)
    log_no = log_yes - logits
    terms = levels * log_yes + (1 - levels) * log_no
    if importance is not None:
        if importance.shape != logits.shape[1:]:
            raise ValueError(
                f"{tuple(importance.shape)} weights for {logits.shape[1]} questions: give one a "
                "question"
            )
        terms = terms * importance
    return -terms.sum(1).mean()


def task_importance(labels: Tensor, num_ranks: int) -> Tensor:
    """Weight of each question: large where its training examples are unbalanced.

    Parameters
    ----------
    labels : Tensor
        Training labels (N,), each 0..K-1.
    num_ranks : int
        K >= 2.

    Returns
    -------
    Tensor
        float32 (K-1,), each above 0, the largest 1: sqrt(M_k) / max_j sqrt(M_j), where M_k is the
        number of examples on the fuller side of question k.

    Raises
    ------
    ValueError
        If the labels are no vector of whole numbers 0..K-1, or empty.
    TypeError
        If `num_ranks` is no whole number.

    Notes
    -----
    Cao et al., Eq. 7; Niu et al. weigh by the square root of each question's examples instead.

    >>> task_importance(torch.tensor([0, 0, 0, 1, 2, 3]), num_ranks=4)
    tensor([0.7746, 0.8944, 1.0000])
    """
    if labels.numel() == 0:
        raise ValueError("no labels to count: give those of the training set")
    above = extend_labels(labels, num_ranks).double().sum(0)
    fuller = torch.maximum(above, len(labels) - above)
    return (fuller / fuller.max()).sqrt().to(torch.float32)


def predict_rank(logits: Tensor) -> Tensor:
    """Count the questions that are answered yes.

    Parameters
    ----------
    logits : Tensor
        (N, K-1); yes is a probability above 1/2, which is a logit above 0.

    Returns
    -------
    Tensor
        int64 (N,), each 0..K-1.

    Raises
    ------
    ValueError
        If the logits have another shape or hold NaN, which answers neither yes nor no.

    Notes
    -----
    Cao et al., Eq. 1 and 5 (whose ranks count from 1). The count is a rank even where the answers
    contradict each other.
    """
    _check_logits(logits)
    return (logits > 0).sum(1)


def rank_inconsistencies(logits: Tensor) -> Tensor:
    """Count, for each image, the neighbouring questions that contradict each other.

    Parameters
    ----------
    logits : Tensor
        (N, K-1).

    Returns
    -------
    Tensor
        int64 (N,), each 0..K-2: how many k have P(y > k+1) above P(y > k), which no distribution
        of y allows.

    Raises
    ------
    ValueError
        If the logits have another shape or hold NaN.
    """
    _check_logits(logits)
    return (logits[:, 1:] > logits[:, :-1]).sum(1)


def mean_absolute_error(predictions: Tensor, labels: Tensor) -> float:
    """Mean of |prediction - label|, in ranks.

    Parameters
    ----------
    predictions, labels : Tensor
        (N,) numbers, N >= 1.

    Raises
    ------
    ValueError
        If their shapes differ or they are empty.

    >>> mean_absolute_error(torch.tensor([3, 5, 9]), torch.tensor([3, 4, 7]))
    1.0
    """
    return _difference(predictions, labels).abs().mean().item()


def root_mean_squared_error(predictions: Tensor, labels: Tensor) -> float:
    """Root of the mean of (prediction - label)^2, in ranks; never below the mean absolute error.

    Parameters
    ----------
    predictions, labels : Tensor
        (N,) numbers, N >= 1.

    Raises
    ------
    ValueError
        If their shapes differ or they are empty.
    """
    return _difference(predictions, labels).square().mean().sqrt().item()


def _difference(predictions: Tensor, labels: Tensor) -> Tensor:
    if predictions.shape != labels.shape or predictions.ndim != 1 or len(labels) == 0:
        raise ValueError(
            f"predictions of shape {tuple(predictions.shape)} for labels of shape "
            f"{tuple(labels.shape)}: give two vectors of the same length, at least 1"
        )
    return predictions.double() - labels.double()


def _check_logits(logits: Tensor) -> None:
    if logits.ndim != 2:
        raise ValueError(f"logits have shape {tuple(logits.shape)}: give (N, K-1)")
    check_no_nan(logits=logits)


def _check_labels(labels: Tensor, num_ranks: int) -> None:
    if num_ranks < 2:
        raise ValueError(f"{num_ranks} ranks leave nothing to ask: give at least 2")
    integer("num_ranks", num_ranks, at_least=2)
    if labels.ndim != 1 or labels.is_floating_point() or labels.dtype == torch.bool:
        raise ValueError(
            f"labels are {labels.dtype} of shape {tuple(labels.shape)}: give whole numbers (N,)"
        )
    if labels.numel() and not (labels.min() >= 0 and labels.max() < num_ranks):
        raise ValueError(
            f"labels run from {labels.min().item()} to {labels.max().item()}: {num_ranks} ranks "
            f"are 0..{num_ranks - 1}; subtract the lowest age from ages"
        )
