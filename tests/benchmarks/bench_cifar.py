"""CIFAR-10 against the clock: what a photograph classifier learns in 30, 60 and 100 CPU seconds.

Ours (whitening, crops in memory, a one-cycle rate scaled to the time there is) in bf16 and in fp32,
against a plain small ResNet with the usual recipe: torchvision's crop and flip image by image, a
DataLoader, SGD with momentum at 0.1, divided by ten after half and after three quarters of the
time. A run is given so many images that it ends when its time does, by a first measurement of its
own speed; the CPU seconds it then took are what is plotted. Ours also runs in full, for the limit
on the clock. Test images are seen once, after the last step, off the budget but on the clock.
"""

from __future__ import annotations

from interleaved import Stopwatch, chart, claim, start, table

NAME = "cifar"
TITLE = "CIFAR-10 in a hundred seconds"
THREADS = 2

BUDGETS = (30, 60, 100)
EPOCHS = 6
GOAL, SECONDS = 84.0, 100
SEED = 0
BATCH = {"ours": 256, "plain": 128}
PROBE = 20
"""Steps by which a run's speed is measured before it is given its images."""


def ours(train, epochs: int, precision: str):
    """Train the fast net; return it and what it cost."""
    from utils import speedrun, training
    from utils.models import FastCifarNet

    quiet = {"guards": False, "progress": False, "device": "cpu", "seed": SEED}
    with Stopwatch() as watch:
        training.set_seed(SEED)
        model = FastCifarNet().prepare(train.images)
        speedrun.train_fast(model, train, epochs=epochs, precision=precision, **quiet)
    return model, watch.sample


def judge_ours(model, test) -> tuple[float, float]:
    """Return the share of right answers in percent, without and with the mirror image."""
    from utils import speedrun, training

    flipped = speedrun.flipped_logits(model, test.images).argmax(1) == test.targets
    once = training.evaluate(model, (test.images, test.targets), device="cpu").accuracy
    return 100 * once, 100 * flipped.float().mean().item()


class Photos:
    """Photographs one at a time through PIL and torchvision's transforms, as usual."""

    def __init__(self, data, transform) -> None:
        self.images = data.images.permute(0, 2, 3, 1).contiguous().numpy()
        self.targets = data.targets
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int):
        from PIL import Image

        return self.transform(Image.fromarray(self.images[index])), int(self.targets[index])


def transform(training: bool):
    from torchvision import transforms

    steps = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()]
    after = [
        transforms.ToTensor(),
        transforms.Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    ]
    return transforms.Compose(steps * training + after)


def plain(train, images: int):
    """Train a ResNet of eight layers the usual way on so many images; return it and the cost."""
    import torch
    from torch.nn import functional as F

    from utils.models import CifarResNet

    with Stopwatch() as watch:
        torch.manual_seed(SEED)
        model = CifarResNet(8)
        loader = torch.utils.data.DataLoader(
            Photos(train, transform(training=True)), batch_size=BATCH["plain"], shuffle=True
        )
        steps = max(1, images // BATCH["plain"])
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
        drops = [steps // 2, steps * 3 // 4]
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, drops)
        model.train()
        step = 0
        while step < steps:
            for inputs, labels in loader:
                loss = F.cross_entropy(model(inputs), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                loss.item()
                step += 1
                if step == steps:
                    break
    return model, watch.sample


def judge_plain(model, test) -> float:
    import torch

    loader = torch.utils.data.DataLoader(Photos(test, transform(training=False)), batch_size=500)
    model.eval()
    with torch.no_grad():
        right = sum(int((model(x).argmax(1) == y).sum()) for x, y in loader)
    return 100 * right / len(test)


def images_in(train, budget: float, who: str, precision: str = "fp32", probe: int = PROBE) -> int:
    """Return how many images fit a budget of CPU seconds, by a short run of the same kind."""
    count = probe * BATCH["plain" if who == "plain" else "ours"]
    few = train.subset(slice(count))
    costs = []
    for _ in range(2):  # the first also pays for what is set up once
        _, cost = plain(few, count) if who == "plain" else ours(few, 1, precision)
        costs.append(cost.cpu)
    return int(budget * count / costs[-1])


def within(train, images: int):
    """Return a training set and a number of passes that come to so many images."""
    passes = max(1, -(-images // len(train)))
    return train.subset(slice(max(BATCH["ours"], images // passes))), passes


def run(quick: bool = False, only=None) -> dict:
    from utils import fetch
    from utils.datasets import load

    name = "cifar10" if fetch.is_cached("cifar10") else "colour"
    if name == "colour" and not quick:
        raise SystemExit("CIFAR-10 was not fetched: `course data fetch cifar10` brings it")
    train, test = (load(name, split=part, quiet=True) for part in ("train", "test"))
    budgets, epochs, probe = BUDGETS, EPOCHS, PROBE
    if quick:
        train, test = train.subset(slice(512)), test.subset(slice(100))
        budgets, epochs, probe = (1,), 1, 2
    variants = {"ours, bf16": "bf16", "ours, fp32": "fp32", "plain ResNet-8": None}
    if only:
        variants = {k: v for k, v in variants.items() if any(word in k for word in only)}
    short = {name: [] for name in variants}
    for budget in budgets:
        for who, precision in variants.items():
            if precision is None:
                images = images_in(train, budget, "plain", probe=probe)
                model, cost = plain(train, images)
                score = judge_plain(model, test)
            else:
                images = images_in(train, budget, "ours", precision, probe)
                some, passes = within(train, images)
                model, cost = ours(some, passes, precision)
                score = judge_ours(model, test)[1]
            row = {"budget": budget, "images": images, "cpu": cost.cpu, "wall": cost.wall}
            short[who].append(row | {"accuracy": score})
            print(
                f"{who}: {score:.1f} % after {cost.cpu:.0f} CPU-s ({cost.wall:.0f} s)", flush=True
            )
    full = {}
    for who, precision in variants.items():
        if precision is None:
            continue
        with Stopwatch() as watch:
            model, cost = ours(train, epochs, precision)
            once, flipped = judge_ours(model, test)
        full[who] = {
            "once": once,
            "flipped": flipped,
            "training": cost.wall,
            "wall": watch.sample.wall,
            "cpu": watch.sample.cpu,
        }
        print(
            f"{who}, in full: {once:.1f}, {flipped:.1f} % in {watch.sample.wall:.0f} s", flush=True
        )
    return report(short, full, epochs, name)


def report(short: dict, full: dict, epochs: int, data: str) -> dict:
    """Return claims, tables and charts of the short runs and the full ones."""
    claims = []
    for who, row in full.items():
        limits = {"at_least": GOAL} if "bf16" in who else {}
        claims.append(
            claim(
                f"{who}, {epochs} passes: test accuracy with the mirror image",
                row["flipped"],
                unit="%",
                **limits,
            )
        )
        limits = {"at_most": SECONDS} if "bf16" in who else {}
        claims.append(
            claim(
                f"{who}, {epochs} passes: seconds on the clock, test images included",
                row["wall"],
                unit="s",
                **limits,
            )
        )
    header = ["net", "budget, CPU-s", "images", "took, CPU-s", "took, s", "test accuracy, %"]
    rows = [
        [
            who,
            row["budget"],
            f"{row['images']:,}",
            f"{row['cpu']:.0f}",
            f"{row['wall']:.0f}",
            f"{row['accuracy']:.1f}",
        ]
        for who, some in short.items()
        for row in some
    ]
    lines = [
        {
            "label": who,
            "x": [round(row["cpu"], 1) for row in some],
            "y": [round(row["accuracy"], 2) for row in some],
        }
        for who, some in short.items()
    ]
    tables = [table("Within a budget of CPU seconds", header, rows)]
    if full:
        tables.append(
            table(
                f"{epochs} passes",
                [
                    "net",
                    "right, %",
                    "with the mirror image, %",
                    "training, s",
                    "in all, s",
                    "CPU-s",
                ],
                [
                    [
                        who,
                        f"{row['once']:.1f}",
                        f"{row['flipped']:.1f}",
                        f"{row['training']:.1f}",
                        f"{row['wall']:.1f}",
                        f"{row['cpu']:.0f}",
                    ]
                    for who, row in full.items()
                ],
            )
        )
    return {
        "claims": claims,
        "tables": tables,
        "charts": [
            chart(
                "lines",
                "Where a plain small ResNet begins, ours has long been",
                "Test accuracy over CPU seconds for ours in bf16 and fp32 and for a plain ResNet "
                "of eight layers with the usual recipe: the last lies far below.",
                lines,
                x="CPU seconds",
                y="test accuracy, %",
            )
        ],
        "notes": [
            f"Data: {data}; one seed. Accuracy of ours averages an image and its mirror image.",
            "Within a budget the one-cycle rate ends where the budget ends: each point is a "
            "training of its own.",
            "The plain net is CifarResNet(8) of the course, 75 thousand parameters: the deeper "
            "ones of the paper do not come to one pass in a hundred CPU seconds.",
        ],
    }  # fmt: skip


if __name__ == "__main__":
    start(__name__)
