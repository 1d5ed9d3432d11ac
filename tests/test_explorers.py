"""Explorers as text: deterministic, self-contained, refusing what they cannot show."""

import base64
import html
import json
import re

import numpy as np
import pytest
import torch

from utils import explorers

MAKERS = {
    "convolution-arithmetic": explorers.convolution_arithmetic,
    "sliding-window": lambda **keywords: explorers.sliding_window(np.eye(12), **keywords),
    "kernel-editor": lambda **keywords: explorers.kernel_editor(
        np.eye(12), alt="a line", **keywords
    ),
    "pooling": explorers.pooling,
    "receptive-field": explorers.receptive_field,
    "parameter-builder": explorers.parameter_builder,
    "shared-weight": explorers.shared_weight,
    "coral-thresholds": explorers.coral_thresholds,
    "overlap": explorers.overlap,
    "region-pooling": explorers.region_pooling,
}


def settings(explorer) -> dict:
    return json.loads(html.unescape(re.search(r'data-settings="([^"]*)"', explorer.markup)[1]))


@pytest.mark.parametrize("name", MAKERS)
def test_the_text_is_the_same_on_every_run_and_fetches_nothing(name):
    first, second = MAKERS[name](), MAKERS[name]()
    assert first._repr_html_() == second._repr_html_()
    addresses = set(re.findall(r"(?:https?:)?//[\w.]+\.\w+[^\s\"']*", first.markup))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert f'id="explorer-{name}"' in first.markup and f'data-explorer="{name}"' in first.markup
    assert len(first.markup) < 40_000
    assert repr(first) == first.text and "\n" not in first.text
    assert first.text in html.unescape(first.markup), "shown where scripts do not run"


@pytest.mark.parametrize("name", MAKERS)
def test_several_on_a_page_have_their_own_ids(name):
    assert f'id="explorer-{name}-2"' in MAKERS[name](number=2).markup
    with pytest.raises(ValueError, match="number is 0"):
        MAKERS[name](number=0)


def test_page_is_a_whole_document():
    page = explorers.page(explorers.pooling())
    assert page.startswith("<!DOCTYPE html>") and "data-explorer-page" in page
    assert "<title>Pooling forgives small shifts</title>" in page


def test_settings_of_convolution_arithmetic():
    explorer = explorers.convolution_arithmetic(8, 3, 1, 2, 2)
    assert settings(explorer) == {
        "size": 8, "kernel": 3, "padding": 1, "stride": 2, "dilation": 2
    }  # fmt: skip
    assert "output 3." in explorer.text
    assert "no output." in explorers.convolution_arithmetic(3, 5).text
    with pytest.raises(ValueError, match="size is 17: this explorer takes 1 to 16"):
        explorers.convolution_arithmetic(17)
    with pytest.raises(TypeError, match=r"kernel is 3\.0"):
        explorers.convolution_arithmetic(kernel=3.0)


def test_sliding_window_takes_tensors_floats_and_bytes():
    image = torch.randint(0, 256, (1, 9, 11), dtype=torch.uint8)
    conv = torch.nn.Conv2d(1, 1, 3)
    given = settings(explorers.sliding_window(image, conv.weight))
    assert (given["height"], given["width"]) == (9, 11)
    assert base64.b64decode(given["pixels"]) == image.numpy().tobytes()
    assert np.allclose(given["kernel"], conv.weight.detach().numpy()[0, 0], rtol=1e-5)
    floats = settings(explorers.sliding_window(image.float() / 255, conv.weight))
    assert floats["pixels"] == given["pixels"]
    with pytest.raises(ValueError, match="does not fit"):
        explorers.sliding_window(np.zeros((4, 4)), np.ones((5, 5)))
    with pytest.raises(ValueError, match="at most 32 pixels a side"):
        explorers.sliding_window(np.zeros((40, 40)))
    with pytest.raises(ValueError, match=r"a kernel of shape \(9, 9\)"):
        explorers.sliding_window(np.zeros((28, 28)), np.ones((9, 9)))


def test_defaults_are_a_digit_and_the_cat():
    digit = settings(explorers.sliding_window())
    assert (digit["height"], digit["width"], digit["kernel"][2]) == (28, 28, [-6, -12, 0, 12, 6])
    cat = explorers.kernel_editor()
    assert (settings(cat)["height"], settings(cat)["width"]) == (150, 225)
    assert len(cat.markup) < 80_000


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="preset is 'magic'"):
        explorers.kernel_editor(np.zeros((9, 9)), "magic", alt="nothing")
    with pytest.raises(ValueError, match="alt is missing"):
        explorers.kernel_editor(np.zeros((9, 9)))
    with pytest.raises(ValueError, match="kind is 'min'"):
        explorers.pooling(kind="min")
    with pytest.raises(ValueError, match="stack is 'tower'"):
        explorers.receptive_field("tower")


def test_presets_do_what_their_names_say():
    for name, (weights, divisor) in explorers.PRESETS.items():
        total = np.sum(weights) / divisor
        expected = 0 if "edges" in name or name == "outline" else 1
        assert total == expected, name


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: explorers.parameter_builder("VGG"), "network is 'VGG': choose one of LeNet-5"),
        (lambda: explorers.shared_weight(weights=[1, 2, 3]), "weights is .*: give 2 numbers"),
        (lambda: explorers.shared_weight(targets=[0, 99, 0]), "targets is .*: give 3 numbers"),
        (lambda: explorers.coral_thresholds([1.0]), "two to six biases"),
        (lambda: explorers.coral_thresholds(score=9), "from -8 to 8"),
        (lambda: explorers.coral_thresholds(method="CE"), "method is 'CE'"),
        (lambda: explorers.overlap([(0, 0, 5, 5, 0.5)]), "two to five boxes"),
        (lambda: explorers.overlap([(0, 0, 5, 5, 0.5), (5, 5, 4, 9, 0.4)]), "x1 < x2"),
        (lambda: explorers.overlap([(0, 0, 5, 5, 0.5), (1, 1, 4, 9, 0.5)]), "none twice"),
        (lambda: explorers.region_pooling((3, 3, 2, 5)), "x1 < x2 and y1 < y2, all from 0 to 8"),
        (lambda: explorers.no_such, "has no 'no_such'"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_a_sentence(make, sentence):
    with pytest.raises((ValueError, AttributeError), match=sentence):
        make()
