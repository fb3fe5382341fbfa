"""What a STAC item says of a radar image: sensor, time, unit and where its files are.

Items come from the network: they are bounded in size, and their addresses can only name images and metadata.
Format: https://github.com/radiantearth/stac-spec, https://github.com/stac-extensions/sar
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from olmoearth_core.errors import DataError
from olmoearth_sentinel1.power import unit_in
from olmoearth_sentinel1.product_name import EXPECTED, utc

_MOST_BYTES = 8 * 2**20
_MOST_XML = 16 * 2**20
_LARGEST = 3.4e38
"""Of a float32."""
_IMAGES = (".tif", ".tiff")
_CORRECTED = re.compile(r"(?<![a-z])(?:rtc|nrb)(?![a-z])", re.IGNORECASE)
"""Radiometrically terrain corrected, normalised radar backscatter."""


@dataclass(frozen=True)
class Item:
    """A STAC item in a file. path: of the file."""

    path: str
    id: str
    collection: str
    properties: Mapping[str, Any]
    assets: Mapping[str, Mapping[str, Any]]

    def is_sentinel1(self) -> bool:
        """Whether constellation, platform or collection name Sentinel-1."""
        said = [self.properties.get("constellation"), self.properties.get("platform"), self.collection]
        return any(str(text).lower().replace(" ", "-").replace("_", "-").startswith("sentinel-1") for text in said)

    def described(self) -> str:
        """Return what it says to be, for messages."""
        said = (self.collection, self.properties.get("platform"), self.properties.get("constellation"))
        return ", ".join(str(text)[:80] for text in said if text) or "no collection or platform"

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

    def time(self) -> datetime:
        """Return when it was taken, UTC; DataError if the item does not say it."""
        text = self.properties.get("datetime") or self.properties.get("start_datetime")
        time = utc(str(text))
        if time is None:
            raise DataError(f'{self.path}: its datetime is "{str(text)[:80]}", expected a time.')
        return time

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

    def place(self, key: str, suffixes: tuple[str, ...] = _IMAGES) -> str:
        """Return path or URL of an asset's file; hrefs are relative to the item's file.

        Raises:
            DataError: the address is none of such a file.
        """
        href = self.assets[key].get("href")
        try:
            parts = urlsplit(href) if isinstance(href, str) else None
        except ValueError:
            parts = None
        if parts is None or parts.scheme not in ("", "file", "http", "https", "s3"):
            raise DataError(f"{self.path}: asset {key} is at {str(href)[:200]!r}, expected a path or URL.")
        # Of other endings and names GDAL makes whatever they say, such as archives or lists of further files.
        if not parts.path.lower().endswith(suffixes) or unquote(parts.path).startswith("/vsi"):
            raise DataError(f"{self.path}: asset {key} is {str(href)[:200]!r}, expected {', '.join(suffixes)}.")
        if parts.scheme in ("http", "https", "s3"):
            return str(href)
        local = unquote(parts.path) if parts.scheme == "file" else str(href)
        return os.path.join(os.path.dirname(os.path.abspath(self.path)), local)

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


def open_item(path: str) -> Item:
    """Read an item.

    Raises:
        DataError: it is missing, no JSON, or no item.
    """
    content = _json(path)
    if not isinstance(content, dict) or content.get("type") != "Feature" or "stac_version" not in content:
        raise DataError(f'{path}: is no STAC item, expected JSON with "type": "Feature" and "stac_version".')
    properties, assets = content.get("properties"), content.get("assets")
    if not isinstance(properties, dict) or not isinstance(assets, dict):
        raise DataError(f"{path}: has no properties or no assets. Fetch the item again.")
    known = {str(key): asset for key, asset in assets.items() if isinstance(asset, dict)}
    return Item(path, str(content.get("id") or ""), str(content.get("collection") or ""), properties, known)


def _json(path: str) -> Any:
    if not path.lower().endswith((".json", ".geojson")):
        raise DataError(f"{path}: expected the JSON file of a STAC item.")
    try:
        if os.path.getsize(path) > _MOST_BYTES:
            raise DataError(f"{path}: more than {_MOST_BYTES >> 20} MiB, expected some 50 kB. Is it one item?")
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Save the item again.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is no JSON ({error}). Save the item again.") from error
