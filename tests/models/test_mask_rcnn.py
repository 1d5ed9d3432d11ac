"""The mask head against its paper's sizes and torchvision's head with the same weights."""

import pytest
import torch
from torch import nn
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor

from utils.arithmetic import count_parameters, layer_table
from utils.models.mask_rcnn import MaskHead

ROWS = {
    **{f"conv{n}": ((256, 14, 14), 2360320 // 4, 14 * 14 * 256 * 256 * 9) for n in (1, 2, 3, 4)},
    "upsample": ((256, 28, 28), 262400, 28 * 28 * 256 * 256),
    "logits": ((91, 28, 28), 23387, 28 * 28 * 256 * 91),
}


def test_every_layer_has_its_size():
    with torch.device("meta"):
        model = MaskHead()
    table = layer_table(model, (256, 14, 14))
    for name, expected in ROWS.items():
        row = table[name]
        assert (row.output_shape, row.parameters, row.macs) == expected, name
    assert table.totals.parameters == 2360320 + 262400 + 23387


@pytest.mark.parametrize("classes", [3, 91])
def test_with_the_same_weights_it_is_torchvisions(classes):
    torch.manual_seed(0)
    ours = MaskHead(num_classes=classes, in_channels=6, channels=8)
    theirs = nn.Sequential(
        MaskRCNNHeads(6, (8, 8, 8, 8), dilation=1), MaskRCNNPredictor(8, 8, classes)
    )
    weights = list(theirs.state_dict().values())
    assert [value.shape for value in ours.state_dict().values()] == [w.shape for w in weights]
    ours.load_state_dict(dict(zip(ours.state_dict(), weights, strict=True)))
    x = torch.randn(3, 6, 14, 14)
    with torch.no_grad():
        logits = ours(x)
        torch.testing.assert_close(logits, theirs(x), rtol=1e-5, atol=1e-5)
    assert logits.shape == (3, classes, 28, 28)


def test_upsampling_gives_each_pixel_four_of_its_own():
    """Kernel 2 at stride 2: what one place holds reaches its own 2 x 2 pixels and no others."""
    torch.manual_seed(0)
    layer = MaskHead(num_classes=1, in_channels=4, channels=4).upsample
    x = torch.randn(1, 4, 5, 5)
    changed = x.clone()
    changed[:, :, 2, 3] += 1
    with torch.no_grad():
        touched = (layer(x) != layer(changed)).any(dim=1)[0]
    assert touched.nonzero().tolist() == [[4, 6], [4, 7], [5, 6], [5, 7]]


def test_a_class_more_adds_one_map():
    def count(classes):
        return count_parameters(MaskHead(classes, in_channels=4, channels=16))

    assert count(8) - count(7) == 17


def test_the_start_keeps_the_scale_of_the_features():
    torch.manual_seed(0)
    with torch.no_grad():
        logits = MaskHead()(torch.randn(2, 256, 14, 14))
    assert 0.3 < logits.std() < 3
