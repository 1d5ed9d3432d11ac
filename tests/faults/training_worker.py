"""Trainings that test_training_faults.py starts, shares between processes, starves and kills.

python training_worker.py lenet OUT         50 steps of LeNet5 on digits (also under torchrun)
python training_worker.py uneven OUT        batches that part unevenly (also under torchrun)
python training_worker.py killed FOLDER N   one training, killed N times and gone on with
python training_worker.py starved BATCH     a training with little memory
python training_worker.py small FOLDER      two short epochs with checkpoints in a folder
"""

import json
import os
import random
import resource
import signal
import sys
import time
from pathlib import Path

import torch
from torch import nn

from utils.training import evaluate, fit, set_seed


def write(path: str, history, model: nn.Module, **more) -> None:
    """Losses and weights as JSON; under torchrun only of the first process."""
    if os.environ.get("RANK", "0") != "0":
        return
    weights = torch.cat([value.flatten() for value in model.state_dict().values()])
    found = {
        "step_loss": history.step_loss,
        "train_metric": history.train_metric,
        "validation_metric": history.validation_metric,
        "weights": weights.tolist(),
        **more,
    }
    Path(path).write_text(json.dumps(found))


def lenet(out: str) -> None:
    """Two epochs of 25 batches of 51 digits, the last one of 31."""
    from utils import datasets
    from utils.models.lenet import LeNet5

    digits = datasets.load("mnist", quiet=True)
    set_seed(0)
    model = LeNet5()
    history = fit(
        model,
        (digits.images[:1255], digits.targets[:1255]),
        validation=(digits.images[1255:1455], digits.targets[1255:1455]),
        epochs=2,
        batch_size=51,
        lr=0.003,
        device="cpu",
        checkpoint=Path(out).with_suffix(".checkpoints"),
    )
    write(out, history, model)


def uneven(out: str) -> None:
    """Batches of 7 in pieces, the last one of a single sample; augmented, best weights kept."""
    set_seed(0)
    labels = torch.randint(0, 4, (64,))
    inputs = torch.randn(4, 1, 6, 6)[labels] + 0.3 * torch.randn(64, 1, 6, 6)
    set_seed(int(os.environ.get("RANK", "0")))  # processes that start differently end the same
    model = nn.Sequential(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(80, 4))
    history = fit(
        model,
        (inputs, labels),
        epochs=3,
        batch_size=7,
        accumulate=2,
        optimizer="sgd",
        lr=0.02,
        device="cpu",
        validation=(inputs[::3], labels[::3]),
        keep="best",
        augment=lambda x: x + 0.2 * torch.randn_like(x),
    )
    score = evaluate(model, (inputs[::3], labels[::3]), device="cpu").accuracy
    write(out, history, model, score=score)


def killed_training(folder: Path) -> None:
    """300 steps in three epochs with everything random and a checkpoint every second step."""
    torch.manual_seed(0)
    inputs, labels = torch.randn(3200, 1, 8, 8), torch.randint(0, 4, (3200,))
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(288, 4),
    )
    history = fit(
        model,
        (inputs, labels),
        epochs=3,
        batch_size=32,
        seed=5,
        device="cpu",
        validation=(inputs[:200], labels[:200]),
        augment=lambda x: x + 0.1 * torch.randn_like(x),
        checkpoint=folder,
        save_steps=2,
    )
    write(str(folder / "result.json"), history, model)


def in_child(folder: Path) -> int:
    """Start the training in a process of its own, which inherits what is imported here."""
    child = os.fork()
    if child == 0:
        try:
            killed_training(folder)
            sys.stdout.flush()
        finally:
            os._exit(0)
    return child


def written_at(path: Path) -> int | None:
    """When a file was written; None while it is not there (it is moved aside for the next)."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def killed(folder: str, times: str) -> None:
    """One training left alone, and one killed at random moments until it is done."""
    whole, cut = Path(folder) / "whole", Path(folder) / "cut"
    layer = nn.Linear(1, 1)  # one step here: what it imports need not be imported in each child
    fit(layer, (torch.ones(1, 1), torch.ones(1, 1)), loss=nn.MSELoss(), epochs=1, device="cpu")
    os.waitpid(in_child(whole), 0)
    moments = random.Random(int(os.environ.get("TEST_MOMENTS", "1")))
    last, kills = cut / "last.pt", 0
    while kills < int(times):
        seen = written_at(last)
        child = in_child(cut)
        while written_at(last) in (None, seen):  # until it has come further
            if os.waitpid(child, os.WNOHANG)[0]:
                sys.exit(f"the training ended after {kills} kills: make it longer")
            time.sleep(0.0005)
        time.sleep(moments.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        kills += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    os.waitpid(in_child(cut), 0)
    print(f"killed {kills} times")


def starved(batch: str) -> None:
    """A network with large feature maps and 700 MB more than the process has now."""
    inputs, labels = torch.randn(2048, 1, 32, 32), torch.randint(0, 4, (2048,))
    model = nn.Sequential(
        nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(65536, 4)
    )
    options = {"epochs": 1, "device": "cpu", "guards": False}
    fit(model, (inputs[:2], labels[:2]), **options)  # whatever is allocated only once
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + 700 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    fit(model, (inputs, labels), batch_size=int(batch), **options)
    print("trained")


def small(folder: str) -> None:
    """A network whose checkpoints have about 30 kB each."""
    inputs, labels = torch.randn(64, 1, 8, 8), torch.randint(0, 4, (64,))
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 4))
    options = {"epochs": 2, "batch_size": 16, "device": "cpu", "guards": False}
    validation = inputs[:16], labels[:16]
    fit(model, (inputs, labels), validation=validation, checkpoint=folder, **options)


if __name__ == "__main__":
    torch.set_num_threads(1)
    command, *arguments = sys.argv[1:]
    trainings = (lenet, uneven, killed, starved, small)
    {training.__name__: training for training in trainings}[command](*arguments)
