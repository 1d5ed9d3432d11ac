"""Sobel against its kernels, scores against rankings whose answer is known."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from utils.edges import best_f_score, outline_precision, sobel_strength


def test_sobel_against_scipy():
    images = torch.randint(0, 256, (3, 3, 11, 14), dtype=torch.uint8)
    for image, strength in zip(images, sobel_strength(images), strict=True):
        grey = image.float().mean(0).numpy()
        expected = np.hypot(
            ndimage.sobel(grey, 0, mode="nearest"), ndimage.sobel(grey, 1, mode="nearest")
        )
        assert np.allclose(strength.numpy(), expected, rtol=1e-4, atol=1e-3)


def test_a_ramp_has_the_slope_it_has():
    ramp = (3.0 * torch.arange(12)).view(1, 1, 1, 12).expand(1, 1, 9, 12)
    assert torch.allclose(sobel_strength(ramp)[:, :, 1:-1], torch.tensor(24.0))
    assert torch.allclose(sobel_strength(ramp, 1.0)[:, :, 5:-5], torch.tensor(24.0), atol=0.5)


def test_blur_forgets_noise():
    noise = torch.rand(1, 1, 40, 40, generator=torch.manual_seed(0))
    assert sobel_strength(noise, 2.0).mean() < 0.2 * sobel_strength(noise).mean()
    with pytest.raises(ValueError, match="sigma"):
        sobel_strength(noise, -1.0)


def test_scores_of_known_rankings():
    outlines = torch.zeros(1, 10, 10, dtype=torch.bool)
    outlines[0, :2] = True
    perfect = outlines.float() + 0.1 * torch.rand(1, 10, 10)
    assert outline_precision(perfect, outlines) == pytest.approx(1)
    assert best_f_score(perfect, outlines) == pytest.approx(1)
    flat = torch.ones(1, 10, 10)
    assert outline_precision(flat, outlines) == pytest.approx(0.2)
    assert best_f_score(flat, outlines) == pytest.approx(2 * 0.2 / 1.2)
    half = outlines.float()
    half[0, 2:4] = 1.0  # as many false as true
    assert outline_precision(half, outlines) == pytest.approx(0.5)
    assert best_f_score(half, outlines) == pytest.approx(2 * 0.5 / 1.5)
    assert outline_precision(7 * half - 3, outlines) == pytest.approx(0.5)  # any scale
