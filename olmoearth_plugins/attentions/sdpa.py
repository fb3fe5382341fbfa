"""PyTorch's fused attention: no mask where all samples are equally long, a broadcast key mask elsewhere."""

# M packed tokens, K packed keys, B samples, L longest sample, H heads, d head width
from __future__ import annotations

from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from olmoearth_core.interfaces.parts import Attend, PackedRows


def sdpa() -> Attend:
    """Pad inside the kernel only; the mask is [B,1,1,L], never [B,H,L,L]."""
    return attend


def attend(q_MHd: Tensor, k_KHd: Tensor, v_KHd: Tensor, queries: PackedRows, keys: PackedRows) -> Tensor:
    """Return [M,H,d]."""
    q_BHLd = queries.pad(q_MHd).transpose(1, 2)
    k_BHLd, v_BHLd = (keys.pad(rows).transpose(1, 2) for rows in (k_KHd, v_KHd))
    out_BHLd = scaled_dot_product_attention(q_BHLd, k_BHLd, v_BHLd, attn_mask=keys.key_mask)
    return queries.unpad(out_BHLd.transpose(1, 2))
