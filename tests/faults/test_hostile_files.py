"""Folders and files that others made: pictures of every odd kind, lists that lie, code in pickles.

Each loader of a reader's folder meets 9 pictures that are none (refused or skipped by name) and 7
odd but whole ones (read, with the right colours); each list of labels 6 to 11 faults.
"""

import html.parser
import io
import json
import os
import pickle
import shutil
import warnings
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from utils import ROOT
from utils.course import look, main, notebooks, slides
from utils.datasets import face_folders, load, pictures
from utils.datasets.solar import read_labels
from utils.fetch import DataError

RED = (200, 40, 40)


def _bytes(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _noise(side: int = 96) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(values)


def _bomb() -> bytes:
    """A PNG of some hundred bytes that claims 60,000 x 60,000 pixels."""
    content = bytearray(_bytes(Image.new("L", (8, 8)), "PNG"))
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


def none_at_all() -> dict[str, bytes]:
    """Files named as pictures are, of which nothing can be read."""
    jpeg, png = _bytes(_noise(), "JPEG"), _bytes(_noise(), "PNG")
    return {
        "no bytes": b"",
        "a word": b"no picture",
        "half a JPEG": jpeg[: len(jpeg) // 2],
        "a JPEG's first ten bytes": jpeg[:10],
        "half a PNG": png[: len(png) // 2],
        "a PNG with a byte flipped": png[:60] + bytes([png[60] ^ 1]) + png[61:],
        "a bomb": _bomb(),
        "a script": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "a pickle": pickle.dumps([1]),
    }


def odd_ones() -> dict[str, bytes]:
    """Whole pictures of one colour in unusual form; `RED`, or grey where there is no colour."""
    plain = Image.new("RGB", (96, 96), RED)
    other = Image.new("RGB", (96, 96), (0, 0, 255))
    return {
        "palette": _bytes(plain.convert("P", palette=Image.Palette.ADAPTIVE), "PNG"),
        "animated": _bytes(plain, "PNG", save_all=True, append_images=[other]),
        "animated GIF": _bytes(plain, "GIF", save_all=True, append_images=[other]),
        "CMYK": _bytes(plain.convert("CMYK"), "JPEG", quality=95),
        "opaque RGBA": _bytes(plain.convert("RGBA"), "PNG"),
        "16-bit grey": _bytes(
            Image.fromarray(np.full((96, 96), 100 * 257, dtype=np.uint16)), "PNG"
        ),
        "one bit": _bytes(Image.new("1", (96, 96), 1), "PNG"),
    }


EXPECTED = dict.fromkeys(odd_ones(), RED) | {"16-bit grey": (100,) * 3, "one bit": (255,) * 3}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))


# ---------------------------------------------------------------------------- folders of pictures


def imagenette(place: Path) -> Path:
    for part in ("train", "val"):
        (place / "imagenette2" / part / "n01440764").mkdir(parents=True)
    _noise().save(place / "imagenette2" / "train" / "n01440764" / "b.jpeg")
    return place / "imagenette2" / "train" / "n01440764" / "a.jpeg"


def voc2007(place: Path) -> Path:
    home = place / "VOCdevkit" / "VOC2007"
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (home / part).mkdir(parents=True)
    text = (
        "<annotation><object><name>cat</name><difficult>0</difficult><bndbox><xmin>2</xmin>"
        "<ymin>2</ymin><xmax>30</xmax><ymax>30</ymax></bndbox></object></annotation>"
    )
    for name in ("000001", "000002"):
        _noise().save(home / "JPEGImages" / f"{name}.jpg")
        (home / "Annotations" / f"{name}.xml").write_text(text)
    (home / "ImageSets/Main/trainval.txt").write_text("000001\n000002\n")
    return home / "JPEGImages" / "000001.jpg"


def penn_fudan(place: Path) -> Path:
    for part in ("PNGImages", "PedMasks"):
        (place / part).mkdir(parents=True)
    owner = np.zeros((96, 96), np.uint8)
    owner[10:60, 10:40] = 1
    for number in range(3):
        _noise().save(place / "PNGImages" / f"p{number}.png")
        Image.fromarray(owner).save(place / "PedMasks" / f"p{number}_mask.png")
    return place / "PNGImages" / "p{}.png"


def coco(place: Path) -> Path:
    (place / "val2017").mkdir(parents=True)
    (place / "annotations").mkdir()
    names = ["1.jpg", "2.jpg"]
    content = {
        "images": [
            {"id": k, "file_name": name, "height": 96, "width": 96} for k, name in enumerate(names)
        ],
        "annotations": [
            {
                "id": k + 1,
                "image_id": k,
                "category_id": 1,
                "segmentation": [[10, 5, 40, 5, 40, 25, 10, 25]],
                "bbox": [10, 5, 30, 20],
                "area": 600,
                "iscrowd": 0,
            }
            for k in range(2)
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }
    for name in names:
        _noise().save(place / "val2017" / name)
    (place / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    return place / "val2017" / "1.jpg"


def celeba(place: Path) -> Path:
    (place / "img_align_celeba").mkdir(parents=True)
    names = [f"{k:06}.jpg" for k in range(1, 5)]
    for name in names:
        _noise().save(place / "img_align_celeba" / name)
    lists = {
        "list_eval_partition.txt": [f"{n} 0" for n in names],
        "identity_CelebA.txt": [f"{n} {2 * k}" for k, n in enumerate(names)],
        "list_attr_celeba.txt": ["4", "Male Young", *(f"{n}  1 -1" for n in names)],
    }
    for name, lines in lists.items():
        (place / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place / "img_align_celeba" / "000001.jpg"


HAM = "lesion_id,image_id,dx,age\nA,ISIC_1,nv,50\nB,ISIC_2,nv,\n"


def ham10000(place: Path) -> Path:
    (place / "part_1").mkdir(parents=True)
    for number in (1, 2):
        _noise().save(place / "part_1" / f"ISIC_{number}.jpg")
    (place / "HAM10000_metadata.csv").write_text(HAM, encoding="utf-8")
    return place / "part_1" / "ISIC_1.jpg"


FOLDERS = {
    "imagenette": (imagenette, {"size": 64}),
    "voc2007": (voc2007, {"size": 64}),
    "penn-fudan": (penn_fudan, {"size": 64}),
    "coco": (coco, {"split": "val", "size": 64}),
    "celeba": (celeba, {"side": 32}),
    "ham10000": (ham10000, {"size": 64}),
}


def victims(name: str, file: Path) -> list[Path]:
    """The picture to damage; all of Penn-Fudan's, since a seed chooses which are read."""
    if name != "penn-fudan":
        return [file]
    return [file.with_name(file.name.format(number)) for number in range(3)]


def one_sentence(error: BaseException) -> str:
    text = str(error)
    assert "\n" not in text and "Traceback" not in text and len(text) < 600, text
    return text


@pytest.mark.parametrize("kind", none_at_all())
@pytest.mark.parametrize("name", FOLDERS)
def test_a_picture_that_is_none_is_named_54_cases(name, kind, tmp_path):
    build, options = FOLDERS[name]
    files = victims(name, build(tmp_path / "set"))
    load(name, folder=tmp_path / "set", quiet=True, **options)
    for file in files:
        file.write_bytes(none_at_all()[kind])
    with pytest.raises(DataError) as caught:
        load(name, folder=tmp_path / "set", quiet=True, **options)
    said = one_sentence(caught.value)
    assert any(file.name in said for file in files) and "no readable picture" in said


@pytest.mark.parametrize("kind", odd_ones())
@pytest.mark.parametrize("name", FOLDERS)
def test_an_odd_picture_has_its_colours_42_cases(name, kind, tmp_path):
    build, options = FOLDERS[name]
    for file in victims(name, build(tmp_path / "set")):
        file.write_bytes(odd_ones()[kind])
    data = load(name, folder=tmp_path / "set", quiet=True, **options)
    found = data.images[0, :, 16, 16].tolist()
    assert found == pytest.approx(EXPECTED[kind], abs=6), found


def faces(folder: Path) -> Path:
    folder.mkdir()
    for number in range(6):
        _noise().save(folder / f"{25 + number}_0_0_201701161745{number:04}.jpg", "JPEG")
    return folder


@pytest.mark.parametrize("kind", none_at_all())
def test_a_face_that_is_none_is_skipped_and_counted_9_cases(kind, tmp_path):
    folder = faces(tmp_path / "faces")
    (folder / "31_1_1_2017011617459999.jpg").write_bytes(none_at_all()[kind])
    both = [load("utkface", part, folder=folder, quiet=True) for part in ("train", "test")]
    assert sum(len(part) for part in both) == 6
    sources = " ".join(part.record.source for part in both)
    assert "1 unreadable (31_1_1_2017011617459999.jpg)" in sources
    left = [p.name for p in (tmp_path / "cache" / "faces").iterdir() if ".tmp" in p.name]
    assert left == []


@pytest.mark.parametrize("kind", odd_ones())
def test_an_odd_picture_decodes_to_its_colours_7_cases(kind, tmp_path):
    (tmp_path / "picture").write_bytes(odd_ones()[kind])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = np.asarray(pictures.decode(tmp_path / "picture"))
    assert found.shape == (96, 96, 3)
    assert found.reshape(-1, 3).mean(0).tolist() == pytest.approx(EXPECTED[kind], abs=6)
    small = face_folders.read_picture(tmp_path / "picture")
    assert small[60, 60].tolist() == pytest.approx(EXPECTED[kind], abs=6)


def test_a_folder_or_a_pipe_in_a_pictures_place_is_refused(tmp_path):
    file = imagenette(tmp_path / "set")
    file.mkdir()
    with pytest.raises(DataError, match="no readable picture"):
        load("imagenette", folder=tmp_path / "set", size=64, quiet=True)


# ---------------------------------------------------------------------------- lists of labels

CSV = {
    "no column age": (",file,years\n0,25_0_0_20170116174500000.jpg,4\n", "columns"),
    "no column at all": ("\n", "columns"),
    "a negative age": (",file,age\n0,{0},-1\n1,{1},1\n", "gives .* the rank -1"),
    "an age in words": (",file,age\n0,{0},four\n1,{1},1\n", "the rank four"),
    "an age too large": (",file,age\n0,{0},99\n1,{1},1\n", "the rank 99"),
    "a row too short": (",file,age\n0,{0}\n1,{1},1\n", "the rank"),
    "years for ranks": (",file,age\n0,{0},25\n1,{1},26\n", "do not fit|should count"),
    "UTF-16": (",file,age\n0,{0},4\n1,{1},5\n", "no CSV file in UTF-8"),
    "Latin-1": (",file,âge\n0,{0},4\n1,{1},5\n", "no CSV file in UTF-8"),
    "semicolons": (";file;age\n0;{0};4\n1;{1};5\n", "columns"),
    "no bytes": ("", "columns"),
}


@pytest.mark.parametrize("fault", CSV)
def test_a_list_of_ages_that_lies_is_one_sentence_11_cases(fault, tmp_path, monkeypatch):
    known = replace(face_folders.SETS["utkface"], rows={})
    monkeypatch.setitem(face_folders.SETS, "utkface", known)
    names = sorted(p.name for p in faces(tmp_path / "faces").iterdir())
    text, sentence = CSV[fault]
    encoding = {"UTF-16": "utf-16", "Latin-1": "latin-1"}.get(fault, "utf-8")
    (tmp_path / "utk_train.csv").write_text(text.format(*names), encoding=encoding)
    (tmp_path / "utk_test.csv").write_text(f",file,age\n0,{names[2]},6\n", encoding="utf-8")
    with pytest.raises(DataError, match=sentence) as caught:
        load("utkface", folder=tmp_path / "faces", splits=tmp_path, quiet=True)
    one_sentence(caught.value)


def test_a_name_listed_twice_counts_once_or_is_refused(tmp_path, monkeypatch):
    known = replace(face_folders.SETS["utkface"], rows={})
    monkeypatch.setitem(face_folders.SETS, "utkface", known)
    names = sorted(p.name for p in faces(tmp_path / "faces").iterdir())
    rows = f",file,age\n0,{names[0]},4\n1,{names[0]},4\n2,{names[1]},5\n"
    (tmp_path / "utk_train.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "utk_test.csv").write_text(f",file,age\n0,{names[2]},6\n", encoding="utf-8")
    data = load("utkface", folder=tmp_path / "faces", splits=tmp_path, quiet=True)
    assert sorted(data.targets.tolist()) == [4, 5]
    (tmp_path / "utk_test.csv").write_text(f",file,age\n0,{names[0]},4\n", encoding="utf-8")
    with pytest.raises(DataError, match="do not belong together"):
        load("utkface", folder=tmp_path / "faces", splits=tmp_path, quiet=True)


def test_a_list_saved_by_a_spreadsheet_is_read(tmp_path, monkeypatch):
    """A byte order mark and the line ends of Windows change nothing."""
    known = replace(face_folders.SETS["utkface"], rows={})
    monkeypatch.setitem(face_folders.SETS, "utkface", known)
    names = sorted(p.name for p in faces(tmp_path / "faces").iterdir())
    for part, rows in (("train", f"0,{names[0]},4\r\n1,{names[1]},5"), ("test", f"0,{names[2]},6")):
        text = f",file,age\r\n{rows}\r\n".encode("utf-8-sig")
        (tmp_path / f"utk_{part}.csv").write_bytes(text)
    data = load("utkface", folder=tmp_path / "faces", splits=tmp_path, quiet=True)
    assert sorted(data.targets.tolist()) == [4, 5]


HAM_FAULTS = {
    "no column dx": (HAM.replace("dx", "diagnosis").encode(), "it needs"),
    "no bytes": (b"", "it needs"),
    "no rows": (HAM.partition("\n")[0].encode(), "no rows"),
    "an unknown diagnosis": (HAM.replace("nv", "mole").encode(), "unknown diagnoses"),
    "a row too short": (b"lesion_id,image_id,dx\nA,ISIC_1\n", "unknown diagnoses"),
    "a name twice": (HAM.replace("ISIC_2", "ISIC_1").encode(), "ISIC_1 twice"),
    "a name that leads outside": (HAM.replace("ISIC_2", "../ISIC_1").encode(), "are not in"),
    "UTF-16": (HAM.encode("utf-16"), "no CSV file in UTF-8"),
    "Latin-1": (HAM.replace("age", "âge").encode("latin-1"), "no CSV file in UTF-8"),
}


@pytest.mark.parametrize("fault", HAM_FAULTS)
def test_the_table_of_ham10000_that_lies_is_one_sentence_9_cases(fault, tmp_path):
    content, sentence = HAM_FAULTS[fault]
    ham10000(tmp_path / "set")
    (tmp_path / "set" / "HAM10000_metadata.csv").write_bytes(content)
    with pytest.raises(DataError, match=sentence) as caught:
        load("ham10000", folder=tmp_path / "set", size=32, quiet=True)
    one_sentence(caught.value)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("list_attr_celeba.txt", b""),
        ("list_attr_celeba.txt", b"4\nMale Young\n000001.jpg yes no\n"),
        ("list_attr_celeba.txt", b"4\nMale Young\n000001.jpg 1 -1\n"),
        ("identity_CelebA.txt", b"000001.jpg\n"),
        ("identity_CelebA.txt", "000001.jpg 1\n".encode("utf-16")),
        ("list_eval_partition.txt", b"000001.jpg zero\n"),
        ("list_eval_partition.txt", b"\xff\xfe\x00"),
        ("list_eval_partition.txt", b"000001.jpg -1\n"),
        ("identity_CelebA.txt", "000001.jpg été\n".encode("latin-1")),
    ],
)  # fmt: skip
def test_a_list_of_celeba_that_lies_is_one_sentence_9_cases(file, content, tmp_path):
    celeba(tmp_path / "set")
    (tmp_path / "set" / file).write_bytes(content)
    with pytest.raises((DataError, ValueError)) as caught:
        load("celeba", folder=tmp_path / "set", side=32, quiet=True)
    assert isinstance(caught.value, DataError), repr(caught.value)
    one_sentence(caught.value)


LAUGHS = (
    "<!DOCTYPE a [<!ENTITY b '" + "ha" * 50 + "'>"
    + "".join(f"<!ENTITY b{k} '{('&b' + (str(k - 1) if k else '') + ';') * 10}'>" for k in range(9))
    + "]><annotation><object><name>&b8;</name></object></annotation>"
)  # fmt: skip
NOTE = (
    "<annotation><object><name>{}</name><difficult>0</difficult><bndbox><xmin>{}</xmin>"
    "<ymin>2</ymin><xmax>30</xmax><ymax>30</ymax></bndbox></object></annotation>"
)


@pytest.mark.parametrize(
    "content",
    [
        "", "<annotation>", NOTE.format("unicorn", 2), NOTE.format("cat", "two"),
        NOTE.format("cat", -5), NOTE.format("cat", 99), NOTE.format("cat", "nan"),
        "<annotation><object><name>cat</name></object></annotation>", LAUGHS,
    ],
)  # fmt: skip
def test_notes_of_voc_that_lie_are_one_sentence_9_cases(content, tmp_path):
    voc2007(tmp_path / "set")
    note = tmp_path / "set/VOCdevkit/VOC2007/Annotations/000001.xml"
    note.write_text(content)
    with pytest.raises(DataError, match=r"000001\.xml is not what VOC") as caught:
        load("voc2007", folder=tmp_path / "set", size=64, quiet=True)
    one_sentence(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"images": [], "annotations": 3}', b"\xff\xfe"]
)
def test_annotations_of_coco_that_lie_are_one_sentence_6_cases(content, tmp_path):
    coco(tmp_path / "set")
    (tmp_path / "set/annotations/instances_val2017.json").write_bytes(content)
    with pytest.raises(DataError) as caught:
        load("coco", "val", folder=tmp_path / "set", size=64, quiet=True)
    one_sentence(caught.value)


def test_annotations_of_coco_of_another_size_are_refused(tmp_path):
    coco(tmp_path / "set")
    path = tmp_path / "set/annotations/instances_val2017.json"
    content = json.loads(path.read_text())
    content["images"][0].update(width=10**6, height=10**6)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="the annotations say 1000000 x 1000000"):
        load("coco", "val", folder=tmp_path / "set", size=64, quiet=True)


def _double_voc(place: Path) -> None:
    listed = place / "VOCdevkit/VOC2007/ImageSets/Main/trainval.txt"
    listed.write_text("000001\n000001\n000002\n")


def _double_coco(place: Path, key: str) -> None:
    path = place / "annotations/instances_val2017.json"
    content = json.loads(path.read_text())
    content["images"][1][key] = content["images"][0][key]
    path.write_text(json.dumps(content))


def _double_celeba(place: Path) -> None:
    for path in place.glob("*.txt"):
        path.write_text(path.read_text().replace("000002", "000001"))


@pytest.mark.parametrize(
    ("name", "double"),
    [
        ("voc2007", _double_voc),
        ("coco", lambda place: _double_coco(place, "id")),
        ("coco", lambda place: _double_coco(place, "file_name")),
        ("celeba", _double_celeba),
    ],
)
def test_a_picture_listed_twice_is_refused_4_cases(name, double, tmp_path):
    build, options = FOLDERS[name]
    build(tmp_path / "set")
    double(tmp_path / "set")
    with pytest.raises(DataError, match="twice") as caught:
        load(name, folder=tmp_path / "set", quiet=True, **options)
    one_sentence(caught.value)


@pytest.mark.parametrize("fault", ["in colour", "smaller", "half"])
def test_a_mask_that_does_not_fit_is_one_sentence_3_cases(fault, tmp_path):
    penn_fudan(tmp_path / "set")
    for path in (tmp_path / "set" / "PedMasks").iterdir():
        if fault == "in colour":
            _noise().save(path)
        elif fault == "smaller":
            Image.new("L", (20, 20), 1).save(path)
        else:
            path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match="mask") as caught:
        load("penn-fudan", folder=tmp_path / "set", size=64, quiet=True)
    one_sentence(caught.value)


@pytest.mark.parametrize("text", ["a.png 0.3 mono\nb.png 1.0", "a.png", "a.png much mono"])
def test_labels_of_solar_cells_that_lie_3_cases(text):
    with pytest.raises(ValueError):
        read_labels(text)


# ---------------------------------------------------------------------------- code in pickles


class Attack:
    """Unpickled, it makes a file: the test looks for it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def _npz(mark: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        array = io.BytesIO()
        np.save(array, np.array([Attack(mark)], dtype=object), allow_pickle=True)
        for name in ("images.npy", "labels.npy", "features.0.weight.npy"):
            archive.writestr(name, array.getvalue())
    return out.getvalue()


def _npy(mark: Path) -> bytes:
    array = io.BytesIO()
    np.save(array, np.array([Attack(mark)], dtype=object), allow_pickle=True)
    return array.getvalue()


def _torch(mark: Path) -> bytes:
    out = io.BytesIO()
    torch.save({"model": Attack(mark), "format": 1}, out)
    return out.getvalue()


def _into_digits(path):
    from utils.datasets import digits

    digits._read_npz(path)


def _into_squeezenet(path):
    from importlib import import_module

    from utils import fetch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch, "obtain", lambda *names: path)
        import_module("utils.models.pretrained")._squeezenet()


def _into_semi_adversarial(path):
    from utils import semi_adversarial
    from utils.models import SmallAttributeNet

    semi_adversarial.restore(SmallAttributeNet(), path)


def _into_checkpoint(path):
    from utils.training import checkpoint

    checkpoint.read(path)


def _into_weights(path):
    torch.load(path, map_location="cpu", weights_only=True)


def _into_cifar(path):
    from utils.datasets import colour

    colour._unpickle(path.read_bytes())


def _into_cifar_array(path):
    np.load(path)


def _into_wire(path):
    import base64

    from utils.course.grading import wire

    wire._array(base64.b64encode(path.read_bytes()).decode())


@pytest.mark.parametrize(
    ("door", "made"),
    [
        (_into_digits, _npz),
        (_into_squeezenet, _npz),
        (_into_semi_adversarial, _npz),
        (_into_checkpoint, _torch),
        (_into_weights, _torch),
        (_into_cifar, lambda mark: pickle.dumps({"data": Attack(mark), "labels": []}, 2)),
        (_into_cifar_array, _npy),
        (_into_wire, _npy),
    ],
    ids=lambda value: value.__name__.removeprefix("_into_"),
)
def test_code_in_a_pickle_is_not_executed_8_doors(door, made, tmp_path):
    mark = tmp_path / "it ran"
    path = tmp_path / "file.npz"
    path.write_bytes(made(mark))
    with pytest.raises(Exception):  # noqa: B017  (each door has its own)
        door(path)
    assert not mark.exists()


def test_the_attack_would_be_seen(tmp_path):
    pickle.loads(pickle.dumps(Attack(tmp_path / "it ran")))
    assert (tmp_path / "it ran").exists()


FROM_THE_JUDGE = (
    'utils/course/grading/child.py: return pickle.loads(base64.b64decode(message["v"]))',
)
"""A submission's process believes the judge; the judge reads JSON only (tests/faults/test_grading.py)."""


def test_no_other_door_unpickles():
    """`pickle.load`, `torch.load` and `np.load` are called where the tests above look, safely."""
    lines = [
        f"{path.relative_to(ROOT).as_posix()}: {line.strip()}"
        for path in sorted((ROOT / "utils").rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if any(
            word in line
            for word in (
                "pickle.load",
                "torch.load(",
                "np.load(",
                "Unpickler(",
                "joblib.load",
                "eval(",
            )
        )
        and not line.strip().startswith((">>>", "#", '"""', "files of tensors"))
    ]
    careless = [
        line
        for line in lines
        if ("torch.load(" in line and "weights_only=True" not in line)
        or ("pickle.load" in line and line not in FROM_THE_JUDGE)
        or "joblib.load" in line
        or "allow_pickle=True" in line
    ]
    assert lines and not careless, careless


def test_the_shell_is_never_asked():
    """A file's name reaches no shell: no call of `os.system`, and none with ``shell=True``."""
    for path in (ROOT / "utils").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "shell=True" not in text and "os.system(" not in text, path


def test_a_full_disk_while_faces_are_decoded_leaves_nothing(tmp_path, monkeypatch):
    folder = faces(tmp_path / "faces")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(DataError, match="set COURSE_DATA to a folder with room"):
        load("utkface", folder=folder, quiet=True)
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file() and ".lock" not in p.name]


# ---------------------------------------------------------------------------- pages

PAYLOADS = [
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 1'>",
    "<svg onload=window.ran=1></svg>",
    "<iframe srcdoc='<script>parent.ran = 1</script>'></iframe>",
    "[a link](javascript:window.ran=1)",
    "<a href='javascript:window.ran=1'>a link</a>",
    "<ScRiPt src=//192.0.2.1/x.js></sCrIpT>",
    "<!-- --><script>window.ran = 1</script>",
    "``<script>window.ran = 1</script>",
    "</textarea></title><script>window.ran = 1</script>",
]


class Scripts(html.parser.HTMLParser):
    """What in a page would run: scripts and handlers that a payload left."""

    def __init__(self):
        super().__init__()
        self.found, self.inside = [], False

    def handle_starttag(self, tag, attributes):
        self.inside = tag == "script" and "json" not in dict(attributes).get("type", "")
        for name, value in attributes:
            value = value or ""
            if name.startswith("on") and "ran" in "".join(
                value for _, value in attributes if value
            ):
                self.found.append(f"{tag} {name}")
            if "javascript:" in value.lower() or "192.0.2.1" in value:
                self.found.append(f"{tag} {name}={value}")
            if name == "srcdoc":
                self.found.append(f"{tag} srcdoc")

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside and "ran = 1" in data and "search" not in data:
            self.found.append(f"script: {data[:60]}")


def runs(page: Path) -> list[str]:
    scripts = Scripts()
    scripts.feed(page.read_text(encoding="utf-8"))
    return scripts.found


def test_the_parser_sees_what_would_run(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("".join(PAYLOADS), encoding="utf-8")
    assert len(runs(page)) >= 6


def hostile_lecture(clone) -> None:
    """A lecture with every payload in text, title, alt text, credits, print-outs and its name."""
    for name in ("manifest.toml", "published.toml"):
        (clone.root / "data" / name).write_bytes((ROOT / "data" / name).read_bytes())
    figure = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": "iVBORw0KGgo=", "text/plain": PAYLOADS[0]},
    }
    cells = [
        clone.markdown(f"# Title <img src=x onerror=window.ran=1> {PAYLOADS[1]}\n\n- goal {PAYLOADS[0]}", slideshow={"slide_type": "slide"}),
        *(clone.markdown(f"## Part {k}\n\n{text} and $a<b$ and `x<y`",
                         slideshow={"slide_type": "slide"}) for k, text in enumerate(PAYLOADS)),
        clone.code("draw()", outputs=[figure], count=1, alt=f'alt "{PAYLOADS[1]}',
                   slideshow={"slide_type": "slide"}),
        clone.code("print('''" + PAYLOADS[0] + "''')", count=2,
                   outputs=[clone.stdout("".join(PAYLOADS))], slideshow={"slide_type": "slide"}),
    ]  # fmt: skip
    about = {"what": PAYLOADS[0], "licence": PAYLOADS[1]}
    clone.write("06_lenet", cells, pictures=[about, PAYLOADS[2]], title=PAYLOADS[0])
    hostile = clone.write("06_lenet", cells, folder="solutions")
    hostile.with_name("07_<img src=x onerror=window.ran=1>.ipynb").write_bytes(hostile.read_bytes())
    name = clone.root / "lectures" / "07_<img src=x onerror=window.ran=1>.ipynb"
    name.write_bytes(hostile.read_bytes())


def ran_in_a_browser(pages: list[Path]) -> list[str]:
    """Pages in which a payload ran, or a link would run one; opened as files."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        flags = [*look.FLAGS, "--no-sandbox"]
        running = playwright.chromium.launch(executable_path=slides.find_browser(), args=flags)
        context = running.new_context()
        context.route("http*://**", lambda route: route.abort())
        page = context.new_page()
        page.on("dialog", lambda dialog: dialog.dismiss())
        for path in pages:
            page.goto(path.as_uri())
            page.wait_for_timeout(200)
            ran = page.evaluate(
                "() => window.ran === 1 || document.querySelectorAll("
                "'a[href^=\"javascript:\" i], iframe[srcdoc]').length > 0"
            )
            if ran:
                found.append(path.name)
        running.close()
    return found


BROWSER = pytest.mark.skipif(
    slides.find_browser() is None, reason="no Chromium or Google Chrome on this machine"
)


@BROWSER
def test_each_of_ten_payloads_would_be_seen_by_parser_or_browser(tmp_path):
    pages = []
    for number, payload in enumerate(PAYLOADS):
        pages.append(tmp_path / f"{number}.html")
        if payload.startswith("[a link]"):  # Markdown, as a page would hold it
            payload = "<a href='javascript:window.ran=1'>a link</a>"
        pages[-1].write_text(f"<!doctype html><textarea><title></textarea></title>{payload}")
    ran = set(ran_in_a_browser(pages)) | {page.name for page in pages if runs(page)}
    assert ran == {page.name for page in pages}


@BROWSER
@pytest.mark.long
def test_ten_payloads_in_seven_places_run_in_no_page_of_a_real_browser_70_cases(clone, monkeypatch):
    from utils.explorers import gallery

    monkeypatch.setattr(gallery, "GALLERY", {})
    hostile_lecture(clone)
    main(["slides"])
    main(["site"])
    pages = list((clone.root / "build").rglob("*.html"))
    assert len(pages) >= 10
    assert ran_in_a_browser(pages) == []


def test_ten_payloads_in_seven_places_of_a_notebook_run_in_no_page_70_cases(
    clone, monkeypatch, capsys
):
    from utils.explorers import gallery

    monkeypatch.setattr(gallery, "GALLERY", {})
    hostile_lecture(clone)
    assert [path.name for path in notebooks.notebooks()] == ["06_lenet.ipynb"]
    assert main(["slides"]) in (0, 1)
    status = main(["site"])
    said = capsys.readouterr()
    assert "Traceback" not in said.err, said.err
    decks = list((clone.root / "build" / "slides").glob("*.html"))
    pages = list((clone.root / "build" / "site").rglob("*.html")) if status in (0, 1) else []
    assert len(decks) >= 2 and len(pages) >= 8, said.err
    found = {str(page.relative_to(clone.root)): runs(page) for page in [*decks, *pages]}
    assert not {page: what for page, what in found.items() if what}
    text = next(page for page in pages if page.parent.name == "lectures").read_text("utf-8")
    assert "window.ran = 1" in text, "what was written is shown, as text"


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("a < b and a<b", "a < b and a&lt;b"),
        ("# a<b\n\na<b", "# a\u2039b\n\na&lt;b"),
        ("`a<b` and ```\n<p>\n``` <p>", "`a<b` and ```\n<p>\n``` &lt;p>"),
        ("**bold** [link](https://example.org)", "**bold** [link](https://example.org)"),
        ("[x]( JavaScript:alert(1))", "[x]( #JavaScript-alert(1))"),
        ("[x][1]\n\n[1]: javascript:alert(1)", "[x][1]\n\n[1]: #javascript-alert(1)"),
    ],
)
def test_markdown_stays_what_it_was_but_its_html_is_text(markdown, shown):
    assert notebooks.harmless(markdown) == shown
