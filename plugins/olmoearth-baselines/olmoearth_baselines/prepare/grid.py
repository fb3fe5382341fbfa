"""Image sizes and patch grids: everything is resized with bilinear weights, corners not aligned."""

# N frames, B samples, C bands, H W pixels, h w patches, L tokens, D width
from __future__ import annotations

import math

from torch import Tensor
from torch.nn.functional import interpolate

from olmoearth_core.errors import ConfigError, DataError

POOLINGS = ("mean", "max", "center")


def resized(values_NCHW: Tensor, side: int) -> Tensor:
    """Return images of side x side pixels."""
    if values_NCHW.shape[-2:] == (side, side):
        return values_NCHW
    return interpolate(values_NCHW, size=(side, side), mode="bilinear", align_corners=False)


def square(tokens_NLD: Tensor) -> Tensor:
    """Return tokens in rows [N,h,h,D]; their number must be a square."""
    side = math.isqrt(tokens_NLD.shape[1])
    return tokens_NLD.reshape(len(tokens_NLD), side, side, -1)


def regridded(grid_BhwD: Tensor, height: int, width: int, patch_size: int) -> Tensor:
    """Return features on the task's grid [B,H/patch_size,W/patch_size,D].

    height, width: of the samples, in pixels.

    Raises:
        DataError: the patch size does not divide them.
    """
    if height % patch_size or width % patch_size:
        raise DataError(
            f"Samples of {height} x {width} pixels cannot be cut into patches of {patch_size}. "
            "Choose a patch size that divides them."
        )
    size = (height // patch_size, width // patch_size)
    if grid_BhwD.shape[1:3] == size:
        return grid_BhwD
    return interpolate(grid_BhwD.movedim(-1, 1), size=size, mode="bilinear", align_corners=False).movedim(1, -1)


def pooled(grid_BhwD: Tensor, pooling: str) -> Tensor:
    """Return one vector per sample [B,D]: mean, max, or the patch in the middle (of an even number the later one)."""
    if pooling == "center":
        return grid_BhwD[:, grid_BhwD.shape[1] // 2, grid_BhwD.shape[2] // 2]
    return grid_BhwD.amax((1, 2)) if pooling == "max" else grid_BhwD.mean((1, 2))


def checked(pooling: str, *, grid: bool) -> str:
    """Return the name of a pooling.

    Raises:
        ConfigError: no such pooling, or one that makes no sense for features on a grid.
    """
    if pooling not in POOLINGS or (grid and pooling == "center"):
        expected = POOLINGS[:2] if grid else POOLINGS
        raise ConfigError(f'pooling: found "{pooling}", expected one of {", ".join(expected)}.')
    return pooling
