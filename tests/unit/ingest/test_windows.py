"""Lists of windows come back as they were, and what is wrong in them is named by line."""

import itertools
import json
from datetime import UTC, datetime

import pytest

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.windows import Window, read_windows, write_windows

TIME = datetime(2018, 12, 12, tzinfo=UTC)
WINDOWS = (
    Window(Cell("EPSG:32610", 16, 165, -1968), TIME, "coast"),
    Window(Cell("EPSG:32610", 16, 248, -2176), TIME),
    Window(Cell("EPSG:32733", 16, 150, -2089), TIME, 'a "name", with comma'),
)


def test_a_window_starts_a_week_before_its_time_and_lasts_two():
    window = WINDOWS[0]
    assert (window.start.isoformat(), window.end.isoformat()) == (
        "2018-12-05T00:00:00+00:00",
        "2018-12-19T00:00:00+00:00",
    )
    assert [t.date().isoformat() for t in (*window.slot(1), *window.slot(12))] == [
        "2018-06-08", "2018-07-08", "2019-05-04", "2019-06-03"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["w.csv", "w.geojson"])
def test_a_list_comes_back_sorted_and_without_duplicates(tmp_path, name):
    path = write_windows(tmp_path / name, [WINDOWS[2], WINDOWS[0], WINDOWS[1], WINDOWS[0]])
    found = read_windows(path)
    assert (found.windows, found.faults) == (WINDOWS, ())
    assert [w.name for w in found.windows] == [w.name for w in WINDOWS]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("EPSG:4326,1,2,2018-12-12", "crs is"), ("EPSG:32661,1,2,2018-12-12", "crs is"),
        ("EPSG:32610,one,2,2018-12-12", 'col is "one"'), ("EPSG:32610,99999,2,2018-12-12", "outside a UTM zone"),
        ("EPSG:32610,1,-2,yesterday", 'tile_time is "yesterday"'), ("EPSG:32610,1", "row is"), ("", ""),
        ("EPSG:32610,1,2,0001-01-01T00:00:00+14:00", "tile_time"),
        ("EPSG:32610,165,-1968,2019-01-01", "a cell has one time"),
    ],
)  # fmt: skip
def test_a_malformed_line_is_named_and_the_others_are_read(tmp_path, line, says):
    path = tmp_path / "w.csv"
    path.write_text(f"crs,col,row,tile_time\nEPSG:32610,165,-1968,2018-12-12T00:00:00+00:00\n{line}\n")
    found = read_windows(path)
    assert found.windows == WINDOWS[:1]
    assert len(found.faults) == bool(line)
    assert all(f"{path}:3: " in fault and says in fault for fault in found.faults)


@pytest.mark.parametrize(
    ("name", "content"),
    [("w.csv", b""), ("w.csv", b"a,b\n1,2\n"), ("w.csv", b"\xff\xfe\x00"), ("w.geojson", b"{"), ("w.geojson", b"[1]"),
     ("w.geojson", b"[" * 100_000), ("w.csv", b'crs,col,row,tile_time\n"' + b"x" * 200_000)],
)  # fmt: skip
def test_what_is_no_list_is_refused_by_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        read_windows(tmp_path / name)


def test_a_missing_list_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv"):
        read_windows(tmp_path / "none.csv")


def test_a_cell_across_the_antimeridian_is_cut_there_on_the_map(tmp_path):
    path = write_windows(tmp_path / "w.geojson", [Window(Cell("EPSG:32601", 16, 111, -2179), TIME)])
    (feature,) = json.loads(path.read_text())["features"]
    parts = feature["geometry"]["coordinates"]
    assert feature["geometry"]["type"] == "MultiPolygon"
    longitudes = [[lon for lon, _ in part[0]] for part in parts]
    assert min(longitudes[0]) > 179.9
    assert max(longitudes[0]) == 180
    assert min(longitudes[1]) == -180
    assert max(longitudes[1]) < -179.9


def test_rings_on_the_map_are_closed_and_run_against_the_clock(tmp_path):
    path = write_windows(tmp_path / "w.geojson", WINDOWS)
    for feature in json.loads(path.read_text())["features"]:
        (ring,) = feature["geometry"]["coordinates"]
        twice_area = sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring))
        assert ring[0] == ring[-1]
        assert twice_area > 0
