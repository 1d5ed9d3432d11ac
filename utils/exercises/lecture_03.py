"""The checks of lecture 03, parameter counting."""

from utils.exercises import (
    Wrong,
    exercise,
    expect_each,
    expect_integer,
    expect_model,
    run_against,
)
from utils.exercises._guard import is_module


@exercise(
    "03.1",
    kind="predict",
    minutes=4,
    title="Four times the pixels",
    hints=[
        "Write the three rules down. In which of them do the height and the width occur?",
        "The dense layer has one weight for each pair of an input and an output.",
    ],
)
def growth(answer):
    """128 to 256 pixels a side: 1, 4 and 16."""
    sides = "the image is twice as high and twice as wide: the two factors multiply"

    def grows(right, advice, known):
        return lambda value: expect_integer(value, right, known, advice)

    expect_each(
        answer,
        {
            "convolution, parameters": grows(
                1,
                "write the rule down and look for the height and the width in it",
                {
                    2: "no height and no width stands in the rule for a convolution's parameters",
                    4: "four times as many places, but they all share the same parameters",
                    16: "that is a dense layer's growth; a convolution does not know the image",
                    0: "nothing grows, so the factor is 1: as many parameters as before",
                },
            ),
            "convolution, MACs": grows(
                4,
                "the work of one place stays; how many times as many places are there?",
                {
                    1: "the parameters stay, but each is used at more places",
                    2: sides,
                    16: "each place still sees one 5 x 5 window, however large the image is",
                },
            ),
            "dense, weights": grows(
                16,
                "one weight for each pair of an input and an output: how do both grow?",
                {
                    1: "a dense layer has a weight for each input: it must know the image's size",
                    2: sides,
                    4: "the outputs grow as well as the inputs, and every pair has a weight",
                    8: "four times the inputs and four times the outputs, not two times",
                },
            ),
        },
    )
    return "sharing makes the parameters blind to the image's size, and only them"


def _length(size, kernel, padding, stride):
    return (size + 2 * padding - kernel) // stride + 1


def _count(
    in_channels,
    out_channels,
    kernel_size,
    height,
    width,
    padding=0,
    stride=1,
    groups=1,
    bias=True,
):
    window = in_channels // groups * kernel_size**2
    places = _length(height, kernel_size, padding, stride) * _length(
        width, kernel_size, padding, stride
    )
    return out_channels * (window + bool(bias)), out_channels * window * places


def _variant(change):
    """A wrong counter: `change` gets the right counts and the arguments by name."""

    def count(*args, **kwargs):
        names = (
            "in_channels out_channels kernel_size height width padding stride groups bias".split()
        )
        given = {"padding": 0, "stride": 1, "groups": 1, "bias": True}
        given |= dict(zip(names, args, strict=False)) | kwargs
        return change(*_count(**given), given)

    return count


def _input_places(parameters, macs, given):
    return parameters, given["height"] * given["width"] * _weights(given)


def _weights(given):
    window = given["in_channels"] // given["groups"] * given["kernel_size"] ** 2
    return given["out_channels"] * window


def _places(given):
    return _length(
        given["height"], given["kernel_size"], given["padding"], given["stride"]
    ) * _length(given["width"], given["kernel_size"], given["padding"], given["stride"])


@exercise(
    "03.2",
    kind="build",
    minutes=15,
    title="Count a convolution without building it",
    hints=[
        "One output map looks at in_channels // groups input maps. How many weights is that?",
        "The number of places is the output's height times its width: lecture 02's formula, twice.",
    ],
)
def count_conv(answer):
    """(parameters, MACs), over padding, stride, groups and bias."""
    cases = [
        dict(in_channels=1, out_channels=1, kernel_size=5, height=28, width=28),
        dict(in_channels=3, out_channels=5, kernel_size=5, height=128, width=128, padding=2),
        dict(in_channels=3, out_channels=96, kernel_size=11, height=227, width=227, stride=4),
        dict(
            in_channels=96,
            out_channels=256,
            kernel_size=5,
            height=27,
            width=27,
            padding=2,
            groups=2,
        ),
        dict(
            in_channels=64,
            out_channels=128,
            kernel_size=1,
            height=56,
            width=40,
            stride=2,
            bias=False,
        ),
        dict(
            in_channels=32,
            out_channels=32,
            kernel_size=3,
            height=15,
            width=20,
            padding=1,
            groups=32,
        ),
        dict(
            in_channels=3,
            out_channels=64,
            kernel_size=7,
            height=224,
            width=160,
            padding=3,
            stride=2,
        ),
    ]
    run_against(
        _count,
        answer,
        cases,
        [
            (
                _variant(lambda p, m, g: (m, p)),
                "both counts are right and stand in the wrong order: parameters first",
            ),
            (
                _variant(lambda p, m, g: (_weights(g), m)),
                "the biases are missing: one for each output map, if there are any",
            ),
            (
                _variant(lambda p, m, g: (_weights(g) + g["out_channels"], m)),
                "with bias=False there is no bias to learn",
            ),
            (
                _variant(
                    lambda p, m, g: (
                        _weights(g) + bool(g["bias"]) * g["out_channels"] * g["in_channels"],
                        m,
                    )
                ),
                "a bias belongs to an output map, not to each pair of maps",
            ),
            (
                _variant(_input_places),
                "the detector stands at the places of the output, not at every pixel of the input",
            ),
            (
                _variant(lambda p, m, g: (p, p * _places(g))),
                "a bias is added, not multiplied: MACs count the weights only",
            ),
            (
                _variant(
                    lambda p, m, g: (
                        g["groups"] * _weights(g) + bool(g["bias"]) * g["out_channels"],
                        g["groups"] * m,
                    )
                ),
                "with groups, a map sees only in_channels / groups maps",
            ),
            (
                _variant(lambda p, m, g: (p, _weights(g) * _places(g | {"padding": 0}))),
                "the padding does nothing yet: it adds P rows and columns on each side",
            ),
            (
                _variant(lambda p, m, g: (p, _weights(g) * _places(g | {"stride": 1}))),
                "the stride does nothing yet: the window stands at every S-th place only",
            ),
            (
                _variant(lambda p, m, g: (p, _weights(g) * _places(g | {"width": g["height"]}))),
                "the image need not be square: rows from its height, columns from its width",
            ),
            (
                _variant(lambda p, m, g: (p, _weights(g))),
                "that is the work of one place; every place of the output costs as much",
            ),
            (
                _variant(lambda p, m, g: (p, 2 * m)),
                "that counts a multiply-add as two operations; a MAC is both together",
            ),
        ],
    )
    return "and no network had to be built"


def _inception(third=5, second=3, bias=True):
    """Parameters of GoogLeNet's first block, with these windows in branches 3 and 2."""
    layers = [(192, 64, 1), (192, 96, 1), (96, 128, second)]
    layers += [(192, 16, 1), (16, 32, third), (192, 32, 1)]
    return sum(out * (into * side**2 + bias) for into, out, side in layers)


def _window_fits(network):
    """Refuse windows that shrink the maps, in our words instead of PyTorch's."""
    for layer in network.modules():
        if type(layer).__name__ != "Conv2d" or isinstance(layer.padding, str):
            continue
        side, padding = layer.kernel_size[0], layer.padding[0]
        if layer.dilation[0] > 1:
            raise Wrong(
                "a dilated window spreads its nine taps over 5 x 5 pixels; the plan has a weight "
                "for each of the 25"
            )
        change = 2 * padding - (side - 1)
        if layer.stride[0] == 1 and change:
            raise Wrong(
                f"a {side} x {side} window with padding {padding} makes the maps "
                f"{abs(change)} pixels {'larger' if change > 0 else 'smaller'}, and the four "
                f"branches no longer lie side by side: it takes padding {(side - 1) // 2}"
            )


@exercise(
    "03.3",
    kind="debug",
    minutes=12,
    title="A block that is 8,192 short",
    hints=[
        "Count branch by branch, the plan on paper and the block with count_parameters.",
        "Write 8,192 as maps in, times maps out, times a number of pixels: which branch is it?",
    ],
    seconds=60,
)
def inception_block(answer):
    """A 5 x 5 window, padding 2, in branch 3: 163,696 parameters."""
    block = answer if is_module(answer) or not callable(answer) else answer()
    if is_module(block):
        _window_fits(block)
    right = _inception()
    network = expect_model(
        block,
        (192, 28, 28),
        (256, 28, 28),
        right,
        {
            _inception(3): "nothing has changed: it is still 8,192 parameters short of the plan",
            _inception(3, 5): "that is the wrong branch: branch 2 is meant to look through 3 x 3",
            _inception(5, 5): "branch 3 is mended; branch 2 was right, and has grown too",
            _inception(7): "7 x 7 is larger than the plan's window: it has 5 x 5",
            _inception(5, bias=False): "the windows are right; the biases are gone, one for each "
            "map",
            _inception(3, bias=False): "the biases are gone, and the window is still too small",
            _inception(3) + 32 * (32 * 9 + 1): "two 3 x 3 layers see as far as one of 5 x 5, but "
            "they are two layers: the plan has one",
            _inception(3) + 16 * (16 * 9 + 1): "two 3 x 3 layers see as far as one of 5 x 5, but "
            "they are two layers: the plan has one",
            right - 16 * 193 + 32 * (192 - 16) * 25: "the 5 x 5 window looks at all 192 maps; the "
            "plan first makes 16 of them",
        },
    )
    windows = [
        (layer.in_channels, layer.out_channels, *layer.kernel_size)
        for layer in network.modules()
        if type(layer).__name__ == "Conv2d"
    ]
    if (16, 32, 5, 5) not in windows:
        raise Wrong(
            "the number of parameters is right and the plan is not: branch 3 looks at 16 maps "
            "through 5 x 5 windows, and gives 32"
        )
    return "every shape was right, every training curve fell; only the count told"


@exercise(
    "03.4",
    kind="compute",
    minutes=8,
    title="The largest batch",
    hints=[
        "What stays in memory whatever the batch is? Four numbers for each parameter with Adam.",
        "The rest of the card is for what each image leaves behind; half an image does not train.",
    ],
)
def largest_batch(answer):
    """(8e9 - 16 P) // saved bytes per image, for VGG-16 with Adam."""
    memory, parameters, saved = 8 * 10**9, 138357544, 73359272
    right = (memory - 16 * parameters) // saved
    expect_integer(
        answer,
        right,
        {
            right + 1: "that is rounded up, and the last image does not fit",
            memory // saved: "the weights need room too, and whatever the optimiser keeps",
            (memory - 4 * parameters) // saved: "that leaves room for the weights only: training "
            "also keeps a gradient and two averages for each",
            (memory - 8 * parameters) // saved: "weights and gradients are there; Adam keeps two "
            "numbers more for each parameter",
            (memory - 12 * parameters) // saved: "that is SGD with momentum, one number for each "
            "parameter; Adam keeps two",
            memory // (saved + 16 * parameters): "the parameters are stored once, not once for "
            "each image",
            (memory - 4 * parameters) // (4 * saved): "the activations are counted in bytes "
            "already, and have no gradients kept or averages",
            memory // (4 * saved): "the activations are counted in bytes already; and the "
            "parameters need room too",
            (memory - 4 * 4 * 4 * parameters) // saved: "four numbers of four bytes for each "
            "parameter are 16 bytes, not 64",
        },
        "16 bytes a parameter stay whatever the batch is; share out the rest among the images",
    )
    return "the parameters cost little here; the images fill the card"
