"""The checks of lecture 04, backpropagation with weight sharing."""

import numpy as np

from utils.exercises import exercise, expect_choice, expect_each, expect_integer, run_against


@exercise(
    "04.1",
    kind="predict",
    minutes=4,
    title="The gradient of a bias",
    hints=[
        "By how much does one output grow when the bias grows by one?",
        "How many outputs are there, in all eight images together?",
    ],
)
def bias_gradient(answer):
    """One for each output: 8 images of 24 x 24."""
    places = 24 * 24
    expect_integer(
        answer,
        8 * places,
        {
            1: "each output alone gives one; the bias is used at every place, and the uses add up",
            8: "the images are all there; but in each of them the bias is used at every place",
            places: "that is one image; the batch has eight, and their gradients add up as well",
            8 * 28 * 28: "without padding the detector has fewer places than the image has pixels",
            28 * 28: "without padding the detector has fewer places than pixels; and eight images",
            8 * places * 25: "the bias is added once at each place, not once for each weight",
            8 * places * 26: "the bias is added once at each place, not once for each weight",
            25: "the pixels under the detector do not touch the bias; who uses it, and how often?",
            0: "a loss that is the sum of the outputs grows with each of them, and so with the bias",
            8 * 25: "the bias is not one of the weights under the window; it serves every output",
            24: "that is one row of outputs: a map has rows and columns, and there are eight images",
            8 * 24: "that is one row of outputs in each image; a map has 24 rows",
            8 * 23 * 23: "count the places again: the first and the last both count, 28 - 5 + 1",
        },
        "every output uses the bias once; count the outputs of one image, then the images",
    )
    return "the loss sums, so the uses are counted"


CAUSES = ("averaged", "batch mean", "rounding", "kink")


@exercise(
    "04.2",
    kind="recall",
    minutes=6,
    title="Four failed gradient checks",
    hints=[
        "Is the ratio of the two gradients the same everywhere? Which number is it?",
        "Would a wrong formula heal when only the step or the number format changes?",
    ],
)
def cause(answer):
    """Averaged over 576 places, a mean forgotten, rounding noise, corners."""

    def choose(right, misconceptions):
        return lambda value: expect_choice(value, right, CAUSES, misconceptions)

    expect_each(
        answer,
        {
            "a": choose(
                "averaged",
                {
                    "batch mean": "the batch would touch the dense layer too; what do the kernels "
                    "have 576 of?",
                    "rounding": "rounding is not the same factor everywhere; what is 576 here?",
                    "kink": "a corner moves a few weights, not all by one factor; what is 576?",
                },
            ),
            "b": choose(
                "batch mean",
                {
                    "averaged": "averaging over places makes gradients smaller, and only in layers "
                    "that share weights; here all are larger, by the size of the batch",
                    "rounding": "rounding is not a factor of exactly 32; what else is 32?",
                    "kink": "a corner moves a few weights, not all by 32; what else is 32?",
                },
            ),
            "c": choose(
                "rounding",
                {
                    "averaged": "averaging gives one constant factor, not random errors",
                    "batch mean": "a missing mean gives one constant factor, not random errors",
                    "kink": "corners hit a few weights; here nothing agrees, in a format of seven "
                    "digits and with a step in the seventh",
                },
            ),
            "d": choose(
                "kink",
                {
                    "averaged": "a wrong factor would not go away with a smaller step",
                    "batch mean": "a wrong factor would not go away with a smaller step",
                    "rounding": "rounding gets worse with a smaller step, not better",
                },
            ),
        },
    )
    return "a factor, a noise, a corner: each leaves another trace"


def _mirror(grad):
    half = grad.shape[-1] // 2
    both = grad[..., : half + 1].copy()
    both[..., :half] += grad[..., :half:-1]
    return both


def _mirror_mean(grad):
    half = grad.shape[-1] // 2
    return ((grad + grad[..., ::-1]) / 2)[..., : half + 1]


def _mirror_double(grad):
    half = grad.shape[-1] // 2
    return (grad + grad[..., ::-1])[..., : half + 1]


def _not_turned(grad):
    half = grad.shape[-1] // 2
    both = grad[..., : half + 1].copy()
    both[..., :half] += grad[..., half + 1 :]
    return both


def _mirror_rows(grad):
    return _mirror(grad.swapaxes(-1, -2)).swapaxes(-1, -2)


@exercise(
    "04.3",
    kind="build",
    minutes=15,
    title="The gradient of a mirrored kernel",
    hints=[
        "Which two columns of the kernel hold the same weight? Each of them has a gradient.",
        "grad_kernel[..., ::-1] turns the columns round. How many partners has the middle one?",
    ],
)
def mirror_gradient(answer):
    """Each column plus its mirror image, the middle one alone."""
    rng = np.random.default_rng(4)
    shapes = [(1, 1, 3, 3), (2, 1, 5, 5), (3, 2, 5, 5), (2, 4, 7, 7), (2, 3, 1, 1)]
    run_against(
        _mirror,
        answer,
        [(rng.normal(size=shape),) for shape in shapes],
        [
            (
                _mirror_mean,
                "that averages the two columns; two uses of a weight add up, they do not share",
            ),
            (
                _mirror_double,
                "the outer columns are right; the middle column is its own mirror image and is "
                "used once, not twice",
            ),
            (
                lambda g: g[..., : g.shape[-1] // 2 + 1].copy(),
                "that is the first half alone; the mirrored columns use the same weights, and "
                "have a gradient of their own",
            ),
            (
                lambda g: g[..., ::-1][..., : g.shape[-1] // 2 + 1].copy(),
                "that is the mirrored half alone; the first columns have a gradient as well",
            ),
            (
                _not_turned,
                "the halves are added without turning one round: the first column's partner is "
                "the last",
            ),
            (
                lambda g: _mirror(g) - 2 * (_mirror(g) - g[..., : g.shape[-1] // 2 + 1]),
                "that takes the partner's gradient away; both uses pull, so they are added",
            ),
            (_mirror_rows, "that mirrors the rows; here column v and column K - 1 - v are equal"),
        ],
    )
    return "a tie inside the kernel adds up like a tie across the image"


def _closely(analytic, numeric):
    return bool(np.abs(analytic - numeric).max() <= 1e-5 * np.abs(numeric).max())


def _gradient_pairs():
    """Gradients that agree, and gradients that do not, from tiny to large."""
    rng = np.random.default_rng(4)
    pairs = []
    for size, shape in [(1e-3, (6, 1, 5, 5)), (1.0, (40,)), (1e4, (10, 16)), (1e-9, (4, 3))]:
        numeric = size * rng.normal(size=shape)
        noise = 1e-7 * abs(numeric).max() * rng.uniform(-1, 1, shape)
        lower = numeric - 0.1 * abs(numeric)
        pairs += [(numeric + noise, numeric), (numeric / 2, numeric), (0 * numeric, numeric)]
        pairs += [(lower, numeric), (-numeric, numeric)]
    numeric = rng.normal(size=5000)
    one_wrong = numeric.copy()
    one_wrong[17] += 1e-3 * abs(numeric).max()
    with_nan = numeric.copy()
    with_nan[3] = np.nan
    return [*pairs, (one_wrong, numeric), (with_nan, numeric), (numeric.copy(), numeric)]


@exercise(
    "04.4",
    kind="debug",
    minutes=10,
    title="A gradient check that accepts zeros",
    hints=[
        "The gradients of a mean loss are often around 0.001. What does 0 differ from that by?",
        "Compare the largest difference with the largest value of numeric.",
    ],
)
def agrees(answer):
    """The largest difference, relative to the largest value; not for NaN."""
    misconceptions = [
        (
            lambda a, n: bool(np.abs(a - n).mean() < 1e-3),
            "still the bug: zeros pass wherever the gradient is small; less than 0.001 says "
            "nothing without the gradient's own size",
        ),
        (
            lambda a, n: bool(np.abs(a - n).mean() <= 1e-5 * np.abs(n).max()),
            "the size is right; but in the mean over 5,000 weights a single wrong one disappears",
        ),
        (
            lambda a, n: bool((a - n).max() <= 1e-5 * np.abs(n).max()),
            "a difference can be negative: a gradient that is too small everywhere passes",
        ),
        (
            lambda a, n: not bool((np.abs(a - n) > 1e-5 * np.abs(n).max()).any()),
            "almost: NaN passes, because no comparison with NaN is true, not even 'larger than'",
        ),
        (
            lambda a, n: bool((np.abs(a - n) <= 1e-5 * np.abs(n)).all()),
            "each value is measured by itself: beside a large gradient a tiny one is never near "
            "enough; the ruler is the largest value of numeric",
        ),
        (
            lambda a, n: bool(np.abs(a - n).max() <= 1e-5),
            "the largest difference, good; but compared with a fixed number: for small gradients "
            "zeros pass, for large ones the right gradient fails",
        ),
        (
            lambda a, n: bool(np.allclose(a, n)),
            "np.allclose allows an absolute 1e-8 on top, so that zeros pass where the gradient is "
            "smaller than that; and it measures each value by itself",
        ),
    ]
    misconceptions += [
        (
            lambda a, n, limit=limit: bool(np.abs(a - n).max() < limit),
            "the largest difference, good; but compared with a fixed number: for small gradients "
            "zeros pass, for large ones the right gradient fails",
        )
        for limit in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8)
    ]
    run_against(_closely, answer, _gradient_pairs(), misconceptions)
    return "a check is worth as much as what it refuses"
