"""Many files of one map seen as one layer: a window opens the files under it and no other.

Where tiles overlap, the first one counts that has a value there. Tiles must share one CRS and one lattice of pixels:
values are never resampled here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rasterio.transform import Affine

from olmoearth_core.errors import DataError
from olmoearth_core.readers.header import header
from olmoearth_core.readers.layers import FileLayer, Grid, Layer

_SLACK = 0.02
"""Share of a pixel by which tiles may lie off the common lattice: headers round."""


@dataclass(frozen=True)
class NamedTile:
    """A tile whose name tells its grid, so that the file is opened only when its pixels are wanted.

    dtypes: those that the product has; () = any.
    """

    layer: FileLayer
    expected: Grid
    dtypes: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """File and band, for messages."""
        return self.layer.place

    def grid(self) -> Grid:
        """Where its pixels lie, by its name."""
        return self.expected

    def read(self, rows: slice, cols: slice) -> np.ndarray:
        """Return float32 [rows, cols], NaN where nothing was measured.

        Raises:
            DataError: the file is missing or torn, lies elsewhere than its name says, or is of another type.
        """
        self.check()
        return self.layer.read(rows, cols)

    def check(self) -> None:
        """Compare the file's header with its name; DataError as in `read`."""
        found = header(self.layer.path)
        if self.dtypes and found.dtypes[self.layer.band - 1] not in self.dtypes:
            raise DataError(
                f"{self.place}: values are {found.dtypes[self.layer.band - 1]}, expected {' or '.join(self.dtypes)}. "
                "It was converted on the way; give the tile as it was published."
            )
        grid, slack = found.grid, self.expected.pixel[0] * _SLACK
        if grid is None or not _same(grid, self.expected, slack):
            raise DataError(
                f"{self.place}: {_told(grid) if grid else 'no CRS'}, but by its name it is {_told(self.expected)}. "
                "Give the tile as it was published, or a single file under another name."
            )


@dataclass(frozen=True)
class Part:
    """A layer and the row and column of the whole where its first pixel lies."""

    layer: Layer
    row: int
    col: int
    height: int
    width: int


@dataclass(frozen=True)
class TiledLayer:
    """Layers side by side. place: for messages. extent: the smallest grid that holds all."""

    place: str
    extent: Grid
    parts: tuple[Part, ...]

    def grid(self) -> Grid:
        """Where its pixels lie."""
        return self.extent

    def read(self, rows: slice, cols: slice) -> np.ndarray:
        """Return float32 [rows, cols], NaN where no tile has a value."""
        out = np.full((rows.stop - rows.start, cols.stop - cols.start), np.nan, dtype=np.float32)
        for part in self.parts:
            top, bottom = max(rows.start, part.row), min(rows.stop, part.row + part.height)
            left, right = max(cols.start, part.col), min(cols.stop, part.col + part.width)
            hole = out[top - rows.start : bottom - rows.start, left - cols.start : right - cols.start]
            # The edge that a tile shares with a neighbour is not worth opening a file for.
            if top < bottom and left < right and np.isnan(hole).any():
                piece = part.layer.read(
                    slice(top - part.row, bottom - part.row), slice(left - part.col, right - part.col)
                )
                np.copyto(hole, piece, where=np.isnan(hole))
        return out


def tiled(place: str, layers: Sequence[Layer]) -> Layer:
    """Put tiles side by side, the first counting where they overlap; one tile alone is returned as it is.

    Raises:
        DataError: tiles differ in CRS or pixel size, or lie between each other's pixels; names both.
    """
    return layers[0] if len(layers) == 1 else tiled_together(place, {"": layers})[""]


def tiled_together(place: str, groups: Mapping[str, Sequence[Layer]]) -> dict[str, TiledLayer]:
    """Put the tiles of several bands side by side on one grid that holds all; a band without tiles is NaN throughout.

    Raises:
        DataError: as in `tiled`.
    """
    layers = [layer for group in groups.values() for layer in group]
    grids = [layer.grid() for layer in layers]
    offsets = [_offset(layers[0], grids[0], layer, grid) for layer, grid in zip(layers, grids, strict=True)]
    top, left = min(row for row, _ in offsets), min(col for _, col in offsets)
    bottom = max(row + grid.height for (row, _), grid in zip(offsets, grids, strict=True))
    right = max(col + grid.width for (_, col), grid in zip(offsets, grids, strict=True))
    transform = grids[0].transform @ Affine.translation(left, top)
    extent = Grid(grids[0].crs, transform, right - left, bottom - top)
    parts = iter(
        [
            Part(layer, row - top, col - left, grid.height, grid.width)
            for layer, (row, col), grid in zip(layers, offsets, grids, strict=True)
        ]
    )
    return {name: TiledLayer(place, extent, tuple(next(parts) for _ in group)) for name, group in groups.items()}


def _offset(first: Layer, lattice: Grid, layer: Layer, grid: Grid) -> tuple[int, int]:
    """Return row and column of a tile's first pixel on the lattice of the first tile."""
    col, row = ~lattice.transform @ (grid.transform.c, grid.transform.f)
    # A pixel size that is off by this much is off by a hundredth of a pixel at the far end of a tile.
    same = np.allclose(
        (grid.transform.a, grid.transform.e), (lattice.transform.a, lattice.transform.e), rtol=1e-7, atol=0
    )
    if grid.crs != lattice.crs or not same or max(abs(col - round(col)), abs(row - round(row))) > _SLACK:
        raise DataError(
            f"{layer.place}: {_told(grid)} does not continue {first.place}, {_told(lattice)}. Tiles of one map must "
            "share CRS and pixels; give those that do, one folder each."
        )
    return round(row), round(col)


def _same(one: Grid, other: Grid, slack: float) -> bool:
    sizes = one.width == other.width and one.height == other.height
    return sizes and one.crs == other.crs and np.allclose(one.bounds, other.bounds, rtol=0, atol=slack)


def _told(grid: Grid) -> str:
    left, bottom, right, top = (f"{edge:.8g}" for edge in grid.bounds)
    return f"{grid.width} x {grid.height} pixels from ({left}, {bottom}) to ({right}, {top}) in {grid.crs}"
