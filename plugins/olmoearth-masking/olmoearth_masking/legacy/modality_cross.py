"""`modality_cross_*`: after an inner draw, each sample shows some band groups and predicts others.

Defect kept: a group that is not shown keeps all it was to predict, whether it was chosen for that or not.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY
from olmoearth_masking.legacy.band_choice import BandChoice, Group
from olmoearth_masking.legacy.chance import Chance
from olmoearth_masking.legacy.fill import refill
from olmoearth_masking.legacy.scene import Scene
from olmoearth_masking.legacy.strategy import Around


@dataclass(frozen=True)
class ModalityCross(Around):
    """An inner algorithm and the choice of band groups on top.

    needs_space: whether modalities without rows and columns are shown or predicted whole, because the inner
        algorithm has nothing to say about them.
    """

    choice: BandChoice
    needs_space: bool

    def codes(self, scene: Scene, chance: Chance) -> dict[str, Tensor]:
        """Draw the codes of a batch."""
        drawn = self.inner.codes(scene, chance)
        masks = {name: drawn[name] for name in scene.masked_order()}
        there = [self._there(masks, sample) for sample in range(scene.size)]
        chosen = [self.choice.of(groups, chance) for groups in there]
        for sample, groups in enumerate(there):
            for name in dict.fromkeys(name for name, _ in groups):
                for i in range(masks[name].shape[-1]):
                    self._rule(scene, masks[name][sample, ..., i], (name, i), chosen[sample])
        self._never_empty(masks, scene.size, chance)
        return masks

    def _there(self, masks: dict[str, Tensor], sample: int) -> list[Group]:
        """List the groups that take part: those the inner draw shows something of, and all that only predict."""
        return [
            (name, i)
            for name, codes in masks.items()
            for i in range(codes.shape[-1])
            if (codes[sample] != MISSING).any()
            and (name in self.choice.only_decode or (codes[sample, ..., i] == ENCODE).any())
        ]

    def _rule(self, scene: Scene, codes: Tensor, group: Group, chosen: tuple[set[Group], set[Group]]) -> None:
        """Change the codes of one group of one sample in place."""
        shown, predicted = chosen
        if self.needs_space and not scene.spatial(group[0]):
            if group in shown or group in predicted:
                codes[codes != MISSING] = ENCODE if group in shown else DECODE
        elif group not in shown:
            codes[codes == ENCODE] = TARGET_ONLY
        elif group not in predicted:
            codes[codes == DECODE] = TARGET_ONLY

    def _never_empty(self, masks: dict[str, Tensor], size: int, chance: Chance) -> None:
        """Redraw, in place, samples that show nothing, then those that predict nothing; some are drawn twice."""
        empty = [
            sample
            for code in (ENCODE, DECODE)
            for sample in range(size)
            if not any((codes[sample] == code).any() for codes in masks.values())
        ]
        for sample in empty:
            for name, codes in masks.items():
                if name not in self.choice.only_decode:
                    refill(codes[sample], self.encode_ratio, self.decode_ratio, chance)
