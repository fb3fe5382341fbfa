"""Acceptance checks 1, 4 and 7 of the data specification, and the geometry of cells."""

from __future__ import annotations

import numpy as np
import pytest
from rasterio.transform import array_bounds

from olmoearth_core.convert.grid import Cell
from olmoearth_core.convert.tiles import dataset_name, tile_path
from olmoearth_core.interfaces.modality import resolution
from olmoearth_core.lookup import modalities


def test_resolutions_are_ints_when_integral():
    found = [resolution(f) for f in (16, 4, 1, 4096, 64)]
    assert found == [10, 2.5, 0.625, 2560, 40]
    assert [type(r) for r in found] == [int, float, float, int, int]


@pytest.mark.parametrize(
    ("col", "row", "latlon"),
    [
        (165, -1968, (45.48055514, -123.97653812)),
        (150, -2089, (48.26185638, -124.54575383)),
        (248, -2176, (50.25995474, -121.08971979)),
    ],
)
def test_the_centre_of_a_cell_in_degrees(col, row, latlon):
    np.testing.assert_allclose(Cell("EPSG:32610", 16, col, row).latlon(), latlon, rtol=0, atol=1e-7)


def test_a_cell_covers_its_documented_metres():
    cell = Cell("EPSG:32610", 16, 248, -2176)
    left, bottom, right, top = array_bounds(256, 256, cell.transform(16))
    assert (left, right, bottom, top) == (634880, 637440, 5568000, 5570560)


@pytest.mark.parametrize(
    ("name", "last", "path"),
    [
        ("landsat", 1, "10_landsat_monthly/EPSG:32610_150_-2089_20.tif"),
        ("openstreetmap_raster", 0, "10_openstreetmap_raster/EPSG:32610_150_-2089_2.5.tif"),
        ("era5_10", 0, "10_era5_10_monthly/EPSG:32610_150_-2089_2560.tif"),
        ("naip_10", 0, "10_naip_10/EPSG:32610_150_-2089_0.625.tif"),
        ("cdl", 0, "10_cdl/EPSG:32610_150_-2089_10.tif"),
        ("sentinel2_l2a", 2, "10_sentinel2_l2a_monthly/EPSG:32610_150_-2089_40.tif"),
    ],
)
def test_file_names(name, last, path):
    spec = modalities([name])[0]
    assert tile_path("/r", spec, Cell("EPSG:32610", 16, 150, -2089), spec.band_sets[last]) == f"/r/{path}"


def test_modalities_of_other_grids_have_the_resolution_of_theirs_in_both_names():
    naip, era5 = modalities(["naip", "era5"])
    fine, coarse = Cell("EPSG:32610", 1, 3, -4), Cell("EPSG:32610", 256, 3, -4)
    assert tile_path("r", naip, fine, naip.band_sets[0]) == "r/0.625_naip/EPSG:32610_3_-4_0.625.tif"
    assert tile_path("r", era5, coarse, era5.band_sets[0]) == "r/160_era5_monthly/EPSG:32610_3_-4_160.tif"


def test_a_window_name_has_the_resolution_in_second_place():
    assert Cell("EPSG:32610", 16, 165, -1968).window_name == "EPSG:32610_10_165_-1968"


def test_folders_of_time_series_are_called_monthly():
    assert [dataset_name(s) for s in modalities(["sentinel1", "cdl", "naip"])] == [
        "10_sentinel1_monthly", "10_cdl", "0.625_naip",
    ]  # fmt: skip


def test_quarters_of_a_cell_have_their_own_centres_in_row_major_order():
    cell = Cell("EPSG:32632", 16, 200, -2200)
    quarters = cell.sub_latlons(2)
    np.testing.assert_allclose(quarters.mean(0), cell.latlon(), atol=1e-5)
    assert quarters[0, 0] > quarters[2, 0]
    assert quarters[0, 1] < quarters[1, 1]


def test_a_coarse_cell_holds_the_fine_one_also_in_negative_rows():
    fine = Cell("EPSG:32610", 1, 2640, -31488)
    assert fine.parent(16) == Cell("EPSG:32610", 16, 165, -1968)
    assert Cell("EPSG:32610", 1, 2655, -31473).parent(16) == fine.parent(16)
