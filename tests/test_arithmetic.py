"""`utils.arithmetic` against torch, torchvision and the papers' tables."""

import doctest
import subprocess
import sys

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from utils import arithmetic
from utils.arithmetic import (
    Layer,
    count_connections,
    count_macs,
    count_parameters,
    layer_table,
    output_size,
    receptive_field,
    same_padding,
    transposed_output_size,
)

PROPERTY = settings(max_examples=200, deadline=None, derandomize=True)

# --- sizes ------------------------------------------------------------------------------------


@PROPERTY
@given(
    size=st.integers(1, 40),
    kernel=st.integers(1, 9),
    padding=st.integers(0, 6),
    stride=st.integers(1, 5),
    dilation=st.integers(1, 4),
)
def test_output_size_is_torchs_and_impossible_settings_are_refused(
    size, kernel, padding, stride, dilation
):
    image = torch.zeros(1, 1, size)
    weight = torch.zeros(1, 1, kernel)
    try:
        expected = F.conv1d(image, weight, None, stride, padding, dilation).shape[-1]
    except RuntimeError:
        with pytest.raises(ValueError, match=f"size {size} with padding {padding}"):
            output_size(size, kernel, padding, stride, dilation)
    else:
        assert output_size(size, kernel, padding, stride, dilation) == expected


@PROPERTY
@given(
    size=st.integers(1, 40),
    kernel=st.integers(1, 9),
    padding=st.integers(0, 4),
    stride=st.integers(1, 5),
    dilation=st.integers(1, 3),
)
def test_ceil_mode_is_torchs(size, kernel, padding, stride, dilation):
    assume(padding <= kernel // 2 and size + 2 * padding >= dilation * (kernel - 1) + 1)
    pooled = F.max_pool1d(
        torch.zeros(1, 1, size), kernel, stride, padding, dilation, ceil_mode=True
    )
    assert output_size(size, kernel, padding, stride, dilation, ceil_mode=True) == pooled.shape[-1]


@PROPERTY
@given(
    size=st.integers(1, 20),
    kernel=st.integers(1, 7),
    padding=st.integers(0, 5),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
    output_padding=st.integers(0, 3),
)
def test_transposed_output_size_is_torchs(size, kernel, padding, stride, dilation, output_padding):
    settings_of_layer = (size, kernel, padding, stride, dilation, output_padding)
    try:
        out = F.conv_transpose1d(
            torch.zeros(1, 1, size),
            torch.zeros(1, 1, kernel),
            None,
            stride,
            padding,
            output_padding,
            1,
            dilation,
        )
    except RuntimeError:
        with pytest.raises(ValueError):
            transposed_output_size(*settings_of_layer)
    else:
        assume(out.shape[-1] > 0)
        assert transposed_output_size(*settings_of_layer) == out.shape[-1]


@PROPERTY
@given(
    size=st.integers(1, 60),
    kernel=st.integers(1, 7),
    padding=st.integers(0, 3),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
)
def test_some_output_padding_returns_to_the_size_the_convolution_started_from(
    size, kernel, padding, stride, dilation
):
    assume(size + 2 * padding >= dilation * (kernel - 1) + 1)
    small = output_size(size, kernel, padding, stride, dilation)
    candidates = []
    for output_padding in range(max(stride, dilation)):
        try:
            candidates.append(
                transposed_output_size(small, kernel, padding, stride, dilation, output_padding)
            )
        except ValueError:  # an empty output
            continue
    assert size in candidates


@PROPERTY
@given(size=st.integers(1, 50), kernel=st.integers(1, 12), dilation=st.integers(1, 5))
def test_same_padding_keeps_the_size_or_names_the_asymmetric_padding(size, kernel, dilation):
    if dilation * (kernel - 1) % 2:
        with pytest.raises(ValueError, match="asymmetric"):
            same_padding(kernel, dilation)
    else:
        assert output_size(size, kernel, same_padding(kernel, dilation), 1, dilation) == size


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (output_size, (28, 30), "kernel 30 with dilation 1 spans 30 pixels, but size 28"),
        (output_size, (28, 5, -1), "padding is -1"),
        (output_size, (28, 5, 0, 0), "stride is 0"),
        (output_size, (28, 5, 0, 1, 0), "dilation is 0"),
        (output_size, (0, 1), "size is 0"),
        (output_size, (5, 3, 0, 1, 3), "spans 7 pixels"),
        (transposed_output_size, (4, 3, 0, 2, 1, 2), "output_padding 2 must be smaller"),
        (transposed_output_size, (1, 1, 2), "output of -3 pixels"),
        (transposed_output_size, (4, 3, 0, -2), "stride is -2"),
        (same_padding, (4,), "asymmetric padding, 1 on one side and 2 on the other"),
        (same_padding, (0,), "kernel is 0"),
        (receptive_field, ([(3,)],), r"layer 1 is \(3,\)"),
        (receptive_field, ([(3, 1), (3, 1, 0, 1, 1)],), "layer 2"),
        (receptive_field, ([(3, 0)],), "stride of layer 1 is 0"),
    ],
)
def test_values_out_of_range_are_refused_with_the_values(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


@pytest.mark.parametrize("wrong", [2.0, True, "3", None, np.float32(3)])
def test_only_integers_are_sizes(wrong):
    for call in (
        lambda: output_size(wrong, 1),
        lambda: output_size(9, 3, stride=wrong),
        lambda: transposed_output_size(9, wrong),
        lambda: same_padding(wrong),
        lambda: receptive_field([(wrong, 1)]),
    ):
        with pytest.raises(TypeError, match="give an integer"):
            call()
    assert output_size(np.int64(28), np.int32(5)) == 24


# --- receptive fields -------------------------------------------------------------------------

LENET = [(5, 1), (2, 2), (5, 1), (2, 2), (5, 1)]
ALEXNET = [(11, 4), (3, 2), (5, 1, 2), (3, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2)]
ZFNET = [(7, 2), (3, 2), (5, 2), (3, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2)]
VGG16 = [layer for n in (2, 2, 3, 3, 3) for layer in [(3, 1, 1)] * n + [(2, 2)]]


@pytest.mark.parametrize(
    ("layers", "fields", "jumps"),
    [
        (LENET, [5, 6, 14, 16, 32], [1, 2, 2, 4, 4]),
        (ALEXNET, [11, 19, 51, 67, 99, 131, 163, 195], [4, 8, 8, 16, 16, 16, 16, 32]),
        (ZFNET, [7, 11, 27, 43, 75, 107, 139, 171], [2, 4, 8, 16, 16, 16, 16, 32]),
    ],
)
def test_receptive_fields_of_the_classics(layers, fields, jumps):
    result = receptive_field(layers)
    assert [layer.field for layer in result] == fields
    assert [layer.jump for layer in result] == jumps


def test_receptive_fields_of_vgg16():
    result = receptive_field(VGG16)
    assert result[-2][:2] == (196, 16)
    assert result[-1][:2] == (212, 32)
    assert receptive_field([(3, 1)] * 3)[-1].field == 7


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2)),
        min_size=1,
        max_size=3,
    )
)
def test_receptive_field_is_where_the_gradient_of_one_output_is_not_zero(layers):
    size = 200
    image = torch.zeros(1, 1, size, requires_grad=True)
    signal = image
    for kernel, stride, padding, dilation in layers:
        weight = torch.ones(1, 1, kernel)
        signal = F.conv1d(signal, weight, None, stride, padding, dilation)
    result = receptive_field(layers)[-1]
    position = signal.shape[-1] // 2  # far from both borders
    (gradient,) = torch.autograd.grad(signal[0, 0, position], image)
    touched = gradient[0, 0].nonzero().ravel()
    first, last = touched[0].item(), touched[-1].item()
    assert last - first + 1 == result.field
    assert (first + last + 1) / 2 == result.start + position * result.jump


def test_a_layer_may_be_named():
    assert receptive_field([Layer(kernel=3, padding=1, dilation=2)]) == [(5, 1, 1.5)]


# --- counts -----------------------------------------------------------------------------------

# torchvision: parameters and GMAC at the listed input; auxiliary heads have parameters, no MACs.
TORCHVISION = [
    ("alexnet", 224, 61_100_840, 0.714),
    ("vgg16", 224, 138_357_544, 15.470),
    ("vgg16_bn", 224, 138_365_992, 15.470),
    ("vgg19", 224, 143_667_240, 19.632),
    ("googlenet", 224, 13_004_888, 1.498),
    ("inception_v3", 299, 27_161_264, 5.713),
    ("resnet18", 224, 11_689_512, 1.814),
    ("resnet34", 224, 21_797_672, 3.664),
    ("resnet50", 224, 25_557_032, 4.089),
    ("resnet101", 224, 44_549_160, 7.801),
    ("resnet152", 224, 60_192_808, 11.514),
    ("squeezenet1_0", 224, 1_248_424, 0.819),
    ("squeezenet1_1", 224, 1_235_496, 0.349),
    ("densenet121", 224, 7_978_856, 2.834),
    ("mobilenet_v2", 224, 3_504_872, 0.301),
    ("efficientnet_b0", 224, 5_288_548, 0.386),
]


@pytest.mark.parametrize(("name", "side", "parameters", "gmac"), TORCHVISION)
def test_counts_of_torchvisions_networks(name, side, parameters, gmac):
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None, **options)
    assert count_parameters(model) == parameters
    table = layer_table(model, (3, side, side))
    assert table.totals.parameters == parameters
    assert table.totals.macs / 1e9 == pytest.approx(gmac, abs=5e-4)


def small_net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.Linear(120, 84),
        nn.Linear(84, 10),
    )


def test_modern_lenet():
    model = small_net()
    assert count_parameters(model) == 61_706
    assert count_macs(model, (1, 28, 28)) == 416_520
    assert count_macs(model, (7, 1, 28, 28)) == 416_520  # the batch changes nothing
    table = layer_table(model, (1, 28, 28))
    assert [row.kind for row in table][:3] == ["Conv2d", "ReLU", "MaxPool2d"]
    assert table["0"].output_shape == (6, 28, 28)
    assert table["0"].activations == 4704
    assert [row.parameters for row in table.learned()] == [156, 2416, 48_120, 10_164, 850]
    assert table.learned().totals[:2] == (61_706, 416_520)


def test_the_model_itself_is_left_alone():
    model = small_net().train()
    seen = []
    model[0].register_forward_hook(lambda module, args, output: seen.append(output))
    before = [p.data_ptr() for p in model.parameters()]
    layer_table(model, (1, 28, 28))
    assert model.training and model[4].training
    assert not seen
    assert [p.data_ptr() for p in model.parameters()] == before
    assert len(model[0]._forward_hooks) == 1 and not model[3]._forward_hooks


def test_a_dense_layer_too_large_for_any_memory_is_counted():
    with torch.device("meta"):
        dense = nn.Linear(128 * 128 * 3, 128 * 128 * 5)
    assert count_parameters(dense) == 4_026_613_760
    assert count_macs(nn.Sequential(nn.Flatten(), dense), (3, 128, 128)) == 4_026_531_840
    assert count_parameters(nn.Conv2d(3, 5, 5)) == 380


def test_trainable_only():
    model = small_net()
    model[0].requires_grad_(False)
    assert count_parameters(model, trainable_only=True) == 61_706 - 156
    assert count_parameters(model) == 61_706


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    groups=st.sampled_from([1, 2, 3]),
    per_group=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    height=st.integers(5, 12),
    width=st.integers(5, 12),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    bias=st.booleans(),
    transposed=st.booleans(),
)
def test_macs_of_a_convolution_are_its_jacobians_nonzero_entries(
    groups, per_group, height, width, kernel, stride, bias, transposed
):
    # Without padding every multiply-add is one entry of the matrix that the layer is.
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    layer = kind(groups * per_group[0], groups * per_group[1], kernel, stride, 0, groups=groups)
    layer = layer.requires_grad_(False)
    layer.weight.fill_(1.0)
    layer.bias.fill_(1.0)  # whole numbers: every sum below is exact
    if not bias:
        layer.bias = None
    shape = (layer.in_channels, height, width)
    outputs = layer(torch.zeros(1, *shape)).numel()
    entries = layer(torch.ones(1, *shape)) - layer(torch.zeros(1, *shape))  # row sums
    assert count_macs(layer, shape) == int(entries.sum().item())
    assert count_connections(layer, shape) == int(entries.sum().item()) + bias * outputs


def test_a_layer_used_twice_works_twice_and_learns_once():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.shared = nn.Linear(8, 8)
            self.other = nn.Linear(8, 8, bias=False)
            self.other.weight = self.shared.weight

        def forward(self, x):
            return self.other(self.shared(self.shared(x)))

    table = layer_table(Twice(), (8,))
    assert [row.name for row in table] == ["shared", "shared", "other"]
    assert [row.parameters for row in table] == [72, 0, 0]
    assert [row.macs for row in table] == [64, 64, 64]
    assert table.totals.parameters == count_parameters(Twice()) == 72


def test_heads_that_do_not_run_stand_in_the_table():
    class Auxiliary(nn.Module):
        def __init__(self):
            super().__init__()
            self.trunk = nn.Linear(4, 3)
            self.head = nn.Linear(4, 2)

        def forward(self, x):
            return (self.trunk(x), self.head(x)) if self.training else self.trunk(x)

    table = layer_table(Auxiliary(), (4,))
    assert table["head"].output_shape is None
    assert table.totals[:2] == (25, 12)
    assert "not run" in str(table)


def test_batch_norm_pooling_and_activations_cost_nothing_but_pooling_connects():
    model = nn.Sequential(nn.BatchNorm2d(3), nn.PReLU(3), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1))
    table = layer_table(model, (3, 8, 8))
    assert [row.parameters for row in table] == [6, 3, 0, 0]
    assert [row.macs for row in table] == [0, 0, 0, 0]
    assert [row.connections for row in table] == [0, 0, 3 * 16 * 4, 3 * 16]


# LeNet-5 of 1998 in the small: what its own layers have to say for themselves.


class Subsampling(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.coefficient = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x):
        return 4 * F.avg_pool2d(x, 2) * self.coefficient + self.bias

    def count_connections(self, input_shape, output_shape):
        channels, height, width = output_shape
        return channels * height * width * (4 + 1)


class TableConvolution(nn.Module):
    def __init__(self, table, kernel):
        super().__init__()
        self.parts = nn.ModuleList(nn.Conv2d(len(maps), 1, kernel) for maps in table)
        self.table = table

    def forward(self, x):
        parts = [part(x[:, maps]) for part, maps in zip(self.parts, self.table, strict=True)]
        return torch.cat(parts, dim=1)


class Codes(nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        self.register_buffer("codes", torch.ones(classes, features))

    def forward(self, x):
        return ((x[:, None] - self.codes) ** 2).sum(dim=2)

    def count_connections(self, input_shape, output_shape):
        return output_shape[0] * input_shape[0]

    count_macs = count_connections


def test_layers_of_ones_own_count_themselves():
    sizes = [3] * 6 + [4] * 9 + [6]
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5),
        Subsampling(6),
        TableConvolution([list(range(n)) for n in sizes], 5),
        Subsampling(16),
        nn.Conv2d(16, 120, 5),
        nn.Flatten(),
        nn.Linear(120, 84),
        Codes(84, 10),
    )
    table = layer_table(model, (1, 32, 32)).grouped()
    assert count_parameters(model) == table.totals.parameters == 60_000
    assert [row.connections for row in table] == [
        *(122_304, 5_880, 151_600, 2_000, 48_120, 0, 10_164, 840)
    ]
    assert count_connections(model, (1, 32, 32)) == 340_908
    assert table["2"].parameters == 1_516
    assert table["2"].kind == "16 × Conv2d"
    assert table["2"].output_shape == (1, 10, 10)  # of its last part
    assert table["7"].macs == 840


def test_a_layer_that_keeps_silent_is_a_question_mark_not_a_zero():
    class Secret(nn.Module):
        def __init__(self):
            super().__init__()
            self.matrix = nn.Parameter(torch.zeros(3, 4))

        def forward(self, x):
            return x @ self.matrix.T

    model = nn.Sequential(nn.Linear(5, 4), Secret())
    table = layer_table(model, (5,))
    assert table["1"].macs is None and table.totals.macs is None
    assert str(table).splitlines()[-1].endswith("?")
    with pytest.raises(ValueError, match=r"layer 1 \(Secret\).*count_macs"):
        count_macs(model, (5,))
    with pytest.raises(ValueError, match="count_connections"):
        count_connections(model, (5,))


def test_a_sealed_layers_children_are_its_own_business():
    class Sealed(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(3, 3)

        def forward(self, x):
            return self.inner(x)

        def count_macs(self, input_shape, output_shape):
            return 5

    table = layer_table(nn.Sequential(Sealed()), (3,))
    assert [(row.name, row.parameters, row.macs) for row in table] == [("0", 12, 5)]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 9, 9), "Sequential does not run on one example of shape"),
        ((3, 28, 28), "does not run"),
        ((28, 28), r"give \(C, H, W\) of one example"),
        ((1, 1, 1, 28, 28), "has 5 axes"),
        ((1, 0, 28), "must be >= 1"),
    ],
)
def test_wrong_input_shapes_are_named(shape, message):
    with pytest.raises(ValueError, match=message):
        layer_table(small_net(), shape)


def test_other_mistakes_are_named():
    with pytest.raises(TypeError, match=r"nn\.Module"):
        count_parameters([1, 2])
    with pytest.raises(TypeError, match="integer"):
        layer_table(small_net(), (1, 28.0, 28))
    with pytest.raises(ValueError, match="lazy layer"):
        layer_table(nn.LazyLinear(3), (4,))
    with pytest.raises(KeyError, match="it has 0, 1, 2"):
        layer_table(small_net(), (1, 28, 28))["conv1"]


# --- how the table looks ------------------------------------------------------------------------


def test_text_is_aligned_and_ends_with_the_totals():
    lines = str(layer_table(small_net(), (1, 28, 28))).splitlines()
    assert lines[0] == "Sequential on an input of 1 × 28 × 28"
    assert len({len(line) for line in lines[1:]}) == 1
    assert lines[-1].split() == ["total", "61,706", "416,520"]


def test_a_table_shows_the_counts_one_asks_for():
    table = layer_table(nn.Conv2d(1, 2, 3), (1, 5, 5)).show("connections", "activations")
    foot = str(table).splitlines()[-1].split()
    assert foot == ["total", str(2 * 9 * 10), str(2 * 9)]
    with pytest.raises(ValueError, match=r"wires.*connections"):
        table.show("wires")


def test_html_is_a_table_a_screen_reader_can_follow():
    import xml.etree.ElementTree as tree

    class Odd(nn.Sequential):
        pass

    Odd.__name__ = "<Odd&>"
    model = Odd(nn.Linear(4, 2))
    root = tree.fromstring(layer_table(model, (4,))._repr_html_())
    assert root.find("caption").text == "<Odd&> on an input of 4"
    assert [th.get("scope") for th in root.iter("th")] == ["col"] * 5 + ["row"] * 2
    assert [cell.text for cell in root.find("tfoot/tr")] == ["total", None, None, "10", "8"]


def test_doctests():
    assert doctest.testmod(arithmetic).failed == 0


def test_importing_costs_no_torch():
    code = "import sys, utils.arithmetic; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
