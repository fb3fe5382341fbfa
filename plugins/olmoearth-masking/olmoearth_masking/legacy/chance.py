"""The two sources of randomness of the reference, as arguments instead of process-wide state.

Permutations come from a torch generator, choices from a legacy NumPy state. `torch.manual_seed(s)` and
`np.random.seed(s)` of the reference equal `Chance.seeded(s, s)` here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.interfaces.masking import Draw


@dataclass(frozen=True)
class Chance:
    """permutations: CPU generator of `randperm`. choices: everything the reference asks of `np.random`."""

    permutations: torch.Generator
    choices: np.random.RandomState

    @classmethod
    def seeded(cls, torch_seed: int, numpy_seed: int) -> Chance:
        """Start both sources."""
        return cls(torch.Generator().manual_seed(torch_seed), np.random.RandomState(numpy_seed))

    @classmethod
    def of(cls, draw: Draw) -> Chance:
        """Start both from the draws of the first sample, whom the rest of the batch follows."""
        return cls.each(draw)[0]

    @classmethod
    def each(cls, draw: Draw) -> list[Chance]:
        """Start both sources from the draws of each sample."""
        return [cls.seeded(int(first * 2**32), int(second * 2**32)) for first, second in draw("legacy", 2).tolist()]

    def permutation(self, n: int) -> Tensor:
        """Return 0..n-1 in random order, int64."""
        return torch.randperm(n, generator=self.permutations)
