"""PyTorch's fused attention: no mask where all samples are equally long, a broadcast key mask elsewhere."""

# M packed tokens, K packed keys, B samples, L longest sample, H heads, d head width
from __future__ import annotations

from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from olmoearth_core.interfaces.parts import Attend, PackedRows
from olmoearth_plugins.blocks import bf16_attention


def sdpa() -> Attend:
    """Pad inside the kernel only; the mask is [B,1,1,L], never [B,H,L,L]."""
    return attend


def attend(q_MHd: Tensor, k_KHd: Tensor, v_KHd: Tensor, queries: PackedRows, keys: PackedRows) -> Tensor:
    """Return [M,H,d]."""
    q_BLHd, k_BLHd, v_BLHd = queries.pad(q_MHd), keys.pad(k_KHd), keys.pad(v_KHd)
    if keys.key_mask is None and bf16_attention.pays(q_BLHd):
        return queries.unpad(bf16_attention.attend(q_BLHd, k_BLHd, v_BLHd))
    q_BHLd, k_BHLd, v_BHLd = (x.transpose(1, 2) for x in (q_BLHd, k_BLHd, v_BLHd))
    out_BHLd = scaled_dot_product_attention(q_BHLd, k_BHLd, v_BHLd, attn_mask=keys.key_mask)
    return queries.unpad(out_BHLd.transpose(1, 2))
