"""What a network costs: depth, receptive field and memory against other ways to find them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from utils import profiling
from utils.arithmetic import receptive_field

LAYERS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 2), st.integers(0, 2), st.integers(1, 2)),
    min_size=1,
    max_size=5,
)


@given(layers=LAYERS)
@settings(derandomize=True, deadline=None, max_examples=40)
def test_a_stack_reaches_what_the_recursion_says(layers):
    stack = nn.Sequential(*[nn.Conv2d(1, 1, k, s, p, d) for k, s, p, d in layers])
    found = profiling.reach(stack, (1, 400, 400))
    expected = receptive_field(layers)[-1]
    assert (found.depth, found.field, found.jump) == (len(layers), expected.field, expected.jump)


class Branches(nn.Module):
    """Two paths that meet, one of them longer, one of them wider."""

    def __init__(self):
        super().__init__()
        self.long = nn.Sequential(*[nn.Conv2d(4, 4, 1) for _ in range(3)])
        self.wide = nn.Conv2d(4, 4, 7, padding=3)
        self.flat = nn.Conv2d(4, 4, (1, 9), padding=(0, 4))
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        x = self.long(x) + self.flat(self.wide(x))
        return self.head(x.mean((2, 3)))


def test_where_paths_meet_the_larger_figure_counts():
    assert profiling.reach(Branches(), (4, 32, 32)) == profiling.Reach(4, 7 + 8, 1)


@pytest.mark.parametrize(
    ("network", "depth", "field"),
    [
        # fields as in Araujo et al. (2019), Computing receptive fields; depths as in the names
        ("torchvision.models:alexnet", 8, 195),
        ("torchvision.models:vgg16", 16, 212),
        ("torchvision.models:mobilenet_v2", 53, 491),
        ("torchvision.models:resnet18", 18, 435),
    ],
)
def test_known_networks(network, depth, field):
    found = profiling.reach(profiling.build(network), (3, 224, 224))
    assert (found.depth, found.field) == (depth, field)


def test_the_field_is_where_the_gradient_is():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(2, 2, 3, dilation=2, padding=2),
        nn.AvgPool2d(2),
    )
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.1)
    image = torch.rand(1, 1, 64, 64, requires_grad=True)
    model(image.square())[0, :, 8, 8].sum().backward()
    # max pooling passes one pixel's gradient on: take the mean of many draws by smoothing it
    touched = image.grad[0, 0].abs().sum(0).nonzero()
    side = int(touched.max() - touched.min()) + 1
    assert side <= profiling.reach(model, (1, 64, 64)).field <= side + 1


def test_a_dense_network_has_no_field():
    with pytest.raises(ValueError, match="no convolution"):
        profiling.reach(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), (3, 2, 2))


def test_activation_memory_is_what_autograd_keeps():
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(8, 2, 1))
    image, middle = 3 * 16 * 16, 8 * 16 * 16
    assert profiling.activation_memory(model, (3, 16, 16)) == 4 * (image + middle)
    plain = nn.Sequential(model[0], nn.Softplus(), model[2])  # keeps its input besides
    assert profiling.activation_memory(plain, (3, 16, 16)) == 4 * (image + 2 * middle)


def test_a_network_is_left_as_it_was():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    profiling.activation_memory(model, (3, 8, 8))
    profiling.reach(model, (3, 8, 8))
    assert not model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_process_of_its_own_finds_weights_in_its_memory():
    cost = profiling.measure("torchvision.models:alexnet", (3, 224, 224), passes=1, seconds=0)
    assert cost.weight_bytes == 4 * 61_100_840
    assert 0.95 * cost.weight_bytes < cost.peak_bytes < 2 * cost.weight_bytes
    assert 0 < cost.processor and 0 < cost.latency < 60 and cost.passes == 1


def test_numbers_inside_stay_moderate():
    model = profiling._filled(profiling.build("torchvision.models:resnet18"))
    with torch.inference_mode():
        out = model(torch.rand(1, 3, 64, 64))
    assert out.isfinite().all() and out.abs().max() < 1e4


@pytest.mark.parametrize("name", ["resnet18", "torchvision.models:", "nowhere:net", "timm:nonet"])
def test_a_name_that_means_nothing(name):
    with pytest.raises((ValueError, RuntimeError)):
        profiling.build(name)


def test_failure_of_the_process_is_told_in_a_sentence():
    with pytest.raises(profiling.ProfilingError, match="could not be measured"):
        profiling.measure("torchvision.models:resnet18", (1, 32, 32), passes=1)
    with pytest.raises(ValueError, match="at least 1"):
        profiling.measure("torchvision.models:resnet18", (3, 32, 32), batch=0)
