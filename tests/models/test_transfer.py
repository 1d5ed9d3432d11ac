"""A pretrained trunk under a new head: the same network, and who learns."""

import pytest
import torch
from torch import nn

from utils import training
from utils.models import TransferNet, Trunk, pretrained
from utils.models.transfer import describe


@pytest.fixture(scope="module")
def pictures():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (3, 3, 96, 96), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("name", ["squeezenet1_1", "efficientnet_lite0"])
def test_the_trunk_is_the_pretrained_network_without_its_class_layer(name, pictures):
    trunk, network = Trunk(name, side=96).eval(), pretrained(name)
    with torch.no_grad():
        inputs = network.prepare(pictures, resize=False)
        maps = network.features(inputs) if name[0] == "s" else network.extract_features(inputs)
        found = describe(trunk, pictures, batch_size=2)
    assert found.shape == (3, trunk.width)
    assert torch.allclose(found, maps.mean(dim=(2, 3)), atol=2e-3)


def test_small_pictures_are_enlarged_and_large_ones_reduced(pictures):
    trunk = Trunk("squeezenet1_1", side=64).eval()
    for side in (32, 64, 96):
        assert describe(trunk, pictures[:, :, :side, :side]).shape == (3, 512)


def test_only_the_head_of_a_frozen_net_learns(pictures):
    training.set_seed(0)
    net = TransferNet("efficientnet_lite0", 2, side=32)
    net.trunk.requires_grad_(False).eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    data = (pictures, torch.tensor([0, 1, 1]))
    training.fit(net, data, epochs=2, batch_size=2, device="cpu", guards=False, progress=False)
    changed = {name for name, value in net.state_dict().items() if not value.equal(before[name])}
    assert changed == {"head.weight", "head.bias"}, "averages of batch norms stand still, too"
    assert len(net.groups(1e-3, 0.1)) == 1


def test_the_trunk_of_a_tuned_net_learns_at_its_own_rate_and_batch_norms_stand_still():
    net = TransferNet("efficientnet_lite0", 2, side=32)
    head, trunk = net.groups(1e-2, 0.1)
    assert head["lr"] == 1e-2 and trunk["lr"] == pytest.approx(1e-3)
    together = {id(p) for group in (head, trunk) for p in group["params"]}
    assert together == {id(p) for p in net.parameters()}
    net.train()
    norms = [part for part in net.modules() if isinstance(part, nn.BatchNorm2d)]
    assert norms and not any(part.training for part in norms)


def test_the_first_loss_is_log_c(pictures):
    net = TransferNet("squeezenet1_1", 7, side=32)
    assert training.initial_loss(net, (pictures, torch.tensor([0, 3, 6]))).loss == pytest.approx(
        1.9459, abs=1e-3
    )


def test_random_weights_follow_the_seed():
    def first(seed):
        training.set_seed(seed)
        return next(Trunk("squeezenet1_1", weights="random").parameters())

    assert torch.equal(first(1), first(1)) and not torch.equal(first(1), first(2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Trunk("vgg16"), "no trunk is called 'vgg16'"),
        (lambda: Trunk("squeezenet1_1", side=8), "32 pixels or more"),
        (lambda: Trunk("squeezenet1_1", weights="none"), '"imagenet" or "random"'),
        (lambda: Trunk("efficientnet_lite0", weights="random"), "ImageNet's weights only"),
        (lambda: TransferNet("squeezenet1_1", 1), "give 2 or more"),
        (lambda: describe(Trunk("squeezenet1_1"), torch.zeros(2, 3, 32, 32)), "give uint8"),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
