"""Whom a sample is mixed with: the one half a batch away.

Ranks take every D-th row of a global batch of G, so half of an even rank batch away is G / 2 rows away in the global
batch, on any number of ranks. With an odd number of samples per rank the partner depends on the number of ranks; a
rank batch of one sample is its own partner and stays as it is.
"""

# B samples
from __future__ import annotations

from torch import Tensor


def partner(tensor: Tensor) -> Tensor:
    """Return the partner's rows, [B,...]."""
    return tensor.roll(-(len(tensor) // 2), 0)
