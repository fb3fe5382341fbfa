"""The vector and the raster layer of a tile store: their tables, and one made from the other.

A vector tile's line has N/A where others count images; the raster layer's table is the same with 0 there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from olmoearth_core.convert.grid import Cell
from olmoearth_core.convert.tile_writer import write_tile
from olmoearth_core.convert.tiles import COLUMNS, tile_path
from olmoearth_core.errors import DataError, OlmoEarthError
from olmoearth_core.ingest.windows import Window, read_csv, read_text
from olmoearth_openstreetmap.draw import Rules, rasterise
from olmoearth_openstreetmap.raster import openstreetmap_raster
from olmoearth_openstreetmap.vector_tile import FACTOR, cell_named, read_vector_tile
from olmoearth_openstreetmap.whole import write_whole

VECTOR, RASTER = "10_openstreetmap", "10_openstreetmap_raster"
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
"""The validity that the published tables give to the layer."""
NO_IMAGE = "N/A"
Line = dict[str, str]
"""One line of a table, by column."""


@dataclass(frozen=True)
class Report:
    """What came of the tiles of a store. skipped, failed: why, by name."""

    written: int
    kept: int = 0
    skipped: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def vector_path(store: Path, cell: Cell) -> Path:
    """Return where a cell's vector tile lies."""
    return store / VECTOR / cell.file_name(FACTOR, "geojson")


def line_of(window: Window) -> Line:
    """Return the line of a window in the vector layer's table."""
    cell = window.cell
    times = (window.tile_time.isoformat(), NO_IMAGE, START.isoformat(), END.isoformat())
    return dict(zip(COLUMNS, (cell.crs, str(cell.col), str(cell.row), *times), strict=True))


def read_table(path: Path) -> list[Line]:
    """Read a table.

    Raises:
        DataError: it is missing, or columns are.
    """
    text = read_text(path)
    head = next(csv.reader(io.StringIO(text[:4096], newline="")), [])
    if missing := [c for c in COLUMNS if c not in head]:
        raise DataError(f"{path}:1: columns {', '.join(missing)} are missing; expected {','.join(COLUMNS)}.")
    return [{column: row.get(column, "") for column in COLUMNS} for _, row in read_csv(path, text)]


def write_table(path: Path, lines: Iterable[Line]) -> Path:
    """Write a table at once or not at all, with the line endings that the format has (CRLF)."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(lines)
    return write_whole(path, text.getvalue())


def add_to_table(path: Path, lines: Sequence[Line]) -> Path:
    """Write a table with lines added, each cell once, sorted; lines that were there keep their time."""
    known: dict[tuple[str, str, str], Line] = {}
    for line in (*(read_table(path) if path.exists() else ()), *lines):
        known.setdefault((line["crs"], line["col"], line["row"]), line)
    return write_table(path, (known[key] for key in sorted(known, key=lambda k: (k[0], _whole(k[1]), _whole(k[2])))))


def rasterise_store(
    store: Path, *, rules: Rules = "default", overwrite: bool = False, shard: tuple[int, int] = (0, 1)
) -> Report:
    """Draw every vector tile that the table lists, and write the raster layer's table of those that are there.

    rules: see `draw`. overwrite: draw tiles again that are there. shard: (i, n) = every n-th tile from i; the table
    lists what all shards have drawn so far.

    Raises:
        DataError: there is no vector table, or one of its lines has an image number; names file and line.
    """
    source = store / f"{VECTOR}.csv"
    lines = list(_raster_lines(source, read_table(source)))
    written, kept, failed = 0, 0, []
    for line in lines[shard[0] :: shard[1]]:
        target = _raster_path(store, cell := _cell(source, line))
        if target.exists() and not overwrite:
            kept += 1
            continue
        try:
            draw_tile(store, cell, rules=rules)
            written += 1
        except (OlmoEarthError, OSError) as error:
            failed.append(str(error))
    write_table(store / f"{RASTER}.csv", (x for x in lines if _raster_path(store, _cell(source, x)).exists()))
    return Report(written, kept, (), tuple(failed))


def draw_tile(store: Path, cell: Cell, *, rules: Rules = "default") -> Path:
    """Draw one vector tile of a store and write its raster; errors as in `read_vector_tile`."""
    spec = openstreetmap_raster()
    tile = read_vector_tile(vector_path(store, cell))
    pixels: np.ndarray = rasterise(tile.features, cell, rules=rules)
    return write_tile(store, spec, cell, spec.band_sets[0], pixels[None])


def _raster_path(store: Path, cell: Cell) -> Path:
    spec = openstreetmap_raster()
    return Path(tile_path(store, spec, cell, spec.band_sets[0]))


def _raster_lines(path: Path, lines: Sequence[Line]) -> Iterator[Line]:
    for number, line in enumerate(lines, start=2):
        if line["image_idx"] != NO_IMAGE:
            raise DataError(
                f"{path}:{number}: image_idx is {line['image_idx']!r}, expected {NO_IMAGE}: vector tiles have no "
                "images. Is it the table of another layer?"
            )
        yield {**line, "image_idx": "0"}


def _cell(path: Path, line: Mapping[str, str]) -> Cell:
    name = f"{line['crs']}_{line['col']}_{line['row']}_10.geojson"
    if (cell := cell_named(name)) is None:
        raise DataError(f"{path}: {name} is no tile; expected crs,col,row such as EPSG:32635,150,-2607.")
    return cell


def _whole(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else 0
