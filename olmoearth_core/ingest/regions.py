"""Which cells of the 10 m grid lie in polygons of longitude and latitude.

Polygons are cut to each UTM zone, brought into its metres, and drawn on the grid with one pixel per cell. A cell
belongs to the zone in which its centre lies, so neighbouring zones do not list the same ground twice.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.features import rasterize
from rasterio.transform import Affine

from olmoearth_core.convert.grid import Cell, to_latlon
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.place import NORTH, SOUTH, project
from olmoearth_core.ingest.windows import FACTOR
from olmoearth_core.interfaces.modality import TILE_PIXELS, resolution

_SIDE = TILE_PIXELS * float(resolution(FACTOR))
_STEP = 0.02
"""Longest piece of an edge in degrees: straight in degrees is not straight in metres."""
_MARGIN = 0.1
"""Degrees beyond a zone's edge that are kept, as cells with their centre inside reach that far (up to 80 north)."""
_DEEPEST = 16

Ring = np.ndarray
"""Longitude and latitude, float64 [N, 2], longitudes without jumps."""


def cells_in(place: Path, data: Any, faults: list[str], *, touched: bool) -> set[Cell]:
    """Return the cells inside the polygons of a GeoJSON object; parts that are no polygons go into `faults`."""
    found: set[Cell] = set()
    number = 0
    for where, geometry in _geometries(f"{place}", data, 0):
        number += 1
        try:
            for polygon in _polygons(geometry):
                found |= _cells(polygon, touched=touched)
        except (TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
            faults.append(f"{where}: {error}; it is left out")
    if not number:
        raise DataError(f"{place}: no geometry, expected GeoJSON with polygons in degrees.")
    return found


def _geometries(where: str, data: Any, depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(data, dict) or depth > _DEEPEST:
        return
    kind = data.get("type")
    if kind in ("FeatureCollection", "GeometryCollection"):
        parts = data.get("features" if kind == "FeatureCollection" else "geometries")
        for number, part in enumerate(parts if isinstance(parts, list) else []):
            yield from _geometries(f"{where}: part {number}", part, depth + 1)
    elif kind == "Feature":
        yield from _geometries(where, data.get("geometry"), depth + 1)
    elif kind is not None:
        yield where, data


def _polygons(geometry: dict[str, Any]) -> list[list[Ring]]:
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(f'found "{kind}", expected Polygon or MultiPolygon')
    polygons = [coordinates] if kind == "Polygon" else coordinates
    if not isinstance(polygons, list) or not polygons:
        raise ValueError("no coordinates")
    return [[_ring(ring) for ring in polygon] for polygon in polygons]


def _ring(points: Any) -> Ring:
    ring = np.array([[float(point[0]), float(point[1])] for point in points], dtype=np.float64).reshape(-1, 2)
    if len(ring) < 4 or not np.isfinite(ring).all():
        raise ValueError(f"a ring of {len(ring)} points, expected four or more with finite numbers")
    if np.abs(ring[:, 0]).max() > 360 or np.abs(ring[:, 1]).max() > 90:
        raise ValueError(f"{ring[0, 0]:g}, {ring[0, 1]:g} are no degrees; GeoJSON is in longitude and latitude")
    # Whole-world rectangles have edges of 360 degrees, which are no jumps across the antimeridian.
    if np.ptp(ring[:, 0]) < 360:
        ring[:, 0] = np.unwrap(ring[:, 0], period=360)
    return ring


def _cells(rings: list[Ring], *, touched: bool) -> set[Cell]:
    everything = np.concatenate(rings)
    west, east = everything[:, 0].min(), everything[:, 0].max()
    found: set[Cell] = set()
    for number in range(math.floor((west + 180) / 6 - 1), math.floor((east + 180) / 6 + 1) + 1):
        for south, north, base in ((0.0, NORTH, 32600), (SOUTH, 0.0, 32700)):
            box = (number * 6 - 180.0, south, number * 6 - 174.0, north)
            cut = [c for c in (_clipped(ring, box) for ring in rings) if len(c) >= 3]
            if cut:
                found |= _in_zone(cut, box, f"EPSG:{base + number % 60 + 1}", touched=touched)
    return found


def _in_zone(rings: list[Ring], box: tuple[float, float, float, float], crs: str, *, touched: bool) -> set[Cell]:
    """Return cells of one zone. Rings lie near its box; they may be on another turn around the Earth than -180..180."""
    turns = 360 * math.floor((box[0] + 180) / 360)
    drawn = []
    for ring in rings:
        dense = _dense(ring)
        x, y = project(crs, dense[:, 0] - turns, dense[:, 1])
        drawn.append(np.stack([x / _SIDE, -y / _SIDE], axis=1))
    everything = np.concatenate(drawn)
    left, top = np.floor(everything.min(axis=0)).astype(int) - 1
    right, bottom = np.ceil(everything.max(axis=0)).astype(int) + 1
    shape = (int(bottom - top), int(right - left))
    # Rings of one polygon are drawn together: a hole is where two of them overlap.
    polygon = {"type": "Polygon", "coordinates": [[*map(tuple, ring), tuple(ring[0])] for ring in drawn]}
    grid = Affine.translation(float(left), float(top))
    burnt = rasterize([(polygon, 1)], out_shape=shape, transform=grid, all_touched=touched, dtype="uint8")
    rows, cols = np.nonzero(burnt)
    return set(_of_zone(crs, cols + left, rows + top, box, turns))


def _of_zone(
    crs: str, cols: np.ndarray, rows: np.ndarray, box: tuple[float, float, float, float], turns: int
) -> Iterable[Cell]:
    if not len(cols):
        return
    centres = to_latlon(crs, (cols + 0.5) * _SIDE, -(rows + 0.5) * _SIDE)
    middle = (box[0] + box[2]) / 2 - turns
    lon = middle + (centres[:, 1] - middle + 180) % 360 - 180
    inside = (lon >= box[0] - turns) & (lon < box[2] - turns) & (centres[:, 0] >= box[1]) & (centres[:, 0] <= box[3])
    for col, row in zip(cols[inside], rows[inside], strict=True):
        yield Cell(crs, FACTOR, int(col), int(row))


def _clipped(ring: Ring, box: tuple[float, float, float, float]) -> Ring:
    """Cut a ring to a box and its margin, side by side (Sutherland and Hodgman 1974)."""
    west, south, east, north = box[0] - _MARGIN, box[1] - _MARGIN, box[2] + _MARGIN, min(box[3] + _MARGIN, 84.5)
    south = max(south, -80.5)
    for axis, limit, sign in ((0, west, 1), (0, east, -1), (1, south, 1), (1, north, -1)):
        kept: list[np.ndarray] = []
        distance = sign * (ring[:, axis] - limit)
        for i in range(len(ring)):
            j = (i + 1) % len(ring)
            if distance[i] >= 0:
                kept.append(ring[i])
            if (distance[i] >= 0) != (distance[j] >= 0):
                kept.append(ring[i] + (ring[j] - ring[i]) * distance[i] / (distance[i] - distance[j]))
        ring = np.array(kept).reshape(-1, 2)
        if not len(ring):
            break
    return ring


def _dense(ring: Ring) -> Ring:
    closed = np.concatenate([ring, ring[:1]])
    pieces = []
    for here, there in itertools.pairwise(closed):
        number = max(1, math.ceil(float(np.abs(there - here).max()) / _STEP))
        pieces.append(here + (there - here) * (np.arange(number) / number)[:, None])
    return np.concatenate(pieces)
