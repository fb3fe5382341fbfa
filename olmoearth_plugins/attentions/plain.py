"""Attention written out: slow, takes memory for all pairs, and has no kernel in it that could be wrong.

To compare with, on a new device or precision.
"""

# M packed tokens, K packed keys, B samples, L longest sample, H heads, d head width
from __future__ import annotations

from torch import Tensor

from olmoearth_core.interfaces.parts import Attend, PackedRows


def plain() -> Attend:
    """Compute all scores in float32 and softmax them."""
    return attend


def attend(q_MHd: Tensor, k_KHd: Tensor, v_KHd: Tensor, queries: PackedRows, keys: PackedRows) -> Tensor:
    """Return [M,H,d]."""
    q_BHLd = queries.pad(q_MHd).transpose(1, 2).float()
    k_BHLd, v_BHLd = (keys.pad(rows).transpose(1, 2).float() for rows in (k_KHd, v_KHd))
    scores = q_BHLd @ k_BHLd.mT * q_BHLd.shape[-1] ** -0.5
    if keys.key_mask is not None:
        scores = scores.masked_fill(~keys.key_mask, float("-inf"))
    return queries.unpad((scores.softmax(-1) @ v_BHLd).transpose(1, 2)).to(q_MHd.dtype)
