"""The nets that LeNet-5 is held against: sizes, and what they do with places."""

import pytest
import torch

from utils.arithmetic import count_parameters
from utils.models import DigitMLP, GlobalPoolNet, LeNet5


def test_the_perceptron_has_the_size_of_lenet():
    ours, lenet = count_parameters(DigitMLP()), count_parameters(LeNet5())
    assert ours == 784 * 75 + 75 + 75 * 32 + 32 + 32 * 10 + 10
    assert abs(ours / lenet - 1) < 0.002


def test_the_perceptron_knows_no_neighbours():
    """Permuted pixels and first weights permuted alike: the same outputs."""
    torch.manual_seed(0)
    net, images = DigitMLP(), torch.rand(4, 1, 28, 28)
    before = net(images)
    order = torch.randperm(784)
    with torch.no_grad():
        net[1].weight.copy_(net[1].weight[:, order])
    after = net(images.flatten(1)[:, order])
    torch.testing.assert_close(before, after)


@pytest.mark.parametrize("pool", ["max", "average"])
def test_a_pooled_net_does_not_mind_whole_steps_inside(pool):
    """Shifts by a multiple of its steps, far from the rim, change nothing: 4 pixels do not."""
    torch.manual_seed(0)
    net = GlobalPoolNet(pool=pool).eval()
    images = torch.zeros(3, 1, 48, 48)
    images[..., 18:30, 18:30] = torch.rand(3, 1, 12, 12)
    with torch.no_grad():
        here, there = net(images), net(images.roll((4, 8), dims=(2, 3)))
        between = net(images.roll((0, 1), dims=(2, 3)))
    torch.testing.assert_close(here, there, rtol=1e-4, atol=1e-5)
    assert (here - between).abs().max() > 1e-3 * here.abs().max()


def test_a_pooled_net_takes_any_size_and_channels():
    net = GlobalPoolNet(num_classes=3, in_channels=2, pool="average").eval()
    for size in ((3, 3), (28, 28), (31, 45)):
        assert net(torch.rand(1, 2, *size)).shape == (1, 3)


def test_an_unknown_pool_is_refused():
    with pytest.raises(ValueError, match="'sum'"):
        GlobalPoolNet(pool="sum")
