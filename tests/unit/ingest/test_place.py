"""A place has one cell, and the cell holds it."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from olmoearth_core.convert.grid import to_latlon
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.place import cell_at, project, utm

LON = st.one_of(st.floats(-180, 180), st.integers(-30, 30).map(lambda n: n * 6.0))
LAT = st.one_of(st.floats(-80, 84), st.sampled_from([0.0, -0.0, 1e-9, -1e-9, 84.0, -80.0]))


@settings(max_examples=200, deadline=None)
@given(LON, LAT)
def test_the_cell_of_a_place_contains_it(lon, lat):
    cell = cell_at(lon, lat)
    x, y = project(cell.crs, np.array([lon]), np.array([lat]))
    left, top = cell.top_left
    assert left <= x[0] <= left + cell.meters
    assert top - cell.meters <= y[0] <= top


@settings(max_examples=200, deadline=None)
@given(LON, LAT)
def test_the_centre_of_a_cell_lies_in_the_cell(lon, lat):
    cell = cell_at(lon, lat)
    latitude, longitude = cell.latlon()
    assume(-80 <= latitude <= 84 and utm(longitude, latitude) == cell.crs)
    assert cell_at(longitude, latitude) == cell


@pytest.mark.parametrize(
    ("lon", "lat", "crs"),
    [
        (0, 0, "EPSG:32631"), (-0.001, 0, "EPSG:32630"), (6, -1, "EPSG:32732"), (180, 10, "EPSG:32601"),
        (-180, 10, "EPSG:32601"), (179.999, -10, "EPSG:32760"), (5, 60, "EPSG:32631"), (10, 78, "EPSG:32632"),
    ],
)  # fmt: skip
def test_zones_are_the_plain_ones_also_in_norway_and_svalbard(lon, lat, crs):
    assert utm(lon, lat) == crs


@pytest.mark.parametrize(("lon", "lat"), [(0, 84.01), (0, -80.01), (181, 0), (0, float("nan")), (0, 91)])
def test_places_without_a_zone_are_refused_with_a_reason(lon, lat):
    with pytest.raises(DataError, match=r"no UTM beyond|no place on Earth"):
        cell_at(lon, lat)


def test_reference_rounding_is_one_cell_too_far_south_just_above_an_edge_and_equal_elsewhere():
    above, middle = (
        to_latlon("EPSG:32631", np.array([500_100.0]), np.array([y]))[0]
        for y in (2560 * 2000.0 + 0.3, 2560 * 2000.0 + 9)
    )
    assert cell_at(above[1], above[0]).row == -2001
    assert cell_at(above[1], above[0], rounding="reference").row == -2000
    assert cell_at(middle[1], middle[0], rounding="reference") == cell_at(middle[1], middle[0])
