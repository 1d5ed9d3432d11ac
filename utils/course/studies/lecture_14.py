"""Study of lecture 14: what draws better masks, and how well a small Mask R-CNN finds objects.

"heads": boxes and classes are given, every side of a box off by 5 % of its length (standard
deviation); four networks with the same first weights, data and number of steps differ in one
thing each. "detector": the two-stage network finds boxes, classes and masks itself.

Seed s draws the first weights and the order of the data. Training scenes are the same for all
seeds. "in" are fresh scenes with objects seen in training, "out" scenes with objects held out.
"""

TITLE = "Masks in given boxes with four heads, and a small Mask R-CNN end to end"

SEEDS = (0, 1, 2)

CELLS = {
    "heads": {"what": "heads", "scenes": 1200, "epochs": 6},
    "detector": {"what": "detector", "scenes": 2400, "epochs": 2},
}

JUDGED = 250
"""Scenes to judge by, with objects seen and held out each."""

KEPT = 40
"""Scenes of each kind whose detections are stored, from seed 0."""

HEADS = {
    "align": {"pooling": "align"},
    "warp": {"pooling": "warp"},
    "pool": {"pooling": "pool"},
    "softmax": {"pooling": "align", "masks": "softmax"},
}


def _told(logits, labels):
    """Of the softmax network: the object's class against the background alone."""
    import torch

    return torch.sigmoid(logits[torch.arange(len(labels)), labels + 1] - logits[:, 0])


def _any_class(logits, labels):
    """Of the softmax network: all classes together against the background."""
    return 1 - logits.softmax(1)[:, 0]


READINGS = {"softmax_told": _told, "softmax_any": _any_class}
"""Easier questions to the trained softmax network, by the name of their results. Told the class, it
is asked what the sigmoid network is asked."""

HARD = {"classes": 8, "max_objects": 3, "object_size": (0.3, 0.6), "quiet": True}


def run_cell(what: str, scenes: int, epochs: int, seed: int) -> dict:
    """Train and judge.

    Parameters
    ----------
    what : {"heads", "detector"}
    scenes, epochs : int
        Training scenes and passes over them.
    seed : int

    Returns
    -------
    dict
        "heads": for each of `HEADS` and `READINGS` and "in", "out": mean IoU of the masks, and the
        shares of objects above .75 and .8, all in 0..1; the same for a mask that fills the whole
        box.
        "detector": the figures of `utils.segmentation.average_precision` for "in" and "out".
    """
    return _heads(scenes, epochs, seed) if what == "heads" else _detector(scenes, epochs, seed)


def summary(runs) -> dict:
    """Return how much RoIAlign gains over RoIPool in each seed, and the detector's mean AP50."""
    heads, detectors = runs.select(what="heads"), runs.select(what="detector")
    gains = {
        part: [
            round(align - pool, 4)
            for align, pool in zip(
                heads.values(f"align.{part}.iou"), heads.values(f"pool.{part}.iou"), strict=True
            )
        ]
        for part in ("in", "out")
    }
    names = [f"{part}.{kind}_ap50" for part in ("in", "out") for kind in ("box", "mask")]
    return {
        "align_minus_pool": gains,
        "detector": {name: round(detectors.mean(name), 3) for name in names},
    }


def train_head(kind: str, train, epochs: int, seed: int):
    """Train one of `HEADS` on scenes of eight classes and return it."""
    from utils import segmentation, training
    from utils.models import MaskNet

    def with_boxes(images, targets):
        return images, segmentation.region_targets(targets)

    training.set_seed(seed)
    model = MaskNet(num_classes=8, **HEADS[kind])
    training.fit(
        model,
        (train.images, train.targets),
        loss="model",
        epochs=epochs,
        batch_size=16,
        lr=0.004,
        augment=with_boxes,
        seed=seed,
        device="cpu",
        progress=False,
        guards=False,
    )
    return model


def _heads(scenes: int, epochs: int, seed: int) -> dict:
    import torch

    from utils import segmentation
    from utils.datasets import load

    train = load("scenes", count=scenes, **HARD)
    models = {kind: train_head(kind, train, epochs, seed) for kind in HEADS}
    results = {}
    for part, split in (("in", "validation"), ("out", "test")):
        judged = load("scenes", split, count=JUDGED, **HARD)
        generator = torch.Generator().manual_seed(14)
        regions = segmentation.region_targets(judged.targets, generator=generator)
        drawn = {
            kind: segmentation.draw_masks(model, judged.images, regions)
            for kind, model in models.items()
        }
        softmax = models["softmax"]
        for kind, reading in READINGS.items():
            softmax.probabilities = reading
            drawn[kind] = segmentation.draw_masks(softmax, judged.images, regions)
        del softmax.probabilities
        drawn["box"] = [
            segmentation.paste_masks(torch.ones_like(r["small"]), r["boxes"], *image.shape[1:])
            > 0.5
            for image, r in zip(judged.images, regions, strict=True)
        ]
        truth = torch.cat([target["masks"] for target in judged.targets])
        for kind, masks in drawn.items():
            iou = segmentation.mask_iou_of_pairs(torch.cat(masks), truth)
            results[f"{kind}.{part}.iou"] = round(iou.mean().item(), 4)
            for least in (0.75, 0.8):
                share = (iou > least).float().mean().item()
                results[f"{kind}.{part}.above_{least:g}"] = round(share, 4)
    return results


def train_detector(train, epochs: int, seed: int):
    """Train the small Mask R-CNN on scenes of four classes and return it."""
    from utils import segmentation, training
    from utils.models import small_mask_rcnn

    training.set_seed(seed)
    model = small_mask_rcnn(num_classes=4)
    training.fit(
        model,
        (train.images, segmentation.to_detector(train.targets)),
        loss="model",
        epochs=epochs,
        batch_size=8,
        lr=0.002,
        weight_decay=0.01,
        metric=None,
        seed=seed,
        device="cpu",
        progress=False,
        guards=False,
    )
    return model


def _detector(scenes: int, epochs: int, seed: int) -> dict:
    from utils import segmentation
    from utils.datasets import load

    model = train_detector(load("scenes", count=scenes, quiet=True), epochs, seed)
    results, kept = {}, {}
    for part, split in (("in", "validation"), ("out", "test")):
        judged = load("scenes", split, count=JUDGED, quiet=True)
        found = segmentation.detect(model, judged.images)
        for name, value in segmentation.average_precision(found, judged.targets).items():
            results[f"{part}.{name}"] = round(value, 4)
        kept[part] = found[:KEPT]
    if seed == 0:
        results["files"] = {"detections.npz": _packed(kept), "preview.png": _preview(kept["in"])}
    return results


def _packed(kept: dict) -> bytes:
    """Detections with a score of at least .3 as a compressed file, a mask a bit a pixel."""
    import io

    import numpy as np
    import torch

    arrays = {}
    for part, found in kept.items():
        rows = [f["scores"] >= 0.3 for f in found]
        arrays[f"{part}_counts"] = np.array([int(r.sum()) for r in rows], np.uint8)
        for key, kind in (("boxes", np.float16), ("labels", np.uint8), ("scores", np.float16)):
            values = torch.cat([f[key][r] for f, r in zip(found, rows, strict=True)])
            arrays[f"{part}_{key}"] = values.numpy().astype(kind)
        masks = torch.cat([f["masks"][r] for f, r in zip(found, rows, strict=True)])
        arrays[f"{part}_masks"] = np.packbits(masks.numpy(), axis=2)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def unpack(path, part: str) -> list[dict]:
    """Return the stored detections of "in" or "out" scenes as `detect` gave them.

    Parameters
    ----------
    path : Path
        ``measured.load("14").file("detections.npz")``.
    part : {"in", "out"}
        Scenes 0 to `KEPT` - 1 of the split "validation" or "test".
    """
    import numpy as np
    import torch

    with np.load(path, allow_pickle=False) as arrays:
        counts = arrays[f"{part}_counts"].tolist()
        masks = np.unpackbits(arrays[f"{part}_masks"], axis=2).astype(bool)
        columns = {
            "boxes": torch.from_numpy(arrays[f"{part}_boxes"].astype(np.float32)),
            "labels": torch.from_numpy(arrays[f"{part}_labels"].astype(np.int64)),
            "scores": torch.from_numpy(arrays[f"{part}_scores"].astype(np.float32)),
            "masks": torch.from_numpy(masks),
        }
    split = {key: values.split(counts) for key, values in columns.items()}
    return [{key: split[key][row] for key in split} for row in range(len(counts))]


PREVIEW_COLOURS = ((255, 221, 51), (86, 180, 233), (255, 120, 60), (200, 130, 255))


def _preview(found: list[dict]) -> bytes:
    """Two scenes with what was found in them, 480 x 360, as a small PNG."""
    import io

    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    from utils.datasets import load
    from utils.datasets.cutouts import FOUR_CLASSES

    judged = load("scenes", "validation", count=len(found), quiet=True)
    whole = [
        row
        for row, (f, target) in enumerate(zip(found, judged.targets, strict=True))
        if len(target["labels"]) == 2
        and sorted(f["labels"][f["scores"] > 0.7].tolist()) == sorted(target["labels"].tolist())
        and len(set(target["labels"].tolist())) == 2
    ]
    canvas = Image.new("RGB", (480, 360), "white")
    draw = ImageDraw.Draw(canvas)
    font, large = ImageFont.load_default(17), ImageFont.load_default(22)
    draw.text((240, 30), "Every object: box, class, mask", "black", large, anchor="mm")
    for place, row in enumerate([*whole, 0, 1][:2]):
        f = found[row]
        pixels = judged.images[row].permute(1, 2, 0).numpy().astype(float)
        sure = (f["scores"] > 0.7).nonzero().flatten().tolist()
        for object_ in sure:
            colour = np.array(PREVIEW_COLOURS[f["labels"][object_]])
            mask = f["masks"][object_].numpy()
            pixels[mask] = 0.45 * pixels[mask] + 0.55 * colour
        tile = Image.fromarray(pixels.astype(np.uint8)).resize((236, 236))
        left, top = 2 + 240 * place, 62
        canvas.paste(tile, (left, top))
        for object_ in sure:
            colour = PREVIEW_COLOURS[f["labels"][object_]]
            x1, y1, x2, y2 = (f["boxes"][object_] * 236 / 128).tolist()
            draw.rectangle((left + x1, top + y1, left + x2, top + y2), outline=colour, width=3)
            name = f"{FOUR_CLASSES[f['labels'][object_]]} {f['scores'][object_]:.2f}"
            corner = (left + min(x1, 230 - draw.textlength(name, font)), top + max(y1 - 22, 0))
            draw.rectangle(draw.textbbox(corner, name, font), fill=colour)
            draw.text(corner, name, "black", font)
    caption = "found by a small Mask R-CNN, trained here"
    draw.text((240, 330), caption, "black", font, anchor="mm")
    for colours in (128, 64, 32, 16):
        buffer = io.BytesIO()
        canvas.quantize(colours).save(buffer, "PNG", optimize=True)
        if buffer.tell() <= 60_000:
            break
    return buffer.getvalue()
