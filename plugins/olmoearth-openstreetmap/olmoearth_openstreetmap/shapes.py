"""How osmium's nodes, ways and areas become shapes in degrees.

Inner rings of areas are kept. A line is cut where the extract lacks its nodes; for the published layer, which forgot
nodes far from all boxes, it is joined across the gap instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from olmoearth_openstreetmap.pbf_file import Bounds

PADDING = 0.03
"""Degrees by which the published layer widened each box, and side of the squares in which it looked nodes up."""
OUTSIDE = object()
"""Instead of a shape: the published layer never saw the object near a box."""


@dataclass(frozen=True)
class Boxes:
    """Where nodes are kept: near boxes in degrees; null = everywhere."""

    boxes: Sequence[Bounds] | None

    def hold(self, points: np.ndarray) -> np.ndarray:
        """Return bool [N]: which points (longitude, latitude) the published layer kept.

        Those in squares of 0.03 degree, on whole multiples, that a padded box touches.
        """
        if self.boxes is None:
            return np.ones(len(points), dtype=bool)
        inside, cells = np.zeros(len(points), dtype=bool), np.floor(points / PADDING)
        for west, south, east, north in self.boxes:
            low, high = np.floor(
                np.array([[west - PADDING, south - PADDING], [east + PADDING, north + PADDING]]) / PADDING
            )
            inside |= ((cells >= low) & (cells <= high)).all(axis=1)
        return inside


def node_shape(node: Any, boxes: Boxes | None) -> Any:
    """Return a node's point, None where it has no place, or OUTSIDE."""
    place = node.location
    if not place.valid():
        return None
    if boxes is not None and not boxes.hold(np.array([[place.lon, place.lat]])).all():
        return OUTSIDE
    return shapely.Point(place.lon, place.lat)


def lines_of(way: Any, boxes: Boxes | None) -> list[np.ndarray]:
    """Return the runs of nodes whose places are known; one run of all that survive for the published layer."""
    places = [(n.lon, n.lat) if n.location.valid() else (np.nan, np.nan) for n in way.nodes]
    points = np.array(places, dtype=np.float64).reshape(-1, 2)
    known = ~np.isnan(points[:, 0])
    if boxes is not None:
        return [points[known & boxes.hold(points)]]
    ends = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    return [points[first:last] for first, last in zip(ends[::2], ends[1::2], strict=True)]


def joined(lines: Sequence[np.ndarray]) -> Any:
    """Return runs of points as one line or several, None where none has two points, or OUTSIDE."""
    long = [line for line in lines if len(line) > 1]
    if not long:
        # A way of the published layer without a surviving node was never seen near a box.
        return OUTSIDE if lines and not len(lines[0]) else None
    return shapely.LineString(long[0]) if len(long) == 1 else shapely.MultiLineString(long)


def polygon_of(lines: Sequence[np.ndarray]) -> Any:
    """Return the one run of points as a polygon, closed or not; None where it is none, or OUTSIDE."""
    (ring,) = lines
    if len(ring) < 3:
        return None if len(ring) else OUTSIDE
    try:
        return shapely.Polygon(ring)
    except (ValueError, shapely.errors.GEOSException):
        return None


def area_shape(area: Any) -> Any:
    """Return an assembled area with its inner rings as a polygon or several; None where it has no ring."""
    parts = [
        shapely.Polygon(_ring(outer), [_ring(inner) for inner in area.inner_rings(outer)])
        for outer in area.outer_rings()
    ]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _ring(ring: Any) -> list[tuple[float, float]]:
    return [(node.lon, node.lat) for node in ring]
