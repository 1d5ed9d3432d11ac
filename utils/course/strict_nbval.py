"""A pytest plugin that makes nbval strict, quick and honest (``-p utils.course.strict_nbval``).

- A killed kernel is noticed within a second, not after the time limit of the cell.
- After the first cell that cannot be executed the rest of that notebook is skipped.
- Cells that use optional data this machine lacks are executed and not compared.
- Progress bars and widgets are left out of the comparison, as ``course refresh`` does.
- Every cell's report says whether its output was compared, and why if it was not.

It builds on nbval 0.11, whose parts it replaces are checked when it is loaded.
"""

import os
import time
from queue import Empty

import nbformat
import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

from utils.course import notebooks

PROPERTY = "comparison"
"""Name of the property in the JUnit report: ``compared``, or the reason; empty without output."""

EARLIER = "an earlier cell of this notebook failed"

_OUTPUT_SECONDS = 60.0


class KernelDied(RuntimeError):
    """The kernel's process ended while a cell ran."""


def _await_reply(self: RunningKernel, msg_id: str, timeout: float | None = None) -> None:
    """Wait for the reply to a request as long as the kernel lives and time is left."""
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        try:
            message = self.get_message(stream="shell", timeout=0.5)
        except Empty:
            if not self.is_alive():
                raise KernelDied(
                    "the kernel died while it ran this cell: killed, or out of memory?"
                ) from None
            if end is not None and time.monotonic() > end:
                raise
            continue
        if message["parent_header"].get("msg_id") == msg_id:
            if message["content"]["status"] == "aborted":
                raise RuntimeError("the kernel refused to execute this cell")
            return


def _compare_tidy(self: IPyNbCell, test, ref, skip_compare=None) -> bool:
    """Compare outputs as nbval does, each without what differs from run to run."""
    tidy = [
        [nbformat.from_dict(output) for output in notebooks.tidy_outputs(outputs)]
        for outputs in (test, ref)
    ]
    return _nbval_compare(self, *tidy, skip_compare)


_nbval_compare = IPyNbCell.compare_outputs


def pytest_configure(config: pytest.Config) -> None:
    """Replace the parts of nbval, and give its kernels one thread each."""
    RunningKernel.await_reply = _await_reply
    IPyNbCell.compare_outputs = _compare_tidy
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", JUPYTER_PREFER_ENV_PATH="1")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give nbval back what belongs to it."""
    IPyNbCell.compare_outputs = _nbval_compare


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Judge each cell: is its output compared, and if not, why."""
    cells = [item for item in items if isinstance(item, IPyNbCell)]
    needed = any(notebooks.needed_data(item.cell) for item in cells)
    absent = notebooks.absent_data() if needed else set()
    for item in cells:
        item.output_timeout = _OUTPUT_SECONDS
        if absent & set(notebooks.needed_data(item.cell)):
            item.options["check"] = False
        compared, why = notebooks.comparison(item.cell, absent)
        item.user_properties.append((PROPERTY, "compared" if compared else why))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what follows a cell that could not be executed."""
    if isinstance(item, IPyNbCell):
        failed = getattr(item.parent, "failed_cell", None)
        if failed:
            pytest.skip(f"{EARLIER}: {failed}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Remember the first cell of a notebook that could not be executed."""
    report = yield
    if isinstance(item, IPyNbCell) and report.failed:
        error = call.excinfo.value
        if not (isinstance(error, NbCellError) and "outputs differ" in str(error)):
            if not hasattr(item.parent, "failed_cell"):
                item.parent.failed_cell = item.name
    return report


for _owner, _name in ((RunningKernel, "await_reply"), (IPyNbFile, "collect")):
    if not callable(getattr(_owner, _name, None)):
        raise ImportError(f"this nbval has no {_owner.__name__}.{_name}: install the pinned one")
