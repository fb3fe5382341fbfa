"""WorldCereal: which file is which band and zone, codes, bands that a zone lacks, and files of other kinds."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from olmoearth_maps.worldcereal import BANDS, worldcereal
from olmoearth_maps.worldcereal_reader import band_of, worldcereal_tiles
from rasterio.transform import Affine

from olmoearth_core.errors import DataError
from olmoearth_core.readers.contract import check

SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere")
READER = worldcereal_tiles()
CROPS, WHEAT, MAIZE = BANDS[0], BANDS[7], BANDS[2]
STEP = 1 / 12000


def zone(root, season, product, aez, codes, left=0, dtype="uint8", name="{}_x.tif"):
    folder = root / "2021" / season / product / "aez" / "classification"
    folder.mkdir(parents=True, exist_ok=True)
    codes = np.asarray(codes, dtype)
    with rasterio.open(
        folder / name.format(aez), "w", driver="GTiff", width=codes.shape[1], height=codes.shape[0], count=1,
        dtype=dtype, crs="EPSG:4326", transform=Affine(STEP, 0, left * STEP, 0, -STEP, 0),
    ) as raster:  # fmt: skip
        raster.write(codes, 1)
    return str(folder / name.format(aez))


@pytest.mark.parametrize(
    ("path", "band"),
    [
        ("MAP-v3/2021/tc-annual/temporarycrops/aez/classification/46172_a.tif", CROPS),
        ("2021/tc-maize-main/irrigation/classification/1_a.tif", BANDS[1]),
        ("2021/maize-second/maize/classification/1_a.tif", BANDS[4]),
        ("flat/12048_tc-wintercereals_wintercereals_2021_classification_v1.tif", WHEAT),
        ("2021/tc-annual/temporarycrops/aez/confidence/46172_a.tif", None),
        ("2021/tc-annual/maize/aez/classification/46172_a.tif", None),
        ("2021/tc-annual/temporarycrops/aez/classification/readme.txt", None),
        ("2021/tc-annual/temporarycrops/aez/classification/overview.tif", None),
    ],
)
def test_folders_and_names_tell_the_band(path, band):
    assert band_of(path) == band


def test_not_cropland_is_no_crop_and_fill_is_nothing(tmp_path):
    path = zone(tmp_path, "tc-annual", "temporarycrops", 7, [[0, 100], [254, 255]])
    array = READER.read(path, worldcereal())
    assert READER.recognises(path)
    assert list(array.band.values) == [CROPS]
    assert np.array_equal(array.values[0, 0], [[0, 100], [0, np.nan]], equal_nan=True)
    assert (array.attrs["quantity"], array.time.values[0]) == ("class_probability", np.datetime64("2021-01-01"))
    check(array, worldcereal())


def test_zones_lie_side_by_side_and_a_band_without_a_zone_is_nothing_there(tmp_path):
    zone(tmp_path, "tc-annual", "temporarycrops", 7, [[100, 100]])
    zone(tmp_path, "tc-annual", "temporarycrops", 11, [[0, 0]], left=2)
    zone(tmp_path, "tc-wintercereals", "wintercereals", 11, [[100, 0]], left=2)
    assert READER.recognises(str(tmp_path / "2021"))
    array = READER.read(str(tmp_path / "2021"), worldcereal())
    assert list(array.band.values) == [CROPS, WHEAT]
    assert array.values[0, 0].tolist() == [[100, 100, 0, 0]]
    assert np.array_equal(array.values[0, 1], [[np.nan, np.nan, 100, 0]], equal_nan=True)


def test_a_band_asked_for_that_was_never_made_is_nothing_throughout(tmp_path):
    path = zone(tmp_path, "tc-annual", "temporarycrops", 7, [[100, 0]])
    array = READER.read(path, worldcereal(), bands=[MAIZE, CROPS])
    assert np.array_equal(array.values[0, :, 0], [[np.nan, np.nan], [100, 0]], equal_nan=True)


def test_one_zone_can_be_chosen(tmp_path):
    zone(tmp_path, "tc-annual", "temporarycrops", 7, [[100]])
    zone(tmp_path, "tc-annual", "temporarycrops", 11, [[0]], left=0.5)
    with pytest.raises(DataError, match=r"11_x\.tif.* does not continue .*7_x\.tif"):
        READER.read(str(tmp_path), worldcereal())
    assert worldcereal_tiles(aez=11).read(str(tmp_path), worldcereal()).values.tolist() == [[[[0]]]]
    with pytest.raises(DataError, match="no map of zone 5 of WorldCereal"):
        worldcereal_tiles(aez=5).read(str(tmp_path), worldcereal())


def test_two_maps_of_a_zone_are_refused(tmp_path):
    zone(tmp_path, "tc-annual", "temporarycrops", 7, [[100]])
    zone(tmp_path, "tc-annual", "temporarycrops", 7, [[100]], name="{}_y.tif")
    with pytest.raises(DataError, match=r"7_y\.tif: a second map of zone 7"):
        READER.read(str(tmp_path), worldcereal())


def test_codes_and_types_that_do_not_exist_are_refused(tmp_path):
    array = READER.read(zone(tmp_path, "tc-annual", "temporarycrops", 7, [[37, 100]]), worldcereal())
    with pytest.raises(DataError, match=r"7_x\.tif: has values 37, expected 0, 100, 254"):
        _ = array.values
    path = zone(tmp_path, "tc-annual", "temporarycrops", 8, [[1]], dtype="int16")
    with pytest.raises(DataError, match="1 bands of int16, expected one band of uint8"):
        READER.read(path, worldcereal())


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no real samples on this machine")
def test_the_output_of_a_model_is_not_the_product():
    path = str(SAMPLES / "sites" / "be_31ufs_2021" / "worldcereal_model_10m.tif")
    assert not READER.recognises(path)
    with pytest.raises(DataError, match=r"worldcereal_model_10m\.tif: no map of WorldCereal .* is not the product"):
        READER.read(path, worldcereal())
    assert not READER.recognises(str(SAMPLES / "sites"))
