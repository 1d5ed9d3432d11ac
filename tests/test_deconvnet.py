"""The deconvnet against autograd, Captum, and networks small enough to know the answer."""

import captum.attr
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from utils.deconvnet import (
    RULES,
    Deconvnet,
    occlusion_map,
    sign_hamming,
    top_activations,
    unpool,
)
from utils.models import ZFNet, pretrained

EXAMPLES = settings(derandomize=True, deadline=None, max_examples=40)


def squeezenet():
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    return squeezenet1_1().eval()


def small_vgg():
    """Two blocks of VGG's kind, which Captum and autograd can follow too."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(6, 6, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
    ).eval()


def gradient_by_autograd(model, image, feature_map):
    """Autograd's gradient of the largest activation of a map."""
    image = image[None].clone().requires_grad_()
    model(image)[0, feature_map].max().backward()
    return image.grad[0]


# --- the three rules ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "signal", "gradient", "deconvnet", "guided"),
    [
        # forward input, signal from above, and what each rule lets through
        (+2.0, +3.0, 3.0, 3.0, 3.0),
        (+2.0, -3.0, -3.0, 0.0, 0.0),
        (-2.0, +3.0, 0.0, 3.0, 0.0),
        (-2.0, -3.0, 0.0, 0.0, 0.0),
    ],
)
def test_every_case_of_signs(before, signal, gradient, deconvnet, guided):
    x, s = torch.tensor(before), torch.tensor(signal)
    assert RULES["gradient"](s, x) == gradient
    assert RULES["deconvnet"](s, x) == deconvnet
    assert RULES["guided"](s, x) == guided


@pytest.mark.parametrize("below", [2.0, -2.0])
@pytest.mark.parametrize("weight", [3.0, -3.0])
def test_the_cases_of_signs_inside_a_network(below, weight):
    """One unit over two: its bias keeps it alive, so that every case of signs can be met."""
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 1, 1), nn.ReLU())
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([1.0, 0.0]).view(2, 1, 1, 1))
        net[0].bias.zero_()
        net[2].weight.copy_(torch.tensor([weight, 0.0]).view(1, 2, 1, 1))
        net[2].bias.fill_(20.0)
    x = torch.full((1, 1, 1), below)
    answer = max(0.0, weight * max(below, 0.0) + 20)
    reader = Deconvnet(net)
    projected = {rule: reader.project(x, "3", 0, rule=rule).item() for rule in RULES}
    assert projected["gradient"] == (weight if below > 0 else 0)
    assert projected["deconvnet"] == (answer * weight if weight > 0 else 0)
    assert projected["guided"] == (answer * weight if weight > 0 and below > 0 else 0)


def test_on_a_linear_net_all_rules_are_the_gradient():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2, padding=1), nn.Conv2d(5, 4, 3, groups=1))
    image = torch.randn(3, 13, 12)
    reader = Deconvnet(net)
    gradient = gradient_by_autograd(net, image, 2)
    start = net(image[None])[0, 2].max()
    assert torch.allclose(reader.project(image, "1", 2, rule="gradient"), gradient, atol=1e-6)
    for rule in ("deconvnet", "guided"):
        assert torch.allclose(reader.project(image, "1", 2, rule=rule), gradient * start, atol=1e-5)


@pytest.mark.parametrize("feature_map", range(8))
def test_gradient_rule_is_autograd_through_relu_and_overlapping_pooling(feature_map):
    net, image = small_vgg(), torch.randn(3, 25, 22, generator=torch.manual_seed(2))
    ours = Deconvnet(net).project(image, "7", feature_map, rule="gradient")
    assert torch.allclose(ours, gradient_by_autograd(net, image, feature_map), atol=1e-6)


@pytest.mark.parametrize(
    ("rule", "theirs"),
    [("guided", captum.attr.GuidedBackprop), ("deconvnet", captum.attr.Deconvolution)],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_guided_and_deconvnet_rules_against_captum(rule, theirs):
    net, image = small_vgg(), torch.randn(3, 25, 22, generator=torch.manual_seed(3))
    maps = net(image[None])[0]
    for feature_map in range(8):
        if maps[feature_map].max() == 0:
            continue
        row, column = divmod(int(maps[feature_map].argmax()), maps.shape[2])
        start = maps[feature_map, row, column].item()
        expected = theirs(net).attribute(image[None], target=(feature_map, row, column))[0]
        got = Deconvnet(net).project(image, "7", feature_map, rule=rule)
        assert torch.allclose(got, start * expected.detach(), atol=1e-5)


def test_the_three_differ_on_a_net_with_relu():
    net, image = small_vgg(), torch.randn(3, 25, 22, generator=torch.manual_seed(4))
    reader = Deconvnet(net)
    found = [reader.project(image, "7", 0, rule=rule) for rule in RULES]
    found = [projection / projection.abs().max() for projection in found]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (found[one] - found[other]).abs().max() > 0.05


# --- switches -------------------------------------------------------------------------------


@EXAMPLES
@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(4, 9), st.integers(4, 9), st.booleans(),
    st.integers(0, 10**6),
)  # fmt: skip
def test_unpooling_is_the_gradient_of_pooling(kernel, stride, height, width, ceil, seed):
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(2, 3, height, width, generator=rng, dtype=torch.float64, requires_grad=True)
    pooled, switches = F.max_pool2d(x, kernel, stride, 0, 1, ceil, return_indices=True)
    signal = torch.randn(pooled.shape, generator=rng, dtype=torch.float64)
    pooled.backward(signal)
    assert torch.allclose(unpool(signal, switches, x.shape), x.grad)


def test_switches_return_activations_to_their_places():
    x = torch.zeros(1, 1, 6, 6)
    peaks = {(0, 1): 5.0, (3, 0): 2.0, (1, 5): 7.0, (5, 4): 3.0}
    for (row, column), value in peaks.items():
        x[0, 0, row, column] = value
    pooled, switches = F.max_pool2d(x, 3, return_indices=True)
    assert torch.equal(unpool(pooled, switches, x.shape), x)


def test_a_place_chosen_twice_gets_both_values():
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = 1.0  # the corner shared by the four 3 x 3 windows of stride 2
    pooled, switches = F.max_pool2d(x, 3, 2, return_indices=True)
    assert pooled.sum() == 4
    assert unpool(pooled, switches, x.shape)[0, 0, 2, 2] == 4
    assert F.max_unpool2d(pooled, switches, 3, 2, output_size=(5, 5)).sum() < 4


# --- real architectures ---------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["features.1", "features.4", "features.7", "features.12"])
def test_fire_modules_by_autograd_and_window(layer):
    net, size = squeezenet(), (95, 103)
    image = torch.randn(3, *size, generator=torch.manual_seed(5))
    reader = Deconvnet(net)
    number = int(layer.partition(".")[2])
    maps = reader.activations(image[None], [layer])[layer][0]
    feature_map = int(maps.flatten(1).max(1).values.argmax())
    row, column = divmod(int(maps[feature_map].argmax()), maps.shape[2])
    start = net.features[: number + 1](image[None].clone())
    assert torch.allclose(start[0], maps)

    x = image[None].clone().requires_grad_()
    net.features[: number + 1](1 * x)[0, feature_map, row, column].backward()
    gradient = reader.project(image, layer, feature_map, rule="gradient")
    assert torch.allclose(gradient, x.grad[0], atol=1e-5)

    top, left, bottom, right = reader.window(layer, (row, column), size)
    for rule in RULES:
        signal = reader.project(image, layer, feature_map, rule=rule).abs()
        assert signal.sum() > 0
        signal[:, top:bottom, left:right] = 0
        assert signal.sum() == 0  # nothing outside the window


def test_windows_of_squeezenet_are_those_of_the_recursion():
    reader = Deconvnet(squeezenet())
    assert reader.window("features.1", (5, 7), (227, 227)) == (10, 14, 13, 17)
    assert reader.window("features.4", (20, 20), (227, 227)) == (72, 72, 95, 95)  # side 23, step 4
    top, left, bottom, right = reader.window("features.7", (14, 10), (227, 227))
    assert (bottom - top, right - left) == (63, 63)
    assert reader.window("features.12", (0, 13), (227, 227))[0] == 0  # cut at the border


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("rule", ["deconvnet", "guided"])
def test_fire_modules_against_captum(rule):
    net = squeezenet()
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    chain, image = net.features[:8], torch.randn(3, 79, 79, generator=torch.manual_seed(6))
    maps = chain(image[None])[0]
    feature_map = int(maps.flatten(1).max(1).values.argmax())
    row, column = divmod(int(maps[feature_map].argmax()), maps.shape[2])
    method = {"deconvnet": captum.attr.Deconvolution, "guided": captum.attr.GuidedBackprop}[rule]
    expected = method(chain).attribute(image[None], target=(feature_map, row, column))[0].detach()
    start = maps[feature_map, row, column].item()
    got = Deconvnet(net).project(image, "features.7", feature_map, rule=rule)
    assert torch.allclose(got, start * expected, rtol=1e-3, atol=1e-6)


def test_a_vgg_chain():
    from torchvision.models.vgg import cfgs, make_layers  # VGG-11 without its dense layers

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = make_layers(cfgs["A"]).eval()
    image = torch.randn(3, 64, 64, generator=torch.manual_seed(7))
    reader = Deconvnet(net)
    assert reader.layers[-1] == "20" and len(reader.layers) == len(net)
    maps = net(image[None].clone())[0]
    feature_map = int(maps.flatten(1).max(1).values.argmax())
    gradient = reader.project(image, "20", feature_map, rule="gradient")
    assert torch.allclose(gradient, gradient_by_autograd(net, image, feature_map), atol=1e-6)
    assert reader.project(image, "20", feature_map).abs().sum() > 0


def test_zfnet_passes_over_its_normalisation():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = ZFNet(num_classes=2).eval()
    reader, image = Deconvnet(net), torch.randn(3, 97, 97)
    signal = reader.project(image, "features.pool2", 3)
    assert signal.shape == (3, 97, 97) and signal.abs().sum() > 0
    row, column = 0, 0
    top, left, bottom, right = reader.window("features.pool2", (row, column), (97, 97))
    signal = reader.project(image, "features.pool2", 3, place=(row, column)).abs()
    signal[:, top:bottom, left:right] = 0
    assert signal.sum() == 0
    with pytest.raises(ValueError, match="normalises across maps"):
        reader.project(image, "features.pool2", 3, rule="gradient")


def test_the_model_and_the_image_are_only_read():
    net, image = small_vgg(), torch.randn(2, 3, 25, 22)
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    before = image.clone()
    Deconvnet(net).project(image, "7", 1)
    assert torch.equal(image, before)
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_a_batch_is_its_images_one_by_one():
    reader, images = Deconvnet(small_vgg()), torch.randn(3, 3, 25, 22)
    together = reader.project(images, "6", 4)
    for image, projected in zip(images, together, strict=True):
        assert torch.allclose(reader.project(image, "6", 4), projected, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nine", 0), "there is no layer 'nine'"),
        (("7", 8), "it has 0 to 7"),
        (("7", 0, (99, 0)), "no unit"),
        (("7", 0, None, "saliency"), "there is no rule"),
    ],
)
def test_what_does_not_exist_is_said(arguments, message):
    layer, feature_map, place, rule = (*arguments, None, "deconvnet")[:4]
    rule = arguments[3] if len(arguments) > 3 else "deconvnet"
    with pytest.raises(ValueError, match=message):
        Deconvnet(small_vgg()).project(
            torch.randn(3, 25, 22), layer, feature_map, place=place, rule=rule
        )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Linear(3, 4), "no chain"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), "layer 1 is a BatchNorm2d"),
        (nn.Sequential(nn.Conv2d(3, 4, (3, 5))), "square"),
        (nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")), "reflect"),
    ],
)
def test_models_with_no_way_back_are_refused(model, message):
    with pytest.raises(TypeError, match=message):
        Deconvnet(model)


# --- strongest activations ------------------------------------------------------------------


def test_top_activations_by_brute_force():
    net = small_vgg()
    images = torch.randn(11, 3, 25, 22, generator=torch.manual_seed(8))
    top = top_activations(net, images, ["3", "7"], k=4, batch_size=4)
    for layer, depth in (("3", 4), ("7", 8)):
        maps = net[:depth](images.clone()).detach()
        peaks = maps.flatten(2).max(2).values
        for feature_map in range(maps.shape[1]):
            best = sorted(range(11), key=lambda i: -peaks[i, feature_map])[:4]
            assert torch.allclose(top[layer].values[feature_map], peaks[best, feature_map])
            for rank, image in enumerate(top[layer].images[feature_map].tolist()):
                row, column = top[layer].places[feature_map, rank].tolist()
                assert torch.isclose(
                    maps[image, feature_map, row, column], top[layer].values[feature_map, rank]
                )
        assert torch.allclose(top[layer].means, peaks.mean(0), atol=1e-6)


def test_only_one_image_of_each_photograph():
    images = torch.rand(12, 3, 25, 22, generator=torch.manual_seed(9))
    groups = [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 3]
    top = top_activations(small_vgg(), images, ["5"], k=4, groups=groups)["5"]
    for row in top.images:
        assert sorted(groups[i] for i in row) == [0, 1, 2, 3]
    assert (top.values[:, :-1] >= top.values[:, 1:]).all()
    with pytest.raises(ValueError, match="1 to 4"):
        top_activations(small_vgg(), images, ["5"], k=5, groups=groups)
    with pytest.raises(ValueError, match="give one each"):
        top_activations(small_vgg(), images, ["5"], groups=groups[:3])


def test_selectivity_prefers_a_map_that_answers_to_few_pictures():
    net = nn.Sequential(nn.Conv2d(1, 3, 1), nn.ReLU())
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([1.0, 1.0, -1.0]).view(3, 1, 1, 1))
        net[0].bias.copy_(torch.tensor([0.0, -0.9, -9.0]))
    images = torch.linspace(0, 1, 21).view(21, 1, 1, 1).repeat(1, 1, 2, 2)
    top = top_activations(net, images, ["1"], k=2)["1"]
    always, seldom, never = top.selectivity().tolist()
    assert seldom > 5 > always > 1
    assert never == 0


# --- occlusion and correspondence -----------------------------------------------------------


def test_occlusion_map_against_captum():
    net, image = small_vgg(), torch.randn(3, 26, 22, generator=torch.manual_seed(10))

    def score(batch):
        return net(batch)[:, :2].sum(dim=(2, 3))

    ours = occlusion_map(score, image, size=6, stride=4)
    theirs = captum.attr.Occlusion(lambda batch: score(batch)[:, 0])
    change = theirs.attribute(image[None], (3, 6, 6), strides=(3, 4, 4), baselines=0.0)[0, 0]
    full = score(image[None])[0, 0]
    assert ours.shape == (6, 5, 2)
    # a corner pixel lies under the first square alone
    assert torch.isclose(full - ours[0, 0, 0], change[0, 0], atol=1e-5)


def test_occlusion_map_of_a_known_score():
    image = torch.zeros(1, 8, 6)
    image[0, 5, 2] = 1.0
    seen = occlusion_map(lambda batch: batch.sum(dim=(1, 2, 3)), image, size=2, stride=1)
    hidden = torch.zeros(7, 5, dtype=torch.bool)
    hidden[4:6, 1:3] = True
    assert torch.equal(seen == 0, hidden)
    assert image.sum() == 1  # only read
    filled = occlusion_map(lambda b: b.mean(dim=(1, 2, 3)), image, size=6, stride=2, fill=5.0)
    assert torch.allclose(filled, torch.full((2, 1), 180 / 48))
    with pytest.raises(ValueError, match="size <= 6"):
        occlusion_map(lambda batch: batch, image, size=7, stride=1)


def test_sign_hamming():
    changes = np.array([[1.0, -1, 0, 2], [3.0, -5, 0, 9], [-1.0, 1, 1, -2]])
    assert sign_hamming(torch.from_numpy(changes)).tolist() == [0.0, 1.0, 1.0]
    scaled = torch.from_numpy(changes) * torch.tensor([[2.0], [0.1], [7.0]])
    assert torch.equal(sign_hamming(scaled), sign_hamming(torch.from_numpy(changes)))
    with pytest.raises(ValueError, match="two or more"):
        sign_hamming(torch.ones(1, 5))


def test_the_pretrained_network_can_be_read():
    net = pretrained("squeezenet1_1")
    reader = Deconvnet(net)
    image = torch.full((3, 64, 64), 128, dtype=torch.uint8)
    image[:, :, 32:] = 20
    prepared = net.prepare(image, resize=False)
    signal = reader.project(prepared, "features.1", 0)
    assert signal.shape == (1, 3, 64, 64)
