"""How aerial images are read: four bands of 8 bits, told apart by their order, flown on the day in the name."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.header import Header, geotiff_header, header
from olmoearth_core.readers.layers import FileLayer, Layer
from olmoearth_core.readers.scene import Product, scene
from olmoearth_naip.native import BANDS

_NAME = re.compile(r"m_\d{7}_(?:ne|nw|se|sw)_\d{1,2}_(?:h|\d{1,3})_(\d{8})(?:_\d{8})?(?:_\w+)?\.tiff?", re.IGNORECASE)
_COLOURS = (("red", "gray", "undefined"), ("green", "undefined"), ("blue", "undefined"), ("undefined", "alpha", "nir"))
"""Per band what a file may call it: red, green, blue and nothing, or nothing at all, or alpha for infrared."""
_NAMES = (("r", "red"), ("g", "green"), ("b", "blue"), ("ir", "nir", "n", "near infrared", "infrared"))


def naip_image(*, date: str | None = None) -> Reader:
    """Read images of the National Agriculture Imagery Program: GeoTIFFs of red, green, blue and infrared, uint8.

    date: day of the flight, as "2019-07-06"; null = as in the name, such as m_4207162_ne_18_1_20160714.tif.
    Product guide: https://www.usgs.gov/centers/eros/science/usgs-eros-archive-aerial-photography-national-agriculture-imagery-program-naip
    """
    if date is not None:
        _day(date, "%Y-%m-%d", f'naip.image.v1: date "{date}"')
    return _Naip("naip.image.v1", ("naip", "naip_10"), date)


@dataclass(frozen=True)
class _Naip:
    name: str
    modalities: tuple[str, ...]
    date: str | None

    def recognises(self, path: str) -> bool:
        """By name, number and type of its bands."""
        if self.date is None and not _NAME.fullmatch(os.path.basename(path)):
            return False
        found = geotiff_header(path)
        return found is not None and not _fault(found)

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        found = header(path)
        if fault := _fault(found):
            raise DataError(f"{path}: {fault}")
        wanted = list(spec.band_order if bands is None else bands)
        if strange := [band for band in wanted if band not in BANDS.bands]:
            raise DataError(f"{path}: has {', '.join(BANDS.bands)}, asked for {', '.join(strange)}.")
        layers: dict[str, Layer] = {band: FileLayer(path, BANDS.bands.index(band) + 1) for band in wanted}
        product = Product(self.name, path, spec.units, "digital_number")
        return scene(spec, {self._flown(path): layers}, product)

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        """Flights are made below a clear sky, and the product has no mask."""
        return None

    def _flown(self, path: str) -> datetime:
        if self.date is not None:
            return _day(self.date, "%Y-%m-%d", path)
        named = _NAME.fullmatch(os.path.basename(path))
        if named is None:
            raise DataError(
                f"{path}: its name does not tell the day of the flight, as m_4207162_ne_18_1_20160714.tif does. "
                'Give it: date = "2016-07-14".'
            )
        return _day(named[1], "%Y%m%d", path)


def _fault(found: Header) -> str:
    """Return what is wrong with a file as an image of this programme, or ""."""
    if found.bands != len(BANDS.bands) or set(found.dtypes) != {"uint8"}:
        return f"{found.bands} bands of {found.dtypes[0]}, expected 4 of uint8: red, green, blue, infrared."
    for number, band in enumerate(BANDS.bands):
        name, colour = found.names[number].lower(), found.colours[number]
        if (name and name not in _NAMES[number]) or (not name and colour not in _COLOURS[number]):
            return (
                f'band {number + 1} is "{found.names[number] or colour}", expected {band}. The order must be red, '
                "green, blue, infrared; bring it into that order."
            )
    return ""


def _day(text: str, form: str, where: str) -> datetime:
    try:
        return datetime.strptime(text, form)
    except ValueError as error:
        raise DataError(f'{where}: "{text}" is no day of the calendar. Expected a day such as 2016-07-14.') from error
