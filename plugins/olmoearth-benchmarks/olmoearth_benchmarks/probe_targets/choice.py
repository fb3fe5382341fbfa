"""Which samples are trained and tested on: drawn as the reference draws, so that its splits come out exactly."""

# N samples
from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from olmoearth_core.interfaces.evaluation import FIXED_SPLITS

BIN_DEGREES = 5.0
_SHARES = (0.8, 0.1)
"""Of the bins, for training and validation; the rest is for testing."""


def at_random(total: int, sizes: Mapping[str, int], seed: int) -> dict[str, np.ndarray]:
    """Return positions by split: consecutive parts of one shuffle; where too few are there, the last get less."""
    order, start = np.random.RandomState(seed).permutation(total), 0
    found = {}
    for split in FIXED_SPLITS:
        found[split] = order[start : start + sizes[split]]
        start += sizes[split]
    return found


def by_place(latlon_N2: np.ndarray, sizes: Mapping[str, int], seed: int) -> dict[str, np.ndarray]:
    """Return positions by split; every bin of 5 degrees belongs to one split as a whole."""
    cells = np.floor(np.asarray(latlon_N2) / BIN_DEGREES).astype(np.int64)
    bins, owner = np.unique(cells, axis=0, return_inverse=True)
    first, second = (int(len(bins) * share) for share in _SHARES)
    found = {}
    for split, part in zip(FIXED_SPLITS, (slice(first), slice(first, first + second), slice(first + second, None)),
                           strict=True):  # fmt: skip
        # A generator per split: each shuffles the bins anew, to the same order, and then its own samples.
        draws = np.random.RandomState(seed)
        inside = np.flatnonzero(np.isin(owner.ravel(), draws.permutation(len(bins))[part]))
        found[split] = inside if len(inside) <= sizes[split] else draws.permutation(inside)[: sizes[split]]
    return found


def some(total: int, count: int, seed: int) -> np.ndarray:
    """Return positions drawn without replacement, all of them in order if there are no more."""
    if total <= count:
        return np.arange(total)
    return np.random.RandomState(seed).choice(total, count, replace=False)
