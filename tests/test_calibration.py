"""Reliability, calibration error and temperature, against torchmetrics and by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from torchmetrics.classification import BinaryCalibrationError

from utils import calibration


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 200), st.integers(1, 20))
def test_the_error_is_torchmetrics(seed, n, bins):
    rng = np.random.default_rng(seed)
    p, y = rng.random(n).astype(np.float32), rng.random(n) < 0.4
    other = BinaryCalibrationError(n_bins=bins, norm="l1")
    expected = float(other(torch.from_numpy(p), torch.from_numpy(y.astype(int))))
    assert calibration.expected_calibration_error(p, y, bins) == pytest.approx(expected, abs=1e-5)


@given(st.integers(0, 10_000))
def test_every_prediction_is_in_one_bin(seed):
    rng = np.random.default_rng(seed)
    p = np.concatenate([rng.random(50), [0.0, 1.0]])
    found = calibration.reliability(p, p > 0.5)
    assert found.count.sum() == 52 and (found.count > 0).all()
    assert (np.diff(found.claimed) > 0).all()
    assert float((found.claimed * found.count).sum()) == pytest.approx(p.sum())


def test_honest_probabilities_have_a_small_error_and_boasts_a_large_one():
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    y = rng.random(20_000) < p
    assert calibration.expected_calibration_error(p, y) < 0.02
    assert calibration.expected_calibration_error(p**0.25, y) > 0.2


def test_a_temperature_is_found_again_and_changes_no_answer():
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (6_000, 5))
    chances = np.exp(log_softmax(logits, axis=1))
    targets = np.array([rng.choice(5, p=row) for row in chances])
    assert calibration.temperature(logits, targets) == pytest.approx(1, abs=0.05)
    assert calibration.temperature(3 * logits, targets) == pytest.approx(3, abs=0.15)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: calibration.reliability([0.5], [1, 0]), "same length"),
        (lambda: calibration.reliability([], []), "same length"),
        (lambda: calibration.reliability([0.5], [1], bins=0), "at least one bin"),
        (lambda: calibration.reliability([3.2], [1]), "were logits given"),
        (lambda: calibration.temperature([[1.0, 2.0]], [0, 1]), "N labels"),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
