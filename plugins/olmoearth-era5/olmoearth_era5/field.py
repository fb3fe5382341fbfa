"""Weather on its grid of degrees: one window of many times and variables is one visit to the file.

Longitudes come out from -180 to 180, unless the file crosses the antimeridian. At a point the series is that of the
nearest grid point with values (over land), at most `_REACH` degrees away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import xarray
from xarray.backends import BackendArray
from xarray.core import indexing

from olmoearth_core.errors import DataError, OtherModality
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_era5.variables import Choice

_REACH = 0.25
"""Two and a half pixels: a tile at the coast lies mostly on land when its grid point lies at sea."""
_DAY = np.timedelta64(1, "D")


class Source(Protocol):
    """Reads blocks of a file. Picklable."""

    def fetch(self, times: Sequence[int], variables: Sequence[str], rows: slice, cols: slice) -> np.ndarray:
        """Return float32 [t, v, r, c], NaN where there is nothing. times: indices into the file's times, ascending."""
        ...


@dataclass(frozen=True)
class Field:
    """What a file holds, as its header tells it.

    times: datetime64[ns] [T]. lat, lon: float64, degrees of the grid points as they are stored.
    """

    path: str
    source: Source
    times: np.ndarray
    lat: np.ndarray
    lon: np.ndarray

    def check(self, spec: ModalitySpec, degrees: float) -> None:
        """Compare spacing in time and space with what a modality takes.

        Raises:
            DataError: hours instead of days, times that repeat, or a grid of another product.
            OtherModality: days instead of months, or months instead of days.
        """
        for axis, points in (("latitude", self.lat), ("longitude", self.lon)):
            steps = np.abs(np.diff(points))
            if steps.size and np.abs(steps - degrees).max() > degrees / 50:
                raise DataError(
                    f"{self.path}: {axis} in steps of {steps.min():.4g} to {steps.max():.4g} degrees, expected "
                    f"{degrees:g} (ERA5-Land). ERA5 of single levels has 0.25; if you want that, set degrees."
                )
        if (np.diff(self.times) <= np.timedelta64(0, "ns")).any():
            raise DataError(f"{self.path}: its times repeat or go back. Merge the parts in order first.")
        found = _spacing(self.times)
        expected = "days" if spec.name.startswith("era5l_day") else "months"
        if found not in (expected, "one step"):
            kind = OtherModality if found in ("days", "months") else DataError
            raise kind(f"{self.path}: its steps are {found}, but {spec.name} takes {expected}. Aggregate them first.")

    def array(self, choice: Choice, spec: ModalitySpec, reader: str) -> xarray.DataArray:
        """Return float32 (time, band, y, x), read when used."""
        import rioxarray  # noqa: F401  registers the accessor `.rio`

        first, lon = _rolled(self.lon)
        lazy = indexing.LazilyIndexedArray(_Window(self, choice.variables, first))
        coords = {"time": self.times, "band": list(choice.bands), "y": self.lat, "x": lon}
        variable = xarray.Variable(("time", "band", "y", "x"), lazy)
        array = xarray.DataArray(variable, coords=coords, name=spec.name, attrs=self._attrs(choice, spec, reader))
        placed: xarray.DataArray = array.rio.write_crs("EPSG:4326", inplace=True)
        return placed

    def series(self, choice: Choice, spec: ModalitySpec, reader: str, latlon: tuple[float, float]) -> xarray.DataArray:
        """Return float32 (time, band) of the nearest grid point with values, all NaN where there is none.

        Raises:
            DataError: the place lies outside the file.
        """
        row, col = self._nearest(latlon, choice.variables)
        every = range(len(self.times))
        values = self.source.fetch(every, choice.variables, slice(row, row + 1), slice(col, col + 1))[:, :, 0, 0]
        coords = {"time": self.times, "band": list(choice.bands)}
        array = xarray.DataArray(values, dims=("time", "band"), coords=coords, name=spec.name)
        place = float(self.lat[row]), _wrapped(float(self.lon[col]))
        array.attrs.update(self._attrs(choice, spec, reader), latlon=place)
        return array

    def _attrs(self, choice: Choice, spec: ModalitySpec, reader: str) -> dict[str, Any]:
        units = dict(zip(spec.band_order, spec.units.split(", "), strict=True))
        told = ", ".join(units[band] for band in choice.bands)
        facts = {"units": told, "quantity": "weather", "modality": spec.name, "reader": reader, "source": self.path}
        return facts

    def _nearest(self, latlon: tuple[float, float], variables: Sequence[str]) -> tuple[int, int]:
        north = self.lat - latlon[0]
        east = (self.lon - latlon[1] + 180) % 360 - 180
        if min(np.abs(north).min(), 1) > _REACH or np.abs(east).min() > _REACH:
            raise DataError(
                f"{self.path}: {latlon[0]:g} N, {latlon[1]:g} E lies outside; it holds {self.lat.min():g} to "
                f"{self.lat.max():g} N and {self.lon.min():g} to {self.lon.max():g} E."
            )
        rows, cols = np.flatnonzero(np.abs(north) <= _REACH), np.flatnonzero(np.abs(east) <= _REACH)
        away = np.hypot(north[rows][:, None], east[cols][None, :] * np.cos(np.radians(latlon[0])))
        # Rounded, so that of two equally near points the first counts on every machine.
        order = np.argsort(np.round(away, 6), axis=None, kind="stable")
        places = [(int(rows[i // len(cols)]), int(cols[i % len(cols)])) for i in order]
        for row, col in places:
            value = self.source.fetch([0], variables[:1], slice(row, row + 1), slice(col, col + 1))
            if np.isfinite(value).all():
                return row, col
        return places[0]


class _Window(BackendArray):
    """A field seen from its westernmost column on, in blocks."""

    def __init__(self, field: Field, variables: Sequence[str], first: int) -> None:
        self.field, self.variables, self.first = field, variables, first
        self.shape = (len(field.times), len(variables), len(field.lat), len(field.lon))
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, key: Any) -> Any:
        support = indexing.IndexingSupport.BASIC
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._read)

    def _read(self, key: tuple[int | slice, ...]) -> np.ndarray:
        times, bands, rows, cols = (np.arange(n)[k] for k, n in zip(key, self.shape, strict=True))
        if not all(np.size(axis) for axis in (times, bands, rows, cols)):
            return np.empty([np.size(a) for a in (times, bands, rows, cols) if np.ndim(a)], dtype=np.float32)
        wanted = [self.variables[band] for band in np.atleast_1d(bands)]
        steps = np.unique(times)
        block = self._columns(steps.tolist(), wanted, slice(int(np.min(rows)), int(np.max(rows)) + 1), cols)
        picked = block[np.searchsorted(steps, np.atleast_1d(times))][:, :, np.atleast_1d(rows) - np.min(rows)]
        kept: np.ndarray = picked[
            tuple(0 if np.ndim(axis) == 0 else slice(None) for axis in (times, bands, rows, cols))
        ]
        return kept

    def _columns(self, times: Sequence[int], wanted: Sequence[str], rows: slice, cols: Any) -> np.ndarray:
        """Fetch the columns on both sides of the seam where the file starts."""
        width = self.shape[3]
        stored = (np.atleast_1d(cols) + self.first) % width
        out = np.empty((len(times), len(wanted), rows.stop - rows.start, len(stored)), dtype=np.float32)
        for side in (stored >= self.first, stored < self.first):
            if side.any():
                low, high = int(stored[side].min()), int(stored[side].max())
                block = self.field.source.fetch(times, wanted, rows, slice(low, high + 1))
                out[..., side] = block[..., stored[side] - low]
        return out


def _rolled(lon: np.ndarray) -> tuple[int, np.ndarray]:
    """Return the column to begin with, and longitudes from there, ascending."""
    if lon.size < 2 or lon.max() < 180:
        return 0, lon
    if lon.min() >= 180:
        return 0, lon - 360
    step = float(np.median(np.diff(lon)))
    if step <= 0 or lon[-1] - lon[0] + 1.5 * step < 360:
        return 0, lon
    first = int(np.flatnonzero(lon >= 180)[0])
    return first, np.concatenate([lon[first:] - 360, lon[:first]])


def _wrapped(lon: float) -> float:
    return (lon + 180) % 360 - 180


def _spacing(times: np.ndarray) -> str:
    if len(times) < 2:
        return "one step"
    months = times.astype("datetime64[M]")
    if (times == months.astype("datetime64[ns]")).all() and (np.diff(months.astype(int)) >= 1).all():
        return "months"
    if all(later - earlier >= _DAY for earlier, later in pairwise(times.astype("datetime64[s]"))):
        return "days"
    hours = np.diff(times).min() / np.timedelta64(1, "h")
    return f"of {hours:g} hours"
