"""The checks of lecture 11, CORAL."""

import math

from utils.exercises import Wrong, exercise, expect_integer, expect_number, run_against


@exercise(
    "11.1",
    kind="predict",
    minutes=3,
    title="The best single answer",
    hints=[
        "Compute the sum of the distances for two candidates. Which way do most people pull?",
        "One step to the right comes nearer to everybody on the right, and leaves all others.",
    ],
)
def best_answer(answer):
    """The median of 1, 2, 2, 3, 12."""
    expect_number(
        answer,
        2,
        {
            4: "that is the mean, which makes the squared error smallest; absolute errors pull "
            "with the same strength from near and far",
            6.5: "the middle of the range is ruled by the two extreme people alone",
            12: "twelve serves one person and is far from four",
            2.5: "between the middle and its neighbour: with five people the middle one is a person",
            2.4: "that is the error which the best answer gives; asked is the answer itself",
            20: "that is the sum of the ranks; which one number is nearest to all five?",
            3: "one step to the left comes nearer to three people and leaves two",
            1: "one step to the right comes nearer to four people and leaves one",
        },
        tolerance=1e-9,
        otherwise="try one step to the side: how many people does it come nearer to?",
    )
    return "the median: half of the people on either side"


@exercise(
    "11.2",
    kind="compute",
    minutes=5,
    title="A CORAL head",
    hints=[
        "How many questions do 26 ranks need?",
        "One weight vector for all questions, and one bias for each.",
    ],
)
def head_parameters(answer):
    """512 weights and 25 biases."""
    expect_integer(
        answer,
        512 + 25,
        {
            512 + 26: "one too many: 26 ranks need 25 questions, for nothing is below the lowest, "
            "and the shared vector has no bias of its own",
            512: "the weights are there; each question also has a bias",
            513: "one bias a question, not one for all: the biases tell the questions apart",
            512 * 25 + 25: "that gives each question a weight vector of its own; CORAL shares one",
            2 * 25 * 513: "that is OR-CNN, with two units a question",
            512 * 26 + 26: "that is the head of cross-entropy, one score a rank",
            2048 + 25: "2,048 features belong to the first version; the final one has 512",
            25: "those are the biases; the shared weight vector has one number a feature",
            2 * 512 + 25: "one output a question: CORAL needs one score, OR-CNN two",
        },
        otherwise="one weight for each feature, shared by all questions, and one bias a question",
    )
    return "all questions look along one direction"


@exercise(
    "11.3",
    kind="compute",
    minutes=10,
    title="The third seed",
    hints=[
        "Three seeds with the mean 8.08 sum to 24.24; rounding leaves a little room.",
        "Two of them are 8.11 and 8.12 (or twice 8.11). Then check the deviation, with n - 1.",
    ],
)
def true_seed(answer):
    """8.01: mean 8.08, deviation 0.06."""
    expect_number(
        answer,
        8.01,
        {
            8.08: "that is the mean of the three; the third must lie below it, as two lie above",
            8.11: "that is what is printed, and it gives a mean of 8.11",
            8.02: "8.11, 8.12 and 8.02 would fit, but to print 8.02 as 8.11 takes two wrong "
            "digits; with 8.11 and 8.11 the deviation is 0.05",
            8.05: "the mean would be 8.09 and the deviation 0.04",
            8.0: "the mean would be 8.08, but the deviation 0.067, which rounds to 0.07",
            8.21: "a larger seed moves the mean up; the printed mean is lower than the seeds",
            7.11: "the mean would be 7.78: one digit, but the wrong one",
            8.1: "the mean would be 8.11, hardly lower than the seeds; the printed mean is 8.08",
            24.24: "that is the sum of all three; take the other two away",
        },
        tolerance=0.0049,
        otherwise="it must bring the mean to 8.08 and the deviation to 0.06, with two seeds as "
        "printed",
    )
    return "8.01 became 8.11: one digit"


def _weights(labels, num_ranks):
    above = [sum(label > k for label in labels) for k in range(num_ranks - 1)]
    roots = [math.sqrt(max(s, len(labels) - s)) for s in above]
    return [root / max(roots) for root in roots]


def _variant(of_counts):
    def wrong(labels, num_ranks):
        above = [sum(label > k for label in labels) for k in range(num_ranks - 1)]
        return of_counts(above, len(labels))

    return wrong


@exercise(
    "11.4",
    kind="build",
    minutes=15,
    title="The task weights of Eq. 7",
    hints=[
        "First S: sum(label > k for label in labels) for each k from 0 to num_ranks - 2.",
        "Then M, its root, and divide all of them by the largest.",
    ],
)
def task_weights(answer):
    """sqrt(M_k) over the largest of them."""
    cases = [
        ([0, 0, 0, 1, 2, 3], 4),
        ([0, 1, 2, 3, 4, 4, 4, 4, 4, 4], 5),
        ([0, 1, 1, 2, 2, 2, 3, 5, 5, 5, 5, 5, 7], 8),
        ([2, 2, 2, 1], 3),
    ]
    run_against(
        _weights,
        answer,
        cases,
        [
            (
                _variant(lambda s, n: [max(x, n - x) / max(max(y, n - y) for y in s) for x in s]),
                "the square root is missing",
            ),
            (
                _variant(lambda s, n: [math.sqrt(x) / max(math.sqrt(y) for y in s) for x in s]),
                "that weighs by the yeses alone; M is the fuller of the two sides",
            ),
            (
                _variant(lambda s, n: [math.sqrt(max(x, n - x)) for x in s]),
                "the largest weight should be 1: divide by the largest root",
            ),
            (
                _variant(
                    lambda s, n: [
                        math.sqrt(max(x, n - x)) / sum(math.sqrt(max(y, n - y)) for y in s)
                        for x in s
                    ]
                ),
                "that divides by the sum, so that the weights add up to 1; Eq. 7 divides by the "
                "largest",
            ),
            (
                _variant(
                    lambda s, n: [
                        math.sqrt(min(x, n - x)) / max(math.sqrt(min(y, n - y)) for y in s)
                        for x in s
                    ]
                ),
                "that takes the emptier side; M is the fuller one",
            ),
            (
                lambda labels, num_ranks: _weights([label + 1 for label in labels], num_ranks),
                "that counts the labels from k on; S counts those above k",
            ),
            (
                lambda labels, num_ranks: _weights(labels, num_ranks + 1),
                "that is one weight too many: num_ranks ranks need one question less",
            ),
            (
                _variant(
                    lambda s, n: [
                        min(math.sqrt(max(y, n - y)) for y in s) / math.sqrt(max(x, n - x))
                        for x in s
                    ]
                ),
                "that is turned round: the unbalanced questions get the largest weight, not the "
                "smallest",
            ),
            (
                _variant(lambda s, n: [math.sqrt(max(x, n - x) / n) for x in s]),
                "that divides by the root of N; Eq. 7 divides by the largest root of the M",
            ),
        ],
    )
    return "mild weights: never below 0.7 of the largest"


@exercise(
    "11.5",
    kind="debug",
    minutes=10,
    title="An error of fifteen years",
    hints=[
        "What does a perfect network get? Try predicted_ranks [0, 10] for ages [15, 25].",
        "One side counts from 0, the other from birth. Bring both to one scale.",
    ],
)
def validation_mae(answer):
    """The mean of |rank + youngest - age|."""
    cases = [
        ([0, 10], [15, 25], 15),
        ([2, 2, 9, 0], [15, 20, 22, 24], 15),
        ([1, 20, 13], [18, 60, 35], 16),
        ([25, 0], [15, 40], 15),
    ]
    for ranks, ages, youngest in cases:
        got = answer(list(ranks), list(ages), youngest)
        pairs = list(zip(ranks, ages, strict=True))
        right = _mean(abs(r + youngest - a) for r, a in pairs)
        try:
            got = float(got)
        except (TypeError, ValueError):
            raise Wrong("it should return one number, the MAE in years") from None
        if abs(got - right) < 1e-9:
            continue
        call = f"with ranks {ranks} and ages {ages}"
        if abs(got - _mean(abs(r - a) for r, a in pairs)) < 1e-9:
            raise Wrong(f"{call} a rank is still compared with an age: rank 0 is {youngest} years")
        if abs(got - _mean(abs(r - youngest - a) for r, a in pairs)) < 1e-9:
            raise Wrong("the shift goes the wrong way: an age is the rank *plus* the youngest age")
        if abs(got - _mean(abs(r + 15 - a) for r, a in pairs)) < 1e-9:
            raise Wrong(
                "15 is built in; use the argument `youngest`, as other sets start elsewhere"
            )
        if abs(got - math.sqrt(_mean((r + youngest - a) ** 2 for r, a in pairs))) < 1e-9:
            raise Wrong("that is the RMSE; the MAE averages absolute errors")
        if abs(got - abs(_mean(r + youngest - a for r, a in pairs))) < 1e-9:
            raise Wrong(
                "errors of opposite sign cancel: shift each pair, and take the absolute value of each"
            )
        raise Wrong(f"{call} and youngest {youngest} it gives {got:g}; it should give {right:g}")
    return "one scale, then compare"


def _mean(values):
    values = list(values)
    return sum(values) / len(values)
