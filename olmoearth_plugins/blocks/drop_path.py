"""Stochastic depth: a residual branch is skipped for whole samples, and scaled up where it is kept."""

# M packed tokens, B samples, D width
from __future__ import annotations

import torch
from torch import Tensor, nn

from olmoearth_plugins.blocks.rows import Rows


class DropPath(nn.Module):
    """x + branch with probability 1 - rate per sample (branch / (1 - rate)), else x."""

    def __init__(self, rate: float) -> None:
        """rate: probability of skipping; active in training only."""
        super().__init__()
        self.rate = rate

    def forward(self, x_MD: Tensor, branch_MD: Tensor, at: Rows) -> Tensor:
        """Join a branch to the stream."""
        if not self.training or self.rate == 0:
            return x_MD + branch_MD
        kept_B = torch.rand(len(at.count), device=x_MD.device) >= self.rate
        weight_B = kept_B.to(x_MD.dtype) / (1 - self.rate)
        return torch.addcmul(x_MD, branch_MD.to(x_MD.dtype), at.spread(weight_B)[:, None])
