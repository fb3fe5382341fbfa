"""How a sample file is opened when nobody knows what is in it.

Nothing is allocated before its size is known, and nothing outside the file is read: HDF5 can declare arrays of any
size, and can point to other files (external links, external storage, virtual data sets).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fsspec
import h5py
import hdf5plugin  # noqa: F401  registers the compression filters
import numpy as np

from olmoearth_core import uri
from olmoearth_core.errors import DataError

LARGEST = 2**30
"""Bytes that one array, or one of its chunks, may declare. The largest of the known modalities has 50 MB."""
UNREADABLE = (OSError, KeyError, ValueError, RuntimeError, TypeError, MemoryError, OverflowError)
"""What h5py raises on damaged files."""


@contextmanager
def opened(url: str) -> Iterator[Any]:
    """Open a sample file, local or remote, for reading; DataError if it is missing or not HDF5."""
    try:
        if uri.is_remote(url):
            with fsspec.open(url, "rb") as stream, h5py.File(stream, "r") as file:
                yield file
        else:
            with h5py.File(url.removeprefix("file://"), "r", locking=False) as file:
                yield file
    except FileNotFoundError as cause:
        raise DataError(f"{url}: there is no such file.") from cause
    except UNREADABLE as cause:
        raise DataError(f"{url}: cannot be read as HDF5 ({reason(cause)}).") from cause


def array(file: Any, name: str) -> Any:
    """Return the h5py data set of a name if it may be read; DataError with what is odd about it otherwise."""
    where = f"{file.filename}: {name}"
    *groups, _ = name.split("/")
    for i in range(len(groups) + 1):
        part = "/".join([*groups, name.split("/")[-1]][: i + 1])
        if not isinstance(file.get(part, getlink=True), h5py.HardLink):
            raise DataError(f"{where} is a link to another place, which is not followed.")
    found = file[name]
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "biuf":
        kind = found.dtype if isinstance(found, h5py.Dataset) else type(found).__name__
        raise DataError(f"{where} is {kind}, expected an array of numbers.")
    if found.external or found.is_virtual:
        raise DataError(f"{where} keeps its values in another file, which is not opened.")
    for what, shape in (("declares", found.shape), ("has chunks of", found.chunks or ())):
        # Python integers, because a product of 64-bit sides may wrap round.
        size = found.dtype.itemsize
        for side in shape or ():
            size *= int(side)
        if size > LARGEST:
            raise DataError(f"{where} {what} {list(shape)} {found.dtype}, more than {LARGEST >> 20} MB.")
    return found


def values(file: Any, name: str) -> np.ndarray:
    """Read an array completely; DataError if it is too large, elsewhere, or cannot be decoded."""
    data = array(file, name)
    try:
        out: np.ndarray = data[()]
    except UNREADABLE as cause:
        raise DataError(f"{file.filename}: {name} cannot be decoded ({reason(cause)}).") from cause
    return out


def reason(cause: BaseException) -> str:
    """Return what an error says, on one line."""
    return " ".join(str(cause).split()) or type(cause).__name__
