"""Study of lecture 10: learned outlines, heat maps of destroyed networks, parts that correspond.

Three experiments, three seeds each. Outlines: `EdgeNet` on 160 pictures, eight passes, scored on 60
pictures of new objects on new grounds. Destroyed networks: heat maps of five photographs before and
after SqueezeNet gets random weights, from the class layer down; and the maps of one photograph for
other classes. Parts: ten animals with one part covered.
"""

TITLE = "Outlines learned, heat maps of destroyed networks, parts that correspond"

SEEDS = (0, 1, 2)

PHOTOS = ("chelsea", "coffee", "flower", "china", "rocket")

CELLS = {
    "outlines": {"experiment": "outlines"},
    **{
        f"destroyed-{stage}": {"experiment": "destroyed", "stage": stage}
        for stage in ("classifier", "fire9", "fire8", "fire6", "fire4", "conv1")
    },
    "other-class": {"experiment": "other class"},
    "parts": {"experiment": "parts"},
}

DRAWS = 4
"""Draws of random places with each seed."""

SIDE = 45
"""Side of the square that covers a part, in pixels."""


def run_cell(experiment: str, seed: int, stage: str = "conv1") -> dict:
    """Run one experiment with one seed.

    Parameters
    ----------
    experiment : {"outlines", "destroyed", "other class", "parts"}
    seed : int
    stage : str
        How far down the weights are destroyed.

    Returns
    -------
    dict
        "outlines": average precision and best F-score of each output and of Sobel. "destroyed" and
        "other class": for each method the rank correlation and SSIM with the original map, one
        for each photograph. "parts": mean distance of each part for each kind of features.
    """
    return {
        "outlines": lambda: outlines(seed),
        "destroyed": lambda: destroyed(stage, seed),
        "other class": lambda: other_class(seed),
        "parts": lambda: parts(seed),
    }[experiment]()


def outlines(seed: int) -> dict:
    """Train the side outputs and score them on the test pictures."""
    import torch

    from utils import edges
    from utils.datasets import load
    from utils.models import pretrained

    network = trained_edges(seed)
    prepare = pretrained("squeezenet1_1").prepare
    learn = load("outlines", "train", count=160, quiet=True)
    test = load("outlines", "test", count=60, quiet=True)
    with torch.no_grad():
        logits = torch.cat([network(prepare(b, resize=False)) for b in test.images.split(10)])
    results = {"share": round(test.targets.float().mean().item(), 4)}
    maps = dict(zip(("fused", *network.SIDES), logits.unbind(1), strict=True))
    best = max(
        (0.0, 0.5, 1.0, 2.0, 3.0, 4.0),
        key=lambda sigma: edges.outline_precision(
            edges.sobel_strength(learn.images, sigma), learn.targets
        ),
    )
    maps["sobel"] = edges.sobel_strength(test.images, best)
    results["sobel_sigma"] = best
    for name, strength in maps.items():
        results[f"{name}_ap"] = round(edges.outline_precision(strength, test.targets), 4)
        results[f"{name}_f"] = round(edges.best_f_score(strength, test.targets), 4)
    return results


def trained_edges(seed: int):
    """Return an `EdgeNet` trained as the lecture trains it, in evaluation mode."""
    from utils import training
    from utils.datasets import load
    from utils.models import EdgeNet, pretrained
    from utils.models.hed import edge_loss

    trunk = pretrained("squeezenet1_1")
    learn = load("outlines", "train", count=160, quiet=True)
    training.set_seed(seed)
    network = EdgeNet(trunk)
    training.fit(
        network,
        (trunk.prepare(learn.images, resize=False), learn.targets.float()),
        loss=edge_loss,
        metric=None,
        epochs=8,
        batch_size=8,
        lr=0.01,
        weight_decay=0.01,
        seed=seed,
        device="cpu",
        guards=False,
        progress=False,
    )
    return network.eval()


def destroyed(stage: str, seed: int) -> dict:
    """Compare the maps of five photographs before and after the weights are destroyed."""
    from utils.attribution import METHODS, agreement, attribution, class_score_network, randomise
    from utils.datasets.photos import photo
    from utils.models import pretrained

    model = pretrained("squeezenet1_1")
    whole = class_score_network(model)
    broken = randomise(class_score_network(pretrained("squeezenet1_1")), stage, seed)
    results = {f"{method} {kind}": [] for method in METHODS for kind in ("rank", "ssim")}
    for name in PHOTOS:
        image = model.prepare(photo(name))
        target = int(whole(image).argmax())
        for method in METHODS:
            pair = [attribution(net, image, target, method) for net in (whole, broken)]
            for kind, value in zip(("rank", "ssim"), agreement(*pair), strict=True):
                results[f"{method} {kind}"].append(round(value, 4))
    return results


def other_class(seed: int) -> dict:
    """Compare the maps of the winning class with those of a class drawn at random."""
    import numpy as np

    from utils.attribution import METHODS, agreement, attribution, class_score_network
    from utils.datasets.photos import photo
    from utils.models import pretrained

    model = pretrained("squeezenet1_1")
    whole = class_score_network(model)
    results = {f"{method} {kind}": [] for method in METHODS for kind in ("rank", "ssim")}
    for number, name in enumerate(PHOTOS):
        image = model.prepare(photo(name))
        target = int(whole(image).argmax())
        other = int(np.random.default_rng([seed, number]).integers(1000))
        for method in METHODS:
            pair = [attribution(whole, image, kind, method) for kind in (target, other)]
            for kind, value in zip(("rank", "ssim"), agreement(*pair), strict=True):
                results[f"{method} {kind}"].append(round(value, 4))
    return results


def parts(seed: int) -> dict:
    """Measure the distances of head, foreleg, hind leg; of random places; of one place for all."""
    from utils.attribution import part_distances
    from utils.datasets.patches import PARTS, animals_with_parts, random_places
    from utils.models import pretrained

    model = pretrained("squeezenet1_1").requires_grad_(False)
    animals = animals_with_parts()
    places = {part: animals.parts[:, number] for number, part in enumerate(PARTS)}
    for draw in range(DRAWS):
        for kind in ("random", "one place"):
            places[f"{kind} {draw}"] = random_places(
                animals, SIDE, [seed, draw], same=kind == "one place"
            )

    def features(x):
        fire5 = model.features[:8](x)
        fire9 = model.features[8:](fire5)
        scores = model.classifier[1](fire9).mean((2, 3))
        return {"fire5": fire5.flatten(1), "fire9": fire9.flatten(1), "classes": scores}

    found = part_distances(features, model.prepare(animals.images, resize=False), places, SIDE)
    results = {}
    for name, distances in found.items():
        for part in PARTS:
            results[f"{name} {part}"] = round(distances[part].mean().item(), 4)
        for kind in ("random", "one place"):
            results[f"{name} {kind}"] = [
                round(distances[f"{kind} {draw}"].mean().item(), 4) for draw in range(DRAWS)
            ]
    return results


def summary(runs) -> dict:
    """Return means and spreads over seeds (and photographs or draws)."""
    import statistics

    def of(chosen, name):
        values = [v if isinstance(v, list) else [v] for v in chosen.values(name)]
        flat = [number for row in values for number in row]
        return {"mean": round(statistics.fmean(flat), 4), "sd": round(statistics.stdev(flat), 4)}

    return {
        str(sorted(cell.items())): {
            name: of(chosen, name) for name in chosen.runs[0].results if name != "files"
        }
        for cell in CELLS.values()
        for chosen in [runs.select(**cell)]
    }
