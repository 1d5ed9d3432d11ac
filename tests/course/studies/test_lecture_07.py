"""The study of lecture 07: how it stores weights and kernels, and what it found."""

import numpy as np
import pytest
import torch

from utils import measured
from utils.course.studies import lecture_07
from utils.models import SmallAlexNet


def test_rounded_weights_come_back_within_half_a_level():
    torch.manual_seed(0)
    model = SmallAlexNet()
    weights = {"a": model.classifier.fc6.weight.detach().numpy(), "b": np.ones(3, np.float32)}
    packed = lecture_07.in_bytes(weights)
    assert packed["a"].dtype == np.int8
    level = packed["a/level"]
    assert np.abs(packed["a"] * level - weights["a"]).max() <= 0.5001 * level.max()
    assert packed["b"] is weights["b"]


@pytest.mark.parametrize(("kernel", "share"), [((1, 1, 1), 0.0), ((1, -0.5, -0.5), 1.0)])
def test_colour_of_grey_and_of_pure_colour(kernel, share):
    grey = np.ones((4, 3, 2, 2))
    grey[2:] *= np.array(kernel)[:, None, None]
    assert lecture_07.column_colour(grey) == [0.0, share]


def test_the_stored_network_is_the_one_that_was_judged():
    study = measured.load("07")
    model = lecture_07.trained_network(study)
    with np.load(study.file("first_kernels.npz")) as stored:
        steps, kernels = stored["steps"], stored["kernels"]
    assert len(steps) == len(kernels)
    assert steps[0] == 0
    assert steps[-1] == 25 * 79
    assert (np.diff(steps) > 0).all()
    assert kernels.shape[1:] == (32, 3, 7, 7)
    np.testing.assert_array_equal(kernels[-1], model.features.conv1.weight.detach().numpy())


def test_every_cell_has_three_seeds_and_the_same_budget():
    study = measured.load("07")
    assert len(study) == len(lecture_07.CELLS) * 3
    for cell in lecture_07.CELLS.values():
        runs = study.select(**cell)
        assert sorted(run.parameters["seed"] for run in runs) == [0, 1, 2]
        if "without" in cell:
            assert {len(errors) for errors in runs.values("train_errors")} == {25}
        if "race" in cell:
            assert {len(errors) for errors in runs.values("train_errors")} == {20}


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_each_activation_has_the_rate_that_was_best_in_its_trials_and_is_neither_end(activation):
    study = measured.load("07")
    tried = {
        rate: study.select(trial=activation, rate=rate).mean("validation_error")
        for rate in lecture_07.TRIALS[activation]
    }
    best = min(tried, key=tried.get)
    assert best == lecture_07.RATES[activation]
    assert min(tried) < best < max(tried)


def test_the_first_passes_have_the_rates_of_the_whole_cycle():
    from utils.training.optim import build_schedule

    def rates(schedule, steps):
        sgd = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.05, momentum=0.9)
        stepped = build_schedule(schedule, sgd, steps)
        seen = []
        for _ in range(300):
            group = sgd.param_groups[0]
            seen.append((group["lr"], group["momentum"]))
            sgd.step()
            stepped.step()
        return seen

    assert rates(lecture_07.whole_cycle, 4 * 79) == rates("one-cycle", 25 * 79)
    assert rates("one-cycle", 4 * 79) != rates("one-cycle", 25 * 79)


@pytest.mark.parametrize(
    ("errors", "passes"),
    [([30, 25.0, 20, 30], 2), ([10], 1), ([25.1, 26], float("inf")), ([], float("inf"))],
)
def test_passes_to_the_goal(errors, passes):
    assert lecture_07.passes_to_goal(errors) == passes


def test_the_summary_says_what_is_beyond_two_standard_errors():
    study = measured.load("07")
    whole = study.select(without="nothing")
    for idea, found in study.summary.items():
        runs = study.select(without=idea)
        difference = np.mean(runs.values("validation_error")) - np.mean(
            whole.values("validation_error")
        )
        spread = np.var(runs.values("validation_error"), ddof=1)
        spread += np.var(whole.values("validation_error"), ddof=1)
        assert found["difference"] == pytest.approx(difference, abs=0.006)
        beyond = abs(difference) > 2 * (spread / 3) ** 0.5
        assert found["larger_than_noise"] == beyond
