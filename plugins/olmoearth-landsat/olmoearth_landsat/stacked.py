"""Landsat images as one GeoTIFF with many bands, alone or over time, told apart by the names of the bands.

What the values are is taken from tags or declared, and never told from the values; the level follows from it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import xarray

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.layers import Convert
from olmoearth_core.readers.times import declared_time
from olmoearth_landsat.images import BandLayer, Images, array_of, require_level
from olmoearth_landsat.product import LEVELS, MODALITY, Level
from olmoearth_landsat.quality import NOT_CLEAR, mask_of, quality_layer, require_flags
from olmoearth_landsat.scaling import conversion, measured, require_scaling
from olmoearth_landsat.stack_header import IN_UNITS, NUMBERS, USGS_LEVEL2, Header, header, named, steps, times

UNITS = ("", NUMBERS, USGS_LEVEL2, IN_UNITS)
FILLS = (0, -999, -9999, -32768)
"""What makers of stacks write where nothing was measured, whatever their headers say; no reflectance is -0.0999."""


def stacked(
    *, units: str = "", bands: Sequence[str] = (), time: str = "", not_clear: Sequence[str] = NOT_CLEAR
) -> Reader:  # fmt: skip
    """Read Landsat 8/9 stacks: a GeoTIFF with bands named B4, SR_B4, ST_B10, 2021-07:B4 or 2021-07-23:B4.

    A month alone is dated to its first day. Bands named QA_PIXEL are the quality band. In values that are in the units
    of landsat_l2 already, -999, -9999 and -32768 are nothing as 0 is; other negative ones were measured. All bands of a
    file have one pixel size, so B8 here is as its maker resampled it.

    units: "digital_number" (Level-1), "usgs_level2" (numbers of Collection 2 Level-2, which are rescaled) or
        "reflectance_x10000_and_kelvin_x10" (as it is) where the tag `units` does not say it.
    bands: names of the file's bands in order, where it has none; of one time step where it has several.
    time: date and time, UTC, where neither bands, tag `datetime` nor file name say it.
    not_clear: flags of QA_PIXEL that hide the ground.
    """
    if units not in UNITS:
        raise ConfigError(f'units = "{units}": expected one of {", ".join(repr(u) for u in UNITS)}.')
    if isinstance(bands, str) or not all(isinstance(b, str) for b in bands):
        raise ConfigError(f'bands = {bands!r}: expected a list of names such as ["B1", "B2"].')
    return _Stacked(units, tuple(bands), declared_time(time), require_flags(not_clear))


@dataclass(frozen=True)
class _Stacked:
    units: str
    bands: tuple[str, ...]
    time: datetime | None
    not_clear: tuple[str, ...]
    name: str = "landsat.stacked.v1"

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(MODALITY.values()) if not self.units else (MODALITY[_level(self.units)],)

    def recognises(self, path: str) -> bool:
        if not path.lower().endswith((".tif", ".tiff")) or os.path.isdir(path):
            return False
        try:
            found = header(path)
            return found.is_landsat() and bool(steps(found, named(found, self.bands)))
        except (DataError, OSError):
            return False

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        found = header(path)
        numbers = self._numbers(found)
        units = self._units(found)
        level = _level(units)
        require_level(path, level, spec)
        _require_header(found, numbers, units)
        layers = {
            time: {
                b: BandLayer(path, n, FILLS if units == IN_UNITS else (0,), _convert(units, b))
                for b, n in by_band.items()
                if b in spec.band_order
            }
            for time, by_band in numbers.items()
        }  # fmt: skip
        return array_of(Images(path, level, layers), spec, self.name, bands)

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        found = header(path)
        numbers = self._numbers(found)
        require_level(path, _level(self._units(found)), spec)
        if not all("QA_PIXEL" in by_band for by_band in numbers.values()):
            return None
        masks = {t: quality_layer(path, self.not_clear, by_band["QA_PIXEL"]) for t, by_band in numbers.items()}
        return mask_of(dict(masks), BandLayer(path), self.not_clear)

    def _numbers(self, found: Header) -> dict[datetime, dict[str, int]]:
        by_time = steps(found, named(found, self.bands))
        if not (found.is_landsat() or self.units):
            raise DataError(
                f"{found.path}: neither its name nor a tag says Landsat 8 or 9, and other sensors' bands have the same "
                'names. If it is Landsat, declare units = "digital_number" or another of its units.'
            )
        return times(found, by_time, self.time)

    def _units(self, found: Header) -> str:
        said = found.units()
        if said and self.units not in ("", said):
            raise DataError(
                f'{found.path}: its tag units says "{found.tags["units"][:120]}", but units = "{self.units}" is '
                "declared. Leave it out."
            )
        units = said or self.units
        if not units:
            raise DataError(
                f"{found.path}: its tag units ({found.tags.get('units', 'there is none')[:120]!r}) does not say what "
                f"its values are. Declare units = {', '.join(repr(u) for u in UNITS[1:])}."
            )
        product = found.product()
        if product is not None and product.level != _level(units):
            raise DataError(
                f"{found.path}: its name says {LEVELS[product.level]}, but units = {units} is {LEVELS[_level(units)]}. "
                "Is the name or the declaration wrong?"
            )
        return units


def _level(units: str) -> Level:
    return "l1" if units == NUMBERS else "l2"


def _convert(units: str, band: str) -> Convert | None:
    if units == IN_UNITS:
        return measured
    return conversion(_level(units), band)


def _require_header(found: Header, numbers: Mapping[datetime, Mapping[str, int]], units: str) -> None:
    """Refuse a scale in the header that the unit in use does not have.

    Raises:
        DataError: names both.
    """
    if (found.scale, found.offset) == (1.0, 0.0):
        return
    if units == USGS_LEVEL2:
        by_number = {n: band for by_band in numbers.values() for band, n in by_band.items()}
        require_scaling(f"{found.path}, header", by_number[1], found.scale, found.offset)
        return
    raise DataError(
        f"{found.path}: its header declares scale {found.scale:g} and offset {found.offset:g}, but values in {units} "
        "have none. Declare the unit that its stored numbers have."
    )
