"""The networks of the course, built to their papers.

Names are imported when they are first used, so that `import utils.models` needs no torch:

>>> from utils.models import LeNet5
>>> sum(parameter.numel() for parameter in LeNet5().parameters())
61706
"""

from importlib import import_module

# Not among the lazy ones: once `utils.models.pretrained` had been imported as a module, the name
# would mean the module and not its function. It needs no torch until a network is asked for.
from utils.models.pretrained import cat_probability, class_names, pretrained, top_classes

_HOMES = {
    "AgeNet": "coral",
    "AlexNet": "alexnet",
    "AlexNetColumns": "alexnet",
    "AttributeNet": "semi_adversarial",
    "CifarResNet": "resnet",
    "CoralResNet34": "coral",
    "DigitMLP": "digits",
    "ENet": "enet",
    "EdgeNet": "hed",
    "FaceMatcher": "semi_adversarial",
    "FastCifarNet": "fast_cifar",
    "GlobalPoolNet": "digits",
    "GridDetector": "yolo",
    "HED": "holistic",
    "ImageNetNIN": "nin",
    "LeNet5": "lenet",
    "LeNet5_1998": "lenet",
    "MaskHead": "mask_rcnn",
    "MaskNet": "mask_rcnn",
    "NIN": "nin",
    "PlainNet": "resnet",
    "PoolingNet": "pooled",
    "ResNet": "resnet",
    "SemiAdversarialAutoencoder": "semi_adversarial",
    "SlimAutoencoder": "semi_adversarial",
    "SmallAlexNet": "small_alexnet",
    "SmallAttributeNet": "semi_adversarial",
    "SmallResNet": "small_resnet",
    "TransferNet": "transfer",
    "Trunk": "transfer",
    "WhatWhereNet": "pooled",
    "YOLOv1": "yolo",
    "YOLOv3Tiny": "yolov3_tiny",
    "ZFNet": "zfnet",
    "ZipNet1989": "lenet",
    "small_mask_rcnn": "mask_rcnn",
}
"""Public name -> module of this package that defines it."""

__all__ = ["cat_probability", "class_names", "pretrained", "top_classes"]
__all__ += sorted(_HOMES)


def __getattr__(name: str):
    """Import a public name from its module (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"utils.models has no {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
