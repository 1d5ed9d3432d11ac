"""Last layers that answer with a rank: one logit for each question "is it above rank k?".

The two heads of lecture 11 stand here, below the networks that carry them; `utils.ordinal` offers
them together with the loss, the labels and the prediction.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def descending(num_ranks: int, span: float) -> Tensor:
    """`num_ranks` - 1 biases, evenly spaced from `span` down to -`span`; zeros where `span` is 0.

    Raises
    ------
    ValueError
        If there are fewer than two ranks or the span is negative.
    """
    if num_ranks < 2 or not span >= 0:
        raise ValueError(
            f"got num_ranks={num_ranks}, span={span}: give at least 2 ranks and a span of 0 or more"
        )
    return torch.linspace(span, -span, num_ranks - 1)


class CoralHead(nn.Module):
    """CORAL's output layer: one weight vector shared by all questions, K-1 biases.

    Logit k is g(x) + b_k with g(x) = w . x, and sigmoid(logit k) is P(y > r_k). The shared g is what
    makes consistent answers possible: where b_1 >= ... >= b_{K-1}, the probabilities fall in k
    for every input.

    Parameters
    ----------
    in_features : int
        Length m of the feature vector, >= 1.
    num_ranks : int
        K >= 2 ranks.
    span : float
        The biases start evenly spaced from ``span`` to ``-span`` (>= 0). 0 starts all at zero, as
        the code of the paper's first version did; coral-pytorch's range from 1 to about 0. A
        large span (about 8) saves many steps: that is how far the biases of fifty ranks travel.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Cao, Mirjalili and Raschka, arXiv 1901.07884v1, sec. 3: m + K-1 parameters.

    >>> head = CoralHead(64, num_ranks=50)
    >>> sum(parameter.numel() for parameter in head.parameters())
    113
    """

    def __init__(self, in_features: int, num_ranks: int, span: float = 0.0) -> None:
        super().__init__()
        _check(in_features, num_ranks, span)
        self.weight = nn.Linear(in_features, 1, bias=False)
        self.bias = nn.Parameter(descending(num_ranks, span))

    def forward(self, features: Tensor) -> Tensor:
        """Logits (N, K-1) of features (N, m)."""
        return self.weight(features) + self.bias


class OrdinalHead(nn.Module):
    """OR-CNN's output layer (Niu et al.): K-1 classifiers of two softmax units each.

    A softmax over two units depends on their difference only: P(y > r_k) is the sigmoid of
    (yes unit k - no unit k). The head returns these differences, so that one loss and one
    prediction serve both heads. Nothing ties the K-1 answers to each other.

    Parameters
    ----------
    in_features : int
        Length m of the feature vector, >= 1.
    num_ranks : int
        K >= 2 ranks.
    span : float
        The differences of the biases start evenly spaced from ``span`` to ``-span`` (>= 0); 0
        leaves torch's usual random start.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Niu, Zhou, Wang, Gao and Hua, CVPR 2016, on features as CORAL's authors re-ran it: 2 (K-1) (m+1)
    parameters. Units 2k and 2k+1 are the "no" and the "yes" of question k.

    >>> head = OrdinalHead(64, num_ranks=50)
    >>> sum(parameter.numel() for parameter in head.parameters())
    6370
    """

    def __init__(self, in_features: int, num_ranks: int, span: float = 0.0) -> None:
        super().__init__()
        _check(in_features, num_ranks, span)
        self.units = nn.Linear(in_features, 2 * (num_ranks - 1))
        if span:
            with torch.no_grad():
                self.units.bias.zero_()
                self.units.bias[1::2] = descending(num_ranks, span)

    def forward(self, features: Tensor) -> Tensor:
        """Differences "yes" minus "no", (N, K-1), of features (N, m)."""
        no, yes = self.units(features).unflatten(-1, (-1, 2)).unbind(-1)
        return yes - no


def _check(in_features: int, num_ranks: int, span: float) -> None:
    if in_features < 1 or num_ranks < 2 or not span >= 0:
        raise ValueError(
            f"got in_features={in_features}, num_ranks={num_ranks}, span={span}: give at least 1 "
            "feature, at least 2 ranks, and a span of 0 or more"
        )
