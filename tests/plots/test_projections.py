"""Projections made visible: zero is grey, the strong are bright, tiles keep their proportions."""

import numpy as np
import pytest
import torch

from utils import plots
from utils.plots import projections


def test_zero_is_mid_grey_and_signs_are_kept():
    signal = torch.zeros(3, 20, 20)
    signal[0, 10, 10], signal[1, 5, 5] = 3.0, -2.0
    seen = projections.stretch(signal, (0, 0, 20, 20), blur=0)
    assert seen.shape == (20, 20, 3)
    assert (seen == 0.5).sum() == 20 * 20 * 3 - 2
    assert seen[10, 10, 0] > 0.5 > seen[5, 5, 1]
    assert 0 <= seen.min() and seen.max() <= 1


def test_only_the_window_counts():
    signal = torch.randn(3, 30, 30, generator=torch.manual_seed(0))
    loud = signal.clone()
    loud[:, :5] = 1000.0  # outside
    window = (8, 10, 25, 28)
    assert np.array_equal(projections.stretch(signal, window), projections.stretch(loud, window))
    assert projections.stretch(signal, window).shape == (17, 18, 3)


def test_scale_does_not_matter_but_outliers_do_not_hide_the_rest():
    signal = torch.randn(3, 40, 40, generator=torch.manual_seed(1))
    window = (0, 0, 40, 40)
    seen = projections.stretch(signal, window, blur=0)
    assert np.allclose(seen, projections.stretch(50 * signal, window, blur=0))
    spiked = signal.clone()
    spiked[0, 0, 0] = 1e6
    assert np.abs(projections.stretch(spiked, window, blur=0) - seen).mean() < 0.01
    assert (projections.stretch(torch.zeros(3, 9, 9), (0, 0, 9, 9)) == 0.5).all()


def test_nine_tiles_in_reading_order():
    tiles = [np.full((5, 5, 3), number / 10) for number in range(9)]
    tiles[4] = np.full((20, 10, 3), 0.4)  # cut at a border: narrower, in the middle of its place
    block = projections.nine(tiles, gap=2)
    step = projections.TILE + 2
    assert block.shape == (3 * projections.TILE + 4, 3 * projections.TILE + 4, 3)
    for number in range(9):
        row, column = divmod(number, 3)
        centre = block[row * step + projections.TILE // 2, column * step + projections.TILE // 2]
        assert centre == pytest.approx([round(255 * number / 10)] * 3, abs=1)
    assert (block[step + projections.TILE // 2, step + 2] == 255).all()
    with pytest.raises(ValueError, match="nine tiles"):
        projections.nine(tiles[:8])


def test_top_nine_draws_projections_above_patches():
    signals = [torch.randn(9, 3, 32, 32) for _ in range(2)]
    images = [torch.randint(0, 256, (9, 3, 32, 32), dtype=torch.uint8) for _ in range(2)]
    windows = [[(0, 0, 16, 16)] * 9] * 2
    figure = projections.top_nine(signals, images, windows, ["map 1", "map 2"], "found")
    axes = [a for a in figure.axes if a.get_visible()]
    assert [a.get_title() for a in axes] == ["map 1", "map 2", "", ""]
    patch = axes[2].images[0].get_array()[: projections.TILE, : projections.TILE]
    assert abs(patch.mean() - images[0][0][:, :16, :16].float().mean().item()) < 6


def test_heat_lies_where_the_squares_were():
    figure, axes = plots.subplots()
    heat = torch.rand(4, 5)
    photo = torch.zeros(3, 60, 80, dtype=torch.uint8)
    drawn = projections.heat_over(photo, heat, corner=(10, 12), step=(8, 9), axes=axes)
    left, right, bottom, top = drawn.get_extent()
    assert (left, top) == (12 - 4.5, 10 - 4)
    assert (right, bottom) == (12 - 4.5 + 45, 10 - 4 + 32)
    assert axes.get_xlim() == (0, 80) and axes.get_ylim() == (60, 0)
    assert figure.axes
