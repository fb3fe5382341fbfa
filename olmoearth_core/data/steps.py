"""Which stored time step belongs to which row of a sample's time axis.

A file keeps only the steps that a modality has, beside a mask over the common time axis. The axis is cut to
the span in which any masked modality has data; a time series without a mask lies on the uncut axis from its
first row, so it is shifted together with the timestamps.
"""

# T rows of the stored axis, L rows of the cut one
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from olmoearth_core.errors import DataError


@dataclass(frozen=True)
class Timeline:
    """The time axis of one sample.

    timestamps: int32 [L,3]. present: modality -> bool [L], True = that step is there.
    before: modality -> number of its stored steps that lie before the cut axis. masked: whether the file has masks.
    """

    timestamps: np.ndarray
    present: Mapping[str, np.ndarray]
    before: Mapping[str, int]
    masked: tuple[str, ...]

    @property
    def length(self) -> int:
        """Number of rows of the cut axis."""
        return len(self.timestamps)

    def starts(self, steps: int) -> np.ndarray:
        """Return the rows at which a window of `steps` may begin: one masked modality at least is there."""
        return start_steps({name: self.present[name] for name in self.masked}, self.length, steps)

    def window_timestamps(self, start: int, steps: int) -> np.ndarray:
        """Return int32 [steps,3]; rows past the end repeat the last one."""
        rows = np.minimum(np.arange(start, start + steps), self.length - 1)
        return np.ascontiguousarray(self.timestamps[rows], dtype=np.int32)

    def stored(self, name: str, start: int, steps: int) -> tuple[int, int, np.ndarray]:
        """Return first stored step, number of stored steps and their places (int [k]) in a window."""
        present = self.present[name]
        places = np.flatnonzero(present[start : start + steps])
        return self.before[name] + int(np.count_nonzero(present[:start])), len(places), places


def timeline(timestamps: np.ndarray, masks: Mapping[str, np.ndarray], stored: Mapping[str, int]) -> Timeline:
    """Cut the time axis to where there are data.

    timestamps: [T,3]. masks: modality -> bool [T], for the modalities that have one.
    stored: modality -> number of stored steps, for every multitemporal modality of the file.

    A stored step beyond the last True of its mask cannot be placed and is left out; a True without one is absent.
    """
    total = len(timestamps)
    for name, mask in masks.items():
        if len(mask) != total:
            raise DataError(f"the step mask of {name} has {len(mask)} rows, but there are {total} timestamps.")
    full = {name: _placed(masks.get(name, np.ones(total, dtype=bool)), count) for name, count in stored.items()}
    masked = tuple(name for name in full if name in masks)
    first, last = span([full[name] for name in masked], total)
    return Timeline(
        timestamps=timestamps[first : last + 1],
        present={name: mask[first : last + 1] for name, mask in full.items()},
        before={name: int(np.count_nonzero(mask[:first])) for name, mask in full.items()},
        masked=masked,
    )


def span(masks: list[np.ndarray], total: int) -> tuple[int, int]:
    """Return first and last row in which any mask is True; the whole axis if there is no mask."""
    if not masks:
        return 0, total - 1
    rows = np.flatnonzero(np.logical_or.reduce(masks))
    if len(rows) == 0:
        raise DataError("no modality has a single time step.")
    return int(rows[0]), int(rows[-1])


def start_steps(masks: Mapping[str, np.ndarray], length: int, steps: int) -> np.ndarray:
    """Return the rows at which a window of `steps` out of `length` may begin, ascending."""
    if length <= steps:
        return np.zeros(1, dtype=np.int64)
    if not masks:
        return np.arange(length - steps + 1)
    starts = np.flatnonzero(np.logical_or.reduce(list(masks.values()))[: length - steps + 1])
    if len(starts) == 0:
        raise DataError(f"no modality has data at a step from which {steps} of {length} steps could follow.")
    return starts


def _placed(mask: np.ndarray, stored: int) -> np.ndarray:
    placed: np.ndarray = mask & (np.cumsum(mask) <= stored)
    return placed
