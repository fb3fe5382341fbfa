"""Layers put together: one array with names, places and times whose pixels are read when they are used.

Bands of several resolutions are brought to the finest by repeating pixels: values are never mixed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import xarray
from xarray.backends import BackendArray
from xarray.core import indexing

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.readers.layers import Grid, Layer


@dataclass(frozen=True)
class Product:
    """What the values of a scene are and where they come from.

    reader: name of the component. source: path or URL. units: text. quantity: as in `ModalitySpec.quantity`.
    """

    reader: str
    source: str
    units: str
    quantity: str


def scene(spec: ModalitySpec, layers: Mapping[datetime, Mapping[str, Layer]], product: Product) -> xarray.DataArray:
    """Put layers together: float32 (time, band, y, x), read when used.

    layers: time (UTC; without a zone it is taken as UTC) -> band -> layer; each time has the same bands.

    Raises:
        DataError: layers lie in different CRSs or on grids that do not nest; names both files.
    """
    times = sorted(layers)
    bands = list(layers[times[0]])
    if uneven := [t for t in times if list(layers[t]) != bands]:
        raise DataError(f"{product.source}: {uneven[0].isoformat()} has {list(layers[uneven[0]])}, others {bands}.")
    rows = [[layers[time][band] for band in bands] for time in times]
    grid, repeats = _finest([layer for row in rows for layer in row])
    shape = (len(times), len(bands), grid.height, grid.width)
    factors = [repeats[i * len(bands) : (i + 1) * len(bands)] for i in range(len(times))]
    lazy = indexing.LazilyIndexedArray(_Stack(rows, factors, shape))
    return _labelled(spec, lazy, bands, times, grid, product)


def clear_sky(layers: Mapping[datetime, Layer]) -> xarray.DataArray:
    """Put masks together: bool (time, y, x), read when used. layers: of values that are 1 where the ground is seen."""
    times = sorted(layers)
    grid, repeats = _finest([layers[time] for time in times])
    stack = _Stack([[layers[t]] for t in times], [[r] for r in repeats], (len(times), 1, grid.height, grid.width))
    lazy = indexing.LazilyIndexedArray(_Mask(stack))
    array = xarray.DataArray(xarray.Variable(("time", "y", "x"), lazy), coords=_coords(times, grid), name="clear")
    return _placed(array, grid)


def _labelled(
    spec: ModalitySpec, lazy: Any, bands: Sequence[str], times: Sequence[datetime], grid: Grid, product: Product
) -> xarray.DataArray:
    attrs = {
        "units": product.units, "quantity": product.quantity, "modality": spec.name, "reader": product.reader,
        "source": product.source,
    }  # fmt: skip
    variable = xarray.Variable(("time", "band", "y", "x"), lazy)
    coords = {**_coords(times, grid), "band": list(bands)}
    return _placed(xarray.DataArray(variable, coords=coords, name=spec.name, attrs=attrs), grid)


def _placed(array: xarray.DataArray, grid: Grid) -> xarray.DataArray:
    placed: xarray.DataArray = array.rio.write_crs(grid.crs, inplace=True)
    return placed


def _coords(times: Sequence[datetime], grid: Grid) -> dict[str, Any]:
    import rioxarray  # noqa: F401  registers the accessor `.rio`

    x, _ = grid.transform @ (np.arange(grid.width) + 0.5, np.full(grid.width, 0.5))
    _, y = grid.transform @ (np.full(grid.height, 0.5), np.arange(grid.height) + 0.5)
    moments = np.array([_utc(t).replace(tzinfo=None) for t in times], dtype="datetime64[ns]")
    return {"time": moments, "y": y, "x": x}


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _finest(layers: Sequence[Layer]) -> tuple[Grid, list[tuple[int, int]]]:
    """Return the finest grid and, per layer, how often its rows and columns are repeated on it."""
    grids = [layer.grid() for layer in layers]
    first = min(range(len(grids)), key=lambda i: grids[i].pixel)
    finest = grids[first]
    return finest, [_repeat(layers[first], finest, other, grid) for other, grid in zip(layers, grids, strict=True)]


def _repeat(first: Layer, finest: Grid, layer: Layer, grid: Grid) -> tuple[int, int]:
    if grid.crs != finest.crs:
        raise DataError(f"{layer.place}: lies in {grid.crs}, but {first.place} in {finest.crs}; expected one CRS.")
    rows, cols = finest.height / grid.height, finest.width / grid.width
    near = np.allclose(grid.bounds, finest.bounds, rtol=0, atol=finest.pixel[0] / 100)
    if not (near and rows.is_integer() and cols.is_integer()):
        raise DataError(
            f"{layer.place}: {grid.width} x {grid.height} pixels in {_rounded(grid)} do not nest in the "
            f"{finest.width} x {finest.height} of {first.place} in {_rounded(finest)}. Expected bands of one scene."
        )
    return int(rows), int(cols)


def _rounded(grid: Grid) -> str:
    return "(" + ", ".join(f"{edge:.10g}" for edge in grid.bounds) + ")"


class _Stack(BackendArray):
    """Reads windows of layers [time][band]."""

    def __init__(self, rows: Any, repeats: Any, shape: tuple[int, int, int, int]) -> None:
        self.rows, self.repeats, self.shape, self.dtype = rows, repeats, shape, np.dtype(np.float32)

    def __getitem__(self, key: Any) -> Any:
        support = indexing.IndexingSupport.BASIC
        return indexing.explicit_indexing_adapter(key, self.shape, support, self.window)

    def window(self, key: tuple[int | slice, ...]) -> np.ndarray:
        """Read a basic index (whole numbers and slices) into an array."""
        times, bands, rows, cols = (_span(k, n) for k, n in zip(key, self.shape, strict=True))
        out = np.empty((len(times), len(bands), len(rows), len(cols)), dtype=np.float32)
        if out.size:
            for i, time in enumerate(times):
                for j, band in enumerate(bands):
                    out[i, j] = _pixels(self.rows[time][band], rows, cols, self.repeats[time][band])
        kept: np.ndarray = out[tuple(0 if isinstance(k, int | np.integer) else slice(None) for k in key)]
        return kept


class _Mask(BackendArray):
    """A stack of one band, seen as true where its value is 1."""

    def __init__(self, stack: _Stack) -> None:
        self.stack, self.shape, self.dtype = stack, (stack.shape[0], *stack.shape[2:]), np.dtype(bool)

    def __getitem__(self, key: Any) -> Any:
        support = indexing.IndexingSupport.BASIC
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._window)

    def _window(self, key: tuple[int | slice, ...]) -> np.ndarray:
        clear: np.ndarray = self.stack.window((key[0], 0, *key[1:])) == 1
        return clear


def _span(key: int | slice, length: int) -> range:
    if isinstance(key, slice):
        return range(length)[key]
    return range(int(key) % length, int(key) % length + 1)


def _pixels(layer: Layer, rows: range, cols: range, repeat: tuple[int, int]) -> np.ndarray:
    (top, bottom), (left, right) = _cover(rows, repeat[0]), _cover(cols, repeat[1])
    read = layer.read(slice(top, bottom), slice(left, right))
    down, across = np.asarray(rows) // repeat[0] - top, np.asarray(cols) // repeat[1] - left
    picked: np.ndarray = read[down[:, None], across[None, :]]
    return picked


def _cover(wanted: range, repeat: int) -> tuple[int, int]:
    return min(wanted) // repeat, max(wanted) // repeat + 1
