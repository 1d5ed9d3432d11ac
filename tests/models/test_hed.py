"""The network of side outputs: sizes, what is frozen, and that every output learns."""

import torch
from torch import nn

from utils.models import EdgeNet, pretrained
from utils.models.hed import edge_loss


def test_only_the_outputs_learn():
    trunk = pretrained("squeezenet1_1")
    net = EdgeNet(trunk)
    learned = {name for name, value in net.named_parameters() if value.requires_grad}
    assert {name.partition(".")[0] for name in learned} == {"pixels", "sides", "fuse"}
    by_hand = (3 * 9 * 16 + 16) + (16 + 64 + 128 + 256) + 4 + 4 + 1
    assert sum(v.numel() for v in net.parameters() if v.requires_grad) == by_hand == 921
    before = {name: value.clone() for name, value in trunk.features.state_dict().items()}
    optimizer = torch.optim.Adam([v for v in net.parameters() if v.requires_grad], lr=0.01)
    edge_loss(net(torch.randn(1, 3, 64, 64)), torch.rand(1, 64, 64) > 0.9).backward()
    optimizer.step()
    assert all(torch.equal(v, before[k]) for k, v in trunk.features.state_dict().items())


def test_five_maps_of_the_pictures_size():
    net = EdgeNet().eval()
    for size in ((64, 64), (70, 91)):
        assert net(torch.randn(2, 3, *size)).shape == (2, 5, *size)


def test_the_fused_map_weighs_the_sides():
    net = EdgeNet().eval()
    out = net(torch.randn(1, 3, 64, 64))
    assert torch.allclose(out[:, 0], out[:, 1:].mean(1), atol=1e-5)  # quarters, before training
    nn.init.zeros_(net.fuse.weight)
    nn.init.constant_(net.fuse.bias, 2.0)
    assert torch.allclose(net(torch.randn(1, 3, 64, 64))[:, 0], torch.tensor(2.0))


def test_loss_asks_every_output_for_the_same_outlines():
    outlines = torch.rand(2, 8, 8) > 0.5
    perfect = torch.where(outlines, 20.0, -20.0)[:, None].expand(-1, 5, -1, -1).clone()
    assert edge_loss(perfect, outlines) < 1e-6
    for output in range(5):
        wrong = perfect.clone()
        wrong[:, output] *= -1
        assert torch.isclose(edge_loss(wrong, outlines), torch.tensor(4.0), atol=1e-3)
