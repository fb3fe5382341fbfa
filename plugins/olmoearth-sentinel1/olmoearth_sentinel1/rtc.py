"""Sentinel-1 backscatter on a map: terrain-corrected GeoTIFFs, one file per polarisation or one with many bands.

Providers give power, amplitude or decibels. Which of them is declared by the file or by the user, never guessed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import xarray

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.chosen_bands import chosen_bands
from olmoearth_core.readers.header import Header, geotiff_header, header
from olmoearth_core.readers.layers import Layer
from olmoearth_core.readers.scene import Product, scene
from olmoearth_core.readers.stac_item import has_item
from olmoearth_core.readers.times import declared_time
from olmoearth_sentinel1.modality import NAME, require_modality
from olmoearth_sentinel1.power import QUANTITY, require_unit
from olmoearth_sentinel1.product_name import require_interferometric_dual
from olmoearth_sentinel1.rtc_files import group_of
from olmoearth_sentinel1.rtc_image import layer, measure_of, named_bands, require_plain, time_of, unit_of

_SUFFIXES = (".tif", ".tiff")


def rtc(
    *, units: str = "", time: str = "", bands: Sequence[str] = (), nodata: float | None = None
) -> Reader:  # fmt: skip
    """Read terrain-corrected Sentinel-1 backscatter as linear power.

    A path is a GeoTIFF with bands named vv, 2021-07:vv or 2021-07-21:vh, one of the files NAME_VV.tif and NAME_VH.tif,
    or a folder with one such image. A month alone is dated to its first day.

    units: "power" (linear), "amplitude" or "db" where tag `units`, unit or name of the bands, and name of the file do
        not say it. A file that says otherwise is refused.
    time: date and time, UTC, where neither bands, tag `datetime` nor file name say it.
    bands: names of the file's bands in order, where it has none.
    nodata: stored value that means nothing was measured, where the file's header does not say it.
    """
    require_unit(units)
    if isinstance(bands, str) or not all(isinstance(b, str) for b in bands):
        raise ConfigError(f'bands = {bands!r}: expected a list of names such as ["vv", "vh"].')
    if nodata is not None and not math.isfinite(nodata):
        raise ConfigError(f"nodata = {nodata!r}: expected a number; NaN always means that nothing was measured.")
    return _Rtc(units, declared_time(time), tuple(bands), nodata)


@dataclass(frozen=True)
class _Rtc:
    units: str
    time: datetime | None
    bands: tuple[str, ...]
    nodata: float | None
    name: str = "sentinel1.rtc.v1"
    modalities: tuple[str, ...] = (NAME,)

    def recognises(self, path: str) -> bool:
        """Only the first file stands for its group, so that a walk through a folder meets each image once."""
        found = geotiff_header(path)
        if found is None or found.grid is None:
            return False
        try:
            if found.bands > 1:
                named_bands(found, self.bands)
                return True
            return os.path.samefile(path, group_of(path).lead) and not has_item(os.path.dirname(path))
        except (DataError, OSError):
            return False

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        require_modality(path, spec)
        layers, measure = self._stack(path) if _is_stack(path) else self._files(path)
        wanted = chosen_bands(path, _in_all(path, layers, bands), spec, bands)
        chosen = {time: {band: found[band] for band in wanted} for time, found in layers.items()}
        return scene(spec, chosen, Product(self.name, path, f"{measure} linear power", QUANTITY))

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        return None

    def _stack(self, path: str) -> tuple[Mapping[datetime, Mapping[str, Layer]], str]:
        found = header(path)
        # What it is before what is wrong with it: a stack of another sensor is told so.
        known = named_bands(found, self.bands)
        _require_sound(found)
        unit = unit_of(found, known.numbers, "", self.units)
        layers = {
            time_of(text, found, self.time): {b: layer(path, n, unit, self.nodata) for b, n in step.items()}
            for text, step in known.steps.items()
        }
        if len(layers) != len(known.steps):
            raise DataError(f"{path}: two steps have one time by the names of their bands. Give each its own day.")
        return layers, measure_of(found)

    def _files(self, path: str) -> tuple[Mapping[datetime, Mapping[str, Layer]], str]:
        group = group_of(path)
        heads = {band: header(file) for band, file in group.files.items()}
        for found in heads.values():
            _require_sound(found)
        if many := [found.path for found in heads.values() if found.bands != 1]:
            raise DataError(f"{many[0]}: has several bands, expected one by its name. Give that file alone.")
        units = {band: unit_of(found, (1,), group.said, self.units) for band, found in heads.items()}
        layers = {b: layer(found.path, 1, units[b], self.nodata) for b, found in heads.items()}
        first = next(iter(heads.values()))
        return {time_of("", first, self.time): layers}, measure_of(first)


def _in_all(path: str, layers: Mapping[datetime, Mapping[str, Layer]], bands: Sequence[str] | None) -> list[str]:
    """Return the bands that all times have; those that only some have must not be asked for."""
    first_time, first = next(iter(layers.items()))
    everywhere = [band for band in first if all(band in found for found in layers.values())]
    uneven = next((time for time, found in layers.items() if set(found) != set(first)), None)
    if uneven is not None and (bands is None or not set(bands) <= set(everywhere)):
        raise DataError(
            f"{path}: {first_time.date()} has {', '.join(first)}, {uneven.date()} has {', '.join(layers[uneven])}. Ask "
            f"for bands that all times have in common: {', '.join(everywhere) or 'none'}."
        )
    return everywhere


def _is_stack(path: str) -> bool:
    return path.lower().endswith(_SUFFIXES) and not os.path.isdir(path) and header(path).bands > 1


def _require_sound(found: Header) -> None:
    require_interferometric_dual(found.path, os.path.basename(found.path))
    require_plain(found)
