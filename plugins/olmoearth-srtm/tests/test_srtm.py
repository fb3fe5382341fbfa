"""Facts of elevation that files and published weights depend on."""

from __future__ import annotations

import pytest
from olmoearth_srtm.modality import srtm


def test_it_is_one_static_layer_of_whole_metres():
    spec = srtm()
    assert (spec.band_order, spec.kind, spec.dtype, spec.units) == (("srtm",), "space", "int32", "metres")


def test_its_name_for_a_void_is_that_of_the_product():
    assert srtm().nodata == -32768
    assert srtm().resampling == "nearest"


@pytest.mark.parametrize(("meters", "normal"), [(677.0219719644446, 0.5), (-32768, -7.918738)])
def test_elevation_is_scaled_without_clipping(meters, normal):
    found = srtm().statistics["srtm"]
    assert (meters - found.mean) / (4 * found.std) + 0.5 == pytest.approx(normal, abs=1e-6)
    assert (found.minimum, found.maximum, found.count) == (0, 8000, 6_703_263_488)
