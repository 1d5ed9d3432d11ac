"""Pictures with masks: what is painted where, and the cells each way of cutting reads."""

import numpy as np
import pytest
import torch

from utils.plots import masks
from utils.segmentation import roi_pool

IMAGE = torch.full((3, 12, 12), 100, dtype=torch.uint8)


def _found(count):
    found = torch.zeros(count, 12, 12, dtype=torch.bool)
    for number in range(count):
        found[number, 2 : 7 + number, 3:9] = True
    boxes = torch.tensor([[3.0, 2.0, 9.0, 7.0 + number] for number in range(count)])
    return {
        "masks": found,
        "boxes": boxes.reshape(-1, 4),
        "labels": torch.arange(count) % 2,
        "scores": torch.linspace(0.9, 0.3, count) if count else torch.zeros(0),
    }


def test_only_masks_are_painted_and_their_edge_is_stronger():
    found = _found(1)["masks"]
    painted = masks.overlay(IMAGE, found)
    changed = (painted != 100).any(2)
    assert np.array_equal(changed, found[0].numpy())
    assert not np.array_equal(painted[2, 3], painted[4, 5])
    assert painted.dtype == np.uint8 and painted.shape == (12, 12, 3)


def test_grey_pictures_become_colour():
    assert masks.overlay(np.zeros((12, 12), np.uint8), _found(1)["masks"]).shape == (12, 12, 3)


def test_objects_of_one_picture_have_different_colours():
    assert len({masks.object_colour(number) for number in range(7)}) == 7


def test_low_scores_are_left_out():
    names = ["cat", "dog"]
    many = masks.instances([IMAGE], [_found(4)], names)
    few = masks.instances([IMAGE], [_found(4)], names, threshold=0.8)
    assert (len(many.axes[0].patches), len(few.axes[0].patches)) == (4, 1)
    assert [text.get_text() for text in few.axes[0].texts] == ["cat 0.90"]


def test_a_picture_without_objects_is_shown():
    figure = masks.instances([IMAGE] * 3, [_found(0)] * 3, columns=2, titles=["a", "b", "c"])
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 3
    assert (shown[0].images[0].get_array() == 100).all()


def test_as_many_predictions_as_pictures():
    with pytest.raises(ValueError, match="one for each"):
        masks.instances([IMAGE] * 2, [_found(1)])


def test_the_drawn_cells_of_roi_pool_hold_its_maxima():
    box, size = (1.3, 1.3, 5.3, 5.3), 8
    figure = masks.region_cuts(box, 2, size)
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "s"]
    places = [(int(m.get_ydata()[0] - 0.5), int(m.get_xdata()[0] - 0.5)) for m in marks]
    ramp = torch.arange(64.0).reshape(1, 1, 8, 8)
    pooled = roi_pool(ramp, [torch.tensor([box])], 2)[0, 0].flatten().tolist()
    assert [8 * i + j for i, j in places] == pooled


def test_the_drawn_samples_of_roi_align_lie_in_the_box():
    figure = masks.region_cuts((1.3, 1.3, 5.3, 5.3), 2, 8)
    (samples,) = [line for line in figure.axes[2].lines if line.get_marker() == "x"]
    assert len(samples.get_xdata()) == 16
    assert samples.get_xdata().min() == pytest.approx(1.8)
    assert samples.get_ydata().max() == pytest.approx(4.8)


def test_the_half_pixel_is_written_out():
    figure = masks.cell_centres(6, 2.3)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert "box: 2.3" in words and "index: 2.3 - 0.5 = 1.8" in words
