"""How weather is read from NetCDF-4 as the Climate Data Store gives it, in its old form and that of 2024.

The old form calls the time `time` and puts preliminary values (ERA5T) on an axis of their own, `expver`; final values
go first. The later form calls it `valid_time`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_era5.daily_point import UNITS
from olmoearth_era5.field import Field
from olmoearth_era5.netcdf_file import BROKEN, NetCdf, opened
from olmoearth_era5.variables import check_unit, choose
from olmoearth_era5.weather_reader import WeatherReader

_SUFFIXES = (".nc", ".nc4")
_TIMES, _LATS, _LONS = ("valid_time", "time"), ("latitude", "lat"), ("longitude", "lon")
_EXPVER = "expver"
_KNOWN = (*_TIMES, *_LATS, *_LONS, _EXPVER, "number")
_FORMATS = {
    b"CDF": "NetCDF-3; convert it: nccopy -k nc4 old.nc new.nc",
    b"PK\3": "a zip archive; unpack it, the NetCDF is inside",
    b"GRI": "GRIB; read it with era5.grib.v1",
}


def era5_netcdf(*, latlon: tuple[float, float] | None = None, degrees: float = 0.1) -> Reader:
    """Read ERA5-Land from NetCDF-4 (variables t2m, d2m, sp, u10, v10, tp and the daily ones), monthly or daily.

    latlon: place in degrees; the series (time, band) of the nearest grid point with values is returned, at most a
        quarter of a degree away. null = the grid (time, band, y, x), from which every tile takes its own value.
    degrees: spacing of the grid; another is refused.
    Product guide: https://confluence.ecmwf.int/display/CKB/ERA5-Land:+data+documentation
    """
    return _NetCdf("era5.netcdf.v1", ("era5", "era5_10", "era5l_day_10"), latlon, degrees)


@dataclass(frozen=True)
class _NetCdf(WeatherReader):
    def recognises(self, path: str) -> bool:
        """By a variable of weather on an axis of time and a grid of degrees."""
        if not path.lower().endswith(_SUFFIXES) or not os.path.isfile(path):
            return False
        try:
            with dataset(path) as found:
                return bool(_weather(found)) and all(_axis(found, names) for names in (_TIMES, _LATS, _LONS))
        except DataError:
            return False

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        with dataset(path) as found:
            choice = choose(path, _weather(found), spec, bands)
            field = _field(path, found)
            for variable in choice.variables:
                check_unit(path, variable, str(found.attributes(variable).get("units", "")))
                _check_axes(path, found, variable)
        return self.given(field, choice, spec)


@dataclass(frozen=True)
class NetCdfSource:
    """Blocks of one file; preliminary values fill what the final ones leave open."""

    path: str

    def fetch(self, times: Sequence[int], variables: Sequence[str], rows: slice, cols: slice) -> np.ndarray:
        """Return float32 [t, v, r, c]; see `Source`."""
        steps = list(times)
        span = slice(steps[0], steps[-1] + 1)
        with dataset(self.path) as found:
            time, lat, lon = (_axis(found, names) for names in (_TIMES, _LATS, _LONS))
            part = {time: span, lat: rows, lon: cols}
            blocks = [_block(found, variable, part) for variable in variables]
        block: np.ndarray = np.stack(blocks, axis=1)[np.asarray(steps) - steps[0]]
        return block


@contextmanager
def dataset(path: str) -> Iterator[NetCdf]:
    """Open a NetCDF-4 file for a moment.

    Raises:
        DataError: it is missing, torn, or of another format, which is named.
    """
    _check_format(path)
    with opened(path, _KNOWN) as found:
        yield found


def _check_format(path: str) -> None:
    try:
        with open(path, "rb") as file:
            start = file.read(8)
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror}). Give a NetCDF file of this machine.") from error
    if not start.startswith(b"\x89HDF"):
        found = _FORMATS.get(start[:3], "something else")
        raise DataError(f"{path}: expected NetCDF-4, found {found}.")


def _field(path: str, found: NetCdf) -> Field:
    names = [_axis(found, axis) for axis in (_TIMES, _LATS, _LONS)]
    if "" in names:
        held = ", ".join(name for name in _KNOWN if found.holds(name)) or "none that is known"
        raise DataError(f"{path}: has axes {held}, expected time, latitude and longitude.")
    times, lat, lon = (found.points(name) for name in names)
    if times.dtype.kind != "M":
        raise DataError(f"{path}: its {names[0]} is {times.dtype}, expected times with units such as hours since 1900.")
    try:
        axes = times.astype("datetime64[ns]"), lat.astype(float), lon.astype(float)
    except BROKEN as error:
        raise DataError(f"{path}: its axes are no numbers ({error}). Fetch the file again.") from error
    if not all(axis.size and np.isfinite(axis).all() for axis in axes):
        raise DataError(f"{path}: an axis has no values, or some that are no numbers. Fetch the file again.")
    return Field(path, NetCdfSource(path), *axes)


def _weather(found: NetCdf) -> list[str]:
    return [name for name in UNITS if found.holds(name)]


def _axis(found: NetCdf, names: Sequence[str]) -> str:
    return next((name for name in names if found.holds(name) and found.axes(name) == (name,)), "")


def _check_axes(path: str, found: NetCdf, variable: str) -> None:
    known = {_axis(found, names) for names in (_TIMES, _LATS, _LONS)}
    axes = list(zip(found.axes(variable), found.shape(variable), strict=True))
    lacking = known - {name for name, _ in axes}
    extra = [name for name, size in axes if name not in known and (name != _EXPVER and size != 1)]
    if lacking or extra or len({name for name, _ in axes if name != "?"}) < sum(name != "?" for name, _ in axes):
        raise DataError(
            f"{path}: {variable} has axes {', '.join(f'{n} ({s})' for n, s in axes)}, expected time, latitude "
            "and longitude alone. Take one member or level."
        )
    sizes = {name: found.shape(name)[0] for name in known}
    if any(sizes.get(name, size) != size for name, size in axes):
        raise DataError(f"{path}: {variable} has other sizes than its axes. It is damaged: fetch the file again.")


def _block(found: NetCdf, variable: str, part: dict[str, slice]) -> np.ndarray:
    """Read a window of one variable, float32 [t, r, c]: final values, then preliminary ones; axes of one are left."""
    time, lat, lon = part
    axes, shape = found.axes(variable), dict(zip(found.axes(variable), found.shape(variable), strict=True))
    alone = {axis: 0 for axis in axes if axis not in part and axis != _EXPVER}
    order = [axis for axis in axes if axis in part]
    merged: np.ndarray | None = None
    for number in _versions(found, shape[_EXPVER]) if _EXPVER in axes else (None,):
        chosen: dict[str, slice | int] = {**part, **alone, **({} if number is None else {_EXPVER: number})}
        block = found.block(variable, chosen).transpose([order.index(axis) for axis in (time, lat, lon)])
        if block.dtype.kind not in "iuf":
            raise DataError(f"{found.path}: {variable} holds {block.dtype}, expected numbers. Fetch the file again.")
        merged = block if merged is None else np.where(np.isnan(merged), block, merged)
    if merged is None:
        raise DataError(f"{found.path}: {variable} has no version (expver). Fetch the file again.")
    with np.errstate(over="ignore", invalid="ignore"):
        values: np.ndarray = merged.astype(np.float32)
    return values


def _versions(found: NetCdf, number: int) -> list[int]:
    """Return places on the axis of versions, final values (1) before preliminary ones (5)."""
    if not found.holds(_EXPVER):
        return list(range(number))
    try:
        versions = [int(version) for version in found.points(_EXPVER)]
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{found.path}: its versions (expver) are no numbers. Fetch the file again.") from error
    if len(versions) != number:
        raise DataError(f"{found.path}: {number} versions (expver), but {len(versions)} numbers of them.")
    return [int(place) for place in np.argsort(versions, kind="stable")]
