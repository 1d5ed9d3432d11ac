"""Two small nets to hold LeNet-5 against: one that knows no places, and one that forgets them.

`DigitMLP` has LeNet-5's number of parameters and not a single convolution. `GlobalPoolNet` is all
convolution and asks at the end only *whether* a feature was seen, not where.
"""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["DigitMLP", "GlobalPoolNet"]


class DigitMLP(nn.Sequential):
    """Multi-layer perceptron on pixels: 784-75-32-10 with ReLU, 61,637 parameters.

    Parameters
    ----------
    num_classes : int
        Number of logits, >= 1.

    Notes
    -----
    Shape: (N, 1, 28, 28), (N, 28, 28) or (N, 784) -> (N, num_classes). The widths are chosen so
    that it has as many parameters as `LeNet5` (61,706), to one in a thousand.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in DigitMLP().parameters())
    61637
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__(
            nn.Flatten(),
            nn.Linear(28 * 28, 75),
            nn.ReLU(),
            nn.Linear(75, 32),
            nn.ReLU(),
            nn.Linear(32, num_classes),
        )


class GlobalPoolNet(nn.Module):
    """Three convolutions, then one number a map, whatever its place: 24,314 parameters.

    Parameters
    ----------
    num_classes : int
        Number of logits, >= 1.
    in_channels : int
        Channels of the images, >= 1.
    pool : {"max", "average"}
        What is kept of each of the 64 last maps: its largest value or its mean.

    Raises
    ------
    ValueError
        If `pool` is neither.

    Notes
    -----
    Shape: (N, in_channels, H, W) -> (N, num_classes), for any H and W of at least 3.
    Global (average) pooling: M. Lin, Q. Chen, S. Yan (2014), Network in network, sec. 3.2.
    Shifts by other than multiples of 4, the product of its steps, still change what the maps
    hold, and so does the zero padding at the rim: it is nearly, not exactly, invariant.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in GlobalPoolNet().parameters())
    24314
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1, pool: str = "max") -> None:
        super().__init__()
        if pool not in ("max", "average"):
            raise ValueError(f'pool is {pool!r}: give "max" or "average"')
        self.features = nn.Sequential(
            *_detectors(in_channels, 16, kernel_size=5, stride=2),
            *_detectors(16, 32, kernel_size=3),
            nn.MaxPool2d(2),
            *_detectors(32, 64, kernel_size=3),
        )
        self.pool = nn.AdaptiveMaxPool2d(1) if pool == "max" else nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(64, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, in_channels, H, W) -> logits (N, num_classes)."""
        return self.classifier(self.pool(self.features(x)).flatten(1))


def _detectors(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> list:
    """Convolution that keeps the size (but for its stride), batch norm, ReLU."""
    return [
        nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=False
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    ]
