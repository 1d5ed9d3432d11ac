"""What the scripts beside this one share: reading IDX files and writing small .npz files."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np

CLASS_COUNT = 10


def read_idx(content: bytes) -> np.ndarray:
    """Array of an IDX file of unsigned bytes (the format of MNIST's four files).

    Parameters
    ----------
    content : bytes
        Two zero bytes, the type (8: unsigned byte), the number of axes, each axis' length as a
        big-endian 32-bit integer, then the values.
    """
    if content[:3] != b"\0\0\x08":
        raise ValueError("this is no IDX file of unsigned bytes")
    axes = content[3]
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays as an .npz that `numpy.load` reads, at zlib's level 9 and with a fixed date.

    Measured on MNIST's 60,000 images (47.0 MB): zlib 9 gives 9.6 MB and loads in 0.3 s, LZMA
    7.8 MB in 0.5 s, bzip2 8.4 MB in 0.8 s. The 1.8 MB are worth a file that anybody opens.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, np.ascontiguousarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content.getvalue(), compresslevel=9)


def manifest_line(path: Path, data: Path) -> str:
    """The file's line for ``data/manifest.toml``."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = path.relative_to(data).as_posix()
    return f'"{name}" = {{ sha256 = "{digest}", bytes = {path.stat().st_size} }}'
