"""Blocks of branches: every layer is written, nothing lies outside."""

import matplotlib
import pytest

from utils import plots
from utils.diagrams import modules

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _own_style():
    with matplotlib.rc_context():
        plots.use_style()
        yield


INCEPTION = modules.Block(
    [["1×1, 64"], ["1×1, 96", "3×3, 128"], ["3×3 max pool", "1×1, 32"]], "192 maps", "224 maps"
)
BOTTLENECK = modules.Block([["1×1, 64", "3×3, 64", "1×1, 256"], []], "256 maps", "added")


def test_every_layer_is_written_and_inside():
    figure = modules.blocks({"Inception": INCEPTION, "Bottleneck": BOTTLENECK}, title="Two blocks")
    axes = figure.axes[0]
    words = {text.get_text() for text in axes.texts}
    for block in (INCEPTION, BOTTLENECK):
        layers = {layer for branch in block.branches for layer in branch}
        assert words >= {block.input, block.joined} | layers
    assert "unchanged" in words  # the shortcut
    width, height = figure.get_size_inches()
    for box in axes.patches:
        if type(box).__name__ == "Rectangle":
            assert 0 <= box.get_x() and box.get_x() + box.get_width() <= width
            assert 0 <= box.get_y() and box.get_y() + box.get_height() <= height


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="at least one block"):
        modules.blocks({})
    with pytest.raises(ValueError, match="at least one block"):
        modules.blocks({"empty": modules.Block([], "1 map", "1 map")})
