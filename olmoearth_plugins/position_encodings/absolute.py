"""Absolute positions: sine-cosine codes of time slot and place are added to tokens (v1, v1.1)."""

from __future__ import annotations

from olmoearth_core.interfaces.parts import PositionEncoding
from olmoearth_plugins.blocks.additive import Additive


def absolute() -> PositionEncoding:
    """Add the number of the time slot and the place of the patch on the ground."""
    return Additive(additive_grid=True)
