"""Maps told by their names: crops of the United States, people, trees; fill, averages, folders and wrong files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from olmoearth_maps.canopy_height_reader import canopy_height_tiles
from olmoearth_maps.cdl import cdl
from olmoearth_maps.cdl_reader import cdl_image
from olmoearth_maps.worldpop import worldpop
from olmoearth_maps.worldpop_reader import worldpop_image
from olmoearth_maps.wri_canopy_height_map import wri_canopy_height_map
from rasterio.transform import Affine

from olmoearth_core.errors import DataError
from olmoearth_core.readers.contract import check

SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere")


def raster(path, values, dtype="uint8", crs="EPSG:5070", left=0.0, top=0.0, pixel=30.0, **profile):
    values = np.asarray(values, dtype)
    with rasterio.open(
        path, "w", driver="GTiff", width=values.shape[1], height=values.shape[0], count=1, dtype=dtype, crs=crs,
        transform=Affine(pixel, 0, left, 0, -pixel, top), **profile,
    ) as made:  # fmt: skip
        made.write(values, 1)
    return str(path)


@pytest.mark.parametrize(
    ("name", "year"), [("2021_30m_cdls.tif", 2021), ("2024_10m_cdls.tif", 2024), ("CDL_2019_clip.tif", 2019)]
)
def test_crop_codes_have_the_year_of_their_name_and_no_background(tmp_path, name, year):
    path = raster(tmp_path / name, [[0, 1], [5, 254]])
    array = cdl_image().read(path, cdl())
    assert cdl_image().recognises(path)
    assert np.array_equal(array.values[0, 0], [[np.nan, 1], [5, 254]], equal_nan=True)
    assert array.time.values[0] == np.datetime64(f"{year}-01-01")
    assert (array.attrs["quantity"], array.rio.crs.to_string()) == ("class_code", "EPSG:5070")
    check(array, cdl())


def test_crop_maps_of_other_names_need_a_year_and_not_another(tmp_path):
    path = raster(tmp_path / "farm.tif", [[1]])
    with pytest.raises(DataError, match=r"farm\.tif: no Cropland Data Layer by its name; .* 2021_30m_cdls\.tif"):
        cdl_image().read(path, cdl())
    assert cdl_image(year=2010).read(path, cdl()).time.dt.year.item() == 2010
    with pytest.raises(DataError, match="is of 2021 by its name, but the reader was asked for 2010"):
        cdl_image(year=2010).read(raster(tmp_path / "2021_30m_cdls.tif", [[1]]), cdl())


def test_a_crop_map_of_floats_is_refused(tmp_path):
    path = raster(tmp_path / "2021_30m_cdls.tif", [[1.5]], "float32")
    assert not cdl_image().recognises(path)
    with pytest.raises(DataError, match="1 bands of float32, expected one band of uint8"):
        cdl_image().read(path, cdl())


def test_a_folder_of_years_is_no_map(tmp_path):
    raster(tmp_path / "2020_30m_cdls.tif", [[1]])
    raster(tmp_path / "2021_30m_cdls.tif", [[1]])
    assert not cdl_image().recognises(str(tmp_path))
    with pytest.raises(DataError, match="a folder; expected one file such as"):
        cdl_image().read(str(tmp_path), cdl())


@pytest.mark.parametrize("fill", [-99999.0, -3.4e38])
def test_people_are_counts_and_fill_is_negative(tmp_path, fill):
    path = raster(
        tmp_path / "bel_ppp_2020_UNadj_constrained.tif", [[fill, 0, 12.5]], "float32", "EPSG:4326", pixel=0.01
    )
    array = worldpop_image().read(path, worldpop())
    assert worldpop_image().recognises(path)
    assert np.array_equal(array.values[0, 0], [[np.nan, 0, 12.5]], equal_nan=True)
    assert (array.attrs["quantity"], array.time.dt.year.item()) == ("count", 2020)
    check(array, worldpop())


@pytest.mark.parametrize("name", ["bel_ppp_2020.tif", "bel_ppp_2015_constrained.tif", "ppp_2020_1km_Aggregated.tif"])
def test_other_editions_of_worldpop_are_not_taken_for_it(tmp_path, name):
    path = raster(tmp_path / name, [[1]], "float32")
    assert not worldpop_image().recognises(path)
    with pytest.raises(DataError, match="no WorldPop 2020, constrained by its name"):
        worldpop_image().read(path, worldpop())


def test_canopy_is_averaged_over_pixels_that_are_there(tmp_path):
    values = np.full((4, 6), 255)
    values[:2, :2] = [[1, 2], [3, 4]]
    values[2:, 2:4] = [[10, 255], [255, 255]]
    path = raster(tmp_path / "120200321.tif", values, crs="EPSG:3857", pixel=2.0)
    reader = canopy_height_tiles(average=2)
    array = reader.read(path, wri_canopy_height_map())
    assert reader.recognises(path)
    assert np.array_equal(array.values[0, 0], [[2.5, np.nan, np.nan], [np.nan, 10, np.nan]], equal_nan=True)
    assert (float(array.x[0]), float(array.y[1]), array.time.dt.year.item()) == (2.0, -6.0, 2020)
    assert np.array_equal(array[0, 0, 1:, 1:2].values, [[10]])
    check(array, wri_canopy_height_map())


def test_canopy_as_it_is_and_too_small_to_average(tmp_path):
    path = raster(tmp_path / "120200321.tif", [[7, 255]], crs="EPSG:3857", pixel=2.0)
    whole = canopy_height_tiles(average=1).read(path, wri_canopy_height_map())
    assert np.array_equal(whole.values[0, 0], [[7, np.nan]], equal_nan=True)
    with pytest.raises(DataError, match="2 x 1 pixels, too few to average 8 x 8"):
        canopy_height_tiles().read(path, wri_canopy_height_map())
    with pytest.raises(DataError, match="average = 0, expected 1 or more"):
        canopy_height_tiles(average=0)


def test_a_folder_of_quadkeys_is_one_map(tmp_path):
    raster(tmp_path / "120200320.tif", np.full((4, 4), 3), crs="EPSG:3857", pixel=2.0)
    raster(tmp_path / "120200321.tif", np.full((4, 4), 9), crs="EPSG:3857", pixel=2.0, left=8)
    reader = canopy_height_tiles(average=4)
    assert reader.recognises(str(tmp_path))
    assert reader.read(str(tmp_path), wri_canopy_height_map()).values[0, 0].tolist() == [[3, 9]]


def test_tiles_between_each_others_pixels_are_refused(tmp_path):
    raster(tmp_path / "120200320.tif", np.full((4, 4), 3), crs="EPSG:3857", pixel=2.0)
    raster(tmp_path / "120200321.tif", np.full((4, 4), 9), crs="EPSG:3857", pixel=2.0, left=9)
    with pytest.raises(DataError, match=r"120200321\.tif, band 1: .* does not continue .*120200320\.tif"):
        canopy_height_tiles(average=1).read(str(tmp_path), wri_canopy_height_map())


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no real samples on this machine")
def test_no_sample_is_taken_for_one_of_these_maps():
    readers = [cdl_image(), worldpop_image(), canopy_height_tiles()]
    assert [(r.name, p) for r in readers for p in SAMPLES.rglob("*") if r.recognises(str(p))] == []
