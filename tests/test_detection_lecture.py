"""The functions that stand in lecture 13's cells, taken from the notebook, against torchvision's."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import ops

import utils

few = settings(max_examples=80, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def cells() -> dict:
    """Names defined in the cells "iou" and "nms"."""
    path = utils.ROOT / "lectures" / "13_object_detection.ipynb"
    sources = {
        cell["id"]: "".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]
    }
    names: dict = {"torch": torch, "print": lambda *words: None}
    for name in ("iou", "nms"):
        exec(compile(sources[name], name, "exec"), names)  # the lecture's own text
    return names


def random_boxes(seed: int, count: int, whole: bool) -> torch.Tensor:
    """Boxes that touch, contain and miss each other; on whole pixels they often coincide."""
    rng = np.random.default_rng(seed)
    corner, side = rng.uniform(0, 20, (count, 2)), rng.uniform(0.5, 12, (count, 2))
    if whole:
        corner, side = np.round(corner / 4) * 4, np.ceil(side / 4) * 4
    return torch.tensor(np.concatenate([corner, corner + side], 1), dtype=torch.float32)


@few
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 12), st.booleans())
def test_iou_is_torchvision_s(cells, seed, rows, columns, whole):
    a, b = random_boxes(seed, rows, whole), random_boxes(seed + 1, columns, whole)
    ours = cells["iou"](a, b)
    assert torch.allclose(ours, ops.box_iou(a, b), atol=1e-6)
    assert torch.allclose(ours, cells["iou"](b, a).T) and ours.max() <= 1 and ours.min() >= 0
    assert torch.allclose(cells["iou"](a, a).diagonal(), torch.ones(rows))


# Thresholds that single precision holds exactly: 0.8 is another number there.
@few
@given(
    st.integers(0, 10**6), st.integers(0, 25), st.sampled_from([0.125, 0.5, 0.75]), st.booleans()
)
def test_nms_is_torchvision_s_and_idempotent(cells, seed, count, threshold, whole):
    boxes = random_boxes(seed, count, whole).reshape(-1, 4)
    scores = torch.from_numpy(np.random.default_rng(seed).permutation(count) / 100).float()
    kept = cells["nms"](boxes, scores, threshold)
    assert kept == ops.nms(boxes, scores, threshold).tolist()
    again = cells["nms"](boxes[kept], scores[kept], threshold)
    assert again == list(range(len(kept)))
