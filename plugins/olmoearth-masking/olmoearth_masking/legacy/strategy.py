"""How a legacy algorithm becomes a masking strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.interfaces.masking import Draw
from olmoearth_core.interfaces.modality import Kind, ModalitySpec
from olmoearth_masking.legacy.chance import Chance
from olmoearth_masking.legacy.scene import Scene


class Algorithm(Protocol):
    """One of the reference's strategies; its ratios are those that the reference reports."""

    @property
    def encode_ratio(self) -> float:
        """Share of tokens that is shown."""
        ...

    @property
    def decode_ratio(self) -> float:
        """Share of tokens that is predicted."""
        ...

    def separate(self, kinds: Sequence[Kind]) -> bool:
        """Whether no draw is shared between samples, given the kinds of the modalities."""
        ...

    def codes(self, scene: Scene, chance: Chance) -> dict[str, Tensor]:
        """Draw the codes of a batch, int8 by modality."""
        ...


@dataclass(frozen=True)
class Around:
    """What an algorithm on top of another one takes from it."""

    inner: Algorithm

    @property
    def encode_ratio(self) -> float:
        """Share that the inner algorithm shows."""
        return self.inner.encode_ratio

    @property
    def decode_ratio(self) -> float:
        """Share that the inner algorithm predicts."""
        return self.inner.decode_ratio

    def separate(self, kinds: Sequence[Kind]) -> bool:
        """Samples share what those of the inner algorithm do."""
        return self.inner.separate(kinds)


@dataclass(frozen=True)
class LegacyMasking:
    """The reference's masks at token resolution.

    The reference masks pixels and judges what is missing pixel by pixel; ours knows only whether a token is there. A
    patch of which some pixels are missing and others not can therefore get other codes than the reference's.

    name: the reference's name of the strategy, as its metrics use it.
    """

    name: str
    algorithm: Algorithm

    @property
    def encode_ratio(self) -> float:
        """Share of tokens that is shown, as the reference reports it."""
        return self.algorithm.encode_ratio

    @property
    def decode_ratio(self) -> float:
        """Share of tokens that is predicted, as the reference reports it."""
        return self.algorithm.decode_ratio

    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Draw the codes from generators that the draws start: one per sample, or the first's where samples share."""
        if not self.algorithm.separate([spec.kind for spec in specs]):
            return self._mask(present, specs, Chance.of(draw), draw.step)
        each = [
            self._mask({name: there[i : i + 1] for name, there in present.items()}, specs, chance, draw.step)
            for i, chance in enumerate(Chance.each(draw))
        ]
        return {spec.name: torch.cat([codes[spec.name] for codes in each]) for spec in specs}

    def mask_with(
        self,
        present: Mapping[str, Tensor],
        specs: Sequence[ModalitySpec],
        torch_generator: torch.Generator,
        numpy_random_state: np.random.RandomState,
        *,
        step: int = 1,
    ) -> dict[str, Tensor]:
        """Draw the codes from two generators, which move on as the reference's global ones would.

        step: what number of call this is, for ratios that move with it.
        """
        return self._mask(present, specs, Chance(torch_generator, numpy_random_state), step)

    def _mask(
        self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], chance: Chance, step: int
    ) -> dict[str, Tensor]:
        codes = self.algorithm.codes(Scene.of(present, specs, step), chance) if specs else {}
        return {spec.name: codes[spec.name].to(present[spec.name].device) for spec in specs}
