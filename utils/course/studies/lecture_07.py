"""Study of lecture 07: a scaled AlexNet, whole and with one idea taken away, three seeds each.

Every network learns from the same 5,000 photographs in equally many steps, and is compared on
5,000 others. The whole network alone is also judged on the test set, once a seed. A network of
263,274 weights has 53 for each of its photographs; AlexNet had 51 for each of its 1.2 million.

Two small parts stand beside the ablation. In the trials, ReLU and tanh each try three learning
rates for a few passes; `RATES` has the better one of each. In the race (Fig. 1 of the paper) both
learn without anything that regularises, each at several rates.

Where CIFAR-10 was never fetched the study cannot be repeated; it says so.
"""

import contextlib
import io
import itertools

TITLE = "AlexNet's ideas, taken away one at a time, on 5,000 photographs of CIFAR-10"

SEEDS = (0, 1, 2)

BUDGET = {"images": 5000, "epochs": 25, "batch_size": 64, "decay": 5e-4}
"""What every cell of the ablation spends (SGD with momentum, the rate in one cycle)."""

RATES = {"relu": 0.05, "tanh": 0.02}
"""Largest rate of the cycle for each activation: the best of its trials."""

TRIALS = {"relu": (0.02, 0.05, 0.1), "tanh": (0.01, 0.02, 0.05)}
"""Rates that each activation tries, so that neither the smallest nor the largest is its best."""

TRIAL_EPOCHS = 8

RACE = {"rates": (0.003, 0.01, 0.03), "epochs": 20, "goal": 25.0}
"""The race to a training error of `goal` percent, at constant rates."""

VALIDATION = 5000
"""Photographs to compare by."""

WATCHED = 1000
"""How many of these are looked at after each pass."""

_ABLATION = {
    "whole": {"without": "nothing"},
    "no-augmentation": {"without": "augmentation"},
    "no-dropout": {"without": "dropout"},
    "no-normalisation": {"without": "normalisation"},
    "no-overlap": {"without": "overlapping pooling"},
    "tanh": {"without": "ReLU"},
    "no-decay": {"without": "weight decay"},
    "no-middle": {"without": "conv4"},
}


def _at_rates(part: str, rates: dict) -> dict:
    return {
        f"{part}-{activation}-{rate:g}": {part: activation, "rate": rate}
        for activation, tried in rates.items()
        for rate in tried
    }


CELLS = (
    _ABLATION | _at_rates("race", dict.fromkeys(RATES, RACE["rates"])) | _at_rates("trial", TRIALS)
)

OPTIONS = {
    "dropout": {"dropout": 0.0},
    "normalisation": {"normalisation": False},
    "overlapping pooling": {"overlapping": False},
    "ReLU": {"activation": "tanh"},
    "conv4": {"middle": False},
}
"""How the network is built without an idea."""

SNAPSHOTS = (0, 20, 50, 100, 200, 500, 1000)
"""Steps before which the first layer's kernels of the whole net are kept (seed 0)."""


def prepared_data():
    """Return what the study learns from and is compared by.

    Returns
    -------
    dict
        ``learn`` and ``compare``: pairs of normalised images (N, 3, 32, 32) and labels; ``data``:
        the two parts as loaded; ``statistics``: mean and standard deviation they were normalised
        by.
    """
    from utils.datasets import channel_statistics, load, normalise, split

    rest, compare = split(load("cifar10", quiet=True), validation=VALIDATION, seed=0)
    learn = rest.subset(slice(BUDGET["images"]))
    mean, std = channel_statistics(learn.images)
    return {
        "learn": (normalise(learn.images, mean, std), learn.targets),
        "compare": (normalise(compare.images, mean, std), compare.targets),
        "data": (learn, compare),
        "statistics": (mean, std),
    }


def train(without: str, seed: int, *, data: dict, rate: float | None = None, epochs=None):
    """Build and train one network of the ablation.

    Parameters
    ----------
    without : str
        "nothing", or the idea that is left out.
    seed : int
    data : dict
        From `prepared_data`.
    rate : float, optional
        Largest rate of the cycle; that of the activation in `RATES` if not given.
    epochs : int, optional
        Passes of the whole cycle; those of `BUDGET` if not given.

    Returns
    -------
    (SmallAlexNet, History)
        The history's training metric is that of the batches as the network saw them, with
        dropout and random crops; its validation metric is that of the first `WATCHED`
        photographs to compare by.
    """
    from utils import augmentation, training
    from utils.models import SmallAlexNet

    options = OPTIONS.get(without, {})
    training.set_seed(seed)
    model = SmallAlexNet(**options)
    images, targets = (part[:WATCHED] for part in data["compare"])
    history = training.fit(
        model,
        data["learn"],
        validation=(augmentation.centre_crop(images, 24), targets),
        augment=middle if without == "augmentation" else random_crops,
        epochs=epochs or BUDGET["epochs"],
        batch_size=BUDGET["batch_size"],
        optimizer="sgd",
        lr=rate or RATES[options.get("activation", "relu")],
        weight_decay=0.0 if without == "weight decay" else BUDGET["decay"],
        schedule="one-cycle",
        seed=seed,
        device="cpu",
        precision="fp32",
        guards=False,
        progress=False,
    )
    return model, history


def random_crops(images):
    """Random squares of 24 pixels, half of them mirrored."""
    from utils import augmentation

    return augmentation.random_crop_flip(images, 24)


def middle(images):
    """The squares of 24 pixels in the middle, as fast to learn from as random ones."""
    import torch

    from utils import augmentation

    return augmentation.centre_crop(images, 24).contiguous(memory_format=torch.channels_last)


def whole_cycle(optimizer, steps: int):
    """Return the schedule of the whole budget, also where a training stops after a few passes.

    The first passes of a long training can so be repeated alone, step for step.
    """
    from torch.optim.lr_scheduler import OneCycleLR

    planned = BUDGET["epochs"] * -(-BUDGET["images"] // BUDGET["batch_size"])
    peaks = [group["lr"] for group in optimizer.param_groups]
    return OneCycleLR(optimizer, peaks, total_steps=planned + 1, pct_start=0.2)


def run_race(activation: str, rate: float, seed: int, *, data: dict, epochs=None) -> list[float]:
    """Train without augmentation, dropout, normalisation and decay, at a constant rate.

    Parameters
    ----------
    activation : {"relu", "tanh"}
    rate : float
    seed : int
    data : dict
        From `prepared_data`.
    epochs : int, optional
        Those of `RACE` if not given.

    Returns
    -------
    list of float
        Training error in each pass, percent, as the network learned.
    """
    from utils import augmentation, training
    from utils.models import SmallAlexNet

    images, targets = data["learn"]
    training.set_seed(seed)
    history = training.fit(
        SmallAlexNet(activation=activation, normalisation=False, dropout=0.0),
        (augmentation.centre_crop(images, 24), targets),
        epochs=epochs or RACE["epochs"],
        batch_size=BUDGET["batch_size"],
        optimizer="sgd",
        lr=rate,
        weight_decay=0.0,
        schedule="constant",
        seed=seed,
        device="cpu",
        precision="fp32",
        guards=False,
        progress=False,
    )
    return [_error(right) for right in history.train_metric]


def passes_to_goal(errors) -> float:
    """Passes until the training error is at most the goal of `RACE`, inf if it never is."""
    reached = (count for count, error in enumerate(errors, 1) if error <= RACE["goal"])
    return next(reached, float("inf"))


def run_cell(*, seed: int, without=None, trial=None, race=None, rate=None) -> dict:
    """Train one network and score it: one of `without`, `trial` and `race` is given.

    Parameters
    ----------
    seed : int
    without : str, optional
        The idea that is left out.
    trial, race : {"relu", "tanh"}, optional
        The activation that tries a rate, or races.
    rate : float, optional
        Of a trial or race.

    Returns
    -------
    dict
        Errors in percent. Of a race: ``train_errors`` of each pass. Of a trial:
        ``validation_error`` at its end. Of the ablation: ``validation_error`` at the end and, on
        the first `WATCHED` photographs, ``validation_errors`` after each pass; ``train_error`` at
        the end (centre crops, no dropout) and ``train_errors`` as the net learned;
        ``train_loss``; ``parameters``. For the whole net also
        ``ten_crop_error`` (validation, average of ten crops), ``test_error``, and
        ``column_colour``: how colourful the kernels of each column are; with seed 0 its weights
        and its first kernels as they changed, as files.
    """
    from utils import augmentation

    data = prepared_data()
    if race is not None:
        return {"train_errors": run_race(race, rate, seed, data=data)}
    if trial is not None:
        named = "ReLU" if trial == "tanh" else "nothing"
        model, _ = train(named, seed, data=data, rate=rate, epochs=TRIAL_EPOCHS)
        return {"validation_error": _middle_error(model, *data["compare"])[0]}
    with _watched_kernels() as kernels:
        model, history = train(without, seed, data=data)
        kernels.append(first_kernels(model))
    images, targets = data["compare"]
    train_error, train_loss = _middle_error(model, *data["learn"])
    results = {
        "validation_error": _middle_error(model, images, targets)[0],
        "validation_errors": [_error(right) for right in history.validation_metric],
        "train_error": train_error,
        "train_errors": [_error(right) for right in history.train_metric],
        "train_loss": round(train_loss, 4),
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }
    if without == "nothing":
        ten = augmentation.ten_crop_probabilities(model, images, 24).argmax(dim=1)
        results["ten_crop_error"] = _error((ten == targets).double().mean().item())
        results["test_error"] = _test_error(model, data["statistics"])
        results["column_colour"] = column_colour(kernels[-1])
        if seed == SEEDS[0]:
            results["files"] = _files(model, kernels)
    return results


def summary(runs) -> dict:
    """Compare each network with the whole one, on the validation photographs.

    Returns
    -------
    dict
        For each idea ``mean`` and ``sd`` of the error, ``difference`` of the means to the whole
        net (positive: worse without the idea), its ``standard_error`` sqrt(sd1^2/3 + sd2^2/3), and
        whether the difference is ``larger_than_noise``, two standard errors. ``train_difference``
        and its standard error are the same for the training error.
    """
    whole = runs.select(without="nothing")
    found = {}
    for idea in (cell["without"] for cell in _ABLATION.values()):
        chosen = runs.select(without=idea)
        entry = {}
        for name, prefix in (("validation_error", ""), ("train_error", "train_")):
            difference = chosen.mean(name) - whole.mean(name)
            error = ((chosen.sd(name) ** 2 + whole.sd(name) ** 2) / len(SEEDS)) ** 0.5
            entry |= {
                f"{prefix}mean": round(chosen.mean(name), 2),
                f"{prefix}sd": round(chosen.sd(name), 2),
                f"{prefix}difference": round(difference, 2),
                f"{prefix}standard_error": round(error, 2),
                f"{prefix}larger_than_noise": abs(difference) > 2 * error,
            }
        found[idea] = entry
    return found


def first_kernels(model):
    """Return the first convolution's weights (maps, 3, height, width) as they are now."""
    return model.features.conv1.weight.detach().cpu().numpy().copy()


def column_colour(kernels) -> list[float]:
    """Return for each half of the kernels the mean share of colour in their energy.

    Parameters
    ----------
    kernels : array
        (maps, 3, height, width).

    Returns
    -------
    list of float
        For the first and the second half of the maps: 1 - |grey part|^2 / |kernel|^2, averaged
        over kernels, 0 if all three channels agree, 1 if they cancel.
    """
    import numpy as np

    grey = np.square(kernels.mean(axis=1)).sum(axis=(1, 2)) * 3
    share = 1 - grey / np.square(kernels).sum(axis=(1, 2, 3))
    return [round(float(half.mean()), 4) for half in np.split(share, 2)]


def _error(right: float) -> float:
    return round(100 * (1 - right), 2)


def _test_error(model, statistics) -> float:
    """Return the error on the test set, with the centre crop."""
    from utils.datasets import load, normalise

    test = load("cifar10", "test", quiet=True)
    return _middle_error(model, normalise(test.images, *statistics), test.targets)[0]


def _middle_error(model, images, targets) -> tuple[float, float]:
    """Return error in percent and loss with the centre crop."""
    from utils import augmentation, training

    images = augmentation.centre_crop(images, 24)
    score = training.evaluate(model, (images, targets), device="cpu", precision="fp32")
    return _error(score.accuracy), score.loss


def _files(model, kernels) -> dict:
    total = BUDGET["epochs"] * -(-BUDGET["images"] // BUDGET["batch_size"])
    steps = [*(step for step in SNAPSHOTS if step < total), total]
    return {
        "first_kernels.npz": packed(steps=steps, kernels=kernels),
        "features.npz": packed(**_state(model.features)),
        "classifier.npz": packed(**in_bytes(_state(model.classifier))),
    }


def _state(model) -> dict:
    return {name: value.numpy() for name, value in model.state_dict().items()}


def in_bytes(weights) -> dict:
    """Round matrices to 255 levels a row, for a small file.

    Parameters
    ----------
    weights : mapping of str to array
        Floats; those with two axes are rounded.

    Returns
    -------
    dict
        A rounded matrix as int8 under its name, and the size of one level for each of its rows
        under ``name/level``: their product is the matrix. Other arrays unchanged.
    """
    import numpy as np

    packed_weights = {}
    for name, weight in weights.items():
        if weight.ndim != 2:
            packed_weights[name] = weight
            continue
        level = np.abs(weight).max(axis=1, keepdims=True) / 127
        packed_weights[name] = np.round(weight / level).astype(np.int8)
        packed_weights[f"{name}/level"] = level.astype(np.float32)
    return packed_weights


def trained_network(study):
    """Return the whole network as the study stored it, its dense weights rounded to bytes.

    Parameters
    ----------
    study : utils.measured.Study
    """
    import numpy as np
    import torch

    from utils.models import SmallAlexNet

    model = SmallAlexNet()
    for part in ("features", "classifier"):
        with np.load(study.file(f"{part}.npz")) as stored:
            arrays = {name: stored[name].astype(np.float32) for name in stored.files}
        state = {
            name: torch.from_numpy(value * arrays.get(f"{name}/level", np.float32(1)))
            for name, value in arrays.items()
            if not name.endswith("/level")
        }
        getattr(model, part).load_state_dict(state)
    return model.eval()


@contextlib.contextmanager
def _watched_kernels():
    """Give a list that fills with the first kernels before the steps of `SNAPSHOTS`."""
    from torch.optim.optimizer import register_optimizer_step_pre_hook

    kept: list = []
    steps = itertools.count()

    def before_step(optimizer, args, kwargs) -> None:
        if next(steps) in SNAPSHOTS:
            first = optimizer.param_groups[0]["params"][0]
            kept.append(first.detach().cpu().numpy().copy())

    hook = register_optimizer_step_pre_hook(before_step)
    try:
        yield kept
    finally:
        hook.remove()


def packed(**arrays) -> bytes:
    """Return arrays as a compressed npz, floats in half precision but for levels of bytes."""
    import numpy as np

    halves = {}
    for name, value in arrays.items():
        array = np.asarray(value)
        half = array.dtype.kind == "f" and not name.endswith("/level")
        halves[name] = array.astype(np.float16) if half else array
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **halves)
    return buffer.getvalue()
