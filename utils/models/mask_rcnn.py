"""Mask R-CNN: the mask branch of the paper, and two small networks that a laptop can train.

`MaskNet` draws masks into boxes it is given, `small_mask_rcnn` finds the boxes itself.

References
----------
He, Gkioxari, Dollar, Girshick (2017). Mask R-CNN. ICCV.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.arguments import integer

if TYPE_CHECKING:
    from torchvision.models.detection import MaskRCNN

__all__ = ["MaskHead", "MaskNet", "SqueezePyramid", "small_mask_rcnn"]


class MaskHead(nn.Sequential):
    """Four 3 x 3 convolutions, one transposed, one 1 x 1: a mask a class, twice as fine.

    Parameters
    ----------
    num_classes : int
        K >= 1 masks a region: 80 on COCO, or 91 as torchvision numbers its classes, with the
        background and unused numbers among them.
    in_channels : int
        Channels of the features cut out by RoIAlign, 256 from a feature pyramid.
    channels : int
        Maps of the convolutions between.

    Raises
    ------
    TypeError, ValueError
        If one of them is no whole number, or below 1.

    Notes
    -----
    Shape: (N, in_channels, 14, 14) -> logits (N, num_classes, 28, 28), N regions of all images;
    other sizes are doubled as well.
    He et al. (2017), sec. 3 and Fig. 4 right.  Each pixel of each mask is a yes-or-no question of
    its own, so the output is meant for a sigmoid, and only the mask of the true class is trained.
    With 256 channels and K = 91: 2,360,320 parameters in the convolutions, 262,400 in the transposed
    one and 23,387 in the last.  All weights start as in He et al. (2015), biases at 0.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in MaskHead().parameters())
    2646107
    """

    def __init__(self, num_classes: int = 91, in_channels: int = 256, channels: int = 256):
        integer("num_classes", num_classes, at_least=1)
        integer("in_channels", in_channels, at_least=1)
        integer("channels", channels, at_least=1)
        super().__init__(
            OrderedDict(
                conv1=nn.Conv2d(in_channels, channels, kernel_size=3, padding=1),
                act1=nn.ReLU(),
                conv2=nn.Conv2d(channels, channels, kernel_size=3, padding=1),
                act2=nn.ReLU(),
                conv3=nn.Conv2d(channels, channels, kernel_size=3, padding=1),
                act3=nn.ReLU(),
                conv4=nn.Conv2d(channels, channels, kernel_size=3, padding=1),
                act4=nn.ReLU(),
                upsample=nn.ConvTranspose2d(channels, channels, kernel_size=2, stride=2),
                act5=nn.ReLU(),
                logits=nn.Conv2d(channels, num_classes, kernel_size=1),
            )
        )
        for layer in self:
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                # With kernel 2 and stride 2 one tap of the transposed one reaches each pixel.
                taps = 1 if isinstance(layer, nn.ConvTranspose2d) else layer.kernel_size[0] ** 2
                nn.init.normal_(layer.weight, std=(2 / (taps * layer.in_channels)) ** 0.5)
                nn.init.zeros_(layer.bias)


class MaskNet(nn.Module):
    """A mask for every box it is given: the mask branch alone, small enough for a laptop.

    Parameters
    ----------
    num_classes : int
        Masks a region, K >= 1.
    pooling : {"align", "warp", "pool"}
        How regions are cut out of the features: RoIAlign, RoIWarp or RoIPool.
    masks : {"sigmoid", "softmax"}
        "sigmoid": every pixel of every mask is a question of its own, and only the mask of the
        true class is trained. "softmax": K classes and a background compete for every pixel.

    Raises
    ------
    ValueError
        If `pooling` or `masks` is neither of these.

    Notes
    -----
    Called with images (N, 3, H, W) in 0..1 and N dicts with "boxes" (M, 4) in pixels; without
    dicts each picture is one box. The result is logits (all M, K, 28, 28), or K + 1 with softmax,
    the background first. In training mode the dicts also hold "labels" (M,) from 0 and "small"
    (M, 28, 28), the true masks as seen through the boxes, and the result is the loss.

    He et al. (2017), secs. 3 and 4.1. Strided convolutions bring the picture to stride 8; regions
    of 7 x 7 are doubled twice. The last layer starts near 0: each pixel begins undecided.
    """

    STRIDE = 8
    SIDE = 28

    def __init__(self, num_classes: int = 8, pooling: str = "align", masks: str = "sigmoid"):
        super().__init__()
        if pooling not in ("align", "warp", "pool") or masks not in ("sigmoid", "softmax"):
            raise ValueError(
                f"got pooling={pooling!r}, masks={masks!r}; pooling is 'align', 'warp' or 'pool', "
                "masks 'sigmoid' or 'softmax'"
            )
        self.pooling, self.masks = pooling, masks
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.ReLU(),
        )
        self.head = nn.Sequential(
            nn.Conv2d(64, 64, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 64, kernel_size=2, stride=2),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 32, kernel_size=2, stride=2),
            nn.ReLU(),
        )
        self.logits = nn.Conv2d(32, num_classes + (masks == "softmax"), kernel_size=1)
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                taps = 1 if isinstance(layer, nn.ConvTranspose2d) else layer.kernel_size[0] ** 2
                nn.init.normal_(layer.weight, std=(2 / (taps * layer.in_channels)) ** 0.5)
                nn.init.zeros_(layer.bias)
        nn.init.normal_(self.logits.weight, std=0.01)

    def regions(self, images: Tensor, boxes: list[Tensor]) -> Tensor:
        """Features of each box: (all M, 64, 7, 7).

        `images` is (N, 3, H, W), `boxes` one tensor (M, 4) a picture, in pixels.
        """
        from torchvision import ops

        features, scale = self.trunk(images), 1 / self.STRIDE
        boxes = [some.to(features) for some in boxes]
        if self.pooling == "pool":
            return ops.roi_pool(features, boxes, 7, scale)
        if self.pooling == "warp":
            boxes, scale = [_whole_cells(some * scale) for some in boxes], 1.0
        return ops.roi_align(features, boxes, 7, scale, sampling_ratio=2, aligned=True)

    def forward(self, images: Tensor, targets: list[dict] | None = None) -> Tensor:
        """Logits of every box of `targets` in `images` (N, 3, H, W), or the loss in training (see the class)."""
        if targets is None:
            height, width = images.shape[2:]
            whole = torch.tensor([[0.0, 0.0, width, height]], device=images.device)
            boxes = [whole] * len(images)
        else:
            boxes = [target["boxes"] for target in targets]
        logits = self.logits(self.head(self.regions(images, boxes)))
        if targets is None or not self.training:
            return logits
        labels = torch.cat([target["labels"] for target in targets])
        return self.loss(logits, labels, torch.cat([target["small"] for target in targets]))

    def loss(self, logits: Tensor, labels: Tensor, small: Tensor) -> Tensor:
        """Mean over all pixels of all regions: L_mask of the paper, or its rival with softmax.

        `logits` (M, K, 28, 28), `labels` (M,) in 0..K-1, `small` the true masks (M, 28, 28) in 0..1.
        """
        if self.masks == "softmax":
            wanted = torch.where(small > 0.5, labels[:, None, None] + 1, 0)
            return F.cross_entropy(logits, wanted)
        own = logits if logits.shape[1] == 1 else logits[torch.arange(len(labels)), labels, None]
        return F.binary_cross_entropy_with_logits(own[:, 0], small)

    def probabilities(self, logits: Tensor, labels: Tensor) -> Tensor:
        """How far each pixel is believed to belong to the object: (all M, 28, 28) in 0..1.

        `logits` (M, K, 28, 28), `labels` (M,): the class of each region. With softmax only the pixels
        where the class beats all others count, which is what a per-pixel classifier answers; they get
        more than a half, the others less.
        """
        rows = torch.arange(len(labels))
        if self.masks == "softmax":
            own = logits[rows, labels + 1]
            others = logits.clone()
            others[rows, labels + 1] = -torch.inf
            return torch.sigmoid(own - others.amax(1))
        return torch.sigmoid(logits[:, 0] if logits.shape[1] == 1 else logits[rows, labels])


def _whole_cells(boxes: Tensor) -> Tensor:
    """Boxes rounded to whole cells, the last one included (halves away from zero)."""
    cells = boxes.sign() * torch.floor(boxes.abs() + 0.5)
    return torch.cat([cells[:, :2], torch.maximum(cells[:, 2:], cells[:, :2]) + 1], 1)


class SqueezePyramid(nn.Module):
    """SqueezeNet's features at stride 8, with those of stride 16 added from above.

    The layers up to stride 8 keep their ImageNet weights; those of stride 16 go on learning.

    Parameters
    ----------
    channels : int
        Channels of the result.

    Notes
    -----
    Shape: RGB images (N, 3, H, W), 0..255 minus the mean -> (N, channels, H / 8, W / 8), for H
    and W divisible by 16. One padded pixel more than in torchvision's SqueezeNet makes the sizes
    come out even. The sum of a deep map and a fine one is a feature pyramid's (Lin et al. 2017,
    CVPR) with a single floor.
    """

    def __init__(self, channels: int = 64):
        super().__init__()
        from utils.models.pretrained import pretrained

        layers = pretrained("squeezenet1_1").features
        layers[0].padding = (1, 1)
        self.fine = layers[:8].requires_grad_(False).eval()
        self.deep = layers[8:]
        self.from_fine = nn.Conv2d(256, channels, kernel_size=1)
        self.from_deep = nn.Conv2d(512, channels, kernel_size=1)
        self.smooth = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.out_channels = channels

    def forward(self, images: Tensor) -> Tensor:
        """Features of stride 8: `images` (N, 3, H, W) to (N, 64, H / 8, W / 8)."""
        with torch.no_grad():
            fine = self.fine(images.flip(1))  # its weights take blue first
        deep = self.from_deep(self.deep(fine))
        deep = F.interpolate(deep, size=fine.shape[2:], mode="nearest")
        return self.smooth(F.relu(self.from_fine(fine) + deep))


def small_mask_rcnn(num_classes: int = 4, image_size: int = 128) -> MaskRCNN:
    """A two-stage Mask R-CNN that learns scenes of 128 pixels in a minute or two of one core.

    Parameters
    ----------
    num_classes : int
        Classes without the background, >= 1.
    image_size : int
        Side of the square pictures, divisible by 16.

    Returns
    -------
    torchvision.models.detection.MaskRCNN
        As torchvision's own: in training it takes images 0..1 and targets with labels from 1 and
        returns a dict of losses; in evaluation mode a list of dicts (see
        `utils.segmentation.to_detector` and `from_detector`).

    Notes
    -----
    He et al. (2017) in small: `SqueezePyramid` of 64 channels, 3 x 3 anchors a cell, 30 proposals
    instead of 1000, a box head of two dense layers of 128, a mask head of two convolutions. RoIs
    are 7 x 7 for boxes, 14 x 14 for masks.
    """
    from torchvision.models.detection import MaskRCNN
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
    from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
    from torchvision.models.detection.rpn import RPNHead
    from torchvision.ops import MultiScaleRoIAlign

    from utils.models.pretrained import BGR_MEAN

    backbone = SqueezePyramid(64)
    anchors = AnchorGenerator(((40, 64, 88),), ((0.6, 1.0, 1.7),))
    channels = backbone.out_channels
    return MaskRCNN(
        backbone,
        rpn_anchor_generator=anchors,
        rpn_head=RPNHead(channels, anchors.num_anchors_per_location()[0]),
        rpn_batch_size_per_image=64,
        rpn_pre_nms_top_n_train=100,
        rpn_pre_nms_top_n_test=100,
        rpn_post_nms_top_n_train=30,
        rpn_post_nms_top_n_test=30,
        box_roi_pool=MultiScaleRoIAlign(["0"], output_size=7, sampling_ratio=2),
        box_head=TwoMLPHead(channels * 7 * 7, 128),
        box_predictor=FastRCNNPredictor(128, num_classes + 1),
        box_batch_size_per_image=16,
        box_detections_per_img=20,
        mask_roi_pool=MultiScaleRoIAlign(["0"], output_size=14, sampling_ratio=2),
        mask_head=MaskRCNNHeads(channels, (64, 64), dilation=1),
        mask_predictor=MaskRCNNPredictor(64, 64, num_classes + 1),
        min_size=image_size,
        max_size=image_size,
        fixed_size=(image_size, image_size),
        image_mean=[value / 255 for value in reversed(BGR_MEAN)],
        image_std=[1 / 255] * 3,
    )
