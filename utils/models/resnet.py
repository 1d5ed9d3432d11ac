"""Residual networks: ResNet-18 to -152 for ImageNet, ResNet-20 to -110 for CIFAR, and plain nets.

A residual block adds to its input what its convolutions find: y = ReLU(F(x) + x).  Where the two
differ in size, a shortcut of one of three kinds, A, B or C, makes x fit.  A plain network is the
same stack of convolutions without the additions.

Layers carry torchvision's names, so that its weights load here and ours load there.

References
----------
He, Zhang, Ren, Sun (2016). Deep residual learning for image recognition. CVPR, pp. 770-778.
He, Zhang, Ren, Sun (2015). Delving deep into rectifiers. ICCV, pp. 1026-1034.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

__all__ = [
    "BasicBlock",
    "Bottleneck",
    "CifarResNet",
    "PaddedShortcut",
    "PlainNet",
    "ResNet",
]

# Shortcuts
# ---------


class PaddedShortcut(nn.Module):
    """Option A: take every `stride`-th pixel and append maps of zeros; nothing is learned.

    Parameters
    ----------
    in_channels, out_channels : int
        Number of maps before and after, in_channels <= out_channels.
    stride : int
        Step S >= 1 in pixels.

    Notes
    -----
    Shape: (N, in_channels, H, W) -> (N, out_channels, ceil(H / S), ceil(W / S)).
    He et al. (2016), sec. 3.3.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int):
        super().__init__()
        self.in_channels, self.out_channels, self.stride = in_channels, out_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """Subsample (N, C, H, W), then pad the axis of the channels at its end."""
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.out_channels - self.in_channels))

    def extra_repr(self) -> str:
        """Show the sizes."""
        return f"{self.in_channels}, {self.out_channels}, stride={self.stride}"


def _projection(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Options B and C: a 1 x 1 convolution and its batch norm."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
        nn.BatchNorm2d(out_channels),
    )


def _shortcut(
    option: str | None, in_channels: int, out_channels: int, stride: int
) -> nn.Module | None:
    """What stands on the shortcut; None where x itself is added, or nothing at all."""
    if option not in ("A", "B", "C", None):
        raise ValueError(
            f'shortcut is {option!r}: give "A" (zero padding), "B" (projection where the size '
            'changes), "C" (projection everywhere) or None (a plain net)'
        )
    same_size = stride == 1 and in_channels == out_channels
    if option is None or (same_size and option != "C"):
        return None
    layer = PaddedShortcut if option == "A" else _projection
    return layer(in_channels, out_channels, stride)


# Blocks
# ------


class _Block(nn.Module):
    """ReLU(F(x) + shortcut(x)); the subclasses say what F is, in a method `residual`."""

    expansion = 1
    """How many times more maps leave the block than pass through its 3 x 3 convolution."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, expansion * channels, H / stride, W / stride)."""
        out = self.residual(x)
        if not self.is_plain:
            out = out + (x if self.downsample is None else self.downsample(x))
        return self.relu(out)


class BasicBlock(_Block):
    """Two 3 x 3 convolutions and a shortcut around them.

    Parameters
    ----------
    in_channels, channels : int
        Number of maps before the block, and of both convolutions.
    stride : int
        Step of the first convolution and of the shortcut, 1 or 2 in the paper.
    shortcut : {"A", "B", "C"} or None
        What makes x fit where the size changes: zero padding (A) or a projection (B); with C
        every shortcut is a projection.  None adds nothing: two layers of a plain net.

    Raises
    ------
    ValueError
        If `shortcut` is none of these.

    Notes
    -----
    He et al. (2016), eq. 1 and 2, Fig. 5 left.  Batch norm follows every convolution and comes
    before the ReLU (sec. 3.4), which is why no convolution needs a bias.
    """

    def __init__(
        self, in_channels: int, channels: int, stride: int = 1, shortcut: str | None = "B"
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.downsample = _shortcut(shortcut, in_channels, self.expansion * channels, stride)
        self.is_plain = shortcut is None

    def residual(self, x: Tensor) -> Tensor:
        """F(x), before the addition and the last ReLU."""
        x = self.relu(self.bn1(self.conv1(x)))
        return self.bn2(self.conv2(x))


class Bottleneck(_Block):
    """1 x 1 down to few maps, 3 x 3 on those, 1 x 1 up to four times as many, and a shortcut.

    Parameters
    ----------
    in_channels, channels : int
        Number of maps before the block, and of the 3 x 3 convolution; 4 x `channels` leave it.
    stride : int
        Step of the block, 1 or 2 in the paper.
    shortcut : {"A", "B", "C"} or None
        As for `BasicBlock`.
    stride_in : {"1x1", "3x3"}
        Which convolution takes the step: the first 1 x 1, as published, or the 3 x 3, as in
        torchvision, which sees every pixel and costs more.

    Raises
    ------
    ValueError
        If `shortcut` or `stride_in` is none of these.

    Notes
    -----
    He et al. (2016), Fig. 5 right.
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        shortcut: str | None = "B",
        stride_in: str = "3x3",
    ):
        super().__init__()
        _check_stride_in(stride_in)
        first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.conv1 = nn.Conv2d(in_channels, channels, 1, first, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, second, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.relu = nn.ReLU()
        self.downsample = _shortcut(shortcut, in_channels, self.expansion * channels, stride)
        self.is_plain = shortcut is None

    def residual(self, x: Tensor) -> Tensor:
        """F(x), before the addition and the last ReLU."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(x))


def _check_stride_in(stride_in: str) -> None:
    if stride_in not in ("1x1", "3x3"):
        raise ValueError(
            f'stride_in is {stride_in!r}: give "1x1" for the paper\'s place of the stride or '
            '"3x3" for torchvision\'s'
        )


def _stage(
    block: type[_Block], blocks: int, in_channels: int, channels: int, stride: int, **options
) -> nn.Sequential:
    """`blocks` blocks of one width; the first of them takes the step."""
    first = block(in_channels, channels, stride, **options)
    others = [block(block.expansion * channels, channels, **options) for _ in range(1, blocks)]
    return nn.Sequential(first, *others)


def _initialise(model: nn.Module) -> None:
    """He initialisation: N(0, 2 / n), n = K^2 C_out (He et al. 2015, eq. 14, as torchvision).

    With n = K^2 C_out gradients keep their variance on the way down, with K^2 C_in (eq. 10)
    activations on the way up; either does.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


# Networks
# --------

_IMAGENET: dict[int, tuple[type[_Block], tuple[int, int, int, int]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}
"""Depth -> kind of block, and how many of them in conv2_x to conv5_x (He et al. 2016, Table 1)."""


class ResNet(nn.Module):
    """ResNet for ImageNet, with 18, 34, 50, 101 or 152 layers.

    Parameters
    ----------
    depth : {18, 34, 50, 101, 152}
        Number of layers with weights, shortcuts not counted.
    num_classes : int
        Number of logits, >= 1.
    shortcut : {"A", "B", "C"} or None
        Zero padding, projections where the size changes, projections everywhere; None for the
        plain net of that depth.  torchvision's is B.
    stride_in : {"3x3", "1x1"}
        Which convolution of a bottleneck takes the step: torchvision's 3 x 3 (4.09 billion
        multiply-adds at depth 50) or the paper's 1 x 1 (3.86).  The weights have the same shapes.
        Basic blocks, at depths 18 and 34, have no choice.

    Raises
    ------
    ValueError
        If an argument is none of these.

    Notes
    -----
    He et al. (2016), Table 1: conv1 is `conv1`, conv2_x to conv5_x are `layer1` to `layer4`.
    Convolutions start as in He et al. (2015), batch norms at 1 and 0.

    Examples
    --------
    >>> import torch
    >>> with torch.device("meta"):  # no memory, no random numbers
    ...     model = ResNet(50)
    >>> sum(parameter.numel() for parameter in model.parameters())
    25557032
    """

    def __init__(
        self,
        depth: int,
        num_classes: int = 1000,
        shortcut: str | None = "B",
        stride_in: str = "3x3",
    ):
        super().__init__()
        if depth not in _IMAGENET:
            raise ValueError(f"depth is {depth!r}: give one of {', '.join(map(str, _IMAGENET))}")
        _check_stride_in(stride_in)
        block, (n1, n2, n3, n4) = _IMAGENET[depth]
        options = {"shortcut": shortcut}
        if block is Bottleneck:
            options["stride_in"] = stride_in
        wider = block.expansion

        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = _stage(block, n1, 64, 64, stride=1, **options)
        self.layer2 = _stage(block, n2, wider * 64, 128, stride=2, **options)
        self.layer3 = _stage(block, n3, wider * 128, 256, stride=2, **options)
        self.layer4 = _stage(block, n4, wider * 256, 512, stride=2, **options)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(wider * 512, num_classes)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W), 224 x 224 in the paper -> logits (N, num_classes)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


class CifarResNet(nn.Module):
    """ResNet for 32 x 32 images, of 6n + 2 layers: 20, 32, 44, 56 and 110 in the paper.

    Parameters
    ----------
    depth : int
        6n + 2 with n >= 1: a first convolution, three stages of n basic blocks, a dense layer.
    shortcut : {"A", "B", "C"} or None
        As for `ResNet`; the paper uses A on CIFAR, so that the residual net has exactly the
        parameters of the plain one.
    num_classes : int
        Number of logits, >= 1.
    in_channels : int
        Channels of the images, >= 1.
    width : int
        Maps of the first stage, 16 in the paper; the others have two and four times as many.

    Raises
    ------
    ValueError
        If `depth` is not 6n + 2 or `shortcut` none of these.

    Notes
    -----
    He et al. (2016), sec. 4.2: 16, 32 and 64 maps at 32 x 32, 16 x 16 and 8 x 8, then global
    average pooling.  Convolutions start as in He et al. (2015).

    Examples
    --------
    >>> sum(parameter.numel() for parameter in CifarResNet(20).parameters())
    269722
    """

    def __init__(
        self,
        depth: int,
        shortcut: str | None = "A",
        num_classes: int = 10,
        in_channels: int = 3,
        width: int = 16,
    ):
        super().__init__()
        n, rest = divmod(depth - 2, 6)
        if n < 1 or rest:
            raise ValueError(f"depth is {depth}: give 6n + 2, such as 8, 14, 20, 32, 44, 56 or 110")
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.layer1 = _stage(BasicBlock, n, width, width, stride=1, shortcut=shortcut)
        self.layer2 = _stage(BasicBlock, n, width, 2 * width, stride=2, shortcut=shortcut)
        self.layer3 = _stage(BasicBlock, n, 2 * width, 4 * width, stride=2, shortcut=shortcut)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4 * width, num_classes)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, in_channels, H, W), 32 x 32 in the paper -> logits (N, num_classes)."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(self.avgpool(x).flatten(1))


class PlainNet(CifarResNet):
    """`CifarResNet` without its shortcuts: the same layers and parameters, nothing added.

    Parameters
    ----------
    depth : int
        6n + 2 with n >= 1.
    num_classes, in_channels, width : int
        As for `CifarResNet`.

    Raises
    ------
    ValueError
        If `depth` is not 6n + 2.

    Notes
    -----
    He et al. (2016), sec. 4.2 and Fig. 6 left: the deeper it is, the larger its training error.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in PlainNet(20).parameters())
    269722
    """

    def __init__(self, depth: int, num_classes: int = 10, in_channels: int = 3, width: int = 16):
        super().__init__(depth, None, num_classes, in_channels, width)
