"""How many, and which: rounding that does not depend on the last bit, and order by lot.

Shares are rounded as exact fractions would be: 100 * 0.29 is 29, although the float product is 28.999.
"""

# B samples, N candidates
from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_SLACK = 1e-6


def floor(count: Tensor, ratio: float | Tensor) -> Tensor:
    """Return the whole part of count * ratio, int64."""
    return torch.floor(count.double() * ratio + _SLACK).long()


def ceil(count: Tensor, ratio: float | Tensor) -> Tensor:
    """Return count * ratio rounded up, int64."""
    return torch.ceil(count.double() * ratio - _SLACK).long()


def rank(lots_BN: Tensor, eligible_BN: Tensor) -> Tensor:
    """Return the place of each candidate when the eligible ones are put in the order of their lots, int64 [B,N].

    Those that are not eligible come last. Lots lie in [0, 1); equal ones keep their order.
    """
    num = lots_BN.shape[-1]
    places = torch.arange(num, device=lots_BN.device)
    # Sorting whole numbers that carry their own place is more than twice as fast as a stable argsort of floats.
    bits = max(num - 1, 1).bit_length()
    last = 1 << (62 - bits)
    keys_BN = ((lots_BN * last).long().masked_fill(~eligible_BN, last) << bits) | places
    order_BN = _sorted(keys_BN) & ((1 << bits) - 1)
    return torch.empty_like(order_BN).scatter_(-1, order_BN, places.expand_as(order_BN))


def _sorted(keys_BN: Tensor) -> Tensor:
    if keys_BN.device.type != "cpu":
        return keys_BN.sort(dim=-1).values
    return torch.from_numpy(np.sort(keys_BN.numpy(), axis=-1))
