"""Tiles and crops of land cover: fill, legend, years and folders in small files; spot values of the real samples."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from olmoearth_worldcover.modality import worldcover
from olmoearth_worldcover.reader import worldcover_tiles
from rasterio.transform import Affine

from olmoearth_core.errors import DataError
from olmoearth_core.readers.contract import check

SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere")
real = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no real samples on this machine")
READER = worldcover_tiles()
TITLE = "ESA WorldCover product at 10m resolution for year {}"


def crop(path, codes, dtype="uint8", **tags):
    codes = np.asarray(codes, dtype)
    with rasterio.open(
        path, "w", driver="GTiff", width=codes.shape[1], height=codes.shape[0], count=1, dtype=dtype,
        crs="EPSG:4326", transform=Affine(3 / 36000, 0, 6, 0, -3 / 36000, 3),
    ) as raster:  # fmt: skip
        raster.write(codes, 1)
        raster.update_tags(**tags)
    return str(path)


def tile(folder, lat, lon, corner, year=2021, version="v200", code=40):
    """A whole tile of 36000 x 36000, sparse: only its first block is written."""
    path = folder / f"ESA_WorldCover_10m_{year}_{version}_{corner}_Map.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=36000, height=36000, count=1, dtype="uint8", tiled=True, sparse_ok=True,
        blockxsize=512, blockysize=512, compress="deflate", crs="EPSG:4326",
        transform=Affine(3 / 36000, 0, lon, 0, -3 / 36000, lat + 3),
    ) as raster:  # fmt: skip
        raster.write(np.full((2, 2), code, "uint8"), 1, window=((0, 2), (0, 2)))
    return str(path)


def test_a_crop_that_says_what_it_is_needs_no_name(tmp_path):
    path = crop(tmp_path / "crop.tif", [[10, 0], [95, 100]], title=TITLE.format(2020))
    array = READER.read(path, worldcover())
    assert READER.recognises(path)
    assert np.array_equal(array.values[0, 0], [[10, np.nan], [95, 100]], equal_nan=True)
    assert (array.attrs["version"], array.time.values[0]) == ("v100", np.datetime64("2020-01-01"))
    assert (array.attrs["quantity"], array.attrs["units"]) == ("class_code", "ESA class code")


def test_a_crop_that_says_nothing_needs_a_year(tmp_path):
    path = crop(tmp_path / "crop.tif", [[10, 20]])
    assert not READER.recognises(path)
    with pytest.raises(DataError, match=r"crop\.tif: neither name nor header says .* give its year"):
        READER.read(path, worldcover())
    assert worldcover_tiles(year=2021).read(path, worldcover()).values.tolist() == [[[[10, 20]]]]


def test_the_wrong_year_is_refused(tmp_path):
    path = crop(tmp_path / "crop.tif", [[10]], title=TITLE.format(2020))
    with pytest.raises(DataError, match="is of 2020, but the reader was asked for 2021"):
        worldcover_tiles(year=2021).read(path, worldcover())
    with pytest.raises(DataError, match="WorldCover of 2022"):
        worldcover_tiles(year=2022)


def test_codes_of_another_legend_are_named(tmp_path):
    path = crop(tmp_path / "crop.tif", [[10, 11, 255]])
    array = worldcover_tiles(year=2021).read(path, worldcover())
    with pytest.raises(DataError, match=r"crop\.tif: has codes 11, 255, expected 10, 20"):
        _ = array.values


def test_wide_integers_are_refused(tmp_path):
    path = crop(tmp_path / "crop.tif", [[10]], dtype="float32")
    with pytest.raises(DataError, match="1 bands of float32, expected one band of uint8 codes"):
        worldcover_tiles(year=2021).read(path, worldcover())


def test_a_folder_is_one_map_and_a_window_opens_one_tile(tmp_path):
    tile(tmp_path, 0, 6, "N00E006", code=40)
    (tmp_path / "ESA_WorldCover_10m_2021_v200_N00E009_Map.tif").write_bytes(b"torn")
    array = READER.read(str(tmp_path), worldcover())
    assert READER.recognises(str(tmp_path))
    assert array.shape == (1, 1, 36000, 72000)
    assert np.array_equal(array[0, 0, 1:3, 0:2].values, [[40, 40], [np.nan, np.nan]], equal_nan=True)
    assert (float(array.x[0]), float(array.y[0])) == pytest.approx((6 + 1 / 24000, 3 - 1 / 24000))
    with pytest.raises(DataError, match=r"N00E009_Map\.tif"):
        _ = array[0, 0, 0, 36000].values


def test_a_tile_in_the_place_of_another_is_refused(tmp_path):
    path = tile(tmp_path, 0, 6, "S03E009")
    with pytest.raises(DataError, match=r"from \(6, 0\) to \(9, 3\) .* by its name .* from \(9, -3\) to \(12, 0\)"):
        READER.read(path, worldcover())


def test_a_folder_of_both_years_needs_a_choice(tmp_path):
    tile(tmp_path, 0, 6, "N00E006", code=40)
    tile(tmp_path, 0, 6, "N00E006", 2020, "v100", code=60)
    with pytest.raises(DataError, match="holds maps of 2020 and 2021"):
        READER.read(str(tmp_path), worldcover())
    assert worldcover_tiles(year=2020).read(str(tmp_path), worldcover())[0, 0, 0, 0].item() == 60


def test_bands_that_do_not_exist_are_refused(tmp_path):
    path = crop(tmp_path / "crop.tif", [[10]], title=TITLE.format(2021))
    with pytest.raises(DataError, match="has B1, asked for B2"):
        READER.read(path, worldcover(), bands=["B2"])


@real
def test_the_island_of_sao_tome_has_nine_classes_and_sea_is_nothing():
    path = str(SAMPLES / "sao_tome" / "worldcover_2021_10m.tif")
    array = READER.read(path, worldcover())
    values = array.values[0, 0]
    assert READER.recognises(path)
    assert (values.shape, np.unique(values[np.isfinite(values)]).tolist()) == (
        (5034, 3960), [10, 20, 30, 40, 50, 60, 80, 90, 95]
    )  # fmt: skip
    assert (values[0, 0], values[2517, 1980]) == (80, 10)
    assert array.rio.bounds() == pytest.approx((6.44, 0.0005, 6.77, 0.42))
    assert (array.attrs["version"], array.time.values[0]) == ("v200", np.datetime64("2021-01-01"))
    check(array, worldcover())


@real
@pytest.mark.parametrize("site", ["tm_serengeti", "tm_denmark", "tm_brazil_coast"])
def test_the_land_cover_of_another_maker_is_refused_by_its_legend(site):
    path = str(SAMPLES / "sites" / site / "lulc_10m.tif")
    assert not READER.recognises(path)
    with pytest.raises(
        DataError, match=r'lulc_10m\.tif: its legend is "Esri/Impact Observatory .*not that of WorldCover'
    ):
        worldcover_tiles(year=2021).read(path, worldcover())


@real
def test_elevation_is_no_land_cover():
    with pytest.raises(DataError, match="1 bands of int16, expected one band of uint8 codes"):
        READER.read(str(SAMPLES / "sao_tome" / "cop_dem_30m.tif"), worldcover())


@real
def test_labels_of_fields_are_no_land_cover():
    with pytest.raises(DataError, match="2 bands of uint16, expected one band of uint8 codes"):
        READER.read(str(SAMPLES / "sites" / "be_31uds_2018" / "lpis_labels_10m.tif"), worldcover())


@real
def test_only_the_genuine_sample_is_taken_for_worldcover():
    found = [path.name for path in sorted(SAMPLES.rglob("*")) if READER.recognises(str(path))]
    assert found == ["worldcover_2021_10m.tif"]
