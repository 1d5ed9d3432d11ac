"""What README and the lectures promise of whole trainings, held against the stored studies.

The studies themselves are kept fresh by tests/course/test_study.py.
"""

from utils import measured


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
