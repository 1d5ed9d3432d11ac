"""A classifier that takes images of any size, and the scenes it learns from."""

import torch

from utils import protocols


def test_scenes_of_a_draw():
    images, labels = protocols.scenes_with_one_object("test", 12, draw=1, side=48)
    assert images.shape == (12, 3, 48, 48) and images.dtype == torch.uint8
    assert labels.shape == (12,) and 0 <= labels.min() and labels.max() < 8
    other, _ = protocols.scenes_with_one_object("test", 12, draw=2, side=48)
    assert not torch.equal(images, other)


def test_the_classifier_learns_and_takes_any_size():
    images, labels = protocols.scenes_with_one_object("train", 160, side=64)
    classify = protocols.CropClassifier(images, labels, crop=48)
    for size in (48, 64):
        answer = classify(images[:40, :, :size, :size])
        assert answer.shape == (40, 8)
        torch.testing.assert_close(answer.sum(1), torch.ones(40, dtype=answer.dtype))
    right = (classify(images).argmax(1) == labels).double().mean()
    assert right > 0.3  # of what it learned from; guessing gives 0.13
