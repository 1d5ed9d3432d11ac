"""Residual networks against their paper, against torchvision's and against formulas."""

import copy

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from utils.arithmetic import count_macs, count_parameters, layer_table
from utils.models.resnet import (
    BasicBlock,
    Bottleneck,
    CifarResNet,
    PaddedShortcut,
    PlainNet,
    ResNet,
)

few = settings(max_examples=30, deadline=None, derandomize=True)

PARAMETERS = {18: 11689512, 34: 21797672, 50: 25557032, 101: 44549160, 152: 60192808}
CIFAR = {
    20: (269722, 40551040),
    32: (464154, 68862592),
    44: (658586, 97174144),
    56: (853018, 125485696),
    110: (1727962, 252887680),
}


def ghost(build, *arguments, **options) -> nn.Module:
    """A network without memory."""
    with torch.device("meta"):
        return build(*arguments, **options)


def shake(model: nn.Module) -> nn.Module:
    """Batch norms with statistics and scales of a net that was trained, ready to evaluate."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.3, 0.7)
            nn.init.normal_(layer.bias, std=0.2)
            nn.init.normal_(layer.running_mean, std=0.2)
            nn.init.uniform_(layer.running_var, 0.5, 2.0)
    return model.eval()


# --- ImageNet: the counts of the paper and torchvision's networks -----------------------------


@pytest.mark.parametrize("depth", PARAMETERS)
def test_parameters_and_layers_are_torchvisions(depth):
    model, theirs = ghost(ResNet, depth), ghost(getattr(torchvision.models, f"resnet{depth}"))
    assert count_parameters(model) == PARAMETERS[depth]
    shape = (3, 224, 224)
    assert layer_table(model, shape).rows == layer_table(theirs, shape).rows


@pytest.mark.parametrize("depth", PARAMETERS)
def test_depth_counts_the_layers_on_the_way(depth):
    weighted = [
        name
        for name, layer in ghost(ResNet, depth).named_modules()
        if isinstance(layer, (nn.Conv2d, nn.Linear)) and "downsample" not in name
    ]
    assert len(weighted) == depth


@pytest.mark.parametrize(
    ("depth", "stride_in", "gmac"),
    [
        (18, "3x3", 1.814),
        (34, "3x3", 3.664),
        (50, "3x3", 4.089),
        (50, "1x1", 3.858),
        (101, "3x3", 7.801),
        (101, "1x1", 7.570),
        (152, "3x3", 11.514),
        (152, "1x1", 11.282),
    ],
)
def test_multiply_adds(depth, stride_in, gmac):
    model = ghost(ResNet, depth, stride_in=stride_in)
    assert count_macs(model, (3, 224, 224)) / 1e9 == pytest.approx(gmac, abs=6e-4)


@pytest.mark.parametrize("stride_in", ["1x1", "3x3"])
def test_stages_have_the_sizes_of_table_1(stride_in):
    table = layer_table(ghost(ResNet, 50, stride_in=stride_in), (3, 224, 224)).grouped()
    shapes = {row.name: row.output_shape for row in table}
    assert shapes == {
        "conv1": (64, 112, 112),
        "bn1": (64, 112, 112),
        "relu": (64, 112, 112),
        "maxpool": (64, 56, 56),
        "layer1": (256, 56, 56),
        "layer2": (512, 28, 28),
        "layer3": (1024, 14, 14),
        "layer4": (2048, 7, 7),
        "avgpool": (2048, 1, 1),
        "fc": (1000,),
    }


@pytest.mark.parametrize("depth", [18, 50])
def test_weights_and_outputs_are_interchangeable_with_torchvisions(depth):
    torch.manual_seed(depth)
    ours = shake(ResNet(depth, num_classes=7))
    theirs = shake(getattr(torchvision.models, f"resnet{depth}")(num_classes=7))
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        before, target = ours(x), theirs(x)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        state = copy.deepcopy(ours.state_dict())
        ours.load_state_dict(theirs.state_dict())
        torch.testing.assert_close(ours(x), target, rtol=1e-5, atol=1e-5)
        theirs.load_state_dict(state)
        torch.testing.assert_close(theirs(x), before, rtol=1e-5, atol=1e-5)
        assert (before - target).abs().max() > 1e-3, "the two nets were equal to begin with"


@pytest.mark.parametrize("depth", [34, 101, 152])
def test_the_other_depths_take_torchvisions_weights_and_answer_alike(depth):
    theirs = ghost(getattr(torchvision.models, f"resnet{depth}"), num_classes=7)
    ours = ghost(ResNet, depth, num_classes=7)
    assert [(key, value.shape) for key, value in ours.state_dict().items()] == [
        (key, value.shape) for key, value in theirs.state_dict().items()
    ]
    torch.manual_seed(depth)
    theirs.to_empty(device="cpu")
    for weight in theirs.parameters():
        if weight.ndim > 1:
            nn.init.normal_(weight, std=(2 / weight[0].numel()) ** 0.5)
    nn.init.normal_(theirs.fc.bias)
    shake(theirs)
    ours.to_empty(device="cpu").load_state_dict(theirs.state_dict())
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        target = theirs(x)
        torch.testing.assert_close(ours.eval()(x), target, rtol=1e-5, atol=1e-5)
    assert target.isfinite().all() and target.std() > 1e-3


def test_the_papers_stride_takes_the_same_weights_to_other_outputs():
    torch.manual_seed(0)
    published, usual = shake(ResNet(50, 5, stride_in="1x1")), shake(ResNet(50, 5))
    published.load_state_dict(usual.state_dict())
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert not torch.allclose(published(x), usual(x), atol=1e-3)
    strides = {
        name: layer.stride[0]
        for name, layer in published.layer2[0].named_children()
        if isinstance(layer, nn.Conv2d)
    }
    assert strides == {"conv1": 2, "conv2": 1, "conv3": 1}


# --- shortcuts --------------------------------------------------------------------------------


def test_options_differ_by_their_projections():
    counts = {option: count_parameters(ghost(ResNet, 34, shortcut=option)) for option in "ABC"}
    counts[None] = count_parameters(ghost(ResNet, 34, shortcut=None))
    grow = sum(a * b + 2 * b for a, b in [(64, 128), (128, 256), (256, 512)])
    keep = sum(n * (c * c + 2 * c) for n, c in [(3, 64), (3, 128), (5, 256), (2, 512)])
    assert counts["A"] == counts[None] == PARAMETERS[34] - grow
    assert counts["C"] == PARAMETERS[34] + keep


def test_every_depth_runs_with_every_option():
    for depth in (18, 50):
        for option in ("A", "B", "C"):
            model = ghost(ResNet, depth, shortcut=option)
            assert model(torch.empty(1, 3, 64, 64, device="meta")).shape == (1, 1000)


@few
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.integers(1, 4),
    more=st.integers(0, 4),
    stride=st.integers(1, 3),
)
def test_option_a_repeats_pixels_and_adds_silent_maps(height, width, channels, more, stride):
    x = torch.rand(2, channels, height, width) + 1
    y = PaddedShortcut(channels, channels + more, stride)(x)
    assert y.shape == (2, channels + more, -(-height // stride), -(-width // stride))
    for row in range(y.shape[2]):
        for column in range(y.shape[3]):
            assert torch.equal(y[:, :channels, row, column], x[..., stride * row, stride * column])
    assert not y[:, channels:].any()


# --- a block that has nothing to add ------------------------------------------------------------


def silence(block: nn.Module) -> None:
    """Make the residual branch zero: its last batch norm multiplies by nothing."""
    last = block.bn3 if isinstance(block, Bottleneck) else block.bn2
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)


@few
@given(
    kind=st.sampled_from([BasicBlock, Bottleneck]),
    option=st.sampled_from(["A", "B"]),
    training=st.booleans(),
    seed=st.integers(0, 99),
)
def test_without_residual_a_block_is_the_identity_through_relu(kind, option, training, seed):
    torch.manual_seed(seed)
    channels = 4
    block = kind(kind.expansion * channels, channels, shortcut=option).train(training)
    silence(block)
    x = torch.randn(2, kind.expansion * channels, 5, 5)
    assert torch.equal(block(x), x.relu())
    assert torch.equal(block(x.relu()), x.relu()), "what came through a ReLU passes unchanged"


def test_without_residuals_a_whole_net_is_its_shortcuts():
    torch.manual_seed(0)
    model = shake(CifarResNet(20))
    for block in model.modules():
        if isinstance(block, BasicBlock):
            silence(block)
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        first = model.relu(model.bn1(model.conv1(x)))
        pooled = first[:, :, ::4, ::4].mean(dim=(2, 3))
        expected = pooled @ model.fc.weight[:, :16].T + model.fc.bias
        torch.testing.assert_close(model(x), expected)


def test_a_plain_block_without_its_last_layer_knows_nothing():
    block = BasicBlock(4, 4, shortcut=None)
    silence(block)
    assert not block(torch.randn(2, 4, 5, 5)).any()


def test_the_shortcut_adds_one_to_the_blocks_derivative():
    torch.manual_seed(0)
    with_shortcut = shake(BasicBlock(4, 4)).double()
    plain = shake(BasicBlock(4, 4, shortcut=None)).double()
    plain.load_state_dict(with_shortcut.state_dict())
    x = torch.randn(1, 4, 3, 3, dtype=torch.float64)
    torch.testing.assert_close(with_shortcut.residual(x), plain.residual(x))

    def flat(block):
        jacobian = torch.autograd.functional.jacobian(block.residual, x).reshape(36, 36)
        total = torch.autograd.functional.jacobian(block, x).reshape(36, 36)
        return jacobian, total, (block(x) > 0).reshape(36, 1)

    jacobian, total, alive = flat(with_shortcut)
    torch.testing.assert_close(total, alive * (torch.eye(36, dtype=torch.float64) + jacobian))
    jacobian, total, alive = flat(plain)
    torch.testing.assert_close(total, alive * jacobian)


# --- CIFAR --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "counts"), CIFAR.items())
@pytest.mark.parametrize("build", [CifarResNet, PlainNet])
def test_cifar_nets_have_the_papers_counts(build, depth, counts):
    model = ghost(build, depth)
    assert (count_parameters(model), count_macs(model, (3, 32, 32))) == counts


def test_cifar_stages():
    table = layer_table(ghost(CifarResNet, 56), (3, 32, 32)).grouped()
    shapes = {row.name: row.output_shape for row in table}
    assert [shapes[f"layer{stage}"] for stage in (1, 2, 3)] == [
        (16, 32, 32),
        (32, 16, 16),
        (64, 8, 8),
    ]
    assert (shapes["avgpool"], shapes["fc"]) == ((64, 1, 1), (10,))


def test_option_b_adds_two_projections():
    more = count_parameters(ghost(CifarResNet, 20, "B")) - CIFAR[20][0]
    assert more == 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64


def test_plain_and_residual_differ_only_in_what_they_compute():
    torch.manual_seed(0)
    residual, plain = shake(CifarResNet(20)), shake(PlainNet(20))
    plain.load_state_dict(residual.state_dict())
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        stem = plain.relu(plain.bn1(plain.conv1(x)))
        expected = stem
        for stage in (plain.layer1, plain.layer2, plain.layer3):
            for block in stage:
                expected = block.relu(
                    block.bn2(block.conv2(block.relu(block.bn1(block.conv1(expected)))))
                )
        expected = plain.fc(expected.mean(dim=(2, 3)))
        torch.testing.assert_close(plain(x), expected)
        assert not torch.allclose(residual(x), expected, atol=1e-2)


def test_other_images_and_widths():
    model = ghost(CifarResNet, 8, in_channels=1, num_classes=4, width=8)
    assert model(torch.empty(2, 1, 28, 28, device="meta")).shape == (2, 4)
    assert model.fc.in_features == 32


# --- the start ----------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [lambda: ResNet(18), lambda: CifarResNet(56, "B")])
def test_convolutions_start_as_he_et_al_say(build):
    torch.manual_seed(0)
    for name, layer in build().named_modules():
        if isinstance(layer, nn.Conv2d):
            weight = layer.weight.detach()
            expected = (2 / (weight[0, 0].numel() * layer.out_channels)) ** 0.5
            error = 5 / weight.numel() ** 0.5  # five standard errors
            assert weight.std().item() == pytest.approx(expected, rel=error), name
            assert abs(weight.mean().item()) < expected * error, name
            assert layer.bias is None
        elif isinstance(layer, nn.BatchNorm2d):
            assert (layer.weight == 1).all() and (layer.bias == 0).all()


# --- refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ResNet(20), "depth is 20: give one of 18, 34, 50, 101, 152"),
        (lambda: ResNet(18, stride_in="2x2"), "stride_in is '2x2'"),
        (lambda: ResNet(18, shortcut="D"), "shortcut is 'D'"),
        (lambda: CifarResNet(18), r"depth is 18: give 6n \+ 2"),
        (lambda: CifarResNet(2), r"depth is 2: give 6n \+ 2"),
        (lambda: PlainNet(33), r"depth is 33: give 6n \+ 2"),
        (lambda: Bottleneck(4, 1, stride_in="1"), "stride_in is '1'"),
    ],
)
def test_other_networks_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
