"""Running jobs in parallel: in processes of this machine, or on a Dask cluster.

An executor takes jobs and yields events as they happen. A job that fails, or whose process is
killed, costs the others nothing.
"""

import contextlib
import importlib
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from utils.course import CourseError

if TYPE_CHECKING:
    from utils.course.parcel import Parcel

KERNEL_BYTES = 1.5e9
"""Memory one kernel with torch may take."""

QUIET_DASK = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
}
"""Environment under which Dask leaves its workers' cores to the jobs, which take minutes: made for
tasks of milliseconds, it else looks at each worker's stack and event loop every few of them."""


@dataclass(frozen=True)
class Job:
    """A call of a function that is found by its name, so that any process can make it.

    Attributes
    ----------
    name : str
        Unique among the jobs of one run.
    function : str
        ``module:function``; called with the arguments and ``report``, a function that sends a
        dictionary of progress.
    arguments : dict
        Keyword arguments, picklable.
    cost : float
        Expected seconds: the longest start first.
    """

    name: str
    function: str
    arguments: dict = field(default_factory=dict)
    cost: float = 0.0


@dataclass(frozen=True)
class Event:
    """What happened to a job: ``started``, ``progress``, ``finished`` (with what the function
    returned) or ``failed`` (with a text that says why).
    """

    job: Job
    kind: str
    value: Any = None


def cores() -> int:
    """Return how many cores this process may use, a container's limit included."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with contextlib.suppress(OSError, ValueError):
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        count = min(count, max(1, int(quota) // int(period)))
    return max(1, count or 1)


def free_bytes() -> int:
    """Return how much memory is free for programs, a container's limit included."""
    import psutil

    free = psutil.virtual_memory().available
    with contextlib.suppress(OSError, ValueError):
        with (
            open("/sys/fs/cgroup/memory.max") as limit,
            open("/sys/fs/cgroup/memory.current") as used,
        ):
            free = min(free, int(limit.read()) - int(used.read()))
    return max(0, free)


def parallel(wanted: int | None, jobs: int) -> int:
    """Return how many jobs to run at a time: as many as asked for, else as fit the machine.

    Raises
    ------
    CourseError
        If fewer than one is asked for.
    """
    if wanted is not None:
        if wanted < 1:
            raise CourseError(f"--jobs {wanted}: give a whole number of at least 1")
        return min(wanted, max(1, jobs))
    return max(1, min(cores(), int(free_bytes() / KERNEL_BYTES), jobs))


def resolve(name: str) -> Callable[..., Any]:
    """Return the function a job names as ``module:function``."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


class LocalExecutor:
    """Jobs in worker processes of this machine.

    Whatever ends the run (an exception, Ctrl-C, SIGTERM, even SIGKILL of this process), the
    workers and all they started end with it.

    Parameters
    ----------
    processes : int
        How many jobs at a time.
    """

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self._workers: list[_Worker] = []

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Run the jobs, long ones first, and yield what happens."""
        waiting = sorted(jobs, key=lambda job: -job.cost)
        # Kernels leave their connection files in a folder that goes away with the run.
        scratch = tempfile.mkdtemp(prefix="course-")
        try:
            with _terminated_as_interrupt():
                yield from self._run(waiting, scratch)
        finally:
            for worker in self._workers:
                worker.kill()
            self._workers.clear()
            shutil.rmtree(scratch, ignore_errors=True)

    def _run(self, waiting: list[Job], scratch: str) -> Iterator[Event]:
        idle: list[_Worker] = []
        busy: list[_Worker] = []
        while waiting or busy:
            while waiting and len(busy) < self.processes:
                if not idle:
                    idle.append(_Worker(scratch))
                    self._workers.append(idle[-1])
                worker = idle.pop()
                job = waiting.pop(0)
                worker.give(job)
                busy.append(worker)
                yield Event(job, "started")
            wait([worker.connection for worker in busy])
            for worker in list(busy):
                for kind, value in worker.messages():
                    yield Event(worker.job, kind, value)
                    if kind == "progress":
                        continue
                    busy.remove(worker)
                    if worker.alive:
                        idle.append(worker)
                    else:
                        worker.kill()
                        self._workers.remove(worker)
                    break


class _Worker:
    """A process that does one job after the other."""

    def __init__(self, scratch: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, scratch))
        self.process.start()
        theirs.close()
        self.alive = True
        self.job: Job = None

    def give(self, job: Job) -> None:
        self.job = job
        # A worker that died while idle shows itself when the answer is awaited.
        with contextlib.suppress(OSError):
            self.connection.send((job.function, job.arguments))

    def messages(self) -> Iterator[tuple[str, Any]]:
        while True:
            try:
                if not self.connection.poll():
                    return
                yield self.connection.recv()
            except (EOFError, OSError):
                self.alive = False
                self.process.join(5)
                how = self.process.exitcode
                how = f"signal {-how}" if how is not None and how < 0 else f"exit status {how}"
                yield "failed", f"its worker process ended ({how}): killed, or out of memory?"
                return

    def kill(self) -> None:
        import psutil

        with contextlib.suppress(psutil.Error):
            worker = psutil.Process(self.process.pid)
            worker.suspend()  # it starts no kernel between our look and the end
            tree = worker.children(recursive=True)
            worker.kill()
            for process in tree:
                with contextlib.suppress(psutil.Error):
                    process.kill()
        self.process.join(5)
        self.connection.close()


def _work(connection: Connection, scratch: str) -> None:
    """Do jobs until the connection closes (in a worker process)."""
    if hasattr(os, "setpgid"):
        # Ctrl-C reaches the whole group of a terminal's process; who stops a worker is its parent.
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
    os.environ["JUPYTER_RUNTIME_DIR"] = scratch
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    lock = threading.Lock()

    def send(kind: str, value: Any) -> None:
        with lock:
            connection.send((kind, value))

    while True:
        try:
            function, arguments = connection.recv()
        except (EOFError, OSError):
            return
        try:
            value = resolve(function)(**arguments, report=lambda value: send("progress", value))
        except Exception:
            send("failed", traceback.format_exc())
        else:
            send("finished", value)


def _end_with_parent() -> None:
    """Wait until the parent is gone, however it ended, then end this process and its children."""
    import psutil

    wait([multiprocessing.parent_process().sentinel])
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            child.kill()
    os._exit(1)


@contextlib.contextmanager
def _terminated_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does, with everything put away."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class DaskExecutor:
    """The same jobs on a Dask cluster; a job whose worker is lost is given to another one.

    Parameters
    ----------
    address : str
        Of the scheduler, as ``tcp://host:8786``. Its workers need the packages installed, and the
        course too unless it is sent.
    parcel : Parcel, optional
        The course, sent to every worker (see `utils.course.parcel`).

    Raises
    ------
    CourseError
        If the extra ``cluster`` is not installed, the scheduler does not answer, or a worker has
        no course.
    """

    def __init__(self, address: str, parcel: "Parcel | None" = None) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise CourseError(
                "--scheduler needs the extra `cluster`: "
                'pip install -c constraints.txt -e ".[course,cluster]"'
            ) from None
        try:
            self.client = Client(address, timeout=15, set_as_default=False)
        except (OSError, ValueError) as error:
            raise CourseError(
                f"no Dask scheduler answers at {address}: {error}; "
                "start one with `dask scheduler` and give its address"
            ) from None
        if parcel is not None:
            self.client.register_plugin(parcel.plugin())
            return

        def has_course() -> bool:  # travels by value: a worker without it could not import it
            import importlib

            try:
                return bool(importlib.import_module("utils.course.jobs"))
            except ImportError:
                return False

        found = list(self.client.run(has_course).values())
        if not all(found):  # a job would end such a worker, and the run would wait for ever
            self.client.close()
            raise CourseError(
                f"{found.count(False)} of {len(found)} workers at {address} have no course: "
                "install it there, or give --send-files"
            )

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Run the jobs, long ones first, and yield what happens.

        A worker gets its next job when one is done: given all at once, Dask deals them out before
        it knows how long each takes, and at the end one worker has several left while others wait.
        """
        from distributed import as_completed

        waiting = sorted(jobs, key=lambda job: job.cost)  # the longest is taken first, off the end
        futures: dict = {}
        running = as_completed(loop=self.client.loop)
        try:
            while waiting or running.count():
                while waiting and running.count() < self._places():
                    job = waiting.pop()
                    future = self.client.submit(
                        _call, job.function, job.arguments, key=f"{job.name}-{time.time_ns()}",
                        pure=False,
                    )  # fmt: skip
                    futures[future] = job
                    running.add(future)
                    yield Event(job, "started")
                future = next(running)
                job = futures.pop(future)
                if future.status == "finished":
                    yield Event(job, "finished", future.result())
                else:
                    error = future.exception()
                    yield Event(job, "failed", f"{type(error).__name__}: {error}")
        finally:
            self.client.cancel(list(futures))
            self.client.close()

    def _places(self) -> int:
        """How many jobs the cluster can do at once; workers come and go."""
        return max(1, sum(self.client.nthreads().values()))


def _call(function: str, arguments: dict) -> Any:
    """Do one job (on a worker of a cluster).

    Dask has its workers give freed memory back to the system at once. The kernels they start would
    do so too, with every array they let go: lecture 04 took 50 CPU seconds so, and 28 without.
    """
    os.environ.pop("MALLOC_TRIM_THRESHOLD_", None)
    return resolve(function)(**arguments, report=None)


def executor(
    scheduler: str | None, processes: int, parcel: "Parcel | None" = None
) -> LocalExecutor | DaskExecutor:
    """Return what runs the jobs: the cluster at an address, else processes of this machine.

    Raises
    ------
    CourseError
        If there is a parcel to send and no cluster to send it to.
    """
    if parcel is not None and not scheduler:
        raise CourseError("--send-files sends them to a cluster: give its --scheduler ADDRESS")
    return DaskExecutor(scheduler, parcel) if scheduler else LocalExecutor(processes)
