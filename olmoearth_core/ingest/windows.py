"""Windows: which cells of the 10 m grid are wanted, at which time, and the file that lists them.

A store keeps one tile per cell, so a cell has one time. A line that cannot be used is reported with file and number.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from olmoearth_core.convert.grid import Cell, to_latlon
from olmoearth_core.convert.tiles import slot
from olmoearth_core.convert.whole_file import write_text
from olmoearth_core.errors import DataError

FACTOR = 16
"""Resolution factor of the grid of windows: 10 m."""
COLUMNS = ("crs", "col", "row", "tile_time", "name")
BEFORE = timedelta(days=7)
LASTS = timedelta(days=14)
_CRS = re.compile(r"EPSG:32[67](0[1-9]|[1-5]\d|60)")
_FARTHEST = 4096
"""Largest column or row: 10,486 km, more than any UTM zone has."""
_LARGEST_FILE = 2**30


@dataclass(frozen=True, order=True)
class Window:
    """One cell of the 10 m grid and the time around which it is wanted.

    tile_time: centre of the window's two weeks, UTC. name: a label for people, no part of any file name.
    """

    cell: Cell
    tile_time: datetime
    name: str = field(default="", compare=False)

    @property
    def start(self) -> datetime:
        """Start of the window; the year of 12 slots is centred on it."""
        return self.tile_time - BEFORE

    @property
    def end(self) -> datetime:
        """End of the window, two weeks after its start."""
        return self.start + LASTS

    def slot(self, number: int) -> tuple[datetime, datetime]:
        """Start and end of slot 1..12, of 30 days each."""
        return slot(self.tile_time, number)

    def outline(self) -> np.ndarray:
        """Longitude and latitude of the corners, float64 [4, 2], clockwise from the upper left."""
        left, top = self.cell.top_left
        right, bottom = left + self.cell.meters, top - self.cell.meters
        corners = to_latlon(self.cell.crs, np.array([left, right, right, left]), np.array([top, top, bottom, bottom]))
        flipped: np.ndarray = corners[:, ::-1]
        return flipped


@dataclass(frozen=True)
class WindowList:
    """Windows in order, each cell once, and what was wrong with the lines or places that gave none."""

    windows: tuple[Window, ...]
    faults: tuple[str, ...] = ()


def in_order(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Sort by cell and keep the earliest time of each cell."""
    first: dict[Cell, Window] = {}
    for window in sorted(windows):
        first.setdefault(window.cell, window)
    return tuple(first.values())


def read_windows(path: str | Path) -> WindowList:
    """Read a list of windows: a .geojson as `write_windows` makes it, or CSV with the columns crs,col,row,tile_time.

    Raises:
        DataError: the file is missing or is no such list at all.
    """
    place = Path(path)
    text = read_text(place)
    found = _features(place, text) if place.suffix in (".geojson", ".json") else _lines(place, text)
    windows: dict[Cell, Window] = {}
    faults: list[str] = []
    for where, values in found:
        try:
            window = _window(values)
        except (TypeError, ValueError, OverflowError) as error:
            faults.append(f"{where}: {error}; it is left out")
            continue
        known = windows.setdefault(window.cell, window)
        if known.tile_time != window.tile_time:
            cell, kept = window.cell.window_name, known.tile_time.isoformat()
            faults.append(f"{where}: {cell} is listed before with {kept}; a cell has one time, so it is left out")
    return WindowList(in_order(windows.values()), tuple(faults))


def write_windows(path: str | Path, windows: Iterable[Window]) -> Path:
    """Write windows in order, each cell once: GeoJSON polygons for maps where the name ends so, CSV otherwise."""
    place, ordered = Path(path), in_order(windows)
    if place.suffix in (".geojson", ".json"):
        features = [_feature(window) for window in ordered]
        text = json.dumps({"type": "FeatureCollection", "features": features}, indent=1) + "\n"
    else:
        lines = io.StringIO(newline="")
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_values(window).values() for window in ordered)
        text = lines.getvalue()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_text(place, text)
    except OSError as error:
        raise DataError(f"{place}: cannot be written ({error}). Give another file.") from error
    return place


def moment(text: str) -> datetime:
    """Read an ISO-8601 time as UTC; ValueError for anything else."""
    time = datetime.fromisoformat(text.strip())
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def read_text(place: Path) -> str:
    """Return a text file of bounded size.

    Raises:
        DataError: missing, too large, or no text in UTF-8.
    """
    try:
        if place.stat().st_size > _LARGEST_FILE:
            raise DataError(f"{place}: {place.stat().st_size:,} bytes, at most {_LARGEST_FILE:,} are read. Split it.")
        return place.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{place}: cannot be read ({error.strerror}). Give a file that exists.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{place}: is no text in UTF-8 ({error.reason} at byte {error.start}).") from error


def read_json(place: Path) -> Any:
    """Return what a JSON file holds; DataError with line and column where it is no JSON."""
    text = read_text(place)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{place}:{error.lineno}: is no JSON ({error.msg} at column {error.colno}).") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: is no JSON that can be read ({error}).") from error


def read_csv(place: Path, text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield place ("file:line") and values of each line of a CSV; DataError where the lines end in nonsense."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            yield f"{place}:{reader.line_num}", {str(k): v or "" for k, v in row.items() if isinstance(v, str | None)}
    except csv.Error as error:
        raise DataError(f"{place}:{reader.line_num}: is no CSV ({error}).") from error


def _lines(place: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    head = next(csv.reader(io.StringIO(text[:4096], newline="")), [])
    if missing := [c for c in COLUMNS[:4] if c not in head]:
        raise DataError(f"{place}:1: columns {', '.join(missing)} are missing; expected {','.join(COLUMNS)}.")
    return read_csv(place, text)


def _features(place: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    data = read_json(place)
    features = data.get("features") if isinstance(data, dict) else None
    if not isinstance(features, list):
        raise DataError(f'{place}: no list of "features", expected the GeoJSON that `dataset select` writes.')
    for number, feature in enumerate(features):
        values = feature.get("properties") if isinstance(feature, dict) else None
        yield f"{place}: feature {number}", values if isinstance(values, dict) else {}


def _window(values: Mapping[str, Any]) -> Window:
    crs = str(values.get("crs", ""))
    if not _CRS.fullmatch(crs):
        raise ValueError(f'crs is "{crs}", expected a UTM zone such as EPSG:32632')
    col, row = (_number(name, values.get(name)) for name in ("col", "row"))
    if max(abs(col), abs(row)) > _FARTHEST:
        raise ValueError(f"col {col}, row {row} lie outside a UTM zone")
    text = str(values.get("tile_time", ""))
    try:
        time = moment(text)
    except (ValueError, OverflowError):
        raise ValueError(f'tile_time is "{text}", expected a time such as 2021-06-01T00:00:00+00:00') from None
    return Window(Cell(crs, FACTOR, col, row), time, str(values.get("name") or ""))


def _number(name: str, value: Any) -> int:
    text = str(value).strip()
    if not re.fullmatch(r"-?\d{1,6}", text):
        raise ValueError(f'{name} is "{text}", expected a whole number')
    return int(text)


def _values(window: Window) -> dict[str, Any]:
    cell = window.cell
    return dict(zip(COLUMNS, (cell.crs, cell.col, cell.row, window.tile_time.isoformat(), window.name), strict=True))


def _feature(window: Window) -> dict[str, Any]:
    corners = window.outline()
    if np.ptp(corners[:, 0]) <= 180:
        geometry = {"type": "Polygon", "coordinates": [_ring(corners)]}
    else:
        # RFC 7946, 3.1.9: what crosses the antimeridian is cut there.
        turn = np.array([360.0, 0.0])
        east = np.where(corners[:, :1] < 0, corners + turn, corners)
        parts = [_cut(east, keep_west=True), _cut(east, keep_west=False) - turn]
        geometry = {"type": "MultiPolygon", "coordinates": [[_ring(part)] for part in parts]}
    return {"type": "Feature", "properties": _values(window), "geometry": geometry}


def _ring(corners: np.ndarray) -> list[list[float]]:
    # Counter-clockwise and closed, as RFC 7946 wants outer rings; 1e-7 degrees are 1 cm.
    return [[round(float(lon), 7), round(float(lat), 7)] for lon, lat in (*corners[::-1], corners[-1])]


def _cut(corners: np.ndarray, *, keep_west: bool) -> np.ndarray:
    kept: list[np.ndarray] = []
    for here, there in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        inside, next_inside = (here[0] <= 180) == keep_west, (there[0] <= 180) == keep_west
        if inside:
            kept.append(here)
        if inside != next_inside:
            kept.append(here + (there - here) * (180 - here[0]) / (there[0] - here[0]))
    return np.array(kept)
