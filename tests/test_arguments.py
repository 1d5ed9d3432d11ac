"""Checks of arguments: what passes, and what the refusal says."""

import numpy as np
import pytest
import torch

from utils.arguments import check_no_nan, integer


@pytest.mark.parametrize("value", [3, np.int64(3), torch.tensor(3)])
def test_whole_numbers_pass(value):
    assert integer("count", value, at_least=3) == 3


@pytest.mark.parametrize("value", [2.5, 3.0, True, "3", None, [3], float("nan"), torch.tensor(3.5)])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(TypeError, match=r"count is .*: give an integer >= 1"):
        integer("count", value, at_least=1)


def test_numbers_that_are_too_small_are_refused():
    with pytest.raises(ValueError, match="count is -1: it must be >= 0"):
        integer("count", -1, at_least=0)


def test_nan_is_counted_and_named():
    check_no_nan(boxes=torch.zeros(2, 4), labels=torch.zeros(2, dtype=torch.int64))
    scores = torch.tensor([1.0, torch.nan, torch.nan])
    with pytest.raises(ValueError, match=r"scores: 2 of 3 values are NaN"):
        check_no_nan(boxes=torch.zeros(0, 4), scores=scores)
