"""ZFNet against the sizes of its paper and formulas written out."""

import pytest
import torch
from torch import nn

from utils.arithmetic import layer_table
from utils.models.zfnet import ZFNet

ROWS = {
    "features.conv1": ((96, 110, 110), 96 * (3 * 49 + 1), 110**2 * 96 * 3 * 49),
    "features.pool1": ((96, 55, 55), 0, 0),
    "features.conv2": ((256, 26, 26), 256 * (96 * 25 + 1), 26**2 * 256 * 96 * 25),
    "features.pool2": ((256, 13, 13), 0, 0),
    "features.conv3": ((384, 13, 13), 384 * (256 * 9 + 1), 169 * 384 * 256 * 9),
    "features.conv4": ((384, 13, 13), 384 * (384 * 9 + 1), 169 * 384 * 384 * 9),
    "features.conv5": ((256, 13, 13), 256 * (384 * 9 + 1), 169 * 256 * 384 * 9),
    "features.pool5": ((256, 6, 6), 0, 0),
    "classifier.fc6": ((4096,), 4096 * (9216 + 1), 4096 * 9216),
    "classifier.fc7": ((4096,), 4096 * (4096 + 1), 4096 * 4096),
    "classifier.fc8": ((1000,), 1000 * (4096 + 1), 1000 * 4096),
}


def ghost(**options) -> nn.Module:
    """A ZFNet without memory."""
    with torch.device("meta"):
        return ZFNet(**options)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return ZFNet(num_classes=10)


def test_every_layer_has_the_papers_size():
    table = layer_table(ghost(), (3, 224, 224))
    for name, expected in ROWS.items():
        row = table[name]
        assert (row.output_shape, row.parameters, row.macs) == expected, name
    assert table.totals.parameters == 62357608
    assert table.totals.macs / 1e9 == pytest.approx(1.168, abs=5e-4)


def test_without_padding_the_first_maps_have_109_pixels():
    features = ghost().features
    features.conv1.padding = (0, 0)
    assert features.conv1(torch.empty(1, 3, 224, 224, device="meta")).shape[-1] == 109


def test_without_rounding_up_the_last_maps_have_5_pixels():
    features = ghost().features
    for pool in (features.pool1, features.pool2, features.pool5):
        pool.ceil_mode = False
    assert features(torch.empty(1, 3, 224, 224, device="meta")).shape[-1] == 5


def test_layers_of_a_step_stand_in_the_deconvnets_order():
    names = [name for name, _ in ghost().features.named_children()]
    assert names[:8] == "conv1 act1 pool1 norm1 conv2 act2 pool2 norm2".split()
    assert names[8:] == "conv3 act3 conv4 act4 conv5 act5 pool5".split()


def test_weights_and_biases_start_as_the_paper_says(model):
    for name, layer in model.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            weight = layer.weight.detach()
            error = 5 / weight.numel() ** 0.5  # five standard errors
            assert weight.std().item() == pytest.approx(0.01, rel=error), name
            assert not layer.bias.any(), name


def test_dropout_falls_on_the_outputs_of_fc6_and_fc7(model):
    names = [name for name, _ in model.classifier.named_children()]
    assert names == "flatten fc6 act6 drop6 fc7 act7 drop7 fc8".split()
    assert model.classifier.drop6.p == model.classifier.drop7.p == 0.5


def test_in_evaluation_it_answers_the_same_twice(model):
    model.eval()
    x = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        logits = model(x)
        assert logits.shape == (1, 10)
        assert torch.equal(logits, model(x))


@pytest.mark.parametrize("side", [160, 227 + 32])
def test_other_images_are_refused_with_their_size(side):
    with pytest.raises(ValueError, match=f"images of {side} x {side} pixels.*224 x 224"):
        ghost()(torch.empty(1, 3, side, side, device="meta"))
