"""The grid on which tiles lie: cells of 256 x 256 pixels per UTM zone and resolution.

Columns grow to the east and rows to the south from the zone's origin, so rows of the northern
hemisphere are negative. File names carry these numbers, so they are facts of the format.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from rasterio.transform import Affine
from rasterio.warp import transform as reproject

from olmoearth_core.interfaces.modality import TILE_PIXELS, resolution

_CRS = re.compile(r"[A-Z]{1,16}:\d{1,9}", re.ASCII)
_FARTHEST = 10**6
"""Largest column or row of any grid; 62,500 cells of 0.625 m are 10,000 km."""


@dataclass(frozen=True, order=True)
class Cell:
    """One cell of the grid of one resolution.

    crs: literal such as "EPSG:32610". factor: resolution factor of the grid (16 = 10 m). col, row: place in it.
    """

    crs: str
    factor: int
    col: int
    row: int

    @property
    def meters(self) -> float:
        """Side of the cell, in metres."""
        return TILE_PIXELS * float(resolution(self.factor))

    @property
    def top_left(self) -> tuple[float, float]:
        """Projected x and y of the upper left corner, in metres."""
        return self.col * self.meters, -self.row * self.meters

    @property
    def window_name(self) -> str:
        """Name of the cell among windows: resolution in second place, unlike in data files."""
        return f"{self.crs}_{resolution(self.factor)}_{self.col}_{self.row}"

    def file_name(self, band_factor: int, extension: str = "tif") -> str:
        """Name of the file that holds one band set of this cell."""
        return f"{self.crs}_{self.col}_{self.row}_{resolution(band_factor)}.{extension}"

    def transform(self, band_factor: int) -> Affine:
        """Affine of a raster of that resolution that covers this cell."""
        left, top = self.top_left
        pixel = float(resolution(band_factor))
        return Affine(pixel, 0.0, left, 0.0, -pixel, top)

    def parent(self, factor: int) -> Cell:
        """Return the cell of a coarser grid that holds this one."""
        ratio = factor // self.factor
        return Cell(self.crs, factor, self.col // ratio, self.row // ratio)

    def latlon(self) -> np.ndarray:
        """Latitude and longitude of the centre, float64 [2], degrees."""
        centre: np.ndarray = self.sub_latlons(1)[0]
        return centre

    def sub_latlons(self, blocks: int) -> np.ndarray:
        """Centres of blocks x blocks equal parts in row-major order, float64 [blocks*blocks, 2], degrees."""
        left, top = self.top_left
        rows, cols = np.divmod(np.arange(blocks * blocks), blocks)
        x = left + (cols + 0.5) * self.meters / blocks
        y = top - (rows + 0.5) * self.meters / blocks
        return to_latlon(self.crs, x, y)


def listed_cell(crs: str, factor: int, col: str, row: str) -> Cell:
    """Return the cell that a line of a table names.

    Raises:
        ValueError: it is none, or its name, which becomes that of files, could lead out of their folder.
    """
    if not _CRS.fullmatch(crs):
        raise ValueError(f"crs is {crs[:40]!r}, expected one such as EPSG:32610")
    cell = Cell(crs, factor, int(col), int(row))
    if max(abs(cell.col), abs(cell.row)) > _FARTHEST:
        raise ValueError(f"col {col[:20]}, row {row[:20]} lie on no map")
    return cell


def to_latlon(crs: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Turn projected metres [N] into degrees, float64 [N, 2] = latitude, longitude."""
    lon, lat = reproject(crs, "EPSG:4326", list(x), list(y))
    return np.stack([np.asarray(lat), np.asarray(lon)], axis=1)
