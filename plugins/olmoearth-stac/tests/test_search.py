"""Questions to a catalogue: pages, both methods, and answers that are none."""

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from olmoearth_stac.freeze import frozen
from olmoearth_stac.journal import Journal
from olmoearth_stac.profile import Entry, Profile
from olmoearth_stac.queries import Query, boxes, queries
from olmoearth_stac.search import search
from stac_fixtures import CELL, TIME, radar_item

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.unreachable import Unreachable
from olmoearth_core.ingest.windows import Window

ENTRY = Entry("radar", "toystac.item.v1", {"vv": "vv", "vh": "vh"})
WORLD = Query("radar", (-180.0, -90.0, 180.0, 90.0), "2021-01-01T00:00:00Z/2021-12-31T00:00:00Z")


def profile(server, method="POST"):
    return Profile("local", server.url, {"sentinel1": ENTRY}, method=method)


def journal(folder, key="k"):
    return Journal(folder / ".items.searching", key)


def filled(server, number):
    server.items = [radar_item(server.url, i, f"2021-01-{i + 1:02d}") for i in range(number)]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("number", [0, 1, 2, 5, 6])
def test_all_pages_are_walked(server, web, method, number):
    filled(server, number)
    ((_, found),) = search(profile(server, method), [WORLD], web())
    assert [item["id"] for item in found] == [f"S1_{i:03d}" for i in range(number)]
    assert server.paths("/search") == ["/search"] * max(1, -(-number // 2))
    assert {m for m, path, _ in server.requests if path.startswith("/search")} == {method}


def test_a_page_that_fails_is_asked_for_again(server, web, clock):
    filled(server, 5)
    server.faults["/search"] = [("status", 429, {"Retry-After": "9"}), ("text", "<html>"), ("status", 500)]
    ((_, found),) = search(profile(server), [WORLD], web())
    assert len(found) == 5
    assert clock.slept == [9.0, 2.0, 4.0]


def test_a_catalogue_that_stays_away_is_named(server, web):
    server.faults["/search"] = [("status", 503)] * 9
    with pytest.raises(Unreachable, match=r"/search: HTTP 503\. Tried 4 times"):
        list(search(profile(server), [WORLD], web()))


@pytest.mark.parametrize(
    "answer",
    [
        '{"type": "nothing"}',
        "[]",
        '{"features": 7, "links": []}',
        '{"features": [1]}',
        '{"features": [{}], "links": 3}',
    ],
)
def test_an_answer_that_is_no_stac_never_crashes(server, web, answer, tmp_path):
    server.faults["/search"] = [("text", answer)] * 9
    with contextlib.suppress(DataError):
        assert frozen(profile(server), [WORLD], {"radar": {"vv", "vh"}}, web(), "", journal(tmp_path)).items == ()


@pytest.mark.parametrize("answer", ['{"type": "Nothing"}', "[]", "7", "no json", '{"type": "Catalog"}', "{"])
def test_a_landing_page_that_is_no_stac_is_said(server, web, answer):
    server.faults["/"] = [("text", answer)] * 9
    with pytest.raises(DataError, match="localhost"):
        list(search(profile(server), [WORLD], web()))


def test_an_address_without_a_catalogue_is_said(server, web):
    wrong = Profile("local", f"{server.url}/wrong", {"sentinel1": ENTRY})
    with pytest.raises(DataError, match="Is it the address of a STAC API"):
        list(search(wrong, [WORLD], web()))


def test_pages_in_a_circle_end(server, web, monkeypatch):
    monkeypatch.setattr("olmoearth_stac.search._MOST", 10)
    filled(server, 2)
    url = server.url + "/search"
    link = {"rel": "next", "href": url, "method": "POST", "body": {"token": "MA=="}}
    page = json.dumps({"type": "FeatureCollection", "features": server.items, "links": [link]})
    server.faults["/search"] = [("text", page)] * 99
    with pytest.raises(DataError, match="more than 10 items"):
        list(search(profile(server), [WORLD], web()))


def test_a_link_to_a_file_of_this_machine_is_not_followed(server, web):
    link = {"rel": "next", "href": "file:///etc/passwd"}
    filled(server, 1)
    page = json.dumps({"type": "FeatureCollection", "features": server.items, "links": [link]})
    server.faults["/search"] = [("text", page)]
    with pytest.raises(DataError, match=r"no address of http|not what a STAC API sends"):
        list(search(profile(server), [WORLD], web()))


def test_items_that_cannot_be_understood_are_left_out_by_name(server, web, tmp_path):
    filled(server, 6)
    no_box, no_time, nan, odd = server.items[:4]
    no_box["bbox"] = [0.0, 0.0, float("inf"), 1.0]
    no_time["properties"]["datetime"] = "yesterday"
    nan["properties"]["quality"] = float("nan")
    odd["assets"] = ["vv"]
    page = json.dumps({"type": "FeatureCollection", "features": server.items, "links": []})
    server.faults["/search"] = [("text", page)]
    table = frozen(profile(server), [WORLD], {"radar": {"vv", "vh"}}, web(), "", journal(tmp_path))
    assert [item["id"] for item in table.items] == ["S1_004", "S1_005"]
    assert len(table.left_out) == 4
    assert all(text.startswith("radar/S1_00") for text in table.left_out)


def test_a_search_that_was_interrupted_goes_on_where_it_was(server, web, tmp_path):
    filled(server, 2)
    asked = [Query("radar", (-180.0, -90.0, 180.0, 90.0 - number), WORLD.datetime) for number in range(4)]
    server.faults["/search"] = [None, None, *[("status", 503)] * 4]
    with pytest.raises(Unreachable):
        frozen(profile(server), asked, {"radar": {"vv"}}, web(), "", journal(tmp_path))
    with (tmp_path / ".items.searching").open("ab") as file:
        file.write(b'\n["k",["radar",[0,0')
    before = len(server.paths("/search"))
    table = frozen(profile(server), asked, {"radar": {"vv"}}, web(), "", journal(tmp_path))
    assert [item["id"] for item in table.items] == ["S1_000", "S1_001"]
    assert len(server.paths("/search")) - before == 2
    again = frozen(profile(server), asked, {"radar": {"vv"}}, web(), "", journal(tmp_path))
    assert again == table
    other = frozen(profile(server), asked, {"radar": {"vv"}}, web(), "", journal(tmp_path, "other"))
    assert len(server.paths("/search")) - before == 6, "a journal of another catalogue is not used"
    assert other == table


def test_one_question_covers_the_year_of_a_window():
    (query,) = queries(Profile("local", "http://x", {"sentinel1": ENTRY}), [Window(CELL, TIME)], [_Named()])
    assert query.datetime == "2020-12-10T00:00:00Z/2021-12-05T00:00:00Z"
    lat, lon = CELL.latlon()
    assert query.bbox[0] < lon < query.bbox[2]
    assert query.bbox[1] < lat < query.bbox[3]


class _Named:
    name = "sentinel1"


def test_windows_of_one_place_are_asked_for_once():
    windows = [Window(CELL, TIME, "a"), Window(CELL, TIME, "b")]
    assert len(queries(Profile("local", "http://x", {"sentinel1": ENTRY}), windows, [_Named()])) == 1


def test_a_window_across_the_antimeridian_is_two_rectangles():
    # In zone 1 the antimeridian lies 334 km east of the zone's origin at the equator: column 64 reaches across it.
    window = next(
        w for w in (Window(Cell("EPSG:32601", 16, col, -100), TIME) for col in range(60, 75))
        if np.ptp(w.outline()[:, 0]) > 180
    )  # fmt: skip
    west, east = boxes(window)
    assert west[2] == 180.0
    assert east[0] == -180.0
    assert 179.9 < west[0] < 180.0
    assert -180.0 < east[2] < -179.9


@given(
    zone=st.integers(1, 60), col=st.integers(70, 310), row=st.integers(-3400, 3400), north=st.booleans(),
)  # fmt: skip
def test_the_rectangles_hold_the_window(zone, col, row, north):
    window = Window(
        Cell(f"EPSG:{(32600 if north else 32700) + zone}", 16, col, -abs(row) if north else -3900 + abs(row)), TIME
    )
    corners = window.outline()
    found = boxes(window)
    for lon, lat in corners:
        assert any(west <= lon <= east and south <= lat <= north for west, south, east, north in found)
