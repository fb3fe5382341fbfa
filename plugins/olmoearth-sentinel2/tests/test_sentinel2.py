"""Facts of Sentinel-2 that files and published weights depend on."""

from __future__ import annotations

import pytest
from olmoearth_sentinel2.l1c import sentinel2
from olmoearth_sentinel2.l2a import sentinel2_l2a

L2A = ("B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12", "B01", "B09")
ALL_1000 = (
    0.47459364, 0.44099601, 0.42631771, 0.22779126, 0.37305906, 0.27132029,
    0.23444564, 0.20745648, 0.22896263, 0.32802615, 0.48519079, 0.28595465,
)  # fmt: skip


def test_channels_are_the_10_20_and_60_metre_bands_in_this_order():
    assert sentinel2_l2a().band_order == L2A
    assert sentinel2_l2a().band_indices == ((0, 1, 2, 3), (4, 5, 6, 7, 8, 9), (10, 11))


def test_level_1c_has_the_cirrus_band_at_the_end():
    assert sentinel2().band_order == (*L2A, "B10")
    assert sentinel2().band_indices == ((0, 1, 2, 3), (4, 5, 6, 7, 8, 9), (10, 11, 12))


def test_the_60_metre_bands_are_stored_at_40():
    assert [band_set.meters for band_set in sentinel2_l2a().band_sets] == [10, 20, 40]
    assert [band_set.meters for band_set in sentinel2().band_sets] == [10, 20, 40]


def test_it_varies_in_space_and_time_and_is_stored_as_unsigned_integers():
    assert [(s.kind, s.dtype, s.nodata) for s in (sentinel2_l2a(), sentinel2())] == [("space_time", "uint16", 0)] * 2


def test_a_reflectance_of_0_1_normalises_to_the_published_numbers():
    spec = sentinel2_l2a()
    parts = [spec.statistics[band] for band in spec.band_order]
    assert [(1000 - p.mean) / (4 * p.std) + 0.5 for p in parts] == pytest.approx(ALL_1000, abs=1e-7)
    assert {p.count for p in parts} == {80_759_239_680}


def test_both_levels_can_be_divided_by_10000_and_level_1c_only_so():
    assert {(p.minimum, p.maximum) for s in (sentinel2_l2a(), sentinel2()) for p in s.statistics.values()} == {
        (0, 10000)
    }
    assert (sentinel2_l2a().normalization, sentinel2().normalization) == ("computed", "predefined")
    assert {p.mean for p in sentinel2().statistics.values()} == {None}


def test_wavelengths_rise_with_the_band_number_and_there_is_one_per_band():
    spec = sentinel2()
    assert set(spec.wavelengths_nm) == set(spec.band_order)
    names = sorted(spec.band_order, key=lambda band: 8.5 if band == "B8A" else int(band[1:]))
    assert [spec.wavelengths_nm[band] for band in names] == sorted(spec.wavelengths_nm.values())
