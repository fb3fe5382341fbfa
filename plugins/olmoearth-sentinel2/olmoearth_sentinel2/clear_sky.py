"""Where a product says that the ground is seen.

Level-2A brings a scene classification (20 m). Not clear are no data (0), saturated or defective (1), cloud shadow (3),
cloud of medium and high probability (8, 9) and thin cirrus (10). Kept are shaded and dark areas (2), because water and
forest fall into it, unclassified (7), which is mostly bright ground, and snow (11), which is ground in winter.
Level-1C since baseline 04.00 brings opaque cloud, cirrus and snow as three bands at 60 m; older ones bring polygons,
which say nothing here. Source: https://sentiwiki.copernicus.eu/web/s2-processing (scene classification, cloud masks).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import xarray

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.readers.layers import FileLayer, Grid, Layer
from olmoearth_core.readers.scene import clear_sky

NOT_CLEAR = (0, 1, 3, 8, 9, 10)
CLASSES = range(12)


def require_classes(not_clear: Iterable[int]) -> tuple[int, ...]:
    """Return classes in order, each once.

    Raises:
        ConfigError: one is no class of the scene classification.
    """
    found = list(not_clear)
    if strange := [c for c in found if isinstance(c, bool) or c not in CLASSES]:
        raise ConfigError(f"not_clear: {strange[0]!r} is no class of the scene classification, expected 0 to 11.")
    return tuple(sorted(set(found)))


def seen(values: np.ndarray, not_clear: tuple[int, ...]) -> np.ndarray:
    """Return float32 1 where a scene class is clear and 0 elsewhere. values: classes, NaN where none."""
    clear = np.isfinite(values) & ~np.isin(values, not_clear)
    return np.asarray(clear, dtype=np.float32)


def is_zero(values: np.ndarray) -> np.ndarray:
    """Return float32 1 where a flag is not set and 0 elsewhere."""
    return np.asarray(values == 0, dtype=np.float32)


def is_there(values: np.ndarray) -> np.ndarray:
    """Return float32 1 where something was measured and 0 elsewhere."""
    return np.asarray(np.isfinite(values), dtype=np.float32)


def classes_layer(path: str, not_clear: tuple[int, ...], band: int = 1) -> FileLayer:
    """Return where a file with the scene classification is clear."""
    # Class 0 stays what it is, also where the file's tag calls it nothing.
    return FileLayer(path, band, convert=functools.partial(seen, not_clear=not_clear))


def cloud_mask_layer(path: str, measured: Layer) -> AllOf:
    """Return where the Level-1C mask of opaque cloud (band 1) and cirrus (band 2) is clear.

    measured: 1 where something was measured, on the same grid; the mask itself is 0 outside the swath too.
    """
    return AllOf((FileLayer(path, 1, convert=is_zero), FileLayer(path, 2, convert=is_zero), measured))


@dataclass(frozen=True)
class AllOf:
    """1 where all layers of one grid are 1, 0 elsewhere."""

    layers: tuple[Layer, ...]

    @property
    def place(self) -> str:
        """File and band of the first, for messages."""
        return self.layers[0].place

    def grid(self) -> Grid:
        """The grid that all have; DataError if one has another."""
        first = self.layers[0].grid()
        for layer in self.layers[1:]:
            if layer.grid() != first:
                raise DataError(f"{layer.place}: lies on another grid than {self.place}. Fetch the product again.")
        return first

    def read(self, rows: slice, cols: slice) -> np.ndarray:
        """Return float32 [rows, cols] of 0 and 1."""
        ones = [layer.read(rows, cols) == 1 for layer in self.layers]
        return np.asarray(np.stack(ones).all(axis=0), dtype=np.float32)


@dataclass(frozen=True)
class Repeated:
    """A layer on a finer grid, each pixel standing for `down` x `across`."""

    layer: Layer
    onto: Grid
    down: int
    across: int

    @property
    def place(self) -> str:
        """File and band, for messages."""
        return self.layer.place

    def grid(self) -> Grid:
        """The finer grid."""
        return self.onto

    def read(self, rows: slice, cols: slice) -> np.ndarray:
        """Return float32 [rows, cols] of the finer grid."""
        top, left = rows.start // self.down, cols.start // self.across
        part = self.layer.read(
            slice(top, -(-rows.stop // self.down)), slice(left, -(-cols.stop // self.across))
        )  # fmt: skip
        across = np.arange(cols.start, cols.stop) // self.across - left
        picked: np.ndarray = part[np.arange(rows.start, rows.stop) // self.down - top][:, across]
        return picked


def mask_of(layers: dict[datetime, Layer], bands: Sequence[Layer]) -> xarray.DataArray:
    """Return what `Reader.clear` promises, on the grid of the finest of some bands. layers: 1 = clear.

    Raises:
        DataError: mask and bands do not lie on grids that nest.
    """
    onto = min((band.grid() for band in bands), key=lambda grid: grid.pixel)
    return clear_sky({time: _onto(layer, onto) for time, layer in layers.items()})


def _onto(layer: Layer, onto: Grid) -> Layer:
    grid = layer.grid()
    down, across = onto.height / grid.height, onto.width / grid.width
    near = np.allclose(grid.bounds, onto.bounds, rtol=0, atol=onto.pixel[0] / 100)
    if grid.crs != onto.crs or not (near and down.is_integer() and across.is_integer()):
        raise DataError(
            f"{layer.place}: {grid.width} x {grid.height} pixels in {grid.crs} do not nest in the image's {onto.width} "
            f"x {onto.height} in {onto.crs}. Is it the mask of another scene?"
        )
    return layer if (down, across) == (1, 1) else Repeated(layer, onto, int(down), int(across))
