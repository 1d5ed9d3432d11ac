"""MNIST and Fashion-MNIST are what is known of them, and the record says what was loaded."""

import hashlib
import sys
import time
import types

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utils import fetch
from utils.datasets import (
    LOADERS,
    Data,
    Record,
    available,
    channel_statistics,
    class_names,
    load,
    normalise,
    split,
)

fast = settings(derandomize=True, deadline=None, max_examples=60)
COUNTS = {
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}


@pytest.fixture(scope="module")
def digits() -> dict[str, Data]:
    return {part: load("mnist", part, quiet=True) for part in ("train", "test")}


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_mnist_is_whole(digits):
    for part, counts in COUNTS.items():
        data = digits[part]
        assert data.images.shape == (sum(counts), 1, 28, 28) and data.images.dtype == torch.uint8
        assert data.targets.dtype == torch.int64 and data.images.is_contiguous()
        assert torch.bincount(data.targets).tolist() == counts
    assert digits["train"].targets[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert digits["test"].targets[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


@pytest.mark.parametrize(("part", "original"), [("train", "train"), ("test", "t10k")])
def test_mnist_is_bit_for_bit_the_original(digits, part, original):
    # Put the IDX header back: the SHA-256 is then that of the file its authors published.
    data = digits[part]
    published = fetch.manifest()["mnist-idx"]["files"]
    for kind, array in (
        ("images-idx3", data.images[:, 0].numpy()),
        ("labels-idx1", data.targets.numpy().astype(np.uint8)),
    ):
        lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
        content = bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()
        expected = published[f"mnist-idx/{original}-{kind}-ubyte"]["sha256"]
        assert hashlib.sha256(content).hexdigest() == expected


def test_mnist_loads_in_a_second(digits):
    start = time.process_time()
    load("mnist", "train", quiet=True)
    assert time.process_time() - start < 1.5


def test_the_record_is_one_line(capsys):
    data = load("mnist", "test")
    line = "mnist test: 10,000 images 1x28x28, committed (CC BY-SA 3.0)"
    assert capsys.readouterr().out == line + "\n"
    assert str(data.record) == line and repr(data) == f"<Data {line}>"
    load("mnist", "test", quiet=True)
    assert capsys.readouterr().out == ""


def test_loading_records_the_file(monkeypatch):
    monkeypatch.setattr(fetch, "files_used", set())
    load("mnist", "test", quiet=True)
    assert fetch.files_used == {(fetch.DATA / "mnist" / "test.npz").resolve()}


@pytest.mark.parametrize(
    ("part", "count", "whole"), [("train", 1000, 60_000), ("test", 200, 10_000)]
)
def test_embedded_fashion_is_balanced_and_says_that_it_is_a_part(part, count, whole, capsys):
    data = load("fashion-mnist", part, source="committed")
    assert torch.bincount(data.targets).tolist() == [count] * 10
    assert f"{10 * count:,} of {whole:,} images" in capsys.readouterr().out
    means, stds = channel_statistics(data.images)
    assert means[0] == pytest.approx(0.286, abs=0.004) and stds[0] == pytest.approx(
        0.353, abs=0.004
    )


def test_fashion_begins_with_an_ankle_boot():
    data = load("fashion-mnist", source="committed", quiet=True)
    assert data.targets[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert class_names("fashion-mnist")[int(data.targets[0])] == "ankle boot"


def test_fashion_never_takes_the_smaller_set_silently(empty_cache, capsys):
    assert "10,000 of 60,000" in str(load("fashion-mnist").record)
    with pytest.raises(fetch.DataError, match="run `course data fetch fashion-mnist`"):
        load("fashion-mnist", source="cached")
    assert available()["fashion-mnist"] == "committed in part: course data fetch fashion-mnist"
    assert not empty_cache.exists()


def test_fashion_takes_the_whole_set_when_it_is_there(empty_cache, monkeypatch, capsys):
    # A small whole set: IDX files as the original ones, under a manifest that knows them.
    tables = {"fashion-mnist": dict(fetch.manifest()["fashion-mnist"], files={})}
    folder = empty_cache / "fashion-mnist"
    folder.mkdir(parents=True)
    images = np.arange(3 * 28 * 28, dtype=np.uint32).reshape(3, 28, 28).astype(np.uint8)
    labels = np.array([2, 0, 1], np.uint8)
    for name in ("train", "t10k"):
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            shape = b"".join(length.to_bytes(4, "big") for length in array.shape)
            content = bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()
            file = f"fashion-mnist/{name}-{kind}-ubyte"
            (empty_cache / file).write_bytes(content)
            tables["fashion-mnist"]["files"][file] = {
                "sha256": hashlib.sha256(content).hexdigest(),
                "bytes": len(content),
            }
    monkeypatch.setattr(fetch, "manifest", lambda: tables)
    data = load("fashion-mnist")
    assert np.array_equal(data.images[:, 0].numpy(), images)
    assert data.targets.tolist() == labels.tolist()
    assert "cached" in capsys.readouterr().out
    (folder / "train-labels-idx1-ubyte").unlink()  # a set with a file short is no set
    with pytest.raises(fetch.DataError):
        load("fashion-mnist", source="cached")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: load("mnits"),
            "there is no data set 'mnits': there are .*cifar10, .*colour, .*mnist",
        ),
        (lambda: load("mnist", "validation"), "no split 'validation': it has 'train', 'test'"),
        (lambda: load("mnist", source="npm"), "no source 'npm': it has 'committed'"),
        (lambda: load("mnist", folder="here"), "mnist takes no folder"),
        (lambda: load("mnist", count=10), "mnist takes no option 'count': it takes none"),
        (lambda: load("fashion-mnist", "val"), "fashion-mnist has no split 'val'"),
        (lambda: load("colour", source="npm"), "colour is rendered and has no source"),
        (lambda: class_names("mnits"), "there is no data set"),
    ],
)
def test_unknown_arguments_are_answered_with_what_is_allowed(call, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        call()
    assert "\n" not in str(caught.value)


def made_of(split, count, *, shade=0):
    """A loader as a lecture's module would have it."""
    images = torch.full((count, 1, 2, 2), shade, dtype=torch.uint8)
    return Data(images, torch.zeros(count), Record("plain", split, "made", count, "none"))


def test_a_set_is_added_by_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "plain_sets", types.SimpleNamespace(made_of=made_of))
    monkeypatch.setitem(LOADERS, "plain", "plain_sets:made_of")
    data = load("plain", "test", count=3, shade=7, quiet=True)
    assert len(data) == 3 and data.images.unique().tolist() == [7]
    assert available()["plain"] == "rendered"
    with pytest.raises(ValueError, match="plain needs count="):
        load("plain")
    with pytest.raises(ValueError, match="no option 'size': it takes count, shade"):
        load("plain", count=1, size=2)
    with pytest.raises(ValueError, match="targets of plain are no classes"):
        class_names("plain")


# ---------------------------------------------------------------------------- Data


def numbered(count: int) -> Data:
    """Image i is all i; its target is i."""
    images = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 2, 3, 4)
    return Data(
        images.contiguous(), torch.arange(count), Record("numbers", "train", "made", count, "none")
    )


@fast
@given(st.integers(1, 40), st.data())
def test_subset_keeps_images_and_targets_together(count, draw):
    data = numbered(count)
    indices = draw.draw(st.lists(st.integers(0, count - 1), max_size=20))
    mask = torch.zeros(count, dtype=torch.bool)
    mask[indices] = True
    for chosen, expected in (
        (indices, indices),
        (torch.tensor(indices, dtype=torch.int64), indices),
        (np.array(indices, np.int64), indices),
        (mask, sorted(set(indices))),
        (slice(count // 2), list(range(count // 2))),
    ):
        part = data.subset(chosen)
        assert part.targets.tolist() == expected and len(part) == len(expected)
        assert part.images[:, 1, 2, 3].tolist() == expected
        assert (part.record.count, part.record.of) == (len(expected), count)


def test_subset_of_listed_targets():
    data = numbered(5)
    listed = Data(data.images, [{"boxes": i} for i in range(5)], data.record)
    assert listed.subset([4, 0]).targets == [{"boxes": 4}, {"boxes": 0}]
    assert listed.subset(slice(2, 4)).targets == [{"boxes": 2}, {"boxes": 3}]
    with pytest.raises(ValueError, match="one boolean an example"):
        data.subset([True, False])


@pytest.mark.parametrize(
    ("images", "targets"),
    [
        (torch.zeros(2, 1, 3, 3), torch.zeros(2)),
        (torch.zeros(2, 3, 3, dtype=torch.uint8), torch.zeros(2)),
        (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), torch.zeros(3)),
    ],
)
def test_data_refuses_what_is_no_data(images, targets):
    with pytest.raises(ValueError, match="give"):
        Data(images, targets, Record("x", "train", "made", 2, "none"))


@fast
@given(st.integers(2, 60), st.data(), st.integers(0, 2**31))
def test_split_parts_the_whole(count, draw, seed):
    data = numbered(count)
    size = draw.draw(st.integers(1, count - 1))
    train, validation = split(data, size, seed)
    assert len(validation) == size
    together = train.targets.tolist() + validation.targets.tolist()
    assert sorted(together) == list(range(count))
    assert train.targets.tolist() == sorted(train.targets.tolist())
    again = split(data, size, seed)[1]
    assert again.targets.tolist() == validation.targets.tolist()
    assert validation.record.split == "validation (from train)"


def test_split_differs_between_seeds_and_refuses_empty_parts(digits):
    data = digits["test"]
    drawn = [split(data, 1000, seed)[1].targets.tolist() for seed in (0, 1)]
    assert drawn[0] != drawn[1]
    for size in (0, -1, len(data)):
        with pytest.raises(ValueError, match="take between 1 and 9999"):
            split(data, size)


# ---------------------------------------------------------------------------- normalise


def test_statistics_of_mnist_are_the_known_ones(digits):
    mean, std = channel_statistics(digits["train"].images)
    assert round(mean[0], 4) == 0.1307 and round(std[0], 4) == 0.3081


@fast
@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 2**31))
def test_statistics_agree_with_numpy_and_normalise_uses_them(count, channels, seed):
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (count, channels, 5, 7), dtype=np.uint8)
    images = torch.from_numpy(pixels)
    mean, std = channel_statistics(images)
    unit = pixels.astype(np.float64) / 255
    assert mean == pytest.approx(unit.mean((0, 2, 3)).tolist(), abs=1e-12)
    assert std == pytest.approx(unit.std((0, 2, 3)).tolist(), abs=1e-12)
    before = images.clone()
    result = normalise(images)
    assert result.dtype == torch.float32 and torch.equal(images, before)
    assert result.mean((0, 2, 3)).abs().max() < 1e-5
    assert (result.std((0, 2, 3), correction=0) - 1).abs().max() < 1e-4
    from_floats = normalise(images.double() / 255)
    assert torch.allclose(result, from_floats, atol=1e-5)
    given_ones = normalise(images, mean, std)
    assert torch.equal(result, given_ones)


def test_normalise_leaves_given_floats_alone_and_takes_one_statistic_for_all():
    images = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    before = images.clone()
    result = normalise(images, mean=[0.5], std=[0.25])
    assert torch.equal(images, before)
    assert torch.allclose(result, (before - 0.5) / 0.25)


@pytest.mark.parametrize(
    ("images", "mean", "std", "sentence"),
    [
        (torch.zeros(3, 3), None, None, "give .N, C, H, W."),
        (torch.zeros(1, 3, 2, 2), [0.1, 0.2], [1.0], "2 values of mean for 3 channels"),
        (torch.zeros(1, 1, 2, 2), [0.0], None, "give positive values"),
    ],
)
def test_normalise_refuses_what_makes_no_sense(images, mean, std, sentence):
    with pytest.raises(ValueError, match=sentence):
        normalise(images, mean, std)
