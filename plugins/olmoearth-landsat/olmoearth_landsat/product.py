"""Which scene a product is and at which level, by the identifier that USGS gives it.

LC08_L1TP_017033_20140502_20200911_02_T1: sensor and satellite, level, path and row, day taken, day processed (left out
by some catalogues), collection, tier. Source: Landsat 8-9 Collection 2 Level-1 and Level-2 product guides
(https://www.usgs.gov/landsat-missions/landsat-collection-2), "naming convention".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from olmoearth_core.errors import DataError

Level = Literal["l1", "l2"]
MODALITY: dict[Level, str] = {"l1": "landsat", "l2": "landsat_l2"}
LEVELS: dict[Level, str] = {
    "l1": "Level-1 (digital numbers)",
    "l2": "Level-2 (surface reflectance and temperature)",
}
METERS = {**{f"B{number}": 30 for number in range(1, 12)}, "B8": 15}
"""Pixel size in which each band of Level-1 is delivered."""
LEVEL2_BANDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B10")
"""What a Level-2 product has: reflectance of B1 to B7 and the temperature of B10; no B8, B9 and B11."""

_ID = re.compile(
    r"L(?P<sensor>[A-Z])(?P<satellite>\d\d)_(?P<level>L[12][A-Z]{2})_(?P<place>\d{6})_(?P<taken>\d{8})_"
    r"(?:(?P<processed>\d{8})_)?(?P<collection>\d\d)_(?P<tier>T1|T2|RT|A1|A2)",
    re.IGNORECASE,
)
_EXPECTED = "expected Landsat 8 or 9, Collection 2 (such as LC08_L1TP_017033_20140502_20200911_02_T1)"


@dataclass(frozen=True)
class ProductId:
    """An identifier. sensor: "C" (all bands), "O" (without thermal bands) or "T" (thermal bands alone).

    processing: such as "L1TP". place: path and row. taken: day, as in the text.
    """

    text: str
    sensor: str
    processing: str
    place: str
    taken: str

    @property
    def level(self) -> Level:
        """Level-1 or Level-2."""
        return "l1" if self.processing.startswith("L1") else "l2"

    @property
    def day(self) -> datetime:
        """Midnight (UTC) of the day on which it was taken; DataError if that is no day."""
        try:
            return datetime.strptime(self.taken, "%Y%m%d").replace(tzinfo=UTC)
        except ValueError as error:
            raise DataError(f'{self.text}: "{self.taken}" in the identifier is no day, {_EXPECTED}.') from error

    def same_scene(self, other: ProductId) -> bool:
        """Whether two identifiers, of which one may lack the day of processing, are of one product."""
        mine = (self.sensor, self.processing, self.place, self.taken)
        return mine == (other.sensor, other.processing, other.place, other.taken) and self.satellite == other.satellite

    @property
    def satellite(self) -> str:
        """Two digits."""
        return self.text[2:4]


def product_id(where: str, text: str) -> ProductId:
    """Read an identifier at the beginning of a text.

    Raises:
        DataError: there is none, or it is of another satellite or collection.
    """
    found = _ID.match(text)
    if found is None:
        raise DataError(f'{where}: "{text[:80]}" is no Landsat product, {_EXPECTED}.')
    if found["satellite"] not in ("08", "09") or found["sensor"].upper() not in "COT":
        raise DataError(f"{where}: {found[0]} is of another Landsat, whose bands are others; {_EXPECTED}.")
    if found["collection"] != "02":
        raise DataError(f"{where}: {found[0]} is of Collection {int(found['collection'])}, {_EXPECTED}.")
    text = found[0].upper()
    return ProductId(text, found["sensor"].upper(), found["level"].upper(), found["place"], found["taken"])


def said_id(where: str, text: str) -> ProductId | None:
    """Return the first identifier anywhere in a text, or None; DataError if it is of another satellite."""
    found = _ID.search(text)
    return None if found is None else product_id(where, text[found.start() :])


def level_of(where: str, said: ProductId | None, declared: str) -> Level:
    """Return the level that a name says or the user declared.

    Raises:
        DataError: neither says it, or they contradict each other.
    """
    if said is None and not declared:
        raise DataError(
            f'{where}: its name does not say the level (as LC08_L1TP_... does). Declare it: level = "l1" for Level-1 '
            'digital numbers, level = "l2" for the numbers of Collection 2 Level-2.'
        )
    if said is not None and declared not in ("", said.level):
        raise DataError(f"{where}: {said.text} is {LEVELS[said.level]}, but level = {declared!r} is declared. Drop it.")
    return said.level if said is not None else declared  # type: ignore[return-value]
