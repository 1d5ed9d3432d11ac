"""Study of lecture 08: what seventeen networks cost, and what one network gains by more crops.

Each network is timed in a process of its own, one thread, batch 1 (two processes) and batch 16.
The crops: a linear classifier on SqueezeNet's frozen features, for scenes with one photographed
object each, is asked three ways about the same test scenes; a draw is another set of scenes and
another choice of objects that training never saw.
"""

from utils.census import NETWORKS, network

TITLE = "Time and memory of seventeen networks; errors of one crop, ten crops and the whole image"

SEEDS = (0,)

DRAWS = 5
OF_THE_MACHINE = ("milliseconds", "wall_milliseconds", "peak_megabytes")
"""Results that no repetition gives again."""

CELLS = {
    f"cost-{one.name.lower().replace(' ', '-')}-{batch}": {"name": one.name, "batch": batch}
    for one in NETWORKS
    for batch in (1, 16)
} | {f"crops-{draw}": {"draw": draw} for draw in range(DRAWS)}

TRAIN, TEST = 600, 400
SCENE, CROP = 128, 96
"""Sides in pixels: a crop is three quarters of a scene, wherever it is taken."""


def run_cell(seed: int, name: str = "", batch: int = 1, draw: int = 0) -> dict:
    """Measure one network, or the three protocols on one draw of scenes.

    Parameters
    ----------
    seed : int
        Not used: a process has no seed, and a draw has its own number.
    name : str
        A network of `utils.census`; "" for the crops.
    batch : int
        Images a pass.
    draw : int
        Which scenes, and which objects are held out.

    Returns
    -------
    dict
        For a network ``milliseconds`` (median processor time of a pass in each process),
        ``wall_milliseconds`` (on the clock, other programs' turns
        included), ``peak_megabytes`` (above what Python and torch hold),
        ``parameters`` and ``macs``; for crops the ``error`` of each protocol in percent, and how
        many scenes ten crops name rightly and one does not (``gained``), or the other way round
        (``lost``).
    """
    return _cost(name, batch) if name else _crops(draw)


def _cost(name: str, batch: int) -> dict:
    from utils import profiling

    one = network(name)
    few = {"passes": 2, "seconds": 0.0} if batch > 1 else {}
    costs = [
        profiling.measure(one.source, one.input_shape, batch=batch, **few, **one.options)
        for _ in range(2 if batch == 1 else 1)
    ]
    return {
        "milliseconds": [round(1000 * cost.processor, 1) for cost in costs],
        "wall_milliseconds": [round(1000 * cost.latency, 1) for cost in costs],
        "peak_megabytes": [round(cost.peak_bytes / 1e6) for cost in costs],
        "parameters": one.parameters,
        "macs": one.macs,
    }


def _crops(draw: int) -> dict:
    from utils import protocols

    found = protocols.compare(draw, train=TRAIN, test=TEST, scene=SCENE, crop=CROP)
    return {
        **{f"error.{name}": round(100 * error, 2) for name, error in found.errors.items()},
        "gained": found.gained,
        "lost": found.lost,
        "null_error": round(100 * found.null_error, 2),
    }


def summary(runs) -> dict:
    """Return the mean errors of the protocols, and the extremes of the times at batch 1."""
    crops = [run.results for run in runs if run.name.startswith("crops")]
    names = [key for key in crops[0] if key.startswith("error.")]
    means = {name: round(sum(one[name] for one in crops) / len(crops), 2) for name in names}
    singles = {
        run.parameters["name"]: min(run.results["milliseconds"])
        for run in runs
        if run.parameters.get("name") and run.parameters["batch"] == 1
    }
    return {
        "errors": means,
        "fastest": min(singles, key=singles.get),
        "slowest": max(singles, key=singles.get),
    }
