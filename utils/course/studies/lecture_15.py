"""Study of lecture 15: what a semi-adversarial network hides, keeps and gives away, three seeds.

Seed s draws the first weights and the order of every training; the rendered persons are the same
throughout. A run trains the auxiliary nets and the autoencoder on one population, judges with
classifiers and a matcher that learned from another, on the persons of the test split, and then
lets an attacker learn from redrawn pictures. Seed 0 also trains with the paper's losses and with
those of the released code.
"""

TITLE = "Hiding a style from classifiers seen, unseen and retrained; matching by an unseen matcher"

SEEDS = (0, 1, 2)

CELLS = {"rendered": {"persons": 240}}

SEEN = "strided"
UNSEEN = ("pooled", "lenet", "mlp")
ATTACKERS = ("strided", "pooled")
FMR = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""False match rates at which the true match rate is kept."""

SHOWN = (0, 11, 22, 33)
"""Test persons whose first picture is kept as a picture (seed 0)."""


def run_cell(persons: int, seed: int) -> dict:
    """Train everything once and judge it.

    Parameters
    ----------
    persons : int
        Of the splits "train" and "unseen", each.
    seed : int

    Returns
    -------
    dict
        ``<method>.<output>.accuracy.<net>``, ``.auc``, ``.auc_within``, ``.tmr`` (a list, at
        `FMR`), ``.tmr_within``, ``.psnr``; ``attacker.<kind>`` and ``attacker.<kind>.original``.
        Methods: ``original``, ``adversary``, ``control`` (no adversary), for seed 0 ``paper`` and
        ``code``. For seed 0 also files: weights in half precision, and a small picture.
    """
    import torch

    from utils import semi_adversarial as sa
    from utils import training
    from utils.models import FaceMatcher, SlimAutoencoder

    data = _Data(persons)
    faces, style, person = data.faces, data.style, data.person
    settings = dict(seed=seed, device="cpu", progress=False, guards=False)

    def classifier(kind, pictures, labels, epochs, start):
        return train_classifier(kind, pictures, labels, epochs, start, settings)

    def matcher(kind, split, start):
        training.set_seed(start)
        net = FaceMatcher(persons, kind)
        options = dict(epochs=8, batch_size=64, lr=0.008, metric=None)
        training.fit(net, (faces[split], person[split]), **options, **settings)
        return net

    seen = classifier(SEEN, faces["train"], style["train"], 3, seed)
    matched = matcher("averaged", "train", seed)
    epochs = {"pooled": 4, "lenet": 8, "mlp": 8}
    judges = {SEEN: seen} | {
        kind: classifier(kind, faces["unseen"], style["unseen"], epochs[kind], 100 + seed)
        for kind in UNSEEN
    }
    embed = matcher("pooled", "unseen", 100 + seed).embed
    results = _judge("original", {"X": faces["test"]}, data, judges, embed)

    prototypes = sa.Prototypes(data.images, style["train"])
    learn = dict(loss="model", metric=None, batch_size=48, **settings)

    def further(autoencoder, losses, epochs, lr):
        part = sa.SemiAdversarialTraining(autoencoder, prototypes, seen, matched, losses)
        training.fit(part, (faces["train"], style["train"]), epochs=epochs, lr=lr, **learn)

    def made_by(method):
        training.set_seed(seed)
        autoencoder = SlimAutoencoder()
        start = "code-start" if method == "code" else "reconstruction"
        further(autoencoder, start, 1, 0.01)
        how = {"control": "reconstruction", "adversary": "balanced"}.get(method, method)
        further(autoencoder, how, 1 if method == "control" else 3, 0.005)
        return autoencoder

    methods = ["adversary", "control"] + ["paper", "code"] * (seed == SEEDS[0])
    nets, pictures = {}, {}
    for method in methods:
        nets[method] = made_by(method)
        pictures[method] = sa.modify(nets[method], prototypes, faces["test"], style["test"])
        results |= _judge(method, pictures[method], data, judges, embed)

    copies = sa.modify(nets["adversary"], prototypes, faces["unseen"], style["unseen"])["OP"]
    for kind in ATTACKERS:
        attacker = classifier(kind, copies, style["unseen"], 3, 200 + seed)
        for name, shown in (("", pictures["adversary"]["OP"]), (".original", faces["test"])):
            right = sa.accuracy(attacker, shown, style["test"])
            results[f"attacker.{kind}{name}"] = round(right, 4)
    results["test_pictures"] = len(style["test"])
    if seed == SEEDS[0]:
        keep = {kind: judges[kind] for kind in UNSEEN} | {"matcher": embed.__self__}
        results["files"] = {f"{name}.npz": _packed(net) for name, net in keep.items()} | {
            f"autoencoder_{name}.npz": _packed(nets[name]) for name in methods
        }
        first = torch.tensor(SHOWN) * 10
        results["files"]["preview.png"] = _preview(
            faces["test"][first], pictures["adversary"]["OP"][first]
        )
    return results


def train_classifier(kind, pictures, labels, epochs, start, settings):
    """Return a `SmallAttributeNet` trained on pictures (N, 1, 64, 64) and labels (N,)."""
    from utils import training
    from utils.models import SmallAttributeNet

    training.set_seed(start)
    net = SmallAttributeNet(kind)
    training.fit(net, (pictures, labels), epochs=epochs, batch_size=64, lr=0.003, **settings)
    return net


def summary(runs) -> dict:
    """Return mean and spread of the figures that the lecture quotes."""
    names = [f"original.X.accuracy.{kind}" for kind in (SEEN, *UNSEEN)]
    names += [f"adversary.OP.accuracy.{kind}" for kind in (SEEN, *UNSEEN)]
    names += [f"control.OP.accuracy.{kind}" for kind in (SEEN, *UNSEEN)]
    names += ["original.X.auc", "adversary.OP.auc", "adversary.OP.psnr"]
    names += [f"attacker.{kind}" for kind in ATTACKERS]
    return {
        name: {
            "mean": round(runs.mean(name), 3),
            "sd": round(runs.sd(name), 3) if len(runs) > 1 else 0.0,
        }
        for name in names
    }


class _Data:
    """The rendered persons: grey pictures and labels of each split, and colours for prototypes."""

    def __init__(self, persons: int) -> None:
        from utils.datasets import load
        from utils.semi_adversarial import grey

        self.faces, self.person, self.style = {}, {}, {}
        for split in ("train", "unseen", "test"):
            number = None if split == "test" else persons
            part = load("faces", split, persons=number, quiet=True)
            self.faces[split] = grey(part.images)
            self.person[split], self.style[split] = part.targets[:, 0], part.targets[:, 1]
            if split == "train":
                self.images = part.images


def _judge(method, pictures, data, judges, embed) -> dict:
    from utils import semi_adversarial as sa

    gallery, person, style = data.faces["test"], data.person["test"], data.style["test"]
    results = {}
    for output, shown in pictures.items():
        start = f"{method}.{output}"
        for kind, net in judges.items():
            results[f"{start}.accuracy.{kind}"] = round(sa.accuracy(net, shown, style), 4)
        for name, within in (("", None), ("_within", style)):
            genuine, impostor = sa.match_scores(embed, shown, gallery, person, within)
            rates = sa.true_match_rate(genuine, impostor, list(FMR))
            results[f"{start}.auc{name}"] = round(sa.area_under_roc(genuine, impostor), 4)
            results[f"{start}.tmr{name}"] = [round(rate, 4) for rate in rates.tolist()]
        if method != "original":
            results[f"{start}.psnr"] = round(sa.psnr(shown, gallery), 3)
    return results


def _packed(network) -> bytes:
    """Return a network's weights in half precision, without what only training needs."""
    import io

    import numpy as np

    left_out = ("persons", "num_batches_tracked")
    weights = {
        name: value.half().numpy()
        for name, value in network.state_dict().items()
        if not name.endswith(left_out)
    }
    packed = io.BytesIO()
    np.savez_compressed(packed, **weights)
    return packed.getvalue()


def _preview(before, after) -> bytes:
    """Return a PNG of 480 x 292: four faces above, what was made of them below."""
    import io

    import torch
    from PIL import Image, ImageDraw, ImageFont

    sheet = Image.new("L", (480, 292), 255)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=18)
    for row, (title, faces) in enumerate({"original": before, "style hidden": after}.items()):
        draw.text((4, 146 * row + 2), title, fill=20, font=font)
        for column, face in enumerate(faces):
            pixels = (255 * face[0]).round().to(torch.uint8).numpy()
            tile = Image.fromarray(pixels).resize((118, 118), Image.Resampling.BICUBIC)
            sheet.paste(tile, (1 + 120 * column, 146 * row + 26))
    packed = io.BytesIO()
    sheet.save(packed, "PNG", optimize=True)
    return packed.getvalue()
