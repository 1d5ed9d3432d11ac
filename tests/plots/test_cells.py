"""A grid detector's answer: all boxes, the class of each cell, and what is left."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from utils.plots import cells
from utils.plots.boxes import class_colour


def answer(side=3):
    count = side * side
    return {
        "boxes": np.tile([2.0, 3, 9, 8], (count, 1)),
        "labels": np.arange(count) % 2,
        "scores": np.linspace(0, 0.9, count),
    }


def test_every_cell_has_its_box_and_its_class_and_only_sure_boxes_are_left():
    found = {name: values[-2:] for name, values in answer().items()}
    picture = np.zeros((3, 12, 12), dtype=np.uint8)
    figure = cells.cell_answers(picture, answer(), found, ["cat", "dog"], threshold=0.85)
    left, middle, right = figure.axes
    assert [axes.get_title() for axes in figure.axes] == [
        "all 9 boxes",
        "class of each cell",
        "1 left",
    ]
    assert len(left.patches) == len(middle.patches) == 9 and len(right.patches) == 1
    widths = [patch.get_linewidth() for patch in left.patches]
    assert widths == sorted(widths), "the surer the thicker"
    tints = [to_hex(patch.get_facecolor()[:3]) for patch in middle.patches]
    assert tints == [class_colour(number % 2).lower() for number in range(9)]
    corners = [patch.get_xy() for patch in middle.patches]
    np.testing.assert_allclose(corners[5], (2 * 4 - 0.5, 1 * 4 - 0.5))


def test_cells_have_to_fill_a_square():
    few = {name: values[:7] for name, values in answer().items()}
    with pytest.raises(ValueError, match="7 cells"):
        cells.cell_answers(np.zeros((3, 12, 12), dtype=np.uint8), few, few, ["cat", "dog"])
