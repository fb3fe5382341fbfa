"""Tie points of a scene as large as true ones place its pixels on the ground to a tenth of a pixel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from olmoearth_sentinel1.geocoding import Geocoding
from olmoearth_sentinel1.lookup import AzimuthBlock, Lookup, azimuth_factor
from rasterio.transform import Affine
from rasterio.warp import transform as to_crs

LINES, PIXELS = 16_700, 25_800
TURN = np.radians(12)
PLACE = Affine(
    10 * np.cos(TURN), 10 * np.sin(TURN), 400_000, 10 * np.sin(TURN), -10 * np.cos(TURN), 5_600_000
)  # fmt: skip
"""From column and row of a corner to UTM zone 31."""


@pytest.fixture(scope="module")
def geocoding():
    """10 x 21 tie points, as IW products have them."""
    rows, cols = np.linspace(0, LINES - 1, 10).round(), np.linspace(0, PIXELS - 1, 21).round()
    points = [(row, col) for row in rows for col in cols]
    x, y = zip(*(PLACE @ (col + 0.5, row + 0.5) for row, col in points), strict=True)
    lons, lats = to_crs("EPSG:32631", "EPSG:4326", x, y)
    return Geocoding("a", np.array([(*p, lat, lon) for p, lat, lon in zip(points, lats, lons, strict=True)]))


@pytest.mark.parametrize(("top", "left"), [(9_000, 12_000), (5_000, 20_000), (12_000, 7_000)])
def test_pixels_of_the_map_are_found_in_the_image_to_a_tenth_of_a_pixel(geocoding, top, left):
    grid = geocoding.grid(10.0, 100_000)
    assert grid.crs == "EPSG:32631"
    lines, pixels = geocoding.image_places(grid, slice(top, top + 100), slice(left, left + 70))
    x, y = grid.transform @ (
        np.tile(np.arange(left, left + 70) + 0.5, 100),
        np.repeat(np.arange(top, top + 100), 70) + 0.5,
    )
    cols, rows = ~PLACE @ (x, y)
    assert rows.min() > 0
    assert np.hypot(lines.ravel() - (rows - 0.5), pixels.ravel() - (cols - 0.5)).max() < 0.1


def test_the_map_holds_the_whole_image_and_begins_at_a_multiple_of_its_pixels(geocoding):
    grid = geocoding.grid(10.0, 100_000)
    corners = [PLACE @ place for place in ((0.5, 0.5), (PIXELS, 0.5), (0.5, LINES), (PIXELS, LINES))]
    left, bottom, right, top = grid.bounds
    assert all(left <= x <= right + 10 and bottom - 10 <= y <= top for x, y in corners)
    assert (left % 10, top % 10, grid.pixel) == (0, 0, (10, 10))


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 0.01), st.floats(0, 40), st.floats(0, 60))
def test_between_vectors_a_bilinear_function_is_met_exactly(down, across, both, row, col):
    def truth(rows, cols):
        return 100 + down * rows + across * cols + both * rows * cols

    lines, pixels = np.array([0.0, 10, 40]), (np.array([0.0, 60]), np.array([0.0, 20, 60]), np.array([0.0, 59, 60]))
    table = Lookup(lines, pixels, tuple(truth(line, cols) for line, cols in zip(lines, pixels, strict=True)))
    assert table.at(np.array([row]), np.array([col]))[0, 0] == pytest.approx(truth(row, col), rel=1e-9)


def test_beyond_the_outermost_vectors_values_stay():
    table = Lookup(np.array([10.0, 20]), (np.array([5.0, 6]),) * 2, (np.array([1.0, 2]), np.array([3.0, 4])))
    assert table.at(np.array([0.0, 99]), np.array([0.0, 99])).tolist() == [[1, 2], [3, 4]]


def test_the_factor_along_azimuth_holds_inside_of_its_block_with_both_ends():
    block = AzimuthBlock((1, 2), (1, 3), np.array([1.0, 2]), np.array([4.0, 8]))
    factor = azimuth_factor((block,), np.arange(4), np.arange(5))
    assert factor.tolist() == [[1] * 5, [1, 4, 4, 4, 1], [1, 8, 8, 8, 1], [1] * 5]
