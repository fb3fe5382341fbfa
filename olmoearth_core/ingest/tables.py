"""The tables of a growing tile store: one file per tile, and the table of all that is made of them.

A tile's own table is written after its images, so a tile that has one is whole. The table of all can be made again
at any time, by several machines at once.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from olmoearth_core.convert.grid import Cell, listed_cell
from olmoearth_core.convert.tile_writer import Row, write_rows, write_table
from olmoearth_core.convert.tiles import COLUMNS, dataset_name, table_path, tile_path
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.windows import Window
from olmoearth_core.interfaces.modality import ModalitySpec


def own_table(store: Path, spec: ModalitySpec, cell: Cell) -> Path:
    """Return where the table of one tile lies."""
    return store / f"{dataset_name(spec)}_meta" / f"{cell.window_name}.csv"


def write_own(store: Path, spec: ModalitySpec, rows: Sequence[Row]) -> Path:
    """Write the table of one tile; its images must be there already."""
    path = own_table(store, spec, rows[0].cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_rows(path, rows)


def is_whole(store: Path, spec: ModalitySpec, window: Window) -> bool:
    """Whether a tile of this window's time is in the store, images and table."""
    try:
        rows = read_rows(own_table(store, spec, window.cell), spec)
    except DataError:
        return False
    same = bool(rows) and all(row.cell == window.cell and row.tile_time == window.tile_time for row in rows)
    return same and all(path.is_file() and path.stat().st_size for path in images(store, spec, window.cell))


def remove(store: Path, spec: ModalitySpec, cell: Cell) -> None:
    """Remove a tile and what killed processes left of it; the table first, so that it never lists what is gone."""
    table = own_table(store, spec, cell)
    table.unlink(missing_ok=True)
    for path in (table, *images(store, spec, cell)):
        for left in path.parent.glob(f".{path.stem}.*"):
            left.unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def images(store: Path, spec: ModalitySpec, cell: Cell) -> list[Path]:
    """Return where the images of one tile lie, one per band set."""
    return [Path(tile_path(store, spec, cell, band_set)) for band_set in spec.band_sets]


def summarize(store: Path, spec: ModalitySpec) -> Path | None:
    """Make a modality's table of all tiles, sorted, each step once; None if there is no tile.

    Lines of a table that was there before are kept where the tile has no table of its own but all its images.

    Raises:
        DataError: a tile's table cannot be read; names it.
    """
    rows: dict[tuple[Cell, int], Row] = {}
    folder = store / f"{dataset_name(spec)}_meta"
    own = sorted(p for p in folder.glob("*.csv") if not p.name.startswith(".")) if folder.is_dir() else []
    for path in own:
        for row in read_rows(path, spec):
            rows.setdefault((row.cell, row.image_idx), row)
    known = {cell for cell, _ in rows}
    before = Path(table_path(store, spec))
    for row in read_rows(before, spec) if before.exists() else ():
        if row.cell not in known and all(path.is_file() for path in images(store, spec, row.cell)):
            rows.setdefault((row.cell, row.image_idx), row)
    for left in store.glob(f".{before.name}.*"):
        left.unlink(missing_ok=True)
    if not rows:
        before.unlink(missing_ok=True)
        return None
    return write_table(store, spec, (rows[key] for key in sorted(rows)))


def read_rows(path: Path, spec: ModalitySpec) -> list[Row]:
    """Read a table of tiles.

    Raises:
        DataError: it is missing or malformed; names file and line.
    """
    try:
        lines = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8"), newline=""))
        return [_row(line, spec) for line in lines]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: is no table of tiles ({type(error).__name__}: {error}), expected {','.join(COLUMNS)}. "
            "Remove the file and ingest its window again."
        ) from error


def _row(line: dict[str, str], spec: ModalitySpec) -> Row:
    cell = listed_cell(line["crs"], spec.grid_factor, line["col"], line["row"])
    start, end = (datetime.fromisoformat(line[name]) for name in ("start_time", "end_time"))
    return Row(cell, datetime.fromisoformat(line["tile_time"]), int(line["image_idx"]), start, end)
