"""The checks of lecture 13, object detection."""

import itertools
import math

from utils.exercises import (
    Wrong,
    exercise,
    expect_array,
    expect_integer,
    expect_number,
    run_against,
)


@exercise(
    "13.1",
    kind="predict",
    minutes=3,
    title="An overlap",
    hints=[
        "Half a side to the right and half a side down: what share of the square is still common?",
        "The union is both squares together, less what they have in common.",
    ],
)
def overlap(answer):
    """1/4 over 7/4."""
    expect_number(
        answer,
        1 / 7,
        {
            1 / 4: "a quarter is the overlap; the IoU divides it by the union, which is larger",
            1 / 3: "that is half a side in one direction only; here it is both",
            1 / 2: "half a side is the shift, not what is left in common",
            1 / 8: "the union is the two squares less the common part, which they share",
            1 / 5: "half of each side is common: a half times a half",
            3 / 4: "that is the share of the square that is not covered",
            7: "that is the union over the overlap",
            0: "they still touch: a quarter of each square is common",
            14: "give a number between 0 and 1, not per cent",
            14.29: "give a number between 0 and 1, not per cent",
        },
        tolerance=0.006,
        otherwise="take a square of side 2. What area do the two share, and what area do they "
        "cover together?",
    )
    return "a quarter in common, seven quarters in the union"


@exercise(
    "13.2",
    kind="compute",
    minutes=4,
    title="YOLO's numbers",
    hints=[
        "How many numbers does one box need?",
        "The classes belong to the cell, not to the box.",
    ],
)
def numbers(answer):
    """14 x 14 x (3 x 5 + 80)."""
    expect_integer(
        answer,
        14 * 14 * (3 * 5 + 80),
        {
            14 * 14 * 3 * (5 + 80): "one set of classes a cell, not one a box: the boxes share it",
            14 * 14 * (3 * 4 + 80): "each box also has a confidence: five numbers, not four",
            14 * 14 * (5 + 80): "three boxes a cell, not one",
            14 * 14 * 3 * 5: "that is the boxes; each cell also has a probability for each class",
            14 * 14 * 3: "that is how many boxes there are; how many numbers describe them?",
            3 * 5 + 80: "that is one cell; there are 14 x 14",
            7 * 7 * (3 * 5 + 80): "that is for 7 x 7 cells; here there are 14 x 14",
            1470: "that is the paper's network: 7 x 7 cells, two boxes, 20 classes",
            14 * 14 * 3 * (4 + 80): "each box also has a confidence, and the classes belong to the "
            "cell, not to the box",
            14 * 14 * (3 * 5 + 81): "nothing stands for the background: a low confidence says it",
            14 * 14 * (2 * 5 + 80): "three boxes a cell, not the paper's two",
            14 * (3 * 5 + 80): "14 rows of 14 cells: that is one row",
        },
        otherwise="count one cell first, its boxes of five numbers each and one set of classes; "
        "then multiply by the cells",
    )
    return "boxes add up within a cell, classes are shared"


def _overlaps(box, objects):
    import torch

    corner = torch.maximum(box[:2], objects[:, :2])
    common = (torch.minimum(box[2:], objects[:, 2:]) - corner).clamp(min=0).prod(1)
    area = lambda boxes: (boxes[..., 2:] - boxes[..., :2]).prod(-1)
    return common / (area(box) + area(objects) - common)


def _judge(boxes, objects, threshold, *, strict=False, again=False, first=False, voc=False):
    """Right by default; each option is one way to be wrong."""
    free, right = [True] * len(objects), []
    for box in boxes:
        values = _overlaps(box, objects).tolist() if len(objects) else []
        enough = [
            n
            for n, value in enumerate(values)
            if (free[n] or again or voc) and (value > threshold if strict else value >= threshold)
        ]
        best = None
        if enough:
            best = enough[0] if first else max(enough, key=lambda n: values[n])
        if voc and best is not None and not free[best]:
            best = None
        right.append(best is not None)
        if best is not None:
            free[best] = False
    return right


def _judge_without_clamp(boxes, objects, threshold):
    import torch

    free, right = torch.ones(len(objects), dtype=torch.bool), []
    for box in boxes:
        corner = torch.maximum(box[:2], objects[:, :2])
        common = (torch.minimum(box[2:], objects[:, 2:]) - corner).prod(1)
        area = lambda b: (b[..., 2:] - b[..., :2]).prod(-1)
        value = common / (area(box) + area(objects) - common)
        value[~free] = -1
        hit = bool(len(value)) and bool(value.max() >= threshold)
        right.append(hit)
        if hit:
            free[value.argmax()] = False
    return right


def _judging_cases():
    import torch

    boxes = lambda *rows: torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)
    whole, part = [0, 0, 10, 10], [0, 0, 10, 8]
    cases = [
        (boxes(whole, whole), boxes(whole), 0.5),  # found twice
        (boxes([0, 0, 4, 2]), boxes([0, 0, 4, 4]), 0.5),  # exactly the threshold
        (boxes(whole, [0, 0, 10, 9.5]), boxes(whole, part), 0.5),  # the second best is free
        (boxes(whole, [0, 0, 10, 7]), boxes(part, whole), 0.75),  # the best, not the first
        (boxes([0, 0, 3, 3]), boxes([20, 20, 23, 23]), 0.3),  # far apart on both axes
        (boxes(), boxes(whole), 0.5),
        (boxes(whole, part), boxes(), 0.5),
    ]
    generator = torch.Generator().manual_seed(13)
    for _ in range(6):
        corner = torch.rand(5, 2, generator=generator) * 40
        objects = torch.cat([corner, corner + 8 + torch.rand(5, 2, generator=generator) * 20], 1)
        noise = torch.randn(8, 4, generator=generator) * 2
        found = objects[torch.randint(0, 5, (8,), generator=generator)] + noise
        cases.append((found, objects, 0.4))
    return cases


@exercise(
    "13.3",
    kind="build",
    minutes=20,
    title="The judge of boxes",
    hints=[
        "Keep a list of which objects are still free, and go through the boxes in their order.",
        "Among the free objects take the one with the largest IoU, and compare with >=.",
    ],
)
def judge_boxes(answer):
    """Greedy matching, best score first."""
    run_against(
        _judge,
        answer,
        _judging_cases(),
        [
            (
                lambda *case: _judge(*case, again=True),
                "an object may be claimed once: the second box on it is wrong, and here it counts",
            ),
            (
                lambda *case: _judge(*case, strict=True),
                "an IoU of exactly the threshold counts as found: use >=, not >",
            ),
            (
                lambda *case: _judge(*case, first=True),
                "a box takes the free object it overlaps most, not the first that is good enough",
            ),
            (
                lambda *case: _judge(*case, voc=True),
                "a box whose best object is taken may still take another one that is free",
            ),
            (
                _judge_without_clamp,
                "two boxes that do not touch seem to overlap: clamp the sides of the common part "
                "at zero, or two negative sides make a positive area",
            ),
        ],
    )
    return "best score first, and every object once"


def _size_value(answer, predicted, target):
    import torch

    got = answer(torch.tensor(predicted), torch.tensor(target))
    try:
        return float(got)
    except (TypeError, ValueError, RuntimeError):
        raise Wrong("the loss should be one number: the sum over all boxes") from None


@exercise(
    "13.4",
    kind="debug",
    minutes=15,
    title="The loss that becomes nan",
    hints=[
        "What is the square root of -0.1? And what happens to a sum that holds it?",
        "A root with the sign of its argument: sign(w) times the root of |w|.",
    ],
)
def size_loss(answer):
    """The roots' squared difference above zero; finite and falling towards zero below."""
    targets = [0.25, 0.81, 0.04]
    for predicted in ([0.25, 0.49, 0.09], [0.01, 1.0, 0.64], [0.36, 0.81, 0.04]):
        right = sum(
            (math.sqrt(p) - math.sqrt(t)) ** 2 for p, t in zip(predicted, targets, strict=True)
        )
        got = _size_value(answer, predicted, targets)
        plain = sum((p - t) ** 2 for p, t in zip(predicted, targets, strict=True))
        if math.isnan(got):
            raise Wrong("the loss is nan even for widths above zero")
        if abs(got - right) <= 2e-3 * max(right, 1):
            continue
        if abs(got - right / 3) <= 1e-4:
            raise Wrong("that is the mean over the boxes; Eq. 3 adds them up")
        if abs(got - plain) <= 1e-4:
            raise Wrong(
                "the roots are gone: without them a pixel costs a large box as much as a small one"
            )
        raise Wrong(
            f"for widths {predicted} and targets {targets} the loss is {got:.4g}; above zero it "
            f"has to stay {right:.4g}"
        )
    target = 0.25
    values = [_size_value(answer, [p], [target]) for p in (-0.5, -0.25, -0.1, 0.0, 0.04)]
    if any(math.isnan(value) for value in values):
        raise Wrong("still nan below zero: the root of a negative width is no number")
    if any(math.isinf(value) for value in values):
        raise Wrong("infinite at zero or below: one such box ruins the whole sum")
    if max(values[:3]) - min(values[:3]) < 1e-6:
        raise Wrong(
            "below zero the loss is flat: nothing leads the width back, and the box is lost for "
            "ever"
        )
    if values[1] < 1e-3:
        raise Wrong("a width of -0.25 costs nothing where 0.25 is wanted: the sign was thrown away")
    if not all(a > b for a, b in itertools.pairwise(values)):
        raise Wrong(
            "the loss should fall all the way as the width rises from below zero to the target, "
            f"but at -0.5, -0.25, -0.1, 0 and 0.04 it is {', '.join(f'{v:.3g}' for v in values)}"
        )
    return "finite everywhere, and always a way back"


@exercise(
    "13.5",
    kind="compute",
    minutes=6,
    title="A cell, decoded",
    hints=[
        "A cell is 448 / 7 = 64 pixels wide. Where is its left edge, and where in it the centre?",
        "Width and height are shares of the whole picture. Half of each lies on either side.",
    ],
)
def box(answer):
    """Centre (288, 144), sides 89.6 and 224."""

    def corners(x, y, width, height):
        return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]

    if hasattr(answer, "__len__") and len(answer) != 4:
        raise Wrong("a box is four numbers: x1, y1, x2, y2")
    expect_array(
        answer,
        corners(288, 144, 89.6, 224),
        [
            (
                corners(2.5 * 64, 4.25 * 64, 89.6, 224),
                "row and column are swapped: the column goes with x, the row with y",
            ),
            (
                [288, 144, 89.6, 224],
                "that is centre and size; two corners are wanted",
            ),
            (
                [288, 144, 288 + 89.6, 144 + 224],
                "x and y are the centre, not the upper left corner: half of each side lies on "
                "either side of it",
            ),
            (
                corners(288, 144, 0.2 * 64, 0.5 * 64),
                "width and height are shares of the picture, not of the cell",
            ),
            (
                corners(0.5 * 448, 0.25 * 448, 89.6, 224),
                "x and y are shares of the cell: row 2, column 4 has to come in",
            ),
            (
                corners(5.5 * 64, 3.25 * 64, 89.6, 224),
                "rows and columns count from 0: column 4 begins at 4 x 64 pixels",
            ),
            (
                [value / 448 for value in corners(288, 144, 89.6, 224)],
                "those are shares of the picture; the box is wanted in pixels",
            ),
            (
                [value / 64 for value in corners(288, 144, 89.6, 224)],
                "those are cells; a cell is 64 pixels wide",
            ),
            (
                [288 - 89.6, 144 - 224, 288 + 89.6, 144 + 224],
                "the box is twice as wide and high: half of each side lies on either side of "
                "the centre",
            ),
            (
                corners(4 * 64, 2 * 64, 89.6, 224),
                "that puts the centre at the cell's corner: x and y say where in the cell it lies",
            ),
        ],
        tolerance=2e-3,
    )
    return "position from the cell, size from the picture"
