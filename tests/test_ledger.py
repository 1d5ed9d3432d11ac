"""`utils.ledger`: the file is sound, the verdicts are honest, the notebook carries the values."""

import copy
import json
import math
import statistics
import subprocess
import sys
import tomllib
from decimal import Decimal

import numpy as np
import pytest

from utils import ROOT, ledger
from utils.ledger import LedgerError, UnknownNumber, compare, published, quote, read_notebook

LECTURES = {f"{number:02}" for number in range(1, 16)}


# --- the file -----------------------------------------------------------------------------------


@pytest.fixture
def document():
    return {
        "sources": {"paper": {"short": "Paper 2000", "full": "A. Author: Paper. 2000"}},
        "group": [
            {
                "source": "paper",
                "where": "Table 1",
                "status": "V",
                "verdict": "equal",
                "lectures": ["06"],
                "unit": "parameters",
                "numbers": [
                    {"id": "net.parameters", "value": 7},
                    {
                        "id": "net.share",
                        "value": Decimal("1.0"),
                        "right": Decimal("1.45"),
                        "tolerance": Decimal("0.005"),
                        "unit": "%",
                        "verdict": "contradicts",
                        "note": "It is more.",
                        "where": "text",
                    },
                ],
            }
        ],
    }


def test_a_group_speaks_for_its_numbers_unless_they_speak(document):
    entries = ledger.parse(document)
    assert entries["net.parameters"].source == "Paper 2000, Table 1"
    assert entries["net.share"].source == "Paper 2000, text"
    assert entries["net.share"].lectures == ("06",)
    assert entries["net.share"].text == "1.0 %"
    assert entries["net.parameters"].text == "7"  # the id names the unit


@pytest.mark.parametrize(
    ("number", "change", "message"),
    [
        (0, {"id": "Net.parameters"}, "lower-case"),
        (0, {"id": "net..x"}, "lower-case"),
        (0, {"verdict": "true"}, "'true' is none of"),
        (0, {"status": "M?"}, "none of V, C, M"),
        (0, {"status": "M"}, "never asserted"),
        (0, {"tolerance": 1}, "has no tolerance"),
        (0, {"verdict": "within"}, "needs a tolerance"),
        (0, {"right": 8}, "`right` belongs"),
        (0, {"unit": ""}, "unit is missing"),
        (0, {"comment": "x"}, "unknown comment"),
        (0, {"id": "net.share"}, "entered twice"),
        (1, {"note": ""}, "needs a note"),
        (1, {"right": Decimal("1.001")}, "does not differ"),
    ],
)
def test_a_malformed_entry_is_named(document, number, change, message):
    document["group"][0]["numbers"][number].update(change)
    with pytest.raises(LedgerError, match=message):
        ledger.parse(document)


def test_a_source_must_be_listed(document):
    document["group"][0]["source"] = "hearsay"
    with pytest.raises(LedgerError, match="'hearsay' does not stand under"):
        ledger.parse(document)


def test_every_entry_has_a_lecture_a_source_and_a_place_in_the_file():
    entries = ledger.entries()
    assert len(entries) > 800
    assert len({entry.id for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.lectures and set(entry.lectures) <= LECTURES, entry.id
        assert len(entry.citation) > 30 and entry.source, entry.id
        flat = np.asarray(entry.value, dtype=float)
        assert np.isfinite(flat).all(), entry.id
    assert {entry.verdict for entry in entries} == set(ledger.VERDICTS)


def test_every_source_is_used():
    with (ROOT / "data" / "published.toml").open("rb") as file:
        document = tomllib.load(file)
    assert set(document["sources"]) == {group["source"] for group in document["group"]}


def test_the_misprints_are_all_there():
    misprints = {e.id: (e.value, e.right) for e in ledger.entries() if e.verdict == "contradicts"}
    for id, values in {
        "lenet5.c3.connections": (156_000, 151_600),
        "lenet5.connections": (345_308, 340_908),
        "alexnet.conv1.activations": (253_440, 290_400),
        "alexnet.input.side": (224, 227),
        "alexnet.largest_conv_share": (1, 1.45),
        "esteva.images.sum": (129_450, 129_405),
    }.items():
        assert misprints[id] == values
    assert "coral.table1.ce.morph.rmse.mean" in misprints


# --- the numbers, recomputed from one another -----------------------------------------------------


def value(id):
    return published(id).value


def test_corals_table_1_follows_from_its_seeds():
    """Means, and deviations with n - 1; the population deviation would fit nine entries fewer."""
    impossible = 0
    for id in [e.id for e in ledger.entries() if e.id.startswith("coral.table1.")]:
        if not id.endswith(".seeds"):
            continue
        seeds, base = value(id), id.removesuffix(".seeds")
        compare(f"{base}.mean", statistics.mean(seeds), out=lambda line: None)
        compare(f"{base}.sd", statistics.stdev(seeds), out=lambda line: None)
        impossible += published(f"{base}.mean").verdict == "contradicts"
    assert impossible == 3


def test_corals_final_table_follows_from_its_seeds():
    ids = [e.id for e in ledger.entries() if e.id.startswith("coral.final.")]
    seeds = [id for id in ids if id.endswith(".seeds")]
    assert len(seeds) == 18
    for id in seeds:
        base = id.removesuffix(".seeds")
        compare(f"{base}.mean", statistics.mean(value(id)), out=lambda line: None)
        compare(f"{base}.sd", statistics.stdev(value(id)), out=lambda line: None)


def test_corals_order_of_data_sets_fails_in_one_row():
    order = ("morph", "afad", "cacd", "utkface")
    rows = [
        [value(f"coral.table1.{method}.{data}.{error}.mean") for data in order]
        for method in ("ce", "or", "coral")
        for error in ("mae", "rmse")
    ]
    broken = sum(row != sorted(row) for row in rows)
    compare("coral.table1.dataset_order.exceptions", broken, out=lambda line: None)


def test_sums_and_products():
    lenet = ("c1", "s2", "c3", "s4", "c5", "f6", "output")
    assert sum(value(f"lenet5.{layer}.parameters") for layer in lenet) == 60_000
    right = [published(f"lenet5.{layer}.connections") for layer in lenet]
    assert sum(entry.value for entry in right) == 345_308  # the paper's sum, misprint included
    assert sum(e.value if e.right is None else e.right for e in right) == 340_908
    modern = ("c1", "c3", "c5", "f6", "output")
    assert sum(value(f"lenet5_modern.{layer}.parameters") for layer in modern) == 61_706
    alexnet = [f"conv{n}" for n in range(1, 6)] + ["fc6", "fc7", "fc8"]
    parameters = [value(f"alexnet.{layer}.parameters") for layer in alexnet]
    assert sum(parameters) == value("alexnet.parameters")
    assert sum(value(f"alexnet.{layer}.macs") for layer in alexnet) == value("alexnet.macs")
    for conv in range(2, 6):
        shape = value(f"alexnet.conv{conv}.shape")
        assert math.prod(shape) == value(f"alexnet.conv{conv}.activations")
    silent = {"out": lambda line: None}
    compare("alexnet.conv1.activations", math.prod(value("alexnet.conv1.shape")), **silent)
    compare("alexnet.largest_conv_share", 100 * parameters[2] / sum(parameters), **silent)
    compare("alexnet.conv4_share", 100 * parameters[3] / sum(parameters), **silent)
    compare("alexnet.dense_share", 100 * sum(parameters[5:]) / sum(parameters), **silent)
    compare("alexnet.parameters.rounded", sum(parameters) / 1e6, **silent)
    compare("alexnet.bits", math.log2(1000), **silent)
    for layer in ("h1", "h2"):
        assert value(f"zipnet1989.{layer}.connections") % value(f"zipnet1989.{layer}.units") == 0
    zipnet = ("h1", "h2", "h3", "output")
    for what in ("parameters", "connections"):
        total = sum(value(f"zipnet1989.{layer}.{what}") for layer in zipnet)
        compare(f"zipnet1989.{what}", total, **silent)
    compare("zipnet1989.units", 16 * 16 + 768 + 192 + 30 + 10, **silent)
    compare(
        "zipnet1989.presentations",
        value("zipnet1989.passes") * value("zipnet1989.train.size"),
        **silent,
    )
    assert (
        value("colour.dense.weights") + value("colour.dense.biases")
        == value("colour.dense.parameters")
        == value("colour.ratio") * value("colour.conv.parameters")
    )
    assert sum(value("lenet5.rates.passes")) == value("lenet5.passes")
    compare("esteva.images.sum", value("esteva.validation.images") + 1942, **silent)
    assert sum(value("esteva.fig3b.images")) == 1942
    parts = ("conv", "fc1", "fc2")
    assert sum(value(f"yolo.{p}.parameters") for p in parts) == value("yolo.parameters")
    parts = ("enc1", "enc2", "dec1", "dec2", "combiner")
    assert sum(value(f"san.{p}.parameters") for p in parts) == value("san.parameters")
    for top in (1, 5):
        replica = value(f"zfnet.replica.val.top{top}")
        difference = abs(value(f"alexnet.ilsvrc2012.one.val.top{top}") - replica)
        compare(f"zfnet.replica.difference.top{top}", difference, **silent)
    for depth in (20, 32, 44, 56, 110, 1202):
        exact = value(f"cifar_resnet{depth}.parameters")
        compare(f"cifar_resnet{depth}.parameters.paper", exact / 1e6, **silent)
    for base in ("unweighted",):  # table 2 repeats table 1
        for method in ("or", "coral"):
            for data in ("morph", "afad", "utkface", "cacd"):
                for what in ("mean", "sd"):
                    assert value(f"coral.table2.{method}.{base}.{data}.mae.{what}") == value(
                        f"coral.table1.{method}.{data}.mae.{what}"
                    )


def test_torchvisions_metadata_are_the_entries():
    import torchvision

    checked = 0
    for entry in ledger.entries():
        parts = entry.id.split(".")
        if parts[0] != "torchvision" or parts[2] not in ("v1", "v2"):
            continue
        weights = torchvision.models.get_model_weights(parts[1])[f"IMAGENET1K_{parts[2].upper()}"]
        accuracy = weights.meta["_metrics"]["ImageNet-1K"][f"acc@{parts[3].removeprefix('top')}"]
        compare(entry.id, accuracy, out=lambda line: None)
        checked += 1
    assert checked == 40
    for version, builder in (("v1", "maskrcnn_resnet50_fpn"), ("v2", "maskrcnn_resnet50_fpn_v2")):
        (weights,) = torchvision.models.get_model_weights(builder)
        metrics = weights.meta["_metrics"]["COCO-val2017"]
        assert metrics["box_map"] == value(f"torchvision.maskrcnn_{version}.box_ap")
        assert metrics["mask_map"] == value(f"torchvision.maskrcnn_{version}.mask_ap")
        assert weights.meta["num_params"] == value(f"torchvision.maskrcnn_{version}.parameters")


def test_the_roi_ramp_is_torchvisions():
    import torch
    from torchvision import ops

    ramp = (8 * torch.arange(8.0)[:, None] + torch.arange(8.0))[None, None]
    boxes = [torch.tensor([[1.3, 1.3, 5.3, 5.3]])]
    aligned = ops.roi_align(ramp, boxes, 2, sampling_ratio=2, aligned=True)[0, 0]
    unaligned = ops.roi_align(ramp, boxes, 2, sampling_ratio=2, aligned=False)[0, 0]
    compare("roi.align", aligned, out=lambda line: None)
    compare("roi.align_unaligned", unaligned, out=lambda line: None)
    compare("roi.pool", ops.roi_pool(ramp, boxes, 2)[0, 0], out=lambda line: None)


def test_the_two_path_graph():
    w, x = 0.5, 1.5
    upper, lower = 1 / (1 + math.exp(-w * x)), math.tanh(w * x)
    rest = 2 * (upper * lower - 1)
    paths = rest * lower * upper * (1 - upper) * x, rest * upper * (1 - lower**2) * x
    for id, computed in zip(
        ("upper_path", "lower_path", "total"), (*paths, sum(paths)), strict=True
    ):
        compare(f"sharing.{id}", computed, out=lambda line: None)


# --- comparing ------------------------------------------------------------------------------------


def test_one_line_says_it_all(capsys):
    result = compare("lenet5.parameters", 60_000)
    assert capsys.readouterr().out == (
        "lenet5.parameters: computed 60,000, published 60,000 "
        "(LeCun et al. 1998, sec. II-B): equal\n"
    )
    assert (result.id, result.computed, result.verdict) == ("lenet5.parameters", 60_000, "equal")
    compare("torchvision.vgg16.gmac", 15.47026432)
    line = capsys.readouterr().out
    assert line.startswith("torchvision.vgg16.gmac: computed 15.4703, expected 15.470 (")
    assert line.endswith(": within 0.0005\n")
    compare("alexnet.largest_conv_share", 1.4518)
    assert "computed 1.452, published 1 % (" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("id", "computed", "complaint"),
    [
        ("lenet5.parameters", 60_001, "expected 60,000"),
        ("lenet5.parameters", 60_000.4, "computed 60000.4"),
        ("lenet5.parameters", math.nan, "different"),
        ("lenet5.parameters", [60_000], "different"),
        ("lenet5.c3.connections", 156_000, "equal, but the ledger records 'contradicts'"),
        ("lenet5.c3.connections", 151_601, "expected 151,600"),
        ("torchvision.vgg16.gmac", 15.4706, "within 0.0005"),
        ("receptive.lenet5.fields", [5, 6, 14, 16], "different"),
        ("receptive.lenet5.fields", [5, 6, 14, 16, 31], "different"),
        ("lenet5.test.error", 0.95, "ledger.quote"),
    ],
)
def test_another_verdict_than_the_recorded_one_is_an_error(id, computed, complaint, capsys):
    with pytest.raises(LedgerError, match=complaint) as caught:
        compare(id, computed)
    assert isinstance(caught.value, AssertionError) and id in str(caught.value)
    assert not capsys.readouterr().out


def test_rounded_print_may_be_met_at_its_border():
    # 0.125 is exact in binary, 2.635 is not: both lie just as far from the print as it allows
    compare("coral.table1.coral.morph.mae.mean", 2.635, out=lambda line: None)
    compare("coral.table1.coral.morph.mae.mean", 2.645, out=lambda line: None)
    with pytest.raises(LedgerError):
        compare("coral.table1.coral.morph.mae.mean", 2.6451)


def test_arrays_of_any_library_are_numbers():
    import torch

    for wrap in (tuple, list, np.array, torch.tensor):
        compare("receptive.lenet5.fields", wrap([5, 6, 14, 16, 32]), out=lambda line: None)
    for wrap in (np.int32, np.float32, torch.tensor):
        compare("lenet5.parameters", wrap(60_000), out=lambda line: None)
    for wrong in ("60000", True, None, [True], {"a": 1}):
        with pytest.raises(TypeError, match="no number"):
            compare("lenet5.parameters", wrong)


def test_an_unknown_id_names_its_neighbours():
    with pytest.raises(UnknownNumber, match=r"lenet5\.parameters") as caught:
        published("lenet5.parametres")
    assert isinstance(caught.value, KeyError)
    assert str(caught.value).startswith("no number 'lenet5.parametres' in data/published.toml")
    for id in ("", "zzz", None, 5):
        with pytest.raises(UnknownNumber):
            compare(id, 1)


def test_quote_asserts_nothing(capsys):
    assert quote("lenet5.test.error") is None
    quote("lenet5.test.error", 1.2345)
    quote("lenet5.parameters", 1)
    assert capsys.readouterr().out.splitlines() == [
        "lenet5.test.error: reported 0.95 % (LeCun et al. 1998, sec. III)",
        "lenet5.test.error: reported 0.95 % (LeCun et al. 1998, sec. III); here 1.23 %",
        "lenet5.parameters: reported 60,000 (LeCun et al. 1998, sec. II-B); here 1",
    ]


# --- in a notebook ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def notebook():
    """Outputs as a notebook holds them, from a real IPython shell (in a process of its own)."""
    code = """
import json
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
cell = '''
from utils import ledger
print("counted")
ledger.compare("lenet5.c3.connections", 151600)
ledger.compare("torchvision.vgg16.gmac", 15.470264320)
'''
with capture_output() as captured:
    result = shell.run_cell(cell)
assert result.success
outputs = [
    {"output_type": "display_data", "data": o.data, "metadata": o.metadata}
    for o in captured.outputs
]
print(json.dumps({"stdout": captured.stdout, "outputs": outputs}))
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    cell = json.loads(run.stdout.splitlines()[-1])
    return {
        "metadata": {"course": {"lecture": "06"}},
        "cells": [
            {"cell_type": "markdown", "source": ""},
            {
                "cell_type": "code",
                "outputs": [
                    {"output_type": "stream", "name": "stdout", "text": cell["stdout"]},
                    *cell["outputs"],
                ],
            },
        ],
    }


def test_a_notebook_shows_each_line_once_and_keeps_the_value(notebook, tmp_path):
    stream, *shown = notebook["cells"][1]["outputs"]
    assert stream["text"].startswith("counted\n") and "lenet5" not in stream["text"]
    assert [set(output["data"]) for output in shown] == [{"text/plain"}] * 2
    assert shown[0]["metadata"][ledger.KEY] == {
        "id": "lenet5.c3.connections",
        "computed": 151_600,
        "verdict": "contradicts",
    }
    first, second = read_notebook(notebook)
    assert (first.id, first.computed, first.lecture) == ("lenet5.c3.connections", 151_600, "06")
    assert (second.computed, second.verdict) == (15.4703, "within")  # rounded: same everywhere
    path = tmp_path / "06.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert read_notebook(path) == [first, second]


def test_a_notebook_that_no_longer_agrees_with_the_ledger_is_refused(notebook):
    stale = copy.deepcopy(notebook)
    stale["cells"][1]["outputs"][1]["metadata"][ledger.KEY]["computed"] = 151_601
    with pytest.raises(LedgerError, match="refresh"):
        read_notebook(stale)
    stale["cells"][1]["outputs"][1]["metadata"][ledger.KEY]["id"] = "lenet5.gone"
    with pytest.raises(UnknownNumber):
        read_notebook(stale)
