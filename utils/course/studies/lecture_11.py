"""Study of lecture 11: cross-entropy, OR-CNN and CORAL on the same trunk, five training sets each.

Seed s draws the training set, the first weights and the order. The 2,000 test images are the same
throughout; no setting was chosen by them. A run trains its methods one after the other. The solar
cells need the optional set elpv.
"""

import functools

TITLE = "Errors of CE, OR and CORAL heads: end to end, on frozen features, and on digits"

SEEDS = (0, 1, 2, 3, 4)

ALL = "ce or coral"
ORDINAL = "or coral"
CELLS = {
    "ages-4000": {"data": "ages", "labels": 4000, "epochs": 10, "methods": ALL},
    "ages-500": {"data": "ages", "labels": 500, "epochs": 30, "methods": ALL},
    "ages-weighted": {
        "data": "ages",
        "labels": 4000,
        "epochs": 10,
        "methods": ORDINAL,
        "weighted": True,
    },
    "ages-level-start": {
        "data": "ages",
        "labels": 4000,
        "epochs": 10,
        "methods": ORDINAL,
        "span": 0.0,
    },
    "digits": {"data": "mnist", "labels": 4000, "epochs": 6, "methods": ALL, "span": 3.0},
    **{
        f"{name}-{labels}": {"data": data, "labels": labels, "methods": ALL, "span": 8.0} | more
        for name, data, more in (
            ("pixels", "frozen pixels", {}),
            ("grainy", "frozen pixels", {"grain": 0.2}),
            ("trunk", "frozen trunk", {}),
        )
        for labels in (150, 300, 1000)
    },
    "pixels-150-wider-start": {
        "data": "frozen pixels",
        "labels": 150,
        "methods": ORDINAL,
        "span": 12.0,
    },
    "solar": {"data": "elpv", "labels": 1600, "methods": ALL, "span": 0.0},
    "solar-mixed": {"data": "elpv", "labels": 1600, "methods": ALL, "span": 0.0, "by": "cells"},
}

TEST = 2000


def run_cell(
    data: str,
    labels: int,
    methods: str,
    seed: int,
    epochs: int = 250,
    weighted: bool = False,
    span: float = 10.0,
    grain: float = 0.0,
    by: str = "modules",
) -> dict:
    """Train each method and score it on the test images.

    Parameters
    ----------
    data : {"ages", "mnist", "frozen pixels", "frozen trunk", "elpv"}
        End to end on ages or digits; or a head alone on 64 features that stay fixed: principal
        components of the ages' pixels, found on 2,000 others without labels; the trunk of a network
        that learned 4,000 other ages by cross-entropy; or principal components of SqueezeNet's
        features of solar cells.
    labels : int
        Training images.
    methods : str
        Some of "ce", "or" and "coral", with spaces between.
    seed, epochs : int
    weighted : bool
        Use the task weights of Eq. 7.
    span : float
        Where the biases of "or" and "coral" start.
    grain : float
        Standard deviation of noise added to the pixels, whose range is 0..1.
    by : {"modules", "cells"}
        How solar cells are split.

    Returns
    -------
    dict
        For each method its MAE, RMSE, rank inconsistencies an image and share of images with any;
        MAE and RMSE of the training labels' median. The first run end to end also gives a picture.
    """
    import torch

    from utils import ordinal, training
    from utils.models import AgeNet, coral

    train, test, ranks = (
        _solar(labels, seed, by) if data == "elpv" else _sets(data, labels, seed, grain)
    )
    frozen = data == "elpv" or data.startswith("frozen")
    median = torch.full_like(test[1], int(train[1].median()))
    results = {"median": _errors(median, test[1])}
    for method in methods.split():
        training.set_seed(seed)
        if frozen:
            model = coral.rank_head(method, 64, ranks, span)
            how = {"batch_size": labels, "lr": 0.02, "schedule": "cosine", "weight_decay": 0.01}
        else:
            model = AgeNet(ranks, method, span=span)
            how = {"batch_size": 128, "lr": 0.003}
        importance = ordinal.task_importance(train[1], ranks) if weighted else None
        loss = functools.partial(_ordinal, ranks=ranks, importance=importance)
        training.fit(
            model,
            train,
            loss=None if method == "ce" else loss,
            metric=None,
            epochs=epochs,
            seed=seed,
            device="cpu",
            progress=False,
            guards=False,
            **how,
        )
        with torch.no_grad():
            logits = model(test[0])
        if method == "ce":
            results[method] = _errors(logits.argmax(1), test[1])
        else:
            crossed = ordinal.rank_inconsistencies(logits)
            results[method] = _errors(ordinal.predict_rank(logits), test[1]) | {
                "inconsistencies": round(crossed.float().mean().item(), 4),
                "share": round((crossed > 0).float().mean().item(), 4),
            }
        if method == "coral":
            bias = model.get_parameter("bias" if frozen else "head.bias")
            gaps = bias[:-1] - bias[1:]
            results[method]["crossed_biases"] = int((gaps < 0).sum())
    counts = torch.bincount(train[1], minlength=ranks)
    results["ranks_without_example"] = int((counts == 0).sum())
    files = {}
    if data == "ages" and labels == 4000 and seed == 0 and "ce" in methods:
        files = {"files": {"preview.png": _preview(test[0], test[1], ordinal.predict_rank(logits))}}
    return _flat(results) | files


def summary(runs) -> dict:
    """Return mean and spread of each method's MAE in each cell."""
    rows = {}
    for name, cell in CELLS.items():
        chosen = [run.results for run in runs if run.name.startswith(f"{name}-seed")]
        rows[name] = {
            method: {"mean": round(_mean(values), 3), "sd": round(_sd(values), 3)}
            for method in cell["methods"].split()
            for values in [[results[f"{method}.mae"] for results in chosen]]
        }
    return rows


def _mean(values):
    import statistics

    return statistics.fmean(values)


def _sd(values):
    import statistics

    return statistics.stdev(values) if len(values) > 1 else 0.0


def _ordinal(logits, labels, ranks, importance):
    from utils.ordinal import extend_labels, ordinal_loss

    return ordinal_loss(logits, extend_labels(labels, ranks), importance)


def _errors(predictions, labels) -> dict:
    from utils.ordinal import mean_absolute_error, root_mean_squared_error

    return {
        "mae": round(mean_absolute_error(predictions, labels), 4),
        "rmse": round(root_mean_squared_error(predictions, labels), 4),
    }


def _flat(results: dict) -> dict:
    flat = {}
    for name, value in results.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": number for key, number in value.items()}
        else:
            flat[name] = value
    return flat


def _sets(data: str, labels: int, seed: int, grain: float) -> tuple:
    """Return (inputs, targets) to learn from and to judge by, and the number of ranks."""
    import torch
    from torch.nn import functional as F

    from utils.datasets import channel_statistics, load, normalise

    if data == "mnist":
        whole = load("mnist", quiet=True)
        generator = torch.Generator().manual_seed(seed)
        train = whole.subset(torch.randperm(len(whole), generator=generator)[:labels])
        test = load("mnist", "test", quiet=True).subset(slice(TEST))
    else:
        train = load("ages", "train", count=labels, seed=seed, quiet=True)
        test = load("ages", "test", count=TEST, quiet=True)
    if data.startswith("frozen"):
        describe = _components(grain) if data == "frozen pixels" else _trunk(seed)
        with torch.no_grad():
            inputs = [describe(part.images, number) for number, part in enumerate((train, test))]
    else:
        statistics = channel_statistics(train.images)
        inputs = [normalise(part.images, *statistics) for part in (train, test)]
    if data == "mnist":
        inputs = [F.pad(x, (2, 2, 2, 2), value=x.min().item()) for x in inputs]
    return (inputs[0], train.targets), (inputs[1], test.targets), 10 if data == "mnist" else 50


def _components(grain: float):
    """Return a function from images to 64 principal components of 2,000 others, unlabelled."""
    import torch

    from utils.datasets import load

    def pixels(images, number):
        generator = torch.Generator().manual_seed(1_000_000 + number)
        noise = torch.randn(len(images), images[0].numel(), generator=generator)
        return images.flatten(1).float() / 255 + grain * noise

    others = pixels(load("ages", "validation", count=2000, quiet=True).images, 2)
    project = _whitener(others)
    return lambda images, number: project(pixels(images, number))


def _whitener(features, count: int = 64):
    """Return a function from features to their first principal components, of variance 1."""
    import torch

    mean = features.mean(0)
    directions = torch.linalg.svd(features - mean, full_matrices=False)[2][:count].T
    scale = ((features - mean) @ directions).std(0)
    return lambda others: (others - mean) @ directions / scale


@functools.cache
def _cells(by: str) -> dict:
    """Return SqueezeNet's features and the ranks of all solar cells, of each part."""
    import torch

    from utils.datasets import load
    from utils.models import pretrained

    network = pretrained("squeezenet1_1")
    parts = {}
    for split in ("train", "test"):
        data = load("elpv", split, by=by, side=150, quiet=True)
        with torch.no_grad():
            features = [
                network.features(network.prepare(part.expand(-1, 3, -1, -1), resize=False))
                for part in data.images.split(64)
            ]
        parts[split] = torch.cat([maps.mean((2, 3)) for maps in features]), data.targets
    return parts


def _solar(labels: int, seed: int, by: str) -> tuple:
    """Return what `_sets` returns, for solar cells: `labels` of the training part, all of the test."""
    import torch

    parts = _cells(by)
    features, targets = parts["train"]
    project = _whitener(features)
    chosen = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))[:labels]
    test = project(parts["test"][0]), parts["test"][1]
    return (project(features[chosen]), targets[chosen]), test, 4


def _preview(inputs, targets, ranks) -> bytes:
    """Draw eight test portraits with true and predicted age, about 480 x 360 pixels."""
    import io

    import torch
    from matplotlib.figure import Figure

    from utils.datasets.ordinal import YOUNGEST

    order = targets.argsort(stable=True)
    figure = Figure(figsize=(4.8, 3.6), dpi=100, layout="constrained")
    figure.suptitle("True age and CORAL's answer", fontsize=14)
    places = torch.linspace(0, len(order) - 1, 8).long()
    for axes, index in zip(figure.subplots(2, 4).flat, order[places].tolist(), strict=True):
        axes.imshow(inputs[index, 0], cmap="gray")
        axes.set_title(
            f"{YOUNGEST + int(targets[index])} / {YOUNGEST + int(ranks[index])}", size=13
        )
        axes.set_axis_off()
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _trunk(seed: int):
    """Return a function from images to 64 features of a network that learned other ages."""
    from utils import training
    from utils.datasets import channel_statistics, load, normalise
    from utils.models import AgeNet

    others = load("ages", "train", count=4000, seed=900 + seed, quiet=True)
    statistics = channel_statistics(others.images)
    training.set_seed(900 + seed)
    model = AgeNet(50, "ce")
    training.fit(
        model,
        (normalise(others.images, *statistics), others.targets),
        epochs=10,
        batch_size=128,
        lr=0.003,
        metric=None,
        seed=seed,
        device="cpu",
        progress=False,
        guards=False,
    )
    model.eval()
    return lambda images, number: model.trunk(normalise(images, *statistics))
