"""Which training samples a low-label run uses: published lists of row numbers, one per share (evaluation.md 4.1)."""

from __future__ import annotations

import json

import fsspec
import numpy as np

from olmoearth_core.errors import ConfigError, DataError

FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_MOST_BYTES = 16 * 2**20


def checked_fraction(fraction: float, benchmark: str) -> float:
    """Return a share for which a list is published.

    Raises:
        ConfigError: there is none.
    """
    known = next((f for f in FRACTIONS if abs(f - fraction) < 1e-9), None)
    if known is None:
        listed = ", ".join(map(str, FRACTIONS))
        raise ConfigError(f"{benchmark}: label_fraction is {fraction}, expected one of {listed}; no others are listed.")
    return known


def chosen_rows(folder: str, fraction: float, count: int) -> np.ndarray:
    """Return row numbers int64 of the training samples that a share keeps, in the order of the list.

    folder: where `<share>x_train_partition.json` lies; it is not looked at for 1.0. count: rows there are.

    Raises:
        DataError: the list is not there, not one of whole numbers, or names rows that do not exist.
    """
    if fraction == 1.0:
        return np.arange(count)
    where = f"{folder.rstrip('/')}/{fraction:.2f}x_train_partition.json"
    try:
        with fsspec.open(where, "rb") as stream:
            rows = json.loads(stream.read(_MOST_BYTES))
    except FileNotFoundError as cause:
        raise DataError(f"{where}: not found. It lists the rows that label_fraction = {fraction} keeps.") from cause
    except (OSError, ValueError, RecursionError) as cause:
        raise DataError(f"{where}: cannot be read as JSON ({type(cause).__name__}). Get it again.") from cause
    if not isinstance(rows, list) or not rows or not all(type(row) is int for row in rows):
        raise DataError(f"{where}: expected a list of row numbers.")
    wrong = next((row for row in rows if not 0 <= row < count), None)
    if wrong is not None:
        raise DataError(f"{where}: names row {wrong}, but there are {count}. Is it the list of another data set?")
    if len(set(rows)) != len(rows):
        raise DataError(f"{where}: names a row twice. Get it again.")
    return np.asarray(rows, dtype=np.int64)
