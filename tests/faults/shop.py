"""A data set, its cache and a stand-in for npm, for the tests in which fetching goes wrong."""

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path

from utils import ROOT, fetch

NOISE = hashlib.shake_256(b"a picture").digest(300_000)
OTHER = hashlib.shake_256(b"another").digest(2_000)
FILES = {"toy/images.bin": NOISE, "toy/labels.bin": OTHER}
MEMBERS = {"package/images.bin": NOISE, "package/labels.bin": OTHER}

DRIVER = """
import argparse, os, pathlib, resource, signal, sys
from utils import fetch
from utils.course import data
limit = int(os.environ.get("TEST_FSIZE", 0))
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
fetch.DATA = pathlib.Path(os.environ["TEST_DATA"])
fetch.MANIFEST = fetch.DATA / "manifest.toml"
parser = argparse.ArgumentParser()
data.add_parser(parser.add_subparsers())
raise SystemExit(data.run(parser.parse_args(["data", *sys.argv[1:]])))
"""


def tarball(members: dict, path: Path) -> Path:
    """A .tgz of `members`; a value may be a TarInfo of a link instead of bytes."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, tuple):
                info.type, info.linkname = content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


class Shop:
    """A manifest, a cache, a repository's data folder and a stand-in for npm, in one folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.data, self.cache, self.bin = folder / "data", folder / "cache", folder / "bin"
        self.log = folder / "npm.log"
        for place in (self.data / "toy", self.bin):
            place.mkdir(parents=True)
        self.write_manifest()

    def write_manifest(self, sources: str | None = None, files: dict = FILES) -> None:
        sources = sources or (
            '[[toy.sources]]\nkind = "npm"\npackage = "toy"\nversion = "1.0.0"\n'
            "[toy.sources.members]\n"
            '"toy/images.bin" = "package/images.bin"\n"toy/labels.bin" = "package/labels.bin"\n'
        )
        table = '[toy]\ntitle = "toy"\nlicence = "MIT"\nbytes = 302000\n' + sources
        table += "[toy.files]\n" + "".join(
            f'"{name}" = {{ sha256 = "{hashlib.sha256(content).hexdigest()}", '
            f"bytes = {len(content)} }}\n"
            for name, content in files.items()
        )
        (self.data / "manifest.toml").write_text(table)
        fetch._read_manifest.cache_clear()

    def npm(self, does: str) -> None:
        """Install a stand-in for npm: Python that runs in the folder where npm would write."""
        script = self.bin / "npm"
        script.write_text(
            f"#!{sys.executable} -SE\n"
            "import os, sys, time\n"
            f"with open({str(self.log)!r}, 'a') as log: log.write(' '.join(sys.argv[1:3]) + chr(10))\n"
            + textwrap.dedent(does)
        )
        script.chmod(0o755)

    def npm_gives(self, members: dict, extra: str = "") -> None:
        """Let npm write a tarball of these members, after the statements of `extra`."""
        path = tarball(members, self.folder / "toy.tgz")
        self.npm(
            f"{extra}\ncontent = open({str(path)!r}, 'rb').read()\n"
            "open('toy-1.0.0.tgz', 'wb').write(content)\n"
        )

    def runs(self) -> int:
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0

    def environment(self, **more) -> dict:
        return os.environ | {
            "COURSE_DATA": str(self.cache),
            "TEST_DATA": str(self.data),
            "PATH": str(self.bin),
            "PYTHONPATH": str(ROOT),
            **more,
        }

    def start(self, *arguments: str, **environment) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, *arguments],
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def lying_about(self, cache: Path | None = None) -> set[str]:
        """Everything in the cache (or a copy of it) but locks and whole files."""
        cache = cache or self.cache
        whole = {cache / name: content for name, content in FILES.items()}
        return {
            str(path.relative_to(cache))
            for path in cache.rglob("*")
            if path.name != ".lock"
            and path != cache / "toy"
            and (path not in whole or path.read_bytes() != whole[path])
        }


TORCHVISION = (
    '[[toy.sources]]\nkind = "torchvision"\ndataset = "CIFAR10"\n[toy.sources.members]\n'
    '"toy/images.bin" = "package/images.bin"\n"toy/labels.bin" = "package/labels.bin"\n'
)


def one_sentence(stderr: str) -> str:
    """What the command said, if it is one line and one sentence."""
    assert stderr.count("\n") == 1 and stderr.startswith("course data: "), stderr
    assert not re.search(r"[.!?] [A-Z]", stderr), stderr
    assert "Traceback" not in stderr
    return stderr
