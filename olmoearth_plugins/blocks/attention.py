"""Multi-head attention among packed tokens, or from packed queries to packed context.

Projections see packed rows only; padding exists just inside the attention kernel, and padded keys are always
masked, in training and in evaluation alike, so a token never depends on its batch mates.
"""

# M packed tokens, B samples, L longest sample, H heads, d head width, D = H d
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from olmoearth_plugins.blocks.packing import Packing
from olmoearth_plugins.blocks.positions import Positions
from olmoearth_plugins.blocks.rope import rotate

Turn = tuple[Tensor, Tensor]
"""Cosine and sine by which queries or keys are rotated."""


@dataclass(frozen=True)
class Context:
    """Tokens to attend to, where they lie, and how their keys are turned."""

    tokens: Tensor
    at: Packing
    turn: Turn | None


class Attention(nn.Module):
    """softmax(q k^T / sqrt(d)) v with rotated q and k."""

    def __init__(self, width: int, heads: int, positions: Positions, *, qk_norm: bool = False) -> None:
        """Position options decide whether this block learns rotary frequencies; qk_norm normalises q and k per head."""
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)
        self.q_norm: nn.Module = nn.LayerNorm(width // heads) if qk_norm else nn.Identity()
        self.k_norm: nn.Module = nn.LayerNorm(width // heads) if qk_norm else nn.Identity()
        if positions.mixed:
            self.rope_mixed_freqs = positions.learned(heads, width // heads)

    def forward(self, x_MD: Tensor, at: Packing, turn: Turn | None, context: Context | None = None) -> Tensor:
        """Attend among the tokens of each sample, or to its context; where that is empty the answer is zero."""
        source, beside, other = (x_MD, at, turn) if context is None else (context.tokens, context.at, context.turn)
        q = self.q_norm(self._split(self.q(x_MD)))
        k = self.k_norm(self._split(self.k(source)))
        v = self._split(self.v(source))
        if turn is not None and other is not None:
            q, k = rotate(q, turn), rotate(k, other)
        out_MD = self._attend(q, k, v, at, beside)
        answer: Tensor = self.proj(out_MD)
        return answer

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, at: Packing, beside: Packing) -> Tensor:
        if not beside.total:
            return torch.zeros_like(q).flatten(1)
        pairs = ((at, q), (beside, k), (beside, v.to(k.dtype)))
        q_BHLd, k_BHLd, v_BHLd = (packing.pad(rows).transpose(1, 2) for packing, rows in pairs)
        out_BHLd = scaled_dot_product_attention(q_BHLd, k_BHLd, v_BHLd, attn_mask=beside.key_mask)
        out_MD = at.unpad(out_BHLd.transpose(1, 2)).flatten(1)
        return out_MD * at.spread(beside.count > 0)[:, None] if beside.has_empty else out_MD

    def _split(self, x_MD: Tensor) -> Tensor:
        return x_MD.view(len(x_MD), self.heads, x_MD.shape[1] // self.heads)
