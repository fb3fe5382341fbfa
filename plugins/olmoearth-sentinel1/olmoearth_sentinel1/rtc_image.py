"""What a GeoTIFF of backscatter says of itself: which band is which polarisation of when, and in which unit."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from olmoearth_core.errors import DataError
from olmoearth_core.readers.header import Header
from olmoearth_core.readers.layers import FileLayer, opened
from olmoearth_core.readers.times import moment, utc
from olmoearth_sentinel1.power import agreed, conversion, measure_in, unit_in, unit_of_hyp3
from olmoearth_sentinel1.product_name import EXPECTED

_BAND = re.compile(
    r"(?:(?P<time>\d{4}-\d{2}(?:-\d{2})?)[:_])?(?:(?:gamma|sigma)0[_ -])?(?P<channel>vv|vh|hh|hv)"
    r"(?P<after>(?:[_ -](?:gamma0|sigma0|power|intensity|amplitude|db))*)",
    re.IGNORECASE,
)
_BESIDE = ("angle", "localincidenceangle")
"""Bands that stand beside backscatter in exports and are left out."""
_MOST_BANDS = 4_000
_TAGS = ("units", "unit")


@dataclass(frozen=True)
class Bands:
    """Bands of one file. steps: time as in the names ("" = none) -> polarisation -> number from 1."""

    steps: Mapping[str, Mapping[str, int]]

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of all bands in use."""
        return tuple(number for step in self.steps.values() for number in step.values())


def named_bands(found: Header, declared: Sequence[str]) -> Bands:
    """Tell the bands of a stack apart. declared: names in order for files whose bands have none.

    Raises:
        DataError: they have no names or those of something else, or one occurs twice.
    """
    names = found.names if any(found.names) else tuple(declared)
    if found.bands > _MOST_BANDS or len(names) != found.bands:
        raise DataError(
            f"{found.path}: {found.bands} bands without names, and bands = names {len(declared)}. Declare each in "
            'order: bands = ["vv", "vh"].'
        )
    parsed = {n: _BAND.fullmatch(name) for n, name in enumerate(names, 1) if name.lower() not in _BESIDE}
    if strange := [names[n - 1] or "(none)" for n, parts in parsed.items() if parts is None]:
        raise DataError(
            f"{found.path}: bands {', '.join(strange[:6])} are not of Sentinel-1; expected names such as vv, "
            "2021-07:vv or 2021-07-21:vh. Is it another sensor's, or a mixed stack?"
        )
    steps: dict[str, dict[str, int]] = {}
    for number, parts in parsed.items():
        assert parts is not None
        step, channel = steps.setdefault(parts["time"] or "", {}), parts["channel"].lower()
        if channel in step:
            raise DataError(f"{found.path}: band {names[number - 1]} occurs twice. Give each band a name of its own.")
        step[channel] = number
    kept: dict[str, dict[str, int]] = {
        time: {c: step[c] for c in ("vv", "vh") if c in step} for time, step in steps.items()
    }
    if not all(kept.values()) or not kept:
        shown = ", ".join(sorted({c.upper() for step in steps.values() for c in step})) or "none"
        raise DataError(f"{found.path}: its polarisation is {shown}, expected {EXPECTED}.")
    return Bands(kept)


def time_of(text: str, found: Header, declared: datetime | None) -> datetime:
    """Return when a step was taken. Names of bands come first, then the declared time, tag `datetime`, the file's name.

    text: as in the names of bands, "" = none.

    Raises:
        DataError: nothing says it, or it is no date.
    """
    stem = os.path.splitext(os.path.basename(found.path))[0]
    time = utc(text) if text else declared or utc(found.tags.get("datetime", "")) or moment(stem)
    if time is None:
        what = f'"{text}" in the names of its bands is no date' if text else "nothing says when it was taken"
        raise DataError(f"{found.path}: {what}. Declare it: time = YYYY-MM-DD.")
    return time


def unit_of(found: Header, numbers: Sequence[int], said: str, option: str) -> str:
    """Return the unit that is declared: power, amplitude or db.

    said: words of the file's name. option: what the user declares, "" = nothing.

    Raises:
        DataError: nobody declares it, or two contradict each other.
    """
    return agreed(found.path, declared_units(found, numbers, said), option)


def declared_units(found: Header, numbers: Sequence[int], said: str) -> dict[str, str]:
    """Return who of a file declares -> unit, "" where it does not. numbers: of bands in use.

    Raises:
        DataError: one declaration names two.
    """
    name = unit_of_hyp3(os.path.basename(found.path))
    try:
        declared = dict(_declared(found, numbers))
        return {"tag units": "", "units and names of bands": "", **declared, "the file's name": name or unit_in(said)}
    except DataError as error:
        raise DataError(f"{found.path}: {error}") from error


def _declared(found: Header, numbers: Sequence[int]) -> Iterator[tuple[str, str]]:
    for key, text in found.tags.items():
        if key.lower() in _TAGS:
            yield f"its tag {key}", unit_in(text)
    for number in numbers:
        if unit := unit_in(found.units[number - 1]):
            yield f"the unit of band {number}", unit
        parts = _BAND.fullmatch(found.names[number - 1])
        if parts is not None and (unit := unit_in(re.sub("[_-]", " ", parts["after"]))):
            yield f"the name of band {number}", unit


def measure_of(found: Header) -> str:
    """Return gamma0 or sigma0 as tags, names of bands or the file's name say, otherwise "backscatter"."""
    said = [*(text for key, text in found.tags.items() if key.lower() in _TAGS), *found.names[:1]]
    names = [measure_in(text) for text in (*said, os.path.basename(found.path))]
    return next((name for name in names if name), "backscatter")


def require_plain(found: Header) -> None:
    """Refuse files without a place, and whole or scaled numbers, which are neither power nor decibels.

    Raises:
        DataError: says which.
    """
    if found.grid is None:
        raise DataError(
            f"{found.path}: has no CRS; it is in the geometry of the radar (GRD), or torn. Expected a terrain-"
            "corrected image on a map. A .SAFE product is read by sentinel1.grd_safe.v1."
        )
    if strange := sorted({dtype for dtype in found.dtypes if dtype not in ("float32", "float64")}):
        raise DataError(
            f"{found.path}: values are {', '.join(strange)}, expected float32 or float64. Whole numbers are scaled in "
            "a way that no unit tells. Convert them to power or decibels."
        )
    with opened(found.path) as raster:
        if set(raster.scales) != {1.0} or set(raster.offsets) != {0.0}:
            raise DataError(
                f"{found.path}: its header declares scale {raster.scales[0]:g} and offset {raster.offsets[0]:g}, "
                "expected 1 and 0. Convert the values."
            )


def layer(path: str, number: int, unit: str, nodata: float | None) -> FileLayer:
    """Return a band as linear power. nodata: stored value that means nothing, besides the file's own; null = none."""
    return FileLayer(path, number, () if nodata is None else (nodata,), conversion(unit, path))
