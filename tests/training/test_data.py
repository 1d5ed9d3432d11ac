"""Data in memory: batches, order, shares."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.training import data
from utils.training.data import Samples, epoch_order, shares

CPU = torch.device("cpu")


@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.integers(1, 300), st.integers(1, 9), st.integers(1, 7))
def test_shares_part_the_batch_whatever_the_number_of_processes(count, world, accumulate):
    rows, weight, sizes = [], 0.0, []
    for rank in range(world):
        pieces = shares(count, rank, world, accumulate)
        assert 1 <= len(pieces) <= accumulate
        sizes.append(0)
        for piece, part in pieces:
            indices = range(count)[piece]
            assert indices
            weight += part
            if part:
                assert part == pytest.approx(len(indices) / count)
                rows.extend(indices)
                sizes[-1] += len(indices)
    assert rows == list(range(count))
    assert weight == pytest.approx(1.0)
    assert max(sizes) - min(sizes) <= 1


@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.integers(1, 200), st.integers(0, 2**32 - 1), st.integers(0, 50))
def test_order_is_a_permutation_that_seed_and_epoch_decide(count, seed, epoch):
    state = torch.get_rng_state()
    order = epoch_order(count, seed, epoch)
    assert sorted(order.tolist()) == list(range(count))
    assert torch.equal(order, epoch_order(count, seed, epoch))
    assert torch.equal(state, torch.get_rng_state())
    if count > 20:
        assert not torch.equal(order, epoch_order(count, seed, epoch + 1))


def test_bytes_are_scaled_and_floats_left_alone():
    images = torch.randint(0, 256, (6, 3, 4, 4), dtype=torch.uint8)
    inputs, targets = Samples((images, torch.arange(6)), CPU).batch(torch.tensor([5, 0]))
    assert torch.equal(inputs, images[[5, 0]].float() / 255)
    assert targets.tolist() == [5, 0]
    floats = torch.randn(6, 3, 4, 4)
    inputs, _ = Samples((floats, torch.arange(6)), CPU).batch(slice(1, 3))
    assert torch.equal(inputs, floats[1:3])
    assert inputs.is_contiguous(memory_format=torch.channels_last)


def test_a_data_object_a_numpy_pair_and_a_list_of_dicts_are_taken():
    images = np.zeros((4, 1, 5, 5), dtype=np.float64)
    samples = Samples((images, [0, 1, 2, 3]), CPU)
    assert samples.inputs.dtype == torch.float32
    assert samples.has_labels
    record = SimpleNamespace(split="test")
    targets = [{"boxes": torch.full((1, 4), i), "name": "x"} for i in range(4)]
    found = SimpleNamespace(images=torch.from_numpy(images), targets=targets, record=record)
    samples = Samples(found, CPU)
    assert samples.split == "test"
    _, batch = samples.batch(torch.tensor([2, 1]))
    assert [int(target["boxes"][0, 0]) for target in batch] == [2, 1]
    assert len(samples.batch(slice(1, 9))[1]) == 3
    assert samples.take(torch.tensor([3])).split == "test"


@pytest.mark.parametrize(
    ("pair", "error", "message"),
    [
        ((torch.zeros(3, 1, 2, 2), torch.zeros(4)), ValueError, "3 inputs and 4 targets"),
        ((torch.zeros(0, 1, 2, 2), torch.zeros(0)), ValueError, "at least one"),
        ((torch.zeros(3, 2, dtype=torch.int64), torch.zeros(3)), ValueError, "int64"),
        ((torch.zeros(3), torch.zeros(3)), ValueError, "shape"),
        (([torch.zeros(2)], torch.zeros(1)), TypeError, "one tensor"),
        (torch.zeros(3), TypeError, "pair"),
        ("mnist", TypeError, "pair"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(pair, error, message):
    with pytest.raises(error, match=message):
        Samples(pair, CPU)


def test_split_parts_the_data_and_depends_on_the_seed():
    samples = Samples((torch.arange(20.0).view(20, 1), torch.arange(20)), CPU)
    train, held_out = data.split(samples, 0.25, seed=1)
    assert len(held_out) == 5
    assert sorted([*train.targets.tolist(), *held_out.targets.tolist()]) == list(range(20))
    assert torch.equal(train.inputs.flatten().long(), train.targets)
    again = data.split(samples, 0.25, seed=1)[1]
    other = data.split(samples, 0.25, seed=2)[1]
    assert torch.equal(again.targets, held_out.targets)
    assert not torch.equal(other.targets, held_out.targets)
    for fraction in (0.0, 0.01, 0.99, 1.0, -1.0):
        with pytest.raises(ValueError, match="leaves at least one"):
            data.split(samples, fraction, seed=0)


def test_digest_notices_other_images_and_other_labels():
    images, labels = torch.rand(200, 1, 4, 4), torch.randint(0, 10, (200,))
    first = Samples((images, labels), CPU).digest()
    assert first == Samples((images.clone(), labels.clone()), CPU).digest()
    other = labels.clone()
    other[77] = (other[77] + 1) % 10
    assert first != Samples((images, other), CPU).digest()
    assert first != Samples((images * 0.5, labels), CPU).digest()
    assert first != Samples((images[:199], labels[:199]), CPU).digest()
