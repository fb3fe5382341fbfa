"""`space_time`, `random_space` and `modality_cross_space_time`: one coin decides for the whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from olmoearth_core.interfaces.modality import Kind
from olmoearth_masking.legacy.along_axes import FEWEST_STEPS
from olmoearth_masking.legacy.chance import Chance
from olmoearth_masking.legacy.scene import Scene
from olmoearth_masking.legacy.strategy import Algorithm, Around


@dataclass(frozen=True)
class Either(Around):
    """The inner algorithm or a second one of the same ratios.

    needs_time: whether the second is only taken when enough dates are valid; the coin is flipped all the same.
    """

    second: Algorithm
    needs_time: bool

    def separate(self, kinds: Sequence[Kind]) -> bool:
        """Samples share a coin."""
        return False

    def codes(self, scene: Scene, chance: Chance) -> dict[str, Tensor]:
        """Flip the coin, then draw."""
        first = chance.choices.random_sample() < 0.5
        first = first or (self.needs_time and len(scene.valid_steps()) < FEWEST_STEPS)
        return (self.inner if first else self.second).codes(scene, chance)
