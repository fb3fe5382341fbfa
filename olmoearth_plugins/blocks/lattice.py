"""The grid of places at which a pooler asks what is there: one or more queries per patch.

Queries lie patch after patch and row by row within a patch, so that those of a patch are neighbours in memory;
`grid` lays them out as a picture.
"""

# B samples, Q queries of a sample, R C rows and columns of queries, A rotary axes
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.data.tokens import TokenLayout
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.parts import PositionEncoding


@dataclass(frozen=True)
class Lattice:
    """cells: rows and columns of patches. per_side: queries along a side of a patch."""

    cells: tuple[int, int]
    per_side: int

    @property
    def size(self) -> int:
        """Number of queries of a sample, Q."""
        return self.cells[0] * self.cells[1] * self.per_side**2

    def coordinates(self, encoding: PositionEncoding, ground: float, device: torch.device) -> Tensor:
        """Return row and column of each query as rotary coordinates, float32 [Q,2]; a patch is `ground` * 10 m wide.

        With one query per patch these are the coordinates of its tokens; more share the patch's area evenly.
        """
        per_axis = [((torch.arange(n * self.per_side) + 0.5) / self.per_side - 0.5) * ground for n in self.cells]
        rows, columns = (x.view(-1, self.per_side) for x in per_axis)
        row_Q = rows[:, None, :, None].expand(*self.cells, self.per_side, self.per_side).flatten()
        column_Q = columns[None, :, None, :].expand(*self.cells, self.per_side, self.per_side).flatten()
        found_QA = encoding.coordinates(torch.zeros_like(row_Q), row_Q, column_Q)
        return found_QA[:, -2:].to(device, non_blocking=True)

    def grid(self, queries: Tensor) -> Tensor:
        """Lay [B*Q, ...] out as [B, R, C, ...]."""
        rows, columns = self.cells
        rest = queries.shape[1:]
        blocks = queries.view(-1, rows, columns, self.per_side, self.per_side, *rest).transpose(2, 3)
        return blocks.reshape(-1, rows * self.per_side, columns * self.per_side, *rest)


def lattice(layout: TokenLayout, patch_size: int, query_patch_size: int | None) -> Lattice:
    """Ask at every patch of a batch; with a query patch size at every square of so many pixels.

    Raises:
        ConfigError: a query patch size that does not divide the patch size.
        DataError: there is no grid of patches.
    """
    cells = next(((s.grid[0], s.grid[1]) for s in layout.segments if s.kind in ("space", "space_time")), None)
    if cells is None:
        raise DataError(f"an attention pooler needs a spatial modality, but the batch holds {list(layout.names)}.")
    asked = patch_size if query_patch_size is None else query_patch_size
    if asked < 1 or patch_size % asked:
        raise ConfigError(f"location_query_patch_size {asked} must divide patch_size {patch_size}.")
    return Lattice(cells, patch_size // asked)
