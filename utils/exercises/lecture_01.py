"""The checks of lecture 01, Why image classification is hard."""

import math

import numpy as np

from utils.exercises import (
    Wrong,
    exercise,
    expect_each,
    expect_number,
    run_against,
)


@exercise(
    "01.1",
    kind="predict",
    minutes=3,
    title="A unit's sum in half the light",
    hints=[
        "Which part of the sum depends on the picture, and which does not?",
        "Without the bias the weighted sum was 8. Halve that, then add the bias again.",
    ],
)
def half_light(answer):
    """(6 - (-2)) / 2 + (-2)."""
    expect_number(
        answer,
        2,
        {
            3: "3 is half of everything; the bias does not see the picture and stays as it is",
            6: "intensities are what is added up: half the light changes the sum",
            4: "that is half of the weighted sum; the bias still has to be added",
            8: "8 is the weighted sum without the bias, in full light",
            0: "the bias is already inside the 6: take it out before you halve",
            1: "the bias is already inside the 6: take it out before you halve, and keep it whole",
            5: "only the weighted part is halved, and the bias is added once",
            -1: "the bias is already inside the 6: halve the weighted part alone, and add it once",
            7: "the bias was taken away instead of added: it is -2",
            10: "that takes the bias away in full light; it is added, and the light is halved",
            12: "that is twice the sum; half the light cannot make it larger",
            -2: "that is the bias alone: half the light is not darkness",
        },
        otherwise="take the bias out of the 6, halve what the picture contributes, put the bias "
        "back",
    )
    return "the light scales the weighted part, and the bias stays"


@exercise(
    "01.2",
    kind="compute",
    minutes=6,
    title="How far a stroke moves away from itself",
    hints=[
        "Count the pixels in which the two pictures differ; each of them differs by 1.",
        "Moved by 1: one column loses its ink, one column gains it, and one column keeps it.",
    ],
)
def stroke_distances(answer):
    """The root of the number of pixels that differ: 40, 80, 80."""

    def expect(right, more=None):
        count = round(right**2)
        advice = "mark the pixels that differ, square each difference (1), add, take the root"
        known = {
            float(count): f"{count} pixels differ; the distance is the root of their number",
            count / 28**2: "that is a mean over all pixels; the distance adds the squares up",
            math.sqrt(count / 2): "ink vanishes in one place *and* appears in another: count both",
            math.sqrt(count / 28**2): "that is a root of a mean; here the squares are added up",
            **(more or {}),
        }
        known.pop(right, None)
        return lambda value: expect_number(value, right, known, 0.0006, advice)

    expect_each(
        answer,
        {
            "1 pixel": expect(
                math.sqrt(40),
                {
                    1.0: "one pixel is how far it moved; the distance is about grey values",
                    math.sqrt(80): "half of the stroke still overlaps: those pixels do not differ",
                },
            ),
            "2 pixels": expect(
                math.sqrt(80), {2 * math.sqrt(40): "not twice as far: distances add up as squares"}
            ),
            "10 pixels": expect(
                math.sqrt(80),
                {
                    10 * math.sqrt(40): "it does not grow for ever: count the pixels that differ",
                    5 * math.sqrt(80): "it does not grow for ever: count the pixels that differ",
                    math.sqrt(400): "it does not grow with the shift: count what differs",
                },
            ),
        },
    )
    return "from the stroke's own width on, pixel distance stops noticing"


def _rounded(value):
    return math.floor(value + 0.5)


def _centre_of_mass(image):
    rows, columns = np.indices(image.shape)
    mass = image.sum()
    return (rows * image).sum() / mass, (columns * image).sum() / mass


def _step(image):
    row, column = _centre_of_mass(image)
    height, width = image.shape
    return _rounded(width // 2 - column), _rounded(height // 2 - row)


def _swapped(image):
    dx, dy = _step(image)
    return dy, dx


def _backwards(image):
    dx, dy = _step(image)
    return -dx, -dy


def _by_box(image):
    rows, columns = np.nonzero(image)
    row, column = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    return _rounded(image.shape[1] // 2 - column), _rounded(image.shape[0] // 2 - row)


def _unweighted(image):
    return _step((image > 0).astype(float))


def _cut_off(image):
    row, column = _centre_of_mass(image)
    return int(image.shape[1] // 2 - column), int(image.shape[0] // 2 - row)


def _position(image):
    row, column = _centre_of_mass(image)
    return _rounded(column), _rounded(row)


def _brightest(image):
    row, column = np.unravel_index(image.argmax(), image.shape)
    return int(image.shape[1] // 2 - column), int(image.shape[0] // 2 - row)


def _axes_swapped_frame(image):
    row, column = _centre_of_mass(image)
    height, width = image.shape
    return _rounded(height // 2 - column), _rounded(width // 2 - row)


def _cases():
    """Images of several shapes whose steps are never a matter of how halves are rounded."""
    generator = np.random.default_rng(1)
    cases = []
    shapes = [(28, 28), (20, 28), (28, 20), (9, 7), (12, 30), (28, 28)]
    while len(cases) < len(shapes):
        height, width = shapes[len(cases)]
        image = np.zeros((height, width))
        top, left = generator.integers(0, height // 2), generator.integers(0, width // 2)
        part = image[top : top + height // 2, left : left + width // 2]
        part[:] = generator.random(part.shape) ** 6 * (generator.random(part.shape) > 0.6)
        part *= np.linspace(0.05, 1, part.shape[1]) * np.linspace(1, 0.05, part.shape[0])[:, None]
        if image.sum() == 0:
            continue
        row, column = _centre_of_mass(image)
        if all(abs(value % 1 - 0.5) > 0.1 for value in (row, column)):
            cases.append((image,))
    return cases


@exercise(
    "01.3",
    kind="build",
    minutes=15,
    title="The step that centres a digit",
    hints=[
        "np.indices(image.shape) gives the row and the column of every pixel.",
        "The centre of mass weighs each column by the ink in it: (columns * image).sum() / total.",
    ],
)
def step_to_centre(answer):
    """(dx, dy) that brings the centre of mass to the pixel (W // 2, H // 2)."""

    def guarded(image):
        result = answer(image)
        if result is None:
            return None
        if not isinstance(result, (tuple, list, np.ndarray)) or len(result) != 2:
            raise Wrong("the function should return two numbers, (dx, dy)")
        pair = tuple(float(np.asarray(value)) for value in result)
        if any(value != round(value) for value in pair):
            raise Wrong(
                f"({pair[0]:.2f}, {pair[1]:.2f}) are not whole pixels: round to the nearest"
            )
        return tuple(int(value) for value in pair)

    def one_less(image):
        dx, dy = _step(image)
        return dx - 1, dy - 1

    run_against(
        _step,
        guarded,
        _cases(),
        [
            (_swapped, "rows and columns are swapped: dx is about columns, dy about rows"),
            (_backwards, "that leads away from the centre: dx is what has to be added"),
            (_by_box, "that is the middle of the ink's box; here the ink is weighed"),
            (_unweighted, "every inked pixel counts alike there; weigh each by its intensity"),
            (_brightest, "that centres the brightest pixel; all the ink counts"),
            (
                _axes_swapped_frame,
                "for pictures that are not square, W // 2 belongs to columns and H // 2 to rows",
            ),
            (_cut_off, "int() cuts off towards zero; round to the *nearest* whole pixel"),
            (_position, "that is where the centre of mass *is*; the step is target minus position"),
            (one_less, "one pixel short: columns and rows count from 0"),
        ],
    )
    return "four lines of geometry, and a shift is undone"


def _layers(x, w1, b1, w2, b2, bend=lambda a: np.maximum(a, 0)):
    return bend(x @ w1 + b1) @ w2 + b2


@exercise(
    "01.4",
    kind="debug",
    minutes=10,
    title="The network that could not bend",
    hints=[
        "Write both lines as one: can x @ w1 @ w2 do anything that a single matrix cannot?",
        "A ReLU keeps what is positive and replaces the rest by zero. Where is it missing?",
    ],
)
def two_layers(answer):
    """relu(x w1 + b1) w2 + b2."""
    generator = np.random.default_rng(4)
    cases = []
    for n, d, h, k in [(1, 2, 3, 1), (4, 5, 6, 3), (3, 7, 2, 4), (6, 4, 4, 4)]:
        shapes = ((n, d), (d, h), (h,), (h, k), (k,))
        cases.append(tuple(generator.normal(size=shape) for shape in shapes))

    def rectified_twice(x, w1, b1, w2, b2):
        return np.maximum(_layers(x, w1, b1, w2, b2), 0)

    def only_the_output(x, w1, b1, w2, b2):
        return np.maximum((x @ w1 + b1) @ w2 + b2, 0)

    def the_input(x, w1, b1, w2, b2):
        return (np.maximum(x, 0) @ w1 + b1) @ w2 + b2

    def without_the_last_bias(x, w1, b1, w2, b2):
        return _layers(x, w1, b1, w2, 0)

    def before_the_bias(x, w1, b1, w2, b2):
        return (np.maximum(x @ w1, 0) + b1) @ w2 + b2

    run_against(
        _layers,
        answer,
        cases,
        [
            (
                lambda *a: _layers(*a, bend=lambda z: z),
                "still two matrices in a row, which is one matrix: nothing in it can bend",
            ),
            (rectified_twice, "the scores come out rectified: a score may well be negative"),
            (only_the_output, "the ReLU belongs to the hidden units, not to the scores"),
            (the_input, "that rectifies the picture; the hidden units are still linear"),
            (before_the_bias, "first the bias, then the ReLU: the bias decides where it bends"),
            (
                lambda *a: _layers(*a, bend=np.tanh),
                "tanh bends too, but it was meant to be a ReLU",
            ),
            (
                lambda *a: _layers(*a, bend=np.abs),
                "that folds negative sums up; a ReLU replaces them by zero",
            ),
            (
                lambda *a: _layers(*a, bend=lambda z: 1 / (1 + np.exp(-z))),
                "a sigmoid bends too, but it was meant to be a ReLU",
            ),
            (
                lambda *a: _layers(*a, bend=lambda z: np.where(z > 0, z, 0.01 * z)),
                "a leaky ReLU lets a little of the negative sums through; a ReLU nothing",
            ),
            (
                lambda *a: _layers(*a, bend=lambda z: z > 0),
                "that only asks whether the sum is positive; a ReLU keeps its size",
            ),
            (without_the_last_bias, "the scores have a bias too: b2 is missing"),
            (
                lambda *a: _layers(*a, bend=lambda z: np.minimum(z, 0)),
                "that keeps the negative sums; a ReLU keeps the positive ones",
            ),
        ],
    )
    return "without a bend, any number of layers is one weighted sum"
