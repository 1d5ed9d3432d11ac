"""YOLOv3-tiny: its geometry, its file format, and what its published weights see."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utils import fetch
from utils.arithmetic import count_parameters
from utils.models import yolov3_tiny as tiny
from utils.models.yolov3_tiny import YOLOv3Tiny

published = pytest.mark.skipif(
    not fetch.is_cached("yolov3-tiny"), reason="yolov3-tiny was not fetched"
)


def test_two_grids_of_three_anchors():
    with torch.device("meta"):
        model = YOLOv3Tiny()
    coarse, fine = model(torch.empty(2, 3, 416, 416, device="meta"))
    assert coarse.shape == (2, 3, 13, 13, 85) and fine.shape == (2, 3, 26, 26, 85)
    assert 3 * (13 * 13 + 26 * 26) == 2535
    assert count_parameters(model) == 8852366
    coarse, _ = model(torch.empty(1, 3, 320, 416, device="meta"))
    assert coarse.shape == (1, 3, 10, 13, 85)
    with pytest.raises(ValueError, match="multiples of 32"):
        model(torch.empty(1, 3, 100, 416, device="meta"))


def test_an_answer_of_zeros_is_an_anchor_in_the_middle_of_its_cell():
    model = YOLOv3Tiny(num_classes=2)
    coarse, fine = torch.zeros(1, 3, 13, 13, 7), torch.zeros(1, 3, 26, 26, 7)
    coarse[..., 4] = fine[..., 4] = -20
    coarse[0, 1, 4, 6, 4] = 20  # second anchor of the coarse grid, row 4, column 6
    fine[0, 0, 25, 0, 4], fine[0, 0, 25, 0, 6] = 20, 20  # smallest anchor, lowest row, class 1
    (found,) = model.decode((coarse, fine), threshold=0.4)
    assert found["anchors"].tolist() == [4, 0]
    assert found["labels"].tolist()[1] == 1
    assert found["scores"].tolist() == pytest.approx([0.5, 1.0], abs=1e-4)
    x, y = 6.5 * 32, 4.5 * 32
    assert found["boxes"][0].tolist() == pytest.approx([x - 67.5, y - 84.5, x + 67.5, y + 84.5])
    assert found["boxes"][1].tolist() == pytest.approx([3, 401, 13, 415])
    coarse[0, 1, 4, 6, 2] = np.log(2)  # twice as wide
    (found,) = model.decode((coarse, fine), threshold=0.4)
    assert (found["boxes"][0, 2] - found["boxes"][0, 0]).item() == pytest.approx(270)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(1, 300), st.integers(1, 300))
def test_a_letterbox_keeps_the_shape(height, width):
    image = torch.full((3, height, width), 255, dtype=torch.uint8)
    square, scale, left, top = tiny.letterbox(image, side=64)
    assert square.shape == (3, 64, 64) and max(height, width) * scale == pytest.approx(64)
    inside = square[:, top : top + max(1, round(height * scale)), left:]
    white = square > 0.99  # up to rounding of the resampling
    assert (inside[..., : max(1, round(width * scale))] > 0.99).all()
    assert white.sum() == 3 * max(1, round(height * scale)) * max(1, round(width * scale))
    assert (white | (square == 0.5)).all()


def test_a_photo_must_be_uint8():
    with pytest.raises(ValueError, match="give a uint8 photo"):
        tiny.letterbox(torch.zeros(3, 4, 4))


def small_net():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 1, bias=False), torch.nn.BatchNorm2d(2), torch.nn.Conv2d(2, 1, 1)
    )


def test_darknet_writes_biases_scales_means_variances_kernels(tmp_path):
    model, path = small_net(), tmp_path / "net.weights"
    header = np.array([0, 2, 0, 0, 0], "<i4").tobytes()
    path.write_bytes(header + np.arange(13, dtype="<f4").tobytes())
    tiny.load_darknet(model, path)
    conv, norm, last = model
    assert norm.bias.tolist() == [0, 1] and norm.weight.tolist() == [2, 3]
    assert norm.running_mean.tolist() == [4, 5] and norm.running_var.tolist() == [6, 7]
    assert conv.weight.flatten().tolist() == [8, 9]
    assert last.bias.tolist() == [10] and last.weight.flatten().tolist() == [11, 12]


@pytest.mark.parametrize("numbers", [12, 14])
def test_a_file_of_another_length_is_refused(tmp_path, numbers):
    path = tmp_path / "net.weights"
    path.write_bytes(bytes(20 + 4 * numbers))
    with pytest.raises(ValueError, match=f"holds {numbers} numbers and the network 13"):
        tiny.load_darknet(small_net(), path)


@published
def test_it_finds_the_cup_in_the_coffee_photo():
    from utils.datasets.photos import photo

    image = photo("coffee")
    found = tiny.yolov3_tiny().find(image)
    names = tiny.class_names()
    assert len(names) == 80 and names[0] == "person" and names[41] == "cup"
    assert [names[label] for label in found["labels"]] == ["cup"]
    assert found["scores"][0] > 0.5
    x1, y1, x2, y2 = found["boxes"][0].tolist()
    assert 120 < x1 < 180 and 400 < x2 < 460 and y1 < 60 and 280 < y2 < 340


@published
def test_it_finds_nobody_in_gravel():
    from utils.datasets.photos import photo

    model = tiny.yolov3_tiny()
    assert len(model.find(photo("gravel"))["boxes"]) == 0
    found = model.find(photo("camera").expand(3, -1, -1), threshold=0.4)
    assert set(found["labels"].tolist()) == {0}, (
        "the cameraman; one frame at his camera is wrong, but a person, too"
    )
