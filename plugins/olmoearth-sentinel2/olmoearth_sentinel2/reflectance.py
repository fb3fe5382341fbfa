"""How stored numbers become reflectance x 10000, the unit of both modalities.

Since processing baseline 04.00 (25 January 2022) ESA adds 1000 to all bands so that dark surfaces need no negative
numbers, and says so in the metadata as an offset of -1000. 0 still means that nothing was measured.
Source: https://sentiwiki.copernicus.eu/web/s2-products (Level-1C and Level-2A, radiometric offset).
"""

from __future__ import annotations

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.readers.layers import Convert, opened

OFFSETS = (0, -1000)
"""What may still have to be added to digital numbers."""
SCALE = 1e-4
"""Reflectance per digital number."""


def conversion(offset: int) -> Convert | None:
    """Return what turns digital numbers into reflectance x 10000. offset: one of `OFFSETS`."""
    assert offset in OFFSETS
    return harmonised if offset else None


def harmonised(values: np.ndarray) -> np.ndarray:
    """Return max(DN, 1000) - 1000, and 1 where that is 0, because 0 would mean that nothing was measured.

    values: float32, NaN where nothing was measured.
    """
    removed: np.ndarray = np.maximum(values - np.float32(1000), np.float32(1))
    return removed


def of_fractions(values: np.ndarray) -> np.ndarray:
    """Return reflectance x 10000 of reflectance as a fraction (float32)."""
    scaled: np.ndarray = values * np.float32(10000)
    return scaled


def as_offset(where: str, value: float) -> int:
    """Return an offset of reflectance (such as -0.1) or of digital numbers (-1000) in digital numbers.

    Raises:
        DataError: it is neither 0 nor -1000.
    """
    numbers = value / SCALE if abs(value) < 1 else value
    near = next((offset for offset in OFFSETS if abs(numbers - offset) < 1e-3), None)
    if near is None:
        raise DataError(
            f"{where}: the offset is {value:g}, expected 0 or -1000 (-0.1 as reflectance). Is it another product?"
        )
    return near


def agree_with_header(path: str, offset: int) -> None:
    """Refuse a file whose header declares another offset or scale than the one in use.

    Raises:
        DataError: names both.
    """
    with opened(path) as raster:
        scale, declared = raster.scales[0], raster.offsets[0]
    if (scale, declared) == (1.0, 0.0):
        return
    if abs(scale - SCALE) > 1e-9:
        raise DataError(f"{path}: its header declares a scale of {scale:g}, expected {SCALE:g}. Convert the values.")
    if as_offset(f"{path}, header", declared) != offset:
        raise DataError(
            f"{path}: its header declares an offset of {declared:g} (reflectance), but offset = {offset} is in use. "
            f"Give offset = {as_offset(path, declared)}."
        )
