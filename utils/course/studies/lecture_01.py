"""Study of lecture 01: three nets trained alike on centred digits, judged on shifted ones.

Every run is the training the lecture shows: the first 20,000 training digits, three passes,
the same optimiser, rate and order for every net. Every tenth test digit is judged, where it is
and moved by up to six pixels right, left, down and up. With permuted pixels the same training is
repeated on pictures whose 784 pixels were shuffled, all in the same way.
"""

TITLE = "Accuracy on shifted MNIST digits of an MLP, LeNet-5 and a globally pooled net"

SEEDS = (0, 1, 2)

TRAINED_ON = 20_000

SHIFTS = (0, 1, 2, 3, 4, 5, 6)

CELLS = {
    "mlp": {"model": "DigitMLP", "pixels": "in order"},
    "lenet5": {"model": "LeNet5", "pixels": "in order"},
    "pooled": {"model": "GlobalPoolNet", "pixels": "in order"},
    "mlp-permuted": {"model": "DigitMLP", "pixels": "permuted"},
    "lenet5-permuted": {"model": "LeNet5", "pixels": "permuted"},
    "pooled-permuted": {"model": "GlobalPoolNet", "pixels": "permuted"},
}


def run_cell(model: str, pixels: str, seed: int) -> dict:
    """Train one network and judge it under shifts.

    Parameters
    ----------
    model : {"DigitMLP", "LeNet5", "GlobalPoolNet"}
    pixels : {"in order", "permuted"}
    seed : int

    Returns
    -------
    dict
        ``accuracy``, percent; for pixels in order also ``shifted`` and ``centred``, percent for
        each of `SHIFTS`: of the moved digits, and of the moved digits centred before the network
        sees them; ``parameters``.
    """
    import torch

    from utils import invariance, models, preprocessing, training
    from utils.datasets import channel_statistics, load, normalise

    learn, test = load("mnist", quiet=True), load("mnist", split="test", quiet=True)
    mean, std = channel_statistics(learn.images)
    images, targets = learn.images[:TRAINED_ON], learn.targets[:TRAINED_ON]
    judged, answers = test.images[::10], test.targets[::10]
    order = torch.randperm(28 * 28, generator=torch.Generator().manual_seed(0))

    def prepared(digits):
        if pixels == "permuted":
            digits = digits.flatten(2)[..., order].reshape(digits.shape)
        return normalise(digits, mean, std)

    training.set_seed(seed)
    network = getattr(models, model)()
    training.fit(
        network,
        (prepared(images), targets),
        epochs=3,
        batch_size=128,
        lr=0.01,
        weight_decay=0.01,
        seed=seed,
        device="cpu",
        guards=False,
        progress=False,
    )

    def curve(change):
        shares = invariance.accuracy_under(network, judged, answers, change, SHIFTS, device="cpu")
        return [round(100 * share, 2) for share in shares.tolist()]

    def moved(digits, amount):
        return [prepared(batch) for batch in invariance.four_shifts(digits, amount)]

    def centred(digits, amount):
        batches = invariance.four_shifts(digits, amount)
        return [prepared(preprocessing.centre(batch)) for batch in batches]

    results = {"parameters": sum(weight.numel() for weight in network.parameters())}
    if pixels == "permuted":
        score = training.evaluate(network, (prepared(judged), answers), device="cpu")
        return results | {"accuracy": round(100 * score.accuracy, 2)}
    shifted = curve(moved)
    return results | {"accuracy": shifted[0], "shifted": shifted, "centred": curve(centred)}


def summary(runs) -> dict:
    """Return the mean accuracy of each network over the seeds, in percent."""
    return {
        name: round(runs.select(**parameters).mean("accuracy"), 2)
        for name, parameters in CELLS.items()
    }
