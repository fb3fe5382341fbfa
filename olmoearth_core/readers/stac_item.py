"""STAC items saved as JSON: what any of them says, and where its files are.

Items come from the network: they are bounded in size, and their addresses can only name files of stated endings.
Format: https://github.com/radiantearth/stac-spec
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from olmoearth_core.errors import DataError
from olmoearth_core.readers.times import utc

_MOST_BYTES = 8 * 2**20


@dataclass(frozen=True)
class StacItem:
    """A STAC item in a file; sensors add what they know of theirs. path: of the file."""

    path: str
    id: str
    collection: str
    properties: Mapping[str, Any]
    assets: Mapping[str, Mapping[str, Any]]

    @classmethod
    def open(cls, path: str) -> Self:
        """Read an item.

        Raises:
            DataError: it is missing, no JSON, or no item.
        """
        content = _json(path)
        if not _is_item(content):
            raise DataError(f'{path}: is no STAC item, expected JSON with "type": "Feature" and "stac_version".')
        properties, assets = content.get("properties"), content.get("assets")
        if not isinstance(properties, dict) or not isinstance(assets, dict):
            raise DataError(f"{path}: has no properties or no assets. Fetch the item again.")
        known = {str(key): asset for key, asset in assets.items() if isinstance(asset, dict)}
        return cls(path, str(content.get("id") or ""), str(content.get("collection") or ""), properties, known)

    def names(self, sensor: str) -> bool:
        """Whether constellation, platform or collection begin with a name in small letters, words joined by "-"."""
        said = [self.properties.get("constellation"), self.properties.get("platform"), self.collection]
        return any(str(text).lower().replace(" ", "-").replace("_", "-").startswith(sensor) for text in said)

    def described(self) -> str:
        """Return what it says to be, for messages."""
        said = (self.collection, self.properties.get("platform"), self.properties.get("constellation"))
        return ", ".join(str(text)[:80] for text in said if text) or "no collection or platform"

    def time(self) -> datetime:
        """Return when it was taken, UTC; DataError if the item does not say it."""
        text = str(self.properties.get("datetime") or self.properties.get("start_datetime"))
        time = utc(text)
        if time is None:
            raise DataError(f'{self.path}: its datetime is "{text[:80]}", expected a time.')
        return time

    @property
    def cloud_cover(self) -> float | None:
        """Percent, None = not said."""
        said = self.properties.get("eo:cloud_cover")
        known = isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said <= 100
        return float(said) if known else None  # type: ignore[arg-type]

    def place(self, key: str, suffixes: tuple[str, ...] = (".tif", ".tiff")) -> str:
        """Return path or URL of an asset's file; hrefs are relative to the item's file.

        Raises:
            DataError: the address has none of the endings.
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


def has_item(folder: str) -> bool:
    """Whether a STAC item lies in a folder; it knows more of the files beside it than their names do."""
    names = [name for name in sorted(os.listdir(folder or ".")) if name.lower().endswith(".json")]
    return any(_holds_item(os.path.join(folder, name)) for name in names)


def _holds_item(path: str) -> bool:
    try:
        return _is_item(_json(path))
    except DataError:
        return False


def _is_item(content: Any) -> bool:
    return isinstance(content, dict) and content.get("type") == "Feature" and "stac_version" in content


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
