"""`space` and `time`: the same patches, or the same dates, in every modality that has them.

What has no such axis is drawn at random.
"""

# B samples, H W patches, T steps, S band groups
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.data.tokens import TARGET_ONLY
from olmoearth_core.interfaces.modality import Kind
from olmoearth_masking.legacy.at_random import AtRandom
from olmoearth_masking.legacy.chance import Chance
from olmoearth_masking.legacy.fill import by_share, shuffled
from olmoearth_masking.legacy.scene import Scene

FEWEST_STEPS = 3
"""With fewer valid dates than this the reference does not mask along time."""


@dataclass(frozen=True)
class Space:
    """Patches are drawn once, when the first spatial modality is met."""

    encode_ratio: float
    decode_ratio: float

    def separate(self, kinds: Sequence[Kind]) -> bool:
        """Samples share nothing but the tokens without space and time, drawn over the batch."""
        return "static" not in kinds

    def codes(self, scene: Scene, chance: Chance) -> dict[str, Tensor]:
        """Draw the codes of a batch."""
        masks: dict[str, Tensor] = {}
        patches_BHW: Tensor | None = None
        for name, there in scene.present.items():
            if not scene.spatial(name):
                masks[name] = AtRandom(self.encode_ratio, self.decode_ratio).one(scene, name, chance)
                continue
            if patches_BHW is None:
                patches_BHW = self._patches(there, chance)
            masks[name] = scene.without_missing(name, patches_BHW[..., None, None].expand_as(there))
        return masks

    def _patches(self, there_BHWTS: Tensor, chance: Chance) -> Tensor:
        batch, rows, columns = there_BHWTS.shape[:3]
        drawn = [by_share(rows * columns, self.encode_ratio, self.decode_ratio, chance) for _ in range(batch)]
        return torch.stack(drawn).view(batch, rows, columns)


@dataclass(frozen=True)
class Time:
    """Dates are drawn once, when the first modality with dates is met, among those valid for the whole batch."""

    encode_ratio: float
    decode_ratio: float

    def separate(self, kinds: Sequence[Kind]) -> bool:
        """Samples share the dates that count."""
        return False

    def codes(self, scene: Scene, chance: Chance) -> dict[str, Tensor]:
        """Draw the codes of a batch."""
        valid = scene.valid_steps()
        masks: dict[str, Tensor] = {}
        dates_BT: Tensor | None = None
        for name, there in scene.present.items():
            if len(valid) < FEWEST_STEPS or not scene.temporal(name):
                masks[name] = AtRandom(self.encode_ratio, self.decode_ratio).one(scene, name, chance)
                continue
            if dates_BT is None:
                dates_BT = self._dates(there, valid, chance)
            shape = (len(there), *([1] * (there.dim() - 3)), there.shape[-2], 1)
            masks[name] = scene.without_missing(name, dates_BT.view(shape).expand_as(there))
        return masks

    def _dates(self, there: Tensor, valid: list[int], chance: Chance) -> Tensor:
        """Give each sample at least one date to show and one to predict, int8 [B,T]."""
        n = len(valid)
        encode, decode = max(int(self.encode_ratio * n), 1), max(int(self.decode_ratio * n), 1)
        dates_BT = torch.full((len(there), there.shape[-2]), TARGET_ONLY, dtype=torch.int8)
        for dates_T in dates_BT:
            dates_T[valid] = shuffled(n, encode, decode, chance)
        return dates_BT
