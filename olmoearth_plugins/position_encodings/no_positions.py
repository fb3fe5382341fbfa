"""No code of the place: tokens know their time slot and month, but not where they are."""

from __future__ import annotations

from olmoearth_core.interfaces.parts import PositionEncoding
from olmoearth_plugins.blocks.additive import Additive


def no_positions() -> PositionEncoding:
    """Add the number of the time slot only."""
    return Additive(additive_grid=False)
