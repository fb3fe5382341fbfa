"""Whether texts and references of an HDF5 file can be looked up without end.

Attributes of varying length lie in global heap collections (HDF5 File Format Specification 3.0, III.E). The library
walks a collection from object to object by their sizes and does not end where a damaged size is 0, or so large that it
wraps round. So every collection of a file is walked here first, wherever it lies: damage may lead to any of them.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
from functools import lru_cache

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_COLLECTION = re.compile(rb"GCOL\x01", re.DOTALL)
_SMALLEST = 4096
_MOST_OBJECTS = 2**20
_HEAD = 16
"""Bytes before the first object of a collection, and before the content of each object."""


def fault(path: str) -> str:
    """Return what is wrong with the heaps of a file, "" if nothing is. Reads the whole file once per process.

    Raises:
        OSError: it cannot be read.
    """
    state = os.stat(path)
    return _fault(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=256)
def _fault(path: str, size: int, modified: int) -> str:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if _sizes(content) != (8, 8):
            return "its numbers are not of 8 bytes, as those of NetCDF-4 are"
        left = _MOST_OBJECTS
        for found in _COLLECTION.finditer(content):
            walked = _walked(content, found.start(), left)
            left -= walked
            if walked < 0 or left < 0:
                return f"a list of its texts at byte {found.start():,} has no end"
    return ""


def _sizes(content: mmap.mmap) -> tuple[int, ...]:
    """Return the width of offsets and of lengths, as the superblock says it."""
    if content[:8] != _SIGNATURE or len(content) < 48:
        return ()
    first = 13 if content[8] < 2 else 9
    return content[first], content[first + 1]


def _walked(content: mmap.mmap, start: int, most: int) -> int:
    """Return how many objects a collection has, -1 if it has no end; 0 for what is no collection."""
    if start + _HEAD > len(content):
        return 0
    (size,) = struct.unpack_from("<Q", content, start + 8)
    if not _SMALLEST <= size <= len(content) - start:
        return 0
    place, number = _HEAD, 0
    while place + _HEAD <= size and number <= most:
        index, length = struct.unpack_from("<H6xQ", content, start + place)
        # What is free (index 0) counts its own head; a content fills whole groups of 8 bytes.
        step = length if index == 0 else _HEAD + (length + 7) // 8 * 8
        if not _HEAD <= step <= size - place:
            return -1
        place, number = place + step, number + 1
    return number
