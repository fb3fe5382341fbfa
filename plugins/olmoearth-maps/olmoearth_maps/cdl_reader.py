"""How the Cropland Data Layer is read: the national file of a year, or a cut of it."""

from __future__ import annotations

import re

from olmoearth_core.interfaces.reader import Reader
from olmoearth_maps.one_band import MapKind, OneBandMap

_KIND = MapKind(
    product="Cropland Data Layer",
    pattern=re.compile(r"(?:CDL_(?=\d{4}[_.])|(?=\d{4}_(?:10|30)m_cdls\.))(?P<year>\d{4}).*\.tiff?", re.IGNORECASE),
    example="2021_30m_cdls.tif",
    dtypes=("uint8",),
    quantity="class_code",
    nodata=(0.0,),
)
"""0 is background: nothing was classified there."""


def cdl_image(*, year: int | None = None) -> Reader:
    """Read USDA Cropland Data Layer GeoTIFFs (2021_30m_cdls.tif, CDL_2021_clip.tif), uint8 codes; 0 = nothing.

    year: of the map, for files of other names; null = as the name says.
    Product guide: https://www.nass.usda.gov/Research_and_Science/Cropland/sarsfaqs2.php
    """
    return OneBandMap("maps.cdl.v1", ("cdl",), _KIND, year)
