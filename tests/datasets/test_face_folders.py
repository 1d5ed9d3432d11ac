"""Face sets from a folder: what is read, what is skipped, and what is said about it."""

import os
import unicodedata
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from utils.datasets import Data, face_folders, load
from utils.datasets.face_folders import SETS, SIZE, read_picture, read_splits, survey
from utils.fetch import DataError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def picture(path, shade=120, size=(40, 50)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, shade // 2, 0)).save(path, format="JPEG")
    return path


def named(name, age, number):
    """A picture's path as its owners name it."""
    return {
        "utkface": f"{age}_{number % 2}_{number % 5}_2017011616{number:04}.jpg.chip.jpg",
        "afad": f"{age}/{111 + number % 2}/{400 + number}-0.jpg",
        "morph2": f"{9000 + number:06}_{number % 12}{'MF'[number % 2]}{age}.JPG",
        "cacd": f"{age}_Some_O'Body-{number}_{number:04}.jpg",
    }[name]


def fill(folder, name, count=10):
    """Pictures of the first ages of a set, `count` of them."""
    for number in range(count):
        age = SETS[name].youngest + number
        picture(folder / named(name, age, number), shade=20 * number + 20)
    return folder


def csv_files(folder, name, parts, ranks=None, column=None):
    """CSV files as the authors write them, for numbers of pictures in each part."""
    known = SETS[name]
    folder.mkdir(parents=True, exist_ok=True)
    for part, numbers in parts.items():
        lines = [f",{column or known.column},age"]
        for number in numbers:
            tail = named(name, known.youngest + number, number)
            lines.append(f"{number},{tail},{(ranks or {}).get(number, number)}")
        (folder / f"{known.prefix}_{part}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


@pytest.fixture
def any_rows(monkeypatch):
    """Let the authors' files have any number of rows."""
    for name, known in SETS.items():
        monkeypatch.setitem(SETS, name, replace(known, rows={}))


@pytest.mark.parametrize("name", SETS)
def test_every_layout_is_read_and_split(name, tmp_path):
    folder = fill(tmp_path / "faces", name)
    train = load(name, folder=folder, quiet=True)
    test = load(name, "test", folder=folder, quiet=True)
    assert isinstance(train, Data) and (len(train), len(test)) == (8, 2)
    assert train.images.shape == (8, 3, SIZE, SIZE) and train.images.dtype == torch.uint8
    assert sorted([*train.targets.tolist(), *test.targets.tolist()]) == list(range(10))
    for data in (train, test):
        for shade, rank in zip(data.images[:, 0, 64, 64].tolist(), data.targets, strict=True):
            assert abs(shade - (20 * int(rank) + 20)) <= 4  # the picture of that very rank
    assert "80/20 split with seed 0, not the paper's" in train.record.source
    other = load(name, "test", folder=folder, seed=1, quiet=True)
    assert other.targets.tolist() != test.targets.tolist()


@pytest.mark.parametrize(("name", "ranks"), [("morph2", 55), ("afad", 26), ("utkface", 40)])
def test_ranks_of_the_paper(name, ranks):
    assert SETS[name].num_ranks == ranks


def test_pictures_are_mapped_and_need_no_copy_to_train(tmp_path, own_cache):
    folder = fill(tmp_path / "faces", "utkface")
    data = load("utkface", folder=folder, quiet=True)
    assert data.images.contiguous(memory_format=torch.channels_last).data_ptr() == (
        data.images.data_ptr()
    )
    before = {path: path.stat().st_mtime_ns for path in own_cache.rglob("pixels")}
    again = load("utkface", folder=folder, quiet=True)
    assert torch.equal(data.images, again.images)
    assert {path: path.stat().st_mtime_ns for path in own_cache.rglob("pixels")} == before
    data.images[0] = 0  # a private copy: the file stays as it was
    assert not torch.equal(load("utkface", folder=folder, quiet=True).images, data.images)


def test_a_changed_picture_is_read_again(tmp_path):
    folder = fill(tmp_path / "faces", "utkface")
    first = load("utkface", folder=folder, quiet=True).images.clone()
    for path in folder.iterdir():
        picture(path, shade=255, size=(60, 60))
    assert not torch.equal(load("utkface", folder=folder, quiet=True).images, first)


def test_what_is_not_as_it_should_be_is_counted_and_skipped(tmp_path, capsys):
    folder = fill(tmp_path / "faces", "utkface")
    picture(folder / "39_1_20170116174525125.jpg.chip.jpg")  # no race: there are three in UTKFace
    picture(folder / "no age.jpg")
    picture(folder / "5_0_0_20170116000000001.jpg.chip.jpg")  # a child
    picture(folder / "part2" / named("utkface", 21, 0))  # the same picture again
    (folder / "30_0_0_20170116000000002.jpg").mkdir()
    (folder / "31_0_0_20170116000000003.jpg").symlink_to(folder / "nowhere.jpg")
    (folder / "32_0_0_20170116000000004.jpg").write_bytes(b"no picture")
    picture(folder / "33_0_0_20170116000000005.jpg", size=(200, 200))
    whole = (folder / "33_0_0_20170116000000005.jpg").read_bytes()
    (folder / "33_0_0_20170116000000005.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "34_0_0_20170116000000006.jpg").touch()
    (folder / "._36_0_0_20170116000000006.jpg").touch()
    (folder / "notes.txt").write_text("mine")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "35_0_0_20170116000000007.jpg")  # must not be waited for
    found = survey("utkface", folder)
    assert len(found.pictures) == 13 and found.outside == 1
    assert len(found.malformed) == 2 and len(found.doubles) == 1
    assert len(found.strange) == 2 + hasattr(os, "mkfifo")
    assert "no age.jpg" in str(found) and "the paper's files name 16,434" in str(found)
    both = [load("utkface", part, folder=folder) for part in ("train", "test")]
    assert sum(len(data) for data in both) == 10
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 2
    assert "1 of other ages, 2 malformed, 1 double" in said
    assert sum("unreadable" in data.record.source for data in both) >= 1


@pytest.mark.parametrize("name", ["line\nbreak", "\x1b[31mred", "ünïcode", "a" * 200, "'; rm -rf"])
def test_hostile_names_stay_on_one_line(name, tmp_path):
    folder = fill(tmp_path / "faces", "cacd")
    picture(folder / f"{name}.jpg")
    picture(folder / f"20_{name}_0001.jpg")
    record = load("cacd", folder=folder, quiet=True).record
    assert len(str(record).splitlines()) == 1 and "\x1b" not in str(survey("cacd", folder))
    assert len(survey("cacd", folder).malformed) == 1 + ("\n" in name)


def test_names_that_are_no_text(tmp_path):
    folder = fill(tmp_path / "faces", "utkface")
    try:
        picture(folder / os.fsdecode(b"\xff\xfe.jpg"))
    except OSError:
        return  # this disk takes such names from nobody
    assert len(survey("utkface", folder).malformed) == 1
    print(load("utkface", folder=folder, quiet=True).record)


def _sixteen_bit(path):
    Image.fromarray(np.full((40, 40), 65_535, dtype=np.uint16)).save(path)


def _grey(path):
    Image.new("L", (40, 40), 255).save(path)


def _palette(path):
    Image.new("RGB", (40, 40), (255, 255, 255)).convert("P").save(path)


def _transparent(path):
    Image.new("RGBA", (40, 40), (255, 255, 255, 255)).save(path)


def _bilevel(path):
    Image.new("1", (40, 40), 1).save(path)


def _cmyk(path):
    Image.new("CMYK", (40, 40), (0, 0, 0, 0)).save(path, format="JPEG")


@pytest.mark.parametrize("write", [_sixteen_bit, _grey, _palette, _transparent, _bilevel, _cmyk])
def test_white_is_white_in_every_kind_of_file(write, tmp_path):
    path = tmp_path / "white.png"
    write(path)
    pixels = read_picture(path)
    assert pixels.shape == (SIZE, SIZE, 3) and pixels.dtype == np.uint8
    assert pixels.min() >= 250


def test_transparent_is_black_and_a_bomb_is_refused(tmp_path, monkeypatch):
    Image.new("RGBA", (40, 40), (255, 255, 255, 0)).save(tmp_path / "clear.png")
    assert read_picture(tmp_path / "clear.png").max() == 0
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match="exceeds limit"):
        read_picture(tmp_path / "clear.png")


def test_morph_is_cut_to_140_first(tmp_path):
    wide = np.zeros((240, 200, 3), dtype=np.uint8)
    wide[50:190, 30:170] = 200
    Image.fromarray(wide).save(tmp_path / "face.png")
    assert read_picture(tmp_path / "face.png", centre=140).min() == 200
    assert read_picture(tmp_path / "face.png").min() == 0
    assert SETS["morph2"].centre == 140


@pytest.mark.parametrize("name", SETS)
def test_the_authors_split_is_followed(name, tmp_path, any_rows):
    folder = fill(tmp_path / "faces", name)
    splits = csv_files(tmp_path / "csv", name, {"train": range(7), "test": [7, 9]})
    train = load(name, folder=folder, splits=splits, quiet=True)
    test = load(name, "test", folder=folder, splits=tmp_path, quiet=True)
    assert train.targets.tolist() == list(range(7)) and test.targets.tolist() == [7, 9]
    assert "the authors' split" in train.record.source and "80/20" not in train.record.source
    with pytest.raises(DataError, match=r"_valid\.csv"):
        load(name, "validation", folder=folder, splits=splits)


def test_other_endings_and_spellings_of_a_name_are_the_same_picture(tmp_path, any_rows):
    folder, splits = tmp_path / "faces", tmp_path / "csv"
    spelt = "24_Nicole_Röhm_0001.jpg"
    picture(folder / unicodedata.normalize("NFD", spelt))
    picture(folder / "25_Other_One_0002.JPG")
    splits.mkdir()
    (splits / "cacd_train.csv").write_text(f",file,age\n0,{spelt},10\n", "utf-8")
    (splits / "cacd_test.csv").write_text(",file,age\n0,25_Other_One_0002.jpg,11\n", "utf-8")
    assert load("cacd", folder=folder, splits=splits, quiet=True).targets.tolist() == [10]
    # MORPH-2's file has no column for the name: it is the index
    picture(tmp_path / "morph" / "009055_1M54.JPG")
    picture(tmp_path / "morph" / "009056_1F16.JPG")
    (splits / "morph2_train.csv").write_text(",id_num,age\n009055_1M54.jpg,9055,38\n", "utf-8")
    (splits / "morph2_test.csv").write_text(",id_num,age\n009056_1F16.jpg,9056,0\n", "utf-8")
    data = load("morph2", "test", folder=tmp_path / "morph", splits=splits, quiet=True)
    assert data.targets.tolist() == [0]


def test_a_broken_validation_file_is_named(tmp_path, any_rows):
    folder = fill(tmp_path / "faces", "afad", 26)
    parts = {"train": range(0, 13), "valid": [15, 17, 22, 24], "test": range(25, 26)}
    splits = csv_files(tmp_path / "csv", "afad", parts)
    record = load("afad", "validation", folder=folder, splits=splits, quiet=True).record
    assert "it holds only the ages 30, 32, 37, 39" in record.source


def test_every_fault_of_a_split_is_one_sentence(tmp_path):
    folder = fill(tmp_path / "faces", "utkface")
    cases = {
        "no folder": tmp_path / "nowhere",
        "no utk_train.csv": tmp_path / "faces",
        "has 7 rows where the authors' file has 13,147": csv_files(
            tmp_path / "few", "utkface", {"train": range(7), "test": [8]}
        ),
    }
    for words, splits in cases.items():
        with pytest.raises(DataError, match=words) as error:
            load("utkface", folder=folder, splits=splits)
        assert len(str(error.value).splitlines()) == 1


def test_splits_that_do_not_fit(tmp_path, any_rows):
    folder = fill(tmp_path / "faces", "utkface")

    def refused(words, **files):
        place = tmp_path / words[:8].replace(" ", "-")
        csv_files(place, "utkface", {"train": range(5), "test": [8]})
        for part, text in files.items():
            (place / f"utk_{part}.csv").write_bytes(text)
        with pytest.raises(DataError, match=words):
            load("utkface", folder=folder, splits=place)

    name = named("utkface", 22, 1).encode()
    refused("1 of the 1 pictures", test=b",file,age\n0,60_1_0_20170101000000001.jpg,39\n")
    refused("is in the train file and in the test", test=b",file,age\n0," + name + b",1\n")
    refused("has 22, not 1; the column `age` should", train=b",file,age\n0," + name + b",22\n")
    refused("the rank 40: UTKFace has ranks 0 to 39", train=b",file,age\n0," + name + b",40\n")
    refused("has the columns", test=b"a,b\n1,2\n")
    refused("no CSV file in UTF-8", test=b",file,age\n\xff\xfe")
    refused("such as ../../etc/passwd", test=b",file,age\n0,../../etc/passwd,1\n")
    (tmp_path / "two").mkdir()
    csv_files(tmp_path / "two" / "a", "utkface", {"train": range(5), "test": [8]})
    csv_files(tmp_path / "two" / "b", "utkface", {"train": range(4), "test": [8]})
    with pytest.raises(DataError, match=r"2 files below .* differ"):
        read_splits("utkface", tmp_path / "two")


def test_empty_wrong_and_missing_folders(tmp_path, own_cache):
    with pytest.raises(DataError, match=r"no folder .* for UTKFace"):
        load("utkface")
    with pytest.raises(DataError, match="no picture at all"):
        (tmp_path / "empty").mkdir()
        load("utkface", folder=tmp_path / "empty")
    picture(tmp_path / "wrong" / "IMG_0001.jpg")
    with pytest.raises(DataError, match=r"no picture named as those of AFAD.*IMG_0001"):
        load("afad", folder=tmp_path / "wrong")
    picture(tmp_path / "one" / named("utkface", 30, 1))
    with pytest.raises(DataError, match="one picture cannot be split"):
        load("utkface", folder=tmp_path / "one")
    broken = tmp_path / "broken"
    broken.mkdir()
    for number in range(4):
        (broken / named("utkface", 30 + number, number)).write_bytes(b"\xff\xd8 not really")
    with pytest.raises(DataError, match="none of the 3 pictures of UTKFace can be read"):
        load("utkface", folder=broken)
    fill(own_cache / "utkface", "utkface")
    assert len(load("utkface", quiet=True)) == 8  # where it is looked for without a folder
    with pytest.raises(ValueError, match="validation part"):
        load("utkface", "validation")
    with pytest.raises(ValueError, match="no split 'dev'"):
        load("utkface", "dev")
    with pytest.raises(ValueError, match="seed=-1"):
        load("utkface", seed=-1)


def test_no_room_and_a_cut_write_leave_nothing_half_done(tmp_path, own_cache, monkeypatch):
    folder = fill(tmp_path / "faces", "utkface")
    with monkeypatch.context() as patched:
        patched.setattr(face_folders.shutil, "disk_usage", lambda place: Free)
        with pytest.raises(DataError, match=r"8 pictures need 0.0 GB .* which has 0.0 GB"):
            load("utkface", folder=folder)

    def cut(path, centre):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(face_folders, "read_picture", cut)
        with pytest.raises(KeyboardInterrupt):
            load("utkface", folder=folder)
    assert not list(own_cache.rglob("pixels"))
    assert len(load("utkface", folder=folder, quiet=True)) == 8


class Free:
    free = 10


def test_one_odd_row_in_a_hundred_is_counted_and_the_file_is_right(tmp_path, any_rows):
    folder = tmp_path / "faces"
    lines = [",file,age"]
    for number in range(200):
        name = f"{21 + number % 40}_0_0_2017{number:05}.jpg.chip.jpg"
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"") if number > 3 else picture(folder / name)
        rank = number % 40 if number != 1 else 9
        lines.append(f"{number},{name},{rank}")
    lines.append("200,39_1_20170116174525125.jpg.chip.jpg,18")
    (tmp_path / "utk_train.csv").write_text("\n".join(lines), "utf-8")
    picture(folder / "22_0_0_20179999.jpg.chip.jpg")
    (tmp_path / "utk_test.csv").write_text(",file,age\n0,22_0_0_20179999.jpg.chip.jpg,1\n", "utf-8")
    data = load("utkface", folder=folder, splits=tmp_path, quiet=True)
    assert data.targets.tolist() == [0, 9, 2, 3]
    assert "1 malformed names in utk_train.csv" in data.record.source
    assert "1 ranks in utk_train.csv that differ from the names" in data.record.source


def test_the_owners_two_odd_names(tmp_path):
    folder = fill(tmp_path / "faces", "utkface")
    picture(folder / "24_0_1_20170116220224657 .jpg.chip.jpg")
    picture(folder / "55_0_0_20170116232725357jpg.chip.jpg")
    found = survey("utkface", folder)
    assert len(found.pictures) == 12 and not found.malformed
    assert found.pictures["55_0_0_20170116232725357"][1] == 34
