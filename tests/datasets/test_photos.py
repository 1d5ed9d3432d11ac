"""Photographs from installed packages: pictures, credits, crops."""

import numpy as np
import pytest
import skimage.data
import torch
from sklearn.datasets import load_sample_image

from utils.datasets import photos


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_colour_photographs_are_those_of_scikit_image(name):
    theirs = getattr(skimage.data, name)()
    ours = photos.photo(name)
    assert ours.dtype == torch.uint8
    assert np.array_equal(ours.permute(1, 2, 0).numpy(), theirs)


def test_grey_photographs_get_three_equal_channels():
    theirs = skimage.data.camera()
    assert photos.photo("camera").shape == (3, 512, 512)
    assert all(np.array_equal(channel.numpy(), theirs) for channel in photos.photo("camera"))


@pytest.mark.parametrize("name", ["china", "flower"])
def test_photographs_of_scikit_learn(name):
    theirs = load_sample_image(f"{name}.jpg")
    assert np.array_equal(photos.photo(name).permute(1, 2, 0).numpy(), theirs)


def test_every_photograph_opens_and_has_a_credit():
    assert photos.names() == sorted(photos.names())
    assert set(photos.BACKGROUNDS) < set(photos.names())
    for name in photos.names():
        picture, credit = photos.photo(name), photos.credit(name)
        assert picture.shape[0] == 3 and min(picture.shape[1:]) >= 300
        assert picture.float().std() > 10  # a picture, not a blank
        assert credit.author and credit.licence and credit.address.startswith("http")
        assert credit.author in str(credit) and credit.licence in str(credit)
        assert photos.is_grey(name) == bool((picture[0] == picture[2]).all())


def test_a_photograph_is_the_callers_to_change():
    photos.photo("coffee").zero_()
    assert photos.photo("coffee").any()


def test_unknown_photograph_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"no photograph is called 'lena'; there are .*chelsea"):
        photos.photo("lena")
