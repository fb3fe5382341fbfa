"""The tokens of a batch that take part, as rows of a packed matrix, and where they lie in the batch."""

# B samples, N tokens per sample, M packed tokens, D width
from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import torch
from torch import Tensor

from olmoearth_core.data.tokens import TokenLayout
from olmoearth_plugins.blocks.rows import Rows


def choose(codes: Mapping[str, Tensor], code: int, counts: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Return, per modality, the places of the tokens with one code in the flat [B * tokens] axis, ascending.

    counts: modality -> tokens with that code per sample; they decide how many places are returned.
    """
    rows = {}
    for name, codes_of in codes.items():
        flat = codes_of.flatten()
        total = sum(counts[name])
        whole = total == flat.numel()
        rows[name] = (
            torch.arange(total, device=flat.device)
            if whole
            else torch.argsort(flat.ne(code).to(torch.uint8), stable=True)[:total]
        )
    return rows


class Packing(Rows):
    """Row i of the packed matrix is token `index[i]` of the flat [B * N] axis.

    held: packed tokens of each modality. whole: nothing of the batch is left out, so rows lie as the batch does.
    """

    def __init__(self, layout: TokenLayout, rows: Mapping[str, Tensor], lengths: tuple[int, ...]) -> None:
        """rows: what `choose` returned; lengths: tokens per sample over all modalities."""
        self.layout, self.width = layout, layout.length
        self.held = {name: len(part) for name, part in rows.items()}
        self.whole = sum(lengths) == len(lengths) * self.width
        super().__init__(lengths, next(iter(rows.values())).device)
        self._rows = rows
        if self.whole:
            self.index = torch.arange(self.total, device=self.device)
        else:
            self.index, self.order = torch.sort(self._unordered())

    @cached_property
    def order(self) -> Tensor:
        """What turns rows that lie modality after modality into rows that lie sample after sample, int64 [M]."""
        return torch.argsort(self._unordered())

    def _unordered(self) -> Tensor:
        return torch.cat([self._ids(self._rows[s.modality], s.start, s.length) for s in self.layout.segments])

    def _ids(self, rows: Tensor, start: int, length: int) -> Tensor:
        sample = torch.div(rows, length, rounding_mode="floor")
        return rows + sample * (self.width - length) + start

    @cached_property
    def place(self) -> Tensor:
        """Place of each packed token within its sample, int64 [M]."""
        return self.index - self.sample * self.width

    def take(self, flat: Tensor) -> Tensor:
        """Pick the packed rows of [B, N, D]."""
        rows = flat.flatten(0, 1)
        return rows if self.whole else rows.index_select(0, self.index)

    def restore(self, packed: Tensor) -> Tensor:
        """Put packed rows back into [B, N, D], zero elsewhere."""
        if self.whole:
            return packed.view(len(self.lengths), self.width, *packed.shape[1:])
        size = (len(self.lengths) * self.width, *packed.shape[1:])
        flat = packed.new_zeros(size).index_copy(0, self.index, packed)
        return flat.view(len(self.lengths), self.width, *flat.shape[1:])
