"""The JupyterHub recipe: started on loopback, one user signs in and runs a lecture's first cells.

Runs where the hub and its proxy are installed; `make test` installs neither.
"""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

import pytest

import utils
from utils.course import start

PROXY = shutil.which("configurable-http-proxy")
pytestmark = [
    pytest.mark.skipif(
        not importlib.util.find_spec("jupyterhub"), reason="JupyterHub is not installed"
    ),
    pytest.mark.skipif(PROXY is None, reason="configurable-http-proxy is not installed"),
]

CONFIG = utils.ROOT / "utils" / "course" / "templates" / "hub" / "jupyterhub_config.py"
PASSWORD = "only for this test"


def free_ports() -> int:
    """The first of three neighbouring free ports."""
    for first in range(18000, 19000, 3):
        try:
            for port in range(first, first + 3):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no three free ports")


@pytest.fixture
def hub(tmp_path):
    port = free_ports()
    environment = os.environ | {
        "COURSE_HUB_PASSWORD": PASSWORD,
        "COURSE_HUB_STATE": str(tmp_path),
        "COURSE_HUB_HOMES": str(tmp_path / "homes"),
        "COURSE_HUB_PORT": str(port),
        "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}",
    }
    log = (tmp_path / "hub.log").open("w")
    command = [sys.executable, "-m", "jupyterhub", "-f", str(CONFIG)]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}", tmp_path
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


class Browser:
    """Follows links and keeps cookies, as a browser without JavaScript does."""

    def __init__(self) -> None:
        self.cookies = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def cookie(self, path: str) -> str:
        found = [c for c in self.cookies if c.name == "_xsrf" and path.startswith(c.path)]
        return max(found, key=lambda c: len(c.path)).value if found else ""

    def open(self, address: str, data: dict | None = None, method: str | None = None):
        path = urllib.parse.urlsplit(address).path
        headers = {"X-XSRFToken": self.cookie(path), "Referer": address}
        body = urllib.parse.urlencode(data).encode() if data is not None else None
        request = urllib.request.Request(address, body, headers, method=method)
        return self.opener.open(request, timeout=60)


def until(condition, seconds: float = 150.0):
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = condition()
        except (urllib.error.URLError, OSError):
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.3)


@pytest.mark.timeout(400)
def test_one_user_signs_in_and_opens_a_lecture(hub):
    address, folder = hub
    browser = Browser()
    until(lambda: browser.open(f"{address}/hub/login").status == 200)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        token = {"_xsrf": browser.cookie("/hub/")}
        browser.open(f"{address}/hub/login", token | {"username": "ada", "password": "guess"})
    token = {"_xsrf": browser.cookie("/hub/")}
    browser.open(f"{address}/hub/login", token | {"username": "ada", "password": PASSWORD})

    def ready():  # a page, not the API: its redirections sign the user in at the server
        with browser.open(f"{address}/user/ada/lab") as answer:
            return b"jupyter-config-data" in answer.read()

    browser.open(f"{address}/hub/spawn")
    until(ready)
    lecture = "lectures/06_lenet.ipynb"
    with browser.open(f"{address}/user/ada/api/contents/{lecture}") as answer:
        notebook = json.load(answer)["content"]
    committed = json.loads((utils.ROOT / lecture).read_text(encoding="utf-8"))
    assert [c["id"] for c in notebook["cells"]] == [
        c["id"]
        for c in committed["cells"]
        if c["metadata"].get("slideshow", {}).get("slide_type") != "notes"
    ]
    assert not any(c.get("outputs") for c in notebook["cells"])
    assert (folder / "homes" / "ada" / lecture).is_file()
    with browser.open(f"{address}/user/ada/lab/tree/{lecture}") as answer:
        assert b"JupyterLab" in answer.read()
    with browser.open(f"{address}/user/ada/api/kernels", {}, method="POST") as answer:
        assert json.load(answer)["name"] == "python3"
    (folder / "homes" / "ada" / lecture).write_text("mine")  # a second start leaves it alone
    scope = {"COURSE": utils.ROOT, "HOMES": folder / "homes", "start": start.start}
    source = CONFIG.read_text(encoding="utf-8")
    begin, end = source.index("def give_lectures"), source.index("c.Spawner.pre_spawn_hook")
    exec(source[begin:end], scope)
    user = type("User", (), {"name": "ada"})
    scope["give_lectures"](type("Spawner", (), {"user": user}))
    assert (folder / "homes" / "ada" / lecture).read_text() == "mine"


def test_the_hub_does_not_start_without_a_password(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "COURSE_HUB_PASSWORD"}
    environment |= {"COURSE_HUB_STATE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "jupyterhub", "-f", str(CONFIG)], cwd=tmp_path, env=environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode != 0 and "COURSE_HUB_PASSWORD" in done.stderr
