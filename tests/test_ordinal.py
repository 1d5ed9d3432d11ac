"""Ordinal regression against coral-pytorch, against sums written out, and against the theorem."""

import math

import pytest
import torch
from coral_pytorch import dataset as reference
from coral_pytorch.layers import CoralLayer
from coral_pytorch.losses import coral_loss
from hypothesis import given, settings
from hypothesis import strategies as st

from utils import ordinal
from utils.ordinal import (
    CoralHead,
    OrdinalHead,
    extend_labels,
    mean_absolute_error,
    ordinal_loss,
    predict_rank,
    rank_inconsistencies,
    root_mean_squared_error,
    task_importance,
)

few = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def batches(draw):
    """Labels of up to 12 examples with logits, for 2 to 12 ranks."""
    ranks, count = draw(st.integers(2, 12)), draw(st.integers(1, 12))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    labels = torch.randint(0, ranks, (count,), generator=generator)
    size = draw(st.sampled_from([0.1, 3.0, 60.0]))
    return labels, size * torch.randn(count, ranks - 1, generator=generator), ranks


@few
@given(batches())
def test_levels_loss_and_labels_equal_coral_pytorch(batch):
    labels, logits, ranks = batch
    levels = reference.levels_from_labelbatch(labels, num_classes=ranks)
    assert torch.equal(extend_labels(labels, ranks), levels)
    weights = torch.rand(ranks - 1, generator=torch.Generator().manual_seed(ranks))
    for importance in (None, weights):
        expected = coral_loss(logits, levels, importance_weights=importance)
        torch.testing.assert_close(
            ordinal_loss(logits, levels, importance), expected, rtol=1e-6, atol=1e-6
        )
    found = reference.proba_to_label(torch.sigmoid(logits.double()))
    assert torch.equal(predict_rank(logits), found)


def test_head_equals_coral_pytorchs_layer():
    ours, theirs = CoralHead(7, 9), CoralLayer(7, 9)
    with torch.no_grad():
        ours.weight.weight.copy_(theirs.coral_weights.weight)
        ours.bias.copy_(theirs.coral_bias)
    features = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(features), theirs(features), rtol=1e-6, atol=1e-6)


@few
@given(batches())
def test_a_label_is_what_its_levels_predict(batch):
    labels, _, ranks = batch
    certain = 20 * (2 * extend_labels(labels, ranks) - 1)
    assert torch.equal(predict_rank(certain), labels)
    assert not rank_inconsistencies(certain).any()
    assert ordinal_loss(certain, extend_labels(labels, ranks)) < 1e-6


@few
@given(batches())
def test_two_softmax_units_are_one_sigmoid_of_their_difference(batch):
    labels, _, ranks = batch
    torch.manual_seed(ranks)
    head = OrdinalHead(6, ranks)
    features = torch.randn(len(labels), 6)
    levels = extend_labels(labels, ranks)
    units = head.units(features).view(len(labels), ranks - 1, 2)
    by_hand = torch.nn.functional.cross_entropy(
        units.flatten(0, 1), levels.long().flatten(), reduction="sum"
    )
    torch.testing.assert_close(
        ordinal_loss(head(features), levels), by_hand / len(labels), rtol=1e-5, atol=1e-6
    )
    yes = units.softmax(2)[..., 1]
    assert torch.equal(predict_rank(head(features)), (units[..., 1] > units[..., 0]).sum(1))
    torch.testing.assert_close(torch.sigmoid(head(features)), yes)


@few
@given(st.integers(2, 40), st.floats(0.5, 20), st.integers(0, 1000))
def test_ordered_biases_never_contradict_themselves(ranks, span, seed):
    generator = torch.Generator().manual_seed(seed)
    head = CoralHead(5, ranks, span=span)
    logits = head(100 * torch.randn(50, 5, generator=generator))
    assert not rank_inconsistencies(logits).any()
    if ranks > 2:
        with torch.no_grad():
            head.bias[1] = head.bias[0] + 1
        assert (rank_inconsistencies(head(torch.zeros(3, 5))) >= 1).all()


def test_the_optimum_has_ordered_biases_and_exchanging_two_costs():
    generator = torch.Generator().manual_seed(11)
    labels = torch.arange(6).repeat(20)
    features = torch.randn(120, 3, generator=generator, dtype=torch.float64)
    features[:, 0] += 0.4 * labels
    levels = extend_labels(labels, 6).double()
    weights = task_importance(labels, 6).double() * torch.tensor([1.0, 0.2, 1.0, 0.1, 1.0])
    head = CoralHead(3, 6).double()
    optimizer = torch.optim.LBFGS(
        head.parameters(),
        max_iter=500,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-9,
        tolerance_change=0,
    )

    def closure():
        optimizer.zero_grad()
        loss = ordinal_loss(head(features), levels, weights)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert max(p.grad.abs().max() for p in head.parameters()) < 1e-6
    assert (head.bias[:-1] > head.bias[1:]).all()
    best = closure().item()
    for k in range(4):
        swapped = head.bias.detach().clone()
        swapped[[k, k + 1]] = swapped[[k + 1, k]]
        logits = head.weight(features).detach() + swapped
        assert ordinal_loss(logits, levels, weights).item() > best


@few
@given(batches())
def test_moving_one_of_two_crossed_biases_onto_the_other_lowers_the_loss(batch):
    labels, logits, ranks = batch
    if ranks < 3 or not ((labels == 1).any()):
        return
    levels = extend_labels(labels, ranks).double()
    g = logits[:, :1].double().clamp(-8, 8)
    biases = torch.zeros(ranks - 1, dtype=torch.float64)
    biases[1] = 1.5  # question 1 crosses question 0, and somebody has the label between them
    crossed = ordinal_loss(g + biases, levels)
    raised, lowered = biases.clone(), biases.clone()
    raised[0], lowered[1] = biases[1], biases[0]
    assert min(ordinal_loss(g + raised, levels), ordinal_loss(g + lowered, levels)) < crossed


def test_parameters_and_starts_of_the_heads():
    def count(head):
        return sum(p.numel() for p in head.parameters())

    assert count(CoralHead(64, 50)) == 64 + 49
    assert count(OrdinalHead(64, 50)) == 2 * 49 * 65
    assert not CoralHead(4, 5).bias.any()
    torch.testing.assert_close(CoralHead(4, 5, span=3).bias, torch.tensor([3.0, 1, -1, -3]))
    zero = torch.zeros(1, 4)
    torch.testing.assert_close(OrdinalHead(4, 5, span=3)(zero)[0], torch.tensor([3.0, 1, -1, -3]))


def test_loss_at_start_and_far_out():
    levels = extend_labels(torch.tensor([0, 3, 9]), 10)
    assert ordinal_loss(torch.zeros(3, 9), levels).item() == pytest.approx(9 * math.log(2))
    wrong = ordinal_loss(1e4 * (1 - 2 * levels), levels)
    assert wrong.item() == pytest.approx(9e4)


@few
@given(batches())
def test_importance_by_counting(batch):
    labels, _, ranks = batch
    above = [sum(int(y > k) for y in labels.tolist()) for k in range(ranks - 1)]
    fuller = [max(s, len(labels) - s) for s in above]
    expected = [math.sqrt(m) / math.sqrt(max(fuller)) for m in fuller]
    assert task_importance(labels, ranks).tolist() == pytest.approx(expected, rel=1e-6)


def test_inconsistencies_are_counted_per_image():
    logits = torch.tensor([[3.0, 1, -1, -2], [1, 2, 0, 1], [0, 1, 2, 3], [5, 5, 5, 5]])
    assert rank_inconsistencies(logits).tolist() == [0, 2, 3, 0]


@few
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=30))
def test_errors(pairs):
    predictions, labels = (torch.tensor(column) for column in zip(*pairs, strict=True))
    mae = mean_absolute_error(predictions, labels)
    rmse = root_mean_squared_error(predictions, labels)
    assert mae == pytest.approx(sum(abs(a - b) for a, b in pairs) / len(pairs))
    assert rmse == pytest.approx(math.dist(*zip(*pairs, strict=True)) / math.sqrt(len(pairs)))
    assert rmse >= mae - 1e-9
    constant = torch.full_like(labels, labels.median())
    assert all(
        mean_absolute_error(constant, labels)
        <= mean_absolute_error(torch.full_like(labels, c), labels) + 1e-9
        for c in range(61)
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: extend_labels(torch.tensor([0, 5]), 5), r"0 to 5: 5 ranks are 0\.\.4"),
        (lambda: extend_labels(torch.tensor([-1]), 5), "-1 to -1"),
        (lambda: extend_labels(torch.tensor([1.0]), 5), "whole numbers"),
        (lambda: extend_labels(torch.tensor([[1]]), 5), "shape"),
        (lambda: extend_labels(torch.tensor([0]), 1), "at least 2"),
        (lambda: ordinal_loss(torch.zeros(2, 4), torch.zeros(2)), "extend_labels"),
        (lambda: ordinal_loss(torch.zeros(2, 4), torch.zeros(2, 4), torch.ones(5)), "4 questions"),
        (lambda: task_importance(torch.tensor([], dtype=torch.int64), 5), "no labels"),
        (lambda: CoralHead(0, 5), "at least 1 feature"),
        (lambda: OrdinalHead(5, 1), "at least 2 ranks"),
        (lambda: CoralHead(5, 5, span=-1), "span of 0 or more"),
        (lambda: mean_absolute_error(torch.zeros(2), torch.zeros(3)), "same length"),
        (lambda: root_mean_squared_error(torch.zeros(0), torch.zeros(0)), "at least 1"),
        (lambda: predict_rank(torch.tensor([[0.5, torch.nan]])), "1 of 2 values is NaN"),
        (lambda: predict_rank(torch.zeros(1, 2, 4)), r"give \(N, K-1\)"),
        (lambda: rank_inconsistencies(torch.zeros(4)), r"give \(N, K-1\)"),
    ],
)
def test_errors_say_what_to_do(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_public_names():
    assert set(ordinal.__all__) <= set(dir(ordinal))


@pytest.mark.parametrize("function", [ordinal.extend_labels, ordinal.task_importance])
def test_ranks_are_a_whole_number(function):
    with pytest.raises(TypeError, match="num_ranks"):
        function(torch.tensor([0, 1]), 2.5)
