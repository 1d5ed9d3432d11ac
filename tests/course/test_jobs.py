"""Jobs in worker processes: nothing one of them does costs the others anything."""

import contextlib
import os
import textwrap
import time

import psutil
import pytest

from utils.course import CourseError, jobs

FUNCTIONS = textwrap.dedent(
    """
    import os, signal, subprocess, sys, time

    def double(number, report):
        report({"at": number})
        return 2 * number, os.getpid()

    def fail(report):
        raise ValueError("no such number")

    def die(report):
        os.kill(os.getpid(), signal.SIGKILL)

    def sleep_with_child(note, report):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        report({"child": child.pid})
        time.sleep(60)
    """
)


@pytest.fixture(autouse=True)
def functions(tmp_path, monkeypatch):
    (tmp_path / "functions_of_jobs.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(tmp_path)


def job(name, function, cost=0.0, **arguments):
    return jobs.Job(name, f"functions_of_jobs:{function}", arguments, cost)


def by_kind(events, kind):
    return {event.job.name: event.value for event in events if event.kind == kind}


def lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_results_progress_and_reuse_of_workers():
    work = [job(str(n), "double", number=n) for n in range(4)]
    events = list(jobs.LocalExecutor(1).run(work))
    finished = by_kind(events, "finished")
    assert {name: value[0] for name, value in finished.items()} == {"0": 0, "1": 2, "2": 4, "3": 6}
    assert len({value[1] for value in finished.values()}) == 1, "one worker does one after another"
    assert by_kind(events, "progress") == {str(n): {"at": n} for n in range(4)}


def test_long_ones_start_first():
    work = [job(str(cost), "double", number=0, cost=cost) for cost in (1, 30, 2)]
    events = jobs.LocalExecutor(1).run(work)
    assert [event.job.name for event in events if event.kind == "started"] == ["30", "2", "1"]


def test_failures_and_killed_workers_cost_the_others_nothing():
    work = [job("fails", "fail", 3), job("dies", "die", 2), job("works", "double", number=5)]
    for processes in (1, 2):
        events = list(jobs.LocalExecutor(processes).run(work))
        failed = by_kind(events, "failed")
        assert set(failed) == {"fails", "dies"}
        assert failed["fails"].strip().endswith("ValueError: no such number")
        assert "signal 9" in failed["dies"]
        assert by_kind(events, "finished")["works"][0] == 10


def test_leaving_a_run_ends_workers_and_what_they_started():
    executor = jobs.LocalExecutor(2)
    work = [job(name, "sleep_with_child", note=name) for name in "ab"]
    children = []
    with contextlib.closing(executor.run(work)) as events:
        for event in events:
            if event.kind == "progress":
                children.append(event.value["child"])
            if len(children) == 2:
                break
        assert all(psutil.pid_exists(child) for child in children)
        workers = [worker.process for worker in executor._workers]
    deadline = time.monotonic() + 5
    while any(map(lives, children)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(lives, children))
    assert not any(worker.is_alive() for worker in workers)


def test_processes_follow_cores_and_memory(monkeypatch):
    monkeypatch.setattr(jobs, "cores", lambda: 8)
    monkeypatch.setattr(jobs, "free_bytes", lambda: 5e9)
    assert jobs.parallel(None, jobs=15) == 3
    assert jobs.parallel(None, jobs=2) == 2
    assert jobs.parallel(5, jobs=15) == 5
    monkeypatch.setattr(jobs, "free_bytes", lambda: 1e8)
    assert jobs.parallel(None, jobs=15) == 1
    with pytest.raises(CourseError, match="at least 1"):
        jobs.parallel(0, jobs=15)


def test_machine_figures_are_sane():
    assert 1 <= jobs.cores() <= (os.cpu_count() or 1)
    assert 0 < jobs.free_bytes() <= psutil.virtual_memory().total


def test_without_the_cluster_extra_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(CourseError, match=r"needs the extra `cluster`: pip install .*\[course,cl"):
        jobs.executor("tcp://127.0.0.1:1", 1)
