"""Axial 2-D rotary positions: half of a head's features turn with the row, half with the column."""

from __future__ import annotations

from olmoearth_core.interfaces.parts import PositionEncoding
from olmoearth_plugins.blocks.rope import check_base
from olmoearth_plugins.blocks.rotary import Axial


def rope(
    *, base: float = 10000.0, coordinate_scale: float = 1.0, legacy_bf16_coordinates: bool = False
) -> PositionEncoding:
    """Turn queries and keys by row and column; the time slot is added.

    base: of the frequencies.
    coordinate_scale: units per 10 m.
    legacy_bf16_coordinates: round coordinates to bfloat16, as the reference did under FSDP.

    Raises:
        ConfigError: a base or scale that is not positive.
    """
    check_base("base", base)
    return Axial(
        axes=2,
        coordinate_scale=coordinate_scale,
        legacy_bf16_coordinates=legacy_bf16_coordinates,
        parts=lambda width: [(width // 2, base)] * 2,
    )
