"""The checks of lecture 09, ResNet."""

import math

from utils.exercises import Wrong, exercise, expect_integer, expect_number, run_against


@exercise(
    "09.1",
    kind="predict",
    minutes=3,
    title="Batch norm meets a constant",
    hints=[
        "What is the mean of a map that is 7 everywhere? What is left after subtracting it?",
        "Zero divided by a small number is zero. Then the scale multiplies, and the shift is added.",
    ],
)
def constant_map(answer):
    """beta: the constant is its own mean, so nothing is left of it."""
    expect_number(
        answer,
        3,
        {
            17: "that is 2 times 7 plus 3: the map is standardised before it is scaled",
            7: "batch norm subtracts the map's mean, and the mean of a constant 7 is 7",
            0: "that is the standardised map; the scale and the shift still follow",
            2: "that is the scale; it multiplies what is left after the mean is gone",
            5: "that is scale plus shift: the standardised map is not 1 but 0",
            1: "the variance becomes 1 only if there is any; here there is none",
        },
        tolerance=1e-6,
        otherwise="go through the formula: subtract the mean of the map, divide, times 2, plus 3",
    )
    return "of a constant only the shift is left, whatever the constant was"


@exercise(
    "09.2",
    kind="compute",
    minutes=6,
    title="The parameters of a bottleneck",
    hints=[
        "Three convolutions without bias: 1 x 1 down, 3 x 3, 1 x 1 up. Weights are K K C_in C_out.",
        "A batch norm after each: two learned numbers for each of its maps.",
    ],
)
def bottleneck_parameters(answer):
    """512 -> 128, 3 x 3 on 128, 128 -> 512, and three batch norms."""
    weights = 512 * 128 + 9 * 128 * 128 + 128 * 512
    maps = 128 + 128 + 512
    expect_integer(
        answer,
        weights + 2 * maps,
        {
            weights: "those are the convolutions; each of the three batch norms learns as well",
            weights + maps: "a batch norm learns two numbers a map, a scale and a shift",
            weights + 3 * maps: "no biases: the batch norm after the convolution has the shift",
            weights + 4 * maps: "running mean and variance are remembered, not learned",
            weights + 2 * (512 + 128 + 128 + 512): "a batch norm has the maps that leave its "
            "convolution: 128, 128 and 512",
            weights + 2 * maps + 512 * 512 + 2 * 512: "the shortcut is x itself and learns nothing",
            9 * (512 * 128 + 128 * 128 + 128 * 512) + 2 * maps: "only the middle convolution is "
            "3 x 3; the outer two are 1 x 1",
            2 * 9 * 512 * 512 + 4 * 512: "that is a basic block on 512 maps: what the bottleneck "
            "avoids",
        },
        otherwise="three convolutions, 512 to 128, 128 to 128, 128 to 512, without biases; then "
        "two numbers for each map that leaves one",
    )
    return "a basic block on 512 maps would have 4.7 million"


def _fold(weight, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma / (running_var + eps) ** 0.5
    return weight * scale[:, None, None, None], beta - running_mean * scale


@exercise(
    "09.3",
    kind="build",
    minutes=20,
    title="Fold a batch norm away",
    hints=[
        "Write y = gamma * (z - mean) / sqrt(var + eps) + beta as y = scale * z + shift.",
        "z is linear in the weights: scale[:, None, None, None] * weight gives scale * z.",
    ],
)
def fold(answer):
    """Weights times gamma / sqrt(var + eps), bias beta - mean times that."""
    import torch

    generator = torch.Generator().manual_seed(9)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    cases = []
    for outputs, inputs, k, eps in [(2, 3, 3, 1e-5), (4, 4, 1, 1e-5), (3, 3, 3, 0.1), (5, 2, 5, 0)]:
        vectors = [draw(outputs) for _ in range(3)]
        variance = torch.rand(outputs, generator=generator) + 0.3
        cases.append((draw(outputs, inputs, k, k), *vectors, variance, eps))

    got = answer(*cases[0])
    if got is not None and not (isinstance(got, (tuple, list)) and len(got) == 2):
        raise Wrong("fold should return a pair: the new weights and the new bias")

    def over_inputs(weight, gamma, beta, running_mean, running_var, eps=1e-5):
        scale = gamma / (running_var + eps) ** 0.5
        return weight * scale[None, :, None, None], beta - running_mean * scale

    def variant(scale_of, bias_of):
        def wrong(weight, gamma, beta, running_mean, running_var, eps=1e-5):
            scale = scale_of(gamma, running_var, eps)
            bias = bias_of(gamma, beta, running_mean, running_var, scale)
            return weight * scale[:, None, None, None], bias

        return wrong

    def scale(gamma, var, eps):
        return gamma / (var + eps) ** 0.5

    def shift(gamma, beta, mean, var, scale):
        return beta - mean * scale

    run_against(
        _fold,
        answer,
        cases,
        [
            (
                lambda *given: _fold(*given)[::-1],
                "both are right and stand in the wrong order: the weights first, then the bias",
            ),
            (
                variant(lambda g, v, e: g / (v + e), shift),
                "divide by the standard deviation: the root of variance plus eps is missing",
            ),
            (
                variant(lambda g, v, e: 1 / (v + e) ** 0.5, shift),
                "gamma is missing from the scale",
            ),
            (
                variant(scale, lambda g, b, m, v, s: b),
                "the mean still has to be subtracted: it passes into the bias, scaled",
            ),
            (
                variant(scale, lambda g, b, m, v, s: b - m),
                "the mean is scaled like everything else: beta - mean * scale",
            ),
            (
                variant(scale, lambda g, b, m, v, s: b + m * s),
                "the mean is subtracted, so its share of the bias has a minus",
            ),
            (
                variant(lambda g, v, e: g / v**0.5, shift),
                "eps is missing: the layer adds it to the variance",
            ),
            (
                over_inputs,
                "the scale belongs to the maps that leave the convolution: the first axis",
            ),
        ],
        tolerance=1e-4,
    )
    return "this is done to every network before it runs on a phone"


def _report(validation_errors, test_errors):
    epoch = min(range(len(validation_errors)), key=lambda i: validation_errors[i])
    return epoch, test_errors[epoch]


_RUNS = [
    ([30.0, 20.0, 15.0, 16.0, 18.0], [31.0, 19.5, 17.0, 16.5, 17.5]),
    ([12.0, 10.0, 11.0, 10.0, 13.0], [13.0, 12.5, 9.0, 11.0, 14.0]),
    ([9.0, 8.0, 8.5, 8.7], [9.5, 9.9, 8.8, 9.0]),
    ([50.0, 40.0, 41.0], [39.0, 45.0, 44.0]),
]


@exercise(
    "09.4",
    kind="debug",
    minutes=10,
    title="A result too good to be true",
    hints=[
        "Who chooses the epoch in this loop, and who judges it?",
        "Choose by the validation errors. The test error is read once, for the epoch chosen.",
    ],
)
def report(answer):
    """The first epoch with the smallest validation error, and its test error."""

    def by(errors_of, score_of):
        def wrong(validation_errors, test_errors):
            errors = errors_of(validation_errors, test_errors)
            epoch = min(range(len(errors)), key=lambda i: errors[i])
            return epoch, score_of(validation_errors, test_errors, epoch)

        return wrong

    def last_tie(validation_errors, test_errors):
        best = min(validation_errors)
        epoch = max(i for i, error in enumerate(validation_errors) if error == best)
        return epoch, test_errors[epoch]

    for validation, tested in _RUNS:
        got = answer(list(validation), list(tested))
        if not isinstance(got, (tuple, list)) or len(got) != 2:
            raise Wrong("report should return a pair: the epoch's number and its test error")
    run_against(
        _report,
        answer,
        [(list(validation), list(tested)) for validation, tested in _RUNS],
        [
            (
                by(lambda v, t: t, lambda v, t, i: t[i]),
                "the test images still choose the epoch: their best of many looks is no test "
                "any more. Choose by the validation errors",
            ),
            (
                by(lambda v, t: v, lambda v, t, i: min(t)),
                "the epoch is right, but the error reported is the smallest ever seen on the test "
                "images: report that of the chosen epoch",
            ),
            (
                by(lambda v, t: v, lambda v, t, i: v[i]),
                "the epoch is right, but that is its validation error: it was chosen for being "
                "small. Report its test error",
            ),
            (
                lambda v, t: (len(t) - 1, t[-1]),
                "that is the last epoch: honest, but the validation errors were not used",
            ),
            (
                by(
                    lambda v, t: [(a + b) / 2 for a, b in zip(v, t, strict=True)],
                    lambda v, t, i: t[i],
                ),
                "half a look at the test images is still a look: only validation may choose",
            ),
            (last_tie, "of equally good epochs take the first"),
            (
                lambda v, t: (_report(v, t)[0] + 1, _report(v, t)[1]),
                "epochs count from 0 here",
            ),
        ],
    )
    return "validation chooses, test judges, once"


@exercise(
    "09.5",
    kind="compute",
    minutes=10,
    title="The paths of a deep net",
    hints=[
        "How many paths pass through exactly k of 54 blocks? It is a choice of k from 54.",
        "Add math.comb(54, k) for k from 20 to 34, and divide by the number of all paths.",
    ],
)
def share_of_paths(answer):
    """Binomial: sum of C(54, k) for 20 <= k <= 34 over 2^54."""

    def share(lowest, highest, blocks=54):
        ways = sum(math.comb(blocks, k) for k in range(lowest, highest + 1))
        return ways / 2**blocks

    expect_number(
        answer,
        share(20, 34),
        {
            share(20, 33): "one end is missing: 20 and 34 both count, and range stops before "
            "its end",
            share(21, 33): "both ends count: at least 20 and at most 34",
            100 * share(20, 34): "as a share, not in percent",
            15 / 55: "the numbers of blocks are not equally likely: far more paths pass through "
            "27 blocks than through 2",
            15 / 54: "the numbers of blocks are not equally likely: far more paths pass through "
            "27 blocks than through 2",
            1 - share(20, 34): "that is the share of all the other paths",
            share(20, 34, 110): "110 is the number of layers; the blocks are 54",
        },
        tolerance=6e-4,
        otherwise="add the number of ways to choose k of 54 for all k from 20 to 34, then divide "
        "by all 2 to the 54",
    )
    return "most paths are about half as deep as the net"
