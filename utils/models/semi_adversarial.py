"""The networks of the semi-adversarial paper, and slim ones that train in seconds.

* `SemiAdversarialAutoencoder`: subnetwork I of the paper, 324,248 parameters, for 224 x 224.
* `SlimAutoencoder`: the same idea with 11,788 parameters, for the rendered faces.
* `AttributeNet`: the released code's auxiliary classifier, 2,159,618 parameters.
* `SmallAttributeNet`, `FaceMatcher`: small classifiers and matchers, of several kinds each, so
  that some can be kept away from training.

Pictures are grey, (N, 1, H, W), prototypes have colour, (N, 3, H, W); both in 0..1.

Source: V. Mirjalili, S. Raschka, A. Namboodiri, A. Ross: Semi-adversarial networks, ICB 2018,
sec. 2.2.1 and Fig. 2 for shapes; their released code for kernel sizes and inner widths.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ATTRIBUTE_KINDS = ("strided", "pooled", "lenet", "mlp")
"""Kinds of `SmallAttributeNet`."""
MATCHER_KINDS = ("averaged", "pooled", "resnet18")
"""Kinds of `FaceMatcher`."""


class ProtoAutoencoder(nn.Module):
    """An encoder, a decoder and a proto-combiner: what the two autoencoders share.

    The encoder sees a face and the prototype of its own style. The decoder's feature maps are then
    joined with *any* prototype, and one convolution with a sigmoid makes the picture. One pass
    through encoder and decoder so serves all three pictures.

    Parameters
    ----------
    encoder, decoder : nn.Module
        From 4 channels to the decoder's feature maps, of the face's size.
    combiner : nn.Conv2d
        From those maps and three channels more to one.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, combiner: nn.Conv2d) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.combiner = combiner

    def combine(self, features: Tensor, prototype: Tensor) -> Tensor:
        """The proto-combiner's logits, (N, 1, H, W): a sigmoid makes the picture of them.

        `features` (N, F, H, W) are the decoder's, `prototype` (N, 3, H, W) lies on 0..1.
        """
        return self.combiner(torch.cat([features, prototype], dim=1))

    def forward(self, inputs: Tensor, *prototypes: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Redraw faces, once for each prototype.

        Parameters
        ----------
        inputs : Tensor
            (N, 4, H, W): the grey face and the three channels of its same-style prototype, 0..1.
        *prototypes : Tensor
            (N, 3, H, W) each: what the proto-combiner adds. Without any it is the same-style one.

        Returns
        -------
        Tensor or tuple of Tensor
            Pictures (N, 1, H, W) in 0..1; a tuple, one for each prototype, if more than one is
            given.
        """
        features = self.decoder(self.encoder(inputs))
        chosen = prototypes or (inputs[:, 1:],)
        pictures = tuple(torch.sigmoid(self.combine(features, proto)) for proto in chosen)
        return pictures if len(pictures) > 1 else pictures[0]


class SemiAdversarialAutoencoder(ProtoAutoencoder):
    """The paper's autoencoder: five trained layers, 324,248 parameters.

    (N, 4, 224, 224) becomes 12 maps of 56 x 56, then 128 maps of 224 x 224, and with the
    prototype's three channels 131; the last layer is a 1 x 1 convolution. Any side that 4 divides
    will do.
    """

    def __init__(self) -> None:
        encoder = OrderedDict(
            enc1=nn.Conv2d(4, 8, 3, padding=1),
            act1=nn.LeakyReLU(0.01),
            pool1=nn.AvgPool2d(2),
            enc2=nn.Conv2d(8, 12, 3, padding=1),
            act2=nn.LeakyReLU(0.01),
            pool2=nn.AvgPool2d(2),
        )
        decoder = OrderedDict(
            dec1=nn.Conv2d(12, 256, 3, padding=1),
            act1=nn.LeakyReLU(0.01),
            up1=nn.Upsample(scale_factor=2, mode="nearest"),
            dec2=nn.Conv2d(256, 128, 3, padding=1),
            act2=nn.LeakyReLU(0.01),
            up2=nn.Upsample(scale_factor=2, mode="nearest"),
        )
        super().__init__(
            nn.Sequential(encoder), nn.Sequential(decoder), nn.Conv2d(128 + 3, 1, kernel_size=1)
        )


class SlimAutoencoder(ProtoAutoencoder):
    """A narrow version for small faces: 11,788 parameters.

    It differs from the paper's in three ways: one pooling instead of two, batch norm, and a
    combiner that looks at 3 x 3 pixels, so that the doubled pixels are smoothed. (N, 4, H, W)
    with even H and W.
    """

    def __init__(self) -> None:
        def block(inputs: int, outputs: int) -> list[nn.Module]:
            convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
            return [convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.01)]

        encoder = nn.Sequential(*block(4, 12), nn.AvgPool2d(2), *block(12, 12))
        up = nn.Upsample(scale_factor=2, mode="nearest")
        decoder = nn.Sequential(*block(12, 24), *block(24, 32), up)
        super().__init__(encoder, decoder, nn.Conv2d(32 + 3, 1, kernel_size=3, padding=1))


class AttributeNet(nn.Module):
    """The released code's auxiliary classifier: 2,159,618 parameters.

    Six convolutions, leaky rectifiers, five max poolings, an average over what is left, dropout,
    one dense layer: (N, 1, 224, 224) to (N, num_classes) scores. Other sides, from 32, will do.

    Parameters
    ----------
    num_classes, in_channels : int
    """

    def __init__(self, num_classes: int = 2, in_channels: int = 1) -> None:
        super().__init__()
        widths = (in_channels, 32, 64, 128, 256, 256, 512)
        layers: list[nn.Module] = []
        for number, (before, after) in enumerate(itertools.pairwise(widths)):
            kernel = 5 if number == 0 else 3
            layers += [nn.Conv2d(before, after, kernel, padding=kernel // 2), nn.LeakyReLU(0.01)]
            if number < 5:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers, nn.Dropout2d(0.25), nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Dropout(0.25), nn.Linear(widths[-1], num_classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to scores (N, num_classes)."""
        return self.classifier(self.features(x))


class SmallAttributeNet(nn.Module):
    """A small classifier of grey faces, of one of four kinds.

    Parameters
    ----------
    kind : {"strided", "pooled", "lenet", "mlp"}
        Strided convolutions; max pooling and an average to 4 x 4; LeNet's plan; no convolution.
    num_classes : int
    side : int
        Height and width of the pictures, a multiple of 16.

    Raises
    ------
    ValueError
        If the kind is unknown or the side does not fit.
    """

    def __init__(self, kind: str = "strided", num_classes: int = 2, side: int = 64) -> None:
        super().__init__()
        _check("kind of classifier", kind, ATTRIBUTE_KINDS, side)
        if kind == "strided":
            layers = [*_strided(1, 16, 32, 64), nn.Flatten()]
            features = 64 * (side // 8) ** 2
        elif kind == "pooled":
            layers = [
                nn.AvgPool2d(2),
                *_pooled(1, 12, 24, 32),
                nn.AdaptiveAvgPool2d(4),
                nn.Flatten(),
            ]
            features = 32 * 16
        elif kind == "lenet":
            layers = [
                nn.AvgPool2d(2),
                *(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)),
                *(nn.Conv2d(6, 16, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten()),
                *(nn.Linear(16 * (side // 8) ** 2, 32), nn.Tanh()),
            ]
            features = 32
        else:
            layers = [nn.AvgPool2d(4), nn.Flatten(), nn.Linear((side // 4) ** 2, 64), nn.ReLU()]
            features = 64
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(features, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, side, side), values 0..1, to scores (N, num_classes)."""
        return self.classifier(self.features(4 * (x - 0.5)))


class FaceMatcher(nn.Module):
    """A matcher: faces to points on a sphere, where the same person should be near.

    It learns to tell its training persons apart (cosines, scaled, into cross-entropy). Afterwards
    `embed` works for anybody: two pictures are compared by the cosine of their embeddings.

    Parameters
    ----------
    persons : int
        Persons it is trained to tell apart, >= 2.
    kind : {"averaged", "pooled", "resnet18"}
        The trunk; "resnet18" is for photographs and takes any side from 64.
    embedding : int
        Dimensions of the sphere's space.
    side : int
        Height and width of the pictures, a multiple of 16.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """

    SCALE = 16.0
    """What the cosines are multiplied by before the softmax."""

    def __init__(
        self, persons: int, kind: str = "averaged", embedding: int = 64, side: int = 64
    ) -> None:
        super().__init__()
        _check("kind of matcher", kind, MATCHER_KINDS, side)
        if persons < 2:
            raise ValueError(f"a matcher for {persons} persons: give at least 2")
        if kind == "averaged":
            trunk = nn.Sequential(nn.AvgPool2d(2), *_averaged(1, 16, 32, 48), nn.Flatten())
            features = 48 * (side // 16) ** 2
        elif kind == "pooled":
            trunk = nn.Sequential(nn.AvgPool2d(2), *_pooled(1, 16, 32, 48), nn.Flatten())
            features = 48 * (side // 16) ** 2
        else:
            from torchvision.models import resnet18

            trunk = resnet18()
            trunk.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
            trunk.fc = nn.Identity()
            features = 512
        self.trunk = trunk
        self.project = nn.Linear(features, embedding)
        self.persons = nn.Parameter(torch.randn(persons, embedding))

    def embed(self, x: Tensor) -> Tensor:
        """Pictures `x` (N, 1, side, side), values 0..1, to (N, embedding) of length 1."""
        return F.normalize(self.project(self.trunk(4 * (x - 0.5))), dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the training persons, (N, persons): for cross-entropy."""
        return self.SCALE * self.embed(x) @ F.normalize(self.persons, dim=1).T


def _check(what: str, kind: str, kinds: tuple[str, ...], side: int) -> None:
    if kind not in kinds:
        raise ValueError(f"there is no {what} {kind!r}: choose one of {', '.join(kinds)}")
    if side < 16 or side % 16:
        raise ValueError(f"pictures of side {side}: give a multiple of 16")


def _strided(*widths: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        convolution = nn.Conv2d(before, after, 3, stride=2, padding=1)
        layers += [convolution, nn.BatchNorm2d(after), nn.ReLU()]
    return layers


def _pooled(*widths: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        convolution = nn.Conv2d(before, after, 3, padding=1)
        layers += [convolution, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    return layers


def _averaged(*widths: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        convolution = nn.Conv2d(before, after, 5, padding=2)
        layers += [convolution, nn.BatchNorm2d(after), nn.LeakyReLU(0.1), nn.AvgPool2d(2)]
    return layers
