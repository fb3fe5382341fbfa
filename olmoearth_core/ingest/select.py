"""Which windows a data set is made of: by lot, from a list of places, or from regions on a map.

Everything drawn comes from a seed, and the same choice gives the same file whatever the order of its input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.place import NORTH, SOUTH, Rounding, cells_at, utm
from olmoearth_core.ingest.regions import cells_in
from olmoearth_core.ingest.times import Days
from olmoearth_core.ingest.windows import Window, WindowList, in_order, moment, read_csv, read_json, read_text

Bounds = tuple[float, float, float, float]
WORLD: Bounds = (-180.0, SOUTH, 180.0, NORTH)
REFERENCE_WORLD: Bounds = (-175.0, -80.0, 175.0, 80.0)
"""The rectangle from which the original draws, uniformly in degrees."""
_TRIES = 20
_NAMES = {"longitude": "lon", "latitude": "lat", "x": "lon", "y": "lat", "time": "tile_time"}


@dataclass(frozen=True)
class Place:
    """A point of a list: longitude and latitude in degrees, where it is listed, and what else is said of it."""

    lon: float
    lat: float
    where: str
    tile_time: datetime | None = None
    name: str = ""


def by_lot(
    count: int, days: Days, *, seed: int = 0, bounds: Bounds = WORLD, by_area: bool = True, rounding: Rounding = "floor"
) -> WindowList:
    """Draw windows whose places are uniform on the ground, or in degrees (`by_area=False`: too many near the poles).

    count: how many different cells. bounds: west, south, east, north in degrees; west > east crosses the antimeridian.

    Raises:
        DataError: the rectangle is empty or too small for that many cells.
    """
    west, south, east, north = _checked(bounds)
    draw = _generator(seed)
    cells: dict[Cell, None] = {}
    for _ in range(_TRIES):
        if len(cells) >= count:
            break
        across, up = draw.random(count), draw.random(count)
        lon = (west + across * ((east - west) % 360 or 360) + 180) % 360 - 180
        low, high = np.sin(np.radians([south, north]))
        lat = np.degrees(np.arcsin(low + up * (high - low))) if by_area else south + up * (north - south)
        for cell in cells_at(lon, np.clip(lat, south, north), rounding=rounding):
            if len(cells) < count:
                cells.setdefault(cell)
    if len(cells) < count:
        raise DataError(f"bounds {bounds}: only {len(cells)} different cells were found there, {count} were asked for.")
    return WindowList(in_order(Window(cell, days.of(cell)) for cell in cells))


def from_points(path: str | Path, days: Days, *, rounding: Rounding = "floor") -> WindowList:
    """Return the windows around the places of a list.

    path: JSON list of [lon, lat], or CSV with columns lon,lat (or longitude,latitude) and perhaps tile_time and name.
    Places without a time of their own get one from `days`. What cannot be used is reported.
    """
    places: list[Place] = []
    faults: list[str] = []
    for place in _places(Path(path), faults):
        try:
            utm(place.lon, place.lat)
            places.append(place)
        except DataError as error:
            faults.append(f"{place.where}: {error}")
    lon, lat = np.array([p.lon for p in places]), np.array([p.lat for p in places])
    found = zip(cells_at(lon, lat, rounding=rounding), places, strict=True)
    windows = [Window(cell, place.tile_time or days.of(cell), place.name) for cell, place in found]
    return WindowList(in_order(windows), tuple(faults))


def from_regions(
    path: str | Path, days: Days, *, touched: bool = False, count: int | None = None, seed: int = 0
) -> WindowList:
    """Return the windows of all cells inside polygons of a GeoJSON file in degrees.

    touched: take cells of which any part lies inside, not only those whose centre does. count: draw as many of them.
    """
    place = Path(path)
    faults: list[str] = []
    cells = sorted(cells_in(place, read_json(place), faults, touched=touched))
    if count is not None and count < len(cells):
        cells = [cells[i] for i in sorted(_generator(seed).choice(len(cells), count, replace=False))]
    return WindowList(in_order(Window(cell, days.of(cell)) for cell in cells), tuple(faults))


def _generator(seed: int) -> np.random.Generator:
    if seed < 0:
        raise DataError(f"seed {seed}: expected 0 or more.")
    return np.random.Generator(np.random.PCG64(seed))


def _checked(bounds: Bounds) -> Bounds:
    west, south, east, north = bounds
    if not (-180 <= west <= 180 and -180 <= east <= 180 and SOUTH <= south < north <= NORTH):
        raise DataError(f"bounds {bounds}: expected west,south,east,north in degrees, {SOUTH:g} to {NORTH:g} north.")
    return bounds


def _places(path: Path, faults: list[str]) -> Iterator[Place]:
    if path.suffix == ".json":
        listed: Iterable[tuple[str, Any]] = _pairs(path)
    else:
        listed = _rows(path)
    for where, values in listed:
        try:
            yield _place(where, values)
        except (TypeError, ValueError, OverflowError) as error:
            faults.append(f"{where}: {error}; it is left out")


def _pairs(path: Path) -> Iterator[tuple[str, Any]]:
    data = read_json(path)
    if not isinstance(data, list):
        raise DataError(f"{path}: found {type(data).__name__}, expected a list of [longitude, latitude].")
    for number, pair in enumerate(data):
        good = isinstance(pair, list) and len(pair) == 2
        yield f"{path}: place {number}", {"lon": pair[0], "lat": pair[1]} if good else {}


def _rows(path: Path) -> Iterator[tuple[str, Any]]:
    for where, row in read_csv(path, read_text(path)):
        lower = {name.strip().lower(): value for name, value in row.items()}
        yield where, {_NAMES.get(name, name): value for name, value in lower.items()}


def _place(where: str, values: dict[str, Any]) -> Place:
    text = values.get("tile_time") or ""
    lon, lat = _degrees("lon", values.get("lon")), _degrees("lat", values.get("lat"))
    return Place(lon, lat, where, moment(text) if text else None, str(values.get("name") or ""))


def _degrees(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"no {name}, expected longitude and latitude in degrees")
    try:
        return float(value)
    except ValueError:
        raise ValueError(f'{name} is "{value}", expected degrees') from None
