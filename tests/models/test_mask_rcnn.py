"""Mask R-CNN's head against its paper's sizes and torchvision's; the two small networks."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.roi_heads import maskrcnn_loss, project_masks_on_boxes

from utils import segmentation
from utils.arithmetic import count_parameters, layer_table
from utils.datasets import load
from utils.models import pretrained
from utils.models.mask_rcnn import MaskHead, MaskNet, small_mask_rcnn

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


@pytest.mark.parametrize("pooling", ["align", "warp", "pool"])
def test_mask_net_cuts_regions_as_the_readable_functions_do(pooling):
    torch.manual_seed(0)
    net = MaskNet(num_classes=3, pooling=pooling).eval()
    images = torch.rand(2, 3, 64, 64)
    boxes = [torch.tensor([[3.0, 5.0, 41.0, 60.0], [0.5, 0.5, 20.0, 63.9]]), torch.zeros(0, 4)]
    cut = getattr(segmentation, f"roi_{pooling}")
    with torch.no_grad():
        right = cut(net.trunk(images), boxes, 7, 1 / 8)
        torch.testing.assert_close(net.regions(images, boxes), right, atol=1e-5, rtol=1e-5)
        logits = net(images, [{"boxes": some} for some in boxes])
    assert logits.shape == (2, 3, 28, 28)


def _one_region(masks, classes=3):
    net = MaskNet(num_classes=classes, masks=masks)
    logits = torch.randn(2, classes + (masks == "softmax"), 28, 28, requires_grad=True)
    small = (torch.rand(2, 28, 28) > 0.5).float()
    return net, logits, torch.tensor([2, 0]), small


def test_sigmoid_trains_only_the_mask_of_the_true_class():
    torch.manual_seed(0)
    net, logits, labels, small = _one_region("sigmoid")
    loss = net.loss(logits, labels, small)
    by_hand = F.binary_cross_entropy(logits.sigmoid()[[0, 1], labels], small)
    torch.testing.assert_close(loss, by_hand)
    loss.backward()
    reached = logits.grad.abs().sum((2, 3)) > 0
    assert reached.tolist() == [[False, False, True], [True, False, False]]


def test_sigmoid_loss_is_torchvisions():
    torch.manual_seed(0)
    net, logits, labels, _ = _one_region("sigmoid")
    masks = torch.rand(2, 30, 30) > 0.5
    boxes = torch.tensor([[2.0, 3.0, 25.0, 28.0], [0.0, 0.0, 30.0, 30.0]])
    small = project_masks_on_boxes(masks, boxes, torch.arange(2), 28)
    theirs = maskrcnn_loss(logits, [boxes], [masks], [labels], [torch.arange(2)])
    torch.testing.assert_close(net.loss(logits, labels, small), theirs)


def test_softmax_makes_all_masks_compete():
    torch.manual_seed(0)
    net, logits, labels, small = _one_region("softmax")
    net.loss(logits, labels, small).backward()
    assert (logits.grad.abs().sum((2, 3)) > 0).all()
    answer = net.probabilities(logits.detach(), labels) > 0.5
    assert torch.equal(answer, logits.argmax(1) == labels[:, None, None] + 1)


def test_one_mask_for_all_classes_ignores_the_class():
    torch.manual_seed(0)
    net, logits, labels, small = _one_region("sigmoid", classes=1)
    torch.testing.assert_close(net.loss(logits, labels, small), net.loss(logits, labels * 0, small))
    torch.testing.assert_close(net.probabilities(logits, labels), logits[:, 0].sigmoid())


def test_mask_net_starts_undecided_and_learns_one_scene():
    torch.manual_seed(0)
    scene = load("scenes", count=1, quiet=True)
    regions = segmentation.region_targets(scene.targets, 0.0)
    net = MaskNet(num_classes=4).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3)
    losses = []
    for _ in range(60):
        loss = net(scene.images.float() / 255, regions)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(math.log(2), abs=0.08)
    assert losses[-1] < 0.25


@pytest.mark.parametrize("choice", [{"pooling": "max"}, {"masks": "both"}])
def test_mask_net_refuses_what_it_does_not_know(choice):
    with pytest.raises(ValueError, match="'align', 'warp' or 'pool'"):
        MaskNet(**choice)


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    return small_mask_rcnn(num_classes=2)


def test_pyramid_has_stride_eight_and_a_frozen_floor(detector):
    backbone = detector.backbone
    with torch.no_grad():
        assert backbone(torch.zeros(1, 3, 128, 128)).shape == (1, 64, 16, 16)
    assert not any(p.requires_grad for p in backbone.fine.parameters())
    assert all(p.requires_grad for p in backbone.deep.parameters())


def test_pyramid_reads_pictures_as_squeezenet_does(detector):
    """Mean and order of colours: what the frozen layers get is what SqueezeNet was trained on."""
    image = (torch.rand(3, 128, 128, generator=torch.Generator().manual_seed(3)) * 255).to(
        torch.uint8
    )
    ready, _ = detector.transform([image.float() / 255])
    right = pretrained("squeezenet1_1").prepare(image[None], resize=False)
    torch.testing.assert_close(ready.tensors.flip(1), right, atol=1e-3, rtol=0)


def test_small_mask_rcnn_takes_a_step_and_predicts(detector):
    scene = load("scenes", count=2, classes=["mammal", "fruit"], quiet=True)
    images = list(scene.images.float() / 255)
    detector.train()
    losses = detector(images, segmentation.to_detector(scene.targets))
    assert set(losses) == {
        "loss_classifier",
        "loss_box_reg",
        "loss_mask",
        "loss_objectness",
        "loss_rpn_box_reg",
    }
    sum(losses.values()).backward()
    for name, parameter in detector.named_parameters():
        # A class that no region of this batch has leaves its own row without gradient only.
        assert (parameter.grad is not None) == parameter.requires_grad, name
    found = segmentation.detect(detector, scene.images)
    assert len(found) == 2
    assert all(len(f["boxes"]) <= 20 and f["masks"].shape[1:] == (128, 128) for f in found)
