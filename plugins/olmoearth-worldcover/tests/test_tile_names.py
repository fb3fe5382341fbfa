"""Which tiles cover a place: edges belong to one tile, the antimeridian and the poles to tiles that exist."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from olmoearth_worldcover.tile_names import tile_named, tiles_of

from olmoearth_core.errors import DataError


def corners(*bounds, year=2021):
    return [name.split("_")[5] for name in tiles_of(*bounds, year=year)]


def test_names_are_those_of_the_product():
    assert tiles_of(60.1, 30.1, 60.2, 30.2) == ("ESA_WorldCover_10m_2021_v200_N30E060_Map.tif",)
    assert tiles_of(60.1, 30.1, 60.2, 30.2, year=2020) == ("ESA_WorldCover_10m_2020_v100_N30E060_Map.tif",)


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ((6, 0, 9, 3), ["N00E006"]),
        ((6, 0, 9.0001, 3), ["N00E006", "N00E009"]),
        ((5.9999, -0.0001, 6.1, 0.1), ["S03E003", "S03E006", "N00E003", "N00E006"]),
        ((6, 0, 6, 0), ["N00E006"]),
        ((-0.5, -0.5, -0.4, -0.4), ["S03W003"]),
        ((179.9, 10, -179.9, 11), ["N09E177", "N09W180"]),
        ((180, 10, 180, 10), ["N09W180"]),
        ((-180, 10, -180, 10), ["N09W180"]),
        ((179, 10, 180, 11), ["N09E177"]),
        ((180, 10, -179, 11), ["N09W180"]),
        ((179, 10, -180, 11), ["N09E177", "N09W180"]),
        ((0, 90, 0, 90), ["N87E000"]),
        ((0, 89, 1, 90), ["N87E000"]),
        ((0, -90, 1, -89), ["S90E000"]),
    ],
)
def test_edges_antimeridian_and_poles(bounds, found):
    assert corners(*bounds) == found


def test_the_whole_earth_has_120_times_60_tiles_each_once():
    names = tiles_of(-180, -90, 180, 90)
    assert len(names) == len(set(names)) == 7200
    assert (names[0].split("_")[5], names[-1].split("_")[5]) == ("S90W180", "N87E177")


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_every_place_lies_in_exactly_one_tile(lon, lat):
    (name,) = tiles_of(lon, lat, lon, lat)
    _, grid = tile_named(name)
    west, south, east, north = grid.bounds
    assert south - 1e-9 <= lat <= north + 1e-9
    assert west - 1e-9 <= (lon if lon < 180 else -180) <= east + 1e-9


@pytest.mark.parametrize("bounds", [(0, 1, 1, 0), (-181, 0, 0, 1), (0, 0, 1, 91), (float("nan"), 0, 1, 1)])
def test_bounds_that_are_no_place_are_refused(bounds):
    with pytest.raises(DataError, match="expected degrees"):
        tiles_of(*bounds)


def test_a_year_without_a_map_is_refused():
    with pytest.raises(DataError, match=r"WorldCover of 2019: expected 2020 \(v100\)"):
        tiles_of(0, 0, 1, 1, year=2019)


@pytest.mark.parametrize(
    "name",
    [
        "ESA_WorldCover_10m_2021_v100_N30E060_Map.tif",
        "ESA_WorldCover_10m_2021_v200_N31E060_Map.tif",
        "ESA_WorldCover_10m_2021_v200_N90E060_Map.tif",
        "ESA_WorldCover_10m_2021_v200_N30E060_InputQuality.tif",
    ],
)
def test_names_that_no_tile_has_are_none(name):
    assert tile_named(name) is None
