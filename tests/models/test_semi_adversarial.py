"""Networks of lecture 15: shapes and counts of the paper, and what the proto-combiner can do."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from utils.arithmetic import count_parameters
from utils.models import (
    AttributeNet,
    FaceMatcher,
    SemiAdversarialAutoencoder,
    SlimAutoencoder,
    SmallAttributeNet,
)
from utils.models.semi_adversarial import ATTRIBUTE_KINDS


def test_the_papers_shapes_layer_by_layer():
    with torch.device("meta"):
        net = SemiAdversarialAutoencoder()
        x = torch.empty(2, 4, 224, 224)
    shapes = []
    for part in (*net.encoder, *net.decoder):
        x = part(x)
        if not isinstance(part, nn.LeakyReLU):
            shapes.append(tuple(x.shape[1:]))
    assert shapes == [
        *((8, 224, 224), (8, 112, 112), (12, 112, 112), (12, 56, 56)),
        *((256, 56, 56), (256, 112, 112), (128, 112, 112), (128, 224, 224)),
    ]
    assert net.combiner.in_channels == 131 and net.combiner.kernel_size == (1, 1)
    picture = net(torch.empty(2, 4, 224, 224, device="meta"))
    assert picture.shape == (2, 1, 224, 224)


def test_counts():
    with torch.device("meta"):
        net, judge = SemiAdversarialAutoencoder(), AttributeNet()
    trained = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert [count_parameters(m) for m in trained] == [296, 876, 27_904, 295_040, 132]
    assert count_parameters(net) == 324_248
    assert count_parameters(judge) == 2_159_618
    assert count_parameters(SlimAutoencoder()) == 11_788


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(
    seed=st.integers(0, 10**6),
    half=st.sampled_from([4, 8, 10]),
    slim=st.booleans(),
    share=st.floats(0, 1),
)
def test_another_prototype_adds_one_mask_whatever_the_face(seed, half, slim, share):
    torch.manual_seed(seed)
    net = (SlimAutoencoder() if slim else SemiAdversarialAutoencoder()).eval()
    faces = torch.rand(3, 1, 2 * half, 2 * half)
    one, other = torch.rand(2, 1, 3, 2 * half, 2 * half).expand(-1, 3, -1, -1, -1)
    with torch.no_grad():
        features = net.decoder(net.encoder(torch.cat([faces, one], 1)))
        same, opposite, between = (
            net.combine(features, proto)
            for proto in (one, other, share * one + (1 - share) * other)
        )
    step = opposite - same
    torch.testing.assert_close(step, step[:1].expand_as(step), atol=1e-4, rtol=0)
    torch.testing.assert_close(between, share * same + (1 - share) * opposite, atol=1e-4, rtol=0)


def test_one_pass_gives_as_many_pictures_as_prototypes():
    net = SlimAutoencoder().eval()
    inputs, proto = torch.rand(2, 4, 8, 8), torch.rand(2, 3, 8, 8)
    with torch.no_grad():
        alone, (same, other) = net(inputs), net(inputs, inputs[:, 1:], proto)
        torch.testing.assert_close(net(inputs, proto), other)
    torch.testing.assert_close(alone, same)
    assert not torch.equal(same, other) and 0 < same.min() and same.max() < 1


@pytest.mark.parametrize("kind", ATTRIBUTE_KINDS)
@pytest.mark.parametrize("side", [32, 64])
def test_small_classifiers_score_two_styles(kind, side):
    net = SmallAttributeNet(kind, side=side)
    assert net(torch.rand(3, 1, side, side)).shape == (3, 2)


@pytest.mark.parametrize("kind", ["averaged", "pooled", "resnet18"])
def test_matchers_put_faces_on_a_sphere(kind):
    net = FaceMatcher(7, kind, embedding=5).eval()
    faces = torch.rand(3, 1, 64, 64)
    with torch.no_grad():
        points, scores = net.embed(faces), net(faces)
    torch.testing.assert_close(points.norm(dim=1), torch.ones(3))
    assert scores.shape == (3, 7) and scores.abs().max() <= net.SCALE + 1e-4


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: SmallAttributeNet("vgg"), "no kind of classifier 'vgg'"),
        (lambda: SmallAttributeNet(side=50), "multiple of 16"),
        (lambda: FaceMatcher(5, "vgg"), "no kind of matcher 'vgg'"),
        (lambda: FaceMatcher(1), "at least 2"),
    ],
)
def test_errors_say_what_is_allowed(build, words):
    with pytest.raises(ValueError, match=words):
        build()
