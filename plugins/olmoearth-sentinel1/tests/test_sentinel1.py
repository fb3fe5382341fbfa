"""Facts of Sentinel-1 that files and published weights depend on."""

from __future__ import annotations

import pytest
from olmoearth_sentinel1.modality import sentinel1


def test_it_is_stored_as_power_and_used_in_decibels():
    spec = sentinel1()
    assert (spec.storage, spec.dtype, spec.nodata) == ("power_to_db", "float32", -32768)
    assert spec.units.startswith("dB in H5")


def test_it_has_two_polarisations_at_ten_metres_that_vary_in_space_and_time():
    spec = sentinel1()
    assert (spec.band_order, spec.kind, spec.meters) == (("vv", "vh"), "space_time", 10)


def test_one_nodata_pixel_removes_it_from_a_sample():
    assert set(sentinel1().drop_rules) == {"any_nan", "any_nodata"}


@pytest.mark.parametrize(("band", "decibels", "normal"), [("vv", -10, 0.538029), ("vh", -15, 0.56718291)])
def test_two_standard_deviations_around_the_mean_become_0_to_1(band, decibels, normal):
    found = sentinel1().statistics[band]
    assert (decibels - found.mean) / (4 * found.std) + 0.5 == pytest.approx(normal, abs=1e-6)
    assert (found.minimum, found.maximum, found.count) == (-50, 0, 77_754_283_008)
