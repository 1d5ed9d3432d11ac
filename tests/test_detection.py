"""Grids, losses and scores of detectors: against worked examples, torchvision and torchmetrics."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torchvision import ops

from utils import detection

few = settings(max_examples=80, deadline=None, derandomize=True)

CELLS, CLASSES = 7, 3


def boxes_in_own_cells(draw, size: int, cells: int, most: int) -> torch.Tensor:
    """Boxes with centres in different cells; centres on borders and edges are likely."""
    places = draw(
        st.lists(
            st.tuples(st.integers(0, cells - 1), st.integers(0, cells - 1)),
            max_size=most,
            unique=True,
        )
    )
    share = st.one_of(st.sampled_from([0.0, 0.5]), st.floats(0, 0.999))
    edge = st.floats(0.002, 1)
    rows = []
    for row, column in places:
        x, y = (
            1.0 if place == cells - 1 and draw(st.booleans()) else (place + draw(share)) / cells
            for place in (column, row)
        )
        # Half of a multiple of 1/64 is exact, so a centre on the far edge stays there.
        width, height = (
            math.ceil(64 * draw(edge)) / 64 if centre == 1 else draw(edge) for centre in (x, y)
        )
        rows.append([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 4) * size


@st.composite
def pictures(draw):
    size = draw(st.sampled_from([1, 64, 128, 448]))
    cells = draw(st.sampled_from([1, 2, 7, 8]))
    boxes = boxes_in_own_cells(draw, size, cells, 6)
    labels = torch.tensor([draw(st.integers(0, CLASSES - 1)) for _ in boxes], dtype=torch.int64)
    return size, cells, boxes, labels


# ------------------------------------------------------------------------------ the encoding


@few
@given(pictures())
def test_decoding_undoes_encoding(picture):
    size, cells, boxes, labels = picture
    how = dict(size=size, num_classes=CLASSES)
    grid = detection.encode_boxes(boxes, labels, cells=cells, **how)
    assert grid[..., 4].sum() == len({tuple(place) for place in places(boxes, size, cells)})
    assume(grid[..., 4].sum() == len(boxes))  # rounding may put two centres into one cell
    found = detection.decode_boxes(grid, **how)
    assert (found["scores"] == 1).all()
    order = sorted(range(len(boxes)), key=lambda i: places(boxes, size, cells)[i][::-1])
    assert torch.allclose(found["boxes"], boxes[order], atol=1e-9 * size, rtol=0)
    assert found["labels"].tolist() == labels[order].tolist()


def places(boxes, size, cells):
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 / size
    return (centres * cells).long().clamp(max=cells - 1).tolist()


@pytest.mark.parametrize(
    ("centre", "cell", "offset"),
    [
        ((0, 0), (0, 0), (0, 0)),
        ((64, 64), (3, 3), (0.5, 0.5)),
        ((32, 96), (1, 5), (0.75, 0.25)),
        ((128, 128), (6, 6), (1, 1)),  # the picture's corner belongs to the last cell
        ((128, 0), (6, 0), (1, 0)),
    ],
)
def test_the_cell_with_the_centre_answers(centre, cell, offset):
    x, y = centre
    box = torch.tensor([[x - 20.0, y - 10.0, x + 20.0, y + 10.0]])
    grid = detection.encode_boxes(box, torch.tensor([2]), size=128, num_classes=3)
    assert grid.nonzero()[:, :2].unique(dim=0).tolist() == [[cell[1], cell[0]]]
    wanted = [*offset, 40 / 128, 20 / 128, 1, 0, 0, 1]
    assert grid[cell[1], cell[0]].tolist() == pytest.approx(wanted, abs=1e-5)


def test_a_centre_on_a_border_belongs_to_the_right_and_lower_cell():
    box = torch.tensor([[30.0, 10.0, 34.0, 22.0]])  # centre (32, 16), cells of 16
    grid = detection.encode_boxes(box, torch.tensor([0]), size=64, num_classes=1, cells=4)
    assert grid[1, 2, :5].tolist() == [0, 0, 4 / 64, 12 / 64, 1]


def test_of_two_centres_in_a_cell_the_first_is_kept():
    boxes = torch.tensor([[10.0, 10, 20, 20], [8.0, 8, 24, 24]])
    grid = detection.encode_boxes(boxes, torch.tensor([1, 0]), size=128, num_classes=2)
    found = detection.decode_boxes(grid, size=128, num_classes=2)
    assert found["labels"].tolist() == [1] and len(found["boxes"]) == 1


def test_pictures_need_not_be_square():
    box = torch.tensor([[100.0, 50, 300, 90]])
    how = dict(size=(400, 100), num_classes=1)
    grid = detection.encode_boxes(box, torch.tensor([0]), **how)
    assert grid[4, 3, 4] == 1
    assert detection.decode_boxes(grid, **how)["boxes"][0].tolist() == pytest.approx(
        box[0].tolist(), abs=1e-4
    )


def test_two_boxes_a_cell_share_its_classes():
    grid = torch.zeros(7, 7, 10 + 2)
    grid[2, 3] = torch.tensor([0.5, 0.5, 0.2, 0.2, 0.9, 0, 0, 0.5, 0.4, 0.3, 0.25, 0.75])
    found = detection.decode_boxes(grid, size=70, num_classes=2, threshold=0.1)
    assert found["labels"].tolist() == [1, 1]
    assert found["scores"].tolist() == pytest.approx([0.9 * 0.75, 0.3 * 0.75])
    assert found["boxes"].flatten().tolist() == pytest.approx([28, 18, 42, 32, 12.5, 6, 47.5, 34])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: detection.encode_boxes(
                torch.tensor([[5.0, 5, 5, 9]]), torch.tensor([0]), size=9, num_classes=1
            ),
            "empty or is centred outside",
        ),
        (
            lambda: detection.encode_boxes(
                torch.tensor([[5.0, 5, 50, 9]]), torch.tensor([0]), size=9, num_classes=1
            ),
            "empty or is centred outside",
        ),
        (
            lambda: detection.encode_boxes(
                torch.tensor([[1.0, 1, 5, 9]]), torch.tensor([1]), size=9, num_classes=1
            ),
            "run from 0 to 0",
        ),
        (
            lambda: detection.encode_boxes(
                torch.tensor([[1.0, 1, 5, 9]]), torch.tensor([]), size=9, num_classes=1
            ),
            "one label a box",
        ),
        (lambda: detection.decode_boxes(torch.zeros(7, 7, 9), size=9, num_classes=2), "5B \\+ C"),
        (lambda: detection.decode_boxes(torch.zeros(7, 6, 7), size=9, num_classes=2), "5B \\+ C"),
        (lambda: detection.score_detections([{}], []), "1 predictions for 0 pictures"),
        (lambda: detection.precision_recall(scored([1], 0)), "share of the objects"),
        (lambda: detection.mean_average_precision([], [], num_classes=2), "nothing to find"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_detect_decodes_clips_and_suppresses_class_by_class():
    grid = torch.zeros(1, 7, 7, 5 + 2)
    grid[0, 3, 3] = torch.tensor([0.5, 0.5, 0.5, 0.5, 0.9, 1, 0])
    grid[0, 3, 4] = torch.tensor([0.0, 0.5, 0.5, 0.5, 0.8, 1, 0])  # the same object again
    grid[0, 4, 3] = torch.tensor([0.5, 0.0, 0.5, 0.5, 0.7, 0, 1])  # another class: stays
    grid[0, 0, 0] = torch.tensor([0.0, 0.0, 0.2, 0.2, 0.04, 1, 0])  # too unsure
    (found,) = detection.detect(grid, size=70, num_classes=2)
    assert found["scores"].tolist() == pytest.approx([0.9, 0.7])
    assert found["labels"].tolist() == [0, 1]
    grid[0, 0, 0, 4] = 0.5
    (found,) = detection.detect(grid, size=70, num_classes=2)
    assert found["boxes"][2].tolist() == [0, 0, 7, 7], "clipped to the picture"


@few
@given(pictures())
def test_a_mirrored_grid_is_the_grid_of_mirrored_boxes(picture):
    size, cells, boxes, labels = picture
    how = dict(size=size, num_classes=CLASSES, cells=cells)
    grid = detection.encode_boxes(boxes, labels, **how)
    torch.manual_seed(0)
    images, grids = detection.flip_some(
        torch.arange(2.0).expand(6, 1, 1, 2), grid.repeat(6, 1, 1, 1)
    )
    flipped = images[:, 0, 0, 0] == 1
    assert 0 < flipped.sum() < 6 and torch.equal(grids[~flipped][0], grid)
    found, before = (
        detection.decode_boxes(one, size=size, num_classes=CLASSES)
        for one in (grids[flipped][0], grid)
    )
    mirrored = before["boxes"].clone()
    mirrored[:, [0, 2]] = size - before["boxes"][:, [2, 0]]
    key = lambda rows: sorted(rows.round(decimals=6).tolist())
    assert np.allclose(key(found["boxes"]), key(mirrored), atol=1e-5 * size)
    assert found["labels"].bincount().tolist() == before["labels"].bincount().tolist()


# ------------------------------------------------------------------------------ the loss


def worked_example():
    """One picture, 2 x 2 cells, two boxes a cell, two classes; an object in the upper right cell.

    Corners as shares of the picture: the object spans 0.5..1 x 0..0.5. The second box of its cell
    spans 0.5..1 x 0.125..0.375, IoU 1/2; the first is a speck of IoU 0.0025/0.25 = 0.01.
    """
    target = torch.zeros(1, 2, 2, 7)
    target[0, 0, 1] = torch.tensor([0.5, 0.5, 0.5, 0.5, 1, 0, 1])
    answer = torch.zeros(1, 2, 2, 12)
    answer[0, 0, 1] = torch.tensor([0.5, 0.5, 0.05, 0.05, 0.3, 0.5, 0.5, 0.5, 0.25, 0.9, 0.4, 0.7])
    answer[0, 1, 0, 4] = 0.2
    answer[0, 1, 0, 9] = -0.1
    answer[0, 1, 0, 10:] = 0.6  # classes of an empty cell cost nothing
    return answer, target


def test_the_loss_of_a_worked_example_term_by_term():
    answer, target = worked_example()
    terms = {name: term.item() for name, term in detection.yolo_terms(answer, target, 2).items()}
    roots = (math.sqrt(0.5) - math.sqrt(0.25)) ** 2  # 0.0429
    assert terms["position"] == pytest.approx(0, abs=1e-9)
    assert terms["size"] == pytest.approx(roots, rel=1e-4)
    assert terms["object"] == pytest.approx((0.9 - 0.5) ** 2, rel=1e-5)
    assert terms["no_object"] == pytest.approx(0.3**2 + 0.2**2 + 0.1**2, rel=1e-5)
    assert terms["classes"] == pytest.approx(0.4**2 + 0.3**2, rel=1e-5)
    total = 5 * roots + 0.16 + 0.5 * 0.14 + 0.25
    assert detection.yolo_loss(answer, target, 2).item() == pytest.approx(total, rel=1e-4)


def test_position_counts_five_times_and_only_for_the_responsible_box():
    answer, target = worked_example()
    before = detection.yolo_loss(answer, target, 2)
    answer[0, 0, 1, 0] = 0.9  # the speck moves: nobody asked it
    assert detection.yolo_loss(answer, target, 2) == before
    moved = answer.clone()
    moved[0, 0, 1, 5] += 0.2
    terms = detection.yolo_terms(moved, target, 2)
    assert terms["position"].item() == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("first", "second", "answers"),
    [
        ((0.5, 0.5, 0.5, 0.5), (0.5, 0.5, 0.5, 0.25), 0),  # the higher IoU
        ((0.5, 0.5, 0.1, 0.1), (0.4, 0.5, 0.5, 0.5), 1),
        ((0.0, 0.0, 0.01, 0.01), (-1.9, 0.5, 0.4, 0.4), 0),  # a touch beats none
        ((-1.9, 0.5, 0.1, 0.1), (-1.0, 0.5, 0.1, 0.1), 1),  # none touches: the nearer
        ((0.5, 0.5, -0.5, -0.5), (0.9, 0.5, 0.0, 0.0), 1),  # negative sides have no area
    ],
)
def test_which_box_is_responsible(first, second, answers):
    target = torch.zeros(1, 2, 2, 6)
    target[0, 0, 1] = torch.tensor([0.5, 0.5, 0.5, 0.5, 1, 1])
    answer = torch.zeros(1, 2, 2, 11)
    answer[0, 0, 1] = torch.tensor([*first, 1.0, *second, 1.0, 1.0])
    answer.requires_grad_()
    detection.yolo_terms(answer, target, 1)["no_object"].backward()
    pushed = answer.grad[0, 0, 1, [4, 9]] != 0  # the other box's confidence is pushed down
    assert pushed.tolist() == [answers == 1, answers == 0]


def test_a_perfect_answer_costs_nothing_and_confidence_has_the_iou_as_its_aim():
    _, target = worked_example()
    answer = torch.zeros(1, 2, 2, 12)
    answer[..., :5], answer[..., 10:] = target[..., :5], target[..., 5:]
    assert detection.yolo_loss(answer, target, 2).item() == pytest.approx(0, abs=1e-9)


def test_negative_sides_keep_loss_and_gradient_finite():
    answer, target = worked_example()
    answer[0, 0, 1, 2:4], answer[0, 0, 1, 7:9] = -0.3, 0.0
    answer.requires_grad_()
    loss = detection.yolo_loss(answer, target, 2)
    loss.backward()
    assert loss.isfinite() and answer.grad.isfinite().all()
    assert answer.grad[0, 0, 1, [2, 7]].abs().sum() > 0, "they are pushed back"


def test_the_loss_is_a_mean_over_pictures():
    answer, target = worked_example()
    one = detection.yolo_loss(answer, target, 2)
    empty = torch.zeros_like(target)
    both = detection.yolo_loss(answer.repeat(3, 1, 1, 1), target.repeat(3, 1, 1, 1), 2)
    assert both.item() == pytest.approx(one.item())
    nothing = detection.yolo_terms(answer, empty, 2)
    assert nothing["size"] == 0 and nothing["classes"] == 0 and nothing["no_object"] > 0


@pytest.mark.parametrize("loss", [detection.yolo_terms, detection.grid_loss])
def test_one_grid_of_targets_is_not_taken_for_those_of_all_pictures(loss):
    """As many pictures as cells: one picture's (S, S, 5 + C) would fit the others' by chance."""
    predictions = torch.rand(CELLS, CELLS, CELLS, 10 + CLASSES)
    with pytest.raises(ValueError, match="one grid of the same size for each picture"):
        loss(predictions, torch.rand(CELLS, CELLS, 5 + CLASSES), CLASSES)


def test_the_grid_loss_prefers_the_truth_and_uses_complete_iou():
    target = torch.zeros(1, 2, 2, 7)
    target[0, 0, 1] = torch.tensor([0.5, 0.5, 0.4, 0.6, 1, 0, 1])
    right = target.clone()
    right[..., 5:] = torch.tensor([0.025, 0.975])  # what smoothing asks for
    wrong = right.clone()
    wrong[0, 0, 1, :4] = torch.tensor([0.7, 0.5, 0.3, 0.6])
    base = detection.grid_loss(right, target, 2)
    entropy = -(0.025 * math.log(0.025) + 0.975 * math.log(0.975))
    assert base.item() == pytest.approx(entropy, abs=1e-4)
    corners = lambda x, w: [[x - w / 2, -0.05, x + w / 2, 0.55]]
    shape = ops.complete_box_iou_loss(
        torch.tensor(corners(0.85, 0.3)), torch.tensor(corners(0.75, 0.4)), reduction="sum"
    )
    extra = 2 * (0.2**2 + (math.sqrt(0.4) - math.sqrt(0.3)) ** 2 + shape.item())
    assert detection.grid_loss(wrong, target, 2).item() == pytest.approx(
        base.item() + extra, abs=1e-4
    )


# ------------------------------------------------------------------------------ the score


def scored(right, objects) -> detection.Scored:
    falling = torch.linspace(1, 0.1, len(right))
    return detection.Scored(falling, torch.tensor(right, dtype=torch.bool), objects)


def test_average_precision_of_a_worked_example():
    """Right, wrong, right; three objects: precision 1, 1/2, 2/3 at recall 1/3, 1/3, 2/3."""
    example = scored([1, 0, 1], 3)
    recall, precision = detection.precision_recall(example)
    assert recall.tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    assert precision.tolist() == pytest.approx([1, 1 / 2, 2 / 3])
    assert detection.average_precision(example) == pytest.approx(1 / 3 + 2 / 3 / 3)
    assert detection.average_precision(example, 101) == pytest.approx((34 + 33 * 2 / 3) / 101)
    assert detection.average_precision(scored([], 2)) == 0


def test_a_second_box_on_one_object_is_wrong_and_the_best_scored_is_first():
    target = [{"boxes": torch.tensor([[0.0, 0, 10, 10]]), "labels": torch.tensor([0])}]
    found = [
        {
            "boxes": torch.tensor([[0.0, 0, 10, 9], [0.0, 0, 10, 10], [20.0, 20, 30, 30]]),
            "labels": torch.tensor([0, 0, 1]),
            "scores": torch.tensor([0.7, 0.9, 0.95]),
        }
    ]
    judged = detection.score_detections(found, target, label=0)
    assert judged.right.tolist() == [True, False] and judged.objects == 1
    assert judged.scores.tolist() == pytest.approx([0.9, 0.7])
    whatever = detection.score_detections(found, target)
    assert whatever.right.tolist() == [False, True, False]
    strict = detection.score_detections(found, target, label=0, iou=0.95)
    assert strict.right.tolist() == [True, False]


def random_detections(seed: int, pictures: int = 12):
    """Objects, and detections that are objects moved a little, or somewhere else."""
    generator = torch.Generator().manual_seed(seed)
    rand = lambda *shape: torch.rand(*shape, generator=generator)
    predictions, targets = [], []
    for _ in range(pictures):
        count = int(torch.randint(0, 4, (), generator=generator))
        corner = rand(count, 2) * 60
        boxes = torch.cat([corner, corner + 10 + rand(count, 2) * 50], 1)
        labels = torch.randint(0, CLASSES, (count,), generator=generator)
        moved = boxes.repeat(2, 1) + (rand(2 * count, 4) - 0.5) * 14
        moved[:, 2:] = torch.maximum(moved[:, 2:], moved[:, :2] + 1)
        names = torch.where(
            rand(2 * count) < 0.8,
            labels.repeat(2),
            torch.randint(0, CLASSES, (2 * count,), generator=generator),
        )
        targets.append({"boxes": boxes, "labels": labels})
        predictions.append({"boxes": moved, "labels": names, "scores": rand(2 * count)})
    return predictions, targets


@pytest.mark.parametrize("seed", range(4))
def test_map_equals_that_of_torchmetrics(seed):
    from torchmetrics.detection import MeanAveragePrecision

    predictions, targets = random_detections(seed)
    # By default torchmetrics gives pycocotools these points in single precision, so that a recall
    # of exactly 0.7 misses its point or not; in double precision they are pycocotools' own.
    recalls = np.linspace(0, 1, 101).tolist()
    metric = MeanAveragePrecision(iou_thresholds=[0.3, 0.5, 0.75], rec_thresholds=recalls)
    metric.update(predictions, targets)
    wanted = metric.compute()
    for iou, name in ((0.5, "map_50"), (0.75, "map_75")):
        ours = detection.mean_average_precision(
            predictions, targets, num_classes=CLASSES, iou=iou, points=101
        )
        assert ours == pytest.approx(wanted[name].item(), abs=1e-6), iou


def test_the_area_itself_is_close_to_its_101_points():
    predictions, targets = random_detections(9, pictures=60)
    how = dict(num_classes=CLASSES)
    area = detection.mean_average_precision(predictions, targets, **how)
    points = detection.mean_average_precision(predictions, targets, points=101, **how)
    assert area == pytest.approx(points, abs=0.015) and 0.2 < area < 0.9


def test_the_null_model_guesses_each_class_s_mean_box():
    targets = [
        {"boxes": torch.tensor([[0.0, 0, 10, 10]]), "labels": torch.tensor([2])},
        {"boxes": torch.tensor([[2.0, 2, 20, 20], [1.0, 1, 9, 9]]), "labels": torch.tensor([2, 0])},
    ]
    guesses = detection.mean_box_detections(targets, 3, num_classes=4)
    assert len(guesses) == 3
    assert guesses[2]["boxes"].tolist() == [[1, 1, 9, 9], [1, 1, 15, 15]]
    assert guesses[2]["labels"].tolist() == [0, 2]
    assert guesses[2]["scores"].tolist() == pytest.approx([1 / 3, 2 / 3])


def test_error_types_of_a_worked_example():
    targets = [
        {
            "boxes": torch.tensor([[0.0, 0, 10, 10], [50.0, 50, 60, 60]]),
            "labels": torch.tensor([0, 1]),
        },
        {
            "boxes": torch.tensor([[0.0, 0, 10, 10], [20.0, 0, 30, 10], [40.0, 0, 50, 10]]),
            "labels": torch.tensor([0, 0, 0]),
        },
    ]
    predictions = [
        {
            "boxes": torch.tensor([[0.0, 0, 10, 9], [50.0, 50, 60, 59]]),
            "labels": torch.tensor([0, 0]),
            "scores": torch.tensor([0.9, 0.8]),
        },
        {
            "boxes": torch.tensor([[0.0, 0, 10, 3], [70.0, 70, 80, 80], [20.0, 0, 30, 10]]),
            "labels": torch.tensor([0, 0, 0]),
            "scores": torch.tensor([0.7, 0.6, 0.1]),  # the last is beyond the fourth: not looked at
        },
    ]
    kinds = detection.error_types(predictions, targets, num_classes=2)
    assert kinds == {"right": 0.25, "localisation": 0.25, "naming": 0.25, "background": 0.25}
