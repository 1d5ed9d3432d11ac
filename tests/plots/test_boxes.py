"""Boxes on pictures: drawn where they lie, named as they are, refused where they do not fit."""

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle

from utils import plots
from utils.plots import boxes

IMAGES = torch.zeros(2, 3, 40, 60, dtype=torch.uint8)
FOUND = [
    {
        "boxes": torch.tensor([[10.0, 20.0, 30.0, 36.0], [1.0, 2.0, 5.0, 9.0]]),
        "labels": torch.tensor([1, 0]),
        "scores": torch.tensor([0.91, 0.2]),
    },
    {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=int), "scores": torch.zeros(0)},
]


def frames(axes):
    return [patch for patch in axes.patches if type(patch) is Rectangle]


def test_a_box_frames_its_pixels():
    """Pixel i is drawn from i - 0.5 to i + 0.5, so columns 10..29 span 9.5 to 29.5."""
    figure = boxes.detections(IMAGES, FOUND, ["cat", "dog"])
    first = frames(figure.axes[0])[0]
    assert (first.get_x(), first.get_y()) == (9.5, 19.5)
    assert (first.get_width(), first.get_height()) == (20, 16)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["dog 0.91", "cat 0.20"]
    assert not frames(figure.axes[1])


def test_a_threshold_leaves_out_low_scores_and_truths_are_drawn_beside():
    truths = [{"boxes": [[0, 0, 8, 8], [1, 1, 3, 3]]}, {"boxes": np.zeros((0, 4))}]
    figure = boxes.detections(IMAGES, FOUND, threshold=0.5, truths=truths)
    assert len(frames(figure.axes[0])) == 2 + 1
    dashed = [frame for frame in frames(figure.axes[0]) if frame.get_linestyle() != "-"]
    assert len(dashed) == 2


def test_the_checksum_sees_a_moved_box():
    moved = [dict(FOUND[0], boxes=FOUND[0]["boxes"] + 2), FOUND[1]]
    one, other = (boxes.detections(IMAGES, found) for found in (FOUND, moved))
    assert plots.figure_checksum(one) != plots.figure_checksum(other)


def test_curves_and_their_marks():
    curves = {"cat": ([0, 0.5, 1], [1, 1, 0.5]), "dog": ([0, 1], [0.8, 0.4])}
    figure = boxes.precision_recall(curves, threshold_points={"dog": (0.5, 0.8)})
    assert len(figure.axes) == 1 and len(figure.axes[0].lines) == 3
    panels = boxes.precision_recall(curves, panels=True).axes
    assert [place.get_xlim() for place in panels] == [(0, 1.02)] * 2, "the whole of recall"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: boxes.detections([], []), "no picture"),
        (lambda: boxes.detections(IMAGES, FOUND[:1]), "1 predictions for 2 pictures"),
        (lambda: boxes.detections(IMAGES, FOUND, ["cat"]), "labels count from 0"),
        (lambda: boxes.precision_recall({}), "no curve"),
        (lambda: boxes.precision_recall({"a": ([0, 1], [1])}), "in pairs"),
        (
            lambda: boxes.draw_boxes(plots.subplots()[1], [[0, 0, 1, 1]], labels=[0, 1]),
            "2 labels for 1 boxes",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
