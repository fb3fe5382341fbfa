"""Rules that hold for every number, and what names say."""

import numpy as np
import pytest
from olmoearth_sentinel2.band_names import band, level
from olmoearth_sentinel2.reflectance import as_offset, conversion, harmonised

from olmoearth_core.errors import DataError
from olmoearth_core.readers.times import moment


def test_every_digital_number_is_harmonised_as_the_specification_says():
    numbers = np.arange(1, 65536)
    expected = np.maximum(numbers, 1000) - 1000
    expected[expected == 0] = 1
    assert np.array_equal(harmonised(numbers.astype(np.float32)), expected)
    assert np.isnan(harmonised(np.array([np.nan], np.float32))).all()
    assert conversion(0) is None


@pytest.mark.parametrize(("declared", "offset"), [(0, 0), (-1000, -1000), (-0.1, -1000), (-0.0, 0)])
def test_offsets_are_understood_as_reflectance_and_as_digital_numbers(declared, offset):
    assert as_offset("x", declared) == offset


@pytest.mark.parametrize("declared", [0.1, 1000, -999, -1, float("nan"), float("inf")])
def test_other_offsets_are_refused(declared):
    with pytest.raises(DataError, match="expected 0 or -1000"):
        as_offset("x", declared)


@pytest.mark.parametrize(
    ("text", "name"),
    [("B2", "B02"), ("b02", "B02"), ("B8A", "B8A"), ("B08A", "B8A"), ("B12", "B12"), ("B13", None), ("B0", None)],
)
def test_bands_have_one_name(text, name):
    assert band(text) == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("S2A_MSIL2A_20170617T113321_36_85_", "l2a"),
        ("S2B_MSIL1C_20170617T113321", "l1c"),
        ("sentinel2_l2a_10m.tif", "l2a"),
        ("S2MSI1C sentinel-2-l1c", "l1c"),
        ("l1c and l2a", None),
        ("Spain_S2Hand", None),
        ("all2all", None),
    ],
)
def test_levels_are_told_from_names_that_say_one(text, said):
    assert level(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("S2A_MSIL2A_20170617T113321_N9999_R080_20200101T000000", "2017-06-17T11:33:21"),
        ("S2A_31UFS_20220601_0_L2A", "2022-06-01T00:00:00"),
        ("tile-2022-06-01.", "2022-06-01T00:00:00"),
        ("T20991399_20220601", "2022-06-01T00:00:00"),
        ("B02 36_85", None),
    ],
)
def test_the_first_date_of_a_name_is_its_time(text, said):
    found = moment(text)
    assert (found and found.isoformat()[:19]) == said
