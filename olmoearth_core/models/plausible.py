"""Whether raw values can be in the units of their modality: linear radar, reflectances from 0 to 1, degrees Celsius.

Only what no real place shows draws a warning: a wrong unit makes every value odd, not a few.
"""

# C bands
from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np

from olmoearth_core.interfaces.modality import ModalitySpec

_TINY = 1 / 500
"""Share of a standard deviation that all values of all bands never stay below."""
_FAR = 20.0
"""Standard deviations from the mean that not all values of a band ever are."""


class Range:
    """Smallest and largest measured value of each band, over all that was embedded in one call."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._ends: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def add(self, name: str, values: np.ndarray, there: np.ndarray) -> None:
        """Take in values [...,C], of which those count that are `there`."""
        axes = tuple(range(values.ndim - 1))
        low = np.min(values, axis=axes, where=there, initial=np.inf)
        high = np.max(values, axis=axes, where=there, initial=-np.inf)
        before = self._ends.get(name, (low, high))
        self._ends[name] = np.minimum(before[0], low), np.maximum(before[1], high)

    def warn(self, specs: Iterable[ModalitySpec], *, stacklevel: int) -> None:
        """Warn once per modality whose values cannot be in its units."""
        for spec in specs:
            found = odd(spec, *self._ends[spec.name]) if spec.name in self._ends else None
            if found is not None:
                warnings.warn(found, UserWarning, stacklevel=stacklevel + 1)


def odd(spec: ModalitySpec, low: np.ndarray, high: np.ndarray) -> str | None:
    """Return what is odd about a modality's ranges [C], or None; bands without a measured value have low > high."""
    statistics = [spec.statistics.get(band) for band in spec.band_order]
    known = [
        (i, s.mean, s.std)
        for i, s in enumerate(statistics)
        if s is not None and s.mean is not None and s.std and low[i] <= high[i]
    ]
    if spec.normalization not in ("computed", "standard") or not known:
        return None
    largest = [max(abs(low[i]), abs(high[i])) for i, *_ in known]
    tiny = len(known) > 1 and all(0 < x <= std * _TINY for x, (*_, std) in zip(largest, known, strict=True))
    positive = all(mean <= -std and low[i] >= 0 < high[i] for i, mean, std in known)
    far = [n for n, (i, m, s) in enumerate(known) if low[i] > m + _FAR * s or high[i] < m - _FAR * s]
    if not (tiny or positive or far):
        return None
    i, mean, std = known[far[0] if far else 0]
    return (
        f"{spec.name}: found values from {low[i]:.4g} to {high[i]:.4g} in band {spec.band_order[i]}, expected values "
        f"like those that the model learned from (mean {mean:.4g}, deviation {std:.4g}; {spec.units}). The embeddings "
        "mean little: convert the values to these units, or pass normalize=False if they are at the model's scale."
    )
