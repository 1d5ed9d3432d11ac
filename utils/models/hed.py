"""A small network for outlines, made like HED: a frozen trunk with an output at every depth.

References
----------
Xie, Tu (2015). Holistically-nested edge detection. ICCV.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["EdgeNet", "edge_loss"]


class EdgeNet(nn.Module):
    """SqueezeNet's first layers, frozen, with side outputs after conv1, fire3 and fire5.

    As in HED (Xie and Tu 2015, sec. 3.2), every depth makes a map of its own (a 1x1 convolution,
    enlarged to the picture's size) and a last 1x1 convolution weighs the maps. HED's trunk is
    VGG-16, fine-tuned, with five side outputs; here the trunk stays as ImageNet left it, so that
    only 921 numbers are learned. A 3x3 layer on the pixels themselves, which HED has not, looks
    after the finest detail.

    Parameters
    ----------
    trunk : torch.nn.Module, optional
        SqueezeNet 1.1, as `utils.models.pretrained` gives it; its parameters are frozen in place.
        By default an untrained one, which only has the shapes.

    Examples
    --------
    >>> from utils.models import pretrained
    >>> net = EdgeNet(pretrained("squeezenet1_1"))
    >>> sum(p.numel() for p in net.parameters() if p.requires_grad)
    921
    """

    SIDES = ("pixels", "conv1", "fire3", "fire5")
    """Names of the side outputs, from shallow to deep."""

    def __init__(self, trunk: nn.Module | None = None):
        super().__init__()
        if trunk is None:
            from torchvision.models import squeezenet1_1

            trunk = squeezenet1_1()
        self.trunk = trunk.features[:8].requires_grad_(False)
        self.pixels = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.sides = nn.ModuleList(nn.Conv2d(maps, 1, kernel_size=1) for maps in (16, 64, 128, 256))
        self.fuse = nn.Conv2d(4, 1, kernel_size=1)
        nn.init.constant_(self.fuse.weight, 0.25)
        nn.init.zeros_(self.fuse.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Prepared images (N, 3, H, W) -> logits (N, 5, H, W): fused, then each side output."""
        maps = [F.relu(self.pixels(x / 100))]  # pixels reach 150, activations some tens
        for number, layer in enumerate(self.trunk):
            x = layer(x)
            if number in (1, 4, 7):
                maps.append(x / 30)
        size = maps[0].shape[-2:]
        sides = [
            F.interpolate(side(m), size, mode="bilinear")
            for side, m in zip(self.sides, maps, strict=True)
        ]
        return torch.cat([self.fuse(torch.cat(sides, 1)), *sides], 1)


def edge_loss(logits: Tensor, outlines: Tensor) -> Tensor:
    """Cross-entropy of every output, fused and sides, against the same outlines.

    Parameters
    ----------
    logits : Tensor
        (N, 5, H, W).
    outlines : Tensor
        (N, H, W), bool or 0..1.

    Returns
    -------
    Tensor
        Mean over outputs and pixels. HED sums the sides and weighs outline and ground by their
        shares; ranking pixels needs neither.

    Raises
    ------
    ValueError
        If the outlines are not one map (H, W) a picture.
    """
    if logits.ndim != 4 or outlines.shape != logits[:, 0].shape:
        raise ValueError(
            f"logits of shape {tuple(logits.shape)} and outlines of shape {tuple(outlines.shape)}: "
            "give (N, 5, H, W) and (N, H, W)"
        )
    wanted = outlines[:, None].to(logits.dtype).expand_as(logits)
    return F.binary_cross_entropy_with_logits(logits, wanted)
