"""Facts of the real extracts of Helsinki (one square kilometre) and Andorra.

Numbers of the published layer are those of the program that made it, run on the same files and boxes.
"""

from __future__ import annotations

from collections import Counter

import pytest
import shapely
from olmoearth_openstreetmap.categories import CATEGORIES
from olmoearth_openstreetmap.draw import rasterise
from olmoearth_openstreetmap.pbf import read_features
from olmoearth_openstreetmap.pbf_file import header, objects
from olmoearth_openstreetmap.projected import projected
from olmoearth_openstreetmap.select_places import draw_places, find_cells
from olmoearth_openstreetmap.shapes import area_shape

from olmoearth_core.convert.grid import Cell

CENTRE = Cell("EPSG:32635", 16, 150, -2607)
UNIVERSITY, PARK, LAKE = ("relation", 1320784), ("relation", 6627217), 2679449


def counts(extract):
    return Counter((f.category, f.origin[0]) for f in extract.features)


def test_helsinki_has_its_features(helsinki):
    extract = read_features(helsinki)
    assert header(helsinki).bounds == (24.9351762, 60.164155, 24.9534145, 60.179113)
    assert counts(extract) == {
        ("building", "way"): 385, ("building", "relation"): 61, ("highway", "way"): 2577, ("flagpole", "node"): 63,
        ("fountain", "node"): 8, ("leisure", "way"): 25, ("leisure", "relation"): 1, ("parking", "way"): 26,
        ("power_substation", "way"): 1,
    }  # fmt: skip
    assert dict(extract.dropped) == {
        "relation that is no closed area": 6, "way that is no closed area": 58, "way without a valid shape": 73,
    }  # fmt: skip


def test_andorra_has_its_features(andorra):
    assert counts(read_features(andorra)) == {
        ("aerialway_pylon", "node"): 29, ("building", "way"): 292, ("fountain", "node"): 1, ("helipad", "way"): 1,
        ("highway", "way"): 1615, ("leisure", "way"): 32, ("parking", "way"): 71, ("power_tower", "node"): 880,
        ("river", "way"): 20,
    }  # fmt: skip


def test_the_university_has_two_courtyards_and_the_park_one_clearing(helsinki):
    by_origin = {f.origin: f for f in read_features(helsinki).features}
    university, park = by_origin[UNIVERSITY], by_origin[PARK]
    assert (university.category, dict(university.tags), len(university.shape.interiors)) == (
        "building", {"building": "university"}, 2,
    )  # fmt: skip
    assert (park.category, dict(park.tags), len(park.shape.interiors)) == ("leisure", {"leisure": "park"}, 1)
    assert not park.shape.contains(shapely.Point(24.94580, 60.17416))


def test_a_lake_of_andorra_has_four_islands(andorra):
    (lake,) = [
        (dict((t.k, t.v) for t in area.tags)["name"], area_shape(area))
        for area in objects(andorra, areas=True)
        if area.is_area() and not area.from_way() and area.orig_id() == LAKE
    ]
    assert (lake[0], lake[1].geom_type, len(lake[1].interiors)) == ("Estany de l'Illa", "Polygon", 4)
    assert not lake[1].contains(shapely.Point(1.658811, 42.499287))
    assert lake[1].contains(shapely.Point(1.658375, 42.497890))


@pytest.mark.parametrize(
    ("box", "number", "dropped"),
    [((1.50, 42.49, 1.53, 42.52), 1366, 7), ((1.0, 42.0, 2.0, 43.0), 2709, 1)],
)
def test_the_published_layer_is_that_of_the_original(andorra, box, number, dropped):
    extract = read_features(andorra, boxes=[box], published=True, legacy=True)
    assert (len(extract.features), sum(extract.dropped.values())) == (number, dropped)


def test_the_published_layer_of_helsinki_lacks_its_relations(helsinki):
    boxes = [(24.93, 60.165, 24.94, 60.17), (24.945, 60.17, 24.947, 60.175)]
    extract = read_features(helsinki, boxes=boxes, published=True)
    assert (len(extract.features), sum(extract.dropped.values())) == (3118, 98)
    assert {f.origin[0] for f in extract.features} == {"node", "way"}


@pytest.fixture
def centre(helsinki):
    return projected(read_features(helsinki).features, CENTRE.crs).of(CENTRE)


def drawn(features, rules):
    channels = rasterise(features, CENTRE, rules=rules)
    return {name: channels[i] for i, name in enumerate(CATEGORIES) if channels[i].any()}


def test_the_middle_of_helsinki_drawn_as_the_reference_does(centre):
    # Equal to the reference's rasteriser, pixel by pixel, for this tile and 75 of Andorra.
    channels = drawn(centre, "reference")
    assert {name: int(mask.sum()) for name, mask in channels.items()} == {
        "building": 85539, "flagpole": 62, "fountain": 8, "highway": 37293, "leisure": 32424, "parking": 1549,
        "power_substation": 6,
    }  # fmt: skip
    assert channels["building"][[739, 749, 757], [903, 904, 903]].tolist() == [0, 1, 0]
    assert channels["fountain"][[676, 559, 493], [899, 767, 814]].tolist() == [1, 1, 1]


def test_samples_see_the_fountains_of_helsinki_only_by_the_default_rules(centre):
    seen = {rules: drawn(centre, rules)["fountain"][::4, ::4] for rules in ("reference", "default")}
    assert (seen["reference"].sum(), seen["default"].sum()) == (0, 14)


def test_places_are_found_in_each_category_of_andorra(andorra):
    cells = find_cells(andorra)
    sizes = {name: len(listed) for name, listed in cells.items() if listed}
    assert (len(cells), len(sizes), sizes["power_tower"], sizes["natural_peak"], sizes["hospital"]) == (
        118, 30, 840, 106, 7,
    )  # fmt: skip
    places = draw_places(cells, per_category=100)
    assert len(places) == len(set(places)) == 431
