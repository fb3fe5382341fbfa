"""What a tile looks like by each of the two sets of rules."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from olmoearth_openstreetmap.categories import CATEGORIES
from olmoearth_openstreetmap.draw import rasterise
from olmoearth_openstreetmap.feature import Feature

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError

CELL = Cell("EPSG:32610", 16, 248, -2176)
LEFT, TOP = CELL.top_left


def at(*places):
    """Metres of places given in pixels right and down of the cell's corner."""
    return [(LEFT + x * 2.5, TOP - y * 2.5) for x, y in places]


def drawn(category, shape, rules="reference", **tags):
    return rasterise([Feature(category, shape, tags)], CELL, rules=rules)[CATEGORIES.index(category)]


def pixels(mask):
    return [(int(row), int(col)) for row, col in np.argwhere(mask)]


def test_a_lighthouse_lies_in_channel_14_at_its_pixel():
    (place,) = at((10.4, 20.4))
    channels = rasterise([Feature("lighthouse", shapely.Point(place))], CELL, rules="reference")
    assert (channels.shape, channels.dtype) == ((30, 1024, 1024), np.uint8)
    assert [tuple(map(int, p)) for p in np.argwhere(channels)] == [(14, 20, 10)]


def test_a_tile_without_features_is_zero():
    assert not rasterise([], CELL).any()
    assert not rasterise([], CELL, rules="reference").any()


def test_an_unknown_category_is_passed_over():
    assert not rasterise([Feature("castle", shapely.Point(at((5, 5))[0]))], CELL).any()


def test_the_reference_cuts_toward_zero_and_default_rules_do_not():
    (place,) = at((-0.9, -0.9))
    assert pixels(drawn("flagpole", shapely.Point(place))) == [(0, 0)]
    (far,) = at((-3.1, -3.1))
    assert not drawn("flagpole", shapely.Point(far)).any()
    assert not drawn("flagpole", shapely.Point(far), "default").any()


def test_parts_of_collections_are_drawn_one_by_one():
    points = at((3.5, 2.5), (7.5, 8.5))
    both = [(2, 3), (8, 7)]
    assert pixels(drawn("crane", shapely.MultiPoint(points))) == both
    assert pixels(drawn("crane", shapely.GeometryCollection([shapely.Point(p) for p in points]))) == both
    lines = shapely.MultiLineString([at((1, 1), (3, 1)), at((1, 4), (1, 5))])
    assert pixels(drawn("river", lines)) == [(1, 1), (1, 2), (1, 3), (4, 1), (5, 1)]


def test_features_overlap_to_one():
    square = shapely.Polygon(at((2, 2), (6, 2), (6, 5), (2, 5)))
    channels = rasterise([Feature("building", square), Feature("building", square)], CELL, rules="reference")
    assert (channels.sum(), channels.max()) == (20, 1)


def test_a_hole_is_drawn_over_by_another_feature():
    square = shapely.Polygon(at((0, 0), (10, 0), (10, 10), (0, 10)), [at((3, 3), (6, 3), (6, 6), (3, 6))])
    inside = shapely.Polygon(at((4, 4), (5, 4), (5, 5), (4, 5)))
    features = [Feature("building", inside), Feature("building", square)]
    assert rasterise(features, CELL, rules="reference").sum() == 105 + 4


def test_default_rules_draw_every_pixel_that_is_touched():
    square = shapely.Polygon(at((2.9, 2.9), (6.1, 2.9), (6.1, 5.1), (2.9, 5.1)))
    assert pixels(drawn("building", square, "default")) == [(r, c) for r in range(2, 6) for c in range(2, 7)]


def test_default_rules_keep_inner_rings_open():
    ring = shapely.Polygon(at((0, 0), (40, 0), (40, 40), (0, 40)), [at((10, 10), (30, 10), (30, 30), (10, 30))])
    assert not drawn("building", ring, "default")[12:28, 12:28].any()


@pytest.mark.parametrize(("category", "tags", "metres"), [("runway", {}, 45), ("highway", {"highway": "motorway"}, 15)])
def test_default_lines_are_as_wide_as_the_table_says(category, tags, metres):
    mask = drawn(category, shapely.LineString(at((100.5, 500.5), (900.5, 500.5))), "default", **tags)
    rows = int(mask[:, 400].sum())
    assert metres / 2.5 <= rows <= metres / 2.5 + 2


@settings(max_examples=25, deadline=None)
@given(st.floats(20, 1000), st.floats(20, 1000))
def test_a_default_point_is_seen_in_a_sample_of_every_fourth_pixel(x, y):
    mask = drawn("fountain", shapely.Point(at((x, y))[0]), "default")
    assert mask[::4, ::4].any()


def test_other_rules_are_refused_by_name():
    with pytest.raises(DataError, match='found "best", expected one of default, reference'):
        rasterise([Feature("river", shapely.Point(0, 0))], CELL, rules="best")


corner = st.tuples(st.integers(-30, 60), st.integers(-30, 60)).map(lambda p: (p[0] / 2, p[1] / 2))
ring = st.lists(corner, min_size=3, max_size=7)
shapes = st.one_of(
    st.lists(corner, min_size=2, max_size=5).map(lambda line: shapely.LineString(at(*line))),
    st.tuples(ring, st.lists(ring, max_size=2)).map(
        lambda rings: shapely.Polygon(at(*rings[0]), [at(*hole) for hole in rings[1]])
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(shapes, max_size=4))
def test_crossed_flat_and_crooked_shapes_are_drawn_by_both_rules(given_):
    features = [Feature("building", shape) for shape in (*given_, shapely.GeometryCollection(given_))]
    for rules in ("default", "reference"):
        mask = rasterise(features, CELL, rules=rules)[CATEGORIES.index("building")]
        assert not mask[70:].any()
        assert not mask[:, 70:].any()
        np.testing.assert_array_equal(mask, drawn("building", shapely.GeometryCollection(given_[::-1]), rules))
