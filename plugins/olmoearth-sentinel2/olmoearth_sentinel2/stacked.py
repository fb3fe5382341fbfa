"""Sentinel-2 images as one GeoTIFF with many bands, alone or over time, told apart by the names of the bands.

What the values are is taken from tags or declared, and never told from the values.
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
from olmoearth_sentinel2.band_names import level_of, modalities_of
from olmoearth_sentinel2.clear_sky import NOT_CLEAR, classes_layer, mask_of, require_classes
from olmoearth_sentinel2.images import BandLayer, Images, array_of, require_level, require_options
from olmoearth_sentinel2.reflectance import conversion, of_fractions
from olmoearth_sentinel2.stack_header import Header, class_times, header, looks_like_sentinel2, named, steps, times

UNITS = ("", "reflectance_x10000", "reflectance")


def stacked(
    *, level: str = "", units: str = "", offset: int = 0, bands: Sequence[str] = (), time: str = "",
    classes: str = "", not_clear: Sequence[int] = NOT_CLEAR,
) -> Reader:  # fmt: skip
    """Read Sentinel-2 stacks: a GeoTIFF with bands named B02, 2021-07:B02 or 2021-07-23:B02, as of Earth Engine.

    A month alone is dated to its first day. Bands named SCL are the scene classification.

    level: "l2a" or "l1c" where the file's name does not say it.
    units: "reflectance_x10000" (digital numbers) or "reflectance" (fractions) where tags (`units`, `scale`) and header
        do not say it.
    offset: what still has to be added to the digital numbers, 0 or -1000; a header that says otherwise is refused.
    bands: names of the file's bands in order, where it has none; of one time step where it has several.
    time: date and time, UTC, where neither bands, tag `datetime` nor file name say it.
    classes: name of a file beside the stack with the scene classification, its bands named by time (2021-07-23).
    not_clear: classes of the scene classification where the ground is not seen.
    """
    require_options(level=level, offset=offset)
    if units not in UNITS:
        raise ConfigError(f'units = "{units}": expected one of {", ".join(repr(u) for u in UNITS)}.')
    if isinstance(bands, str) or not all(isinstance(b, str) for b in bands):
        raise ConfigError(f'bands = {bands!r}: expected a list of names such as ["B02", "B03"].')
    if classes != os.path.basename(classes):
        raise ConfigError(f'classes = "{classes}": expected the name of a file beside the stack, without folders.')
    return _Stacked(level, units, offset, tuple(bands), declared_time(time), classes, require_classes(not_clear))


@dataclass(frozen=True)
class _Stacked:
    level: str
    units: str
    offset: int
    bands: tuple[str, ...]
    time: datetime | None
    classes: str
    not_clear: tuple[int, ...]
    name: str = "sentinel2.stacked.v1"

    @property
    def modalities(self) -> tuple[str, ...]:
        return modalities_of(self.level)

    def recognises(self, path: str) -> bool:
        if not path.lower().endswith((".tif", ".tiff")) or os.path.isdir(path):
            return False
        try:
            return looks_like_sentinel2(header(path), self.bands)
        except (DataError, OSError):
            return False

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        found = header(path)
        numbers = self._numbers(found)
        level = level_of(path, os.path.basename(path), self.level)
        require_level(path, level, spec)
        convert = self._convert(found)
        layers = {
            time: {b: BandLayer(path, n, (0,), convert) for b, n in by_band.items() if b != "SCL"}
            for time, by_band in numbers.items()
        }
        return array_of(Images(path, level, layers), spec, self.name, bands)

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        numbers = self._numbers(header(path))
        require_level(path, level_of(path, os.path.basename(path), self.level), spec)
        file, by_time = self._classes(path, numbers)
        if not by_time:
            return None
        masks = {time: classes_layer(file, self.not_clear, number) for time, number in by_time.items()}
        return mask_of(dict(masks), [BandLayer(path)])

    def _classes(self, path: str, numbers: Mapping[datetime, Mapping[str, int]]) -> tuple[str, dict[datetime, int]]:
        """Return the file with the classes, and time -> band in it; none if there are none."""
        if not self.classes:
            here = {time: by_band["SCL"] for time, by_band in numbers.items() if "SCL" in by_band}
            return path, here if len(here) == len(numbers) else {}
        file = os.path.join(os.path.dirname(path), self.classes)
        there = class_times(header(file))
        if missing := [time for time in numbers if time not in there]:
            raise DataError(f"{file}: has no classes of {missing[0].isoformat()}, but {path} has that time.")
        return file, {time: there[time] for time in numbers}

    def _numbers(self, found: Header) -> dict[datetime, dict[str, int]]:
        return times(found, steps(found, named(found, self.bands)), self.time)

    def _convert(self, found: Header) -> Convert | None:
        units, offset = found.units()
        if units and self.units not in ("", units):
            raise DataError(
                f'{found.path}: its tags say "{units}" ({found.evidence()}), but units = "{self.units}" is declared. '
                "Leave it out."
            )
        units = units or self.units
        if not units:
            raise DataError(
                f"{found.path}: no tag says what its values are (looked for units, scale, and scale and offset in the "
                'header). Declare units = "reflectance_x10000" for digital numbers or "reflectance" for fractions.'
            )
        if offset is not None and offset != self.offset:
            raise DataError(
                f"{found.path}: {found.evidence()} says an offset of {offset}, but offset = {self.offset} is in use. "
                f"Give offset = {offset}."
            )
        if units == "reflectance" and self.offset:
            raise DataError(f"{found.path}: holds fractions, from which no offset is removed here. Give offset = 0.")
        return of_fractions if units == "reflectance" else conversion(self.offset)
