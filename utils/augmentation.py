"""What AlexNet's paper does to its pictures before the network sees them (its sec. 4.1).

Random crops with reflections, a change of colour along the principal components, and at test time
the average over ten crops. All functions take whole batches of floating-point images (N, C, H, W)
on any device, and draw from torch's global generator, which `utils.training.fit` seeds at every
step.

References
----------
Krizhevsky, Sutskever, Hinton (2012). ImageNet classification with deep convolutional neural
    networks. NIPS 25, sec. 4.1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from utils.arguments import integer

__all__ = [
    "centre_crop",
    "colour_components",
    "crop",
    "crop_positions",
    "pca_colour",
    "random_crop_flip",
    "ten_crop",
    "ten_crop_probabilities",
]


def crop_positions(side: int, size: int, *, last: bool = True, mirrored: bool = True) -> int:
    """Number of different pictures that crops of one picture can be.

    Parameters
    ----------
    side, size : int
        Pixels along one side of the picture and of the crop, 1 <= size <= side.
    last : bool
        Whether the last place along each axis counts. The paper's factor of 2,048 leaves it out.
    mirrored : bool
        Whether each crop also comes mirrored.

    Raises
    ------
    TypeError
        If a length is no whole number.
    ValueError
        If the crop does not fit.

    >>> crop_positions(256, 224, last=False), crop_positions(256, 224)
    (2048, 2178)
    """
    size, side = integer("size", size, at_least=1), integer("side", side, at_least=1)
    if size > side:
        raise ValueError(f"a crop of {size} from a side of {side}: give 1 <= size <= side")
    places = side - size + bool(last)
    return places * places * (2 if mirrored else 1)


def crop(images: Tensor, size: int, top: Tensor, left: Tensor, mirror: Tensor) -> Tensor:
    """Cut one square out of each image, each at its own place, some mirrored.

    Parameters
    ----------
    images : Tensor
        (N, C, H, W).
    size : int
        Side of the square, pixels.
    top, left : Tensor
        (N,) int64: the first row and column, 0 <= top <= H - size, 0 <= left <= W - size.
    mirror : Tensor
        (N,) bool: which squares are reflected left to right.

    Returns
    -------
    Tensor
        (N, C, size, size), stored channels last.

    Raises
    ------
    ValueError
        If a square does not lie in its image, or there is not one of each for every image.
    """
    _check_size(images, size)
    if not len(images) == len(top) == len(left) == len(mirror):
        raise ValueError(
            f"{len(images)} images, {len(top)} tops, {len(left)} lefts and {len(mirror)} mirrors: "
            "give one of each an image"
        )
    height, width = images.shape[-2:]
    for name, first, room in (("top", top, height - size), ("left", left, width - size)):
        if len(first) and not (int(first.min()) >= 0 and int(first.max()) <= room):
            raise ValueError(f"{name} must lie in 0..{room}, or the crop leaves the image")
    steps = torch.arange(size, device=images.device)
    rows = top[:, None] + steps
    columns = left[:, None] + torch.where(mirror[:, None], steps.flip(0), steps)
    number = torch.arange(len(images), device=images.device)
    pixels = images.permute(0, 2, 3, 1)  # one index for all channels of a pixel
    cut = pixels[number[:, None, None], rows[:, :, None], columns[:, None, :]]
    return cut.permute(0, 3, 1, 2)


def random_crop_flip(images: Tensor, size: int) -> Tensor:
    """Cut a random square out of each image and mirror it in half of the cases.

    Parameters
    ----------
    images : Tensor
        (N, C, H, W).
    size : int
        Side of the square, 1 <= size <= min(H, W). All places are equally likely.

    Returns
    -------
    Tensor
        (N, C, size, size).

    Raises
    ------
    ValueError
        If the square is larger than the images.
    """
    _check_size(images, size)
    count, (height, width) = len(images), images.shape[-2:]
    draw = {"size": (count,), "device": images.device}
    return crop(
        images,
        size,
        torch.randint(height - size + 1, **draw),
        torch.randint(width - size + 1, **draw),
        torch.rand(count, device=images.device) < 0.5,
    )


def centre_crop(images: Tensor, size: int) -> Tensor:
    """Cut the square in the middle of each image (rounded down): (N, C, size, size).

    Raises
    ------
    ValueError
        If the square is larger than the images.
    """
    _check_size(images, size)
    top, left = ((side - size) // 2 for side in images.shape[-2:])
    return images[..., top : top + size, left : left + size]


def ten_crop(images: Tensor, size: int) -> Tensor:
    """Four corners and the centre of each image, and their mirror images (sec. 4.1).

    Parameters
    ----------
    images : Tensor
        (N, C, H, W).
    size : int
        Side of the crops, pixels.

    Returns
    -------
    Tensor
        (N, 10, C, size, size): upper left, upper right, lower left, lower right, centre, then
        the same five mirrored.

    Raises
    ------
    ValueError
        If a crop is larger than the images.
    """
    _check_size(images, size)
    down, right = (side - size for side in images.shape[-2:])
    corners = [
        images[..., top : top + size, left : left + size]
        for top in (0, down)
        for left in (0, right)
    ]
    views = torch.stack([*corners, centre_crop(images, size)], dim=1)
    return torch.cat([views, views.flip(-1)], dim=1)


def ten_crop_probabilities(
    model: nn.Module, images: Tensor, size: int, batch_size: int = 250
) -> Tensor:
    """Average of the softmax outputs over the ten crops of each image.

    Parameters
    ----------
    model : nn.Module
        Gives logits (N, K) for crops; put into evaluation mode for the while.
    images : Tensor
        (N, C, H, W), prepared as in training but not cropped.
    size : int
        Side of the crops.
    batch_size : int
        Images a pass; ten times as many crops.

    Returns
    -------
    Tensor
        (N, K), each row a distribution.

    Raises
    ------
    TypeError
        If `batch_size` is no whole number.
    ValueError
        If it is below 1, or a crop is larger than the images.
    """
    integer("batch_size", batch_size, at_least=1)
    was_training = model.training
    model.eval()
    rows = []
    with torch.no_grad():
        for batch in images.split(batch_size):
            views = ten_crop(batch, size)
            logits = model(views.flatten(0, 1))
            rows.append(logits.softmax(dim=1).unflatten(0, (len(batch), 10)).mean(dim=1))
    model.train(was_training)
    return torch.cat(rows)


def colour_components(images: Tensor) -> tuple[Tensor, Tensor]:
    """Principal components of the colours of all pixels.

    Parameters
    ----------
    images : Tensor
        (N, 3, H, W): uint8 with values 0..255, taken as 0..1, or floating point as it is.

    Returns
    -------
    eigenvalues : Tensor
        (3,), variances along the components, largest first.
    eigenvectors : Tensor
        (3, 3), orthonormal; column i belongs to eigenvalue i, rows are red, green and blue. Each
        column's largest entry is positive, so that every machine finds the same.

    Raises
    ------
    ValueError
        If the images have not three channels.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images of shape {tuple(images.shape)}: give (N, 3, H, W), red first")
    pixels = images.permute(1, 0, 2, 3).flatten(1).double()
    if images.dtype == torch.uint8:
        pixels /= 255
    eigenvalues, eigenvectors = torch.linalg.eigh(torch.cov(pixels, correction=0))
    eigenvalues, eigenvectors = eigenvalues.flip(0), eigenvectors.flip(1)
    largest = eigenvectors.gather(0, eigenvectors.abs().argmax(dim=0, keepdim=True))
    return eigenvalues, eigenvectors * largest.sign()


def pca_colour(images: Tensor, components: tuple[Tensor, Tensor], sd: float = 0.1) -> Tensor:
    """Add to all pixels of an image the same random colour, drawn along the components.

    Parameters
    ----------
    images : Tensor
        (N, 3, H, W), floating point, on the scale 0..1 that the components were taken on.
    components : (Tensor, Tensor)
        Eigenvalues (3,) and eigenvectors (3, 3) from `colour_components`.
    sd : float
        Standard deviation of the a_i, >= 0; the paper's is 0.1.

    Returns
    -------
    Tensor
        Image plus [p1 p2 p3][a1 l1, a2 l2, a3 l3]^T with one draw of a_i ~ N(0, sd^2) an image
        (sec. 4.1). Not clipped.

    Raises
    ------
    ValueError
        If images or components have another shape or type, or `sd` is negative.

    Notes
    -----
    With C = P diag(l) P^T the covariance of the pixels, the added colours have the covariance
    sd^2 P diag(l^2) P^T = sd^2 C^2. That is no covariance on the scale of C: the formula depends
    on the unit of the pixels, and makes sense on 0..1 only.
    """
    if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
        raise ValueError(
            f"images are {images.dtype} of shape {tuple(images.shape)}: give floating point "
            "(N, 3, H, W), red first"
        )
    if [tuple(part.shape) for part in components] != [(3,), (3, 3)] or not sd >= 0:
        raise ValueError(
            f"components of shapes {[tuple(part.shape) for part in components]} and sd={sd}: give "
            "eigenvalues (3,), eigenvectors (3, 3) and sd >= 0"
        )
    eigenvalues, eigenvectors = (
        part.to(device=images.device, dtype=images.dtype) for part in components
    )
    a = sd * torch.randn(len(images), 3, device=images.device, dtype=images.dtype)
    colours = (a * eigenvalues) @ eigenvectors.T
    return images + colours[:, :, None, None]


def _check_size(images: Tensor, size: int) -> None:
    if images.ndim != 4:
        raise ValueError(f"images of shape {tuple(images.shape)}: give (N, C, H, W)")
    height, width = images.shape[-2:]
    if not 1 <= size <= min(height, width):
        raise ValueError(
            f"a crop of {size} x {size} from images of {height} x {width}: take at most "
            f"{min(height, width)}"
        )
