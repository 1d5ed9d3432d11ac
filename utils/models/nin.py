"""Network in network: 1 x 1 convolutions as a small perceptron at every place, no dense layer.

References
----------
Lin, Chen, Yan (2014). Network in network. ICLR, arXiv 1312.4400.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

__all__ = ["NIN", "ImageNetNIN", "MLPConv"]


class MLPConv(nn.Sequential):
    """One K x K convolution and two 1 x 1, each with a ReLU: a perceptron that slides.

    The 1 x 1 convolutions mix the maps at one place and look at no neighbours, so a window of
    K x K pixels goes through a perceptron of three layers, the same at every place.

    Parameters
    ----------
    in_channels : int
        Number of maps before the block.
    channels : sequence of three int
        Maps of the convolution, of the first and of the second 1 x 1.
    kernel_size, stride, padding : int
        K, S and P of the convolution, in pixels.

    Notes
    -----
    Shape: (N, in_channels, H, W) -> (N, channels[2], H', W').
    Lin et al. (2014), sec. 3.1, eq. 2: every layer of the perceptron ends in a ReLU.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
    ):
        first, second, third = channels
        super().__init__(
            OrderedDict(
                conv=nn.Conv2d(in_channels, first, kernel_size, stride, padding),
                act1=nn.ReLU(),
                mix1=nn.Conv2d(first, second, kernel_size=1),
                act2=nn.ReLU(),
                mix2=nn.Conv2d(second, third, kernel_size=1),
                act3=nn.ReLU(),
            )
        )


class _NIN(nn.Module):
    """Blocks, then the mean of each map of the last block: one map a class."""

    def __init__(self, blocks: OrderedDict[str, nn.Module]):
        super().__init__()
        self.features = nn.Sequential(blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.05)
                nn.init.zeros_(layer.bias)

    def class_maps(self, x: Tensor) -> Tensor:
        """Images -> one map a class (N, num_classes, H', W'), >= 0: where it was seen."""
        return self.features(x)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) -> logits (N, num_classes), >= 0: means of the class maps."""
        return self.pool(self.class_maps(x)).flatten(1)


def _pooling() -> nn.Module:
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


class NIN(_NIN):
    """The network for CIFAR: three blocks, 966,986 parameters, not one of them in a dense layer.

    Parameters
    ----------
    num_classes : int
        Number of logits, >= 1.
    dropout : float
        Probability of dropping a number between the blocks, one half in the paper.

    Notes
    -----
    Shape: (N, 3, 32, 32) -> (N, num_classes); other sizes go through as well.
    Lin et al. (2014), sec. 3 and 4.1: max pooling that halves the maps and dropout after all
    blocks but the last, global average pooling after that.  Neither the layers' sizes (192-160-96,
    192-192-192, 192-192-10; 5 x 5, 5 x 5, 3 x 3) nor how the weights start, N(0, 0.05), stands in
    the paper; both are from the first author's own definition of the network
    (github.com/mavenlin/cuda-convnet, NIN/cifar-10_def).  Biases start at 0.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in NIN().parameters())
    966986
    """

    def __init__(self, num_classes: int = 10, dropout: float = 0.5):
        super().__init__(
            OrderedDict(
                block1=MLPConv(3, (192, 160, 96), kernel_size=5, padding=2),
                pool1=_pooling(),
                drop1=nn.Dropout(dropout),
                block2=MLPConv(96, (192, 192, 192), kernel_size=5, padding=2),
                pool2=_pooling(),
                drop2=nn.Dropout(dropout),
                block3=MLPConv(192, (192, 192, num_classes), kernel_size=3, padding=1),
            )
        )


class ImageNetNIN(_NIN):
    """The network for ImageNet: four blocks, 7,595,176 parameters, an eighth of AlexNet's.

    Parameters
    ----------
    num_classes : int
        Number of logits, >= 1.
    dropout : float
        Probability of dropping a number before the last block, one half as a rule.

    Notes
    -----
    Shape: (N, 3, 224, 224) -> (N, num_classes).
    Not in Lin et al. (2014), who trained on 32 x 32 images: the customary larger network, with
    AlexNet's first kernels and steps.  It starts as `NIN` does.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in ImageNetNIN().parameters())
    7595176
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5):
        super().__init__(
            OrderedDict(
                block1=MLPConv(3, (96, 96, 96), kernel_size=11, stride=4),
                pool1=_pooling(),
                block2=MLPConv(96, (256, 256, 256), kernel_size=5, padding=2),
                pool2=_pooling(),
                block3=MLPConv(256, (384, 384, 384), kernel_size=3, padding=1),
                pool3=_pooling(),
                drop3=nn.Dropout(dropout),
                block4=MLPConv(384, (1024, 1024, num_classes), kernel_size=3, padding=1),
            )
        )
