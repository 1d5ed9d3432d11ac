"""Right and wrong answers to the exercises of lecture 15, each with what it must be told."""

import numpy as np
import torch

from utils import semi_adversarial as sa


def by_torch(genuine, impostor, fmr):
    scores = (torch.tensor(genuine).double(), torch.tensor(impostor).double())
    return sa.true_match_rate(*scores, fmr).item()


def by_counting(genuine, impostor, fmr):
    allowed = int(fmr * len(impostor) + 1e-9)
    threshold = min(t for t in impostor if sum(s > t for s in impostor) <= allowed)
    return float(np.mean([score > threshold for score in genuine]))


def not_strict(genuine, impostor, fmr):
    threshold = sorted(impostor)[-1 - int(fmr * len(impostor) + 1e-9)]
    return np.mean(np.array(genuine) >= threshold)


def lowest(genuine, impostor, fmr):
    threshold = sorted(impostor)[int(fmr * len(impostor) + 1e-9)]
    return np.mean(np.array(genuine) > threshold)


def on_genuine(genuine, impostor, fmr):
    threshold = sorted(genuine)[-1 - int(fmr * len(genuine) + 1e-9)]
    return np.mean(np.array(genuine) > threshold)


def as_threshold(genuine, impostor, fmr):
    return np.mean(np.array(genuine) > fmr)


def of_impostors(genuine, impostor, fmr):
    threshold = sorted(impostor)[-1 - int(fmr * len(impostor) + 1e-9)]
    return np.mean(np.array(impostor) > threshold)


def rejected(genuine, impostor, fmr):
    return 1 - by_counting(genuine, impostor, fmr)


def picked(faces, styles):
    means = np.stack([faces[styles == s].mean(axis=0) for s in (0, 1)])
    neutral = np.repeat(faces.mean(axis=0)[None], len(faces), axis=0)
    return np.stack([means[styles], neutral, means[1 - styles]])


def looped(faces, styles):
    zero, one = (
        np.mean([f for f, s in zip(faces, styles, strict=True) if s == k], 0) for k in (0, 1)
    )
    share = np.mean(styles)
    own = [one if s else zero for s in styles]
    other = [zero if s else one for s in styles]
    return np.array([own, [share * one + (1 - share) * zero] * len(styles), other])


def unweighted(faces, styles):
    means = np.stack([faces[styles == s].mean(axis=0) for s in (0, 1)])
    neutral = np.repeat(means.mean(axis=0)[None], len(faces), axis=0)
    return np.stack([means[styles], neutral, means[1 - styles]])


def swapped(faces, styles):
    return picked(faces, styles)[::-1]


def fixed(faces, styles):
    first, second = (faces[styles == s].mean(axis=0) for s in (0, 1))
    rows = (first, faces.mean(axis=0), second)
    return np.stack([np.repeat(row[None], len(faces), axis=0) for row in rows])


def over_pixels(faces, styles):
    return np.ones((3, *faces.shape)) * picked(faces, styles).mean(axis=(2, 3), keepdims=True)


def themselves(faces, styles):
    return np.concatenate([faces[None], picked(faces, styles)[1:]])


def mirrored(faces, same, opposite, coins):
    together = np.concatenate([faces, same, opposite], axis=1)
    together[coins] = together[coins][..., ::-1].copy()
    return together


def one_by_one(faces, same, opposite, coins):
    rows = []
    for face, own, other, coin in zip(faces, same, opposite, coins, strict=True):
        row = np.concatenate([face, own, other])
        rows.append(np.fliplr(row.transpose(1, 2, 0)).transpose(2, 0, 1) if coin else row)
    return np.array(rows)


def _turn(part, coins, axis=-1):
    part = part.copy()
    part[coins] = np.flip(part[coins], axis)
    return part


def unmended(faces, same, opposite, coins):
    return np.concatenate([_turn(faces, coins), same, opposite], axis=1)


def half_mended(faces, same, opposite, coins):
    return np.concatenate([_turn(faces, coins), _turn(same, coins), opposite], axis=1)


def other_half(faces, same, opposite, coins):
    return np.concatenate([_turn(faces, coins), same, _turn(opposite, coins)], axis=1)


def upside_down(faces, same, opposite, coins):
    return np.concatenate([_turn(p, coins, -2) for p in (faces, same, opposite)], axis=1)


def always(faces, same, opposite, coins):
    return np.concatenate([faces, same, opposite], axis=1)[..., ::-1].copy()


def never(faces, same, opposite, coins):
    return np.concatenate([faces, same, opposite], axis=1)


def other_coin(faces, same, opposite, coins):
    return mirrored(faces, same, opposite, ~coins)


RIGHT = {
    "15.1": [0.8, 1 - 0.2, np.float64(0.8)],
    "15.2": [324_102, 324_248 - 2 * 9 * 8 - 2, np.int64(324_102)],
    "15.3": [by_torch, by_counting],
    "15.4": [picked, looped],
    "15.5": [mirrored, one_by_one],
}

WRONG = {
    "15.1": [
        (0.2, "believes the classifier"),
        (0.4, "not doubled"),
        (0.7, "too small: take ten faces"),
        (0.5, "a coin"),
        (80, "not percent"),
        (0.6, "every answer"),
        (1.0, "a fifth"),
    ],
    "15.2": [
        (324_248, "colour prototypes"),
        (324_104, "proto-combiner, too"),
        (324_246, "first layer, too"),
        (324_029, "one channel now"),
        (324_086, "not 3 x 3"),
        (324_093, "biases"),
        (324_176, "not one"),
        (324_230, "8 kernels"),
        (146, "what it saves"),
        (300_000, "too small: only two layers"),
    ],
    "15.3": [
        (not_strict, "not above it"),
        (lowest, "wrong way"),
        (on_genuine, "from the impostors"),
        (as_threshold, "not a score"),
        (of_impostors, "return that of genuine"),
        (rejected, "turned away"),
    ],
    "15.4": [
        (unweighted, "weighted by counts"),
        (swapped, "same, neutral, opposite"),
        (fixed, "look at its style"),
        (over_pixels, "not over pixels"),
        (themselves, "not the face itself"),
    ],
    "15.5": [
        (unmended, "only the face"),
        (half_mended, "opposite prototype"),
        (other_half, "same-style prototype"),
        (upside_down, "on their heads"),
        (always, "its own coin"),
        (never, "coins should decide"),
        (other_coin, "mirrors the others"),
    ],
}
