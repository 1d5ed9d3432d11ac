"""The fast colour net: its whitening layer against the definition, its start, its sizes."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from utils.arithmetic import count_parameters
from utils.models.fast_cifar import SCALE, FastCifarNet, whitening_filters


def photographs(count=200, seed=0):
    """Smooth random colour pictures, (count, 3, 32, 32) uint8."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 6, 6, generator=generator)
    fine = F.interpolate(coarse, size=32, mode="bicubic")
    noise = 0.05 * torch.rand(count, 3, 32, 32, generator=generator)
    return ((fine + noise).clamp(0, 1) * 255).to(torch.uint8)


def standard(images):
    x = images.float() / 255
    return (x - x.mean(dim=(0, 2, 3), keepdim=True)) / x.std(dim=(0, 2, 3), keepdim=True)


def test_answers_to_patches_are_uncorrelated_with_unit_variance():
    images = standard(photographs())
    answers = F.conv2d(images, whitening_filters(images, epsilon=0.0))
    covariance = np.cov(answers.transpose(0, 1).flatten(1).double().numpy())
    np.testing.assert_allclose(covariance, np.eye(12), atol=2e-3)


def test_filters_come_by_falling_variance_and_epsilon_quiets_the_last():
    images = standard(photographs())
    filters = whitening_filters(images, epsilon=0.01)
    assert filters.shape == (12, 3, 2, 2)
    length = filters.flatten(1).norm(dim=1)
    assert (length.diff() > -1e-5).all()
    answers = F.conv2d(images, filters).transpose(0, 1).flatten(1)
    spread = answers.var(dim=1)
    assert (spread.diff() < 1e-4).all() and spread[0] > 0.95 and spread[-1] < 0.9


@pytest.mark.parametrize("shape", [(3, 32, 32), (2, 1, 32, 32), (2, 3, 1, 5)])
def test_other_images_are_refused(shape):
    with pytest.raises(ValueError, match="at least 2 x 2"):
        whitening_filters(torch.zeros(shape))


def test_prepare_reads_uint8_and_floats_alike_and_freezes_the_first_layer():
    images = photographs()
    model = FastCifarNet(width=8).prepare(images)
    other = FastCifarNet(width=8).prepare(images.float() / 255)
    torch.testing.assert_close(model.whiten.weight, other.whiten.weight)
    torch.testing.assert_close(model.whiten.weight[12:], -model.whiten.weight[:12])
    x = (images.float() / 255 - model.mean) / model.std
    torch.testing.assert_close(x.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(x.std(dim=(0, 2, 3)), torch.ones(3), atol=1e-4, rtol=0)
    assert not model.whiten.weight.requires_grad
    assert {"mean", "std", "whiten.weight"} <= set(model.state_dict())


def test_learned_parameters_written_out():
    widths = (24, 32, 64, 128)
    learned = sum(9 * a * b + 9 * b * b + 4 * b for a, b in itertools.pairwise(widths))
    assert count_parameters(FastCifarNet(), trainable_only=True) == learned + 129 * 10


def test_convolutions_start_as_the_identity_on_what_comes_in():
    torch.manual_seed(0)
    first, second = (layer for layer in FastCifarNet(width=32).blocks[0] if _is_conv(layer))
    x = torch.randn(2, 24, 9, 9)
    torch.testing.assert_close(first(x)[:, :24], x)
    assert first.weight[24:].std() > 0
    x = torch.randn(2, 32, 9, 9)
    torch.testing.assert_close(second(x), x)


def _is_conv(layer):
    return isinstance(layer, nn.Conv2d)


def test_logits_are_scaled_and_of_the_right_shape():
    torch.manual_seed(0)
    model = FastCifarNet(width=4, num_classes=8).prepare(photographs(50)).eval()
    x = torch.rand(3, 3, 32, 32)
    with torch.no_grad():
        z = model.activation(model.whiten((x - model.mean) / model.std))
        z = model.blocks(z)
        assert z.shape == (3, 16, 3, 3)
        torch.testing.assert_close(model(x), SCALE * model.fc(z.amax(dim=(2, 3))))
