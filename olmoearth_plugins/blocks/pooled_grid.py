"""Which axes early pooling takes away, and the grid of tokens that is left.

What is left is laid out like the tokens of one modality with fewer axes, so positions, encodings and packing need to
know nothing of pooling: where time is pooled a token has the date of slot 0 (as a map has), where space is pooled it
has no place.
"""

# B samples, H W patches, T steps, S band groups of all pooled modalities, G groups left, R tokens in each
from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import torch
from torch import Tensor

from olmoearth_core.data.sample import ViewCounts
from olmoearth_core.data.tokens import Segment, TokenLayout
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.modality import Kind
from olmoearth_plugins.blocks.packing import Packing
from olmoearth_plugins.blocks.rows import Rows

POOLED = "pooled"
POOLED_AXES = {
    "modality": (3,),
    "temporal": (2,),
    "spatial": (0, 1),
    "modality_temporal": (2, 3),
    "all": (0, 1, 2, 3),
}
"""Option -> axes of (row, column, step, band group) that are pooled."""


def check_dims(dims: str) -> str:
    """Return the name of what is pooled.

    Raises:
        ConfigError: there is no such name.
    """
    if dims not in POOLED_AXES:
        raise ConfigError(f"dims_to_pool is {dims!r}; it must be one of {', '.join(POOLED_AXES)}.")
    return dims


class PooledGrid:
    """How the tokens of all modalities with places and dates are grouped.

    shape: axes left, or (1,) if none is. whole: the host knows that every token to be pooled is visible.
    """

    def __init__(self, layout: TokenLayout, dims: str, counts: ViewCounts) -> None:
        """layout, counts: of the tokens before.

        Raises:
            DataError: a batch without any such modality.
        """
        self.segments = tuple(s for s in layout.segments if s.kind == "space_time")
        if not self.segments:
            raise DataError(
                f"the batch holds {', '.join(layout.names)}, none of which has both places and dates. Early pooling "
                f"needs one that has."
            )
        groups = sum(s.grid[3] for s in self.segments)
        grid = (*self.segments[0].grid[:3], groups)
        self.whole = all(n == s.length for s in self.segments for n in counts.encode[s.modality])
        self.gone = POOLED_AXES[dims]
        self.left = tuple(axis for axis in range(4) if axis not in self.gone)
        self.shape = tuple(grid[axis] for axis in self.left) or (1,)
        rows, columns, steps, sets = (1 if axis in self.gone else n for axis, n in enumerate(grid))
        self.layout = TokenLayout((Segment(POOLED, self._kind, 0, (rows, columns, steps, sets)),))

    @property
    def _kind(self) -> Kind:
        if 0 in self.gone:
            return "static" if 2 in self.gone else "time"
        return "space" if 2 in self.gone else "space_time"

    @property
    def length(self) -> int:
        """Groups per sample."""
        return self.layout.length

    def gather(self, parts: Mapping[str, Tensor]) -> Tensor:
        """Turn [B,H,W,T,S,...] by modality into groups, [B * G, R, ...]."""
        joined = torch.cat([parts[s.modality] for s in self.segments], dim=4)
        order = [0, *(axis + 1 for axis in (*self.left, *self.gone)), *range(5, joined.ndim)]
        grouped = joined.permute(order)
        return grouped.flatten(1 + len(self.left), 4).flatten(0, len(self.left))

    def everywhere(self, samples: int, device: torch.device) -> Packing:
        """Return all groups of all samples as packed rows."""
        every = torch.arange(samples * self.length, device=device)
        return Packing(self.layout, {POOLED: every}, (self.length,) * samples)


class Shown(Rows):
    """Equally many rows per sample, some of which nobody attends to; how many is known to the device alone."""

    def __init__(self, samples: int, length: int, device: torch.device, seen_BL: Tensor | None) -> None:
        """seen_BL: bool, None = all rows are."""
        super().__init__((length,) * samples, device)
        self.seen_BL = seen_BL

    @property
    def has_empty(self) -> bool:
        """Whether some sample may have nothing to attend to."""
        return self.seen_BL is not None

    @property
    def filled(self) -> Tensor:
        """Which samples have a row to attend to, bool [B]."""
        return super().filled if self.seen_BL is None else self.seen_BL.any(1)

    @cached_property
    def key_mask(self) -> Tensor | None:
        """Which keys may be attended to, bool [B,1,1,L]; a sample without any is shown garbage, see `Rows`."""
        if self.seen_BL is None:
            return None
        return (self.seen_BL | ~self.seen_BL.any(1, keepdim=True))[:, None, None, :]
