"""Make the embedded part of Fashion-MNIST: 10,000 training and 2,000 test images.

Run it from the repository's root: ``python data/make/fashion_mnist.py``. It fetches the four
original files (Debian's package dataset-fashion-mnist, else torchvision) and keeps of each class
the first 1,000 training and the first 200 test images, in the order of the original files. It
prints the lines for ``data/manifest.toml``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from packing import CLASS_COUNT, manifest_line, read_idx, write_npz

from utils import ROOT
from utils.fetch import obtain

PARTS = {"train-10000": ("train", 1000), "test-2000": ("t10k", 200)}
FIRST = {"train": [9, 0, 0, 3, 0, 2, 7, 2, 5, 5], "t10k": [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]}


def first_of_each_class(labels: np.ndarray, count: int) -> np.ndarray:
    """Indices, ascending, of the first `count` examples of every class."""
    chosen = [np.flatnonzero(labels == label)[:count] for label in range(CLASS_COUNT)]
    return np.sort(np.concatenate(chosen))


def main() -> int:
    """Write both files; exit status 1 if the originals are not Fashion-MNIST."""
    for name, (part, count) in PARTS.items():
        images, labels = (
            read_idx(obtain("fashion-mnist", f"fashion-mnist/{part}-{kind}-ubyte").read_bytes())
            for kind in ("images-idx3", "labels-idx1")
        )
        balanced = len(set(np.bincount(labels).tolist())) == 1
        if not balanced or labels[:10].tolist() != FIRST[part]:
            print(f"the {part} labels are not Fashion-MNIST's", file=sys.stderr)
            return 1
        keep = first_of_each_class(labels, count)
        path = Path(ROOT, "data", "fashion-mnist", f"{name}.npz")
        write_npz(path, images=images[keep], labels=labels[keep])
        print(manifest_line(path, ROOT / "data"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
