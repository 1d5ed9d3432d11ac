"""Regions against torchvision's own operations; masks there and back."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import assume, given, settings
from torchvision import ops
from torchvision.models.detection.roi_heads import project_masks_on_boxes

from utils import ledger, segmentation
from utils.datasets import load
from utils.segmentation import roi_align, roi_pool, roi_warp

RAMP = torch.arange(64.0).reshape(1, 1, 8, 8)
BOX = [torch.tensor([[1.3, 1.3, 5.3, 5.3]])]

modest = settings(max_examples=80, deadline=None, derandomize=True)


@st.composite
def regions(draw):
    """Features of several pictures, with boxes inside, over the edge and outside."""
    pictures, channels = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    scale = draw(st.sampled_from([1.0, 0.5, 0.25, 1 / 16, 0.3]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    features = torch.randn(pictures, channels, height, width, generator=generator)
    boxes = []
    for _ in range(pictures):
        count = draw(st.integers(0, 3))
        reach = torch.tensor([width, height, width, height]) / scale
        ends = (torch.rand(count, 4, generator=generator) * 1.6 - 0.3) * reach
        if draw(st.booleans()):
            ends = ends.round()  # halves and whole numbers after scaling
        boxes.append(
            torch.cat([ends[:, :2].minimum(ends[:, 2:]), ends[:, :2].maximum(ends[:, 2:])], 1)
        )
    size = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    return features, boxes, size, scale


@modest
@given(regions(), st.sampled_from([-1, 0, 1, 2, 3]), st.booleans())
def test_roi_align_is_torchvisions(case, sampling_ratio, aligned):
    features, boxes, size, scale = case
    flat = any((box[:, 2:] == box[:, :2]).any() for box in boxes)
    assume(sampling_ratio > 0 or not flat)  # see the next test
    ours = roi_align(features, boxes, size, scale, sampling_ratio, aligned)
    theirs = ops.roi_align(features, boxes, size, scale, sampling_ratio, aligned)
    # A sample within rounding error of the border counts in one and not in the other.
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_a_box_without_area_is_one_sample_where_it_lies():
    """With as many samples as cells, torchvision takes none there and answers 0."""
    features = torch.arange(12.0).reshape(1, 1, 3, 4)
    point = [torch.tensor([[1.5, 1.5, 1.5, 1.5]])]
    for sampling_ratio in (-1, 0, 1, 2):
        assert roi_align(features, point, 1, 1.0, sampling_ratio).item() == features[0, 0, 1, 1]
    assert ops.roi_align(features, point, 1, 1.0, -1, True).item() == 0


@modest
@given(regions())
def test_roi_pool_is_torchvisions(case):
    features, boxes, size, scale = case
    ours = roi_pool(features, boxes, size, scale)
    torch.testing.assert_close(ours, ops.roi_pool(features, boxes, size, scale))


@modest
@given(regions(), st.sampled_from([1, 2, 3]))
def test_roi_warp_is_roi_align_where_boxes_are_whole_cells(case, sampling_ratio):
    features, boxes, size, scale = case
    whole = [(box * scale).round().clamp(min=0) for box in boxes]
    reached = [torch.cat([box[:, :2], box[:, 2:] + 1], 1) for box in whole]
    ours = roi_warp(features, [box / scale for box in whole], size, scale, sampling_ratio)
    theirs = ops.roi_align(features, reached, size, 1.0, sampling_ratio, True)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_the_ramp_of_the_lecture():
    assert ledger.compare("roi.align", roi_align(RAMP, BOX, 2)[0, 0].tolist())
    unaligned = roi_align(RAMP, BOX, 2, aligned=False)[0, 0]
    assert ledger.compare("roi.align_unaligned", unaligned.tolist())
    assert ledger.compare("roi.pool", roi_pool(RAMP, BOX, 2)[0, 0].tolist())
    warped = roi_warp(RAMP, BOX, 2)[0, 0]
    torch.testing.assert_close(warped, torch.tensor([[15.75, 18.25], [35.75, 38.25]]))


@modest
@given(st.floats(2, 9), st.floats(2, 9), st.floats(3, 8), st.floats(3, 8), st.floats(-2, 2))
def test_on_a_plane_roi_align_gives_the_value_at_the_bins_centre(x1, y1, width, height, slope):
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    plane = (slope * (x + 0.5) + 3 * (y + 0.5))[None, None]
    box = torch.tensor([[x1, y1, x1 + width, y1 + height]])
    cut = roi_align(plane, [box], (2, 3))[0, 0]
    for row in range(2):
        for column in range(3):
            right = slope * (x1 + (column + 0.5) * width / 3) + 3 * (y1 + (row + 0.5) * height / 2)
            assert cut[row, column] == pytest.approx(right, abs=1e-3)


def test_gradients_are_torchvisions():
    torch.manual_seed(0)
    features = torch.randn(2, 3, 9, 7, dtype=torch.float64)
    boxes = [torch.rand(3, 4, dtype=torch.float64).sort(1).values[:, [0, 1, 2, 3]] * 30] * 2
    gradients = []
    for align in (roi_align, ops.roi_align):
        leaf = features.clone().requires_grad_()
        align(leaf, boxes, 3, 0.25, 2, True).square().sum().backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(*gradients)


def test_no_boxes_give_no_regions():
    none = [torch.zeros(0, 4)]
    for cut in (roi_align, roi_pool, roi_warp):
        assert cut(RAMP, none, (2, 3)).shape == (0, 1, 2, 3)


@pytest.mark.parametrize("cut", [roi_align, roi_pool, roi_warp])
def test_what_cannot_be_cut_is_refused(cut):
    with pytest.raises(ValueError, match="list of N"):
        cut(RAMP, [*BOX, *BOX], 2)
    with pytest.raises(ValueError, match="at least 1"):
        cut(RAMP, BOX, 0)
    with pytest.raises(ValueError, match=r"\(L, 4\)"):
        cut(RAMP, [torch.zeros(2, 3)], 2)


@pytest.fixture(scope="module")
def scene():
    return load("scenes", count=12, classes=8, max_objects=3, quiet=True)


def test_masks_survive_the_way_through_their_box(scene):
    for target in scene.targets:
        small = segmentation.crop_masks(target["masks"], target["boxes"], 28)
        assert set(small.unique().tolist()) <= {0.0, 1.0}
        back = segmentation.paste_masks(small, target["boxes"], 128, 128) > 0.5
        # 28 x 28 is coarser than the object: thin legs are lost, little else.
        assert segmentation.mask_iou_of_pairs(back, target["masks"]).min() > 0.75
        inside = back.any(1).nonzero()
        assert len(inside)


def test_crops_agree_with_torchvisions_but_for_the_border(scene):
    target = scene.targets[3]
    ours = segmentation.crop_masks(target["masks"], target["boxes"], 28)
    theirs = project_masks_on_boxes(target["masks"], target["boxes"], torch.arange(len(ours)), 28)
    assert (ours == (theirs >= 0.5)).float().mean() > 0.93


def test_a_whole_box_is_pasted_as_a_whole_box():
    box = torch.tensor([[3.0, 5.0, 9.0, 17.0]])
    pasted = segmentation.paste_masks(torch.ones(1, 28, 28), box, 20, 12)
    right = torch.zeros(20, 12)
    right[5:17, 3:9] = 1
    torch.testing.assert_close(pasted[0], right)


def test_iou_by_counting():
    a = torch.zeros(2, 4, 4, dtype=torch.bool)
    a[0, :2], a[1, 1:3] = True, True
    torch.testing.assert_close(segmentation.mask_iou_of_pairs(a, a), torch.ones(2))
    third = torch.full((2,), 1 / 3)
    torch.testing.assert_close(segmentation.mask_iou_of_pairs(a, a.flip(0)), third)
    empty = torch.zeros(1, 4, 4, dtype=torch.bool)
    assert segmentation.mask_iou_of_pairs(empty, empty).item() == 0


def test_extreme_points_touch_the_box(scene):
    for target in scene.targets:
        points = segmentation.extreme_points(target["masks"])
        x1, y1, x2, y2 = target["boxes"].T
        torch.testing.assert_close(points[:, 0, 1], y1 + 0.5)
        torch.testing.assert_close(points[:, 1, 0], x1 + 0.5)
        torch.testing.assert_close(points[:, 2, 1], y2 - 0.5)
        torch.testing.assert_close(points[:, 3, 0], x2 - 0.5)


def test_extreme_points_of_a_triangle():
    mask = torch.zeros(1, 6, 7, dtype=torch.bool)
    mask[0, 1, 3] = mask[0, 2, 2:5] = mask[0, 3, 1:6] = True
    top, left, bottom, right = segmentation.extreme_points(mask)[0].tolist()
    assert (top, left, bottom, right) == ([3.5, 1.5], [1.5, 3.5], [3.5, 3.5], [5.5, 3.5])


def test_jitter_has_its_size_and_keeps_boxes_open():
    boxes = torch.tensor([[10.0, 20.0, 50.0, 40.0]]).repeat(4000, 1)
    generator = torch.Generator().manual_seed(0)
    off = segmentation.jitter_boxes(boxes, 0.05, generator) - boxes
    torch.testing.assert_close(off.std(0), torch.tensor([2.0, 1, 2, 1]), rtol=0.08, atol=0)
    wild = segmentation.jitter_boxes(boxes, 2.0, generator)
    assert (wild[:, 2:] - wild[:, :2]).min() > 0.999
    again = segmentation.jitter_boxes(boxes, 0.05, torch.Generator().manual_seed(0))
    torch.testing.assert_close(again - boxes, off)
    whole = segmentation.jitter_boxes(boxes.long(), 0.05, torch.Generator().manual_seed(0))
    torch.testing.assert_close(whole - boxes, off)


def test_a_box_that_is_no_number_leaves_no_mask_that_looks_like_one(scene):
    target = scene.targets[0]
    boxes = target["boxes"].clone()
    boxes[0, 2] = torch.nan
    small = segmentation.crop_masks(target["masks"], boxes, 7)
    assert small[0].isnan().all() and not small[1:].isnan().any()
    with pytest.raises(ValueError, match="none NaN"):
        segmentation.shared_maps(target["masks"], boxes, 3)
    with pytest.raises(ValueError, match="boxes: 1 of"):
        segmentation.average_precision([], [target | {"boxes": boxes}])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": torch.tensor([0])}, "picture 0 has .*one row an object"),
        ({"masks": torch.zeros(1, 8, 8, dtype=torch.bool)}, "one row an object"),
        ({"labels": torch.tensor([-1, 0])}, "label -1: give labels from 0"),
    ],
)
def test_detectors_get_whole_objects(change, words):
    masks = torch.ones(2, 8, 8, dtype=torch.bool)
    target = {"boxes": torch.tensor([[0.0, 0, 8, 8]] * 2), "labels": torch.tensor([0, 1])}
    with pytest.raises(ValueError, match=words):
        segmentation.to_detector([target | {"masks": masks} | change])


@pytest.fixture(scope="module")
def crowd():
    return load(
        "scenes", count=25, classes=["mammal"], max_objects=2, object_size=(0.5, 0.7), quiet=True
    )


@pytest.mark.parametrize("parts", [1, 2, 3, 5])
def test_shared_maps_are_right_for_a_lone_object(crowd, parts):
    for target in crowd.targets:
        maps = segmentation.shared_maps(target["masks"][:1], target["boxes"][:1], parts)
        assert maps.shape[0] == parts**2
        read = segmentation.read_shared_maps(maps, target["boxes"][:1])
        assert torch.equal(read, target["masks"][:1])


@pytest.mark.parametrize("parts", [1, 3])
def test_shared_maps_only_ever_claim_too_much(crowd, parts):
    """A shared map never misses a pixel; it may give an object pixels of its neighbour."""
    wrong = 0
    for target in crowd.targets:
        maps = segmentation.shared_maps(target["masks"], target["boxes"], parts)
        read = segmentation.read_shared_maps(maps, target["boxes"])
        assert (read | ~target["masks"]).all()
        extra = read & ~target["masks"]
        assert not (extra & ~target["masks"].any(0)).any()
        wrong += int(extra.any())
    assert wrong > 3


def test_labels_are_shifted_there_and_back(scene):
    there = segmentation.to_detector(scene.targets)
    for ours, theirs in zip(scene.targets, there, strict=True):
        assert theirs["labels"].min() >= 1
        assert theirs["masks"].dtype == torch.uint8
        predictions = theirs | {
            "scores": torch.ones(len(theirs["labels"])),
            "masks": theirs["masks"][:, None].float(),
        }
        (back,) = segmentation.from_detector([predictions])
        assert torch.equal(back["labels"], ours["labels"])
        assert torch.equal(back["masks"], ours["masks"])
    assert scene.targets[0]["labels"].min() >= 0  # untouched


def _perfect(targets):
    shifted = segmentation.to_detector(targets)
    return segmentation.from_detector(
        [
            t | {"scores": torch.ones(len(t["labels"])), "masks": t["masks"][:, None].float()}
            for t in shifted
        ]
    )


class Oracle(torch.nn.Module):
    """Answers every box with a given small mask."""

    def __init__(self, small):
        super().__init__()
        self.small = iter(small)
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images, targets):
        assert images.max() <= 1 and images.dim() == 4
        return torch.where(next(self.small) > 0.5, 5.0, -5.0)[:, None]

    def probabilities(self, logits, labels):
        return logits[:, 0].sigmoid()


def test_masks_are_drawn_into_their_boxes(scene):
    regions = segmentation.region_targets(scene.targets, 0.05, 28, torch.Generator().manual_seed(1))
    oracle = Oracle([region["small"] for region in regions])
    drawn = segmentation.draw_masks(oracle, scene.images, regions)
    for masks, target, region in zip(drawn, scene.targets, regions, strict=True):
        assert not torch.equal(region["boxes"], target["boxes"])
        assert segmentation.mask_iou_of_pairs(masks, target["masks"]).min() > 0.6


def test_detect_takes_pictures_and_gives_labels_from_zero(scene):
    class Finder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, images):
            assert isinstance(images, list) and images[0].max() <= 1
            one = {
                "boxes": torch.zeros(1, 4),
                "labels": torch.tensor([1]),
                "scores": torch.ones(1),
                "masks": torch.full((1, 1, 128, 128), 0.6),
            }
            return [one] * len(images)

    found = segmentation.detect(Finder(), scene.images, batch_size=5)
    assert len(found) == len(scene)
    assert found[0]["labels"].tolist() == [0]
    assert found[0]["masks"].shape == (1, 128, 128) and found[0]["masks"].all()


def test_average_precision_of_the_truth_is_one(scene):
    found = segmentation.average_precision(_perfect(scene.targets), scene.targets)
    assert set(found) == {f"{k}_{n}" for k in ("box", "mask") for n in ("ap", "ap50", "ap75")}
    assert all(math.isclose(value, 1) for value in found.values())


def test_average_precision_sees_bad_masks_in_good_boxes(scene):
    found = _perfect(scene.targets)
    for prediction, target in zip(found, scene.targets, strict=True):
        filled = torch.ones(len(target["boxes"]), 28, 28)
        prediction["masks"] = segmentation.paste_masks(filled, target["boxes"], 128, 128) > 0.5
    result = segmentation.average_precision(found, scene.targets)
    assert result["box_ap"] == pytest.approx(1)
    assert result["mask_ap75"] < 0.7
