"""The networks that lecture 08 compares: who they are, where each comes from, who measured them.

Parameters and multiply-adds are counted from the modules themselves. The share of ImageNet's
validation images that a network names rightly (top-1) cannot be computed here, so it is read:
from the metadata of torchvision's weights (no weights are fetched), or from the ledger of published
numbers. Where neither has it there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from utils import arithmetic, ledger, profiling

if TYPE_CHECKING:
    from torch import nn

__all__ = ["NETWORKS", "Network", "network"]

_NO_HEADS = {"aux_logits": False, "init_weights": False}


@dataclass(frozen=True)
class Network:
    """One network of the comparison.

    Attributes
    ----------
    name : str
        As the lecture writes it.
    family : str
        Networks of one family are drawn in one colour.
    year : int
        Of its first publication.
    source : str
        As `utils.profiling.build` takes it.
    side : int
        Of its square input, in pixels.
    options : dict
        What its builder takes: auxiliary heads, which work in training alone, are left out.
    reported : str
        Ledger's id of the top-1 accuracy or error that was reported in 2016, or "".
    early : bool
        Whether Canziani et al. (2016) compared it.
    """

    name: str
    family: str
    year: int
    source: str
    side: int = 224
    options: dict[str, Any] = field(default_factory=dict)
    reported: str = ""
    early: bool = True

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return 3, self.side, self.side

    def build(self) -> nn.Module:
        """Build it on the meta device, in evaluation mode."""
        return profiling.build(self.source, **self.options)

    @cached_property
    def parameters(self) -> int:
        """Number of parameters, without auxiliary heads."""
        return arithmetic.count_parameters(self.build())

    @cached_property
    def macs(self) -> int:
        """Multiply-adds for one image."""
        return arithmetic.count_macs(self.build(), self.input_shape)

    @property
    def operations(self) -> float:
        """Operations for one image in G-ops, as Canziani et al. count: two a multiply-add."""
        return 2 * self.macs / 1e9

    @cached_property
    def top1(self) -> float | None:
        """Percent right on one centre crop, by the metadata of torchvision's first weights."""
        module, _, name = self.source.partition(":")
        if module != "torchvision.models":
            return None
        from torchvision.models import get_model_weights

        return _metric(get_model_weights(name).IMAGENET1K_V1.meta, "acc@1")

    @property
    def reported_top1(self) -> float | None:
        """Percent right on one centre crop as reported in 2016, from the ledger."""
        if not self.reported:
            return None
        entry = ledger.published(self.reported)
        return entry.value if "correct" in entry.unit else round(100 - entry.value, 2)

    @property
    def best_known_top1(self) -> float | None:
        """`top1`, or where there is none `reported_top1`."""
        return self.reported_top1 if self.top1 is None else self.top1


def _metric(meta: dict, name: str) -> float:
    return meta["_metrics"]["ImageNet-1K"][name]


def _torchvision(name: str, family: str, year: int, model: str, **more: Any) -> Network:
    return Network(name, family, year, f"torchvision.models:{model}", **more)


_INCEPTION = {"options": _NO_HEADS, "family": "Inception"}
NETWORKS: tuple[Network, ...] = (
    _torchvision("AlexNet", "AlexNet", 2012, "alexnet", reported="zagoruyko.alexnet.top1"),
    Network("NIN", "NIN", 2013, "utils.models:ImageNetNIN", reported="zagoruyko.bn_nin.top1"),
    _torchvision("VGG-16", "VGG", 2014, "vgg16", reported="zagoruyko.vgg16.top1"),
    _torchvision("VGG-19", "VGG", 2014, "vgg19", reported="zagoruyko.vgg19.top1"),
    _torchvision("GoogLeNet", year=2014, model="googlenet", **_INCEPTION),
    _torchvision("ResNet-18", "ResNet", 2015, "resnet18", reported="zagoruyko.resnet18.top1"),
    _torchvision("ResNet-34", "ResNet", 2015, "resnet34", reported="zagoruyko.resnet34.top1"),
    _torchvision("ResNet-50", "ResNet", 2015, "resnet50", reported="zagoruyko.resnet50.top1"),
    _torchvision("ResNet-101", "ResNet", 2015, "resnet101", reported="zagoruyko.resnet101.top1"),
    _torchvision("ResNet-152", "ResNet", 2015, "resnet152"),
    _torchvision(
        "Inception-v3",
        year=2015,
        model="inception_v3",
        side=299,
        reported="zagoruyko.inception_v3.top1",
        **_INCEPTION,
    ),
    Network(
        "Inception-v4",
        "Inception",
        2016,
        "timm:inception_v4",
        side=299,
        reported="inception_v4.one_crop.top1",
    ),
    Network("ENet", "ENet", 2016, "utils.models:ENet"),
    _torchvision("SqueezeNet 1.1", "small", 2016, "squeezenet1_1", early=False),
    _torchvision("DenseNet-121", "DenseNet", 2016, "densenet121", early=False),
    _torchvision("MobileNet-v2", "small", 2018, "mobilenet_v2", early=False),
    _torchvision("EfficientNet-B0", "small", 2019, "efficientnet_b0", early=False),
)
"""Thirteen networks of 2016's comparison, oldest first, and four that came later."""


def network(name: str) -> Network:
    """Return a network of `NETWORKS` by its name.

    Raises
    ------
    ValueError
        If there is none; the message lists all.
    """
    for one in NETWORKS:
        if one.name == name:
            return one
    raise ValueError(f"no network is called {name!r}; there are {[n.name for n in NETWORKS]}")
