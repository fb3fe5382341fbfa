"""Mixed 2-D rotary positions: each block learns along which direction of the ground each pair of features turns."""

from __future__ import annotations

from olmoearth_core.interfaces.parts import PositionEncoding
from olmoearth_plugins.blocks.rotary import Mixed


def rope_mixed(
    *, base: float = 10.0, coordinate_scale: float = 1.0, legacy_bf16_coordinates: bool = False
) -> PositionEncoding:
    """Turn queries and keys by learned combinations of row and column; the time slot is added.

    base: of the frequencies at the start.
    coordinate_scale: units per 10 m.
    legacy_bf16_coordinates: round coordinates to bfloat16, as the reference did under FSDP.

    Raises:
        ConfigError: a base or scale that is not positive.
    """
    return Mixed(axes=2, base=base, coordinate_scale=coordinate_scale, legacy_bf16_coordinates=legacy_bf16_coordinates)
