"""YOLO v1 against the sizes of its paper and formulas written out.  Nothing here has memory."""

import pytest
import torch
from torch import nn

from utils.arithmetic import layer_table
from utils.models.yolo import GridDetector, YOLOv1, early_features

SIDES = {  # maps and pixels after each part of Fig. 3
    "conv1": (64, 224),
    "pool1": (64, 112),
    "conv2": (192, 112),
    "pool2": (192, 56),
    "conv3": (128, 56),
    "conv6": (512, 56),
    "pool6": (512, 28),
    "conv16": (1024, 28),
    "pool16": (1024, 14),
    "conv21": (1024, 14),
    "conv22": (1024, 7),
    "conv24": (1024, 7),
}


def ghost(**options) -> nn.Module:
    """A YOLO without memory."""
    with torch.device("meta"):
        return YOLOv1(**options)


@pytest.fixture(scope="module")
def table():
    return layer_table(ghost(), (3, 448, 448))


def test_parameters_are_those_of_the_ledger(table):
    layers = {"conv": 0, "fc1": 0, "fc2": 0}
    for row in table.learned():
        layers["conv" if ".conv" in row.name else row.name.split(".")[1]] += row.parameters
    assert layers == {"conv": 60155968, "fc1": 205524992, "fc2": 6022590}
    assert table.totals.parameters == 271703550


def test_multiply_adds(table):
    assert table.totals.macs / 1e9 == pytest.approx(20.29, abs=5e-3)
    row = table["features.conv22"]
    assert row.macs == 7 * 7 * 1024 * 1024 * 9, "the stride saves three quarters"


def test_maps_shrink_as_figure_3_draws(table):
    for name, (maps, side) in SIDES.items():
        assert table[f"features.{name}"].output_shape == (maps, side, side), name
    assert table["detector.fc1"].output_shape == (4096,)
    assert table["detector.fc2"].output_shape == (1470,)


def test_twenty_four_convolutions_and_two_dense_layers():
    model = ghost()
    kinds = [type(layer) for layer in model.modules()]
    assert (kinds.count(nn.Conv2d), kinds.count(nn.Linear), kinds.count(nn.MaxPool2d)) == (24, 2, 4)
    slopes = {layer.negative_slope for layer in model.modules() if isinstance(layer, nn.LeakyReLU)}
    assert kinds.count(nn.LeakyReLU) == 25 and slopes == {0.1}
    names = [name for name, _ in model.detector.named_children()]
    assert names == "flatten fc1 act drop fc2".split(), "the end is linear"
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.kernel_size[0] for layer in convolutions] == [7, 3, *[1, 3] * 9, 3, 3, 3, 3]


@pytest.mark.parametrize(
    ("options", "numbers"), [({}, 30), ({"boxes": 1}, 25), ({"num_classes": 3, "boxes": 3}, 18)]
)
def test_each_cell_has_five_numbers_a_box_and_one_a_class(options, numbers):
    x = torch.empty(2, 3, 448, 448, device="meta")
    assert ghost(hidden_units=8, **options)(x).shape == (2, 7, 7, numbers)


def test_numbers_of_a_cell_lie_together():
    """Output unit 30(7 row + column) + k is number k of that cell."""
    model = ghost()
    model.features, model.detector = nn.Identity(), nn.Flatten()
    numbers = torch.arange(1470.0).reshape(1, 30, 7, 7)
    cells = model(numbers)
    assert cells[0, 2, 5, 11] == 30 * (7 * 2 + 5) + 11


@pytest.mark.parametrize("side", [224, 512])
def test_other_images_are_refused_with_their_size(side):
    with pytest.raises(ValueError, match=f"images of {side} x {side} pixels.*448 x 448"):
        ghost()(torch.empty(1, 3, side, side, device="meta"))


def test_the_start_lets_the_image_through_all_24_layers():
    """As torch starts them, the maps of two images differ by 1e-8; a smaller image will do here."""
    torch.manual_seed(0)
    layers = YOLOv1(hidden_units=1).features
    with torch.no_grad():
        one, other = layers(torch.randn(2, 3, 192, 192))
    assert one.shape == (1024, 3, 3)
    assert 0.1 < one.std() < 10, "He's weights keep the scale of the input"
    assert (one - other).std() > 0.01


# ------------------------------------------------------------------------ the small detector


@pytest.mark.parametrize(
    ("trunk", "shape", "cells"), [("squeezenet", (256, 7, 7), 7), ("scratch", (3, 128, 128), 8)]
)
def test_small_detector_answers_in_shares(trunk, shape, cells):
    torch.manual_seed(0)
    model = GridDetector(trunk, num_classes=4, boxes=2).eval()
    grid = model(torch.rand(2, *shape).half())
    assert grid.shape == (2, cells, cells, 14)
    assert ((grid >= 0) & (grid <= 1)).all()
    assert torch.allclose(grid[..., 10:].sum(-1), torch.ones(2, cells, cells))
    assert grid[..., [4, 9]].max() < 0.05, "most cells are empty, and it starts by saying so"


def test_small_detector_sees_what_squeezenet_sees():
    """Early features and trunk are SqueezeNet's layers, cut at the ninth."""
    from utils.models import pretrained

    images = torch.randint(0, 256, (3, 3, 128, 128), dtype=torch.uint8)
    whole = pretrained("squeezenet1_1")
    with torch.no_grad():
        features = early_features(images, batch_size=2)
        ours = GridDetector("squeezenet", 4).trunk(features.float())
        theirs = whole.features(whole.prepare(images, resize=False))
    assert features.dtype == torch.float16 and features.shape == (3, 256, 7, 7)
    assert torch.allclose(ours, theirs, atol=0.02 * theirs.abs().max())


def test_small_detector_learns_one_scene():
    from utils import detection

    torch.manual_seed(1)
    model = GridDetector("scratch", num_classes=2)
    optimizer = torch.optim.AdamW(model.groups(3e-3), lr=3e-3)
    images = torch.rand(4, 3, 128, 128)
    boxes = torch.tensor([[20.0, 30, 60, 90]])
    target = detection.encode_boxes(boxes, torch.tensor([1]), size=128, num_classes=2, cells=8)
    targets = target.repeat(4, 1, 1, 1)
    losses = []
    for _ in range(30):
        loss = detection.grid_loss(model(images), targets, 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


def test_small_detector_groups_hold_every_weight_once():
    model = GridDetector("squeezenet", num_classes=4)
    head, trunk = model.groups(0.01)
    assert (head["lr"], trunk["lr"]) == (0.01, pytest.approx(0.003))
    assert sum(map(len, (head["params"], trunk["params"]))) == len(list(model.parameters()))


def test_unknown_trunk_is_named():
    with pytest.raises(ValueError, match="no trunk is called 'vgg'"):
        GridDetector("vgg", 4)
