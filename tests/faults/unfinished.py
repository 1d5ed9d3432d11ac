"""After every test: no file or folder that somebody began to write lies in the test's folder."""

import re

import pytest

UNFINISHED = re.compile(r"\.tmp$|\.tmp-|\.part$|^\.(site|pdf)-")
"""How the names of what is being written look, wherever in `utils` it is written."""


def left_unfinished(folder) -> list[str]:
    """What lies about below a folder, unfinished."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if UNFINISHED.search(path.name)
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    """Fail a test that left something, unless it is marked `leaves_unfinished`."""
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    left = []
    if folder is not None and item.get_closest_marker("leaves_unfinished") is None:
        left = left_unfinished(folder)
    result = yield
    if left:
        pytest.fail(f"left unfinished: {', '.join(left)}", pytrace=False)
    return result
