"""Learned pooling: queries that attend to the visible tokens of a sample or of a patch."""

# B samples, P places (samples, or patches), K tokens, Q queries, H heads, d head width, D width
from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Tokens
from olmoearth_core.interfaces.parts import Pooling
from olmoearth_plugins.blocks.scopes import parts


def attention(
    *, width: int, num_heads: int = 1, num_queries: int = 1, scope: Literal["instance", "grid"] = "instance"
) -> Pooling:
    """Let learned queries attend to the visible tokens and average their answers; zero where there is nothing.

    width: of the tokens. num_heads: attention heads; they share the width. num_queries: how many learned queries.
    scope: instance = one vector per sample, grid = one per patch.
    Source: Lee et al. 2019, "Set Transformer" (pooling by multi-head attention).

    Raises:
        ConfigError: heads that do not share the width, or no query.
    """
    if width < 1 or num_heads < 1 or width % num_heads or num_queries < 1:
        raise ConfigError(
            f"attention pooling: width {width} must be a positive multiple of num_heads {num_heads}, and num_queries "
            f"{num_queries} at least 1."
        )
    return AttentionPooling(width, num_heads, num_queries, scope)


class AttentionPooling(nn.Module):
    """The pooling; its weights are trained with whatever reads its features."""

    def __init__(self, width: int, heads: int, queries: int, scope: Literal["instance", "grid"]) -> None:
        """Arguments as the factory documents them."""
        super().__init__()
        self.heads, self.scope = heads, scope
        self.query_tokens = nn.Parameter(nn.init.trunc_normal_(torch.empty(queries, width), std=0.02))
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tokens) -> Tensor:
        """Return [B,D] or [B,H,W,D]."""
        found = list(parts(tokens, self.scope))
        x, seen = torch.cat([t for t, _ in found], -2), torch.cat([v for _, v in found], -2)
        x_PKD, seen_PK = x.flatten(0, -3), seen.flatten(0, -3)[..., 0]
        there_P = seen_PK.any(-1)
        split = (self.heads, x.shape[-1] // self.heads)
        k, v = (part.reshape(*part.shape[:2], *split).transpose(1, 2) for part in self.kv(x_PKD).chunk(2, dim=-1))
        q = self.query_tokens.to(k.dtype).view(-1, *split).transpose(0, 1).expand(len(x_PKD), -1, -1, -1)
        mask = (seen_PK | ~there_P[:, None])[:, None, None, :]
        out_PQD = scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)
        pooled: Tensor = self.proj(out_PQD.mean(1)) * there_P[:, None]
        return pooled.view(*x.shape[:-2], -1)
