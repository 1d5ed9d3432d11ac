"""AlexNet as published in 2012: two columns as groups, response normalisation, the paper's start.

``torchvision.models.alexnet`` is another network, the one-GPU variant of 2014 with 64 first
detectors.  This one follows the paper, so that its numbers can be counted from the module.

References
----------
Krizhevsky, Sutskever, Hinton (2012). ImageNet classification with deep convolutional neural
    networks. NIPS 25.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["AlexNet", "AlexNetColumns", "column_devices"]

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


class AlexNetColumns(nn.Module):
    """AlexNet's two columns as two half networks on two devices, as the paper ran it.

    Each device holds half of the maps of every convolution and half of the units of fc6 and fc7.
    Both see everything before conv3 and before each dense layer, which is where the paper's two
    GPUs talk to each other; the logits are made on the first device.

    Parameters
    ----------
    model : AlexNet
        The network to split, with ``groups=2``. Its weights are copied.
    devices : sequence of two devices, optional
        Where the columns live; `column_devices` chooses them if not given.
    halo : bool
        Response normalisation looks two maps to either side, so at the border between the columns
        each needs two maps of the other. With the halo they are sent and the columns compute what
        `model` computes; without it each column normalises its own maps alone, as on two GPUs
        that do not talk there.

    Raises
    ------
    ValueError
        If the model has not two groups, or there are not two devices.

    References
    ----------
    Krizhevsky et al. (2012), sec. 3.2 and Fig. 2.
    """

    def __init__(self, model: AlexNet, devices: Sequence | None = None, halo: bool = True):
        super().__init__()
        if model.features.conv2.groups != 2:
            raise ValueError("the model has one group: build AlexNet(groups=2) to split it")
        devices = column_devices() if devices is None else list(devices)
        if len(devices) != 2:
            raise ValueError(f"{len(devices)} devices for two columns: give two, maybe the same")
        self.devices = [torch.device(device) for device in devices]
        self.halo = halo
        self.norm = copy.deepcopy(model.features.norm1)
        columns = []
        for number, device in enumerate(self.devices):
            layers = nn.ModuleDict()
            for name in ("conv1", "conv2", "conv3", "conv4", "conv5"):
                layers[name] = _half(model.features.get_submodule(name), number, device)
            for name in ("fc6", "fc7"):
                layers[name] = _half(model.classifier.get_submodule(name), number, device)
            columns.append(layers)
        self.columns = nn.ModuleList(columns)
        self.fc8 = _copied(model.classifier.fc8, slice(None), self.devices[0])
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2)
        self.dropout = nn.Dropout(model.classifier.drop6.p)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, 227, 227) on any device -> logits (N, num_classes) on the first."""
        maps = [x.to(device) for device in self.devices]
        maps = self._each(lambda column, a: column["conv1"](a).relu(), maps)
        maps = [self.pool(a) for a in self._normalised(maps)]
        maps = self._each(lambda column, a: column["conv2"](a).relu(), maps)
        maps = [self.pool(a) for a in self._normalised(maps)]
        maps = self._each(lambda column, a: column["conv3"](a).relu(), self._exchanged(maps))
        maps = self._each(lambda column, a: column["conv4"](a).relu(), maps)
        maps = self._each(lambda column, a: self.pool(column["conv5"](a).relu()), maps)
        units = [a.flatten(1) for a in self._exchanged(maps)]
        for name in ("fc6", "fc7"):
            units = self._each(
                lambda column, a, name=name: self.dropout(column[name](a).relu()), units
            )
            units = self._exchanged(units)
        return self.fc8(units[0])

    def _each(self, layer, inputs: list[Tensor]) -> list[Tensor]:
        """Let each column work on its own input, on its own device."""
        return [layer(column, a) for column, a in zip(self.columns, inputs, strict=True)]

    def _exchanged(self, parts: list[Tensor]) -> list[Tensor]:
        """Give both devices all channels."""
        return [torch.cat([a.to(device) for a in parts], dim=1) for device in self.devices]

    def _normalised(self, maps: list[Tensor]) -> list[Tensor]:
        first, second = maps
        if not self.halo:
            return [self.norm(a) for a in maps]
        reach = self.norm.size // 2
        left = torch.cat([first, second[:, :reach].to(self.devices[0])], dim=1)
        right = torch.cat([first[:, -reach:].to(self.devices[1]), second], dim=1)
        return [self.norm(left)[:, :-reach], self.norm(right)[:, reach:]]


def column_devices() -> list[torch.device]:
    """Two devices for the two columns: two GPUs if there are two, else one device twice."""
    if torch.cuda.device_count() >= 2:
        return [torch.device("cuda", 0), torch.device("cuda", 1)]
    return [torch.device("cuda" if torch.cuda.is_available() else "cpu")] * 2


def _half(layer: nn.Module, column: int, device: torch.device) -> nn.Module:
    """One column's half of a layer's outputs, on its device; of a grouped layer, its group."""
    count = len(layer.weight) // 2
    return _copied(layer, slice(column * count, (column + 1) * count), device)


def _copied(layer: nn.Module, rows: slice, device: torch.device) -> nn.Module:
    """A layer of its own with these outputs of a convolution or a dense layer."""
    weight, bias = (part.detach()[rows].clone().to(device) for part in (layer.weight, layer.bias))
    with torch.device("meta"):  # its weights come from the layer
        if isinstance(layer, nn.Conv2d):
            outputs, inputs, *kernel = weight.shape
            copied = nn.Conv2d(inputs, outputs, kernel, layer.stride, layer.padding)
        else:
            copied = nn.Linear(weight.shape[1], weight.shape[0])
    copied.weight, copied.bias = nn.Parameter(weight), nn.Parameter(bias)
    return copied
