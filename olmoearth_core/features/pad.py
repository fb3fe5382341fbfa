"""Samples of different lengths in one batch: the shorter ones get steps in which nothing is there."""

# T steps, C bands
from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from olmoearth_core.data.sample import Sample


def pad_steps(samples: Sequence[Sample], timed: Collection[str]) -> list[Sample]:
    """Return samples of equal number of steps: zeros that are not present, with timestamps of zeros, at the end.

    timed: modalities with one image or value per step; the others stay as they are.
    """
    longest = max((len(sample.timestamps) for sample in samples), default=0)
    return [_padded(sample, longest, timed) for sample in samples]


def _padded(sample: Sample, steps: int, timed: Collection[str]) -> Sample:
    own = len(sample.timestamps)
    if own == steps:
        return sample
    arrays, presence = dict(sample.arrays), dict(sample.presence)
    for name in sample.arrays:
        if name not in timed:
            continue
        axis = arrays[name].ndim - 2
        arrays[name] = _longer(arrays[name], axis, steps)
        shown = np.broadcast_to(presence[name], (*presence[name].shape[:axis], own, presence[name].shape[-1]))
        presence[name] = _longer(shown, axis, steps)
    stamps = _longer(sample.timestamps, 0, steps)
    return replace(sample, arrays=arrays, presence=presence, timestamps=stamps)


def _longer(array: np.ndarray, axis: int, steps: int) -> np.ndarray:
    widths = [(0, steps - array.shape[axis] if i == axis else 0) for i in range(array.ndim)]
    longer: np.ndarray = np.pad(array, widths)
    return longer
