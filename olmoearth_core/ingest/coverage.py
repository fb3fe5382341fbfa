"""Which part of a cell scenes cover, and whether one more scene is worth reading.

The rule is the original's: a scene is added if it covers at least a tenth of what is still open, or if at least a
tenth of the scene itself does; below a hundredth of the cell nothing more is looked for.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from olmoearth_core.convert.grid import Cell
from olmoearth_core.ingest.candidate import Candidate

LEAST = 0.1
ENOUGH = 0.01
_EARTH = 6_371_007.2
"""Radius in metres of the sphere with the Earth's surface."""
_MESH = 64


def worth(gained: float, scene: float, still_open: float) -> bool:
    """Whether a scene is added. All are areas: what it would close, all of it, and all that is open."""
    return gained > 0 and (gained >= LEAST * scene or gained >= LEAST * still_open)


def under(candidate: Candidate, cell: Cell, pixels: int) -> np.ndarray:
    """Return where a candidate's bounds cover a cell: bool [pixels, pixels], true to a 64th of the cell."""
    mesh = math.gcd(pixels, _MESH)
    lon, lat = _centres(cell, mesh)
    west, south, _, north = candidate.bounds
    across = (lon - west) % 360 <= _width(candidate)
    inside = (across & (lat >= south) & (lat <= north)).reshape(mesh, mesh)
    return inside.repeat(pixels // mesh, axis=0).repeat(pixels // mesh, axis=1)


def area(candidate: Candidate) -> float:
    """Return the area within a candidate's bounds, in square metres of a sphere."""
    _, south, _, north = candidate.bounds
    height = math.sin(math.radians(north)) - math.sin(math.radians(south))
    return _EARTH**2 * math.radians(_width(candidate)) * height


def _width(candidate: Candidate) -> float:
    west, _, east, _ = candidate.bounds
    return 360.0 if east - west >= 360 else (east - west) % 360


@functools.lru_cache(maxsize=8)
def _centres(cell: Cell, mesh: int) -> tuple[np.ndarray, np.ndarray]:
    latlons = cell.sub_latlons(mesh)
    return latlons[:, 1], latlons[:, 0]
