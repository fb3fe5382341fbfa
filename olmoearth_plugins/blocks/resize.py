"""Enlarge or shrink images so that a requested patch fills the patch the weights were made for.

Bicubic interpolation with antialiasing is linear and separable: one small matrix per axis, taken from torch's own
`interpolate`, so values agree with it and matrix products do the work.
"""

# B samples, H W pixels in, R C pixels out, T steps, K bands
from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

NOTHING = 1e-9
"""Weights up to this are rounding errors of zero."""


def resize(images_BHWTK: Tensor, rows: int, columns: int) -> Tensor:
    """Return float32 [B,rows,columns,T,K], as interpolate(mode="bicubic", antialias=True) would (to 1e-5)."""
    batch, height, width, steps, bands = images_BHWTK.shape
    with torch.autocast(images_BHWTK.device.type, enabled=False):
        flat = images_BHWTK.float()
        if rows != height:
            flat = _matrix(height, rows, flat.device) @ flat.reshape(batch, height, -1)
        if columns != width:
            flat = _matrix(width, columns, flat.device) @ flat.reshape(batch * rows, width, -1)
    return flat.reshape(batch, rows, columns, steps, bands)


def _matrix(length: int, wanted: int, device: torch.device) -> Tensor:
    return torch.from_numpy(axis_weights(length, wanted)).to(device, non_blocking=True)


@lru_cache(maxsize=256)
def axis_weights(length: int, wanted: int) -> np.ndarray:
    """Weights [wanted, length] of one axis: the answer to a unit impulse at each pixel."""
    impulses = torch.eye(length, dtype=torch.float64, device="cpu")[None, None]
    answers = interpolate(impulses, size=(wanted, length), mode="bicubic", antialias=True)
    return np.ascontiguousarray(answers[0, 0].float().numpy())
