"""One image of a cell out of several scenes: which are used, in which order, and which pixel of which.

Scenes are walked from the clearest, as long as enough of the cell is open, and passed over where their bounds close
too little of it; each pixel comes from the first scene that has it. With the clear-sky rule a pixel counts only where
its scene sees the ground and has all bands that any scene has; what is left is filled with clear pixels of single
bands and at last with whatever there is, in the same order. Without it only gaps are filled, as the original does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from olmoearth_core.convert.grid import Cell
from olmoearth_core.ingest.candidate import Candidate
from olmoearth_core.ingest.coverage import ENOUGH, area, under, worth
from olmoearth_core.ingest.unreachable import Unreachable
from olmoearth_core.ingest.warp import onto, resampled, target
from olmoearth_core.interfaces.modality import ModalitySpec

CLOUDY = 100.0
"""What a scene of unknown cloud cover counts as, in percent."""
_ALL_CLEAR = 0.999


@dataclass(frozen=True)
class Mosaic:
    """What came of the scenes.

    parts: per band set float32 [n, s, s], NaN where no scene has anything. used: those that gave pixels, in order.
    faults: scenes that could not be read, by name.
    """

    parts: tuple[np.ndarray, ...]
    used: tuple[Candidate, ...]
    faults: tuple[str, ...]

    @property
    def empty_bands(self) -> tuple[int, ...]:
        """Channels (in the order of the specification) without a single value."""
        there = [np.isfinite(part).any(axis=(1, 2)) for part in self.parts]
        return tuple(int(i) for i in np.flatnonzero(~np.concatenate(there)))


def ranked(candidates: Iterable[Candidate], start: datetime, end: datetime) -> list[Candidate]:
    """Return those taken (or valid) between two times, the best first.

    Cloud cover counts first (unknown: 100 %), then whole days within the span, then `order`.
    """
    inside = [c for c in candidates if c.start < end and (c.end > start or c.start >= start)]
    return sorted(inside, key=lambda c: (cloud(c), -(min(c.end, end) - max(c.start, start)).days, c.order, c.source))


def cloud(candidate: Candidate) -> float:
    """Cloud cover in percent, 100 where it is not said (also as -1, or NaN)."""
    cover = candidate.cloud_cover
    return cover if cover is not None and 0 <= cover <= CLOUDY else CLOUDY


def mosaic(candidates: Sequence[Candidate], spec: ModalitySpec, cell: Cell, *, clear_sky: bool = True) -> Mosaic:
    """Put scenes together, the first being the best. A scene that cannot be read is named and passed over."""
    sides = [spec.stored_pixels(band_set) for band_set in spec.band_sets]
    offered = {band for candidate in candidates for band in candidate.bands or spec.band_order}
    parts = tuple(np.full((len(b.bands), s, s), np.nan, np.float32) for b, s in zip(spec.band_sets, sides, strict=True))
    still_open = np.ones((min(sides), min(sides)), dtype=bool)
    read: dict[int, list[np.ndarray]] = {}
    clear: dict[int, np.ndarray] = {}
    used: set[int] = set()
    faults: list[str] = []
    for number, candidate in enumerate(candidates):
        if still_open.mean() < ENOUGH:
            break
        if not _promising(candidate, cell, still_open):
            continue
        try:
            values = _values(candidate, spec, cell)
            clear[number] = _clear(candidate, spec, cell) if clear_sky else np.ones_like(still_open)
            seen = clear[number] & _whole(spec, values, len(still_open), offered if clear_sky else None)
        except Unreachable:
            raise
        # A reader may be anybody's: whatever goes wrong in it is the fault of that scene, not of the others.
        except Exception as error:
            faults.append(_named(candidate, error))
            continue
        read[number] = values
        for part, value in zip(parts, values, strict=True):
            taken = _spread(seen & still_open, part.shape[-1]) if clear_sky else np.isnan(part).all(axis=0)
            if _copied(part, value, taken & np.isfinite(value)):
                used.add(number)
        still_open &= ~seen
    for only_clear in (True, False) if clear_sky else ():
        for number, values in read.items():
            for part, value in zip(parts, values, strict=True):
                wanted = np.isnan(part) & (_spread(clear[number], part.shape[-1]) if only_clear else True)
                if _copied(part, value, wanted & np.isfinite(value)):
                    used.add(number)
    return Mosaic(parts, tuple(candidates[i] for i in sorted(used)), tuple(faults))


def _copied(part: np.ndarray, value: np.ndarray, where: np.ndarray) -> bool:
    np.copyto(part, value, where=where)
    return bool(where.any())


def _promising(candidate: Candidate, cell: Cell, still_open: np.ndarray) -> bool:
    ground = cell.meters**2 / still_open.size
    gained = float((under(candidate, cell, len(still_open)) & still_open).sum()) * ground
    return worth(gained, area(candidate), float(still_open.sum()) * ground)


def _values(candidate: Candidate, spec: ModalitySpec, cell: Cell) -> list[np.ndarray]:
    """Return per band set float32 [n, s, s]; of several times the first that has a pixel."""
    parts = []
    for band_set in spec.band_sets:
        steps = onto(candidate.open(band_set.bands), spec, cell, band_set)
        part = steps[0].copy()
        for step in steps[1:]:
            np.copyto(part, step, where=np.isnan(part).all(axis=0))
        parts.append(part)
    return parts


def _whole(spec: ModalitySpec, values: Sequence[np.ndarray], side: int, needed: Set[str] | None) -> np.ndarray:
    """Return bool [m, m] on the coarsest band set's pixels, so that all sets take the same ground from one scene.

    needed: bands that a pixel must have; None = one of each set is enough.
    """
    masks = []
    for band_set, value in zip(spec.band_sets, values, strict=True):
        there = np.isfinite(value)
        if needed is not None:
            there = there[[i for i, band in enumerate(band_set.bands) if band in needed]]
        masks.append(_gathered(there.any(axis=0) if needed is None else there.all(axis=0), side))
    return np.asarray(np.stack(masks).all(axis=0))


def _clear(candidate: Candidate, spec: ModalitySpec, cell: Cell) -> np.ndarray:
    place = target(spec, cell, min(spec.band_sets, key=spec.stored_pixels))
    mask = candidate.clear()
    if mask is None:
        return np.ones((place.pixels, place.pixels), dtype=bool)
    # The average of 0 and 1 is 1 only where every pixel below is clear.
    share = resampled(mask, place, "average")
    return np.asarray((share >= _ALL_CLEAR).all(axis=0))


def _gathered(mask: np.ndarray, side: int) -> np.ndarray:
    times = len(mask) // side
    return np.asarray(mask.reshape(side, times, side, times).all(axis=(1, 3)))


def _spread(mask: np.ndarray, side: int) -> np.ndarray:
    times = side // len(mask)
    return mask.repeat(times, axis=0).repeat(times, axis=1)


def _named(candidate: Candidate, error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text if candidate.source in text else f"{candidate.source}: {text}"
