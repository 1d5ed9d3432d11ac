"""Cropping as the first layer of a network: at random in training, centrally in testing."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Crop(nn.Module):
    """Cut a square out of each image: anywhere in training mode, in the middle in evaluation mode.

    As a layer it cannot be forgotten in testing, and its random places belong to the training's
    random numbers, which a resumed training repeats.

    Parameters
    ----------
    size : int
        Side of the square in pixels, at least 1.

    Raises
    ------
    ValueError
        If the size is below 1 or, when called, larger than the images.

    Notes
    -----
    Input (N, C, H, W), output (N, C, size, size). Cao, Mirjalili and Raschka, arXiv 1901.07884v1,
    sec. 4.2, crop 120 x 120 out of 128 x 128.

    >>> Crop(120).eval()(torch.zeros(2, 3, 128, 128)).shape
    torch.Size([2, 3, 120, 120])
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"a crop of {size} pixels: give at least 1")
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """Crop images (N, C, H, W).

        Raises ValueError if they are smaller than the crop.
        """
        number, _, height, width = images.shape
        if min(height, width) < self.size:
            raise ValueError(
                f"images of {height} x {width} hold no square of {self.size}: give larger ones"
            )
        if not self.training:
            top, left = (height - self.size) // 2, (width - self.size) // 2
            return images[:, :, top : top + self.size, left : left + self.size]
        # Drawn on the CPU, so that every device crops the same places.
        tops = torch.randint(height - self.size + 1, (number,), device="cpu").tolist()
        lefts = torch.randint(width - self.size + 1, (number,), device="cpu").tolist()
        return torch.stack(
            [
                image[:, top : top + self.size, left : left + self.size]
                for image, top, left in zip(images, tops, lefts, strict=True)
            ]
        ).contiguous(memory_format=torch.channels_last)

    def extra_repr(self) -> str:
        """Shown when the network is printed."""
        return str(self.size)
