"""Job scripts for SLURM, read as text, and run by programs that stand in for SLURM's."""

import os
import re
import subprocess
import sys

import jinja2
import pytest

import utils
from utils.course import main, slurm
from utils.course.jobs import QUIET_DASK
from utils.course.slides import TEMPLATES


def directives(text: str) -> set[str]:
    return set(re.findall(r"(?m)^#SBATCH (.+)$", text))


def is_bash(text: str) -> bool:
    return subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0


def test_a_training_on_nodes_with_gpus(capsys):
    words = "train my.py --nodes 2 --gpus 4 --cores 8 --time 01:30:00 --partition gpu".split()
    assert main(["slurm", *words]) == 0
    text = capsys.readouterr().out
    assert directives(text) == {
        "--job-name=course-my", "--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=32",
        "--gpus-per-node=4", "--time=01:30:00", "--partition=gpu", "--signal=TERM@60",
        "--output=%x-%j.out",
    }  # fmt: skip
    assert text.startswith("#!/usr/bin/env bash\n#SBATCH") and is_bash(text)
    assert "--nnodes=2 --nproc-per-node=4" in text and text.endswith("    my.py\n")
    assert 'scontrol show hostnames "$SLURM_JOB_NODELIST"' in text
    assert "OMP_NUM_THREADS=8" in text and f"srun {sys.executable} -m torch.distributed" in text


def test_a_training_on_cpus_and_words_that_need_quotes():
    text = slurm.training_script("a b.py", ["--name", "it's"], processes=2, cores=1, account="me")
    assert is_bash(text) and "--gpus" not in text and "--account=me" in text
    assert "--cpus-per-task=2" in text and "'a b.py' --name 'it'\"'\"'s'" in text


def test_the_script_runs_where_slurms_programs_are(tmp_path):
    """scontrol and srun are played: one node, the processes on this machine."""
    played = tmp_path / "bin"
    played.mkdir()
    for name, body in (("scontrol", "echo 127.0.0.1"), ("srun", 'exec "$@"')):
        (played / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (played / name).chmod(0o755)
    (tmp_path / "who.py").write_text(
        "import os, pathlib, sys, utils\n"
        "rank, world = os.environ['RANK'], os.environ['WORLD_SIZE']\n"
        "pathlib.Path(sys.argv[1], rank).write_text(f'{world} {utils.ROOT}')\n"
    )
    (tmp_path / "out").mkdir()
    script = slurm.training_script("who.py", ["out"], processes=2, cores=1)
    environment = os.environ | {
        "PATH": f"{played}{os.pathsep}{os.environ['PATH']}",
        "SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "node[1-1]", "COURSE_PORT": "0",
        "GLOO_SOCKET_IFNAME": "lo",
    }  # fmt: skip
    done = subprocess.run(
        ["bash"], input=script, text=True, cwd=tmp_path, env=environment, capture_output=True,
        timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    seen = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert seen == {"0": f"2 {utils.ROOT}", "1": f"2 {utils.ROOT}"}


def test_workers_through_dask_jobqueue(capsys):
    pytest.importorskip("dask_jobqueue", reason="the extra `cluster` is not installed")
    assert main(["slurm", "workers", "--memory", "3GB", "--partition", "cpu", "--show"]) == 0
    text = capsys.readouterr().out
    assert is_bash(text)
    assert {"-J course-worker", "-p cpu", "--cpus-per-task=1", "--ntasks=1"} <= directives(text)
    assert "-t 02:00:00" in directives(text) and "--mem=3G" in directives(text)
    assert "export OMP_NUM_THREADS=1" in text
    assert "export DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False" in text
    last = text.strip().splitlines()[-1]
    assert last.startswith(f"{sys.executable} -m distributed.cli.dask_worker tcp://")
    assert "--nthreads 1" in last and "--nanny" in last and "--no-dashboard" in last


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "a.py", "--nodes", "0"], "--nodes 0: give a whole number of at least 1"),
        (["train", "a.py", "--gpus", "4", "--processes", "2"], "fit takes one GPU a process"),
        (["train", "a.py", "--time", "2h"], "--time 2h: give it as HH:MM:SS"),
        (["workers", "--jobs", "0"], "--jobs 0: give a whole number of at least 1"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(capsys, words, said):
    assert main(["slurm", *words]) == 1
    assert said in capsys.readouterr().err


def test_workers_without_the_extra_say_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    assert main(["slurm", "workers", "--show"]) == 1
    assert "needs the extra `cluster`" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["cluster", "hub"])
def test_the_pages_name_commands_that_exist(name):
    """Every `course ...` in a page is a subcommand, and every option of it is known."""
    from utils.course import COMMANDS

    loader = jinja2.FileSystemLoader(TEMPLATES / "site")
    text = (
        jinja2.Environment(loader=loader)
        .get_template(f"{name}.md.j2")
        .render(dask_settings=QUIET_DASK)
    )
    commands = re.findall(r"(?m)(?:^|`)course (\w+)", text)
    assert commands and set(commands) <= set(COMMANDS)
    for path in re.findall(r"utils/course/templates/\S+\.py", text):
        assert (utils.ROOT / path).is_file()
    if name == "cluster":
        assert "\nexport DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL=1s\n# on one machine" in text
        example = (TEMPLATES / "site" / "cluster" / "train.py").read_text()
        assert example.strip() in text, "the page shows the script that is tested"
