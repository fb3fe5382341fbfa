"""Packed rows in groups whose sizes only the device knows.

Counts say how many tokens a sample shows, not how many of them lie in one patch or at one date, and asking would stop
the device. So all that is done token by token sees packed rows, and attention alone sees a dense layout with room for
every place of a group, where a mask says which places are taken.
"""

# M packed rows, G groups of all samples, L slots of a group
from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.blocks.rows import Rows


class Groups(Rows):
    """To a block a group is what a sample is elsewhere: none attends to another, and drop path draws once for each."""

    def __init__(self, group_M: Tensor, slot_M: Tensor, groups: int, slots: int) -> None:
        """group_M, slot_M: where each row goes, int64; no two rows may share a slot. groups, slots: G, L."""
        self.device = group_M.device
        self.sample = group_M
        self._into = group_M * slots + slot_M
        self._groups, self._slots = groups, slots

    @property
    def lengths(self) -> tuple[int, ...]:  # type: ignore[override]
        """Not known here.

        Raises:
            ConfigError: always; an attention kernel that asks cannot be used.
        """
        raise ConfigError(
            "this attention kernel asks for the lengths of groups, which only the device knows in a space-time "
            "transformer; there it must work with pad, unpad and key_mask. Use olmoearth.sdpa.v1."
        )

    @property
    def longest(self) -> int:
        """Room in each group, L."""
        return self._slots

    @property
    def total(self) -> int:
        """All rows, M."""
        return len(self._into)

    @property
    def even(self) -> bool:
        """Whether all slots are taken."""
        return self.total == self._groups * self._slots

    @property
    def has_empty(self) -> bool:
        """Whether some group may have no row at all."""
        return not self.even

    @cached_property
    def taken(self) -> Tensor:
        """Which slots are, bool [G,L]."""
        empty = torch.zeros(self._groups * self._slots, dtype=torch.bool, device=self.device)
        return empty.index_fill(0, self._into, True).view(self._groups, self._slots)

    @cached_property
    def count(self) -> Tensor:
        """Rows per group, int64 [G]."""
        return self.taken.sum(1)

    @cached_property
    def key_mask(self) -> Tensor | None:
        """Which slots may be attended to, bool [G,1,1,L]; None = all. An empty group is shown garbage, see `Rows`."""
        if self.even:
            return None
        return (self.taken | ~self.filled[:, None])[:, None, None, :]

    @cached_property
    def _from(self) -> Tensor:
        """Row in each slot, int64 [G * L]; some row where none is."""
        size = (self._groups * self._slots,)
        return self._into.new_zeros(size).index_copy(0, self._into, torch.arange(self.total, device=self.device))

    def pad(self, packed: Tensor) -> Tensor:
        """Turn [M, ...] into [G, L, ...]; what lies at padding is meaningless."""
        return packed.index_select(0, self._from).view(self._groups, self._slots, *packed.shape[1:])

    def unpad(self, padded: Tensor) -> Tensor:
        """Undo `pad`."""
        return padded.flatten(0, 1).index_select(0, self._into)

    def first(self, packed: Tensor) -> Tensor:
        """Return the row in the first slot that is taken of each group, [G, ...]; some row of an empty group."""
        slot_G = torch.arange(self._slots, device=self.device).where(self.taken, self._slots - 1).amin(1)
        start_G = torch.arange(self._groups, device=self.device) * self._slots
        return packed.index_select(0, self._from.index_select(0, start_G + slot_G))

    def one_each(self) -> Groups:
        """Return the rows of a matrix with one row per group."""
        every = torch.arange(self._groups, device=self.device)
        return Groups(every, torch.zeros_like(every), self._groups, 1)
