"""Vector tiles and rasters of a store: made, made again, broken and repaired."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
from olmoearth_openstreetmap.categories import CATEGORIES
from olmoearth_openstreetmap.raster import openstreetmap_raster
from olmoearth_openstreetmap.store import add_to_table, line_of, rasterise_store, read_table, vector_path
from olmoearth_openstreetmap.tiles import write_tiles
from olmoearth_openstreetmap.vector_tile import read_vector_tile

from olmoearth_core.convert import tiles as core_tiles
from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.place import cell_at
from olmoearth_core.ingest.windows import Window

TIME = datetime(2018, 12, 12, tzinfo=UTC)
HEADER = "crs,col,row,tile_time,image_idx,start_time,end_time"


@pytest.fixture
def windows():
    cell = cell_at(25.005, 60.001)
    far = Cell(cell.crs, cell.factor, cell.col + 9, cell.row)
    return [Window(cell, TIME), Window(far, TIME)]


@pytest.fixture
def store(town, windows, tmp_path):
    report = write_tiles([town], tmp_path / "store", windows)
    assert (report.written, len(report.skipped), report.failed) == (1, 1, ())
    return tmp_path / "store"


def raster(store, cell):
    path = core_tiles.tile_path(store, SPEC, cell, SPEC.band_sets[0])
    with rasterio.open(path) as file:
        return file.read(), file.crs.to_epsg(), file.transform


SPEC = openstreetmap_raster()


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_window_that_no_extract_touches_is_skipped_and_said(store, windows, town):
    report = write_tiles([town], store, windows)
    assert (report.written, report.kept) == (0, 1)
    assert report.skipped == (f"{windows[1].cell.window_name}: lies outside of the extract",)


def test_the_layout_is_that_of_the_format(store, windows):
    cell = windows[0].cell
    stem = f"{cell.crs}_{cell.col}_{cell.row}"
    rasterise_store(store)
    assert files(store) == [
        "10_openstreetmap.csv", f"10_openstreetmap/{stem}_10.geojson", "10_openstreetmap_raster.csv",
        f"10_openstreetmap_raster/{stem}_2.5.tif",
    ]  # fmt: skip
    line = f"{cell.crs},{cell.col},{cell.row},2018-12-12T00:00:00+00:00"
    validity = "2020-01-01T00:00:00+00:00,2025-01-01T00:00:00+00:00"
    for name, index in (("10_openstreetmap.csv", "N/A"), ("10_openstreetmap_raster.csv", "0")):
        assert (store / name).read_bytes().decode() == f"{HEADER}\r\n{line},{index},{validity}\r\n"


def test_the_raster_lies_where_its_name_says_and_core_lists_it(store, windows):
    cell = windows[0].cell
    assert rasterise_store(store).written == 1
    pixels, epsg, transform = raster(store, cell)
    assert (pixels.shape, pixels.dtype, epsg, set(np.unique(pixels))) == ((30, 1024, 1024), "uint8", 32635, {0, 1})
    assert (transform.a, transform.e, (transform.c, transform.f)) == (2.5, -2.5, cell.top_left)
    table = core_tiles.read_table(store, SPEC)
    assert (list(table.tiles), table.faults) == ([cell], ())


def test_both_rules_draw_the_same_tile_differently(store, windows):
    cell = windows[0].cell
    rasterise_store(store, rules="reference")
    thin = raster(store, cell)[0]
    assert rasterise_store(store).kept == 1
    assert rasterise_store(store, overwrite=True).written == 1
    wide = raster(store, cell)[0]
    fountain = CATEGORIES.index("fountain")
    assert (int(thin[fountain].sum()), int(wide[fountain].sum())) == (1, 25)


def test_extracts_that_overlap_give_each_object_once(town, windows, tmp_path, extract):
    again = extract({20: (25.006, 60.001, {"amenity": "fountain"})}, name="again.osm.pbf")
    write_tiles([town, again], tmp_path / "store", windows[:1])
    tile = read_vector_tile(vector_path(tmp_path / "store", windows[0].cell))
    assert [f.category for f in tile.features].count("fountain") == 1


def test_a_broken_vector_tile_fails_by_name_and_the_others_are_drawn(store, windows, town):
    other = Window(Cell(windows[0].cell.crs, 16, windows[0].cell.col, windows[0].cell.row - 1), TIME)
    path = vector_path(store, other.cell)
    path.write_text('{"type": "FeatureCollection", "features": [')
    add_to_table(store / "10_openstreetmap.csv", [line_of(other)])
    report = rasterise_store(store)
    assert (report.written, len(report.failed)) == (1, 1)
    assert path.name in report.failed[0]
    assert list(core_tiles.read_table(store, SPEC).tiles) == [windows[0].cell]


def test_shards_draw_different_tiles_and_the_last_lists_all(store, windows):
    other = Window(Cell(windows[0].cell.crs, 16, windows[0].cell.col, windows[0].cell.row - 1), TIME)
    vector_path(store, other.cell).write_text('{"type": "FeatureCollection", "features": []}')
    add_to_table(store / "10_openstreetmap.csv", [line_of(other)])
    assert [rasterise_store(store, shard=(i, 2)).written for i in (0, 1)] == [1, 1]
    assert len(core_tiles.read_table(store, SPEC).tiles) == 2


def test_an_extract_that_is_torn_leaves_the_store_as_it_was(store, windows, town, tmp_path):
    torn = tmp_path / "torn.osm.pbf"
    torn.write_bytes((tmp_path / "made_up.osm.pbf").read_bytes()[:-5])
    before = files(store)
    with pytest.raises(DataError, match=r"torn\.osm\.pbf"):
        write_tiles([str(torn)], store, windows, overwrite=True)
    assert files(store) == before


def test_a_table_with_an_image_number_is_refused_with_its_line(store):
    table = store / "10_openstreetmap.csv"
    table.write_text(table.read_text().replace("N/A", "3"))
    with pytest.raises(DataError, match=r"10_openstreetmap\.csv:2: image_idx is '3', expected N/A"):
        rasterise_store(store)


@pytest.mark.parametrize(
    "cell", ["../../evil,1,2", "EPSG:32635/..,1,2", "EPSG:32635,1e9,2", "EPSG:32635,,", "EPSG:4326,1,2"]
)
def test_a_line_that_is_no_tile_is_refused_and_nothing_is_written(store, tmp_path, cell):
    (store / "10_openstreetmap.csv").write_text(f"{HEADER}\n{cell},2018-12-12T00:00:00+00:00,N/A,,\n")
    before = files(tmp_path)
    with pytest.raises(DataError, match=r"10_openstreetmap\.csv: .* is no tile"):
        rasterise_store(store)
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "columns crs, col, row, tile_time, image_idx, start_time, end_time are missing"),
        (b"crs,col\n1,2\n", "columns row"),
        (b"\xff\xfe\x00", "is no text in UTF-8"),
        (f'{HEADER}\n"{"x" * 200_000}'.encode(), "is no CSV"),
        (f"{HEADER}\nEPSG:32635\n".encode(), "image_idx is ''"),
    ],
)
def test_a_malformed_table_is_refused_by_name(store, content, message):
    (store / "10_openstreetmap.csv").write_bytes(content)
    with pytest.raises(DataError) as refusal:
        rasterise_store(store)
    assert "10_openstreetmap.csv" in str(refusal.value)
    assert message in str(refusal.value)


def test_a_store_without_a_vector_table_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"10_openstreetmap\.csv: cannot be read"):
        rasterise_store(tmp_path)


def test_tables_grow_sorted_and_keep_the_time_that_was_there(store, windows):
    later = Window(windows[0].cell, datetime(2020, 1, 1, tzinfo=UTC))
    path = store / "10_openstreetmap.csv"
    add_to_table(path, [line_of(windows[1]), line_of(later)])
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(r["col"]) for r in rows] == [windows[0].cell.col, windows[1].cell.col]
    assert {r["tile_time"] for r in rows} == {"2018-12-12T00:00:00+00:00"}
    assert read_table(path) == rows


def test_a_restart_gives_the_same_tiles_of_the_published_layer(town, windows, tmp_path):
    other = Window(Cell(windows[0].cell.crs, 16, windows[0].cell.col, windows[0].cell.row + 1), TIME)
    both = [windows[0], other]
    write_tiles([town], tmp_path / "once", both, published=True)
    write_tiles([town], tmp_path / "twice", both, published=True)
    path = vector_path(tmp_path / "twice", windows[0].cell)
    path.unlink()
    write_tiles([town], tmp_path / "twice", both, published=True)
    assert path.read_bytes() == vector_path(tmp_path / "once", windows[0].cell).read_bytes()
