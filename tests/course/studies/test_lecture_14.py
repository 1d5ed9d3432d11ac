"""What the study of lecture 14 stores comes back as it was."""

import io

import pytest
import torch
from PIL import Image

from utils.course.studies import lecture_14
from utils.datasets import load


@pytest.fixture(scope="module")
def found():
    """Detections of two scenes: the truth, with one object that is not sure enough to keep."""
    detections = []
    for target in load("scenes", "validation", count=2, quiet=True).targets:
        detection = {key: target[key] for key in ("boxes", "labels", "masks")}
        detection["scores"] = torch.full((len(target["labels"]),), 0.75)
        detections.append(detection)
    detections[1]["scores"][-1] = 0.1
    return detections


def test_stored_detections_come_back(found, tmp_path):
    path = tmp_path / "detections.npz"
    path.write_bytes(lecture_14._packed({"in": found, "out": found[:1]}))
    back = lecture_14.unpack(path, "in")
    assert len(back) == 2 and len(lecture_14.unpack(path, "out")) == 1
    for key in ("boxes", "labels", "masks", "scores"):
        assert torch.equal(back[0][key], found[0][key]), key
    assert len(back[1]["labels"]) == len(found[1]["labels"]) - 1


def test_the_preview_is_small_and_legible(found):
    data = lecture_14._preview(found)
    assert len(data) <= 60_000
    assert Image.open(io.BytesIO(data)).size == (480, 360)


def test_the_summary_compares_heads_seed_by_seed():
    from utils.measured import Run, Runs

    def run(what, seed, results):
        return Run(f"{what}-seed{seed}", {"what": what, "seed": seed}, results, 1.0)

    names = [f"{part}.{kind}_ap50" for part in ("in", "out") for kind in ("box", "mask")]
    runs = [
        run(
            "heads",
            s,
            {
                f"{k}.{p}.iou": v
                for k, v in (("align", 0.6 + s), ("pool", 0.5 + s))
                for p in ("in", "out")
            },
        )
        for s in (0, 1)
    ] + [run("detector", 0, dict.fromkeys(names, 0.8))]
    summary = lecture_14.summary(Runs(runs))
    assert summary["align_minus_pool"] == {"in": [0.1, 0.1], "out": [0.1, 0.1]}
    assert set(summary["detector"].values()) == {0.8}
