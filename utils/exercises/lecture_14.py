"""The checks of lecture 14, instance segmentation."""

import numpy as np

from utils.exercises import exercise, expect_integer, expect_number, run_against


@exercise(
    "14.1",
    kind="predict",
    minutes=3,
    title="A box moves by three pixels",
    hints=[
        "How many pixels of the picture lie under one cell of features of stride 16?",
        "RoIAlign rounds nothing: pixels divided by the stride are cells.",
    ],
)
def moved_samples(answer):
    """3 / 16 of a cell."""
    expect_number(
        answer,
        3 / 16,
        {
            0: "that is what RoIPool often does: it rounds the small move away; RoIAlign does not",
            3: "3 is in pixels of the picture; one cell of stride 16 is 16 of them",
            48: "that multiplies by the stride; the features are coarser than the picture",
            1: "that rounds up to a whole cell; RoIAlign has no rounding",
            16 / 3: "upside down: the move in cells is pixels divided by the stride",
            3 / 16 - 0.5: "the half cell moves both boxes alike; it cancels in the difference",
            3 / 32: "each sample moves as far as the box, wherever it lies in its bin",
            3 / 8: "that is for features of stride 8; here it is 16",
            3 / 4: "that is for features of stride 4; here it is 16",
        },
        tolerance=0.003,
        otherwise="one cell is 16 pixels wide. Which part of it are three pixels?",
    )
    return "a fifth of a cell, and RoIPool would most likely not have moved at all"


@exercise(
    "14.2",
    kind="compute",
    minutes=6,
    title="The mask head for COCO's 80 classes",
    hints=[
        "A 3 x 3 convolution from 256 to 256 maps: weights, and one bias a map. Four of them.",
        "The transposed convolution has a 2 x 2 kernel, the last layer a 1 x 1.",
    ],
)
def mask_head_parameters(answer):
    """Four convolutions, one transposed, one 1 x 1 with 80 maps."""
    conv, up, last = 4 * (256 * 256 * 9 + 256), 256 * 256 * 4 + 256, 256 * 80 + 80
    expect_integer(
        answer,
        conv + up + last,
        {
            4 * 256 * 256 * 9 + 256 * 256 * 4 + 256 * 80: "all weights are there; every map also "
            "has a bias",
            conv + up + 256 * 91 + 91: "that is torchvision's head with 91 numbers for 80 classes",
            conv + up + 256 * 81 + 81: "the background needs no mask: 80, not 81",
            conv + up + 256 + 1: "that head draws one mask for all classes; here each has its own",
            conv + last: "the transposed convolution, which doubles the size, learns too",
            conv // 4 + up + last: "there are four 3 x 3 convolutions, not one",
            80 * (conv + up + 257): "only the last layer is split by class; the rest is shared",
            conv
            + 256 * 256 * 9
            + 256
            + last: "the transposed convolution has a 2 x 2 kernel, not 3 x 3",
            conv + up: "the last layer is missing: 1 x 1, from 256 maps to 80 masks",
            conv + up + 256 * 80 * 28 * 28: "the last layer is a 1 x 1 convolution: the same "
            "weights at every pixel",
        },
        otherwise="write one line for each of the three kinds of layer, weights and biases, and add",
    )
    return "80 masks cost less than one per cent of the head"


def _read(grid, x, y, shift=0.5, swap=False):
    height, width = grid.shape
    if swap:
        x, y = y, x
    x, y = min(max(x - shift, 0), width - 1), min(max(y - shift, 0), height - 1)
    j, i = min(int(x), max(width - 2, 0)), min(int(y), max(height - 2, 0))
    u, v = x - j, y - i
    below, right = min(i + 1, height - 1), min(j + 1, width - 1)
    top = (1 - u) * grid[i, j] + u * grid[i, right]
    bottom = (1 - u) * grid[below, j] + u * grid[below, right]
    return float((1 - v) * top + v * bottom)


def _one_way(grid, x, y, across):
    """Interpolate along one axis only, and round along the other."""
    middle = (lambda place: int(place) + 0.5) if across else (lambda place: place)
    other = (lambda place: place) if across else (lambda place: int(place) + 0.5)
    return _read(grid, other(x), middle(y))


def _weights_swapped(grid, x, y):
    height, width = grid.shape
    across, down = (min(max(place - 0.5, 0), size - 1) for place, size in ((x, width), (y, height)))
    j, i = min(int(across), width - 2), min(int(down), height - 2)
    u, v = 1 - (across - j), 1 - (down - i)
    return _read(grid, j + u + 0.5, i + v + 0.5)


def _beyond(grid, x, y):
    """Go on in a straight line beyond the outermost centres."""
    height, width = grid.shape
    j = min(max(int(np.floor(x - 0.5)), 0), width - 2)
    i = min(max(int(np.floor(y - 0.5)), 0), height - 2)
    u, v = x - 0.5 - j, y - 0.5 - i
    top = (1 - u) * grid[i, j] + u * grid[i, j + 1]
    bottom = (1 - u) * grid[i + 1, j] + u * grid[i + 1, j + 1]
    return float((1 - v) * top + v * bottom)


def _dark_outside(grid, x, y):
    """Take zeros beyond the border."""
    return _read(np.pad(grid, 1), x + 1, y + 1)


def _nearest(grid, x, y):
    height, width = grid.shape
    return float(grid[min(max(int(y), 0), height - 1), min(max(int(x), 0), width - 1)])


@exercise(
    "14.3",
    kind="build",
    minutes=15,
    title="Read a map between its cells",
    hints=[
        "Cell (i, j) has its centre at x = j + 0.5, y = i + 0.5: subtract the half first.",
        "Clamp to 0..width - 1 and 0..height - 1, then weigh the four neighbours by u and v, the "
        "parts behind the comma.",
    ],
)
def bilinear(answer):
    """Bilinear interpolation with centres at half-integers, clamped at the border."""
    rng = np.random.default_rng(14)
    cases = []
    for height, width in [(4, 5), (6, 3), (8, 8), (5, 9)]:
        grid = rng.normal(size=(height, width))
        for _ in range(4):
            x, y = rng.uniform(0.6, width - 0.6), rng.uniform(0.6, height - 0.6)
            cases.append((grid, float(x), float(y)))
        cases.append((grid, 0.1, height - 0.2))
        cases.append((grid, 1.5, 2.5))
    run_against(
        _read,
        answer,
        cases,
        [
            (
                lambda grid, x, y: _read(grid, x, y, shift=0),
                "half a cell off: the centre of cell j lies at j + 0.5",
            ),
            (
                lambda grid, x, y: _read(grid, x, y, shift=-0.5),
                "half a cell is added; it has to be subtracted to get from edges to indices",
            ),
            (
                lambda grid, x, y: _read(grid, x, y, swap=True),
                "x runs along the columns and y along the rows: grid[y, x]",
            ),
            (
                _nearest,
                "that rounds to the cell under the point, as RoIPool does; the four nearest share it",
            ),
            (
                lambda grid, x, y: _one_way(grid, x, y, across=True),
                "interpolated across only: the two rows above and below the point share it as well",
            ),
            (
                lambda grid, x, y: _one_way(grid, x, y, across=False),
                "interpolated down only: the two columns left and right of the point share it as "
                "well",
            ),
            (
                _weights_swapped,
                "the weights are swapped: the nearer a centre lies, the more it counts",
            ),
            (
                _beyond,
                "right inside, but beyond the outermost centres it goes on in a straight line; "
                "there the border's value holds",
            ),
            (
                _dark_outside,
                "right inside, but the border fades to zero: beyond the outermost centres the "
                "border's value holds",
            ),
        ],
        tolerance=1e-5,
    )
    return "this is the whole difference between RoIPool and RoIAlign"


def _region(features, boxes, stride, **options):
    from torchvision.ops import roi_align

    options = {"aligned": True, "spatial_scale": 1 / stride} | options
    return roi_align(features, [boxes], 7, sampling_ratio=2, **options)


def _pooled(features, boxes, stride):
    from torchvision import ops

    return ops.roi_pool(features, [boxes], 7, 1 / stride)


@exercise(
    "14.4",
    kind="debug",
    minutes=10,
    title="Every mask half a cell too far",
    hints=[
        "Give it a ramp whose value is its place, and a box whose centre you know.",
        "Read what `aligned` means in the documentation of torchvision.ops.roi_align.",
    ],
)
def cut_regions(answer):
    """Cut with torchvision and the half-cell shift it leaves out by default."""
    import torch

    generator = torch.Generator().manual_seed(14)
    cases = []
    for stride, size in [(8, 16), (16, 12), (4, 20), (8, 10)]:
        features = torch.randn(1, 3, size, size, generator=generator)
        corner = torch.rand(3, 2, generator=generator) * size * stride / 2
        extent = (0.2 + 0.3 * torch.rand(3, 2, generator=generator)) * size * stride
        cases.append((features, torch.cat([corner, corner + extent], 1), stride))
    run_against(
        _region,
        answer,
        cases,
        [
            (
                lambda f, b, s: _region(f, b, s, aligned=False),
                "still half a cell off: without aligned=True the samples lie half a cell too far "
                "right and down",
            ),
            (
                lambda f, b, s: _region(f, b, 1),
                "the boxes are in pixels of the picture: scale them by 1 / stride to cells",
            ),
            (
                _pooled,
                "that is RoIPool, which rounds twice; the exercise mends RoIAlign",
            ),
            (
                lambda f, b, s: _region(f, b - 0.5, s, aligned=False),
                "half a pixel is subtracted; the shift is half a cell, which is stride / 2 pixels",
            ),
            (
                lambda f, b, s: _region(f, b + s / 2, s, aligned=False),
                "the shift goes the other way: that is a whole cell off now",
            ),
            (
                lambda f, b, s: _region(f, b - s / 2, s),
                "shifted twice: aligned=True subtracts the half itself",
            ),
            (
                lambda f, b, s: _region(f, (b / s).round() * s, s),
                "the boxes are rounded to whole cells: that is RoIWarp, and it loses what "
                "RoIAlign won",
            ),
        ],
        tolerance=1e-4,
    )
    return "a mask in a wrong place still looks like a mask: test with a ramp"


def _mask_loss(logits, labels, masks):
    import torch
    from torch.nn import functional as F

    own = logits[torch.arange(len(labels)), labels]
    return F.binary_cross_entropy_with_logits(own, masks)


def _softmax_loss(logits, labels, masks):
    import torch
    from torch.nn import functional as F

    own = torch.log_softmax(logits, 1)[torch.arange(len(labels)), labels]
    return F.binary_cross_entropy(own.exp().clamp(1e-6, 1 - 1e-6), masks)


def _all_masks(logits, labels, masks):
    import torch
    from torch.nn import functional as F

    wanted = torch.zeros_like(logits)
    wanted[torch.arange(len(labels)), labels] = masks
    return F.binary_cross_entropy_with_logits(logits, wanted)


@exercise(
    "14.5",
    kind="build",
    minutes=12,
    title="The mask loss of the paper",
    hints=[
        "Pick one mask a region: logits[torch.arange(len(labels)), labels] is (N, m, m).",
        "Then a yes-or-no question a pixel: binary_cross_entropy_with_logits, averaged.",
    ],
)
def mask_loss(answer):
    """Mean binary cross-entropy on the mask of the true class alone."""
    import torch

    generator = torch.Generator().manual_seed(5)
    cases = []
    for regions, classes, side in [(3, 4, 6), (1, 2, 28), (5, 8, 14), (4, 3, 7)]:
        logits = 2 * torch.randn(regions, classes, side, side, generator=generator)
        labels = torch.randint(classes, (regions,), generator=generator)
        masks = (torch.rand(regions, side, side, generator=generator) > 0.6).float()
        cases.append((logits, labels, masks))
    from torch.nn import functional as F

    run_against(
        _mask_loss,
        answer,
        cases,
        [
            (
                _all_masks,
                "that trains every class's mask, the others towards empty: then the classes "
                "compete again",
            ),
            (_softmax_loss, "the classes compete for each pixel: take a sigmoid, not a softmax"),
            (
                lambda o, k, m: F.binary_cross_entropy_with_logits(
                    o[torch.arange(len(k)), o.mean((2, 3)).argmax(1)], m
                ),
                "that is the mask of a predicted class; in training it is the true one's",
            ),
            (
                lambda o, k, m: _mask_loss(o, k, m) * m.numel(),
                "the sum over all pixels; L_mask is their mean, or large batches would shout",
            ),
            (
                lambda o, k, m: _mask_loss(o, k, m) * m[0].numel(),
                "the mean over regions of a sum over pixels; take the mean over pixels too",
            ),
            (
                lambda o, k, m: F.mse_loss(o[torch.arange(len(k)), k].sigmoid(), m),
                "squared error; the paper takes the binary cross-entropy",
            ),
            (
                lambda o, k, m: F.binary_cross_entropy_with_logits(o.mean(1), m),
                "the masks of all classes are averaged; pick the true one's",
            ),
        ],
        tolerance=1e-4,
    )
    return "one question a pixel, asked of one mask only"
