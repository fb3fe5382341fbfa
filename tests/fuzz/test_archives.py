"""A damaged or hostile archive: its files, or an error that names it; nothing is ever written beside the folder."""

import io
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from fuzz_stores import listing
from fuzzing import QUIET, folder, fuzzed, named

from olmoearth_core.care.archive import Limits, extract
from olmoearth_core.errors import DataError
from olmoearth_core.testing.damage import damaged

pytestmark = QUIET
KINDS = ("a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.zip")
FILES = {"set/2/sample_0.h5": bytes(range(256)) * 8, "set/2/sample_1.h5": b"one" * 700, "set/table.csv": b"a,b\n1,2\n"}
SMALL = Limits(files=100, bytes=10**7, file_bytes=10**7)


def pack(path, files=None):
    files = FILES if files is None else files
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(path, f"w:{path.suffixes[-1][1:].replace('tar', '')}") as archive:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


def unpacked(path, place):
    """Unpack into `place`/out and say whether it was refused; nothing else may change in `place`."""
    before = listing(place)
    refused = True
    with named(path.name):
        extract(path, place / "out", limits=SMALL)
        refused = False
    after = listing(place)
    inside = {p for p in after if p.parts[0] == "out"}
    assert {p: content for p, content in after.items() if p not in inside} == before
    assert refused is not bool(inside)
    assert not any(p.is_symlink() or stat.S_ISFIFO(p.lstat().st_mode) for p in place.rglob("*"))
    return refused


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_archive_is_unpacked(tmp_path, kind):
    assert not unpacked(pack(tmp_path / kind), tmp_path)
    assert {str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in (tmp_path / "out").rglob("*.*")} == FILES


def hurt(kind, seed):
    with folder() as top:
        place = Path(top) / "below"
        place.mkdir()
        path = pack(place / kind)
        path.write_bytes(damaged(path.read_bytes(), seed)[1])
        before = listing(Path(top))
        unpacked(path, place)
        after = {p: content for p, content in listing(Path(top)).items() if p.parts[:2] != ("below", "out")}
        assert after == before


@pytest.mark.parametrize("kind", KINDS)
@fuzzed(60)
def test_a_damaged_archive_is_unpacked_or_refused_by_name(kind, seed):
    hurt(kind, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@fuzzed(3000)
def test_a_damaged_archive_is_unpacked_or_refused_by_name_at_length(kind, seed):
    hurt(kind, seed)


NAMES = (
    "../evil", "/tmp/evil", "a/../../evil", "..\\evil", "C:\\evil", "C:evil", "~/evil", "a/" * 600 + "f", "a" * 300,
    "con\0.txt", "a\nb", "a:stream", "evil ", "evil.", "\u202eevil/../../x",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["a.tar", "a.zip"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, kind, name):
    if "\0" in name and kind == "a.zip":
        pytest.skip("zipfile ends names there when it writes")
    place = tmp_path / "one" / "two"
    place.mkdir(parents=True)
    before = listing(tmp_path)
    assert unpacked(pack(place / kind, {"good": b"1", name: b"evil"}), place) or "\0" in name
    assert set(listing(tmp_path)) - set(before) <= {
        Path("one/two", kind),
        *(Path("one/two/out", n) for n in ("", "good", "con")),
    }


@pytest.mark.parametrize("names", [("a", "A"), ("a", "a/b"), ("a/b", "a"), ("x/y", "X/Y"), ("e\u0301", "\u00e9x/../a")])
@pytest.mark.parametrize("kind", ["a.tar", "a.zip"])
def test_names_that_meet_are_refused(tmp_path, kind, names):
    assert unpacked(pack(tmp_path / kind, dict.fromkeys(names, b"1")), tmp_path)


@pytest.mark.parametrize("kind", ["a.tar", "a.zip"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(tmp_path, kind):
    path = tmp_path / kind
    if kind == "a.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a", b"1")
            archive.writestr("a", b"2")
    else:
        with tarfile.open(path, "w") as archive:
            archive.addfile(tarfile.TarInfo("a"))
            archive.addfile(tarfile.TarInfo("a"))
    assert unpacked(path, tmp_path)


@pytest.mark.parametrize("target", ["../outside", "/etc/passwd", "good", "."])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_links_and_devices_of_a_tar_are_refused(tmp_path, kind, target):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("good"))
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, target
        archive.addfile(info)
        through = tarfile.TarInfo("link/evil")
        through.size = 4
        archive.addfile(through, io.BytesIO(b"evil"))
    assert unpacked(tmp_path / "a.tar", tmp_path)


def test_a_link_of_a_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "../outside")
    assert unpacked(tmp_path / "a.zip", tmp_path)


@pytest.mark.parametrize("kind", ["a.tar.gz", "a.tar.xz", "a.zip"])
def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path, kind):
    path = pack(tmp_path / kind, {"zeros": bytes(30_000_000)})
    assert path.stat().st_size < 60_000
    assert unpacked(path, tmp_path)


def test_many_small_bombs_and_too_many_files_are_refused(tmp_path):
    assert unpacked(pack(tmp_path / "a.zip", {f"{i}": bytes(400_000) for i in range(40)}), tmp_path)
    assert unpacked(pack(tmp_path / "b.zip", {f"{i}": b"" for i in range(200)}), tmp_path)
    assert unpacked(pack(tmp_path / "b.tar", {f"{i}": b"" for i in range(200)}), tmp_path)


def test_a_size_that_lies_is_refused(tmp_path):
    path = pack(tmp_path / "a.zip", {"zeros": bytes(5_000_000)})
    content = path.read_bytes()
    size, small = (5_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, small))
    assert unpacked(path, tmp_path)


def test_an_archive_in_an_archive_stays_packed(tmp_path):
    inner = pack(tmp_path / "in.zip").read_bytes()
    (tmp_path / "in.zip").unlink()
    assert not unpacked(pack(tmp_path / "a.tar", {"deep/in.zip": inner, "deep/deeper/in.tar": inner}), tmp_path)
    assert (tmp_path / "out" / "deep" / "in.zip").read_bytes() == inner


@pytest.mark.parametrize(
    "content", [b"", b"PK\5\6" + bytes(18), b"\x1f\x8b", zlib.compress(b"x"), bytes(10240), b"BZh9"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_hardly_an_archive_is_refused_or_empty(tmp_path, kind, content):
    (tmp_path / kind).write_bytes(content)
    try:
        assert extract(tmp_path / kind, tmp_path / "out", limits=SMALL) == []
    except DataError as error:
        refused = str(error)
        assert kind in refused
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "out") == [kind]
