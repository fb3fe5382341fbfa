"""Join data sets into one: samples in the order of the sets and of their numbers, columns of all of them.

The same place at the same times in two sets is a duplicate. Parts of one tile may share their lat/lon, so the n-th
sample of a place in one set is held against the n-th of the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from olmoearth_core.care import derive
from olmoearth_core.care.opened import opened, values
from olmoearth_core.data.folder import Folder, find
from olmoearth_core.errors import DataError

Duplicates = Literal["refuse", "first", "keep"]
_SHOWN = 5


def merge(urls: Sequence[str], out: Path, *, duplicates: Duplicates = "refuse", copy: bool = False) -> Path:
    """Write the samples of local data sets as one new set below `out`; return its numbered folder.

    duplicates: refuse them, keep the first of each, or keep them all.

    Raises:
        DataError: fewer than two sets, samples of different size, or duplicates.
    """
    folders = [find(url) for url in urls]
    paths = [derive.local(folder, "olmoearth dataset merge") for folder in folders]
    if len(set(paths)) < 2 or len(set(paths)) < len(paths):
        raise DataError(f"merge: found {', '.join(map(str, paths))}; expected two or more different data sets.")
    sides = {folder.tile_size for folder in folders}
    if len(sides) > 1:
        found = "; ".join(f"{f.url}: {f.tile_size or 'not told'}" for f in folders)
        raise DataError(f"merge: samples of a data set must be equally large, found sides of {found}.")
    parts, shown = [], []
    seen: dict[tuple[Any, ...], Path] = {}
    for folder, path in zip(folders, paths, strict=True):
        for key, part in _keyed(derive.parts_of(folder, path)):
            if key in seen and duplicates != "keep":
                shown.append(f"{part.path} repeats {seen[key]}")
                continue
            seen.setdefault(key, part.path)
            parts.append(part)
    if shown and duplicates == "refuse":
        more = f"\n  and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
        raise DataError(
            f"merge: {len(shown)} samples show a place and time that an earlier set has:\n  "
            + "\n  ".join(shown[:_SHOWN]) + f"{more}\nGive --duplicates first or --duplicates keep."
        )  # fmt: skip
    return _written(folders, paths, parts, out.absolute(), duplicates, copy=copy)


def _keyed(parts: Sequence[derive.Part]) -> Iterator[tuple[tuple[Any, ...], derive.Part]]:
    met: dict[tuple[Any, ...], int] = {}
    for part in parts:
        with opened(str(part.path)) as file:
            stamps = values(file, "timestamps")
        place = (float(np.float32(part.latlon[0])), float(np.float32(part.latlon[1])), stamps.tobytes())
        met[place] = met.get(place, -1) + 1
        yield (*place, met[place]), part


def _written(
    folders: Sequence[Folder], paths: Sequence[Path], parts: Sequence[derive.Part], out: Path, rule: str, *, copy: bool
) -> Path:
    columns = list(dict.fromkeys(name for folder in folders for name in folder.columns()))
    told = {"deed": "merge", "from": [str(path) for path in paths], "duplicates": rule}
    if any(part.record is None for part in parts):
        parts = [replace(part, record=None) for part in parts]
    final = derive.folder_of(out, folders[0], columns, len(parts))
    return derive.write(final, parts, columns, told, parent=paths[0], copy=copy)
