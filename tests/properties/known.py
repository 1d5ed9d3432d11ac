"""What is known to fall short, found by the trials: function, part of an argument, kinds.

Each entry is a value that is outside what the docstring allows and is answered all the same, with a
number that means nothing, or by an error that no docstring names. Entries only ever leave this file:
a new finding fails, and so does an entry that no longer happens.
"""

STUDY = (
    "the module is in the digest of a stored study: a check costs hours of CPU, so it comes when the "
    "study is measured again"
)

KNOWN: dict[str, tuple[dict[str, str], str]] = {
    "utils.models.digits.DigitMLP": (
        {
            "images": "axis-less",
        },
        STUDY,
    ),
    "utils.models.fast_cifar.whitening_filters": (
        {
            "epsilon": "negative",
        },
        STUDY,
    ),
    "utils.models.heads.OrdinalHead": (
        {
            "images": "axis-more",
        },
        STUDY,
    ),
    "utils.models.heads.descending": (
        {
            "span": "negative",
        },
        STUDY,
    ),
    "utils.models.hed.edge_loss": (
        {
            "outlines": "row-less",
        },
        STUDY,
    ),
    "utils.models.lenet.Subsampling": (
        {
            "channels": "list",
        },
        STUDY,
    ),
    "utils.models.lenet.mse_criterion": (
        {
            "targets": "empty row-less",
        },
        STUDY,
    ),
    "utils.models.lenet.predict": (
        {
            "penalties": "axis-more nan",
        },
        STUDY,
    ),
    "utils.models.lenet.prepare": (
        {
            "images": "axis-less",
        },
        STUDY,
    ),
    "utils.models.mask_rcnn.MaskHead": (
        {
            "in_channels": "zero",
        },
        STUDY,
    ),
    "utils.models.small_alexnet.ResponseNorm": (
        {
            "maps": "fraction",
        },
        STUDY,
    ),
    "utils.ordinal.predict_rank": (
        {
            "logits": "axis-more nan",
        },
        STUDY,
    ),
    "utils.ordinal.rank_inconsistencies": (
        {
            "logits": "axis-more nan",
        },
        STUDY,
    ),
    "utils.preprocessing.centre": (
        {
            "images": "nan",
        },
        STUDY,
    ),
    "utils.preprocessing.crop_to_ink": (
        {
            "size": "fraction",
        },
        STUDY,
    ),
    "utils.segmentation.average_precision": (
        {
            "predictions.boxes": "nan",
            "predictions.scores": "nan",
            "targets.boxes": "nan",
        },
        STUDY,
    ),
    "utils.segmentation.crop_masks": (
        {
            "masks": "empty",
            "boxes": "nan",
        },
        STUDY,
    ),
    "utils.segmentation.from_detector": (
        {
            "predictions.boxes": "empty row-less",
            "predictions.labels": "empty negative row-less",
            "predictions.scores": "empty row-less",
            "predictions.masks": "axis-less axis-more empty nan row-less",
        },
        STUDY,
    ),
    "utils.segmentation.interpolation": (
        {
            "points": "uint8",
            "size": "fraction zero",
        },
        STUDY,
    ),
    "utils.segmentation.jitter_boxes": (
        {
            "boxes": "int32 int64 uint8",
            "share": "negative",
        },
        STUDY,
    ),
    "utils.segmentation.mask_iou_of_pairs": (
        {
            "a": "axis-less axis-more",
            "b": "axis-less axis-more",
        },
        STUDY,
    ),
    "utils.segmentation.paste_masks": (
        {
            "height": "zero",
            "width": "zero",
        },
        STUDY,
    ),
    "utils.segmentation.read_shared_maps": (
        {
            "boxes": "nan",
        },
        STUDY,
    ),
    "utils.segmentation.region_targets": (
        {
            "targets.boxes": "int32 int64 uint8",
            "targets.labels": "empty none row-less text",
            "targets.masks": "empty",
            "share": "negative",
        },
        STUDY,
    ),
    "utils.segmentation.roi_align": (
        {
            "spatial_scale": "negative zero",
            "sampling_ratio": "nan",
        },
        STUDY,
    ),
    "utils.segmentation.roi_pool": (
        {
            "spatial_scale": "negative zero",
        },
        STUDY,
    ),
    "utils.segmentation.roi_warp": (
        {
            "spatial_scale": "negative zero",
            "sampling_ratio": "nan",
        },
        STUDY,
    ),
    "utils.segmentation.shared_maps": (
        {
            "boxes": "nan",
            "parts": "negative zero",
        },
        STUDY,
    ),
    "utils.segmentation.to_detector": (
        {
            "targets.boxes": "empty row-less",
            "targets.labels": "empty negative row-less",
            "targets.masks": "empty row-less",
        },
        STUDY,
    ),
    "utils.semi_adversarial.accuracy": (
        {
            "pictures": "nan row-less",
            "styles": "axis-less high negative row-less",
        },
        STUDY,
    ),
    "utils.semi_adversarial.area_under_roc": (
        {
            "genuine": "axis-less nan",
            "impostor": "nan",
        },
        STUDY,
    ),
    "utils.semi_adversarial.code_matcher_loss": (
        {
            "same": "row-less",
            "opposite": "row-less",
            "x": "row-less",
        },
        STUDY,
    ),
    "utils.semi_adversarial.grey": (
        {
            "images": "axis-more",
        },
        STUDY,
    ),
    "utils.semi_adversarial.matcher_loss": (
        {
            "same": "row-less",
            "x": "row-less",
        },
        STUDY,
    ),
    "utils.semi_adversarial.psnr": (
        {
            "pictures": "axis-less axis-more row-less",
            "originals": "axis-less axis-more row-less",
        },
        STUDY,
    ),
    "utils.semi_adversarial.true_match_rate": (
        {
            "genuine": "nan",
            "impostor": "axis-more nan",
        },
        STUDY,
    ),
    "utils.speedrun.flipped_logits": (
        {
            "batch_size": "list",
        },
        STUDY,
    ),
    "utils.speedrun.smoothed_loss": (
        {
            "smoothing": "nan negative",
        },
        STUDY,
    ),
    "utils.speedrun.train_fast": (
        {
            "lr": "none",
        },
        STUDY,
    ),
    "utils.training.data.epoch_order": (
        {
            "count": "zero",
            "epoch": "negative",
        },
        STUDY,
    ),
    "utils.training.data.shares": (
        {
            "count": "fraction nan negative zero",
            "rank": "fraction nan negative",
            "world": "fraction nan negative zero",
            "accumulate": "negative zero",
        },
        STUDY,
    ),
    "utils.training.evaluation.accuracy": (
        {
            "outputs": "nan row-less",
            "targets": "axis-less row-less",
        },
        STUDY,
    ),
    "utils.training.evaluation.even_guess": (
        {
            "outputs": "axis-more",
        },
        STUDY,
    ),
    "utils.training.guards.check_last_batch": (
        {
            "count": "none",
            "batch_size": "none",
        },
        STUDY,
    ),
    "utils.training.ladder.initial_loss": (
        {
            "count": "negative none zero",
        },
        STUDY,
    ),
    "utils.training.ladder.overfit_batch": (
        {
            "count": "negative none",
            "steps": "zero",
        },
        STUDY,
    ),
    "utils.training.loop.train_step": (
        {
            "inputs": "empty row-less",
            "precision": "none number unknown",
        },
        STUDY,
    ),
    "utils.training.optim.build_schedule": (
        {
            "steps": "zero",
        },
        STUDY,
    ),
    "utils.training.rescue.largest_that_fits": (
        {
            "size": "fraction nan negative zero",
        },
        STUDY,
    ),
}
