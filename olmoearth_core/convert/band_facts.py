"""Count, mean, lowest and highest value of every band of an array, counted while the array is still in memory."""

from __future__ import annotations

import numpy as np

from olmoearth_core.convert.h5_writer import MISSING_VALUE

BandFacts = tuple[int, float | None, float | None, float | None]
"""Values that are there, their mean, the lowest and the highest; null where no value is there."""


def band_facts(array: np.ndarray) -> list[BandFacts]:
    """Return the facts of each band of [..., C]; -99999 and NaN are not values.

    Whole numbers are added exactly; others in float64, in the order of the array.
    """
    rows: np.ndarray = np.ascontiguousarray(array).reshape(len(array), -1)
    bands = array.shape[-1]
    low, high = rows.min(axis=0), rows.max(axis=0)
    if rows.dtype.kind == "f" and not (np.isfinite(low).all() and np.isfinite(high).all()):
        return _sparse(rows.reshape(-1, bands))
    if rows.dtype.kind != "u" and (low <= MISSING_VALUE).any():
        return _sparse(rows.reshape(-1, bands))
    wide = np.float64 if rows.dtype.kind == "f" else np.int64
    # Down the rows first: this adds long runs at once, where the last axis alone is a dozen values.
    total = rows.sum(axis=0, dtype=_partial(rows)).reshape(-1, bands).sum(axis=0, dtype=wide)
    lows, highs = low.reshape(-1, bands).min(axis=0), high.reshape(-1, bands).max(axis=0)
    count = rows.size // bands
    return [(count, float(t) / count, float(a), float(b)) for t, a, b in zip(total, lows, highs, strict=True)]


def _partial(rows: np.ndarray) -> type[np.generic]:
    if rows.dtype.kind == "f":
        return np.float64
    # 32 bits hold a column of fewer than 65,536 values of 16 bits, and are twice as fast.
    short = rows.dtype.itemsize <= 2 and len(rows) < 2**15
    return (np.uint32 if rows.dtype.kind == "u" else np.int32) if short else np.int64


def _sparse(values: np.ndarray) -> list[BandFacts]:
    return [_of_band(values[:, band]) for band in range(values.shape[-1])]


def _of_band(values: np.ndarray) -> BandFacts:
    there = values[(values != MISSING_VALUE) & np.isfinite(values)]
    if not there.size:
        return (0, None, None, None)
    total = there.sum(dtype=np.float64 if there.dtype.kind == "f" else np.int64)
    return (there.size, float(total) / there.size, float(there.min()), float(there.max()))
