"""Right and wrong answers to the exercises of lecture 10, each with what it must be told."""

import numpy as np

BGR_MEAN = np.array([103.939, 116.779, 123.68]).reshape(3, 1, 1)
MEAN = np.array([0.485, 0.456, 0.406]).reshape(3, 1, 1)
STD = np.array([0.229, 0.224, 0.225]).reshape(3, 1, 1)

RULES = {"gradient": ["++", "+-"], "deconvnet": ["++", "-+"], "guided": ["++"]}


def by_add_at(signal, switches, height, width):
    result = np.zeros(height * width)
    np.add.at(result, switches.ravel(), signal.ravel())
    return result.reshape(height, width)


def by_loops(signal, switches, height, width):
    result = np.zeros((height, width))
    for value, place in zip(signal.ravel(), switches.ravel(), strict=True):
        row, column = divmod(int(place), width)
        result[row, column] += value
    return result


def by_bincount(signal, switches, height, width):
    flat = np.bincount(switches.ravel(), weights=signal.ravel(), minlength=height * width)
    return flat.reshape(height, width)


def overwritten(signal, switches, height, width):
    result = np.zeros(height * width)
    result[switches.ravel()] = signal.ravel()
    return result.reshape(height, width)


def added_by_index(signal, switches, height, width):
    result = np.zeros(height * width)
    result[switches.ravel()] += signal.ravel()  # the same bug in disguise
    return result.reshape(height, width)


def averaged(signal, switches, height, width):
    counts = np.bincount(switches.ravel(), minlength=height * width).clip(1)
    return by_add_at(signal, switches, height, width) / counts.reshape(height, width)


def along_columns(signal, switches, height, width):
    result = np.zeros((height, width))
    for value, place in zip(signal.ravel(), switches.ravel(), strict=True):
        result[int(place) % height, int(place) // height] += value
    return result


def marks(signal, switches, height, width):
    result = np.zeros(height * width)
    result[switches.ravel()] = 1
    return result.reshape(height, width)


def still_flat(signal, switches, height, width):
    return by_add_at(signal, switches, height, width).ravel()


def forgets_return(signal, switches, height, width):
    by_add_at(signal, switches, height, width)


def to_input(image):
    return image[::-1].astype(np.float64) - BGR_MEAN


def to_input_by_stacking(image):
    red, green, blue = image.astype(float)
    return np.stack([blue - 103.939, green - 116.779, red - 123.68])


def occlusion(weights, image, size, stride):
    height, width = image.shape
    rows = []
    for top in range(0, height - size + 1, stride):
        row = []
        for left in range(0, width - size + 1, stride):
            copy = image.copy()
            copy[top : top + size, left : left + size] = 0
            row.append((weights * copy).sum())
        rows.append(row)
    return np.array(rows)


def occlusion_by_subtraction(weights, image, size, stride):
    product = weights * image
    windows = np.lib.stride_tricks.sliding_window_view(product, (size, size))
    return product.sum() - windows[::stride, ::stride].sum((2, 3))


def piling_up(weights, image, size, stride):
    work, rows = image.copy(), []
    for top in range(0, image.shape[0] - size + 1, stride):
        row = []
        for left in range(0, image.shape[1] - size + 1, stride):
            work[top : top + size, left : left + size] = 0
            row.append((weights * work).sum())
        rows.append(row)
    return np.array(rows)


def too_short(weights, image, size, stride):
    return np.array(
        [
            [
                occlusion(weights, image, size, 1)[top, left]
                for left in range(0, image.shape[1] - size, stride)
            ]
            for top in range(0, image.shape[0] - size, stride)
        ]
    )


def only_the_square(weights, image, size, stride):
    product = weights * image
    return product.sum() - occlusion(weights, image, size, stride)


def sticking_out(weights, image, size, stride):
    height, width = image.shape
    bigger = np.zeros((height + size - 1, width + size - 1))
    bigger[:height, :width] = weights * image
    return occlusion(np.ones_like(bigger), bigger, size, stride)


def with_grey(weights, image, size, stride):
    sums = np.lib.stride_tricks.sliding_window_view(weights, (size, size))
    added = image.mean() * sums[::stride, ::stride].sum((2, 3))
    return occlusion(weights, image, size, stride) + added


RIGHT = {
    "10.1": [RULES, {rule: tuple(reversed(cases)) for rule, cases in RULES.items()}],
    "10.2": [{"side": 47, "step": 8}, {"side": np.int64(47), "step": 8.0}],
    "10.3": [by_add_at, by_loops, by_bincount],
    "10.4": [to_input, to_input_by_stacking],
    "10.5": [occlusion, occlusion_by_subtraction],
}

WRONG = {
    "10.1": [
        ({**RULES, "gradient": ["++", "-+"]}, "input's sign"),
        ({**RULES, "gradient": ["++"]}, "passes both signs"),
        ({**RULES, "deconvnet": ["++"]}, "does not ask whether"),
        ({**RULES, "deconvnet": ["++", "+-"]}, "does not matter"),
        ({**RULES, "guided": ["++", "+-"]}, "also drops negative"),
        ({**RULES, "guided": ["++", "-+"]}, "whether the unit was alive"),
        ({**RULES, "deconvnet": ["++", "-+", "--"]}, "a negative signal does not pass"),
        ({"gradient": ["++", "+-"]}, "no answer for deconvnet, guided"),
        ({**RULES, "guided": ["+"]}, "choose some of"),
    ],
    "10.2": [
        ({"side": 63, "step": 8}, "one module too many"),
        ({"side": 31, "step": 8}, "after the second pool"),
        ({"side": 13, "step": 8}, "as if no layer had a stride"),
        ({"side": 39, "step": 8}, "the step is 8 by then"),
        ({"side": 47, "step": 4}, "conv1 and two pools"),
        ({"side": 47, "step": 6}, "multiply"),
        ({"side": 23, "step": 8}, "after fire3"),
        ({"side": 50, "step": 8}, "begin with 3 after conv1"),
        ({"side": 47, "step": 2}, "both pools double"),
        ({"side": 47, "step": 12}, "multiply the strides"),
        ({"side": 47}, "no answer for step"),
    ],
    "10.3": [
        (overwritten, "only one value is left"),
        (added_by_index, "only one value is left"),
        (averaged, "not averaged"),
        (marks, "marks the places"),
        (still_flat, "shape (height, width)"),
        (along_columns, "read down the columns"),
        (lambda s, k, h, w: by_add_at(s, (k % w) * h + k // w, h, w), "are exchanged"),
        (lambda s, k, h, w: by_add_at(s, k - 1, h, w), "began at 1"),
        (lambda s, k, h, w: by_add_at(s, k, h, w)[::-1, ::-1], "upside down"),
        (lambda s, k, h, w: by_add_at(s.T, k, h, w), "against its switches"),
        (lambda s, k, h, w: by_add_at(s.clip(min=0), k, h, w), "also rectifies"),
        (forgets_return, "return"),
    ],
    "10.4": [
        (lambda image: (image / 255 - MEAN) / STD, "torchvision's normalisation"),
        (lambda image: image - BGR_MEAN, "red still comes first"),
        (lambda image: image[::-1] / 255 - BGR_MEAN / 255, "0 to 255"),
        (lambda image: image[::-1] - BGR_MEAN[::-1], "blue loses red's mean"),
        (lambda image: image[:, :, ::-1] - BGR_MEAN, "mirrors the picture"),
        (lambda image: image[::-1].astype(float), "the mean is still in"),
    ],
    "10.5": [
        (piling_up, "pile up"),
        (too_short, "last place is missing"),
        (lambda *case: occlusion(*case).T, "rows and columns are exchanged"),
        (only_the_square, "everything but the square"),
        (lambda w, image, size, stride: np.zeros((2, 2)), ""),
        (
            lambda w, image, size, stride: occlusion(w, image, size, stride) / (w * image).sum(),
            "share of the score",
        ),
        (lambda w, image, *case: occlusion(np.ones_like(w), image, *case), "ignores the weights"),
        (lambda w, image, *case: occlusion(w, np.ones_like(image), *case), "picture of ones"),
        (lambda w, image, size, stride: occlusion(w, image, size, 1), "steps of `stride`"),
        (lambda w, image, size, stride: occlusion(w, image, size, size), "as long as the square"),
        (sticking_out, "stick out"),
        (with_grey, "with the mean"),
    ],
}
