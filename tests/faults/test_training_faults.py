"""Trainings that are killed, starved, interrupted, or shared between processes."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from namespaces import MOUNTS, in_little_room, where_nothing_can_be_written

WORKER = Path(__file__).with_name("training_worker.py")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs fork and resource limits")


def start(
    *arguments: object, processes: int = 1, seconds: float = 240
) -> subprocess.CompletedProcess:
    """Run the worker to its end, in several processes through torchrun."""
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
        launcher += [str(processes)]
    command = [*launcher, str(WORKER), *map(str, arguments)]
    return subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, timeout=seconds, check=False
    )


def train(name: str, folder: Path, processes: int) -> tuple[dict, str]:
    out = folder / f"{name}{processes}.json"
    done = start(name, out, processes=processes)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(out.read_text()), done.stdout


def test_two_processes_train_lenet5_like_one(tmp_path):
    one, printed_by_one = train("lenet", tmp_path, 1)
    two, printed_by_two = train("lenet", tmp_path, 2)
    assert len(one["step_loss"]) == 50
    assert two["step_loss"] == pytest.approx(one["step_loss"], abs=1e-4)
    assert one["step_loss"][-1] < 1.5 < one["step_loss"][0]
    assert two["train_metric"] == pytest.approx(one["train_metric"], abs=2e-3)
    assert two["validation_metric"] == pytest.approx(one["validation_metric"], abs=1e-2)
    assert printed_by_two == printed_by_one  # the guards' block, once
    checkpoints = sorted(path.name for path in (tmp_path / "lenet2.checkpoints").iterdir())
    assert checkpoints == ["best.pt", "last.pt", "previous.pt"]
    state = torch.load(tmp_path / "lenet2.checkpoints" / "last.pt", weights_only=True)
    saved = torch.cat([value.flatten() for value in state["model"].values()])
    assert saved.tolist() == two["weights"]


def test_three_processes_share_uneven_batches_in_pieces(tmp_path):
    one, _ = train("uneven", tmp_path, 1)
    three, _ = train("uneven", tmp_path, 3)
    assert len(one["step_loss"]) == 30
    assert three["step_loss"] == pytest.approx(one["step_loss"], abs=1e-4)
    assert three["weights"] == pytest.approx(one["weights"], abs=1e-4)
    assert three["score"] == one["score"]


@POSIX
def test_a_training_killed_20_times_ends_with_the_same_weights(tmp_path):
    killed_twenty_times(tmp_path)


@POSIX
@pytest.mark.long
@pytest.mark.parametrize("moments", range(2, 7))
def test_a_training_killed_twenty_times_at_other_moments_100_kills(tmp_path, moments, monkeypatch):
    monkeypatch.setitem(ENVIRONMENT, "TEST_MOMENTS", str(moments))
    killed_twenty_times(tmp_path, seconds=3000)


def killed_twenty_times(tmp_path, seconds=240):
    done = start("killed", tmp_path, 20, seconds=seconds)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed 20 times" in done.stdout
    whole, cut = (json.loads((tmp_path / n / "result.json").read_text()) for n in ("whole", "cut"))
    assert len(whole["step_loss"]) == 300
    assert cut == whole
    left = sorted(path.name for path in (tmp_path / "cut").iterdir())
    assert left == ["best.pt", "last.pt", "previous.pt", "result.json"]


@MOUNTS
@pytest.mark.parametrize(
    "kilobytes", [100, *(pytest.param(k, marks=pytest.mark.long) for k in (16, 60, 4000))]
)
def test_a_small_disk_holds_whole_checkpoints_or_none(tmp_path, kilobytes):
    """One of them has about 30 kB, and three fit in 100 kB; the fourth is being written then."""
    folder = tmp_path / "kept"
    program = f"import sys\nsys.argv[0] = {str(WORKER)!r}\nexec(open(sys.argv[0]).read())"
    done, left = in_little_room(folder, kilobytes, program, "small", folder, **ENVIRONMENT)
    names = sorted(path.name for path in left.iterdir())
    for path in left.iterdir():
        assert torch.load(path, weights_only=True)["model"], "a checkpoint is half written"
    if kilobytes == 4000:
        assert done.returncode == 0, done.stderr
        assert names == ["best.pt", "last.pt", "previous.pt"]
    else:
        assert done.returncode == 1
        message = done.stderr.splitlines()[-1]
        assert "CheckpointError" in message and "could not be written" in message
        assert "free some space" in message
        assert set(names) <= {"best.pt", "last.pt", "previous.pt"}


@MOUNTS
def test_a_read_only_folder_keeps_no_checkpoint_and_says_so(tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    program = f"import sys\nsys.argv[0] = {str(WORKER)!r}\nexec(open(sys.argv[0]).read())"
    done = where_nothing_can_be_written(folder, program, "small", folder, **ENVIRONMENT)
    assert done.returncode == 1 and "CheckpointError" in done.stderr.splitlines()[-1]
    assert "Read-only file system" in done.stderr and not list(folder.iterdir())


@POSIX
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_out_of_memory_names_a_batch_size_that_does_fit(tmp_path):
    done = start("starved", 2048)
    assert done.returncode != 0
    message = done.stderr.splitlines()[-1]
    assert "TrainingOutOfMemoryError" in message
    assert "just tried: it fits" in message
    fits = int(re.search(r"Take batch_size=(\d+)", message)[1])
    assert 1 < fits < 2048
    again = start("starved", fits)
    assert again.returncode == 0, again.stderr
    assert again.stdout.endswith("trained\n")


def test_an_interrupted_cell_leaves_history_and_weights_usable(tmp_path):
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", env=ENVIRONMENT, cwd=str(tmp_path))

    def run(source: str, interrupt_on: str | None = None) -> str:
        """Text a cell printed; the kernel is interrupted when it prints `interrupt_on`."""
        message = client.execute(textwrap.dedent(source))
        text = ""
        while True:
            reply = client.get_iopub_msg(timeout=120)
            if reply["parent_header"].get("msg_id") != message:
                continue
            kind, content = reply["msg_type"], reply["content"]
            if kind == "stream":
                text += content["text"]
            elif kind == "error":
                text += "\n".join(content["traceback"])
            elif kind == "status" and content["execution_state"] == "idle":
                return text
            if interrupt_on and interrupt_on in text:
                manager.interrupt_kernel()
                interrupt_on = None

    try:
        run(
            """
            import torch
            from torch import nn
            from utils.training import evaluate, fit
            torch.manual_seed(0)
            data = torch.randn(64, 1, 6, 6), torch.randint(0, 4, (64,))
            model = nn.Sequential(nn.Flatten(), nn.Linear(36, 4))
            def augment(inputs, seen=[]):
                seen.append(1)
                if len(seen) == 50:
                    print("fiftieth", flush=True)
                return inputs
            """
        )
        text = run(
            """
            history = fit(model, data, epochs=1_000_000, augment=augment, device="cpu",
                          schedule="constant", validation=0.25, guards=False, progress=False)
            """,
            interrupt_on="fiftieth",
        )
        assert "Traceback" not in text
        text = run(
            """
            print(history.interrupted, len(history.step_loss) >= 50, history.best_epoch >= 1)
            print(len(history.train_loss) == len(history.validation_loss))
            print(evaluate(model, data, device="cpu").loss < history.step_loss[0])
            """
        )
        assert text.split() == ["True"] * 5, text
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
