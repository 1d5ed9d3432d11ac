"""CelebA from a folder, and the first steps of the long run on it, with a made-up folder."""

import numpy as np
import pytest
import torch
from PIL import Image

from utils import fetch
from utils.datasets import load
from utils.recipes import semi_adversarial as recipes

PICTURES = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Noise in the layout of CelebA: four persons in each part, two pictures each."""
    place = tmp_path_factory.mktemp("celeba")
    (place / "img_align_celeba").mkdir()
    rng = np.random.default_rng(0)
    names = [f"{k + 1:06}.jpg" for k in range(PICTURES)]
    for name in names:
        Image.fromarray(rng.integers(0, 256, (218, 178, 3), dtype=np.uint8)).save(
            place / "img_align_celeba" / name
        )
    part = [0] * 12 + [1] * 4 + [2] * 8
    person = [10 + k // 2 for k in range(PICTURES)]
    male = [1 if (k // 2) // 2 % 2 else -1 for k in range(PICTURES)]
    rows = {
        "list_eval_partition.txt": [f"{n} {p}" for n, p in zip(names, part, strict=True)],
        "identity_CelebA.txt": [f"{n} {p}" for n, p in zip(names, person, strict=True)],
        "list_attr_celeba.txt": [
            str(PICTURES),
            "Eyeglasses Male Young",
            *(f"{n}  -1 {m:2}  1" for n, m in zip(names, male, strict=True)),
        ],
    }
    for name, lines in rows.items():
        (place / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


def test_celeba_comes_in_the_form_of_the_rendered_faces(folder, capsys):
    parts = {s: load("celeba", s, folder=folder, side=32) for s in ("train", "unseen", "test")}
    assert [len(part) for part in parts.values()] == [6, 6, 8]
    assert parts["train"].images.shape == (6, 3, 32, 32)
    assert parts["train"].targets[:, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert set(parts["train"].targets[:, 1].tolist()) == {0, 1}
    assert set(parts["train"].targets[:, 2].tolist()) == {-1}
    assert not torch.equal(parts["train"].images, parts["unseen"].images)
    out = capsys.readouterr().out
    assert "celeba train: 6 images 3x32x32, folder celeba" in out and str(folder.parent) not in out
    young = load("celeba", "train", folder=folder, side=32, attribute="Young", limit=3, quiet=True)
    assert young.targets[:, 1].tolist() == [1, 1, 1]


def test_celeba_says_what_is_wrong(folder, tmp_path):
    with pytest.raises(ValueError, match="no attribute 'Smile': it has Eyeglasses, Male, Young"):
        load("celeba", folder=folder, attribute="Smile")
    with pytest.raises(ValueError, match="side of 16"):
        load("celeba", folder=folder, side=8)
    with pytest.raises(fetch.DataError, match="no folder"):
        load("celeba", folder=tmp_path / "nowhere")
    (tmp_path / "img_align_celeba").mkdir()
    (tmp_path / "img_align_celeba" / "1.jpg").write_bytes(b"")
    with pytest.raises(fetch.DataError, match=r"no list_attr_celeba\.txt"):
        load("celeba", folder=tmp_path)


def test_first_steps_on_celeba_and_a_second_call_goes_on(folder, tmp_path):
    short = dict(side=32, nets_epochs=1, start_epochs=1, epochs=1, batch_size=3, device="cpu")
    short |= dict(progress=False, checkpoint=tmp_path)
    first = recipes.celeba(folder, **short)
    assert {name.split(".")[0] for name in first} == {"X", "SM", "NT", "OP", "attacker"}
    assert all(value == value for value in first.values())
    trainings = sorted(path.name for path in tmp_path.iterdir())
    assert "autoencoder" in trainings and "attacker" in trainings and len(trainings) == 8
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/last.pt")}
    assert len(stamps) == 8
    again = recipes.celeba(folder, **short)
    assert again == first
