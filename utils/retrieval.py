"""Finding similar pictures: full search in feature space, and search over short binary codes.

AlexNet's paper (sec. 6.1) calls pictures similar whose last hidden layers are close, and suggests
to compress those 4,096 numbers "to short binary codes" with an autoencoder. Here is both: exact
nearest neighbours, an autoencoder whose middle layer is nearly binary, codes packed eight bits to
a byte, and their comparison by counting differing bits.

References
----------
Krizhevsky, Sutskever, Hinton (2012). ImageNet classification with deep convolutional neural
    networks. NIPS 25, sec. 6.1.
Salakhutdinov, Hinton (2009). Semantic hashing. International Journal of Approximate Reasoning
    50(7):969-978: the binary codes, and the noise that makes them binary.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

__all__ = [
    "CodeAutoencoder",
    "hamming_distances",
    "nearest",
    "pack_bits",
    "recall_at",
    "search",
    "train_autoencoder",
]

_BITS_SET = torch.tensor([bin(byte).count("1") for byte in range(256)], dtype=torch.uint8)
"""Number of ones in each byte."""


def nearest(queries: Tensor, database: Tensor, count: int) -> Tensor:
    """Full search: the closest rows of a database by Euclidean distance.

    Parameters
    ----------
    queries : Tensor
        (Q, D) floats.
    database : Tensor
        (N, D) floats.
    count : int
        Neighbours wanted, 1 <= count <= N.

    Returns
    -------
    Tensor
        (Q, count) int64 rows of the database, closest first.

    Raises
    ------
    ValueError
        If there are fewer rows than neighbours wanted, the widths differ, or a number is NaN.
    """
    _check(queries, database, count)
    return torch.cdist(queries, database).topk(count, largest=False).indices


def pack_bits(bits: Tensor) -> Tensor:
    """Eight bits to a byte, the first the lowest.

    Parameters
    ----------
    bits : Tensor
        (N, B) bool.

    Returns
    -------
    Tensor
        (N, ceil(B / 8)) uint8; missing bits are zero.

    >>> pack_bits(torch.tensor([[True, False, True]])).tolist()
    [[5]]
    """
    count, width = bits.shape
    padded = torch.zeros(count, -(-width // 8) * 8, dtype=torch.uint8, device=bits.device)
    padded[:, :width] = bits.to(torch.uint8)
    values = 2 ** torch.arange(8, dtype=torch.uint8, device=bits.device)
    return (padded.unflatten(1, (-1, 8)) * values).sum(dim=2, dtype=torch.uint8)


def hamming_distances(queries: Tensor, database: Tensor) -> Tensor:
    """Number of differing bits between packed codes.

    Parameters
    ----------
    queries, database : Tensor
        (Q, W) and (N, W) uint8 from `pack_bits`.

    Returns
    -------
    Tensor
        (Q, N) int32.

    Raises
    ------
    ValueError
        If the codes are not bytes of equal width.
    """
    if queries.dtype != torch.uint8 or database.dtype != torch.uint8:
        raise ValueError(
            f"codes are {queries.dtype} and {database.dtype}: give bytes from pack_bits"
        )
    if queries.shape[1] != database.shape[1]:
        raise ValueError(
            f"codes of {queries.shape[1]} and {database.shape[1]} bytes: give codes of one width"
        )
    total = torch.zeros(len(queries), len(database), dtype=torch.int32, device=database.device)
    counts = hasattr(np, "bitwise_count")  # NumPy 2: one instruction of the processor a word
    if counts and database.device.type == "cpu":
        for start in range(0, database.shape[1], 8):
            a, b = (_words(codes[:, start : start + 8]) for codes in (queries, database))
            total += torch.from_numpy(np.bitwise_count(a[:, None] ^ b).astype(np.int32))
        return total
    ones = _BITS_SET.to(database.device)
    for byte in range(database.shape[1]):
        total += ones[(queries[:, byte, None] ^ database[:, byte]).int()]
    return total


def search(queries: Tensor, database: Tensor, count: int) -> Tensor:
    """Rows of the database whose packed codes differ in the fewest bits, closest first.

    Of equally distant rows the first comes first. Arguments and result are as in `nearest`.

    Parameters
    ----------
    queries, database : Tensor
        (Q, W) and (N, W) uint8 from `pack_bits`.
    count : int
        Rows wanted, 1 <= count <= N.
    """
    _check(queries, database, count)
    size = len(database)
    distances = hamming_distances(queries, database).double()  # which holds whole numbers exactly
    order = distances * size + torch.arange(size, device=database.device)
    return order.topk(count, largest=False).indices


def recall_at(found: Tensor, wanted: Tensor) -> float:
    """Share of the wanted rows that were found, averaged over queries.

    Parameters
    ----------
    found : Tensor
        (Q, F) int64, what a search returned.
    wanted : Tensor
        (Q, K) int64, the true neighbours, no row twice. With F = K this is recall@K.

    Returns
    -------
    float
        0 (none) to 1 (all).

    Raises
    ------
    ValueError
        If they are not rows of as many queries.

    >>> recall_at(torch.tensor([[3, 7]]), torch.tensor([[7, 9]]))
    0.5
    """
    if found.ndim != 2 or wanted.ndim != 2 or len(found) != len(wanted):
        raise ValueError(
            f"found is {tuple(found.shape)}, wanted {tuple(wanted.shape)}: give (Q, F) and (Q, K), a "
            "row a query"
        )
    return (wanted[:, :, None] == found[:, None, :]).any(dim=2).double().mean().item()


class CodeAutoencoder(nn.Module):
    """Features -> a few nearly binary units -> features.

    Parameters
    ----------
    features : int
        D, numbers that describe a picture.
    bits : int
        B, units in the middle.
    hidden : int
        Units of the layer before and after them.
    noise : float
        Standard deviation of the noise added to the middle units before their sigmoid while
        training. A unit that must be heard through it has to be far from the threshold, so it
        becomes binary (Salakhutdinov and Hinton 2009).
    """

    def __init__(self, features: int, bits: int, hidden: int = 256, noise: float = 1.0):
        super().__init__()
        if features < 1 or bits < 1 or hidden < 1 or not noise >= 0:
            raise ValueError(
                f"got features={features}, bits={bits}, hidden={hidden}, noise={noise}: give one or "
                "more of each, and noise of 0 or more"
            )
        self.noise = noise
        self.encoder = nn.Sequential(
            nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, bits)
        )
        self.decoder = nn.Sequential(
            nn.Linear(bits, hidden), nn.ReLU(), nn.Linear(hidden, features)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, D) -> the features as far as the code remembers them."""
        drive = self.encoder(features)
        if self.training:
            drive = drive + self.noise * torch.randn_like(drive)
        return self.decoder(2 * drive.sigmoid() - 1)

    @torch.no_grad()
    def codes(self, features: Tensor) -> Tensor:
        """Packed codes (N, ceil(B / 8)) uint8 of `features` (N, F): which middle units are on."""
        return pack_bits(self.encoder(features) > 0)


def train_autoencoder(
    features: Tensor,
    bits: int,
    *,
    epochs: int = 20,
    batch_size: int = 128,
    lr: float | None = 2e-3,
    seed: int = 0,
    **options,
) -> CodeAutoencoder:
    """Train an autoencoder on features, by mean squared error and Adam.

    Parameters
    ----------
    features : Tensor
        (N, D) floats; give them mean 0 and standard deviation near 1.
    bits : int
        Length of the code.
    epochs, batch_size, lr, seed
        Passes, pictures a step, peak of a one-cycle rate (None takes that of
        `utils.training.fit`), and the seed of weights, order, noise.
    **options
        `hidden` and `noise` of `CodeAutoencoder`.

    Returns
    -------
    CodeAutoencoder
        In evaluation mode, on the features' device.

    Raises
    ------
    ValueError
        If the features are not floats (N, D), or a number is out of range.
    """
    from utils import training

    if features.ndim != 2 or not features.is_floating_point():
        raise ValueError(
            f"features are {features.dtype} of shape {tuple(features.shape)}: give floats (N, D)"
        )
    training.set_seed(seed)
    model = CodeAutoencoder(features.shape[1], bits, **options)
    training.fit(
        model,
        (features, features),
        loss=nn.functional.mse_loss,
        metric=None,
        null_model=None,
        epochs=epochs,
        batch_size=batch_size,
        optimizer="adam",
        lr=lr,
        seed=seed,
        device=features.device,
        precision="fp32",
        guards=False,
        progress=False,
    )
    return model.eval()


def _words(codes: Tensor) -> np.ndarray:
    """Up to eight bytes of each code as one number of 64 bits."""
    padded = np.zeros((len(codes), 8), np.uint8)
    padded[:, : codes.shape[1]] = codes.numpy()
    return padded.view(np.uint64)[:, 0]


def _check(queries: Tensor, database: Tensor, count: int) -> None:
    if queries.shape[1] != database.shape[1]:
        raise ValueError(
            f"queries of width {queries.shape[1]} in a database of width {database.shape[1]}: "
            "describe both in the same way"
        )
    if queries.is_floating_point() and bool(queries.isnan().any() or database.isnan().any()):
        raise ValueError("some descriptions are NaN, and NaN is near to nothing: mend the network")
    if not 1 <= count <= len(database):
        raise ValueError(f"{count} neighbours of {len(database)} rows: ask for 1 to as many")
