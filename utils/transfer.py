"""Learning with few labels: draws of labelled pictures, heads on cached vectors, fine-tuning.

What lecture 12's study, its live cells and its full preset have in common. The networks are in
`utils.models.transfer`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from utils import training

__all__ = ["drawn", "fine_tune", "mirror_some", "probabilities", "train_head"]


def drawn(targets: Tensor, per_class: int, draw: int) -> Tensor:
    """Positions of so many pictures of each class, taken at random.

    The pictures of a smaller `per_class` are among those of a larger one of the same draw.

    Parameters
    ----------
    targets : Tensor
        int64 (N,), labels 0..C-1.
    per_class : int
        At least 1.
    draw : int
        Which draw, at least 0: the seed.

    Returns
    -------
    Tensor
        int64 (C * per_class,), class by class.

    Raises
    ------
    ValueError
        If a class has too few pictures.
    """
    if per_class < 1 or draw < 0:
        raise ValueError(f"got per_class={per_class}, draw={draw}: give at least 1 and 0")
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(draw))
    parts = []
    for label in range(int(targets.max()) + 1):
        members = order[targets[order] == label]
        if len(members) < per_class:
            raise ValueError(
                f"class {label} has {len(members)} pictures: {per_class} cannot be drawn"
            )
        parts.append(members[:per_class])
    return torch.cat(parts)


def mirror_some(images: Tensor) -> Tensor:
    """Mirror about every second picture, left to right, by chance.

    Parameters
    ----------
    images : Tensor
        (N, C, H, W).
    """
    coins = torch.rand(len(images), device=images.device) < 0.5
    return torch.where(coins.view(-1, 1, 1, 1), images.flip(3), images)


def train_head(
    vectors: Tensor,
    targets: Tensor,
    num_classes: int,
    *,
    epochs: int,
    seed: int,
    lr: float = 1e-3,
    weight_decay: float = 0.1,
    guards: bool = False,
) -> nn.Linear:
    """Learn a linear layer on cached vectors: the head of a frozen trunk.

    Parameters
    ----------
    vectors : Tensor
        float (N, D), from `utils.models.transfer.describe`.
    targets : Tensor
        int64 (N,).
    num_classes, epochs, seed : int
    lr, weight_decay : float
        Of AdamW, one-cycle.
    guards : bool
        Whether `fit` prints its table.

    Returns
    -------
    torch.nn.Linear
        D to `num_classes`. It learns standardised vectors; the standardisation is folded into its
        weights afterwards, so it takes them as they are.
    """
    mean, scale = vectors.mean(0), vectors.std(0) + 1e-3
    head = nn.Linear(vectors.shape[1], num_classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    training.fit(
        head,
        ((vectors - mean) / scale, targets),
        epochs=epochs,
        batch_size=32,
        lr=lr,
        weight_decay=weight_decay,
        seed=seed,
        device="cpu",
        guards=guards,
        progress=False,
    )
    with torch.no_grad():
        head.weight /= scale
        head.bias -= head.weight @ mean
    return head


def fine_tune(
    net: nn.Module,
    data: object,
    *,
    epochs: int,
    seed: int,
    rate: float = 1e-3,
    share: float = 0.3,
    batch_size: int = 32,
    device: str = "cpu",
    augment=mirror_some,
    **options,
) -> training.History:
    """Train all of a `TransferNet` that requires gradients, the trunk more slowly than the head.

    Parameters
    ----------
    net : utils.models.TransferNet
    data : (images, targets) or datasets.Data
        uint8 images, or float in [0, 1].
    epochs, seed, batch_size : int
    rate, share : float
        Peak rate of the head, and the part of it that the trunk gets.
    device, augment, options
        As for `utils.training.fit`.
    """
    fused = training.device(device).type in ("cpu", "cuda")
    optimizer = torch.optim.AdamW(net.groups(rate, share), weight_decay=0.01, fused=fused)
    return training.fit(
        net,
        data,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        augment=augment,
        seed=seed,
        device=device,
        **options,
    )


@torch.no_grad()
def probabilities(net: nn.Module, images: Tensor, batch_size: int = 50) -> Tensor:
    """Softmax of a network's logits, (N, C), on the CPU.

    Parameters
    ----------
    net : torch.nn.Module
        Its mode is left as it was.
    images : Tensor
        uint8 pictures (N, 3, H, W), or for a `torch.nn.Linear` vectors (N, D).
    batch_size : int
        Rows a pass, >= 1.
    """
    mode = net.training
    net.eval()
    device = next(net.parameters()).device
    parts = []
    for part in images.split(batch_size):
        part = part.to(device)
        inputs = part.float() / 255 if part.dtype == torch.uint8 else part
        parts.append(net(inputs).softmax(1).cpu())
    net.train(mode)
    return torch.cat(parts)
