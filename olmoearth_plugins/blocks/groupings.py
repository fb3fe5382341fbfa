"""Groups of tokens that attend to each other, as index arithmetic over the places of a layout.

Images: the patches of one modality, date and band group. Windows: all that lies in a square of patches. A token without
a place (of a time series or a static vector) is an image of its own, and stands in every window.
"""

# N places of a layout
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from olmoearth_core.data.tokens import Segment, TokenLayout


@dataclass(frozen=True, eq=False)
class Grouping:
    """Where each place goes: int64 [3,N] = group, slot within it, 1 if it stands in all groups at this slot.

    groups: per sample. slots: room in each. everywhere: modalities that stand in all groups.
    """

    table: np.ndarray
    groups: int
    slots: int
    everywhere: tuple[str, ...] = ()


@lru_cache(maxsize=64)
def images(layout: TokenLayout) -> Grouping:
    """One group per modality, date and band group."""
    parts, groups, slots = [], 0, 1
    for segment in layout.segments:
        rows, columns, steps, sets = segment.grid
        row, column, feature = _axes(segment)
        parts.append(np.stack([groups + feature, row * columns + column, np.zeros_like(row)]))
        groups, slots = groups + steps * sets, max(slots, rows * columns)
    return Grouping(np.concatenate(parts, axis=1), groups, slots)


@lru_cache(maxsize=64)
def windows(layout: TokenLayout, size: int, shift: int) -> Grouping:
    """One group per square of size x size patches; the first squares begin `shift` patches up and left of the grid."""
    placed = [s for s in layout.segments if _placed(s)]
    rows, columns = placed[0].grid[:2] if placed else (1, 1)
    tall, wide = min(size, rows + shift), min(size, columns + shift)
    down, across = -(-(rows + shift) // tall), -(-(columns + shift) // wide)
    features = sum(s.grid[2] * s.grid[3] for s in placed)
    groups, first, slots = down * across, 0, tall * wide * features
    parts = []
    for segment in layout.segments:
        row, column, feature = _axes(segment)
        if _placed(segment):
            row, column = row + shift, column + shift
            slot = (row % tall * wide + column % wide) * features + first + feature
            parts.append(np.stack([row // tall * across + column // wide, slot, np.zeros_like(row)]))
            first += segment.grid[2] * segment.grid[3]
        else:
            parts.append(np.stack([np.zeros_like(row), slots + feature, np.full_like(row, groups > 1)]))
            slots += segment.length
    everywhere = tuple(s.modality for s in layout.segments if not _placed(s)) if groups > 1 else ()
    return Grouping(np.concatenate(parts, axis=1), groups, slots, everywhere)


def _placed(segment: Segment) -> bool:
    return segment.kind in ("space", "space_time")


def _axes(segment: Segment) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, column, and date and band group as one number, of each place of a modality."""
    row, column, step, band = np.indices(segment.grid, dtype=np.int64).reshape(4, -1)
    return row, column, step * segment.grid[3] + band
