"""The long run of lecture 15: semi-adversarial networks on CelebA, unattended.

Every training keeps checkpoints, so that a run that was stopped goes on where it was when it is
called again.
"""

from __future__ import annotations

import os
from pathlib import Path

from utils import ROOT, training
from utils import semi_adversarial as sa
from utils.datasets import load
from utils.models import AttributeNet, FaceMatcher, SemiAdversarialAutoencoder, SmallAttributeNet

SPLITS = ("train", "unseen", "test")


def celeba(
    folder: str | os.PathLike | None = None,
    *,
    side: int = 224,
    limit: int = 20_000,
    matched: int = 2_000,
    nets_epochs: int = 5,
    start_epochs: int = 5,
    epochs: int = 15,
    batch_size: int = 8,
    lr: float = 0.0002,
    seed: int = 0,
    device: str = "auto",
    checkpoint: str | os.PathLike | None = ROOT / "build" / "checkpoints" / "15",
    progress: bool = True,
) -> dict[str, float]:
    """Train the paper's autoencoder on CelebA as its authors' code does, and judge it.

    Auxiliary nets learn on the persons of "train", judges on those of "unseen", an attacker on
    redrawn pictures of "unseen"; all are judged on the test persons. The defaults are those of
    the released code (Adam, rate 0.0002, batches of 8, 5 + 15 epochs); its matcher, VGG-face, is
    replaced by a ResNet-18 trained here on CelebA's persons.

    Parameters
    ----------
    folder : path, optional
        CelebA, see `utils.datasets.celeba.celeba`.
    side, limit : int
        Side of the pictures, a multiple of 32, and most pictures of a split: 20,000 at 224 take
        3 GB of memory a split.
    matched : int
        Test pictures that are compared, all with all.
    nets_epochs, start_epochs, epochs : int
        Passes for each net that judges; for the autoencoder without and with the matcher's loss.
    batch_size, lr
        Of the autoencoder.
    seed : int
    device : str
    checkpoint : path, optional
        Folder that gets one folder of checkpoints for each training.
    progress : bool

    Returns
    -------
    dict
        ``<output>.accuracy.<net>``, ``.auc``, ``.tmr`` (at a false match rate of 1 %), ``.psnr``
        for X, SM, NT and OP; ``attacker``.
    """
    device = training.device(device)
    options = dict(side=side, limit=limit)
    data = {split: load("celeba", split, folder=folder, **options) for split in SPLITS}
    faces = {split: sa.grey(part.images) for split, part in data.items()}
    person = {split: part.targets[:, 0] for split, part in data.items()}
    style = {split: part.targets[:, 1] for split, part in data.items()}

    def fit(name, build, inputs, targets, **options):
        training.set_seed(seed)
        net = build()
        place = None if checkpoint is None else Path(checkpoint) / name
        settings = dict(seed=seed, device=device, checkpoint=place, progress=progress)
        training.fit(net, (inputs, targets), metric=None, guards=False, **settings, **options)
        return net

    judge = dict(epochs=nets_epochs, batch_size=64, lr=0.001)
    classifier = fit("attribute", AttributeNet, faces["train"], style["train"], **judge)
    matcher, unseen_matcher = (
        fit(
            f"matcher-{split}",
            lambda split=split: FaceMatcher(
                int(person[split].max()) + 1, "resnet18", 128, side=side
            ),
            faces[split],
            person[split],
            **judge,
        )
        for split in ("train", "unseen")
    )
    judges = {"attribute net, seen": classifier} | {
        f"{kind}, unseen": fit(
            f"unseen-{kind}",
            lambda kind=kind: SmallAttributeNet(kind, side=side),
            faces["unseen"],
            style["unseen"],
            **judge,
        )
        for kind in ("pooled", "lenet")
    }

    prototypes = sa.Prototypes(data["train"].images, style["train"]).to(device)
    learn = dict(loss="model", batch_size=batch_size, lr=lr, optimizer="adam", schedule="constant")

    def training_of(autoencoder, losses):
        return sa.SemiAdversarialTraining(autoencoder, prototypes, classifier, matcher, losses)

    trained = fit(
        "autoencoder-start",
        lambda: training_of(SemiAdversarialAutoencoder(), "code-start"),
        *(faces["train"], style["train"]),
        **(learn | {"epochs": start_epochs}),
    )
    trained = fit(
        "autoencoder",
        lambda: training_of(trained.autoencoder, "code"),
        *(faces["train"], style["train"]),
        **(learn | {"epochs": epochs}),
    )
    redrawn = {
        split: sa.modify(trained.autoencoder, prototypes, faces[split], style[split], batch_size)
        for split in ("unseen", "test")
    }
    attacker = fit("attacker", AttributeNet, redrawn["unseen"]["OP"], style["unseen"], **judge)

    for net in (*judges.values(), unseen_matcher, attacker):
        net.cpu().eval()
    results = {}
    for output, pictures in ({"X": faces["test"]} | redrawn["test"]).items():
        for name, net in judges.items():
            results[f"{output}.accuracy.{name}"] = sa.accuracy(net, pictures, style["test"])
        few = slice(matched)
        genuine, impostor = sa.match_scores(
            unseen_matcher.embed, pictures[few], faces["test"][few], person["test"][few]
        )
        results[f"{output}.auc"] = sa.area_under_roc(genuine, impostor)
        results[f"{output}.tmr"] = sa.true_match_rate(genuine, impostor, 0.01).item()
        results[f"{output}.psnr"] = sa.psnr(pictures, faces["test"])
    results["attacker"] = sa.accuracy(attacker, redrawn["test"]["OP"], style["test"])
    return results
