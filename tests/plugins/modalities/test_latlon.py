"""Facts of the place modality."""

from __future__ import annotations

import pytest

from olmoearth_plugins.modalities.latlon import latlon


def test_it_is_two_numbers_per_sample_and_never_read_from_a_tile():
    spec = latlon()
    assert (spec.band_order, spec.kind, spec.parsed, spec.array_shape(8, 8, 12)) == (
        ("lat", "lon"),
        "static",
        False,
        (2,),
    )


@pytest.mark.parametrize(("band", "degrees", "normal"), [("lat", 45, 0.75), ("lon", -90, 0.25)])
def test_degrees_become_0_to_1(band, degrees, normal):
    found = latlon().statistics[band]
    assert (degrees - found.minimum) / (found.maximum - found.minimum) == normal
