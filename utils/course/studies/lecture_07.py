"""Study of lecture 07: a scaled AlexNet, whole and with one idea taken away, three seeds each.

Every network learns from the same 3,000 photographs in equally many steps, and is compared on
2,000 others. The whole network alone is also judged on the test set, once a seed.

Where CIFAR-10 was never fetched the study cannot be repeated; it says so.
"""

import contextlib
import io
import itertools

TITLE = "AlexNet's ideas, taken away one at a time, on 3,000 photographs of CIFAR-10"

SEEDS = (0, 1, 2)

BUDGET = {"images": 3000, "epochs": 12, "batch_size": 64, "lr": 0.05, "decay": 5e-4}
"""What every cell of the ablation spends, and with which optimiser (SGD with momentum)."""

VALIDATION = 2000
"""Photographs to compare by."""

CELLS = {
    "whole": {"without": "nothing"},
    "no-augmentation": {"without": "augmentation"},
    "no-dropout": {"without": "dropout"},
    "no-normalisation": {"without": "normalisation"},
    "no-overlap": {"without": "overlapping pooling"},
    "tanh": {"without": "ReLU"},
    "no-decay": {"without": "weight decay"},
    "no-middle": {"without": "conv4"},
}

OPTIONS = {
    "dropout": {"dropout": 0.0},
    "normalisation": {"normalisation": False},
    "overlapping pooling": {"overlapping": False},
    "ReLU": {"activation": "tanh"},
    "conv4": {"middle": False},
}
"""How the network is built without an idea."""

SNAPSHOTS = (0, 2, 5, 10, 20, 50, 100, 200, 400)
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


def train(without: str, seed: int, *, data: dict):
    """Build and train one network of the study.

    Parameters
    ----------
    without : str
        "nothing", or the idea that is left out.
    seed : int
    data : dict
        From `prepared_data`.

    Returns
    -------
    (SmallAlexNet, History)
        The history's training metric is that of the batches as the network saw them, with
        dropout and random crops.
    """
    import torch

    from utils import augmentation, training
    from utils.models import SmallAlexNet

    def random_crops(images):
        return augmentation.random_crop_flip(images, 24)

    def middle(images):
        return augmentation.centre_crop(images, 24).contiguous(memory_format=torch.channels_last)

    training.set_seed(seed)
    model = SmallAlexNet(**OPTIONS.get(without, {}))
    images, targets = data["compare"]
    history = training.fit(
        model,
        data["learn"],
        validation=(augmentation.centre_crop(images, 24), targets),
        augment=middle if without == "augmentation" else random_crops,
        epochs=BUDGET["epochs"],
        batch_size=BUDGET["batch_size"],
        optimizer="sgd",
        lr=BUDGET["lr"],
        weight_decay=0.0 if without == "weight decay" else BUDGET["decay"],
        schedule="one-cycle",
        seed=seed,
        device="cpu",
        precision="fp32",
        guards=False,
        progress=False,
    )
    return model, history


def run_cell(without: str, seed: int) -> dict:
    """Train one network and score it.

    Parameters
    ----------
    without : str
        The idea that is left out.
    seed : int

    Returns
    -------
    dict
        Errors in percent: ``validation_error`` at the end and ``validation_errors`` after each
        epoch, ``train_error`` at the end (centre crops, no dropout) and ``train_errors`` as the
        net learned; ``train_loss``; ``parameters``. For the whole net also
        ``ten_crop_error`` (validation, average of ten crops), ``test_error``, and
        ``column_colour``: how colourful the kernels of each column are; with seed 0 its weights
        and its first kernels as they changed, as files.
    """
    from utils import augmentation, training

    data = prepared_data()
    with _watched_kernels() as kernels:
        model, history = train(without, seed, data=data)
        kernels.append(first_kernels(model))
    images, targets = data["learn"]
    learned = training.evaluate(
        model, (augmentation.centre_crop(images, 24), targets), device="cpu", precision="fp32"
    )
    results = {
        "validation_error": _error(history.validation_metric[-1]),
        "validation_errors": [_error(right) for right in history.validation_metric],
        "train_error": _error(learned.accuracy),
        "train_errors": [_error(right) for right in history.train_metric],
        "train_loss": round(learned.loss, 4),
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }
    if without == "nothing":
        images, targets = data["compare"]
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
    for parameters in CELLS.values():
        chosen = runs.select(**parameters)
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
        found[parameters["without"]] = entry
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
    from utils import augmentation, training
    from utils.datasets import load, normalise

    test = load("cifar10", "test", quiet=True)
    images = augmentation.centre_crop(normalise(test.images, *statistics), 24)
    score = training.evaluate(model, (images, test.targets), device="cpu", precision="fp32")
    return _error(score.accuracy)


def _files(model, kernels) -> dict:
    steps = [*SNAPSHOTS, BUDGET["epochs"] * -(-BUDGET["images"] // BUDGET["batch_size"])]
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
