"""The GeoTIFF tile store: which file holds what, and which tiles and months its tables list.

A row that cannot be used is reported with its file and line; the original format's reader skips it in silence.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import fsspec
import numpy as np

from olmoearth_core.convert.grid import Cell, listed_cell
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

COLUMNS = ("crs", "col", "row", "tile_time", "image_idx", "start_time", "end_time")
SLOTS = 12
"""Time slots of a yearly mosaic; a slot lasts 30 days."""


class MissingTable(DataError, FileNotFoundError):
    """A tile store without the table of a modality that was asked for."""


@dataclass(frozen=True)
class Tile:
    """What the table says about one tile of one modality.

    starts: start of each step's slot, in file order; one entry for static modalities.
    """

    modality: str
    cell: Cell
    starts: tuple[datetime, ...]

    @property
    def timestamps(self) -> np.ndarray:
        """Steps as int32 [T, 3] = day 1-31, month 0-11, year."""
        return np.array([[t.day, t.month - 1, t.year] for t in self.starts], dtype=np.int32).reshape(-1, 3)


@dataclass(frozen=True)
class TileTable:
    """All tiles of one modality, and what was wrong with the table."""

    tiles: dict[Cell, Tile]
    faults: tuple[str, ...] = field(default=())


def dataset_name(spec: ModalitySpec) -> str:
    """Name of a modality's folder and table: grid resolution, name, `_monthly` if it has a time axis."""
    return f"{spec.meters}_{spec.name}" + ("_monthly" if spec.multitemporal else "")


def table_path(root: str | Path, spec: ModalitySpec) -> str:
    """Path or URL of a modality's table."""
    return f"{str(root).rstrip('/')}/{dataset_name(spec)}.csv"


def tile_path(root: str | Path, spec: ModalitySpec, cell: Cell, band_set: BandSet) -> str:
    """Path or URL of the GeoTIFF that holds one band set of one tile.

    Of several sets of one resolution, which no modality of the original has, the first has the plain name and the
    others add their first band: `..._20.tif`, `..._20_B10.tif`.
    """
    name = cell.file_name(band_set.resolution_factor)
    first = next(other for other in spec.band_sets if other.resolution_factor == band_set.resolution_factor)
    if band_set != first:
        name = f"{name.removesuffix('.tif')}_{band_set.bands[0]}.tif"
    return f"{str(root).rstrip('/')}/{dataset_name(spec)}/{name}"


def slot(tile_time: datetime, number: int) -> tuple[datetime, datetime]:
    """Start and end of slot 1..12 of a yearly mosaic.

    The year is centred on the start of the window, which lies 7 days before `tile_time`.
    """
    centre = tile_time - timedelta(days=7)
    start = centre + timedelta(days=30 * (number - 7))
    return start, start + timedelta(days=30)


def has_table(root: str | Path, spec: ModalitySpec) -> bool:
    """Whether the tile store lists this modality."""
    return bool(spec.parsed) and bool(fsspec.filesystem(_protocol(root)).exists(table_path(root, spec)))


def read_table(root: str | Path, spec: ModalitySpec) -> TileTable:
    """Read the table of one modality; MissingTable where there is none."""
    path = table_path(root, spec)
    try:
        # Spreadsheets put a mark of byte order before the first column.
        with fsspec.open(path, "rt", newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns, rows = reader.fieldnames or (), list(reader)
    except FileNotFoundError:
        raise MissingTable(
            f'{path}: not found. The modality "{spec.name}" was asked for, and each modality of a tile store has a '
            "table beside its folder. Leave the modality out, or write the table."
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is no table of tiles ({error}); expected {','.join(COLUMNS)}.") from error
    missing = [c for c in COLUMNS if c not in columns]
    if missing:
        raise DataError(f"{path}: columns {', '.join(missing)} are missing; expected {','.join(COLUMNS)}.")
    return _group(path, spec, rows)


def _group(path: str, spec: ModalitySpec, rows: list[dict[str, str]]) -> TileTable:
    steps: dict[Cell, list[datetime]] = {}
    faults: list[str] = []
    for line, row in enumerate(rows, start=2):
        try:
            cell = listed_cell(row["crs"], spec.grid_factor, row["col"], row["row"])
            index, start = int(row["image_idx"]), datetime.fromisoformat(row["start_time"])
        except (TypeError, ValueError) as error:
            faults.append(f"{path}:{line}: {error}; the row is left out")
            continue
        known = steps.setdefault(cell, [])
        if index == len(known):
            known.append(start)
        elif 0 <= index < len(known) and known[index] == start:
            faults.append(f"{path}:{line}: image {index} of {cell.window_name} is listed twice; the second is left out")
        else:
            found = f"image_idx is {index}, expected {len(known)} for {cell.window_name}"
            faults.append(f"{path}:{line}: {found}; the row is left out")
    tiles = {cell: Tile(spec.name, cell, tuple(starts)) for cell, starts in steps.items() if starts}
    return TileTable(tiles, tuple(faults))


def _protocol(root: str | Path) -> str:
    return str(root).split("://", 1)[0] if "://" in str(root) else "file"
