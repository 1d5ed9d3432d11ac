"""Figures: the checksum that notices stale pictures, and the drawing functions at their borders."""

import re

import matplotlib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from utils import plots
from utils.training import History

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _own_style():
    with matplotlib.rc_context():
        plots.use_style()
        yield


def draw(kind: str, values: np.ndarray) -> Figure:
    figure = Figure()
    axes = figure.add_subplot()
    if kind == "line":
        axes.plot(np.arange(values.size), values.ravel())
    elif kind == "image":
        axes.imshow(values)
    elif kind == "bars":
        axes.bar(np.arange(values.size), values.ravel())
    elif kind == "scatter":
        axes.scatter(values.ravel(), np.arange(values.size))
    elif kind == "colours":
        axes.scatter(np.arange(values.size), np.zeros(values.size), c=values.ravel())
    elif kind == "mesh":
        axes.pcolormesh(values)
    elif kind == "band":
        axes.fill_between(np.arange(values.size), values.ravel() - 1, values.ravel())
    elif kind == "segments":
        axes.hlines(np.arange(values.size), 0, values.ravel())
    return figure


KINDS = ("line", "image", "bars", "scatter", "colours", "mesh", "band", "segments")


def random_values(rng: np.random.Generator) -> np.ndarray:
    shape = (int(rng.integers(2, 20)), int(rng.integers(2, 20)))
    values = rng.normal(rng.choice([0.0, 1.0, 5.0]), 1.0, shape)
    if rng.random() < 0.3:
        values = np.maximum(values, 0)  # feature maps: many exact zeros
    if rng.random() < 0.2:
        values[:] = rng.normal()  # constant
    return values * 10.0 ** rng.integers(-4, 5)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 10**6))
def test_one_per_cent_more_changes_the_checksum(kind, seed):
    values = random_values(np.random.default_rng(seed))
    if not np.any(values):
        values[0, 0] = 1.0
    if kind == "band":
        values = values / np.abs(values).max() * 50  # the band's own width is 1
    before = plots.figure_checksum(draw(kind, values))
    assert plots.figure_checksum(draw(kind, values * 1.01)) != before


@settings(max_examples=60, deadline=None, derandomize=True)
@given(kind=st.sampled_from(("line", "image", "bars", "mesh")), seed=st.integers(0, 10**6))
def test_a_shift_by_two_per_cent_of_the_range_changes_the_checksum(kind, seed):
    values = random_values(np.random.default_rng(seed))
    values[0, 0] += 1 + abs(values[0, 0])
    moved = values + 0.02 * np.ptp(values)
    assert plots.figure_checksum(draw(kind, values)) != plots.figure_checksum(draw(kind, moved))


def test_the_order_of_the_values_counts():
    rng = np.random.default_rng(0)
    image = rng.random((28, 28))
    sums = {
        plots.figure_checksum(draw("image", picture))
        for picture in (image, image[::-1], image[:, ::-1], image.T)
    }
    assert len(sums) == 4


def test_noise_of_a_millionth_hardly_ever_changes_the_checksum():
    rng = np.random.default_rng(0)
    cases, flips = 6000, 0
    for _ in range(cases):
        values = random_values(rng)
        noisy = values * (1 + 1e-6 * rng.standard_normal(values.shape))
        flips += plots.fingerprint(values) != plots.fingerprint(noisy)
    assert flips <= 6, f"{flips} of {cases} checksums changed under rounding noise"


def test_round_numbers_lie_far_from_an_edge():
    noise = np.random.default_rng(1)
    for values in (
        np.linspace(0, 1, 11),
        np.eye(10),
        np.full((4, 4), 0.5),
        np.arange(12.0) - 5.5,
        np.array([1.0, 10, 100, 1000]),
        np.zeros(5),
    ):
        sums = {
            plots.fingerprint(values * (1 + 1e-9 * noise.standard_normal(values.shape)) + 1e-40)
            for _ in range(50)
        }
        assert len(sums) == 1, values


def test_a_mean_of_rounding_errors_counts_as_zero():
    values = np.sin(np.linspace(0, 2 * np.pi, 400, endpoint=False))
    shifted = values + 1e-12
    assert plots.figure_checksum(draw("line", values)) == plots.figure_checksum(
        draw("line", shifted)
    )


def test_checksum_is_stable_and_ignores_texts_and_colours():
    values = np.random.default_rng(0).random((5, 5))
    first, second = draw("image", values), draw("image", values)
    second.axes[0].set_title("another title")
    second.axes[0].text(1, 1, "a note")
    second.axes[0].images[0].set_cmap("gray")
    assert plots.figure_checksum(first) == plots.figure_checksum(second)
    first.canvas.draw()
    assert plots.figure_checksum(first) == plots.figure_checksum(second)


def test_missing_values_and_inset_axes_are_seen():
    values = np.ones((3, 3))
    holed = values.copy()
    holed[1, 1] = np.nan
    assert plots.figure_checksum(draw("image", values)) != plots.figure_checksum(
        draw("image", holed)
    )
    figure = draw("image", values)
    before = plots.figure_checksum(figure)
    figure.axes[0].inset_axes([0.5, 0.5, 0.4, 0.4]).plot([1, 2, 4])
    assert plots.figure_checksum(figure) != before


def test_describe_prefers_the_main_title():
    figure = draw("line", np.arange(4.0))
    figure.axes[0].set_title("of a panel", loc="left")
    assert re.fullmatch(r'<Figure "of a panel": 1 axes, data [0-9a-f]{6}>', plots.describe(figure))
    figure.suptitle("A finding\nin two lines")
    assert plots.describe(figure).startswith('<Figure "A finding in two lines": 1 axes, data ')


def test_use_style_registers_the_line_under_ipython():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    try:
        plots.use_style()
        figure = draw("line", np.arange(4.0))
        data, _ = shell.display_formatter.format(figure, include=["text/plain"])
        assert data["text/plain"] == plots.describe(figure)
    finally:
        InteractiveShell.clear_instance()


# --------------------------------------------------------------------------- the functions


def overlaps(texts, renderer) -> list[tuple[str, str]]:
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t.get_text()]
    return [
        (a, b)
        for i, (a, first) in enumerate(boxes)
        for b, second in boxes[i + 1 :]
        if first.overlaps(second)
    ]


def drawn(figure: Figure):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas.get_renderer()


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 8))
def test_names_of_curves_never_overlap(seed, count):
    rng = np.random.default_rng(seed)
    series = {f"network {n}": rng.random() * 0.1 + rng.random((3, 7)) * 0.01 for n in range(count)}
    figure = plots.curves(
        np.arange(7), series, "shift in pixels", "accuracy", "A finding", reference={"chance": 0.05}
    )
    renderer = drawn(figure)
    labels = figure.axes[0].texts
    assert len(labels) == count + 1
    assert overlaps(labels, renderer) == []
    box = figure.bbox
    assert all(t.get_window_extent(renderer).x1 <= box.x1 + 1 for t in labels)


def test_curves_draw_mean_and_band():
    runs = np.array([[1.0, 2, 3], [3.0, 4, 5]])
    figure = plots.curves([0, 1, 2], {"a": runs}, "x", "y", band="sd")
    axes = figure.axes[0]
    assert axes.lines[0].get_ydata().tolist() == [2, 3, 4]
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(4 + np.sqrt(2))
    with pytest.raises(ValueError, match="curve 'a' has 3 points, x has 2"):
        plots.curves([0, 1], {"a": runs}, "x", "y")
    with pytest.raises(ValueError, match="band"):
        plots.curves([0, 1, 2], {"a": runs}, "x", "y", band="sem")


def test_images_of_every_layout_are_the_same_picture():
    colour = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    chw = torch.from_numpy(colour).permute(2, 0, 1)
    assert np.array_equal(plots.as_picture(chw), colour)
    assert np.array_equal(plots.as_picture(colour), colour)
    assert np.array_equal(plots.as_picture(chw[:1]), colour[:, :, 0])
    assert np.array_equal(plots.as_picture(chw[0].to(torch.bfloat16)), colour[:, :, 0])
    with pytest.raises(ValueError, match=r"shape \(5, 6, 7\)"):
        plots.as_picture(np.zeros((5, 6, 7)))


def test_image_grid_shows_uint8_on_the_full_scale_and_checks_titles():
    images = torch.full((3, 1, 4, 4), 100, dtype=torch.uint8)
    figure = plots.image_grid(images, titles=["a", "b", "c"])
    assert figure.axes[0].images[0].get_clim() == (0, 255)
    with pytest.raises(ValueError, match="2 titles for 3 images"):
        plots.image_grid(images, titles=["a", "b"])
    with pytest.raises(ValueError, match="no image"):
        plots.image_grid([])


def test_feature_maps_share_a_scale_with_zero_in_place():
    maps = np.random.default_rng(0).normal(size=(1, 5, 4, 4))
    figure = plots.feature_maps(maps, "title")
    limits = {place.images[0].get_clim() for place in figure.axes if place.images}
    top = np.abs(maps).max()
    assert limits == {(-top, top)}
    positive = plots.feature_maps(np.abs(maps[0]))
    assert positive.axes[0].images[0].get_clim()[0] == 0
    with pytest.raises(ValueError, match="feature maps of shape"):
        plots.feature_maps(np.zeros((2, 3, 4, 4)))


def test_kernels_of_one_three_and_many_channels():
    rng = np.random.default_rng(0)
    single = plots.kernels(rng.normal(size=(4, 1, 3, 3)))
    assert len(single.axes[0].texts) == 9
    colour = plots.kernels(rng.normal(size=(4, 3, 5, 5)))
    assert colour.axes[0].images[0].get_array().shape == (5, 5, 3)
    assert (
        abs(
            float(plots.kernels(np.zeros((1, 3, 2, 2))).axes[0].images[0].get_array()[0, 0, 0])
            - 0.5
        )
        < 1e-12
    )
    many = plots.kernels(rng.normal(size=(2, 6, 5, 5)))
    assert sum(bool(place.images) for place in many.axes) == 12
    with pytest.raises(ValueError, match="a weight of shape"):
        plots.kernels(np.zeros((3, 3)))


def test_number_grids_draw_every_value_at_one_cell_size():
    grids = {"a": np.arange(6.0).reshape(2, 3), "b": torch.tensor([[-0.25, 0.0]])}
    figure = plots.number_grids(
        grids, "They stand side by side", signs=["→"], frames=[("a", 0, 1, 2, 2, 0)]
    )
    figure.draw_without_rendering()
    axes = figure.axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["a", *"012345", "→", "b", "\N{MINUS SIGN}0.25", "0"]
    for image, values in zip(axes.images, grids.values(), strict=True):
        np.testing.assert_allclose(image.get_array(), np.asarray(values))
        left, right, bottom, top = image.get_extent()
        assert (bottom - top, right - left) == np.asarray(values).shape
    assert len(axes.patches) == 1
    assert axes.get_aspect() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"grids": {"a": [1, 2]}}, r"'a' has the shape \(2,\)"),
        ({"grids": {"a": [[1]], "b": [[2]]}, "signs": ["+", "="]}, "2 signs for 2 grids"),
        ({"grids": {"a": [[1]]}, "frames": [("c", 0, 0, 1, 1, 0)]}, "the grids are a"),
        ({"grids": {"a": [[1]]}, "frames": [("a", 0, 0, 1, 2, 0)]}, "does not lie in 'a'"),
    ],
)
def test_number_grids_say_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        plots.number_grids(**arguments)


def table() -> dict:
    return {"epoch": [1, 2, 3], "train_loss": [3.0, 2, 1], "validation_metric": [0.1, 0.2, 0.3]}


def history() -> History:
    recorded = History(metric="accuracy", step_loss=[3.0, 3, 2, 2, 1, 1], seconds=[9.0, 9, 9])
    recorded.train_loss, recorded.validation_metric = [3.0, 2, 1], [0.1, 0.2, 0.3]
    return recorded


@pytest.mark.parametrize(
    ("histories", "curves"),
    [
        (history(), 1),
        (table(), 1),
        ({"a": history(), "b": table()}, 2),
        ({"a": [history(), history()]}, 1),
        ([history(), table()], 1),
    ],
)
def test_learning_curves_take_histories_of_every_form(histories, curves):
    figure = plots.learning_curves(histories)
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels[0] == "train loss" and labels[1] in ("validation accuracy", "validation metric")
    assert all(len(axes.lines) == curves for axes in figure.axes)
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1, 2, 3]


def test_learning_curves_by_step():
    figure = plots.learning_curves(history(), {"step_loss": "loss of a batch"}, xlabel="step")
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    assert figure.axes[0].get_ylabel() == "loss of a batch"


def test_learning_curves_of_unequal_length_and_missing_quantities():
    figure = plots.learning_curves({"a": {"loss": [3, 2, 1]}, "b": {"loss": [3, 2]}}, ["loss"])
    assert np.isnan(figure.axes[0].lines[1].get_ydata()[2])
    with pytest.raises(ValueError, match="'error' was not recorded"):
        plots.learning_curves(history(), ["error"])
    with pytest.raises(ValueError, match="is no history"):
        plots.learning_curves(3)


def test_bars_write_their_values():
    figure = plots.bars({"dense": 4026613760, "shared": 380}, "learned numbers", log=True)
    assert {text.get_text() for text in figure.axes[0].texts} == {"4,026,613,760", "380"}
    renderer = drawn(figure)
    assert all(t.get_window_extent(renderer).x1 <= figure.bbox.x1 for t in figure.axes[0].texts)


def test_probability_bars_sort_and_mark_the_truth():
    image = np.zeros((8, 8, 3), np.uint8)
    figure = plots.probability_bars(image, [0.1, 0.6, 0.3], ["ant", "bee", "cat"], top=2, truth=2)
    chart = figure.axes[1]
    assert [label.get_text() for label in chart.get_yticklabels()] == ["bee", "cat *"]
    assert [patch.get_width() for patch in chart.patches] == [0.6, 0.3]
    with pytest.raises(ValueError, match="3 probabilities an image and 2 names"):
        plots.probability_bars(image, [0.1, 0.6, 0.3], ["ant", "bee"])
    with pytest.raises(ValueError, match="1 images, 2 rows"):
        plots.probability_bars([image], np.ones((2, 2)) / 2, ["ant", "bee"])


def test_confusion_matrix_writes_counts_on_a_readable_ground():
    figure = plots.confusion_matrix(torch.tensor([[9, 1], [0, 10]]), ["cat", "dog"])
    assert sorted(text.get_text() for text in figure.axes[0].texts) == ["1", "10", "9"]
    with pytest.raises(ValueError, match="a confusion matrix of shape"):
        plots.confusion_matrix(np.zeros((2, 3)))


def test_table_can_be_walked_and_is_escaped():
    table = plots.html_table(
        [["C1 <conv>", 156, 0.5], ["C3", 2416, 1.25]], ["layer", "parameters", "share"], "Layers"
    )
    markup = table._repr_html_()
    assert "<caption" in markup and ">Layers</caption>" in markup
    assert markup.count('scope="col"') == 3 and markup.count('scope="row"') == 2
    assert "C1 &lt;conv&gt;" in markup and "2,416" in markup
    assert repr(table).splitlines()[1] == "layer      parameters  share"
    with pytest.raises(ValueError, match="a row of 1 cells under 2"):
        plots.html_table([["a"]], ["b", "c"], "d")


def contrast(colour) -> float:
    rgb = np.array(colour)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)


def test_label_colours_are_readable_and_the_diverging_map_survives_grey_print():
    assert all(contrast(plots.dark(colour)) >= 4.5 for colour in plots.PALETTE)
    colours = matplotlib.colormaps[plots.DIVERGING](np.linspace(0, 1, 101))[:, :3]
    grey = colours @ [0.299, 0.587, 0.114]
    assert np.all(np.diff(grey[:51]) > -1e-3) and np.all(np.diff(grey[50:]) < 1e-3)
    assert grey[-1] - grey[0] > 0.2, "both ends would print as the same grey"
