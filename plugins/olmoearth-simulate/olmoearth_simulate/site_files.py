"""One GeoTIFF of a site: bands and dates from its band descriptions, missing pixels as not-a-number.

Bands are time-major and described as `2018-02-07:B4`, `2020-11:vv` or, for a single date, `B04` with the
date in a tag. Files of 20 m are repeated to the 10 m grid; values are never mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from olmoearth_core.convert.grid import to_latlon
from olmoearth_core.errors import DataError
from olmoearth_core.readers.layers import opened

Month = tuple[int, int]
"""Year and month 1 to 12: the time step of site samples."""


@dataclass(frozen=True)
class SiteFile:
    """Pixels of one file on the 10 m grid.

    values: float64 [T, C, H, W], not-a-number where the file has no data. bands: names of C. months: of T, None for
    layers without a date. tags: what the file says about source, units and licence.
    """

    path: Path
    values: np.ndarray
    bands: tuple[str, ...]
    months: tuple[Month | None, ...]
    tags: dict[str, str]
    crs: str
    left: float
    top: float

    def latlon(self, row: float, col: float) -> np.ndarray:
        """Degrees [2] of a place in pixels of the 10 m grid."""
        x, y = np.array([self.left + 10 * col]), np.array([self.top - 10 * row])
        place: np.ndarray = to_latlon(self.crs, x, y)[0]
        return place


def read_site_file(path: Path) -> SiteFile:
    """Read one file; DataError names what about it cannot be understood."""
    try:
        with opened(str(path)) as raster:
            pixels = raster.read().astype(np.float64)
            if raster.nodata is not None:
                pixels[pixels == raster.nodata] = np.nan
            meters, tags = round(raster.transform.a), raster.tags()
            described = [d or "" for d in raster.descriptions]
            if raster.crs is None:
                raise DataError(f"{path}: it has no CRS. Fetch the sample data again.")
            crs, left, top = raster.crs.to_string(), raster.transform.c, raster.transform.f
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error}). Fetch the sample data again.") from error
    if meters % 10:
        raise DataError(f"{path}: pixels of {meters} m, expected 10 m or 20 m. Resample the file.")
    months, bands = _steps(path, described, tags)
    values = pixels.reshape(len(months), len(bands), *pixels.shape[1:])
    repeated = values.repeat(meters // 10, axis=2).repeat(meters // 10, axis=3)
    return SiteFile(path, repeated, bands, months, tags, crs, left, top)


def _steps(path: Path, described: list[str], tags: dict[str, str]) -> tuple[tuple[Month | None, ...], tuple[str, ...]]:
    pairs = [text.rsplit(":", 1) if ":" in text else ["", text] for text in described]
    dates = list(dict.fromkeys(when for when, _ in pairs))
    bands = [band for when, band in pairs if when == dates[0]]
    if [pair for pair in pairs if pair[1] not in bands] or len(dates) * len(bands) != len(pairs):
        raise DataError(f"{path}: its {len(pairs)} bands are not {len(dates)} dates of the bands {', '.join(bands)}.")
    return tuple(_month(path, when or tags.get("datetime", "")) for when in dates), tuple(bands)


def _month(path: Path, text: str) -> Month | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(f"{text}-01" if len(text) == 7 else text[:10])
    except ValueError:
        raise DataError(f'{path}: "{text}" is not a date; expected YYYY-MM-DD or YYYY-MM.') from None
    return day.year, day.month
