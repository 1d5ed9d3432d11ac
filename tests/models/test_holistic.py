"""HED: its layers are VGG-16's, its weights lie where the table says, its edges are edges."""

import itertools

import pytest
import torch
from torch import nn

from utils import fetch
from utils.datasets.photos import photo
from utils.models import HED, holistic

cached = pytest.mark.skipif(
    not fetch.is_cached("hed"), reason="the optional data set hed was not fetched"
)


def test_the_trunk_is_that_of_vgg16():
    from torchvision.models import vgg16

    with torch.device("meta"):
        ours, theirs = HED(), vgg16()
    shapes = [m.weight.shape for m in ours.blocks.modules() if isinstance(m, nn.Conv2d)]
    assert shapes == [m.weight.shape for m in theirs.features if isinstance(m, nn.Conv2d)]


def test_six_maps_of_the_pictures_size_the_first_weighs_the_others():
    net = HED().eval()
    x = torch.randn(1, 3, 33, 50)
    out = net(x)
    assert out.shape == (1, 6, 33, 50)
    weighed = nn.functional.conv2d(out[:, 1:], net.fuse.weight, net.fuse.bias)
    assert torch.allclose(out[:, :1], weighed, atol=1e-5)


def test_places_do_not_overlap():
    net = HED()
    pieces = []
    for layer, (weight, bias) in holistic._layers(net):
        pieces.append((weight, weight + 4 * layer.weight.numel()))
        pieces.append((bias, bias + 4 * layer.bias.numel()))
    pieces.sort()
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(pieces))
    assert pieces[-1][1] <= fetch.describe("hed")["bytes"]


def test_without_the_file_one_sentence_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(fetch.DataError, match="course data fetch hed"):
        holistic.hed()


def test_other_images_are_refused():
    with pytest.raises(ValueError, match="uint8"):
        holistic.prepare_hed(torch.rand(1, 3, 8, 8))


@cached
def test_published_weights_find_a_pasted_border_and_not_the_grass():
    net = holistic.hed()
    picture = photo("grass")[None, :, :128, :128].clone()
    picture[:, :, 40:90, 40:90] = torch.tensor([220, 30, 30], dtype=torch.uint8).view(3, 1, 1)
    with torch.no_grad():
        edges = net(holistic.prepare_hed(picture))[0, 0].sigmoid()
    border = torch.cat([edges[38:42, 45:85].amax(0), edges[45:85, 38:42].amax(1)])
    assert border.mean() > 0.6
    assert edges[5:30, 5:120].mean() < 0.25
    assert edges[55:75, 55:75].mean() < 0.1
