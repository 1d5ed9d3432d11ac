"""The checks of lecture 05, pooling and invariance."""

from utils.exercises import exercise, expect_each, expect_integer, run_against


@exercise(
    "05.1",
    kind="predict",
    minutes=3,
    title="The smallest exact shift",
    hints=[
        "A layer with stride S moves its map by one step when its input moves by S.",
        "What happens to steps of steps: are they added or multiplied?",
    ],
)
def smallest_shift(answer):
    """The total stride, 2 x 2 x 1 x 2."""
    odd = "a layer of stride 2 would have to move its map by half a step: no odd shift is exact"
    even = "multiply the strides of all four layers; the sizes of the kernels play no part"
    expect_integer(
        answer,
        8,
        {
            **{shift: odd if shift % 2 else even for shift in range(1, 100)},
            **{
                shift: f"{shift} is exact too, but there is a smaller one" for shift in (24, 32, 64)
            },
            0: "without a shift nothing moves; what is the smallest one above 0?",
            7: "the strides are multiplied, not added: each counts in steps of the layer before",
            2: "2 suits one layer; the next needs its own input to move by 2 of its steps",
            4: "4 suits the first two layers; the last convolution has a stride as well",
            6: "three layers of stride 2 are 2 x 2 x 2, not 2 + 2 + 2",
            16: "16 is exact too, but half of it as well: the third layer has stride 1 and adds "
            "nothing",
            1: "a shift of 1 is exact only where every stride is 1",
            27: "that is the receptive field: how much a unit sees, not how far it steps",
        },
    )
    return "the strides multiply, and the kernels do not matter"


@exercise(
    "05.2",
    kind="compute",
    minutes=5,
    title="The weights of two heads",
    hints=[
        "How many numbers does the dense layer get in each case?",
        "10 classes: a weight for every input and class, and a bias for every class.",
    ],
)
def head_parameters(answer):
    """{"dense": 64 * 49 * 10 + 10, "global": 64 * 10 + 10}."""
    expect_each(
        answer,
        {
            "dense": lambda value: expect_integer(
                value,
                64 * 49 * 10 + 10,
                {
                    64 * 49 * 10: "the weights are right; each class also has a bias",
                    64 * 7 * 10 + 10: "7 by 7 maps have 49 places, not 7",
                    49 * 10 + 10: "there are 64 maps, and every place of each has its weights",
                    64 * 10 + 10: "that is the global head; this one keeps all 49 places",
                    64 * 49: "that is how many numbers come in; each class has a weight for each",
                    64 * 49 + 1: "that is one class: a weight for each input, and a bias; there "
                    "are 10",
                    64 * 49 * 10 + 64: "a bias belongs to a class, of which there are 10, not to "
                    "a map",
                },
                "how many numbers come in, how many classes go out, and a bias for each class?",
            ),
            "global": lambda value: expect_integer(
                value,
                64 * 10 + 10,
                {
                    64 * 10: "the weights are right; each class also has a bias",
                    64 * 49 * 10 + 10: "that is the dense head; an average leaves one number a map",
                    64: "that is how many numbers come in; each class has a weight for each",
                    64 + 1: "that is one class: a weight for each input, and a bias; there are 10",
                    64 * 10 + 64: "a bias belongs to a class, of which there are 10, not to a map",
                    64 * 10 + 10 + 64: "averaging learns nothing: the 64 means have no parameters",
                    10 + 10: "each of the 64 maps gives one number to the dense layer",
                },
                "how many numbers come in, how many classes go out, and a bias for each class?",
            ),
        },
    )
    return "48 of every 49 weights were there to tell places apart"


def _places(maps):
    import torch

    height, width = maps.shape[-2:]
    columns = torch.arange(width, dtype=maps.dtype)
    rows = torch.arange(height, dtype=maps.dtype)
    return columns, rows


def _mean_place(weights):
    import torch

    columns, rows = _places(weights)
    x = (weights.sum(dim=2) * columns).sum(dim=-1)
    y = (weights.sum(dim=3) * rows).sum(dim=-1)
    return torch.stack([x, y], dim=-1)


def _where(maps):
    return _mean_place(maps.flatten(2).softmax(dim=-1).reshape(maps.shape))


def _largest(maps):
    import torch

    best = maps.flatten(2).argmax(dim=-1)
    width = maps.shape[-1]
    return torch.stack([best % width, best // width], dim=-1).to(maps.dtype)


@exercise(
    "05.3",
    kind="build",
    minutes=20,
    title="A pooling that keeps the place",
    hints=[
        "One softmax over all places of a map: maps.flatten(2).softmax(dim=-1), then back to "
        "(N, C, H, W).",
        "The mean column is the sum of probability times column: sum over the rows first.",
    ],
)
def where(answer):
    """Mean column and row under one softmax a map."""
    import torch

    generator = torch.Generator().manual_seed(5)
    shapes = [(1, 1, 3, 3), (2, 3, 4, 6), (3, 2, 7, 5), (1, 4, 1, 8), (2, 2, 9, 9)]
    cases = [(3 * torch.randn(*shape, generator=generator),) for shape in shapes]
    run_against(
        _where,
        answer,
        cases,
        [
            (
                lambda maps: _where(maps).flip(-1),
                "x and y are swapped: the first number is the column, which runs along the last "
                "axis",
            ),
            (
                lambda maps: _mean_place(
                    maps.flatten(1).softmax(dim=-1).reshape(maps.shape),
                ),
                "that is one softmax over all maps together; each map is a distribution of its own",
            ),
            (
                lambda maps: (
                    _where(maps)
                    / _where(maps).new_tensor(
                        [max(maps.shape[3] - 1, 1), max(maps.shape[2] - 1, 1)]
                    )
                ),
                "those are places between 0 and 1; count columns and rows, as indices do",
            ),
            (
                lambda maps: _mean_place(maps.softmax(dim=-1)),
                "that is a softmax for each row; one map is one distribution over all its places",
            ),
            (
                lambda maps: _mean_place(maps.softmax(dim=-2)),
                "that is a softmax for each column; one map is one distribution over all its "
                "places",
            ),
            (
                lambda maps: _mean_place(maps.softmax(dim=1)),
                "that is a softmax over the maps at each place; it should run over the places of "
                "each map",
            ),
            (
                _largest,
                "that is the place of the largest value alone: no gradient passes through argmax; "
                "take the mean place under the softmax",
            ),
            (
                lambda maps: _where(maps) + 1,
                "the places are counted from 0, as indices are",
            ),
            (
                lambda maps: _mean_place(maps),
                "the values themselves are no probabilities: softmax first, then the mean place",
            ),
            (
                lambda maps: _mean_place(maps / maps.sum(dim=(2, 3), keepdim=True)),
                "dividing by the sum gives no probabilities where values are negative: take the "
                "softmax",
            ),
        ],
        tolerance=1e-4,
    )
    return "it moves with the picture: equivariant, in two numbers a map"


@exercise(
    "05.4",
    kind="debug",
    minutes=10,
    title="One number, copied 36 times",
    hints=[
        "Give it torch.arange(3.).reshape(1, 3, 1, 1) and look at what comes back.",
        "An adaptive pooling to 6 x 6 cannot invent places: what does it do with one?",
    ],
)
def head_inputs(answer):
    """The mean of each map, whatever its size."""
    import torch
    from torch.nn import functional as F

    generator = torch.Generator().manual_seed(6)
    shapes = [(2, 4, 1, 1), (1, 3, 6, 6), (3, 5, 2, 2), (2, 3, 7, 5)]
    cases = [(torch.randn(*shape, generator=generator),) for shape in shapes]
    run_against(
        lambda maps: maps.mean(dim=(2, 3)),
        answer,
        cases,
        [
            (
                lambda maps: F.adaptive_avg_pool2d(maps, (6, 6)).flatten(1),
                "still 36 numbers a map: from a single place, pooling to 6 x 6 makes 36 copies",
            ),
            (
                lambda maps: maps.flatten(1),
                "without pooling the number of inputs depends on the size of the image, and the "
                "dense layer accepts only one",
            ),
            (
                lambda maps: F.adaptive_avg_pool2d(maps, 1),
                "the values are right, the shape is not: flatten (N, C, 1, 1) to (N, C)",
            ),
            (
                lambda maps: maps.amax(dim=(2, 3)),
                "that is the largest value; the network averages",
            ),
            (
                lambda maps: maps[:, :, 0, 0],
                "that is one corner; for larger maps the mean of all places is asked",
            ),
            (
                lambda maps: maps.sum(dim=(2, 3)),
                "that is the sum; it grows with the size of the image, the mean does not",
            ),
            (
                lambda maps: maps.mean(dim=1).flatten(1),
                "that averages over the maps and keeps the places: it should be the other way",
            ),
        ],
        tolerance=1e-5,
    )
    return "35 of 36 weights could be left out, and any image size goes"
