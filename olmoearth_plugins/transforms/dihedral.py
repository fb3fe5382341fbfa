"""The eight ways to lay a square on itself, as tables of where each pixel comes from.

All samples of a batch are turned in one gather, each in its own way.
"""

# B samples, H W pixels, T steps, C bands, N = H * W
from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

ELEMENTS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x_HW: x_HW,
    "rotate_90": lambda x_HW: x_HW.rot90(1),
    "rotate_180": lambda x_HW: x_HW.rot90(2),
    "rotate_270": lambda x_HW: x_HW.rot90(3),
    "hflip": lambda x_HW: x_HW.flip(1),
    "vflip": lambda x_HW: x_HW.flip(0),
    "hflip_rotate_90": lambda x_HW: x_HW.rot90(1).flip(1),
    "vflip_rotate_90": lambda x_HW: x_HW.rot90(1).flip(0),
}
"""In the order from which the reference draws.

Rotations are counter-clockwise, hflip swaps left and right; the last two are the anti-transpose and the transpose.
"""
NAMES = tuple(ELEMENTS)


def turned(array: Tensor, element_B: Tensor) -> Tensor:
    """Turn the square images of a batch.

    array: [B,H,H,T,C], any dtype. element_B: places in `NAMES`, int64.
    """
    batch, side = array.shape[:2]
    first_B1 = torch.arange(batch, device=array.device)[:, None] * side**2
    from_BN = _sources(side).to(array.device)[element_B] + first_B1
    return array.flatten(0, 2).index_select(0, from_BN.flatten()).view(array.shape)


@functools.lru_cache(maxsize=32)
def _sources(side: int) -> Tensor:
    """Flat place that each pixel of a turned image comes from, int64 [8,N]."""
    places_HW = torch.arange(side**2).view(side, side)
    return torch.stack([turn(places_HW).flatten() for turn in ELEMENTS.values()])
