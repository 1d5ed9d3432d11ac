"""Exercises of a lecture 98 that does not exist: they prove the engine and show the format."""

import numpy as np
import torch
from torch import nn

from utils.exercises import (
    Wrong,
    exercise,
    expect_array,
    expect_choice,
    expect_each,
    expect_integer,
    expect_model,
    expect_number,
    run_against,
)

DRAWN: list[str] = []
"""Which pictures were drawn, in place of a figure."""


def EXERCISES() -> None:
    """Register the exercises."""

    @exercise(
        "98.1",
        kind="predict",
        minutes=2,
        title="One detector",
        hints=["How many pixels lie under it?", "... and a bias."],
    )
    def one_detector(answer):
        expect_integer(
            answer,
            26,
            {
                25: "25 weights, and what else does a detector learn?",
                576: "that is how many places it visits; what does it learn?",
            },
        )
        return "the bias is the 26th"

    @exercise("98.2", kind="build", minutes=10, title="Sums of 2 x 2 blocks")
    def block_sums(answer):
        def right(x):
            return x[0::2, 0::2] + x[0::2, 1::2] + x[1::2, 0::2] + x[1::2, 1::2]

        rng = np.random.default_rng(98)
        cases = [(rng.normal(size=(2 * i + 2, 6)),) for i in range(4)]
        run_against(
            right,
            answer,
            cases,
            [
                (lambda x: right(x) / 4, "that is the mean; LeNet-5 adds the four"),
                (lambda x: x.reshape(x.shape[0] // 2, 2, -1, 2).max((1, 3)), "that is the max"),
            ],
            figure=lambda case, result, right: DRAWN.append("98.2"),
        )

    @exercise("98.3", kind="compute", minutes=3, title="Mean penalty")
    def mean_penalty(answer):
        expect_number(answer, 0.125, {0.5: "that is the sum, not the mean"}, tolerance=0.001)

    @exercise("98.4", kind="recall", minutes=1, title="What is trained")
    def what_is_trained(answer):
        expect_choice(
            answer,
            ["C1", "S2"],
            ["C1", "S2", "RBF"],
            {"RBF": "the codes are fixed", "S2": "S2 has a coefficient and a bias"},
        )

    @exercise("98.5", kind="recall", minutes=1, title="Who wins")
    def who_wins(answer):
        expect_choice(answer, "smallest", ["smallest", "largest"], {"largest": "it is a penalty"})

    @exercise("98.6", kind="compute", minutes=4, title="Count two layers")
    def count_layers(answer):
        expect_each(
            answer,
            {
                "C1": lambda value: expect_integer(value, 156, {150: "6 biases are missing"}),
                "S2": lambda value: expect_integer(value, 12),
            },
        )

    @exercise("98.7", kind="compute", minutes=4, title="An edge detector")
    def edge(answer):
        right = np.array([[1.0, 0.0, -1.0]] * 3)
        expect_array(answer, right, [(right.T, "that finds horizontal edges")])

    @exercise("98.8", kind="build", minutes=10, title="A linear classifier")
    def linear(answer):
        model = expect_model(answer, (1, 4, 4), (10,), 170, {160: "ten biases are missing"})
        if any(isinstance(layer, nn.ReLU) for layer in model.modules()):
            raise Wrong("a linear classifier has no ReLU")

    @exercise("98.9", kind="debug", minutes=5, title="Freeze it", may_change_input=True)
    def freeze(answer):
        model = nn.Linear(2, 2)
        answer(model)
        if any(parameter.requires_grad for parameter in model.parameters()):
            raise Wrong("requires_grad of a module is just an attribute: use requires_grad_()")

    @exercise("98.10", kind="build", minutes=5, title="Length of an output")
    def length(answer):
        run_against(
            lambda size, kernel, padding=0: size + 2 * padding - kernel + 1,
            answer,
            [(28, 5), (32, 5, 2), {"size": 9, "kernel": 3, "padding": 1}],
            [
                (lambda size, kernel, padding=0: size + padding - kernel + 1, "P enters twice"),
                (lambda size, kernel, padding=0: size + 2 * padding - kernel, "one more place"),
            ],
        )


def _sums_by_reshape(x):
    return x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2).sum(axis=(1, 3))


def _sums_by_loops(x):
    out = np.empty((x.shape[0] // 2, x.shape[1] // 2))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].sum()
    return out


def _sums_in_place(x):
    x[0::2] += x[1::2]
    return x[0::2, 0::2] + x[0::2, 1::2]


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(16, 10)

    def forward(self, x):
        return self.dense(x.flatten(1))


def _sequential(*layers):
    return nn.Sequential(nn.Flatten(), *layers)


def _freeze_by_loop(model):
    for parameter in model.parameters():
        parameter.requires_grad = False


def _freeze_wrongly(model):
    model.requires_grad = False


RIGHT = {
    "98.1": [26, np.int64(26), 26.0, torch.tensor(26)],
    "98.2": [_sums_by_reshape, _sums_by_loops, lambda x: torch.tensor(_sums_by_reshape(x))],
    "98.3": [0.125, np.float32(0.1252)],
    "98.4": [["C1", "S2"], {"s2", "c1"}],
    "98.5": ["smallest", " Smallest "],
    "98.6": [{"C1": 156, "S2": 12}, {"S2": np.int64(12), "C1": 156.0, "C3": 0}],
    "98.7": [[[1, 0, -1]] * 3, torch.tensor([[1.0, 0.0, -1.0]] * 3)],
    "98.8": [Classifier, Classifier(), _sequential(nn.Linear(16, 10)), lambda: Classifier()],
    "98.9": [lambda model: model.requires_grad_(False), _freeze_by_loop],
    "98.10": [
        lambda size, kernel, padding=0: size + 2 * padding - kernel + 1,
        lambda size, kernel, padding=0: len(range(size + 2 * padding - (kernel - 1))),
    ],
}

WRONG = {
    "98.1": [
        (25, "what else does"),
        (576, "places it visits"),
        (24, "24 is too small"),
        (100, "100 is too large"),
        ("26", "the answer is '26', but has to be a number"),
        (26.5, "not a whole number"),
        (True, "but has to be a number"),
        (float("nan"), "nan, which is no number"),
    ],
    "98.2": [
        (lambda x: _sums_by_reshape(x) / 4, "that is the mean"),
        (lambda x: x.reshape(x.shape[0] // 2, 2, -1, 2).max((1, 3)), "that is the max"),
        (lambda x: _sums_by_reshape(x).T, "has shape (3, 1), not (1, 3): two axes are swapped"),
        (lambda x: print(x.sum()), "is a `return` missing"),
        (lambda x: np.zeros((len(x) // 2, 3)), "all zeros: it was made, but never filled"),
        (lambda x: _sums_by_reshape(x) + 1e-3, "values, first at [0, 0]"),
        (lambda x: _sums_by_reshape(x) * np.nan, "3 of 3 values that are nan"),
        (_sums_in_place, "changes its input"),
        (lambda x, y: x, "raises TypeError"),
        (lambda x: "sum", "but has to be an array of numbers"),
    ],
    "98.3": [
        (0.5, "that is the sum"),
        (0.12, "0.12 is too small"),
        (1, "1 is too large"),
        (np.inf, "inf, which is no number"),
        ([0.125], "but has to be a number"),
        (np.array([0.125, 0.125]), "the answer is array of shape (2,), but has to be a number"),
    ],
    "98.4": [
        (["C1"], "S2 has a coefficient"),
        (["S2"], "not all of them yet"),
        (["C1", "S2", "RBF"], "the codes are fixed"),
        ("C1 and S2", "choose some of C1, S2, RBF"),
        (3, "has to be text"),
        ([1, 2], "has to be text"),
    ],
    "98.5": [
        ("largest", "it is a penalty"),
        ("the smallest", "choose one of smallest, largest"),
        (["smallest", "largest"], "choose one of"),
        (0, "has to be text"),
        ("", "choose one of"),
    ],
    "98.6": [
        ({"C1": 150, "S2": 12}, "C1: 6 biases are missing"),
        ({"C1": 156}, "there is no answer for S2"),
        ({"C1": 156, "S2": 0}, "S2: 0 is too small"),
        ([156, 12], "has to be a dict with the keys C1, S2"),
        ({"C1": "156", "S2": 12}, "C1: the answer is '156'"),
    ],
    "98.7": [
        ([[1, 1, 1], [0, 0, 0], [-1, -1, -1]], "horizontal"),
        ([[1, 0, -1]], "has shape (1, 3), not (3, 3)"),
        ([[1, 0], [1]], "rows of different lengths"),
        ([[-1, 0, 1]] * 3, "differs in 6 of 9 values, first at [0, 0]: -1 instead of 1"),
        (np.full((3, 3), np.nan), "9 of 9 values that are nan"),
    ],
    "98.8": [
        (_sequential(nn.Linear(16, 10, bias=False)), "ten biases are missing"),
        (_sequential(nn.Linear(16, 10), nn.ReLU()), "has no ReLU"),
        (_sequential(nn.Linear(16, 9)), "returns shape (3, 9), not (3, 10)"),
        (_sequential(nn.Linear(4, 10)), "cannot be run on images of shape (3, 1, 4, 4)"),
        (_sequential(nn.Linear(16, 10), nn.Linear(10, 10)), "it has 280 trainable parameters"),
        (170, "has to be a torch.nn.Module"),
        (lambda: 3, "what is built is 3"),
    ],
    "98.9": [
        (_freeze_wrongly, "just an attribute"),
        (lambda model: model, "use requires_grad_()"),
        (lambda model: model.eval(), "use requires_grad_()"),
        (lambda model: model.bias.requires_grad_(False), "use requires_grad_()"),
        (lambda: 0, "raises TypeError"),
    ],
    "98.10": [
        (lambda size, kernel, padding=0: size + padding - kernel + 1, "P enters twice"),
        (lambda size, kernel, padding=0: size + 2 * padding - kernel, "one more place"),
        (lambda size, kernel, padding=0: 24, "returns 24 whatever it is given"),
        (lambda size, kernel, padding=0: size - kernel + 1, "(32, 5, 2) is 28, not 32"),
        (lambda size, kernel, padding=0: size / 0, "(28, 5) raises ZeroDivisionError"),
        (lambda size, kernel, padding=0: float("nan"), "nan whatever it is given"),
    ],
}
