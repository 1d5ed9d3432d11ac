"""A training for several processes: LeNet-5 on MNIST.

    python train.py                                 one process
    torchrun --nproc-per-node 2 train.py            two on this machine
    course slurm train train.py --nodes 2 --gpus 4  eight on a SLURM cluster

`fit` finds out by itself how many processes there are. Each computes its
share of every batch; the first one prints and writes the checkpoint, from
which the same command goes on after a stop.
"""

import argparse

from utils import datasets, training
from utils.models import LeNet5

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--images", type=int, default=60_000)
parser.add_argument("--checkpoint", default="build/checkpoints/cluster")
args = parser.parse_args()

digits = datasets.load("mnist", quiet=True).subset(slice(args.images))
training.set_seed(0)
model = LeNet5()
training.fit(
    model,
    digits,
    epochs=args.epochs,
    lr=0.01,
    accumulate=2,  # a share in pieces: less memory, the same gradient
    precision="auto",  # bf16 where the hardware gains by it
    checkpoint=args.checkpoint,
)
test = datasets.load("mnist", "test", quiet=True)
right = training.evaluate(model, (test.images, test.targets)).accuracy
print(f"test accuracy {right:.4f}", flush=True)
