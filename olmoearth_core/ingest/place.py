"""From a place on the ground to the cell of the 10 m grid that holds it.

Zones are the plain ones of 6 degrees: those widened for Norway and Svalbard are a convention of maps, and the
original does not know them. Beyond 80 degrees south and 84 north there is no UTM, and no cell is given.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from rasterio.warp import transform as reproject

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.windows import FACTOR
from olmoearth_core.interfaces.modality import TILE_PIXELS, resolution

SOUTH, NORTH = -80.0, 84.0
"""Latitudes between which UTM is defined."""
Rounding = Literal["floor", "reference"]


def utm(lon: float, lat: float) -> str:
    """Return the UTM zone of a place in degrees, such as "EPSG:32632".

    Raises:
        DataError: it is no place on Earth, or lies where there is no UTM.
    """
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise DataError(f"longitude {lon}, latitude {lat}: no place on Earth. Is the order longitude, latitude?")
    if not SOUTH <= lat <= NORTH:
        raise DataError(f"longitude {lon}, latitude {lat}: no UTM beyond {SOUTH:g} and {NORTH:g} degrees; left out.")
    zone = int((lon + 180) // 6) % 60 + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"


def cell_at(lon: float, lat: float, *, rounding: Rounding = "floor") -> Cell:
    """Return the cell of the 10 m grid that holds a place in degrees.

    rounding: "reference" = pixels of 0.625 m are cut toward zero first, which is one cell too far south for places
    less than a pixel north of an edge.

    Raises:
        DataError: the place has no UTM zone.
    """
    return cells_at(np.array([lon]), np.array([lat]), rounding=rounding)[0]


def cells_at(lon: np.ndarray, lat: np.ndarray, *, rounding: Rounding = "floor") -> list[Cell]:
    """Return the cells of many places [N]; arguments and errors as in `cell_at`."""
    zones = np.array([utm(float(x), float(y)) for x, y in zip(lon, lat, strict=True)])
    cols, rows = np.zeros(len(zones), dtype=np.int64), np.zeros(len(zones), dtype=np.int64)
    # Pixels of the finest grid, as the original counts them; a cell is 256 x 16 of them.
    finest, across = float(resolution(1)), TILE_PIXELS * FACTOR
    for crs in np.unique(zones):
        here = zones == crs
        x, y = project(str(crs), lon[here], lat[here])
        for found, pixels in ((cols, x / finest), (rows, -y / finest)):
            found[here] = np.floor(pixels if rounding == "floor" else np.trunc(pixels)).astype(np.int64) // across
    return [Cell(str(crs), FACTOR, int(c), int(r)) for crs, c, r in zip(zones, cols, rows, strict=True)]


def project(crs: str, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn degrees [N] into metres of a zone, x and y float64 [N]."""
    x, y = reproject("EPSG:4326", crs, list(lon), list(lat))
    return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
