"""A copy of the fresh encoder, never trained: the target of the released models."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from torch import nn

from olmoearth_core.interfaces.parts import TargetRecipe


def frozen_encoder() -> TargetRecipe:
    """Copy the whole encoder; a train module may move it after the online one (moving average)."""
    return FrozenEncoder()


@dataclass(frozen=True)
class FrozenEncoder:
    """The recipe."""

    def build(self, encoder: nn.Module) -> nn.Module:
        """Return a copy without gradients."""
        return copy.deepcopy(encoder).requires_grad_(False)
