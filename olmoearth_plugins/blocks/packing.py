"""How a ragged batch becomes one dense matrix, and back.

Only tokens that take part are kept, sample after sample, as the rows of one [M, D] matrix, so padding costs
nothing outside attention. All lengths come from counts as Python ints: no device is asked for a number.
"""

# B samples, N tokens per sample, M packed tokens, L longest sample, D width
from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import torch
from torch import Tensor

from olmoearth_core.data.tokens import TokenLayout


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


class Packing:
    """The tokens of a batch that take part: row i of a packed matrix is token `index[i]` of the flat [B * N] axis.

    order: turns rows that lie modality after modality into rows that lie sample after sample.
    """

    def __init__(self, layout: TokenLayout, rows: Mapping[str, Tensor], lengths: tuple[int, ...]) -> None:
        """rows: what `choose` returned; lengths: tokens per sample over all modalities."""
        self.lengths = lengths
        self.width = layout.length
        ids = torch.cat([self._ids(rows[s.modality], s.start, s.length) for s in layout.segments])
        self.index, self.order = torch.sort(ids)

    def _ids(self, rows: Tensor, start: int, length: int) -> Tensor:
        sample = torch.div(rows, length, rounding_mode="floor")
        return rows + sample * (self.width - length) + start

    @property
    def longest(self) -> int:
        """Tokens of the longest sample."""
        return max(self.lengths, default=0)

    @property
    def total(self) -> int:
        """Packed tokens, M."""
        return sum(self.lengths)

    @cached_property
    def even(self) -> bool:
        """Whether all samples have equally many tokens, so that padding is a mere view."""
        return len(set(self.lengths)) == 1

    @property
    def has_empty(self) -> bool:
        """Whether some sample has no token at all."""
        return 0 in self.lengths

    @cached_property
    def sample(self) -> Tensor:
        """Sample of each packed token, int64 [M]."""
        return torch.div(self.index, self.width, rounding_mode="floor")

    @cached_property
    def place(self) -> Tensor:
        """Place of each packed token within its sample, int64 [M]."""
        return self.index - self.sample * self.width

    @cached_property
    def count(self) -> Tensor:
        """Tokens per sample on the device, int64 [B]."""
        return torch.zeros(len(self.lengths), dtype=torch.int64, device=self.index.device).index_add(
            0, self.sample, torch.ones_like(self.sample)
        )

    @cached_property
    def _first(self) -> Tensor:
        return torch.cumsum(self.count, 0) - self.count

    @cached_property
    def _from(self) -> Tensor:
        """Packed row behind each place of the padded layout, int64 [B * L]; padding repeats some valid row."""
        slot = torch.arange(self.longest, device=self.index.device)
        return (self._first[:, None] + slot).clamp(max=self.total - 1).flatten()

    @cached_property
    def _into(self) -> Tensor:
        """Place in the padded layout of each packed row, int64 [M]."""
        slot = torch.arange(self.total, device=self.index.device) - self._first[self.sample]
        return self.sample * self.longest + slot

    @cached_property
    def key_mask(self) -> Tensor | None:
        """Which padded keys may be attended to, bool [B,1,1,L]; None = all.

        A sample without keys is shown garbage instead of nothing, so that no softmax is nan.
        """
        if self.even:
            return None
        slot = torch.arange(self.longest, device=self.index.device)
        seen = (slot < self.count[:, None]) | (self.count == 0)[:, None]
        return seen[:, None, None, :]

    def take(self, flat: Tensor) -> Tensor:
        """Pick the packed rows of [B, N, D]."""
        return flat.flatten(0, 1).index_select(0, self.index)

    def restore(self, packed: Tensor) -> Tensor:
        """Put packed rows back into [B, N, D], zero elsewhere."""
        size = (len(self.lengths) * self.width, *packed.shape[1:])
        flat = packed.new_zeros(size).index_copy(0, self.index, packed)
        return flat.view(len(self.lengths), self.width, *flat.shape[1:])

    def pad(self, packed: Tensor) -> Tensor:
        """Turn [M, ...] into [B, L, ...]; what lies at padding is meaningless."""
        rows = packed if self.even else packed.index_select(0, self._from)
        return rows.view(len(self.lengths), self.longest, *rows.shape[1:])

    def unpad(self, padded: Tensor) -> Tensor:
        """Undo `pad`."""
        flat = padded.flatten(0, 1)
        return flat if self.even else flat.index_select(0, self._into)

    def spread(self, per_sample: Tensor) -> Tensor:
        """Repeat a row per sample [B, ...] for each of its tokens, [M, ...]."""
        return per_sample.index_select(0, self.sample)

    def mean(self, packed: Tensor) -> Tensor:
        """Average the rows of each sample, [B, D]; zero for a sample without rows."""
        if self.even and self.longest:
            return packed.view(len(self.lengths), self.longest, -1).mean(1)
        total = packed.new_zeros(len(self.lengths), packed.shape[1]).index_add(0, self.sample, packed)
        return total / self.count.clamp(min=1)[:, None]
