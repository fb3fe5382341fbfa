"""Monthly means of irregular time series: which image belongs to which month, and which months are kept.

A patch keeps its first twelve months that have an optical image, of the fourteen that the data set spans.
"""

# T images, M months, C bands, H W pixels
from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from olmoearth_core.errors import DataError

SPAN = (*range(201809, 201813), *range(201901, 201911))
"""Year and month, YYYYMM, of the fourteen months."""
KEPT = 12


def by_frame(dates: Any, where: str) -> list[int]:
    """Return the month YYYYMM of each image. dates: {"0": 20180924, ...}, or that as text, as the publisher writes it.

    Raises:
        DataError: it is no such table.
    """
    try:
        table = json.loads(dates) if isinstance(dates, str) else dates
        days = [str(table[str(frame)]) for frame in range(len(table))]
    except (ValueError, TypeError, KeyError, RecursionError) as cause:
        raise DataError(f"{where}: expected a day for each image from 0 on ({type(cause).__name__}).") from cause
    wrong = next((day for day in days if not re.fullmatch(r"\d{4}(0[1-9]|1[0-2])[0-3]\d", day)), None)
    if wrong is not None:
        raise DataError(f"{where}: found {wrong[:20]!r}, expected a day as YYYYMMDD.")
    return [int(day[:6]) for day in days]


def kept(months: Sequence[int], where: str) -> tuple[int, ...]:
    """Return the first twelve months with an image, fewer where there are fewer.

    Raises:
        DataError: an image lies outside the fourteen months.
    """
    strange = sorted(set(months) - set(SPAN))
    if strange:
        raise DataError(f"{where}: an image of {strange[0]}, expected {SPAN[0]} to {SPAN[-1]}. Is it another release?")
    return tuple(month for month in SPAN if month in months)[:KEPT]


def means(frames_TCHW: np.ndarray, months: Sequence[int], wanted: Sequence[int]) -> np.ndarray:
    """Return the mean image of each wanted month, float32 [M,C,H,W]; NaN where a month has none."""
    out = np.full((len(wanted), *frames_TCHW.shape[1:]), np.nan, dtype=np.float32)
    for number, month in enumerate(wanted):
        here = [frame for frame, its_month in enumerate(months) if its_month == month]
        if here:
            out[number] = frames_TCHW[here].mean(axis=0, dtype=np.float64)
    return out


def timestamps(months: np.ndarray, where: str) -> np.ndarray:
    """Return int32 [M,3] = day, month 0-11, year of months YYYYMM: the first day of each.

    Raises:
        DataError: a number is no month.
    """
    years, numbers = np.divmod(months.astype(np.int64), 100)
    if not ((numbers >= 1) & (numbers <= 12) & (years >= 2000) & (years <= 2100)).all():
        raise DataError(f"{where}: found {months.tolist()}, expected months as YYYYMM.")
    return np.stack([np.ones_like(numbers), numbers - 1, years], axis=1).astype(np.int32)
