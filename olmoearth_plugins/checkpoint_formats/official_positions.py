"""Position encodings of official configs: one mode and seven flat keys, of which each mode reads some."""

from __future__ import annotations

from typing import Any

from olmoearth_core.errors import CheckpointError
from olmoearth_plugins.checkpoint_formats.official_section import Section

_MODES: dict[str, tuple[str, dict[str, str]]] = {
    "none": ("no_positions", {}),
    "rope": ("rope", {"base": "rope_base", "coordinate_scale": "rope_coordinate_scale"}),
    "rope_mixed": ("rope_mixed", {"base": "rope_mixed_base", "coordinate_scale": "rope_coordinate_scale"}),
    "rope_3d": (
        "rope_3d",
        {
            "base": "rope_base",
            "coordinate_scale": "rope_coordinate_scale",
            "temporal_base": "rope_temporal_base",
            "temporal_fraction": "temporal_rope_dim_frac",
            "temporal_coordinate_scale": "rope_temporal_coordinate_scale",
        },
    ),
    "rope_3d_mixed": (
        "rope_3d_mixed",
        {
            "base": "rope_mixed_base",
            "coordinate_scale": "rope_coordinate_scale",
            "temporal_coordinate_scale": "rope_temporal_coordinate_scale",
        },
    ),
}
"""Mode -> our component, and under which official key each of its arguments stands."""
_KEYS = (
    "rope_base", "rope_coordinate_scale", "rope_mixed_base", "temporal_rope_dim_frac", "rope_temporal_base",
    "rope_temporal_coordinate_scale",
)  # fmt: skip


def position_encoding(section: Section) -> dict[str, Any] | None:
    """Return the block of a position encoding, None for the absolute one. The old name of the key wins.

    Raises:
        CheckpointError: a mode that does not exist.
    """
    mode = section.get("position_encoding", "absolute")
    mode = section.get("spatial_pos_encoding", mode)
    section.ignore(*_KEYS)
    if mode == "absolute":
        return None
    if mode not in _MODES:
        raise CheckpointError(
            f'{section.file}: {section.name} has the position_encoding "{mode}", expected one of absolute, '
            f"{', '.join(_MODES)}."
        )
    name, arguments = _MODES[mode]
    given = {ours: section.get(theirs) for ours, theirs in arguments.items() if section.get(theirs) is not None}
    return {"@position_encodings": f"olmoearth.{name}.v1", **given}
