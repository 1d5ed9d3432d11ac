"""Faces in rows, scores before and after: what is drawn is what was given."""

import numpy as np
import pytest
import torch

from utils.diagrams import semi_adversarial
from utils.plots import redrawn


def test_face_rows_draws_every_face_under_its_name_on_one_scale():
    faces = torch.rand(3, 1, 8, 8)
    figure = redrawn.face_rows({"original": faces, "OP": (255 * faces).to(torch.uint8)}, "Title")
    assert len(figure.axes) == 6 and figure.get_suptitle() == "Title"
    assert [axes.get_ylabel() for axes in figure.axes[::3]] == ["original", "OP"]
    np.testing.assert_allclose(figure.axes[1].images[0].get_array(), faces[1, 0])
    assert figure.axes[0].images[0].get_clim() == (0, 1)
    assert figure.axes[3].images[0].get_clim() == (0, 255)


@pytest.mark.parametrize(
    "rows",
    [{}, {"a": torch.rand(0, 1, 4, 4)}, {"a": torch.rand(2, 1, 4, 4), "b": torch.rand(3, 1, 4, 4)}],
)
def test_face_rows_refuses_rows_of_different_length(rows):
    with pytest.raises(ValueError, match="as many faces in each row"):
        redrawn.face_rows(rows)


def test_before_after_marks_mean_and_range_of_the_seeds():
    scores = {
        "one": {"before": [90, 92, 94], "after": [10, 20, 60]},
        "two": {"before": 80, "after": 50},
    }
    figure = redrawn.before_after(scores, "right, %", reference=50, reference_name="a coin")
    axes = figure.axes[0]
    before, after = axes.containers
    np.testing.assert_allclose(before.lines[0].get_xdata(), [92, 80])
    np.testing.assert_allclose(after.lines[0].get_xdata(), [30, 50])
    (low, high), *_ = after.lines[2][0].get_segments()
    assert (low[0], high[0]) == (10, 60)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two"]
    assert "a coin" in axes.texts[0].get_text()


def test_the_plan_names_its_parts():
    axes = semi_adversarial.plan("Plan").axes[0]
    words = " ".join(text.get_text() for text in axes.texts).replace("\n", " ")
    for part in ("autoencoder (learns)", "matcher: still the same person", "fool", "satisfy"):
        assert part in words
