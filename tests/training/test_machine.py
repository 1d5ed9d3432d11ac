"""Seeds, devices and precision."""
# ruff: noqa: NPY002 - the global generator is what is tested

import platform
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.training import device, machine, set_seed


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_set_seed_reaches_python_numpy_and_torch():
    set_seed(7)
    first = draw()
    assert draw() != first
    set_seed(7)
    assert draw() == first


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "0", None, True])
def test_seeds_out_of_range_are_refused(seed):
    with pytest.raises(ValueError, match="whole number"):
        set_seed(seed)


def test_own_random_numbers_give_the_callers_back():
    set_seed(1)
    expected = draw()
    set_seed(1)
    with machine.own_random_numbers(5, torch.device("cpu")):
        inside = draw()
    assert draw() == expected
    set_seed(5)
    assert draw() == inside


def test_random_state_returns_to_the_same_numbers():
    set_seed(3)
    random.gauss(0, 1)  # leaves Python's and NumPy's generators with a number in store
    np.random.randn()
    state = machine.random_state(torch.device("cpu"))
    first = draw(), random.gauss(0, 1), np.random.randn()
    machine.set_random_state(state, torch.device("cpu"))
    assert (draw(), random.gauss(0, 1), np.random.randn()) == first


def test_auto_is_a_device_that_works():
    torch.zeros(1, device=device("auto"))
    assert device("cpu") == torch.device("cpu")
    assert device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "message"),
    [("cuda:1", "auto"), ("gpu", "not a device"), ("meta", "cannot train"), (3.5, "not a device")],
)
def test_absent_and_unknown_devices_are_named(name, message, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=message):
        device(name)


def test_only_the_gpus_that_exist_are_offered(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert device("auto").type == "cuda"
    assert device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(ValueError, match="only cuda:0"):
        device("cuda:1")


def test_precision_is_fp32_on_a_cpu_unless_bf16_is_native_and_asked_for(monkeypatch):
    cpu = torch.device("cpu")
    for native in (False, True):
        monkeypatch.setattr(machine, "has_native_bf16", lambda device, native=native: native)
        assert machine.choose_precision("auto", cpu) == "fp32"
        assert machine.choose_precision("bf16", cpu) == ("bf16" if native else "fp32")
        assert machine.choose_precision("fp32", torch.device("cuda")) == "fp32"
        expected = "bf16" if native else "fp32"
        assert machine.choose_precision("auto", torch.device("cuda")) == expected
    with pytest.raises(ValueError, match="fp16"):
        machine.choose_precision("fp16", cpu)


@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=4))
def test_mix_depends_on_every_number_and_their_order(numbers):
    value = machine.mix(*numbers)
    assert 0 <= value < 2**63
    assert value == machine.mix(*numbers)
    for place in range(len(numbers)):
        changed = numbers.copy()
        changed[place] += 1
        assert machine.mix(*changed) != value
    if numbers[0] != numbers[1]:
        assert machine.mix(numbers[1], numbers[0], *numbers[2:]) != value


REUSE = """
import resource, sys, torch
from utils.training import machine
def faults_per_step():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        blocks = [torch.ones(1_000_000) for _ in range(8)]  # 32 MB, about 8,000 pages
        del blocks
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 20
anew = faults_per_step()
if not machine.reuse_freed_memory():
    sys.exit(77)
faults_per_step()
print(anew, faults_per_step())
"""


def test_memory_that_was_freed_is_used_again_instead_of_asked_for_anew():
    done = subprocess.run(
        [sys.executable, "-c", REUSE], capture_output=True, text=True, check=False
    )
    if done.returncode == 77:
        assert sys.platform != "linux" or platform.libc_ver()[0] != "glibc"
        return
    anew, kept = map(float, done.stdout.split())
    assert kept < 100 < anew
