"""Cut-outs and the scenes made of them: what is where, and who sees which cut-out."""

import hashlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import masks_to_boxes

from utils import ROOT, fetch
from utils.datasets import class_names, cutouts, load
from utils.datasets.scenes import scenes

COUNTS = {
    "bird": 35,
    "fish": 11,
    "mammal": 65,
    "insect": 9,
    "fruit": 24,
    "vegetable": 15,
    "flower": 25,
    "vehicle": 17,
}

same_always = settings(max_examples=40, deadline=None, derandomize=True, database=None)


def equal(one, other):
    """Whether two collections of scenes agree bit for bit."""
    return torch.equal(one.images, other.images) and all(
        a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
        for a, b in zip(one.targets, other.targets, strict=True)
    )


def test_there_are_201_cutouts_in_eight_classes():
    kinds = [cutout.kind for cutout in cutouts.cutouts()]
    assert {kind: kinds.count(kind) for kind in cutouts.CLASSES} == COUNTS
    assert [c.number for c in cutouts.cutouts()] == list(range(201))
    for cutout in cutouts.cutouts():
        alpha = cutout.image.getchannel("A")
        solid = sum(alpha.histogram()[128:])
        assert cutout.image.mode == "RGBA" and 29 <= max(cutout.image.size) <= 112
        assert 0.1 < solid / (alpha.width * alpha.height) < 1, cutout.name


def test_licence_and_authors_stand_beside_the_cutouts():
    folder = ROOT / "data" / "cutouts"
    notice = (folder / "NOTICE.md").read_text(encoding="utf-8")
    for needed in ("tuxpaint-stamps-default", "2022.06.04-1", "Bill Kendrick", "version 2"):
        assert needed in notice
    assert "GNU GENERAL PUBLIC LICENSE" in (folder / "LICENSE.txt").read_text()
    assert "Upstream-Name: tuxpaint-stamps" in (folder / "COPYRIGHT.txt").read_text()
    assert fetch.describe("cutouts")["licence"].startswith("GPL-2.0")


def test_recorded_sizes_and_hashes_are_those_of_the_files():
    folder = ROOT / "data" / "cutouts"
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    recorded = {name: digest for digest, name in (line.split() for line in lines)}
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.webp")}
    assert {name: hashlib.sha256(data).hexdigest() for name, data in found.items()} == recorded
    assert sum(map(len, found.values())) == fetch.describe("cutouts")["bytes"] < 700_000


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"), "differs"),
        (lambda path: path.unlink(), "is missing"),
    ],
)
def test_a_damaged_cutout_is_named_in_one_sentence(tmp_path, monkeypatch, damage, says):
    import shutil

    copy = shutil.copytree(ROOT / "data" / "cutouts", tmp_path / "cutouts")
    monkeypatch.setattr(fetch, "obtain", lambda name, file: tmp_path / file)
    damage(copy / "bird" / "owl.webp")
    with pytest.raises(fetch.DataError, match=rf"^data/cutouts/bird/owl\.webp {says}.*restore"):
        cutouts.cutouts.__wrapped__()


@pytest.mark.parametrize("hold_out", range(6))
def test_a_fifth_of_each_class_is_held_out(hold_out):
    hidden = cutouts.held_out(hold_out)
    police, sedan = (
        next(c.number for c in cutouts.cutouts() if c.name == f"vehicle/{name}")
        for name in ("emergency-sedan_police", "auto-sedan")
    )
    assert (police in hidden) == (sedan in hidden)
    assert len(hidden) == 40 + (police in hidden)
    for kind, count in COUNTS.items():
        held = [c for c in cutouts.cutouts() if c.kind == kind and c.number in hidden]
        assert len(held) - round(0.2 * count) in ({0, 1} if kind == "vehicle" else {0})


def test_default_hold_out_has_the_documented_sizes():
    assert len(cutouts.held_out()) == 40
    four = cutouts.choose_classes(4)
    assert sum(map(len, cutouts.members(four, "train"))) == 105
    assert sum(map(len, cutouts.members(four, "test"))) == 26
    assert cutouts.held_out(0) != cutouts.held_out(1)


@same_always
@given(
    seed=st.integers(0, 10**6),
    first=st.integers(0, 10**6),
    size=st.sampled_from([48, 96, 128]),
    most=st.integers(1, 5),
    split=st.sampled_from(["train", "validation", "test"]),
    classes=st.sampled_from([4, 8, ["fish"], ["vehicle", "bird", "insect"]]),
)
def test_targets_describe_the_scene(seed, first, size, most, split, classes):
    data = scenes(
        2,
        split=split,
        size=size,
        classes=classes,
        max_objects=most,
        object_size=(0.3, 0.9),
        seed=seed,
        first=first,
    )
    kinds = cutouts.choose_classes(classes)
    assert data.images.shape == (2, 3, size, size) and data.images.dtype == torch.uint8
    assert data.images.is_contiguous()
    for target in data.targets:
        boxes, labels, masks = target["boxes"], target["labels"], target["masks"]
        objects = len(labels)
        assert 1 <= objects <= most
        assert (boxes.shape, boxes.dtype) == ((objects, 4), torch.float32)
        assert (masks.shape, masks.dtype) == ((objects, size, size), torch.bool)
        assert labels.dtype == target["cutouts"].dtype == torch.int64
        extents = masks_to_boxes(masks) + torch.tensor([0, 0, 1, 1])  # theirs are inclusive
        assert torch.equal(boxes, extents)
        assert masks.any((1, 2)).all() and masks.sum(0).max() == 1  # visible, and disjoint
        assert target["visible"].dtype == torch.float32
        assert (target["visible"] >= 0.65).all() and (target["visible"] <= 1).all()
        assert target["visible"][-1] == 1  # nothing is pasted after the last
        for label, number in zip(labels.tolist(), target["cutouts"].tolist(), strict=True):
            assert cutouts.cutouts()[number].kind == kinds[label]
            assert (number in cutouts.held_out()) == (split == "test")


def test_some_objects_are_covered_in_part():
    data = scenes(60, classes=8, max_objects=4, object_size=(0.5, 0.7))
    visible = torch.cat([target["visible"] for target in data.targets])
    assert 0.1 < (visible < 1).float().mean() < 0.9
    assert visible.min() < 0.8


def test_a_scene_does_not_depend_on_how_many_are_asked_for():
    many = scenes(12, seed=5)
    assert equal(many, scenes(12, seed=5))
    tail = scenes(4, seed=5, first=8)
    assert torch.equal(many.images[8:], tail.images)
    assert equal(many.subset(slice(8, None)), tail)
    for other in (scenes(12, seed=6), scenes(12, seed=5, split="validation")):
        assert not torch.equal(many.images, other.images)


def test_the_global_random_states_are_left_alone():
    before = torch.get_rng_state()
    scenes(2)
    assert torch.equal(torch.get_rng_state(), before)


def test_objects_have_the_size_asked_for():
    data = scenes(40, max_objects=1, object_size=(0.5, 0.5), size=96)
    sides = torch.stack([(t["boxes"][:, 2:] - t["boxes"][:, :2]).amax() for t in data.targets])
    assert 0.42 * 96 < sides.min() and sides.max() < 0.65 * 96  # a rotation changes a little
    assert abs(sides.mean() - 48) < 4


def test_all_classes_come_about_equally_often():
    labels = torch.cat([t["labels"] for t in scenes(300, classes=8, size=32, masks=False).targets])
    share = labels.bincount(minlength=8) / len(labels)
    assert share.min() > 0.07 and share.max() < 0.18


def test_masks_can_be_left_out():
    with_masks, without = scenes(3), scenes(3, masks=False)
    assert torch.equal(with_masks.images, without.images)
    assert all("masks" not in target and "boxes" in target for target in without.targets)


def test_load_knows_scenes(capsys):
    data = load("scenes", "test", count=3, classes=8)
    assert capsys.readouterr().out.startswith("scenes test: 3 images 3x128x128, rendered")
    assert "GPL-2.0-or-later" in data.record.licence
    assert class_names("scenes") == ("mammal", "fruit", "flower", "vehicle")
    with pytest.raises(ValueError, match="scenes needs count"):
        load("scenes")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"count": 0}, "count must be at least 1"),
        ({"size": 31}, "size at least 32"),
        ({"max_objects": 0}, "max_objects 1 to 20"),
        ({"seed": -1}, "at least 0"),
        ({"split": "held-out"}, "there is no split 'held-out'"),
        ({"classes": 5}, "give 4, 8 or a list"),
        ({"classes": ["cat"]}, "give 4, 8 or a list"),
        ({"classes": "fish"}, "give 4, 8 or a list"),
        ({"classes": []}, "give 4, 8 or a list"),
        ({"classes": ["fish", "fish"]}, "give 4, 8 or a list"),
        ({"object_size": (0.5, 0.3)}, "two shares"),
        ({"object_size": (0.01, 0.3)}, "8 pixels"),
        ({"hold_out": -1}, "hold_out=-1"),
    ],
)
def test_what_is_out_of_range_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        scenes(**{"count": 1} | wrong)
