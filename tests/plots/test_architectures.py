"""The two figures of Canziani et al.: what is drawn, and names that can be read."""

import itertools
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from utils import plots
from utils.plots import architectures

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _own_style():
    with matplotlib.rc_context():
        plots.use_style()
        yield


def net(name, operations, top1, parameters=2e7, reported=None, family="ResNet"):
    known = reported if top1 is None else top1
    return SimpleNamespace(
        name=name,
        family=family,
        operations=operations,
        parameters=parameters,
        top1=top1,
        reported_top1=reported,
        best_known_top1=known,
    )


CROWD = [net(f"Network-{n}", 3 + 0.4 * n, 70 + 0.3 * (n % 3), 1e7 * (1 + n)) for n in range(6)]
SPREAD = [
    net("one", 2, 57, 6e7, family="AlexNet"),
    net("two", 31, 71.6, 1.38e8, family="VGG"),
    net("three", 25, None, 4.3e7, reported=80.0, family="Inception"),
    net("unknown", 0.6, None, 4e5, family="ENet"),
]


@pytest.mark.parametrize("networks", [CROWD, SPREAD, CROWD + SPREAD])
@pytest.mark.parametrize("log", [False, True])
def test_no_name_covers_another_name(networks, log):
    figure = architectures.top1_against_operations(networks, "A finding", log=log)
    axes = figure.axes[0]
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    names = {one.name for one in networks}
    labels = [text for text in axes.texts if text.get_text() in names]
    assert {label.get_text() for label in labels} == names
    boxes = [label.get_window_extent(renderer).shrunk(1, 0.8) for label in labels]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    frame = axes.get_window_extent(renderer).expanded(1.01, 1.05)
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)


def test_areas_are_proportional_to_parameters():
    figure = architectures.top1_against_operations(SPREAD[:2])
    sizes = {
        round(float(blob.get_offsets()[0][1]), 1): float(blob.get_sizes()[0])
        for blob in figure.axes[0].collections
        if len(blob.get_offsets()) == 1 and blob.get_sizes()[0] > 20
    }
    assert sizes[71.6] / sizes[57.0] == pytest.approx(1.38e8 / 6e7)


def test_what_nobody_measured_is_not_on_the_accuracy_axis():
    figure = architectures.top1_against_operations(SPREAD)
    heights = np.concatenate(
        [blob.get_offsets()[:, 1] for blob in figure.axes[0].collections]
    ).astype(float)
    assert np.sum(np.isclose(heights, 52)) == 1  # the triangle on the edge
    dots = architectures.top1_per_network(SPREAD).axes[0]
    assert [tick.get_text() for tick in dots.get_yticklabels()] == ["one", "two", "three"]


def test_filled_and_hollow_dots():
    both = [net("both", 3, 71.0, reported=70.0), net("only then", 4, None, reported=62.0)]
    axes = architectures.top1_per_network(both, "A finding").axes[0]
    filled, hollow = (
        dots.get_offsets()[:, 0].tolist() for dots in axes.collections if len(dots.get_offsets())
    )
    assert filled == [71.0] and hollow == [62.0, 70.0]


def test_panels_share_their_order():
    rows = {"time, ms": {"a": 3.0, "b": 40.0}, "memory, MB": {"a": 200.0, "b": 10.0}}
    figure = architectures.cost_panels(rows, "A finding")
    assert len(figure.axes) == 2
    assert [text.get_text() for text in figure.axes[0].texts] == ["3.0", "40"]
