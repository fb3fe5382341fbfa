"""What is known of a token from its place alone: row, column, time slot, band group.

Tables over the N places of a layout, made once per layout with NumPy and looked up by packed tokens,
instead of building position tensors of full size for every modality.
"""

# N tokens per sample
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.data.tokens import Segment, TokenLayout


@dataclass(frozen=True)
class Places:
    """One entry per token of a sample, int64 [N].

    row, column: of the patch. step: time slot. group: band group, counted over all modalities of the layout.
    modality: number of the segment. spatial, timed: 1 where the modality has rows and columns, many time steps.
    dated: 1 where a 3-D position has a time; a map has that of slot 0, a static vector has none.
    """

    row: Tensor
    column: Tensor
    step: Tensor
    group: Tensor
    modality: Tensor
    spatial: Tensor
    timed: Tensor
    dated: Tensor


def places(layout: TokenLayout, device: torch.device) -> Places:
    """Return the tables of a layout on a device."""
    table = torch.from_numpy(_table(layout)).to(device, non_blocking=True)
    return Places(*table.unbind(0))


@lru_cache(maxsize=64)
def _table(layout: TokenLayout) -> np.ndarray:
    columns, group = [], 0
    for number, segment in enumerate(layout.segments):
        columns.append(_segment_table(segment, number, group))
        group += segment.grid[3]
    return np.concatenate(columns, axis=1)


def _segment_table(segment: Segment, number: int, first_group: int) -> np.ndarray:
    grid = np.indices(segment.grid, dtype=np.int64).reshape(4, -1)
    grid[3] += first_group
    spatial = segment.kind in ("space", "space_time")
    timed = segment.kind in ("time", "space_time")
    facts = np.array([number, spatial, timed, segment.kind != "static"], dtype=np.int64)
    return np.concatenate([grid, np.repeat(facts[:, None], grid.shape[1], axis=1)])
