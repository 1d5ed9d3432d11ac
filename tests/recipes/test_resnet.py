"""The long trainings of lecture 09, their first steps on the CPU: right rates, kill and resume."""

import pytest
import torch
from torch import nn

from utils import training
from utils.datasets import load
from utils.models import CifarResNet, ResNet
from utils.recipes import resnet as recipes

quiet = {"device": "cpu", "progress": False, "guards": False}


def cifar(count=64):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)
    return recipes.centred(images)[0], torch.arange(count) % 10


def test_centred_by_pixel():
    torch.manual_seed(0)
    train = torch.randint(0, 256, (40, 3, 4, 4), dtype=torch.uint8)
    test = torch.randint(0, 256, (5, 3, 4, 4), dtype=torch.uint8)
    x, x_test = recipes.centred(train, test)
    torch.testing.assert_close(x.mean(dim=0), torch.zeros(3, 4, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.std(), torch.tensor(1.0))
    back = x_test * (train.float() - train.float().mean(dim=0)).std() + train.float().mean(dim=0)
    torch.testing.assert_close(back, test.float(), atol=1e-3, rtol=0)


def test_the_whole_recipe_has_64000_steps_and_drops_after_32000_and_48000(monkeypatch):
    asked = {}
    monkeypatch.setattr(training, "fit", lambda model, data, **options: asked.update(options))
    images = torch.empty(50_000, 1, device="meta")
    recipes.published_cifar(CifarResNet(8), (images, images))
    steps = asked["epochs"] * 391
    assert 64_000 <= steps < 64_000 + 391
    optimizer = asked["optimizer"]([nn.Parameter(torch.zeros(1))])
    group = optimizer.param_groups[0]
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.1, 0.9, 1e-4)
    assert not group["nesterov"]
    schedule = asked["schedule"](optimizer, steps)
    assert sorted(schedule.milestones) == [32_000, 48_000] and schedule.gamma == 0.1
    assert asked["batch_size"] == 128


def test_first_steps_of_the_published_recipe():
    training.set_seed(0)
    model = CifarResNet(8)
    before = model.fc.weight.detach().clone()
    history = recipes.published_cifar(model, cifar(), iterations=8, batch_size=16, **quiet)
    assert history.step_lr == pytest.approx([0.1] * 4 + [0.01] * 2 + [0.001] * 2)
    assert all(map(_finite, history.step_loss)) and not torch.equal(before, model.fc.weight)


def _finite(value):
    return value == value and abs(value) < 1e6


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    data = cifar()

    def fresh():
        training.set_seed(0)
        return CifarResNet(8, width=4)

    class Killed(Exception):
        pass

    class Dies(nn.Module):
        """Ends the process's work in the third epoch."""

        calls = 0

        def __call__(self, logits, targets):
            Dies.calls += 1
            if Dies.calls == 9:
                raise Killed
            return nn.functional.cross_entropy(logits, targets)

    how = {"iterations": 16, "batch_size": 16, "checkpoint": tmp_path, **quiet}
    whole = fresh()
    recipes.published_cifar(whole, data, **{**how, "checkpoint": None})
    with pytest.raises(Killed):
        recipes.published_cifar(fresh(), data, loss=_renamed(Dies()), **how)
    rest = fresh()
    recipes.published_cifar(rest, data, loss=_renamed(nn.functional.cross_entropy), **how)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(rest.state_dict()[name], value)


def _renamed(function):
    """The same loss by one name, so that the checkpoint knows it again."""

    def loss(logits, targets):
        return function(logits, targets)

    return loss


def test_imagenette_from_a_folder_of_photographs(tmp_path):
    from PIL import Image

    from utils.datasets.imagenette import WORDNET_IDS

    generator = torch.Generator().manual_seed(0)
    for part in ("train", "val"):
        for number, name in enumerate(WORDNET_IDS):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            noise = torch.randint(0, 256, (260, 280, 3), generator=generator, dtype=torch.uint8)
            Image.fromarray(noise.numpy()).save(folder / f"{part}_{number}.JPEG")
    data = load("imagenette", folder=tmp_path, quiet=True)
    training.set_seed(0)
    net = ResNet(34, num_classes=10)
    model = nn.Sequential(recipes.Standardise([0.5] * 3, [0.25] * 3), net)
    before = net.fc.weight.detach().clone()
    history = recipes.imagenette(
        model, data, epochs=1, batch_size=5, checkpoint=tmp_path / "run", **quiet
    )
    assert history.step_lr == pytest.approx([0.1, 0.001]) and _finite(history.train_loss[0])
    assert not torch.equal(before, net.fc.weight)
    assert (tmp_path / "run" / "last.pt").is_file()
    with torch.no_grad():
        x = data.images[:2].float() / 255
        torch.testing.assert_close(model(x), net((x - 0.5) / 0.25))


def test_the_full_cell_of_the_notebook_runs(tmp_path, monkeypatch, capsys):
    """Cell by its id, with few images and steps, as `--preset full` runs it."""
    import functools
    import json

    import utils
    from utils import datasets, ledger

    def few(name, split="train", *, folder=None, size=256):
        side = 32 if name == "cifar10" else size
        count = 20
        shape = (count, 3, side, side)
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
        record = datasets.Record(name, split, "made up", count, "none", shape[1:])
        return datasets.Data(images, torch.arange(count) % 10, record)

    for name, few_steps in (("published_cifar", {}), ("imagenette", {"epochs": 1})):
        short = functools.partial(
            getattr(recipes, name), batch_size=10, progress=False, guards=False, **few_steps
        )
        monkeypatch.setattr(recipes, name, short)
    path = utils.ROOT / "lectures" / "09_resnet.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (cell,) = [cell for cell in cells if cell["id"] == "full"]
    names = {
        "PRESET": "full",
        "SEED": 0,
        "IMAGENETTE": "a folder",
        "ITERATIONS": 4,
        "ROOT": tmp_path,
        "device": torch.device("cpu"),
        "load": few,
        "channel_statistics": datasets.channel_statistics,
        "training": training,
        "ledger": ledger,
        "nn": nn,
        "CifarResNet": CifarResNet,
        "ResNet": ResNet,
    }
    exec("".join(cell["source"]), names)
    printed = capsys.readouterr().out
    assert "reported 8.75 %" in printed and "here" in printed
    for run in ("resnet20", "resnet34"):
        assert (tmp_path / "build" / "checkpoints" / "09" / run / "last.pt").is_file()
