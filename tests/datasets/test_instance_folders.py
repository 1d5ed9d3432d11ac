"""Penn-Fudan and COCO from made-up folders of their layout."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from utils import segmentation, training
from utils.datasets import instance_folders, load
from utils.fetch import DataError
from utils.models.mask_rcnn_resnet import resnet50_mask_rcnn


@pytest.fixture(scope="module")
def penn_fudan(tmp_path_factory):
    place = tmp_path_factory.mktemp("PennFudanPed")
    (place / "PNGImages").mkdir()
    (place / "PedMasks").mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        picture = rng.integers(0, 255, (80, 100, 3), dtype=np.uint8)
        owner = np.zeros((80, 100), np.uint8)
        owner[10:60, 10:30] = 1
        owner[20:70, 50 : 70 + number] = 2
        picture[owner == 1] = (250, 10, 10)
        Image.fromarray(picture).save(place / "PNGImages" / f"FudanPed{number:05}.png")
        Image.fromarray(owner).save(place / "PedMasks" / f"FudanPed{number:05}_mask.png")
    return place


def test_penn_fudan_becomes_squares_with_masks(penn_fudan):
    data = load("penn-fudan", folder=penn_fudan, size=64, quiet=True)
    assert data.images.shape == (4, 3, 64, 64) and data.record.of == 6
    target = data.targets[0]
    assert target["labels"].tolist() == [0, 0]
    for mask, (x1, y1, x2, y2) in zip(target["masks"], target["boxes"].int().tolist(), strict=True):
        assert mask[y1:y2, x1:x2].all() and mask.sum() == (y2 - y1) * (x2 - x1)
    # 100 x 80 scaled to 64 x 51; grey below.
    assert data.images[0, :, 52:].unique().tolist() == [124]
    scaled = torch.tensor([10, 10, 30, 60]) * 0.64
    assert (target["boxes"][0] - scaled).abs().max() <= 1
    red = data.images[0][:, target["masks"][0]].float().mean(1)
    assert red[0] > 200 > 60 > red[1]


def test_parts_do_not_overlap_and_make_the_whole(penn_fudan):
    parts = [
        load("penn-fudan", s, folder=penn_fudan, size=32, quiet=True) for s in ("train", "test")
    ]
    keys = [tuple(image.flatten().tolist()) for part in parts for image in part.images]
    assert len(set(keys)) == len(keys) == 6


def test_penn_fudan_says_what_is_missing(penn_fudan, tmp_path):
    with pytest.raises(DataError, match="PNGImages"):
        load("penn-fudan", folder=tmp_path, quiet=True)
    (tmp_path / "PNGImages").mkdir()
    Image.new("RGB", (50, 40)).save(tmp_path / "PNGImages" / "one.png")
    with pytest.raises(DataError, match=r"no .*one_mask\.png"):
        load("penn-fudan", "test", folder=tmp_path, quiet=True)
    with pytest.raises(ValueError, match="at least 32"):
        load("penn-fudan", folder=penn_fudan, size=8, quiet=True)


@pytest.fixture(scope="module")
def coco(tmp_path_factory):
    place = tmp_path_factory.mktemp("coco")
    (place / "val2017").mkdir()
    (place / "annotations").mkdir()
    images, annotations = [], []
    for number in range(1, 5):
        Image.new("RGB", (60, 40), (number * 20, 0, 0)).save(place / "val2017" / f"{number}.jpg")
        images.append({"id": number, "file_name": f"{number}.jpg", "height": 40, "width": 60})
        if number == 3:
            continue  # shows nothing
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 18 if number < 4 else 1,
                "segmentation": [[10, 5, 40, 5, 40, 25, 10, 25]],
                "bbox": [10, 5, 30, 20],
                "area": 600,
                "iscrowd": 0,
            }
        )
    categories = [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (place / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    return place


def test_coco_gets_labels_without_gaps(coco, capsys):
    data = load("coco", "val", folder=coco, size=60, quiet=True)
    assert capsys.readouterr().out == ""
    assert data.images.shape == (3, 3, 60, 60)
    assert [t["labels"].tolist() for t in data.targets] == [[1], [1], [0]]
    assert instance_folders.coco_names(coco) == ("person", "dog")
    assert (data.targets[0]["boxes"] - torch.tensor([[10.0, 5, 40, 25]])).abs().max() <= 1
    assert len(load("coco", "val", folder=coco, size=60, count=1, quiet=True)) == 1


def test_coco_says_what_is_missing(coco, tmp_path):
    with pytest.raises(DataError, match="instances_train2017"):
        load("coco", "train", folder=coco, quiet=True)
    with pytest.raises(DataError, match="annotations"):
        load("coco", "val", folder=tmp_path, quiet=True)


def test_the_full_preset_takes_its_first_step(penn_fudan):
    """torchvision's network with new heads learns from a batch and predicts."""
    data = load("penn-fudan", folder=penn_fudan, size=64, quiet=True)
    training.set_seed(0)
    model = resnet50_mask_rcnn(1, weights=None, image_size=64)
    targets = segmentation.to_detector(data.targets)
    history = training.fit(
        model,
        (data.images[:2], targets[:2]),
        loss="model",
        epochs=1,
        batch_size=2,
        optimizer="sgd",
        lr=0.001,
        metric=None,
        device="cpu",
        progress=False,
        guards=False,
    )
    assert len(history.step_lr) == 1
    found = segmentation.detect(model, data.images[:1])
    assert found[0]["masks"].shape[1:] == (64, 64)
