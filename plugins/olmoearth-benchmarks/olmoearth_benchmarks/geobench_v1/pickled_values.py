"""What the records of a pickle stand for: numbers, lists of numbers, dates. Decoded by hand, from their own bytes."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from olmoearth_benchmarks.geobench_v1.safe_pickle import Record

MOST_NUMBERS = 100_000


def whole_numbers(value: Any) -> int | list[int] | None:
    """Return a label as int or list of int; None where it is neither."""
    decoded = _plain(value)
    if isinstance(decoded, int):
        return int(decoded)
    if isinstance(decoded, list | tuple) and len(decoded) <= MOST_NUMBERS:
        numbers = [_plain(entry) for entry in decoded]
        kept = [int(number) for number in numbers if isinstance(number, int)]
        return kept if len(kept) == len(numbers) else None
    return None


def date(value: Any) -> datetime.date | None:
    """Return a day: of a pickled date or time, or of text such as 2020-07-01; None where there is none."""
    try:
        if isinstance(value, str):
            return datetime.date.fromisoformat(value[:10])
        if isinstance(value, Record) and value.of in ("datetime.date", "datetime.datetime") and value.args:
            return _day(value.args)
    except (ValueError, TypeError, OverflowError):
        return None
    return None


def _day(args: tuple[Any, ...]) -> datetime.date:
    # Python writes both with the year in two bytes, then month and day; others write plain numbers.
    packed = args[0]
    if isinstance(packed, bytes) and len(packed) in (4, 10):
        return datetime.date(packed[0] * 256 + packed[1], packed[2], packed[3])
    year, month, day = args[:3]
    return datetime.date(year, month, day)


def _plain(value: Any) -> Any:
    """Return an int, a list, or None: NumPy scalars and arrays of whole numbers become those."""
    if isinstance(value, bool | int | list | tuple):
        return value
    if not isinstance(value, Record):
        return None
    if value.of.endswith(".scalar") and len(value.args) == 2:
        numbers = _numbers(value.args[0], value.args[1])
        return numbers[0] if numbers is not None and len(numbers) == 1 else None
    if value.of.endswith("._reconstruct") and isinstance(value.state, tuple) and len(value.state) == 5:
        return _numbers(value.state[2], value.state[4])
    return None


def _numbers(dtype: Any, content: Any) -> list[int] | None:
    """Decode bytes by a pickled dtype; None unless it is one of whole numbers."""
    if not isinstance(dtype, Record) or dtype.of != "numpy.dtype" or not dtype.args or not isinstance(content, bytes):
        return None
    code, state = dtype.args[0], dtype.state
    if code not in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"):
        return None
    order = state[1] if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">") else "<"
    size = int(code[1])
    if len(content) % size or len(content) > size * MOST_NUMBERS:
        return None
    found: list[int] = np.frombuffer(content, dtype=f"{order}{code}").astype(np.int64).tolist()
    return found
