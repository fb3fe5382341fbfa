"""The learning rate of a probe: a linear rise over a tenth of the epochs, then half a cosine down to a floor."""

from __future__ import annotations

from math import cos, pi

UNSCALED_FLOOR = 1e-5


def floor_of(peak: float) -> float:
    """Return where the rate ends: 1e-5, or a hundredth of the peak where that is less, so that it never rises."""
    return min(UNSCALED_FLOOR, peak * 1e-2)


def rate(epoch: float, *, epochs: int, peak: float, floor: float) -> float:
    """Return the rate at a fractional epoch (epoch + batch / batches)."""
    warm = int(0.1 * epochs)
    if epoch < warm:
        return peak * epoch / warm
    return floor + (peak - floor) * 0.5 * (1 + cos(pi * (epoch - warm) / (epochs - warm)))
