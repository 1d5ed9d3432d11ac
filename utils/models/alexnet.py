"""AlexNet as published in 2012: two columns as groups, response normalisation, the paper's start.

``torchvision.models.alexnet`` is another network, the one-GPU variant of 2014 with 64 first
detectors.  This one follows the paper, so that its numbers can be counted from the module.

References
----------
Krizhevsky, Sutskever, Hinton (2012). ImageNet classification with deep convolutional neural
    networks. NIPS 25.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

__all__ = ["AlexNet"]

_BIAS_ONE = ("conv2", "conv4", "conv5", "fc6", "fc7")
"""Layers whose biases start at 1, so that their ReLUs see positive inputs (sec. 5)."""


class AlexNet(nn.Module):
    """The network that won ILSVRC-2012: 60,965,224 parameters, 724,406,816 multiply-adds.

    The paper spreads the network over two GPUs that talk only before conv3 and the dense layers.
    What one GPU computes is one group here: conv2, conv4 and conv5 have two.  Built with
    ``groups=1`` every map sees every map, at 62,378,344 parameters.

    Parameters
    ----------
    num_classes : int
        Number of logits, >= 1.
    groups : int
        2 for the paper's two columns, 1 for a network on one device.

    Raises
    ------
    ValueError
        If `groups` is neither 1 nor 2.

    Notes
    -----
    Krizhevsky et al. (2012), sec. 3.5, with their

    * overlapping pooling, 3 x 3 in steps of 2 (sec. 3.4);
    * response normalisation after the ReLUs of conv1 and conv2 (sec. 3.3): k = 2, n = 5,
      alpha = 1e-4, beta = 0.75.  torch divides alpha by n, so its argument is 5e-4;
    * dropout of one half on the outputs of fc6 and fc7 (sec. 4.2); torch scales in training
      what the paper halves at test time;
    * weights from N(0, 0.01), biases 1 in conv2, conv4, conv5, fc6, fc7 and 0 elsewhere (sec. 5).

    The paper says 224 x 224, but its 55 x 55 maps need 227 x 227, which this network takes.

    Examples
    --------
    >>> import torch
    >>> with torch.device("meta"):  # no memory, no random numbers
    ...     model = AlexNet()
    >>> sum(parameter.numel() for parameter in model.parameters())
    60965224
    """

    def __init__(self, num_classes: int = 1000, groups: int = 2):
        super().__init__()
        if groups not in (1, 2):
            raise ValueError(
                f"groups is {groups!r}: give 2 for the paper's two columns or 1 for an undivided net"
            )

        def normalisation() -> nn.Module:
            return nn.LocalResponseNorm(size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)

        def pooling() -> nn.Module:
            return nn.MaxPool2d(kernel_size=3, stride=2)

        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(3, 96, kernel_size=11, stride=4),
                act1=nn.ReLU(),
                norm1=normalisation(),
                pool1=pooling(),
                conv2=nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=groups),
                act2=nn.ReLU(),
                norm2=normalisation(),
                pool2=pooling(),
                conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),
                act3=nn.ReLU(),
                conv4=nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=groups),
                act4=nn.ReLU(),
                conv5=nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=groups),
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
        for part in (self.features, self.classifier):
            for name, layer in part.named_children():
                if isinstance(layer, (nn.Conv2d, nn.Linear)):
                    nn.init.normal_(layer.weight, std=0.01)
                    nn.init.constant_(layer.bias, 1.0 if name in _BIAS_ONE else 0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, 227, 227) -> logits (N, num_classes).

        Raises
        ------
        ValueError
            If the images leave another size than 6 x 6 to fc6.
        """
        maps = self.features(x)
        if maps.shape[-2:] != (6, 6):
            raise ValueError(
                f"images of {x.shape[-2]} x {x.shape[-1]} pixels leave maps of {maps.shape[-2]} x "
                f"{maps.shape[-1]} to fc6, which takes 6 x 6: crop them to 227 x 227 (the paper's "
                "224 is a slip)"
            )
        return self.classifier(maps)
