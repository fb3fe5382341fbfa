"""Facts of the map layers that files and published weights depend on."""

from __future__ import annotations

from olmoearth_openstreetmap.categories import CATEGORIES
from olmoearth_openstreetmap.raster import openstreetmap_raster
from olmoearth_openstreetmap.vector import openstreetmap


def test_there_are_thirty_categories_in_alphabetical_order():
    assert len(CATEGORIES) == 30
    assert list(CATEGORIES) == sorted(CATEGORIES)
    assert (CATEGORIES[4], CATEGORIES[12], CATEGORIES[14], CATEGORIES[29]) == (
        "building",
        "highway",
        "lighthouse",
        "works",
    )


def test_a_tile_is_drawn_at_2_5_metres_and_used_at_10():
    spec = openstreetmap_raster()
    assert (spec.band_sets[0].meters, spec.stored_pixels(spec.band_sets[0]), spec.tile_pixels) == (2.5, 1024, 256)


def test_an_empty_tile_is_dropped():
    assert "all_zero" in openstreetmap_raster().drop_rules


def test_the_raster_is_0_or_1_and_stays_so():
    spec = openstreetmap_raster()
    assert (spec.dtype, spec.units, spec.normalization) == ("uint8", "0/1", "predefined")
    assert {(p.minimum, p.maximum, p.mean) for p in spec.statistics.values()} == {(0, 1, None)}


def test_the_vector_layer_can_be_neither_parsed_nor_normalised():
    spec = openstreetmap()
    assert (spec.parsed, dict(spec.statistics), spec.band_order) == (False, {}, CATEGORIES)
