"""Tiles seen as one layer: order, gaps, edges, and what is read; and headers, by which files are recognised."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import Affine

from olmoearth_core.errors import DataError
from olmoearth_core.readers.header import geotiff_header, header
from olmoearth_core.readers.layers import FileLayer, Grid
from olmoearth_core.readers.tiled import NamedTile, tiled, tiled_together


@dataclass(frozen=True)
class Square:
    """Four by four pixels of 10 m of one value, NaN in its middle; counts how often it is read."""

    value: float
    row: int
    col: int
    crs: str = "EPSG:32631"
    reads: list = field(default_factory=list)

    @property
    def place(self):
        return f"square {self.value:g}"

    def grid(self):
        return Grid(self.crs, Affine(10, 0, 500000 + 10 * self.col, 0, -10, 5000000 - 10 * self.row), 4, 4)

    def read(self, rows, cols):
        self.reads.append((rows, cols))
        values = np.full((4, 4), self.value, np.float32)
        values[1:3, 1:3] = np.nan
        return values[rows, cols]


def test_the_first_counts_where_tiles_overlap_and_others_fill_its_holes():
    whole = tiled("both", [Square(1, 0, 0), Square(2, 1, 2)])
    assert (whole.grid().height, whole.grid().width) == (5, 6)
    assert np.array_equal(
        whole.read(slice(0, 5), slice(0, 6)),
        np.array([
            [1, 1, 1, 1, np.nan, np.nan],
            [1, np.nan, 2, 1, 2, 2],
            [1, np.nan, 2, 1, np.nan, 2],
            [1, 1, 1, 1, np.nan, 2],
            [np.nan, np.nan, 2, 2, 2, 2],
        ]),
        equal_nan=True,
    )  # fmt: skip


@given(st.lists(st.tuples(st.integers(-6, 6), st.integers(-6, 6)), min_size=2, max_size=5), st.data())
def test_any_window_equals_the_same_part_of_the_whole(corners, data):
    whole = tiled("all", [Square(i, row, col) for i, (row, col) in enumerate(corners)])
    grid = whole.grid()
    everything = whole.read(slice(0, grid.height), slice(0, grid.width))
    top, left = data.draw(st.integers(0, grid.height - 1)), data.draw(st.integers(0, grid.width - 1))
    bottom, right = data.draw(st.integers(top + 1, grid.height)), data.draw(st.integers(left + 1, grid.width))
    part = whole.read(slice(top, bottom), slice(left, right))
    assert np.array_equal(part, everything[top:bottom, left:right], equal_nan=True)


def test_a_window_reads_the_tiles_below_it_alone():
    squares = [Square(1, 0, 0), Square(2, 0, 4), Square(3, 4, 0)]
    tiled("all", squares).read(slice(0, 1), slice(3, 5))
    assert [square.reads for square in squares] == [
        [(slice(0, 1), slice(3, 4))], [(slice(0, 1), slice(0, 1))], []
    ]  # fmt: skip


def test_one_tile_is_itself_and_a_band_without_tiles_is_nothing():
    square = Square(1, 0, 0)
    assert tiled("one", [square]) is square
    bands = tiled_together("all", {"a": [square], "b": []})
    assert np.isnan(bands["b"].read(slice(0, 4), slice(0, 4))).all()
    assert bands["a"].grid() == bands["b"].grid()


def test_tiles_of_another_projection_are_refused():
    with pytest.raises(DataError, match=r"square 2: .*EPSG:32632 does not continue square 1"):
        tiled("all", [Square(1, 0, 0), Square(2, 0, 4, "EPSG:32632")])


def geotiff(path, **profile):
    options = {"crs": "EPSG:32631", "transform": Affine(10, 0, 500000, 0, -10, 5000000)} | profile
    with rasterio.open(path, "w", driver="GTiff", width=3, height=2, count=1, dtype="uint8", **options) as raster:
        raster.write(np.full((2, 3), 7, "uint8"), 1)
        raster.descriptions, raster.units = ("red",), ("m",)
        raster.update_tags(title="a map")
    return str(path)


def test_a_header_tells_the_facts_without_pixels(tmp_path):
    found = header(geotiff(tmp_path / "a.tif"))
    assert (found.bands, found.dtypes, found.names, found.units, found.colours) == (
        1, ("uint8",), ("red",), ("m",), ("gray",)
    )  # fmt: skip
    assert (found.tags["title"], found.grid.crs, found.grid.bounds) == (
        "a map", "EPSG:32631", (500000, 4999980, 500030, 5000000)
    )  # fmt: skip


def test_recognising_never_raises(tmp_path):
    (tmp_path / "torn.tif").write_bytes(b"II*\0")
    (tmp_path / "a.txt").write_text("a")
    assert [geotiff_header(str(tmp_path / name)) for name in ("torn.tif", "a.txt", "missing.tif")] == [None] * 3
    assert geotiff_header(geotiff(tmp_path / "plain.TIF", crs=None)).grid is None


def test_a_tile_is_compared_with_its_name_when_it_is_read(tmp_path):
    layer = FileLayer(geotiff(tmp_path / "a.tif"))
    right = layer.grid()
    assert NamedTile(layer, right, ("uint8",)).read(slice(0, 1), slice(0, 2)).tolist() == [[7, 7]]
    moved = NamedTile(layer, Grid(right.crs, right.transform @ Affine.translation(1, 0), 3, 2))
    assert moved.grid().bounds[0] == 500010
    with pytest.raises(DataError, match=r"a\.tif, band 1: 3 x 2 pixels from \(500000, .* by its name .* \(500010, "):
        moved.read(slice(0, 1), slice(0, 1))
    with pytest.raises(DataError, match="values are uint8, expected int16"):
        NamedTile(layer, right, ("int16",)).read(slice(0, 1), slice(0, 1))
