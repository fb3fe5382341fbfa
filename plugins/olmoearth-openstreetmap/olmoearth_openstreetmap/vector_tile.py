"""The vector layer's files: GeoJSON in metres of the UTM zone that the file's name tells.

The `crs` member is written for other programs and never trusted: a tile without features says WGS84, as the published
ones do. Features are not clipped to the tile.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_openstreetmap.categories import CATEGORIES
from olmoearth_openstreetmap.feature import Feature
from olmoearth_openstreetmap.whole import write_whole

FACTOR = 16
"""Of the grid on which tiles lie: 10 m."""
_MOST = 2**30
"""Bytes of a file, at most."""
_DEEPEST = 16
"""Collections within collections."""
_FARTHEST = 1e8
"""Metres; the whole Earth is 4e7 around."""
_NAME = re.compile(r"(EPSG:(?:32[67]\d\d|5041|5042))_(-?\d{1,6})_(-?\d{1,6})_10\.geojson")
_MAKE = {
    "Point": shapely.Point, "MultiPoint": shapely.MultiPoint, "LineString": shapely.LineString,
    "MultiLineString": shapely.MultiLineString,
}  # fmt: skip


@dataclass(frozen=True)
class VectorTile:
    """Features in metres of the cell's zone. unknown: features of other categories, which were passed over."""

    features: tuple[Feature, ...]
    unknown: int = 0


def cell_named(path: str | Path) -> Cell | None:
    """Return the cell that a file's name tells ("EPSG:32635_150_-2607_10.geojson"), or None."""
    found = _NAME.fullmatch(os.path.basename(str(path)))
    return Cell(found[1], FACTOR, int(found[2]), int(found[3])) if found else None


def write_vector_tile(path: Path, cell: Cell, features: Sequence[Feature]) -> Path:
    """Write features (metres of the cell's zone) at once or not at all, and return the path; DataError if it cannot."""
    from rasterio.crs import CRS

    crs = CRS.from_string(cell.crs if features else "EPSG:4326").to_wkt()
    collection = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": crs}},
        "features": [
            {
                "type": "Feature",
                "properties": {"category": feature.category, **feature.tags},
                "geometry": shapely.geometry.mapping(feature.shape),
            }
            for feature in features
        ],
    }
    return write_whole(path, json.dumps(collection, allow_nan=False) + "\n")


def read_vector_tile(path: str | Path) -> VectorTile:
    """Read the features of a tile.

    Raises:
        DataError: the file is missing, too large, no FeatureCollection, or a feature of a known category has a shape
            that is unknown, not finite or beyond the Earth; names file and feature.
    """
    features, unknown = [], 0
    for number, item in enumerate(read_collection(path)):
        where = f"{path}: feature {number}"
        if not isinstance(item, dict) or not isinstance(item.get("properties"), dict | None):
            raise DataError(f"{where}: is no feature with properties. Write the tile again.")
        properties = item.get("properties") or {}
        category = properties.get("category")
        if not isinstance(category, str) or category not in CATEGORIES:
            unknown += 1
            continue
        tags = {str(k): str(v) for k, v in properties.items() if k != "category"}
        features.append(Feature(category, shape_of(where, item.get("geometry")), tags))
    return VectorTile(tuple(features), unknown)


def read_collection(path: str | Path) -> list[Any]:
    """Return the list of features of a GeoJSON file; errors as in `read_vector_tile`."""
    try:
        if (size := os.path.getsize(path)) > _MOST:
            raise DataError(f"{path}: {size:,} bytes, at most {_MOST:,} are read. Cut it into tiles.")
        with open(path, encoding="utf-8") as file:
            found = json.load(file, parse_constant=_refused)
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror}). Give a vector tile (.geojson).") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is no JSON that can be read ({error}). Write the tile again.") from error
    kind = found.get("type") if isinstance(found, dict) else type(found).__name__
    features = found.get("features") if isinstance(found, dict) else None
    if kind != "FeatureCollection" or not isinstance(features, list):
        raise DataError(f'{path}: its type is {kind!r}, expected a "FeatureCollection" with a list of features.')
    return features


def shape_of(where: str, geometry: Any, depth: int = 0) -> Any:
    """Return a GeoJSON geometry as a shape of shapely, without heights. depth: of collections around it.

    Raises:
        DataError: its type is unknown or its coordinates cannot be used; begins with `where`.
    """
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in (*_MAKE, "Polygon", "MultiPolygon", "GeometryCollection"):
        known = ", ".join((*_MAKE, "Polygon", "MultiPolygon", "GeometryCollection"))
        raise DataError(f"{where}: its geometry is {str(kind)[:40]!r}, expected one of {known}.")
    if depth > _DEEPEST:
        raise DataError(f"{where}: collections are nested more than {_DEEPEST} deep. Write its parts side by side.")
    try:
        return _made(where, kind, geometry, depth)
    except (
        KeyError,
        IndexError,
        TypeError,
        ValueError,
        OverflowError,
        shapely.errors.GEOSException,
    ) as error:
        raise DataError(f"{where}: its {kind} cannot be read ({error}). Repair or remove it.") from error


def _made(where: str, kind: str, geometry: Mapping[str, Any], depth: int) -> Any:
    if kind == "GeometryCollection":
        return shapely.GeometryCollection([shape_of(where, part, depth + 1) for part in geometry["geometries"]])
    coordinates = geometry["coordinates"]
    if kind == "Point":
        return shapely.Point(_points([coordinates])[0])
    if kind in ("MultiPoint", "LineString"):
        return _MAKE[kind](_points(coordinates))
    if kind == "MultiLineString":
        return shapely.MultiLineString([_points(line) for line in coordinates])
    parts = [coordinates] if kind == "Polygon" else coordinates
    polygons = [shapely.Polygon(rings[0], rings[1:]) for rings in ([_points(r) for r in part] for part in parts)]
    return polygons[0] if kind == "Polygon" else shapely.MultiPolygon(polygons)


def _points(listed: Any) -> np.ndarray:
    # Whole numbers are cast: the original stops at them.
    points = np.array([(_number(p[0]), _number(p[1])) for p in listed], dtype=np.float64).reshape(-1, 2)
    if not len(points):
        raise ValueError("it has no coordinates")
    if not np.isfinite(points).all() or (np.abs(points) > _FARTHEST).any():
        raise ValueError(f"coordinates beyond {_FARTHEST:g} m or not finite")
    return points


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r:.40} is no coordinate")
    return float(value)


def _refused(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")
