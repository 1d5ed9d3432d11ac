"""``course slurm``: job scripts for a cluster that SLURM runs.

``course slurm workers`` starts a Dask scheduler here and asks SLURM, through dask-jobqueue, for
workers; lectures, studies and grids then run there with ``--scheduler ADDRESS``. ``course slurm
train SCRIPT`` prints an sbatch script that starts one training on several nodes with torchrun,
which `fit` joins by itself.
"""

import argparse
import re
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import utils
from utils.course import CourseError
from utils.course.jobs import QUIET_DASK

PORT = 29500
"""Where the processes of a training meet, on the first node."""


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``slurm``."""
    parser = subparsers.add_parser(
        "slurm",
        help="write job scripts for a SLURM cluster",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Run lectures on workers that SLURM starts, or one training on several nodes.",
        epilog="examples:\n"
        "  course slurm workers --jobs 8                  # prints the address for --scheduler\n"
        "  course slurm workers --jobs 8 --show           # prints the job script, starts nothing\n"
        "  course slurm train my_training.py --nodes 2 --gpus 4 > job.sh && sbatch job.sh",
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="workers|train")
    workers = kinds.add_parser("workers", help="start a Dask scheduler here and workers on nodes")
    workers.add_argument("--jobs", type=int, default=4, metavar="N", help="workers; default: 4")
    workers.add_argument("--memory", default="4GB", help="of a worker; default: 4GB")
    workers.add_argument("--interface", metavar="NAME", help="network the nodes share, as ib0")
    workers.add_argument("--show", action="store_true", help="print the job script and end")
    train = kinds.add_parser("train", help="print an sbatch script that runs torchrun")
    train.add_argument("script", help="a Python script that calls fit")
    train.add_argument("arguments", nargs="*", help="for the script")
    train.add_argument("--nodes", type=int, default=1, metavar="N")
    train.add_argument("--gpus", type=int, default=0, metavar="N", help="of a node; 0: CPUs only")
    train.add_argument("--processes", type=int, metavar="N", help="of a node; default: one a GPU")
    train.add_argument("--cores", type=int, default=4, metavar="N", help="of a process; default: 4")
    for kind in (workers, train):
        kind.add_argument("--time", default="02:00:00", metavar="H:MM:SS", help="default: 2 hours")
        kind.add_argument("--partition", metavar="NAME")
        kind.add_argument("--account", metavar="NAME")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out ``course slurm``."""
    if not re.fullmatch(r"(\d+-)?\d{1,3}:\d\d:\d\d", args.time):
        raise CourseError(f"--time {args.time}: give it as HH:MM:SS or D-HH:MM:SS")
    if args.kind == "train":
        processes = args.processes if args.processes is not None else max(1, args.gpus)
        text = training_script(
            args.script,
            args.arguments,
            nodes=args.nodes,
            processes=processes,
            gpus=args.gpus,
            cores=args.cores,
            time=args.time,
            partition=args.partition,
            account=args.account,
        )
        print(text, end="")
        return 0
    if args.jobs < 1:
        raise CourseError(f"--jobs {args.jobs}: give a whole number of at least 1")
    cluster = worker_cluster(
        memory=args.memory,
        time=args.time,
        partition=args.partition,
        account=args.account,
        interface=args.interface,
    )
    with cluster:
        if args.show:
            print(cluster.job_script(), end="")
            return 0
        cluster.scale(jobs=args.jobs)
        print(f"{args.jobs} workers asked for. In another terminal:", flush=True)
        print(f"  course run --scheduler {cluster.scheduler_address}", flush=True)
        print("Ctrl-C ends the scheduler and its workers.", flush=True)
        while True:
            time.sleep(3600)


def worker_cluster(
    memory: str = "4GB",
    time: str = "02:00:00",
    partition: str | None = None,
    account: str | None = None,
    interface: str | None = None,
):
    """Return dask-jobqueue's cluster: each job is one worker of one core, for one kernel at a time.

    Parameters
    ----------
    memory, time : str
        Of a worker; ``time`` as SLURM takes it.
    partition, account : str, optional
    interface : str, optional
        Name of the network the nodes share.

    Raises
    ------
    CourseError
        If the extra ``cluster`` is not installed.
    """
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise CourseError(
            "course slurm workers needs the extra `cluster`: "
            'pip install -c constraints.txt -e ".[course,cluster]"'
        ) from None
    return SLURMCluster(
        cores=1,
        processes=1,
        memory=memory,
        walltime=time,
        queue=partition,
        account=account,
        interface=interface,
        job_name="course-worker",
        python=sys.executable,
        job_script_prologue=[
            "export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1",
            *(f"export {name}={value}" for name, value in QUIET_DASK.items()),
        ],
        job_directives_skip=["-n 1"],
        job_extra_directives=["--ntasks=1"],
        worker_extra_args=["--no-dashboard"],
        scheduler_options={"dashboard_address": None},
    )


def training_script(
    script: str,
    arguments: Sequence[str] = (),
    *,
    nodes: int = 1,
    processes: int = 1,
    gpus: int = 0,
    cores: int = 4,
    time: str = "02:00:00",
    partition: str | None = None,
    account: str | None = None,
) -> str:
    """Return an sbatch script that runs a training on several nodes.

    SLURM starts torchrun once a node; torchrun starts the processes and tells each its rank.

    Parameters
    ----------
    script : str
        Python script that calls `utils.training.fit`, relative to where sbatch is called.
    arguments : sequence of str
        For it.
    nodes, processes : int
        Nodes, and processes on each, at least 1.
    gpus : int
        Of a node; 0 trains on CPUs.
    cores : int
        Of a process, at least 1.
    time, partition, account
        As SLURM takes them.
    """
    least = {"--nodes": (nodes, 1), "--processes": (processes, 1), "--cores": (cores, 1),
             "--gpus": (gpus, 0)}  # fmt: skip
    for name, (value, lowest) in least.items():
        if value < lowest:
            raise CourseError(f"{name} {value}: give a whole number of at least {lowest}")
    if gpus and processes != gpus:
        raise CourseError(f"{processes} processes on {gpus} GPUs: fit takes one GPU a process")
    directives = [
        f"--job-name=course-{Path(script).stem}",
        f"--nodes={nodes}",
        "--ntasks-per-node=1",
        f"--cpus-per-task={processes * cores}",
        *([f"--gpus-per-node={gpus}"] if gpus else []),
        f"--time={time}",
        *([f"--partition={partition}"] if partition else []),
        *([f"--account={account}"] if account else []),
        "--signal=TERM@60",
        "--output=%x-%j.out",
    ]
    command = " ".join(shlex.quote(word) for word in (script, *arguments))
    lines = [
        "#!/usr/bin/env bash",
        *(f"#SBATCH {line}" for line in directives),
        "set -euo pipefail",
        "",
        'FIRST=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
        f"export OMP_NUM_THREADS={cores}",
        f"export PYTHONPATH={shlex.quote(str(utils.ROOT))}${{PYTHONPATH:+:$PYTHONPATH}}",
        "",
        f"srun {shlex.quote(sys.executable)} -m torch.distributed.run \\",
        f"    --nnodes={nodes} --nproc-per-node={processes} \\",
        '    --rdzv-id="$SLURM_JOB_ID" --rdzv-backend=c10d \\',
        f'    --rdzv-endpoint="$FIRST:${{COURSE_PORT:-{PORT}}}" \\',
        f"    {command}",
    ]
    return "\n".join(lines) + "\n"
