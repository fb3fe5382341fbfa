"""Which questions a catalogue is asked for windows: one per collection, place and span of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from olmoearth_core.convert.tiles import SLOTS
from olmoearth_core.ingest.windows import Window
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_stac.profile import Entry, Profile

_BEYOND = 0.001
"""Degrees around a window (100 m): its edges are not quite straight in degrees."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True, order=True)
class Query:
    """One question. bbox: west, south, east, north in degrees. datetime: an interval of RFC 3339, "" = any time."""

    collection: str
    bbox: Box
    datetime: str = ""

    def parameters(self) -> dict[str, Any]:
        """Return it as arguments of `pystac_client.Client.search`."""
        asked = {"collections": [self.collection], "bbox": list(self.bbox)}
        return {**asked, "datetime": self.datetime} if self.datetime else asked


def queries(profile: Profile, windows: Sequence[Window], specs: Sequence[ModalitySpec]) -> tuple[Query, ...]:
    """Return all questions in order, each once."""
    entries = [profile.entry(spec.name) for spec in specs]
    return tuple(sorted({query for entry in entries for window in windows for query in _of(window, entry)}))


def _of(window: Window, entry: Entry) -> Iterator[Query]:
    span = "" if entry.always else _interval(window, timedelta(days=entry.around_days))
    for box in boxes(window):
        yield Query(entry.collection, box, span)


def boxes(window: Window) -> tuple[Box, ...]:
    """Return the rectangles in degrees that hold a window: two of them where it crosses the antimeridian."""
    corners = window.outline()
    lon, lat = corners[:, 0], corners[:, 1]
    south, north = float(lat.min()) - _BEYOND, float(lat.max()) + _BEYOND
    if np.ptp(lon) <= 180:
        return (_box(float(lon.min()) - _BEYOND, south, float(lon.max()) + _BEYOND, north),)
    west, east = float(lon[lon > 0].min()) - _BEYOND, float(lon[lon < 0].max()) + _BEYOND
    return (_box(west, south, 180.0, north), _box(-180.0, south, east, north))


def _box(west: float, south: float, east: float, north: float) -> Box:
    # 1e-5 degrees are a metre; longer numbers differ between versions of the projection library.
    return (round(max(west, -180.0), 5), round(south, 5), round(min(east, 180.0), 5), round(north, 5))


def _interval(window: Window, around: timedelta) -> str:
    return f"{_text(window.slot(1)[0] - around)}/{_text(window.slot(SLOTS)[1] + around)}"


def _text(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
