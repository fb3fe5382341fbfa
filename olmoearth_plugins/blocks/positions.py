"""Which position encoding a transformer uses, and the coordinates it gives to packed tokens.

Coordinates are metres in units of 10 m for rows and columns, scaled days since 2000 for time, all float32.
"""

# M packed tokens, A rotary axes, G heads (or 1), K pairs
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.blocks.packing import Packing
from olmoearth_plugins.blocks.places import Places
from olmoearth_plugins.blocks.rope import (
    axes,
    axial_frequencies,
    check_base,
    days,
    is_mixed,
    mixed_frequencies,
    time_width,
)

GROUND_METERS = 10
"""Ground size of a pixel of the grid on which patch sizes are counted."""


@dataclass(frozen=True, kw_only=True)
class Positions:
    """The position options of an encoder or decoder, as its factory documents them."""

    position_encoding: str
    rope_base: float
    rope_coordinate_scale: float
    rope_mixed_base: float
    temporal_rope_dim_frac: float
    rope_temporal_base: float | None
    rope_temporal_coordinate_scale: float

    @property
    def num_axes(self) -> int:
        """Rotary axes; 0 = nothing is rotated."""
        return axes(self.position_encoding)

    @property
    def mixed(self) -> bool:
        """Whether each block learns its own frequencies."""
        return is_mixed(self.position_encoding)

    @property
    def additive_steps(self) -> bool:
        """Whether the number of the time slot is added to tokens."""
        return self.num_axes < 3

    @property
    def additive_grid(self) -> bool:
        """Whether the place of the patch is added to tokens."""
        return self.position_encoding == "absolute"

    def check(self, head_width: int) -> None:
        """Refuse what cannot work with heads of this width.

        Raises:
            ConfigError: naming the option.
        """
        for name in ("rope_base", "rope_coordinate_scale", "rope_mixed_base", "rope_temporal_coordinate_scale"):
            check_base(name, getattr(self, name))
        if self.rope_temporal_base is not None:
            check_base("rope_temporal_base", self.rope_temporal_base)
        if self.position_encoding == "rope_3d":
            time_width(head_width, self.temporal_rope_dim_frac)
        elif self.num_axes and head_width % 4:
            raise ConfigError(
                f"position_encoding {self.position_encoding!r} needs a head width (width / heads) that is a multiple "
                f"of 4, but it is {head_width}."
            )

    def learned(self, heads: int, head_width: int) -> nn.Parameter:
        """Return fresh frequencies of one block of a mixed encoding."""
        return mixed_frequencies(self.num_axes, heads, head_width, self.rope_mixed_base)

    def fixed(self, head_width: int) -> Tensor:
        """Return the frequencies [A,1,K] of an axial encoding."""
        if self.num_axes == 2:
            return axial_frequencies([(head_width // 2, self.rope_base)] * 2)
        width = time_width(head_width, self.temporal_rope_dim_frac)
        rest = ((head_width - width) // 2, self.rope_base)
        return axial_frequencies([(width, self.rope_temporal_base or self.rope_base), rest, rest])

    def coordinates(
        self, at: Packing, where: Places, timestamps: Tensor, patch_size: int, input_res: float = GROUND_METERS
    ) -> Tensor | None:
        """Return (time,) row, column of each packed token, float32 [M,A]; None where nothing is rotated."""
        if not self.num_axes:
            return None
        place = at.place
        scale = ground(patch_size, input_res) * self.rope_coordinate_scale
        inside = where.spatial[place]
        grid = [(axis[place] * inside).float() * scale for axis in (where.row, where.column)]
        if self.num_axes == 2:
            return torch.stack(grid, dim=-1)
        time_BT = days(timestamps) * self.rope_temporal_coordinate_scale
        time = time_BT[at.sample, where.step[place]] * where.dated[place]
        return torch.stack([time, *grid], dim=-1)


def ground(patch_size: int, input_res: float) -> float:
    """Side of a patch in units of 10 m."""
    return input_res * patch_size / GROUND_METERS
