"""How bands of 30 m are brought onto the grid of the panchromatic band of 15 m, on which they do not nest.

In Collection 2 the CENTRES of the two upper left pixels lie on the same point, so a scene of n x m pixels of 30 m has
2n - 1 x 2m - 1 of 15 m, and the corner of the grid of 15 m lies 7.5 m inside that of 30 m (Landsat 8-9 Calibration and
Validation Algorithm Description Document; sizes and corner points in every MTL). Every second pixel of 15 m therefore
lies across the border of two of 30 m.

Here each pixel of 15 m takes the value of the pixel of 30 m in which its centre lies, and on a border the right and
lower one. Values are never mixed and B8 is never moved, but bands of 30 m appear 7.5 m (a quarter of their pixel) up
and to the left of where they were measured. Ask for B8 and for the others one after the other where that matters:
alone, each lies exactly. The tile store does so, because it reads band sets one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.readers.layers import Grid, Layer

_EDGE = 0.26
"""Of a pixel of 30 m: 7.5 m and a little. Neighbouring scenes are off by 30 m or more."""
_ON_BORDER = 1e-6


@dataclass(frozen=True)
class Nearest:
    """A layer seen on a finer grid, each pixel taking the value under its centre; NaN where there is none."""

    layer: Layer
    own: Grid
    onto: Grid

    @property
    def place(self) -> str:
        """File and band, for messages."""
        return self.layer.place

    def grid(self) -> Grid:
        """The finer grid."""
        return self.onto

    def read(self, rows: slice, cols: slice) -> np.ndarray:
        """Return float32 [rows, cols] of the finer grid."""
        down, across = self._under(rows, 1), self._under(cols, 0)
        out = np.full((len(down), len(across)), np.nan, dtype=np.float32)
        inside = (down >= 0) & (down < self.own.height), (across >= 0) & (across < self.own.width)
        if not (inside[0].any() and inside[1].any()):
            return out
        down, across = down[inside[0]], across[inside[1]]
        part = self.layer.read(
            slice(int(down.min()), int(down.max()) + 1), slice(int(across.min()), int(across.max()) + 1)
        )  # fmt: skip
        out[np.ix_(*inside)] = part[np.ix_(down - down.min(), across - across.min())]
        return out

    def _under(self, wanted: slice, axis: int) -> np.ndarray:
        """Return the row (axis 1) or column (axis 0) of the layer under each centre of the finer grid."""
        centres = np.arange(wanted.start, wanted.stop) + 0.5
        fine, coarse = self.onto.transform, self.own.transform
        start, step = ((fine.c, fine.a), (fine.f, fine.e))[axis]
        origin, pixel = ((coarse.c, coarse.a), (coarse.f, coarse.e))[axis]
        return np.asarray(np.floor((start + step * centres - origin) / pixel + _ON_BORDER), dtype=np.int64)


def on_panchromatic(layers: Mapping[str, Layer], panchromatic: str = "B8") -> dict[str, Layer]:
    """Return layers of which all lie on the grid of the panchromatic band, if it is among them.

    Raises:
        DataError: a band is not of the same scene; names both files.
    """
    if panchromatic not in layers or len(layers) == 1:
        return dict(layers)
    pan = layers[panchromatic]
    grid = pan.grid()
    return {band: layer if band == panchromatic else onto(layer, pan, grid) for band, layer in layers.items()}


def onto(layer: Layer, pan: Layer, grid: Grid) -> Layer:
    """Return a layer of 30 m on the grid of 15 m, or as it is where it lies on the same. grid: of `pan`.

    Raises:
        DataError: they are not of the same scene; names both files.
    """
    own = layer.grid()
    if own == grid:
        return layer
    ratios = [coarse / fine for coarse, fine in zip(own.pixel, grid.pixel, strict=True)]
    near = np.allclose(own.bounds, grid.bounds, rtol=0, atol=_EDGE * max(own.pixel))
    if own.crs != grid.crs or not near or any(abs(ratio - 2) > 0.02 for ratio in ratios):
        raise DataError(
            f"{layer.place}: {own.width} x {own.height} pixels of {own.pixel[0]:g} x {own.pixel[1]:g} in {own.crs} "
            f"from {_corner(own)}; {pan.place}: {grid.width} x {grid.height} of {grid.pixel[0]:g} x "
            f"{grid.pixel[1]:g} in {grid.crs} from {_corner(grid)}. Expected bands of one scene, the panchromatic "
            "having pixels half as large. Fetch the product again."
        )
    return Nearest(layer, own, grid)


def _corner(grid: Grid) -> str:
    return f"({grid.bounds[0]:.10g}, {grid.bounds[3]:.10g})"
