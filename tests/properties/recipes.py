"""How to call each public function of `utils` rightly, and which odd values have a meaning there.

`RECIPES` has one entry a function; `EXEMPT` names those without one, with the reason and where
they are tested instead. A public function in neither fails `test_functions.py`.
"""

import gzip
import inspect
from functools import partial
from importlib import import_module

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from trials import Draw, Recipe

import utils.models
from utils import (
    archives,
    arguments,
    arithmetic,
    attribution,
    augmentation,
    census,
    convolution,
    deconvnet,
    detection,
    diagrams,
    edges,
    explorers,
    fetch,
    invariance,
    ledger,
    measured,
    ordinal,
    ordinal_grid,
    plots,
    preprocessing,
    profiling,
    protocols,
    retrieval,
    segmentation,
    semi_adversarial,
    speedrun,
    taxonomy,
)
from utils import datasets as sets
from utils.datasets import (
    cutouts,
    lesions,
    outlines,
    patches,
    photos,
    rendered_colour,
    scenes,
    solar,
)
from utils.datasets import faces as rendered_faces
from utils.datasets import ordinal as rendered_ages
from utils.explorers import backpropagation as explorer_of_gradients
from utils.explorers import boxes as explorer_of_boxes
from utils.explorers import networks as explorer_of_nets
from utils.explorers import ordinal as explorer_of_ranks
from utils.models import (
    coral,
    fast_cifar,
    heads,
    hed,
    holistic,
    lenet,
    pooled,
    small_alexnet,
    small_resnet,
    yolo,
    yolov3_tiny,
)
from utils.plots import architectures, boxes, masks, projections, redrawn
from utils.recipes import alexnet, resnet
from utils.training import data as training_data
from utils.training import evaluation, fitting, guards, ladder, loop, machine, optim, rescue

RECIPES: dict[str, Recipe] = {}

ANY_NUMBER = "negative zero"
"""A number without a range."""


def add(function, arguments, fine=None, **more) -> None:
    """Register a function."""
    name = f"{function.__module__}.{function.__qualname__}"
    RECIPES[name] = Recipe(function, arguments, {"seed": "zero negative"} | (fine or {}), **more)


def pixels(channels=3, classes=4) -> nn.Module:
    """A network for images of any size: (N, channels, H, W) -> (N, classes)."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, classes),
    ).eval()  # fmt: skip


# ---------------------------------------------------------------------------- floor 0

ANY_LEAST = "nan infinite fraction negative zero"
add(arguments.integer, lambda d: dict(name="size", value=3, at_least=1),
    {"name": "unknown number none", "at_least": ANY_LEAST})  # fmt: skip
add(arguments.check_no_nan, lambda d: dict(scores=d.normal(3)), {"scores": "empty"})
add(arguments.check_fill, lambda d: dict(images=d.images(), fill=0.5),
    {"images": "nan", "fill": ANY_NUMBER + " nan text none list"})  # fmt: skip  # torch refuses these
add(arithmetic.output_size, lambda d: dict(size=28, kernel=5, padding=2, stride=2, dilation=2),
    {"padding": "zero"})  # fmt: skip
add(arithmetic.transposed_output_size,
    lambda d: dict(size=14, kernel=4, padding=1, stride=3, dilation=2, output_padding=1),
    {"padding": "zero", "output_padding": "zero"})  # fmt: skip
add(arithmetic.same_padding, lambda d: dict(kernel=5, dilation=2))
add(arithmetic.receptive_field, lambda d: dict(layers=[(3, 2, 1, 1), (5, 1, 2, 1)]),
    {"layers[0][2]": "zero", "layers[1][2]": "zero"})  # fmt: skip
add(arithmetic.count_parameters, lambda d: dict(model=pixels()))
for function in (arithmetic.count_macs, arithmetic.count_connections, arithmetic.layer_table):
    add(function, lambda d: dict(model=pixels(), input_shape=(3, 8, 8)),
        view=lambda answer: answer if isinstance(answer, int) else [answer.totals.parameters, answer.totals.macs])  # fmt: skip


def _conv(d: Draw) -> dict:
    return dict(
        x=d.images(4).numpy(), weight=d.normal(4, 2, 3, 3).numpy(), bias=d.normal(4).numpy(),
        stride=2, padding=1, dilation=1, groups=2,
    )  # fmt: skip


def _conv_back(d: Draw) -> dict:
    arguments = _conv(d)
    del arguments["bias"]
    return {"grad_output": convolution.conv2d(**arguments) * 0 + 0.5, **arguments}


def _pool(d: Draw, back=None, dilation=True) -> dict:
    arguments = dict(x=d.images(2).numpy(), kernel_size=3, stride=2, padding=1)
    if dilation:
        arguments["dilation"] = 1
    return {"grad_output": back(**arguments) * 0 + 0.5, **arguments} if back else arguments


PAIR = {"padding": "zero list", "stride": "list", "dilation": "list", "kernel_size": "list"}
add(convolution.conv2d, _conv, PAIR)
add(convolution.conv2d_loops, _conv, PAIR)
add(convolution.conv2d_backward, _conv_back, PAIR)
add(convolution.conv2d_backward_loops, _conv_back, PAIR)
add(convolution.max_pool2d, _pool, PAIR)
add(convolution.max_pool2d_backward, partial(_pool, back=convolution.max_pool2d), PAIR)
add(convolution.avg_pool2d, partial(_pool, dilation=False), PAIR)
add(convolution.avg_pool2d_backward,
    partial(_pool, back=convolution.avg_pool2d, dilation=False), PAIR | {"x": "nan"})  # fmt: skip

# ---------------------------------------------------------------------------- floor 2: pictures

add(attribution.agreement, lambda d: dict(one=d.floats(9, 9), other=d.floats(9, 9)))
add(attribution.cover,
    lambda d: dict(images=d.images(), places=d.labels(5, 2 * d.count).view(-1, 2), size=3, fill=0.5),
    {"fill": ANY_NUMBER})  # fmt: skip
add(attribution.part_distances,
    lambda d: dict(features=lambda x: {"all": x.flatten(1)}, images=d.images(),
                   places={"eye": d.labels(5, 2 * d.count).view(-1, 2)}, size=3))  # fmt: skip
add(augmentation.crop_positions, lambda d: dict(side=9, size=5))
add(
    augmentation.crop,
    lambda d: dict(
        images=d.images(), size=4, top=d.labels(2), left=d.labels(3), mirror=d.bits(d.count)
    ),
)
add(augmentation.random_crop_flip, lambda d: dict(images=d.images(), size=4))
add(augmentation.centre_crop, lambda d: dict(images=d.images(), size=4))
add(augmentation.ten_crop, lambda d: dict(images=d.images(), size=4))
add(augmentation.ten_crop_probabilities,
    lambda d: dict(model=pixels(), images=d.images(), size=4, batch_size=3))  # fmt: skip
add(augmentation.colour_components, lambda d: dict(images=d.images()), {"images": "uint8"})
add(augmentation.pca_colour,
    lambda d: dict(images=d.images(count=4),
                   components=augmentation.colour_components(d.images()), sd=0.1),
    {"sd": "zero"})  # fmt: skip


def _switches(d: Draw) -> dict:
    pooled, switches = nn.functional.max_pool2d(d.images(2, side=8), 2, return_indices=True)
    return dict(signal=pooled, switches=switches, shape=(d.count, 2, 8, 8))


add(deconvnet.unpool, _switches)
add(deconvnet.top_activations,
    lambda d: dict(model=pixels()[:2], images=d.images(), layers=["1"], k=2,
                   groups=torch.arange(d.count), batch_size=2),
    {"groups": "high negative"},  # a photograph's number may be any
    view=lambda tops: [[t for t in vars(top).values() if torch.is_tensor(t)]
                       for top in tops.values()])  # fmt: skip
add(deconvnet.occlusion_map,
    lambda d: dict(score=lambda x: x.flatten(1).sum(1), image=d.images()[0], size=3, stride=2,
                   fill=0.5, batch_size=3),
    {"fill": ANY_NUMBER})  # fmt: skip
add(deconvnet.sign_hamming, lambda d: dict(changes=d.normal(d.count, 7)))
add(edges.sobel_strength, lambda d: dict(images=d.images(), sigma=0.7), {"sigma": "zero"})
add(edges.outline_precision,
    lambda d: dict(strength=d.floats(d.count, 9, 9), outlines=d.bits(d.count, 9, 9)))  # fmt: skip
add(edges.best_f_score,
    lambda d: dict(strength=d.floats(d.count, 9, 9), outlines=d.bits(d.count, 9, 9)))  # fmt: skip

FILL = {"fill": ANY_NUMBER, "images": "uint8"}
add(invariance.shift, lambda d: dict(images=d.images(1), dx=2, dy=1, fill=0.5),
    FILL | {"dx": ANY_NUMBER, "dy": ANY_NUMBER})  # fmt: skip
add(invariance.four_shifts, lambda d: dict(images=d.images(1), pixels=2, fill=0.5),
    FILL | {"pixels": ANY_NUMBER})  # fmt: skip
add(invariance.rotate, lambda d: dict(images=d.images(1), degrees=30.0, fill=0.5),
    FILL | {"degrees": ANY_NUMBER})  # fmt: skip
add(invariance.rescale, lambda d: dict(images=d.images(1), factor=0.8, fill=0.5), FILL)
add(invariance.jitter, lambda d: dict(images=d.images(1), pixels=2.0, degrees=5.0, factor=1.1),
    {"pixels": "zero", "degrees": "zero", "images": "uint8"})  # fmt: skip
add(invariance.scatter, lambda d: dict(images=d.images(1, side=6), size=12, margin=1, seed=3),
    {"margin": "zero", "seed": "zero negative", "images": "uint8"})  # fmt: skip
add(invariance.consistency,
    lambda d: dict(model=pixels(1), images=d.images(1), pixels=1, device="cpu"),
    {"images": "uint8 nan"})  # fmt: skip
add(invariance.accuracy_under,
    lambda d: dict(model=pixels(1), images=d.images(1), targets=d.labels(4),
                   transform=lambda x, amount: x * amount, amounts=[1.0, 0.5], device="cpu"),
    {"images": "uint8 nan", "amounts": ANY_NUMBER + " nan",
     "targets": "float64 float16 bool"})  # fmt: skip

INK = {"images": "uint8"}
add(preprocessing.moments, lambda d: dict(images=d.images(1)), INK, view=list)
add(preprocessing.centre, lambda d: dict(images=d.images(1)), INK)
add(preprocessing.deslant, lambda d: dict(images=d.images(1)), INK)
add(preprocessing.crop_to_ink, lambda d: dict(images=d.images(1), size=6, threshold=0.2), INK)

add(speedrun.crop_and_flip, lambda d: dict(images=d.images(), padding=2, mode="constant"),
    {"padding": "zero"})  # fmt: skip
add(speedrun.smoothed_loss,
    lambda d: dict(logits=d.normal(d.count, 4), targets=d.labels(4), smoothing=0.1),
    {"smoothing": "zero"})  # fmt: skip
add(speedrun.flipped_logits, lambda d: dict(model=pixels(), images=d.images(), batch_size=2),
    {"images": "uint8"})  # fmt: skip
add(protocols.scenes_with_one_object,
    lambda d: dict(split="train", count=2, draw=0, side=64), {"draw": "zero"})  # fmt: skip
add(alexnet.mean_picture, lambda d: dict(images=d.bytes(), size=4))
add(alexnet.crop_and_colour,
    lambda d: dict(images=d.images(side=230, count=2),
                   components=augmentation.colour_components(d.images())))  # fmt: skip

# ---------------------------------------------------------------------------- floor 2: ranks


def _ranks(d: Draw) -> torch.Tensor:
    return d.labels(4)


add(ordinal.extend_labels, lambda d: dict(labels=_ranks(d), num_ranks=4))
add(ordinal.ordinal_loss,
    lambda d: dict(logits=d.normal(d.count, 3), levels=ordinal.extend_labels(_ranks(d), 4),
                   importance=d.floats(3, low=0.1)))  # fmt: skip
add(ordinal.task_importance, lambda d: dict(labels=_ranks(d), num_ranks=4))
add(ordinal.predict_rank, lambda d: dict(logits=d.normal(d.count, 3)))
add(ordinal.rank_inconsistencies, lambda d: dict(logits=d.normal(d.count, 3)))
for function in (ordinal.mean_absolute_error, ordinal.root_mean_squared_error):
    add(function, lambda d: dict(predictions=_ranks(d), labels=_ranks(d)),
        {"*": "negative high"})  # fmt: skip
add(ordinal_grid.cells,
    lambda d: dict(methods=("ce", "or"), seeds=(0, 1), weighted=(False, True)),
    {"seeds": "text none list nan fraction negative zero"})  # fmt: skip
add(ordinal_grid.mean_and_sd, lambda d: dict(values=[2.5, 3.0]),
    {"values": ANY_NUMBER + " nan infinite"})  # fmt: skip

# ---------------------------------------------------------------------------- floor 2: retrieval

add(retrieval.nearest,
    lambda d: dict(queries=d.normal(d.count, 5), database=d.normal(7, 5), count=3))  # fmt: skip
add(retrieval.pack_bits, lambda d: dict(bits=d.bits(d.count, 11)))
add(
    retrieval.hamming_distances,
    lambda d: dict(queries=d.bytes(1, side=1).view(-1, 1), database=d.bytes(1, 7, 1).view(-1, 1)),
)
add(retrieval.search,
    lambda d: dict(queries=d.bytes(1, side=1).view(-1, 1), database=d.bytes(1, 7, 1).view(-1, 1),
                   count=3))  # fmt: skip
add(retrieval.recall_at,
    lambda d: dict(found=torch.stack([torch.arange(3)] * d.count),
                   wanted=torch.stack([torch.arange(1, 4)] * d.count)),
    {"*": "high negative"})  # fmt: skip
add(retrieval.train_autoencoder,
    lambda d: dict(features=d.normal(8, 5), bits=4, epochs=1, batch_size=4, lr=0.002, seed=0),
    {"epochs": "zero"}, view=lambda net: net.codes(torch.ones(2, 5)))  # fmt: skip

# ---------------------------------------------------------------------------- floor 2: detection

LABELS = {"labels": "high"}


def _grid(d: Draw) -> torch.Tensor:
    return detection.encode_targets(d.targets(3, 32), size=32, num_classes=3, cells=4)


add(detection.encode_boxes,
    lambda d: dict(boxes=d.boxes(2, 32), labels=d.labels(3, 2), size=32, num_classes=3, cells=4),
    {"size": "list"})  # fmt: skip
add(detection.encode_targets,
    lambda d: dict(targets=d.targets(3, 32), size=32, num_classes=3, cells=4),
    # half precision moves a centre, at times over a border, into the next cell
    {"size": "list", "targets": "float16"})  # fmt: skip
add(detection.decode_boxes,
    lambda d: dict(grid=_grid(d)[0], size=32, num_classes=3, threshold=0.1),
    {"size": "list", "threshold": ANY_NUMBER})  # fmt: skip
add(detection.detect,
    lambda d: dict(grids=_grid(d), size=32, num_classes=3, threshold=0.1, iou=0.5),
    {"size": "list", "threshold": ANY_NUMBER, "iou": "zero"})  # fmt: skip
add(detection.flip_some, lambda d: dict(images=d.images(), grids=_grid(d)))
add(
    detection.yolo_terms,
    lambda d: dict(predictions=d.floats(d.count, 4, 4, 8), targets=_grid(d), num_classes=3),
)
add(detection.yolo_loss,
    lambda d: dict(predictions=d.floats(d.count, 4, 4, 8), targets=_grid(d), num_classes=3,
                   lambda_coord=5.0, lambda_noobj=0.5),
    {"lambda_coord": ANY_NUMBER, "lambda_noobj": ANY_NUMBER})  # fmt: skip
add(detection.grid_loss,
    lambda d: dict(predictions=d.floats(d.count, 4, 4, 8, low=0.1, high=0.9), targets=_grid(d),
                   num_classes=3, smoothing=0.1),
    {"smoothing": "zero"})  # fmt: skip


def _found(d: Draw) -> dict:
    return dict(predictions=d.targets(3, 32, scores=True), targets=d.targets(3, 32))


DETECTIONS = {
    "predictions": "high negative",  # a class that no object has
    "targets": "high negative",
    "label": "zero",
}
add(detection.score_detections, lambda d: dict(**_found(d), label=1, iou=0.5), DETECTIONS)
add(detection.precision_recall,
    lambda d: dict(scored=detection.score_detections(**_found(d))))  # fmt: skip
add(detection.average_precision,
    lambda d: dict(scored=detection.score_detections(**_found(d)), points=11))  # fmt: skip
add(detection.mean_average_precision,
    lambda d: dict(**_found(d), num_classes=3, iou=0.5, points=11), DETECTIONS)  # fmt: skip
add(detection.mean_box_detections,
    lambda d: dict(targets=d.targets(3, 32), count=2, num_classes=3),
    {"targets": "high negative", "count": "zero"})  # fmt: skip
add(detection.error_types, lambda d: dict(**_found(d), num_classes=3), DETECTIONS)

# ---------------------------------------------------------------------------- segmentation

add(segmentation.interpolation,
    lambda d: dict(points=d.floats(4, low=0.0, high=5.0), size=6))  # fmt: skip


def _regions(d: Draw) -> dict:
    return dict(
        features=d.images(2, side=9), boxes=[d.boxes(2, 16) for _ in range(d.count)],
        output_size=3, spatial_scale=0.5,
    )  # fmt: skip


REGIONS = {"output_size": "list", "sampling_ratio": ANY_NUMBER, "boxes": "empty row-less"}
add(segmentation.roi_align, lambda d: dict(**_regions(d), sampling_ratio=2), REGIONS)
add(segmentation.roi_pool, _regions, REGIONS)
add(segmentation.roi_warp, lambda d: dict(**_regions(d), sampling_ratio=2), REGIONS)


def _masked(d: Draw) -> dict:
    one = d.targets(3, 32, masks=True)[0]
    return dict(masks=one["masks"], boxes=one["boxes"])


add(segmentation.crop_masks, lambda d: dict(**_masked(d), size=7))
add(segmentation.paste_masks,
    lambda d: dict(masks=d.floats(2, 7, 7), boxes=d.boxes(2, 32), height=32, width=30))  # fmt: skip
add(segmentation.mask_iou_of_pairs, lambda d: dict(a=d.bits(3, 9, 9), b=d.bits(3, 9, 9)))
add(segmentation.extreme_points, lambda d: dict(masks=_masked(d)["masks"]))
add(segmentation.jitter_boxes, lambda d: dict(boxes=d.boxes(3, 32), share=0.1), {"share": "zero"})
add(segmentation.region_targets,
    lambda d: dict(targets=d.targets(3, 32, masks=True), share=0.1, size=7),
    {"share": "zero", "targets": "negative high"})  # fmt: skip
add(segmentation.shared_maps, lambda d: dict(**_masked(d), parts=3))
add(
    segmentation.read_shared_maps,
    lambda d: dict(maps=segmentation.shared_maps(**_masked(d), parts=3), boxes=_masked(d)["boxes"]),
)
add(segmentation.to_detector,
    lambda d: dict(targets=d.targets(3, 32, masks=True)), {"targets": "high"})  # fmt: skip
add(segmentation.from_detector,
    lambda d: dict(predictions=[
        one | {"labels": one["labels"] + 1, "masks": one["masks"][:, None].float()}
        for one in d.targets(3, 32, masks=True, scores=True)]),
    {"predictions": "high"})  # fmt: skip
add(segmentation.average_precision,
    lambda d: dict(predictions=d.targets(3, 32, masks=True, scores=True),
                   targets=d.targets(3, 32, masks=True)),
    {"*": "high negative"})  # fmt: skip

# ---------------------------------------------------------------------------- semi-adversarial

GREY = "uint8"
add(semi_adversarial.grey, lambda d: dict(images=d.images()), {"images": GREY})
add(semi_adversarial.attribute_loss,
    lambda d: dict(classifier=pixels(1, 2), same=d.images(1), opposite=d.images(1),
                   styles=d.labels(2)))  # fmt: skip
add(semi_adversarial.matcher_loss,
    lambda d: dict(embed=pixels(1), same=d.images(1), x=d.images(1)))  # fmt: skip
add(
    semi_adversarial.code_matcher_loss,
    lambda d: dict(embed=pixels(1), same=d.images(1), opposite=d.images(1), x=d.images(1)),
)
add(semi_adversarial.match_scores,
    lambda d: dict(embed=pixels(1), probes=d.images(1, 4), gallery=d.images(1, 4),
                   persons=torch.tensor([0, 0, 1, 1]), styles=torch.tensor([0, 0, 0, 0]),
                   batch_size=3),
    {"persons": "negative high", "styles": "negative high"})  # fmt: skip
add(
    semi_adversarial.true_match_rate,
    lambda d: dict(genuine=d.normal(5), impostor=d.normal(6), fmr=0.1),
    {"fmr": "zero list"},
)
add(semi_adversarial.area_under_roc,
    lambda d: dict(genuine=d.normal(5), impostor=d.normal(6)))  # fmt: skip
add(semi_adversarial.psnr, lambda d: dict(pictures=d.images(1), originals=d.images(1)))
add(semi_adversarial.accuracy,
    lambda d: dict(classifier=pixels(1, 2), pictures=d.images(1), styles=d.labels(2)))  # fmt: skip

# ---------------------------------------------------------------------------- taxonomy


def _tree():
    return taxonomy.Taxonomy(
        {"benign": {"nevus": None, "angioma": None}, "malignant": {"melanoma": None}}
    )


LEAVES = ["nevus", "angioma", "melanoma"]
GROUPS = ["benign", "malignant"]
add(taxonomy.partition,
    lambda d: dict(taxonomy=_tree(), counts={"nevus": 4, "melanoma": 2}, largest=3),
    {"counts": "zero"})  # fmt: skip
add(taxonomy.summation_matrix, lambda d: dict(taxonomy=_tree(), classes=LEAVES, groups=GROUPS))
add(taxonomy.sum_up,
    lambda d: dict(probabilities=d.normal(d.count, 3).softmax(1).numpy(), taxonomy=_tree(),
                   classes=LEAVES, groups=GROUPS))  # fmt: skip
add(taxonomy.sensitivity_specificity,
    lambda d: dict(scores=d.floats(6).numpy(), positive=np.array([0, 1, 0, 1, 1, 0], bool),
                   threshold=0.5),
    {"threshold": ANY_NUMBER})  # fmt: skip
add(taxonomy.auc_interval,
    lambda d: dict(scores=d.floats(6).numpy(), positive=np.array([0, 1, 0, 1, 1, 0], bool),
                   confidence=0.9))  # fmt: skip

# ---------------------------------------------------------------------------- floor 1: models

add(coral.rank_head, lambda d: dict(method="coral", in_features=5, num_ranks=4, span=1.0),
    {"span": "zero"}, view=lambda head: list(head.parameters()))  # fmt: skip
add(heads.descending, lambda d: dict(num_ranks=4, span=1.0), {"span": "zero"})
add(fast_cifar.whitening_filters, lambda d: dict(images=d.images(count=8), epsilon=0.01),
    {"images": "uint8", "epsilon": "zero"})  # fmt: skip
add(hed.edge_loss,
    lambda d: dict(logits=d.normal(d.count, 1, 9, 9), outlines=d.bits(d.count, 9, 9)))  # fmt: skip
add(lenet.prepare, lambda d: dict(images=d.bytes(1, side=28)), {"images": "axis-less"})
PENALTY = lambda d: d.floats(d.count, 10, low=1.0, high=9.0)
add(lenet.mse_criterion, lambda d: dict(penalties=PENALTY(d), targets=d.labels(10)))
add(lenet.map_criterion, lambda d: dict(penalties=PENALTY(d), targets=d.labels(10), j=1.0))
add(lenet.predict, lambda d: dict(penalties=PENALTY(d)), {"penalties": "nan"})
pretrained = import_module("utils.models.pretrained")  # the name is a function's as well
PREPARED = {"images": "float64 float16 axis-less"}
add(pretrained.prepare_squeezenet, lambda d: dict(images=d.bytes(side=224)), PREPARED)
add(pretrained.prepare_efficientnet, lambda d: dict(images=d.bytes(side=224)), PREPARED)
add(pretrained.top_classes, lambda d: dict(logits=d.normal(d.count, 1000), k=3),
    view=lambda rows: [[p for _, p in row] for row in rows])  # fmt: skip
add(pretrained.cat_probability, lambda d: dict(logits=d.normal(d.count, 1000)))
add(yolo.early_features, lambda d: dict(images=d.bytes(side=64, count=2), batch_size=1))
add(yolov3_tiny.letterbox, lambda d: dict(image=d.bytes()[0], side=32))
add(holistic.prepare_hed, lambda d: dict(images=d.bytes()))

# ---------------------------------------------------------------------------- floor 1: data


def seen(data) -> list:
    """What a set holds, to compare."""
    return [data.images.double().mean(), data.targets if torch.is_tensor(data.targets) else 0]


SEED = {"seed": "zero negative", "draw": "zero", "hold_out": "zero", "first": "zero"}
add(sets.class_names, lambda d: dict(name="fashion-mnist"))
add(sets.channel_statistics, lambda d: dict(images=d.images()), {"images": "uint8"})
add(sets.normalise, lambda d: dict(images=d.images(), mean=[0.5] * 3, std=[0.2] * 3),
    {"images": "uint8", "mean": ANY_NUMBER, "std": ""})  # fmt: skip
add(
    sets.one_of,
    lambda d: dict(what="split", given="a", allowed=("a", "b"), name="toy"),
    {
        "what": "unknown number none",
        "name": "unknown number none",
        "allowed": "unknown number none",
    },
)
add(cutouts.choose_classes, lambda d: dict(classes=4))
add(cutouts.held_out, lambda d: dict(hold_out=1), SEED)
add(lesions.lesions, lambda d: dict(split="train", count=2, seed=0, spread=1.6, ruler="none"),
    SEED | {"spread": "zero"}, view=seen)  # fmt: skip
add(lesions.groups, lambda d: dict(depth=2), view=lambda found: found[1])
add(rendered_ages.ages, lambda d: dict(split="train", count=2, seed=0, spread=0.12),
    SEED | {"spread": "zero"}, view=seen)  # fmt: skip
add(
    rendered_faces.faces,
    lambda d: dict(split="train", persons=2, pictures=1, seed=0),
    SEED,
    view=seen,
)
add(
    rendered_colour.colour,
    lambda d: dict(split="train", count=2, seed=0, hold_out=0),
    SEED,
    view=seen,
)
add(outlines.outlines, lambda d: dict(split="train", count=1, size=64, seed=0), SEED, view=seen)
add(outlines.border, lambda d: dict(owner=d.labels(3, 36).view(6, 6).numpy()),
    {"owner": "negative high"})  # fmt: skip
add(patches.patches, lambda d: dict(split="all", size=48, seed=0, limit=2), SEED, view=seen)
add(photos.credit, lambda d: dict(name="coffee"))
add(photos.pil_photo, lambda d: dict(name="coffee"), view=lambda image: image.size)
add(photos.is_grey, lambda d: dict(name="coffee"))
add(photos.photo, lambda d: dict(name="coffee"))
add(scenes.scenes,
    lambda d: dict(count=1, split="train", size=64, classes=4, max_objects=1, seed=0, first=0,
                   hold_out=0),
    SEED, view=lambda data: seen(data)[:1])  # fmt: skip
add(solar.read_labels, lambda d: dict(text="a.png 0.3333333333333333 mono\nb.png 1.0 poly"))
add(solar.held_out_mask,
    lambda d: dict(kinds=["mono", "poly", "poly", "mono", "poly", "mono"], by="cells", seed=0),
    SEED | {"kinds": "unknown number none"})  # fmt: skip

# ---------------------------------------------------------------------------- training

add(
    training_data.epoch_order,
    lambda d: dict(count=5, seed=1, epoch=2),
    {"seed": "zero negative", "epoch": "zero negative"},
)
add(training_data.shares, lambda d: dict(count=5, rank=1, world=2, accumulate=2),
    {"rank": "zero"})  # fmt: skip
add(evaluation.accuracy, lambda d: dict(outputs=d.normal(d.count, 4), targets=d.labels(4)),
    {"targets": "negative high"})  # fmt: skip
add(evaluation.evaluate,
    lambda d: dict(model=pixels(), data=(d.images(), d.labels(4)), batch_size=2, device="cpu",
                   precision="fp32", metric="auto"),
    {"data[0]": "uint8", "data[1]": "float64 float16 bool"})  # fmt: skip
TRAIN = {"data[0]": "uint8", "seed": "zero negative", "epochs": "zero"}
add(fitting.fit,
    lambda d: dict(model=pixels(), data=(d.images(count=8), d.labels(4, 8)), epochs=1, batch_size=4,
                   lr=0.01, weight_decay=0.01, seed=0, device="cpu", precision="fp32", accumulate=2,
                   guards=False, progress=False, save_seconds=60.0),
    TRAIN | {"weight_decay": "zero", "lr": "zero", "save_seconds": "zero"}, may_change=("model",),
    view=lambda history: history.step_loss)  # fmt: skip
add(ladder.initial_loss,
    lambda d: dict(model=pixels(), data=(d.images(), d.labels(4)), count=2, seed=0, device="cpu"),
    TRAIN)  # fmt: skip
add(ladder.overfit_batch,
    lambda d: dict(model=pixels(), data=(d.images(), d.labels(4)), count=2, steps=2, seed=0,
                   device="cpu", lr=0.01),
    TRAIN | {"lr": "zero"}, may_change=("model",), view=lambda h: h.step_loss)  # fmt: skip
add(machine.set_seed, lambda d: dict(seed=3), SEED)
add(machine.check_seed, lambda d: dict(seed=3), SEED)
add(machine.device, lambda d: dict(name="cpu"), view=str)
add(machine.mix, lambda d: dict())

add(profiling.build, lambda d: dict(network="utils.models:LeNet5", device="meta"),
    view=lambda model: len(list(model.parameters())))  # fmt: skip
for function in (profiling.reach, profiling.activation_memory):
    add(function, lambda d: dict(model=pixels(), input_shape=(3, 8, 8)))


def _samples(d: Draw) -> training_data.Samples:
    return training_data.Samples((d.images(), d.labels(4)), torch.device("cpu"))


def _step(d: Draw) -> dict:
    torch.manual_seed(0)
    network_ = pixels()
    return dict(
        network=network_, optimizer=torch.optim.SGD(network_.parameters(), lr=0.0),
        inputs=d.images(), targets=d.labels(4), loss=nn.CrossEntropyLoss(), precision="fp32",
    )  # fmt: skip


add(sets.split,
    lambda d: dict(data=sets.Data(d.bytes(1), d.labels(3), sets.Record("toy", "train", "made", d.count,
                   "none")), validation=1, seed=0),
    SEED, view=lambda parts: [part.images for part in parts])  # fmt: skip
add(cutouts.members, lambda d: dict(classes=["cat"], split="train", hold_out=0),
    SEED | {"classes": "unknown number none"}, view=lambda kinds: [len(kind) for kind in kinds])  # fmt: skip
add(photos.random_crop,
    lambda d: dict(image=photos.pil_photo("coffee"), size=16, rng=np.random.default_rng(0),
                   scale=(0.2, 0.7)), view=np.asarray)  # fmt: skip
add(scenes.background, lambda d: dict(rng=np.random.default_rng(0), size=64), view=np.asarray)
add(patches.animals_with_parts, lambda d: dict(size=64), view=lambda animals: animals.images)
add(evaluation.even_guess, lambda d: dict(outputs=d.normal(d.count, 4), loss=nn.CrossEntropyLoss()),
    {"outputs": "nan empty axis-more"})  # fmt: skip
add(guards.null_accuracy,
    lambda d: dict(train=_samples(d), scored=_samples(d)))  # fmt: skip
add(guards.check_last_batch, lambda d: dict(model=pixels(), count=8, batch_size=4))
add(training_data.split, lambda d: dict(samples=_samples(d), fraction=0.5, seed=0), SEED,
    view=lambda parts: [part.inputs for part in parts])  # fmt: skip
add(rescue.largest_that_fits, lambda d: dict(attempt=lambda n: None, size=8))
add(loop.train_step,
    lambda d: _step(d), may_change=("network", "optimizer"), view=lambda found: found[0])  # fmt: skip
add(optim.build_schedule,
    lambda d: dict(choice="one-cycle", optimizer=torch.optim.SGD(pixels().parameters(), lr=0.1),
                   steps=5), view=lambda schedule: schedule.get_last_lr())  # fmt: skip
add(optim.build_optimizer,
    lambda d: dict(choice="sgd", model=pixels(), lr=0.1, weight_decay=0.01,
                   device=torch.device("cpu")),
    {"lr": "zero", "weight_decay": "zero"},
    view=lambda made: [made.defaults["lr"], made.defaults["weight_decay"]])  # fmt: skip
add(alexnet.divide_thrice,
    lambda d: dict(optimizer=torch.optim.SGD(pixels().parameters(), lr=0.1), steps=20),
    view=lambda schedule: sorted(schedule.milestones))  # fmt: skip
add(resnet.centred, lambda d: dict(train=d.images()), {"train": "uint8"})
add(speedrun.train_fast,
    lambda d: dict(model=pixels(), data=(d.images(count=8), d.labels(4, 8)), epochs=1, lr=0.1,
                   batch_size=4, padding=1, guards=False),
    {"data[0]": "uint8", "epochs": "zero", "lr": "zero", "padding": "zero"}, may_change=("model",),
    view=lambda history: history.step_loss)  # fmt: skip
add(ordinal_grid.markdown, lambda d: dict(rows=[["a", "b"], ["1", "2"]]), {"rows": "unknown"})
add(ordinal_grid.as_csv, lambda d: dict(rows=[["a", "b"], ["1", "2"]]),
    {"rows": "unknown number none"})  # fmt: skip
add(ledger.published, lambda d: dict(id="lenet5.parameters"), view=lambda entry: entry.value)
add(ledger.compare, lambda d: dict(id="lenet5.parameters", computed=60000, out=lambda line: None),
    view=lambda found: found.verdict == "equal")  # fmt: skip
add(ledger.quote, lambda d: dict(id="lenet5.parameters", out=lambda line: None),
    view=lambda found: 0)  # fmt: skip
add(measured.load, lambda d: dict(lecture="06"), view=lambda study: study.lecture)
add(census.network, lambda d: dict(name="ResNet-50"), view=lambda found: found.name)
add(
    archives.gunzip, lambda d: dict(content=gzip.compress(b"content", mtime=0), limit=100), view=len
)
for function in (
    fetch.describe,
    fetch.committed_files,
    fetch.fetched_files,
    fetch.is_cached,
    fetch.state,
    fetch.verify,
):
    add(
        function,
        lambda d: dict(name="mnist"),
        view=len if function is not fetch.is_cached else None,
    )
add(sets.load, lambda d: dict(name="ages", split="train", quiet=True, count=2),
    {"count": "none"}, view=seen)  # fmt: skip  # all that the set has

# ---------------------------------------------------------------------------- networks


def network(model: type, count_of: dict, *shape, **fine) -> None:
    """Register a network: its constructor's numbers and the images it is shown."""

    def forward(images, **options):
        torch.manual_seed(0)
        with torch.no_grad():
            return model(**options).eval()(images)

    forward.__module__, forward.__qualname__ = model.__module__, model.__qualname__
    forward.__doc__ = model.__doc__
    add(forward, lambda d: dict(images=d.normal(d.count, *shape), **count_of), fine)


network(utils.models.DigitMLP, {}, 1, 28, 28, images="axis-less")
network(utils.models.GlobalPoolNet, {}, 1, 28, 28)
network(lenet.ZipNet1989, {}, 1, 16, 16)
network(lenet.LeNet5_1998, {}, 1, 32, 32)
network(lenet.LeNet5, {}, 1, 28, 28)
network(lenet.ScaledTanh, {}, 4)
network(lenet.Subsampling, {"channels": 3}, 3, 8, 8)
network(heads.CoralHead, {"in_features": 5, "num_ranks": 4}, 5)
network(heads.OrdinalHead, {"in_features": 5, "num_ranks": 4}, 5)
network(coral.AgeNet, {"method": "coral", "num_ranks": 5}, 1, 32, 32)
network(utils.models.CifarResNet, {"depth": 8}, 3, 32, 32)
network(utils.models.PlainNet, {"depth": 8}, 3, 32, 32)
network(small_resnet.SmallResNet, {"depth": 4}, 1, 32, 32)
network(pooled.BlurPool2d, {}, 3, 8, 8)
network(small_alexnet.ResponseNorm, {"maps": 3}, 3, 8, 8)
network(utils.models.MaskHead, {"in_channels": 4, "num_classes": 3}, 4, 7, 7)

# ---------------------------------------------------------------------------- drawings

ANY_TEXT = "unknown number none"
TEXTS = dict.fromkeys(
    ("title", "xlabel", "ylabel", "caption", "alt", "header", "names", "titles"), ANY_TEXT
)


def closed(figure: object) -> None:
    """Forget a figure, so that they do not pile up."""
    plt.close("all")


def draw(function, arguments, **fine) -> None:
    """Register a drawing."""
    add(function, arguments, TEXTS | fine, view=closed, draws=True)


draw(
    plots.image_grid,
    lambda d: dict(
        images=d.images(), titles=["a"] * d.count, columns=2, vmin=0.0, vmax=1.0, height=3.0
    ),
)
draw(plots.feature_maps, lambda d: dict(maps=d.normal(d.count, 6, 6), columns=2, height=3.0))
draw(plots.kernels, lambda d: dict(weight=d.normal(4, 3, 5, 5), columns=2, height=3.0))
draw(
    plots.number_grids,
    lambda d: dict(grids={"a": d.floats(3, 3), "b": d.floats(3, 3)}, signs=["+"], height=3.0),
)
draw(
    plots.curves,
    lambda d: dict(x=[1, 2, 3], series={"a": d.floats(3)}, xlabel="x", ylabel="y", height=3.0),
)
draw(
    plots.learning_curves,
    lambda d: dict(histories={"loss": [1.0, 0.5], "epoch": [1, 2]}, height=3.0),
)
draw(plots.bars, lambda d: dict(values={"a": 1.0, "b": 2.0}, xlabel="x", height=3.0))
draw(
    plots.probability_bars,
    lambda d: dict(
        images=d.images(),
        probabilities=d.normal(d.count, 3).softmax(1),
        names=["a", "b", "c"],
        top=2,
        truth=[0] * d.count,
        height=3.0,
    ),
)
draw(plots.confusion_matrix, lambda d: dict(matrix=d.labels(9, 9).view(3, 3), height=3.0))
draw(
    plots.html_table,
    lambda d: dict(rows=[["a", 1], ["b", 2.5]], header=["name", "number"], caption="c"),
)
draw(plots.subplots, lambda d: dict(rows=1, columns=2, height=3.0, width=5.0))
draw(plots.dark, lambda d: dict(colour="#ffcc00", contrast=4.5))
draw(plots.as_array, lambda d: dict(values=d.floats(3)))
draw(plots.as_picture, lambda d: dict(image=d.images()[0]))
draw(plots.fingerprint, lambda d: dict(array=d.floats(3, 3).numpy()))
draw(boxes.class_colour, lambda d: dict(label=1))
draw(
    boxes.detections,
    lambda d: dict(
        images=d.bytes(side=32),
        predictions=d.targets(3, 32, scores=True),
        class_names=["a", "b", "c"],
        threshold=0.1,
        columns=2,
        height=3.0,
    ),
)
draw(boxes.precision_recall, lambda d: dict(curves={"a": (d.floats(3), d.floats(3))}, height=3.0))
draw(masks.object_colour, lambda d: dict(number=1))
draw(
    masks.overlay,
    lambda d: dict(image=d.bytes(side=32)[0], masks=d.targets(3, 32, masks=True)[0]["masks"]),
)
draw(
    masks.instances,
    lambda d: dict(
        images=d.bytes(side=32),
        predictions=d.targets(3, 32, True, True),
        class_names=["a", "b", "c"],
        threshold=0.1,
        columns=2,
        height=3.0,
    ),
)
draw(masks.region_cuts, lambda d: dict(box=(1.3, 1.3, 5.3, 5.3), bins=2, size=8, height=3.0))
draw(masks.cell_centres, lambda d: dict(size=6, place=2.5))
draw(
    projections.stretch, lambda d: dict(signal=d.normal(3, 16, 16), window=(2, 2, 12, 12), blur=0.5)
)
draw(projections.nine, lambda d: dict(tiles=[d.floats(5, 5, 3).numpy()] * 9, gap=2))
draw(redrawn.face_rows, lambda d: dict(rows={"a": d.images(1), "b": d.images(1)}, height=3.0))
draw(
    redrawn.before_after,
    lambda d: dict(scores={"a": {"x": [1.0, 2.0]}}, xlabel="x", reference=50.0, height=3.0),
)
draw(architectures.cost_panels, lambda d: dict(rows={"MACs": {"a": 1.0, "b": 2.0}}, height=3.0))
draw(diagrams.network, lambda d: dict(model=pixels(), input_shape=(3, 8, 8), height=3.0))
draw(diagrams.network_maps, lambda d: dict(model=pixels(), image=d.images()[0], height=3.0))
draw(
    diagrams.detector_on_image,
    lambda d: dict(
        image=d.images(1)[0, 0],
        kernel_size=3,
        position=(1, 1),
        weight=d.normal(3, 3),
        bias=0.0,
        height=3.0,
    ),
)
draw(diagrams.connection_table, lambda d: dict(table=[[0, 1], [1, 2]], height=3.0))
draw(
    diagrams.computation_graph,
    lambda d: dict(nodes={"x": (0.0, 0.0), "y": (1.0, 0.0)}, edges=[["x", "y"]], height=3.0),
)
draw(diagrams.toeplitz, lambda d: dict(size=6, kernel=3, padding=1, stride=1, height=3.0))
EXPLORERS = [
    explorers.convolution_arithmetic, explorers.sliding_window, explorers.kernel_editor,
    explorers.pooling, explorers.receptive_field, explorer_of_gradients.shared_weight,
    explorer_of_boxes.overlap, explorer_of_boxes.region_pooling, explorer_of_nets.parameter_builder,
    explorer_of_ranks.coral_thresholds,
]  # fmt: skip


def _defaults(function) -> dict:
    """A function's own defaults, as arguments."""
    found = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in found if p.default is not p.empty and p.default is not None}


for function in EXPLORERS:
    draw(function, lambda d, function=function: _defaults(function))

# ---------------------------------------------------------------------------- exempt

LARGE = "a network of full size: its sizes, counts and refusals are tests/models/"
EXEMPT: dict[str, str] = {
    "utils.course.*": "commands: their arguments are tested in tests/course/ and tests/faults/",
    "utils.exercises.lecture_*": "exercises: hostile answers below, and tests/exercises/test_answers.py",
    "utils.exercises._*": "what checks are made of: tests/exercises/test_engine.py",
    "utils.fetch.*_folder": "folders: tests/test_fetch.py",
    "utils.fetch.manifest": "takes nothing: tests/faults/test_data_faults.py breaks the file",
    "utils.fetch.sha256": "any file: tests/test_fetch.py",
    "utils.fetch.use": "any path: tests/test_fetch.py",
    "utils.fetch.obtain": "every fault: tests/faults/test_data_faults.py",
    "utils.fetch.fetch": "every fault: tests/faults/test_data_faults.py",
    "utils.archives.Members": "hostile archives: tests/test_fetch.py",
    "utils.archives.stored_zip": "tests/test_fetch.py",
    "utils.datasets.available": "takes nothing: tests/datasets/test_digits.py",
    "utils.datasets.celeba.*": "folders of hostile files: tests/faults/test_hostile_files.py",
    "utils.datasets.voc.*": "folders of hostile files: tests/faults/test_hostile_files.py",
    "utils.datasets.pictures.*": "hostile pictures: tests/faults/test_hostile_files.py",
    "utils.datasets.face_folders.*": "folders of hostile files: tests/faults/test_hostile_files.py",
    "utils.datasets.instance_folders.*": "folders of hostile files: tests/faults/test_hostile_files.py",
    "utils.datasets.imagenette.*": "folders of hostile files: tests/faults/test_hostile_files.py",
    "utils.datasets.ham10000.*": "folders: tests/datasets/test_ham10000.py",
    "utils.calibration.*": "wrong arguments: tests/test_calibration.py",
    "utils.transfer.*": "trainings: tests/test_transfer.py",
    "utils.lesion_reader.*": "parts of a study: tests/test_lesion_reader.py",
    "utils.models.transfer.*": "wrong arguments: tests/models/test_transfer.py",
    "utils.recipes.lesion.*": "a training for a GPU: tests/datasets/test_ham10000.py",
    "utils.datasets.colour.*": "archives and pickles: tests/datasets/test_colour.py",
    "utils.datasets.digits.*": "arguments and damaged files: tests/datasets/test_digits.py",
    "utils.datasets.solar.load_solar": "optional data: tests/datasets/test_solar.py",
    "utils.datasets.cutouts.cutouts": "takes nothing: tests/datasets/test_scenes.py",
    "utils.datasets.patches.sources": "takes nothing: tests/datasets/test_patches.py",
    "utils.datasets.patches.on_plain_ground": "of our own cut-outs only: tests/datasets/test_patches.py",
    "utils.datasets.patches.random_places": "of our own animals only: tests/datasets/test_patches.py",
    "utils.datasets.photos.names": "takes nothing: tests/datasets/test_photos.py",
    "utils.models.alexnet.*": LARGE + "test_alexnet.py",
    "utils.models.coral.CoralResNet34": LARGE + "test_coral.py",
    "utils.models.crop.Crop": "random in training: tests/models/test_crop.py",
    "utils.models.enet.*": LARGE + "test_enet.py",
    "utils.models.fast_cifar.FastCifarNet": "is made for its images: tests/models/test_fast_cifar.py",
    "utils.models.hed.EdgeNet": LARGE + "test_hed.py",
    "utils.models.holistic.[Hh]*": LARGE + "test_holistic.py",
    "utils.models.lenet.digit_codes": "takes nothing: tests/models/test_lenet.py",
    "utils.models.lenet.RBFOutput": "of given codes: tests/models/test_lenet.py",
    "utils.models.lenet.TableConv2d": "tests/models/test_lenet.py",
    "utils.models.mask_rcnn.MaskNet": LARGE + "test_mask_rcnn.py",
    "utils.models.mask_rcnn.S*": LARGE + "test_mask_rcnn.py",
    "utils.models.mask_rcnn.small*": LARGE + "test_mask_rcnn.py",
    "utils.models.mask_rcnn_resnet.*": "needs weights that are fetched: tests/test_segmentation.py",
    "utils.models.nin.*": LARGE + "test_nin.py",
    "utils.models.pooled.[MPW]*": LARGE + "test_pooled.py",
    "utils.models.pretrained.pretrained": "names: tests/models/test_pretrained.py",
    "utils.models.pretrained.class_names": "takes nothing: tests/models/test_pretrained.py",
    "utils.models.resnet.ResNet": LARGE + "test_resnet.py",
    "utils.models.resnet.B*": LARGE + "test_resnet.py",
    "utils.models.resnet.PaddedShortcut": LARGE + "test_resnet.py",
    "utils.models.semi_adversarial.*": LARGE + "test_semi_adversarial.py",
    "utils.models.small_alexnet.SmallAlexNet": LARGE + "test_small_alexnet.py",
    "utils.models.yolo.[YG]*": LARGE + "test_yolo.py",
    "utils.models.yolov3_tiny.[YLc]*": LARGE + "test_yolov3_tiny.py",
    "utils.models.yolov3_tiny.load_darknet": "files of another length: tests/models/test_yolov3_tiny.py",
    "utils.models.yolov3_tiny.yolov3_tiny": "takes nothing: tests/models/test_yolov3_tiny.py",
    "utils.models.zfnet.ZFNet": LARGE + "test_zfnet.py",
    "utils.recipes.alexnet.[LTst]*": "a long training: tests/recipes/test_alexnet.py",
    "utils.recipes.resnet.[Spi]*": "long trainings: tests/recipes/test_resnet.py",
    "utils.recipes.semi_adversarial.*": "a long training: tests/recipes/test_semi_adversarial.py",
    "utils.ordinal_grid.[bt]*": "a long training: tests/test_ordinal_grid.py",
    "utils.ordinal_grid.answers": "of networks of the grid: tests/test_ordinal_grid.py",
    "utils.attribution.class_score_network": "of SqueezeNet only: tests/test_attribution.py",
    "utils.attribution.randomise": "of SqueezeNet only: tests/test_attribution.py",
    "utils.attribution.attribution": "of SqueezeNet only: tests/test_attribution.py",
    "utils.deconvnet.Deconvnet": "tests/test_deconvnet.py",
    "utils.segmentation.draw_masks": "of trained networks: tests/test_segmentation.py",
    "utils.segmentation.detect": "of trained networks: tests/test_segmentation.py",
    "utils.semi_adversarial.Prototypes": "tests/test_semi_adversarial.py",
    "utils.semi_adversarial.SemiAdversarialTraining": "tests/test_semi_adversarial.py",
    "utils.semi_adversarial.modify": "tests/test_semi_adversarial.py",
    "utils.semi_adversarial.restore": "hostile files: tests/faults/test_hostile_files.py",
    "utils.retrieval.CodeAutoencoder": "tests/test_retrieval.py",
    "utils.taxonomy.Taxonomy": "tests/test_taxonomy.py",
    "utils.protocols.[Cc]*": "a training: tests/test_protocols.py",
    "utils.profiling.measure": "a process of its own: tests/test_profiling.py",
    "utils.ledger.*": "documents: tests/test_ledger.py",
    "utils.measured.[RS]*": "hold what a study stored: tests/test_measured.py",
    "utils.plots.*": "takes a figure, axes or what a drawing above made: tests/test_plots.py",
    "utils.diagrams.blocks.*": "of our own blocks: tests/diagrams/test_blocks.py",
    "utils.diagrams.modules.*": "of our own blocks: tests/diagrams/test_modules.py",
    "utils.diagrams.semi_adversarial.*": "of our own networks: tests/test_diagrams.py",
    "utils.diagrams.detectors.*": "takes no more than a title: tests/test_diagrams.py",
    "utils.explorers.E*": "what an explorer is: tests/test_explorers.py",
    "utils.explorers.page": "what an explorer is: tests/test_explorers.py",
    "utils.explorers.gallery.*": "takes nothing: tests/test_explorers.py",
    "utils.training.checkpoint.*": "damaged and hostile files: tests/training/test_checkpoint.py",
    "utils.training.distributed.*": "processes: tests/faults/test_training_faults.py",
    "utils.training.data.Samples": "tests/training/test_data.py",
    "utils.training.evaluation.*": "parts of fit and evaluate, which are above: tests/training/test_fit.py",
    "utils.training.guards.*": "parts of fit: tests/training/test_guards.py",
    "utils.training.machine.*": "the machine's state: tests/training/test_machine.py",
    "utils.training.optim.describe": "any object: tests/training/test_fit.py",
    "utils.training.rescue.*": "faults of trainings: tests/faults/test_training_faults.py",
}  # fmt: skip
"""Names without a recipe (``*`` and ``[abc]`` as in file names; a name with a recipe wins): why, and
where they are tested."""
