"""Networks that answer with a rank: CORAL's ResNet-34 and a small one for rendered ages.

Each takes one of three last layers on the same trunk, so that they can be compared:

* ``"ce"``: K scores for cross-entropy, one class a rank, order ignored (CE-CNN);
* ``"or"``: K-1 independent yes-or-no questions (OR-CNN);
* ``"coral"``: K-1 questions that share one weight vector (CORAL-CNN).
"""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from utils.models.heads import CoralHead, OrdinalHead

METHODS = ("ce", "or", "coral")


def rank_head(method: str, in_features: int, num_ranks: int, span: float = 0.0) -> nn.Module:
    """Last layer of a method, from `in_features` to K scores ("ce") or K-1 logits.

    Parameters
    ----------
    method : {"ce", "or", "coral"}
    in_features, num_ranks : int
        m >= 1 and K >= 2.
    span : float
        Where the biases of "or" and "coral" start: see `utils.models.heads.CoralHead`.

    Raises
    ------
    ValueError
        If the method is unknown or a number is out of range.
    """
    if method not in METHODS:
        raise ValueError(f"there is no method {method!r}: choose one of {', '.join(METHODS)}")
    if method == "ce":
        return nn.Linear(in_features, num_ranks)
    head = CoralHead if method == "coral" else OrdinalHead
    return head(in_features, num_ranks, span=span)


class CoralResNet34(nn.Module):
    """ResNet-34 with a head for ranks, as in the CORAL paper.

    Parameters
    ----------
    num_ranks : int
        K >= 2: 55 for MORPH-2, 26 for AFAD, 40 for UTKFace, 49 for CACD.
    method : {"coral", "or", "ce"}
        The head; the trunk is the same.
    pooling : {"7x7", "4x4"}
        Average pooling after the last stage, whose map is 4 x 4 for an input of 120 x 120. "7x7":
        stride 1 and padding 2, 2 x 2 places, 2,048 features (version 1 of the paper, the deck's
        drawing; a 7 x 7 window does not fit a 4 x 4 map without padding, and the zeros are averaged
        in). "4x4": one place, 512 features (the final version).
    span : float
        Where the biases start: see `utils.models.heads.CoralHead`. The paper's are 0.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Cao, Mirjalili and Raschka, arXiv 1901.07884v1, sec. 4.2 and Fig. 2, and their code. Convolutions
    start He-normal (fan-out). Input (N, 3, 120, 120), output (N, K-1), for "ce" (N, K).
    """

    def __init__(
        self, num_ranks: int, method: str = "coral", pooling: str = "7x7", span: float = 0.0
    ) -> None:
        from torchvision.models import resnet34

        super().__init__()
        places = {"7x7": 4, "4x4": 1}
        if pooling not in places:
            raise ValueError(f"there is no pooling {pooling!r}: choose '7x7' or '4x4'")
        self.trunk = resnet34(weights=None)
        self.trunk.avgpool = (
            nn.AvgPool2d(7, stride=1, padding=2) if pooling == "7x7" else nn.AvgPool2d(4)
        )
        self.trunk.fc = nn.Identity()
        self.features = 512 * places[pooling]
        self.head = rank_head(method, self.features, num_ranks, span)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K-1) of images (N, 3, 120, 120); for "ce" scores (N, K).

        Raises
        ------
        ValueError
            If the images have another size, for which the head's features would not fit.
        """
        if images.shape[1:] != (3, 120, 120):
            raise ValueError(
                f"images of shape {tuple(images.shape)}: give (N, 3, 120, 120), as the paper crops"
            )
        return self.head(self.trunk(images))


class AgeNet(nn.Module):
    """Three strided convolutions, a dense layer of 64 features, and a head for ranks.

    A trunk small enough for a laptop: 32 x 32 pixels become 16 maps of 16 x 16, 32 of 8 x 8 and 64 of
    4 x 4, each with batch norm.

    Parameters
    ----------
    num_ranks : int
        K >= 2.
    method : {"coral", "or", "ce"}
        The head; the trunk is the same.
    in_channels : int
        1 for grey images.
    span : float
        Where the biases of "or" and "coral" start: see `utils.models.heads.CoralHead`.

    Notes
    -----
    Input (N, in_channels, 32, 32), output (N, K-1), for "ce" (N, K).
    """

    def __init__(
        self, num_ranks: int, method: str = "coral", in_channels: int = 1, span: float = 0.0
    ) -> None:
        super().__init__()
        widths = (in_channels, 16, 32, 64)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [
                nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 4 * 4, 64), nn.ReLU())
        self.head = rank_head(method, 64, num_ranks, span)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K-1) of images (N, in_channels, 32, 32); for "ce" scores (N, K)."""
        return self.head(self.trunk(images))
