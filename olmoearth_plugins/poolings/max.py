"""Largest value of each feature among visible tokens."""

# B samples, H W patches, K tokens, D width
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.interfaces.loss import Tokens
from olmoearth_core.interfaces.parts import Pooling
from olmoearth_plugins.blocks.scopes import Scope, parts


def maximum(*, scope: Scope = "instance") -> Pooling:
    """Take the largest value of each feature; where nothing is visible the answer is zero (the reference's: -inf).

    scope: instance = one vector per sample, grid = one per patch, modality = one per modality.
    """
    return _Max(scope)


@dataclass(frozen=True)
class _Max:
    scope: Scope

    def __call__(self, tokens: Tokens) -> Tensor:
        each = torch.stack(
            [t.masked_fill(~visible, float("-inf")).amax(-2) for t, visible in parts(tokens, self.scope)], dim=1
        )
        largest = each if self.scope == "modality" else each.amax(1)
        return largest.masked_fill(largest == float("-inf"), 0.0)
