"""Whether one sample file is what the format, its modalities, the tables and the manifest say.

A file is described by `Expected`; every deviation becomes a Problem. Nothing in a file is trusted: see `opened`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import fsspec
import numpy as np

from olmoearth_core.care.opened import UNREADABLE, array, opened, reason, values
from olmoearth_core.care.problem import Problem
from olmoearth_core.convert.h5_writer import MASKS
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec

FIXED = ("latlon", "timestamps", MASKS)
MOST_STEPS = 10_000
AGAIN = "Write this sample again: --repair does where the tile store is known; --quarantine leaves it out."
TABLES = "Correct the table: --repair writes it from the files."
_NEAR = 1e-4


@dataclass(frozen=True)
class Expected:
    """What a file should hold. listed, latlon: from the tables; record: from the manifest; null where not known."""

    index: int
    specs: Mapping[str, ModalitySpec]
    tile_size: int | None = None
    listed: frozenset[str] | None = None
    latlon: tuple[float, float] | None = None
    record: Mapping[str, Any] | None = None


@dataclass
class Checked:
    """What was found in a file. readable: its keys, shapes and types could be read and are right."""

    problems: list[Problem] = field(default_factory=list)
    names: tuple[str, ...] = ()
    latlon: tuple[float, float] | None = None
    dtypes: dict[str, str] = field(default_factory=dict)

    @property
    def damaged(self) -> bool:
        """Whether the file itself is at fault, not a table about it."""
        return any(problem.sample is not None for problem in self.problems)


def check_sample(url: str, expected: Expected, *, decode: bool = True) -> Checked:
    """Check one file. decode: read every chunk of every modality; the small arrays are always read."""
    checked = Checked()
    damage = _Damage(checked, url.rsplit("/", 1)[-1], expected.index)
    try:
        _bytes(url, expected, damage)
        with opened(url) as file:
            _content(file, expected, checked, damage, decode=decode)
    except DataError as error:
        found = str(error).removeprefix(f"{url}: ").rstrip(".")
        found = f"a file that {found}" if found.startswith("cannot") else found
        damage(found, "a whole HDF5 file of plain arrays")
    except UNREADABLE as cause:
        damage(f"a file that cannot be read ({reason(cause)})", "a whole HDF5 file of plain arrays")
    if not checked.damaged:
        checked.problems += _against_tables(damage.file, expected, checked)
    return checked


class _Damage:
    def __init__(self, checked: Checked, file: str, index: int) -> None:
        self.checked, self.file, self.index = checked, file, index

    def __call__(self, found: str, expected: str) -> None:
        self.checked.problems.append(Problem(self.file, found, expected, AGAIN, self.index))


def _bytes(url: str, expected: Expected, damage: _Damage) -> None:
    if expected.record is None:
        return
    filesystem, path = fsspec.core.url_to_fs(url)
    if not filesystem.exists(path):
        raise DataError("no such file")
    size = filesystem.size(path)
    if size != expected.record["bytes"]:
        damage(f"{size} bytes", f"{expected.record['bytes']} as in the manifest")
        return
    digest = hashlib.sha256()
    with filesystem.open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    if digest.hexdigest() != expected.record["sha256"]:
        damage(f"sha256 {digest.hexdigest()[:12]}…", f"{str(expected.record['sha256'])[:12]}… as in the manifest")


def _content(file: Any, expected: Expected, checked: Checked, damage: _Damage, *, decode: bool) -> None:
    missing = [name for name in FIXED[:2] if name not in file]
    if missing:
        damage(f"no {' and no '.join(missing)}", "latlon and timestamps in every sample")
        return
    checked.names = tuple(sorted(name for name in file if name not in FIXED))
    _latlon(values(file, "latlon"), checked, damage)
    steps = _timestamps(file, damage)
    masks = dict.fromkeys(file[MASKS]) if MASKS in file else {}
    for stray in sorted(set(masks) - set(checked.names)):
        damage(f"a mask of {stray} without its array", "masks only of what the file holds")
    for name in checked.names:
        data = array(file, name)
        checked.dtypes[name] = data.dtype.name
        mask = values(file, f"{MASKS}/{name}") if name in masks else None
        _modality(name, data, mask, steps, expected, damage)
        if decode:
            values(file, name)


def _latlon(latlon: np.ndarray, checked: Checked, damage: _Damage) -> None:
    if latlon.shape != (2,) or latlon.dtype != np.float32:
        damage(f"latlon {latlon.dtype} {latlon.shape}", "float32 (2,)")
        return
    lat, lon = float(latlon[0]), float(latlon[1])
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        damage(f"latlon {lat}, {lon}", "a latitude within 90 and a longitude within 180 degrees")
        return
    checked.latlon = (lat, lon)


def _timestamps(file: Any, damage: _Damage) -> int:
    data = array(file, "timestamps")
    if data.ndim != 2 or data.shape[1] != 3 or data.dtype != np.int32 or data.shape[0] > MOST_STEPS:
        damage(f"timestamps {data.dtype} {data.shape}", f"int32 (T, 3), T at most {MOST_STEPS}")
        return -1
    found = values(file, "timestamps")
    day, month, year = found.T
    if ((day < 1) | (day > 31) | (month < 0) | (month > 11) | (year < 1900) | (year > 2200)).any():
        damage("timestamps outside the calendar", "day 1-31, month 0-11, year in every row")
    elif len(np.unique(found, axis=0)) < len(found):
        damage("a timestamp more than once", "distinct ones, because masks point at them")
    return len(found)


def _modality(name: str, data: Any, mask: np.ndarray | None, steps: int, expected: Expected, damage: _Damage) -> None:
    if mask is not None and (mask.dtype != bool or mask.shape != (steps,)) and steps >= 0:
        damage(f"mask of {name} {mask.dtype} {mask.shape}", f"bool ({steps},), one per timestamp")
        return
    spec = expected.specs.get(name)
    if spec is None:
        return
    if spec.kind == "space_time" and mask is None:
        damage(f"{name} without a mask", f"{MASKS}/{name}, because it varies in time")
        return
    wanted = _shape(spec, data.shape, mask, expected.tile_size)
    if data.shape != wanted:
        damage(f"{name} {list(data.shape)}", f"{list(wanted)} ({_axes(spec)})")
    if not _fits(data.dtype, spec):
        damage(f"{name} as {data.dtype}", "32-bit floats" if _floating(spec) else f"whole numbers as {spec.dtype}")


def _shape(spec: ModalitySpec, found: tuple[int, ...], mask: np.ndarray | None, side: int | None) -> tuple[int, ...]:
    factor = spec.size_factor
    height, width = (
        (side, side) if side else ([*(n // factor for n in found[:2]), 0, 0][:2] if spec.spatial else (0, 0))
    )
    steps = int(mask.sum()) if mask is not None else (found[-2] if len(found) > 1 else 1)
    return spec.array_shape(height, width, steps)


def _axes(spec: ModalitySpec) -> str:
    return {"time": "steps, bands", "static": "bands"}.get(spec.kind, "rows, columns, steps that its mask has, bands")


def _floating(spec: ModalitySpec) -> bool:
    return spec.storage == "power_to_db" or (spec.dtype or "float32").startswith("float")


def _fits(dtype: np.dtype[Any], spec: ModalitySpec) -> bool:
    # The original keeps the type of its source, so whole numbers of another width, or where floats could be, are fine.
    # Floats where counts belong are not: they are how fractions of reflectance get in.
    if spec.storage == "power_to_db":
        return dtype == np.float32
    return (dtype.kind in "iu" and dtype.itemsize <= 4) or (dtype == np.float32 and _floating(spec))


def _against_tables(file: str, expected: Expected, checked: Checked) -> Iterator[Problem]:
    names = ", ".join
    if expected.listed is not None and set(checked.names) != expected.listed:
        yield Problem(
            "sample_metadata.csv", f"{names(sorted(expected.listed)) or 'nothing'} for {file}",
            f"{names(checked.names) or 'nothing'}, which it holds", TABLES,
        )  # fmt: skip
    if expected.latlon is not None and checked.latlon is not None:
        apart = max(abs(a - b) for a, b in zip(expected.latlon, checked.latlon, strict=True))
        if not apart <= _NEAR:
            place = "{:.5f}, {:.5f}".format
            yield Problem(
                "latlon_distribution.npy", f"{place(*expected.latlon)} for {file}",
                f"{place(*checked.latlon)}, as the file says", TABLES,
            )  # fmt: skip
