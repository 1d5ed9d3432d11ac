"""The benchmarks' own arithmetic: what is interleaved, how a ratio is taken, what the page says."""

import json
import re
import time

import bench_cifar
import bench_cluster
import bench_convolution
import bench_course
import bench_epochs
import bench_lenet
import bench_startup
import interleaved
import pytest
from interleaved import Ratio, Sample, Stopwatch, claim, interleave, ratio, spread

import utils
from utils.course import benchmark, main
from utils.datasets import load

BENCHES = (bench_lenet, bench_epochs, bench_cifar, bench_convolution, bench_course, bench_cluster,
           bench_startup)  # fmt: skip


@pytest.fixture
def clock(monkeypatch):
    """A clock that only work moves, and work of a given length."""

    class Clock:
        wall = cpu = 0.0

        def work(self, wall, cpu=None):
            self.wall += wall
            self.cpu += wall if cpu is None else cpu

    made = Clock()
    monkeypatch.setattr(interleaved, "now", lambda: Sample(made.wall, made.cpu))
    return made


def test_every_round_runs_each_once_in_turned_order(clock):
    ran = []

    def variant(name, seconds):
        return lambda: (ran.append(name), clock.work(seconds, 2 * seconds))

    samples = interleave({"a": variant("a", 1), "b": variant("b", 3)}, 3)
    assert ran == ["a", "b", *"abbaab"], "a warm-up, then a b, b a, a b"
    assert samples == {"a": [Sample(1, 2)] * 3, "b": [Sample(3, 6)] * 3}


def test_a_ratio_is_taken_round_by_round_and_a_drift_cancels():
    def both(seconds):
        return [Sample(seconds * s, 5 * seconds * s) for s in (1, 2, 4, 8)]

    found = ratio(both(3.0), both(1.0), "wall")
    assert found == Ratio(3.0, 3.0, 3.0, 4)
    uneven = [Sample(w, 1.0) for w in (2.0, 8.0, 3.0)]
    found = ratio(uneven, [Sample(1.0, 1.0)] * 3, "wall")
    assert (found.median, found.low, found.high, found.rounds) == (3.0, 2.0, 8.0, 3)
    with pytest.raises(ValueError, match="needs pairs"):
        ratio([Sample(1, 1)], [])


def test_a_stopwatch_leaves_out_what_it_was_stopped_for(clock):
    with Stopwatch() as watch:
        clock.work(2.0, 1.0)
        watch.stop()
        clock.work(50.0)
        watch.start()
        clock.work(1.0, 0.5)
    assert watch.sample == Sample(3.0, 1.5)


def test_the_real_clock_counts_this_process_and_its_children():
    import subprocess
    import sys

    code = "import time\nwhile time.process_time() < 0.3: pass"
    with Stopwatch() as watch:
        subprocess.run([sys.executable, "-c", code], check=True)
    assert watch.sample.cpu >= 0.25 and watch.sample.wall >= 0.25


@pytest.mark.parametrize(
    ("value", "limits", "holds"),
    [
        (Ratio(1.02, 0.9, 1.3, 7), {"at_most": 1.03}, True),  # by its median
        (Ratio(1.04, 0.9, 1.3, 7), {"at_most": 1.03}, False),
        (24.9, {"at_least": 25}, False),
        (25.0, {"at_least": 25}, True),
        (3.0, {}, None),
    ],
)
def test_a_claim_is_held_to_its_limit(value, limits, holds):
    found = claim("it", value, **limits)
    assert found["holds"] is holds
    assert benchmark.holds({"claims": [found]}) is (holds is not False)
    assert benchmark.verdict(found) == {True: "holds", False: "MISSED", None: ""}[holds]


def test_rounds_tables_and_charts_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="rounds is 0"):
        interleave({}, 0)
    with pytest.raises(ValueError, match="a row of 1 cells under 2"):
        interleaved.table("t", ["a", "b"], [[1]])
    with pytest.raises(ValueError, match="no chart 'pie'"):
        interleaved.chart("pie", "t", "a", [])


# ------------------------------------------------------------------------ what each one reports


def test_lenet_reports_whole_recipe_and_first_crossing():
    def state(cpu, right):
        return Sample(2 * cpu, cpu), 0.99, right

    runs = [
        {
            "seed": seed,
            "ours": [(Sample(16, 8), 0.9905), (Sample(20, 10), 0.9905)],
            "states": [state(20, 0.97), state(40, 0.988), state(60, 0.9895), state(80, last)],
            "whole": Sample(164, 82),
        }
        for seed, last in ((0, 0.991), (1, 0.9885))
    ]
    runs[1]["states"][2] = state(60, 0.9889)
    found = bench_lenet.report(runs, 0.989, 4)
    whole, wall, crossing, lowest = found["claims"]
    assert (whole["low"], whole["high"], whole["holds"]) == (8.2, 10.25, False)
    assert wall["low"] == 8.2 and wall["holds"] is None
    assert "1 of 2 seeds" in crossing["what"] and crossing["high"] == 60 / 8
    assert lowest["value"] == 99.05 and lowest["holds"]
    assert [row[3] for row in found["tables"][0]["rows"]] == ["epoch 3, 60 CPU-s", "never"]


def test_both_lenet_recipes_train(tmp_path):
    from utils.datasets import load

    few = load("mnist", quiet=True).subset(slice(512))
    cost, right = bench_lenet.ours(few, few, 0)
    assert 0.2 < right <= 1 and cost.cpu > 0
    seen = []
    states, whole = bench_lenet.ordinary(few, few, 0, 2, seen.append)
    assert seen == [1, 2] and len(states) == 2
    assert states[0][0].cpu < states[1][0].cpu < whole.cpu
    assert states[1][1] == pytest.approx(states[1][2]), "the same images, read by two loaders"


def test_the_ordinary_image_is_resized_and_normalised():
    import torch

    from utils.datasets import load

    few = load("mnist", quiet=True).subset(slice(2))
    image, label = bench_lenet.Digits(few, bench_lenet.ordinary_transform())[1]
    assert image.shape == (1, 32, 32) and label == int(few.targets[1])
    assert image.min() == -1 and 0.5 < image.max() <= 1
    assert bench_lenet.ordinary_net()(image[None]).shape == (1, 10)
    assert sum(p.numel() for p in bench_lenet.ordinary_net().parameters()) == 61_706
    assert torch.equal(image, bench_lenet.Digits(few, bench_lenet.ordinary_transform())[1][0])


def test_the_bare_loop_does_what_fit_does(monkeypatch):
    """The same steps from the same weights in the same order end in the same weights."""
    import torch

    inputs, labels = torch.rand(1536, 1, 28, 28), torch.randint(0, 10, (1536,))
    nets = []

    def same_net(side=28, made=bench_epochs.net):
        torch.manual_seed(3)
        nets.append(made(side))
        return nets[-1]

    monkeypatch.setattr(bench_epochs, "net", same_net)
    monkeypatch.setattr(torch, "randperm", lambda n, **given: torch.arange(n))
    monkeypatch.setattr("utils.training.loop.epoch_order", lambda n, seed, epoch: torch.arange(n))
    bench_epochs.bare(inputs, labels)
    bench_epochs.with_fit(inputs, labels)
    for bare, fitted in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.allclose(bare, fitted, atol=1e-6)


def test_epochs_reports_overhead_and_pipelines():
    pair = {"fit": [Sample(1.02, 1.02)] * 3, "bare loop": [Sample(1.0, 1.0)] * 3}
    others = {
        "fit": 1.0,
        "TensorDataset": 1.5,
        "per image": 1.8,
        "per image, resized": 1.9,
        "ordinary epoch": 3.4,
    }
    pipelines = {name: [Sample(cost, cost)] * 3 for name, cost in others.items()}
    parts = {"resize to 32": 1.2, "forward and loss": 0.5, "backward": 0.2}
    parts |= {"optimiser and rate": 0.1, "the rest": 0.0}
    found = bench_epochs.report(pair, pipelines, {"pair": 60_000, "pipelines": 12_000}, parts)
    assert [item["value"] for item in found["claims"]] == [1.02, 1.9, 3.4, 1.8, 1.5, 1.02]
    assert [item["holds"] for item in found["claims"]] == [True, False, None, None, None, None]
    assert found["tables"][0]["rows"][1][1] == "5.00", "scaled to 60,000"
    assert found["tables"][1]["rows"][0] == ["resize to 32", "6.00", "60"]
    assert "40 % is the network's own" in found["notes"][1] and "1.94 times" in found["notes"][1]


def test_the_profile_of_a_pipeline_adds_up():
    digits = load("mnist", quiet=True).subset(slice(512))
    began = time.perf_counter()
    parts = bench_epochs.profile(digits)
    assert sum(parts.values()) <= time.perf_counter() - began
    assert all(seconds >= 0 for seconds in parts.values()), parts
    assert parts["resize to 32"] > 0 and parts["backward"] > 0
    assert {*bench_epochs.READING, *bench_epochs.LEARNING} < set(parts)


def test_convolution_is_measured_quickly_and_reports_each_size():
    found = bench_convolution.run(quick=True, only=["LeNet-5 C3"])
    assert len(found["claims"]) == 1
    samples = {"NumPy": [Sample(4, 4)] * 2, "torch": [Sample(1, 1)] * 2}
    measured = {name: (samples, 10) for name in bench_convolution.SIZES}
    found = bench_convolution.report(measured)
    assert [item["holds"] for item in found["claims"]] == [False] * 3
    assert found["tables"][0]["rows"][0][3:] == ["400.00", "100.00", "4.00"]


@pytest.fixture(scope="module")
def course_rows():
    def row(start, end, own):
        return {"start": start, "end": end, "seconds": end - start, "cpu": own + 7, "own": own,
                "bytes": 10**9, "budget": 90}  # fmt: skip

    return {"01_a": row(1, 40, 30), "02_b": row(1, 90, 80), "03_c": row(41, 80, 25)}


def test_course_reports_time_memory_and_what_is_not_its_own(course_rows):
    found = bench_course.report(course_rows, 90.0, 180.0, 2)
    minutes, cpu, share, memory = found["claims"]
    assert (minutes["value"], cpu["value"], memory["value"]) == (1.5, 180, 1.0)
    assert share["value"] == pytest.approx(100 * (1 - 135 / 180))
    assert bench_course.lanes(course_rows) == {"01_a": 0, "02_b": 1, "03_c": 0}


def test_the_mark_comes_after_the_imports_and_is_read_back():
    cells = [
        {"cell_type": "markdown", "source": "import nothing"},
        {"cell_type": "code", "source": "PRESET = 'quick'"},
        {"cell_type": "code", "source": ["import math\n", "from torch import nn"]},
        {"cell_type": "code", "source": "1 + 1"},
    ]
    marked = bench_course.with_mark({"cells": cells})
    assert [cell.get("id") for cell in marked["cells"]][3] == bench_course.MARK
    assert len(cells) == 4, "the notebook given stays as it is"
    marked["cells"][3]["outputs"] = [{"text": "6.25\n"}]
    assert bench_course.marked(json.dumps(marked)) == 6.25


def test_cluster_reports_how_much_faster_two_are(course_rows):
    found = bench_cluster.report({2: (course_rows, 50.0, 1.0), 1: (course_rows, 90.0, 1.0)}, 3)
    assert found["claims"][0]["value"] == 1.8 and found["claims"][0]["holds"]
    seconds = sum(row["seconds"] for row in course_rows.values())
    assert f"take {seconds:.0f} s" in found["notes"][1] and ": 0 % more" in found["notes"][1]
    assert f"time {100 - seconds:.0f} % passes" in found["notes"][1]
    assert len(bench_cluster.report({2: (course_rows, 50.0, 1.0)}, 3)["claims"]) == 1


def test_cifar_reports_budgets_and_the_full_run():
    short = {"ours, bf16": [{"budget": 30, "images": 9000, "cpu": 31, "wall": 16, "accuracy": 70}]}
    full = {"ours, bf16": {"once": 87, "flipped": 88, "training": 92, "wall": 98, "cpu": 186},
            "ours, fp32": {"once": 88, "flipped": 89, "training": 130, "wall": 134, "cpu": 262}}  # fmt: skip
    found = bench_cifar.report(short, full, 6, "cifar10")
    assert [item["holds"] for item in found["claims"]] == [True, True, None, None]
    images = list(range(50_000))

    class Set(list):
        def subset(self, rows):
            return Set(self[rows])

    some, passes = bench_cifar.within(Set(images), 80_000)
    assert (len(some), passes) == (40_000, 2)
    some, passes = bench_cifar.within(Set(images), 20_000)
    assert (len(some), passes) == (20_000, 1)


def test_startup_measures_processes():
    found = bench_startup.run(quick=True, only=["import utils", "course --help"])
    assert {row[0] for row in found["tables"][0]["rows"]} == {"import utils", "course --help"}
    assert all(0 < float(row[1]) < 60 for row in found["tables"][0]["rows"])


# ------------------------------------------------------------------------------- the command


def test_every_benchmark_has_a_name_a_title_and_a_question():
    assert tuple(module.NAME for module in BENCHES) == benchmark.NAMES
    for module in BENCHES:
        assert module.TITLE and module.__doc__ and module.THREADS >= 1
        assert (utils.ROOT / "tests" / "benchmarks" / f"bench_{module.NAME}.py").is_file()


def result(name, value=1.0, **more):
    samples = [{"label": "ours", "x": [1, 2], "y": [3, 4]}, {"label": "dots", "x": [1], "y": [2],
                "points": True}]  # fmt: skip
    bars = [{"label": who, "names": ["C1", "C3"], "values": [1.0, 2.0]} for who in ("a", "b")]
    spans = [{"label": "01", "row": "process 1", "start": 0, "end": 5}]
    return {
        "name": name,
        "title": f"Title of {name}",
        "question": "Is it <fast>?",
        "command": f"course bench {name}",
        "quick": False,
        "threads": 1,
        "seconds": 12.3,
        "cpu_seconds": 12.0,
        "machine": {"processor": "X", "cores": 2, "memory": "8 GB", "busy": 3, "torch": "2",
                    "bf16_native": True, "system": "Linux", "python": "3.11"},
        "claims": [claim("a ratio", spread([value, value + 1]), at_least=25)],
        "tables": [interleaved.table("Rows", ["a", "b"], [[1, "x|y"]])],
        "charts": [
            interleaved.chart("lines", "L", 'A "chart"', samples, x="x", y="y", line=3.5),
            interleaved.chart("bars", "B", "Bars", bars, y="ms", log=True),
            interleaved.chart("spans", "S", "Spans", spans, x="s"),
        ],
        "notes": ["A note."],
        **more,
    }  # fmt: skip


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setattr(utils, "ROOT", tmp_path)
    (tmp_path / "tests" / "benchmarks").mkdir(parents=True)
    made = {}

    def measure(name, quick, threads, only):
        made.setdefault(name, 0)
        made[name] += 1
        return None if name == "cifar" else result(name, 30.0 if name == "lenet" else 3.0)

    monkeypatch.setattr(benchmark, "measure", measure)
    return tmp_path, made


def test_the_command_measures_keeps_reports_and_stores(house, capsys):
    root, made = house
    assert main(["bench", "lenet"]) == 0
    said = capsys.readouterr().out
    assert "holds    a ratio: 30.5 (30 to 31, n = 2); at least 25" in said
    assert not (root / "tests" / "benchmarks" / "results.json").exists()
    assert main(["bench", "epochs", "lenet", "--store"]) == 1, "a missed limit is a failure"
    assert "Missed: epochs" in capsys.readouterr().out
    assert made == {"lenet": 2, "epochs": 1}
    stored = json.loads((root / "tests" / "benchmarks" / "results.json").read_text())
    assert list(stored) == ["lenet", "epochs"], "in the order of the report"
    text = (root / "tests" / "benchmarks" / "REPORT.md").read_text()
    assert "| epochs | a ratio | 3.5 (3 to 4, n = 2); at least 25 | MISSED |" in text
    assert "| 1 | x/y |" in text
    page = (root / "build" / "benchmarks" / "index.html").read_text()
    assert page.count("<svg role=") == 6 and page.count("<h2") == 2
    assert "Is it &lt;fast&gt;?" in page and 'aria-label="A &quot;chart&quot;"' in page
    assert not re.search(r"https?://(?!www\.w3\.org|purl\.org|creativecommons|matplotlib)", page)


def test_stored_results_stand_in_for_what_was_not_run_here(house):
    root, _ = house
    benchmark.keep(benchmark.stored_file(), result("convolution", 2.0))
    benchmark.keep(benchmark.folder() / "results.json", result("lenet", 30.0))
    found = benchmark.collected()
    assert {name: item["stored"] for name, item in found.items()} == {
        "lenet": False, "convolution": True,
    }  # fmt: skip
    assert main(["bench", "--report"]) == 1, "a stored figure that is missed says so too"
    assert (
        "Stored figures, not of this machine."
        in (root / "build" / "benchmarks" / "index.html").read_text()
    )


def test_a_benchmark_that_fails_keeps_the_others(house, capsys):
    assert main(["bench", "cifar", "lenet"]) == 1
    shown = capsys.readouterr()
    assert "Failed: cifar" in shown.err and "holds" in shown.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lennet"], "no benchmark 'lennet': there are lenet, epochs"),
        (["--threads", "0"], "--threads 0: give a whole number of at least 1"),
        (["--quick", "--store"], "--quick measures nothing"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(house, capsys, words, said):
    assert main(["bench", *words]) == 1
    assert said in capsys.readouterr().err


def test_a_benchmark_whose_package_is_missing_says_how_to_get_it(house, capsys, monkeypatch):
    _, made = house
    monkeypatch.setattr(benchmark.importlib.util, "find_spec", lambda name: None)
    sentence = 'needs distributed, of the extra `cluster`: pip install -c constraints.txt -e ".['
    assert main(["bench", "lenet", "cluster"]) == 1 and not made, "said before the first is run"
    shown = capsys.readouterr().err
    assert sentence in shown and "Traceback" not in shown
    main(["bench"])
    assert set(made) == set(benchmark.NAMES) - {"cluster"}, "the others are run without it"
    assert f"== cluster ==\nleft out: the benchmark cluster {sentence}" in capsys.readouterr().out


def test_a_try_out_is_not_judged():
    class Module:
        NAME, TITLE, THREADS, __doc__ = "convolution", "T", 1, "Q."

        @staticmethod
        def run(quick):
            return {"claims": [claim("x", 9.0, at_most=1)], "tables": [], "charts": [], "notes": []}

    tried = interleaved.execute(Module, quick=True)
    assert tried["claims"][0]["holds"] is None and tried["command"].endswith("--quick")
    assert interleaved.execute(Module)["claims"][0]["holds"] is False
