"""Multi-head attention among packed tokens, or from packed queries to packed context.

Projections see packed rows only; padding exists just inside the attention kernel, and padded keys are always
masked, in training and in evaluation alike, so a token never depends on its batch mates.
"""

# M packed tokens, K packed context tokens, B samples, H heads, d head width, D = H d
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from olmoearth_plugins.blocks.dense import dense, lowered
from olmoearth_plugins.blocks.rope import rotate
from olmoearth_plugins.blocks.rows import Rows
from olmoearth_plugins.blocks.trunk import Trunk

Turn = tuple[Tensor, Tensor]
"""Cosine and sine by which queries or keys are rotated."""


@dataclass(frozen=True)
class Context:
    """Tokens to attend to, which rows belong to which sample, and how their keys are turned."""

    tokens: Tensor
    at: Rows
    turn: Turn | None


class Attention(nn.Module):
    """softmax(q k^T / sqrt(d)) v with rotated q and k."""

    def __init__(self, trunk: Trunk) -> None:
        """Position options decide what this block learns of its own; qk_norm normalises q and k per head."""
        super().__init__()
        inner = trunk.attention_width or trunk.width
        self.heads, self.head_width, self.attend = trunk.heads, inner // trunk.heads, trunk.attend
        self.q = nn.Linear(trunk.width, inner)
        self.k = nn.Linear(trunk.context_width or trunk.width, inner)
        self.v = nn.Linear(trunk.context_width or trunk.width, inner)
        self.proj = nn.Linear(inner, trunk.width)
        self.q_norm: nn.Module = nn.LayerNorm(self.head_width) if trunk.qk_norm else nn.Identity()
        self.k_norm: nn.Module = nn.LayerNorm(self.head_width) if trunk.qk_norm else nn.Identity()
        own = trunk.positions.parameters(self.heads, self.head_width) if trunk.positions.rotates else {}
        self.position_parameters = tuple(own)
        for name, parameter in own.items():
            self.register_parameter(name, parameter)

    def forward(self, x_MD: Tensor, at: Rows, turn: Turn | None, context: Context | None = None) -> Tensor:
        """Attend among the tokens of each sample, or to its context; where that is empty the answer is zero."""
        source, beside, other = (x_MD, at, turn) if context is None else (context.tokens, context.at, context.turn)
        same, x_MD = source is x_MD, lowered(x_MD)
        source = x_MD if same else lowered(source)
        q = self.q_norm(self._split(dense(x_MD, self.q)))
        k = self.k_norm(self._split(dense(source, self.k)))
        v = self._split(dense(source, self.v))
        if turn is not None and other is not None:
            spare = not torch.is_grad_enabled()
            q, k = rotate(q, turn, overwrite=spare), rotate(k, other, overwrite=spare)
        return dense(self._attend(q, k, v.to(k.dtype), at, beside), self.proj)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, at: Rows, beside: Rows) -> Tensor:
        if not beside.total:
            return torch.zeros_like(q).flatten(1)
        attend = beside.attend or self.attend
        out_MD = attend(q, k, v, at, beside).flatten(1)
        return out_MD * at.spread(beside.filled)[:, None] if beside.has_empty else out_MD

    def _split(self, x_MD: Tensor) -> Tensor:
        return x_MD.view(len(x_MD), self.heads, self.head_width)
