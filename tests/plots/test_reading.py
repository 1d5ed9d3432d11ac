"""Pictures of lecture 12 show what they are given."""

import numpy as np
import pytest
import torch

from utils.calibration import reliability
from utils.plots import figure_checksum, reading
from utils.taxonomy import Taxonomy, sensitivity_specificity


def test_the_curve_passes_through_every_threshold_and_ends_in_the_corners():
    rng = np.random.default_rng(0)
    scores, sick = rng.random(40), rng.random(40) < 0.5
    figure = reading.sensitivity_curves({"net": (scores, sick)}, readers=[(0.5, 0.6)])
    line, crosses = figure.axes[0].lines
    points = set(zip(*line.get_data(), strict=True))
    assert {(1.0, 0.0), (0.0, 1.0)} <= points
    assert sensitivity_specificity(scores, sick, scores[3]) in points
    assert tuple(map(float, crosses.get_xydata()[0])) == (0.5, 0.6)


def test_reliability_panels_share_the_vertical_axis():
    found = reliability([0.1, 0.4, 0.9], [0, 1, 1])
    figure = reading.reliability_diagrams({"a": found, "b": found}, "title")
    left, right = figure.axes
    assert left.get_ylim() == right.get_ylim()
    assert np.allclose(left.lines[1].get_xydata(), [[0.1, 0], [0.4, 1], [0.9, 1]])


def test_occlusion_maps_share_one_scale():
    maps = torch.stack([torch.eye(3), 2 * torch.eye(3)])
    images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    figure = reading.occlusion_rows(images, maps, ["one", "two"])
    shown = [place.images[0] for place in figure.axes[2:4]]
    assert {image.get_clim() for image in shown} == {(0.0, 2.0)}
    other = reading.occlusion_rows(images, maps / 2, ["one", "two"])
    assert figure_checksum(figure) != figure_checksum(other)


@pytest.mark.parametrize("marked", [(), ("benign",)])
def test_the_tree_names_every_node_with_its_sum(marked):
    tree = Taxonomy({"benign": {"nevus": None, "scar": None}, "malignant": {"melanoma": None}})
    figure = reading.tree(tree, counts={"nevus": 2, "scar": 3, "melanoma": 4}, marked=marked)
    texts = {text.get_text(): text.get_weight() for text in figure.axes[0].texts}
    assert set(texts) == {
        "skin · 9", "benign · 5", "malignant · 4", "nevus · 2", "scar · 3", "melanoma · 4",
    }  # fmt: skip
    assert (texts["benign · 5"] == "bold") == bool(marked)
