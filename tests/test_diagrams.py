"""Drawings: sizes come from the modules, and no label lies on another."""

import matplotlib
import numpy as np
import pytest
import torch
import torchvision
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle

from utils import diagrams, plots
from utils.models.lenet import C3_TABLE, LeNet5, LeNet5_1998

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


# ------------------------------------------------------------------------- convolution, drawn


def test_detector_shows_the_cell_that_torch_computes():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (12, 15), dtype=np.uint8)
    conv = torch.nn.Conv2d(1, 1, (3, 5))
    figure = diagrams.detector_on_image(
        image, position=(4, 7), weight=conv.weight, bias=conv.bias, title="A finding"
    )
    with torch.no_grad():
        expected = conv(torch.from_numpy(image / 255)[None, None].float())[0, 0].numpy()
    assert np.allclose(figure.axes[0].images[2].get_array(), expected, atol=1e-5)
    label = f"cell (4, 7) = {expected[4, 7]:.2f}".replace("-", "\N{MINUS SIGN}")
    assert label in words(figure)
    check_labels(figure)


def test_detector_looks_where_the_answer_is_strongest_by_default():
    image = np.zeros((20, 20))
    image[:, 13:] = 1
    figure = diagrams.detector_on_image(image, 5)
    maps = figure.axes[0].images[2].get_array()
    row, column = np.unravel_index(np.abs(maps).argmax(), maps.shape)
    assert f"window at row {row}, column {column}" in words(figure)
    assert column + 2 in (12, 13)
    with pytest.raises(ValueError, match="does not fit into an image"):
        diagrams.detector_on_image(np.zeros((4, 4)), 5)
    with pytest.raises(ValueError, match=r"position \(16, 0\) lies outside"):
        diagrams.detector_on_image(image, 5, position=(16, 0))


def test_connection_table_draws_every_link():
    figure = diagrams.connection_table(C3_TABLE, "A finding")
    linked = matplotlib.colors.to_rgba(plots.PALETTE[0])
    assert sum(patch.get_facecolor() == linked for patch in figure.axes[0].patches) == 60
    assert "links: 60 of 96" in words(figure)
    check_labels(figure)


TWO_PATHS = [
    ("$x_1$", "$z_1$"),
    ("$w_1$", "$z_1$", "1.5"),
    ("$z_1$", "$a_1$", "0.2179"),
    ("$z_1$", "$a_2$", "0.5966"),
    ("$a_1$", "$o$", "0.6351"),
    ("$a_2$", "$o$", "0.6792"),
    ("$o$", "$l$", "−1.1372"),
]


def test_computation_graph_goes_from_left_to_right():
    nodes = {n: "0.5" for n in ("$x_1$", "$w_1$", "$z_1$", "$a_1$", "$a_2$", "$o$", "$l$")}
    paths = [["$w_1$", "$z_1$", "$a_1$", "$o$", "$l$"], ["$w_1$", "$z_1$", "$a_2$", "$o$", "$l$"]]
    figure = diagrams.computation_graph(nodes, TWO_PATHS, "Two paths", paths=paths)
    check_labels(figure)
    place = {t.get_text(): t.get_position()[0] for t in figure.axes[0].texts}
    assert all(place[edge[0]] < place[edge[1]] for edge in TWO_PATHS)
    with pytest.raises(ValueError, match="an edge names 'q'"):
        diagrams.computation_graph(nodes, [("q", "$o$")])
    with pytest.raises(ValueError, match="cycle"):
        diagrams.computation_graph({"a": "", "b": ""}, [("a", "b"), ("b", "a")])


@pytest.mark.parametrize(("size", "kernel", "padding", "stride"), [(9, 3, 0, 1), (8, 3, 1, 2)])
def test_toeplitz_counts_what_the_matrix_of_torch_holds(size, kernel, padding, stride):
    figure = diagrams.toeplitz(size, kernel, "A finding", padding=padding, stride=stride)
    conv = torch.nn.Conv1d(1, 1, kernel, stride=stride, padding=padding, bias=False)
    torch.nn.init.ones_(conv.weight)
    with torch.no_grad():
        matrix = conv(torch.eye(size)[:, None])[:, 0].T
    links, labels = int(matrix.sum()), words(figure)
    assert {f"{matrix.numel()} weights", f"{links} weights", f"{kernel} weights"} <= labels
    check_labels(figure)
