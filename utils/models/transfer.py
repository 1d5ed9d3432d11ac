"""A pretrained trunk under a new head: what transfer learning trains, and what it leaves alone.

`Trunk` turns pictures of any size into one vector each. `TransferNet` puts a fresh linear layer on
top. A frozen trunk gives the same vectors every time, so they can be computed once (`describe`) and
the head trained on them alone: that is the same network, learned in seconds.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.models.pretrained import BGR_MEAN, pretrained

__all__ = ["TransferNet", "Trunk"]

WIDTHS = {"squeezenet1_1": 512, "efficientnet_lite0": 1280}
"""Numbers by which a trunk describes a picture."""

_BatchNorm = nn.modules.batchnorm._BatchNorm


class Trunk(nn.Module):
    """Everything of a network trained on ImageNet but its class layer.

    Parameters
    ----------
    name : {"squeezenet1_1", "efficientnet_lite0"}
    side : int
        Height and width, in pixels, at which pictures enter the network, >= 32.
    weights : {"imagenet", "random"}
        Trained, or drawn as torchvision draws an untrained SqueezeNet (SqueezeNet only; the caller
        sets the seed).

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Takes RGB pictures (N, 3, H, W) with intensities in [0, 1], brings them to `side`, scales them
    as the network was trained, and returns its last maps averaged over places, (N, width). Batch
    norms of a trained trunk keep the statistics of ImageNet in training, too: batches of a few
    dozen pictures would only blur them.
    """

    def __init__(self, name: str, side: int = 96, weights: str = "imagenet") -> None:
        super().__init__()
        if name not in WIDTHS:
            raise ValueError(f"no trunk is called {name!r}: there are {', '.join(WIDTHS)}")
        if side < 32:
            raise ValueError(f"side is {side}: give 32 pixels or more")
        if weights not in ("imagenet", "random"):
            raise ValueError(f'weights are {weights!r}: give "imagenet" or "random"')
        if weights == "random" and name != "squeezenet1_1":
            raise ValueError(f"{name} comes with ImageNet's weights only")
        self.name, self.side, self.width = name, side, WIDTHS[name]
        if weights == "random":
            from torchvision.models import squeezenet1_1

            network = squeezenet1_1()
        else:
            network = pretrained(name)
        if name == "squeezenet1_1":
            self.body = network.features
            mean, scale = torch.tensor(BGR_MEAN).view(1, 3, 1, 1), 1.0
        else:
            network._fc = nn.Identity()
            self.body = network
            mean, scale = torch.tensor(127.0).view(1, 1, 1, 1), 128.0
        self.register_buffer("mean", mean, persistent=False)
        self.scale = scale

    def train(self, mode: bool = True) -> Trunk:
        """Training mode; batch norms stay in evaluation mode."""
        super().train(mode)
        for part in self.modules():
            if isinstance(part, _BatchNorm):
                part.training = False
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (N, 3, H, W), RGB in [0, 1] -> (N, width)."""
        if x.shape[-2:] != (self.side, self.side):
            smaller = x.shape[-1] > self.side
            x = F.interpolate(x, (self.side, self.side), mode="bicubic", antialias=smaller)
            x = x.clamp(0, 1)
        x = 255 * x
        if self.name == "squeezenet1_1":
            return self.body(x.flip(1) - self.mean).mean(dim=(2, 3))
        return self.body.extract_features((x - self.mean) / self.scale).mean(dim=(2, 3))


class TransferNet(nn.Module):
    """A trunk and a new linear layer that starts at zero, so that the first loss is log C.

    Parameters
    ----------
    name, side, weights
        As for `Trunk`.
    num_classes : int
        Number of logits, >= 2.

    Attributes
    ----------
    trunk : Trunk
    head : torch.nn.Linear
        From the trunk's width to the classes.

    >>> net = TransferNet("squeezenet1_1", num_classes=10)
    >>> sum(p.numel() for p in net.trunk.parameters()), sum(p.numel() for p in net.head.parameters())
    (722496, 5130)
    """

    def __init__(
        self, name: str, num_classes: int, side: int = 96, weights: str = "imagenet"
    ) -> None:
        super().__init__()
        if num_classes < 2:
            raise ValueError(f"num_classes is {num_classes}: give 2 or more")
        self.trunk = Trunk(name, side, weights)
        self.head = nn.Linear(self.trunk.width, num_classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (N, 3, H, W), RGB in [0, 1] -> logits (N, num_classes)."""
        return self.head(self.trunk(x))

    def groups(self, rate: float, share: float) -> list[dict]:
        """Parameters for an optimiser: the head at `rate`, the trunk at `rate * share`.

        Parameters
        ----------
        rate : float
            Peak learning rate of the head, > 0.
        share : float
            What the trunk gets of it, 0..1: what it knows already should not be lost at the first
            step, when the head still answers at random.
        """
        trunk = [p for p in self.trunk.parameters() if p.requires_grad]
        groups = [{"params": list(self.head.parameters()), "lr": rate}]
        return groups + ([{"params": trunk, "lr": rate * share}] if trunk else [])


@torch.no_grad()
def describe(trunk: nn.Module, images: Tensor, batch_size: int = 50) -> Tensor:
    """Vectors of many pictures, each computed once.

    Parameters
    ----------
    trunk : Trunk
        Put into evaluation mode for the while.
    images : Tensor
        uint8 (N, 3, H, W).
    batch_size : int
        Pictures a pass, >= 1.

    Returns
    -------
    Tensor
        float32 (N, width), on the CPU.

    Raises
    ------
    ValueError
        If the images are not uint8 with three channels.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(
            f"got a {images.dtype} tensor of shape {tuple(images.shape)}: give uint8 (N, 3, H, W)"
        )
    device = next(trunk.parameters()).device
    modes = [(part, part.training) for part in trunk.modules()]
    trunk.eval()
    try:
        parts = [
            trunk(
                part.to(device).float().div(255).contiguous(memory_format=torch.channels_last)
            ).cpu()
            for part in images.split(batch_size)
        ]
    finally:
        for part, training in modes:
            part.training = training
    return torch.cat(parts)
