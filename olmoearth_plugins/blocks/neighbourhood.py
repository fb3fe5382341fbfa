"""Attention inside a box of cells: tokens of a patch see only those of the patches around theirs.

The box has the same size everywhere; near the edge of the grid it is shifted inward, never cut. A few neighbouring
cells (a tile) share the keys of all their boxes under a small mask, and some tiles are computed at a time, so memory
grows with the number of cells and time hardly beyond what the boxes need.
"""

# C cells, W cells along a box, T tiles, I cells of a tile, J cells that a tile sees, Q queries and K keys of a cell,
# H heads, d head width
from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from olmoearth_core.interfaces.parts import Attend, PackedRows
from olmoearth_plugins.blocks.rows import Rows

TILE = (2, 4)
"""Rows and columns of cells that share keys: fewer copy each key too often, more attend to too many in vain."""


def box_starts(cells: int, width: int) -> list[int]:
    """Return the first cell of the box of each cell along an axis: clamp(i - floor(width / 2), 0, cells - width)."""
    return [min(max(i - width // 2, 0), cells - width) for i in range(cells)]


class Cells(Rows):
    """The rows of one sample, cell after cell of a grid, equally many in each; they attend inside a box of cells."""

    def __init__(self, grid: tuple[int, int], per_cell: int, box: int, chunk_bytes: int, device: torch.device) -> None:
        """grid: rows and columns of cells. box: cells along a box. chunk_bytes: keys and values held at a time."""
        super().__init__((grid[0] * grid[1] * per_cell,), device)
        self.grid, self.per_cell, self.box, self.chunk_bytes = grid, per_cell, box, chunk_bytes

    def holding(self, per_cell: int) -> Cells:
        """Return rows with another number per cell of the same grid."""
        return Cells(self.grid, per_cell, self.box, self.chunk_bytes, self.device)

    @cached_property
    def tiles(self) -> tuple[Tensor, Tensor, Tensor]:
        """Cells of each tile [T,I], cells that any of them sees [T,J], and who sees which, bool [T,I,J]."""
        own, near, sees = zip(*(_axis(n, self.box, t) for n, t in zip(self.grid, TILE, strict=True)), strict=True)
        flat = [
            (rows[:, None, :, None] * self.grid[1] + columns[None, :, None, :]).flatten(2).flatten(0, 1)
            for rows, columns in (own, near)
        ]
        both = sees[0][:, None, :, None, :, None] & sees[1][None, :, None, :, None, :]
        parts = (*flat, both.reshape(*flat[0].shape, flat[1].shape[1]))
        return tuple(x.to(self.device, non_blocking=True) for x in parts)

    @property
    def attend(self) -> Attend:
        """Attention of queries in cells of the same grid to these rows, each inside its box."""
        return self._in_boxes

    def _in_boxes(self, q_MHd: Tensor, k_KHd: Tensor, v_KHd: Tensor, queries: PackedRows, keys: PackedRows) -> Tensor:
        if self.grid == (self.box, self.box):
            return _attend(q_MHd[None], k_KHd[None], v_KHd[None], None)[0]
        cells = self.grid[0] * self.grid[1]
        q_CQHd, k_CKHd, v_CKHd = (x.view(cells, -1, *x.shape[1:]) for x in (q_MHd, k_KHd, v_KHd))
        own_TI, near_TJ, sees_TIJ = self.tiles
        out_CQHd = torch.empty_like(q_CQHd)
        heavy = 2 * near_TJ.shape[1] * k_CKHd[0].numel() * k_CKHd.element_size()
        step = max(1, self.chunk_bytes // heavy)
        for own, near, sees in zip(*(torch.split(x, step) for x in (own_TI, near_TJ, sees_TIJ)), strict=True):
            mask = sees.repeat_interleave(q_CQHd.shape[1], 1).repeat_interleave(self.per_cell, 2)
            tile = _attend(_gather(q_CQHd, own), _gather(k_CKHd, near), _gather(v_CKHd, near), mask[:, None])
            out_CQHd[own.flatten()] = tile.reshape(-1, *out_CQHd.shape[1:])
        return out_CQHd.flatten(0, 1)


def _axis(cells: int, box: int, tile: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return, along one axis, the cells of each tile [T,I], those it sees [T,J] and who sees which [T,I,J].

    Behind the end the last tile repeats its last cell.
    """
    start = torch.tensor(box_starts(cells, box))
    own = (torch.arange(0, cells, tile)[:, None] + torch.arange(tile)).clamp(max=cells - 1)
    length = min(tile + box - 1, cells)
    near = start[own[:, :1]].clamp(max=cells - length) + torch.arange(length)
    offset = near[:, None, :] - start[own][:, :, None]
    return own, near, (offset >= 0) & (offset < box)


def _gather(x_CKHd: Tensor, cells_TJ: Tensor) -> Tensor:
    return x_CKHd.index_select(0, cells_TJ.flatten()).view(len(cells_TJ), -1, *x_CKHd.shape[2:])


def _attend(q_BQHd: Tensor, k_BKHd: Tensor, v_BKHd: Tensor, mask: Tensor | None) -> Tensor:
    q, k, v = q_BQHd.transpose(1, 2), k_BKHd.transpose(1, 2), v_BKHd.transpose(1, 2)
    return scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2)
