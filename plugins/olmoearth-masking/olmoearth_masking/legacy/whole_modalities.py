"""`random_fixed_modality` and `selectable_*`: after an inner draw, whole modalities are predicted or taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE, MISSING
from olmoearth_core.interfaces.modality import Kind
from olmoearth_masking.legacy.chance import Chance
from olmoearth_masking.legacy.scene import Scene
from olmoearth_masking.legacy.strategy import Around


@dataclass(frozen=True)
class Fixed(Around):
    """Some modalities are always predicted whole; some are taken away from single samples.

    A modality may be taken away only if it misses no token in the whole batch, those taken from earlier samples
    included; so after the first loss it is safe.
    """

    decoded: tuple[str, ...]
    droppable: tuple[str, ...]

    def separate(self, kinds: Sequence[Kind]) -> bool:
        """Samples share the modalities that may be dropped."""
        return not self.droppable and super().separate(kinds)

    def codes(self, scene: Scene, chance: Chance) -> dict[str, Tensor]:
        """Draw the codes of a batch."""
        masks = self.inner.codes(scene, chance)
        masks |= {name: scene.full(name, DECODE) for name in self.decoded if name in masks}
        for sample in range(scene.size if self.droppable else 0):
            names = [n for n in self.droppable if n in masks and not (masks[n] == MISSING).any()]
            if len(names) > 1:
                chance.choices.shuffle(names)
                for name in names[: chance.choices.randint(len(names))]:
                    masks[name][sample] = MISSING
        return masks


@dataclass(frozen=True)
class Selectable(Around):
    """Up to `most` of the listed modalities are predicted or taken away, missing tokens being predicted too.

    per_sample: whether each sample has a choice of its own.
    """

    decodable: tuple[str, ...]
    removable: tuple[str, ...]
    most: int
    per_sample: bool

    def separate(self, kinds: Sequence[Kind]) -> bool:
        """Samples share nothing of their own where each has a choice."""
        return self.per_sample and super().separate(kinds)

    def codes(self, scene: Scene, chance: Chance) -> dict[str, Tensor]:
        """Draw the codes of a batch."""
        masks = self.inner.codes(scene, chance)
        rows = [slice(i, i + 1) for i in range(scene.size)] if self.per_sample else [slice(None)]
        for samples in rows:
            for name, code in self._choice(chance):
                if name in masks:
                    masks[name][samples] = torch.full_like(masks[name][samples], code)
        return masks

    def _choice(self, chance: Chance) -> list[tuple[str, int]]:
        listed = [*((n, DECODE) for n in self.decodable), *((n, MISSING) for n in self.removable)]
        order = list(range(len(listed)))
        chance.choices.shuffle(order)
        return [listed[i] for i in order[: chance.choices.randint(self.most + 1)]]
