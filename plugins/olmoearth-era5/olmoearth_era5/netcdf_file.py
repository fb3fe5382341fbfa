"""What is read from a NetCDF-4 file, and how little of HDF5 that needs.

A NetCDF library asks HDF5 for the lists that tie variables to axes (H5DS); in damaged files these lists run in circles
and the question never ends. Here a file is arrays with a few short attributes: variables are fetched by name, axes are
told by the objects that they refer to, and every size is judged before anything is allocated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import xarray
from h5py import h5a, h5t

from olmoearth_core.errors import DataError
from olmoearth_era5.global_heap import fault

MOST_POINTS = 2**20
"""Along an axis: a minute of arc round the globe is 21,600 points, an hour for a century 876,600."""
MOST_CHUNK_BYTES = 2**29
MOST_AXES = 16
_ATTRIBUTES = ("units", "calendar", "scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned")
_MOST_ATTRIBUTE_BYTES = 4096
_NO_VARIABLE = b"This is a netCDF dimension but not a netCDF variable"
BROKEN = (
    OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, OverflowError, ArithmeticError, MemoryError,
    IndexError, ImportError,
)  # fmt: skip
"""What h5py, and xarray at attributes of any content, raise on damaged files."""


@dataclass(frozen=True)
class NetCdf:
    """An open file. path: for messages. file: of h5py. known: names of those axes that matter, scales or not."""

    path: str
    file: Any
    known: tuple[str, ...]

    def holds(self, name: str) -> bool:
        """Whether there is an array of numbers or texts of this name that is no mere axis."""
        return self._scale(name) is not None and not self._is_mere(name)

    def axes(self, name: str) -> tuple[str, ...]:
        """Return the names of a variable's axes, "?" for those that are not among the known ones."""
        data = self._data(name)
        if _text(data, "CLASS").startswith(b"DIMENSION_SCALE") and data.ndim == 1:
            return (name,)
        listed = self._references(name, data)
        scales = {axis: scale for axis in self.known if (scale := self._scale(axis)) is not None}
        return tuple(next((a for a, scale in scales.items() if scale == one), "?") for one in listed)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the declared shape of a variable."""
        return tuple(int(n) for n in self._data(name).shape)

    def attributes(self, name: str) -> dict[str, Any]:
        """Return those attributes that values, units and times depend on."""
        data = self._data(name)
        return {key: value for key in _ATTRIBUTES if (value := self._attribute(name, data, key)) is not None}

    def points(self, name: str) -> np.ndarray:
        """Return the values of an axis, decoded (times as datetime64), at most MOST_POINTS."""
        return np.atleast_1d(self.block(name, {}))

    def block(self, name: str, part: Mapping[str, slice | int]) -> Any:
        """Return the decoded values of a part of a variable, NaN where nothing is. part: axis -> which of it."""
        data = self._data(name)
        if not part and data.size > MOST_POINTS:
            raise DataError(
                f"{self.path}: {name} declares {list(data.shape)} values, which no axis has. It is damaged."
            )
        axes = self.axes(name) if part else tuple(f"axis {i}" for i in range(data.ndim))
        key = tuple(part.get(axis, slice(None)) for axis in axes)
        try:
            stored = np.asarray(data[key])
            named = xarray.Variable([str(i) for i in range(stored.ndim)], stored, self.attributes(name))
            with np.errstate(all="ignore"):
                return xarray.conventions.decode_cf_variable(name, named).values
        except BROKEN as error:
            raise self._unreadable(name, error) from error

    def _scale(self, name: str) -> Any:
        try:
            found = self.file.get(name) if isinstance(self.file.get(name, getlink=True), h5py.HardLink) else None
        except BROKEN as error:
            raise self._unreadable(name, error) from error
        return found if isinstance(found, h5py.Dataset) else None

    def _is_mere(self, name: str) -> bool:
        return _text(self._scale(name), "NAME").startswith(_NO_VARIABLE)

    def _data(self, name: str) -> Any:
        """Return an array if it lies in this file and can be read in pieces of a bearable size."""
        data = self._scale(name)
        if data is None:
            raise DataError(f"{self.path}: has no array {name}. Fetch it again.")
        try:
            odd = _odd(data)
        except BROKEN as error:
            raise self._unreadable(name, error) from error
        if odd:
            raise DataError(f"{self.path}: {name} {odd}. It is damaged or hostile: fetch it again.")
        return data

    def _references(self, name: str, data: Any) -> list[Any]:
        """Return the first scale of each axis; None for an axis without."""
        try:
            if "DIMENSION_LIST" not in data.attrs:
                return [None] * data.ndim
            if h5a.open(data.id, b"DIMENSION_LIST").shape != (data.ndim,):
                raise ValueError("its list of axes does not fit its shape")
            listed = data.attrs["DIMENSION_LIST"]
            return [self.file[one[0]] if len(one) else None for one in listed]
        except BROKEN as error:
            raise self._unreadable(name, error) from error

    def _attribute(self, name: str, data: Any, key: str) -> Any:
        try:
            if key not in data.attrs:
                return None
            attribute = h5a.open(data.id, key.encode())
            kind = attribute.get_type().get_class()
            if kind not in (h5t.STRING, h5t.INTEGER, h5t.FLOAT) or attribute.get_storage_size() > _MOST_ATTRIBUTE_BYTES:
                raise ValueError(f"its attribute {key} is no number or short text")
            value = data.attrs[key]
        except BROKEN as error:
            raise self._unreadable(name, error) from error
        if isinstance(value, np.ndarray):
            # As NetCDF has it: one number is a list of one.
            value = value[0] if value.size == 1 else value
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def _unreadable(self, name: str, error: BaseException) -> DataError:
        said = " ".join(str(error).split())[:200]
        return DataError(f"{self.path}: {name} cannot be read ({said or type(error).__name__}). Fetch the file again.")


@contextmanager
def opened(path: str, known: tuple[str, ...]) -> Iterator[NetCdf]:
    """Open an HDF5 file for a moment; see `NetCdf`.

    Raises:
        DataError: it is missing or torn.
    """
    try:
        if odd := fault(path):
            raise ValueError(odd)
        file = h5py.File(path, "r", locking=False)
    except BROKEN as error:
        said = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: no NetCDF-4 that can be read ({said}). Fetch it again.") from error
    with file:
        yield NetCdf(path, file, known)


def _odd(data: Any) -> str:
    if data.shape is None or data.ndim > MOST_AXES:
        return "has no axes that can be"
    if data.external or data.is_virtual:
        return "keeps its values in another file, which is not opened"
    if data.dtype.kind not in "biufSO":
        return f"holds {data.dtype}, expected numbers"
    if data.shape and max(data.shape) > MOST_POINTS:
        return f"declares {list(data.shape)} values, expected at most {MOST_POINTS:,} along an axis"
    size = data.dtype.itemsize
    for side in data.chunks or ():
        size *= int(side)
    if size > MOST_CHUNK_BYTES:
        return f"has chunks of {size >> 20:,} MiB, expected at most {MOST_CHUNK_BYTES >> 20}"
    return ""


def _text(data: Any, key: str) -> bytes:
    """Return a short text that NetCDF marks axes with, b"" if there is none."""
    try:
        if key not in data.attrs or h5a.open(data.id, key.encode()).get_storage_size() > _MOST_ATTRIBUTE_BYTES:
            return b""
        value = data.attrs[key]
    except BROKEN:
        return b""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
