"""JupyterHub for trying the course with a class, on one machine, reachable from it alone.

    pip install -c constraints.txt -e ".[course]" jupyterhub
    npm install -g configurable-http-proxy
    COURSE_HUB_PASSWORD=... jupyterhub -f utils/course/templates/hub/jupyterhub_config.py

Everyone signs in with a name and the one password, and finds the course's lectures copied into a
folder of their own. All of them are this machine's one user: good for a try-out among people who
trust each other, not for a class on the open network.
"""

import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821 - JupyterHub provides it

COURSE = Path(os.environ.get("COURSE_ROOT", Path(__file__).resolve().parents[4]))
HOMES = Path(os.environ.get("COURSE_HUB_HOMES", COURSE / "build" / "hub" / "homes"))
STATE = Path(os.environ.get("COURSE_HUB_STATE", COURSE / "build" / "hub"))
PORT = int(os.environ.get("COURSE_HUB_PORT", "8000"))

sys.path.insert(0, str(COURSE))
from utils.course.start import start  # noqa: E402

STATE.mkdir(parents=True, exist_ok=True)

# Everything listens on the loopback address only.
c.JupyterHub.bind_url = f"http://127.0.0.1:{PORT}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{PORT + 1}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{PORT + 2}"
c.JupyterHub.db_url = f"sqlite:///{STATE / 'hub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")
c.JupyterHub.cleanup_servers = True

# One password for all; without it the hub does not start.
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ["COURSE_HUB_PASSWORD"]
c.Authenticator.allow_all = True

# A server a user, as processes of this machine.
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(HOMES / "{username}")
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.default_url = "/lab/tree/lectures/06_lenet.ipynb"
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120
c.Spawner.environment = {"OMP_NUM_THREADS": "1"}  # a kernel takes one core
if hasattr(os, "geteuid") and os.geteuid() == 0:
    c.Spawner.args = ["--allow-root"]


def give_lectures(spawner) -> None:
    """Copy the lectures, without outputs and speaker notes, into the user's folder.

    What is already there is theirs and stays.
    """
    for lecture in sorted((COURSE / "lectures").glob("*.ipynb")):
        start(lecture, HOMES / spawner.user.name / "lectures")


c.Spawner.pre_spawn_hook = give_lectures
