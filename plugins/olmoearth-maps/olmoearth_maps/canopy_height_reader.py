"""How canopy height is read: tiles of a web map of about 1.2 m, averaged to about 10 m as the modality wants them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

import numpy as np
from rasterio.transform import Affine

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.layers import Grid, Layer
from olmoearth_maps.one_band import MapKind, OneBandMap

_KIND = MapKind(
    product="Meta and WRI canopy height",
    pattern=re.compile(r"[0-3]{9}\.tiff?", re.IGNORECASE),
    example="120200321.tif (a quadkey)",
    dtypes=("uint8",),
    quantity="meters",
    nodata=(255.0,),
    year=2020,
    folder=True,
)
"""2020: images are of 2009 to 2020, and the file does not say which."""


def canopy_height_tiles(*, average: int = 8, year: int | None = None) -> Reader:
    """Read Meta and WRI canopy height (alsgedi_global_v6_float), one tile or a folder of them; 255 = nothing.

    average: pixels of the file along each side of one that is given; 8 makes 9.55 m of 1.19 m (at the equator), 1
        leaves them. The mean of those that are there.
    year: under which it is stored; null = 2020.
    Product guide: https://registry.opendata.aws/dataforgood-fb-forests/
    """
    if average < 1:
        raise DataError(f"maps.wri_canopy_height_map.v1: average = {average}, expected 1 or more pixels.")
    wrap = partial(Averaged, pixels=average) if average > 1 else None
    return OneBandMap("maps.wri_canopy_height_map.v1", ("wri_canopy_height_map",), _KIND, year, wrap)


@dataclass(frozen=True)
class Averaged:
    """A layer whose pixels are means of `pixels` x `pixels` of another; what does not fill a pixel is left out."""

    layer: Layer
    pixels: int

    @property
    def place(self) -> str:
        """File and band, for messages."""
        return self.layer.place

    def grid(self) -> Grid:
        """Where its pixels lie."""
        grid, n = self.layer.grid(), self.pixels
        if min(grid.width, grid.height) < n:
            raise DataError(f"{self.place}: {grid.width} x {grid.height} pixels, too few to average {n} x {n}.")
        return Grid(grid.crs, grid.transform @ Affine.scale(n), grid.width // n, grid.height // n)

    def read(self, rows: slice, cols: slice) -> np.ndarray:
        """Return float32 [rows, cols], NaN where all pixels below are."""
        n = self.pixels
        fine = self.layer.read(slice(rows.start * n, rows.stop * n), slice(cols.start * n, cols.stop * n))
        blocks = fine.reshape(rows.stop - rows.start, n, cols.stop - cols.start, n)
        there = np.isfinite(blocks).sum(axis=(1, 3))
        total = np.nansum(blocks, axis=(1, 3), dtype=np.float64)
        means: np.ndarray = np.where(there > 0, total / np.maximum(there, 1), np.nan).astype(np.float32)
        return means
