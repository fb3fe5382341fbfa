"""A pre-norm transformer block over packed tokens."""

# M packed tokens, D width
from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from olmoearth_plugins.blocks.attention import Attention, Context, Turn
from olmoearth_plugins.blocks.dense import dense, lowered, resting
from olmoearth_plugins.blocks.drop_path import DropPath
from olmoearth_plugins.blocks.rows import Rows
from olmoearth_plugins.blocks.trunk import Trunk

CACHED = 2**20
"""Numbers that are still in the cache of a CPU when they are needed again."""


class Mlp(nn.Module):
    """Two linear layers around an exact GELU."""

    def __init__(self, width: int, hidden: int) -> None:
        """hidden: width between the layers."""
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map [..., D] to [..., D]."""
        return dense(dense(x, self.fc1, "gelu"), self.fc2)


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)). A context enters keys and values as it is, unnormalised.

    compiled: computes instead of `packed`, called with the block first. checkpointed: keep only the input in training.
    """

    compiled: Callable[..., Tensor] | None = None
    checkpointed = False

    def __init__(self, trunk: Trunk) -> None:
        """The options say all but the depth."""
        super().__init__()
        self.norm1 = nn.LayerNorm(trunk.width)
        self.attn = Attention(trunk)
        self.norm2 = nn.LayerNorm(trunk.width)
        self.mlp = Mlp(trunk.width, int(trunk.width * trunk.mlp_ratio))
        self.drop_path = DropPath(trunk.drop_path)

    def forward(self, x_MD: Tensor, at: Rows, turn: Turn | None, context: Context | None = None) -> Tensor:
        """Attend among the tokens, or to a context, then think about each."""
        if self.compiled is None and resting(x_MD) and not self.training:
            return self._resting(x_MD, at, turn, context)
        run = self.packed if self.compiled is None else partial(self.compiled, self)
        if self.checkpointed and self.training and torch.is_grad_enabled():
            again: Tensor = checkpoint(run, x_MD, at, turn, context, use_reentrant=False)
            return again
        return run(x_MD, at, turn, context)

    def packed(self, x_MD: Tensor, at: Rows, turn: Turn | None, context: Context | None) -> Tensor:
        """Compute on packed tokens, as `forward` says."""
        x_MD = self.drop_path(x_MD, self.attn(self.norm1(x_MD), at, turn, context), at)
        joined: Tensor = self.drop_path(x_MD, self.mlp(self.norm2(x_MD)), at)
        return joined

    def _resting(self, x_MD: Tensor, at: Rows, turn: Turn | None, context: Context | None) -> Tensor:
        """Compute the same piece by piece, so that the MLP's wide layer stays in the cache of a CPU."""
        x_MD = x_MD + self.attn(self.norm1(x_MD), at, turn, context)
        for part in torch.split(x_MD, max(512, CACHED // self.mlp.fc1.out_features)):
            part.add_(self.mlp(lowered(self.norm2(part))))
        return x_MD


def blocks(trunk: Trunk) -> nn.ModuleList:
    """Allocate the stack."""
    return nn.ModuleList(Block(trunk) for _ in range(trunk.depth))
