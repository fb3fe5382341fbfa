"""What a STAC item says of a radar image: sensor, processing and unit. See https://github.com/stac-extensions/sar."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from olmoearth_core.errors import DataError
from olmoearth_core.readers.stac_item import StacItem
from olmoearth_sentinel1.power import unit_in
from olmoearth_sentinel1.product_name import EXPECTED

_MOST_XML = 16 * 2**20
_LARGEST = 3.4e38
"""Of a float32."""
_CORRECTED = re.compile(r"(?<![a-z])(?:rtc|nrb)(?![a-z])", re.IGNORECASE)
"""Radiometrically terrain corrected, normalised radar backscatter."""


@dataclass(frozen=True)
class Item(StacItem):
    """A STAC item of Sentinel-1."""

    def is_sentinel1(self) -> bool:
        """Whether constellation, platform or collection name Sentinel-1."""
        return self.names("sentinel-1")

    def is_corrected(self) -> bool:
        """Whether collection, product type or processing level say that it is terrain corrected."""
        keys = ("sar:product_type", "product:type", "processing:level", "s1:processing_level")
        return any(_CORRECTED.search(str(text)) for text in (self.collection, *map(self.properties.get, keys)))

    def require_interferometric(self) -> None:
        """Refuse other modes.

        Raises:
            DataError: names the mode.
        """
        mode = self.properties.get("sar:instrument_mode", "IW")
        if mode != "IW":
            raise DataError(f"{self.path}: sar:instrument_mode is {str(mode)[:40]!r}, expected {EXPECTED}.")

    def units(self, key: str) -> dict[str, str]:
        """Return which declarations of an asset name which unit.

        Raises:
            DataError: one names two.
        """
        try:
            return {f"{key} {place}": unit_in(text) for place, text in _units(self.assets[key]) if unit_in(text)}
        except DataError as error:
            raise DataError(f"{self.path}, asset {key}: {error}") from error

    def nodata(self, key: str) -> float | None:
        """Return the stored value that means nothing was measured; None where the item gives no number."""
        said = [fields.get(name) for _, fields in _fields(self.assets[key]) for name in ("nodata", "raster:nodata")]
        numbers = [v for v in said if isinstance(v, int | float) and not isinstance(v, bool)]
        return next((float(v) for v in numbers if abs(v) <= _LARGEST), None)

    def metadata(self, key: str) -> tuple[bytes, str]:
        """Return content and name of an XML file that lies on this machine.

        Raises:
            DataError: it is not there, or larger than any.
        """
        if key not in self.assets:
            raise DataError(f"{self.path}: has no asset {key}, without which GRD cannot be read. Fetch the item again.")
        place = self.place(key, (".xml",))
        if "://" in place:
            raise DataError(f"{self.path}: asset {key} is at {place[:200]}. Fetch it, and let the item name the copy.")
        try:
            with open(place, "rb") as file:
                content = file.read(_MOST_XML + 1)
        except OSError as error:
            raise DataError(f"{place}: cannot be read ({error.strerror}). Fetch asset {key} again.") from error
        if len(content) > _MOST_XML:
            raise DataError(f"{place}: more than {_MOST_XML >> 20} MiB, expected some 2. Is it the annotation?")
        return content, place


def _fields(asset: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield where an asset says something, and what: the asset itself, and its first band."""
    yield "", asset
    for name in ("raster:bands", "bands"):
        listed = asset.get(name)
        if isinstance(listed, list) and listed and isinstance(listed[0], dict):
            yield f"{name} ", listed[0]


def _units(asset: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for place, fields in _fields(asset):
        for key in ("unit", "raster:unit"):
            if isinstance(fields.get(key), str):
                yield f"{place}{key}", fields[key]
