"""Which images GDAL may open, and how large they may claim to be.

GDAL would choose among some 150 drivers by content: a text called image.tif could be a list of other files (VRT) or of
addresses (WMS, WMTS), which are then read. So the name decides, and it must hold. A header can declare any size in a
few bytes, and GDAL allocates whole blocks, so sizes are judged before a pixel is read.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from olmoearth_core.errors import DataError

DRIVERS = {".jp2": "JP2OpenJPEG", ".grib": "GRIB", ".grb": "GRIB", ".grib1": "GRIB", ".grb1": "GRIB"}
"""Ending of a name -> the one driver that is tried; GeoTIFF, which COG is too, for all others."""
ALONE = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
"""Options of GDAL with which a file speaks for itself: no strange .aux.xml, .msk or .ovr beside it changes it."""
MOST_PIXELS = 2**22
"""Along a side: the Earth's circumference is 4.0 million pixels of 10 m."""
MOST_BLOCK_BYTES = 2**29
"""Of what is decoded at once (a tile or strip)."""


def driver_of(path: str) -> str:
    """Return the name of the one driver by which a path or URL is opened."""
    place = urlsplit(path).path if "://" in path else path
    return DRIVERS.get(os.path.splitext(place)[1].lower(), "GTiff")


def require_bounded(path: str, raster: Any) -> None:
    """Look at the header of an open raster.

    Raises:
        DataError: it has no bands, is larger than any map, would be decoded in pieces that fill the memory, or has
        pixels of no or endless size.
    """
    if not raster.count:
        raise DataError(f"{path}: holds no image. Fetch the file again.")
    if max(raster.width, raster.height) > MOST_PIXELS:
        raise DataError(
            f"{path}: {raster.width} x {raster.height} pixels are declared, expected at most {MOST_PIXELS:,} along a "
            "side. It is damaged: fetch the file again."
        )
    if not np.isfinite(raster.transform).all() or raster.transform.is_degenerate:
        numbers = ", ".join(f"{number:g}" for number in raster.transform[:6])
        raise DataError(f"{path}: its pixels lie nowhere ({numbers}). It is damaged: fetch the file again.")
    high, wide = raster.block_shapes[0]
    together = raster.count if str(raster.profile.get("interleave", "")).lower() == "pixel" else 1
    size = high * wide * together * np.dtype(raster.dtypes[0]).itemsize
    if size > MOST_BLOCK_BYTES:
        raise DataError(
            f"{path}: its blocks of {wide} x {high} pixels take {size >> 20:,} MiB, expected at most "
            f"{MOST_BLOCK_BYTES >> 20} MiB. It is damaged, or write it anew in tiles: gdal_translate -co TILED=YES."
        )
