"""The manifest is complete, archives are read safely, files are verified once and recorded."""

import gzip
import hashlib
import importlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils import ROOT, fetch
from utils.archives import Members, UnsafeArchive, gunzip, stored_zip

fast = settings(derandomize=True, deadline=None, max_examples=60)

TABLES = fetch.manifest()


def entry(content: bytes) -> str:
    return f'{{ sha256 = "{hashlib.sha256(content).hexdigest()}", bytes = {len(content)} }}'


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A manifest with one set, given by a committed file and by an "installed" package."""
    numbers, letters = b"0123456789" * 100, b"abcdefgh" * 50
    data, site = tmp_path / "data", tmp_path / "site"
    (data / "small").mkdir(parents=True)
    (data / "small" / "numbers.bin").write_bytes(numbers)
    (site / "small_package" / "inner").mkdir(parents=True)
    (site / "small_package" / "inner" / "letters.bin").write_bytes(letters)
    (data / "manifest.toml").write_text(
        f"""
        [small]
        title = "small"
        licence = "MIT"
        [[small.sources]]
        kind = "committed"
        files = ["small/numbers.bin"]
        [[small.sources]]
        kind = "installed"
        package = "package_that_nobody_has"
        members = {{ "small/letters.bin" = "inner/letters.bin" }}
        [[small.sources]]
        kind = "installed"
        package = "small_package"
        members = {{ "small/letters.bin" = "inner/letters.bin" }}
        [small.files]
        "small/numbers.bin" = {entry(numbers)}
        "small/letters.bin" = {entry(letters)}
        [brought]
        title = "a folder"
        licence = "yours"
        [[brought.sources]]
        kind = "folder"
        layout = "pictures named by age"
        expects = "*.jpg"
        """
    )
    monkeypatch.setattr(fetch, "DATA", data)
    monkeypatch.setattr(fetch, "MANIFEST", data / "manifest.toml")
    monkeypatch.setattr(fetch, "files_used", set())
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(site))
    return tmp_path


# ---------------------------------------------------------------------------- the manifest


@pytest.mark.parametrize("name", TABLES)
def test_manifest_table_is_complete(name):
    table = TABLES[name]
    for key in ("kind", "title", "shape", "licence", "citation", "doc"):
        assert table[key].strip(), f"[{name}] needs {key}"
    assert (ROOT / table["doc"]).is_file()
    assert table["kind"] in ("images", "weights")
    files = table.get("files", {})
    for file, facts in files.items():
        assert re.fullmatch(r"[0-9a-f]{64}", facts["sha256"]) and facts["bytes"] > 0
        assert ".." not in file and not file.startswith("/")
    for source in table["sources"]:
        assert source["kind"] in fetch.KINDS
        if source["kind"] == "folder":
            assert source["layout"] and source["expects"] and not files
            continue
        given_files = source.get("files") or source.get("members") or files
        assert given_files and set(given_files) <= set(files)
        if source["kind"] not in ("committed", "installed", "torchvision"):
            assert source["package"]
        if source["kind"] in ("npm", "pypi"):
            assert source["version"] and re.fullmatch(r"[0-9a-f]{64}", source["sha256"])
        if source["kind"] != "committed":
            assert ("unpack" in source) != ("members" in source)
        if "unpack" in source:
            module, _, function = source["unpack"].partition(":")
            assert callable(getattr(importlib.import_module(module), function))
    covered = {f for s in table["sources"] for f in (s.get("files") or s.get("members") or files)}
    assert covered >= set(files), "a file that no source gives"


def test_sizes_of_whole_sets_are_the_sums_of_their_files():
    for name in ("mnist", "mnist-idx", "fashion-mnist", "cifar10", "elpv", "yolov3-tiny", "hed"):
        files = TABLES[name]["files"]
        assert TABLES[name]["bytes"] == sum(facts["bytes"] for facts in files.values()), name


@pytest.mark.parametrize("name", [n for n in TABLES if fetch.committed_files(n)])
def test_committed_files_are_what_the_manifest_says(name):
    for file in fetch.committed_files(name):
        path = fetch.DATA / file
        assert path.stat().st_size == TABLES[name]["files"][file]["bytes"]
        assert (
            hashlib.sha256(path.read_bytes()).hexdigest() == TABLES[name]["files"][file]["sha256"]
        )


def test_torchvision_sources_name_data_sets_it_has():
    import torchvision.datasets

    for table in TABLES.values():
        for source in table["sources"]:
            if source["kind"] == "torchvision":
                dataset = getattr(torchvision.datasets, source["dataset"])
                if hasattr(dataset, "resources"):
                    published = {file for file, _ in dataset.resources}
                    assert set(source["members"].values()) <= published
                else:
                    assert dataset.url.startswith("https://") and dataset.tgz_md5


def test_readme_of_data_has_a_row_for_every_set():
    rows = [line for line in (ROOT / "data" / "README.md").read_text().splitlines() if "|" in line]
    for name in TABLES:
        assert any(f"`{name}`" in row for row in rows), f"data/README.md lacks a row of {name}"


def test_attribution_lies_beside_the_embedded_sets():
    mnist = (ROOT / "data/mnist/NOTICE.md").read_text()
    for word in ("LeCun", "Cortes", "Burges", "creativecommons.org/licenses/by-sa/3.0"):
        assert word in mnist
    assert "Zalando" in (ROOT / "data/fashion-mnist/LICENSE.txt").read_text()


def test_fetch_imports_no_torch():
    command = "import sys, utils.fetch, utils.course.data; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", command], check=True, cwd=ROOT)


# ---------------------------------------------------------------------------- obtain


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "elsewhere"))
    assert fetch.cache_folder() == tmp_path / "elsewhere"
    monkeypatch.delenv("COURSE_DATA")
    assert fetch.cache_folder().name.startswith("introduction-to-cnns")
    assert not fetch.cache_folder().is_relative_to(ROOT)


@fast
@given(st.binary(max_size=3000))
def test_sha256_is_hashlibs(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "hashed"
    path.write_bytes(content)
    assert fetch.sha256(path) == hashlib.sha256(content).hexdigest()


def test_obtain_gives_the_committed_file_and_records_it(small):
    path = fetch.obtain("small", "small/numbers.bin")
    assert path == small / "data/small/numbers.bin"
    assert fetch.files_used == {path.resolve()}
    assert not (small / "cache").exists()


def test_obtain_fetches_from_the_first_source_that_has_it(small):
    said = []
    path = fetch.obtain("small", "small/letters.bin", report=said.append)
    assert path.read_bytes() == b"abcdefgh" * 50
    assert path == small / "cache/small/letters.bin"
    assert path in fetch.files_used
    assert fetch.is_cached("small") and fetch.state("small") == "cached"
    shutil.rmtree(small / "site")
    assert fetch.obtain("small", "small/letters.bin", source="cached") == path


def test_a_file_is_hashed_once_a_process(small, monkeypatch):
    hashed = []
    monkeypatch.setattr(
        fetch, "sha256", lambda path, real=fetch.sha256: hashed.append(path) or real(path)
    )
    for _ in range(3):
        path = fetch.obtain("small", "small/numbers.bin")
    assert hashed == [path]
    path.write_bytes(b"9876543210" * 100)
    os.utime(path, ns=(1, 1))
    with pytest.raises(fetch.DataError, match="SHA-256"):
        fetch.obtain("small", "small/numbers.bin")


def test_threads_may_fetch_at_once(small):
    found = []
    threads = [
        threading.Thread(
            target=lambda: found.append(
                fetch.obtain("small", "small/letters.bin", report=lambda sentence: None)
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nothing", "x"), "there is no data set 'nothing': the manifest has brought, small"),
        (("small", "x"), "small has no file 'x': its files are"),
        (("small", "small/letters.bin", "npm"), "its sources are cached, installed"),
        (("small", "small/numbers.bin", "cached"), "its sources are committed"),
        (("small", "small/letters.bin", "cached"), "run `course data fetch small`"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(small, arguments, sentence):
    name, file, *source = arguments
    with pytest.raises(fetch.DataError) as caught:
        fetch.obtain(name, file, source=source[0] if source else None)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_states(small):
    assert fetch.state("small") == "committed in part: course data fetch small"
    assert fetch.state("brought").startswith("yours")
    with pytest.raises(fetch.DataError, match="nothing to fetch"):
        fetch.fetch("brought")


def test_verify_names_what_is_wrong(small):
    assert fetch.verify("small") == {
        "small/numbers.bin": "verified",
        "small/letters.bin": "not fetched",
    }
    (small / "data/small/numbers.bin").unlink()
    cached = fetch.obtain("small", "small/letters.bin", report=print)
    cached.write_bytes(cached.read_bytes()[:-1])
    states = fetch.verify("small")
    assert "is missing: restore it" in states["small/numbers.bin"]
    assert "has 399 bytes where the manifest says 400" in states["small/letters.bin"]


def test_user_folder_is_checked_at_the_border(small):
    with pytest.raises(fetch.DataError, match=r"there is no folder .* pictures named by age"):
        fetch.user_folder("brought")
    folder = small / "mine"
    folder.mkdir()
    with pytest.raises(fetch.DataError, match=r"holds no \*.jpg"):
        fetch.user_folder("brought", folder)
    (folder / "31.jpg").touch()
    assert fetch.user_folder("brought", folder) == folder
    shutil.copytree(folder, small / "cache" / "brought")
    assert fetch.user_folder("brought") == small / "cache" / "brought"
    assert fetch.state("brought") == f"yours: {small / 'cache' / 'brought'}"


# ---------------------------------------------------------------------------- archives

CONTENTS = {"package/one.txt": b"one", "package/sub/two.bin": bytes(range(256)) * 8}


def write_tar(path: Path, contents: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_zip(path: Path, contents: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def archive_of(kind: str, folder: Path, contents: dict[str, bytes]) -> Path:
    if kind == "folder":
        for name, content in contents.items():
            (folder / "plain" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "plain" / name).write_bytes(content)
        return folder / "plain"
    if kind == "whl":
        return write_zip(folder / "a.whl", contents)
    return write_tar(folder / f"a.{kind}", contents, {"tgz": "w:gz"}.get(kind, "w:" + kind[4:]))


KINDS_OF_ARCHIVE = ["tgz", "tar.gz", "tar.xz", "tar.bz2", "tar", "whl", "folder"]


@pytest.mark.parametrize("kind", KINDS_OF_ARCHIVE)
def test_members_are_read_alike_from_every_kind(kind, tmp_path):
    path = archive_of(
        kind, tmp_path, {f"./{k}" if kind == "tar" else k: v for k, v in CONTENTS.items()}
    )
    with Members(path, tmp_path, limit=10_000) as archive:
        assert archive.names() == sorted(CONTENTS)
        assert {name: archive.read(name) for name in archive.names()} == CONTENTS
        with pytest.raises(UnsafeArchive, match="no regular file package/three"):
            archive.read("package/three")


@fast
@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3).map(lambda name: f"data/{name}.png"),
        st.binary(max_size=200),
        max_size=6,
    )
)
def test_stored_zip_does_not_depend_on_where_members_came_from(tmp_path_factory, contents):
    folder = tmp_path_factory.mktemp("zips")
    made = set()
    for kind in ("tgz", "whl", "folder"):
        shuffled = dict(sorted(contents.items(), reverse=kind == "whl"))
        (folder / "plain").mkdir(exist_ok=True)
        with Members(archive_of(kind, folder, shuffled), folder, limit=10_000) as archive:
            made.add(stored_zip(archive, "x.zip", {"prefix": "data/"}))
    assert len(made) == 1
    with zipfile.ZipFile(io.BytesIO(made.pop())) as archive:
        found = {f"data/{name}": archive.read(name) for name in archive.namelist()}
    assert found == contents


@pytest.mark.parametrize("kind", ["tgz", "tar", "whl"])
@pytest.mark.parametrize(
    "name", ["../evil", "package/../../evil", "/etc/evil", "\\evil", "C:\\evil", "a\\..\\..\\b"]
)
def test_names_that_lead_outside_are_refused(kind, name, tmp_path):
    path = archive_of(kind, tmp_path, CONTENTS | {name: b"evil"})
    with pytest.raises(UnsafeArchive, match="leads outside"):
        Members(path, tmp_path, limit=10_000)


def test_folder_members_cannot_leave_it(tmp_path):
    folder = archive_of("folder", tmp_path, CONTENTS)
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    with Members(folder, tmp_path, limit=10_000) as archive:
        assert archive.names() == sorted(CONTENTS)
        for name in ("../secret", "link"):
            with pytest.raises(UnsafeArchive):
                archive.read(name)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_no_members(kind, tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo("package/one.txt")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with Members(tmp_path / "a.tar", tmp_path, limit=10_000) as archive:
        assert archive.names() == []
        with pytest.raises(UnsafeArchive, match="no regular file"):
            archive.read("package/one.txt")


def test_link_in_a_zip_is_no_member(tmp_path):
    info = zipfile.ZipInfo("one")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with Members(tmp_path / "a.zip", tmp_path, limit=10_000) as archive:
        assert archive.names() == []


@pytest.mark.parametrize("kind", ["tgz", "tar.xz", "tar.bz2", "whl"])
def test_bombs_are_refused_before_they_fill_the_disk(kind, tmp_path):
    path = archive_of(kind, tmp_path, {"zeros": bytes(20_000_000)})
    assert path.stat().st_size < 50_000
    with pytest.raises(UnsafeArchive, match="unpacks to more than 1,000,000 bytes"):
        Members(path, tmp_path, limit=1_000_000)
    assert sum(p.stat().st_size for p in tmp_path.rglob("*")) < 2_000_000


def test_sparse_tar_that_claims_to_be_huge_is_refused(tmp_path):
    info = tarfile.TarInfo("huge")
    info.size = 1 << 50
    (tmp_path / "a.tar").write_bytes(info.tobuf() + bytes(1024))
    with pytest.raises(UnsafeArchive, match="unpacks to more than"):
        Members(tmp_path / "a.tar", tmp_path, limit=1_000_000)


@pytest.mark.parametrize("kind", ["tgz", "tar.xz", "tar.bz2", "whl"])
@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.9])
def test_cut_archives_are_refused(kind, keep, tmp_path):
    noise = hashlib.shake_256(b"noise").digest(30_000)
    path = archive_of(kind, tmp_path, {"noise": noise, "more": noise[::-1]})
    whole = path.read_bytes()
    path.write_bytes(whole[: keep if keep > 1 else int(keep * len(whole))])
    with pytest.raises(UnsafeArchive), Members(path, tmp_path, limit=1_000_000) as archive:
        archive.read("noise")
        archive.read("more")


def test_no_kind_of_archive_is_refused(tmp_path):
    (tmp_path / "a.rar").write_bytes(b"Rar!")
    with pytest.raises(UnsafeArchive, match="no kind of archive"):
        Members(tmp_path / "a.rar", tmp_path, limit=1_000_000)


@fast
@given(st.binary(max_size=500))
def test_gunzip_inverts_gzip_within_its_limit(content):
    packed = gzip.compress(content)
    assert gunzip(packed, limit=len(content)) == content
    if content:
        with pytest.raises(UnsafeArchive, match="unpacks to more"):
            gunzip(packed, limit=len(content) - 1)
        with pytest.raises(UnsafeArchive, match="damaged"):
            gunzip(packed[:-9], limit=1000)


def test_debian_packages_are_read_through_dpkg_deb(tmp_path, monkeypatch):
    # A stand-in for dpkg-deb: a .deb whose content is the plain tar it should print.
    tool = tmp_path / "bin" / "dpkg-deb"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\n[ "$1" = --fsys-tarfile ] && exec /bin/cat "$2"\n')
    tool.chmod(0o755)
    contents = {"./usr/share/x": b"x", "./usr/share/y": bytes(200_000)}
    package = write_tar(tmp_path / "a.tar", contents).rename(tmp_path / "a.deb")
    monkeypatch.setenv("PATH", str(tool.parent))
    with Members(package, tmp_path, limit=300_000) as archive:
        assert archive.read("usr/share/x") == b"x"
    with pytest.raises(UnsafeArchive, match="unpacks to more than 1,000 bytes"):
        Members(package, tmp_path, limit=1000)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnsafeArchive, match="dpkg-deb, which is not on PATH"):
        Members(package, tmp_path, limit=300_000)
