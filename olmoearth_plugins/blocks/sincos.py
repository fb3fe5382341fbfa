"""Additive sine-cosine codes of numbers and of places on a grid.

The frequencies fall as 10000 ** (-i / (2 width)), which spans a decade only, and columns come before rows: the
official weights were trained with these, so they stay, under a name that says so.
"""

# M tokens
from __future__ import annotations

import torch
from torch import Tensor


def legacy_sincos(number_M: Tensor, width: int) -> Tensor:
    """Return float32 [M,width]: all sines, then all cosines."""
    order = torch.arange(width // 2, dtype=torch.float32, device=number_M.device)
    angle = number_M.float()[:, None] * 10000 ** (-order / (2 * width))
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def legacy_sincos_grid(x_M: Tensor, y_M: Tensor, width: int) -> Tensor:
    """Return float32 [M,width]: the code of x (columns) in the first half, that of y (rows) in the second."""
    return torch.cat([legacy_sincos(x_M, width // 2), legacy_sincos(y_M, width // 2)], dim=1)
