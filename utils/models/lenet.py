"""LeNet, three times: the zip-code net of 1989, LeNet-5 as published in 1998, and LeNet-5 today.

The first two follow their papers down to the last parameter, so that every number the papers
print can be counted from the modules.  The third is the network that now goes by the name.

References
----------
LeCun, Boser, Denker, Henderson, Howard, Hubbard, Jackel (1989). Backpropagation applied to
    handwritten zip code recognition. Neural Computation 1(4):541-551.
LeCun, Bottou, Bengio, Haffner (1998). Gradient-based learning applied to document recognition.
    Proceedings of the IEEE 86(11):2278-2324.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.arguments import integer

__all__ = [
    "C3_TABLE",
    "DIGIT_BITMAPS",
    "H2_TABLE",
    "LeNet5",
    "LeNet5_1998",
    "RBFOutput",
    "ScaledTanh",
    "Subsampling",
    "TableConv2d",
    "ZipNet1989",
    "digit_codes",
    "map_criterion",
    "mse_criterion",
    "predict",
    "prepare",
]

# Which maps feed which
# ---------------------

H2_TABLE: tuple[tuple[int, ...], ...] = (
    *[(0, 1, 2, 3, 4, 5, 6, 7)] * 4,
    *[(4, 5, 6, 7, 8, 9, 10, 11)] * 4,
    *[(0, 1, 2, 3, 8, 9, 10, 11)] * 4,
)
"""H1 maps seen by each of the 12 H2 maps of 1989: 8 of 12.  The paper does not say which 8;
these blocks are those of A. Karpathy's reproduction (github.com/karpathy/lecun1989-repro)."""

C3_TABLE: tuple[tuple[int, ...], ...] = (
    (0, 1, 2),
    (1, 2, 3),
    (2, 3, 4),
    (3, 4, 5),
    (0, 4, 5),
    (0, 1, 5),
    (0, 1, 2, 3),
    (1, 2, 3, 4),
    (2, 3, 4, 5),
    (0, 3, 4, 5),
    (0, 1, 4, 5),
    (0, 1, 2, 5),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)
"""S2 maps seen by each of the 16 C3 maps of LeNet-5 (LeCun et al. 1998, Table I)."""

# What the output layer looks for
# -------------------------------

DIGIT_BITMAPS = """
..###.. ...##.. .#####. ######. ....##. ####### ..####. ####### .#####. .#####.
.##.##. ..###.. ##...## .....## ...###. ##..... .##.... .....## ##...## ##...##
##...## .####.. ##...## .....## ...###. ##..... ##..... .....## ##...## ##...##
##...## ...##.. .....## .....## ..#.##. ##..... ##..... ....##. ##...## ##...##
##...## ...##.. .....## ....##. ..#.##. ######. ##..... ....##. .##.##. ##...##
##...## ...##.. ....##. ..###.. .#..##. .....## ######. ...##.. ..###.. .######
##...## ...##.. ...##.. ....##. .#..##. .....## ##...## ...##.. .##.##. .....##
##...## ...##.. ..##... .....## ####### .....## ##...## ..##... ##...## .....##
##...## ...##.. .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
##...## ...##.. ##..... .....## ....##. .....## ##...## .##.... ##...## .....##
.##.##. ...##.. ##..... ##...## ....##. ##...## ##...## .##.... ##...## ....##.
..###.. .###### ####### .#####. ....##. .#####. .#####. .##.... .#####. .####..
"""
"""The digits 0 to 9, 7 pixels wide and 12 high, `#` for ink.

Drawn for this course in the spirit of the paper's Fig. 3; they are not the authors' bitmaps,
which are printed there only as a picture."""


def digit_codes() -> Tensor:
    """Return the ten bitmaps as the vectors F6 is to produce.

    Returns
    -------
    Tensor, float32, shape (10, 84)
        Row d is `DIGIT_BITMAPS`' digit d read row by row: +1 for ink, -1 for paper.
        84 = 12 rows of 7, which is why F6 has 84 units (LeCun et al. 1998, sec. II-B).
    """
    rows = [line.split() for line in DIGIT_BITMAPS.split("\n") if line]
    glyphs = ["".join(row[digit] for row in rows) for digit in range(10)]
    return torch.tensor([[1.0 if pixel == "#" else -1.0 for pixel in glyph] for glyph in glyphs])


# Building blocks
# ---------------


class ScaledTanh(nn.Module):
    """Squashing function f(a) = A tanh(S a) with A = 1.7159 and S = 2/3.

    So chosen that f(1) = 1 and f(-1) = -1 to five digits: the targets +1 and -1 lie where the
    curve bends most, not on its flat ends (LeCun et al. 1998, App. A).
    """

    A = 1.7159
    S = 2 / 3

    def forward(self, a: Tensor) -> Tensor:
        """Squash every element of `a` (any shape) into (-A, A)."""
        return self.A * torch.tanh(self.S * a)


class Subsampling(nn.Module):
    """LeNet's trainable pooling: the sum of 2 x 2 inputs times a coefficient, plus a bias.

    Each map has one coefficient and one bias, so a layer of C maps has 2C parameters.  What
    follows is a squashing function: a small coefficient makes the unit a quasi-linear blur, a
    large one an OR or an AND of its four inputs (LeCun et al. 1998, sec. II-B).

    Parameters
    ----------
    channels : int
        Number of maps C, at least 1.

    Raises
    ------
    TypeError, ValueError
        If it is no whole number, or below 1.
    """

    def __init__(self, channels: int):
        super().__init__()
        integer("channels", channels, at_least=1)
        self.channels = channels
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        _uniform_by_fan_in(self, fan_in=4)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H/2, W/2), windows not overlapping."""
        sums = F.avg_pool2d(x, kernel_size=2, divisor_override=1)
        return sums * self.weight[:, None, None] + self.bias[:, None, None]

    def count_connections(self, input_shape: Sequence[int], output_shape: Sequence[int]) -> int:
        """Four inputs and a bias for every unit, as the paper counts them.

        `input_shape` and `output_shape` are those of one image, (C, H, W).
        """
        return math.prod(output_shape) * (4 + 1)

    def count_macs(self, input_shape: Sequence[int], output_shape: Sequence[int]) -> int:
        """One multiplication for every unit: the four inputs are added first.

        `input_shape` and `output_shape` are those of one image, (C, H, W).
        """
        return math.prod(output_shape)

    def extra_repr(self) -> str:
        """Show the number of maps."""
        return str(self.channels)


class TableConv2d(nn.Module):
    """Convolution whose output maps each see only some of the input maps.

    Only the kernels of the links that exist are parameters: `weight` holds one K x K kernel a
    link, and nothing is stored for the others.  For the pass itself the kernels are laid into a
    full bank of zeros and one ordinary convolution is run, which on a CPU is several times
    faster than one small convolution a map.

    Parameters
    ----------
    in_channels : int
        Number of input maps.
    table : sequence of sequences of int
        `table[k]` lists the input maps that output map k sees, e.g. `C3_TABLE`.
    kernel_size, stride : int
        K and S, in pixels.
    padding : int
        Pixels added on each side of the input ...
    padding_value : float
        ... and what they hold.
    bias_shape : tuple of int, optional
        Shape of the bias: (C_out, 1, 1), the default, is the usual one a map; (C_out, H, W)
        is one for every unit, as in 1989.
    """

    def __init__(
        self,
        in_channels: int,
        table: Sequence[Sequence[int]],
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        padding_value: float = 0.0,
        bias_shape: tuple[int, int, int] | None = None,
    ):
        super().__init__()
        self.in_channels, self.out_channels = in_channels, len(table)
        self.kernel_size, self.stride = kernel_size, stride
        self.padding, self.padding_value = padding, padding_value
        links = [(k, source) for k, sources in enumerate(table) for source in sources]
        targets, sources = torch.tensor(links).T
        # Buffers, so that .to(device) takes them along; not part of the state, since the table
        # is the architecture and not something learned.
        self.register_buffer("targets", targets, persistent=False)
        self.register_buffer("sources", sources, persistent=False)
        self.weight = nn.Parameter(torch.empty(len(links), kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(bias_shape or (self.out_channels, 1, 1)))
        with torch.no_grad():
            for k, maps in enumerate(table):
                bound = 2.4 / (len(maps) * kernel_size**2)
                self.weight[targets == k] = self.weight[targets == k].uniform_(-bound, bound)
                self.bias[k].uniform_(-bound, bound)

    def full_weight(self) -> Tensor:
        """The kernels as a (C_out, C_in, K, K) bank, zero where there is no link."""
        bank = self.weight.new_zeros(
            self.out_channels, self.in_channels, self.kernel_size, self.kernel_size
        )
        return bank.index_put((self.targets, self.sources), self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H', W')."""
        if self.padding:
            x = F.pad(x, [self.padding] * 4, value=self.padding_value)
        return F.conv2d(x, self.full_weight(), stride=self.stride) + self.bias

    def count_connections(self, input_shape: Sequence[int], output_shape: Sequence[int]) -> int:
        """One for every link and tap at every place, and one bias for every unit.

        `input_shape` and `output_shape` are those of one image, (C, H, W).
        """
        height, width = output_shape[-2:]
        return (self.weight.numel() + self.out_channels) * height * width

    def count_macs(self, input_shape: Sequence[int], output_shape: Sequence[int]) -> int:
        """Multiplications along links that exist; those with the bank's zeros do not count.

        `input_shape` and `output_shape` are those of one image, (C, H, W).
        """
        height, width = output_shape[-2:]
        return self.weight.numel() * height * width

    def extra_repr(self) -> str:
        """Show the sizes and the number of links."""
        return (
            f"{self.in_channels}, {self.out_channels}, links={len(self.targets)}, "
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        )


class RBFOutput(nn.Module):
    """Ten fixed prototypes; the output is each one's squared distance from the input.

    y_i = sum_j (x_j - w_ij)^2, LeCun et al. 1998, eq. 7.  A penalty: the smallest wins.

    Parameters
    ----------
    codes : Tensor, shape (classes, features)
        The prototypes w.  They are a buffer and are never trained: if they were, the MSE
        criterion could be driven to zero by making all of them, and F6, constant.
    """

    def __init__(self, codes: Tensor):
        super().__init__()
        self.register_buffer("codes", codes.clone())

    def forward(self, x: Tensor) -> Tensor:
        """(N, features) -> penalties (N, classes), all >= 0."""
        return (x[:, None, :] - self.codes).square().sum(dim=-1)

    def count_connections(self, input_shape: Sequence[int], output_shape: Sequence[int]) -> int:
        """One for every number in the codes; there is no bias.

        `input_shape` and `output_shape` are those of one image: (84,) and (10,).
        """
        return self.codes.numel()

    def count_macs(self, input_shape: Sequence[int], output_shape: Sequence[int]) -> int:
        """One square for every number in the codes.

        `input_shape` and `output_shape` are those of one image: (84,) and (10,).
        """
        return self.codes.numel()

    def extra_repr(self) -> str:
        """Show the sizes."""
        classes, features = self.codes.shape
        return f"{features}, {classes}"


# The networks
# ------------


class ZipNet1989(nn.Module):
    """The zip-code reader of 1989: 1,256 units, 64,660 connections, 9,760 parameters.

    Two layers of stride-2 convolutions (no pooling yet), with one bias for every unit rather
    than for every map, and two fully connected layers; scaled tanh throughout.  Trained by
    least squares towards +1 for the right class and -1 for the others.

    LeCun et al. 1989; the border of both convolutions holds the background -1.
    """

    def __init__(self):
        super().__init__()
        every_map = [(0,)] * 12
        border = dict(padding=2, padding_value=-1.0)
        self.features = nn.Sequential(
            OrderedDict(
                H1=TableConv2d(1, every_map, 5, stride=2, bias_shape=(12, 8, 8), **border),
                squash1=ScaledTanh(),
                H2=TableConv2d(12, H2_TABLE, 5, stride=2, bias_shape=(12, 4, 4), **border),
                squash2=ScaledTanh(),
            )
        )
        self.classifier = nn.Sequential(
            OrderedDict(
                flatten=nn.Flatten(),
                H3=nn.Linear(12 * 4 * 4, 30),
                squash3=ScaledTanh(),
                output=nn.Linear(30, 10),
                squash4=ScaledTanh(),
            )
        )
        for layer in (self.classifier.H3, self.classifier.output):
            _uniform_by_fan_in(layer, layer.in_features)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 1, 16, 16) in [-1, 1] -> activations (N, 10) in (-1.7159, 1.7159)."""
        return self.classifier(self.features(x))


class LeNet5_1998(nn.Module):
    """LeNet-5 as published: exactly 60,000 trainable parameters, 340,908 connections.

    What today's versions leave out is here: pooling with parameters, the incomplete C3, scaled
    tanh, and an output layer that compares F6 with drawn digits.  The paper prints 345,308
    connections because its table gives C3 156,000 instead of 1,516 x 100 = 151,600.

    LeCun et al. 1998, sec. II-B.  Train with `map_criterion`; classify with `predict`.
    """

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                C1=nn.Conv2d(1, 6, kernel_size=5),
                squash1=ScaledTanh(),
                S2=Subsampling(6),
                squash2=ScaledTanh(),
                C3=TableConv2d(6, C3_TABLE, kernel_size=5),
                squash3=ScaledTanh(),
                S4=Subsampling(16),
                squash4=ScaledTanh(),
                C5=nn.Conv2d(16, 120, kernel_size=5),
                squash5=ScaledTanh(),
            )
        )
        self.classifier = nn.Sequential(
            OrderedDict(
                flatten=nn.Flatten(),
                F6=nn.Linear(120, 84),
                squash6=ScaledTanh(),
                output=RBFOutput(digit_codes()),
            )
        )
        _uniform_by_fan_in(self.features.C1, 25)
        _uniform_by_fan_in(self.features.C5, 16 * 25)
        _uniform_by_fan_in(self.classifier.F6, 120)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 1, 32, 32), see `prepare`, -> penalties (N, 10), the smallest is best."""
        return self.classifier(self.features(x))


class LeNet5(nn.Module):
    """LeNet-5 as it is taught today: 61,706 parameters.

    All of C3's links, pooling without parameters, ReLU, and ten logits for softmax and cross
    entropy.  The 28 x 28 images are padded inside C1 instead of beforehand.

    Parameters
    ----------
    num_classes : int
        Number of logits.
    in_channels : int
        Channels of the images: 1 for grey, 3 for colour.
    activation : callable
        Called without arguments for each nonlinearity, e.g. `nn.ReLU` or `nn.Tanh`.
    pooling : callable
        Called with the window 2 for each pooling layer, e.g. `nn.MaxPool2d` or `nn.AvgPool2d`.

    Notes
    -----
    `features` (the two convolutions) and `classifier` (the three dense layers) are separate, so
    that the one can be frozen with `model.features.requires_grad_(False)`.
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        activation: Callable[[], nn.Module] = nn.ReLU,
        pooling: Callable[[int], nn.Module] = nn.MaxPool2d,
    ):
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                C1=nn.Conv2d(in_channels, 6, kernel_size=5, padding=2),
                act1=activation(),
                S2=pooling(2),
                C3=nn.Conv2d(6, 16, kernel_size=5),
                act3=activation(),
                S4=pooling(2),
            )
        )
        self.classifier = nn.Sequential(
            OrderedDict(
                flatten=nn.Flatten(),
                C5=nn.Linear(16 * 5 * 5, 120),
                act5=activation(),
                F6=nn.Linear(120, 84),
                act6=activation(),
                output=nn.Linear(84, num_classes),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, in_channels, 28, 28) -> logits (N, num_classes)."""
        return self.classifier(self.features(x))


# Inputs, criteria, decisions
# ---------------------------


def prepare(images: Tensor) -> Tensor:
    """Turn 28 x 28 digits into LeNet-5's 32 x 32 input of 1998.

    Parameters
    ----------
    images : Tensor, uint8, shape (N, 1, 28, 28) or (N, 28, 28)
        0 for paper, 255 for ink.

    Returns
    -------
    Tensor, float32, shape (N, 1, 32, 32)
        Paper -0.1, ink 1.175, which makes the mean about 0 and the variance about 1; two
        pixels of paper on every side, so that strokes may reach the centre of the outermost
        detectors (LeCun et al. 1998, sec. II-B).

    Raises
    ------
    ValueError
        If the images are not uint8 or not 28 x 28.
    """
    grey = _as_grey_digits(images)
    return F.pad(grey, [2] * 4) * (1.175 + 0.1) - 0.1


def mse_criterion(penalties: Tensor, targets: Tensor) -> Tensor:
    """Mean penalty of the right class, E = (1/P) sum_p y_{D_p} (LeCun et al. 1998, eq. 8).

    Only the right class is pulled; nothing pushes the others away.  With prototypes that may
    be trained it collapses: one prototype and one constant F6 for all give E = 0.

    Parameters
    ----------
    penalties : Tensor, shape (P, classes)
        Output of `LeNet5_1998`.
    targets : Tensor, int64, shape (P,)
        The right classes D_p.

    Returns
    -------
    Tensor, a scalar >= 0

    Raises
    ------
    ValueError
        If there is not one target a row of penalties.
    """
    if penalties.ndim != 2 or targets.shape != penalties.shape[:1]:
        raise ValueError(
            f"penalties of shape {tuple(penalties.shape)} and targets of shape "
            f"{tuple(targets.shape)}: give (P, classes) and (P,)"
        )
    return penalties.gather(1, targets[:, None]).mean()


def map_criterion(penalties: Tensor, targets: Tensor, j: float = 1.0) -> Tensor:
    """Maximum a posteriori criterion, which also pushes the wrong classes away.

    E = (1/P) sum_p [ y_{D_p} + log(exp(-j) + sum_i exp(-y_i)) ], LeCun et al. 1998, eq. 9.
    It is softmax cross entropy on the logits -y with one more class, "rubbish", whose penalty
    is the constant j: once a wrong class is much worse than j it is pushed no further.

    Parameters
    ----------
    penalties : Tensor, shape (P, classes)
        Output of `LeNet5_1998`.
    targets : Tensor, int64, shape (P,)
        The right classes D_p.
    j : float
        Penalty of the rubbish class, > 0.

    Returns
    -------
    Tensor, a scalar > 0

    Raises
    ------
    ValueError
        If j is not positive.
    """
    if j <= 0:
        raise ValueError(f"j is {j}, but the rubbish class needs a penalty above 0, such as 1.0")
    rubbish = penalties.new_full((len(penalties), 1), j)
    logits = -torch.cat([penalties, rubbish], dim=1)
    return F.cross_entropy(logits, targets)


def predict(penalties: Tensor) -> Tensor:
    """Class of the smallest of the `penalties`: (N, classes) -> int64 labels (N,).

    A row with a NaN has no smallest: its answer is -1, which is no class.

    Raises
    ------
    ValueError
        If the penalties have another shape.
    """
    if penalties.ndim != 2:
        raise ValueError(f"penalties have shape {tuple(penalties.shape)}: give (N, classes)")
    return penalties.argmin(dim=1).masked_fill(penalties.isnan().any(dim=1), -1)


def _as_grey_digits(images: Tensor) -> Tensor:
    """(N, 28, 28) or (N, 1, 28, 28) uint8 -> (N, 1, 28, 28) float32 in [0, 1]."""
    if images.dtype != torch.uint8 or images.shape[1:] not in ((1, 28, 28), (28, 28)):
        raise ValueError(
            f"images are {images.dtype} of shape {tuple(images.shape)}, but have to be "
            "torch.uint8 (N, 1, 28, 28): pass them as `utils.datasets.load` returns them"
        )
    return images.reshape(-1, 1, 28, 28).float() / 255


def _uniform_by_fan_in(layer: nn.Module, fan_in: int) -> None:
    """Draw weights and biases from U(-2.4/F, 2.4/F), F the fan-in (LeCun et al. 1998, App. A)."""
    bound = 2.4 / fan_in
    nn.init.uniform_(layer.weight, -bound, bound)
    nn.init.uniform_(layer.bias, -bound, bound)
