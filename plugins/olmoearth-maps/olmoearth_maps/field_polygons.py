"""Fields of a GeoJSON: polygons in metres of one zone, each with the number of its crop."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform as to_crs

from olmoearth_core.errors import DataError

CODE = "EC_hcat_c"
_MOST = 2**30
"""Bytes of a file, at most: it is held in memory as a whole."""
_CODES = re.compile(r"(?:urn:ogc:def:crs:)?EPSG:+(?:[\d.]*:)?(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Fields:
    """Polygons in the order of the file. shapes: geometry in metres and flat id. boxes: float64 [n, 4], l b r t."""

    crs: str
    shapes: Sequence[tuple[Mapping[str, Any], int]]
    boxes: np.ndarray


def read_geojson(path: str) -> Mapping[str, Any]:
    """Return a FeatureCollection.

    Raises:
        DataError: the file is missing, too large, torn, or something else.
    """
    try:
        if (size := os.path.getsize(path)) > _MOST:
            raise DataError(f"{path}: {size:,} bytes, expected at most {_MOST:,}. Cut it into regions first.")
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror}). Give a GeoJSON file of this machine.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: no JSON that can be read ({error}). Expected GeoJSON of fields.") from error
    kind = found.get("type") if isinstance(found, dict) else type(found).__name__
    if kind != "FeatureCollection" or not isinstance(found.get("features"), list):
        raise DataError(f'{path}: its type is "{kind}", expected a "FeatureCollection" of fields with {CODE}.')
    collection: Mapping[str, Any] = found
    return collection


def fields_of(path: str, collection: Mapping[str, Any], ids: Mapping[int, int]) -> Fields:
    """Return the fields whose crop the list knows, in metres: the file's own, or those of the UTM zone of its middle.

    ids: HCAT code -> flat id; fields of other codes are left out.

    Raises:
        DataError: a geometry is no polygon, coordinates are no numbers or no degrees, or no field is left.
    """
    stored = _crs(path, collection.get("crs"))
    polygons: list[tuple[list[list[np.ndarray]], int]] = []
    for number, feature in enumerate(collection["features"]):
        if (flat := _flat_id(feature, ids)) is not None:
            polygons.append((list(_polygons(path, number, feature)), flat))
    if not polygons:
        raise DataError(f"{path}: none of its {len(collection['features'])} features has a {CODE} of the HCAT3 list.")
    rings = [ring for parts, _ in polygons for part in parts for ring in part]
    points = np.concatenate(rings)
    if not np.isfinite(points).all() or (stored.is_geographic and (np.abs(points) > (180, 90)).any()):
        raise DataError(f"{path}: coordinates such as {points[0].tolist()} are not all degrees. Declare its crs.")
    crs = _zone(points) if stored.is_geographic else stored
    moved = iter(_moved(path, stored, crs, rings, points))
    shapes = [
        ({"type": "MultiPolygon", "coordinates": [[next(moved).tolist() for _ in part] for part in parts]}, flat)
        for parts, flat in polygons
    ]
    return Fields(crs.to_string(), shapes, np.array([_box(shape) for shape, _ in shapes]))


def _flat_id(feature: Any, ids: Mapping[int, int]) -> int | None:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    code = str((properties or {}).get(CODE, "")) if isinstance(properties, dict | None) else ""
    return ids.get(int(code)) if code.isascii() and code.isdigit() and len(code) < 20 else None


def _polygons(path: str, number: int, feature: Mapping[str, Any]) -> Iterator[list[np.ndarray]]:
    found = feature.get("geometry")
    geometry: dict[str, Any] = found if isinstance(found, dict) else {}
    kind = geometry.get("type")
    if kind not in ("Polygon", "MultiPolygon"):
        raise DataError(f"{path}: feature {number} is a {kind}, expected Polygon or MultiPolygon. Leave it out.")
    try:
        parts = [geometry["coordinates"]] if kind == "Polygon" else geometry["coordinates"]
        for part in parts:
            rings = [np.array([(float(p[0]), float(p[1])) for p in ring], dtype=np.float64) for ring in part]
            if not rings or min(len(ring) for ring in rings) < 4:
                raise ValueError("a ring of fewer than 4 points")
            yield rings
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DataError(f"{path}: feature {number} has a polygon that cannot be read ({error}).") from error


def _crs(path: str, member: Any) -> CRS:
    if member is None:
        return CRS.from_epsg(4326)
    properties = member.get("properties") if isinstance(member, dict) else None
    name = str(properties.get("name", "")) if isinstance(properties, dict) else ""
    if name.upper().endswith("CRS84"):
        return CRS.from_epsg(4326)
    found = _CODES.fullmatch(name)
    try:
        crs = CRS.from_epsg(int(found[1])) if found else CRS.from_wkt(name)
    except (CRSError, ValueError) as error:
        raise DataError(
            f'{path}: its crs "{name[:60]}" is unknown. Expected EPSG:4326 or another EPSG code.'
        ) from error
    if not crs.is_geographic and crs.linear_units_factor[1] != 1:
        raise DataError(f"{path}: its crs {name[:60]} is not in metres. Reproject it to EPSG:4326 or UTM.")
    return crs


def _zone(points: np.ndarray) -> CRS:
    lon, lat = (points.min(axis=0) + points.max(axis=0)) / 2
    return CRS.from_epsg((32600 if lat >= 0 else 32700) + int((lon + 180) // 6) % 60 + 1)


def _moved(path: str, stored: CRS, crs: CRS, rings: Sequence[np.ndarray], points: np.ndarray) -> list[np.ndarray]:
    if stored != crs:
        try:
            points = np.stack(to_crs(stored, crs, points[:, 0], points[:, 1]), axis=1)
        except RasterioError as error:
            raise DataError(f"{path}: cannot be brought to {crs.to_string()} ({error}).") from error
        if not np.isfinite(points).all():
            raise DataError(f"{path}: has places that {crs.to_string()} does not hold. Cut it into regions.")
    ends = np.cumsum([len(ring) for ring in rings])
    return np.split(points, ends[:-1])


def _box(shape: Mapping[str, Any]) -> list[float]:
    points = np.concatenate([np.array(ring) for part in shape["coordinates"] for ring in part])
    return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]
