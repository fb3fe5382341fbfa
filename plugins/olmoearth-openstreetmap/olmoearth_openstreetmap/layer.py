"""One category of features seen as pixels: a window is drawn when it is read, cell by cell of the 10 m grid.

Drawing by cell makes a window equal to the store's tiles, whose corners take part in the published layer's rounding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from rasterio.transform import Affine

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_core.readers.layers import Grid
from olmoearth_openstreetmap.draw import PIXEL, SIDE, Rules, draw
from olmoearth_openstreetmap.feature import Feature

FACTOR = 16
_ZONE = re.compile(r"EPSG:(?:32[67](?:0[1-9]|[1-5]\d|60)|5041|5042)")
_YEARS = range(2004, 2200)
"""From the first year of the map to the last that times of arrays are good for."""


class Find(Protocol):
    """Returns the features of a category that touch a cell, in metres of its zone. Picklable."""

    def __call__(self, cell: Cell, category: str) -> list[Feature]:
        """Return them; DataError if their file cannot be read."""
        ...


@dataclass(frozen=True)
class CategoryLayer:
    """One channel. source: the file, for messages. extent: whole pixels of 2.5 m of a UTM zone."""

    source: str
    category: str
    extent: Grid
    find: Find
    rules: Rules

    @property
    def place(self) -> str:
        """File and category, for messages."""
        return f"{self.source}, {self.category}"

    def grid(self) -> Grid:
        """Where its pixels lie."""
        return self.extent

    def read(self, rows: slice, cols: slice) -> np.ndarray:
        """Return float32 [rows, cols] of 0 and 1."""
        out = np.zeros((rows.stop - rows.start, cols.stop - cols.start), dtype=np.float32)
        left, top = round(self.extent.transform.c / PIXEL), round(-self.extent.transform.f / PIXEL)
        first_row, first_col = top + rows.start, left + cols.start
        for row in range(first_row // SIDE, (first_row + out.shape[0] - 1) // SIDE + 1):
            for col in range(first_col // SIDE, (first_col + out.shape[1] - 1) // SIDE + 1):
                cell = Cell(self.extent.crs, FACTOR, col, row)
                if features := self.find(cell, self.category):
                    mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
                    draw(features, cell, mask, rules=self.rules)
                    _paste(out, mask, row * SIDE - first_row, col * SIDE - first_col)
        return out


def _paste(out: np.ndarray, mask: np.ndarray, row: int, col: int) -> None:
    """Copy the part of a cell that lies in a window. row, col: of the cell's first pixel in the window."""
    (top, bottom), (left, right) = (
        (max(start, 0), min(start + SIDE, size)) for start, size in zip((row, col), out.shape, strict=True)
    )
    out[top:bottom, left:right] = mask[top - row : bottom - row, left - col : right - col]


def grid_over(crs: str, left: float, bottom: float, right: float, top: float) -> Grid:
    """Return the pixels of 2.5 m, on whole multiples, that hold a box of metres.

    Raises:
        DataError: the box is empty or larger than a UTM zone.
    """
    edges = np.array([left, bottom, right, top])
    if not (np.isfinite(edges).all() and np.abs(edges).max() <= 2e7 and left < right and bottom < top):
        raise DataError(
            f"bounds {left}, {bottom}, {right}, {top}: expected left, bottom, right, top in metres of {crs}."
        )
    west, south = np.floor(edges[:2] / PIXEL).astype(int)
    east, north = np.ceil(edges[2:] / PIXEL).astype(int)
    transform = Affine(PIXEL, 0, float(west * PIXEL), 0, -PIXEL, float(north * PIXEL))
    return Grid(crs, transform, int(east - west), int(north - south))


def checked_zone(crs: str) -> str:
    """Return the name of a zone; DataError for another CRS, whose units may be no metres."""
    if not _ZONE.fullmatch(crs):
        raise DataError(f'crs: found "{crs}", expected a UTM zone such as EPSG:32635.')
    return crs


def checked_year(year: int) -> datetime:
    """Return the start of a year; DataError for one without maps."""
    if year not in _YEARS:
        raise DataError(f"year: found {year}, expected {_YEARS[0]} to {_YEARS[-1]}.")
    return datetime(year, 1, 1)


def cell_grid(cell: Cell) -> Grid:
    """Return the pixels of 2.5 m of one cell."""
    return Grid(cell.crs, cell.transform(4), SIDE, SIDE)
