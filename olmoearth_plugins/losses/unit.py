"""Vectors of length one, and what is compared of them, always in float32."""

# N tokens, D width
from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize


def unit(x: Tensor) -> Tensor:
    """Return x [..., D] scaled to length 1, float32; zero stays zero."""
    return normalize(x.float(), dim=-1)


def standardise(x_BND: Tensor, valid_BN: Tensor) -> Tensor:
    """Bring each channel to mean 0 and standard deviation 1 over the valid tokens of the batch (unbiased, + 1e-4).

    With fewer than two tokens there is nothing to estimate, and x is returned as it is.
    """
    weight = valid_BN[..., None].to(x_BND.dtype)
    total = weight.sum()
    mean = (x_BND * weight).sum((0, 1)) / total.clamp(min=1)
    variance = ((x_BND - mean).square() * weight).sum((0, 1)) / (total - 1).clamp(min=1)
    std = torch.where(variance > 0, variance, 1).sqrt() * (variance > 0)
    return torch.where(total > 1, (x_BND - mean) / (std + 1e-4), x_BND)
