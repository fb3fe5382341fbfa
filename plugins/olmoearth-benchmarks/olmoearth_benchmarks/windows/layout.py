"""What lies where in a data set of rslearn: its layers, its windows, and when each image was taken.

Layout (https://github.com/allenai/rslearn, docs/DatasetConfig.md and docs/CoreConcepts.md):
`config.json` with layers and their band sets; `windows/<group>/<window>/metadata.json` with projection, bounds in
pixels, time range and options; `items.json` with the items of each layer, one list per time step; and
`layers/<layer>[.<step>]/<bands joined by _>/geotiff.tif`, or `layers/<layer>/data.geojson`.
"""

# T steps
from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import fsspec
import numpy as np

from olmoearth_core.errors import DataError

RASTER, VECTOR = "geotiff.tif", "data.geojson"
MOST_BYTES = 2**28
_LONGEST_NAME = 64
_TOGETHER = 512
"""Small files that are asked for at once: on a remote file system they come side by side."""


@dataclass(frozen=True)
class Layer:
    """name: of the layer. kind: "raster" or "vector". band_sets: names of bands, in the order of each file."""

    name: str
    kind: str
    band_sets: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Window:
    """group, name: its folder. files: below `layers`. crs: of its projection; resolution: of x and y in its units.

    bounds: left, top, right, bottom in pixels. span: of time, () where it has none.
    """

    group: str
    name: str
    files: tuple[str, ...]
    crs: str
    resolution: tuple[float, float]
    bounds: tuple[int, int, int, int]
    span: tuple[datetime, ...]
    options: Mapping[str, Any]

    def steps(self, layer: str) -> list[int]:
        """Return the time steps for which a layer has a file, in order."""
        found = set()
        for file in self.files:
            name, _, step = file.partition("/")[0].partition(".")
            if name == layer and (not step or step.isdecimal()):
                found.add(int(step or 0))
        return sorted(found)


def layers(root: str) -> dict[str, Layer]:
    """Return the layers of a data set.

    Raises:
        DataError: there is no config.json, or it is not one of rslearn.
    """
    url = f"{root}/config.json"
    try:
        with fsspec.open(url, "rb") as stream:
            facts = json.loads(stream.read(MOST_BYTES))["layers"]
        return {
            name: Layer(name, str(layer["type"]), tuple(_bands(one) for one in layer.get("band_sets", ())))
            for name, layer in facts.items()
        }
    except FileNotFoundError as cause:
        raise DataError(f"{url}: there is no such file, so {root} is no data set of rslearn.") from cause
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as cause:
        raise DataError(f"{url}: is not the config of a data set of rslearn ({_short(cause)}).") from cause


def folder_of(bands: Sequence[str]) -> str:
    """Return the folder of a band set: its bands, or a hash of them where that would be too long."""
    joined = "_".join(bands)
    return joined if len(joined) <= _LONGEST_NAME else hashlib.sha256(joined.encode()).hexdigest()


def windows(root: str) -> list[Window]:
    """Return all windows in order of group and name; lists the data set once and reads every metadata.json.

    Raises:
        DataError: there are none, or one is damaged.
    """
    filesystem, path = fsspec.core.url_to_fs(f"{root}/windows")
    try:
        found = filesystem.find(path)
    except OSError as cause:
        raise DataError(f"{root}/windows: cannot be listed ({_short(cause)}).") from cause
    files: dict[tuple[str, str], list[str]] = {}
    for name in found:
        parts = str(name)[len(path.rstrip("/")) :].strip("/").split("/")
        if len(parts) == 3 and parts[2] == "metadata.json":
            files.setdefault((parts[0], parts[1]), [])
        elif len(parts) >= 5 and parts[2] == "layers" and parts[-1] in (RASTER, VECTOR):
            # A million files have few names.
            files.setdefault((parts[0], parts[1]), []).append(sys.intern("/".join(parts[3:])))
    keys = sorted(files)
    if not keys:
        raise DataError(f"{root}/windows: holds no <group>/<window>/metadata.json. Is this a data set of rslearn?")
    texts = _contents(filesystem, [f"{path.rstrip('/')}/{group}/{name}/metadata.json" for group, name in keys])
    return [_window(key, tuple(sorted(files[key])), text, root) for key, text in zip(keys, texts, strict=True)]


def starts(root: str, window: Window, layer: str, count: int) -> dict[int, datetime]:
    """Return when each step of a layer begins: that of its items, else of equal parts of the window's time range.

    Raises:
        DataError: neither is known.
    """
    url = f"{root}/windows/{window.group}/{window.name}/items.json"
    try:
        with fsspec.open(url, "rb") as stream:
            groups = _groups(json.loads(stream.read(MOST_BYTES)), layer)
    except FileNotFoundError:
        groups = {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as cause:
        raise DataError(f"{url}: does not say when images were taken ({_short(cause)}).") from cause
    missing = [step for step in range(count) if step not in groups]
    if missing and not window.span:
        raise DataError(
            f"{url}: no date of step {missing[0]} of {layer}, and the window has no time_range. Score it with the "
            f"profile of the reference, which needs no dates, or add a time_range."
        )
    if missing:
        begin, end = window.span
        part: timedelta = (end - begin) / count
        groups.update({step: begin + step * part for step in missing})
    return groups


def _groups(facts: Any, layer: str) -> dict[int, datetime]:
    """Return step -> the first date of its items."""
    found: dict[int, datetime] = {}
    for entry in facts:
        if entry["layer_name"] != layer:
            continue
        ranges = entry.get("group_time_ranges") or []
        for step, items in enumerate(entry["serialized_item_groups"]):
            dates = [item["geometry"]["time_range"] for item in items]
            own = ranges[step] if step < len(ranges) else None
            known = [moment(pair[0]) for pair in (*([own] if own else []), *dates) if pair]
            if known:
                found[step] = min(known)
    return found


def moment(text: str) -> datetime:
    """Return a date of ISO 8601, without its zone: rslearn writes UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _bands(band_set: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(band) for band in band_set["bands"])


def _contents(filesystem: Any, paths: Sequence[str]) -> Iterator[bytes]:
    for start in range(0, len(paths), _TOGETHER):
        part = list(paths[start : start + _TOGETHER])
        try:
            found = filesystem.cat(part)
        except FileNotFoundError as cause:
            raise DataError(f"{cause}: a folder with layers has no metadata.json. Is the data set whole?") from cause
        except OSError as cause:
            raise DataError(f"{part[0]} ...: cannot be read ({_short(cause)}).") from cause
        content = found if isinstance(found, dict) else {part[0]: found}
        yield from (content[path] for path in part)


def _window(key: tuple[str, str], files: tuple[str, ...], text: bytes, root: str) -> Window:
    try:
        facts = json.loads(text)
        projection, bounds = facts["projection"], [int(side) for side in facts["bounds"]]
        resolution = (float(projection["x_resolution"]), float(projection["y_resolution"]))
        span = tuple(moment(end) for end in facts.get("time_range") or ())
        left, top, right, bottom = bounds
        if not (0 < right - left <= 2**14 and 0 < bottom - top <= 2**14) or len(span) not in (0, 2):
            raise ValueError(f"bounds {bounds}, time_range {facts.get('time_range')}")
        if not np.isfinite(resolution).all():
            raise ValueError(f"resolution {resolution}")
        options = dict(facts.get("options") or {})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as cause:
        where = f"{root}/windows/{key[0]}/{key[1]}/metadata.json"
        raise DataError(f"{where}: is not that of a window ({_short(cause)}).") from cause
    return Window(*key, files, str(projection["crs"]), resolution, (left, top, right, bottom), span, options)


def _short(cause: BaseException) -> str:
    return f"{type(cause).__name__}: {' '.join(str(cause).split())[:100]}"
