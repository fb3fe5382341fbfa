"""Stacks: units are said or declared, never told from values; names of bands say band and time."""

import numpy as np
import pytest
from olmoearth_landsat.stacked import stacked

from olmoearth_core.errors import ConfigError, DataError

NAMES = ("2018-02-07:B4", "2018-02-07:B10", "2018-06:B4", "2018-06:B10")
UNITS = "surface reflectance x 10000 (B1-B7), brightness temperature K x 10 (B10, B11)"


@pytest.fixture
def stack(raster, tmp_path):
    """Write [n, h, w] and return the path."""

    def made(values, names=NAMES, name="landsat8.tif", **tags):
        raster(tmp_path / name, np.asarray(values, np.int16), names=names, tags=tags)
        return str(tmp_path / name)

    return made


def four(*values):
    return np.array(values, np.int16)[:, None, None] * np.ones((4, 2, 3), np.int16)


def test_bands_and_times_are_those_of_the_names(stack, l2):
    array = stacked().read(stack(four(500, 2900, 700, 3000), units=UNITS), l2)
    assert array["band"].values.tolist() == ["B4", "B10"]
    assert [str(t)[:10] for t in array["time"].values] == ["2018-02-07", "2018-06-01"]
    assert array.values[:, :, 0, 0].tolist() == [[500, 2900], [700, 3000]]


def test_what_tags_do_not_say_must_be_declared_and_decides_the_level(stack, l1, l2):
    path = stack(four(14012, 20012, 14012, 20012))
    with pytest.raises(DataError, match=r"does not say what its values are\. Declare units ="):
        stacked().read(path, l2)
    rescaled = stacked(units="usgs_level2").read(path, l2).values[0, :, 0, 0]
    assert rescaled.tolist() == pytest.approx([1853.3, 2174.0142], abs=0.01)
    assert stacked(units="digital_number").read(path, l1).values[0, :, 0, 0].tolist() == [14012, 20012]
    assert stacked(units="digital_number").modalities == ("landsat",)


@pytest.mark.parametrize("fill", [0, -999, -9999, -32768])
def test_what_makers_write_for_nothing_is_nothing_and_other_negatives_are_one(stack, l2, fill):
    values = four(500, 2900, 700, 3000)
    values[0, 0, :2] = [fill, -20]
    found = stacked().read(stack(values, units=UNITS), l2).values[0, 0, 0]
    assert np.array_equal(found, [np.nan, 1, 500], equal_nan=True)


def test_a_quality_band_says_where_it_is_clear(raster, tmp_path, l2):
    values = np.stack([np.full((1, 3), 500), [[21824, 22280, 1]]]).astype(np.uint16)
    raster(tmp_path / "LC08.tif", values, names=("2018-02-07:SR_B4", "2018-02-07:QA_PIXEL"), tags={"units": UNITS})
    assert stacked().clear(str(tmp_path / "LC08.tif"), l2).values[0, 0].tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("2018-02-07:B4", "2018-02-07:B4", "a", "b"), r"bands a, b are not of Landsat"),
        (("2018-02-07:B4", "2018-02-07:SR_B4", "2018-06:B4", "2018-06:B10"), r"SR_B4 occurs twice"),
        (("2018-02-31:B4", "2018-02-31:B10", "2018-06:B4", "2018-06:B10"), r'"2018-02-31" in the names .*is no date'),
        (("B4", "B10", "B5", "B11"), r"nothing says when it was taken"),
        (("2018-02-07:B4", "2018-02-07:B10", "2018-06:B4", "2018-06:B5"), r"Ask for bands that all times have"),
    ],
)
def test_names_that_do_not_fit_are_refused_with_the_file(stack, l2, names, message):
    path = stack(four(500, 2900, 700, 3000), names, units=UNITS)
    with pytest.raises(DataError, match=message) as error:
        stacked().read(path, l2)
    assert path in str(error.value)


def test_bands_without_names_are_named_by_the_user(stack, l2):
    path = stack(four(500, 2900, 700, 3000), ("",) * 4, units=UNITS)
    with pytest.raises(DataError, match=r"its 4 bands have no names\. Declare them in order"):
        stacked().read(path, l2)
    with pytest.raises(DataError, match=r"has 4 bands, but bands = names 2"):
        stacked(bands=["B4", "B5"], units="reflectance_x10000_and_kelvin_x10").read(path, l2)
    declared = stacked(
        bands=["B4", "B5", "B6", "B10"], time="2018-02-07", units="reflectance_x10000_and_kelvin_x10"
    ).read(path, l2)
    assert declared.values[0, :, 0, 0].tolist() == [500, 2900, 700, 3000]


def test_a_stack_of_nothing_that_says_landsat_must_be_declared(stack, l2):
    path = stack(four(500, 2900, 700, 3000), name="scene.tif", units=UNITS)
    assert not stacked().recognises(path)
    with pytest.raises(DataError, match=r"neither its name nor a tag says Landsat"):
        stacked().read(path, l2)


def test_options_are_checked_when_it_is_made():
    with pytest.raises(ConfigError, match=r'units = "dn": expected one of'):
        stacked(units="dn")
    with pytest.raises(ConfigError, match=r"bands = 'B4': expected a list"):
        stacked(bands="B4")
