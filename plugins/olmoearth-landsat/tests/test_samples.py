"""The real samples: values at stated pixels, bounds, units and times; what must be declared; and who refuses them."""

import numpy as np
import pytest
from olmoearth_landsat.band_files import band_files
from olmoearth_landsat.level1_bundle import level1_bundle
from olmoearth_landsat.stac_item import stac_item
from olmoearth_landsat.stacked import stacked

from olmoearth_core.errors import DataError, OtherModality
from olmoearth_core.kinds import registry
from olmoearth_core.readers.contract import check

ELKTON, BELGIUM = "landsat8_l1_elkton", "sites/be_31uds_2018/landsat8_sr_10m.tif"


@pytest.fixture(scope="module")
def elkton(samples):
    return band_files(level="l1", time="2014-05-02"), str(samples / ELKTON)


def test_the_level_1_scene_of_elkton_is_read_number_by_number(elkton, l1):
    reader, path = elkton
    assert reader.recognises(path)
    array = reader.read(path, l1)
    assert (array.shape, array.rio.crs.to_string()) == ((1, 11, 337, 371), "EPSG:32617")
    assert (array.attrs["quantity"], array.attrs["units"]) == ("digital_number", "Level-1 digital numbers")
    assert tuple(array["band"].values) == l1.band_order
    expected = [7442, 9572, 8586, 7896, 6815, 22283, 11180, 7454, 5075, 26619, 24042]
    assert array.values[0, :, 100, 200].tolist() == expected
    assert (float(np.nanmin(array)), float(np.nanmax(array))) == (5012, 65535)
    check(array, l1)


def test_bands_of_30_m_of_elkton_lie_on_their_own_grid(elkton, l1):
    reader, path = elkton
    array = reader.read(path, l1, bands=["B1", "B4", "B10", "B11"])
    assert array.shape == (1, 4, 169, 186)
    assert array.values[0, :, 50, 100].tolist() == [9572, 6815, 26619, 24042]
    assert (float(array["x"][0]), float(array["y"][0])) == pytest.approx((704001.45559, 4254586.92554))


def test_the_quality_band_of_collection_1_is_not_taken_for_that_of_collection_2(elkton, l1):
    assert elkton[0].clear(elkton[1], l1) is None


def test_elkton_says_neither_level_nor_day_and_both_must_be_declared(samples, l1, l2):
    path = str(samples / ELKTON)
    with pytest.raises(DataError, match=r"landsat8_l1_elkton: its name does not say the level .*Declare it: level ="):
        band_files().read(path, l1)
    with pytest.raises(DataError, match=r"holds no product identifier, and so no date\. Declare time"):
        band_files(level="l1").read(path, l1)
    with pytest.raises(OtherModality, match=r"holds Landsat Level-1 .*but landsat_l2 was asked for"):
        band_files(level="l1", time="2014-05-02").read(path, l2)
    with pytest.raises(DataError, match=r"L8-B1-Elkton-VA\.tiff is not named as a file of Level-2"):
        band_files(level="l2", time="2014-05-02").read(path, l2)


def test_the_belgian_stack_is_surface_reflectance_and_temperature_of_six_days(samples, l2):
    path = str(samples / BELGIUM)
    assert stacked().recognises(path)
    array = stacked().read(path, l2)
    assert (array.shape, array.rio.crs.to_string()) == ((6, 8, 64, 64), "EPSG:32631")
    assert array["band"].values.tolist() == ["B2", "B3", "B4", "B5", "B6", "B7", "B10", "B11"]
    assert [str(t)[:10] for t in array["time"].values[:2]] == ["2018-02-07", "2018-06-06"]
    assert array.values[1, :, 32, 32].tolist() == [846, 1167, 1204, 3119, 2745, 2251, 2996, 2971]
    assert array.attrs["quantity"] == "reflectance_x10000_and_kelvin_x10"
    check(array, l2)


def test_minus_999_of_the_belgian_stack_is_nothing_although_its_header_says_0(samples, l2):
    array = stacked().read(str(samples / BELGIUM), l2)
    empty = np.isnan(array.values).sum(axis=(2, 3))
    assert empty[1].tolist() == [39] * 8
    assert empty.sum() == 39 * 8
    assert float(np.nanmin(array.sel(band="B10"))) > 2500


def test_surface_values_are_refused_as_level_1(samples, l1):
    with pytest.raises(OtherModality, match=r"holds Landsat Level-2 .*but landsat was asked for"):
        stacked().read(str(samples / BELGIUM), l1)
    with pytest.raises(DataError, match=r'its tag units says "Landsat 8 Collection-1 surface reflectance'):
        stacked(units="digital_number").read(str(samples / BELGIUM), l1)


FOREIGN = (
    "sites/be_31uds_2018/sentinel2_l2a_10m.tif", "sites/be_31uds_2018/sentinel1_20m.tif",
    "sites/tm_denmark/sentinel2_l2a_10m.tif", "eval/sen1floods11/Spain_7370579ne_S2Hand.tif", "eval/bigearthnet",
    "sao_tome/cop_dem_30m.tif", "andorra/N42E001.hgt.zip", "helsinki/Helsinki.osm.pbf",
    "stacked_gee/98-togo_2019-02-06_2020-02-01.tif",
)  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_files_of_other_sensors_are_refused_by_name(samples, l1, name):
    path = str(samples / name)
    for reader in (band_files(level="l1", time="2014-05-02"), stacked(), level1_bundle(), stac_item()):
        assert not reader.recognises(path)
        with pytest.raises(DataError) as error:
            _ = reader.read(path, l1).values
        assert path in str(error.value)


def test_no_other_reader_takes_the_landsat_samples(samples):
    others = [registry.readers.get(n)() for n in registry.readers.components() if not n.startswith("landsat.")]
    for name in (ELKTON, f"{ELKTON}/L8-B4-Elkton-VA.tiff", BELGIUM):
        assert [r.name for r in others if r.recognises(str(samples / name))] == []
