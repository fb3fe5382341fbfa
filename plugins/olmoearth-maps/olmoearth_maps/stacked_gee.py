"""How a stacked export of Earth Engine is read: months of radar, optical and weather, and a terrain, in one file.

Its layout is its declaration: radar is in decibel (given as power), optical in Level-1C numbers. Bands are named VV,
VH, B1 ... B12, temperature_2m, total_precipitation, for the second month VV_1 and so on; elevation and slope come
last. The name tells the span; its first day's month is the first. The weather has too few variables to be of use.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import xarray

from olmoearth_core.errors import DataError, OtherModality
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.header import Header, geotiff_header, header
from olmoearth_core.readers.layers import Convert, FileLayer, Layer
from olmoearth_core.readers.scene import Product, scene

RADAR = {"vv": "VV", "vh": "VH"}
OPTICAL = {f"B{n:02}": f"B{n}" for n in range(1, 13)} | {"B8A": "B8A"}
TERRAIN = {"srtm": "elevation"}
_OTHER = ("temperature_2m", "total_precipitation", "slope")
_NAME = re.compile(r".*_(\d{4})-(\d\d)-(\d\d)_(\d{4})-(\d\d)-(\d\d)\.tiff?", re.IGNORECASE)
_BAND = re.compile(r"(.+?)(?:_(\d{1,3}))?")
_OFFSET_SINCE = (2022, 1)
"""Month since which Earth Engine's plain Level-1C collection carries +1000 and its harmonized one does not."""


def stacked_gee(*, harmonized: bool = False) -> Reader:
    """Read a stacked Earth Engine export (98-togo_2019-02-06_2020-02-01.tif) as sentinel1, sentinel2 or srtm.

    harmonized: say that the optical numbers carry no +1000 (COPERNICUS/S2_HARMONIZED); needed for spans that reach
        2022, since the file does not tell. Earlier numbers never carry it.
    """
    return _Stacked("maps.stacked_gee.v1", ("sentinel1", "sentinel2", "srtm"), harmonized)


@dataclass(frozen=True)
class _Stacked:
    name: str
    modalities: tuple[str, ...]
    harmonized: bool

    def recognises(self, path: str) -> bool:
        """By the span in its name and the names of its bands."""
        found = geotiff_header(path) if _NAME.fullmatch(os.path.basename(path)) else None
        return found is not None and "elevation" in found.names and {"VV", "B2"} <= set(found.names)

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        if spec.name not in self.modalities:
            raise OtherModality(f"{path}: gives {', '.join(self.modalities)}, not {spec.name}.")
        found = header(path)
        months = _months(found)
        kind = {"sentinel1": RADAR, "sentinel2": OPTICAL, "srtm": TERRAIN}[spec.name]
        names = self._bands(path, spec, kind, months[0][1], bands)
        if spec.name == "srtm":
            number = months[0][1]["elevation"]
            terrain: dict[datetime, dict[str, Layer]] = {datetime(2000, 1, 1): {"srtm": FileLayer(path, number)}}
            return scene(spec, terrain, Product(self.name, path, "metres", "meters"))
        if spec.name == "sentinel1":
            layers = _layers(path, names, kind, months, (), _power)
            return scene(spec, layers, Product(self.name, path, "linear power", "linear_power"))
        self._check_offset(path, months[-1][0])
        layers = _layers(path, names, kind, months, (0.0,), None)
        return scene(spec, layers, Product(self.name, path, "reflectance x 10000", "reflectance_x10000"))

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        """It has no mask of clouds."""
        return None

    def _bands(
        self,
        path: str,
        spec: ModalitySpec,
        kind: Mapping[str, str],
        there: Mapping[str, int],
        bands: Sequence[str] | None,
    ) -> list[str]:
        known = [band for band in spec.band_order if kind.get(band) in there]
        if lacking := [band for band in bands or () if band not in known]:
            raise DataError(f"{path}: has {', '.join(known)} of {spec.name}, asked for {', '.join(lacking)}.")
        if not known:
            raise OtherModality(f"{path}: has no band of {spec.name}; its bands are {', '.join(there)}.")
        return known if bands is None else list(bands)

    def _check_offset(self, path: str, last: datetime) -> None:
        if not self.harmonized and (last.year, last.month) >= _OFFSET_SINCE:
            raise DataError(
                f"{path}: reaches {last.year}-{last.month:02}, since when Level-1C numbers may carry +1000, and the "
                "file does not tell. If it is of COPERNICUS/S2_HARMONIZED, say harmonized = true; else export that."
            )


def _power(decibels: np.ndarray) -> np.ndarray:
    # Damage makes numbers of any size; what float32 cannot hold becomes infinite, which counts as absent.
    with np.errstate(over="ignore", invalid="ignore"):
        power: np.ndarray = 10 ** (decibels / 10)
    return power


def _layers(
    path: str, names: Sequence[str], kind: Mapping[str, str], months: Sequence[tuple[datetime, Mapping[str, int]]],
    nodata: tuple[float, ...], convert: Convert | None,
) -> dict[datetime, dict[str, Layer]]:  # fmt: skip
    return {
        month: {name: FileLayer(path, numbers[kind[name]], nodata, convert) for name in names}
        for month, numbers in months
    }


def _months(found: Header) -> list[tuple[datetime, dict[str, int]]]:
    """Return per month its first day and band name -> number; terrain counts to the first.

    Raises:
        DataError: the name tells no span, bands have other names, or a month lacks one that the first has.
    """
    spanned = _NAME.fullmatch(os.path.basename(found.path))
    if spanned is None:
        raise DataError(
            f"{found.path}: its name tells no span, as 98-togo_2019-02-06_2020-02-01.tif does. Rename it so."
        )
    known = {*RADAR.values(), *OPTICAL.values(), *TERRAIN.values(), *_OTHER}
    steps: dict[int, dict[str, int]] = {}
    for number, name in enumerate(found.names, start=1):
        parsed = _BAND.fullmatch(name)
        if parsed is None or parsed[1] not in known or parsed[1] in steps.setdefault(int(parsed[2] or 0), {}):
            raise DataError(
                f'{found.path}: band {number} is "{name or "unnamed"}", expected VV, VH, B1 to B12, temperature_2m, '
                "total_precipitation (for the second month VV_1 and so on), elevation and slope, each once."
            )
        steps[int(parsed[2] or 0)][parsed[1]] = number
    _check_steps(found.path, steps)
    year, month = int(spanned[1]), int(spanned[2])
    if not (1 <= month <= 12 and year >= 1):
        raise DataError(f"{found.path}: month {month} in its name is none. Expected 2019-02-06 or the like.")
    firsts = [divmod(year * 12 + month - 1 + step, 12) for step in sorted(steps)]
    return [(datetime(y, m + 1, 1), steps[step]) for (y, m), step in zip(firsts, sorted(steps), strict=True)]


def _check_steps(path: str, steps: Mapping[int, Mapping[str, int]]) -> None:
    varying = set(steps.get(0, {})) - {"elevation", "slope"}
    uneven = [step for step in sorted(steps) if step and set(steps[step]) != varying]
    if sorted(steps) != list(range(len(steps))) or uneven:
        step = next((i for i in range(1, len(steps)) if i not in steps or i in uneven), len(steps))
        raise DataError(f"{path}: month {step + 1} of its bands is not whole. Was the export cut?")
