"""What is added to a token to say what it is.

A quarter of the width each for its band group, its time slot, its month and its place on the ground; time slot and
place are left at zero where rotary positions say the same.
"""

# M packed tokens, n quarter of the width, D width
from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from olmoearth_core.data.tokens import Tokenization, TokenLayout
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.parts import PositionEncoding
from olmoearth_plugins.blocks.packing import Packing
from olmoearth_plugins.blocks.places import Places
from olmoearth_plugins.blocks.positions import ground
from olmoearth_plugins.blocks.sincos import legacy_sincos, legacy_sincos_grid


class CompositeEncodings(nn.Module):
    """Additive encodings of packed tokens."""

    def __init__(
        self,
        specs: Sequence[ModalitySpec],
        tokenization: Tokenization,
        width: int,
        positions: PositionEncoding,
        *,
        learnable_channels: bool,
        random_channels: bool,
    ) -> None:
        """learnable_channels: train the band-group part; random_channels: start it at U(0, 1) instead of zero."""
        super().__init__()
        self.width, self.quarter, self.positions = width, width // 4, positions
        self.month_embed = nn.Embedding(12, self.quarter, _weight=month_table(self.quarter), _freeze=True)
        self.per_modality_channel_embeddings = nn.ParameterDict()
        for spec in specs:
            shape = (len(tokenization.groups(spec)), self.quarter)
            start = torch.rand(shape) if random_channels else torch.zeros(shape)
            self.per_modality_channel_embeddings[spec.name] = nn.Parameter(start, requires_grad=learnable_channels)

    def forward(
        self,
        layout: TokenLayout,
        at: Packing,
        where: Places,
        timestamps: Tensor,
        patch_size: int,
        input_res: float,
        *,
        channels: bool = True,
    ) -> Tensor:
        """Return float32 [M,D]; channels: false = zero instead of what names the band group."""
        place = at.place
        step_M, timed_M = where.step[place], where.timed[place][:, None]
        month_M = timestamps[at.sample, step_M, 1].long()
        group_M = where.group[place] if channels else None
        parts = [self._channels(layout, at, group_M), self._steps(step_M, timed_M), self.month_embed(month_M) * timed_M]
        if self.positions.additive_grid:
            scale = ground(patch_size, input_res)
            grid = legacy_sincos_grid(where.column[place] * scale, where.row[place] * scale, self.quarter)
            parts.append(grid * where.spatial[place][:, None])
        known = torch.cat(parts, dim=1)
        return nn.functional.pad(known, (0, self.width - known.shape[1]))

    def _channels(self, layout: TokenLayout, at: Packing, group_M: Tensor | None) -> Tensor:
        if group_M is None:
            return torch.zeros(at.total, self.quarter, device=at.device)
        return torch.cat([self.per_modality_channel_embeddings[name] for name in layout.names])[group_M]

    def _steps(self, step_M: Tensor, timed_M: Tensor) -> Tensor:
        if self.positions.additive_steps:
            return legacy_sincos(step_M, self.quarter) * timed_M
        return torch.zeros(len(step_M), self.quarter, device=step_M.device)


def month_table(width: int) -> Tensor:
    """Return [12, width]: sine of the month's angle in the first half of a row, cosine in the second."""
    angle = torch.arange(12) * (2 * math.pi / 12)
    half = width // 2
    return torch.cat([angle.sin()[:, None].expand(12, half), angle.cos()[:, None].expand(12, width - half)], dim=1)
