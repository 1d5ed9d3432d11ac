"""Draws of labels, and heads on cached vectors."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from utils import transfer
from utils.models import TransferNet
from utils.models.transfer import describe


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(2, 5), st.integers(1, 6), st.integers(0, 50))
def test_a_draw_has_so_many_of_each_class_and_smaller_draws_lie_in_larger(classes, n, draw):
    generator = torch.Generator().manual_seed(draw)
    targets = torch.arange(classes).repeat(8)[torch.randperm(8 * classes, generator=generator)]
    large, small = transfer.drawn(targets, n + 1, draw), transfer.drawn(targets, n, draw)
    assert targets[small].bincount(minlength=classes).eq(n).all()
    assert len(set(small.tolist())) == len(small)
    assert set(small.tolist()) < set(large.tolist())
    assert torch.equal(small, transfer.drawn(targets, n, draw))


def test_too_few_pictures_are_said():
    with pytest.raises(ValueError, match="class 1 has 2 pictures: 3 cannot be drawn"):
        transfer.drawn(torch.tensor([0, 0, 0, 1, 1]), 3, 0)
    with pytest.raises(ValueError, match="at least 1 and 0"):
        transfer.drawn(torch.tensor([0, 1]), 0, 0)


def test_about_half_of_the_pictures_are_mirrored():
    torch.manual_seed(0)
    images = torch.rand(400, 1, 2, 3)
    turned = transfer.mirror_some(images)
    as_is = (turned == images).flatten(1).all(1)
    assert 140 < as_is.sum() < 260
    assert torch.equal(turned[~as_is], images[~as_is].flip(3))


def test_a_head_learned_on_vectors_is_the_head_of_the_frozen_net():
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(256, (24, 3, 32, 32), generator=generator, dtype=torch.uint8)
    targets = torch.arange(24) % 3
    images[targets == 1, 0] //= 4
    images[targets == 2, 2] //= 4
    net = TransferNet("squeezenet1_1", 3, side=32)
    net.trunk.requires_grad_(False).eval()
    vectors = describe(net.trunk, images)
    net.head = transfer.train_head(vectors, targets, 3, epochs=60, seed=0)
    from_vectors = transfer.probabilities(net.head, vectors)
    assert (from_vectors.argmax(1) == targets).all(), "colours are easy"
    assert torch.allclose(transfer.probabilities(net, images), from_vectors, atol=1e-4)
    assert torch.allclose(from_vectors.sum(1), torch.ones(24))


def test_fine_tuning_moves_the_trunk_less_than_the_head():
    generator = torch.Generator().manual_seed(2)
    images = torch.randint(256, (8, 3, 32, 32), generator=generator, dtype=torch.uint8)
    net = TransferNet("squeezenet1_1", 2, side=32)
    before = [p.detach().clone() for p in net.parameters()]
    quiet = dict(guards=False, progress=False)
    transfer.fine_tune(net, (images, torch.arange(8) % 2), epochs=2, seed=0, share=0.01, **quiet)
    moved = [
        float((p.detach() - q).abs().max()) for p, q in zip(net.parameters(), before, strict=True)
    ]
    assert all(m > 0 for m in moved[:2] + moved[-2:])
    assert max(moved[:-2]) < max(moved[-2:])


def test_probabilities_leave_the_mode_as_it_was():
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).train()
    transfer.probabilities(net, torch.zeros(2, 3, 2, 2, dtype=torch.uint8))
    assert net.training
