"""What is kept of an item, and what is understood of it.

Kept are identity, place, properties and the assets that somebody may open; links and previews go, and so does whatever
in an address lets its owner in. What is understood is checked first: catalogues do send items without place or time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from olmoearth_stac.profile import Entry
from olmoearth_stac.secrecy import without_secrets

Item = Mapping[str, Any]
"""A STAC item as JSON."""
_KEPT = ("type", "stac_version", "stac_extensions", "id", "collection", "bbox", "geometry", "properties")
_CLOUD = ("eo:cloud_cover", "landsat:cloud_cover_land")


@dataclass(frozen=True)
class Facts:
    """When and where an item is. bounds: as in `Candidate`. cloud_cover: percent, None = not said."""

    start: datetime
    end: datetime
    bounds: tuple[float, float, float, float]
    cloud_cover: float | None


def kept(item: Item, assets: Iterable[str]) -> dict[str, Any]:
    """Return the part of an item that is frozen; ValueError if it is no JSON. assets: those that may be opened."""
    short = {key: item[key] for key in _KEPT if key in item}
    found = item.get("assets")
    there = {name: found[name] for name in sorted(assets) if name in found} if isinstance(found, dict) else {}
    clean: dict[str, Any] = without_secrets({**short, "links": [], "assets": there})
    # NaN is no JSON, though some catalogues send it.
    json.dumps(clean, allow_nan=False)
    return clean


def facts(item: Item, lasts_days: int = 0) -> Facts:
    """Return what is understood of an item; ValueError says what is wrong with it.

    lasts_days: how long it is valid if it names no end.
    """
    properties = item.get("properties")
    if not isinstance(item.get("id"), str) or not item["id"] or not isinstance(properties, dict):
        raise ValueError("it has no id or no properties")
    assets = item.get("assets")
    if not isinstance(assets, dict) or not all(isinstance(asset, dict) for asset in assets.values()):
        raise ValueError("it has no assets")
    moment = properties.get("datetime")
    start = _time(properties.get("start_datetime") or moment)
    end = _time(properties["end_datetime"]) if properties.get("end_datetime") else start + timedelta(days=lasts_days)
    cover = next((properties[key] for key in _CLOUD if isinstance(properties.get(key), int | float)), None)
    return Facts(start, max(start, end), _bounds(item.get("bbox")), None if cover is None else float(cover))


def matches(item: Item, entry: Entry) -> bool:
    """Whether an item is of an entry's collection and has the properties that the entry asks for."""
    properties = item.get("properties")
    if item.get("collection") != entry.collection or not isinstance(properties, dict):
        return False
    return all(_fits(properties.get(key), wanted) for key, wanted in entry.where.items())


def _fits(found: Any, wanted: Any) -> bool:
    if not isinstance(wanted, list):
        return bool(found == wanted)
    if isinstance(found, list):
        return sorted(map(str, found)) == sorted(map(str, wanted))
    return found in wanted


def _time(text: Any) -> datetime:
    if not isinstance(text, str):
        raise ValueError("it has no datetime")
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _bounds(box: Any) -> tuple[float, float, float, float]:
    if not isinstance(box, list) or len(box) not in (4, 6):
        raise ValueError("it has no bbox")
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in box):
        raise ValueError(f"its bbox is {str(box)[:80]}")
    west, south, east, north = (float(box[i]) for i in ((0, 1, 2, 3) if len(box) == 4 else (0, 1, 3, 4)))
    if not (abs(west) <= 180 and abs(east) <= 180 and -90 <= south <= north <= 90):
        raise ValueError(f"its bbox is {[west, south, east, north]}")
    return west, south, east, north
