"""What the header of a stack says: which band is which, of when, and in which unit."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from olmoearth_core.errors import DataError
from olmoearth_core.readers.stack import Stack
from olmoearth_core.readers.times import moment, utc
from olmoearth_sentinel2.band_names import band, other_sensor
from olmoearth_sentinel2.images import known_bands
from olmoearth_sentinel2.reflectance import SCALE, as_offset

_NAME = re.compile(r"(?:(?P<time>\d{4}-\d{2}(?:-\d{2})?)[:_])?(?P<band>B0?[1-9]|B1[0-2]|B0?8A|SCL)", re.IGNORECASE)
_COUNTS = re.compile(r"DN\s*/\s*(?:10[, ]?000|1e4)|(?:\*|x|times)\s*(?:10[, ]?000|1e4)\b", re.IGNORECASE)
_NO_OFFSET = re.compile(r"\bno\b[^;,.]*\boffset\b|offset (?:was |is )?removed", re.IGNORECASE)
_ONLY_SENTINEL2 = ("B8A", "B12")
"""Bands that Landsat, which counts up to B11 without leading zeros, does not have."""
_MOST_BANDS = 13 * 1000


@dataclass(frozen=True)
class Header(Stack):
    """Of a GeoTIFF of Sentinel-2."""

    def units(self) -> tuple[str, int | None]:
        """Return what the values are ("" = not said) and the declared offset (None = not said).

        Raises:
            DataError: the header declares a scale that is not understood.
        """
        if (self.scale, self.offset) != (1.0, 0.0):
            if abs(self.scale - SCALE) > 1e-9:
                raise DataError(f"{self.path}: its header declares a scale of {self.scale:g}, expected {SCALE:g}.")
            return "reflectance_x10000", as_offset(self.path, self.offset)
        said = f"{self.tags.get('units', '')}; {self.tags.get('scale', '')}"
        if _COUNTS.search(said):
            return "reflectance_x10000", 0 if _NO_OFFSET.search(said) else None
        return "", None

    def evidence(self) -> str:
        """Return the declaration that `units` goes by, for messages."""
        if (self.scale, self.offset) != (1.0, 0.0):
            return f"header: scale {self.scale:g}, offset {self.offset:g}"
        return "; ".join(f'{tag}: "{self.tags[tag]}"' for tag in ("units", "scale") if tag in self.tags)


def header(path: str) -> Header:
    """Read the header of a file.

    Raises:
        DataError: it is missing or no raster.
    """
    return Header.open(path, most_bands=_MOST_BANDS)


def named(found: Header, declared: Sequence[str]) -> tuple[str, ...]:
    """Return the name of each band: as in the file, or as declared where the file has none.

    Raises:
        DataError: there are none, or their number does not fit.
    """
    alone = "Images of one file per band (NAME_B02.tif) are read by sentinel2.band_files.v1."
    return found.named(declared, alone=alone, known=f'bands = ["B02", ...] (known: {known_bands()})')


def steps(found: Header, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return time as in the names ("" = none) -> band -> number in the file, from 1.

    Raises:
        DataError: a name is no band of Sentinel-2 or occurs twice, or the file is another sensor's.
    """
    parsed = [_NAME.fullmatch(name) for name in names]
    strange = [name or "(none)" for name, parts in zip(names, parsed, strict=True) if parts is None]
    if strange:
        raise DataError(
            f"{found.path}: bands {', '.join(strange[:6])} are not of Sentinel-2; expected names such as B02, "
            f"2021-07:B02 or 2021-07-23:B02 (known: {known_bands()}). Is it another sensor's, or a mixed stack?"
        )
    by_time: dict[str, dict[str, int]] = {}
    for number, parts in enumerate(parsed, 1):
        assert parts is not None
        text = parts["band"].upper()
        name = "SCL" if text == "SCL" else str(band(text.replace("B08A", "B8A")))
        step = by_time.setdefault(parts["time"] or "", {})
        if name in step:
            raise DataError(f"{found.path}: band {names[number - 1]} occurs twice. Give each band a name of its own.")
        step[name] = number
    if not _is_sentinel2(found, names, by_time):
        raise DataError(
            f"{found.path}: bands {', '.join(names[:8])} may be Landsat's by their names, or are by the file's name or "
            "tags. Expected Sentinel-2 with names such as B02, or with B8A or B12 among them. Use a reader of Landsat."
        )
    return by_time


def _is_sentinel2(found: Header, names: Sequence[str], by_time: Mapping[str, Mapping[str, int]]) -> bool:
    said = " ".join([os.path.basename(found.path), *found.tags.values()])
    if other_sensor(os.path.basename(found.path)) or "landsat" in said.lower():
        return False
    padded = any(re.search(r"B0[1-9]|B08A", name, re.IGNORECASE) for name in names)
    return padded or any(b in step for step in by_time.values() for b in _ONLY_SENTINEL2)


def times(
    found: Header, by_time: Mapping[str, Mapping[str, int]], declared: datetime | None
) -> dict[datetime, dict[str, int]]:  # fmt: skip
    """Return time -> band -> number. Names come first, then the declared time, tag `datetime` and the file's name.

    Raises:
        DataError: nothing says the time, or one is no date.
    """
    return found.dated(by_time, declared, moment(_stem(found)), example="2021-07-23:B02")


def class_times(found: Header) -> dict[datetime, int]:
    """Return time -> number of the band that holds the scene classification of it, its name being the time.

    Raises:
        DataError: a name is no time, or one occurs twice.
    """
    dated: dict[datetime, int] = {}
    for number, name in enumerate(found.names, 1):
        time = utc(name.removesuffix(":SCL"))
        if time is None or time in dated:
            raise DataError(f'{found.path}: band {number} is named "{name}", expected a time of its own, 2021-07-23.')
        dated[time] = number
    return dated


def _stem(found: Header) -> str:
    return os.path.splitext(os.path.basename(found.path))[0]


def looks_like_sentinel2(found: Header, declared: Sequence[str]) -> bool:
    """Whether it is a stack of Sentinel-2 bands, by names."""
    try:
        return bool(steps(found, named(found, declared)))
    except DataError:
        return False
