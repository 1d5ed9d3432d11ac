"""What the study of lecture 12 plans, and how it sums up what it found."""

from utils.course.studies import lecture_12
from utils.measured import Run, Runs


def test_every_cell_of_photographs_has_its_passes_and_the_frozen_ones_all_label_counts():
    for cell in lecture_12.CELLS.values():
        if cell["method"] != "lesions":
            passes = lecture_12.PASSES[cell["method"], cell["net"]]
            assert set(passes) <= set(lecture_12.LABELS)
            assert cell["method"] != "frozen" or tuple(passes) == lecture_12.LABELS
    counted = [p for p in lecture_12.PASSES["tuned", "squeezenet1_1"].items()]
    seen = [labels * passes for labels, passes in counted]
    assert seen == sorted(seen), "more labels never see fewer pictures in all"


def test_the_summary_has_mean_and_spread_of_every_label_count():
    runs = []
    for name, cell in lecture_12.CELLS.items():
        for seed in (0, 1, 2):
            results = {"labels": [10, 30], "accuracy": [0.5 + 0.1 * seed, 0.8]}
            if cell["method"] == "lesions":
                results = {"auc.leaves": 0.9 + 0.01 * seed, "readers": [[0.5, 0.5]]}
            runs.append(Run(f"{name}-seed{seed}", {**cell, "seed": seed}, results, 1.0))
    summary = lecture_12.summary(Runs(runs))
    assert summary["tuned-squeezenet"] == {
        "10": {"mean": 60.0, "sd": 10.0},
        "30": {"mean": 80.0, "sd": 0.0},
    }
    assert summary["lesions"] == {"auc.leaves": {"mean": 0.91, "sd": 0.01}}
