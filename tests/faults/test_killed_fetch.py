"""A download killed at random moments: no half file is ever taken for a whole one.

The fetching process is a real one with a slow server of this machine at its other end. After each
kill every file is whole or absent, and the next fetch succeeds and leaves nothing beside the files.
"""

import contextlib
import hashlib
import http.server
import os
import random
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from shop import DRIVER, FILES, MEMBERS, TORCHVISION, Shop, tarball

from utils import fetch

PIECES, PAUSE = 30, 0.02
"""Pieces in which a slow server sends an archive, and seconds between them."""

SLOWLY = """
import os, time
for name in ("fsync", "replace"):
    def slow(*arguments, call=getattr(os, name)):
        time.sleep(0.08)
        call(*arguments)
        time.sleep(0.08)
    setattr(os, name, slow)
"""
"""Writing and renaming take their time too, so that kills fall between them."""

FROM_HERE = """
import torchvision.datasets
torchvision.datasets.CIFAR10.url = os.environ["TEST_URL"]
torchvision.datasets.CIFAR10.tgz_md5 = os.environ["TEST_MD5"]
"""

DOWNLOAD = """
import urllib.request
with urllib.request.urlopen({url!r}, timeout=30) as answer, open("toy-1.0.0.tgz", "wb") as file:
    while piece := answer.read(2000):
        file.write(piece)
        file.flush()
"""
"""What npm does: it writes while it reads."""


class SlowServer:
    """Serves one archive in pieces; says in which phase a client was, and whether it went."""

    def __init__(self, body: bytes) -> None:
        served = self
        self.body, self.pause, self.begun, self.whole = body, PAUSE, 0, 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()

            def do_GET(self):
                self.do_HEAD()
                served.begun += 1
                size = -(-len(body) // PIECES)
                try:
                    for first in range(0, len(body), size):
                        self.wfile.write(body[first : first + size])
                        time.sleep(served.pause)
                    served.whole += 1
                except OSError:  # whoever read is dead
                    pass

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *arguments):
                pass

        self.http = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/toy.tar.gz"
        self.md5 = hashlib.md5(body).hexdigest()
        self.thread = threading.Thread(target=self.http.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(tmp_path):
    made = SlowServer(tarball(MEMBERS, tmp_path / "served.tgz").read_bytes())
    yield made
    made.close()


def whole_or_absent(shop: Shop) -> int:
    """How many files are there; each must be whole, and known to be so."""
    there = 0
    for name, content in FILES.items():
        path = shop.cache / name
        if path.exists():
            assert path.read_bytes() == content, f"half of {name} lies under its name"
            assert fetch.obtain("toy", name, source="cached") == path.resolve()
            there += 1
        else:
            with pytest.raises(fetch.DataError, match="is not in the cache"):
                fetch.obtain("toy", name, source="cached")
    assert set(fetch.verify("toy").values()) <= {"verified", "not fetched"}
    assert fetch.is_cached("toy") == (there == len(FILES))
    return there


def starts(shop: Shop, program: str, **environment) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", program, "fetch", "toy"],
        env=shop.environment(**environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def killed_twenty_times(shop, course, server, program, seed, **environment):
    """Kill a fetch at twenty moments of its life, and fetch again after each."""
    begun = time.monotonic()
    assert starts(shop, program, **environment).wait(60) == 0
    length = time.monotonic() - begun
    assert server.whole == 1 and whole_or_absent(shop) == len(FILES)
    moments = random.Random(seed)
    found = []
    for number in range(20):
        for name in FILES:
            (shop.cache / name).unlink()
        server.begun = server.whole = 0
        process = starts(shop, program, **environment)
        # a moment in each twentieth of its life
        moment = length * (number + moments.random()) / 20
        time.sleep(moment)
        below = []
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):  # it ends just now
                below = psutil.Process(process.pid).children(recursive=True)
                if number % 2:
                    process.kill()  # alone: what it started goes on for a while
                else:
                    os.killpg(process.pid, signal.SIGKILL)
        else:
            length = moment  # it is faster than the first one was
        ended = process.wait(30)
        found.append((server.begun, server.whole, whole_or_absent(shop), ended))
        if number % 4 == 1:  # the next fetch meets the dead one's client still at work
            below = []
        psutil.wait_procs(below, timeout=30)
        server.pause = 0
        status, _, err = course("fetch", "toy")
        server.pause = PAUSE
        assert status == 0, err
        assert whole_or_absent(shop) == len(FILES)
        assert shop.lying_about() == set()
    kills = sum(ended == -signal.SIGKILL for *_, ended in found)
    assert kills >= 15, found  # a late one may come after the end
    assert any(begun and not whole for begun, whole, *_ in found), "none fell into the download"
    assert any(not begun for begun, *_ in found), "none fell before it"
    assert any(whole for _, whole, *_ in found), "none fell after it"
    time.sleep(0.5)  # a client that outlived its fetch has no place to write to
    assert shop.lying_about() == set()


@pytest.mark.skipif(os.name != "posix", reason="needs process groups")
def test_a_download_killed_at_20_moments(shop, course, server):
    shop.npm(DOWNLOAD.format(url=server.url))
    killed_twenty_times(shop, course, server, SLOWLY + DRIVER, seed=12)


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="needs process groups")
@pytest.mark.parametrize("seed", range(2))
def test_torchvisions_download_killed_at_40_moments(shop, course, server, monkeypatch, seed):
    import torchvision.datasets

    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", server.url)
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "tgz_md5", server.md5)
    shop.write_manifest(TORCHVISION)
    program = "import os\n" + FROM_HERE + SLOWLY + DRIVER
    killed_twenty_times(
        shop, course, server, program, seed, TEST_URL=server.url, TEST_MD5=server.md5
    )


def test_four_processes_at_once_the_first_killed(shop, course, server):
    """Whoever holds the lock dies; one of the others takes over, and the rest find it done."""
    shop.npm(DOWNLOAD.format(url=server.url))
    first = shop.start("fetch", "toy")
    deadline = time.monotonic() + 30
    while not server.begun:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    others = [shop.start("fetch", "toy") for _ in range(3)]
    time.sleep(0.3)
    assert not server.whole, "the server is too fast for this test"
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    said = [process.communicate(timeout=60) for process in others]
    assert [process.returncode for process in others] == [0, 0, 0], said
    assert server.begun == 2 and shop.runs() == 2
    assert whole_or_absent(shop) == 2 and shop.lying_about() == set()
