"""Mean of visible tokens."""

# B samples, H W patches, K tokens, D width
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.interfaces.loss import Tokens
from olmoearth_core.interfaces.parts import Pooling
from olmoearth_plugins.blocks.scopes import Scope, parts


def mean(*, scope: Scope = "instance", legacy_grid: bool = False) -> Pooling:
    """Average visible tokens; where there is none the answer is zero.

    scope: instance = one vector per sample, every token counts the same. modality = one per modality.
        grid = one per patch: each modality is averaged over its own steps and band groups there, then the modalities
        that have anything there count the same.
    legacy_grid: the reference's rule on the grid: a modality with nothing at a patch counts there as a zero vector,
        unless it has nothing in the whole batch; so batch mates matter.
    """
    return _Mean(scope, legacy_grid)


@dataclass(frozen=True)
class _Mean:
    scope: Scope
    legacy_grid: bool

    def __call__(self, tokens: Tokens) -> Tensor:
        sums, counts = [], []
        for token, visible in parts(tokens, self.scope):
            weight = visible.to(token.dtype)
            sums.append((token * weight).sum(-2))
            counts.append(weight.sum(-2))
        total, count = torch.stack(sums, 1), torch.stack(counts, 1)
        if self.scope == "instance":
            return total.sum(1) / count.sum(1).clamp(min=1)
        each = total / count.clamp(min=1)
        if self.scope == "modality":
            return each
        here = (count > 0).to(each.dtype)
        if self.legacy_grid:
            here = here.amax((0, 2, 3), keepdim=True).expand_as(here)
        return (each * here).sum(1) / here.sum(1).clamp(min=1)
