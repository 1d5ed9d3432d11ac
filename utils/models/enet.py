"""ENet's encoder as a classifier: few maps, early small, long and thin and dilated kernels.

References
----------
Paszke, Chaurasia, Kim, Culurciello (2016). ENet: a deep neural network architecture for real-time
    semantic segmentation. arXiv 1606.02147.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["ENet", "ENetBottleneck", "InitialBlock"]


def _norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=1e-3)


class InitialBlock(nn.Module):
    """13 learned maps and the 3 channels of the image itself, all at half its size.

    Raises
    ------
    ValueError
        In the forward pass, if a side of the images is odd: the two parts would not match.

    Notes
    -----
    Shape: (N, 3, H, W) -> (N, 16, H / 2, W / 2), H and W even.
    Paszke et al. (2016), Fig. 2a.
    """

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 13, kernel_size=3, stride=2, padding=1)
        self.pool = nn.MaxPool2d(kernel_size=2)
        self.norm = _norm(16)
        self.act = nn.PReLU(16)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and pool (N, 3, H, W) side by side: (N, 16, H / 2, W / 2).

        Raises ValueError if a side is odd: the two halves would not meet.
        """
        if x.shape[-2] % 2 or x.shape[-1] % 2:
            raise ValueError(
                f"images of {x.shape[-2]} x {x.shape[-1]} pixels: ENet takes even heights and "
                "widths, so crop or pad them"
            )
        return self.act(self.norm(torch.cat([self.conv(x), self.pool(x)], dim=1)))


class ENetBottleneck(nn.Module):
    """1 x 1 down to a quarter of the maps, one convolution of a kind, 1 x 1 up, and a shortcut.

    Parameters
    ----------
    in_channels, out_channels : int
        Number of maps before and after; a quarter of `out_channels` stand between.
    kind : {"regular", "downsampling", "dilated", "asymmetric"}
        The convolution in the middle is 3 x 3; dilated; or 5 x 1 and then 1 x 5, ten weights
        instead of 25.  "downsampling" is a regular one that begins with 2 x 2 in steps of 2.
    dilation : int
        Distance of a dilated kernel's taps in pixels, >= 1.
    dropout : float
        Probability of dropping a whole map of the residual.

    Raises
    ------
    ValueError
        If `kind` is none of these.

    Notes
    -----
    Shape: (N, in_channels, H, W) -> (N, out_channels, H, W), or half of H and W.
    Paszke et al. (2016), sec. 3 and Fig. 2b.  The shortcut is max pooled where the block shrinks
    its maps, and gets maps of zeros where it adds some.  1 x 1 convolutions have no bias.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kind: str = "regular",
        dilation: int = 1,
        dropout: float = 0.1,
    ):
        super().__init__()
        inner = out_channels // 4
        step = 2 if kind == "downsampling" else 1
        self.residual = nn.Sequential(
            OrderedDict(
                reduce=nn.Conv2d(in_channels, inner, kernel_size=step, stride=step, bias=False),
                norm1=_norm(inner),
                act1=nn.PReLU(inner),
                conv=_middle(kind, inner, dilation),
                norm2=_norm(inner),
                act2=nn.PReLU(inner),
                expand=nn.Conv2d(inner, out_channels, kernel_size=1, bias=False),
                norm3=_norm(out_channels),
                drop=nn.Dropout2d(dropout),
            )
        )
        self.pool = nn.MaxPool2d(kernel_size=2) if kind == "downsampling" else None
        self.more = out_channels - in_channels
        self.act = nn.PReLU(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """PReLU(F(x) + shortcut)."""
        shortcut = x if self.pool is None else self.pool(x)
        shortcut = F.pad(shortcut, (0, 0, 0, 0, 0, self.more))
        return self.act(self.residual(x) + shortcut)


def _middle(kind: str, channels: int, dilation: int) -> nn.Module:
    """The convolution that looks at neighbours; the maps keep their size."""
    if kind in ("regular", "downsampling"):
        return nn.Conv2d(channels, channels, kernel_size=3, padding=1)
    if kind == "dilated":
        return nn.Conv2d(channels, channels, kernel_size=3, padding=dilation, dilation=dilation)
    if kind == "asymmetric":
        return nn.Sequential(
            nn.Conv2d(channels, channels, kernel_size=(5, 1), padding=(2, 0), bias=False),
            nn.Conv2d(channels, channels, kernel_size=(1, 5), padding=(0, 2)),
        )
    raise ValueError(f'kind is {kind!r}: give "regular", "downsampling", "dilated" or "asymmetric"')


_SCALES: tuple[tuple[str, int], ...] = (
    ("regular", 1),
    ("dilated", 2),
    ("asymmetric", 1),
    ("dilated", 4),
    ("regular", 1),
    ("dilated", 8),
    ("asymmetric", 1),
    ("dilated", 16),
)
"""Kind and dilation of the eight bottlenecks that stages 2 and 3 repeat (Table 1)."""


class ENet(nn.Module):
    """ENet's encoder with a classifier in the place of its decoder.

    Parameters
    ----------
    num_classes : int
        Number of logits, >= 1.

    Notes
    -----
    Paszke et al. (2016), Table 1 and sec. 5.1: initial block, stages 1 to 3, spatial dropout of
    0.01 before stage 2 and of 0.1 from there on.  The encoder is the paper's; ENet labels pixels,
    and how its classifying variant ended was not published.  Here: global average pooling and a
    dense layer that starts small, N(0, 0.01), so that all classes are as likely at first.
    Convolutions start as torch starts them.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in ENet().encoder.parameters())
    338156
    """

    def __init__(self, num_classes: int = 1000):
        super().__init__()
        block = ENetBottleneck
        stage1 = [block(16, 64, "downsampling", dropout=0.01)]
        stage1 += [block(64, 64, dropout=0.01) for _ in range(4)]
        stage2 = [block(64, 128, "downsampling")]
        stage2 += [block(128, 128, kind, dilation) for kind, dilation in _SCALES]
        stage3 = [block(128, 128, kind, dilation) for kind, dilation in _SCALES]
        self.encoder = nn.Sequential(
            OrderedDict(
                initial=InitialBlock(),
                stage1=nn.Sequential(*stage1),
                stage2=nn.Sequential(*stage2),
                stage3=nn.Sequential(*stage3),
            )
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(128, num_classes)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W), H and W even and >= 8 -> logits (N, num_classes)."""
        return self.fc(self.pool(self.encoder(x)).flatten(1))
