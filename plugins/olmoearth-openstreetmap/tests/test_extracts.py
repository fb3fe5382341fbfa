"""Which features a made-up extract gives, and which the published layer would have had."""

from __future__ import annotations

import pytest
import shapely
from olmoearth_openstreetmap.pbf import read_features
from olmoearth_openstreetmap.pbf_file import header


def found(path, **options):
    return [(f.category, *f.origin) for f in read_features(path, **options).features]


def test_relations_become_polygons_with_their_inner_rings(town):
    (house,) = [f for f in read_features(town).features if f.origin == ("relation", 1)]
    assert (house.category, house.shape.geom_type, len(house.shape.interiors)) == ("building", "Polygon", 1)
    assert house.shape.area == pytest.approx(0.004 * 0.002 - 0.002 * 0.001, rel=1e-6)
    assert not house.shape.contains(shapely.Point(25.002, 60.001))


def test_every_object_is_found_in_the_order_of_categories_and_numbers(town):
    assert found(town) == [
        ("building", "way", 3), ("building", "relation", 1), ("fountain", "node", 20), ("highway", "way", 4),
        ("leisure", "way", 3), ("water_tower", "node", 21),
    ]  # fmt: skip


def test_what_has_no_shape_is_counted(town):
    expected = {"way that is no closed area": 1, "way without a valid shape": 1}
    assert dict(read_features(town).dropped) == expected


def test_a_line_ends_where_its_nodes_are_missing(town):
    (road,) = [f for f in read_features(town).features if f.category == "highway"]
    assert road.shape.wkt == "LINESTRING (25 60, 25.004 60, 25.01 60)"
    assert dict(road.tags) == {"highway": "residential"}


def test_a_line_with_a_gap_is_two_lines_and_one_in_the_published_layer(extract):
    nodes = {n: (25 + n / 1000, 60.0, {}) for n in (1, 2, 4, 5)}
    path = extract(nodes, {1: ([1, 2, 3, 4, 5], {"highway": "path"})})
    (ours,), (theirs,) = read_features(path).features, read_features(path, published=True).features
    assert (ours.shape.geom_type, len(ours.shape.geoms)) == ("MultiLineString", 2)
    assert (theirs.shape.geom_type, len(theirs.shape.coords)) == ("LineString", 4)


def test_the_published_layer_has_no_relations_and_closes_what_is_open(town):
    assert found(town, published=True) == [
        ("building", "way", 3), ("building", "way", 5), ("fountain", "node", 20), ("highway", "way", 4),
        ("leisure", "way", 3), ("water_tower", "node", 21),
    ]  # fmt: skip


def test_the_misspelt_rule_finds_only_what_is_misspelt(town):
    assert [f for f in found(town, legacy=True) if f[0] == "water_tower"] == [("water_tower", "node", 22)]


def test_boxes_leave_out_what_does_not_touch_them(town):
    assert found(town, boxes=[(25.0055, 60.0, 25.0065, 60.002)]) == [("fountain", "node", 20), ("highway", "way", 4)]
    assert found(town, boxes=[(26.0, 60.0, 26.1, 60.1)]) == []


def test_the_published_layer_forgets_nodes_far_from_boxes(extract):
    nodes = {1: (25.0, 60.0, {}), 2: (25.001, 60.0, {}), 3: (25.5, 60.0, {}), 4: (25.002, 60.0, {})}
    nodes[5] = (25.5, 60.0, {"man_made": "crane"})
    ways = {1: ([1, 2, 3, 4], {"highway": "path"}), 2: ([3, 5], {"man_made": "silo"})}
    path = extract(nodes, ways)
    (road,) = read_features(path, boxes=[(25.0, 60.0, 25.01, 60.01)], published=True).features
    assert road.shape.wkt == "LINESTRING (25 60, 25.001 60, 25.002 60)"


@pytest.mark.parametrize(("tags", "shape"), [({"man_made": "silo"}, "Point"), ({"waterway": "river"}, "LineString")])
def test_a_way_becomes_what_its_rule_says(extract, tags, shape):
    path = extract({1: (25.0, 60.0, {}), 2: (25.002, 60.0, {})}, {1: ([1, 2], tags)})
    (feature,) = read_features(path).features
    assert feature.shape.geom_type == shape
    assert feature.shape.centroid.x == pytest.approx(25.001)


def test_where_node_locations_are_kept_changes_nothing(town):
    assert found(town, locations="disk") == found(town, locations="memory") == found(town)


def test_the_header_tells_the_box(town, extract):
    assert header(town).bounds == (24.999, 59.999, 25.012, 60.003)
    assert header(extract({1: (1, 1, {})}, name="no_box.osm.pbf")).bounds is None
