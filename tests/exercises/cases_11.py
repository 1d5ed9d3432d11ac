"""Right and wrong answers to the exercises of lecture 11, each with what it must be told."""

import math

import numpy as np
import torch

from utils.ordinal import task_importance


def by_numpy(labels, num_ranks):
    above = (np.asarray(labels)[:, None] > np.arange(num_ranks - 1)).sum(0)
    roots = np.sqrt(np.maximum(above, len(labels) - above))
    return roots / roots.max()


def by_torch(labels, num_ranks):
    return task_importance(torch.tensor(labels), num_ranks).double().tolist()


def by_loop(labels, num_ranks):
    sides = []
    for k in range(num_ranks - 1):
        yes = len([y for y in labels if y > k])
        sides.append(max(yes, len(labels) - yes))
    return [math.sqrt(side / max(sides)) for side in sides]


def sides(labels, num_ranks, choose):
    above = [sum(y > k for y in labels) for k in range(num_ranks - 1)]
    return np.array([choose(s, len(labels) - s) for s in above], dtype=float)


def no_root(labels, num_ranks):
    m = sides(labels, num_ranks, max)
    return list(m / m.max())


def yeses_only(labels, num_ranks):
    m = np.sqrt(sides(labels, num_ranks, lambda yes, no: yes))
    return list(m / m.max())


def not_divided(labels, num_ranks):
    return list(np.sqrt(sides(labels, num_ranks, max)))


def by_sum(labels, num_ranks):
    m = np.sqrt(sides(labels, num_ranks, max))
    return list(m / m.sum())


def emptier(labels, num_ranks):
    m = np.sqrt(sides(labels, num_ranks, min))
    return list(m / m.max())


def one_too_many(labels, num_ranks):
    return by_loop(labels, num_ranks + 1)


def mae(ranks, ages, youngest=15):
    return sum(abs(r + youngest - a) for r, a in zip(ranks, ages, strict=True)) / len(ages)


def mae_by_numpy(ranks, ages, youngest=15):
    return np.abs(np.array(ranks) - (np.array(ages) - youngest)).mean()


def unmended(ranks, ages, youngest=15):
    return mae(ranks, ages, 0)


def wrong_way(ranks, ages, youngest=15):
    return mae(ranks, ages, -youngest)


def always_15(ranks, ages, youngest=15):
    return mae(ranks, ages)


def cancelling(ranks, ages, youngest=15):
    return abs(float(np.mean(np.array(ranks) + youngest - np.array(ages))))


def squared(ranks, ages, youngest=15):
    return math.sqrt(np.mean((np.array(ranks) + youngest - np.array(ages)) ** 2))


def result_shifted(ranks, ages, youngest=15):
    return mae(ranks, ages, 0) - youngest


def a_list(ranks, ages, youngest=15):
    return [abs(r + youngest - a) for r, a in zip(ranks, ages, strict=True)]


def turned_round(labels, num_ranks):
    right = by_loop(labels, num_ranks)
    return [min(right) / weight for weight in right]


def by_all(labels, num_ranks):
    above = [sum(label > k for label in labels) for k in range(num_ranks - 1)]
    return [(max(s, len(labels) - s) / len(labels)) ** 0.5 for s in above]


RIGHT = {
    "11.1": [2, 2.0, np.median([1, 2, 2, 3, 12]), torch.tensor(2)],
    "11.2": [537, 512 + 25, np.int64(537)],
    "11.3": [8.01, np.float64(8.01), 24.24 - 8.11 - 8.12],
    "11.4": [by_loop, by_numpy],
    "11.5": [mae, mae_by_numpy],
}

WRONG = {
    "11.1": [
        (4, "squared error"),
        (6.5, "two extreme people"),
        (12, "one person"),
        (2.5, "is a person"),
        (1, "four people"),
        (3, "three people"),
        (2.4, "asked is the answer"),
        (20, "sum of the ranks"),
        (5, "one step to the side"),
    ],
    "11.2": [
        (538, "25 questions"),
        (512, "also has a bias"),
        (513, "one bias a question"),
        (12825, "of its own"),
        (25650, "OR-CNN"),
        (13338, "cross-entropy"),
        (2073, "first version"),
        (25, "those are the biases"),
        (1049, "OR-CNN two"),
        (600, "shared by all questions"),
    ],
    "11.3": [
        (8.08, "mean of the three"),
        (8.11, "what is printed"),
        (8.02, "two wrong digits"),
        (8.05, "deviation 0.04"),
        (8.0, "rounds to 0.07"),
        (8.21, "moves the mean up"),
        (7.11, "the wrong one"),
        (8.1, "hardly lower"),
        (24.24, "take the other two away"),
        (7.5, "two seeds as printed"),
    ],
    "11.4": [
        (no_root, "square root is missing"),
        (yeses_only, "yeses alone"),
        (not_divided, "should be 1"),
        (by_sum, "divides by the sum"),
        (emptier, "emptier side"),
        (one_too_many, "one question less"),
        (lambda labels, k: by_loop([label + 1 for label in labels], k), "from k on"),
        (turned_round, "turned round"),
        (by_all, "by the root of N"),
    ],
    "11.5": [
        (unmended, "still compared with an age"),
        (wrong_way, "wrong way"),
        (always_15, "built in"),
        (cancelling, "cancel"),
        (squared, "RMSE"),
        (result_shifted, "shift each pair"),
        (a_list, "one number"),
    ],
}
