"""The grid's cells, its networks and its tables; its trainings are in tests/faults/test_grid.py."""

import pytest
import torch

from utils import ledger
from utils.arithmetic import count_parameters
from utils.ordinal_grid import as_csv, build, cells, markdown, mean_and_sd, tables


def test_published_tables_come_out_of_their_seeds():
    results = []
    for method in ("ce", "or", "coral"):
        for dataset, name in (("morph2", "morph"), ("utkface", "utkface")):
            errors = {
                kind: ledger.published(f"coral.table1.{method}.{name}.{kind}.seeds").value
                for kind in ("mae", "rmse")
            }
            results += [
                {"dataset": dataset, "method": method, "seed": seed, "weighted": False}
                | {kind: errors[kind][seed] for kind in errors}
                | {"median.mae": 9.0, "median.rmse": 11.0}
                for seed in range(3)
            ]
    made = tables(results)
    assert list(made) == ["table1"]
    row = made["table1"][-2]
    assert row == [
        "CORAL-CNN",
        "AVG ± SD",
        "2.64 ± 0.04",
        "3.68 ± 0.06",
        "5.47 ± 0.01",
        "7.62 ± 0.01",
    ]
    assert len(cells()) == 15 and len(cells(weighted=[False])) == 9
    assert markdown(made["table1"]).splitlines()[1] == "|" + " --- |" * 6
    assert as_csv(made["table1"]).splitlines()[-1].startswith("always the median,,9.00,11.00")


def test_weights_make_the_second_table_and_gaps_stay_gaps():
    base = {"dataset": "afad", "method": "or", "rmse": 2.0, "median.mae": 5.0, "median.rmse": 6.0}
    results = [
        base | {"seed": seed, "weighted": weighted, "mae": 3.0 + seed, "inconsistencies": 0.5}
        for seed in (0, 1)
        for weighted in (False, True)
    ] + [base | {"seed": 0, "weighted": False, "mae": 4.0, "dataset": "cacd"}]
    made = tables(results)
    assert made["table1"][2] == ["OR-CNN", "1", "4.00", "2.00", "-", "-"]
    assert made["table1"][3][2:] == [
        "3.50 ± 0.71",
        "2.00 ± 0.00",
        "4.00 (one seed)",
        "2.00 (one seed)",
    ]
    assert made["table2"][1:3] == [
        ["OR-CNN", "NO", "3.50 ± 0.71", "4.00 (one seed)"],
        ["OR-CNN", "YES", "3.50 ± 0.71", "-"],
    ]
    assert made["table2"][3:] == [["CORAL-CNN", weigh, "-", "-"] for weigh in ("NO", "YES")]
    assert made["contradictions"][1] == ["OR-CNN", "NO", "0.50 ± 0.00", "-"]
    assert tables([]) == {}


def test_mean_and_sd():
    assert mean_and_sd([]) == "-" and mean_and_sd([1.005]) == "1.00 (one seed)"
    assert mean_and_sd([1.0, 3.0]) == "2.00 ± 1.41"  # n - 1


def test_networks_take_pictures_of_the_cache():
    with torch.device("meta"):
        model = build(40, "coral")
        assert model(torch.empty(2, 3, 128, 128)).shape == (2, 39)
    ranks = ledger.published("coral.data.morph.ranks").value
    with torch.device("meta"):
        ledger.compare(
            "coral.v1.or.parameters", count_parameters(build(ranks, "or")), out=lambda line: None
        )
    small = build(26, "ce", "small")
    assert small(torch.rand(2, 3, 128, 128)).shape == (2, 26)
    with pytest.raises(ValueError, match="no trunk"):
        build(26, "ce", "large")
