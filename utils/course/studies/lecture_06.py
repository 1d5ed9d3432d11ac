"""Study of lecture 06: LeNet-5 of today and of 1998, each with its own criterion, three seeds.

Every run is the training the lecture shows: 55,000 digits to learn from, 5,000 to choose with,
three passes; then the 10,000 test digits, once.
"""

import contextlib
import functools
import io
import itertools

TITLE = "Test error of LeNet-5 on MNIST after three passes, modern and as in 1998"

SEEDS = (0, 1, 2)

CELLS = {
    "lenet5": {"model": "LeNet5", "epochs": 3, "batch_size": 256},
    "lenet5-1998": {"model": "LeNet5_1998", "epochs": 3, "batch_size": 64},
}

SNAPSHOTS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 400)
"""Steps before which the first layer's kernels of the modern net are kept (seed 0)."""


def run_cell(model: str, epochs: int, batch_size: int, seed: int) -> dict:
    """Train one network and score it on the test set.

    Parameters
    ----------
    model : {"LeNet5", "LeNet5_1998"}
        The modern one learns by cross-entropy, that of 1998 by its MAP criterion.
    epochs, batch_size, seed : int

    Returns
    -------
    dict
        ``test_error`` and ``validation_error`` (percent; the second after each epoch),
        ``train_loss`` after each epoch, ``parameters``; for the modern net and seed 0 also files:
        its weights, and its first kernels as they changed.
    """
    from utils import training
    from utils.datasets import channel_statistics, load, normalise, split
    from utils.models import LeNet5, LeNet5_1998, lenet

    learn, validation = split(load("mnist", quiet=True), validation=5000, seed=0)
    test = load("mnist", split="test", quiet=True)

    training.set_seed(seed)
    if model == "LeNet5":
        network = LeNet5()
        mean, std = channel_statistics(learn.images)
        prepared = functools.partial(normalise, mean=mean, std=std)
        judged: dict = {}
    else:
        network, prepared = LeNet5_1998(), lenet.prepare
        judged = {"loss": lenet.map_criterion, "metric": _read_right}

    with _watched_kernels(network) as kernels:
        history = training.fit(
            network,
            (prepared(learn.images), learn.targets),
            validation=(prepared(validation.images), validation.targets),
            epochs=epochs,
            batch_size=batch_size,
            lr=0.01,
            weight_decay=0.01,
            schedule="one-cycle",
            seed=seed,
            device="cpu",
            progress=False,
            **judged,
        )
    score = training.evaluate(
        network, (prepared(test.images), test.targets), device="cpu", **judged
    )
    right = score["accuracy" if model == "LeNet5" else _read_right.__name__]
    results = {
        "test_error": round(100 * (1 - right), 2),
        "validation_error": [round(100 * (1 - right), 2) for right in history.validation_metric],
        "train_loss": [round(loss, 4) for loss in history.train_loss],
        "parameters": sum(weight.numel() for weight in network.parameters()),
    }
    if model == "LeNet5" and seed == SEEDS[0]:
        steps, kept = zip(*kernels, strict=True)
        results["files"] = {
            "lenet5_weights.npz": _packed(
                **{name: value.numpy() for name, value in network.state_dict().items()}
            ),
            "lenet5_first_kernels.npz": _packed(steps=steps, kernels=kept),
        }
    return results


def summary(runs) -> dict:
    """Return mean and spread of the test error of each network, in percent."""
    return {
        name: {
            "mean": round(chosen.mean("test_error"), 3),
            "sd": round(chosen.sd("test_error"), 3),
            "largest": chosen.largest("test_error"),
        }
        for name in ("LeNet5", "LeNet5_1998")
        for chosen in [runs.select(model=name)]
    }


def _read_right(penalties, targets):
    from utils.models import lenet

    return (lenet.predict(penalties) == targets).float().mean()


def _first_kernels(network):
    """Return the weights of the first convolution, (maps, 1, height, width), as they are now."""
    import torch

    first = next(layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d))
    return first.weight.detach().cpu().numpy().copy()


@contextlib.contextmanager
def _watched_kernels(network):
    """Give a list that fills with (step, first kernels) before the steps of `SNAPSHOTS`."""
    from torch.optim.optimizer import register_optimizer_step_pre_hook

    kept: list = []
    steps = itertools.count()

    def before_step(optimizer, args, kwargs) -> None:
        step = next(steps)
        if step in SNAPSHOTS:
            kept.append((step, _first_kernels(network)))

    hook = register_optimizer_step_pre_hook(before_step)
    try:
        yield kept
    finally:
        hook.remove()
    kept.append((next(steps), _first_kernels(network)))


def _packed(**arrays) -> bytes:
    """Return arrays as a compressed npz, floats in half precision."""
    import numpy as np

    halves = {}
    for name, value in arrays.items():
        array = np.asarray(value)
        halves[name] = array.astype(np.float16) if array.dtype.kind == "f" else array
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **halves)
    return buffer.getvalue()
