"""A small AlexNet for small photographs, whose ideas can be switched off one at a time.

Lecture 07 trains it on a CPU in seconds, with and without each idea.

References
----------
Krizhevsky, Sutskever, Hinton (2012). ImageNet classification with deep convolutional neural
    networks. NIPS 25.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from utils.arguments import integer

__all__ = ["ResponseNorm", "SmallAlexNet"]

SMALL_ALPHA = 64**2 * 1e-4
"""The paper's alpha for inputs 64 times smaller: alpha stands before squares."""


class ResponseNorm(nn.Module):
    """Local response normalisation with the constants of the paper's formula.

    Every activation a_i of map i becomes

        b_i = a_i / (k + alpha * sum of a_j^2 over the n maps around i)^beta

    at its own place (sec. 3.3); maps beyond the first and last count as zero.
    ``torch.nn.LocalResponseNorm(n, n * alpha, beta, k)`` is the same function: torch divides its
    alpha by n. Here the sum over neighbours is a 1 x 1 convolution with a band of ones, which a
    CPU does in less than half the time.

    Parameters
    ----------
    maps : int
        C, the number of maps, at least 1.
    alpha, beta, k : float
        The paper's are 1e-4, 0.75 and 2.
    n : int
        Odd number of neighbouring maps, the map itself among them.

    Raises
    ------
    TypeError, ValueError
        If `maps` is no whole number or below 1, or n is even or not positive.
    """

    band: Tensor

    def __init__(
        self, maps: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0, n: int = 5
    ):
        super().__init__()
        integer("maps", maps, at_least=1)
        if n < 1 or n % 2 == 0:
            raise ValueError(f"n is {n}: give an odd number, so that a map lies in the middle")
        self.alpha, self.beta, self.k, self.n = alpha, beta, k, n
        index = torch.arange(maps)
        band = (index[:, None] - index).abs() <= n // 2
        self.register_buffer("band", band.float()[:, :, None, None], persistent=False)

    def forward(self, a: Tensor) -> Tensor:
        """Activations (N, C, H, W) -> the same shape."""
        neighbours = nn.functional.conv2d(a * a, self.band)
        return a * (self.k + self.alpha * neighbours) ** -self.beta

    def extra_repr(self) -> str:
        """Return the constants, for ``print(model)``."""
        return f"alpha={self.alpha:g}, beta={self.beta:g}, k={self.k:g}, n={self.n}"


class SmallAlexNet(nn.Module):
    """AlexNet scaled down to crops of 24 x 24: its ideas, each with a switch.

    Five convolutions and three dense layers as in the paper, in two columns, with a stride in the
    first, response normalisation and pooling after the first two; 32, 48, 64, 64, 48 maps and two
    dense layers of 256 units.

    Parameters
    ----------
    num_classes : int
        Number of logits, >= 1.
    groups : int
        2 for two columns, 1 for an undivided net.
    activation : {"relu", "tanh"}
        What follows every layer but the last.
    normalisation : bool
        Response normalisation (sec. 3.3) after the first two activations.
    overlapping : bool
        Pool 3 x 3 in steps of 2 (sec. 3.4), else 2 x 2 in steps of 2. Both leave 6 and then 3
        rows, so that the parameters are as many.
    dropout : float
        Probability of dropping a unit of fc6 and fc7 (sec. 4.2), 0 <= dropout < 1.
    middle : bool
        Whether there is a fourth convolution (sec. 7 removes a middle layer).

    Raises
    ------
    ValueError
        If `groups` or `activation` is none of these.

    Notes
    -----
    The paper's net reads grey levels of 0 to 255 less their mean, this one normalised images,
    about 64 times smaller. Its response normalisation has `SMALL_ALPHA` = 64^2 times the paper's
    alpha, so that it acts as strongly. Weights start from N(0, 2 / fan-in), biases at 0.

    Examples
    --------
    >>> import torch
    >>> with torch.device("meta"):
    ...     logits = SmallAlexNet()(torch.empty(5, 3, 24, 24))
    >>> tuple(logits.shape)
    (5, 10)
    """

    def __init__(
        self,
        num_classes: int = 10,
        *,
        groups: int = 2,
        activation: str = "relu",
        normalisation: bool = True,
        overlapping: bool = True,
        dropout: float = 0.5,
        middle: bool = True,
    ):
        super().__init__()
        if groups not in (1, 2):
            raise ValueError(f"groups is {groups!r}: give 2 for two columns or 1 for one")
        if activation not in ("relu", "tanh"):
            raise ValueError(f'activation is {activation!r}: give "relu" or "tanh"')

        def bend() -> nn.Module:
            return nn.ReLU() if activation == "relu" else nn.Tanh()

        def pool() -> nn.Module:
            if overlapping:
                return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
            return nn.MaxPool2d(kernel_size=2, stride=2)

        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["conv1"] = nn.Conv2d(3, 32, kernel_size=7, stride=2, padding=3)
        layers["act1"] = bend()
        if normalisation:
            layers["norm1"] = ResponseNorm(32, alpha=SMALL_ALPHA)
        layers["pool1"] = pool()
        layers["conv2"] = nn.Conv2d(32, 48, kernel_size=5, padding=2, groups=groups)
        layers["act2"] = bend()
        if normalisation:
            layers["norm2"] = ResponseNorm(48, alpha=SMALL_ALPHA)
        layers["pool2"] = pool()
        layers["conv3"] = nn.Conv2d(48, 64, kernel_size=3, padding=1)
        layers["act3"] = bend()
        if middle:
            layers["conv4"] = nn.Conv2d(64, 64, kernel_size=3, padding=1, groups=groups)
            layers["act4"] = bend()
        layers["conv5"] = nn.Conv2d(64, 48, kernel_size=3, padding=1, groups=groups)
        layers["act5"] = bend()
        self.features = nn.Sequential(layers)
        self.classifier = nn.Sequential(
            OrderedDict(
                flatten=nn.Flatten(),
                fc6=nn.Linear(48 * 3 * 3, 256),
                act6=bend(),
                drop6=nn.Dropout(dropout),
                fc7=nn.Linear(256, 256),
                act7=bend(),
                drop7=nn.Dropout(dropout),
                fc8=nn.Linear(256, num_classes),
            )
        )
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, 24, 24) -> logits (N, num_classes)."""
        return self.classifier(self.features(x))
