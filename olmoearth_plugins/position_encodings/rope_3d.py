"""Axial 3-D rotary positions: a share of a head's features turns with the date, the rest with row and column."""

from __future__ import annotations

from olmoearth_core.interfaces.parts import PositionEncoding
from olmoearth_plugins.blocks.rope import check_base, time_width
from olmoearth_plugins.blocks.rotary import Axial


def rope_3d(
    *,
    base: float = 10000.0,
    coordinate_scale: float = 1.0,
    temporal_base: float | None = None,
    temporal_coordinate_scale: float = 1.0,
    temporal_fraction: float = 0.25,
    legacy_bf16_coordinates: bool = False,
) -> PositionEncoding:
    """Turn queries and keys by date, row and column.

    base, temporal_base: of the frequencies of places and, null = the same, of dates.
    coordinate_scale: units per 10 m; temporal_coordinate_scale: units per day (1/30: about months).
    temporal_fraction: share of a head's features that turns with the date.
    legacy_bf16_coordinates: round coordinates to bfloat16, as the reference did under FSDP.

    Raises:
        ConfigError: a base or scale that is not positive.
    """
    check_base("base", base)
    check_base("temporal_base", base if temporal_base is None else temporal_base)

    def parts(width: int) -> list[tuple[int, float]]:
        time = time_width(width, temporal_fraction)
        return [(time, temporal_base or base), ((width - time) // 2, base), ((width - time) // 2, base)]

    return Axial(
        axes=3,
        coordinate_scale=coordinate_scale,
        temporal_coordinate_scale=temporal_coordinate_scale,
        legacy_bf16_coordinates=legacy_bf16_coordinates,
        parts=parts,
    )
