"""Images and labels of one window: from files to arrays on the window's grid."""

# H W pixels, T steps, C bands
from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from olmoearth_benchmarks.dense.published_files import Folder
from olmoearth_benchmarks.windows.layout import MOST_BYTES, RASTER, VECTOR, Layer, Window, folder_of
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec

LOWEST_POWER = 1e-10
"""Linear backscatter below which decibels are not computed."""
_MOST_VALUES = 2**28


def read_step(
    folder: Folder, window: Window, layer: Layer, step: int, spec: ModalitySpec, *, fill: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return values and presence, [H,W,C], of one image.

    fill: a pixel of which all bands of a file hold the no-data value was not measured; False = it is shown.
    """
    left, top, right, bottom = window.bounds
    shape = (bottom - top, right - left, spec.num_bands)
    values, present = np.zeros(shape, np.float32), np.zeros(shape, bool)
    name = layer.name if step == 0 else f"{layer.name}.{step}"
    for bands in layer.band_sets:
        file = f"{name}/{folder_of(bands)}/{RASTER}"
        if file not in window.files or not set(bands) & set(spec.band_order):
            continue
        image_CHW = on_grid(_raster(folder, window, file, len(bands)), shape[:2], folder.where(file))
        finite_CHW = np.isfinite(image_CHW)
        if fill:
            power = spec.storage == "power_to_db"
            finite_CHW &= ~(image_CHW <= 0 if power else image_CHW == (spec.nodata or 0.0)).all(0)
        for at, band in enumerate(bands):
            if band in spec.band_order:
                place = spec.band_order.index(band)
                values[..., place], present[..., place] = image_CHW[at], finite_CHW[at]
    if spec.storage == "power_to_db":
        values = 10 * np.log10(np.maximum(np.nan_to_num(values), LOWEST_POWER))
    return np.where(present, values, 0).astype(np.float32), present


def on_grid(image_CHW: np.ndarray, shape: tuple[int, int], where: str) -> np.ndarray:
    """Return an image of the window in the window's pixels; a coarser or finer one is taken at its nearest pixels."""
    height, width = image_CHW.shape[1:]
    if height * shape[1] != width * shape[0]:
        raise DataError(f"{where}: {height} x {width} pixels do not cover a window of {shape[0]} x {shape[1]}.")
    if (height, width) == shape:
        return image_CHW
    rows, columns = (np.arange(side) * own // side for side, own in zip(shape, (height, width), strict=True))
    chosen: np.ndarray = image_CHW[:, rows[:, None], columns]
    return chosen


def label_raster(folder: Folder, window: Window, layer: Layer) -> tuple[np.ndarray, float | None]:
    """Return the label image [H,W], as it is stored, and the value of its pixels without data."""
    (bands,) = layer.band_sets[:1] or ((),)
    file = f"{layer.name}/{folder_of(bands)}/{RASTER}"
    if len(bands) != 1 or file not in window.files:
        raise DataError(f"{folder.where(file)}: a label layer has one image of one band.")
    with folder.raster(_inside(window, file)) as raster:
        nodata = raster.nodata
    left, top, right, bottom = window.bounds
    image = on_grid(_raster(folder, window, file, 1), (bottom - top, right - left), folder.where(file))
    return image[0], nodata


def label_property(folder: Folder, window: Window, layer: Layer, name: str) -> Any:
    """Return a property of the first feature that has it, None if there is none."""
    file = f"{layer.name}/{VECTOR}"
    where = folder.where(_inside(window, file))
    try:
        features = json.loads(folder.read(_inside(window, file), MOST_BYTES))["features"]
        return next(
            (f["properties"][name] for f in features if (f.get("properties") or {}).get(name) is not None), None
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as cause:
        raise DataError(f"{where}: is no collection of features ({type(cause).__name__}).") from cause


def has_label(window: Window, layer: Layer) -> bool:
    """Whether a window has a file of its label layer."""
    if layer.kind == "vector":
        return f"{layer.name}/{VECTOR}" in window.files
    return any(f"{layer.name}/{folder_of(bands)}/{RASTER}" in window.files for bands in layer.band_sets)


def _inside(window: Window, file: str) -> str:
    return f"{window.group}/{window.name}/layers/{file}"


def _raster(folder: Folder, window: Window, file: str, bands: int) -> np.ndarray:
    name = _inside(window, file)
    with folder.raster(name) as raster:
        if raster.count != bands or math.prod((raster.count, raster.height, raster.width)) > _MOST_VALUES:
            raise DataError(
                f"{folder.where(name)}: has {raster.count} bands of {raster.height} x {raster.width} pixels, expected "
                f"{bands} bands of a window. Files with several time steps are not read."
            )
        image: np.ndarray = raster.read()
    return image


def latlon(window: Window) -> np.ndarray:
    """Return latitude and longitude of the middle of a window, degrees; zeros where its projection is not known."""
    from rasterio.crs import CRS
    from rasterio.errors import RasterioError
    from rasterio.warp import transform

    left, top, right, bottom = window.bounds
    x, y = (left + right) / 2 * window.resolution[0], (top + bottom) / 2 * window.resolution[1]
    try:
        (lon,), (lat,) = transform(CRS.from_string(window.crs), CRS.from_epsg(4326), [x], [y])
    except (RasterioError, ValueError):
        return np.zeros(2, np.float32)
    return np.nan_to_num(np.array([lat, lon], np.float32), posinf=0.0, neginf=0.0)


def axis(dates: Sequence[Sequence[Any]]) -> tuple[int, list[np.ndarray]]:
    """Put the steps of several modalities on one axis: which is that of the longest, and the place of each step.

    Modalities of equal length go step by step; a shorter one puts each step where the longest has the nearest date.
    """
    longest = max(range(len(dates)), key=lambda i: len(dates[i]))
    days = np.array([np.datetime64(day, "s") for day in dates[longest]]).astype(np.int64)
    places = []
    for own in dates:
        mine = np.array([np.datetime64(day, "s") for day in own]).astype(np.int64)
        same = len(mine) == len(days)
        places.append(np.arange(len(days)) if same else np.abs(mine[:, None] - days).argmin(1))
    return longest, places
