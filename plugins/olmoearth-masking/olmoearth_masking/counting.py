"""How many, and which: rounding that does not depend on the last bit, and order by lot.

Shares are rounded as exact fractions would be: 100 * 0.29 is 29, although the float product is 28.999.
"""

# B samples, N candidates
from __future__ import annotations

import torch
from torch import Tensor

_SLACK = 1e-6


def floor(count: Tensor, ratio: float) -> Tensor:
    """Return the whole part of count * ratio, int64."""
    return torch.floor(count.double() * ratio + _SLACK).long()


def ceil(count: Tensor, ratio: float) -> Tensor:
    """Return count * ratio rounded up, int64."""
    return torch.ceil(count.double() * ratio - _SLACK).long()


def rank(lots_BN: Tensor, eligible_BN: Tensor) -> Tensor:
    """Return the place of each candidate when the eligible ones are put in the order of their lots, int64 [B,N].

    Those that are not eligible come last.
    """
    order = torch.argsort(lots_BN.masked_fill(~eligible_BN, 2.0), dim=-1, stable=True)
    places = torch.arange(lots_BN.shape[-1], device=lots_BN.device).expand_as(order)
    return torch.empty_like(order).scatter_(-1, order, places)
