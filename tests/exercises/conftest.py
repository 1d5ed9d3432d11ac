"""Nothing of the tests' own runs inside code that is stopped from outside."""

import gc

import pytest


@pytest.fixture(autouse=True)
def no_watch_on_the_garbage_collector():
    """Hypothesis times collections, in whatever thread they come; `TimeUp` may strike there.

    It would then be reported as an exception that nobody could raise, which fails a test whose
    answers were all rejected as they should be (seen once in ten runs on a busy machine).
    """
    callbacks = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks[:] = callbacks
