"""Make ``data/cutouts``: 201 photographed cut-outs in eight classes, with their licence.

Source: Debian's package ``tuxpaint-stamps-default`` (the stamps of Tux Paint, GPL-2), fetched with
``apt-get download`` and unpacked with ``dpkg-deb``; nothing is installed and no root is needed.

    python data/make/cutouts.py            # write data/cutouts and its SHA256SUMS
    python data/make/cutouts.py --check    # make them again elsewhere and compare

A stamp becomes a cut-out when it is a photograph (no path with ``cartoon``, ``mirror`` or
``flip``), has at least 40 pixels on its shorter side and has transparent pixels. It is cropped to
the pixels with alpha > 127, shrunk to at most 112 pixels and stored as WebP with alpha. One stamp
holds only the emblems of a police car; it is put on the sedan it is meant for. The encoder's bytes depend on Pillow's libwebp, so ``--check`` compares pixels as well as hashes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from utils import ROOT

PACKAGE, VERSION = "tuxpaint-stamps-default", "2022.06.04-1"
PACKAGE_SHA256 = "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34"

SIZE = 112  # longer side of a stored cut-out, in pixels
QUALITY = 76

FOLDERS = {
    "bird": "animals/birds",
    "fish": "animals/fish",
    "mammal": "animals/mammals",
    "insect": "animals/insects",
    "fruit": "food/fruit",
    "vegetable": "food/vegetables",
    "flower": "plants/flowers",
    "vehicle": "vehicles",
}
# Upstream's "police car emblems to put on the sedan": alone they show no vehicle.
EMBLEMS, SEDAN, EMBLEMS_AT = "emergency/sedan_police.png", "auto/sedan.png", (8, -4)

COUNTS = {
    "bird": 35,
    "fish": 11,
    "mammal": 65,
    "insect": 9,
    "fruit": 24,
    "vegetable": 15,
    "flower": 25,
    "vehicle": 17,
}


def download(folder: Path) -> Path:
    """Fetch the package into ``folder``, check its hash, unpack it; return the unpacked tree."""
    subprocess.run(["apt-get", "download", "-q", f"{PACKAGE}={VERSION}"], cwd=folder, check=True)
    (package,) = folder.glob(f"{PACKAGE}_*.deb")
    found = hashlib.sha256(package.read_bytes()).hexdigest()
    if found != PACKAGE_SHA256:
        raise SystemExit(f"{package.name} has SHA-256 {found}, not {PACKAGE_SHA256}; nothing made.")
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "-x", package, tree], check=True)
    return tree


def is_cutout(path: Path) -> bool:
    """Whether a stamp is a photograph with transparency, large enough to recognise."""
    inside = path.as_posix().rpartition("/stamps/")[2]
    if re.search("cartoon|mirror|flip", inside):
        return False
    image = Image.open(path)
    if min(image.size) < 40 or image.mode not in ("RGBA", "LA", "P"):
        return False
    return bool(np.asarray(image.convert("RGBA"))[..., 3].min() == 0)


def crop(path: Path) -> Image.Image:
    """Crop a stamp to alpha > 127 and shrink it to at most ``SIZE`` pixels."""
    image = Image.open(path).convert("RGBA")
    if path.match(EMBLEMS):
        image = put_on_sedan(image, Image.open(path.parents[1] / SEDAN).convert("RGBA"))
    image = image.crop(image.getchannel("A").point(lambda alpha: 255 * (alpha > 127)).getbbox())
    image.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
    return image


def put_on_sedan(emblems: Image.Image, sedan: Image.Image) -> Image.Image:
    """Make the police car out of its two stamps; the light stands out above the roof."""
    x, y = EMBLEMS_AT
    car = Image.new("RGBA", (sedan.width, sedan.height - y))
    car.paste(sedan, (0, -y))
    car.alpha_composite(emblems, (x, 0))
    return car


def encode(image: Image.Image) -> bytes:
    """Encode a cut-out as WebP: lossy colour, lossless alpha."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY, alpha_quality=100, method=6)
    return buffer.getvalue()


def make(tree: Path, target: Path) -> None:
    """Write the cut-outs, the licence texts and SHA256SUMS into ``target``."""
    stamps = tree / "usr/share/tuxpaint/stamps"
    sums = {}
    for name, folder in FOLDERS.items():
        source = stamps / folder
        chosen = sorted(path for path in source.rglob("*.png") if is_cutout(path))
        if len(chosen) != COUNTS[name]:
            raise SystemExit(f"{name}: {len(chosen)} stamps found, {COUNTS[name]} expected.")
        (target / name).mkdir(parents=True, exist_ok=True)
        for path in chosen:
            stem = "-".join(path.relative_to(source).with_suffix("").parts).lower()
            file = target / name / f"{stem}.webp"
            file.write_bytes(encode(crop(path)))
            key = file.relative_to(target).as_posix()
            if key in sums:
                raise SystemExit(f"two stamps would be stored as {key}.")
            sums[key] = hashlib.sha256(file.read_bytes()).hexdigest()
    documents = tree / "usr/share/doc" / PACKAGE
    (target / "COPYRIGHT.txt").write_bytes((documents / "copyright").read_bytes())
    changes = gzip.decompress((documents / "changelog.gz").read_bytes())
    (target / "CHANGES.txt").write_bytes(changes)
    lines = "".join(f"{sums[key]}  {key}\n" for key in sorted(sums))
    (target / "SHA256SUMS").write_text(lines, encoding="ascii", newline="\n")


def compare(made: Path, committed: Path) -> int:
    """Number of cut-outs whose pixels differ between two folders; prints what it found."""
    names = [line.split()[1] for line in (made / "SHA256SUMS").read_text().splitlines()]
    pixels = lambda path: np.asarray(Image.open(path).convert("RGBA"))
    same = sum((made / n).read_bytes() == (committed / n).read_bytes() for n in names)
    wrong = [n for n in names if not np.array_equal(pixels(made / n), pixels(committed / n))]
    print(f"{len(names)} cut-outs, {same} equal byte for byte, {len(wrong)} with other pixels")
    return len(wrong)


def main() -> int:
    """Make the cut-outs, or compare a fresh set with the committed one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    arguments = parser.parse_args()
    committed = ROOT / "data" / "cutouts"
    with tempfile.TemporaryDirectory() as folder:
        tree = download(Path(folder))
        if arguments.check:
            made = Path(folder) / "made"
            make(tree, made)
            return min(1, compare(made, committed))
        make(tree, committed)
    total = sum(path.stat().st_size for path in committed.rglob("*.webp"))
    print(f"{sum(COUNTS.values())} cut-outs, {total:,} bytes, in {committed.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
