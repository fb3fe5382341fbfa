"""Vector tiles of a store, made from extracts for given windows.

A window that no extract's box touches is skipped: nothing is known there. One that is touched gets a tile, even an
empty one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from olmoearth_core.errors import OlmoEarthError
from olmoearth_core.ingest.windows import Window
from olmoearth_openstreetmap.pbf import read_features
from olmoearth_openstreetmap.pbf_file import Bounds, Locations, header
from olmoearth_openstreetmap.projected import projected, united
from olmoearth_openstreetmap.store import VECTOR, Line, Report, add_to_table, line_of, vector_path
from olmoearth_openstreetmap.vector_tile import write_vector_tile

_RIM = 0.0005
"""Degrees of latitude around a window from which features are read: 55 m, more than what is drawn goes beyond them."""


def write_tiles(
    extracts: Sequence[str],
    store: Path,
    windows: Iterable[Window],
    *,
    published: bool = False,
    legacy: bool = False,
    locations: Locations = "auto",
    overwrite: bool = False,
) -> Report:
    """Write the vector tiles of windows and add them to the store's table.

    Arguments as in `read_features`. overwrite: write tiles again that are there.

    Raises:
        DataError: an extract is missing, torn or malformed; names it. No tile is written then.
    """
    given = list(windows)
    open_ = [w for w in given if overwrite or not vector_path(store, w.cell).exists()]
    boxes = [header(path).bounds for path in extracts]
    around = {w.cell: window_bounds(w) for w in given}
    inside = [w for w in open_ if any(_meet(around[w.cell], box) for box in boxes)]
    skipped = tuple(f"{w.cell.window_name}: lies outside of the extract" for w in open_ if w not in inside)
    # The published layer keeps the nodes near any window, so what is there already takes part.
    wanted = [around[w.cell] for w in (given if published else inside)] if inside else []
    options = {"published": published, "legacy": legacy}
    found = (
        [read_features(p, boxes=wanted, locations=locations, **options).features for p in extracts] if wanted else []
    )
    features, failed, lines = united(found), [], list[Line]()
    for crs in sorted({w.cell.crs for w in inside}):
        zone = projected(features, crs)
        for window in (w for w in inside if w.cell.crs == crs):
            try:
                write_vector_tile(vector_path(store, window.cell), window.cell, zone.of(window.cell))
                lines.append(line_of(window))
            except (OlmoEarthError, OSError) as error:
                failed.append(f"{window.cell.window_name}: {error}")
    kept = [w for w in given if w not in open_]
    if kept or lines:
        add_to_table(store / f"{VECTOR}.csv", [*lines, *map(line_of, kept)])
    return Report(len(lines), len(kept), skipped, tuple(failed))


def window_bounds(window: Window) -> Bounds:
    """Return west, south, east, north of a window and a rim, in degrees; not for windows across the antimeridian."""
    corners = window.outline()
    rim = np.array([_RIM / np.cos(np.radians(np.abs(corners[:, 1]).max())), _RIM])
    (west, south), (east, north) = corners.min(axis=0) - rim, corners.max(axis=0) + rim
    # The sides of a cell are curves in degrees, at most a metre off the chord: the rim holds them.
    return float(west), float(south), float(east), float(north)


def _meet(one: Bounds, other: Bounds | None) -> bool:
    if other is None:
        return True
    low = np.maximum(one[:2], other[:2])
    high = np.minimum(one[2:], other[2:])
    return bool((low <= high).all())
