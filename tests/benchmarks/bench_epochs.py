"""Seconds an epoch of `fit` takes, against a bare loop, a TensorDataset and a per-image pipeline.

The same LeNet-5, the same optimiser and rate, the same batches of 256 digits: only the way from
the images to the network differs. The bare loop is the shortest one that trains as `fit` does: no
history, no metric, no guards, no checks for numbers that are none. The per-image pipelines come in
three forms; the last is an epoch of the ordinary recipe: after training it reads the training set
once more for its accuracy, which `fit` takes from the batches it trains on.
"""

from __future__ import annotations

import statistics
import time

from interleaved import chart, claim, interleave, middle, ratio, start, table

NAME = "epochs"
TITLE = "One epoch of fit"
THREADS = 1

IMAGES = {"pair": 60_000, "pipelines": 12_000}
BATCH = 256
RATE = 0.005
ROUNDS = {"pair": 9, "pipelines": 7}


def net(side: int = 28):
    """LeNet-5 for images of 28 pixels, or of 32 without padding: the same work."""
    from utils.models import LeNet5

    model = LeNet5()
    if side == 32:
        model.features.C1.padding = (0, 0)
    return model


def optimiser(model, steps: int):
    """AdamW in one fused step and a one-cycle rate, as `fit` has them."""
    import torch

    found = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        found, RATE, total_steps=steps + 1, pct_start=0.2
    )
    return found, schedule


def bare(inputs, labels) -> None:
    """One epoch by hand: batches by index from a tensor in memory."""
    import torch
    from torch.nn import functional as F

    model = net().to(memory_format=torch.channels_last)
    steps = -(-len(inputs) // BATCH)
    optimizer, schedule = optimiser(model, steps)
    order = torch.randperm(len(inputs))
    model.train()
    for step in range(steps):
        batch = order[step * BATCH : (step + 1) * BATCH]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        schedule.step()


def with_fit(inputs, labels) -> None:
    """One epoch of `fit`, with its guards, its history and all its checks."""
    import contextlib
    import io

    from utils import training

    options = {"lr": RATE, "weight_decay": 0.01, "batch_size": BATCH}
    with contextlib.redirect_stdout(io.StringIO()):
        training.fit(net(), (inputs, labels), epochs=1, device="cpu", progress=False, **options)


def with_loader(dataset, side: int = 28, again: bool = False) -> None:
    """One epoch from a DataLoader without worker processes; then its accuracy, if asked for."""
    import torch
    from bench_lenet import accuracy
    from torch.nn import functional as F

    model = net(side)
    loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH, shuffle=True)
    optimizer, schedule = optimiser(model, len(loader))
    model.train()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        schedule.step()
        loss.item()
    if again:
        accuracy(model, loader)


READING = ("PIL image from the array", "resize to 32", "to a tensor", "normalise")
LEARNING = ("forward and loss", "backward", "optimiser and rate")


def profile(data) -> dict[str, float]:
    """CPU seconds of each part of one epoch of the per-image pipeline on some digits.

    Reading is timed image by image inside the DataLoader, which has no worker processes; what is
    left of it is index, labels and putting a batch together.
    """
    import torch
    from bench_lenet import Digits, ordinary_transform
    from torch.nn import functional as F

    spent = dict.fromkeys(READING, 0.0)

    def timed(part, function):
        def run(value):
            began = time.perf_counter()
            value = function(value)
            spent[part] += time.perf_counter() - began
            return value

        return run

    class Timed(Digits):
        def __getitem__(self, index: int):
            began = time.perf_counter()
            image = Image.fromarray(self.images[index].numpy())
            spent[READING[0]] += time.perf_counter() - began
            return self.transform(image), int(self.targets[index])

    from PIL import Image

    whole = ordinary_transform()
    whole.transforms = [
        timed(part, step) for part, step in zip(READING[1:], whole.transforms, strict=True)
    ]
    loader = torch.utils.data.DataLoader(Timed(data, whole), batch_size=BATCH, shuffle=True)
    model = net(32)
    optimizer, schedule = optimiser(model, len(loader))
    learning = dict.fromkeys(LEARNING, 0.0)
    everything = began = time.perf_counter()
    fetching = 0.0
    for images, labels in loader:
        at = [time.perf_counter()]
        fetching += at[0] - began
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        at.append(time.perf_counter())
        loss.backward()
        at.append(time.perf_counter())
        optimizer.step()
        schedule.step()
        at.append(time.perf_counter())
        for part, start_of, end_of in zip(LEARNING, at, at[1:], strict=False):
            learning[part] += end_of - start_of
        began = time.perf_counter()
    total = time.perf_counter() - everything
    spent["index, label, batch"] = fetching - sum(spent.values())
    learning["the rest"] = total - fetching - sum(learning.values())
    return spent | learning


def run(quick: bool = False) -> dict:
    import torch
    from bench_lenet import Digits, ordinary_transform
    from torchvision import transforms

    from utils.datasets import channel_statistics, load, normalise
    from utils.training import machine

    counts = dict.fromkeys(IMAGES, 1536) if quick else IMAGES
    rounds = {"pair": 3, "pipelines": 2} if quick else ROUNDS
    whole = load("mnist", quiet=True).subset(slice(counts["pair"]))
    data = whole.subset(slice(counts["pipelines"]))
    moments = channel_statistics(whole.images)

    def in_memory(part):
        images = normalise(part.images, *moments)
        return images.contiguous(memory_format=torch.channels_last), part.targets

    (all_inputs, all_labels), (inputs, labels) = in_memory(whole), in_memory(data)
    plain = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.13,), (0.31,))])
    machine.reuse_freed_memory()  # `fit` does so once a process: both sides gain by it
    torch.manual_seed(0)
    pair = interleave(
        {
            "fit": lambda: with_fit(all_inputs, all_labels),
            "bare loop": lambda: bare(all_inputs, all_labels),
        },
        rounds["pair"],
    )
    pipelines = interleave(
        {
            "fit": lambda: with_fit(inputs, labels),
            "TensorDataset": lambda: with_loader(
                torch.utils.data.TensorDataset(inputs.contiguous(), labels)
            ),
            "per image": lambda: with_loader(Digits(data, plain)),
            "per image, resized": lambda: with_loader(Digits(data, ordinary_transform()), 32),
            "ordinary epoch": lambda: with_loader(Digits(data, ordinary_transform()), 32, True),
        },
        rounds["pipelines"],
    )
    profiles = [profile(data) for _ in range(1 if quick else 5)]
    parts = {part: statistics.median(one[part] for one in profiles) for part in profiles[0]}
    return report(pair, pipelines, counts, parts)


def report(pair: dict, pipelines: dict, counts: dict, parts: dict) -> dict:
    """Return claims, tables and charts of some rounds, and where a pipeline's time goes."""
    overhead = ratio(pair["fit"], pair["bare loop"])
    others = {
        name: ratio(samples, pipelines["fit"]) for name, samples in pipelines.items()
        if name != "fit"
    }  # fmt: skip
    scale = 60_000 / counts["pipelines"]
    by_hand = 60_000 / counts["pair"] * middle(pair["bare loop"])
    rows = [["bare loop", f"{by_hand:.2f}", f"{1 / overhead.median:.3f}"]]
    rows.append(["fit", f"{scale * middle(pipelines['fit']):.2f}", "1"])
    rows += [
        [name, f"{scale * middle(pipelines[name]):.2f}", f"{found.median:.2f}"]
        for name, found in others.items()
    ]
    whole = sum(parts.values())
    learning = sum(parts[part] for part in (*LEARNING, "the rest"))
    ceiling = ratio(pipelines["per image, resized"], pipelines["fit"]).median * overhead.median
    return {
        "claims": [
            claim("fit against the bare loop, CPU seconds", overhead, at_most=1.03),
            claim(
                "per-image pipeline (PIL, resized to 32) against fit, CPU seconds",
                others["per image, resized"],
                at_least=2.0,
            ),
            claim(
                "the same with a second pass for the training accuracy, CPU seconds",
                others["ordinary epoch"],
            ),
            claim("per-image pipeline (no resizing) against fit", others["per image"]),
            claim("TensorDataset and DataLoader against fit", others["TensorDataset"]),
            claim("fit against the bare loop on the clock", ratio(*pair.values(), clock="wall")),
        ],
        "tables": [
            table("An epoch of 60,000 digits", ["loop", "CPU seconds", "ratio to fit"], rows),
            table(
                "Where the time of the per-image pipeline (resized) goes",
                ["part", "seconds an epoch", "share, %"],
                [
                    [part, f"{scale * seconds:.2f}", f"{100 * seconds / whole:.0f}"]
                    for part, seconds in parts.items()
                ],
            ),
        ],
        "charts": [
            chart(
                "bars",
                "Images that wait in memory cost nothing to fetch",
                "CPU seconds an epoch: the bare loop and fit alike, the TensorDataset and the "
                "per-image pipelines above them.",
                [
                    {
                        "label": "an epoch",
                        "names": [row[0] for row in rows],
                        "values": [float(row[1]) for row in rows],
                    }
                ],
                y="CPU seconds an epoch",
            )
        ],
        "notes": [
            f"fit and the bare loop ran whole epochs; the others {counts['pipelines']:,} digits a "
            "round, scaled. fit is timed as a whole call, guards and table included.",
            f"Of that pipeline {100 * learning / whole:.0f} % is the network's own learning, which "
            "no way of reading saves: even a bare loop over images in memory is no more than "
            f"{ceiling:.2f} times faster. A larger network has less to gain, a smaller one more.",
            "On one thread. With two, the network takes half the time on the clock and PIL does "
            "not: there the pipelines lose more.",
        ],
    }


if __name__ == "__main__":
    start(__name__)
