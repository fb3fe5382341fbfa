"""Which tiles of WorldCover cover a piece of the Earth: squares of 3 degrees, named by their south-western corner."""

from __future__ import annotations

import math
import re
from typing import Literal

from rasterio.transform import Affine

from olmoearth_core.errors import DataError
from olmoearth_core.readers.layers import Grid

Year = Literal[2020, 2021]
VERSIONS: dict[int, str] = {2020: "v100", 2021: "v200"}
"""Year of the map -> the version of the product that is made of it."""
DEGREES, PIXELS = 3, 36_000
_NAME = re.compile(r"ESA_WorldCover_10m_(\d{4})_(v\d{3})_([NS])(\d\d)([EW])(\d{3})_Map\.tif")


def tiles_of(west: float, south: float, east: float, north: float, *, year: Year = 2021) -> tuple[str, ...]:
    """Return the names of the tiles that cover bounds in degrees, from south to north and from west to east.

    west > east: the bounds cross the antimeridian. A place on an edge belongs to the tile north and east of it, those
    at 180 degrees east to W180 and the north pole to N87. Bounds that end at an edge do not take the tile beyond.
    Where there is no land, and beyond 60 S and 84 N, no tile was published: names are of the grid, not of files.

    Raises:
        DataError: the bounds are no place on Earth.
    """
    version = version_of(year)
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise DataError(
            f"bounds west {west:g}, south {south:g}, east {east:g}, north {north:g}: expected degrees, -180 to 180 and "
            "-90 to 90, south below north (west may exceed east across the antimeridian)."
        )
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    lons = list(dict.fromkeys(corner for span in spans for corner in _corners(*span, 180)))
    names = [_corner(lat, lon) for lat in _corners(south, north, 90) for lon in lons]
    return tuple(f"ESA_WorldCover_10m_{year}_{version}_{name}_Map.tif" for name in names)


def version_of(year: int) -> str:
    """Return the version of the product for a year; DataError if there is none."""
    if year not in VERSIONS:
        raise DataError(f"WorldCover of {year}: expected 2020 (v100) or 2021 (v200).")
    return VERSIONS[year]


def tile_named(name: str) -> tuple[int, Grid] | None:
    """Return year and grid of a tile by its file name, or None for any other name."""
    found = _NAME.fullmatch(name)
    if found is None or VERSIONS.get(int(found[1])) != found[2]:
        return None
    lat, lon = int(found[4]) * (-1 if found[3] == "S" else 1), int(found[6]) * (-1 if found[5] == "W" else 1)
    if lat % DEGREES or lon % DEGREES or not (-90 <= lat < 90 and -180 <= lon < 180):
        return None
    step = DEGREES / PIXELS
    return int(found[1]), Grid("EPSG:4326", Affine(step, 0, lon, 0, -step, lat + DEGREES), PIXELS, PIXELS)


def _corners(low: float, high: float, most: int) -> list[int]:
    """Return lower corners of the tiles between two degrees; 180 east is 180 west, 90 north lies in the last tile."""
    first = math.floor(low / DEGREES) * DEGREES
    last = math.ceil(high / DEGREES) * DEGREES - DEGREES
    if low >= most:
        first = -most if most == 180 else most - DEGREES
    return list(range(first, max(first, min(last, most - DEGREES) if low < most else first) + 1, DEGREES))


def _corner(lat: int, lon: int) -> str:
    return f"{'S' if lat < 0 else 'N'}{abs(lat):02}{'W' if lon < 0 else 'E'}{abs(lon):03}"
