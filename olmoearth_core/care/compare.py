"""What differs between two data sets, sample by sample, whatever their numbers are.

Samples are paired by lat/lon and, where several share it, by their order there (the parts of one tile). Every array
is compared bit by bit, so that -0.0, NaN and another type are differences too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np

from olmoearth_core.care.opened import array, opened, values
from olmoearth_core.data.folder import Folder, find
from olmoearth_core.errors import DataError

Key = tuple[float, float, int]


@dataclass
class Comparison:
    """What was found. differences: (sample, array, what). only_a, only_b: numbers of samples without a partner."""

    a: Folder
    b: Folder
    paired: int = 0
    same: int = 0
    arrays: int = 0
    only_a: list[int] = field(default_factory=list)
    only_b: list[int] = field(default_factory=list)
    differences: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether both sets hold the same samples."""
        return not (self.only_a or self.only_b or self.differences)


def compare(a: str, b: str, *, storage: bool = False, progress: Callable[[int, int], None] | None = None) -> Comparison:
    """Compare two data sets. storage: also chunks and filters, which do not change a value."""
    found = Comparison(find(a), find(b))
    left, right = keys(found.a), keys(found.b)
    found.only_a = sorted(i for key, i in left.items() if key not in right)
    found.only_b = sorted(i for key, i in right.items() if key not in left)
    pairs = sorted((i, right[key]) for key, i in left.items() if key in right)
    for done, (i, j) in enumerate(pairs, 1):
        differences = list(_pair(found, i, j, storage=storage))
        found.differences += [(f"sample {i} / {j}", *difference) for difference in differences]
        found.paired += 1
        found.same += not differences
        if progress:
            progress(done, len(pairs))
    return found


def keys(folder: Folder) -> dict[Key, int]:
    """Return (lat, lon, order at that place) -> number, with lat/lon as float32 as files hold them."""
    table = folder.latlons()
    met: dict[tuple[float, float], int] = {}
    out: dict[Key, int] = {}
    for index in range(folder.count):
        row = table[index] if table is not None else _latlon(folder.sample(index))
        place = (float(np.float32(row[0])), float(np.float32(row[1])))
        met[place] = met.get(place, -1) + 1
        out[(*place, met[place])] = index
    return out


def _latlon(url: str) -> np.ndarray:
    with opened(url) as file:
        return values(file, "latlon")


def _pair(found: Comparison, i: int, j: int, *, storage: bool) -> Iterator[tuple[str, str]]:
    try:
        with opened(found.a.sample(i)) as left, opened(found.b.sample(j)) as right:
            names, others = _arrays(left), _arrays(right)
            for name in sorted(set(names) ^ set(others)):
                yield name, "only in A" if name in names else "only in B"
            for name in sorted(set(names) & set(others)):
                found.arrays += 1
                yield from ((name, text) for text in _array(left, right, name, storage=storage))
    except DataError as error:
        yield "file", str(error)


def _arrays(file: Any) -> list[str]:
    names: list[str] = []
    for name in file:
        link = file.get(name, getlink=True)
        if isinstance(link, h5py.HardLink) and isinstance(file[name], h5py.Group):
            names += [f"{name}/{below}" for below in file[name]]
        else:
            names.append(name)
    return names


def _array(left: Any, right: Any, name: str, *, storage: bool) -> Iterator[str]:
    a, b = array(left, name), array(right, name)
    if a.dtype != b.dtype:
        yield f"{a.dtype} and {b.dtype}"
    elif a.shape != b.shape:
        yield f"{list(a.shape)} and {list(b.shape)}"
    else:
        yield from _values(values(left, name), values(right, name))
    if storage and _storage(a) != _storage(b):
        yield f"stored as {_storage(a)} and {_storage(b)}"


def _values(a: np.ndarray, b: np.ndarray) -> Iterator[str]:
    if a.tobytes() == b.tobytes():
        return
    bits = [np.ascontiguousarray(x).reshape(-1).view(np.uint8).reshape(x.size, x.itemsize) for x in (a, b)]
    differ = np.flatnonzero((bits[0] != bits[1]).any(axis=1))
    first = tuple(int(n) for n in np.unravel_index(differ[0], a.shape))
    yield f"{len(differ)} of {a.size} values differ, first at {list(first)}: {a[first]!s} and {b[first]!s}"


def _storage(data: Any) -> str:
    plist = data.id.get_create_plist()
    filters = [plist.get_filter(i) for i in range(plist.get_nfilters())]
    chunks = "contiguous" if data.chunks is None else f"chunks {list(data.chunks)}"
    return ", ".join([chunks, *(f"filter {f[0]} {list(f[2])}" for f in filters)])
