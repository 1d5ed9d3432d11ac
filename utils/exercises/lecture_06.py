"""The checks of lecture 06, LeNet."""

import math

from utils.exercises import Wrong, exercise, expect_integer, expect_number, run_against


@exercise(
    "06.1",
    kind="predict",
    minutes=3,
    title="The loss of an untrained letter reader",
    hints=[
        "An untrained network prefers no class: what probability does each of the 26 get?",
        "Cross-entropy is minus the natural logarithm of the right class's probability.",
    ],
)
def loss_at_start(answer):
    """-log(1/26), to two decimals."""
    expect_number(
        answer,
        math.log(26),
        {
            math.log(10): "2.30 belongs to ten classes; the alphabet has 26 letters",
            math.log2(26): "that is the logarithm to base 2; cross-entropy takes the natural one",
            math.log10(26): "that is the logarithm to base 10; cross-entropy takes the natural one",
            1 / 26: "that is the probability of a letter; the loss is minus its logarithm",
            25 / 26: "that is the share of wrong guesses; cross-entropy is about probabilities",
            -math.log(26): "the size is right, the sign is not: a loss is never negative",
            0: "a loss of zero would mean it knows every letter for certain before any training",
            26: "that is the number of letters; the loss is the logarithm of a probability",
            math.log(2): "0.69 belongs to two classes; the alphabet has 26 letters",
            math.log(26) / 26: "the loss takes the right letter's term alone, not a mean over 26",
            25 / 26 * math.log(26): "one letter is right, and its term is all there is: no mean",
            3.3: "right to one decimal; the second one is asked too",
        },
        tolerance=0.006,
        otherwise="give each of the 26 letters the same probability, and take minus its logarithm",
    )
    return "the loss starts at log C, whatever the network"


@exercise(
    "06.2",
    kind="compute",
    minutes=5,
    title="A C3 with a regular table",
    hints=[
        "How many weights does one map own, if it looks at three maps through 5 x 5 windows?",
        "One bias more, and then sixteen such maps.",
    ],
)
def c3_parameters(answer):
    """16 maps of 3 kernels of 25 weights and one bias."""
    expect_integer(
        answer,
        16 * (3 * 25 + 1),
        {
            16 * 3 * 25: "the weights are all there; each of the sixteen maps also has a bias",
            16 * 3 * 26: "one bias a map, not one a link: the bias belongs to the output",
            16 * 26: "each map looks at three maps, with a kernel of its own for each",
            3 * 25 + 1: "that is one map of C3; there are sixteen",
            16 * (6 * 25 + 1): "that is today's C3, which sees all six maps",
            1516: "that is the real table, where some maps see four or six; here all see three",
            16 * (3 * 25 + 1) * 100: "that counts connections: the places share their parameters",
            16
            * 25: "each map looks at three maps, with a kernel of its own for each, and has a bias",
            3 * 16 + 16: "that counts links and biases; a link is a kernel of 25 weights",
            3 * 25 * 16 + 3: "a bias belongs to each of the sixteen maps of C3, not to the three "
            "maps it looks at",
            6 * (3 * 25 + 1): "that is six maps; C3 has sixteen, and looks at six",
        },
        otherwise="count one map's kernels and its bias first, then multiply by the sixteen maps",
    )
    return "connections multiply with the places, parameters do not"


def _sums(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).sum(dim=(3, 5))


def _squash(a):
    import torch

    return 1.7159 * torch.tanh(2 / 3 * a)


def _by_map(values):
    return values[:, None, None]


def _subsample(x, coefficient, bias):
    return _squash(_by_map(coefficient) * _sums(x) + _by_map(bias))


@exercise(
    "06.3",
    kind="build",
    minutes=15,
    title="The pooling of 1998",
    hints=[
        "Cut each axis into pairs: x.reshape(n, c, h // 2, 2, w // 2, 2), and sum over the twos.",
        "One coefficient a map: coefficient[:, None, None] has the shape (C, 1, 1).",
    ],
)
def subsample(answer):
    """Sum of 2 x 2, times coefficient, plus bias, squashed; with one coefficient a map."""
    import torch

    generator = torch.Generator().manual_seed(6)
    cases = []
    for n, c, h, w in [(1, 1, 2, 2), (2, 3, 4, 6), (1, 6, 28, 28), (3, 4, 8, 8), (2, 4, 6, 8)]:
        x = torch.randn(n, c, h, w, generator=generator)
        cases.append((x, torch.randn(c, generator=generator), torch.randn(c, generator=generator)))
    run_against(
        _subsample,
        answer,
        cases,
        [
            (
                lambda x, c, b: _squash(_by_map(c) * _sums(x) / 4 + _by_map(b)),
                "that averages the four; sec. II-B adds them and leaves the scale to c",
            ),
            (
                lambda x, c, b: _by_map(c) * _sums(x) + _by_map(b),
                "the squashing is missing: 1.7159 tanh(2a/3) comes last",
            ),
            (
                lambda x, c, b: torch.tanh(_by_map(c) * _sums(x) + _by_map(b)),
                "that is the plain tanh; LeNet-5 stretches it: 1.7159 tanh(2a/3)",
            ),
            (
                lambda x, c, b: _squash(_by_map(c) * (_sums(x) + _by_map(b))),
                "the bias is added after the coefficient multiplies, not before",
            ),
            (
                lambda x, c, b: _squash(
                    _by_map(c) * torch.nn.functional.max_pool2d(x, 2) + _by_map(b)
                ),
                "that takes the largest of the four, as today; in 1998 they were added",
            ),
            (
                lambda x, c, b: torch.tanh(2 / 3 * (_by_map(c) * _sums(x) + _by_map(b))),
                "the factor 1.7159 in front of the tanh is missing",
            ),
            (
                lambda x, c, b: 1.7159 * torch.tanh(_by_map(c) * _sums(x) + _by_map(b)),
                "the 2/3 inside the tanh is missing",
            ),
            (
                lambda x, c, b: _squash(_by_map(c) * _sums(x)),
                "the bias is missing: each map adds its own before the squashing",
            ),
            (
                lambda x, c, b: _sums(_squash(_by_map(c) * x + _by_map(b))),
                "that squashes the four and then adds; LeNet-5 adds first and squashes once",
            ),
        ],
        tolerance=1e-4,
    )
    return "with a small coefficient it blurs, with a large one it decides"


def _rates(epochs):
    return [0.1 * 0.1 ** (epoch // 3) for epoch in range(epochs)]


@exercise(
    "06.4",
    kind="debug",
    minutes=10,
    title="The rate that never changed",
    hints=[
        "Print the nine rates. Which of them should differ, and do they?",
        "Building a scheduler does nothing by itself. Who tells it that an epoch has passed?",
    ],
    seconds=60,  # the first step of an optimiser loads much of torch: seconds on a busy machine
)
def rates_used(answer):
    """The list of rates, divided by ten after every third epoch."""
    for epochs in (9, 1, 4, 7):
        got = answer(epochs)
        if not isinstance(got, (list, tuple)) or len(got) != epochs:
            raise Wrong(f"rates_used({epochs}) should return a list of {epochs} rates")
        got = [float(rate) for rate in got]
        right = _rates(epochs)
        if _same(got, right):
            continue
        if _same(got, [0.1] * epochs):
            raise Wrong(
                f"all {epochs} rates are 0.1: the scheduler exists, but nobody tells it that an "
                "epoch has passed"
            )
        if _same(got, _rates(epochs + 1)[1:]):
            raise Wrong(
                "the first epoch's rate is missing: note the rate before the scheduler steps, "
                "and step it at the end of the epoch"
            )
        if _same(got, [0.1 * 0.1**epoch for epoch in range(epochs)]):
            raise Wrong("the rate falls after every epoch; it should fall after every third")
        if _same(got, [0.1 / 3 ** (epoch // 3) for epoch in range(epochs)]):
            raise Wrong("the rate is divided by three; it should be divided by ten")
        first = next(
            i for i, (a, b) in enumerate(zip(got, right, strict=True)) if abs(a - b) > 1e-9
        )
        raise Wrong(
            f"with {epochs} epochs, number {first + 1} used {got[first]:g} instead of "
            f"{right[first]:g}"
        )
    return "built and stepped"


def _same(got, right):
    return all(abs(a - b) <= 1e-9 for a, b in zip(got, right, strict=True))
