"""The checks of lecture 10, what a CNN can see."""

import numpy as np

from utils.exercises import (
    exercise,
    expect_choice,
    expect_each,
    expect_integer,
    run_against,
)

_CASES = ["++", "+-", "-+", "--"]


@exercise(
    "10.1",
    kind="predict",
    minutes=5,
    title="What passes a ReLU on the way down",
    hints=[
        "The gradient of a ReLU is one where its input was positive, whatever the signal.",
        "The deconvnet applies a ReLU to the signal; guided backpropagation asks both questions.",
    ],
)
def passes(answer):
    """Gradient: ++ and +-; deconvnet: ++ and -+; guided: ++ only."""

    def expect(right, misconceptions):
        return lambda value: expect_choice(value, right, _CASES, misconceptions)

    expect_each(
        answer,
        {
            "gradient": expect(
                ["++", "+-"],
                {
                    "+-": "where the unit was alive the gradient passes both signs: look at the "
                    "input's sign, the first one",
                    "-+": "a unit that was silent on the way up passes no gradient, and one that "
                    "spoke passes both signs: look at the input's sign, the first one",
                    "--": "a unit that was silent on the way up has gradient zero",
                },
            ),
            "deconvnet": expect(
                ["++", "-+"],
                {
                    "-+": "the deconvnet does not ask whether the unit was alive: a positive "
                    "signal passes",
                    "+-": "the deconvnet applies a ReLU to the signal: no negative signal passes, "
                    "and what the unit did on the way up does not matter",
                    "--": "a negative signal does not pass the deconvnet's ReLU",
                },
            ),
            "guided": expect(
                ["++"],
                {
                    "+-": "guided backpropagation also drops negative signals",
                    "-+": "guided backpropagation also asks whether the unit was alive",
                    "--": "guided backpropagation lets nothing through here, for two reasons",
                },
            ),
        },
    )
    return "one asks the past, one the present, one both"


@exercise(
    "10.2",
    kind="compute",
    minutes=10,
    title="The window of a unit after fire4",
    hints=[
        "The step doubles with every layer of stride 2: 2 after conv1, 4 after the first pool.",
        "Each 3 x 3 layer widens the window by 2 times the step before it.",
    ],
)
def fire4_window(answer):
    """Side 47, step 8."""
    expect_each(
        answer,
        {
            "side": lambda value: expect_integer(
                value,
                47,
                {
                    13: "that adds 2 for each layer, as if no layer had a stride",
                    15: "that adds 2 for each layer up to fire5, as if no layer had a stride",
                    31: "that is the window after the second pool: fire4 adds twice a step of 8",
                    39: "fire4 widens the window by 2 times the step, and the step is 8 by then",
                    63: "that is the window after fire5: one module too many",
                    55: "a layer's own stride does not widen its own window: take the step before",
                    18: "windows do not simply add up: a 3 x 3 layer adds 2 times the step below",
                    227: "that is the whole image; the window is far smaller at this depth",
                    23: "that is the window after fire3: the second pool and fire4 come on top",
                },
                "begin with 3 after conv1; each 3 x 3 layer adds 2 times the step before it",
            ),
            "step": lambda value: expect_integer(
                value,
                8,
                {
                    4: "there are three layers of stride 2 below: conv1 and two pools",
                    6: "strides multiply, they do not add",
                    16: "there are only three layers of stride 2 below fire4",
                    1: "fire4 itself has stride 1, but the step counts all layers below it",
                    2: "that is the step after conv1; both pools double it",
                },
                "multiply the strides of all layers up to fire4",
            ),
        },
    )
    return "the strides below decide how fast a window grows"


def _put_back(signal, switches, height, width):
    flat = np.zeros(height * width)
    np.add.at(flat, np.asarray(switches).ravel(), np.asarray(signal).ravel())
    return flat.reshape(height, width)


def _overwritten(signal, switches, height, width):
    flat = np.zeros(height * width)
    flat[np.asarray(switches).ravel()] = np.asarray(signal).ravel()
    return flat.reshape(height, width)


def _averaged(signal, switches, height, width):
    counts = np.zeros(height * width)
    np.add.at(counts, np.asarray(switches).ravel(), 1)
    return _put_back(signal, switches, height, width) / np.maximum(counts, 1).reshape(height, width)


def _pooling_cases(shapes, seed):
    """(signal, switches, height, width) of pooling random maps 3 x 3 in steps of 2."""
    rng = np.random.default_rng(seed)
    cases = []
    for height, width in shapes:
        x = rng.normal(size=(height, width))
        rows, columns = (height - 3) // 2 + 1, (width - 3) // 2 + 1
        switches = np.zeros((rows, columns), dtype=np.int64)
        for i in range(rows):
            for j in range(columns):
                window = x[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
                row, column = divmod(int(window.argmax()), 3)
                switches[i, j] = (2 * i + row) * width + 2 * j + column
        cases.append((rng.normal(size=(rows, columns)), switches, height, width))
    return cases


@exercise(
    "10.3",
    kind="build",
    minutes=15,
    title="Unpooling for overlapping windows",
    hints=[
        "Begin with height * width zeros in one row; a switch is a position in that row.",
        "Two windows may have chosen the same pixel: their values are added (np.add.at).",
    ],
)
def put_back(answer):
    """Add every value at its switch; zeros elsewhere."""
    centre = np.array([[12, 12], [12, 12]])
    cases = [
        (np.array([[1.0, 2.0], [3.0, 4.0]]), centre, 5, 5),
        *_pooling_cases([(7, 9), (11, 7), (9, 15), (13, 13)], seed=10),
    ]
    run_against(
        _put_back,
        answer,
        cases,
        [
            (_overwritten, "two windows chose the same pixel and only one value is left: add them"),
            (_averaged, "values that meet at one pixel are added, not averaged"),
            (
                lambda s, k, h, w: _put_back(s, (k % w) * h + k // w, h, w),
                "rows and columns are exchanged: a switch counts along the rows",
            ),
            (
                lambda s, k, h, w: _put_back(s, (k % h) * w + k // h, h, w),
                "the switches are read down the columns; they count along the rows: row and column "
                "are divmod(switch, width)",
            ),
            (
                lambda s, k, h, w: _put_back(s, k - 1, h, w),
                "the switches are read as if they began at 1; position 0 is the first pixel",
            ),
            (
                lambda s, k, h, w: _put_back(s, (h * w - 1) - k, h, w),
                "that turns the map upside down: a switch counts from the upper left",
            ),
            (
                lambda s, k, h, w: _put_back(s.T, k, h, w),
                "the signal is turned against its switches: value [i, j] belongs to switch [i, j]",
            ),
            (
                lambda s, k, h, w: _put_back(np.maximum(s, 0), k, h, w),
                "that also rectifies; unpooling puts back negative values too, the ReLU comes next",
            ),
            (
                lambda s, k, h, w: _put_back(s, k, h, w).ravel(),
                "the values are right; bring them into the shape (height, width)",
            ),
            (
                lambda s, k, h, w: (_put_back(s, k, h, w) != 0).astype(float),
                "that marks the places; the values of the signal belong there",
            ),
        ],
        tolerance=1e-6,
    )
    return "what met at one pixel is added, as the gradient of pooling adds it"


_BGR_MEAN = np.array([103.939, 116.779, 123.68]).reshape(3, 1, 1)
_MEAN = np.array([0.485, 0.456, 0.406]).reshape(3, 1, 1)
_STD = np.array([0.229, 0.224, 0.225]).reshape(3, 1, 1)


@exercise(
    "10.4",
    kind="debug",
    minutes=10,
    title="The cat that was a mosquito net",
    hints=[
        "What range do the weights expect, 0 to 1 or 0 to 255? Is there a division left?",
        "Which channel comes first in `image`, and which in `BGR_MEAN`? image[::-1] turns it.",
    ],
)
def to_input(answer):
    """Channels reversed, 0..255, less the mean of blue, green, red."""
    rng = np.random.default_rng(4)
    cases = [
        (rng.integers(0, 256, (3, h, w), dtype=np.uint8),) for h, w in ((4, 5), (8, 8), (2, 3))
    ]
    run_against(
        lambda image: image[::-1].astype(float) - _BGR_MEAN,
        answer,
        cases,
        [
            (
                lambda image: (image / 255 - _MEAN) / _STD,
                "that is still torchvision's normalisation: these weights want 0 to 255 less a "
                "mean, and no division",
            ),
            (
                lambda image: image - _BGR_MEAN,
                "red still comes first: the mean of blue is taken from red",
            ),
            (
                lambda image: image - _BGR_MEAN[::-1],
                "the means fit their channels, but red still comes first",
            ),
            (
                lambda image: image[::-1] - _BGR_MEAN[::-1],
                "the channels are turned and the means too: now blue loses red's mean",
            ),
            (
                lambda image: image[::-1] / 255 - _BGR_MEAN / 255,
                "the order is right; the range is 0 to 1, and should be 0 to 255",
            ),
            (
                lambda image: image[:, :, ::-1] - _BGR_MEAN,
                "that mirrors the picture; the channels are the first axis",
            ),
            (lambda image: image[::-1].astype(float), "the order is right; the mean is still in"),
            (
                lambda image: (image[::-1] / 255 - _MEAN[::-1]) / _STD[::-1],
                "the order is right, but the range is still torchvision's",
            ),
        ],
        tolerance=1e-5,
    )
    return "a wrong input raises no error: look at a known photograph first"


def _map(weights, image, size, stride, picture, *, last=1):
    """Score of `picture(row, column)` at every place; a score is the weighted sum of pixels."""
    height, width = image.shape
    return np.array(
        [
            [
                float((weights * picture(row, column)).sum())
                for column in range(0, width - size + last, stride)
            ]
            for row in range(0, height - size + last, stride)
        ]
    )


def _square(row, column, size):
    return slice(row, row + size), slice(column, column + size)


def _occlusion(weights, image, size, stride, *, last=1):
    def covered(row, column):
        copy = np.array(image, dtype=float)
        copy[_square(row, column, size)] = 0
        return copy

    return _map(weights, image, size, stride, covered, last=last)


def _never_removed(weights, image, size, stride):
    work = np.array(image, dtype=float)

    def covered(row, column):
        work[_square(row, column, size)] = 0
        return work

    return _map(weights, image, size, stride, covered)


def _only_square(weights, image, size, stride):
    def alone(row, column):
        kept = np.zeros(image.shape)
        kept[_square(row, column, size)] = image[_square(row, column, size)]
        return kept

    return _map(weights, image, size, stride, alone)


def _grey_square(weights, image, size, stride):
    def covered(row, column):
        copy = np.array(image, dtype=float)
        copy[_square(row, column, size)] = image.mean()
        return copy

    return _map(weights, image, size, stride, covered)


@exercise(
    "10.5",
    kind="build",
    minutes=15,
    title="An occlusion map",
    hints=[
        "Rows go over range(0, height - size + 1, stride), columns likewise.",
        "Copy the image for every place, cover the square in the copy, score the copy.",
    ],
)
def occlusion(answer):
    """Score of the image with a zero square at every stride-th place."""
    rng = np.random.default_rng(5)
    shapes = [((6, 8), 2, 2), ((9, 7), 3, 2), ((5, 5), 5, 1), ((10, 12), 4, 3), ((8, 6), 3, 1)]
    cases = [
        (rng.uniform(1, 2, size=shape), rng.uniform(1, 2, size=shape), size, stride)
        for shape, size, stride in shapes
    ]
    run_against(
        _occlusion,
        answer,
        cases,
        [
            (_never_removed, "the squares pile up: start from a fresh copy at every place"),
            (
                lambda *case: _occlusion(*case, last=0),
                "the last place is missing: a range needs height - size + 1",
            ),
            (
                lambda *case: _occlusion(*case).T,
                "rows and columns are exchanged: one row of the result for each vertical place",
            ),
            (_only_square, "that covers everything but the square; cover the square itself"),
            (
                lambda weights, image, *case: (
                    (weights * image).sum() - _occlusion(weights, image, *case)
                ),
                "that is the loss of score; the map holds the score itself",
            ),
            (
                lambda weights, image, *case: _occlusion(np.ones_like(image), image, *case),
                "that sums the pixels and ignores the weights: the network's score is "
                "(weights * image).sum()",
            ),
            (
                lambda weights, image, *case: _occlusion(weights, np.ones_like(image), *case),
                "that scores a picture of ones: the uncovered pixels keep their values",
            ),
            (
                lambda weights, image, *case: (
                    _occlusion(weights, image, *case) / (weights * image).sum()
                ),
                "that is the share of the score that is left; the map holds the score itself",
            ),
            (
                lambda weights, image, size, stride: _occlusion(weights, image, size, 1),
                "that covers every place; go in steps of `stride`",
            ),
            (
                lambda weights, image, size, stride: _occlusion(weights, image, size, size),
                "those steps are as long as the square; they should be `stride` long",
            ),
            (
                lambda weights, image, size, stride: _occlusion(
                    weights, image, size, stride, last=size
                ),
                "the last squares stick out of the image; cover only where the whole square fits",
            ),
            (_grey_square, "that covers with the mean of the image; cover with zeros"),
        ],
        tolerance=1e-6,
    )
    return "a list of experiments, one for each place"
