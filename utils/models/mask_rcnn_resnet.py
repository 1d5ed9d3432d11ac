"""torchvision's Mask R-CNN with new heads, for the reader's own photographs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torchvision.models.detection import MaskRCNN

__all__ = ["resnet50_mask_rcnn"]


def resnet50_mask_rcnn(
    num_classes: int = 1, weights: str | None = "DEFAULT", image_size: int = 512
) -> MaskRCNN:
    """Mask R-CNN of torchvision with heads for other classes, to be fine-tuned.

    Parameters
    ----------
    num_classes : int
        Classes without the background, >= 1.
    weights : {"DEFAULT", None}
        "DEFAULT": trained on COCO, fetched by torchvision. None: not trained at all.
    image_size : int
        Pictures are scaled to at most this side.

    Returns
    -------
    torchvision.models.detection.MaskRCNN
        Labels count from 1, as in `utils.models.small_mask_rcnn`.

    Notes
    -----
    New box and mask predictors as in torchvision's tutorial on Penn-Fudan; all else is kept.
    """
    from torchvision.models.detection import maskrcnn_resnet50_fpn
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor
    from torchvision.models.detection.mask_rcnn import MaskRCNNPredictor

    model = maskrcnn_resnet50_fpn(
        weights=weights, weights_backbone=None, min_size=image_size, max_size=image_size
    )
    heads = model.roi_heads
    features = heads.box_predictor.cls_score.in_features
    heads.box_predictor = FastRCNNPredictor(features, num_classes + 1)
    channels = heads.mask_predictor.conv5_mask.in_channels
    heads.mask_predictor = MaskRCNNPredictor(channels, 256, num_classes + 1)
    return model
