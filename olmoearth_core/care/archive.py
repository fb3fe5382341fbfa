"""Unpack archives of strangers: nothing outside the folder, nothing but files and folders, and no bomb.

Everything is judged before anything is written: names (no absolute path, no drive, no "..", no odd character, no two
that differ only in case), kinds (no link, no device, no pipe), number and declared size. While unpacking, bytes are
counted, because a declared size may lie. The files appear in a hidden folder, which gets its name when all are there.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from olmoearth_core.errors import DataError

_BLOCK = 1 << 20
_HEADER = 1 << 24
_LONGEST_PART, _LONGEST = 255, 1024
_FORBIDDEN = frozenset('\\:*?"<>|') | {chr(n) for n in (*range(32), 127)}
_TORN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
)


@dataclass(frozen=True)
class Limits:
    """What an archive may hold. ratio: unpacked bytes per packed byte; real data sets stay far below."""

    files: int = 5_000_000
    bytes: int = 2 * 10**12
    file_bytes: int = 10**11
    ratio: float = 200.0


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    folder: bool
    open: Callable[[], IO[bytes]]


def extract(archive: Path, out: Path, *, limits: Limits | None = None) -> list[str]:
    """Unpack a .tar (also .gz, .bz2, .xz) or .zip into the new folder `out`; return the names of its files, sorted.

    Raises:
        DataError: the archive is no archive, torn, hostile or too large, or `out` exists. Nothing is left behind.
    """
    limits = limits or Limits()
    if out.exists():
        raise DataError(f"{out}: exists already. Remove it, or name another folder.")
    staging = out.parent / f".unpacking-{out.name}"
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        names = _unpack(archive, staging, limits)
        os.replace(staging, out)
    except _TORN as cause:
        raise DataError(
            f"{archive}: cannot be unpacked ({cause}). It is torn or no archive: fetch it again."
        ) from cause
    except OSError as cause:
        raise DataError(f"{archive}: cannot be unpacked into {out} ({cause}).") from cause
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return names


def is_archive(path: Path) -> bool:
    """Whether the name is that of an archive this module unpacks."""
    return path.name.lower().endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip"))


def _unpack(archive: Path, staging: Path, limits: Limits) -> list[str]:
    packed = archive.stat().st_size
    most = min(limits.bytes, int(packed * limits.ratio) + 10**6)
    if archive.name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as opened_zip:
            return _write(archive, list(_zip_members(archive, opened_zip, limits)), staging, limits, most)
    with _stream(archive) as stream, tarfile.open(fileobj=_Bounded(stream, most), mode="r:") as opened_tar:  # type: ignore[call-overload]
        return _write(archive, list(_tar_members(archive, opened_tar, limits, most)), staging, limits, most)


def _stream(archive: Path) -> IO[bytes]:
    with archive.open("rb") as file:
        start = file.read(6)
    for mark, opener in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\x00", lzma.open)):
        if start.startswith(mark):
            return cast(IO[bytes], opener(archive, "rb"))
    return archive.open("rb")


class _Bounded:
    """A stream from which tarfile cannot take more than it should: long headers of a packed archive are bombs too."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self.stream, self.left = stream, 3 * most + _HEADER

    def read(self, size: int) -> bytes:
        self.left -= size
        if not 0 <= size <= _HEADER or self.left < 0:
            raise ValueError(f"{size} bytes of headers, which no honest archive has")
        return self.stream.read(size)

    def seek(self, place: int, whence: int = 0) -> int:
        return self.stream.seek(place, whence)

    def tell(self) -> int:
        return self.stream.tell()


def _zip_members(archive: Path, opened: zipfile.ZipFile, limits: Limits) -> Iterator[_Member]:
    if len(opened.infolist()) > limits.files:
        raise DataError(f"{archive}: holds {len(opened.infolist())} entries, more than {limits.files}.")
    for info in opened.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise DataError(f"{archive}: {info.filename!r} is a link or a device; only files and folders are unpacked.")
        if info.flag_bits & 1:
            raise DataError(f"{archive}: {info.filename!r} is encrypted, so it cannot be unpacked.")
        yield _Member(info.filename, info.file_size, info.is_dir(), lambda info=info: opened.open(info))  # type: ignore[misc]


def _tar_members(archive: Path, opened: tarfile.TarFile, limits: Limits, most: int) -> Iterator[_Member]:
    total = 0
    for number, info in enumerate(opened, 1):
        if number > limits.files:
            raise DataError(f"{archive}: holds more than {limits.files} entries.")
        if not (info.isreg() or info.isdir()) or info.issparse():
            raise DataError(f"{archive}: {info.name!r} is a link, device or sparse; only plain files are unpacked.")
        total += info.size
        # Judged on the way: reaching the next entry of a packed archive means unpacking this one.
        if total > most:
            raise _too_large(archive, most)
        yield _Member(info.name, info.size, info.isdir(), lambda info=info: _tar_file(opened, info))  # type: ignore[misc]


def _tar_file(opened: tarfile.TarFile, info: tarfile.TarInfo) -> Any:
    file = opened.extractfile(info)
    assert file is not None, "only regular files are asked for"
    return file


def _write(archive: Path, members: list[_Member], staging: Path, limits: Limits, most: int) -> list[str]:
    places = _judged(archive, members, limits, most)
    left = most
    for parts, member in places.items():
        target = staging.joinpath(*parts)
        if member.folder:
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, target.open("xb") as out:
            written = _copied(archive, source, out, min(left, member.size))
        if written != member.size:
            raise EOFError(f"{member.name} has {written} of {member.size} bytes")
        left -= written
    return sorted("/".join(parts) for parts, member in places.items() if not member.folder)


def _copied(archive: Path, source: IO[bytes], out: IO[bytes], most: int) -> int:
    written = 0
    while block := source.read(_BLOCK):
        written += len(block)
        if written > most:
            raise _too_large(archive, most)
        out.write(block)
    return written


def _judged(archive: Path, members: list[_Member], limits: Limits, most: int) -> dict[tuple[str, ...], _Member]:
    places: dict[tuple[str, ...], _Member] = {}
    if sum(member.size for member in members) > most or any(m.size > limits.file_bytes for m in members):
        raise _too_large(archive, most)
    folded: dict[tuple[str, ...], bool] = {}
    for member in members:
        parts = safe_parts(archive, member.name)
        if not parts:
            continue
        key = tuple(part.casefold() for part in parts)
        above = [key[:i] for i in range(1, len(key))]
        if (key in folded and not (folded[key] and member.folder)) or any(not folded.get(a, True) for a in above):
            raise DataError(f"{archive}: {member.name!r} is in it twice, or as a file and as a folder.")
        folded.update(dict.fromkeys(above, True))
        folded[key] = member.folder
        places[parts] = member
    return places


def safe_parts(archive: Path, name: str) -> tuple[str, ...]:
    """Return the parts of a member's path, () for the top folder itself; DataError if it may lead elsewhere."""
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    odd = (
        name.startswith(("/", "~"))
        or ".." in parts
        or len(name) > _LONGEST
        or any(len(part.encode("utf-8", "surrogatepass")) > _LONGEST_PART for part in parts)
        or any(part != part.rstrip(" .") for part in parts)
        or any(char in _FORBIDDEN or "\ud800" <= char <= "\udfff" for char in name)
    )
    if odd:
        raise DataError(
            f"{archive}: {name!r} would be written outside the folder or has an unsafe name. Do not use it."
        )
    return parts


def _too_large(archive: Path, most: int) -> DataError:
    return DataError(f"{archive}: unpacks to more than {most / 1e6:.0f} MB. It is a bomb, or needs higher limits.")
