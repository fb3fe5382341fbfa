"""What the header of a stack says: which band is which, of when, and in which unit."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from olmoearth_core.errors import DataError
from olmoearth_core.readers.stack import Stack
from olmoearth_core.readers.times import moment
from olmoearth_landsat.product import ProductId, said_id

_NAME = re.compile(
    r"(?:(?P<time>\d{4}-\d{2}(?:-\d{2})?)[:_])?(?:S[RT]_)?(?P<band>B[1-9]|B1[01]|QA_PIXEL)", re.IGNORECASE
)
_REFLECTANCE = re.compile(r"reflectance\s*(?:\*|x|times)\s*(?:10[, ]?000|1e4)\b", re.IGNORECASE)
_KELVIN = re.compile(r"\bK(?:elvin)?\s*(?:\*|x|times)\s*10\b", re.IGNORECASE)
_NUMBERS = re.compile(r"level-1 digital numbers", re.IGNORECASE)
_LANDSAT = re.compile(r"landsat[ _-]?[89]?|(?<![A-Z0-9])L[CO]?0?[89](?![A-Z0-9])", re.IGNORECASE)
_OTHERS = re.compile(r"sentinel|MSIL?[12][AC]|landsat[ _-]?[4-7]", re.IGNORECASE)
_MOST_BANDS = 12 * 1000
IN_UNITS, NUMBERS, USGS_LEVEL2 = "reflectance_x10000_and_kelvin_x10", "digital_number", "usgs_level2"


@dataclass(frozen=True)
class Header(Stack):
    """Of a GeoTIFF of Landsat."""

    def units(self) -> str:
        """Return what its tag `units` says the values are, "" = not said."""
        said = self.tags.get("units", "")
        if _NUMBERS.search(said):
            return NUMBERS
        return IN_UNITS if self._says_units(said) else ""

    def _says_units(self, said: str) -> bool:
        """Whether the tag says the unit of each kind of band that there is."""
        bands = [name.upper() for name in self.names]
        heat = any(name.endswith(("B10", "B11")) for name in bands)
        light = any(re.search(r"B[1-7]$", name) for name in bands)
        return (
            bool(said) and (not heat or bool(_KELVIN.search(said))) and (not light or bool(_REFLECTANCE.search(said)))
        )

    def product(self) -> ProductId | None:
        """Return the identifier in the file's name, if any."""
        return said_id(self.path, os.path.basename(self.path))

    def is_landsat(self) -> bool:
        """Whether file name, tags or names of bands say so, and none says otherwise."""
        said = " ".join([os.path.basename(self.path), *self.tags.values()]).replace("_", " ")
        prefixed = any(re.search(r"(?:SR|ST)_B", name, re.IGNORECASE) for name in self.names)
        return not _OTHERS.search(said) and (prefixed or _LANDSAT.search(said) is not None)


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
    alone = "Images of one file per band (NAME_B4.TIF) are read by landsat.band_files.v1."
    return found.named(declared, alone=alone, known='bands = ["B1", ...] (known: B1 to B11, QA_PIXEL)')


def steps(found: Header, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return time as in the names ("" = none) -> band -> number in the file, from 1.

    Raises:
        DataError: a name is no band of Landsat or occurs twice.
    """
    parsed = [_NAME.fullmatch(name) for name in names]
    strange = [name or "(none)" for name, parts in zip(names, parsed, strict=True) if parts is None]
    if strange:
        raise DataError(
            f"{found.path}: bands {', '.join(strange[:6])} are not of Landsat 8 or 9; expected names such as B4, "
            "SR_B4, ST_B10, 2021-07:B4 or 2021-07-23:B4. Is it another sensor's, or a mixed stack?"
        )
    by_time: dict[str, dict[str, int]] = {}
    for number, parts in enumerate(parsed, 1):
        assert parts is not None
        name, step = parts["band"].upper(), by_time.setdefault(parts["time"] or "", {})
        if name in step:
            raise DataError(f"{found.path}: band {names[number - 1]} occurs twice. Give each band a name of its own.")
        step[name] = number
    return by_time


def times(
    found: Header, by_time: Mapping[str, Mapping[str, int]], declared: datetime | None
) -> dict[datetime, dict[str, int]]:  # fmt: skip
    """Return time -> band -> number. Names come first, then the declared time, tag `datetime` and the file's name.

    Raises:
        DataError: nothing says the time, or one is no date.
    """
    return found.dated(by_time, declared, _in_name(found), example="2021-07-23:B4")


def _in_name(found: Header) -> datetime | None:
    product = found.product()
    if product is not None:
        return product.day
    return moment(os.path.basename(found.path))
