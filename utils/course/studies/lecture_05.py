"""Study of lecture 05: what pooling forgives, what it loses, and what augmentation buys; 3 seeds.

Four experiments, each the training the lecture shows. Digits: 20,000 of MNIST's training images,
three passes, scored on 2,000 test digits. Clothes: the 10,000 committed Fashion-MNIST images, four
passes, scored on the 2,000 committed test images.
"""

TITLE = "Shifts, turns and sizes under every kind of pooling; what and where; consistency"

SEEDS = (0, 1, 2)

POOLINGS = {
    "max": {"pooling": "max"},
    "average": {"pooling": "average"},
    "strided": {"pooling": None},
    "global-average": {"pooling": "max", "head": "average"},
    "global-average-full": {"pooling": "max", "head": "average", "padding": "full"},
    "global-max-full": {"pooling": "max", "head": "max", "padding": "full"},
}
"""Every net of about 9,250 parameters, by what `PoolingNet` is asked for."""

AUGMENTATIONS = {
    "shifts": {"pixels": 6},
    "all": {"pixels": 4, "degrees": 30, "factor": 1.4},
    "turns": {"degrees": 180},
}
"""Arguments of `utils.invariance.jitter`."""

CELLS = {
    **{f"pooling-{name}": {"experiment": "pooling", "net": name} for name in POOLINGS},
    **{f"augment-{name}": {"experiment": "augmentation", "kind": name} for name in AUGMENTATIONS},
    **{
        f"where-{window}": {"experiment": "what and where", "window": window}
        for window in (1, 2, 4, 8, 16, 32)
    },
    **{
        f"consistency-{name}": {"experiment": "consistency", "net": name}
        for name in ("max", "average", "strided", "blur")
    },
}

PIXELS = tuple(range(9))
"""Shifts, in each of four directions."""

DEGREES = tuple(range(0, 181, 15))
"""Turns, counter-clockwise."""

FACTORS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8)
"""Sizes."""


def run_cell(
    experiment: str,
    seed: int,
    net: str = "max",
    kind: str | None = None,
    window: int | None = None,
) -> dict:
    """Train one network and measure it.

    Parameters
    ----------
    experiment : {"pooling", "augmentation", "what and where", "consistency"}
    seed : int
        Of the first weights and the order of the images.
    net : str
        Key of `POOLINGS`, or "blur".
    kind : str, optional
        Key of `AUGMENTATIONS`.
    window : int, optional
        Pooling window of `WhatWhereNet`, in pixels.

    Returns
    -------
    dict
        "pooling" and "augmentation": ``shift``, accuracies in percent for `PIXELS`; for the net
        "max" and with augmentation also ``turn`` and ``size``, for `DEGREES` and `FACTORS`; for
        the net "max" also ``centred``, as ``shift`` but for digits centred before they are read;
        ``parameters``, ``macs``, and ``by_class`` and ``upside_down_by_class``, the accuracy for
        each digit. "what and where": ``accuracy`` in percent,
        ``distance``, the mean distance of the answer from the digit's centre in pixels, and
        ``null_distance``, that of always answering the mean place. "consistency":
        ``consistency`` under one pixel's shift and ``accuracy``, in percent.
    """
    from utils import training

    training.set_seed(seed)
    if experiment == "what and where":
        return _what_and_where(window, seed)
    if experiment == "consistency":
        return _consistency(net, seed)
    return _digits(POOLINGS[net], AUGMENTATIONS[kind] if kind else None, seed)


def _network(net: dict):
    from torch import nn

    from utils.models.pooled import MaxBlurPool2d, PoolingNet

    layers = {"max": nn.MaxPool2d, "average": nn.AvgPool2d, "blur": MaxBlurPool2d, None: None}
    return PoolingNet(**(net | {"pooling": layers[net["pooling"]]}))


def _digits(net: dict, augmentation: dict | None, seed: int) -> dict:
    from utils import training
    from utils.arithmetic import count_macs, count_parameters
    from utils.datasets import load, split
    from utils.invariance import accuracy_under, four_shifts, jitter, rescale, rotate
    from utils.preprocessing import centre

    learn, _ = split(load("mnist", quiet=True), validation=5000, seed=0)
    learn = learn.subset(slice(20_000))
    test = load("mnist", split="test", quiet=True).subset(slice(2000))

    network = _network(net)
    training.fit(
        network,
        (learn.images / 255, learn.targets),
        augment=(lambda x: jitter(x, **augmentation)) if augmentation else None,
        epochs=3,
        batch_size=128,
        lr=0.03,
        weight_decay=0.01,
        seed=seed,
        device="cpu",
        progress=False,
    )
    images, targets = test.images / 255, test.targets

    def centred(x, pixels):
        return [centre(moved) for moved in four_shifts(x, pixels)]

    changes = {"shift": (four_shifts, PIXELS)}
    if augmentation or net == POOLINGS["max"]:
        changes |= {"turn": (rotate, DEGREES), "size": (rescale, FACTORS)}
    if not augmentation and net == POOLINGS["max"]:
        changes["centred"] = (centred, PIXELS)
    return {
        name: [
            round(100 * float(accuracy), 2)
            for accuracy in accuracy_under(network, images, targets, change, amounts, device="cpu")
        ]
        for name, (change, amounts) in changes.items()
    } | {
        "parameters": count_parameters(network),
        "macs": count_macs(network, (1, 28, 28)),
        "by_class": _by_class(network, images, targets),
        "upside_down_by_class": _by_class(network, rotate(images, 180), targets),
    }


def _by_class(network, images, targets) -> list[float]:
    """Accuracy in percent of each of the ten digits."""
    import torch

    with torch.no_grad():
        right = (network(images).argmax(1) == targets).float()
    return [round(100 * right[targets == digit].mean().item(), 1) for digit in range(10)]


def _what_and_where(window: int, seed: int) -> dict:
    import torch
    from torch.nn import functional as F

    from utils import training
    from utils.datasets import load, split
    from utils.invariance import scatter
    from utils.models import WhatWhereNet

    learn, _ = split(load("mnist", quiet=True), validation=5000, seed=0)
    test = load("mnist", split="test", quiet=True)
    parts = []
    for data, count, places in ((learn, 4000, 0), (test, 2000, 1)):
        small = F.avg_pool2d(data.images[:count] / 255, 2)
        images, centres = scatter(small, 32, margin=4, seed=places)
        parts.append((images, torch.cat([data.targets[:count, None], (centres - 16) / 8], dim=1)))

    def loss(outputs, targets):
        what = F.cross_entropy(outputs[:, :10], targets[:, 0].long())
        return what + F.mse_loss(outputs[:, 10:], targets[:, 1:])

    network = WhatWhereNet(window)
    training.fit(
        network,
        parts[0],
        loss=loss,
        metric=None,
        epochs=5,
        batch_size=64,
        lr=0.005,
        weight_decay=0.01,
        seed=seed,
        device="cpu",
        progress=False,
    )
    (_, learned), (images, targets) = parts
    with torch.no_grad():
        outputs = network(images)
    right = (outputs[:, :10].argmax(1) == targets[:, 0]).float().mean()
    places = targets[:, 1:]
    return {
        "accuracy": round(100 * right.item(), 2),
        "distance": round(8 * (outputs[:, 10:] - places).norm(dim=1).mean().item(), 3),
        "null_distance": round(8 * (learned[:, 1:].mean(0) - places).norm(dim=1).mean().item(), 3),
    }


def _consistency(net: str, seed: int) -> dict:
    from utils import training
    from utils.datasets import load
    from utils.invariance import consistency

    learn, test = (
        load("fashion-mnist", split=split, source="committed", quiet=True)
        for split in ("train", "test")
    )
    network = _network(POOLINGS.get(net, {"pooling": net}))
    training.fit(
        network,
        (learn.images / 255, learn.targets),
        epochs=4,
        batch_size=64,
        lr=0.01,
        weight_decay=0.01,
        seed=seed,
        device="cpu",
        progress=False,
    )
    images = test.images / 255
    score = training.evaluate(network, (images, test.targets), device="cpu")
    return {
        "consistency": round(100 * consistency(network, images, device="cpu"), 2),
        "accuracy": round(100 * score.accuracy, 2),
    }


def summary(runs) -> dict:
    """Return the means over the seeds that the lecture's headings rest on."""
    drop = {
        name: round(
            sum(run.results["shift"][0] - run.results["shift"][4] for run in chosen) / len(chosen),
            2,
        )
        for name in POOLINGS
        for chosen in [runs.select(experiment="pooling", net=name)]
    }
    where = {
        str(window): {
            "accuracy": round(chosen.mean("accuracy"), 2),
            "distance": round(chosen.mean("distance"), 3),
        }
        for window in (1, 2, 4, 8, 16, 32)
        for chosen in [runs.select(experiment="what and where", window=window)]
    }
    consistent = {
        name: round(runs.select(experiment="consistency", net=name).mean("consistency"), 2)
        for name in ("max", "average", "strided", "blur")
    }
    return {"lost_by_four_pixels": drop, "what_and_where": where, "consistency": consistent}
