"""Vectors of length one, and channels of mean 0 and deviation 1, always in float32."""

# n tokens, D width
from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize


def unit(x: Tensor) -> Tensor:
    """Return x [..., D] scaled to length 1, float32; zero stays zero."""
    return normalize(x.float(), dim=-1)


def standardise(x_nD: Tensor) -> Tensor:
    """Bring each channel to mean 0 and standard deviation 1 over the tokens (unbiased, + 1e-4).

    With fewer than two tokens there is nothing to estimate, and x is returned as it is.
    """
    if len(x_nD) < 2:
        return x_nD
    off = x_nD - x_nD.mean(0)
    variance = off.square().sum(0) / (len(x_nD) - 1)
    std = torch.where(variance > 0, variance, 1).sqrt() * (variance > 0)
    return off / (std + 1e-4)
