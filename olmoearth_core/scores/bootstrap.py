"""How much a score would move if other samples of the same kind had been drawn: the percentile bootstrap.

Samples (on dense tasks whole images) are drawn again with replacement, N of N. A resample is handed on as how often
each sample occurs in it, so that sums over samples become one matrix product. (Efron and Tibshirani, An Introduction
to the Bootstrap, 1993, chapter 13.)
"""

# R resamples, N samples
from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from olmoearth_core.scores.metrics import Floats

_CELLS = 2**22


def draws(num_samples: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield counts [r,N] until there are `resamples` rows, at most 32 MiB at a time.

    One call of `integers(0, N, N)` of PCG64(seed) per resample, so the same seed gives the same resamples everywhere.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    step = max(1, _CELLS // max(1, num_samples))
    for start in range(0, resamples, step):
        counts = np.empty((min(step, resamples - start), num_samples))
        for row in counts:
            row[:] = np.bincount(generator.integers(0, num_samples, num_samples), minlength=num_samples)
        yield counts


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentile of the values that are finite, interpolated linearly; NaN without any."""
    finite = [value for value in values if np.isfinite(value)]
    if not finite:
        return float("nan"), float("nan")
    low, high = np.percentile(finite, [2.5, 97.5])
    return float(low), float(high)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return mean and population standard deviation of the values that are finite."""
    finite = np.array([value for value in values if np.isfinite(value)])
    if not finite.size:
        return {"mean": float("nan"), "std": float("nan")}
    return {"mean": float(finite.mean()), "std": float(finite.std())}
