"""The resized patches of a batch, a few neighbours at a time, each resized from just the pixels it needs."""

# B samples, H W pixels, R C rows and columns of patches in a tile, T steps, P pixels of a base patch, K bands
from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from olmoearth_plugins.blocks.pieces import Piece, pieces
from olmoearth_plugins.blocks.resize import NOTHING, axis_weights


def tiles(array_BHWTK: Tensor, rows: int, columns: int, side: int, patches: int) -> Iterator[tuple[Piece, Tensor]]:
    """Cut images into rows x columns patches and yield blocks of about `patches` of them.

    side: pixels along a base patch, to which patches are resized. A block is float32 [B*R*C*T, P, K], row-major.
    """
    samples = len(array_BHWTK)
    for piece in pieces(samples, rows, columns, patches):
        yield piece, _tile(array_BHWTK[piece[0]], (rows, columns), piece, side)


def _tile(array_BHWTK: Tensor, grid: tuple[int, int], piece: Piece, side: int) -> Tensor:
    (top, down), (left, right) = (
        _window(array_BHWTK.shape[1 + axis], grid[axis], side, part) for axis, part in enumerate(piece[1:])
    )
    window = array_BHWTK[:, top[0] : top[1], left[0] : left[1]].float()
    samples, _, _, steps, bands = window.shape
    rows, columns = (part.stop - part.start for part in piece[1:])
    with torch.autocast(window.device.type, enabled=False):
        if down is not None:
            window = _on(down, window) @ window.reshape(samples, window.shape[1], -1)
            window = window.view(samples, rows * side, -1, steps, bands)
        if right is not None:
            window = _on(right, window) @ window.reshape(samples * rows * side, window.shape[2], -1)
    cut = window.reshape(samples, rows, side, columns, side, steps, bands)
    return cut.permute(0, 1, 3, 5, 2, 4, 6).reshape(-1, side * side, bands)


def _on(weights: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(weights).to(like.device, non_blocking=True)


@lru_cache(maxsize=4096)
def _windows(length: int, count: int, side: int) -> tuple[tuple[int, int], ...]:
    """Pixels [start, stop) that each patch of an axis depends on."""
    used = np.abs(axis_weights(length, count * side)).reshape(count, side, length).max(axis=1) > NOTHING
    return tuple(zip(used.argmax(1).tolist(), (length - used[:, ::-1].argmax(1)).tolist(), strict=True))


def _window(length: int, count: int, side: int, part: slice) -> tuple[tuple[int, int], np.ndarray | None]:
    """Pixels that some patches of an axis depend on, and the weights that resize them; None = nothing to do."""
    if length == count * side:
        return (part.start * side, part.stop * side), None
    windows = _windows(length, count, side)
    start, stop = windows[part.start][0], windows[part.stop - 1][1]
    weights = axis_weights(length, count * side)[part.start * side : part.stop * side, start:stop]
    return (start, stop), np.ascontiguousarray(weights)
