"""Acceptance checks 5, 6, 8, 10 and the reading half of 38: tables, time slots and pixels of the tile store."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio

from olmoearth_core.convert.grid import Cell
from olmoearth_core.convert.rasters import load, resize
from olmoearth_core.convert.tile_writer import write_tile
from olmoearth_core.convert.tiles import Tile, read_table, slot, table_path, tile_path
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_core.lookup import modalities


def test_slots_of_a_year_are_centred_seven_days_before_tile_time():
    when = datetime(2018, 12, 12, tzinfo=UTC)
    days = [(a.date(), b.date()) for a, b in (slot(when, 1), slot(when, 12))]
    assert days == [(date(2018, 6, 8), date(2018, 7, 8)), (date(2019, 5, 4), date(2019, 6, 3))]


def test_months_of_timestamps_count_from_zero(cell):
    stamps = Tile("optical", cell, (datetime(2020, 2, 1, tzinfo=UTC),)).timestamps
    assert stamps.tolist() == [[1, 1, 2020]]
    assert stamps.dtype == np.int32


def test_steps_are_stacked_time_major(write_store, specs, cell):
    spec = specs["optical"]
    root = write_store([spec])
    with rasterio.open(tile_path(root, spec, cell, spec.band_sets[0])) as raster:
        assert raster.count == 24
        step_1 = raster.read([3, 4])
    array = load(root, spec, read_table(root, spec).tiles[cell], cell)
    np.testing.assert_array_equal(array[:, :, 1, :2], step_1.transpose(1, 2, 0))


def test_twelve_steps_of_four_bands_make_48_with_step_one_on_bands_four_to_seven(tmp_path, cell):
    spec = modalities(["sentinel2_l2a"])[0]
    steps = np.arange(12 * 4, dtype=np.uint16)[:, None, None].repeat(256, 1).repeat(256, 2)
    path = write_tile(tmp_path, spec, cell, spec.band_sets[0], steps.reshape(12, 4, 256, 256))
    with rasterio.open(path) as raster:
        assert raster.count == 48
        assert [int(raster.read(k + 1)[0, 0]) for k in (4, 7, 47)] == [1 * 4 + 0, 1 * 4 + 3, 11 * 4 + 3]
        assert (raster.profile["compress"], raster.block_shapes[0], raster.crs) == ("lzw", (32, 32), cell.crs)


def test_a_coarse_pixel_fills_the_fine_pixels_below_it():
    coarse = np.arange(9).reshape(3, 3)
    fine = resize(coarse, 6)
    assert all((fine[2 * r : 2 * r + 2, 2 * c : 2 * c + 2] == coarse[r, c]).all() for r in range(3) for c in range(3))


def test_a_fine_raster_is_strided_not_averaged():
    fine = np.arange(64).reshape(8, 8)
    np.testing.assert_array_equal(resize(fine, 2), [[fine[0, 0], fine[0, 4]], [fine[4, 0], fine[4, 4]]])


def test_bands_of_20_and_40_metres_fill_the_10_metre_pixels_that_they_cover(tmp_path, cell):
    spec, when = modalities(["sentinel2_l2a"])[0], datetime(2020, 2, 1, tzinfo=UTC)
    stored, rng = {}, np.random.default_rng(0)
    for band_set in spec.band_sets:
        side = 256 * 16 // band_set.resolution_factor
        stored[band_set.meters] = rng.integers(0, 9000, (2, len(band_set.bands), side, side)).astype(np.uint16)
        write_tile(tmp_path, spec, cell, band_set, stored[band_set.meters])
    array = load(tmp_path, spec, Tile(spec.name, cell, (when, when)), cell)
    assert (array.shape, array.dtype) == ((256, 256, 2, 12), np.uint16)
    row, col = np.mgrid[:256, :256]
    for meters, bands in ((10, slice(4)), (20, slice(4, 10)), (40, slice(10, 12))):
        times = meters // 10
        expected = stored[meters][:, :, row // times, col // times].transpose(2, 3, 0, 1)
        np.testing.assert_array_equal(array[..., bands], expected)


def test_of_a_2_5_metre_raster_every_fourth_pixel_is_kept(tmp_path, cell):
    spec, when = modalities(["openstreetmap_raster"])[0], datetime(2020, 1, 1, tzinfo=UTC)
    stored = np.random.default_rng(0).integers(0, 2, (1, 30, 1024, 1024)).astype(np.uint8)
    write_tile(tmp_path, spec, cell, spec.band_sets[0], stored)
    array = load(tmp_path, spec, Tile(spec.name, cell, (when,)), cell)
    assert (array.shape, array.dtype) == ((256, 256, 1, 30), np.uint8)
    np.testing.assert_array_equal(array[:, :, 0], stored[0].transpose(1, 2, 0)[::4, ::4])


def test_arrays_have_rows_columns_steps_and_bands(write_store, specs, cell):
    root = write_store(list(specs.values()))
    shapes = {n: load(root, s, read_table(root, s).tiles[cell], cell).shape for n, s in specs.items()}
    assert shapes == {
        "optical": (256, 256, 12, 3), "radar": (256, 256, 12, 1), "cover": (256, 256, 1, 1),
        "fine": (256, 256, 1, 2), "weather": (12, 2),
    }  # fmt: skip


def test_a_missing_table_is_a_file_that_was_not_found(tmp_path, specs):
    with pytest.raises(FileNotFoundError, match=r"10_optical_monthly\.csv: not found") as caught:
        read_table(tmp_path, specs["optical"])
    assert isinstance(caught.value, DataError)


def test_tables_have_windows_line_endings_and_the_documented_columns(write_store, specs):
    root = write_store([specs["cover"]])
    text = Path(table_path(root, specs["cover"])).read_bytes()
    assert text.splitlines(keepends=True)[0] == b"crs,col,row,tile_time,image_idx,start_time,end_time\r\n"


def test_rows_out_of_order_are_reported_with_their_line(write_store, specs, cell):
    root = write_store([specs["optical"]])
    path = Path(table_path(root, specs["optical"]))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], lines[5], lines[2]]) + "\n")
    table = read_table(root, specs["optical"])
    assert len(table.tiles[cell].starts) == 2
    assert [fault.split(":")[1] for fault in table.faults] == ["4", "5"]
    assert "image_idx is 4, expected 2" in table.faults[0]
    assert "listed twice" in table.faults[1]


def test_a_row_with_a_bad_number_is_reported(write_store, specs):
    root = write_store([specs["cover"]])
    path = Path(table_path(root, specs["cover"]))
    path.write_text(path.read_text().replace(",165,", ",oops,"))
    table = read_table(root, specs["cover"])
    assert not table.tiles
    assert "oops" in table.faults[0]


def _rewrite(path, **changes):
    with rasterio.open(path) as raster:
        profile, pixels = raster.profile, raster.read()
    profile.update({k: v for k, v in changes.items() if k != "pixels"})
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(changes.get("pixels", pixels))


def test_a_crs_unlike_the_files_name_is_refused(write_store, specs, cell):
    root, spec = write_store([specs["cover"]]), specs["cover"]
    path = tile_path(root, spec, cell, spec.band_sets[0])
    _rewrite(path, crs="EPSG:32633")
    with pytest.raises(DataError, match=r"_10\.tif: its CRS is EPSG:32633, but its name and table say EPSG:32610"):
        load(root, spec, read_table(root, spec).tiles[cell], cell)


def test_a_missing_band_is_refused_with_both_counts(write_store, specs, cell):
    root, spec = write_store([specs["optical"]]), specs["optical"]
    path = tile_path(root, spec, cell, spec.band_sets[0])
    with rasterio.open(path) as raster:
        pixels = raster.read()[:-1]
    _rewrite(path, count=23, pixels=pixels)
    with pytest.raises(DataError, match="23 bands, but the table lists 12 steps of 2 bands"):
        load(root, spec, read_table(root, spec).tiles[cell], cell)


def test_a_raster_of_another_size_is_refused(write_store, specs, cell):
    root, spec = write_store([specs["cover"]]), specs["cover"]
    path = tile_path(root, spec, cell, spec.band_sets[0])
    _rewrite(path, width=128, height=128, pixels=np.ones((1, 128, 128), np.uint8))
    with pytest.raises(DataError, match="128 x 128 pixels, expected 256 x 256 at 10 m"):
        load(root, spec, read_table(root, spec).tiles[cell], cell)


@pytest.mark.parametrize("keep", [100, 3000])
def test_a_truncated_raster_is_refused_by_name(write_store, specs, cell, keep):
    root, spec = write_store([specs["radar"]]), specs["radar"]
    path = tile_path(root, spec, cell, spec.band_sets[0])
    Path(path).write_bytes(Path(path).read_bytes()[:keep])
    with pytest.raises(DataError, match=r"_10\.tif: cannot be read"):
        load(root, spec, read_table(root, spec).tiles[cell], cell)


def test_a_missing_raster_is_refused_by_name(write_store, specs, cell, tmp_path):
    root, spec = write_store([specs["cover"]]), specs["cover"]
    (root / "10_cover" / "EPSG:32610_165_-1968_10.tif").unlink()
    with pytest.raises(DataError, match="not found, although the table lists it"):
        load(root, spec, read_table(root, spec).tiles[cell], cell)


def test_band_sets_of_one_resolution_have_files_of_their_own():
    spec = ModalitySpec("m", (BandSet(("a", "b"), 32), BandSet(("t",), 32), BandSet(("p",), 16)), 16, True)
    cell = Cell("EPSG:32610", 16, 165, -1968)
    names = [tile_path("x", spec, cell, band_set).rpartition("/")[2] for band_set in spec.band_sets]
    assert names == ["EPSG:32610_165_-1968_20.tif", "EPSG:32610_165_-1968_20_t.tif", "EPSG:32610_165_-1968_10.tif"]
