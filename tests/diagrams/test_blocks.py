"""Drawn residual blocks: what is written comes from the module."""

import matplotlib
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from torch import nn

from utils import plots
from utils.diagrams.blocks import residual_blocks
from utils.models.resnet import BasicBlock, Bottleneck

matplotlib.use("Agg")


@pytest.fixture(autouse=True, scope="module")
def _own_style():
    with matplotlib.rc_context():
        plots.use_style()
        yield


def words(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def overlapping(figure) -> list[tuple[str, str]]:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = list(figure.axes[0].texts)
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in texts]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0 for box in boxes)
    return [
        (texts[i].get_text(), texts[j].get_text())
        for i in range(len(boxes))
        for j in range(i)
        if boxes[i].overlaps(boxes[j])
    ]


CASES = {
    "basic": (BasicBlock(64, 64), ["3×3, 64 · BN", "3×3, 64 · BN"], "x itself"),
    "bottleneck": (Bottleneck(256, 64), ["1×1, 64 · BN", "3×3, 64 · BN"], "x itself"),
    "A": (BasicBlock(64, 128, 2, "A"), ["3×3, 128, /2 · BN"], "64 maps\nof zeros"),
    "B": (BasicBlock(64, 128, 2, "B"), ["3×3, 128, /2 · BN"], "1×1,\n128, /2\n· BN"),
    "C": (BasicBlock(32, 32, 1, "C"), ["3×3, 32 · BN"], "1×1,\n32\n· BN"),
}


@pytest.mark.parametrize("name", CASES)
def test_boxes_and_shortcut_are_the_modules(name):
    block, boxes, shortcut = CASES[name]
    written = words(residual_blocks({name: block}, "A finding"))
    for box in boxes:
        assert written.count(box) >= boxes.count(box)
    assert any(text.endswith(shortcut) for text in written)
    assert written.count("+") == 1


def test_a_plain_block_has_no_addition():
    written = words(residual_blocks({"plain": BasicBlock(16, 16, shortcut=None)}))
    assert "+" not in written and "x itself" not in written
    assert written.count("3×3, 16 · BN") == 2


@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_label_lies_on_another(count):
    chosen = {name: CASES[name][0] for name in ("A", "B", "C")[:count]}
    assert not overlapping(residual_blocks(chosen, "Three ways to make x fit"))


def test_what_is_no_block_is_refused():
    with pytest.raises(ValueError, match="'x' is a Linear"):
        residual_blocks({"x": nn.Linear(2, 2)})
    with pytest.raises(ValueError, match="0 blocks"):
        residual_blocks({})
