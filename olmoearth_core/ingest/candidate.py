"""One scene that might serve a window: when and where it was taken, and how to open it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import xarray

Open = Callable[[Sequence[str]], xarray.DataArray]
"""Takes band names and returns what `Reader.read` returns, for those of them that the scene has."""
Clear = Callable[[], "xarray.DataArray | None"]
"""Returns what `Reader.clear` returns."""


@dataclass(frozen=True)
class Candidate:
    """A scene of one modality, not yet opened.

    source: path, URL or item id, for messages and provenance. start, end: when it was taken, UTC; a map's validity.
    bounds: west, south, east, north in degrees; west > east crosses the antimeridian.
    cloud_cover: percent of the scene, None = not said.
    order: rank among equals, so that the same files give the same tile. bands: those that it has; empty = not said.
    """

    source: str
    start: datetime
    end: datetime
    bounds: tuple[float, float, float, float]
    open: Open
    clear: Clear
    cloud_cover: float | None = None
    order: str = ""
    bands: tuple[str, ...] = ()
