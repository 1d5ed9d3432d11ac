"""Study of lecture 13: a small YOLO on scenes, scored on objects it knows and on new ones.

Seed s draws the scenes, decides which cut-outs are held out, the first weights and the order. Each
run learns from training scenes alone and is scored once, on 300 fresh scenes of the objects it has
seen ("in") and on 300 scenes of the held-out ones ("out").
"""

import functools
import io

TITLE = "A small YOLO on scenes: classes, training scenes, pretrained or not; known and new objects"

SEEDS = (0, 1)

CELLS = {
    "four-6000": {"classes": 4, "scenes": 6000, "epochs": 3, "trunk": "squeezenet"},
    "four-4000": {"classes": 4, "scenes": 4000, "epochs": 3, "trunk": "squeezenet"},
    "eight-4000": {"classes": 8, "scenes": 4000, "epochs": 3, "trunk": "squeezenet"},
    "scratch-4000": {"classes": 4, "scenes": 4000, "epochs": 6, "trunk": "scratch"},
}

SIZE = 128
TEST = 300
PREVIEW = 6
"""Held-out scenes on the preview: the first ones, whatever was found in them."""


def run_cell(classes: int, scenes: int, epochs: int, trunk: str, seed: int) -> dict:
    """Train one detector and score it on both kinds of objects.

    Parameters
    ----------
    classes : int
        4 or 8.
    scenes, epochs : int
        Training scenes, and passes over them.
    trunk : {"squeezenet", "scratch"}
        Pretrained features, or the small trunk that starts from nothing and sees mirrored
        scenes, too.
    seed : int

    Returns
    -------
    dict
        For "in" and "out": ``map50`` (all-point, mean over classes), ``agnostic50`` (what a box
        is called ignored), ``map`` (0.5 to 0.95, 101 points, as COCO), ``per_class``, ``errors``
        (shares), ``null50`` (the mean box of each class); ``train_loss`` after each epoch and
        ``parameters``. The preview for one run.
    """
    import torch

    from utils import detection, training
    from utils.datasets import load
    from utils.models import GridDetector
    from utils.models.yolo import early_features

    drawn = dict(classes=classes, seed=seed, hold_out=seed, masks=False, quiet=True)
    learn = load("scenes", count=scenes, **drawn)
    prepare = early_features if trunk == "squeezenet" else lambda images: images
    cells = 7 if trunk == "squeezenet" else 8
    grids = detection.encode_targets(learn.targets, size=SIZE, num_classes=classes, cells=cells)
    training.set_seed(seed)
    model = GridDetector(trunk, num_classes=classes)
    rate, share = (2e-3, 0.3) if trunk == "squeezenet" else (4e-3, 1.0)
    history = training.fit(
        model,
        (prepare(learn.images), grids),
        loss=functools.partial(detection.grid_loss, num_classes=classes),
        metric=None,
        optimizer=torch.optim.AdamW(model.groups(rate, share), weight_decay=0.02, fused=True),
        epochs=epochs,
        batch_size=32,
        augment=None if trunk == "squeezenet" else detection.flip_some,
        seed=seed,
        device="cpu",
        guards=False,
        progress=False,
    )
    results = {
        "train_loss": [round(loss, 4) for loss in history.train_loss],
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }
    for name, split in (("in", "validation"), ("out", "test")):
        judged = load("scenes", split=split, count=TEST, **drawn)
        found = _answers(model, prepare(judged.images), classes)
        null = detection.mean_box_detections(learn.targets, TEST, num_classes=classes)
        results |= {
            f"{key}_{name}": value
            for key, value in _scores(found, judged.targets, null, classes).items()
        }
        if name == "out" and (classes, scenes, trunk, seed) == (4, 6000, "squeezenet", SEEDS[0]):
            results["files"] = {"preview.png": _preview(judged, found)}
    return results


def summary(runs) -> dict:
    """Return the mean over the seeds, and the least, of the main scores of each setting."""
    return {
        name: {
            score: {
                "mean": round(chosen.mean(score), 3),
                "least": round(chosen.least(score), 3),
            }
            for score in ("map50_in", "map50_out", "agnostic50_in", "agnostic50_out")
        }
        for name, cell in CELLS.items()
        for chosen in [runs.select(**cell)]
    }


def _answers(model, inputs, classes: int) -> list:
    import torch

    from utils import detection

    with torch.inference_mode():
        grids = torch.cat(
            [
                model(part.float() / 255 if part.dtype == torch.uint8 else part.float())
                for part in inputs.split(100)
            ]
        )
    return detection.detect(grids, size=SIZE, num_classes=classes)


def _scores(found: list, targets: list, null: list, classes: int) -> dict:
    import numpy as np

    from utils import detection

    every = [detection.score_detections(found, targets, label=label) for label in range(classes)]
    per_class = [detection.average_precision(scored) for scored in every]
    overlaps = np.arange(0.5, 1, 0.05)
    coco = [
        detection.mean_average_precision(
            found, targets, num_classes=classes, iou=float(iou), points=101
        )
        for iou in overlaps
    ]
    errors = detection.error_types(found, targets, num_classes=classes)
    return {
        "map50": round(sum(per_class) / classes, 4),
        "agnostic50": round(
            detection.average_precision(detection.score_detections(found, targets)), 4
        ),
        "map": round(sum(coco) / len(coco), 4),
        "per_class": [round(value, 4) for value in per_class],
        "errors": {name: round(share, 4) for name, share in errors.items()},
        "null50": round(detection.mean_average_precision(null, targets, num_classes=classes), 4),
    }


def _preview(judged, found: list) -> bytes:
    """The first scenes with what was found in them, 480 x 330 pixels, as a small PNG."""
    import matplotlib

    from utils import plots
    from utils.datasets import class_names
    from utils.plots import boxes

    matplotlib.use("Agg")
    figure, axes = plots.subplots(2, PREVIEW // 2, width=4.8, height=3.3)
    for number, place in enumerate(axes.flat):
        place.imshow(plots.as_picture(judged.images[number]))
        place.axis("off")
        sure = found[number]["scores"] >= 0.3
        boxes.draw_boxes(
            place,
            found[number]["boxes"][sure],
            found[number]["labels"][sure],
            class_names=class_names("scenes"),
            fontsize=12.5,
        )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return _indexed(buffer.getvalue())


def _indexed(png: bytes) -> bytes:
    """Return a PNG with 128 colours."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(128)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
