"""The checks of lecture 08, common architectures."""

import math

from utils.exercises import (
    exercise,
    expect_each,
    expect_integer,
    expect_number,
    run_against,
)


@exercise(
    "08.1",
    kind="predict",
    minutes=4,
    title="Images of twice the side",
    hints=[
        "Which of the three depend on the number of places a kernel visits?",
        "Twice the side is four times the places; a weight is stored once, wherever it is used.",
    ],
)
def factors(answer):
    """Parameters stay, the other two are four times as many."""
    four = {
        2: "twice the side is twice as wide AND twice as high: how many times the places?",
        1: "every kernel visits more places of a larger image",
        8: "there are twice as many rows and columns; the number of maps stays",
        16: "each place is visited once, not once for each other place",
    }
    places = "count the places of a map before and after; each is visited, and kept, once"
    expect_each(
        answer,
        {
            "parameters": lambda value: expect_number(
                value,
                1,
                {
                    4: "the weights are shared by all places: more places need no new weights",
                    2: "a kernel does not grow with the image",
                    0: "a factor of 1 means unchanged; 0 would leave no parameter",
                },
                tolerance=0.02,
                otherwise="has any kernel of the larger image a weight that the smaller has not?",
            ),
            "macs": lambda value: expect_number(value, 4, four, 0.08, places),
            "activations": lambda value: expect_number(value, 4, four, 0.08, places),
        },
    )
    return "size costs work and memory, and not one weight, thanks to global average pooling"


def _block(inputs, one, squeeze3, three, squeeze5, five, pool, bias=1):
    return (
        one * (inputs + bias)
        + squeeze3 * (inputs + bias)
        + three * (9 * squeeze3 + bias)
        + squeeze5 * (inputs + bias)
        + five * (25 * squeeze5 + bias)
        + pool * (inputs + bias)
    )


@exercise(
    "08.2",
    kind="compute",
    minutes=8,
    title="Parameters of an inception block",
    hints=[
        "A convolution has K x K x (maps before it) weights for each of its maps, and one bias.",
        "What comes before the 3x3 layer: 256 maps, or the 128 that its 1x1 left?",
    ],
)
def block_parameters(answer):
    """Six convolutions: 388,736."""
    sizes = (256, 128, 128, 192, 32, 96, 64)
    right = _block(*sizes)
    no_squeeze = 128 * 257 + 192 * (9 * 256 + 1) + 96 * (25 * 256 + 1) + 64 * 257
    wide = 128 * 257 + 128 * 257 + 192 * (9 * 256 + 1) + 32 * 257 + 96 * (25 * 256 + 1) + 64 * 257
    expect_integer(
        answer,
        right,
        {
            _block(*sizes, bias=0): "the weights are all there; every map of a convolution also "
            "has a bias",
            no_squeeze: "that is a block without its narrow 1x1 layers",
            wide: "the 3x3 and the 5x5 see what their 1x1 layers left, 128 and 32 maps, not 256",
            right - 64 * 257: "max pooling has no parameters, but a 1x1 convolution follows it",
            right - 128 * 257: "two of the 1x1 layers have 128 maps: one alone, one before the "
            "3x3; you counted one",
            right * 28 * 28: "that is how often they are used; a parameter is shared by all places",
        },
        otherwise="six convolutions, each with K x K x (maps before it) weights and one bias for "
        "each of its own maps: write the six numbers down",
    )
    return "more than half of them in the 3x3 layer"


def _separable(x, depthwise, pointwise):
    from torch.nn import functional as F

    maps = depthwise.shape[0]
    x = F.conv2d(x, depthwise[:, None], padding=1, groups=maps)
    return F.conv2d(x, pointwise[:, :, None, None])


def _one_kernel_for_all(x, depthwise, pointwise):
    from torch.nn import functional as F

    maps = depthwise.shape[0]
    x = F.conv2d(x, depthwise[:1].expand(maps, 3, 3)[:, None], padding=1, groups=maps)
    return F.conv2d(x, pointwise[:, :, None, None])


def _added_first(x, depthwise, pointwise):
    from torch.nn import functional as F

    x = F.conv2d(x, depthwise[None], padding=1)
    return x * pointwise.sum(1)[None, :, None, None]


def _not_padded(x, depthwise, pointwise):
    from torch.nn import functional as F

    x = F.conv2d(x, depthwise[:, None], groups=depthwise.shape[0])
    return F.conv2d(x, pointwise[:, :, None, None])


def _depthwise_alone(x, depthwise, pointwise):
    from torch.nn import functional as F

    return F.conv2d(x, depthwise[:, None], padding=1, groups=depthwise.shape[0])


@exercise(
    "08.3",
    kind="build",
    minutes=15,
    title="A separable convolution",
    hints=[
        "F.conv2d with groups=C filters each map alone; its weight has the shape (C, 1, 3, 3).",
        "The second step is a 1x1 convolution: its weight has the shape (D, C, 1, 1).",
    ],
)
def separable(answer):
    """Depthwise 3 x 3, then 1 x 1."""
    import torch

    generator = torch.Generator().manual_seed(8)
    cases = []
    for n, c, d, h, w in [(1, 2, 3, 4, 4), (2, 3, 5, 6, 7), (1, 8, 2, 5, 9), (3, 4, 4, 8, 8)]:
        cases.append(
            (
                torch.randn(n, c, h, w, generator=generator),
                torch.randn(c, 3, 3, generator=generator),
                torch.randn(d, c, generator=generator),
            )
        )
    run_against(
        _separable,
        answer,
        cases,
        [
            (_not_padded, "the maps have shrunk: put one pixel of zeros around them, padding=1"),
            (_depthwise_alone, "each map is filtered; now the 1x1 step has to mix them"),
            (_one_kernel_for_all, "every map has a kernel of its own; you used the first for all"),
            (_added_first, "that adds all maps before they are mixed: filter each alone, groups=C"),
            (
                lambda x, a, b: _separable(x, a.flip(1, 2), b),
                "the kernels are flipped: conv2d of deep learning does not flip them",
            ),
            (
                lambda x, a, b: _separable(x.relu(), a, b),
                "there is no ReLU in it: two linear steps",
            ),
            (
                lambda x, a, b: _separable(x, a.transpose(1, 2), b),
                "rows and columns of the kernels are swapped",
            ),
        ],
        tolerance=1e-4,
    )
    return "9C + CD weights instead of 9CD"


def _heads(name):
    return name.lower().startswith("aux")


def _ranked(networks, leave_out):
    sizes = {
        name: sum(count for key, count in parameters.items() if not leave_out(key))
        for name, parameters in networks.items()
    }
    return sorted(sizes, key=sizes.get)


_GOOGLE = {"conv1.weight": 9000, "inception.weight": 5_500_000, "fc.weight": 1_024_000}
_GOOGLE |= {"aux1.fc.weight": 3_100_000, "aux2.fc.weight": 3_200_000}
_V3 = {"Conv2d_1a.weight": 900, "Mixed_5b.weight": 21_700_000, "fc.weight": 2_048_000}
_V3 |= {"AuxLogits.fc.weight": 3_300_000}
_RESNET18 = {"conv1.weight": 9408, "layer1.weight": 11_100_000, "fc.weight": 512_000}
_RESNET50 = {"conv1.weight": 9408, "layer1.weight": 23_500_000, "fc.weight": 2_048_000}
_OTHER = {"stem.weight": 5_000_000, "no_aux_here.weight": 2_000_000, "fc.weight": 100_000}
_HEADED = {"stem.weight": 6_400_000, "fc.weight": 300_000, "Aux.fc.bias": 5_000_000}
_WIDE = {"stem.weight": 1_000_000, "fc.weight": 5_800_000, "aux.weight": 900_000}


@exercise(
    "08.4",
    kind="debug",
    minutes=10,
    title="A ranking with heads",
    hints=[
        "Rank GoogLeNet and ResNet-18 by hand: 6.5 and 11.6 million in use. What does it say?",
        "Leave out the parameters whose names begin with aux, however it is spelled.",
    ],
)
def smallest_first(answer):
    """Auxiliary heads are not in use."""
    cases = [
        ({"ResNet-18": _RESNET18, "GoogLeNet": _GOOGLE},),
        ({"ResNet-50": _RESNET50, "Inception-v3": _V3},),
        ({"headed": _HEADED, "other": _OTHER},),
        ({"headed": _HEADED, "wide": _WIDE, "other": _OTHER, "ResNet-18": _RESNET18},),
        ({"Inception-v3": _V3, "GoogLeNet": _GOOGLE, "ResNet-50": _RESNET50, "wide": _WIDE},),
    ]
    run_against(
        lambda networks: _ranked(networks, _heads),
        answer,
        cases,
        [
            (
                lambda networks: _ranked(networks, lambda key: False),
                "the auxiliary heads are still counted, and not every network has them",
            ),
            (
                lambda networks: _ranked(networks, lambda key: key.startswith("aux")),
                "some heads are spelled with capitals, as AuxLogits: they are still counted",
            ),
            (
                lambda networks: _ranked(networks, lambda key: "aux" in key.lower()),
                "a name with aux in its middle is no head: only those that begin with it are",
            ),
            (
                lambda networks: _ranked(networks, lambda k: _heads(k) or k.startswith("fc")),
                "the dense layer named fc is the classifier itself, and in use",
            ),
            (
                lambda networks: _ranked(networks, lambda key: not _heads(key)),
                "that counts the heads alone: keep what does not begin with aux",
            ),
            (
                lambda networks: _ranked(networks, _heads)[::-1],
                "right sizes, wrong way round: the smallest comes first",
            ),
        ],
    )
    return "like with like"


@exercise(
    "08.5",
    kind="compute",
    minutes=8,
    title="How large 0.18 points are",
    hints=[
        "0.18 % of 50,000.",
        "The square root of p(1 - p)/n with p = 0.0915, in percent.",
    ],
)
def difference(answer):
    """90 images; 0.13 points."""
    p, n = 0.0915, 50_000
    right = 100 * math.sqrt(p * (1 - p) / n)
    expect_each(
        answer,
        {
            "images": lambda value: expect_integer(
                round(value, 6) if isinstance(value, float) else value,
                90,
                {
                    9000: "that is 18 %; the difference is 0.18 %, a hundredth of it",
                    9: "0.18 % of 50,000: you lost a factor of ten",
                    900: "0.18 % of 50,000: there is a factor of ten too many",
                    4575: "that is how many GoogLeNet has wrong; asked is the difference",
                    4665: "that is how many VGG-16 has wrong; asked is the difference",
                },
                otherwise="one per cent of 50,000 images is 500; how many is 0.18 per cent?",
            ),
            "standard_error": lambda value: expect_number(
                value,
                right,
                {
                    right / 100: "as a share it is right; asked are percentage points",
                    100 * math.sqrt(p * (1 - p)): "that is the spread of one image; divide by the "
                    "root of their number",
                    100 * p * (1 - p) / n: "the root is missing: sqrt(p(1 - p)/n)",
                    100 * math.sqrt(p / n): "p alone under the root: it is p(1 - p)",
                    100 * math.sqrt(0.25 / n): "that takes p = 1/2; here p is 0.0915",
                    math.sqrt(2) * right: "that is the error of a difference of two; "
                    "asked is GoogLeNet's alone",
                },
                tolerance=0.0055,
                otherwise="put the share p = 0.0915 and n = 50,000 into sqrt(p(1 - p)/n), then "
                "give percentage points",
            ),
        },
    )
    return "the difference is hardly larger than the wobble of either"
