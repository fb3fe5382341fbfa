"""Facts of Landsat that files and published weights depend on."""

from __future__ import annotations

import pytest
from olmoearth_landsat.level1 import landsat
from olmoearth_landsat.level2 import landsat_l2


def test_the_panchromatic_band_comes_first_and_is_the_only_one_at_ten_metres():
    spec = landsat()
    assert spec.band_order == ("B8", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B9", "B10", "B11")
    assert [(band_set.meters, len(band_set.bands)) for band_set in spec.band_sets] == [(10, 1), (20, 10)]


@pytest.mark.parametrize(
    ("band", "mean", "std"),
    [("B8", 10132.090998288624, 7788.7282476413675), ("B10", 21347.89356940543, 10957.2815012006)],
)
def test_level_1_is_normalised_by_what_was_measured(band, mean, std):
    found = landsat().statistics[band]
    assert (found.mean, found.std, found.minimum, found.count) == (mean, std, None, 77_512_464_128)
    assert landsat().normalization == "computed"


def test_level_2_separates_reflectance_from_temperature():
    spec = landsat_l2()
    assert [band_set.bands for band_set in spec.band_sets] == [
        ("B1", "B2", "B3", "B4", "B5", "B6", "B7"),
        ("B10", "B11"),
    ]
    assert "K x 10" in spec.units


def test_level_2_pretends_no_measurement():
    parts = landsat_l2().statistics.values()
    assert {(p.mean, p.std, p.count) for p in parts} == {(None, None, 0)}
    assert landsat_l2().normalization == "predefined"


@pytest.mark.parametrize(("digital", "edge"), [(7273, "minimum"), (43636, "maximum")])
def test_level_2_reflectance_has_the_valid_range_of_usgs_in_our_units(digital, edge):
    stored = (digital * 2.75e-5 - 0.2) * 10000
    assert getattr(landsat_l2().statistics["B4"], edge) == pytest.approx(stored, abs=0.5)


def test_level_2_temperature_spreads_a_frosty_and_a_hot_day_over_a_third_of_the_scale():
    found = landsat_l2().statistics["B10"]
    frost, heat = ((kelvin * 10 - found.minimum) / (found.maximum - found.minimum) for kelvin in (268, 305))
    assert 0 < frost < heat < 1
    assert heat - frost > 1 / 3


def test_both_levels_vary_in_space_and_time_and_mark_fill_with_0():
    assert [(s.kind, s.dtype, s.nodata) for s in (landsat(), landsat_l2())] == [("space_time", "uint16", 0)] * 2


def test_the_thermal_bands_are_the_only_ones_beyond_three_micrometres():
    assert [band for band, nm in landsat().wavelengths_nm.items() if nm > 3000] == ["B10", "B11"]
    assert set(landsat().wavelengths_nm) == set(landsat().band_order)
