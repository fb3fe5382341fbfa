"""How weather is read from GRIB 1, as the Climate Data Store gives ERA5-Land, by the driver that comes with rasterio.

A message's month is that of its reference time: the means of accumulated variables are dated a day later by their
validity. GRIB 2 is refused, because this driver does not name ECMWF's variables in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
import xarray
from rasterio.windows import Window

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.layers import opened
from olmoearth_era5.field import Field
from olmoearth_era5.variables import check_unit, choose
from olmoearth_era5.weather_reader import WeatherReader

_SUFFIXES = (".grib", ".grb", ".grib1", ".grb1")
_MOST = 100_000
"""Messages in a file, at most: 720 days of 14 variables are 10,080."""
ELEMENTS = {
    "2T": "t2m", "2D": "d2m", "SP": "sp", "10U": "u10", "10V": "v10", "TP": "tp", "E": "e", "RO": "ro", "SSR": "ssr",
    "SSRD": "ssrd", "STR": "str", "SWVL1": "swvl1", "SWVL2": "swvl2", "var251 of table 228 of center ECMWF": "pev",
}  # fmt: skip
"""What GDAL calls ECMWF's parameters -> their short names."""
_UNTOLD = {"pev": "m"}
"""Units of parameters that GDAL's tables lack, as ECMWF's parameter data base gives them."""


def era5_grib(*, latlon: tuple[float, float] | None = None, degrees: float = 0.1) -> Reader:
    """Read ERA5-Land from GRIB 1, monthly or daily; see era5.netcdf.v1.

    latlon: place in degrees; the series (time, band) of the nearest grid point with values is returned, at most a
        quarter of a degree away. null = the grid (time, band, y, x), from which every tile takes its own value.
    degrees: spacing of the grid; another is refused.
    Product guide: https://confluence.ecmwf.int/display/CKB/ERA5-Land:+data+documentation
    """
    return _Grib("era5.grib.v1", ("era5", "era5_10", "era5l_day_10"), latlon, degrees)


@dataclass(frozen=True)
class _Grib(WeatherReader):
    def recognises(self, path: str) -> bool:
        """By its name and first message."""
        if not path.lower().endswith(_SUFFIXES) or not os.path.isfile(path):
            return False
        try:
            return _edition(path) == 1 and bool(messages(path).bands)
        except DataError:
            return False

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        if (edition := _edition(path)) != 1:
            found = f"GRIB {edition}" if edition else "no GRIB"
            raise DataError(f"{path}: {found}, expected GRIB 1. Download NetCDF (era5.netcdf.v1), or GRIB 1.")
        found_messages = messages(path)
        choice = choose(path, found_messages.variables, spec, bands)
        for variable in choice.variables:
            check_unit(path, variable, found_messages.units[variable])
        field = found_messages.field(choice.variables)
        return self.given(field, choice, spec)


@dataclass(frozen=True)
class Messages:
    """What a file holds. bands: variable -> reference time (s since 1970) -> band. units: by variable."""

    path: str
    bands: Mapping[str, Mapping[int, int]]
    units: Mapping[str, str]
    lat: np.ndarray
    lon: np.ndarray

    @property
    def variables(self) -> list[str]:
        """Short names of the variables that are known."""
        return list(self.bands)

    def field(self, variables: Sequence[str]) -> Field:
        """Return the grid and times of some variables; DataError if they do not share their times."""
        times = sorted(self.bands[variables[0]])
        for variable in variables:
            if sorted(self.bands[variable]) != times:
                raise DataError(
                    f"{self.path}: {variable} has {len(self.bands[variable])} times, {variables[0]} has "
                    f"{len(times)}, or others. Download all variables for the same times."
                )
        moments = (np.array(times, dtype="int64") * 10**9).astype("datetime64[ns]")
        numbers = {v: tuple(self.bands[v][time] for time in times) for v in variables}
        return Field(self.path, GribSource(self.path, numbers), moments, self.lat, self.lon)


@dataclass(frozen=True)
class GribSource:
    """Blocks of one file. bands: variable -> band of each time."""

    path: str
    bands: Mapping[str, Sequence[int]]

    def fetch(self, times: Sequence[int], variables: Sequence[str], rows: slice, cols: slice) -> np.ndarray:
        """Return float32 [t, v, r, c]; see `Source`."""
        numbers = [self.bands[variable][time] for time in times for variable in variables]
        window = Window(cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start)
        with _grib(self.path) as raster:
            stored = raster.read(numbers, window=window, masked=True)
        # Damage makes numbers of any size; what float32 cannot hold becomes infinite, which counts as absent.
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.ma.filled(stored.astype(np.float32), np.nan)
        block: np.ndarray = values.reshape(len(times), len(variables), *values.shape[1:])
        return block


def messages(path: str) -> Messages:
    """List the messages of a file that are variables of weather.

    Raises:
        DataError: it is missing or torn, holds a variable twice for a time, or very many messages.
    """
    with _grib(path) as raster:
        if raster.count > _MOST:
            raise DataError(f"{path}: {raster.count:,} messages, expected at most {_MOST:,}. Split it by time.")
        bands: dict[str, dict[int, int]] = {}
        units: dict[str, str] = {}
        for number in raster.indexes:
            tags = raster.tags(number)
            variable = ELEMENTS.get(tags.get("GRIB_ELEMENT", ""))
            if variable is None:
                continue
            time = _seconds(path, tags)
            if time in bands.setdefault(variable, {}):
                raise DataError(f"{path}: {variable} occurs twice for one time; expected one member and level.")
            bands[variable][time] = number
            units[variable] = _UNTOLD.get(variable, tags.get("GRIB_UNIT", ""))
        x, _ = raster.transform @ (np.arange(raster.width) + 0.5, np.full(raster.width, 0.5))
        _, y = raster.transform @ (np.full(raster.height, 0.5), np.arange(raster.height) + 0.5)
    # Thousandths of a degree, in which GRIB 1 keeps places: GDAL's are off by some 1e-12.
    return Messages(path, bands, units, np.round(y, 6), np.round(x, 6))


@contextmanager
def _grib(path: str) -> Iterator[Any]:
    # Without this GDAL turns kelvin into degrees Celsius on its own account.
    with rasterio.Env(GRIB_NORMALIZE_UNITS="NO"), opened(path) as raster:
        yield raster


def _seconds(path: str, tags: Mapping[str, str]) -> int:
    text = tags.get("GRIB_REF_TIME", "").split()
    if not text or not text[0].lstrip("-").isdigit():
        raise DataError(f"{path}: a message does not tell its time. Fetch the file again.")
    return int(text[0])


def _edition(path: str) -> int:
    """Return the edition of the first message; 0 for a file that is no GRIB. DataError if the last one has no end."""
    try:
        with open(path, "rb") as file:
            start = file.read(8)
            file.seek(max(os.path.getsize(path) - 4, 0))
            end = file.read(4)
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror}). Give a GRIB file of this machine.") from error
    if len(start) < 8 or not start.startswith(b"GRIB"):
        return 0
    if end != b"7777":
        raise DataError(f"{path}: its last message has no end (7777): the file is truncated. Fetch it again.")
    return start[7]
