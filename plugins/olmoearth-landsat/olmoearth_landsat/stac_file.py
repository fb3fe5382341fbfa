"""What a STAC item says of an image: sensor, product, time, clouds, scales and where its files are.

Items come from the network: they are bounded in size, and their addresses can only name images.
Format: https://github.com/radiantearth/stac-spec
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from olmoearth_core.errors import DataError
from olmoearth_landsat.metadata import percent
from olmoearth_landsat.product import ProductId, product_id

_MOST_BYTES = 8 * 2**20
_IMAGES = (".tif", ".tiff")


@dataclass(frozen=True)
class Item:
    """A STAC item in a file. path: of the file."""

    path: str
    id: str
    collection: str
    properties: Mapping[str, Any]
    assets: Mapping[str, Mapping[str, Any]]

    def is_landsat(self) -> bool:
        """Whether platform, constellation or collection name Landsat 8 or 9, or Landsat without a number."""
        said = [self.properties.get("platform"), self.properties.get("constellation"), self.collection]
        return any(str(text).lower().startswith("landsat") for text in said)

    def described(self) -> str:
        """Return what it says to be, for messages."""
        said = (self.collection, self.properties.get("platform"), self.properties.get("constellation"))
        return ", ".join(str(text)[:80] for text in said if text) or "no collection or platform"

    def product(self) -> ProductId:
        """Return the product; DataError if the item's id is none of Landsat 8/9 Collection 2."""
        return product_id(f"{self.path}, id", self.id)

    def time(self) -> datetime:
        """Return when it was taken, UTC; DataError if the item does not say it."""
        text = self.properties.get("datetime") or self.properties.get("start_datetime")
        try:
            time = datetime.fromisoformat(str(text))
        except ValueError as error:
            raise DataError(f'{self.path}: its datetime is "{str(text)[:80]}", expected a time.') from error
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)

    @property
    def cloud_cover(self) -> float | None:
        """Percent, None = not said."""
        return percent(self.properties.get("eo:cloud_cover"))

    def scalings(self, key: str) -> Iterator[tuple[Any, Any]]:
        """Yield each scale and offset that an asset declares, None for one that it leaves out."""
        asset = self.assets[key]
        listed = [(asset, "raster:")]
        for name, prefix in (("raster:bands", ""), ("bands", "raster:")):
            bands = asset.get(name)
            if isinstance(bands, list) and bands and isinstance(bands[0], dict):
                listed.append((bands[0], prefix))
        for place, prefix in listed:
            found = place.get(f"{prefix}scale"), place.get(f"{prefix}offset")
            if found != (None, None):
                yield found

    def place(self, key: str, suffixes: tuple[str, ...] = _IMAGES) -> str:
        """Return path or URL of an asset's file; hrefs are relative to the item's file.

        Raises:
            DataError: the address is none of an image.
        """
        href = self.assets[key].get("href")
        parts = urlsplit(href) if isinstance(href, str) else None
        if parts is None or parts.scheme not in ("", "file", "http", "https", "s3"):
            raise DataError(f"{self.path}: asset {key} is at {str(href)[:200]!r}, expected a path or URL.")
        # Of other endings and names GDAL makes whatever they say, such as archives or lists of further files.
        if not parts.path.lower().endswith(suffixes) or unquote(parts.path).startswith("/vsi"):
            raise DataError(f"{self.path}: asset {key} is {str(href)[:200]!r}, expected {', '.join(suffixes)}.")
        if parts.scheme in ("http", "https", "s3"):
            return str(href)
        local = unquote(parts.path) if parts.scheme == "file" else str(href)
        return os.path.join(os.path.dirname(os.path.abspath(self.path)), local)


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
