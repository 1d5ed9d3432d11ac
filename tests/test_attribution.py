"""Heat maps: the network that is explained, how it is destroyed, and how maps are compared."""

import numpy as np
import pytest
import torch
from torch import nn

from utils import attribution
from utils.attribution import METHODS, STAGES, agreement, class_score_network, cover, randomise
from utils.datasets.patches import animals_with_parts, random_places
from utils.models import pretrained


@pytest.fixture(scope="module")
def image():
    return torch.randn(1, 3, 80, 80, generator=torch.manual_seed(0)) * 50


def test_scores_are_the_networks_where_its_last_relu_lets_them_through(image):
    model = pretrained("squeezenet1_1")
    net = class_score_network(model)
    with torch.no_grad():
        maps = model.classifier[1](model.features(image))
        assert torch.allclose(net(image), maps.mean((2, 3)), atol=1e-4)
        positive = (maps > 0).flatten(2).all(2)
        assert torch.allclose(net(image)[positive], model(image)[positive], atol=1e-4)
    assert (net(image) < 0).any()  # classes that the original would call 0


@pytest.mark.parametrize("stage", STAGES)
def test_destruction_goes_down_to_its_stage_and_no_further(stage):
    whole = class_score_network(pretrained("squeezenet1_1"))
    broken = randomise(class_score_network(pretrained("squeezenet1_1")), stage, seed=3)
    first = {"classifier": 13, "fire9": 12, "fire8": 11, "fire6": 9, "fire4": 6, "conv1": 0}[stage]
    assert not torch.equal(whole.score.weight, broken.score.weight)
    for number, (one, other) in enumerate(zip(whole.features, broken.features, strict=True)):
        if any(True for _ in one.parameters()):
            equal = all(
                torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True)
            )
            assert equal == (number < first)
    again = randomise(class_score_network(pretrained("squeezenet1_1")), stage, seed=3)
    assert torch.equal(again.score.weight, broken.score.weight)
    with pytest.raises(ValueError, match="there is no stage"):
        randomise(broken, "fire1", 0)


def test_destruction_leaves_the_callers_random_numbers_alone():
    net = class_score_network(pretrained("squeezenet1_1"))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    randomise(net, "classifier", 9)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("method", METHODS)
def test_heat_maps_have_the_images_size(method, image):
    net = class_score_network(pretrained("squeezenet1_1"))
    heat = attribution.attribution(net, image, 285, method)
    assert heat.shape == (80, 80)
    assert (heat >= 0).all() and heat.max() > 0
    with pytest.raises(ValueError, match="no method"):
        attribution.attribution(net, image, 285, "intuition")


def test_gradient_map_is_autograds(image):
    net = class_score_network(pretrained("squeezenet1_1"))
    x = image.clone().requires_grad_()
    net(x)[0, 7].backward()
    expected = x.grad[0].abs().amax(0)
    assert torch.allclose(attribution.attribution(net, image, 7, "gradient"), expected, atol=1e-7)


def test_agreement():
    heat = torch.rand(30, 30, generator=torch.manual_seed(1))
    assert agreement(heat, heat) == pytest.approx((1, 1))
    assert agreement(heat, 5 * heat) == pytest.approx((1, 1))  # any scale
    assert agreement(heat, heat**3)[0] == pytest.approx(1)
    assert agreement(heat, 1 - heat)[0] == pytest.approx(-1)
    other = torch.rand(30, 30, generator=torch.manual_seed(2))
    assert abs(agreement(heat, other)[0]) < 0.15 and agreement(heat, other)[1] < 0.3
    assert agreement(heat, torch.zeros(30, 30))[0] == 0


def test_cover():
    images = torch.ones(2, 3, 20, 20)
    covered = cover(images, torch.tensor([[10, 5], [0, 19]]), 5)
    assert images.min() == 1
    assert (covered[0, :, 8:13, 3:8] == 0).all() and (covered[0] == 0).sum() == 3 * 25
    assert (covered[1, :, :3, 17:] == 0).all() and (covered[1] == 0).sum() == 3 * 9


def test_part_distances_of_features_that_know_the_answer():
    images = torch.ones(3, 1, 20, 20)
    images[2] = -1
    places = {"top": torch.tensor([[4, 4]] * 3), "mixed": torch.tensor([[4, 4], [4, 15], [4, 4]])}

    def features(x):
        return {"sum": x.flatten(1).sum(1, keepdim=True), "pixels": x.flatten(1)}

    found = attribution.part_distances(features, images, places, 5)
    assert found["sum"]["top"].tolist() == [0, 1, 1]  # two lose brightness, one darkness
    assert found["pixels"]["top"].tolist() == pytest.approx([0, 25 / 400, 25 / 400])
    assert found["pixels"]["mixed"][0].item() == pytest.approx(50 / 400)


def test_random_places_stay_away_from_the_parts():
    animals = animals_with_parts()
    places = random_places(animals, 45, [0, 1])
    for (row, column), solid, parts in zip(
        places.tolist(), animals.solid, animals.parts, strict=True
    ):
        assert solid[row, column]
        assert (parts - torch.tensor([row, column])).abs().amax(1).min() > 36
    one = random_places(animals, 45, [0, 1], same=True)
    assert len(np.unique(one.numpy(), axis=0)) == 1
    assert animals.solid[:, one[0, 0], one[0, 1]].sum() >= 9


def test_no_relu_works_in_place():
    net = class_score_network(pretrained("squeezenet1_1"))
    assert not any(m.inplace for m in net.modules() if isinstance(m, nn.ReLU))
