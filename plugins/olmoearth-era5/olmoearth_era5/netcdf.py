"""How weather is read from NetCDF-4 as the Climate Data Store gives it, in its old form and that of 2024.

The old form calls the time `time` and puts preliminary values (ERA5T) on an axis of their own, `expver`; final values
go first. The later form calls it `valid_time`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_era5.daily_point import UNITS
from olmoearth_era5.field import Field
from olmoearth_era5.variables import check_unit, choose

_SUFFIXES = (".nc", ".nc4")
_TIMES, _LATS, _LONS = ("valid_time", "time"), ("latitude", "lat"), ("longitude", "lon")
_EXTRA = ("expver", "number")
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
class _NetCdf:
    name: str
    modalities: tuple[str, ...]
    latlon: tuple[float, float] | None
    degrees: float

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
            field.check(spec, self.degrees)
            for variable in choice.variables:
                check_unit(path, variable, str(found[variable].attrs.get("units", "")))
                _check_axes(path, found, variable)
        if self.latlon is not None:
            return field.series(choice, spec, self.name, self.latlon)
        return field.array(choice, spec, self.name)

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        """Weather is never hidden."""
        return None


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
            blocks = []
            for variable in variables:
                part = found[variable].isel({time: span, lat: rows, lon: cols})
                try:
                    blocks.append(_merged(part).transpose(time, lat, lon).values.astype(np.float32))
                except (OSError, RuntimeError, ValueError) as error:
                    raise DataError(
                        f"{self.path}: {variable} cannot be read ({error}). Fetch the file again."
                    ) from error
        block: np.ndarray = np.stack(blocks, axis=1)[np.asarray(steps) - steps[0]]
        return block


@contextmanager
def dataset(path: str) -> Iterator[xarray.Dataset]:
    """Open a NetCDF-4 file for a moment.

    Raises:
        DataError: it is missing, torn, or of another format, which is named; or h5netcdf is not installed.
    """
    _check_format(path)
    try:
        # First, because h5netcdf complains once more when it is thrown away half opened.
        with h5py.File(path, "r"):
            pass
        # HDF5 that is no NetCDF has axes without names, at which h5netcdf warns unless told how to call them.
        found = xarray.open_dataset(path, engine="h5netcdf", cache=False, phony_dims="access")
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: no NetCDF-4 that can be read ({' '.join(str(error).split())[:200]}). Fetch it again."
        ) from error
    with found:
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


def _field(path: str, found: xarray.Dataset) -> Field:
    names = [_axis(found, axis) for axis in (_TIMES, _LATS, _LONS)]
    if "" in names:
        raise DataError(f"{path}: has axes {', '.join(map(str, found.sizes))}, expected time, latitude and longitude.")
    times, lat, lon = (np.atleast_1d(found[name].values) for name in names)
    if times.dtype.kind != "M":
        raise DataError(f"{path}: its {names[0]} is {times.dtype}, expected times with units such as hours since 1900.")
    return Field(path, NetCdfSource(path), times.astype("datetime64[ns]"), lat.astype(float), lon.astype(float))


def _weather(found: xarray.Dataset) -> list[str]:
    return [name for name in UNITS if name in found.data_vars]


def _axis(found: xarray.Dataset, names: Sequence[str]) -> str:
    return next((name for name in names if name in found.dims and name in found.coords), "")


def _check_axes(path: str, found: xarray.Dataset, variable: str) -> None:
    known = {_axis(found, names) for names in (_TIMES, _LATS, _LONS)}
    axes: dict[Any, int] = dict(found[variable].sizes)
    lacking = known - set(axes)
    extra = {name: size for name, size in axes.items() if name not in known and (name != "expver" and size != 1)}
    if lacking or extra:
        raise DataError(
            f"{path}: {variable} has axes {', '.join(f'{n} ({s})' for n, s in axes.items())}, expected time, latitude "
            "and longitude alone. Take one member or level."
        )


def _merged(part: xarray.DataArray) -> xarray.DataArray:
    """Merge final and preliminary values, and drop axes of one."""
    if "expver" in part.dims:
        order = np.argsort([int(number) for number in part["expver"].values])
        merged = part.isel(expver=int(order[0]), drop=True).load()
        for number in order[1:]:
            merged = merged.fillna(part.isel(expver=int(number), drop=True).load())
        part = merged
    return part.squeeze([name for name, size in part.sizes.items() if name in _EXTRA and size == 1], drop=True)
