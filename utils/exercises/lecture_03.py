"""The checks of lecture 03, parameter counting."""

from utils.exercises import (
    Wrong,
    exercise,
    expect_each,
    expect_integer,
    expect_model,
    run_against,
)


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
    expect_each(
        answer,
        {
            "convolution, parameters": lambda value: expect_integer(
                value,
                1,
                {
                    2: "no height and no width stands in the rule for a convolution's parameters",
                    4: "four times as many places, but they all share the same parameters",
                    16: "that is a dense layer's growth; a convolution does not know the image",
                },
            ),
            "convolution, MACs": lambda value: expect_integer(
                value,
                4,
                {
                    1: "the parameters stay, but each is used at more places",
                    2: sides,
                    16: "each place still sees one 5 x 5 window, however large the image is",
                },
            ),
            "dense, weights": lambda value: expect_integer(
                value,
                16,
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
                _variant(lambda p, m, g: (p, 2 * m)),
                "that counts a multiply-add as two operations; a MAC is both together",
            ),
        ],
    )
    return "and no network had to be built"


@exercise(
    "03.3",
    kind="debug",
    minutes=12,
    title="Thirty-six copies of one pixel",
    hints=[
        "Print the shape before and after the adaptive pooling. Where does 6 x 6 come from?",
        "How many different numbers reach the first dense layer? It needs no more inputs than that.",
    ],
    seconds=60,
)
def small_alexnet(answer):
    """256 inputs to the first dense layer instead of 9,216."""
    features = 2469696  # the five convolutions of torchvision's AlexNet
    head = 512 * 512 + 512 + 512 * 10 + 10

    def total(inputs):
        return features + inputs * 512 + 512 + head

    network = expect_model(
        answer,
        (3, 64, 64),
        (10,),
        total(256),
        {
            total(256 * 36): "its first dense layer still learns 36 weights for every number: "
            "256 different ones arrive, each copied to 36 places",
            total(256 * 9): "256 different numbers arrive, each copied to 9 places: fewer copies, "
            "but copies",
            total(256 * 4): "256 different numbers arrive, each copied to 4 places: fewer copies, "
            "but copies",
            total(1): "one input is too few: 256 maps of one pixel each are 256 numbers",
            total(256) - head - 131584 + 256 * 10 + 10: "the copies are gone, and so are the two "
            "hidden dense layers: leave those as they are",
        },
    )
    if not any(type(module).__name__.startswith("Conv") for module in network.modules()):
        raise Wrong("the convolutions are gone; only the dense part was at fault")
    return "4,587,520 weights less, and nothing it could compute is lost"


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
        },
    )
    return "the parameters cost little here; the images fill the card"
