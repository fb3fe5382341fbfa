"""Selections are the same for the same seed, whole, and never list a cell twice."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from olmoearth_core.errors import DataError
from olmoearth_core.ingest.place import cell_at, utm
from olmoearth_core.ingest.select import REFERENCE_WORLD, by_lot, from_points, from_regions
from olmoearth_core.ingest.times import Days

DAYS = Days(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 12, 31, tzinfo=UTC), seed=5)
RECTANGLE = [[5.5, 50], [6.5, 50], [6.5, 51], [5.5, 51], [5.5, 50]]
HOLE = [[5.8, 50.2], [5.8, 50.8], [6.2, 50.8], [6.2, 50.2], [5.8, 50.2]]


def latitudes(found):
    return np.array([window.cell.latlon()[0] for window in found.windows])


def test_the_same_seed_draws_the_same_windows_and_another_seed_others():
    first, again, other = (by_lot(40, DAYS, seed=seed).windows for seed in (1, 1, 2))
    assert first == again
    assert not {w.cell for w in first} & {w.cell for w in other}
    assert len({w.cell for w in first}) == 40


def test_places_by_area_are_rarer_toward_the_poles_and_those_by_degrees_are_not():
    """Half of the Earth's surface lies within 30 degrees of the equator, but a third of all latitudes."""
    by_area = np.abs(latitudes(by_lot(600, DAYS))) < 30
    by_degrees = np.abs(latitudes(by_lot(600, DAYS, bounds=REFERENCE_WORLD, by_area=False))) < 30
    assert by_area.mean() == pytest.approx(0.5, abs=0.06)
    assert by_degrees.mean() == pytest.approx(30 / 80, abs=0.06)


def test_bounds_may_cross_the_antimeridian():
    longitudes = [w.cell.latlon()[1] for w in by_lot(50, DAYS, bounds=(178, -20, -178, -10)).windows]
    assert min(abs(x) for x in longitudes) > 177.9
    assert {x > 0 for x in longitudes} == {True, False}


def test_more_cells_than_there_are_is_refused():
    with pytest.raises(DataError, match="1000 were asked for"):
        by_lot(1000, DAYS, bounds=(5.0, 50.0, 5.1, 50.1))


@pytest.mark.parametrize("bounds", [(0, 10, 5, 5), (0, -85, 5, 0), (0, 0, 200, 5)])
def test_bounds_that_are_none_are_refused(bounds):
    with pytest.raises(DataError, match="west,south,east,north"):
        by_lot(1, DAYS, bounds=bounds)


def test_a_cells_day_does_not_depend_on_the_other_cells():
    few, many = by_lot(10, DAYS, seed=3), by_lot(50, DAYS, seed=3)
    drawn = {w.cell: w.tile_time for w in few.windows}
    alone = {cell: DAYS.of(cell) for cell in drawn}
    assert drawn == alone
    assert all(w.tile_time == DAYS.of(w.cell) for w in many.windows)
    assert {w.tile_time.year for w in many.windows} == {2020}
    assert len({w.tile_time for w in many.windows}) > 35


def test_neighbours_share_a_day_where_that_is_asked_for():
    days = Days(DAYS.first, DAYS.last, shared=True)
    found = by_lot(60, days, bounds=(5.0, 50.0, 5.5, 50.3)).windows
    squares = {w.cell.parent(256) for w in found}
    assert len({(w.cell.parent(256), w.tile_time) for w in found}) == len(squares) < 10


def test_equal_first_and_last_days_fix_the_time():
    day = datetime(2021, 7, 1, tzinfo=UTC)
    assert {w.tile_time for w in by_lot(5, Days(day, day)).windows} == {day}
    with pytest.raises(DataError, match="Swap"):
        Days(DAYS.last, DAYS.first)


def test_a_list_of_places_becomes_cells_and_says_what_it_could_not_use(tmp_path):
    path = tmp_path / "points.json"
    path.write_text(json.dumps([[4.5, 50.1], [4.5, 50.1001], [0, 85], [1], ["x", 2], [True, 1], None, [200, 0]]))
    found = from_points(path, DAYS)
    assert [w.cell for w in found.windows] == [cell_at(4.5, 50.1)]
    assert [fault.split(": ")[1] for fault in found.faults] == [f"place {n}" for n in (2, 3, 4, 5, 6, 7)]


@pytest.mark.parametrize("head", ["lon,lat,tile_time,name", "Latitude,Longitude,time,name"])
def test_a_table_of_places_may_say_time_and_name(tmp_path, head):
    path = tmp_path / "points.csv"
    place = "4.5,50.1" if head.startswith("lon") else "50.1,4.5"
    path.write_text(f"{head}\n{place},2019-03-04,a field\n{place},tomorrow,\n,,,\n")
    found = from_points(path, DAYS)
    assert [(w.cell, w.tile_time, w.name) for w in found.windows] == [
        (cell_at(4.5, 50.1), datetime(2019, 3, 4, tzinfo=UTC), "a field")
    ]
    assert [fault.split(": ")[0] for fault in found.faults] == [f"{path}:3", f"{path}:4"]


def write(path, *geometries):
    features = [{"type": "Feature", "geometry": g, "properties": {}} for g in geometries]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def in_rectangle(lon, lat, ring):
    (west, south), (east, north) = np.min(ring, axis=0), np.max(ring, axis=0)
    return west <= lon <= east and south <= lat <= north


def test_cells_of_a_region_are_those_whose_centre_lies_in_it_and_not_in_its_hole(tmp_path):
    """The region crosses from zone 31 into zone 32."""
    path = write(tmp_path / "r.geojson", {"type": "Polygon", "coordinates": [RECTANGLE, HOLE]})
    found = {w.cell for w in from_regions(path, DAYS).windows}
    naive = set()
    for lon in np.arange(5.4, 6.6, 0.02):
        for lat in np.arange(49.9, 51.1, 0.01):
            cell = cell_at(lon, lat)
            centre = cell.latlon()[::-1]
            if utm(*centre) == cell.crs and in_rectangle(*centre, RECTANGLE) and not in_rectangle(*centre, HOLE):
                naive.add(cell)
    assert found == naive
    assert {cell.crs for cell in found} == {"EPSG:32631", "EPSG:32632"}


def test_touched_cells_are_all_that_have_any_part_inside(tmp_path):
    path = write(tmp_path / "r.geojson", {"type": "Polygon", "coordinates": [RECTANGLE, HOLE]})
    inside, touched = ({w.cell for w in from_regions(path, DAYS, touched=t).windows} for t in (False, True))
    assert inside < touched
    rng = np.random.default_rng(0)
    lons, lats = rng.uniform(5.5, 6.5, 800), rng.uniform(50, 51, 800)
    for lon, lat in zip(lons, lats, strict=True):
        cell = cell_at(lon, lat)
        if not in_rectangle(lon, lat, HOLE) and utm(*cell.latlon()[::-1]) == cell.crs:
            assert cell in touched


def test_a_region_smaller_than_a_cell_touches_one_and_holds_no_centre(tmp_path):
    ring = [[4.5, 50.1], [4.5001, 50.1], [4.5001, 50.1001], [4.5, 50.1]]
    path = write(tmp_path / "r.geojson", {"type": "Polygon", "coordinates": [ring]})
    assert from_regions(path, DAYS).windows == ()
    assert [w.cell for w in from_regions(path, DAYS, touched=True).windows] == [cell_at(4.5, 50.1)]


@pytest.mark.parametrize("west", [179.8, -180.2])
def test_a_region_across_the_antimeridian_and_the_equator_gives_cells_of_four_zones(tmp_path, west):
    ring = [[west, -0.2], [west + 0.4, -0.2], [west + 0.4, 0.2], [west, 0.2], [west, -0.2]]
    path = write(tmp_path / "r.geojson", {"type": "Polygon", "coordinates": [ring]})
    found = [w.cell for w in from_regions(path, DAYS).windows]
    assert {c.crs for c in found} == {"EPSG:32601", "EPSG:32660", "EPSG:32701", "EPSG:32760"}
    latlons = np.array([c.latlon() for c in found])
    assert (np.abs(np.abs(latlons[:, 1]) - 180) <= 0.2).all()
    # 0.4 degrees are 44.5 km, or 17.4 cells of 2.56 km.
    assert len(found) == pytest.approx(17.4**2, rel=0.03)


def test_a_part_of_a_region_can_be_drawn(tmp_path):
    path = write(tmp_path / "r.geojson", {"type": "Polygon", "coordinates": [RECTANGLE]})
    everything, few, again = (from_regions(path, DAYS, count=n, seed=4).windows for n in (None, 20, 20))
    assert few == again
    assert len(few) == 20
    assert set(few) < set(everything)


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [1, 2]}, {"type": "Polygon", "coordinates": [[[1, 2], [3, 4]]]},
        {"type": "Polygon", "coordinates": [[[5e5, 5e6]] * 4]}, {"type": "Polygon", "coordinates": 7},
        {"type": "Polygon", "coordinates": [[[1, "x"]] * 4]}, {"type": "Polygon"},
        {"type": "MultiPolygon", "coordinates": {}},
    ],
)  # fmt: skip
def test_a_geometry_that_cannot_be_used_is_named_and_the_others_are(tmp_path, geometry):
    path = write(tmp_path / "r.geojson", {"type": "Polygon", "coordinates": [RECTANGLE]}, geometry)
    found = from_regions(path, DAYS)
    assert len(found.windows) > 900
    assert len(found.faults) == 1
    assert f"{path}: part 1: " in found.faults[0]


def test_a_file_without_geometry_is_refused(tmp_path):
    path = tmp_path / "r.geojson"
    path.write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(DataError, match="no geometry"):
        from_regions(path, DAYS)
