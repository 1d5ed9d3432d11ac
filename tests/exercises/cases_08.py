"""Right and wrong answers to the exercises of lecture 08, each with what it must be told."""

import math

import numpy as np
import torch
from torch.nn import functional as F


def by_groups(x, depthwise, pointwise):
    filtered = F.conv2d(x, depthwise.unsqueeze(1), padding=1, groups=x.shape[1])
    return torch.einsum("dc,nchw->ndhw", pointwise, filtered)


def by_one_kernel(x, depthwise, pointwise):
    whole = pointwise[:, :, None, None] * depthwise[None]
    return F.conv2d(x, whole, padding=1)


def by_loop(x, depthwise, pointwise):
    filtered = [
        F.conv2d(x[:, c : c + 1], depthwise[c][None, None], padding=1) for c in range(x.shape[1])
    ]
    return F.conv2d(torch.cat(filtered, 1), pointwise[..., None, None])


def not_padded(x, depthwise, pointwise):
    filtered = F.conv2d(x, depthwise.unsqueeze(1), groups=x.shape[1])
    return torch.einsum("dc,nchw->ndhw", pointwise, filtered)


def one_for_all(x, depthwise, pointwise):
    return by_groups(x, depthwise[:1].expand(x.shape[1], 3, 3), pointwise)


def filtered_only(x, depthwise, pointwise):
    return F.conv2d(x, depthwise.unsqueeze(1), padding=1, groups=x.shape[1])


def with_relu(x, depthwise, pointwise):
    return by_groups(x.relu(), depthwise, pointwise)


def flipped(x, depthwise, pointwise):
    return by_groups(x, depthwise.flip(1, 2), pointwise)


def swapped(x, depthwise, pointwise):
    return by_groups(x, depthwise.mT, pointwise)


def forgets_return(x, depthwise, pointwise):
    by_groups(x, depthwise, pointwise)


def ranked(networks, leave_out):
    sizes = {
        name: sum(n for key, n in parameters.items() if not leave_out(key))
        for name, parameters in networks.items()
    }
    return sorted(sizes, key=sizes.get)


def by_prefix(networks):
    return ranked(networks, lambda key: key.lower().startswith("aux"))


def by_module_name(networks):
    sizes = []
    for name, parameters in networks.items():
        used = {k: v for k, v in parameters.items() if k.split(".")[0][:3].upper() != "AUX"}
        sizes.append((sum(used.values()), name))
    return [name for _, name in sorted(sizes)]


def as_published(networks):
    return ranked(networks, lambda key: False)


def small_letters(networks):
    return ranked(networks, lambda key: key.startswith("aux"))


def anywhere(networks):
    return ranked(networks, lambda key: "aux" in key.lower())


def without_classifier(networks):
    return ranked(networks, lambda key: key.lower().startswith(("aux", "fc")))


def heads_alone(networks):
    return ranked(networks, lambda key: not key.lower().startswith("aux"))


def largest_first(networks):
    return by_prefix(networks)[::-1]


ERROR = 100 * math.sqrt(0.0915 * 0.9085 / 50_000)

RIGHT = {
    "08.1": [
        {"parameters": 1, "macs": 4, "activations": 4},
        {"parameters": 1.0, "macs": 3.999, "activations": np.float64(4)},
    ],
    "08.2": [388_736, np.int64(388_736), 388_736.0],
    "08.3": [by_groups, by_one_kernel, by_loop],
    "08.4": [by_prefix, by_module_name],
    "08.5": [
        {"images": 90, "standard_error": 0.13},
        {"images": 0.0018 * 50_000, "standard_error": ERROR},
    ],
}

WRONG = {
    "08.1": [
        ({"parameters": 4, "macs": 4, "activations": 4}, "shared by all places"),
        ({"parameters": 2, "macs": 4, "activations": 4}, "does not grow"),
        ({"parameters": 1, "macs": 2, "activations": 4}, "twice as high"),
        ({"parameters": 1, "macs": 4, "activations": 1}, "more places"),
        ({"parameters": 1, "macs": 16, "activations": 4}, "visited once"),
        ({"parameters": 1, "macs": 4}, "no answer for activations"),
        ({"parameters": 1.5, "macs": 4, "activations": 4}, "has any kernel"),
        ({"parameters": 1, "macs": 3, "activations": 4}, "count the places"),
        (4, "dict with the keys"),
    ],
    "08.2": [
        (300_000, "too small: six convolutions"),
        (388_736 - 640, "also has a bias"),
        (128 * 257 + 192 * 2305 + 96 * 6401 + 64 * 257, "without its narrow"),
        (388_736 - 64 * 257, "convolution follows it"),
        (388_736 - 128 * 257, "counted one"),
        (388_736 * 784, "shared by all places"),
        (1_000_000_000, "too large: six convolutions"),
    ],
    "08.3": [
        (not_padded, "padding=1"),
        (one_for_all, "first for all"),
        (filtered_only, "has to mix them"),
        (with_relu, "no ReLU"),
        (flipped, "does not flip"),
        (swapped, "swapped"),
        (forgets_return, "return"),
    ],
    "08.4": [
        (as_published, "still counted, and not every network"),
        (small_letters, "capitals"),
        (anywhere, "in its middle"),
        (without_classifier, "classifier itself"),
        (heads_alone, "heads alone"),
        (largest_first, "smallest comes first"),
    ],
    "08.5": [
        ({"images": 9000, "standard_error": 0.13}, "a hundredth"),
        ({"images": 9, "standard_error": 0.13}, "factor of ten"),
        ({"images": 4575, "standard_error": 0.13}, "asked is the difference"),
        ({"images": 90, "standard_error": 0.0013}, "percentage points"),
        ({"images": 90, "standard_error": 28.83}, "root of their number"),
        ({"images": 90, "standard_error": 0.224}, "p = 1/2"),
        ({"images": 90, "standard_error": 0.182}, "difference of two"),
        ({"images": 90}, "no answer for standard_error"),
        ({"images": 4665, "standard_error": 0.13}, "VGG-16 has wrong"),
        ({"images": 120, "standard_error": 0.13}, "is 500"),
        ({"images": 90, "standard_error": 0.5}, "put the share"),
    ],
}
