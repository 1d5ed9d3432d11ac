"""Study of lecture 12: few labels with and without a pretrained net; a reader of rendered lesions.

Colours: draw s takes 10, 30, 100 and 300 photographs of each class of CIFAR-10 from the first
40,000 training photographs, and gives the order of learning. All are judged on the same 1,000 test
photographs, 100 of each class. Rates and passes were chosen on training photographs outside those
40,000. Where CIFAR-10 was never fetched these cells cannot be repeated; they say so.

Lesions: seed s is the collection, 1,200 pictures to learn from, 300 to set thresholds and a
temperature, 600 to judge; see `utils.lesion_reader`.
"""

TITLE = "Accuracy against labels, from scratch, frozen and fine-tuned; reading rendered lesions"

SEEDS = (0, 1, 2)

LABELS = (10, 30, 100, 300)
"""Photographs of each class."""

SIDE = 96
"""Pixels at which the pretrained nets see the photographs of 32 pixels."""

POOL, TEST_PER_CLASS = 40_000, 100

CELLS = {
    "frozen-squeezenet": {"method": "frozen", "net": "squeezenet1_1"},
    "frozen-efficientnet": {"method": "frozen", "net": "efficientnet_lite0"},
    "scratch-small": {"method": "scratch", "net": "small"},
    "tuned-squeezenet": {"method": "tuned", "net": "squeezenet1_1"},
    "lesions": {"method": "lesions", "net": "squeezenet1_1"},
    "scratch-squeezenet": {"method": "scratch", "net": "squeezenet1_1"},
    "tuned-efficientnet": {"method": "tuned", "net": "efficientnet_lite0"},
}

PASSES = {
    ("frozen", "squeezenet1_1"): {10: 100, 30: 60, 100: 30, 300: 15},
    ("frozen", "efficientnet_lite0"): {10: 100, 30: 60, 100: 30, 300: 15},
    ("scratch", "small"): {10: 40, 30: 20, 100: 10, 300: 6},
    ("tuned", "squeezenet1_1"): {10: 20, 30: 10, 100: 4, 300: 2},
    ("scratch", "squeezenet1_1"): {10: 20, 30: 10, 100: 4, 300: 2},
    ("tuned", "efficientnet_lite0"): {10: 15, 30: 6, 100: 3, 300: 2},
}
"""Passes over the labelled photographs, by labels per class. Those of SqueezeNet from scratch are
those of fine-tuning it: the same steps from another start. EfficientNet-Lite0's at 100 and 300 were
not tried out; they follow SqueezeNet's.
"""

RATES = {"squeezenet1_1": (1e-3, 0.3), "efficientnet_lite0": (3e-3, 0.1)}
"""Peak rate of the head in fine-tuning, and the share of it that the trunk gets."""


def photographs():
    """Return what is learned from and judged by, from CIFAR-10.

    Returns
    -------
    (Data, Data)
        40,000 training photographs to draw from, and 1,000 test photographs.
    """
    from utils.datasets import load
    from utils.transfer import drawn

    pool = load("cifar10", quiet=True).subset(slice(POOL))
    test = load("cifar10", "test", quiet=True)
    return pool, test.subset(drawn(test.targets, TEST_PER_CLASS, 0))


def run_cell(method: str, net: str, seed: int) -> dict:
    """Learn with every number of labels, or read lesions.

    Parameters
    ----------
    method : {"scratch", "frozen", "tuned", "lesions"}
    net : {"small", "squeezenet1_1", "efficientnet_lite0"}
        What learns; "small" is `FastCifarNet` of width 16 on the 32 pixels as they are.
    seed : int

    Returns
    -------
    dict
        ``labels``, and lists of one entry each: ``accuracy`` and ``calibration_error`` (ten bins)
        on the test photographs; ``trainable`` and ``frozen`` parameters. For lesions see
        `utils.lesion_reader.study`.
    """
    if method == "lesions":
        from utils import lesion_reader

        return lesion_reader.study(seed, keep_files=seed == SEEDS[0])

    from utils.calibration import expected_calibration_error
    from utils.transfer import drawn

    pool, test = photographs()
    passes = PASSES[method, net]
    results = {"labels": list(passes), "accuracy": [], "calibration_error": []}
    learn = _frozen if method == "frozen" else _whole
    chosen = {labels: drawn(pool.targets, labels, seed) for labels in passes}
    for p, trainable, frozen in learn(method, net, pool, test, chosen, passes, seed):
        sure, named = p.max(1)
        hit = named == test.targets
        results["accuracy"].append(round(hit.double().mean().item(), 4))
        error = expected_calibration_error(sure.tolist(), hit.tolist())
        results["calibration_error"].append(round(error, 4))
        results |= {"trainable": trainable, "frozen": frozen}
    return results


def _frozen(method, net, pool, test, chosen, passes, seed):
    """Yield test probabilities and parameter counts of heads on cached vectors."""
    import torch

    from utils.arithmetic import count_parameters
    from utils.models.transfer import Trunk, describe
    from utils.transfer import probabilities, train_head

    trunk = Trunk(net, SIDE)
    most = chosen[max(chosen)]
    vectors = dict(zip(most.tolist(), describe(trunk, pool.images[most]), strict=True))
    judged = describe(trunk, test.images)
    for labels, positions in chosen.items():
        learned = torch.stack([vectors[position] for position in positions.tolist()])
        head = train_head(learned, pool.targets[positions], 10, epochs=passes[labels], seed=seed)
        yield probabilities(head, judged), count_parameters(head), count_parameters(trunk)


def _whole(method, net, pool, test, chosen, passes, seed):
    """Yield test probabilities and parameter counts of networks that learn from end to end."""
    from utils import training
    from utils.models import FastCifarNet, TransferNet
    from utils.transfer import fine_tune, mirror_some, probabilities

    quiet = dict(guards=False, progress=False)
    for labels, positions in chosen.items():
        data = pool.subset(positions)
        training.set_seed(seed)
        if net == "small":
            model = FastCifarNet(16).prepare(data.images)
            options = dict(batch_size=32, lr=0.01, augment=mirror_some, device="cpu")
            training.fit(model, data, epochs=passes[labels], seed=seed, **options, **quiet)
        else:
            start = "random" if method == "scratch" else "imagenet"
            model = TransferNet(net, 10, SIDE, start)
            rate, share = RATES[net] if method == "tuned" else (1e-3, 1.0)
            fine_tune(
                model, data, epochs=passes[labels], seed=seed, rate=rate, share=share, **quiet
            )
        counts = [
            sum(p.numel() for p in model.parameters() if p.requires_grad is learns)
            for learns in (True, False)
        ]
        yield probabilities(model, test.images), *counts


def summary(runs) -> dict:
    """Return mean and sample standard deviation over the draws, in percent, and of the lesions."""
    import statistics

    found = {}
    for name, cell in CELLS.items():
        chosen = runs.select(**cell)
        if cell["method"] == "lesions":
            from utils import lesion_reader

            found[name] = lesion_reader.summary(chosen)
            continue
        columns = zip(*chosen.values("accuracy"), strict=True)
        found[name] = {
            str(labels): {
                "mean": round(100 * statistics.fmean(column), 1),
                "sd": round(100 * statistics.stdev(column), 1) if len(column) > 1 else 0.0,
            }
            for labels, column in zip(chosen.values("labels")[0], columns, strict=True)
        }
    return found
