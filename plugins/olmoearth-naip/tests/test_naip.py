"""Facts of aerial imagery that files and published weights depend on."""

from __future__ import annotations

from olmoearth_naip.native import naip
from olmoearth_naip.on_10m_grid import naip_10


def test_the_same_bands_and_statistics_serve_both_grids():
    assert naip().band_order == naip_10().band_order == ("R", "G", "B", "IR")
    assert naip().statistics == naip_10().statistics
    assert (naip().statistics["R"].mean, naip().statistics["IR"].std) == (102.38483102526445, 55.60295757894139)


def test_on_its_own_grid_a_tile_is_160_metres_wide():
    spec = naip()
    assert (spec.kind, spec.meters * spec.tile_pixels) == ("space", 160)


def test_on_the_10_metre_grid_it_has_four_by_four_pixels_in_each_pixel():
    spec = naip_10()
    assert (spec.kind, spec.tile_pixels, spec.stored_pixels(spec.band_sets[0])) == ("space", 1024, 4096)
    assert spec.array_shape(128, 128, 12) == (512, 512, 1, 4)
