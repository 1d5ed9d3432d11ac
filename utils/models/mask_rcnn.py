"""The mask branch of Mask R-CNN: from a region's features to one small mask for every class.

References
----------
He, Gkioxari, Dollar, Girshick (2017). Mask R-CNN. ICCV.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

__all__ = ["MaskHead"]


class MaskHead(nn.Sequential):
    """Four 3 x 3 convolutions, one transposed, one 1 x 1: a mask a class, twice as fine.

    Parameters
    ----------
    num_classes : int
        K >= 1 masks a region: 80 on COCO, or 91 as torchvision numbers its classes, with the
        background and unused numbers among them.
    in_channels : int
        Channels of the features cut out by RoIAlign, 256 from a feature pyramid.
    channels : int
        Maps of the convolutions between.

    Notes
    -----
    Shape: (N, in_channels, 14, 14) -> logits (N, num_classes, 28, 28), N regions of all images;
    other sizes are doubled as well.
    He et al. (2017), sec. 3 and Fig. 4 right.  Each pixel of each mask is a yes-or-no question of
    its own, so the output is meant for a sigmoid, and only the mask of the true class is trained.
    With 256 channels and K = 91: 2,360,320 parameters in the convolutions, 262,400 in the transposed
    one and 23,387 in the last.  All weights start as in He et al. (2015), biases at 0.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in MaskHead().parameters())
    2646107
    """

    def __init__(self, num_classes: int = 91, in_channels: int = 256, channels: int = 256):
        super().__init__(
            OrderedDict(
                conv1=nn.Conv2d(in_channels, channels, kernel_size=3, padding=1),
                act1=nn.ReLU(),
                conv2=nn.Conv2d(channels, channels, kernel_size=3, padding=1),
                act2=nn.ReLU(),
                conv3=nn.Conv2d(channels, channels, kernel_size=3, padding=1),
                act3=nn.ReLU(),
                conv4=nn.Conv2d(channels, channels, kernel_size=3, padding=1),
                act4=nn.ReLU(),
                upsample=nn.ConvTranspose2d(channels, channels, kernel_size=2, stride=2),
                act5=nn.ReLU(),
                logits=nn.Conv2d(channels, num_classes, kernel_size=1),
            )
        )
        for layer in self:
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                # With kernel 2 and stride 2 one tap of the transposed one reaches each pixel.
                taps = 1 if isinstance(layer, nn.ConvTranspose2d) else layer.kernel_size[0] ** 2
                nn.init.normal_(layer.weight, std=(2 / (taps * layer.in_channels)) ** 0.5)
                nn.init.zeros_(layer.bias)
