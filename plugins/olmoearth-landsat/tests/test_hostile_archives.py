"""Archives of strangers: nothing of them is unpacked, and what does not belong there is refused by name."""

import io
import tarfile

import pytest
from olmoearth_landsat.level1_bundle import level1_bundle

from olmoearth_core.errors import DataError


def member(name, size=3, kind=tarfile.REGTYPE, link=""):
    found = tarfile.TarInfo(name)
    found.size, found.type, found.linkname = size if kind == tarfile.REGTYPE else 0, kind, link
    return found


def archive(path, members):
    with tarfile.open(path, "w") as out:
        for found in members:
            out.addfile(found, io.BytesIO(b"abc") if found.isreg() else None)
    return str(path)


HOSTILE = {
    "above": ([member("../B4.TIF")], r'holds "\.\./B4\.TIF", expected names inside'),
    "absolute": ([member("/etc/B4.TIF")], r'holds "/etc/B4\.TIF", expected names inside'),
    "deep": ([member("a/b/c_MTL.txt")], r'holds "a/b/c_MTL\.txt", expected names inside'),
    "symbolic link": ([member("a_MTL.txt", kind=tarfile.SYMTYPE, link="/etc/passwd")], r'"a_MTL\.txt" is a link'),
    "hard link": ([member("a_MTL.txt", kind=tarfile.LNKTYPE, link="/etc/passwd")], r'"a_MTL\.txt" is a link or device'),
    "device": ([member("a_MTL.txt", kind=tarfile.CHRTYPE)], r'"a_MTL\.txt" is a link or device'),
    "twice": ([member("a_MTL.txt"), member("./a_MTL.txt")], r"a_MTL\.txt occurs twice"),
    "many": ([member(f"{n}.TIF") for n in range(1001)], r"more than 1000 files"),
    "nothing": ([], r"found none"),
}  # fmt: skip


@pytest.mark.parametrize("fault", HOSTILE)
def test_an_archive_with_what_does_not_belong_there_is_refused_by_name(tmp_path, l1, fault):
    members, message = HOSTILE[fault]
    (tmp_path / "in").mkdir()
    path = archive(tmp_path / "in" / "x.tar", members)
    before = sorted(tmp_path.rglob("*"))
    assert not level1_bundle().recognises(path)
    with pytest.raises(DataError, match=message) as error:
        level1_bundle().read(path, l1)
    assert path in str(error.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_member_that_claims_more_bytes_than_the_archive_has_is_refused(bundle, tarred, tmp_path, l1):
    path = tarred(bundle("l1"), tmp_path / "x.tar")
    content = bytearray(path.read_bytes())
    with tarfile.open(path) as opened:
        last = opened.getmembers()[-1]
    header = last.tobuf()
    huge = tarfile.TarInfo(last.name)
    huge.size, huge.mtime, huge.mode = 2**33 - 1, last.mtime, last.mode
    content[last.offset : last.offset + len(header)] = huge.tobuf()
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"said to have 8,589,934,591 bytes, but the whole archive has"):
        level1_bundle().read(str(path), l1)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7])
def test_a_torn_archive_is_refused_by_name(bundle, tarred, tmp_path, l1, share):
    path = tarred(bundle("l1"), tmp_path / "x.tar")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(DataError, match=r"x\.tar"):
        _ = level1_bundle().read(str(path), l1).values


def test_an_archive_that_is_compressed_as_a_whole_says_what_to_do(tmp_path, l1):
    (tmp_path / "x.tar.gz").write_bytes(b"\x1f\x8b")
    with pytest.raises(DataError, match=r"compressed as a whole, as in Collection 1.*Unpack it into a folder"):
        level1_bundle().read(str(tmp_path / "x.tar.gz"), l1)
