"""ZFNet, the AlexNet that Zeiler and Fergus corrected after looking inside it (ILSVRC-2013).

References
----------
Zeiler, Fergus (2014). Visualizing and understanding convolutional networks. ECCV.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

__all__ = ["ZFNet"]


class ZFNet(nn.Module):
    """ZFNet on 224 x 224 crops: 62,357,608 parameters, 1.168 billion multiply-adds.

    What differs from AlexNet: the first layer looks through 7 x 7 windows in steps of 2 instead of
    11 x 11 in steps of 4, the second goes in steps of 2, and every map sees every map.

    Parameters
    ----------
    num_classes : int
        Number of logits, >= 1.

    Notes
    -----
    Zeiler and Fergus (2014), sec. 3 and Fig. 3:

    * maps of 110, 55, 26, 13, 13, 13, 13 and 6 pixels.  The figure does not say how 224 becomes
      110 and 110 becomes 55: here conv1 pads one zero on each side and pooling rounds up;
    * contrast normalisation across maps after the first two poolings.  The paper gives no
      constants; these are AlexNet's (torch divides alpha by the size);
    * dropout of one half on the outputs of fc6 and fc7;
    * weights from N(0, 0.01), biases 0 (the paper gives the scale 10^-2).

    The deconvnet passes over the normalisation, so the layers of one step stand in a row: conv,
    act, pool, norm.

    Examples
    --------
    >>> with torch.device("meta"):  # no memory, no random numbers
    ...     model = ZFNet()
    >>> sum(parameter.numel() for parameter in model.parameters())
    62357608
    """

    def __init__(self, num_classes: int = 1000):
        super().__init__()

        def pooling() -> nn.Module:
            return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)

        def normalisation() -> nn.Module:
            return nn.LocalResponseNorm(size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)

        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(3, 96, kernel_size=7, stride=2, padding=1),
                act1=nn.ReLU(),
                pool1=pooling(),
                norm1=normalisation(),
                conv2=nn.Conv2d(96, 256, kernel_size=5, stride=2),
                act2=nn.ReLU(),
                pool2=pooling(),
                norm2=normalisation(),
                conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),
                act3=nn.ReLU(),
                conv4=nn.Conv2d(384, 384, kernel_size=3, padding=1),
                act4=nn.ReLU(),
                conv5=nn.Conv2d(384, 256, kernel_size=3, padding=1),
                act5=nn.ReLU(),
                pool5=pooling(),
            )
        )
        self.classifier = nn.Sequential(
            OrderedDict(
                flatten=nn.Flatten(),
                fc6=nn.Linear(256 * 6 * 6, 4096),
                act6=nn.ReLU(),
                drop6=nn.Dropout(0.5),
                fc7=nn.Linear(4096, 4096),
                act7=nn.ReLU(),
                drop7=nn.Dropout(0.5),
                fc8=nn.Linear(4096, num_classes),
            )
        )
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, 224, 224) -> logits (N, num_classes).

        Raises
        ------
        ValueError
            If the images leave another size than 6 x 6 to fc6.
        """
        maps = self.features(x)
        if maps.shape[-2:] != (6, 6):
            raise ValueError(
                f"images of {x.shape[-2]} x {x.shape[-1]} pixels leave maps of {maps.shape[-2]} x "
                f"{maps.shape[-1]} to fc6, which takes 6 x 6: crop them to 224 x 224"
            )
        return self.classifier(maps)
