"""Hostile archives write nothing outside their folder, and nothing at all."""

from __future__ import annotations

import gzip
import io
import resource
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from olmoearth_core.care.archive import Limits, extract
from olmoearth_core.errors import DataError

GOOD = {"set/4/sample_0.h5": b"zero", "set/4/sample_1.h5": b"one", "set/readme": b""}


def tar(path, entries, mode="w"):
    with tarfile.open(path, mode) as file:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                file.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = content
                file.addfile(info)
    return path


def zipped(path, entries, mode=0):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            file.writestr(info, content)
    return path


def everything(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz", "a.zip"])
def test_good_archives_are_unpacked_whole(tmp_path, name):
    if name.endswith("zip"):
        path = zipped(tmp_path / name, GOOD.items())
    else:
        mode = {"a.tar.gz": "w:gz", "a.tgz": "w:gz", "a.tar.bz2": "w:bz2", "a.tar.xz": "w:xz"}.get(name, "w")
        path = tar(tmp_path / name, GOOD.items(), mode)
    assert extract(path, tmp_path / "out") == sorted(GOOD)
    assert {n: (tmp_path / "out" / n).read_bytes() for n in GOOD} == GOOD
    assert everything(tmp_path)[0] == name


HOSTILE = [
    "/etc/x",
    "../x",
    "a/../../x",
    "..",
    "C:\\x",
    "a\\..\\x",
    "~/x",
    "a/con:x",
    "a\x01b",
    "a/b ",
    "a./b",
    "x" * 300,
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("write", [tar, zipped])
def test_names_that_lead_elsewhere_are_refused_and_nothing_is_written(tmp_path, write, name):
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    path = write(tmp_path / f"a.{'tar' if write is tar else 'zip'}", [("good", b"1"), (name, b"2")])
    with pytest.raises(DataError, match="outside the folder or has an unsafe name"):
        extract(path, folder / "out")
    assert everything(tmp_path) == [path.name, "deep", "deep/er"]


KINDS = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]


@pytest.mark.parametrize("kind", KINDS)
def test_links_and_devices_are_refused(tmp_path, kind):
    path = tar(tmp_path / "a.tar", [("good", b"1"), ("link", (kind, "/etc")), ("link/x", b"2")])
    with pytest.raises(DataError, match="is a link, device or sparse"):
        extract(path, tmp_path / "out")
    path = zipped(tmp_path / "a.zip", [("link", b"/etc")], mode=stat.S_IFLNK | 0o777)
    with pytest.raises(DataError, match="is a link or a device"):
        extract(path, tmp_path / "out")
    assert everything(tmp_path) == ["a.tar", "a.zip"]


@pytest.mark.parametrize("names", [("a", "a"), ("a", "A"), ("a", "a/b"), ("a/b", "a"), ("x/./a", "x/a")])
def test_one_place_twice_is_refused(tmp_path, names):
    path = tar(tmp_path / "a.tar", [(name, b"1") for name in names])
    with pytest.raises(DataError, match="is in it twice, or as a file and as a folder"):
        extract(path, tmp_path / "out")


def test_bombs_are_refused_before_they_are_written(tmp_path):
    zeros = bytes(30_000_000)
    for path in (zipped(tmp_path / "a.zip", [("z", zeros)]), tar(tmp_path / "a.tar.gz", [("z", zeros)], "w:gz")):
        with pytest.raises(DataError, match="It is a bomb, or needs higher limits"):
            extract(path, tmp_path / "out")
    many = tar(tmp_path / "b.tar", [(f"f{i}", b"") for i in range(50)])
    with pytest.raises(DataError, match="more than 20 entries"):
        extract(many, tmp_path / "out", limits=Limits(files=20))
    assert not (tmp_path / "out").exists()


def test_a_bomb_in_a_header_is_refused_before_it_is_in_memory(tmp_path):
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 200_000_000
    with gzip.open(tmp_path / "a.tar.gz", "wb", compresslevel=1) as file:
        file.write(info.tobuf())
        for _ in range(200):
            file.write(bytes(1_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match="bytes of headers, which no honest archive has"):
        extract(tmp_path / "a.tar.gz", tmp_path / "out")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_zip_that_lies_about_a_size_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", [("z", bytes(5_000_000))])
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(mark) + offset
        content[at : at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(DataError):
        extract(path, tmp_path / "out")
    assert everything(tmp_path) == ["a.zip"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text(alphabet="ab./\\~:\x00 é", min_size=1, max_size=12), min_size=1, max_size=4))
def test_whatever_the_names_are_nothing_leaves_the_folder(tmp_path_factory, names):
    root = tmp_path_factory.mktemp("any")
    try:
        path = tar(root / "a.tar", [(name, b"1") for name in names])
        extract(path, root / "in" / "out")
    except DataError:
        assert everything(root) in (["a.tar"], ["a.tar", "in"])
    else:
        assert all(p.parts[0] in ("a.tar", "in") for p in map(Path, everything(root)))
        assert all(p.parts[1:2] in ((), ("out",)) for p in map(Path, everything(root)))


@settings(max_examples=80, deadline=None)
@given(
    at=st.integers(0, 10**6), bit=st.integers(0, 7), cut=st.booleans(), form=st.sampled_from(["tar", "tar.gz", "zip"])
)
def test_torn_archives_are_data_errors_or_unpack_as_they_are(tmp_path_factory, at, bit, cut, form):
    root = tmp_path_factory.mktemp("torn")
    path = root / f"a.{form}"
    zipped(path, GOOD.items()) if form == "zip" else tar(path, GOOD.items(), "w:gz" if form == "tar.gz" else "w")
    content = bytearray(path.read_bytes())
    if cut:
        del content[at % len(content) :]
    else:
        content[at % len(content)] ^= 1 << bit
    path.write_bytes(content)
    try:
        extract(path, root / "out")
    except DataError:
        assert not (root / "out").exists()
    assert set(everything(root)) >= {path.name}
    assert all(name.split("/")[0] in (path.name, "out") for name in everything(root))
