"""Which variable of a weather file is which band, and the units in which it must come: nothing is converted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from olmoearth_core.errors import DataError, OtherModality
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_era5.daily_point import UNITS

MONTHLY = {
    "2m-temperature": "t2m",
    "2m-dewpoint-temperature": "d2m",
    "surface-pressure": "sp",
    "10m-u-component-of-wind": "u10",
    "10m-v-component-of-wind": "v10",
    "total-precipitation": "tp",
}
"""Band of the monthly modalities -> ECMWF's short name, as files and the daily modality call it."""

_SPELLINGS = {
    "K": ("k", "kelvin"),
    "Pa": ("pa",),
    "m/s": ("m/s", "m s**-1", "m s-1", "m s^-1"),
    "m": ("m", "metre", "metres", "meters"),
    "m w.e.": ("m", "m of water equivalent", "m w.e."),
    "J/m2": ("j m**-2", "j m-2", "j/m2", "j/m^2", "w*s/m^2"),
    "m3/m3": ("m**3 m**-3", "m3 m-3", "m3/m3", "m^3/m^3"),
}
"""Unit -> how files of several editions spell it."""


def short_name(band: str) -> str:
    """Return the file's variable of a band, such as "t2m" of "2m-temperature"."""
    return MONTHLY.get(band, band)


@dataclass(frozen=True)
class Choice:
    """Bands to give and the variables of the file that hold them, in one order."""

    bands: tuple[str, ...]
    variables: tuple[str, ...]


def choose(path: str, there: Sequence[str], spec: ModalitySpec, bands: Sequence[str] | None) -> Choice:
    """Return the bands of a specification that a file has, or those asked for.

    there: names of the file's variables that are known.

    Raises:
        DataError: one asked for is of another modality or not in the file. OtherModality: none of this one is there.
    """
    if strange := [band for band in bands or () if band not in spec.band_order]:
        raise DataError(f"{path}: {', '.join(strange)} is no band of {spec.name} ({', '.join(spec.band_order)}).")
    wanted = [b for b in spec.band_order if short_name(b) in there] if bands is None else list(bands)
    lacking = [f"{b} (variable {short_name(b)})" for b in wanted if short_name(b) not in there]
    if lacking or not wanted:
        kind = OtherModality if there and bands is None else DataError
        raise kind(
            f"{path}: has {', '.join(there) or 'no variable of weather that is known'}, expected "
            f"{', '.join(lacking) or ', '.join(short_name(b) for b in spec.band_order)}. Download these variables too."
        )
    return Choice(tuple(wanted), tuple(short_name(band) for band in wanted))


def check_unit(where: str, variable: str, unit: str) -> None:
    """Compare the unit that a file says with the one that the modalities take.

    Raises:
        DataError: it is another, or not said.
    """
    expected = UNITS[variable]
    if unit.strip().strip("[]").lower() not in _SPELLINGS[expected]:
        raise DataError(
            f'{where}: {variable} is in "{unit or "a unit that is not said"}", expected "{expected}". Give the file as '
            "ECMWF publishes it; values are not converted."
        )
