"""How packed tokens are arranged for each block of a space-time factorised transformer.

A token that stands in many groups is copied into each and averaged when it comes back. Work token by token is done on
visible tokens (and copies) only; see `groups` for the attention itself.
"""

# M packed tokens, E of them with copies, K tokens to be copied, A rotary axes
from __future__ import annotations

import torch
from torch import Tensor

from olmoearth_core.interfaces.parts import PositionEncoding
from olmoearth_plugins.blocks.attention_modes import Schedule
from olmoearth_plugins.blocks.groupings import Grouping, images, windows
from olmoearth_plugins.blocks.groups import Groups
from olmoearth_plugins.blocks.packing import Packing
from olmoearth_plugins.blocks.positions import Turns
from olmoearth_plugins.blocks.rows import Rows


class Whole:
    """All tokens of a sample attend to each other."""

    def __init__(self, at: Packing) -> None:
        """Take the rows as they are."""
        self.rows: Rows = at

    def enter(self, x_MD: Tensor) -> Tensor:
        """Return the tokens as they are."""
        return x_MD

    def leave(self, x_MD: Tensor) -> Tensor:
        """Return the tokens as they are."""
        return x_MD


class Apart:
    """Tokens attend to each other within groups."""

    def __init__(self, at: Packing, grouping: Grouping) -> None:
        """grouping: of the layout of these tokens."""
        table = torch.from_numpy(grouping.table).to(at.device, non_blocking=True)
        group_M, slot_M, everywhere_M = table.index_select(1, at.place).unbind(0)
        sample_M = at.sample
        self.groups = grouping.groups
        self.copied = sum(at.held[name] for name in grouping.everywhere)
        if self.copied:
            self.order = torch.argsort(everywhere_M, stable=True)
            self.back = torch.argsort(self.order)
            once, many = self.order[: -self.copied], self.order[-self.copied :]
            self.index_E = torch.cat([once, many.repeat_interleave(self.groups)])
            every = torch.arange(self.groups, device=at.device).repeat(self.copied)
            group_M = torch.cat([group_M.index_select(0, once), every])
            slot_M, sample_M = slot_M.index_select(0, self.index_E), sample_M.index_select(0, self.index_E)
        samples = len(at.lengths)
        self.rows = Groups(sample_M * self.groups + group_M, slot_M, samples * self.groups, grouping.slots)

    def enter(self, x_MD: Tensor) -> Tensor:
        """Turn [M, ...] into [E, ...]."""
        return x_MD.index_select(0, self.index_E) if self.copied else x_MD

    def leave(self, x_ED: Tensor) -> Tensor:
        """Turn [E,D] into [M,D]; a token is the mean of its copies."""
        if not self.copied:
            return x_ED
        once = len(self.order) - self.copied
        mean_KD = x_ED[once:].view(self.copied, self.groups, -1).mean(1)
        return torch.cat([x_ED[:once], mean_KD]).index_select(0, self.back)


class Regroup:
    """The arrangements of one packed matrix, each made when it is first asked for."""

    def __init__(self, at: Packing, schedule: Schedule, encoding: PositionEncoding, places_MA: Tensor | None) -> None:
        """places_MA: rotary coordinates of the tokens; None = nothing is turned."""
        self.at, self.schedule, self.encoding, self.places_MA = at, schedule, encoding, places_MA
        self._made: dict[tuple[str, int], tuple[Whole | Apart, Turns]] = {}

    def of(self, number: int) -> tuple[Whole | Apart, Turns]:
        """Return the arrangement for a block (the first is 0), and how its tokens are turned."""
        mode = self.schedule.modes[number]
        key = mode, self.schedule.shift(number) if mode == "windowed" else 0
        if key not in self._made:
            arranged = self._arrange(*key)
            turned = None if self.places_MA is None else arranged.enter(self.places_MA)
            self._made[key] = arranged, Turns(self.encoding, turned)
        return self._made[key]

    def _arrange(self, mode: str, shift: int) -> Whole | Apart:
        layout = self.at.layout
        if mode == "full":
            return Whole(self.at)
        if mode == "spatial":
            return Apart(self.at, images(layout))
        return Apart(self.at, windows(layout, self.schedule.window if mode == "windowed" else 1, shift))
