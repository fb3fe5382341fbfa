"""Radar backscatter in the unit that a model was trained on."""

from __future__ import annotations

from torch import Tensor


def power_of_decibel(decibel: Tensor) -> Tensor:
    """Return linear backscatter: 10 ** (dB / 10)."""
    return 10.0 ** (decibel / 10.0)
