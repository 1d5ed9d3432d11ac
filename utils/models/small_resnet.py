"""A residual net, and a plain one, small enough to watch the degradation of depth on a laptop.

The nets of He et al. (2016, Fig. 6) need hours on a GPU.  These see 28 x 28 images through a stem
that leaves 7 x 7 maps, so that thirty-two layers cost a quarter of a second per thousand images,
and a deep plain net still learns worse than a shallow one.
"""

from __future__ import annotations

from torch import Tensor, nn

from utils.models.resnet import BasicBlock

__all__ = ["SmallResNet"]


class SmallResNet(nn.Module):
    """Residual or plain net of 3 x 3 convolutions for small images.

    Parameters
    ----------
    depth : int
        Number of convolutions, even and >= 4: two in the stem, the others in blocks of two.
    shortcuts : bool
        Whether each block adds its input to its output.  The parameters are the same.
    width : int
        Maps of every convolution, >= 1.
    in_channels, num_classes : int
        Channels of the images and number of logits, >= 1.

    Raises
    ------
    ValueError
        If `depth` is odd or below 4.

    Notes
    -----
    Blocks, batch norms and initial weights are those of He et al. (2016), sec. 3.4; the layout is
    our own: all blocks work at a quarter of the image's size.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in SmallResNet(32).parameters())
    72794
    """

    def __init__(
        self,
        depth: int,
        shortcuts: bool = True,
        width: int = 16,
        in_channels: int = 1,
        num_classes: int = 10,
    ):
        super().__init__()
        if depth < 4 or depth % 2:
            raise ValueError(f"depth is {depth}: give an even number of convolutions, 4 or more")
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        option = "A" if shortcuts else None
        self.blocks = nn.Sequential(
            *(BasicBlock(width, width, shortcut=option) for _ in range((depth - 2) // 2))
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width, num_classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, in_channels, H, W) -> logits (N, num_classes)."""
        return self.fc(self.pool(self.blocks(self.stem(x))).flatten(1))
