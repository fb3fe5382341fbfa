"""Whether the blocks of an extract (.osm.pbf) are sound enough to be given to osmium.

osmium keeps tags as text ended by a zero byte. A zero inside of a text makes it read past the end of its memory and
the process die, which no `except` can catch, so each table of strings is looked at first. Sizes are bounded by the
format's own limits before anything is read or unpacked.
Format: https://wiki.openstreetmap.org/wiki/PBF_Format
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO

from olmoearth_core.errors import DataError

_HEADER_MOST = 64 * 2**10
_BLOB_MOST = 32 * 2**20
_RAW, _RAW_SIZE, _ZLIB = 1, 2, 3
_PACKINGS = {4: "lzma", 5: "bzip2", 6: "lz4", 7: "zstd"}


class _Torn(ValueError):
    """What is wrong with a block."""


def check_blocks(path: str) -> None:
    """Look through an extract; once per process for a file that does not change.

    Raises:
        DataError: a block is cut off, too large, packed in a way that is not looked into, or has a zero in a text;
            names file and byte.
    """
    found = os.stat(path)
    _checked(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=64)
def _checked(path: str, size: int, changed: int) -> None:
    with open(path, "rb") as file:
        while (start := file.tell()) < size:
            try:
                _check_block(file)
            except (_Torn, zlib.error) as error:
                raise DataError(
                    f"{path}: the block at byte {start:,} of {size:,} is malformed ({error}). Fetch the file again."
                ) from error


def _check_block(file: BinaryIO) -> None:
    length = int.from_bytes(_read(file, 4), "big")
    if not 0 < length <= _HEADER_MOST:
        raise _Torn(f"a header of {length:,} bytes, expected 1 to {_HEADER_MOST:,}")
    header = dict(_fields(_read(file, length)))
    kind, size = header.get(1), header.get(3)
    if not isinstance(size, int) or not 0 <= size <= _BLOB_MOST:
        raise _Torn(f"a size of {size!r}, expected 0 to {_BLOB_MOST:,} bytes")
    block = _unpacked(_read(file, size))
    if kind == b"OSMData":
        for number, table in _fields(block):
            if number == 1 and isinstance(table, bytes):
                _check_strings(table)


def _unpacked(blob: bytes) -> bytes:
    fields = dict(_fields(blob))
    if strange := [name for number, name in _PACKINGS.items() if number in fields]:
        raise _Torn(f"it is packed by {strange[0]}; repack it with `osmium cat -f pbf,pbf_compression=zlib`")
    plain, packed, size = fields.get(_RAW), fields.get(_ZLIB), fields.get(_RAW_SIZE)
    if isinstance(plain, bytes):
        return plain
    if not isinstance(packed, bytes) or not isinstance(size, int):
        raise _Torn("it has no content")
    if size > _BLOB_MOST:
        raise _Torn(f"{size:,} bytes when unpacked, at most {_BLOB_MOST:,} are allowed")
    content = zlib.decompressobj().decompress(packed, size + 1)
    if len(content) != size:
        raise _Torn(f"it unpacks to {len(content):,} bytes or more, not to the {size:,} that it says")
    return content


def _check_strings(table: bytes) -> None:
    # Lengths hold a zero byte only for an empty text, and the table starts with the only one: nothing to walk through.
    if table.startswith(b"\n\0") and table.count(0) == 1:
        return
    for _, text in _fields(table):
        if isinstance(text, bytes) and 0 in text:
            raise _Torn("a text with a zero byte")


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field of a message of protocol buffers."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if kind not in (1, 2, 5):
            raise _Torn(f"a field of unknown kind {kind}")
        length, place = _varint(message, place) if kind == 2 else ({1: 8, 5: 4}[kind], place)
        if length > len(message) - place:
            raise _Torn("a field that reaches beyond its end")
        yield key >> 3, message[place : place + length]
        place += length


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            break
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise _Torn("a number without an end")


def _read(file: BinaryIO, size: int) -> bytes:
    content = file.read(size)
    if len(content) != size:
        raise _Torn(f"it ends after {len(content):,} of {size:,} bytes")
    return content
