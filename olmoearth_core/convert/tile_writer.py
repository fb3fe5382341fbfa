"""Write a GeoTIFF tile store: the profile, names and tables that every reader of the format expects."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import rasterio

from olmoearth_core.convert.grid import Cell
from olmoearth_core.convert.tiles import COLUMNS, table_path, tile_path
from olmoearth_core.convert.whole_file import whole, write_bytes
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec


@dataclass(frozen=True)
class Row:
    """One line of a modality's table: one step of one tile."""

    cell: Cell
    tile_time: datetime
    image_idx: int
    start: datetime
    end: datetime

    def values(self) -> tuple[str, ...]:
        """Return the line's values in the table's column order."""
        times = (self.tile_time.isoformat(), str(self.image_idx), self.start.isoformat(), self.end.isoformat())
        return (self.cell.crs, str(self.cell.col), str(self.cell.row), *times)


def write_tile(root: Path, spec: ModalitySpec, cell: Cell, band_set: BandSet, steps: np.ndarray) -> Path:
    """Write one band set of one tile and return its path.

    steps: [T, n, s, s] in the band set's own resolution; steps are stacked time-major on the band axis.
    """
    path = Path(tile_path(root, spec, cell, band_set))
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = steps.reshape(-1, *steps.shape[-2:])
    profile = {
        "driver": "GTiff", "dtype": bands.dtype.name, "count": len(bands), "height": bands.shape[1],
        "width": bands.shape[2], "crs": cell.crs, "transform": cell.transform(band_set.resolution_factor),
        "compress": "lzw", "bigtiff": "if_safer", "interleave": "pixel",
    }  # fmt: skip
    if bands.shape[1] >= 32:
        profile |= {"tiled": True, "blockxsize": 32, "blockysize": 32}
    with whole(path) as temporary, rasterio.open(temporary, "w", **profile) as raster:
        raster.write(bands)
    return path


def write_table(root: Path, spec: ModalitySpec, rows: Iterable[Row]) -> Path:
    """Write the table of one modality and return its path."""
    return write_rows(Path(table_path(root, spec)), rows)


def write_rows(path: Path, rows: Iterable[Row]) -> Path:
    """Write a table of tiles at once or not at all; line endings are CRLF, as the format has them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(row.values() for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, text.getvalue().encode())
    return path
