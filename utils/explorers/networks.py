"""Explorer that counts the parameters and operations of a network the visitor builds."""

from collections.abc import Sequence

from utils.explorers import Explorer, _explorer

NETWORKS: dict[str, tuple[tuple[int, int], Sequence[Sequence[str | int]]]] = {
    "LeNet-5, modern": (
        (1, 32),
        (
            ("conv", 6, 5, 1, 0), ("pool", 2, 2, 0), ("conv", 16, 5, 1, 0), ("pool", 2, 2, 0),
            ("dense", 120), ("dense", 84), ("dense", 10),
        ),
    ),
    "AlexNet without groups": (
        (3, 227),
        (
            ("conv", 96, 11, 4, 0), ("pool", 3, 2, 0), ("conv", 256, 5, 1, 2), ("pool", 3, 2, 0),
            ("conv", 384, 3, 1, 1), ("conv", 384, 3, 1, 1), ("conv", 256, 3, 1, 1),
            ("pool", 3, 2, 0), ("dense", 4096), ("dense", 4096), ("dense", 1000),
        ),
    ),
    "One dense layer on the pixels": ((3, 128), (("dense", 10),)),
    "One convolution, then dense": ((3, 128), (("conv", 5, 5, 1, 2), ("dense", 10))),
    "Only convolutions": (
        (3, 32),
        (
            ("conv", 32, 3, 2, 1), ("conv", 64, 3, 2, 1), ("conv", 128, 3, 2, 1),
            ("pool", 4, 4, 0), ("dense", 10),
        ),
    ),
}  # fmt: skip
"""Networks on offer: input (channels, side); layers conv (channels, K, S, P), pool (K, S, P),
dense (units)."""


def parameter_builder(network: str = "LeNet-5, modern", *, number: int = 1) -> Explorer:
    """Build a network layer by layer; shapes, parameters and multiply-adds are counted at once.

    Every convolution and dense layer has a bias; the first dense layer reads all maps flattened.

    Parameters
    ----------
    network : str
        The first network: a key of `NETWORKS`.
    number : int
        2, 3, ... for further ones on the same page.

    Raises
    ------
    ValueError
        If the network is unknown.
    """
    if network not in NETWORKS:
        raise ValueError(f"network is {network!r}: choose one of {', '.join(NETWORKS)}")
    settings = {
        "preset": network,
        "presets": {
            name: {"input": list(shape), "layers": [list(layer) for layer in layers]}
            for name, (shape, layers) in NETWORKS.items()
        },
    }
    text = f"A network to build from layers, with its parameters and multiply-adds: {network}."
    title = "Build a network, count its parameters"
    return _explorer("parameter-builder", title, text, settings, number)
