"""Lists, maps, items, profiles and tables that people and networks write: values, or an error that names the file."""

import gzip
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fuzz_stores import CELLS
from fuzzing import QUIET, folder, fuzzed, named
from olmoearth_stac.item import facts, kept
from olmoearth_stac.profile import FOLDER, open_profile
from olmoearth_stac.queries import Query
from olmoearth_stac.table import Table, read_table, write_table

from olmoearth_core.errors import DataError
from olmoearth_core.ingest.select import from_points, from_regions
from olmoearth_core.ingest.times import Days
from olmoearth_core.ingest.windows import Window, read_windows, write_windows
from olmoearth_core.readers.stac_item import StacItem
from olmoearth_core.testing.damage import damaged

pytestmark = QUIET
TIME = datetime(2020, 6, 8, tzinfo=UTC)
DAYS = Days(TIME, TIME)
RING = [[4.5, 50], [4.55, 50], [4.55, 50.05], [4.5, 50.05], [4.5, 50]]
ITEM = {
    "type": "Feature", "stac_version": "1.0.0", "id": "S2A_1", "collection": "sentinel-2-l2a", "bbox": [4, 50, 5, 51],
    "properties": {"datetime": "2020-06-01T00:00:00Z", "platform": "Sentinel-2A", "eo:cloud_cover": 3.5},
    "assets": {"B02": {"href": "B02.tif"}},
}  # fmt: skip


def item(path):
    found = StacItem.open(str(path))
    return found.time(), found.cloud_cover, found.described(), [found.place(key) for key in found.assets]


def frozen(path):
    return [understood(one) for one in read_table(path).items]


def understood(one):
    """What the search does with an item; a ValueError says what is wrong with it, and it is left out."""
    try:
        return kept(one, ["B02"]), facts(one)
    except ValueError:
        return None


def windows(path):
    return write_windows(path, [Window(cell, TIME, "a, b") for cell in CELLS])


def text(content):
    return lambda path: path.write_text(content if isinstance(content, str) else json.dumps(content))


def table(path):
    query = Query("sentinel-2-l2a", (4.0, 50.0, 5.0, 51.0), "2020")
    write_table(path, Table("here", "https://here", (query,), {"sentinel-2-l2a": ["B02"]}, (ITEM, {**ITEM, "id": "b"})))


def regions(path):
    return from_regions(path, DAYS)


def points(path):
    return from_points(path, DAYS)


KINDS = {
    "w.csv": (windows, read_windows),
    "w.geojson": (windows, read_windows),
    "p.json": (text([[4.5, 50.1], [0, 10]]), points),
    "p.csv": (text("lon,lat,time,name\n4.5,50.1,2020-01-01,a\n4.6,50,,b\n"), points),
    "r.geojson": (text({"type": "Polygon", "coordinates": [RING]}), regions),
    "i.json": (text(ITEM), item),
    "t.jsonl.gz": (table, frozen),
    "t.jsonl": (table, frozen),
    "planetary.toml": (text((FOLDER / "planetary_computer.toml").read_text()), lambda path: open_profile(str(path))),
    "earth.toml": (text((FOLDER / "earth_search.toml").read_text()), lambda path: open_profile(str(path))),
}


@pytest.fixture(scope="module")
def place():
    with folder() as made:
        yield Path(made)


def read(path, content, reader):
    path.write_bytes(content)
    with named(path.name):
        return reader(path)


@pytest.mark.parametrize("name", KINDS)
def test_the_undamaged_text_is_read(place, name):
    write, reader = KINDS[name]
    write(place / name)
    assert reader(place / name)


def hurt(place, name, seed):
    write, reader = KINDS[name]
    write(place / name)
    read(place / name, damaged((place / name).read_bytes(), seed)[1], reader)


@pytest.mark.parametrize("name", KINDS)
@fuzzed(80)
def test_a_damaged_text_is_values_or_a_named_error(place, name, seed):
    hurt(place, name, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
@fuzzed(5000)
def test_a_damaged_text_is_values_or_a_named_error_at_length(place, name, seed):
    hurt(place, name, seed)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 50, b"\xff\xfe\0", b"null", b"[]", b"{}", b"7", b'"x"', b"[" * 100_000, b'{"a":' * 50_000,
     b"1" * 9999,
     b"\xef\xbb\xbf", b"\x1f\x8b\x08", b'"' + b"x" * 200_000, b"[[1e999, NaN], [null, {}], [1], 3, [true, 2]]",
     b'{"type": "Feature", "stac_version": 1, "properties": {}, "assets": {"a": {"href": ["x"]}}}',
     b'{"type": "FeatureCollection", "features": [3, null, {"geometry": 7}, {"type": "Feature", "geometry": []}]}'],
    ids=lambda content: repr(content[:12]),
)  # fmt: skip
def test_a_text_of_another_form_is_values_or_a_named_error(place, name, content):
    read(place / name, content, KINDS[name][1])


SHAPES = [
    None, 7, [], [[]], [[[]]], [[[1]]], [[["a", "b"]] * 4], [[[0, 0]] * 4], [[[1e300, 0], *RING]], [[[4, 91], *RING]],
    [RING, 3], [[[4.5, 50]] * 5], [[[float("nan"), 1]] * 4], {"a": 1}, "abcd", [[None] * 4], [[[True, False]] * 4],
]  # fmt: skip


@pytest.mark.parametrize("kind", ["Polygon", "MultiPolygon", "GeometryCollection", "Point", 7])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_region_of_any_shape_is_cells_or_a_named_fault(place, kind, shape):
    content = {"type": kind, "coordinates": shape, "geometries": shape}
    found = read(place / "r.geojson", json.dumps(content).encode(), regions)
    assert found is None or all("r.geojson" in fault for fault in found.faults)


@pytest.mark.parametrize("value", [None, "", "x", "1e3", 1.5, True, "9" * 5000, 10**30, [], {}, "../..", "\0"], ids=str)
@pytest.mark.parametrize("key", ["crs", "col", "row", "tile_time"])
def test_a_window_of_any_value_is_left_out_by_name(place, key, value):
    properties = {"crs": "EPSG:32631", "col": 1, "row": -2, "tile_time": "2020-01-01", key: value}
    content = {"features": [{"properties": properties}]}
    found = read(place / "w.geojson", json.dumps(content).encode(), read_windows)
    assert found.windows == ()
    assert "w.geojson" in found.faults[0]


@pytest.mark.parametrize("value", [None, "", 7, [], {}, "x", True, 1e300, [1], [{}], {"href": 3}], ids=str)
@pytest.mark.parametrize("key", [*ITEM, "properties.datetime", "assets.B02", "properties.eo:cloud_cover"])
def test_an_item_of_any_value_is_values_or_a_named_error(place, key, value):
    changed = json.loads(json.dumps(ITEM))
    *above, last = key.split(".")
    (changed[above[0]] if above else changed)[last] = value
    read(place / "i.json", json.dumps(changed).encode(), item)
    understood(changed)


@pytest.mark.parametrize("value", ["7", '""', "[]", "[1]", "{}", "{a = 1}", "true", "1979-05-27", '"file:///etc"'])
@pytest.mark.parametrize("key", ["name", "url", "modalities", "signing", "s3", "method", "sha256", "other"])
def test_a_profile_of_any_value_is_a_profile_or_a_named_error(place, key, value):
    lines = {
        "name": '"n"',
        "url": '"https://here/v1"',
        "modalities": '{m = {collection = "c", reader = "r", bands = {b = "a"}}}',
    }
    content = "\n".join(f"{k} = {v}" for k, v in (lines | {key: value}).items())
    read(place / "p.toml", content.encode(), lambda path: open_profile(str(path)))


@pytest.mark.parametrize("value", [None, "", 7, [], {}, "x", [7], [[]], {"a": 3}, [["c", [1, 2], ""]]], ids=str)
@pytest.mark.parametrize("key", ["type", "version", "sha256", "queries", "assets", "left_out", "date", "catalog"])
def test_a_table_of_any_head_is_a_table_or_a_named_error(place, key, value):
    table(place / "t.jsonl")
    head, lines = (place / "t.jsonl").read_bytes().split(b"\n", 1)
    changed = json.dumps({**json.loads(head), key: value}).encode()
    read(place / "t.jsonl", changed + b"\n" + lines, frozen)


@pytest.mark.parametrize("line", [b"7", b"null", b"[]", b'"x"', b"{}", b'{"properties": 3, "assets": [], "id": []}'])
def test_a_table_of_any_items_is_read_or_refused(place, line):
    table(place / "t.jsonl")
    head = json.loads((place / "t.jsonl").read_bytes().split(b"\n", 1)[0])
    head["sha256"] = hashlib.sha256(line).hexdigest()
    read(place / "t.jsonl", json.dumps(head).encode() + b"\n" + line, frozen)


def test_a_compressed_bomb_is_refused_before_it_is_unpacked(place):
    (place / "t.jsonl.gz").write_bytes(gzip.compress(bytes(60_000_000)))
    with pytest.raises(DataError, match=r"t\.jsonl\.gz: unpacks to more than"):
        read_table(place / "t.jsonl.gz")
