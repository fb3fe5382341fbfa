"""Presence is often an expanded view (an axis along which nothing varies); work on it while it is small."""

# B samples, H W pixels, T steps, C bands
from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def narrow(presence: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Keep one entry of every axis that is an expanded view, axis 0 excepted; a view that broadcasts to the original.

    axes: only these; None = all.
    """
    for axis, stride in enumerate(presence.stride()):
        if axis > 0 and stride == 0 and presence.shape[axis] > 1 and (axes is None or axis in axes):
            presence = presence.narrow(axis, 0, 1)
    return presence


def beside(per_sample: Tensor, like: Tensor) -> Tensor:
    """Give per-sample values [B,...] trailing axes of size 1, so that they broadcast to `like`."""
    return per_sample.reshape(*per_sample.shape, *[1] * (like.dim() - per_sample.dim()))
