"""Are two bands of a scene in each other's place?

Bands that are neighbours in the spectrum look alike. If the scene becomes clearly more alike along the spectrum when
two bands change places, they were swapped. This holds where the spectrum is sampled densely: with few bands, vegetation
makes true neighbours (red and near infrared) opposite. A swap of near neighbours (blue and green) cannot be seen this
way, and nothing is said of either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

import numpy as np

from olmoearth_core.interfaces.modality import ModalitySpec

_FEWEST = 1024
"""Pixels below which nothing is said."""
_FEWEST_BANDS = 8
_CLEARLY = 1.0
"""Gain in the sum of correlations of neighbours that true orders leave open at most 0.63 of (137 windows of 64 x 64
pixels of real scenes in all seasons); of the same with red and near infrared swapped, 0.82 are seen."""
_LONGEST_NM = 3000.0
"""Beyond, light is emitted instead of reflected: neighbours no longer look alike."""


def swapped(values: Mapping[str, np.ndarray], spec: ModalitySpec) -> str:
    """Return the evidence that two bands are swapped, or "".

    values: by band, float32 [N] of the same pixels. Only bands of reflected light with a wavelength are looked at.
    """
    waves = {b: spec.wavelengths_nm[b] for b in values if spec.wavelengths_nm.get(b, np.inf) < _LONGEST_NM}
    bands = sorted(waves, key=lambda band: waves[band])
    alike = _correlations([values[band] for band in bands]) if len(bands) >= _FEWEST_BANDS else None
    if alike is None:
        return ""
    order = list(range(len(bands)))
    now = _along(alike, order)
    gain, first, second = max((_along(alike, _exchanged(order, a, b)) - now, a, b) for a, b in combinations(order, 2))
    if gain < _CLEARLY:
        return ""
    pairs = len(bands) - 1
    return (
        f"Bands {bands[first]} and {bands[second]} seem to be swapped: neighbours in the spectrum correlate by "
        f"{now / pairs:.2f} on average, and by {(now + gain) / pairs:.2f} with the two exchanged. Check the band order."
    )


def _correlations(columns: Sequence[np.ndarray]) -> np.ndarray | None:
    pixels = np.stack(columns)
    pixels = pixels[:, np.isfinite(pixels).all(axis=0)].astype(np.float64)
    if pixels.shape[1] < _FEWEST or (pixels.std(axis=1) == 0).any():
        return None
    alike: np.ndarray = np.corrcoef(pixels)
    return alike


def _along(alike: np.ndarray, order: Sequence[int]) -> float:
    return float(sum(alike[a, b] for a, b in pairwise(order)))


def _exchanged(order: Sequence[int], a: int, b: int) -> list[int]:
    changed = list(order)
    changed[a], changed[b] = changed[b], changed[a]
    return changed
