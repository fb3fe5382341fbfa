"""How a band, a level, a day and a sensor are told from names that people give to files and bands."""

from __future__ import annotations

import re
from typing import Literal

from olmoearth_core.errors import DataError

Level = Literal["l2a", "l1c"]
METERS = {
    "B01": 60, "B02": 10, "B03": 10, "B04": 10, "B05": 20, "B06": 20, "B07": 20, "B08": 10, "B8A": 20, "B09": 60,
    "B10": 60, "B11": 20, "B12": 20,
}  # fmt: skip
"""Native pixel size of each band."""
MODALITY: dict[Level, str] = {"l2a": "sentinel2_l2a", "l1c": "sentinel2"}
LEVELS: dict[Level, str] = {"l2a": "Level-2A (surface reflectance)", "l1c": "Level-1C (top-of-atmosphere reflectance)"}

_BAND = re.compile(r"B0?([1-9]|1[0-2]|8A)", re.IGNORECASE)
_L2A = re.compile(r"MSI_?L?2A|(?<![A-Z0-9])L2A(?![A-Z0-9])")
_L1C = re.compile(r"MSI_?L?1C|(?<![A-Z0-9])L1C(?![A-Z0-9])")
_OTHERS = re.compile(r"^L[COTEM]\d\d_|^HLS\.|LANDSAT", re.IGNORECASE)


def band(text: str) -> str | None:
    """Return the band's name as in `METERS` ("B2", "b02" and "B02" are one), or None."""
    found = _BAND.fullmatch(text.strip())
    if found is None:
        return None
    number = found.group(1).upper()
    return f"B{number.zfill(2)}"


def level(text: str) -> Level | None:
    """Return the level that a name or a text says, or None if it says none or both."""
    said: list[Level] = [name for name, at in (("l2a", _L2A), ("l1c", _L1C)) if at.search(text.upper())]  # type: ignore[misc]
    return said[0] if len(said) == 1 else None


def modalities_of(declared: str) -> tuple[str, ...]:
    """Return the modalities that a reader gives: that of the declared level, or both."""
    return tuple(name for of, name in MODALITY.items() if declared in ("", of))


def level_of(where: str, text: str, declared: str) -> Level:
    """Return the level that a name says or the user declared.

    Raises:
        DataError: neither says it, or they contradict each other.
    """
    said = level(text)
    if said is None and declared == "":
        raise DataError(f'{where}: its name does not say L2A or L1C. Declare it: level = "l2a" or level = "l1c".')
    if said is not None and declared not in ("", said):
        raise DataError(f"{where}: its name says {LEVELS[said]}, but level = {declared!r} is declared. Leave it out.")
    return said or declared  # type: ignore[return-value]


def other_sensor(name: str) -> bool:
    """Whether a file name is of Landsat or of the harmonised Landsat-Sentinel set, whose bands have similar names."""
    return _OTHERS.search(name) is not None
