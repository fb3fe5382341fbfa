"""How the published layer draws features: pixels of 2.5 m whose corners are cut toward zero, lines one pixel wide.

A point less than a pixel left of or above a tile lands in its first column or row, and a building thinner than a pixel
collapses to its corners: that is how the layer is.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from olmoearth_openstreetmap.burn import burn_points, burn_polygon, burn_segments

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

_POINT, _LINES, _POLYGON = 0, (1, 2), 3
"""Numbers of kinds of shapes in shapely."""


def draw_reference(mask: np.ndarray, shapes: Sequence[BaseGeometry], corner: tuple[int, int], pixel: float) -> None:
    """Draw shapes in metres onto a mask uint8 [rows, cols].

    corner: column and row of the mask's first pixel, counted east and south from the zone's origin. pixel: metres.
    """
    from shapely import get_rings, get_type_id

    parts = _parts(shapes)
    kinds = get_type_id(parts)
    places, _ = _pixels(parts[kinds == _POINT], corner, pixel)
    burn_points(mask, places)
    vertices, line = _pixels(parts[np.isin(kinds, _LINES)], corner, pixel)
    joined = line[:-1] == line[1:]
    burn_segments(mask, vertices[:-1][joined], vertices[1:][joined])
    rings, polygon = get_rings(parts[kinds == _POLYGON], return_index=True)
    vertices, ring = _pixels(rings, corner, pixel)
    split = np.split(vertices, np.searchsorted(ring, np.arange(1, len(rings))))
    first = np.searchsorted(polygon, np.arange(len(polygon) and polygon[-1] + 2))
    for begin, end in itertools.pairwise(first):
        if begin < end:
            burn_polygon(mask, split[begin:end])


def _parts(shapes: Sequence[BaseGeometry]) -> Any:
    """Return the simple parts of shapes, however deep they are nested."""
    from shapely import get_parts, get_type_id

    parts = np.array(list(shapes), dtype=object)
    while (get_type_id(parts) > _POLYGON).any():
        parts = get_parts(parts)
    return parts


def _pixels(shapes: Any, corner: tuple[int, int], pixel: float) -> tuple[np.ndarray, np.ndarray]:
    """Return column and row of all vertices, int64 [N, 2], and the number of the shape that each belongs to."""
    from shapely import get_coordinates

    points, owner = get_coordinates(shapes, return_index=True)
    places = np.stack([points[:, 0] / pixel - corner[0], -points[:, 1] / pixel - corner[1]], axis=1)
    return np.trunc(places).astype(np.int64), owner
