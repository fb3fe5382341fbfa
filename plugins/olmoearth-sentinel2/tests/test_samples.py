"""Every real Sentinel-2 file of the samples by the right reader with the right values, and refused by the wrong."""

import numpy as np
import pytest
from olmoearth_sentinel2.band_files import band_files
from olmoearth_sentinel2.safe import safe
from olmoearth_sentinel2.stac_item import stac_item
from olmoearth_sentinel2.stacked import stacked

from olmoearth_core.errors import DataError
from olmoearth_core.ingest.local import products
from olmoearth_core.readers.contract import check

BIG = "eval/bigearthnet/S2A_MSIL2A_20170617T113321_"
FLOODS = "eval/sen1floods11/Spain_7370579"
L2A_BANDS = ("B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12", "B01", "B09")
NINE = ("B02", "B03", "B04", "B08", "B05", "B06", "B07", "B11", "B12")
# First pixel of the first step in the order of the specification; smallest, largest, mean; how many are nothing.
FACTS = {
    "sites/be_31uds_2018/sentinel2_l2a_10m.tif": (
        (12, 4, 64, 64), "EPSG:32631", [394, 461, 359, 1603], (1, 13360, 1252.672821), 0),
    "sites/be_31uds_2018/sentinel2_l2a_20m.tif": (
        (12, 6, 32, 32), "EPSG:32631", [926, 1408, 1507, 1685, 930, 679], (271, 7017, 2178.899428), 0),
    "sites/be_31ufs_2021/sentinel2_l2a_10m.tif": (
        (12, 9, 100, 100), "EPSG:32631", [301, 616, 341, 3534, 1065, 2264, 2576, 1820, 1304],
        (13, 16008, 1723.414241), 180008),
    "sites/tm_brazil_coast/sentinel2_l2a_10m.tif": (
        (1, 12, 224, 224), "EPSG:32722", [205, 371, 212, 2770, 640, 1978, 2332, 2671, 1096, 449, 185, 2793],
        (1, 6431, 1287.449674), 0),
    "sites/tm_denmark/sentinel2_l2a_10m.tif": (
        (1, 12, 224, 224), "EPSG:32632", [158, 575, 405, 4074, 1159, 3167, 3792, 4141, 2375, 1256, 128, 4011],
        (1, 8592, 1358.037076), 0),
    "sites/tm_serengeti/sentinel2_l2a_10m.tif": (
        (1, 12, 224, 224), "EPSG:32736", [713, 984, 1238, 2666, 1849, 2311, 2532, 2925, 3453, 2631, 576, 2814],
        (257, 5374, 2189.620069), 0),
    f"{BIG}36_85_B01.tif": (
        (1, 12, 120, 120), "EPSG:32629", [342, 755, 437, 4495, 1299, 3646, 4509, 4937, 2323, 1120, 397, 4708],
        (154, 6860, 2417.179317), 0),
    f"{BIG}4_55_B01.tif": (
        (1, 12, 120, 120), "EPSG:32629", [532, 926, 791, 3598, 1671, 3030, 3445, 3888, 2609, 1546, 485, 4081],
        (129, 7767, 2470.855324), 0),
    f"{FLOODS}ne_S2Hand.tif": (
        (1, 13, 256, 256), "EPSG:4326", [1440, 1448, 1582, 2108, 1887, 2259, 2578, 2700, 2505, 1742, 1667, 467, 11],
        (7, 5383, 926.295022), 0),
    f"{FLOODS}nw_S2Hand.tif": (
        (1, 13, 256, 256), "EPSG:4326", [999, 935, 953, 698, 1118, 778, 892, 725, 530, 323, 1409, 191, 9],
        (7, 6060, 1432.510742), 0),
    f"{FLOODS}sw_S2Hand.tif": (
        (1, 13, 256, 256), "EPSG:4326", [1342, 1324, 1225, 2501, 1503, 2065, 2361, 2577, 1702, 970, 1489, 421, 11],
        (8, 5374, 1574.632301), 0),
}  # fmt: skip
TIMES = {
    "sites/be_31uds_2018/sentinel2_l2a_10m.tif": ("2017-12-17T00:00:00", "2018-11-17T00:00:00"),
    "sites/be_31uds_2018/sentinel2_l2a_20m.tif": ("2017-12-17T00:00:00", "2018-11-17T00:00:00"),
    "sites/be_31ufs_2021/sentinel2_l2a_10m.tif": ("2020-11-01T00:00:00", "2021-10-01T00:00:00"),
    "sites/tm_brazil_coast/sentinel2_l2a_10m.tif": ("2021-07-23T13:22:41",) * 2,
    "sites/tm_denmark/sentinel2_l2a_10m.tif": ("2017-10-30T10:41:51",) * 2,
    "sites/tm_serengeti/sentinel2_l2a_10m.tif": ("2023-06-10T07:46:21",) * 2,
}


def reader_of(name):
    if name.startswith(BIG):
        return band_files()
    if name.startswith(FLOODS):
        # Names, tags and header say neither level nor unit nor time.
        return stacked(level="l1c", units="reflectance_x10000", time="2019-09-17")
    return stacked()


@pytest.mark.parametrize("name", FACTS)
def test_values_bounds_units_and_nodata_are_right(samples, l2a, l1c, name):
    spec = l1c if name.startswith(FLOODS) else l2a
    array = reader_of(name).read(str(samples / name), spec)
    shape, crs, corner, (low, high, mean), nothing = FACTS[name]
    values = array.values
    assert (array.shape, array.rio.crs.to_string()) == (shape, crs)
    assert values[0, :, 0, 0].tolist() == corner
    assert (np.nanmin(values), np.nanmax(values), int(np.isnan(values).sum())) == (low, high, nothing)
    assert np.nanmean(values.astype(np.float64)) == pytest.approx(mean, rel=1e-9)
    level = "top-of-atmosphere" if spec is l1c else "surface"
    assert (array.attrs["units"], array.attrs["quantity"]) == (f"{level} reflectance x 10000", "reflectance_x10000")
    check(array, spec)


@pytest.mark.parametrize("name", FACTS)
def test_bands_are_those_of_the_file_in_the_order_of_the_specification(samples, l2a, l1c, name):
    spec = l1c if name.startswith(FLOODS) else l2a
    bands = tuple(reader_of(name).read(str(samples / name), spec)["band"].values)
    expected = {4: L2A_BANDS[:4], 6: L2A_BANDS[4:10], 9: NINE, 12: L2A_BANDS, 13: (*L2A_BANDS, "B10")}
    assert bands == expected[FACTS[name][0][1]]


@pytest.mark.parametrize("name", TIMES)
def test_times_are_those_of_bands_or_tags(samples, l2a, name):
    times = [str(t)[:19] for t in reader_of(name).read(str(samples / name), l2a)["time"].values]
    assert (times[0], times[-1]) == TIMES[name]
    assert times == sorted(times)


def test_two_months_of_belgium_are_missing_and_stay_missing(samples, l2a):
    array = stacked().read(str(samples / "sites/be_31ufs_2021/sentinel2_l2a_10m.tif"), l2a)
    empty = [str(t)[:7] for t, v in zip(array["time"].values, array.values, strict=True) if np.isnan(v).all()]
    assert len(empty) == 2


def test_the_place_of_bigearthnet_is_that_of_its_files(samples, l2a):
    array = band_files().read(str(samples / f"{BIG}36_85_"), l2a)
    assert (float(array["x"][0]), float(array["y"][0])) == (643205.0, 5798035.0)
    assert (float(array["x"][-1]), float(array["y"][-1])) == (644395.0, 5796845.0)
    assert str(array["time"].values[0])[:19] == "2017-06-17T11:33:21"


CLEAR = (0.536, 0.678, 0.976, 0.958, 0.961, 0.988, 0.994, 0.995, 0.991, 0.955, 0.979, 0.773)
"""As times.csv has it: the share of vegetation (4) and bare ground (5)."""
CLOUDY = (5, 0, 0, 0, 1, 1, 0, 1, 1, 1, 3, 0)
"""Pixels of 1024 in the classes 8 and 9; none is in 0, 1, 3 or 10."""


def test_the_scene_classification_beside_a_stack_says_where_belgium_is_clear(samples, l2a):
    file, path = "sentinel2_scl_20m.tif", str(samples / "sites/be_31uds_2018/sentinel2_l2a_10m.tif")
    strict = stacked(classes=file, not_clear=[0, 1, 2, 3, 6, 7, 8, 9, 10, 11]).clear(path, l2a)
    assert [round(float(share), 3) for share in strict.mean(("y", "x"))] == list(CLEAR)
    clear = stacked(classes=file).clear(path, l2a)
    # Pixels of 20 m on the grid of 10 m.
    assert clear.shape == (12, 64, 64)
    assert [int(n) for n in (~clear).sum(("y", "x"))] == [4 * n for n in CLOUDY]
    assert np.array_equal(clear["time"], stacked().read(path, l2a)["time"])
    assert stacked().clear(path, l2a) is None


def test_classes_of_another_place_or_time_are_refused(samples, l2a):
    folder = samples / "sites/be_31uds_2018"
    for file, message in (
        ("none.tif", "not found"),
        ("sentinel1_20m.tif", 'band 1 is named "2017-12-04:vv", expected a time'),
    ):
        with pytest.raises(DataError, match=message):
            stacked(classes=file).clear(str(folder / "sentinel2_l2a_10m.tif"), l2a)


def test_the_flood_chips_are_refused_until_level_unit_and_time_are_declared(samples, l1c):
    path = str(samples / f"{FLOODS}ne_S2Hand.tif")
    for options, message in (
        ({}, "nothing says when it was taken"),
        ({"time": "2019-09-17"}, "does not say L2A or L1C"),
        ({"time": "2019-09-17", "level": "l1c"}, "no tag says what its values are"),
    ):
        with pytest.raises(DataError, match=message):
            stacked(**options).read(path, l1c)


def test_a_walk_through_all_samples_finds_each_image_once(samples):
    readers = [safe(), band_files(), stacked(), stac_item()]
    found = {
        path.removeprefix(f"{samples}/"): [r.name for r in knowing] for path, knowing in products(samples, readers)
    }
    assert sorted(found) == sorted(FACTS)
    assert {name: len(names) for name, names in found.items()} == dict.fromkeys(FACTS, 1)


STRANGERS = {
    "landsat8_l1_elkton": "expected names such as NAME_B02",
    "landsat8_l1_elkton/L8-B2-Elkton-VA.tiff": "has one band",
    "sites/be_31uds_2018/landsat8_sr_10m.tif": "Use a reader of Landsat",
    "sites/be_31uds_2018/sentinel1_20m.tif": "vv, .* are not of Sentinel-2",
    "sites/be_31uds_2018/sentinel2_scl_20m.tif": "2017-12-17, .* are not of Sentinel-2",
    "eval/sen1floods11/Spain_7370579ne_S1Hand.tif": "VV, VH are not of Sentinel-2",
    "eval/bigearthnet/S1A_IW_GRDH_1SDV_20170617T064724_29UPU_36_85_VH.tif": "has one band",
    "eval/bigearthnet": "2 images begin so",
    "stacked_gee/98-togo_2019-02-06_2020-02-01.tif": "a mixed stack",
    "eval/m-eurosat/id_1905.hdf5": "not recognized as being in a supported",
    "eval/m-eurosat/band_stats.json": "is no STAC item",
    "sao_tome/worldcover_2021_10m.tif": "has one band",
    "andorra/N42E001.hgt.zip": "expected a folder or zip with MTD_MSIL2A",
}


@pytest.mark.parametrize("name", STRANGERS)
def test_other_products_are_refused_by_every_reader_and_one_says_what_is_wrong(samples, l2a, name):
    said = []
    for reader in (safe(), band_files(), stacked(), stac_item()):
        path = str(samples / name)
        assert not reader.recognises(path)
        with pytest.raises(DataError, match=name.rpartition("/")[2]) as error:
            reader.read(path, l2a)
        said.append(str(error.value))
    with pytest.raises(AssertionError, match=STRANGERS[name]):
        raise AssertionError(" | ".join(said))
