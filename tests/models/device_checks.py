"""What every model of the course must pass without a GPU at hand.

A model that creates a tensor on the CPU in the middle of its forward pass, or keeps one that is
neither a parameter nor a buffer, works on every laptop and fails on every GPU.  Three checks
find that here:

* `forward_on_fake_cuda`: forward and loss under `FakeTensorMode`, model and batch on a cuda
  device that is only pretended; an operation that mixes devices raises.
* `training_step_on_meta`: forward, loss, backward and an optimiser's step on the meta device,
  where tensors have shapes but no numbers.
* `bf16_on_meta`: forward and loss after `model.to(torch.bfloat16)`, on meta.

A later lecture adds one line a model to `ALL_MODELS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from utils.models.pooled import MaxBlurPool2d

BATCH = 2


@dataclass(frozen=True)
class ModelCase:
    """One model with a batch it takes and a loss it is trained with."""

    module: str
    """Module of `utils.models` that defines it, e.g. "lenet"."""
    name: str
    """Class or function that builds it."""
    input_shape: tuple[int, ...]
    """Shape of one example, channels first."""
    loss: Callable[[Any, Tensor], Tensor] = F.cross_entropy
    """Called as loss(output, targets)."""
    options: dict[str, Any] = field(default_factory=dict)
    """Arguments the model is built with."""
    targets: Callable[[], Tensor] = lambda: torch.zeros(BATCH, dtype=torch.int64)
    """Builds the targets for a batch of `BATCH`, on torch's default device."""

    def __str__(self) -> str:
        options = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}({options})"

    def build(self) -> nn.Module:
        return getattr(importlib.import_module(f"utils.models.{self.module}"), self.name)(
            **self.options
        )


def _map_criterion(penalties, targets):
    from utils.models.lenet import map_criterion

    return map_criterion(penalties, targets)


def _least_squares(outputs, targets):
    return (outputs - (2.0 * F.one_hot(targets, 10) - 1)).square().mean()


def _mean_square(outputs, targets):
    return outputs.square().mean()


def _both_mean_squares(outputs, targets):
    return sum(output.square().mean() for output in outputs)


def _ordinal_loss(logits, levels):
    from utils.ordinal import ordinal_loss

    return ordinal_loss(logits, levels.to(logits.dtype))


def _levels():
    from utils.ordinal import extend_labels

    return extend_labels(torch.tensor([0, 7]), 50)


def _outlines():
    return torch.zeros(BATCH, 64, 64)


def _small_outlines():
    return torch.zeros(BATCH, 32, 32)


def _edge_loss(logits, outlines):
    from utils.models.hed import edge_loss

    return edge_loss(logits, outlines)


_ranks = dict(loss=_ordinal_loss, targets=_levels)

ALL_MODELS: list[ModelCase] = [
    ModelCase("lenet", "ZipNet1989", (1, 16, 16), _least_squares),
    ModelCase("lenet", "LeNet5_1998", (1, 32, 32), _map_criterion),
    ModelCase("lenet", "LeNet5", (1, 28, 28)),
    ModelCase("holistic", "HED", (3, 32, 32), _edge_loss, targets=_small_outlines),
    ModelCase("hed", "EdgeNet", (3, 64, 64), _edge_loss, targets=_outlines),
    ModelCase("lenet", "LeNet5", (3, 28, 28), options=dict(in_channels=3, num_classes=8)),
    ModelCase("alexnet", "AlexNet", (3, 227, 227)),
    ModelCase("small_alexnet", "SmallAlexNet", (3, 24, 24)),
    ModelCase("resnet", "ResNet", (3, 64, 64), options=dict(depth=18)),
    ModelCase("resnet", "ResNet", (3, 64, 64), options=dict(depth=50, stride_in="1x1")),
    ModelCase("resnet", "CifarResNet", (3, 32, 32), options=dict(depth=20)),
    ModelCase("resnet", "CifarResNet", (3, 32, 32), options=dict(depth=8, shortcut="C")),
    ModelCase("resnet", "PlainNet", (3, 32, 32), options=dict(depth=20)),
    ModelCase(
        "transfer",
        "TransferNet",
        (3, 32, 32),
        options=dict(name="squeezenet1_1", num_classes=10, side=48, weights="random"),
    ),
    ModelCase(
        "transfer",
        "Trunk",
        (3, 48, 48),
        options=dict(name="squeezenet1_1", side=48, weights="random"),
    ),
    ModelCase("small_resnet", "SmallResNet", (1, 28, 28), options=dict(depth=8)),
    ModelCase("fast_cifar", "FastCifarNet", (3, 32, 32), options=dict(width=8)),
    ModelCase("zfnet", "ZFNet", (3, 224, 224)),
    ModelCase("nin", "NIN", (3, 32, 32)),
    ModelCase("nin", "ImageNetNIN", (3, 224, 224)),
    ModelCase("enet", "ENet", (3, 64, 64)),
    ModelCase("yolo", "YOLOv1", (3, 448, 448), _mean_square, dict(hidden_units=16)),
    ModelCase(
        "yolo", "GridDetector", (3, 128, 128), _mean_square, dict(trunk="scratch", num_classes=4)
    ),
    ModelCase(
        "yolo", "GridDetector", (256, 7, 7), _mean_square, dict(trunk="squeezenet", num_classes=4)
    ),
    ModelCase("yolov3_tiny", "YOLOv3Tiny", (3, 64, 64), _both_mean_squares),
    ModelCase("mask_rcnn", "MaskHead", (256, 14, 14), _mean_square),
    ModelCase("mask_rcnn", "MaskNet", (3, 64, 64), _mean_square),
    ModelCase("mask_rcnn", "MaskNet", (3, 64, 64), _mean_square, dict(pooling="warp")),
    ModelCase("digits", "DigitMLP", (1, 28, 28)),
    ModelCase("digits", "GlobalPoolNet", (1, 28, 28)),
    ModelCase("digits", "GlobalPoolNet", (3, 32, 32), options=dict(in_channels=3, pool="average")),
    ModelCase("pooled", "PoolingNet", (1, 28, 28), options=dict(pooling=MaxBlurPool2d)),
    ModelCase("pooled", "PoolingNet", (1, 40, 40), options=dict(head="max", padding="full")),
    ModelCase("pooled", "WhatWhereNet", (1, 32, 32), options=dict(window=4)),
    ModelCase("coral", "CoralResNet34", (3, 120, 120), options=dict(num_ranks=50), **_ranks),
    ModelCase(
        "coral",
        "CoralResNet34",
        (3, 120, 120),
        options=dict(num_ranks=50, method="or", pooling="4x4"),
        **_ranks,
    ),
    ModelCase("coral", "AgeNet", (1, 32, 32), options=dict(num_ranks=50, span=8), **_ranks),
    ModelCase("coral", "AgeNet", (1, 32, 32), options=dict(num_ranks=50, method="ce")),
    ModelCase("semi_adversarial", "SemiAdversarialAutoencoder", (4, 64, 64), _mean_square),
    ModelCase("semi_adversarial", "SlimAutoencoder", (4, 64, 64), _mean_square),
    ModelCase("semi_adversarial", "AttributeNet", (1, 224, 224)),
    ModelCase("semi_adversarial", "SmallAttributeNet", (1, 64, 64)),
    ModelCase("semi_adversarial", "SmallAttributeNet", (1, 64, 64), options=dict(kind="lenet")),
    ModelCase("semi_adversarial", "FaceMatcher", (1, 64, 64), options=dict(persons=5)),
    ModelCase(
        "semi_adversarial", "FaceMatcher", (1, 64, 64), options=dict(persons=5, kind="resnet18")
    ),
]


def _tensors(output: Any) -> list[Tensor]:
    """All tensors in a model's output, which may be a tensor, a tuple, a list or a dict."""
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, dict):
        output = list(output.values())
    return [tensor for part in output for tensor in _tensors(part)]


def forward_on_fake_cuda(case: ModelCase) -> None:
    """Forward and loss on a pretended cuda device; a stray CPU tensor raises."""
    # Built as a student builds it, on the CPU with real numbers, and moved as .to() moves it,
    # which leaves behind whatever is neither parameter nor buffer.
    model = case.build()
    mode = FakeTensorMode()
    _move_to_fake_cuda(model, mode)
    targets = mode.from_tensor(case.targets())
    with mode:
        images = torch.empty(BATCH, *case.input_shape, device="cuda")
        try:
            output = model(images)
            loss = case.loss(output, targets.to("cuda"))
        except AssertionError as error:
            if "convert all Tensors to FakeTensors" not in str(error):
                raise
            raise AssertionError(
                f"{case} uses a tensor that is neither a parameter nor a buffer, so that "
                f".to(device) leaves it behind: register it with register_buffer ({error})"
            ) from error
    for tensor in [*_tensors(output), loss]:
        assert tensor.device.type == "cuda", f"{case} returns a tensor on {tensor.device}"
    assert loss.ndim == 0, f"{case}: the loss has shape {tuple(loss.shape)}, not ()"


def _move_to_fake_cuda(model: nn.Module, mode: FakeTensorMode) -> None:
    """Do what model.to("cuda") does, with fake tensors (.to itself cannot swap them in)."""

    def moved(tensor: Tensor) -> Tensor:
        fake = mode.from_tensor(tensor.detach())
        with mode:
            return fake.to("cuda")

    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                module._parameters[name] = nn.Parameter(
                    moved(parameter), requires_grad=parameter.requires_grad
                )
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = moved(buffer)


def training_step_on_meta(case: ModelCase) -> None:
    """A whole training step without numbers: every trainable parameter gets a gradient."""
    model = case.build().to("meta").train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    images = torch.empty(BATCH, *case.input_shape, device="meta")
    case.loss(model(images), case.targets().to("meta")).backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, f"{case}: no gradient reaches {name}"
            assert parameter.grad.shape == parameter.shape
    optimizer.step()


def bf16_on_meta(case: ModelCase) -> None:
    """Forward and loss in bfloat16: nothing insists on float32."""
    model = case.build().to(device="meta", dtype=torch.bfloat16)
    images = torch.empty(BATCH, *case.input_shape, device="meta", dtype=torch.bfloat16)
    output = model(images)
    for tensor in _tensors(output):
        assert tensor.dtype == torch.bfloat16, f"{case} returns {tensor.dtype}"
    case.loss(output, case.targets().to("meta"))
