"""Drawings: sizes come from the modules, and no label lies on another."""

import matplotlib
import numpy as np
import pytest
import torch
import torchvision
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle

from utils import diagrams, plots
from utils.models.lenet import LeNet5, LeNet5_1998

matplotlib.use("Agg")


@pytest.fixture(autouse=True, scope="module")
def _own_style():
    with matplotlib.rc_context():
        plots.use_style()
        yield


def check_labels(figure) -> None:
    """No text on another, none cut off at the figure's edge."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    found = list(figure.texts)
    for axes in figure.axes:
        found += [t for t in axes.texts if t.get_visible()]
        found += [t for t in (axes.title, axes._left_title) if t.get_text()]
    boxes = [
        (t.get_text(), matplotlib.text.Text.get_window_extent(t, renderer))
        for t in found
        if t.get_text().strip()
    ]
    for words, box in boxes:
        assert box.x0 > -1 and box.y0 > -1, f"{words!r} is cut off"
        assert box.x1 < figure.bbox.x1 + 1 and box.y1 < figure.bbox.y1 + 1, f"{words!r} is cut off"
    for number, (words, box) in enumerate(boxes):
        for other, second in boxes[number + 1 :]:
            inner = (
                min(box.x1, second.x1) - max(box.x0, second.x0),
                min(box.y1, second.y1) - max(box.y0, second.y0),
            )
            assert min(inner) < 1.5, f"{words!r} lies on {other!r}"


def words(figure) -> set[str]:
    return {t.get_text() for axes in figure.axes for t in axes.texts}


def squares(figure) -> list[float]:
    return [
        round(patch.get_width(), 6)
        for patch in figure.axes[0].patches
        if isinstance(patch, Rectangle) and abs(patch.get_width() - patch.get_height()) < 1e-9
    ]


def with_meta(make):
    with torch.device("meta"):
        return make()


NETWORKS = {
    "LeNet-5 of 1998": (LeNet5_1998, (1, 32, 32)),
    "LeNet-5": (LeNet5, (1, 28, 28)),
    "AlexNet": (lambda: with_meta(torchvision.models.alexnet), (3, 224, 224)),
    "VGG-16": (lambda: with_meta(torchvision.models.vgg16), (3, 224, 224)),
    "ResNet-34": (lambda: with_meta(torchvision.models.resnet34), (3, 224, 224)),
    "a net of dense layers": (
        lambda: torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(784, 100), torch.nn.Linear(100, 10)
        ),
        (1, 28, 28),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_drawn_without_overlapping_labels(name):
    make, shape = NETWORKS[name]
    check_labels(diagrams.network(make(), shape, f"{name}, drawn from its module"))


def test_lenet_is_drawn_to_scale_with_every_map():
    figure = diagrams.network(LeNet5_1998(), (1, 32, 32))
    labels = words(figure)
    for label in (
        "input\n32×32", "C1\n6@28×28", "S2\n6@14×14", "C3\n16@10×10", "S4\n16@5×5",
        "C5\n120", "F6\n84", "output\n10", "Gaussian\nconnections",
    ):  # fmt: skip
        assert label in labels
    sides = squares(figure)
    pixel = max(sides) / 32
    drawn = {size: sum(abs(s - size * pixel) < 1e-5 for s in sides) for size in (32, 28, 14, 10, 5)}
    assert drawn[32] == 1 and drawn[28] == 6 and drawn[14] == 6 and drawn[10] == 16
    assert drawn[5] == 16 + 3  # S4 and the windows of C1, C3 and C5


def test_a_wider_layer_changes_the_drawing_and_its_checksum():
    first, second = LeNet5(), LeNet5()
    second.features.C1 = torch.nn.Conv2d(1, 6, 3, padding=1)
    drawings = [diagrams.network(net, (1, 28, 28)) for net in (first, second)]
    assert plots.figure_checksum(drawings[0]) != plots.figure_checksum(drawings[1])
    assert "3×3\nconvolution" in words(drawings[1])


def test_deep_networks_merge_equal_neighbours():
    labels = words(diagrams.network(NETWORKS["VGG-16"][0](), (3, 224, 224)))
    assert "2 × 3×3\nconvolution" in labels and "pooling,\n3 × 3×3\nconvolution" in labels
    assert "512@7×7" in labels


def test_network_shows_the_activations_of_an_image():
    model, image = LeNet5(), torch.rand(1, 28, 28)
    figure = diagrams.network(model, (1, 28, 28), image=image)
    pictures = figure.axes[0].images
    assert len(pictures) == 1 + 6 + 6 + 16 + 16
    with torch.no_grad():
        maps = model.features.C1(image[None])[0].numpy()
    assert np.allclose(pictures[1].get_array(), maps[0])
    assert model.training, "drawing must leave the model in the mode it was in"


def test_network_maps_shows_every_map_once():
    figure = diagrams.network_maps(LeNet5(), torch.rand(1, 1, 28, 28), "A finding")
    assert len(figure.axes[0].images) == 1 + 6 + 6 + 16 + 16 + 2  # C5 and F6 are blocks of units
    check_labels(figure)
    assert figure.axes[0].images[-1].get_array().shape == (12, 7)


def test_unknown_layers_are_refused():
    with pytest.raises(ValueError, match="'C9' is no layer of this LeNet5"):
        diagrams.network(LeNet5(), (1, 28, 28), layers=["C9"])
    figure = diagrams.network(
        LeNet5(), (1, 28, 28), layers={"features.C1": "first", "classifier.output": "scores"}
    )
    assert {"first\n6@28×28", "scores\n10"} <= words(figure)
