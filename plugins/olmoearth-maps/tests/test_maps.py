"""Facts of the map products that files and published weights depend on."""

from __future__ import annotations

import pytest
from olmoearth_maps.cdl import cdl
from olmoearth_maps.eurocrops import eurocrops
from olmoearth_maps.gse import gse
from olmoearth_maps.worldcereal import worldcereal
from olmoearth_maps.worldpop import worldpop
from olmoearth_maps.wri_canopy_height_map import wri_canopy_height_map

WORLDCEREAL = (
    "tc-annual-temporarycrops-classification",
    "tc-maize-main-irrigation-classification",
    "tc-maize-main-maize-classification",
    "tc-maize-second-irrigation-classification",
    "tc-maize-second-maize-classification",
    "tc-springcereals-springcereals-classification",
    "tc-wintercereals-irrigation-classification",
    "tc-wintercereals-wintercereals-classification",
)


@pytest.mark.parametrize("factory", [cdl, eurocrops, gse, worldcereal, worldpop, wri_canopy_height_map])
def test_a_map_is_one_layer_at_ten_metres_that_does_not_change(factory):
    spec = factory()
    assert (spec.kind, spec.meters, len(spec.band_sets), spec.tile_pixels) == ("space", 10, 1, 256)


@pytest.mark.parametrize(
    ("factory", "bands", "dtype", "mean", "std"),
    [
        (cdl, ("cdl",), "uint8", 100, 50),
        (eurocrops, ("B1",), "uint16", 150, 150),
        (gse, tuple(f"A{i:02}" for i in range(64)), "uint16", 8192, 4096),
        (worldpop, ("B1",), "float32", 150, 100),
        (wri_canopy_height_map, ("B1",), "uint8", 10, 5),
    ],
)
def test_statistics_that_nobody_measured_say_so(factory, bands, dtype, mean, std):
    spec = factory()
    assert (spec.band_order, spec.dtype) == (bands, dtype)
    assert {(p.mean, p.std, p.count) for p in spec.statistics.values()} == {(mean, std, 0)}


def test_worldcereal_has_eight_layers_from_0_to_100():
    spec = worldcereal()
    assert spec.band_order == WORLDCEREAL
    assert {(p.minimum, p.maximum, p.mean) for p in spec.statistics.values()} == {(0, 100, None)}
    assert (spec.normalization, spec.dtype) == ("predefined", "float32")
