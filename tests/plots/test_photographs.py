"""A figure of photographs is stored as JPEG and keeps its checksum."""

import io

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from utils import plots
from utils.plots.photographs import as_photograph


@pytest.fixture
def figure():
    grey = np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)
    return plots.image_grid([grey, 255 - grey], titles=["a", "b"], title="Two", height=3)


def test_it_is_stored_as_a_jpeg_of_the_size_of_the_figure(figure):
    shown = as_photograph(figure)
    data, _ = DisplayFormatter().format(shown)
    assert set(data) == {"image/jpeg", "text/plain"}
    picture = Image.open(io.BytesIO(data["image/jpeg"]))
    width, height = figure.get_size_inches() * plots.DPI
    assert picture.format == "JPEG" and picture.size == (round(width), round(height))


def test_the_line_beside_it_is_the_checksum_of_the_figure(figure):
    data, _ = DisplayFormatter().format(as_photograph(figure))
    assert data["text/plain"] == plots.describe(figure)
    assert data["text/plain"].startswith('<Figure "Two": 2 axes, data ')


def test_the_picture_is_the_one_a_png_would_show(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    exact = np.asarray(Image.open(buffer).convert("RGB"), dtype=float)
    stored = np.asarray(Image.open(io.BytesIO(as_photograph(figure)._repr_jpeg_())), dtype=float)
    assert abs(stored - exact).mean() < 4


@pytest.mark.parametrize("quality", [0, 96])
def test_a_quality_out_of_range_is_refused(figure, quality):
    with pytest.raises(ValueError, match="choose 1 to 95; 90 keeps letters clean"):
        as_photograph(figure, quality)
