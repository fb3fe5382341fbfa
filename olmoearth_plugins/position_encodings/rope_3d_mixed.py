"""Mixed 3-D rotary positions: each block learns along which direction of time and ground each pair turns (v1.2)."""

from __future__ import annotations

from olmoearth_core.interfaces.parts import PositionEncoding
from olmoearth_plugins.blocks.rotary import Mixed


def rope_3d_mixed(
    *,
    base: float = 10.0,
    coordinate_scale: float = 1.0,
    temporal_coordinate_scale: float = 1.0,
    legacy_bf16_coordinates: bool = False,
) -> PositionEncoding:
    """Turn queries and keys by learned combinations of date, row and column.

    base: of the frequencies at the start (the official models were trained with 10000).
    coordinate_scale: units per 10 m; temporal_coordinate_scale: units per day (1/30: about months).
    legacy_bf16_coordinates: round coordinates to bfloat16, as the reference did under FSDP.

    Raises:
        ConfigError: a base or scale that is not positive.
    """
    return Mixed(
        axes=3,
        base=base,
        coordinate_scale=coordinate_scale,
        temporal_coordinate_scale=temporal_coordinate_scale,
        legacy_bf16_coordinates=legacy_bf16_coordinates,
    )
