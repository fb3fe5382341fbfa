"""Learned pooling: queries look at a group of tokens and answer with one token (spec/model.md 10.2).

The queries are the same for every group, so scores and weighted sums are taken of the tokens themselves and projected
afterwards: the numbers of attention over projected keys and values, with one projection per group instead of one per
token. The bias of the keys moves all scores of a group alike and so has no effect; it exists for the checkpoints.
"""

# G groups, R tokens of a group, D width, A = H d width inside, H heads, Q queries
from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.blocks.block import Mlp

HEAD_WIDTH = 64
"""Features per head where the number of heads is left open."""


class AttentionPool(nn.Module):
    """softmax(q k^T / sqrt(d)) v with learned q, per group; several answers are mixed by a learned gate."""

    def __init__(
        self,
        width: int,
        *,
        attention_width: int | None = None,
        heads: int | None = None,
        num_queries: int = 1,
        mlp_ratio: float | None = None,
        use_mlp: bool = False,
    ) -> None:
        """attention_width: of queries, keys and values, None = width. heads: None = one per 64 features.

        mlp_ratio: hidden width of the MLP behind the answer in units of width, None = 1. use_mlp: whether it is used;
        its weights exist in any case, as in the reference.

        Raises:
            ConfigError: a width that heads cannot share, or fewer than one query.
        """
        super().__init__()
        inner = attention_width or width
        self.heads = check_pool(inner, heads, num_queries, mlp_ratio)
        self.query_tokens = nn.Parameter(nn.init.trunc_normal_(torch.empty(num_queries, inner), std=0.02))
        self.kv = nn.Linear(width, 2 * inner)
        nn.init.trunc_normal_(self.kv.weight, std=0.02)
        nn.init.zeros_(self.kv.bias)
        self.use_mlp = use_mlp
        self.out_layer = Mlp(inner, int(width * (1 if mlp_ratio is None else mlp_ratio)))
        self.out_norm = nn.LayerNorm(inner)
        self.gate = nn.Linear(inner, 1, bias=False) if num_queries > 1 else None
        if self.gate is not None:
            nn.init.zeros_(self.gate.weight)
        self.out_proj = nn.Linear(inner, width) if inner != width else None

    def forward(self, tokens_GRD: Tensor, seen_GR: Tensor | None = None) -> Tensor:
        """Return [G,D]; zero for a group of which nothing is seen. seen_GR: bool, None = everything is."""
        out_GQA = self._answers(tokens_GRD, seen_GR)
        out_GA = out_GQA[:, 0] if self.gate is None else self._mix(out_GQA, self.gate)
        if self.use_mlp:
            out_GA = self.out_norm(self.out_layer(out_GA))
        out_GD = out_GA if self.out_proj is None else self.out_proj(out_GA)
        return out_GD if seen_GR is None else out_GD * seen_GR.any(1, keepdim=True)

    def _answers(self, tokens_GRD: Tensor, seen_GR: Tensor | None) -> Tensor:
        """Return what each query is told, [G,Q,A]."""
        queries, inner = self.query_tokens.shape
        heads, width = self.heads, inner // self.heads
        key_HdD, value_HdD = self.kv.weight.view(2, heads, width, -1)
        asked_QHd = self.query_tokens.view(queries, heads, width) * width**-0.5
        scores_GRX = tokens_GRD @ torch.einsum("qhd,hdi->iqh", asked_QHd, key_HdD).flatten(1)
        if seen_GR is not None:
            scores_GRX = scores_GRX.masked_fill(~seen_GR[..., None], torch.finfo(scores_GRX.dtype).min)
        mixed_GXD = scores_GRX.softmax(1).mT @ tokens_GRD
        mixed_GQHD = mixed_GXD.view(len(mixed_GXD), queries, heads, -1)
        return torch.einsum("gqhi,hdi->gqhd", mixed_GQHD, value_HdD).flatten(2) + self.kv.bias[inner:]

    def _mix(self, out_GQA: Tensor, gate: nn.Linear) -> Tensor:
        share_GQ1: Tensor = gate(layer_norm(out_GQA, out_GQA.shape[-1:])).softmax(1)
        return (share_GQ1 * out_GQA).sum(1)


def check_pool(width: int, heads: int | None, num_queries: int, mlp_ratio: float | None) -> int:
    """Return the number of heads that share a width.

    Raises:
        ConfigError: they cannot, or there are fewer than one query, or the MLP would have no width.
    """
    number = width // HEAD_WIDTH if heads is None else heads
    if number < 1 or width % number or (heads is None and width % HEAD_WIDTH):
        wanted = f"{HEAD_WIDTH} (or set num_attn_pool_heads)" if heads is None else f"num_attn_pool_heads {heads}"
        raise ConfigError(
            f"encoder_config: attention pooling has width {width}, which must be a positive multiple of {wanted}."
        )
    if num_queries < 1 or (mlp_ratio is not None and mlp_ratio <= 0):
        raise ConfigError(
            f"encoder_config: num_queries {num_queries} must be at least 1, attn_pool_mlp_ratio {mlp_ratio} above 0."
        )
    return number
