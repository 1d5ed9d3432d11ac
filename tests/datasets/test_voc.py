"""VOC 2007 from a made-up folder: boxes where they were, and the first steps of the full preset."""

import pytest
import torch
from PIL import Image

from utils import detection, fetch, training
from utils.datasets import class_names, load
from utils.models import YOLOv1

OBJECT = """<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>{}</xmin><ymin>{}</ymin>
<xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"""


@pytest.fixture
def folder(tmp_path):
    """Three photos of 100 x 50 pixels in VOC's layout: two dogs, a cat and a difficult bus, none."""
    home = tmp_path / "VOCdevkit" / "VOC2007"
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (home / part).mkdir(parents=True)
    contents = {
        "000001": [("dog", 0, 1, 1, 50, 25), ("dog", 0, 51, 26, 100, 50)],
        "000002": [("cat", 0, 11, 11, 30, 30), ("bus", 1, 1, 1, 90, 40)],
        "000003": [],
    }
    for name, objects in contents.items():
        Image.new("RGB", (100, 50), (200, 30, 30)).save(home / "JPEGImages" / f"{name}.jpg")
        text = "".join(OBJECT.format(*values) for values in objects)
        xml = f"<annotation><filename>{name}.jpg</filename>{text}</annotation>"
        (home / "Annotations" / f"{name}.xml").write_text(xml)
    for part in ("trainval", "test"):
        (home / "ImageSets" / "Main" / f"{part}.txt").write_text("\n".join(contents) + "\n")
    return tmp_path


def test_boxes_follow_the_photo_into_the_square(folder):
    data = load("voc2007", folder=folder, size=64, quiet=True)
    assert data.images.shape == (3, 3, 64, 64) and len(data) == 3
    names = class_names("voc2007")
    dogs, cat, nothing = data.targets
    assert [names[label] for label in dogs["labels"]] == ["dog", "dog"]
    assert dogs["boxes"].tolist() == [[0, 0, 32, 32], [32, 32, 64, 64]]
    assert [names[label] for label in cat["labels"]] == ["cat"], "the difficult bus is left out"
    assert cat["boxes"][0].tolist() == pytest.approx([6.4, 12.8, 19.2, 38.4])
    assert nothing["boxes"].shape == (0, 4)
    assert data.images[0, :, 5, 5].tolist() == pytest.approx([200, 30, 30], abs=6)
    few = load("voc2007", "test", folder=folder, size=32, count=2, quiet=True)
    assert few.record.count == 2 and few.record.of == 3


def test_a_wrong_folder_gets_one_sentence(tmp_path):
    with pytest.raises(fetch.DataError, match="holds no VOCdevkit"):
        load("voc2007", folder=tmp_path, quiet=True)
    (tmp_path / "VOCdevkit/VOC2007").mkdir(parents=True)
    with pytest.raises(fetch.DataError, match="as torchvision unpacks it"):
        load("voc2007", folder=tmp_path, quiet=True)


def test_the_full_preset_takes_its_first_steps(folder, tmp_path):
    """YOLOv1 with narrow dense layers, the paper's loss and optimiser, one epoch, and a resume."""
    data = load("voc2007", folder=folder, size=448, quiet=True)
    targets = detection.encode_targets(data.targets, size=448, num_classes=20)
    how = dict(
        loss=detection.yolo_loss,
        metric=None,
        optimizer=lambda weights: torch.optim.SGD(
            weights, lr=1e-5, momentum=0.9, weight_decay=5e-4
        ),
        schedule="step",
        batch_size=2,
        augment=detection.flip_some,
        device="cpu",
        guards=False,
        progress=False,
        checkpoint=tmp_path / "kept",
    )
    training.set_seed(0)
    model = YOLOv1(hidden_units=8)
    model.features = narrow_copy()
    model.detector.fc1 = torch.nn.Linear(16 * 49, 8)
    history = training.fit(model, (data.images, targets), epochs=1, **how)
    assert len(history.train_loss) == 1 and 0 < history.train_loss[0] < 1000
    again = training.fit(model, (data.images, targets), epochs=1, **how)
    assert again.train_loss == history.train_loss, "a finished training is not repeated"
    with torch.inference_mode():
        found = detection.detect(
            model(data.images[:1].float() / 255), size=448, num_classes=20, threshold=-9.0
        )
    assert found[0]["boxes"].shape[1] == 4


def narrow_copy() -> torch.nn.Module:
    """Something that leaves 7 x 7 cells of 448 pixels, far cheaper than 24 convolutions."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 7, stride=8, padding=3),
        torch.nn.LeakyReLU(0.1),
        torch.nn.MaxPool2d(8),
    )
