"""The files of the vector layer: what is written is read back, and what is malformed is refused by name."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from olmoearth_openstreetmap.categories import CATEGORIES
from olmoearth_openstreetmap.draw import rasterise
from olmoearth_openstreetmap.feature import Feature
from olmoearth_openstreetmap.vector_tile import cell_named, read_vector_tile, write_vector_tile

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError

CELL = Cell("EPSG:32635", 16, 150, -2607)
NAME = "EPSG:32635_150_-2607_10.geojson"
RING = [(0.0, 0.0), (9.5, 0.0), (9.5, 9.25), (0.0, 0.0)]
SHAPES = [
    shapely.Point(1.5, 2.5), shapely.MultiPoint([(1, 2), (3, 4.5)]), shapely.LineString([(0, 0), (5, 5.125)]),
    shapely.MultiLineString([[(0, 0), (1, 1)], [(2, 2), (3, 3)]]), shapely.Polygon(RING),
    shapely.Polygon([(0, 0), (30, 0), (30, 30)], [[(20, 5), (25, 5), (25, 9)]]),
    shapely.MultiPolygon([shapely.Polygon(RING)]), shapely.GeometryCollection([shapely.Point(0, 1)]),
]  # fmt: skip


def collection(*features):
    return {"type": "FeatureCollection", "features": list(features)}


def feature(geometry, category="building"):
    return {"type": "Feature", "properties": {"category": category}, "geometry": geometry}


def nested(depth):
    geometry = {"type": "Point", "coordinates": [0, 0]}
    for _ in range(depth):
        geometry = {"type": "GeometryCollection", "geometries": [geometry]}
    return collection(feature(geometry))


def written(tmp_path, content):
    path = tmp_path / NAME
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_every_kind_of_shape_survives_a_round_trip(tmp_path):
    given_ = [Feature("building", shape, {"building": "yes"}) for shape in SHAPES]
    path = write_vector_tile(tmp_path / NAME, CELL, given_)
    read = read_vector_tile(path).features
    assert [f.shape.wkt for f in read] == [shape.wkt for shape in SHAPES]
    assert [(f.category, dict(f.tags)) for f in read] == [("building", {"building": "yes"})] * len(SHAPES)
    assert [p.name for p in tmp_path.iterdir()] == [NAME]


def test_a_tile_names_its_crs_and_an_empty_one_falls_back_to_wgs84(tmp_path):
    for features, expected in (([Feature("river", SHAPES[2])], "UTM zone 35N"), ([], "WGS 84")):
        path = write_vector_tile(tmp_path / NAME, CELL, features)
        name = json.loads(path.read_text())["crs"]["properties"]["name"]
        assert expected in name
        assert name.startswith("PROJCS" if features else "GEOGCS")


def test_an_empty_tile_is_zero_in_the_crs_of_its_name(tmp_path):
    path = write_vector_tile(tmp_path / NAME, CELL, [])
    assert cell_named(path) == CELL
    assert not rasterise(read_vector_tile(path).features, CELL).any()


def test_whole_coordinates_are_cast(tmp_path):
    left, top = (int(edge) for edge in CELL.top_left)
    path = written(tmp_path, collection(feature({"type": "Point", "coordinates": [left + 25, top - 50]}, "crane")))
    channels = rasterise(read_vector_tile(path).features, CELL, rules="reference")
    assert [tuple(map(int, p)) for p in np.argwhere(channels)] == [(CATEGORIES.index("crane"), 20, 10)]


def test_heights_are_dropped_and_unknown_categories_counted_before_their_shape_is_looked_at(tmp_path):
    high = feature({"type": "Point", "coordinates": [1.0, 2.0, 300.0]})
    tile = read_vector_tile(
        written(tmp_path, collection(high, feature({"type": "Blob"}, "castle"), feature(None, None)))
    )
    assert ([f.shape.wkt for f in tile.features], tile.unknown) == (["POINT (1 2)"], 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is no JSON"),
        ('{"type": "FeatureCollection", "features": [', "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ('{"type": "Feature"}', "'Feature', expected a \"FeatureCollection\""),
        ("[1, 2]", "expected a \"FeatureCollection\""),
        ('{"type": "FeatureCollection", "features": {}}', "FeatureCollection"),
        (collection(7), "feature 0: is no feature"),
        (collection(feature({"type": "Circle", "coordinates": [0, 0]})), "feature 0: its geometry is 'Circle'"),
        (collection(feature(None)), "feature 0: its geometry is 'None'"),
        (collection(feature({"type": "Point", "coordinates": [1e300, 0]})), "feature 0: its Point cannot be read"),
        (collection(feature({"type": "Point", "coordinates": [1]})), "feature 0: its Point cannot be read"),
        (collection(feature({"type": "Point", "coordinates": ["1", "2"]})), "'1' is no coordinate"),
        (collection(feature({"type": "Point", "coordinates": [True, 2]})), "True is no coordinate"),
        (collection(feature({"type": "Point", "coordinates": [10**400, 2]})), "feature 0: its Point cannot be read"),
        (collection(feature({"type": "LineString", "coordinates": [[0, 0]]})), "feature 0: its LineString"),
        (collection(feature({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]})), "feature 0: its Polygon"),
        (collection(feature({"type": "Polygon", "coordinates": []})), "feature 0: its Polygon"),
        (collection(feature({"type": "GeometryCollection", "geometries": [{"type": "X"}]})), "geometry is 'X'"),
        (collection(feature({"type": "Polygon", "coordinates": [[]]})), "it has no coordinates"),
        (nested(17), "collections are nested more than 16 deep"),
        (nested(400), "collections are nested more than 16 deep"),
        ('{"type": "FeatureCollection", "features": [NaN]}', "NaN is no number"),
        ('{"type": "FeatureCollection", "features": [-Infinity]}', "-Infinity is no number"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused_by_name(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(DataError) as refusal:
        read_vector_tile(path)
    assert NAME in str(refusal.value)
    assert message in str(refusal.value)


def test_rings_that_are_not_closed_are_closed(tmp_path):
    left, top = CELL.top_left
    corners = [[left + x * 2.5, top - y * 2.5] for x, y in ((2, 2), (6, 2), (6, 5), (2, 5))]
    tile = read_vector_tile(written(tmp_path, collection(feature({"type": "Polygon", "coordinates": [corners]}))))
    assert rasterise(tile.features, CELL, rules="reference").sum() == 20


def test_a_folder_that_cannot_be_written_is_refused_by_name(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"_10\.geojson: cannot be written"):
        write_vector_tile(tmp_path / "file" / NAME, CELL, [])


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.geojson: cannot be opened"):
        read_vector_tile(tmp_path / "nowhere.geojson")


@pytest.mark.parametrize("name", ["EPSG:4326_1_2_10.geojson", "EPSG:32635_1_2_2.5.geojson", "../x.geojson", "a.json"])
def test_only_names_of_tiles_tell_a_cell(name):
    assert cell_named(name) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["type", "coordinates"]), inner),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["Point", "LineString", "MultiPoint", "Polygon", "MultiPolygon", "MultiLineString"]), json_values
)
def test_any_coordinates_are_read_or_refused(tmp_path_factory, kind, coordinates):
    path = tmp_path_factory.getbasetemp() / NAME
    path.write_text(json.dumps(collection(feature({"type": kind, "coordinates": coordinates}))))
    with contextlib.suppress(DataError):
        features = read_vector_tile(path).features
        rasterise(features, CELL, rules="reference")
        rasterise(features, CELL, rules="default")
