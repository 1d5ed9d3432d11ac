"""Imagenette from a made-up folder, against torchvision's own reader."""

import numpy as np
import pytest
import torch
from PIL import Image

from utils import fetch
from utils.datasets import class_names, imagenette, load

WORDS = imagenette.WORDNET_IDS


def write(folder, part, wordnet_id, name, colour, size=(40, 30)):
    path = folder / part / wordnet_id / f"{name}.JPEG"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, quality=95)
    return path


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "imagenette2-320"
    for label, wordnet_id in enumerate(WORDS):
        for number in range(3):
            write(root, "train", wordnet_id, f"{wordnet_id}_{number}", (20 * label, 50, 7 * number))
        write(root, "val", wordnet_id, f"ILSVRC2012_val_{label}", (250, 20 * label, 0))
    return tmp_path


def test_labels_and_colours_come_from_the_folders(folder, capsys):
    data = load("imagenette", folder=folder, size=24)
    assert data.images.shape == (30, 3, 24, 24)
    assert data.targets.tolist() == [label for label in range(10) for _ in range(3)]
    red = data.images[:, 0].float().mean(dim=(1, 2))
    torch.testing.assert_close(red, 20.0 * data.targets, rtol=0, atol=4)
    assert capsys.readouterr().out == (
        "imagenette train: 30 images 3x24x24, folder imagenette2-320 (Apache-2.0; photographs "
        "under their own terms)\n"
    )


def test_test_split_is_the_folder_val(folder):
    data = load("imagenette", "test", folder=folder, size=8, quiet=True)
    assert len(data) == 10
    green = data.images[:, 1].float().mean(dim=(1, 2))
    torch.testing.assert_close(green, 20.0 * torch.arange(10.0), rtol=0, atol=4)


def test_names_and_order_are_torchvisions(folder):
    from torchvision.datasets import Imagenette

    theirs = Imagenette(folder, split="train", size="320px")
    data = load("imagenette", folder=folder, size=30, quiet=True)
    assert theirs.wnids == list(WORDS)
    assert tuple(names[0] for names in theirs.classes) == class_names("imagenette")
    assert [label for _, label in theirs] == data.targets.tolist()
    middle = np.asarray(theirs[29][0])[:, 5:35]
    np.testing.assert_array_equal(data.images[29].permute(1, 2, 0).numpy(), middle)


def test_the_middle_square_is_kept_undistorted(tmp_path):
    picture = np.zeros((60, 100, 3), np.uint8)
    picture[:, 20:80] = 255  # exactly the middle square
    path = tmp_path / "train" / WORDS[0] / "a.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(picture).save(path)
    data = load("imagenette", folder=tmp_path, size=60, quiet=True)
    assert (data.images == 255).all()


@pytest.mark.parametrize("size", [(300, 500), (500, 300), (257, 256), (33, 71)])
def test_any_shape_gives_squares(tmp_path, size):
    write(tmp_path, "train", WORDS[3], "a", (1, 2, 3), size)
    data = load("imagenette", folder=tmp_path, size=256, quiet=True)
    assert data.images.shape == (1, 3, 256, 256)
    assert data.targets.tolist() == [3]


def test_images_are_channels_last_so_that_training_does_not_copy_them(folder):
    from utils.training.data import Samples

    data = load("imagenette", folder=folder, size=16, quiet=True)
    samples = Samples(data, torch.device("cpu"))
    assert samples.inputs.data_ptr() == data.images.data_ptr()


def test_a_limit_takes_as_many_of_each_class(folder):
    data = load("imagenette", folder=folder, size=8, limit=2, quiet=True)
    assert data.targets.bincount().tolist() == [2] * 10


def test_without_a_folder_it_looks_into_the_cache(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    with pytest.raises(fetch.DataError, match="imagenette"):
        load("imagenette")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "imagenette").symlink_to(folder, target_is_directory=True)
    assert len(load("imagenette", "test", size=8, quiet=True)) == 10


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(fetch.DataError, match="imagenette should be"):
        load("imagenette", folder=tmp_path)
    write(tmp_path, "train", "n09999999", "a", (1, 2, 3))
    with pytest.raises(fetch.DataError, match="holds no pictures in folders such as n01440764"):
        load("imagenette", folder=tmp_path)


def test_a_damaged_picture_is_named(folder):
    path = folder / "imagenette2-320" / "train" / WORDS[0] / "broken.JPEG"
    path.write_bytes(b"not a picture")
    with pytest.raises(fetch.DataError, match="is no readable picture"):
        load("imagenette", folder=folder, quiet=True)


@pytest.mark.parametrize("options", [{"size": 0}, {"limit": 0}])
def test_sizes_must_be_positive(folder, options):
    with pytest.raises(ValueError, match="positive whole numbers"):
        load("imagenette", folder=folder, **options)


def test_other_splits_are_refused(folder):
    with pytest.raises(ValueError, match="'train', 'test'"):
        load("imagenette", "val", folder=folder)
