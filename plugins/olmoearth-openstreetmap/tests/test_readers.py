"""Extracts and vector tiles read as pixels."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from olmoearth_openstreetmap.categories import CATEGORIES
from olmoearth_openstreetmap.draw import rasterise
from olmoearth_openstreetmap.feature import Feature
from olmoearth_openstreetmap.geojson_reader import openstreetmap_geojson
from olmoearth_openstreetmap.pbf import read_features
from olmoearth_openstreetmap.pbf_reader import openstreetmap_pbf
from olmoearth_openstreetmap.projected import projected
from olmoearth_openstreetmap.raster import openstreetmap_raster
from olmoearth_openstreetmap.vector_tile import write_vector_tile

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.place import cell_at, project
from olmoearth_core.readers.contract import check

SPEC = openstreetmap_raster()
NAME = "EPSG:32635_150_-2607_10.geojson"


def cell_of(path):
    return cell_at(25.005, 60.001)


def test_an_extract_covers_its_own_box_in_its_zone(town):
    array = openstreetmap_pbf().read(town, SPEC)
    assert (array.dims, array.dtype, list(array.band.values)) == (("time", "band", "y", "x"), "float32", [*CATEGORIES])
    assert array.rio.crs.to_epsg() == 32635
    assert (float(array.x[1] - array.x[0]), float(array.y[1] - array.y[0])) == (2.5, -2.5)
    x, y = project("EPSG:32635", np.array([24.999, 25.012]), np.array([59.999, 60.003]))
    left, bottom, right, top = array.rio.bounds()
    assert left <= min(x) < left + 5
    assert right - 5 < max(x) <= right
    assert bottom <= min(y) < bottom + 30
    assert top - 30 < max(y) <= top
    assert (left % 2.5, top % 2.5) == (0, 0)
    assert {array.attrs[k] for k in ("reader", "modality", "quantity", "units", "rules")} == {
        "openstreetmap.pbf.v1", "openstreetmap_raster", "presence", "0/1", "default",
    }  # fmt: skip


@pytest.mark.parametrize("rules", ["default", "reference"])
def test_an_extract_read_at_a_cell_is_the_cell_drawn(town, rules):
    cell = cell_of(town)
    array = openstreetmap_pbf(crs=cell.crs, cell=(cell.col, cell.row), rules=rules).read(town, SPEC)
    expected = rasterise(projected(read_features(town).features, cell.crs).of(cell), cell, rules=rules)
    np.testing.assert_array_equal(array.values[0], expected)
    assert expected[CATEGORIES.index("building")].any()
    check(array, SPEC)


def test_windows_across_cells_are_those_of_the_whole(town):
    cell = cell_of(town)
    left, top = cell.top_left
    across = openstreetmap_pbf(crs=cell.crs, bounds=(left - 1000, top - 2600, left + 1500, top + 400))
    whole = across.read(town, SPEC, bands=["highway", "building"])
    values = whole.values
    assert list(whole.band.values) == ["building", "highway"]
    for rows, cols in ((slice(0, 300), slice(390, 410)), (slice(700, 1000), slice(100, 900)), (slice(5, 6), slice(2))):
        np.testing.assert_array_equal(whole[..., rows, cols].values, values[..., rows, cols])


def test_courtyards_stay_open_and_the_published_layer_lacks_the_house(town):
    cell = cell_of(town)
    (x,), (y,) = project(cell.crs, np.array([25.0005]), np.array([60.001]))
    (court_x,), (court_y,) = project(cell.crs, np.array([25.002]), np.array([60.001]))
    options = {"crs": cell.crs, "cell": (cell.col, cell.row), "rules": "reference"}
    seen = []
    for published in (False, True):
        array = openstreetmap_pbf(**options, published=published).read(town, SPEC, bands=["building"])
        seen += [array.sel(x=px, y=py, method="nearest").item() for px, py in ((x, y), (court_x, court_y))]
    assert seen == [1, 0, 0, 0]


def test_the_misspelt_rule_leaves_the_water_tower_out(town):
    cell = cell_of(town)
    towers = [
        openstreetmap_pbf(crs=cell.crs, cell=(cell.col, cell.row), rules="reference", legacy=legacy)
        .read(town, SPEC, bands=["water_tower"])
        .values
        for legacy in (False, True)
    ]
    assert [int(t.sum()) for t in towers] == [1, 1]
    assert (towers[0] != towers[1]).sum() == 2


def test_a_runway_beside_a_cell_reaches_into_it(extract):
    cell = Cell("EPSG:32635", 16, 150, -2607)
    left, top = cell.top_left
    from olmoearth_core.convert.grid import to_latlon

    lat, lon = to_latlon(cell.crs, np.array([left - 15, left - 15]), np.array([top - 500, top - 1500])).T
    nodes = {n: (float(lon[n - 1]), float(lat[n - 1]), {}) for n in (1, 2)}
    path = extract(nodes, {1: ([1, 2], {"aeroway": "runway"})})
    reader = openstreetmap_pbf(crs=cell.crs, cell=(cell.col, cell.row))
    mask = reader.read(path, SPEC, bands=["runway"]).values[0, 0]
    assert mask[400].sum() in (3, 4)
    assert not mask[:, 5:].any()


def test_a_vector_tile_is_drawn_on_the_cell_of_its_name(tmp_path):
    cell = Cell("EPSG:32635", 16, 150, -2607)
    left, top = cell.top_left
    lighthouse = Feature("lighthouse", shapely.Point(left + 10.4 * 2.5, top - 20.4 * 2.5))
    path = str(write_vector_tile(tmp_path / NAME, cell, [lighthouse]))
    reader = openstreetmap_geojson(rules="reference", year=2021)
    assert reader.recognises(path)
    array = reader.read(path, SPEC)
    assert [tuple(map(int, p)) for p in np.argwhere(array.values)] == [(0, 14, 20, 10)]
    assert (array.shape, array.rio.bounds()) == ((1, 30, 1024, 1024), (left, top - 2560, left + 2560, top))
    assert str(array.time.values[0])[:10] == "2021-01-01"
    check(array, SPEC)


def test_the_cell_of_a_file_of_another_name_can_be_given(tmp_path):
    cell = Cell("EPSG:32635", 16, 150, -2607)
    left, top = cell.top_left
    path = str(write_vector_tile(tmp_path / "any.geojson", cell, [Feature("crane", shapely.Point(left + 4, top - 4))]))
    assert not openstreetmap_geojson().recognises(path)
    with pytest.raises(DataError, match=r"any\.geojson: its name tells no cell"):
        openstreetmap_geojson().read(path, SPEC)
    given = openstreetmap_geojson(crs=cell.crs, cell=(cell.col, cell.row), rules="reference")
    assert given.recognises(path)
    assert given.read(path, SPEC, bands=["crane"]).values[0, 0, 1, 1] == 1


def test_a_tile_without_features_is_recognised_and_zero(tmp_path):
    path = str(write_vector_tile(tmp_path / NAME, Cell("EPSG:32635", 16, 150, -2607), []))
    assert openstreetmap_geojson().recognises(path)
    assert not openstreetmap_geojson().read(path, SPEC, bands=["river"]).values.any()


@pytest.mark.parametrize(
    ("factory", "options", "message"),
    [
        (openstreetmap_pbf, {"rules": "best"}, 'rules: found "best"'),
        (openstreetmap_pbf, {"bounds": (1, 2, 3)}, "expected bounds = "),
        (openstreetmap_pbf, {"bounds": (0, 0, 9, 9)}, "so give crs too"),
        (openstreetmap_pbf, {"cell": (1, 2)}, "needs crs too"),
        (openstreetmap_pbf, {"crs": "EPSG:4326"}, 'crs: found "EPSG:4326", expected a UTM zone'),
        (openstreetmap_pbf, {"year": 1900}, "year: found 1900, expected 2004"),
        (openstreetmap_geojson, {"cell": (1, 2)}, "or neither"),
        (openstreetmap_geojson, {"crs": "EPSG:99999", "cell": (1, 2)}, 'crs: found "EPSG:99999"'),
    ],
)
def test_options_that_make_no_sense_are_refused(factory, options, message):
    with pytest.raises(DataError, match=message):
        factory(**options)


@pytest.mark.parametrize("bounds", [(9, 9, 0, 0), (0, 0, float("nan"), 9), (0, 0, 1e12, 9)])
def test_bounds_that_are_no_rectangle_of_a_zone_are_refused(town, bounds):
    with pytest.raises(DataError, match="expected left, bottom, right, top in metres"):
        openstreetmap_pbf(crs="EPSG:32635", bounds=bounds).read(town, SPEC)


def test_an_extract_without_a_box_needs_bounds(extract):
    path = extract({1: (25.0, 60.0, {})})
    with pytest.raises(DataError, match="its header has no box"):
        openstreetmap_pbf().read(path, SPEC)


def test_a_category_that_does_not_exist_is_refused_by_name(town):
    with pytest.raises(DataError, match="openstreetmap_raster has no band castle"):
        openstreetmap_pbf().read(town, SPEC, bands=["castle"])
