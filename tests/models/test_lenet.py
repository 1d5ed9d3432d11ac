"""The three LeNets against their papers and against independent formulas."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.signal import correlate2d
from scipy.special import logsumexp
from torch import nn
from torch.nn import functional as F

from utils import arithmetic
from utils.models import lenet
from utils.models.lenet import (
    C3_TABLE,
    H2_TABLE,
    LeNet5,
    LeNet5_1998,
    RBFOutput,
    ScaledTanh,
    Subsampling,
    TableConv2d,
    ZipNet1989,
    digit_codes,
    map_criterion,
    mse_criterion,
    predict,
    prepare,
)

few = settings(max_examples=50, deadline=None, derandomize=True)


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


# --- counts: parameters, connections, shapes ------------------------------------------------


@pytest.mark.parametrize(
    ("build", "input_shape", "rows"),
    [
        (
            ZipNet1989,
            (1, 16, 16),
            {
                "features.H1": ((12, 8, 8), 1068, 19968),
                "features.H2": ((12, 4, 4), 2592, 38592),
                "classifier.H3": ((30,), 5790, 5790),
                "classifier.output": ((10,), 310, 310),
            },
        ),
        (
            LeNet5_1998,
            (1, 32, 32),
            {
                "features.C1": ((6, 28, 28), 156, 122304),
                "features.S2": ((6, 14, 14), 12, 5880),
                "features.C3": ((16, 10, 10), 1516, 151600),
                "features.S4": ((16, 5, 5), 32, 2000),
                "features.C5": ((120, 1, 1), 48120, 48120),
                "classifier.F6": ((84,), 10164, 10164),
                "classifier.output": ((10,), 0, 840),
            },
        ),
    ],
)
def test_every_layer_has_the_papers_size(build, input_shape, rows):
    table = arithmetic.layer_table(build(), input_shape)
    for name, (shape, params, connections) in rows.items():
        row = table[name]
        assert tuple(row.output_shape) == shape, name
        assert row.parameters == params, name
        assert row.connections == connections, name
    assert sum(row.parameters for row in table) == sum(params for _, params, _ in rows.values())


@pytest.mark.parametrize(
    ("build", "input_shape", "params", "connections"),
    [(ZipNet1989, (1, 16, 16), 9760, 64660), (LeNet5_1998, (1, 32, 32), 60000, 340908)],
)
def test_totals(build, input_shape, params, connections):
    model = build()
    assert parameters(model) == params
    assert arithmetic.count_connections(model, input_shape) == connections


def test_zip_net_has_1256_units():
    shapes = []
    model = ZipNet1989()
    for layer in (*model.features, *model.classifier):
        if isinstance(layer, (TableConv2d, nn.Linear)):
            layer.register_forward_hook(lambda m, i, o: shapes.append(o.shape[1:].numel()))
    model(torch.zeros(1, 1, 16, 16))
    assert 16 * 16 + sum(shapes) == 1256


def test_modern_counts():
    model = LeNet5()
    assert parameters(model) == 61706
    assert parameters(model.features.C3) == 2416
    assert arithmetic.count_macs(model, (1, 28, 28)) == 416520
    assert arithmetic.count_macs(LeNet5(num_classes=7, in_channels=3), (3, 28, 28)) > 416520
    assert LeNet5(num_classes=7, in_channels=3)(torch.zeros(2, 3, 28, 28)).shape == (2, 7)


def test_c3_holds_no_parameter_that_is_not_used():
    """1,516 numbers that each move the output, not 2,416 with a mask."""
    layer = LeNet5_1998().features.C3
    x = torch.rand(2, 6, 14, 14)
    layer(x).square().sum().backward()
    assert layer.weight.numel() + layer.bias.numel() == 1516
    assert (layer.weight.grad != 0).all()
    assert (layer.bias.grad != 0).all()


# --- connection tables ----------------------------------------------------------------------


def test_c3_table_is_the_papers():
    rows = [
        "X...XXX..XXXX.XX",
        "XX...XXX..XXXX.X",
        "XXX...XXX..X.XXX",
        ".XXX..XXXX..X.XX",
        "..XXX..XXXX.XX.X",
        "...XXX..XXXX.XXX",
    ]
    drawn = ["".join("X" if s2 in maps else "." for maps in C3_TABLE) for s2 in range(6)]
    assert drawn == rows


def test_h2_maps_see_eight_of_twelve():
    assert len(H2_TABLE) == 12
    assert all(len(set(maps)) == 8 and set(maps) <= set(range(12)) for maps in H2_TABLE)
    uses = [sum(source in maps for maps in H2_TABLE) for source in range(12)]
    assert set(uses) == {8}


@pytest.mark.parametrize("stride", [1, 2])
def test_table_conv_equals_scipy_map_by_map(stride):
    torch.manual_seed(0)
    layer = TableConv2d(6, C3_TABLE, 5, stride=stride, padding=1, padding_value=-0.5).double()
    x = torch.randn(1, 6, 9, 9, dtype=torch.double)
    padded = np.pad(x[0].numpy(), ((0, 0), (1, 1), (1, 1)), constant_values=-0.5)
    kernels = iter(layer.weight.detach().numpy())
    for k, maps in enumerate(C3_TABLE):
        expected = sum(correlate2d(padded[s], next(kernels), mode="valid") for s in maps)
        expected = (expected + layer.bias[k].item())[::stride, ::stride]
        np.testing.assert_allclose(layer(x)[0, k].detach(), expected, atol=1e-12)


def test_a_map_ignores_what_the_table_leaves_out():
    layer = LeNet5_1998().features.C3
    x = torch.rand(1, 6, 14, 14)
    changed = x.clone()
    changed[:, 0] += 1
    same = (layer(x) == layer(changed)).flatten(2).all(dim=2)[0]
    assert same.tolist() == [0 not in maps for maps in C3_TABLE]


def test_zip_net_bias_is_one_a_unit_and_border_is_background():
    model = ZipNet1989()
    assert model.features.H1.bias.shape == (12, 8, 8)
    # On pure background every place of H1 sees the same 25 values, borders included.
    weighted = model.features.H1(-torch.ones(1, 1, 16, 16)) - model.features.H1.bias
    torch.testing.assert_close(weighted, weighted[:, :, :1, :1].expand_as(weighted))


# --- building blocks ------------------------------------------------------------------------


def test_scaled_tanh_is_one_at_one():
    f = ScaledTanh()
    assert f(torch.tensor(1.0, dtype=torch.double)).item() == pytest.approx(1, abs=5e-6)
    a = torch.tensor(0.0, dtype=torch.double, requires_grad=True)
    f(a).backward()
    assert a.grad.item() == pytest.approx(1.7159 * 2 / 3)


def test_subsampling_sums_then_scales():
    layer = Subsampling(3).double()
    x = torch.randn(2, 3, 4, 6, dtype=torch.double)
    for c in range(3):
        for i in range(2):
            for j in range(3):
                window = x[:, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                expected = window.sum(dim=(1, 2)) * layer.weight[c] + layer.bias[c]
                torch.testing.assert_close(layer(x)[:, c, i, j], expected)


def test_weights_start_within_the_papers_bounds():
    torch.manual_seed(0)
    model = LeNet5_1998()
    for layer, fan_in in [
        (model.features.C1, 25),
        (model.features.S2, 4),
        (model.features.S4, 4),
        (model.features.C5, 400),
        (model.classifier.F6, 120),
    ]:
        bound = 2.4 / fan_in
        assert layer.weight.abs().max() <= bound
        assert layer.weight.abs().max() > 0.5 * bound
    kernels = iter(model.features.C3.weight)
    for maps in C3_TABLE:
        bound = 2.4 / (25 * len(maps))
        largest = max(next(kernels).abs().max() for _ in maps)
        assert 0.5 * bound < largest <= bound


# --- codes, output layer, criteria ----------------------------------------------------------


def test_codes_are_ten_different_drawings():
    lines = [line.split() for line in lenet.DIGIT_BITMAPS.strip().splitlines()]
    assert len(lines) == 12
    assert all(len(line) == 10 and all(len(row) == 7 for row in line) for line in lines)
    codes = digit_codes()
    assert codes.shape == (10, 84)
    assert set(codes.unique().tolist()) == {-1.0, 1.0}
    assert codes[7].reshape(12, 7)[0].tolist() == [1.0] * 7, "the 7 has a bar on top"
    distances = torch.cdist(codes, codes, p=1) / 2 + 84 * torch.eye(10)
    assert distances.min() >= 15, "two digits differ in fewer than 15 of 84 pixels"


def test_codes_are_fixed_but_saved_and_moved():
    model = LeNet5_1998()
    assert "classifier.output.codes" in model.state_dict()
    assert "classifier.output.codes" not in dict(model.named_parameters())
    assert model.to("meta").classifier.output.codes.is_meta


@few
@given(hnp.arrays(np.float64, (3, 84), elements=st.floats(-2, 2)))
def test_penalties_are_squared_distances(x):
    codes = digit_codes().double()
    expected = np.square(np.linalg.norm(x[:, None] - codes.numpy(), axis=2))
    np.testing.assert_allclose(RBFOutput(codes)(torch.tensor(x)), expected, atol=1e-9)


def test_the_smallest_penalty_wins():
    penalties = RBFOutput(digit_codes())(digit_codes())
    assert torch.equal(penalties.diagonal(), torch.zeros(10))
    assert torch.equal(predict(penalties), torch.arange(10))
    penalties[3, 5] = torch.nan
    assert predict(penalties)[2:5].tolist() == [2, -1, 4]


batches = hnp.arrays(np.float64, (4, 10), elements=st.floats(0, 300))
labels = hnp.arrays(np.int64, (4,), elements=st.integers(0, 9))


@few
@given(batches, labels)
def test_mse_criterion_is_equation_8(y, d):
    expected = sum(y[p, d[p]] for p in range(4)) / 4
    assert mse_criterion(torch.tensor(y), torch.tensor(d)).item() == pytest.approx(expected)


@few
@given(batches, labels, st.floats(0.01, 100))
def test_map_criterion_is_equation_9(y, d, j):
    expected = np.mean([y[p, d[p]] + logsumexp([-j, *-y[p]]) for p in range(4)])
    ours = map_criterion(torch.tensor(y), torch.tensor(d), j=j).item()
    assert ours == pytest.approx(expected, abs=1e-9)
    assert ours > -1e-12


def test_map_pushes_wrong_classes_and_mse_does_not():
    y = torch.full((1, 10), 2.0, requires_grad=True)
    target = torch.tensor([3])
    (pull,) = torch.autograd.grad(mse_criterion(y, target), y)
    assert torch.equal(pull, F.one_hot(target, 10).float())
    (push,) = torch.autograd.grad(map_criterion(y, target), y)
    assert push[0, 3] > 0
    assert (push[0, [0, 1, 2, 4, 5, 6, 7, 8, 9]] < 0).all()
    # Beyond the rubbish class's penalty the push fades.
    far = torch.full((1, 10), 40.0, requires_grad=True)
    (weak,) = torch.autograd.grad(map_criterion(far, target), far)
    assert weak[0, 0].abs() < 1e-9


def test_mse_collapses_when_prototypes_are_trained():
    """Eq. 8 has the optimum 'every prototype and every F6 the same'; eq. 9 has not."""
    torch.manual_seed(0)
    prototypes = nn.Parameter(torch.randn(10, 84))
    features = nn.Parameter(torch.randn(40, 84))
    d = torch.arange(40) % 10
    optimizer = torch.optim.Adam([prototypes, features], lr=0.1)
    collapsed = torch.zeros(1, 84)
    for _ in range(200):
        optimizer.zero_grad()
        loss = mse_criterion((features[:, None] - prototypes).square().sum(-1), d)
        loss.backward()
        optimizer.step()
    assert loss < 1e-2
    y = (collapsed[:, None] - torch.zeros(10, 84)).square().sum(-1)
    assert mse_criterion(y, torch.tensor([0])) == 0
    assert map_criterion(y, torch.tensor([0])) > np.log(10)


@pytest.mark.parametrize("j", [0, -1.0])
def test_map_criterion_refuses_a_rubbish_class_without_penalty(j):
    with pytest.raises(ValueError, match="above 0"):
        map_criterion(torch.zeros(1, 10), torch.tensor([0]), j=j)


# --- inputs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 28, 28), (5, 1, 28, 28)])
def test_prepare_maps_paper_and_ink(shape):
    images = torch.zeros(shape, dtype=torch.uint8)
    images[..., 10:18, 10:18] = 255
    x = prepare(images)
    assert x.shape == (5, 1, 32, 32)
    assert x.dtype == torch.float32
    assert x[0, 0, 0, 0].item() == pytest.approx(-0.1)
    assert x[0, 0, 12, 12].item() == pytest.approx(1.175)
    assert x[0, 0, 11, 11].item() == pytest.approx(-0.1)


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(2, 28, 28),
        torch.zeros(2, 1, 32, 32, dtype=torch.uint8),
        torch.zeros(2, 3, 28, 28, dtype=torch.uint8),  # would be six grey digits
    ],
)
def test_prepare_refuses_other_images(images):
    with pytest.raises(ValueError, match=r"uint8 \(N, 1, 28, 28\)"):
        prepare(images)


# --- training -------------------------------------------------------------------------------


@pytest.mark.parametrize("criterion", [mse_criterion, map_criterion])
def test_lenet_1998_learns_a_batch_by_heart(criterion):
    torch.manual_seed(0)
    model = LeNet5_1998()
    glyphs = (digit_codes().reshape(10, 12, 7) > 0).to(torch.uint8) * 255
    large = glyphs.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    x = prepare(torch.cat([F.pad(large, (5, 9, 2, 2)), F.pad(large, (8, 6, 3, 1))]))
    d = torch.arange(20) % 10
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        criterion(model(x), d).backward()
        optimizer.step()
    assert (predict(model(x)) == d).float().mean() >= 0.9


def test_zip_net_learns_a_batch_by_heart():
    torch.manual_seed(0)
    model = ZipNet1989()
    x, d = torch.rand(20, 1, 16, 16) * 2 - 1, torch.arange(20) % 10
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    for _ in range(80):
        optimizer.zero_grad()
        (model(x) - (2.0 * F.one_hot(d, 10) - 1)).square().mean().backward()
        optimizer.step()
    assert (model(x).argmax(dim=1) == d).float().mean() >= 0.9


def test_the_trunk_can_be_frozen():
    model = LeNet5()
    model.features.requires_grad_(False)
    F.cross_entropy(model(torch.rand(2, 1, 28, 28)), torch.tensor([0, 1])).backward()
    assert all(p.grad is None for p in model.features.parameters())
    assert all(p.grad.abs().sum() > 0 for p in model.classifier.parameters())


def test_activation_and_pooling_are_choices():
    model = LeNet5(activation=nn.Tanh, pooling=nn.AvgPool2d)
    kinds = {type(module) for module in model.modules()}
    assert {nn.Tanh, nn.AvgPool2d} <= kinds
    assert nn.ReLU not in kinds and nn.MaxPool2d not in kinds


def test_models_are_imported_when_asked_for():
    code = (
        "import sys, utils.models as m; assert 'torch' not in sys.modules; "
        "assert 'LeNet5' in dir(m); m.LeNet5; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    import utils.models

    with pytest.raises(AttributeError, match="no 'LeNet6'; it has"):
        _ = utils.models.LeNet6
