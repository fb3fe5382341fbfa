"""Which rows of a packed matrix belong to which sample.

Tokens that take part lie sample after sample as the rows of one [M, D] matrix, so padding costs nothing outside
attention. All lengths are Python ints: no device is asked for a number.
"""

# B samples, M packed tokens, L longest sample, D width
from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from olmoearth_core.interfaces.parts import Attend


class Rows:
    """A packed matrix by its lengths; row after row of sample 0, then of sample 1."""

    def __init__(self, lengths: tuple[int, ...], device: torch.device) -> None:
        """lengths: rows per sample."""
        self.lengths, self.device = lengths, device

    @property
    def attend(self) -> Attend | None:
        """How to attend to these rows, where their arrangement decides that; None = as the block does."""
        return None

    @property
    def longest(self) -> int:
        """Rows of the longest sample."""
        return max(self.lengths, default=0)

    @property
    def total(self) -> int:
        """All rows, M."""
        return sum(self.lengths)

    @cached_property
    def even(self) -> bool:
        """Whether all samples have equally many rows, so that padding is a mere view."""
        return len(set(self.lengths)) == 1

    @property
    def has_empty(self) -> bool:
        """Whether some sample has no row at all."""
        return 0 in self.lengths

    @property
    def filled(self) -> Tensor:
        """Which samples have a row to attend to, bool [B]."""
        return self.count > 0

    @cached_property
    def count(self) -> Tensor:
        """Rows per sample on the device, int64 [B]."""
        return torch.tensor(self.lengths, dtype=torch.int64).to(self.device, non_blocking=True)

    @cached_property
    def sample(self) -> Tensor:
        """Sample of each row, int64 [M]."""
        samples = torch.arange(len(self.lengths), device=self.device)
        return samples.repeat_interleave(self.count, output_size=self.total)

    @cached_property
    def slot(self) -> Tensor:
        """Number of each row within its sample, int64 [M]."""
        return torch.arange(self.total, device=self.device) - self._first[self.sample]

    @cached_property
    def _first(self) -> Tensor:
        return torch.cumsum(self.count, 0) - self.count

    @cached_property
    def _from(self) -> Tensor:
        """Packed row behind each place of the padded layout, int64 [B * L]; padding repeats some valid row."""
        slot = torch.arange(self.longest, device=self.device)
        return (self._first[:, None] + slot).clamp(max=self.total - 1).flatten()

    @cached_property
    def _into(self) -> Tensor:
        """Place in the padded layout of each packed row, int64 [M]."""
        return self.sample * self.longest + self.slot

    @cached_property
    def key_mask(self) -> Tensor | None:
        """Which padded keys may be attended to, bool [B,1,1,L]; None = all.

        A sample without keys is shown garbage instead of nothing, so that no softmax is nan.
        """
        if self.even:
            return None
        slot = torch.arange(self.longest, device=self.device)
        seen = (slot < self.count[:, None]) | (self.count == 0)[:, None]
        return seen[:, None, None, :]

    def pad(self, packed: Tensor) -> Tensor:
        """Turn [M, ...] into [B, L, ...]; what lies at padding is meaningless."""
        rows = packed if self.even else packed.index_select(0, self._from)
        return rows.view(len(self.lengths), self.longest, *rows.shape[1:])

    def unpad(self, padded: Tensor) -> Tensor:
        """Undo `pad`."""
        flat = padded.flatten(0, 1)
        return flat if self.even else flat.index_select(0, self._into)

    def spread(self, per_sample: Tensor) -> Tensor:
        """Repeat a row per sample [B, ...] for each of its rows, [M, ...]."""
        return per_sample.index_select(0, self.sample)

    def mean(self, packed: Tensor) -> Tensor:
        """Average the rows of each sample, [B, D]; zero for a sample without rows."""
        if self.even and self.longest:
            return packed.view(len(self.lengths), self.longest, -1).mean(1)
        total = packed.new_zeros(len(self.lengths), packed.shape[1]).index_add(0, self.sample, packed)
        return total / self.count.clamp(min=1)[:, None]

    def spread_out(self, packed: Tensor) -> Tensor:
        """Turn [M, ...] into [B * L, ...] with zeros behind the short samples."""
        size = (len(self.lengths) * self.longest, *packed.shape[1:])
        return packed.new_zeros(size).index_copy(0, self._into, packed)

    def gather_in(self, padded: Tensor) -> Tensor:
        """Undo `spread_out`."""
        return padded.index_select(0, self._into)


class Prefixed(Rows):
    """Rows of a batch with some learned rows in front of those of each sample."""

    def __init__(self, rest: Rows, count: int) -> None:
        """rest: the rows without; count: how many come in front of each sample."""
        super().__init__(tuple(length + count for length in rest.lengths), rest.device)
        self._rest = torch.arange(rest.total, device=rest.device) + (rest.sample + 1) * count
        self._front = (self._first[:, None] + torch.arange(count, device=rest.device)).flatten()

    def join(self, front: Tensor, packed: Tensor) -> Tensor:
        """Put [count, ...] in front of each sample of [M, ...]."""
        repeated = front.to(packed.dtype).repeat(len(self.lengths), *[1] * (front.ndim - 1))
        joined = packed.new_empty(self.total, *packed.shape[1:])
        return joined.index_copy(0, self._rest, packed).index_copy(0, self._front, repeated)

    def front(self, joined: Tensor) -> Tensor:
        """Return the rows in front, [B, count, ...]."""
        return joined.index_select(0, self._front).view(len(self.lengths), -1, *joined.shape[1:])

    def cut(self, joined: Tensor) -> Tensor:
        """Drop the rows in front again."""
        return joined.index_select(0, self._rest)
