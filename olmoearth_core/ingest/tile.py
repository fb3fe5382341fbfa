"""One tile of one modality: its year of 30-day images, or its one map, written into a store.

A month without a scene is not written, nor one that lacks a band which other months have. A band that no month has
(products of some sensors hold a part of them) is written as missing and named. What comes of a tile is always said:
written, there before, skipped with the reason, or failed with the file that is to blame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
import xarray
from rasterio.errors import RasterioError

from olmoearth_core.convert.h5_writer import MISSING_VALUE
from olmoearth_core.convert.tile_writer import Row, write_tile
from olmoearth_core.convert.tiles import SLOTS
from olmoearth_core.errors import DataError, OlmoEarthError
from olmoearth_core.ingest.candidate import Candidate
from olmoearth_core.ingest.mosaic import Mosaic, cloud, mosaic, ranked
from olmoearth_core.ingest.tables import is_whole, remove, write_own
from olmoearth_core.ingest.unreachable import Unreachable
from olmoearth_core.ingest.windows import Window
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.readers.contract import check

Status = Literal["written", "kept", "skipped", "failed"]
Find = Callable[[Window, ModalitySpec], Sequence[Candidate]]
"""Returns the scenes that might serve a window; DataError where nobody can say. Goes to other processes."""
Check = Callable[[xarray.DataArray, ModalitySpec], None]


@dataclass(frozen=True)
class Choices:
    """How tiles are made.

    clear_sky: take clouds only where nothing else is seen; False = the original's rule, which looks at gaps alone.
    overwrite: make tiles again that are there. contract: test each scene against its specification (once per process).
    """

    clear_sky: bool = True
    overwrite: bool = False
    contract: bool = True


@dataclass(frozen=True)
class Outcome:
    """What came of one modality of one window.

    steps: images in time. reason: why it was skipped or failed. notes: scenes that were passed over and why, bands that
    no scene has.
    sources: the scenes that gave pixels.
    """

    window: str
    modality: str
    status: Status
    reason: str = ""
    steps: int = 0
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def make_tile(window: Window, spec: ModalitySpec, find: Find, store: Path, choices: Choices | None = None) -> Outcome:
    """Find scenes for a window, put them together and write the tile. Never raises for what is wrong with data."""
    choices = choices or Choices()
    label = (window.cell.window_name, spec.name)
    try:
        if not choices.overwrite and is_whole(store, spec, window):
            return Outcome(*label, "kept")
        candidates = [_tested(c, spec) if choices.contract else c for c in find(window, spec)]
        steps = (_year if spec.multitemporal else _map)(window, spec, candidates, choices)
        return _written(window, spec, store, steps)
    except (OlmoEarthError, OSError, RasterioError) as error:
        return Outcome(*label, "failed", reason=str(error))


@dataclass(frozen=True)
class _Step:
    start: datetime
    end: datetime
    mosaic: Mosaic


def _year(window: Window, spec: ModalitySpec, candidates: Sequence[Candidate], choices: Choices) -> list[_Step]:
    steps = []
    for number in range(1, SLOTS + 1):
        start, end = window.slot(number)
        scenes = ranked(candidates, start, end)
        steps.append(_Step(start, end, mosaic(scenes, spec, window.cell, clear_sky=choices.clear_sky)))
    return steps


def _map(window: Window, spec: ModalitySpec, candidates: Sequence[Candidate], choices: Choices) -> list[_Step]:
    """Return one step, of scenes of one year: that of the window if there is one, else the nearest."""
    if not candidates:
        return []

    def preference(candidate: Candidate) -> tuple[float, ...]:
        now = candidate.start < window.end and candidate.end > window.start
        away = min(abs((t - window.tile_time).total_seconds()) for t in (candidate.start, candidate.end))
        # Of two maps valid now, the later one.
        return (not now, -candidate.start.timestamp() if now else away, cloud(candidate))

    best = sorted(candidates, key=lambda c: (preference(c), c.order, c.source))
    same = [c for c in best if c.start.year == best[0].start.year]
    start, end = min(c.start for c in same), max(c.end for c in same)
    return [_Step(start, end, mosaic(same, spec, window.cell, clear_sky=choices.clear_sky))]


def _written(window: Window, spec: ModalitySpec, store: Path, steps: Sequence[_Step]) -> Outcome:
    label = (window.cell.window_name, spec.name)
    absent = frozenset(range(spec.num_bands)).intersection(*(step.mosaic.empty_bands for step in steps))
    good = [step for step in steps if _complete(step, spec, absent)]
    notes = tuple(dict.fromkeys(fault for step in steps for fault in step.mosaic.faults))
    remove(store, spec, window.cell)
    if not good:
        status: Status = "failed" if notes else "skipped"
        return Outcome(*label, status, notes[0] if notes else "no scene has a pixel here in its time", notes=notes)
    if absent:
        lacking = ", ".join(spec.band_order[i] for i in sorted(absent))
        notes += (f"written without {lacking}, which no scene has",)
    for number, band_set in enumerate(spec.band_sets):
        values = np.stack([step.mosaic.parts[number] for step in good])
        stored = _images(values, spec) if spec.multitemporal else as_stored(values, spec)
        write_tile(store, spec, window.cell, band_set, stored)
    write_own(store, spec, [Row(window.cell, window.tile_time, i, s.start, s.end) for i, s in enumerate(good)])
    sources = tuple(dict.fromkeys(c.source for step in good for c in step.mosaic.used))
    return Outcome(*label, "written", steps=len(good), notes=notes, sources=sources)


def _complete(step: _Step, spec: ModalitySpec, absent: frozenset[int]) -> bool:
    """A month must have all bands that any month has; a map may lack some, as products of several maps do."""
    empty = set(step.mosaic.empty_bands)
    return len(empty) < spec.num_bands and (not spec.multitemporal or empty <= absent)


def _images(values: np.ndarray, spec: ModalitySpec) -> np.ndarray:
    """Store float32 [T, n, s, s], bands without a single value as -99999, for which integers become int32.

    Readers of sample files know -99999 as missing, while the nodata value of images is a value like others to them.
    """
    absent = np.isnan(values).all(axis=(0, 2, 3), keepdims=True)
    kept = as_stored(np.where(absent, 0, values), spec)
    if not absent.any():
        return kept
    wide = kept.astype(np.int32) if kept.dtype.kind in "iu" else kept
    filled: np.ndarray = np.where(absent, wide.dtype.type(MISSING_VALUE), wide)
    return filled


def as_stored(values: np.ndarray, spec: ModalitySpec) -> np.ndarray:
    """Bring float32 with NaN for nothing to the dtype and nodata value of the store; whole numbers are rounded.

    Raises:
        DataError: a value does not fit, or something is missing and the modality has no value for that.
    """
    dtype = np.dtype(spec.dtype or np.float32)
    empty = np.isnan(values)
    if dtype.kind == "f":
        filled = np.where(empty, np.nan if spec.nodata is None else spec.nodata, values)
        return filled.astype(dtype)
    if empty.any() and spec.nodata is None:
        raise DataError(
            f"{empty.mean():.1%} of the tile is covered by no scene, and {spec.name} ({dtype}) has no value for "
            "nothing. Give files that cover the whole tile."
        )
    whole = np.rint(values, where=~empty, out=np.full(values.shape, spec.nodata or 0, dtype=np.float64))
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    if whole.size and (whole.min() < low or whole.max() > high):
        raise DataError(
            f"values from {whole.min():g} to {whole.max():g} do not fit {spec.name}'s {dtype} ({low} to {high}). "
            "Check unit and scale of the files."
        )
    fitted: np.ndarray = whole.astype(dtype)
    return fitted


_VERDICTS: dict[tuple[str, datetime, str], str] = {}
"""What the contract said of a scene as a modality: "" = good. Kept per process, as scenes serve many windows."""


def _tested(candidate: Candidate, spec: ModalitySpec) -> Candidate:
    def opened(bands: Sequence[str]) -> xarray.DataArray:
        key = (candidate.source, candidate.start, spec.name)
        if key not in _VERDICTS:
            scene = candidate.open(spec.band_order)
            try:
                check(scene, spec)
                _VERDICTS[key] = ""
            except Unreachable:
                raise
            except DataError as error:
                _VERDICTS[key] = str(error)
        if _VERDICTS[key]:
            raise DataError(_VERDICTS[key])
        return candidate.open(bands)

    return replace(candidate, open=opened)
