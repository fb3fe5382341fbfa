"""Pixels of a scene, brought onto one cell of the grid at the resolution of one band set.

Only the part of the scene under the cell is read. Where the scene lies on the cell's own pixels it is copied, bit by
bit; elsewhere GDAL resamples, placing pixels to an eighth of a source pixel or better. Values are mixed as they come:
linear power as power, never as decibel; classes never.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import CRSError, RasterioError
from rasterio.transform import Affine
from rasterio.warp import reproject
from rasterio.warp import transform as to_crs

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

_MARGIN = 4
"""Source or target pixels around the cell, whichever are larger: more than the kernel of any method here needs."""
_ALONG = 17
"""Points per side at which the outline of a cell is followed into another projection."""
_MOST = 2**29
"""Values that are read for one cell, at most: 2 GiB."""
_WHOLE = ("class_code", "presence")
"""Quantities whose values must not be mixed."""


@dataclass(frozen=True)
class Target:
    """A raster to fill: `pixels` x `pixels` of one projection."""

    crs: str
    transform: Affine
    pixels: int


def target(spec: ModalitySpec, cell: Cell, band_set: BandSet) -> Target:
    """Return the raster of one band set of a cell."""
    return Target(cell.crs, cell.transform(band_set.resolution_factor), spec.stored_pixels(band_set))


def onto(array: xarray.DataArray, spec: ModalitySpec, cell: Cell, band_set: BandSet) -> np.ndarray:
    """Bring a scene (`Reader.read`) onto a cell: float32 [T, n, s, s], NaN where the scene has nothing.

    n: bands of the set, in its order; those that the scene lacks are NaN. Scenes without rows and columns fill all s.

    Raises:
        DataError: the scene has no CRS or no regular grid, or the specification asks to mix classes.
    """
    if spec.quantity in _WHOLE and spec.resampling in ("bilinear", "average"):
        raise DataError(
            f'modality "{spec.name}": resampling "{spec.resampling}" would invent classes. Take nearest or mode.'
        )
    place = target(spec, cell, band_set)
    shape = (array.sizes["time"], len(band_set.bands), place.pixels, place.pixels)
    values = np.full(shape, np.nan, dtype=np.float32)
    there = [str(band) for band in array["band"].values]
    known = [band for band in band_set.bands if band in there]
    if known:
        channels = [band_set.bands.index(band) for band in known]
        wanted = array if known == there else array.isel(band=[there.index(band) for band in known])
        values[:, channels] = resampled(wanted, place, spec.resampling)
    return values


def resampled(array: xarray.DataArray, place: Target, method: str) -> np.ndarray:
    """Bring an array [..., y, x] onto a raster: float32 [..., s, s], NaN where it has nothing."""
    side = place.pixels
    if "x" not in array.dims:
        flat = np.asarray(array.values, dtype=np.float32)
        spread: np.ndarray = np.broadcast_to(flat[..., None, None], (*flat.shape, side, side)).copy()
        return spread
    out = np.full((*array.shape[:-2], side, side), np.nan, dtype=np.float32)
    crs, grid = _crs(array), _transform(array)
    if crs == CRS.from_string(place.crs) and _copied(array, grid, place, out):
        return out
    for part, moved in _parts(array, crs, grid, place):
        piece = _warped(part, crs, moved, place, method)
        np.copyto(out, piece, where=np.isnan(out))
    return out


def _crs(array: xarray.DataArray) -> CRS:
    import rioxarray  # noqa: F401  registers the accessor `.rio`

    if array.rio.crs is None:
        raise DataError(f"{_source(array)}: its array has no CRS. Tell the reader's author to write `spatial_ref`.")
    try:
        return CRS.from_user_input(array.rio.crs)
    except CRSError as error:
        raise DataError(f"{_source(array)}: its CRS cannot be used ({error}).") from error


def _transform(array: xarray.DataArray) -> Affine:
    x, y = (np.asarray(array[axis].values, dtype=np.float64) for axis in ("x", "y"))
    steps = [float(c[-1] - c[0]) / (len(c) - 1) if len(c) > 1 else 0.0 for c in (x, y)]
    across, down = steps[0] or abs(steps[1]), steps[1] or -abs(steps[0])
    for axis, centres, step in (("x", x, across), ("y", y, down)):
        if not step:
            raise DataError(f"{_source(array)}: one pixel alone has no size. Give a raster of two or more.")
        even = centres[0] + step * np.arange(len(centres))
        if np.abs(centres - even).max() > 0.1 * abs(step):
            raise DataError(f"{_source(array)}: {axis} is not evenly spaced, so it is no raster that can be warped.")
    return Affine(across, 0.0, x[0] - across / 2, 0.0, down, y[0] - down / 2)


def _source(array: xarray.DataArray) -> str:
    return str(array.attrs.get("source", "the array"))


def _copied(array: xarray.DataArray, grid: Affine, place: Target, out: np.ndarray) -> bool:
    """Copy where both grids are one; False where they are not."""
    pixel = abs(place.transform.a)
    if not np.allclose((grid.a, grid.e), (place.transform.a, place.transform.e), rtol=1e-9, atol=0):
        return False
    col, row = (place.transform.c - grid.c) / pixel, (grid.f - place.transform.f) / pixel
    if max(abs(col - round(col)), abs(row - round(row))) > 1e-4:
        return False
    (rows, into_rows), (cols, into_cols) = (
        _overlap(round(start), place.pixels, array.sizes[axis]) for start, axis in ((row, "y"), (col, "x"))
    )
    if rows.start < rows.stop and cols.start < cols.stop:
        out[..., into_rows, into_cols] = array.isel(y=rows, x=cols).values
    return True


def _overlap(start: int, wanted: int, length: int) -> tuple[slice, slice]:
    first, last = max(start, 0), min(start + wanted, length)
    return slice(first, last), slice(first - start, last - start)


def _parts(array: xarray.DataArray, crs: CRS, grid: Affine, place: Target) -> list[tuple[np.ndarray, Affine]]:
    """Return the parts of the array under the target, each with its transform; several at the antimeridian."""
    x, y = _outline(place, crs)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return []
    if not crs.is_geographic:
        return [p for p in [_part(array, grid, x, y, grid, place)] if p]
    x = x[0] + (x - x[0] + 180) % 360 - 180
    parts = []
    for copy in (0, 360, -360):
        here = x + copy
        if here.max() < -180 or here.min() > 180:
            continue
        for turn in (0, 360, -360):
            part = _part(array, grid, here + turn, y, Affine.translation(-turn, 0) @ grid, place)
            if part:
                parts.append(part)
    return parts


def _outline(place: Target, crs: CRS) -> tuple[np.ndarray, np.ndarray]:
    along = np.linspace(-1, place.pixels + 1, _ALONG)
    cols, rows = (c.ravel() for c in np.meshgrid(along, along))
    x, y = place.transform @ (cols, rows)
    found = to_crs(place.crs, crs, list(x), list(y))
    return np.asarray(found[0]), np.asarray(found[1])


def _part(
    array: xarray.DataArray, grid: Affine, x: np.ndarray, y: np.ndarray, moved: Affine, place: Target
) -> tuple[np.ndarray, Affine] | None:
    cols, rows = ~grid @ (x, y)
    spans = []
    for found, axis in ((rows, "y"), (cols, "x")):
        margin = _MARGIN * max(1.0, float(np.ptp(found)) / place.pixels)
        first = max(0, int(np.floor(found.min() - margin)))
        last = min(array.sizes[axis], int(np.ceil(found.max() + margin)))
        if first >= last or found.max() < 0 or found.min() > array.sizes[axis]:
            return None
        spans.append(slice(first, last))
    read = int(np.prod(array.shape[:-2])) * (spans[0].stop - spans[0].start) * (spans[1].stop - spans[1].start)
    if read > _MOST:
        raise DataError(
            f"{_source(array)}: {read:,} values under one cell, at most {_MOST:,}. Is its pixel size right?"
        )
    part = np.asarray(array.isel(y=spans[0], x=spans[1]).values, dtype=np.float32)
    return part, moved @ Affine.translation(spans[1].start, spans[0].start)


def _warped(part: np.ndarray, crs: CRS, grid: Affine, place: Target, method: str) -> np.ndarray:
    bands = part.reshape(-1, *part.shape[-2:])
    filled = np.full((len(bands), place.pixels, place.pixels), np.nan, dtype=np.float32)
    options: dict[str, Any] = {
        # Each band by its own gaps: by default GDAL takes a pixel for seen where any band of the file is.
        "UNIFIED_SRC_NODATA": "NO",
        "src_nodata": np.nan, "dst_nodata": np.nan, "resampling": Resampling[method],
    }  # fmt: skip
    try:
        reproject(
            bands, filled, src_transform=grid, src_crs=crs, dst_transform=place.transform, dst_crs=place.crs, **options
        )
    except RasterioError as error:
        raise DataError(f"a scene in {crs.to_string()} cannot be brought to {place.crs} ({error}).") from error
    shaped: np.ndarray = filled.reshape(*part.shape[:-2], place.pixels, place.pixels)
    return shaped
