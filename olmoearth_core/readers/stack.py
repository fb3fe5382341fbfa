"""One GeoTIFF with many bands, perhaps over time: what its header says, whoever the sensor is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from olmoearth_core.errors import DataError
from olmoearth_core.readers.layers import opened
from olmoearth_core.readers.times import utc


@dataclass(frozen=True)
class Stack:
    """The header of a stack; sensors add what they know of theirs.

    names: per band, "" where it has none. scale, offset: of the first band, 1 and 0 where nothing is declared.
    """

    path: str
    names: tuple[str, ...]
    tags: Mapping[str, str]
    scale: float
    offset: float

    @classmethod
    def open(cls, path: str, *, most_bands: int) -> Self:
        """Read the header of a file.

        Raises:
            DataError: it is missing, no raster, or has more bands than any stack.
        """
        if not os.path.isfile(path) and "://" not in path:
            raise DataError(f"{path}: not found, or no file. Give a GeoTIFF.")
        with opened(path) as raster:
            if not 1 <= raster.count <= most_bands:
                raise DataError(f"{path}: {raster.count} bands, expected 1 to {most_bands}. Give a GeoTIFF of bands.")
            names = tuple(name or "" for name in raster.descriptions)
            return cls(path, names, raster.tags(), raster.scales[0], raster.offsets[0])

    def named(self, declared: Sequence[str], *, alone: str, known: str) -> tuple[str, ...]:
        """Return the name of each band: as in the file, or as declared where the file has none.

        alone: who reads files of one band. known: example and names of bands, for messages.

        Raises:
            DataError: there are none, or their number does not fit.
        """
        if len(self.names) == 1:
            raise DataError(f"{self.path}: has one band, but a stack has several. {alone}")
        if any(self.names):
            return self.names
        if not declared:
            raise DataError(f"{self.path}: its {len(self.names)} bands have no names. Declare them in order: {known}.")
        if len(declared) != len(self.names):
            raise DataError(f"{self.path}: has {len(self.names)} bands, but bands = names {len(declared)}. Name each.")
        return tuple(declared)

    def dated(
        self,
        by_time: Mapping[str, Mapping[str, int]],
        declared: datetime | None,
        in_name: datetime | None,
        *,
        example: str,
    ) -> dict[datetime, dict[str, int]]:
        """Return time -> band -> number. Names of bands come first, then the declared time, tag `datetime`, file name.

        by_time: time as in the names ("" = none) -> band -> number. example: name of a band with a time.

        Raises:
            DataError: nothing says the time, or one is no date.
        """
        found: dict[datetime, dict[str, int]] = {}
        for text, numbers in by_time.items():
            time = utc(text) if text else declared or utc(self.tags.get("datetime", "")) or in_name
            if time is None:
                what = f'"{text}" in the names of its bands is no date' if text else "nothing says when it was taken"
                raise DataError(f"{self.path}: {what}. Declare it (time = YYYY-MM-DD), or name bands {example}.")
            found[time] = dict(numbers)
        return found
