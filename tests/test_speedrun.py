"""Crops, flips, smooth targets and averaged views against their definitions."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from utils import speedrun, training
from utils.models import FastCifarNet


def test_crops_are_windows_of_the_padded_image_half_of_them_mirrored():
    torch.manual_seed(0)
    images = torch.rand(300, 2, 6, 6)
    moved = speedrun.crop_and_flip(images, padding=2)
    assert moved.shape == images.shape
    padded = F.pad(images, [2] * 4)
    seen, mirrored = set(), 0
    for image, field in zip(moved, padded, strict=True):
        places = [
            (top, left, flip)
            for top in range(5)
            for left in range(5)
            for flip in (False, True)
            for window in [field[:, top : top + 6, left : left + 6]]
            if torch.equal(image, window.flip(2) if flip else window)
        ]
        assert len(places) == 1
        seen.add(places[0][:2])
        mirrored += places[0][2]
    assert len(seen) == 25
    assert 110 < mirrored < 190


def test_reflected_borders_bring_no_new_values():
    torch.manual_seed(0)
    image = torch.arange(1.0, 37).reshape(1, 1, 6, 6)
    for _ in range(20):
        assert set(speedrun.crop_and_flip(image, 2, "reflect").flatten().tolist()) <= set(
            image.flatten().tolist()
        )


def test_smoothed_loss_written_out():
    torch.manual_seed(0)
    logits, labels = torch.randn(5, 4), torch.tensor([0, 3, 1, 1, 2])
    targets = torch.full((5, 4), 0.1 / 4)
    targets[range(5), labels] += 0.9
    expected = -(targets * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(speedrun.smoothed_loss(logits, labels), expected)
    with pytest.raises(ValueError, match=r"smoothing is 1\.5"):
        speedrun.smoothed_loss(logits, labels, 1.5)


def test_flipped_logits_do_not_care_which_way_an_image_looks():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 4)).eval()
    images = torch.randint(0, 256, (7, 3, 8, 8), dtype=torch.uint8)
    one = speedrun.flipped_logits(model, images, batch_size=3)
    assert one.shape == (7, 4)
    torch.testing.assert_close(one, speedrun.flipped_logits(model, images.flip(3)))
    x = images.float() / 255
    torch.testing.assert_close(one, (model(x) + model(x.flip(3))).detach() / 2)


def test_a_fast_training_learns():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(192) % 3
    images = torch.randint(0, 60, (192, 3, 32, 32), generator=generator, dtype=torch.uint8)
    images[torch.arange(192), labels] += 90  # red, green or blue
    training.set_seed(0)
    model = FastCifarNet(width=4, num_classes=3).prepare(images)
    history = speedrun.train_fast(
        model, (images, labels), epochs=3, batch_size=32, device="cpu", progress=False, guards=False
    )
    assert history.train_loss[-1] < history.train_loss[0]
    right = speedrun.flipped_logits(model, images).argmax(1) == labels
    assert right.float().mean() > 0.9
