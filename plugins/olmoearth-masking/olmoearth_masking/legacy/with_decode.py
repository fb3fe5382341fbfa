"""`random_with_decode` and `random_time_with_decode`: each band group of a sample is shown or predicted, never both.

Defect kept: a group of a single token, as a place, is always shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY
from olmoearth_core.interfaces.modality import Kind
from olmoearth_masking.legacy.band_choice import Group
from olmoearth_masking.legacy.chance import Chance
from olmoearth_masking.legacy.fill import refill
from olmoearth_masking.legacy.scene import Scene


@dataclass(frozen=True)
class WithDecode:
    """random_ratio: share of samples that are masked at random instead of along time; None = all, without a draw."""

    encode_ratio: float
    decode_ratio: float
    random_ratio: float | None
    only_decode: frozenset[str]

    def separate(self, kinds: Sequence[Kind]) -> bool:
        """Samples share nothing."""
        return True

    def codes(self, scene: Scene, chance: Chance) -> dict[str, Tensor]:
        """Draw the codes of a batch."""
        masks = {name: scene.full(name, DECODE) for name in scene.present}
        for sample in range(scene.size):
            self._one(scene, {name: codes[sample] for name, codes in masks.items()}, chance)
        return masks

    def _one(self, scene: Scene, codes: dict[str, Tensor], chance: Chance) -> None:
        """Change the codes of one sample in place."""
        groups: list[Group] = [
            (name, i)
            for name, code in codes.items()
            if name not in self.only_decode
            for i in range(code.shape[-1])
            if (code[..., i] != MISSING).any()
        ]
        dates = self._dates([codes[name][..., i] for name, i in groups if scene.kinds[name] == "space_time"], chance)
        if len(groups) == 1:
            name, i = groups[0]
            refill(codes[name][..., i], self.encode_ratio, self.decode_ratio, chance)
            return
        chance.choices.shuffle(groups)
        shown = ceil(len(groups) * self.encode_ratio)
        for number, (name, i) in enumerate(groups):
            chosen = dates[number >= shown] if dates and scene.kinds[name] == "space_time" else None
            self._role(codes[name][..., i], number < shown, chosen, chance)

    def _dates(self, there: list[Tensor], chance: Chance) -> tuple[Tensor, Tensor] | None:
        """Return the dates that are shown and those that are predicted; None in a random sample."""
        if self.random_ratio is None or not there:
            return None
        valid = torch.stack([(codes != MISSING).flatten(0, 1).any(0) for codes in there]).any(0).nonzero()[:, 0]
        if len(valid) <= 1 or chance.choices.random_sample() < self.random_ratio:
            return None
        order = valid[chance.permutation(len(valid))]
        first = ceil(len(valid) * self.encode_ratio)
        return order[:first], order[first:]

    def _role(self, codes: Tensor, shows: bool, dates: Tensor | None, chance: Chance) -> None:
        """Change the codes of one group in place: whole dates where it has some of them, else at random."""
        if dates is not None and (codes[:, :, dates] != MISSING).any():
            structured = torch.full_like(codes, TARGET_ONLY)
            structured[:, :, dates] = ENCODE if shows else DECODE
            codes.copy_(structured.masked_fill(codes == MISSING, MISSING))
        elif shows:
            refill(codes, self.encode_ratio, 0, chance)
        else:
            refill(codes, 0, self.decode_ratio, chance)
