"""Which number a crop has: its place in the HCAT3 list, from 1, in the order of the file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from olmoearth_core.errors import DataError

ENTRIES, FIRST, LAST = 384, 3_000_000_000, 3_399_000_000
"""Of the list that the published models know: its length, and the codes that have the ids 1 and 384."""
_COLUMN = "HCAT3_code"
_MOST = 1_000_000


def flat_ids(path: Path) -> Mapping[int, int]:
    """Return HCAT code -> flat id 1 to 384, of HCAT3.csv.

    Raises:
        DataError: the file is missing or not the list of 384 codes that the models know.
    """
    try:
        if path.stat().st_size > _MOST:
            raise DataError(f"{path}: {path.stat().st_size:,} bytes, too many for the HCAT3 list.")
        with path.open(newline="", encoding="utf-8") as file:
            codes = [int(row[_COLUMN]) for row in csv.DictReader(file)]
    except OSError as error:
        raise DataError(f"{path}: the HCAT3 list cannot be opened ({error.strerror}).") from error
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: no HCAT3 list; expected columns HCAT3_name and {_COLUMN}, whole numbers.") from error
    if (len(codes), codes[:1], codes[-1:]) != (ENTRIES, [FIRST], [LAST]) or len(set(codes)) != ENTRIES:
        ends = f"{codes[0]} to {codes[-1]}" if codes else "nothing"
        raise DataError(
            f"{path}: {len(codes)} codes ({ends}), expected {ENTRIES} from {FIRST} to {LAST}. Ids of another edition "
            "would mean other crops."
        )
    return {code: number for number, code in enumerate(codes, start=1)}
