"""The checks of lecture 07, AlexNet."""

from utils.exercises import Wrong, exercise, expect_integer, run_against


@exercise(
    "07.1",
    kind="predict",
    minutes=3,
    title="How many crops?",
    hints=[
        "How many places has a row of 40 pixels within 48? Try 40 within 41 first.",
        "Rows and columns are chosen independently; then each picture has a mirror image.",
    ],
)
def pictures(answer):
    """9 x 9 places, twice."""
    expect_integer(
        answer,
        162,
        {
            128: "8 places along a side leave the last one out: from 0 to 8 there are nine",
            81: "that is the number of places; each crop also comes mirrored",
            64: "the last place is left out along each side, and the mirror images are missing",
            18: "rows and columns are chosen independently: multiply the places of the two axes",
            9: "that is the number of places along one side",
            324: "mirrored left to right only, not upside down as well",
            2048: "that is the paper's number, for 224 in 256 pixels",
            2178: "that is the number for 224 in 256 pixels",
        },
        otherwise="count the places along one side first, then both sides, then the mirror images",
    )
    return "nine places along each side: a fence of eight panels has nine posts"


@exercise(
    "07.2",
    kind="compute",
    minutes=5,
    title="A conv4 in four columns",
    hints=[
        "Each device holds 96 of the 384 maps. How many maps does one of its outputs see?",
        "3 x 3 x 96 weights an output, and one bias each.",
    ],
)
def conv4_parameters(answer):
    """384 outputs, each of 3 x 3 x 96 weights and one bias."""
    expect_integer(
        answer,
        384 * (9 * 96 + 1),
        {
            384 * 9 * 96: "the weights are right; every one of the 384 outputs also has a bias",
            384 * (9 * 192 + 1): "that is the paper's conv4, in two columns",
            384 * (9 * 384 + 1): "that is an undivided conv4: here an output sees 96 maps",
            96 * (9 * 96 + 1): "that is one device of the four",
            384 * 9 * 96 + 4: "one bias an output map, not one a device",
            384 * (9 + 1): "that would be a group for every map: here four groups of 96",
        },
        otherwise="ask of one output map: how many maps does it see, how many weights is that? "
        "Then add its bias, and take all 384",
    )
    return "each halving of what an output sees halves the weights, never the biases"


def _views(images, size):
    import torch

    down, right = images.shape[-2] - size, images.shape[-1] - size
    places = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
    five = torch.stack([images[..., r : r + size, c : c + size] for r, c in places], dim=1)
    return torch.cat([five, five.flip(-1)], dim=1)


def _with_order(order):
    return lambda images, size: _views(images, size)[:, order]


def _upside_down(images, size):
    import torch

    five = _views(images, size)[:, :5]
    return torch.cat([five, five.flip(-2)], dim=1)


def _mirrored_first(images, size):
    import torch

    return torch.cat([_views(images, size)[:, :5], _views(images.flip(-1), size)[:, :5]], dim=1)


@exercise(
    "07.3",
    kind="build",
    minutes=15,
    title="The ten views",
    hints=[
        "The last row a crop may start at is H - size, the last column W - size.",
        "torch.stack(five, dim=1) makes (N, 5, ...); .flip(-1) mirrors left to right.",
    ],
)
def ten_crops(answer):
    """Corners in reading order, the centre, then the same five mirrored."""
    import torch

    generator = torch.Generator().manual_seed(7)
    cases = [
        (torch.rand(n, c, h, w, generator=generator), size)
        for n, c, h, w, size in [(1, 1, 4, 4, 3), (2, 3, 7, 7, 4), (3, 2, 6, 9, 5), (1, 3, 8, 5, 5)]
    ]
    run_against(
        _views,
        answer,
        cases,
        [
            (_upside_down, "that turns the pictures upside down: mirror left to right"),
            (
                _mirrored_first,
                "you cut the mirrored picture: its upper left is the upper right mirrored. Cut "
                "first, mirror then",
            ),
            (_with_order([0, 5, 1, 6, 2, 7, 3, 8, 4, 9]), "first all five, then the five mirrored"),
            (_with_order([4, 0, 1, 2, 3, 9, 5, 6, 7, 8]), "the centre comes after the corners"),
            (
                _with_order([0, 2, 1, 3, 4, 5, 7, 6, 8, 9]),
                "upper right and lower left are exchanged: rows come before columns",
            ),
            (_with_order([0, 1, 2, 3, 4, 0, 1, 2, 3, 4]), "the last five should be mirrored"),
            (_with_order([0, 1, 2, 3, 4]), "five crops are there; their mirror images make it ten"),
        ],
        tolerance=0,
    )
    return "ten views of one picture: average what the network says of them"


def _normalised(activations, alpha=5e-4, k=2.0, beta=0.75, size=5):
    import torch

    return torch.nn.functional.local_response_norm(activations, size, alpha, beta, k)


@exercise(
    "07.4",
    kind="debug",
    minutes=10,
    title="The normalisation that is too weak",
    hints=[
        "Read in torch's documentation what alpha is divided by.",
        "Compare with the formula by hand for five equal activations of 100.",
    ],
)
def normalised(answer):
    """The alpha of torch is n times the paper's."""
    import torch

    generator = torch.Generator().manual_seed(74)
    cases = [
        (scale * torch.randn(n, maps, 3, 4, generator=generator),)
        for n, maps, scale in [(1, 6, 100.0), (2, 5, 300.0), (1, 12, 50.0), (3, 1, 800.0)]
    ]
    run_against(
        _normalised,
        answer,
        cases,
        [
            (
                lambda a: _normalised(a, alpha=1e-4),
                "torch still divides alpha by n = 5, so the sum counts a fifth: what must you "
                "give it?",
            ),
            (lambda a: _normalised(a, alpha=2e-5), "alpha went the wrong way: multiply it by n"),
            (lambda a: _normalised(a, alpha=5e-4, k=1.0), "alpha is right now; k should be 2"),
            (lambda a: _normalised(a, alpha=5e-4, beta=0.5), "alpha is right now; beta is 0.75"),
            (
                lambda a: _normalised(a, alpha=5e-4, size=3),
                "the sum runs over five maps, not three",
            ),
            (lambda a: a / 2**0.75, "that leaves the neighbours out: k alone divides"),
        ],
        tolerance=1e-5,
    )
    return "a copied constant carries the convention it was written for"


def _path(w, rates, gradients, *, decay=0.0005, momentum=0.9, torchs=False, ahead=False):
    v, path = 0.0, []
    for rate, g in zip(rates, gradients, strict=True):
        if torchs:
            v = momentum * v + g + decay * w
            w = w - rate * v
        else:
            v = momentum * v - decay * rate * w - rate * g
            w = w + (momentum * v - decay * rate * w - rate * g if ahead else v)
        path.append(w)
    return path


@exercise(
    "07.5",
    kind="build",
    minutes=10,
    title="The printed update",
    hints=[
        "First the new velocity from the old velocity, the old weight and the gradient; then w + v.",
        "Try two steps by hand with rates 0.1 and 0.01: what does the second still carry?",
    ],
)
def weights_after(answer):
    """Each step: v <- 0.9 v - 0.0005 rate w - rate g; w <- w + v."""
    cases = [
        (1.0, [0.1], [2.0]),
        (3.0, [0.1, 0.1, 0.1], [1.0, -1.0, 0.5]),
        (-50.0, [0.5, 0.5, 0.05, 0.05], [1.0, 2.0, -1.0, 0.0]),
        (200.0, [0.2, 0.02, 0.002], [0.3, 0.1, -4.0]),
        (0.5, [], []),
    ]
    for w, rates, gradients in cases:
        got = answer(w, list(rates), list(gradients))
        right = _path(w, rates, gradients)
        if got is None:
            raise Wrong("nothing came back: the function should return a list")
        if not isinstance(got, (list, tuple)):
            raise Wrong(f"it should return a list of weights, and {type(got).__name__} came back")
        if len(got) == len(right) + 1:
            raise Wrong("the list starts with the first weight; it should hold one after each step")
        if len(got) != len(right):
            raise Wrong(f"{len(rates)} steps should give {len(right)} weights, not {len(got)}")
        try:
            got = [float(value) for value in got]
        except (TypeError, ValueError):
            raise Wrong("the list should hold numbers") from None
        if _same(got, right):
            continue
        for options, message in (
            ({"torchs": True}, "that is torch's rule: here the rate is inside the velocity"),
            ({"decay": 0.0}, "the weight decay is missing: - 0.0005 times rate times w"),
            ({"momentum": 0.0}, "the velocity forgets: 0.9 of the old one stays"),
            ({"decay": -0.0005}, "the decay has the wrong sign: it draws the weight to zero"),
            ({"ahead": True}, "that is Nesterov's variant: add the velocity itself"),
        ):
            if _same(got, _path(w, rates, gradients, **options)):
                raise Wrong(message)
        first = next(i for i, pair in enumerate(zip(got, right, strict=True)) if not _close(*pair))
        raise Wrong(
            f"from w = {w:g}, step {first + 1} should lead to {right[first]:.6g}, not "
            f"{got[first]:.6g}"
        )
    return "after a drop the old velocity still carries the old rate"


def _close(a, b):
    return abs(a - b) <= 1e-6 * max(1.0, abs(b))


def _same(got, right):
    return all(_close(a, b) for a, b in zip(got, right, strict=True))
