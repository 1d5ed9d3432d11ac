"""HAM10000 from a folder: split by lesion, and what is said about a folder that lacks something."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from utils.datasets import class_names, ham10000, load
from utils.fetch import DataError
from utils.taxonomy import Taxonomy


def made_up(folder, lesions=20, pictures=2, columns=("lesion_id", "image_id", "dx", "age")):
    """A folder as its owners fill it: every lesion photographed more than once."""
    (folder / "HAM10000_images_part_1").mkdir(parents=True)
    rows = []
    for number in range(lesions * len(ham10000.DIAGNOSES)):
        dx = ham10000.DIAGNOSES[number % len(ham10000.DIAGNOSES)]
        for k in range(pictures):
            image = f"ISIC_{10 * number + k:07}"
            rows.append({"lesion_id": f"HAM_{number:07}", "image_id": image, "dx": dx, "age": "50"})
            shade = (30 * ham10000.DIAGNOSES.index(dx), number, 0)
            Image.new("RGB", (60, 45), shade).save(
                folder / "HAM10000_images_part_1" / f"{image}.jpg", quality=95
            )
    with open(folder / "HAM10000_metadata.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def parts(folder, **options):
    return {p: load("ham10000", p, folder=folder, quiet=True, **options) for p in ham10000.SHARES}


def lesions_of(data):
    """The lesions of a part, by the green of their pictures, which JPEG changes by less than 3."""
    greens = data.images[:, 1].float().mean(dim=(1, 2)).tolist()
    rows = zip(greens, data.targets.tolist(), strict=True)
    return {7 * round((green - target) / 7) + target for green, target in rows}


def test_no_lesion_is_in_two_parts_and_every_picture_is_in_one(tmp_path):
    found = parts(made_up(tmp_path / "ham"), size=32)
    assert sum(len(data) for data in found.values()) == 20 * 7 * 2
    for data in found.values():
        assert data.images.shape[1:] == (3, 32, 32) and data.images.dtype == torch.uint8
        for image, target in zip(data.images, data.targets.tolist(), strict=True):
            assert abs(image[0].float().mean() - 30 * target) < 8, "the label is its picture's"
        counts = data.targets.bincount(minlength=7)
        assert (counts == counts[0]).all(), "each diagnosis has its share"
        assert 2 * len(lesions_of(data)) == len(data), "both pictures of each lesion"
    assert set.union(*map(lesions_of, found.values())) == set(range(20 * 7))
    assert len(found["test"]) == 4 * 7 * 2 and len(found["validation"]) == 2 * 7 * 2
    assert "split by lesion, seed 0" in found["train"].record.source


def test_the_split_is_by_lesion_id_alone():
    rng = np.random.default_rng(0)
    diagnoses = {f"HAM_{n}": str(rng.choice(ham10000.DIAGNOSES)) for n in range(300)}
    first = ham10000.split_lesions(diagnoses, 0)
    assert first == ham10000.split_lesions(dict(reversed(diagnoses.items())), 0)
    assert first != ham10000.split_lesions(diagnoses, 1)
    assert set(first) == set(diagnoses) and set(first.values()) == set(ham10000.SHARES)


def test_the_tree_holds_the_seven_diagnoses():
    assert set(Taxonomy(ham10000.TREE).leaves()) == set(class_names("ham10000"))


def test_a_folder_that_lacks_something_is_told_so(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        load("ham10000", folder=tmp_path / "nowhere", quiet=True)
    folder = made_up(tmp_path / "ham", lesions=5, pictures=1)
    next((folder / "HAM10000_images_part_1").iterdir()).unlink()
    with pytest.raises(DataError, match=r"1 of \d+ pictures of the \w+ part are not in"):
        parts(folder)
    folder = made_up(tmp_path / "other", lesions=5, pictures=1)
    for path in (folder / "HAM10000_images_part_1").iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(DataError, match="no readable picture"):
        load("ham10000", folder=folder, quiet=True)
    (folder / "HAM10000_metadata.csv").unlink()
    with pytest.raises(DataError, match=r"holds no HAM10000_metadata\.csv"):
        load("ham10000", folder=folder, quiet=True)
    folder = made_up(tmp_path / "columns", lesions=3, columns=("image_id", "dx"))
    with pytest.raises(DataError, match="it needs"):
        load("ham10000", folder=folder, quiet=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lesion_id,image_id,dx\nA,ISIC_1,mole\n", "unknown diagnoses"),
        ("lesion_id,image_id,dx\n", "no rows"),
        ("lesion_id,image_id,dx\nA,ISIC_1,nv\nA,ISIC_2,mel\n", "two diagnoses"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path, text, words):
    made_up(tmp_path / "ham", lesions=1)
    (tmp_path / "ham" / "HAM10000_metadata.csv").write_text(text)
    with pytest.raises(DataError, match=words):
        load("ham10000", folder=tmp_path / "ham", quiet=True)


def test_arguments_are_checked(tmp_path):
    with pytest.raises(ValueError, match="16 pixels"):
        load("ham10000", folder=tmp_path, size=4, quiet=True)
    with pytest.raises(ValueError, match="split"):
        load("ham10000", "dev", folder=tmp_path, quiet=True)


def test_the_full_recipe_runs_on_a_made_up_folder(tmp_path):
    from utils.recipes.lesion import ham10000 as recipe

    found = recipe(
        made_up(tmp_path / "ham", lesions=10, pictures=1),
        device="cpu",
        name="squeezenet1_1",
        size=32,
        epochs=2,
        checkpoint=tmp_path / "checkpoints",
        progress=False,
    )
    assert found["accuracy"] > found["null"] > 0, "plain colours are learned at once"
    assert 0.5 < found["lower"] <= found["AUC of malignant"] <= found["upper"] <= 1
    assert (tmp_path / "checkpoints" / "best.pt").is_file()
