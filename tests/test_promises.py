"""What README and the lectures promise of whole trainings, held against the stored studies.

The studies themselves are kept fresh by tests/course/test_study.py.
"""

import json

import pytest

import utils
from utils import measured


def heading(lecture: str, cell: str) -> str:
    """The heading of the slide that a cell begins."""
    path = utils.ROOT / "lectures" / f"{lecture}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return next(c["metadata"]["heading"] for c in cells if c["id"] == cell)


def deep_against_shallow() -> list[float]:
    """How many times the mistakes, as a share of two."""
    plain = measured.load("09").select(data="fashion-mnist", shortcuts=False)
    return [
        plain.select(depth=32).mean("train_error") / plain.select(depth=8).mean("train_error") / 2
    ]


def right_on_cifar() -> list[float]:
    """Right answers of each precision, as a share of nine in ten."""
    runs = [run for run in measured.load("09") if run.parameters["data"] == "cifar10"]
    return [run.results["test_accuracy_flipped"] / 90 for run in runs if run.results]


@pytest.mark.parametrize(
    ("lecture", "cell", "words", "ratios"),
    [
        ("09_resnet", "plain-figure", "twice the mistakes", deep_against_shallow),
        ("09_resnet", "cifar-table", "nearly nine in ten", right_on_cifar),
    ],
)
def test_a_number_in_the_heading_of_a_slide_is_what_the_study_has(lecture, cell, words, ratios):
    assert words in heading(lecture, cell)
    assert ratios() and all(0.95 <= ratio <= 1.05 for ratio in ratios()), ratios()


def test_tight_boxes_keep_even_less_of_new_objects_with_every_detector():
    assert "of new objects, tight boxes keep even less" in heading(
        "13_object_detection", "gap-table"
    )
    for run in measured.load("13"):
        found = run.results
        kept, tight = (found[f"{m}_out"] / found[f"{m}_in"] for m in ("map50", "map"))
        assert tight < kept, run.name


def test_lenet5_reads_at_least_989_of_1000_digits_after_three_passes_with_every_seed():
    runs = measured.load("06").select(model="LeNet5")
    assert {run.parameters["seed"] for run in runs} >= {0, 1, 2}
    assert all(run.parameters["epochs"] <= 3 for run in runs)
    assert runs.largest("test_error") <= 1.1, runs.values("test_error")


def test_lenet5_of_1998_learns_by_its_own_criterion():
    runs = measured.load("06").select(model="LeNet5_1998")
    assert {run.parameters["seed"] for run in runs} >= {0, 1, 2}
    assert runs.largest("test_error") <= 2, runs.values("test_error")


def test_dropout_and_the_activation_tell_in_the_small_alexnet_and_augmentation_narrows_the_gap():
    found = measured.load("07").summary
    assert found["dropout"]["larger_than_noise"]
    assert found["ReLU"]["larger_than_noise"]
    gaps = {idea: cell["mean"] - cell["train_mean"] for idea, cell in found.items()}
    assert gaps["augmentation"] == max(gaps.values())
    assert gaps["augmentation"] > 2 * gaps["nothing"]


def test_colour_photographs_pass_84_percent_within_100_seconds_on_two_idle_cores():
    stored = [run for run in measured.load("09") if run.name == "cifar10-bf16-seed0"]
    (run,) = stored
    assert run.results["test_accuracy_flipped"] >= 84 and run.results["test_accuracy"] >= 84
    if run.results["bf16_native"] and run.results["busy"] <= 5:
        assert run.results["wall_seconds"] <= 100
        assert run.results["threads"] <= 2


def test_a_deep_plain_net_learns_worse_and_a_deep_residual_net_better_with_every_seed():
    study = measured.load("09")
    error = {
        (depth, shortcuts): study.select(depth=depth, shortcuts=shortcuts)
        for depth in (8, 32)
        for shortcuts in (False, True)
    }
    assert error[32, False].least("train_error") > error[8, False].largest("train_error")
    assert error[32, True].largest("train_error") < error[8, True].least("train_error")


def test_the_detector_finds_known_and_held_out_objects():
    runs = measured.load("13").select(classes=4, scenes=6000, trunk="squeezenet")
    assert {run.parameters["seed"] for run in runs} >= {0, 1}
    assert runs.least("map50_in") >= 0.8, runs.values("map50_in")
    assert runs.least("map50_out") >= 0.65, runs.values("map50_out")


def test_aligned_regions_give_better_masks_with_every_seed():
    heads = [run for run in measured.load("14") if run.name.startswith("heads")]
    assert len(heads) >= 3
    for run in heads:
        for part in ("in", "out"):
            for measure in ("iou", "above_0.75", "above_0.8"):
                aligned = run.results[f"align.{part}.{measure}"]
                assert aligned > run.results[f"pool.{part}.{measure}"], (run.name, part, measure)


def test_the_hidden_style_is_hidden_from_unseen_judges_and_not_from_a_retrained_one():
    study = measured.load("15")
    assert {run.parameters["seed"] for run in study} >= {0, 1, 2}
    for seen_or_unseen in ("strided", "pooled", "lenet", "mlp"):
        names = [f"adversary.{output}.accuracy.{seen_or_unseen}" for output in ("SM", "NT", "OP")]
        same, neutral, opposite = (study.mean(name) for name in names)
        assert opposite < neutral < same < study.mean(f"original.X.accuracy.{seen_or_unseen}")
        # The control: without an adversary the opposite prototype hides nothing, in no seed.
        assert study.least(f"control.OP.accuracy.{seen_or_unseen}") > 0.85
        assert study.largest(names[2]) < 0.75
    assert study.least("adversary.OP.auc") > 0.96
    assert study.least("original.X.auc") - study.least("adversary.OP.auc") < 0.02
    assert study.least("adversary.OP.psnr") > 23
    for attacker in ("strided", "pooled"):
        assert study.least(f"attacker.{attacker}") > 0.95


def test_a_pretrained_trunk_does_with_a_tenth_of_the_labels_what_a_small_net_does():
    from utils.course.studies.lecture_12 import CELLS, LABELS, PASSES

    study = measured.load("12")
    right = {}
    for name, cell in CELLS.items():
        if cell["method"] != "lesions":
            runs = study.select(**cell)
            assert {run.parameters["seed"] for run in runs} >= {0, 1, 2}
            columns = zip(*runs.values("accuracy"), strict=True)
            right[name] = dict(zip(runs.values("labels")[0], columns, strict=True))
            assert list(right[name]) == list(PASSES[cell["method"], cell["net"]])
    for labels in LABELS:
        assert min(right["frozen-squeezenet"][labels]) > max(right["scratch-small"][labels])
    thirty, three_hundred = right["frozen-squeezenet"][30], right["scratch-small"][300]
    assert abs(sum(thirty) - sum(three_hundred)) / 3 < 0.05
    assert min(right["tuned-squeezenet"][300]) > max(right["scratch-squeezenet"][300]) + 0.2
    assert min(right["tuned-squeezenet"][300]) > max(right["frozen-squeezenet"][300])


def test_fine_classes_and_the_planted_ruler_tell_in_every_collection_of_lesions():
    runs = [run for run in measured.load("12") if run.parameters["method"] == "lesions"]
    assert len(runs) >= 3
    for run in runs:
        found = run.results
        assert found["auc.leaves"] > found["auc.families"] > found["auc.groups"]
        assert found["auc.groups"] > found["auc.pixels"] + 0.1
        assert found["ruler.auc.biased"] > found["ruler.auc.none"] + 0.02
        assert found["ruler.auc.biased"] > found["ruler.auc.reversed"] + 0.15
        assert found["ruler.sensitivity.none"] < found["ruler.sensitivity.biased"] - 0.2
        falls = [found["clean.auc.none"] - found[f"clean.auc.{c}"] for c in ("all", "reversed")]
        assert max(falls) < 0.06
