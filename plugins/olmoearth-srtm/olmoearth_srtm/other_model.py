"""Elevation of another origin, stored under this modality's name only where the user says so."""

from __future__ import annotations

import os

from olmoearth_core.errors import DataError
from olmoearth_core.readers.header import geotiff_header, header
from olmoearth_core.readers.layers import FileLayer
from olmoearth_srtm.height_file import VOID

_METRES = ("m", "metre", "metres", "meter", "meters")
_NAMES = ("dem", "cop_dem", "elevation", "dsm", "copernicus_dsm")


def is_elevation(path: str) -> bool:
    """Whether a file is a GeoTIFF of one band called elevation, or named as elevation models are."""
    found = geotiff_header(path)
    if found is None or found.bands != 1 or found.grid is None:
        return False
    name = os.path.basename(path).lower()
    told = found.names[0].lower() == "elevation" or any(name.startswith((f"{n}_", f"{n}.")) for n in _NAMES)
    return told and found.dtypes[0] in ("int16", "int32", "float32", "float64")


def other_layer(path: str) -> FileLayer:
    """Return the pixels of an elevation model in metres.

    Raises:
        DataError: it is no raster of one band of signed numbers, or says another unit.
    """
    found = header(path)
    if found.bands != 1 or found.dtypes[0] not in ("int16", "int32", "float32", "float64"):
        raise DataError(
            f"{path}: {found.bands} bands of {found.dtypes[0]}, expected one of signed heights. Is it elevation?"
        )
    unit = (found.units[0] or found.tags.get("units", "")).split(",")[0].strip().lower()
    if unit and unit not in _METRES:
        raise DataError(f'{path}: heights in "{unit}", expected metres. Convert them first.')
    return FileLayer(path, nodata=(VOID,))
