"""Stacked exports of Earth Engine: months from the name, bands by name, decibel as power; the real export of Togo."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from olmoearth_maps.stacked_gee import stacked_gee
from rasterio.transform import Affine

from olmoearth_core import modalities
from olmoearth_core.errors import DataError
from olmoearth_core.readers.contract import check

SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere")
TOGO = SAMPLES / "stacked_gee" / "98-togo_2019-02-06_2020-02-01.tif"
real = pytest.mark.skipif(not TOGO.exists(), reason="no real samples on this machine")
READER = stacked_gee()
MONTH = ["VV", "VH", "B2", "B8A", "temperature_2m", "total_precipitation"]
NAME = "7-farm_2020-11-20_2021-01-31.tif"


@pytest.fixture(scope="module")
def specs():
    return {spec.name: spec for spec in modalities(["sentinel1", "sentinel2", "srtm"])}


def export(path, names=None, months=3, change=lambda values: values):
    names = names or [n if not k else f"{n}_{k}" for k in range(months) for n in MONTH] + ["elevation", "slope"]
    values = np.arange(len(names), dtype="float64")[:, None, None] * 10 + np.array([[0, 1], [2, 3]])
    with rasterio.open(
        path, "w", driver="GTiff", width=2, height=2, count=len(names), dtype="float64", crs="EPSG:4326",
        transform=Affine(9e-5, 0, 1, 0, -9e-5, 7),
    ) as raster:  # fmt: skip
        raster.write(change(values))
        raster.descriptions = names
    return str(path)


def test_months_follow_the_first_day_across_the_year(tmp_path, specs):
    path = export(tmp_path / NAME)
    array = READER.read(path, specs["sentinel2"])
    assert READER.recognises(path)
    assert [str(t)[:10] for t in array.time.values] == ["2020-11-01", "2020-12-01", "2021-01-01"]
    assert list(array.band.values) == ["B02", "B8A"]
    assert array[1, 1].values.tolist() == [[90, 91], [92, 93]]


def test_decibel_becomes_power(tmp_path, specs):
    path = export(tmp_path / NAME, change=lambda values: np.where(values < 4, -10 * values, -20))
    array = READER.read(path, specs["sentinel1"])
    assert array[0, 0].values.ravel().tolist() == pytest.approx([1, 0.1, 0.01, 0.001])
    assert array[2, 1].values.ravel().tolist() == pytest.approx([0.01] * 4)
    assert array.attrs["quantity"] == "linear_power"
    check(array, specs["sentinel1"])


def test_terrain_is_one_map(tmp_path, specs):
    array = READER.read(export(tmp_path / NAME), specs["srtm"])
    assert (array.shape, array.values.ravel().tolist()) == ((1, 1, 2, 2), [180, 181, 182, 183])


def test_optical_zero_is_nothing_measured(tmp_path, specs):
    array = READER.read(export(tmp_path / NAME, change=lambda values: values - 20), specs["sentinel2"], bands=["B02"])
    assert np.isnan(array.values[0, 0, 0, 0])


def test_bands_it_lacks_are_named(tmp_path, specs):
    with pytest.raises(DataError, match="has B02, B8A of sentinel2, asked for B03"):
        READER.read(export(tmp_path / NAME), specs["sentinel2"], bands=["B03"])


def test_a_name_without_a_span_is_refused(tmp_path, specs):
    path = export(tmp_path / "farm.tif")
    assert not READER.recognises(path)
    with pytest.raises(DataError, match=r"farm\.tif: its name tells no span"):
        READER.read(path, specs["sentinel1"])


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (["VV", "VH", "NDVI"], 'band 3 is "NDVI"'),
        (["VV", "VH", "VV"], 'band 3 is "VV".*each once'),
        (["VV", "VH", "VV_1"], "month 2 of its bands is not whole"),
        (["VV", "VH", "VV_2", "VH_2"], "month 2 of its bands is not whole"),
    ],
)
def test_other_bands_and_cut_months_are_refused(tmp_path, specs, names, fault):
    with pytest.raises(DataError, match=fault):
        READER.read(export(tmp_path / NAME, names), specs["sentinel1"])


def test_spans_that_reach_2022_must_say_that_they_are_harmonized(tmp_path, specs):
    path = export(tmp_path / "7-farm_2021-11-01_2022-01-31.tif")
    with pytest.raises(DataError, match=r"reaches 2022-01, since when .* may carry \+1000"):
        READER.read(path, specs["sentinel2"])
    assert stacked_gee(harmonized=True).read(path, specs["sentinel2"]).sizes["time"] == 3
    assert READER.read(path, specs["sentinel1"]).sizes["time"] == 3


@real
def test_togo_has_twelve_months_of_thirteen_optical_bands(specs):
    array = READER.read(str(TOGO), specs["sentinel2"])
    assert READER.recognises(str(TOGO))
    assert array.shape == (12, 13, 17, 17)
    assert set(array.band.values) == set(specs["sentinel2"].band_order)
    times = [str(t)[:7] for t in array.time.values]
    assert (times[0], times[-1], len(set(times))) == ("2019-02", "2020-01", 12)
    first = {str(b): array.sel(band=b).isel(time=0).values for b in array.band.values}
    assert {b: int(first[b][0, 0]) for b in ("B01", "B02", "B8A", "B10", "B12")} == {
        "B01": 2020, "B02": 1929, "B8A": 2810, "B10": 87, "B12": 2532
    }  # fmt: skip
    assert int(array.sel(band="B01").isel(time=1)[0, 0]) == 1853
    assert array.rio.bounds() == pytest.approx((1.4220330948, 7.7187740788, 1.4235602307, 7.7203012148), abs=1e-9)
    check(array, specs["sentinel2"])


@real
def test_togo_has_radar_power_and_heights(specs):
    radar = READER.read(str(TOGO), specs["sentinel1"])
    assert radar[0, 0, 0, 0].item() == pytest.approx(10**-1.388319779431678, rel=1e-5)
    assert radar[1, 1, 8, 8].item() == pytest.approx(10**-2.47832241502254, rel=1e-5)
    assert radar.shape == (12, 2, 17, 17)
    check(radar, specs["sentinel1"])
    terrain = READER.read(str(TOGO), specs["srtm"])
    with rasterio.open(TOGO) as raster:
        assert np.array_equal(terrain.values[0, 0], raster.read(raster.descriptions.index("elevation") + 1))
    check(terrain, specs["srtm"])


@real
def test_no_other_sample_is_taken_for_a_stacked_export():
    assert [path.name for path in sorted(SAMPLES.rglob("*")) if READER.recognises(str(path))] == [TOGO.name]
