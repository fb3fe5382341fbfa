"""Pixels of one modality of one sample, out of the GeoTIFFs of the tile store.

Each file is opened once, checked against what its name and the table promise, and brought to the
sample's grid by repeating or by striding: the values are never mixed.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import rasterio
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile
from rasterio.windows import Window

from olmoearth_core.convert.grid import Cell
from olmoearth_core.convert.tiles import Tile, tile_path
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import TILE_PIXELS, BandSet, ModalitySpec
from olmoearth_core.readers.raster_limits import ALONE, require_bounded


def load(
    root: str | Path, spec: ModalitySpec, tile: Tile, cell: Cell, *, sources: dict[str, str] | None = None
) -> np.ndarray:
    """Read one modality of the sample at `cell`: [H, W, T, C], or [T, C] for modalities without rows and columns.

    The dtype is the files' own, promoted over band sets. sources: gets the files that were read, relative to the tile
    store, and their SHA-256. DataError names the file, what was found and expected.
    """
    read = {} if sources is None else sources
    parts = [_band_set(root, spec, tile, cell, band_set, read) for band_set in spec.band_sets]
    if not spec.spatial:
        series: np.ndarray = np.concatenate(parts, axis=1)
        return series
    if len(parts) == 1:
        return _to_grid(parts[0], _side(spec, cell))
    return _merged(parts, _side(spec, cell))


def _side(spec: ModalitySpec, cell: Cell) -> int:
    return TILE_PIXELS * spec.size_factor // (spec.grid_factor // cell.factor)


def _to_grid(pixels: np.ndarray, side: int) -> np.ndarray:
    return np.moveaxis(resize(np.moveaxis(pixels, (0, 1), (-2, -1)), side), (-2, -1), (0, 1))


def _merged(parts: list[np.ndarray], side: int) -> np.ndarray:
    """Put band sets [s, s, T, n] beside each other, each pixel of a coarse one in all places that it covers."""
    count = sum(part.shape[-1] for part in parts)
    merged = np.empty((side, side, parts[0].shape[2], count), np.result_type(*parts))
    first = 0
    for part in parts:
        kept = _to_grid(part, side) if part.shape[0] > side else part
        size, times = kept.shape[0], side // kept.shape[0]
        target = merged.reshape(size, times, size, times, *merged.shape[2:])
        target[..., first : first + part.shape[-1]] = kept[:, None, :, None]
        first += part.shape[-1]
    return merged


def _band_set(
    root: str | Path, spec: ModalitySpec, tile: Tile, cell: Cell, band_set: BandSet, sources: dict[str, str]
) -> np.ndarray:
    """Read one file: [s, s, T, n] in its own resolution, or [T, n]."""
    path = tile_path(root, spec, tile.cell, band_set)
    num_bands = len(band_set.bands)
    with _opened(path) as (raster, sha):
        sources[path.removeprefix(f"{str(root).rstrip('/')}/")] = sha
        _check(path, raster, spec, tile, band_set)
        if not spec.spatial:
            series: np.ndarray = raster.read().reshape(-1, num_bands)
            return series
        ratio = spec.grid_factor // cell.factor
        side = raster.width // ratio
        window = Window(cell.col % ratio * side, cell.row % ratio * side, side, side)
        pixels = np.empty((side, side, raster.count), np.result_type(*raster.dtypes))
        # GDAL writes through the strides, which is as fast as band by band and saves turning it round.
        raster.read(window=window, out=pixels.transpose(2, 0, 1))
    return pixels.reshape(side, side, -1, num_bands)


def resize(pixels: np.ndarray, side: int) -> np.ndarray:
    """Bring [..., s, s] to [..., side, side]: every (s/side)-th pixel from 0, or each repeated side/s times."""
    stored = pixels.shape[-1]
    if side < stored:
        step = stored // side
        return pixels[..., ::step, ::step]
    if side > stored:
        return pixels.repeat(side // stored, axis=-2).repeat(side // stored, axis=-1)
    return pixels


@contextmanager
def _opened(path: str) -> Iterator[tuple[Any, str]]:
    try:
        with warnings.catch_warnings(), rasterio.Env(**ALONE):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            if "://" in path:
                with fsspec.open(path, "rb") as file:
                    content = file.read()
                sha = hashlib.sha256(content).hexdigest()
                with MemoryFile(content) as memory, memory.open(driver="GTiff") as raster:
                    yield raster, sha
            else:
                with open(path, "rb") as file:
                    sha = hashlib.file_digest(file, "sha256").hexdigest()
                # Absolute, because a relative name with a colon ("EPSG:32632_...") looks like a URL.
                with rasterio.open(os.path.abspath(path), driver="GTiff") as raster:
                    yield raster, sha
    except FileNotFoundError:
        raise DataError(f"{path}: not found, although the table lists it. Write the tile or drop its rows.") from None
    except (RasterioError, CRSError) as error:
        missing = "://" not in path and not os.path.exists(path)
        found = "not found, although the table lists it" if missing else f"cannot be read ({_cause(error)})"
        raise DataError(f"{path}: {found}. Write the tile again or drop its rows.") from error


def _check(path: str, raster: Any, spec: ModalitySpec, tile: Tile, band_set: BandSet) -> None:
    require_bounded(path, raster)
    if strange := [kind for kind in raster.dtypes if np.dtype(kind).kind not in "iuf"]:
        raise DataError(f"{path}: holds {strange[0]}, expected whole numbers or floats. Write the tile again.")
    if raster.crs is None or raster.crs != rasterio.CRS.from_string(tile.cell.crs):
        found = f"its CRS is {raster.crs.to_string()}" if raster.crs else "it has no CRS, so it may be torn"
        raise DataError(f"{path}: {found}, but its name and table say {tile.cell.crs}. Reproject or fetch the tile.")
    side = spec.stored_pixels(band_set) if spec.spatial else None
    if raster.width != raster.height or (side and raster.width != side):
        expected = f"{side} x {side}" if side else "a square"
        raise DataError(f"{path}: {raster.width} x {raster.height} pixels, expected {expected} at {band_set.meters} m.")
    bands = len(band_set.bands) * len(tile.starts) * (1 if spec.spatial else 0)
    if bands and raster.count != bands:
        raise DataError(
            f"{path}: {raster.count} bands, but the table lists {len(tile.starts)} steps of {len(band_set.bands)} "
            f"bands ({', '.join(band_set.bands)}), that is {bands}. Write the missing bands or correct the table."
        )
    if not spec.spatial and raster.count * raster.width * raster.height != len(band_set.bands) * len(tile.starts):
        raise DataError(
            f"{path}: {raster.count} values, but the table lists {len(tile.starts)} steps of "
            f"{len(band_set.bands)} bands. Write the missing bands or correct the table."
        )


def _cause(error: BaseException) -> str:
    return " ".join(str(error.__cause__ or error).split())
