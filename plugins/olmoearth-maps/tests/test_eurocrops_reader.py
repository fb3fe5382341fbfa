"""Fields to pixels: ids by the list's order, centres, holes, later fields over earlier ones, and broken GeoJSON."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from olmoearth_maps.eurocrops import eurocrops
from olmoearth_maps.eurocrops_reader import eurocrops_geojson
from olmoearth_maps.hcat import flat_ids

from olmoearth_core.errors import DataError
from olmoearth_core.readers.contract import check

UTM = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}
CODES = [3_000_000_000, *(3_300_000_000 + 1000 * i for i in range(382)), 3_399_000_000]


@pytest.fixture
def hcat(tmp_path):
    """A list of the right length and ends; the codes between are made up."""
    path = tmp_path / "hcat.csv"
    path.write_text("HCAT3_name,HCAT3_code\n" + "".join(f"crop_{i},{code}\n" for i, code in enumerate(CODES)))
    return str(path)


def box(left, bottom, right, top):
    return [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]


def field(code, *rings, kind="Polygon"):
    coordinates = list(rings) if kind == "Polygon" else [[ring] for ring in rings]
    return {
        "type": "Feature",
        "properties": {"EC_hcat_c": code},
        "geometry": {"type": kind, "coordinates": coordinates},
    }


def write(path, *features, **members):
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features), **members}))
    return str(path)


def burnt(path, hcat, **options):
    return eurocrops_geojson(hcat=hcat, **options).read(path, eurocrops())


def test_pixels_have_the_id_of_the_last_field_over_their_centre(tmp_path, hcat):
    path = write(
        tmp_path / "be_2021.geojson",
        field("3000000000", box(500000, 5000000, 500040, 5000030), box(500010, 5000010, 500020, 5000020)),
        field(3399000000, box(500024, 5000000, 500036, 5000010)),
        crs=UTM,
    )
    array = burnt(path, hcat)
    assert eurocrops_geojson().recognises(path)
    # The second field reaches from x = 24 to 36: over the centres at 25 and 35.
    assert array.values[0, 0].tolist() == [[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 384, 384]]
    assert (float(array.x[0]), float(array.y[0]), array.rio.crs.to_string()) == (500005, 5000025, "EPSG:32631")
    assert (array.attrs["quantity"], array.time.values[0]) == ("class_code", np.datetime64("2021-01-01"))
    assert array[0, 0, 2, 1:4].values.tolist() == [1, 384, 384]
    check(array, eurocrops())


def test_degrees_go_to_the_zone_of_their_middle(tmp_path, hcat):
    path = write(tmp_path / "be_2021.geojson", field("3000000000", box(3.0, 50.0, 3.001, 50.001)))
    array = burnt(path, hcat)
    assert array.rio.crs.to_string() == "EPSG:32631"
    # 0.001 degrees there: 71.7 m east and 111.2 m north.
    assert int((array.values == 1).sum()) == pytest.approx(71.7 * 111.2 / 100, abs=3)
    assert float(array.x[0]) == pytest.approx(500005)


def test_parts_of_a_field_are_drawn_each(tmp_path, hcat):
    parts = box(500000, 0, 500010, 10), box(500020, 0, 500030, 10)
    path = write(tmp_path / "x_2019.json", field("3000000000", *parts, kind="MultiPolygon"), crs=UTM)
    assert burnt(path, hcat).values[0, 0].tolist() == [[1, 0, 1]]


def test_unknown_crops_are_left_out_and_a_file_of_them_is_refused(tmp_path, hcat):
    known, unknown = field("3000000000", box(0, 0, 10, 10)), field("42", box(10, 0, 20, 10))
    path = write(tmp_path / "x_2019.json", known, unknown, field(None, box(0, 0, 9, 9)), crs=UTM)
    assert burnt(path, hcat).values.tolist() == [[[[1]]]]
    with pytest.raises(DataError, match="none of its 1 features has a EC_hcat_c of the HCAT3 list"):
        burnt(write(tmp_path / "x_2019.json", unknown, crs=UTM), hcat)


def test_without_the_list_it_says_where_to_get_it(tmp_path):
    path = write(tmp_path / "x_2019.json", field("3000000000", box(0, 0, 10, 10)))
    with pytest.raises(DataError, match=r"not shipped\. Fetch hcat_core/HCAT3\.csv"):
        burnt(path, None)


def test_a_line_among_the_fields_is_refused(tmp_path, hcat):
    line = {"type": "Feature", "properties": {"EC_hcat_c": "3000000000"}, "geometry": {"type": "LineString"}}
    with pytest.raises(DataError, match="feature 0 is a LineString, expected Polygon"):
        burnt(write(tmp_path / "x_2019.json", line), hcat)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"type": "FeatureCollection", "features": [', "no JSON that can be read"),
        ("[" * 100_000, "no JSON that can be read"),
        ('{"type": "Feature"}', 'its type is "Feature"'),
        ("[1]", 'its type is "list"'),
        ('{"type": "FeatureCollection", "features": 7}', "expected a"),
    ],
)
def test_broken_json_is_named(tmp_path, hcat, text, fault):
    (tmp_path / "x_2019.json").write_text(text)
    assert not eurocrops_geojson().recognises(str(tmp_path / "x_2019.json"))
    with pytest.raises(DataError, match=rf"x_2019\.json: .*{fault}"):
        burnt(str(tmp_path / "x_2019.json"), hcat)


@pytest.mark.parametrize(
    ("ring", "crs", "fault"),
    [
        (box(500000, 0, 500010, 10), None, r"coordinates such as \[500000\.0, 0\.0\] are not all degrees"),
        ([[0, 0], [1, 1]], None, "a ring of fewer than 4 points"),
        ([["a", 0]] * 4, None, "could not convert"),
        ([[1]] * 4, None, "polygon that cannot be read"),
        (box(0, 0, 1, 1), {"properties": {"name": "EPSG:999999"}}, 'its crs "EPSG:999999" is unknown'),
        ([[0, 0], [float("nan"), 0], [1, 1], [0, 0]], None, "are not all degrees"),
    ],
)
def test_broken_geometry_is_named(tmp_path, hcat, ring, crs, fault):
    path = write(tmp_path / "x_2019.json", field("3000000000", ring), crs=crs)
    with pytest.raises(DataError, match=fault):
        burnt(path, hcat)


def test_the_year_is_named_or_given(tmp_path, hcat):
    path = write(tmp_path / "fields.json", field("3000000000", box(3, 50, 3.001, 50.001)))
    with pytest.raises(DataError, match="years in its name: none"):
        burnt(path, hcat)
    assert burnt(path, hcat, year=2018).time.dt.year.item() == 2018


def test_the_list_gives_ids_by_its_order(hcat):
    ids = flat_ids(Path(hcat))
    assert (len(ids), ids[3_000_000_000], ids[3_399_000_000]) == (384, 1, 384)
    assert sorted(ids.values()) == list(range(1, 385))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a,b\n1,2\n", "no HCAT3 list"),
        ("HCAT3_name,HCAT3_code\nx,1\n", r"1 codes \(1 to 1\), expected 384"),
        ("HCAT3_name,HCAT3_code\nx,one\n", "no HCAT3 list"),
        ("HCAT3_name,HCAT3_code\n", r"0 codes \(nothing\)"),
    ],
)
def test_another_list_is_refused(tmp_path, text, fault):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(DataError, match=fault):
        flat_ids(tmp_path / "list.csv")


@pytest.mark.skipif("OLMOEARTH_HCAT3" not in os.environ, reason="no HCAT3.csv on this machine (OLMOEARTH_HCAT3)")
def test_the_published_list_has_384_crops_from_1_to_384():
    ids = flat_ids(Path(os.environ["OLMOEARTH_HCAT3"]))
    assert (len(ids), ids[3_000_000_000], ids[3_399_000_000], ids[3_301_010_000]) == (384, 1, 384, 4)
