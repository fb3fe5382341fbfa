"""One band of one file: where its pixels lie on the ground, and its values when they are asked for.

Files are opened for each read and closed at once, so a layer can be sent to another process.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.transform import Affine
from rasterio.windows import Window

from olmoearth_core.errors import DataError
from olmoearth_core.readers.raster_limits import ALONE, driver_of, require_bounded


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a raster lie.

    crs: text that pyproj understands. transform: from column and row of a corner to metres or degrees.
    """

    crs: str
    transform: Affine
    width: int
    height: int

    @property
    def pixel(self) -> tuple[float, float]:
        """Width and height of a pixel in units of the CRS, both positive."""
        return abs(self.transform.a), abs(self.transform.e)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top in units of the CRS."""
        left, top = self.transform @ (0, 0)
        right, bottom = self.transform @ (self.width, self.height)
        return min(left, right), min(bottom, top), max(left, right), max(bottom, top)


class Layer(Protocol):
    """Pixels of one band."""

    @property
    def place(self) -> str:
        """File and band, for messages."""
        ...

    def grid(self) -> Grid:
        """Where its pixels lie; DataError if the file cannot say."""
        ...

    def read(self, rows: slice, cols: slice) -> np.ndarray:
        """Return float32 [rows, cols] of a window without steps, NaN where nothing was measured."""
        ...


Convert = Callable[[np.ndarray], np.ndarray]
"""Takes float32 [h, w] with NaN for nothing, and returns the same in the unit of the modality. Picklable."""


@dataclass(frozen=True)
class FileLayer:
    """One band of a file that GDAL opens.

    path: path, URL or GDAL name such as "/vsizip/a.zip/b.hgt". band: number in the file, from 1.
    nodata: stored values that mean nothing was measured, besides the file's own tag.
    convert: from stored values to the modality's unit. crs: for files that do not carry one.
    """

    path: str
    band: int = 1
    nodata: tuple[float, ...] = ()
    convert: Convert | None = None
    crs: str | None = None

    @property
    def place(self) -> str:
        """File and band, for messages."""
        return f"{self.path}, band {self.band}"

    def grid(self) -> Grid:
        """Where its pixels lie.

        Raises:
            DataError: the file is missing, torn, or has neither a CRS nor one given.
        """
        with opened(self.path) as raster:
            crs = raster.crs.to_string() if raster.crs else self.crs
            if crs is None:
                raise DataError(f"{self.path}: it has no CRS, so its place on the ground is unknown. Is it torn?")
            return Grid(crs, raster.transform, raster.width, raster.height)

    def read(self, rows: slice, cols: slice) -> np.ndarray:
        """Return float32 [rows, cols], NaN where nothing was measured."""
        with opened(self.path) as raster:
            window = Window(cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start)
            stored = raster.read(self.band, window=window)
            tag = raster.nodatavals[self.band - 1]
        # Damage makes numbers of any size; what float32 cannot hold becomes infinite, which counts as absent.
        with np.errstate(over="ignore", invalid="ignore"):
            values = stored.astype(np.float32)
            # One kind of NaN: damage makes signalling ones too, at which every later cast complains.
            np.copyto(values, np.nan, where=np.isnan(values))
        for nothing in (*self.nodata, *(() if tag is None else (tag,))):
            values[stored == nothing] = np.nan
        return values if self.convert is None else self.convert(values)


@contextmanager
def opened(path: str) -> Iterator[Any]:
    """Open a raster with GDAL for a moment, and say in our words what is wrong with it.

    The driver is that of its name (`raster_limits.DRIVERS`).

    Raises:
        DataError: it is missing, or no raster of its name's format, or torn where it was read, or beyond all bounds.
    """
    try:
        with warnings.catch_warnings(), rasterio.Env(**ALONE):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            # Absolute, because a relative name with a colon ("EPSG:32632_...") looks like a URL.
            here = path if "://" in path or path.startswith("/vsi") else os.path.abspath(path)
            with rasterio.open(here, driver=driver_of(path)) as raster:
                require_bounded(path, raster)
                yield raster
    except RasterioError as error:
        missing = "://" not in path and not path.startswith("/vsi") and not os.path.exists(path)
        found = "not found" if missing else f"cannot be read ({' '.join(str(error.__cause__ or error).split())})"
        raise DataError(f"{path}: {found}. Fetch the file again.") from error
