"""A record of GEO-Bench 2 is a few images and what is known of them; views and labels are made of it."""

# T steps, C bands, H W pixels
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from olmoearth_benchmarks.dense.tensor_file import check_label_values
from olmoearth_benchmarks.geobench_v2.tortilla import Entry
from olmoearth_core.errors import DataError

UNDATED = (15, 6, 2020)
"""Day, month 0-11, year of a sample that does not say its own."""


@dataclass(frozen=True)
class Record:
    """The parts of one sample, in stored order."""

    where: str
    parts: tuple[Entry, ...]

    def image(self, number: int, bands: int) -> np.ndarray:
        """Return the first bands of a part, float32 [C,H,W].

        Raises:
            DataError: there is no such part, or it has fewer bands.
        """
        return self.described(number, bands)[0].astype(np.float32)

    def described(self, number: int, bands: int) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return the first bands of a part as they are stored, and their descriptions."""
        if number >= len(self.parts):
            raise DataError(f"{self.where}: {len(self.parts)} parts, expected {number + 1} or more. Get it again.")
        values, names = self.parts[number].image()
        if len(values) < bands:
            raise DataError(f"{self.parts[number].where}: {len(values)} bands, expected {bands} or more.")
        return values[:bands], names[:bands]

    def fact(self, column: str) -> Any:
        """Return what the table says of the first part, None if nothing."""
        return self.parts[0].facts.get(column) if self.parts else None

    def of(self, modality: str) -> int:
        """Return the number of the first part whose column "modality" says so.

        Raises:
            DataError: there is none.
        """
        for number, part in enumerate(self.parts):
            if part.facts.get("modality") == modality:
                return number
        raise DataError(f"{self.where}: no part of modality {modality}. Get the file again.")

    @property
    def day(self) -> tuple[int, int, int]:
        """Day, month 0-11 and year of `stac:time_start` (seconds since 1970), else `UNDATED`."""
        found = self.fact("stac:time_start")
        if isinstance(found, datetime):
            return found.day, found.month - 1, found.year
        if isinstance(found, int | float) and 0 < found < 4e9:
            time = datetime.fromtimestamp(found, UTC)
            return time.day, time.month - 1, time.year
        return UNDATED


Label = Callable[[Record], np.ndarray]
"""A record -> its label, as in `LabelledSample`."""


@dataclass(frozen=True)
class View:
    """How a modality is filled. bands: of the modality, in the order of C. read: values [T,C,H,W], NaN = not there."""

    bands: tuple[str, ...]
    read: Callable[[Record], np.ndarray]


def still(number: int, bands: Sequence[str], *, factor: float = 1.0) -> View:
    """Return the view that takes the first bands of one part, times a factor, for its one step."""
    return View(tuple(bands), lambda record: record.image(number, len(bands))[None] * np.float32(factor))


def mask(number: int, codes: Mapping[int, int], classes: int) -> Label:
    """Return the label that is the first band of a part. codes: stored value -> class, others stay as they are."""

    def read(record: Record) -> np.ndarray:
        stored = record.described(number, 1)[0][0]
        where = record.parts[number].where
        out = stored.astype(np.float64)
        for value, meaning in codes.items():
            out[stored == value] = meaning
        check_label_values(out, where, classes)
        return out.astype(np.int64)  # type: ignore[no-any-return]

    return read


def names(column: str, classes: Sequence[str], *, others: bool) -> Label:
    """Return the 0/1 label of a column that lists names of classes. others: whether unknown names are passed over."""

    def read(record: Record) -> np.ndarray:
        listed = record.fact(column)
        if not isinstance(listed, list | tuple):
            raise DataError(f"{record.where}: column {column} is {type(listed).__name__}, expected a list of names.")
        unknown = [name for name in listed if name not in classes]
        if unknown and not others:
            raise DataError(f'{record.where}: class "{str(unknown[0])[:80]}" is none of this dataset. Get it again.')
        return np.array([name in listed for name in classes], dtype=np.int64)

    return read
