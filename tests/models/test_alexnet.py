"""AlexNet against the numbers of its paper and against formulas written out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from utils import arithmetic
from utils.models.alexnet import AlexNet, AlexNetColumns, column_devices

GROUPED = {
    "features.conv1": ((96, 55, 55), 34944, 105415200),
    "features.pool1": ((96, 27, 27), 0, 0),
    "features.conv2": ((256, 27, 27), 307456, 223948800),
    "features.pool2": ((256, 13, 13), 0, 0),
    "features.conv3": ((384, 13, 13), 885120, 149520384),
    "features.conv4": ((384, 13, 13), 663936, 112140288),
    "features.conv5": ((256, 13, 13), 442624, 74760192),
    "features.pool5": ((256, 6, 6), 0, 0),
    "classifier.fc6": ((4096,), 37752832, 37748736),
    "classifier.fc7": ((4096,), 16781312, 16777216),
    "classifier.fc8": ((1000,), 4097000, 4096000),
}
UNGROUPED = {  # only what differs: every map of conv2, conv4 and conv5 sees twice as many
    "features.conv2": ((256, 27, 27), 614656, 2 * 223948800),
    "features.conv4": ((384, 13, 13), 1327488, 2 * 112140288),
    "features.conv5": ((256, 13, 13), 884992, 2 * 74760192),
}


def ghost(**options) -> nn.Module:
    """An AlexNet without memory."""
    with torch.device("meta"):
        return AlexNet(**options)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return AlexNet()


@pytest.mark.parametrize(
    ("groups", "rows", "parameters", "macs"),
    [(2, GROUPED, 60965224, 724406816), (1, GROUPED | UNGROUPED, 62378344, 1135256096)],
)
def test_every_layer_has_the_papers_size(groups, rows, parameters, macs):
    table = arithmetic.layer_table(ghost(groups=groups), (3, 227, 227))
    for name, expected in rows.items():
        row = table[name]
        assert (row.output_shape, row.parameters, row.macs) == expected, name
    assert table.totals.parameters == parameters
    assert table.totals.macs == macs


def test_dense_layers_hold_ninety_six_percent():
    table = arithmetic.layer_table(ghost(), (3, 227, 227)).grouped()
    assert table["classifier"].parameters / table.totals.parameters == pytest.approx(
        0.962, abs=5e-4
    )


def test_other_numbers_of_classes_change_the_last_layer_only():
    difference = sum(p.numel() for p in ghost().parameters()) - sum(
        p.numel() for p in ghost(num_classes=10).parameters()
    )
    assert difference == 990 * (4096 + 1)


@pytest.mark.parametrize("groups", [0, 3, 4, "2"])
def test_other_numbers_of_groups_are_refused(groups):
    with pytest.raises(ValueError, match=f"groups is {groups!r}: give 2"):
        AlexNet(groups=groups)


@pytest.mark.parametrize("side", [224, 226, 300])
def test_other_images_are_refused_with_their_size(side):
    with pytest.raises(ValueError, match=f"images of {side} x {side} pixels.*227 x 227"):
        ghost()(torch.empty(1, 3, side, side, device="meta"))


# --- response normalisation -----------------------------------------------------------------


def normalised(a: np.ndarray) -> np.ndarray:
    """Krizhevsky et al. (2012), sec. 3.3, term by term."""
    k, n, alpha, beta = 2, 5, 1e-4, 0.75
    count = len(a)
    b = np.empty_like(a)
    for i in range(count):
        low, high = max(0, i - n // 2), min(count - 1, i + n // 2)
        total = sum(a[j] ** 2 for j in range(low, high + 1))
        b[i] = a[i] / (k + alpha * total) ** beta
    return b


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    maps=st.integers(1, 12),
    scale=st.sampled_from([0.1, 1.0, 30.0, 1000.0]),
    seed=st.integers(0, 999),
)
def test_response_normalisation_is_the_papers_formula(maps, scale, seed):
    a = scale * np.random.default_rng(seed).standard_normal((maps, 3, 2))
    layers = ghost().features
    for layer in (layers.norm1, layers.norm2):
        b = layer(torch.from_numpy(a)[None])[0].numpy()
        np.testing.assert_allclose(b, normalised(a), rtol=1e-10)


def test_it_comes_after_the_relu_and_before_the_pooling():
    names = [name for name, _ in ghost().features.named_children()]
    assert names[:8] == "conv1 act1 norm1 pool1 conv2 act2 norm2 pool2".split()
    assert [name for name in names if name.startswith("norm")] == ["norm1", "norm2"]


# --- two columns ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "separate"),
    [("conv2", True), ("conv3", False), ("conv4", True), ("conv5", True)],
)
def test_columns_talk_only_at_conv3(model, name, separate):
    layer = model.features.get_submodule(name)
    x = torch.rand(1, layer.in_channels, 5, 5)
    changed = x.clone()
    changed[:, : layer.in_channels // 2] += 1
    with torch.no_grad():
        same = (layer(x) == layer(changed)).flatten(1).reshape(2, -1).all(dim=1)
    assert same.tolist() == [False, separate]


def test_pooling_windows_overlap(model):
    for name in ("pool1", "pool2", "pool5"):
        layer = model.features.get_submodule(name)
        assert (layer.kernel_size, layer.stride) == (3, 2)


# --- the start ------------------------------------------------------------------------------


def test_weights_and_biases_start_as_the_paper_says(model):
    ones = set()
    for name, layer in model.named_modules():
        if not isinstance(layer, (nn.Conv2d, nn.Linear)):
            continue
        weight = layer.weight.detach()
        error = 5 / weight.numel() ** 0.5  # five standard errors
        assert abs(weight.mean().item()) < 0.01 * error, name
        assert weight.std().item() == pytest.approx(0.01, rel=error), name
        assert layer.bias.unique().numel() == 1
        if layer.bias[0] == 1:
            ones.add(name.split(".")[1])
        else:
            assert layer.bias[0] == 0, name
    assert ones == {"conv2", "conv4", "conv5", "fc6", "fc7"}


def test_dropout_falls_on_the_outputs_of_fc6_and_fc7(model):
    names = [name for name, _ in model.classifier.named_children()]
    assert names == "flatten fc6 act6 drop6 fc7 act7 drop7 fc8".split()
    torch.manual_seed(0)
    seen = {}
    hooks = [
        model.classifier.get_submodule(name).register_forward_hook(
            lambda module, args, output: seen.setdefault(module, output)
        )
        for name in ("act6", "drop6")
    ]
    model.train()
    with torch.no_grad():
        model.classifier(torch.rand(1, 256, 6, 6))
    for hook in hooks:
        hook.remove()
    before, after = seen.values()
    kept = after != 0
    assert 0.45 < kept.float().mean() < 0.55
    torch.testing.assert_close(after[kept], 2 * before[kept])


def test_in_evaluation_it_answers_the_same_twice(model):
    model.eval()
    x = torch.rand(1, 3, 227, 227)
    with torch.no_grad():
        logits = model(x)
        assert logits.shape == (1, 1000)
        assert torch.equal(logits, model(x))


# --- two columns on two devices -------------------------------------------------------------


def tiny(classes=10):
    """AlexNet whose weights need no random numbers that take seconds: a few values, repeated."""
    with torch.device("meta"):
        model = AlexNet(num_classes=classes)
    model.to_empty(device="cpu")
    values = torch.randn(9973, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in model.parameters():
            count = parameter.numel()
            scale = 1.4 / (count / len(parameter)) ** 0.5
            repeated = values.repeat(-(-count // len(values)))[:count]
            parameter.copy_(scale * repeated.view_as(parameter))
    return model.eval()


@pytest.fixture(scope="module")
def split_pair():
    one = tiny()
    return one, AlexNetColumns(one, ["cpu", "cpu"]).eval()


def test_two_columns_compute_what_one_device_computes(split_pair):
    one, two = split_pair
    x = 50 * torch.randn(2, 3, 227, 227, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = one(x)
        torch.testing.assert_close(two(x), expected, rtol=1e-4, atol=1e-5)
        two.halo = False
        apart = two(x)
        two.halo = True
    assert expected.std() > 1e-3
    assert not torch.allclose(apart, expected, rtol=1e-4, atol=1e-5), "the border maps should tell"


def test_columns_hold_all_weights_once_and_half_of_them_each(split_pair):
    one, two = split_pair
    assert sum(p.numel() for p in two.parameters()) == sum(p.numel() for p in one.parameters())
    left, right = (sum(p.numel() for p in column.parameters()) for column in two.columns)
    assert left == right
    assert two.columns[0]["conv2"].weight.shape == (128, 48, 5, 5)
    assert two.columns[1]["conv3"].weight.shape == (192, 256, 3, 3)
    assert two.columns[1]["fc7"].weight.shape == (2048, 4096)


def test_columns_never_mix_devices_but_where_they_talk():
    """On two pretended GPUs, where an operation on tensors of both raises."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        with torch.device("cpu"):
            model = AlexNetColumns(AlexNet(num_classes=10), ["cuda:0", "cuda:1"])
        assert {p.device.index for p in model.columns[1].parameters()} == {1}
        logits = model(torch.empty(2, 3, 227, 227, device="cuda:0"))
        assert logits.device == torch.device("cuda", 0)


def test_devices_are_chosen_by_what_there_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [str(device) for device in column_devices()] == ["cuda:0", "cuda:1"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [str(device) for device in column_devices()] == ["cpu", "cpu"]


def test_only_two_groups_on_two_devices_can_be_split():
    with pytest.raises(ValueError, match="one group"):
        AlexNetColumns(ghost(groups=1))
    with pytest.raises(ValueError, match="3 devices"):
        AlexNetColumns(ghost(), ["cpu"] * 3)
