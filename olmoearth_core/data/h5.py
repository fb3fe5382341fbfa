"""How an H5 sample file is read: only the window that is needed, through the low-level API.

h5py's high-level objects cost more than the small reads this format makes, so files, data sets and
hyperslabs are handled directly. Importing this module registers the compression filters.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from pathlib import Path
from types import TracebackType

import h5py
import hdf5plugin
import numpy as np
from h5py import h5d, h5f, h5g, h5l, h5p, h5s, h5t

from olmoearth_core.errors import DataError

MISSING_VALUE = -99999
"""Written into a stored array where nothing was measured; an unsigned or 8/16-bit array cannot hold it."""
TIMESTAMPS = "timestamps"
LATLON = "latlon"
STEP_MASKS = "missing_timesteps_masks"
"""Group of one bool [T] per space-time modality. True = the step is there, whatever the name says."""

LARGEST = 2**30
"""Bytes that one array, or one of its chunks, may declare. The largest of the known modalities has 50 MB."""
FILTERS = (hdf5plugin.Zstd.filter_id, hdf5plugin.LZ4.filter_id)
_UNREADABLE = (OSError, KeyError, ValueError, RuntimeError, TypeError)


class MissingFile(DataError, FileNotFoundError):
    """There is no file where a sample should be."""


class SampleFile:
    """One open H5 sample.

    Raises:
        MissingFile: there is no such file.
        DataError: the file is truncated or not HDF5; or a data set cannot be decoded.
    """

    def __init__(self, path: str | Path) -> None:
        """Open a local file for reading; its data sets are opened when they are asked for."""
        self.path = str(path)
        try:
            self._file = h5f.open(self.path.encode(), h5f.ACC_RDONLY, _access())
        except FileNotFoundError as cause:
            raise MissingFile(_unreadable(self.path, cause)) from cause
        except _UNREADABLE as cause:
            raise DataError(_unreadable(self.path, cause)) from cause
        self._sets: dict[str, _Set] = {}
        self._known: frozenset[bytes] | None = None
        self._masks: tuple[h5g.GroupID, frozenset[bytes]] | None = None

    def __enter__(self) -> SampleFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # FileID.close looks at every identifier of this process; letting go of the few of this file does not.
        self._sets.clear()
        self._masks = None
        if error is not None:
            self._file.close()
        del self._file

    def __contains__(self, name: str) -> bool:
        """Whether there is a data set of this name."""
        return name.encode() in self._names()

    @property
    def names(self) -> list[str]:
        """All names in the file."""
        return sorted(name.decode(errors="replace") for name in self._names())

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a data set, without reading it."""
        return self._set(name).shape

    def whole(self, name: str) -> np.ndarray:
        """Read a small data set completely."""
        return self._read(self._set(name), name)

    def step_mask(self, name: str) -> np.ndarray | None:
        """Read which steps of the time axis a modality has, bool [T], or None if the file does not say."""
        if self._masks is None:
            if STEP_MASKS not in self:
                return None
            try:
                group = h5g.open(self._file, STEP_MASKS.encode())
            except _UNREADABLE as cause:
                raise DataError(_unreadable(f"{self.path}: {STEP_MASKS}", cause)) from cause
            self._masks = group, self._links(group)
        group, known = self._masks
        if name.encode() not in known:
            return None
        try:
            found = _Set(h5d.open(group, name.encode()))
        except _UNREADABLE as cause:
            raise DataError(_unreadable(f"{self.path}: {STEP_MASKS}/{name}", cause)) from cause
        if odd := found.odd():
            raise DataError(f"{self.path}: {STEP_MASKS}/{name} {odd}. Write this sample again.")
        return self._read(found, f"{STEP_MASKS}/{name}").astype(bool, copy=False)

    def window(self, name: str, start: tuple[int, ...], count: tuple[int, ...]) -> np.ndarray:
        """Read the block of `count` values per axis that begins at `start`, in the stored dtype."""
        found = self._set(name)
        out = np.empty(count, dtype=found.dtype)
        if out.size == 0:
            return out
        try:
            found.space.select_hyperslab(start, count)
            found.data.read(_whole(count), found.space, out, _memory_type(found.dtype))
        except _UNREADABLE as cause:
            raise DataError(_unreadable(f"{self.path}: {name}", cause)) from cause
        return out

    def _names(self) -> frozenset[bytes]:
        if self._known is None:
            self._known = self._links(self._file)
        return self._known

    def _links(self, group: h5g.GroupID) -> frozenset[bytes]:
        """Return all names in a group: asking for two of them one by one takes longer."""
        names: list[bytes] = []
        try:
            odd: list[bytes] = []
            group.links.iterate(
                lambda name, link: (names if link.type == h5l.TYPE_HARD else odd).append(name), info=True
            )
        except _UNREADABLE as cause:
            raise DataError(_unreadable(self.path, cause)) from cause
        if odd:
            raise DataError(f"{self.path}: {odd[0].decode(errors='replace')} is a link to another place, which is "
                            "not followed. Write this sample again.")  # fmt: skip
        return frozenset(names)

    def _set(self, name: str) -> _Set:
        if name not in self._sets:
            known = self._names()
            try:
                if name.encode() not in known:
                    raise KeyError(name)
                self._sets[name] = _Set(h5d.open(self._file, name.encode(), _data_access()))
            except _UNREADABLE as cause:
                raise DataError(f"{self.path}: there is no data set {name}. It holds {self.names}.") from cause
            if odd := self._sets[name].odd():
                raise DataError(f"{self.path}: {name} {odd}. Write this sample again.")
        return self._sets[name]

    def _read(self, found: _Set, name: str) -> np.ndarray:
        try:
            out = np.empty(found.shape, dtype=found.dtype)
            if out.size:
                found.data.read(h5s.ALL, h5s.ALL, out, _memory_type(found.dtype))
        except _UNREADABLE as cause:
            raise DataError(_unreadable(f"{self.path}: {name}", cause)) from cause
        return out


class _Set:
    """An open data set with what each question to the library would make anew."""

    __slots__ = ("data", "dtype", "shape", "space")

    def __init__(self, data: h5d.DatasetID) -> None:
        self.data, self.dtype = data, data.dtype
        self.space: h5s.SpaceID = data.get_space()
        self.shape: tuple[int, ...] = self.space.get_simple_extent_dims()

    def odd(self) -> str:
        """Return why it must not be read: not numbers, too large, or kept elsewhere; "" if it may."""
        if self.dtype.kind not in "biuf":
            return f"is {self.dtype}, expected numbers"
        made = self.data.get_create_plist()
        layout = made.get_layout()
        if layout == h5d.VIRTUAL or (layout == h5d.CONTIGUOUS and made.get_external_count()):
            return "keeps its values in another file, which is not opened"
        # Python integers, because a product of 64-bit sides may wrap round.
        for shape in (self.shape, made.get_chunk() if layout == h5d.CHUNKED else ()):
            if math.prod(map(int, shape or ())) * self.dtype.itemsize > LARGEST:
                return f"declares {list(shape)} {self.dtype}, more than {LARGEST >> 20} MB"
        return ""


def gaps(values: np.ndarray) -> np.ndarray | None:
    """Find where stored values are absent: bool of the array's shape, or None if every value is there.

    Absent are MISSING_VALUE and, in floating arrays, NaN and infinities: none of them may reach a model.
    """
    kind, size = values.dtype.kind, values.dtype.itemsize
    if values.size == 0 or kind not in "if" or (kind == "i" and size < 4):
        return None
    # Two reductions are all that a clean array costs; NaN makes both comparisons false.
    if values.min() > MISSING_VALUE and (kind == "i" or values.max() < np.inf):
        return None
    absent: np.ndarray = values == MISSING_VALUE
    if kind == "f":
        absent |= ~np.isfinite(values)
    return absent if absent.any() else None


@lru_cache(maxsize=256)
def _whole(shape: tuple[int, ...]) -> h5s.SpaceID:
    """Return the space of an array in memory; kept, because making one costs as much as a small read."""
    return h5s.create_simple(shape)


@lru_cache(maxsize=64)
def _plain(code: str) -> h5t.TypeID:
    return h5t.py_create(np.dtype(code))


def _memory_type(dtype: np.dtype) -> h5t.TypeID | None:
    """Return the type of an array in memory, kept for numbers; None lets h5py find out."""
    return _plain(dtype.str) if dtype.kind in "biuf" else None


@cache
def _data_access() -> h5p.PropDAID:
    # A window needs each of its chunks once, so keeping them only costs memory and time.
    access = h5p.create(h5p.DATASET_ACCESS)
    access.set_chunk_cache(1, 0, 0.0)
    return access


@cache
def _access() -> h5p.PropFAID:
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_fclose_degree(h5f.CLOSE_STRONG)
    if h5py.version.hdf5_version_tuple >= (1, 14, 0):
        # Samples are never written in place, and locks fail on many network file systems.
        access.set_file_locking(False, True)
    return access


def _unreadable(where: str, cause: BaseException) -> str:
    if isinstance(cause, FileNotFoundError):
        return f"{where}: there is no such file. Check dataset.h5py_dir, or convert the data set again."
    return f"{where}: cannot be read as HDF5 ({cause}). It is truncated or damaged: write this sample again."
