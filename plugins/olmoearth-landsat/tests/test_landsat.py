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


@pytest.mark.parametrize(
    ("band", "digital", "scale", "offset", "per_unit", "edge"),
    [
        ("B4", 7273, 2.75e-5, -0.2, 10000, "minimum"),
        ("B4", 43636, 2.75e-5, -0.2, 10000, "maximum"),
        ("B10", 1, 0.00341802, 149.0, 10, "minimum"),
        ("B10", 65535, 0.00341802, 149.0, 10, "maximum"),
    ],
)
def test_level_2_ranges_are_the_valid_range_of_usgs_in_our_units(band, digital, scale, offset, per_unit, edge):
    stored = (digital * scale + offset) * per_unit
    assert getattr(landsat_l2().statistics[band], edge) == pytest.approx(stored, rel=1e-4, abs=0.1)


def test_both_levels_vary_in_space_and_time_and_mark_fill_with_0():
    assert [(s.kind, s.dtype, s.nodata) for s in (landsat(), landsat_l2())] == [("space_time", "uint16", 0)] * 2


def test_the_thermal_bands_are_the_only_ones_beyond_three_micrometres():
    assert [band for band, nm in landsat().wavelengths_nm.items() if nm > 3000] == ["B10", "B11"]
    assert set(landsat().wavelengths_nm) == set(landsat().band_order)
