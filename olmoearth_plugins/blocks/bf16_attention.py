"""Attention in bfloat16 on a CPU whose only bfloat16 instructions multiply matrices.

There PyTorch's fused kernel is slower than in float32, because its small products do not use them. Here a few rows of
scores at a time are made, softmaxed and used while they are in the cache, by products large enough to be fast.
Scores are rounded to bfloat16; keys are centred first, which softmax does not see, so that scores are small.
"""

# B samples, L queries, S keys, H heads, d head width
from __future__ import annotations

from functools import cache
from itertools import product

import torch
from torch import Tensor

SCORES = 2**18
"""Scores at a time: half a MiB, and as much for their softmax."""


def pays(q_BLHd: Tensor) -> bool:
    """Whether this is faster than the fused kernel here: without gradients, without tiles of its own for bfloat16."""
    return (
        q_BLHd.dtype == torch.bfloat16
        and q_BLHd.device.type == "cpu"
        and not torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
        and _products_only()
    )


def attend(q_BLHd: Tensor, k_BSHd: Tensor, v_BSHd: Tensor) -> Tensor:
    """Return softmax(q k^T / sqrt(d)) v, [B,L,H,d]."""
    centred = (k_BSHd - k_BSHd.mean(dim=1, keepdim=True, dtype=torch.float32)) * q_BLHd.shape[-1] ** -0.5
    k_BHdS = centred.to(q_BLHd.dtype).permute(0, 2, 3, 1)
    out_BLHd = torch.empty_like(q_BLHd)
    queries = q_BLHd.shape[1]
    parts = max(1, -(-queries * k_BSHd.shape[1] // SCORES))
    step = max(16, -(-queries // parts))
    # One head of one sample after the other: each product then fills the cache, and none is small.
    for sample, head in product(range(len(q_BLHd)), range(q_BLHd.shape[2])):
        k_dS, v_Sd = k_BHdS[sample, head], v_BSHd[sample, :, head]
        split = (torch.split(x_BLHd[sample, :, head], step) for x_BLHd in (q_BLHd, out_BLHd))
        for q_Ld, out_Ld in zip(*split, strict=True):
            torch.mm(torch.softmax(q_Ld @ k_dS, dim=-1), v_Sd, out=out_Ld)
    return out_BLHd


@cache
def _products_only() -> bool:
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16")) and not able.get("amx_bf16")
