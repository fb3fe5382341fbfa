"""Aerial images: the day in the name, the order of bands, and files that are something else."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from olmoearth_naip.native import naip
from olmoearth_naip.on_10m_grid import naip_10
from olmoearth_naip.reader import naip_image
from rasterio.enums import ColorInterp
from rasterio.transform import Affine

from olmoearth_core.errors import DataError
from olmoearth_core.readers.contract import check

SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere")
READER = naip_image()
NAME = "m_4207162_ne_18_1_20160714.tif"


def image(path, bands=4, dtype="uint8", names=(), colours=None):
    values = np.arange(bands * 6, dtype=dtype).reshape(bands, 2, 3) * 3
    with rasterio.open(
        path, "w", driver="GTiff", width=3, height=2, count=bands, dtype=dtype, crs="EPSG:26918",
        transform=Affine(1, 0, 500000, 0, -1, 4700000),
    ) as raster:  # fmt: skip
        raster.write(values)
        if names:
            raster.descriptions = names
        if colours:
            raster.colorinterp = colours
    return str(path)


@pytest.mark.parametrize("spec", [naip(), naip_10()], ids=lambda spec: spec.name)
def test_values_bands_place_and_day(tmp_path, spec):
    path = image(tmp_path / NAME)
    array = READER.read(path, spec)
    assert READER.recognises(path)
    assert (array.shape, array.dtype, list(array.band.values)) == ((1, 4, 2, 3), np.float32, ["R", "G", "B", "IR"])
    assert array.sel(band="IR").values[0].tolist() == [[54, 57, 60], [63, 66, 69]]
    assert (array.time.values[0], float(array.x[0]), float(array.y[0])) == (
        np.datetime64("2016-07-14"), 500000.5, 4699999.5
    )  # fmt: skip
    assert (array.attrs["quantity"], array.rio.crs.to_string()) == ("digital_number", "EPSG:26918")
    check(array, spec)


@pytest.mark.parametrize(
    "name",
    ["m_3411861_sw_11_060_20200521.tif", "m_3411861_sw_11_060_20200521_20201030.tif", "m_3411861_sw_11_h_20200521.tif"],
)
def test_later_names_tell_the_flight_before_the_delivery(tmp_path, name):
    assert READER.read(image(tmp_path / name), naip()).time.values[0] == np.datetime64("2020-05-21")


def test_bands_come_in_the_order_asked_for(tmp_path):
    array = READER.read(image(tmp_path / NAME), naip(), bands=["IR", "R"])
    assert array.values[0, :, 0, 0].tolist() == [54, 0]
    with pytest.raises(DataError, match="asked for NDVI"):
        READER.read(image(tmp_path / NAME), naip(), bands=["NDVI"])


def test_a_file_of_another_name_needs_its_day(tmp_path):
    path = image(tmp_path / "farm.tif")
    assert not READER.recognises(path)
    with pytest.raises(DataError, match=r"farm\.tif: its name does not tell the day"):
        READER.read(path, naip())
    assert naip_image(date="2019-07-06").read(path, naip()).time.values[0] == np.datetime64("2019-07-06")


def test_days_that_do_not_exist_are_refused(tmp_path):
    with pytest.raises(DataError, match=r'"20161399" is no day'):
        READER.read(image(tmp_path / "m_4207162_ne_18_1_20161399.tif"), naip())
    with pytest.raises(DataError, match=r'"July" is no day'):
        naip_image(date="July")


@pytest.mark.parametrize(("bands", "dtype"), [(3, "uint8"), (4, "uint16"), (5, "uint8")])
def test_other_numbers_and_types_of_bands_are_refused(tmp_path, bands, dtype):
    path = image(tmp_path / NAME, bands, dtype)
    assert not READER.recognises(path)
    with pytest.raises(DataError, match=f"{bands} bands of {dtype}, expected 4 of uint8"):
        READER.read(path, naip())


def test_another_order_of_bands_is_refused_by_colour_and_by_name(tmp_path):
    swapped = [ColorInterp.blue, ColorInterp.green, ColorInterp.red, ColorInterp.undefined]
    with pytest.raises(DataError, match='band 1 is "blue", expected R'):
        READER.read(image(tmp_path / NAME, colours=swapped), naip())
    with pytest.raises(DataError, match='band 1 is "NIR", expected R'):
        READER.read(image(tmp_path / NAME, names=("NIR", "Red", "Green", "Blue")), naip())


def test_declared_colours_and_names_pass(tmp_path):
    right = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.undefined]
    assert READER.recognises(image(tmp_path / NAME, colours=right))
    assert READER.recognises(image(tmp_path / NAME, names=("Red", "Green", "Blue", "NIR")))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no real samples on this machine")
def test_no_sample_is_taken_for_an_aerial_image():
    for path in sorted(SAMPLES.rglob("*.tif*")):
        assert not READER.recognises(str(path)), path
    with pytest.raises(DataError, match="bands of int16, expected 4 of uint8"):
        READER.read(str(SAMPLES / "sites" / "tm_denmark" / "sentinel2_l2a_10m.tif"), naip())
